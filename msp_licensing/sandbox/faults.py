"""Troubles that a client must survive, ordered beforehand and served on the calls they name."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field, fields
from typing import Any

from msp_licensing.sandbox.rewrites import check_rewrite
from msp_licensing.sandbox.web import Request

KINDS: dict[str, str] = {
	"status": "answer with `status` and, if given, `body`; the call has no effect unless `after` is true",
	"html": "answer with `status` (502) and a web page, as a proxy would; no effect unless `after` is true",
	"delay": "wait `seconds`, then serve the call; with `after` the effect comes first",
	"drop_before": "close the connection without an answer; the call has no effect",
	"drop_after": "do what the call asks, then close the connection without an answer",
	"reset_before": "reset the connection (RST) without an answer; the call has no effect",
	"reset_after": "do what the call asks, then reset the connection without an answer",
	"reset_midway": "do what the call asks, send half of the answer, then reset the connection",
	"broken_body": "do what the call asks, answer with JSON that breaks off, or with `body`",
	"truncated": "do what the call asks, send half of the answer that Content-Length promises, close",
	"empty": "do what the call asks, answer with no body",
	"slow": "do what the call asks, send the answer in ten pieces over `seconds`",
	"trickle": "do what the call asks, send the answer `piece` (4) bytes at a time over `seconds`",
	"rewrite": "do what the call asks, alter the answer by `rewrites`; a refusal is left as it is",
	"meanwhile": "make `calls` of the control endpoints just before this call is served",
}
COMPOSABLE = frozenset({"rewrite", "meanwhile"})
"""Kinds that any number of may meet the same call, besides at most one of the others."""
_ALWAYS_AFTER = frozenset(
	{
		"drop_after",
		"reset_after",
		"reset_midway",
		"broken_body",
		"truncated",
		"empty",
		"slow",
		"trickle",
		"rewrite",
	}
)
_NEVER_AFTER = {"drop_before": "drop_after", "reset_before": "reset_after", "meanwhile": None}
_DEFAULT_STATUS = {"status": 503, "html": 502}
_TOKEN_OPERATION = "createAccessToken"


@dataclass(slots=True)
class Fault:
	"""One order for trouble.

	`operation` is an operationId, an HTTP method, "read" (GET), "write" (all else but the token) or "*".
	`path` (without /v1) and `query` narrow it down. The first `skip` matching calls pass, the next `count`
	(None = all) are hit, or each of them with the probability `chance`. Chance and what rewrites pick depend on
	`seed` and on the call alone (its path, its query, how often it came), not on the order in which calls arrive.
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
	chance: float = 1.0
	seed: int = 0
	piece: int = 4
	rewrites: list[dict[str, Any]] = field(default_factory=list)
	calls: list[dict[str, Any]] = field(default_factory=list)
	id: int = 0
	hits: int = 0
	problem: str | None = None
	"""What went wrong with the order itself when it was carried out: a control call that was refused, say."""
	_seen: Counter[str] = field(default_factory=Counter, repr=False)

	def random_for(self, request: Request) -> random.Random:
		"""Chance for a call: the same for the same seed, call, and number of times that the call came before."""
		name = f"{request.method} {request.path} {sorted(request.query.items())}"
		self._seen[name] += 1
		return random.Random(f"{self.seed} {name} {self._seen[name]}")

	@property
	def serves(self) -> bool:
		"""Whether the call is served, so that there is an answer to alter."""
		return self.after or self.kind == "delay"

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
		shown = {part.name: getattr(self, part.name) for part in fields(self) if part.name != "_seen"}
		shown["left"] = None if self.count is None else self.count - self.hits
		return shown


@dataclass(slots=True)
class Trouble:
	"""What one call meets: things that happen meanwhile, one fault of delivery or none, and rewrites of the answer."""

	meanwhile: list[Fault] = field(default_factory=list)
	fault: Fault | None = None
	rewrites: list[tuple[Fault, random.Random]] = field(default_factory=list)

	@property
	def kinds(self) -> str | None:
		"""The kinds for the log, joined by `+`; None where there is no trouble."""
		met = [*self.meanwhile, *([self.fault] if self.fault else []), *(fault for fault, _ in self.rewrites)]
		return "+".join(fault.kind for fault in met) or None


