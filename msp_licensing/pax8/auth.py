"""Credentials and tokens of the Pax8 API.

A token lives a day (Pax8's specification); Pax8 asks for it to be reused. It is kept in a store that the caller chooses,
so that all workers of a site can share one, and renewed shortly before it expires. Secrets are `SecretStr` everywhere,
and the `Authorization` header is set by an `httpx.Auth`, so that neither shows in a `repr`, a log or a traceback.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import httpx
from pydantic import SecretStr

_DEFAULT_LIFETIME = 3600.0
_MIN_LIFETIME, _MAX_LIFETIME = 60.0, 30 * 86400.0
# What may stand in a header: anything else would make the HTTP library complain about the token, aloud.
_HEADER_SAFE = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class Token:
	"""An access token.

	Attributes:
		value: the token, opaque.
		expires_at: end of its life, in seconds since the epoch.
		lifetime: its whole life in seconds, as Pax8 gave it.
	"""

	value: SecretStr
	expires_at: float
	lifetime: float

	def usable(self, now: float | None = None) -> bool:
		"""Return whether the token lives on long enough: max(1 s, min(60 s, a tenth of its life)) beyond `now`."""
		skew = max(1.0, min(60.0, self.lifetime / 10))
		return (time.time() if now is None else now) < self.expires_at - skew

	def dump(self) -> dict[str, Any]:
		"""Return the token as plain values **including the secret**, for a store outside the process."""
		return {
			"value": self.value.get_secret_value(),
			"expires_at": self.expires_at,
			"lifetime": self.lifetime,
		}

	@classmethod
	def load(cls, stored: Mapping[str, Any] | None) -> Token | None:
		"""Return the token that `dump` gave, or `None` when `stored` is no such thing."""
		if stored is None:
			return None
		try:
			return cls(
				SecretStr(str(stored["value"])), float(stored["expires_at"]), float(stored["lifetime"])
			)
		except (TypeError, KeyError, ValueError):
			return None


class TokenStore(Protocol):
	"""Where tokens are kept between calls. A store belongs to one set of credentials and one base URL."""

	def get(self) -> Token | None:
		"""Return the stored token, expired or not."""

	def set(self, token: Token) -> None:
		"""Store a token in place of any other."""

	def clear(self, token: Token) -> None:
		"""Forget `token`; a different one that was stored meanwhile stays."""

	def lock(self) -> AbstractContextManager[object]:
		"""Return a context manager that lets one worker at a time renew the token."""


class MemoryTokenStore:
	"""A `TokenStore` within one process."""

	def __init__(self) -> None:
		self._token: Token | None = None
		self._guard = threading.Lock()
		self._renewing = threading.Lock()

	def get(self) -> Token | None:
		"""See `TokenStore`."""
		with self._guard:
			return self._token

	def set(self, token: Token) -> None:
		"""See `TokenStore`."""
		with self._guard:
			self._token = token

	def clear(self, token: Token) -> None:
		"""See `TokenStore`."""
		with self._guard:
			if self._token == token:
				self._token = None

	def lock(self) -> AbstractContextManager[object]:
		"""See `TokenStore`."""
		return self._renewing


class BearerAuth(httpx.Auth):
	"""Puts a token on a request, as late as possible."""

	__slots__ = ("_token",)

	def __init__(self, token: Token) -> None:
		self._token = token

	def __repr__(self) -> str:
		return "<BearerAuth>"

	def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
		"""Set the header; nothing is tried again here."""
		request.headers["Authorization"] = f"Bearer {self._token.value.get_secret_value()}"
		yield request


@dataclass(frozen=True, slots=True)
class Credentials:
	"""An API credential of a Pax8 partner (Pax8 app: Integrations Hub, Credentials)."""

	client_id: str
	client_secret: SecretStr
	audience: str

	def token_request(self) -> dict[str, str]:
		"""Return the JSON body of the token request; hold it in no variable."""
		return {
			"client_id": self.client_id,
			"client_secret": self.client_secret.get_secret_value(),
			"audience": self.audience,
			"grant_type": "client_credentials",
		}


def token_from(answer: object, now: float) -> Token | None:
	"""Read the token endpoint's answer; `None` when there is no usable token in it.

	Its life is counted from `now` by this machine's clock, so that it does not matter what time it is at Pax8; a point in
	time in the answer (`expires_at`, in the guide's sample) is left alone for that reason. A missing or senseless
	`expires_in` counts as an hour, one below a minute as a minute: a token that has died meanwhile is renewed after the
	401 it gets, while one that was taken for dead would cost a request for each call.
	"""
	if not isinstance(answer, Mapping):
		return None
	value = answer.get("access_token")
	if not isinstance(value, str) or not _HEADER_SAFE.fullmatch(value):
		return None
	given = answer.get("expires_in")
	try:
		lifetime = float(given) if not isinstance(given, bool) else 0.0  # type: ignore[arg-type]
	except (TypeError, ValueError, OverflowError):
		lifetime = 0.0
	if not 0 < lifetime <= _MAX_LIFETIME:
		lifetime = _DEFAULT_LIFETIME
	lifetime = max(lifetime, _MIN_LIFETIME)
	return Token(SecretStr(value), now + lifetime, lifetime)
