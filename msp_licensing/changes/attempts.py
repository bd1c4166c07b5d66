"""Every step that a change takes at Pax8, kept with what Pax8 answered: License Change Attempt.

Rows are written in the transaction of the step that follows; nothing here commits. A look that shows what the one
before it showed is counted on the same row, so that a day of waiting stays readable. No row holds a secret: bodies of
refusals come redacted from the client, of records only what matters for the change is kept.
"""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import frappe

from msp_licensing import clock
from msp_licensing.changes.audit import events
from msp_licensing.pax8 import (
	CallInfo,
	Forbidden,
	NotFound,
	Pax8Client,
	Pax8Error,
	Refused,
	Subscription,
)
from msp_licensing.rules.fate import History, history_of
from msp_licensing.sync.mirror import fitting, upsert

DOCTYPE = "License Change Attempt"

READ, WRITE, READ_BACK, OBSERVE = "Read", "Write", "Read Back", "Observe"
RECONCILE, HISTORY = "Reconcile", "History"

SEEN, NOT_READ = "Seen", "Not Read"
SENDING, ACCEPTED, REFUSED = "Sending", "Accepted", "Refused"
NOT_SENT, ANSWER_LOST = "Not Sent", "Answer Lost"
HISTORY_SAYS = {
	History.SHOWS: "History Shows It",
	History.LACKS: "History Lacks It",
	History.UNKNOWN: "History Is Silent",
}

_EVENTS = {
	READ: "read_before",
	WRITE: "sent",
	READ_BACK: "read_back",
	OBSERVE: "observed",
	RECONCILE: "looked_for",
	HISTORY: "history_read",
}
_ANSWERS = {ACCEPTED: "accepted", REFUSED: "refused", NOT_SENT: "not_done", ANSWER_LOST: "answer_lost"}

_SAME = ("outcome", "has_quantity", "quantity", "pax8_status", "attempt")
_LONGEST_ANSWER = 2000


class Attempts:
	"""Makes the calls of one change, and keeps them.

	Args:
		request: name of the License Change Request.
		number: which attempt of it.
		since: what was seen before this (UTC) is not counted together with what is seen now.
	"""

	def __init__(
		self, request: str, pax8: Pax8Client, *, number: int = 0, since: datetime | None = None
	) -> None:
		self.request = request
		self.pax8 = pax8
		self.number = number
		self.since = since
		self.latest: str | None = None
		"""The row of the last call: a new one, or the one that it was counted on."""
		self._write: str | None = None
		self._untold: list[dict[str, Any]] = []

	def read(self, step: str, subscription: str) -> Subscription:
		"""Reads the subscription. Raises as the client does; what came of it is kept in either case."""
		call, remote, error = self._call(lambda: self.pax8.subscription(subscription))
		if error:
			self._keep(step, NOT_READ, call, answer=_body(error))
			raise error
		self._keep(step, SEEN, call, **_shown(remote))
		return remote

	def history(self, subscription: str, *, target: int, shown: Any, sent: datetime) -> History:
		"""What Pax8's history says about a change to `target` that was sent at `sent` (UTC)."""
		call, snapshots, error = self._call(lambda: self.pax8.history(subscription))
		if error:
			self._keep(HISTORY, NOT_READ, call, answer=_body(error))
			return History.UNKNOWN
		try:
			# Without a time of its own a snapshot may be from any time: when the subscription began says nothing.
			steps = [
				(clock.of_pax8(one.updated_date) if one.updated_date else None, one.quantity)
				for one in snapshots
			]
			words = [
				f"{clock.to_site(moment):%Y-%m-%d %H:%M}: {number}" if moment else f"?: {number}"
				for moment, number in steps
			]
		except OverflowError:
			return History.UNKNOWN
		says = history_of(steps, target=target, shown=shown, sent=sent)
		self._keep(HISTORY, HISTORY_SAYS[says], call, answer="\n".join(words))
		return says

	def begin_write(self, quantity: int) -> None:
		"""Keeps that the change is about to be sent; the caller commits before it is."""
		self._write = self._insert(WRITE, SENDING, answer=sent_as(quantity), **_number(quantity))
		self.tell()

	def write(self, subscription: str, quantity: int) -> None:
		"""Sends the change that `begin_write` told of, once. Raises as the client does."""
		call, remote, error = self._call(lambda: self.pax8.update_quantity(subscription, quantity))
		answer = _body(error) if error else _shown(remote)["answer"]
		values = {
			"outcome": _outcome(error),
			"answer": f"{sent_as(quantity)}\n{answer}",
			"pax8_status": remote.status if remote else None,
			**call.numbers(),
		}
		frappe.db.set_value(DOCTYPE, self._write, _fit(values), update_modified=False)
		private = _body(error) if error else None
		events.record(self.request, _ANSWERS[values["outcome"]], attempt=self._write, private=private)
		if error:
			raise error

	def tell(self) -> None:
		"""Writes the events of what has not been told yet: just before the commit, since it locks the request."""
		for told in self._untold:
			events.record(self.request, **told)
		self._untold = []

	def observed(self, outcome: str, quantity: int | None = None) -> None:
		"""Keeps what would be done, were the connection Live. `quantity`: what would be sent."""
		self._keep(
			OBSERVE,
			outcome,
			_Call(),
			**({"answer": sent_as(quantity)} if quantity else {}),
			**_number(quantity),
		)

	def same_for(self, step: str) -> timedelta:
		"""For how long the looks of a kind have shown what the last one showed."""
		last = self._last(step)
		return clock.passed(last.happened_on_utc) if last else timedelta()

	def looks(self, step: str) -> int:
		"""How many looks of a kind, up to the last one, had the same result."""
		last = self._last(step)
		return last.times if last else 0

	def _call(self, make: Callable[[], Any]) -> tuple["_Call", Any, Pax8Error | None]:
		call = _Call()
		with self.pax8.listening(call.hear):
			try:
				return call, make(), None
			except Pax8Error as error:
				return call, None, error

	def _keep(self, step: str, outcome: str, call: "_Call", **values: Any) -> None:
		row = {"attempt": self.number, "outcome": outcome, **_NOTHING, **values}
		last = self._last(step)
		if not last or any(last[field] != row[field] for field in _SAME):
			self._insert(step, outcome, **values, **call.numbers())
			return
		self.latest = last.name
		seen = {
			"times": last.times + 1,
			"answer": row["answer"],
			**clock.stamp("last_on"),
			**call.numbers(),
		}
		frappe.db.set_value(DOCTYPE, last.name, _fit(seen), update_modified=False)

	def _last(self, step: str) -> Any:
		filters = {"request": self.request, "step": step}
		if self.since:
			filters["happened_on_utc"] = (">=", self.since)
		return frappe.db.get_value(
			DOCTYPE,
			filters,
			["name", "times", "happened_on_utc", *_SAME],
			as_dict=True,
			order_by="happened_on_utc desc",
		)

	def _insert(self, step: str, outcome: str, **values: Any) -> str:
		name = frappe.generate_hash(length=10)
		row = {"request": self.request, "attempt": self.number, "step": step, "outcome": outcome, **_NOTHING}
		row |= {**clock.stamp("happened_on", "last_on"), "times": 1, **values}
		upsert(DOCTYPE, [(name, _fit(row))])
		seen = row["quantity"] if row["has_quantity"] else None
		self._untold.append({"event": _EVENTS[step], "attempt": name, "quantity": seen})
		self.latest = name
		return name


