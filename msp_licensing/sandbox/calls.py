"""The log of calls, for tests and demonstrations to look at."""

from __future__ import annotations

import json
from collections import Counter, deque
from typing import Any

from msp_licensing.sandbox.web import Request, Response

_KEPT = 10_000
_BODY_KEPT = 4_000


class Calls:
	"""The last ten thousand calls of the API, and counts of all of them."""

	def __init__(self) -> None:
		self._log: deque[dict[str, Any]] = deque(maxlen=_KEPT)
		self.by_operation: Counter[str] = Counter()
		self.by_status: Counter[str] = Counter()
		self.total = 0

	def add(
		self,
		time: str,
		operation: str | None,
		request: Request,
		response: Response,
		fault: str | None,
		ms: float,
	) -> None:
		"""Write a call down. One that got no answer has the status None; `done` if it was carried out all the same."""
		status = response.status if response.answers else None
		self.total += 1
		self.by_operation[operation or "unknown"] += 1
		self.by_status[str(status)] += 1
		entry: dict[str, Any] = {
			"number": self.total,
			"time": time,
			"method": request.method,
			"path": request.path,
			"query": request.query,
			"operation": operation,
			"status": status,
			"fault": fault,
			"done": response.done,
			"ms": round(ms, 2),
		}
		if request.method != "GET":
			entry["body"] = _readable(request.body)
		self._log.append(entry)

	def list(self, operation: str | None = None, limit: int | None = None) -> list[dict[str, Any]]:
		"""Calls, oldest first: of one operation, only the last `limit`."""
		found = [entry for entry in list(self._log) if operation in (None, entry["operation"])]
		return found if limit is None else found[len(found) - min(limit, len(found)) :]

	def clear(self) -> None:
		"""Forget all calls and counts."""
		self._log.clear()
		self.by_operation.clear()
		self.by_status.clear()
		self.total = 0


def _readable(body: bytes) -> Any:
	try:
		value = json.loads(body[:_BODY_KEPT])
	except ValueError:
		return body[:_BODY_KEPT].decode(errors="replace")
	if isinstance(value, dict):
		for secret in ("client_secret", "authorization"):
			if secret in value:
				value[secret] = "***"
	return value
