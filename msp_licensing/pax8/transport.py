"""The one way out: every call to Pax8 goes through `Transport.request`.

It alone checks whether writing is allowed, waits for the rate limit, puts the token on, tries reads again, and turns
whatever comes back into parsed JSON or one of `msp_licensing.pax8.errors`.
"""

from __future__ import annotations

import email.utils
import json
import logging
import random
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

import httpx
from pydantic import SecretStr

from msp_licensing.pax8 import errors
from msp_licensing.pax8.auth import BearerAuth, Credentials, Token, TokenStore, token_from
from msp_licensing.pax8.errors import (
	BadAnswer,
	ConfigurationError,
	NoAnswer,
	Pax8Error,
	RateLimited,
	ServerFault,
	Unreachable,
	WritesDisabled,
)
from msp_licensing.pax8.ratelimit import RateLimiter
from msp_licensing.pax8.redaction import Secrets

logger = logging.getLogger("msp_licensing.pax8")

MAX_ANSWER_BYTES = 32 * 1024 * 1024
"""A larger answer is not read to its end; 200 rows are some 200 KB."""

MAX_ANSWER_SECONDS = 300.0
"""An answer that trickles in for longer counts as lost: read timeouts only bound the pause between two pieces."""

MAX_RETRY_AFTER = 120.0
"""The longest wait in seconds that a `Retry-After` can impose."""

_BACKOFF_FIRST, _BACKOFF_LONGEST = 0.5, 30.0
_RETRIED_STATUS = frozenset({500, 502, 503, 504})
_NOT_SENT = (
	httpx.ConnectError,
	httpx.ConnectTimeout,
	httpx.PoolTimeout,
	httpx.ProxyError,
	httpx.UnsupportedProtocol,
)
Area = Literal["partner", "webhooks"]
"""Pax8 serves webhooks under another base URL than all else."""


@dataclass(frozen=True, slots=True)
class CallInfo:
	"""One HTTP call, for whoever keeps count of them.

	Attributes:
		operation: the client's method, `token` for the token endpoint.
		method, path: as sent, without query and without base URL.
		attempt: 1 for the first try.
		status: HTTP status, `None` when no answer came.
		milliseconds: from sending to the end of the answer, waiting for the rate limit not included.
		error: name of the error class, `None` when the call succeeded.
	"""

	operation: str
	method: str
	path: str
	attempt: int
	status: int | None
	milliseconds: int
	error: str | None


@dataclass(frozen=True, slots=True)
class Call:
	"""What is to be sent.

	Attributes:
		operation: the client's method.
		method, path, params: as sent; the path is below the base URL of the area.
		body: builds the JSON at the last moment, so that no local variable holds a secret.
		area: which base URL.
		answered: Pax8's specification promises a body; without one any 2xx is the whole answer.
		read_timeout: seconds that the operation is given at least, whatever the client's timeout is.
		for_token: the token request, which needs no token and is no write.
		priority: the call may use the room the limiter keeps for callers somebody waits for.
	"""

	operation: str
	method: str
	path: str
	params: Mapping[str, Any] = field(default_factory=dict)
	body: Callable[[], dict[str, Any]] | None = field(default=None, repr=False)
	area: Area = "partner"
	answered: bool = True
	read_timeout: float = 0.0
	for_token: bool = False
	priority: bool = False

	@property
	def write(self) -> bool:
		"""Whether the call can change anything at Pax8."""
		return self.method != "GET" and not self.for_token

	def where(self) -> dict[str, Any]:
		"""What every error about this call is told."""
		return {"operation": self.operation, "path": self.path, "write": self.write}


