"""What can go wrong with a Pax8 call, as types.

Every error answers the question that matters after a write: *may Pax8 have done it?* (`effect`)

| error | when | effect of a write |
|---|---|---|
| `ConfigurationError` | the connection is set up wrongly; nothing was sent | none |
| `WritesDisabled` | a write was tried while only observing; nothing was sent | none |
| `Unreachable` | DNS, connection refused, connect timeout, TLS: nothing was sent | none |
| `AuthenticationFailed` | 401, or the token endpoint refused the credentials | none |
| `Forbidden` | 403 | none |
| `NotFound` | 404 | none |
| `Refused` | 400, 409, 422 and other 4xx: final, in Pax8's words | none |
| `RateLimited` | 429 | none |
| `NoAnswer` | sent, but the answer was lost (read timeout, reset, 408) | **unknown** |
| `ServerFault` | 5xx | **unknown** |
| `BadAnswer` | an answer that cannot be understood, a redirect included | **unknown** |
| `IncompleteWalk` | a list could not be read completely (reads only) | none |

A read never has an effect. An unknown effect is resolved by reading the subscription again, never by sending again.

No error holds a token or a secret: bodies and words are redacted and shortened before they get here, and errors of the
HTTP library are turned into text rather than chained, since their tracebacks keep the request's headers.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable
from typing import Any, Literal

Effect = Literal["none", "unknown"]

MAX_BODY_CHARS = 4000
MAX_DETAIL_CHARS = 500
MAX_DETAILS = 20
_MAX_HTML_CHARS = 200


class Pax8Error(Exception):
	"""Anything that went wrong between the app and Pax8.

	Attributes:
		message: one sentence for people, with Pax8's own words where there are any; also `str(error)`.
		status: HTTP status of the answer, `None` without one.
		operation: the client's method, e.g. `update_quantity`.
		path: path below the base URL, e.g. `/subscriptions/…`.
		details: Pax8's own words, one entry per reason.
		body: the answer's body as text, redacted and at most `MAX_BODY_CHARS` long.
		retry_after: seconds that Pax8 asked to wait (`Retry-After`), `None` when it did not.
		effect: `unknown` when a write may have been done at Pax8, else `none`.
	"""

	effect_of_write: Effect = "none"

	def __init__(
		self,
		message: str,
		*,
		status: int | None = None,
		operation: str | None = None,
		path: str | None = None,
		details: Iterable[str] = (),
		body: str | None = None,
		retry_after: float | None = None,
		write: bool = False,
	) -> None:
		super().__init__(message)
		self.message = message
		self.status = status
		self.operation = operation
		self.path = path
		self.details: list[str] = list(details)
		self.body = body
		self.retry_after = retry_after
		self.effect: Effect = self.effect_of_write if write else "none"

	def __reduce__(self) -> tuple[Any, ...]:
		# Exceptions with keyword arguments do not survive pickling by themselves; job queues pickle them.
		return _restore, (type(self), self.message, dict(self.__dict__))


def _restore(kind: type[Pax8Error], message: str, state: dict[str, Any]) -> Pax8Error:
	error = kind.__new__(kind, message)
	Exception.__init__(error, message)
	error.__dict__.update(state)
	return error


class ConfigurationError(Pax8Error):
	"""The connection's settings are unusable: base URL, credentials, timeouts."""


class WritesDisabled(Pax8Error):
	"""A write was tried on a client that only observes."""


class AuthenticationFailed(Pax8Error):
	"""Pax8 did not accept the credentials, or not the token even after it was renewed."""


class Forbidden(Pax8Error):
	"""403: these credentials may not do this. `GET /subscriptions` also says so of an unknown company id."""


class NotFound(Pax8Error):
	"""404: Pax8 knows no such record."""


class Refused(Pax8Error):
	"""Pax8 refused what was asked, finally; `details` are its words. There are no stable codes: never match the text."""


class RateLimited(Pax8Error):
	"""429: too many calls. A read was tried again before this was raised; a write was not."""


class ServerFault(Pax8Error):
	"""5xx: trouble at Pax8 or a vendor. A write may have been done."""

	effect_of_write = "unknown"


class Unreachable(Pax8Error):
	"""No connection came about (DNS, refused, connect timeout, TLS): nothing was sent."""


class NoAnswer(Pax8Error):
	"""Something was sent and the answer got lost (read timeout, reset connection, 408). A write may have been done."""

	effect_of_write = "unknown"


