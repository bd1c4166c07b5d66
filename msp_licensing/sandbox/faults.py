"""Troubles that a client must survive, ordered beforehand and served on the calls they name."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from msp_licensing.sandbox.web import Request

KINDS: dict[str, str] = {
	"status": "answer with `status` and, if given, `body`; the call has no effect unless `after` is true",
	"html": "answer with `status` (502) and a web page, as a proxy would; no effect unless `after` is true",
	"delay": "wait `seconds`, then serve the call; with `after` the effect comes first",
	"drop_before": "close the connection without an answer; the call has no effect",
	"drop_after": "do what the call asks, then close the connection without an answer",
	"broken_body": "do what the call asks, answer with JSON that breaks off, or with `body`",
	"truncated": "do what the call asks, send half of the answer that Content-Length promises, close",
	"empty": "do what the call asks, answer with no body",
	"slow": "do what the call asks, send the answer in pieces over `seconds`",
}
_ALWAYS_AFTER = frozenset({"drop_after", "broken_body", "truncated", "empty", "slow"})
_DEFAULT_STATUS = {"status": 503, "html": 502}
_TOKEN_OPERATION = "createAccessToken"


@dataclass(slots=True)
class Fault:
	"""One order for trouble.

	`operation` is an operationId, an HTTP method, "read" (GET), "write" (all else but the token) or "*".
	`path` (without /v1) and `query` narrow it down. The first `skip` matching calls pass, the next `count`
	(None = all) are hit.
	"""

	kind: str
	operation: str = "*"
	status: int = 503
	body: Any = None
	headers: dict[str, str] = field(default_factory=dict)
	seconds: float = 0.0
	count: int | None = 1
	skip: int = 0
	after: bool = False
	path: str | None = None
	query: dict[str, str] = field(default_factory=dict)
	id: int = 0
	hits: int = 0

	def matches(self, operation: str | None, request: Request, prefix: str) -> bool:
		"""Whether the call is one that this fault names."""
		if self.count is not None and self.hits >= self.count:
			return False
		if self.operation == "read":
			named = request.method == "GET"
		elif self.operation == "write":
			named = request.method != "GET" and operation != _TOKEN_OPERATION
		else:
			named = self.operation in ("*", operation, request.method)
		return (
			named
			and (self.path is None or request.path == prefix + self.path)
			and all(request.query.get(name) == value for name, value in self.query.items())
		)

	def as_dict(self) -> dict[str, Any]:
		"""For the control endpoint: the order, `hits` so far, and how many calls it still waits for."""
		shown = asdict(self)
		shown["left"] = None if self.count is None else self.count - self.hits
		return shown


class Faults:
	"""The orders in force; the earliest that matches a call is served."""

	def __init__(self, operations: frozenset[str]) -> None:
		self._names = operations | {"*", "read", "write", "GET", "POST", "PUT", "PATCH", "DELETE"}
		self._orders: list[Fault] = []
		self._last_id = 0

	def add(self, kind: str, operation: str = "*", **details: Any) -> Fault:
		"""Order a fault; `details` are Fault's fields. Raises ValueError saying what is wrong with it."""
		if kind not in KINDS:
			raise ValueError(f"unknown kind '{kind}'; there are: {', '.join(KINDS)}")
		if operation not in self._names:
			raise ValueError(f"unknown operation '{operation}'; there are: {', '.join(sorted(self._names))}")
		settable = set(Fault.__dataclass_fields__) - {"id", "hits", "kind", "operation"}
		for name, value in details.items():
			if name not in settable:
				raise ValueError(f"unknown field '{name}'; there are: {', '.join(sorted(settable))}")
			_check(name, value)
		details.setdefault("status", _DEFAULT_STATUS.get(kind, 200))
		if kind in _ALWAYS_AFTER:
			if details.get("after") is False:
				raise ValueError(f"'{kind}' always comes after the effect")
			details["after"] = True
		elif kind == "drop_before" and details.get("after"):
			raise ValueError("'drop_before' never has an effect; use 'drop_after'")
		self._last_id += 1
		fault = Fault(kind=kind, operation=operation, id=self._last_id, **details)
		self._orders.append(fault)
		return fault

	def take(self, operation: str | None, request: Request, prefix: str) -> Fault | None:
		"""The fault that this call meets, if any; counts it."""
		for fault in self._orders:
			if fault.matches(operation, request, prefix):
				if fault.skip:
					fault.skip -= 1
					continue
				fault.hits += 1
				return fault
		return None

	def list(self) -> list[dict[str, Any]]:
		"""All orders, spent ones included."""
		return [fault.as_dict() for fault in self._orders]

	def clear(self, fault_id: int | None = None) -> int:
		"""Withdraw one order, or all; returns how many there were."""
		kept = [] if fault_id is None else [fault for fault in self._orders if fault.id != fault_id]
		withdrawn = len(self._orders) - len(kept)
		self._orders = kept
		return withdrawn


def _is_number(value: Any) -> bool:
	return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_whole(value: Any) -> bool:
	return isinstance(value, int) and not isinstance(value, bool)


def _is_texts(value: Any) -> bool:
	return isinstance(value, dict) and all(
		isinstance(name, str) and isinstance(text, str) for name, text in value.items()
	)


def _check(name: str, value: Any) -> None:
	good, wanted = {
		"status": (_is_whole(value) and 100 <= value <= 599, "an HTTP status"),
		"body": (True, ""),
		"headers": (_is_texts(value), "an object of strings"),
		"seconds": (_is_number(value) and 0 <= value <= 600, "a number from 0 to 600"),
		"count": (
			value is None or (_is_whole(value) and value > 0),
			"a whole number above 0, or null for no end",
		),
		"skip": (_is_whole(value) and value >= 0, "a whole number from 0"),
		"after": (isinstance(value, bool), "true or false"),
		"path": (
			value is None or (isinstance(value, str) and value.startswith("/")),
			"a path without /v1, such as /companies",
		),
		"query": (_is_texts(value), "an object of strings"),
	}[name]
	if not good:
		raise ValueError(f"'{name}' must be {wanted}")