class Transport:
	"""Sends calls with one set of credentials. Safe for use by several threads.

	Args:
		credentials, base_url, webhooks_url, timeout: checked ones; see `msp_licensing.pax8.configuration`.
		store: where the token is kept.
		limiter: what keeps the calls below Pax8's limit.
		writes_allowed: `False` = every write raises `WritesDisabled`.
		max_retries: how often a read is tried again. Writes are never sent twice, but for a 401, which says that
			the first one was not processed.
		connections: how many are open at the same time, at most.
		network: replaces the network, for tests.
		on_call: called after every HTTP call; what it raises is logged and dropped.
		sleep: called with seconds between two tries.
		priority: reads and token requests may use the room the limiter keeps for callers somebody waits for.
	"""

	def __init__(
		self,
		*,
		credentials: Credentials,
		base_url: str,
		webhooks_url: str,
		timeout: httpx.Timeout,
		store: TokenStore,
		limiter: RateLimiter,
		writes_allowed: bool,
		max_retries: int,
		connections: int,
		network: httpx.BaseTransport | None,
		on_call: Callable[[CallInfo], None] | None,
		sleep: Callable[[float], None],
		priority: bool,
	) -> None:
		self.base_url = base_url
		self._urls: dict[Area, str] = {"partner": base_url, "webhooks": webhooks_url}
		self._timeout = timeout
		self._secrets = Secrets(credentials.client_secret)
		self.writes_allowed = writes_allowed
		self._credentials = credentials
		self._store = store
		self._limiter = limiter
		self._max_retries = max_retries
		self._listeners = [on_call] if on_call else []
		self._sleep = sleep
		self._priority = priority
		self._calls = 0
		self._guard = threading.Lock()
		self._closed = False
		self._http = httpx.Client(
			headers={"Accept": "application/json", "User-Agent": "msp-licensing"},
			timeout=timeout,
			limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
			follow_redirects=False,
			transport=network,
			# Proxies come from the environment, but plain http stays on this machine: no proxy gets to see it.
			trust_env=base_url.startswith("https:"),
		)

	@property
	def calls(self) -> int:
		"""HTTP calls made so far, token requests and repeated tries included."""
		return self._calls

	def close(self) -> None:
		"""Close the connections; calls that come after this are refused."""
		self._closed = True
		self._http.close()

	@contextmanager
	def listening(self, on_call: Callable[[CallInfo], None]) -> Iterator[None]:
		"""Call `on_call`, too, after every HTTP call that is made meanwhile."""
		self._listeners.append(on_call)
		try:
			yield
		finally:
			self._listeners.remove(on_call)

	def hide(self, secret: SecretStr) -> None:
		"""Redact `secret` from now on wherever the client secret is."""
		self._secrets.add(secret)

	def read(self, operation: str, path: str, params: Mapping[str, Any] | None = None, **how: Any) -> Any:
		"""Send a read, without the parameters that are `None`; returns and raises as `request` does.

		Args:
			operation, path, params, how: as for `Call`.
		"""
		given = {name: value for name, value in (params or {}).items() if value is not None}
		return self.request(Call(operation, "GET", path, given, priority=self._priority, **how))

	def request(self, call: Call) -> Any:
		"""Send a call, and return the parsed JSON of the answer (numbers with decimals as `Decimal`).

		Raises:
			WritesDisabled: a write, on a client that only observes. Nothing was sent.
			Pax8Error: see `msp_licensing.pax8.errors`.
		"""
		if call.write and not self.writes_allowed:
			raise WritesDisabled(
				"Pax8 is only observed here: nothing was changed. Changes need the mode Live.", **call.where()
			)
		attempt, refused = 0, None
		while True:
			if self._closed:
				raise ConfigurationError("This connection to Pax8 is closed.", **call.where())
			token = None if call.for_token else self._token(refused)
			attempt += 1
			value, error = self._send(call, token, attempt)
			if error is None:
				return value
			if token is not None and refused is None and error.status == 401:
				refused = token
				self._store.clear(token)
				continue
			if call.write or attempt > self._max_retries or not _transient(error):
				raise error
			self._pause(error, attempt)

	def _token(self, refused: Token | None = None) -> Token:
		"""Return a usable token, from the store or from Pax8; several workers at once fetch a single one.

		`refused` is not used again, even if the store should keep it against its promise.
		"""

		def stored() -> Token | None:
			token = self._store.get()
			usable = (
				token is not None and token.usable() and (refused is None or token.value != refused.value)
			)
			return token if usable else None

		if token := stored():
			return token
		with self._store.lock():
			if token := stored():
				return token
			call = Call(
				"token",
				"POST",
				"/token",
				body=self._credentials.token_request,
				for_token=True,
				priority=self._priority,
			)
			token = token_from(self.request(call), time.time())
			if token is None:
				raise BadAnswer("Pax8's answer to the token request holds no usable token.", **call.where())
			self._store.set(token)
			return token

	def _pause(self, error: Pax8Error, attempt: int) -> None:
		delay = random.uniform(0, min(_BACKOFF_LONGEST, _BACKOFF_FIRST * 2 ** (attempt - 1)))
		# The pause Pax8 asked for is a minimum; the jitter on top keeps workers from coming back together.
		delay += min(MAX_RETRY_AFTER, error.retry_after or 0.0)
		if isinstance(error, RateLimited):
			self._limiter.penalize(delay)
		self._sleep(delay)

	def _send(self, call: Call, token: Token | None, attempt: int) -> tuple[Any, Pax8Error | None]:
		"""Send a call once; return the parsed answer, or the error to raise.

		Errors are returned so that they are raised from a frame that never saw the HTTP library's objects.
		"""
		self._limiter.acquire(priority=call.priority)
		with self._guard:
			self._calls += 1
		started = time.monotonic()
		status, headers, body, broken = self._exchange(call, token)
		value, error = None, None
		if status is None or (broken and status < 400 and (call.answered or status >= 300)):
			error = self._lost(call, broken, status)
		elif 200 <= status < 300:
			value, error = self._understood(call, status, body)
		else:
			error = self._failed(call, token, status, headers, body)
		info = CallInfo(
			operation=call.operation,
			method=call.method,
			path=call.path,
			attempt=attempt,
			status=status,
			milliseconds=milliseconds_since(started),
			error=type(error).__name__ if error else None,
		)
		self._tell(info)
		return value, error

	def _exchange(
		self, call: Call, token: Token | None
	) -> tuple[int | None, httpx.Headers, bytes, Exception | None]:
		"""Talk HTTP: return status, headers and body as far as they came, and what broke on the way."""
		status, headers, broken = None, httpx.Headers(), None
		pieces: list[bytes] = []
		try:
			request = self._http.build_request(
				call.method,
				self._urls[call.area] + call.path,
				params=call.params or None,
				json=call.body() if call.body else None,
				timeout=self._timeout_of(call),
			)
			response = self._http.send(
				request, auth=BearerAuth(token) if token else None, stream=True, follow_redirects=False
			)
			try:
				status, headers = response.status_code, response.headers
				_read_into(pieces, response)
			finally:
				response.close()
		except (httpx.HTTPError, httpx.InvalidURL, _TooMuch) as exc:
			broken = exc
		except BaseException as exc:
			# A worker's time limit, say. It goes on without the library's frames: those hold the request's headers.
			exc.__context__ = exc.__cause__ = None
			raise exc.with_traceback(None) from None
		return status, headers, b"".join(pieces), broken

	def _timeout_of(self, call: Call) -> httpx.Timeout:
		parts = self._timeout.as_dict()
		return httpx.Timeout(**{**parts, "read": max(call.read_timeout, parts["read"] or 0.0)})

	def _understood(self, call: Call, status: int, body: bytes) -> tuple[Any, Pax8Error | None]:
		if not call.answered:
			return None, None
		try:
			value = json.loads(body, parse_float=Decimal, parse_constant=_no_constant)
			# What Pax8 knows of a webhook holds its secret, which none of the frames above may see.
			return self._secrets.concealed(value) if call.area == "webhooks" else value, None
		except (ValueError, ArithmeticError, RecursionError):
			# Not kept: what cannot be read may be anything, a token included.
			pass
		said = "an empty body" if not body.strip() else "something that is not JSON"
		return None, BadAnswer(f"Pax8 answered {call.operation} with {said}.", status=status, **call.where())

	def _lost(self, call: Call, broken: Exception | None, status: int | None) -> Pax8Error:
		if isinstance(broken, _TooMuch | httpx.DecodingError):
			text = str(broken) if isinstance(broken, _TooMuch) else "it is not compressed as it says"
			return BadAnswer(f"Pax8's answer cannot be read: {text}.", status=status, **call.where())
		why = self._secrets.redacted(f"{type(broken).__name__}: {broken}")[:300]
		if isinstance(broken, (*_NOT_SENT, httpx.InvalidURL)):
			return Unreachable(f"Pax8 cannot be reached ({why}).", **call.where())
		return NoAnswer(f"The answer of Pax8 was lost ({why}).", status=status, **call.where())

	def _failed(
		self, call: Call, token: Token | None, status: int, headers: httpx.Headers, body: bytes
	) -> Pax8Error:
		kind = errors.error_class(status, for_token=call.for_token)
		text = self._secrets.redacted(
			body[: 64 * 1024].decode("utf-8", "replace"), *((token.value,) if token else ())
		)
		details = errors.words_of(text)
		return kind(
			errors.sentence(kind, status, details),
			status=status,
			details=details,
			body=text[: errors.MAX_BODY_CHARS],
			retry_after=_retry_after(headers.get("Retry-After")),
			**call.where(),
		)

	def _tell(self, info: CallInfo) -> None:
		logger.debug("%s %s %s %d ms", info.method, info.path, info.status or info.error, info.milliseconds)
		for listener in tuple(self._listeners):
			try:
				listener(info)
			except Exception:
				logger.warning("The listener for calls to Pax8 failed", exc_info=True)