class BadAnswer(Pax8Error):
	"""An answer came that cannot be understood. A write may have been done.

	Attributes:
		record_id: id of the record that cannot be read, `None` when the answer as a whole cannot, or not even the id.
	"""

	effect_of_write = "unknown"

	def __init__(self, message: str, *, record_id: str | None = None, **kwargs: Any) -> None:
		super().__init__(message, **kwargs)
		self.record_id = record_id


class IncompleteWalk(Pax8Error):
	"""A list was not read completely: nothing may be concluded from what is missing in it.

	Attributes:
		expected: rows Pax8 announced; `seen`: distinct rows that came.
	"""

	def __init__(self, message: str, *, expected: int | None = None, seen: int = 0, **kwargs: Any) -> None:
		super().__init__(message, **kwargs)
		self.expected = expected
		self.seen = seen


_FOR_STATUS: dict[int, type[Pax8Error]] = {
	401: AuthenticationFailed,
	403: Forbidden,
	404: NotFound,
	408: NoAnswer,
	429: RateLimited,
}

_SENTENCES: dict[type[Pax8Error], str] = {
	AuthenticationFailed: "Pax8 did not accept the credentials",
	Forbidden: "Pax8 does not allow this with these credentials",
	NotFound: "Pax8 knows no such record",
	Refused: "Pax8 refused",
	RateLimited: "Pax8 asks to slow down",
	ServerFault: "Pax8 has a fault",
	NoAnswer: "Pax8 gave up waiting for the request",
	BadAnswer: "Pax8 answered with a redirect, which is not followed",
}


def error_class(status: int, *, for_token: bool = False) -> type[Pax8Error]:
	"""Return the error for an HTTP status that is not 2xx. The token endpoint says 400 or 403 for bad credentials too."""
	if for_token and status in (400, 401, 403):
		return AuthenticationFailed
	if status in _FOR_STATUS:
		return _FOR_STATUS[status]
	if 400 <= status < 500:
		return Refused
	return ServerFault if status >= 500 else BadAnswer


def sentence(kind: type[Pax8Error], status: int, details: list[str]) -> str:
	"""Return the sentence for people: what happened, the status, and Pax8's words."""
	words = "; ".join(details) or "it gave no reason"
	return f"{_SENTENCES[kind]} ({status}): {words}"


def words_of(text: str) -> list[str]:
	"""Return the reasons in the body of an error answer, in Pax8's words.

	Understands the published envelope (`message`, `details[].message`), a flat `{"errors": [...]}`, the OAuth form
	(`error`, `error_description`), and a short form of HTML or plain text; an empty body has no words.
	"""
	try:
		parsed = json.loads(text)
	except (ValueError, RecursionError):
		return _shortened([_plain_text(text)])
	found: list[str] = []
	_collect(parsed, found, depth=0)
	return _shortened(found)


# `message` first: the envelope's own sentence, then the reasons in it.
_WORD_KEYS = ("message", "error_description", "error", "errors", "details", "detail", "title")


def _collect(value: object, found: list[str], depth: int) -> None:
	if depth > 4 or len(found) >= MAX_DETAILS:
		return
	if isinstance(value, str):
		found.append(value)
	elif isinstance(value, list):
		for item in value:
			_collect(item, found, depth + 1)
	elif isinstance(value, dict):
		named = [value[key] for key in _WORD_KEYS if value.get(key)]
		# `{"errors": {"quantity": ["too low"]}}`: a level that has only field names.
		for item in named or (value.values() if depth else ()):
			_collect(item, found, depth + 1)


def _plain_text(text: str) -> str:
	if "<" not in text:
		return text[:_MAX_HTML_CHARS]
	title = re.search(r"<title[^>]*>([^<]{1,200})", text[:20000], re.I)
	if title:
		return html.unescape(title.group(1))
	visible = re.sub(r"(?is)<(script|style)\b.{0,20000}?</\1>|<[^>]{0,2000}>", " ", text[:20000])
	return html.unescape(visible)


def _shortened(words: list[str]) -> list[str]:
	kept: list[str] = []
	for word in words[:MAX_DETAILS]:
		clean = " ".join(word.split())
		if len(clean) > MAX_DETAIL_CHARS:
			clean = clean[: MAX_DETAIL_CHARS - 1] + "…"
		if clean and clean not in kept:
			kept.append(clean)
	return kept
