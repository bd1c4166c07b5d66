"""The sandbox's own clock, which tests and demonstrations may move."""

from __future__ import annotations

import time
from datetime import datetime, timezone


class SandboxClock:
	"""A clock that runs with the machine's, at an offset, or stands still when frozen.

	Token expiry, the rate-limit window, provisioning and commitment ends all read it, so a test moves it
	instead of sleeping.
	"""

	def __init__(self, start: datetime | None = None) -> None:
		self._offset = 0.0
		self._frozen: float | None = None
		self._start = start
		self.reset()

	def timestamp(self) -> float:
		"""Seconds since the epoch, as the sandbox sees it."""
		return time.time() + self._offset if self._frozen is None else self._frozen

	def now(self) -> datetime:
		"""The sandbox's time, aware, in UTC."""
		return datetime.fromtimestamp(self.timestamp(), timezone.utc)

	def advance(self, seconds: float) -> None:
		"""Move the clock by `seconds` (negative: back)."""
		if self._frozen is None:
			self._offset += seconds
		else:
			self._frozen += seconds

	def set(self, moment: datetime) -> None:
		"""Put the clock at `moment` (aware); it runs on from there unless frozen."""
		self.advance(moment.timestamp() - self.timestamp())

	def freeze(self, frozen: bool = True) -> None:
		"""Stop the clock, or let it run on from where it stands."""
		if frozen and self._frozen is None:
			self._frozen = self.timestamp()
		elif not frozen and self._frozen is not None:
			self._offset = self._frozen - time.time()
			self._frozen = None

	@property
	def frozen(self) -> bool:
		"""Whether the clock stands still."""
		return self._frozen is not None

	def reset(self) -> None:
		"""Back to where the clock started, running."""
		self._frozen = None
		self._offset = 0.0 if self._start is None else self._start.timestamp() - time.time()