class _Call:
	"""Listens to the HTTP calls of one step."""

	def __init__(self) -> None:
		self.status: int | None = None
		self.milliseconds = 0

	def hear(self, info: CallInfo) -> None:
		self.status = info.status
		self.milliseconds += info.milliseconds

	def numbers(self) -> dict[str, Any]:
		return {"http_status": self.status or 0, "duration_ms": self.milliseconds}


def was_accepted(request: str) -> bool:
	"""Whether Pax8 answered the last write of a request with yes."""
	last = frappe.get_all(
		DOCTYPE,
		{"request": request, "step": WRITE},
		pluck="outcome",
		order_by="happened_on_utc desc",
		limit=1,
	)
	return last == [ACCEPTED]


def of(request: str) -> list[Any]:
	"""The rows of a request, the first one first."""
	return frappe.get_all(
		DOCTYPE,
		{"request": request},
		["step", "happened_on", "last_on", "times", "http_status", "duration_ms", "answer", *_SAME],
		order_by="happened_on_utc asc, creation asc",
		limit=500,
	)


def last_observed(request: str) -> Any:
	"""The row of the last look in Observe mode; None: there was none."""
	rows = frappe.get_all(
		DOCTYPE,
		{"request": request, "step": OBSERVE},
		["outcome", "has_quantity", "quantity", "last_on_utc"],
		order_by="last_on_utc desc",
		limit=1,
	)
	return rows[0] if rows else None


def sent_as(quantity: int) -> str:
	"""The change as it goes over the wire."""
	return json.dumps({"quantity": quantity})


_NOTHING = {"has_quantity": 0, "quantity": 0, "pax8_status": None, "answer": None}


def _number(quantity: Any) -> dict[str, Any]:
	whole = isinstance(quantity, int)
	return {"has_quantity": int(whole), "quantity": quantity if whole else 0}


def _shown(remote: Subscription) -> dict[str, Any]:
	"""What matters of a record; its prices do not."""
	term = remote.commitment_term
	said = {
		"quantity": remote.quantity,
		"status": remote.status,
		"billingTerm": remote.billing_term,
		"commitmentEndDate": term.end_date if term else None,
		"endDate": remote.end_date,
		"updatedDate": remote.updated_date,
	}
	answer = json.dumps({key: value for key, value in said.items() if value is not None}, default=str)
	return {"answer": answer, "pax8_status": remote.status, **_number(remote.quantity)}


def _body(error: Pax8Error) -> str:
	return error.body or error.message


def _outcome(error: Pax8Error | None) -> str:
	if error is None:
		return ACCEPTED
	if error.effect == "unknown":
		return ANSWER_LOST
	return REFUSED if isinstance(error, Refused | Forbidden | NotFound) else NOT_SENT


def _fit(row: dict[str, Any]) -> dict[str, Any]:
	if row.get("answer"):
		row = {**row, "answer": row["answer"][:_LONGEST_ANSWER]}
	return fitting(DOCTYPE)(row)
