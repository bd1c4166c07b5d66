"""Keeping below Pax8's limit of calls.

About 1000 calls a minute is the only number known (Pax8's developer home page); whether its window slides, and whether
it counts per credential or per partner, is not documented. So the limiter keeps below it in *every* window of a minute.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

PAX8_CALLS_PER_MINUTE = 1000


class RateLimiter(Protocol):
	"""What the client needs of a limiter. One shared by all workers of a site implements the same two methods."""

	def acquire(self, priority: bool = False) -> None:
		"""Block until one call may be made. `priority` callers may use the room kept for them."""

	def penalize(self, seconds: float) -> None:
		"""Hold all calls back for `seconds`, because Pax8 answered 429."""


class TokenBucket:
	"""A `RateLimiter` for one process, safe for threads.

	The bucket holds a small burst and refills so that burst + refill stay within `per_minute` in any 60 seconds. Callers
	without priority leave a fifth of the burst alone, so that a change somebody waits for does not queue behind a sync.

	Args:
		per_minute: calls a minute, at least 1.
		burst: calls that may follow each other without a pause; default a twentieth of `per_minute`.
		reserve: part of the burst kept for priority callers; default a fifth of it.
		clock: monotonic seconds.
		sleep: called with seconds, outside the lock.

	Raises:
		ValueError: numbers that make no sense together.
	"""

	def __init__(
		self,
		per_minute: int = PAX8_CALLS_PER_MINUTE,
		*,
		burst: int | None = None,
		reserve: int | None = None,
		clock: Callable[[], float] = time.monotonic,
		sleep: Callable[[float], None] = time.sleep,
	) -> None:
		if per_minute < 1:
			raise ValueError("per_minute must be at least 1")
		self._burst = max(1, per_minute // 20) if burst is None else burst
		if not 1 <= self._burst <= per_minute:
			raise ValueError("burst must lie between 1 and per_minute")
		self._reserve = self._burst // 5 if reserve is None else reserve
		if not 0 <= self._reserve < self._burst:
			raise ValueError("reserve must be smaller than burst")
		# With burst = per_minute nothing would be left to refill with in the same minute.
		self._rate = max(per_minute - self._burst, 0.5) / 60
		self._clock = clock
		self._sleep = sleep
		self._lock = threading.Lock()
		self._tokens = float(self._burst)
		self._filled_at = clock()
		self._held_until = self._filled_at

	def acquire(self, priority: bool = False) -> None:
		"""Block until one call may be made; see `RateLimiter`."""
		while (wait := self._take(priority)) > 0:
			self._sleep(wait)

	def penalize(self, seconds: float) -> None:
		"""Hold all calls back for `seconds`, and start with an empty bucket after that; see `RateLimiter`."""
		with self._lock:
			self._refill()
			self._held_until = max(self._held_until, self._clock() + max(0.0, seconds))
			self._tokens = 0.0
			self._filled_at = max(self._filled_at, self._held_until)

	def _take(self, priority: bool) -> float:
		"""Take a token and return 0, or return the seconds after which it is worth trying again."""
		with self._lock:
			self._refill()
			held = self._held_until - self._clock()
			missing = 1 + (0 if priority else self._reserve) - self._tokens
			# Sums of floats may end a hair below a whole token.
			if held <= 0 and missing <= 1e-9:
				self._tokens -= 1
				return 0.0
			return max(max(held, 0.0) + max(missing, 0.0) / self._rate, 0.001)

	def _refill(self) -> None:
		now = self._clock()
		if now > self._filled_at:
			self._tokens = min(float(self._burst), self._tokens + (now - self._filled_at) * self._rate)
			self._filled_at = now