class _TooMuch(Exception):
	"""The answer is too large."""


def _read_into(pieces: list[bytes], response: httpx.Response) -> None:
	size, deadline = 0, time.monotonic() + MAX_ANSWER_SECONDS
	for piece in response.iter_bytes():
		size += len(piece)
		if size > MAX_ANSWER_BYTES:
			raise _TooMuch(f"it is larger than {MAX_ANSWER_BYTES} bytes")
		if time.monotonic() > deadline:
			raise httpx.ReadTimeout(f"the answer took longer than {MAX_ANSWER_SECONDS:.0f} s")
		pieces.append(piece)


def _transient(error: Pax8Error) -> bool:
	"""Whether a read is worth trying again."""
	if isinstance(error, ServerFault):
		return error.status in _RETRIED_STATUS
	if isinstance(error, BadAnswer):
		# A body that broke on the way; a redirect stays one.
		return error.status is not None and error.status < 300
	return isinstance(error, Unreachable | NoAnswer | RateLimited)


def _retry_after(text: str | None) -> float | None:
	"""Read `Retry-After`: seconds, or an HTTP date; `None` when it is neither. Never negative."""
	if not text:
		return None
	text = text.strip()
	if re.fullmatch(r"\d{1,9}(\.\d{1,6})?", text, re.ASCII):
		return float(text)
	try:
		moment = email.utils.parsedate_to_datetime(text)
		return max(0.0, moment.timestamp() - time.time())
	except (TypeError, ValueError, IndexError, OverflowError):
		return None


def _no_constant(name: str) -> Any:
	raise ValueError(f"{name} is no JSON")


def milliseconds_since(started: float) -> int:
	"""Return the time since `started`, a reading of `time.monotonic()`."""
	return round((time.monotonic() - started) * 1000)