class Faults:
	"""The orders in force. A call meets all matching `meanwhile` and `rewrite`, and the earliest of all others."""

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
		settable = set(Fault.__dataclass_fields__) - {"id", "hits", "kind", "operation", "problem", "_seen"}
		for name, value in details.items():
			if name not in settable:
				raise ValueError(f"unknown field '{name}'; there are: {', '.join(sorted(settable))}")
			_check(name, value)
		details.setdefault("status", _DEFAULT_STATUS.get(kind, 200))
		if kind in _ALWAYS_AFTER:
			if details.get("after") is False:
				raise ValueError(f"'{kind}' always comes after the effect")
			details["after"] = True
		elif kind in _NEVER_AFTER and details.get("after"):
			instead = _NEVER_AFTER[kind]
			raise ValueError(
				f"'{kind}' never comes after the effect" + (f"; use '{instead}'" if instead else "")
			)
		for name, needed in (("rewrites", "rewrite"), ("calls", "meanwhile")):
			if bool(details.get(name)) != (kind == needed):
				raise ValueError(f"'{name}' belongs to '{needed}', and must not be empty there")
		self._last_id += 1
		fault = Fault(kind=kind, operation=operation, id=self._last_id, **details)
		self._orders.append(fault)
		return fault

	def take(self, operation: str | None, request: Request, prefix: str) -> Trouble:
		"""What this call meets; counts it."""
		trouble = Trouble()
		others = [fault for fault in self._orders if fault.kind not in COMPOSABLE]
		trouble.fault = next((f for f in others if self._meets(f, operation, request, prefix)), None)
		for fault in self._orders:
			if fault.kind == "meanwhile" and self._meets(fault, operation, request, prefix):
				trouble.meanwhile.append(fault)
		# Rewrites wait for a call that is answered: on others they would be spent for nothing.
		if trouble.fault is None or trouble.fault.serves:
			for fault in self._orders:
				if fault.kind == "rewrite" and self._meets(fault, operation, request, prefix):
					trouble.rewrites.append((fault, fault.random_for(request)))
		return trouble

	@staticmethod
	def _meets(fault: Fault, operation: str | None, request: Request, prefix: str) -> bool:
		if not fault.matches(operation, request, prefix):
			return False
		if fault.skip:
			fault.skip -= 1
			return False
		if fault.chance < 1 and fault.random_for(request).random() >= fault.chance:
			return False
		fault.hits += 1
		return True

	@staticmethod
	def give_back(fault: Fault) -> None:
		"""A rewrite met an answer that it does not apply to: it waits for the next."""
		fault.hits -= 1

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


_CALLS_WANTED = (
	'an array of control calls such as {"method": "DELETE", "path": "/subscriptions/ID", "body": {}}'
)


def _is_call(value: Any) -> bool:
	return (
		isinstance(value, dict)
		and set(value) <= {"method", "path", "body"}
		and value.get("method") in ("GET", "POST", "DELETE")
		and isinstance(value.get("path"), str)
		and value["path"].startswith("/")
		and isinstance(value.get("body", {}), dict)
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
		"chance": (_is_number(value) and 0 < value <= 1, "a number above 0, at most 1"),
		"seed": (_is_whole(value), "a whole number"),
		"piece": (_is_whole(value) and value > 0, "a number of bytes above 0"),
		"rewrites": (isinstance(value, list), "an array of rewrites"),
		"calls": (isinstance(value, list) and all(map(_is_call, value)), _CALLS_WANTED),
	}[name]
	if not good:
		raise ValueError(f"'{name}' must be {wanted}")
	if name == "rewrites":
		for rewrite in value:
			check_rewrite(rewrite)
