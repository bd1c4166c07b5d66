"""Access tokens and the limit of calls per minute."""

from __future__ import annotations

import math
import secrets
from collections import deque

TOKEN_LIFETIME_SECONDS = 86400
WINDOW_SECONDS = 60.0


class Tokens:
	"""Opaque bearer tokens, each valid for a day of the sandbox clock."""

	def __init__(self) -> None:
		self._expiry: dict[str, float] = {}

	def issue(self, now: float) -> str:
		"""A new token; `now` in seconds since the epoch."""
		self._expiry = {token: expiry for token, expiry in self._expiry.items() if expiry > now}
		token = f"sandbox.{secrets.token_urlsafe(32)}"
		self._expiry[token] = now + TOKEN_LIFETIME_SECONDS
		return token

	def valid(self, token: str, now: float) -> bool:
		"""Whether the token was issued here and has not expired."""
		return self._expiry.get(token, 0.0) > now

	def revoke_all(self) -> int:
		"""Make every token invalid at once; returns how many there were."""
		count = len(self._expiry)
		self._expiry.clear()
		return count


class RateLimit:
	"""A sliding window of one minute of the sandbox clock. Refused calls do not count."""

	def __init__(self) -> None:
		self._accepted: deque[float] = deque()

	def wait_for(self, limit: int, now: float) -> int:
		"""Count a call and return 0, or return the whole seconds until one is accepted again.

		`limit` is in calls per minute, 0 = none; `now` in seconds since the epoch.
		"""
		if not limit:
			return 0
		accepted = self._accepted
		if accepted and accepted[-1] > now:
			accepted.clear()  # the clock was put back
		while accepted and accepted[0] <= now - WINDOW_SECONDS:
			accepted.popleft()
		if len(accepted) < limit:
			accepted.append(now)
			return 0
		oldest_in_the_way = accepted[len(accepted) - limit]
		return max(1, math.ceil(oldest_in_the_way + WINDOW_SECONDS - now))

	def clear(self) -> None:
		"""Forget all calls."""
		self._accepted.clear()
