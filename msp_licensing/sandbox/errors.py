"""Refusals in the envelope of Pax8's `Error` schema."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

TYPES: Mapping[int, str] = {
	400: "BAD_REQUEST",
	401: "UNAUTHORIZED",
	403: "FORBIDDEN",
	404: "NOT_FOUND",
	405: "METHOD_NOT_ALLOWED",
	408: "REQUEST_TIMEOUT",
	409: "CONFLICT",
	413: "PAYLOAD_TOO_LARGE",
	422: "UNPROCESSABLE_ENTITY",
	429: "TOO_MANY_REQUESTS",
	500: "INTERNAL_SERVER_ERROR",
	502: "BAD_GATEWAY",
	503: "SERVICE_UNAVAILABLE",
	504: "GATEWAY_TIMEOUT",
}


class ApiError(Exception):
	"""A refusal on its way to the caller: HTTP status, one-line message (None = null), sentences for `details`."""

	def __init__(
		self,
		status: int,
		message: str | None,
		details: Iterable[str] = (),
		headers: Mapping[str, str] | None = None,
	) -> None:
		super().__init__(message)
		self.status = status
		self.message = message
		self.details = tuple(details)
		self.headers = dict(headers or {})


def envelope(status: int, message: str | None, path: str, details: Iterable[str] = ()) -> dict[str, Any]:
	"""The `Error` body for a call of `path` (with its `/v1` or `/api/v2`).

	`instance` names Pax8's inner path (`/public/v1/...`), as in the sample of its error guide. In the
	webhooks API the details have none.
	"""
	kind = TYPES.get(status, "ERROR")
	instance = f"/public{path}"
	return {
		"type": kind,
		"message": message,
		"instance": instance,
		"status": status,
		"details": [
			{"type": kind, "message": detail, "status": status}
			if path.startswith("/api/v2/")
			else {"type": kind, "message": detail, "instance": instance, "status": status}
			for detail in details
		],
	}
