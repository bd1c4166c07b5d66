"""The form of a License Change Request: another quantity, a change at once, and what was done at Pax8."""

from typing import Any

import frappe
from frappe import _lt

from msp_licensing import permissions, transactions
from msp_licensing.changes import attempts as kept
from msp_licensing.changes import observe, staff, states
from msp_licensing.changes.attempts import (
	ACCEPTED,
	ANSWER_LOST,
	HISTORY,
	NOT_READ,
	NOT_SENT,
	OBSERVE,
	READ,
	READ_BACK,
	RECONCILE,
	REFUSED,
	SEEN,
	SENDING,
	WRITE,
)
from msp_licensing.rules.fate import History


@frappe.whitelist(methods=["POST"])
@transactions.repeated
def approve_another(
	request: str, quantity: int | str, reason: str, seen_quantity: int, seen_amount: str | None = None
) -> str:
	"""Approves a pending request with another quantity; returns its new state. See `changes.staff.approve_another`."""
	return staff.approve_another(
		request, quantity, reason, seen_quantity=seen_quantity, seen_amount=seen_amount
	).workflow_state


@frappe.whitelist(methods=["POST"])
@transactions.repeated
def change_now(subscription: str, quantity: int | str, reason: str, seen_quantity: int | None = None) -> str:
	"""Makes a change at once; returns the name of the request. See `changes.staff.change_now`."""
	return staff.change_now(subscription, quantity, reason, seen_quantity=seen_quantity).name


@frappe.whitelist()
def attempts(request: str) -> list[dict[str, Any]]:
	"""What was done at Pax8 for a request, step by step, in words. Staff only.

	Returns:
		Rows with `when`, `last` (the last time that just this was seen, or None), `times`, `step`, `outcome`, `color`,
		`seen` (quantity and status), `status` (of HTTP), `milliseconds` and `answer` (Pax8's, without secrets).
	"""
	permissions.require_connection_manager()
	frappe.has_permission(states.DOCTYPE, "read", request, throw=True)
	return [_shown(row) for row in kept.of(request)]


def _shown(row: Any) -> dict[str, Any]:
	words, color = OUTCOMES.get(row.outcome, (row.outcome, "gray"))
	seen = str(row.quantity) if row.has_quantity else ""
	if row.pax8_status:
		seen = f"{seen} ({row.pax8_status})".strip()
	return {
		"when": row.happened_on,
		"last": row.last_on if row.times > 1 else None,
		"times": row.times,
		"step": str(STEPS.get(row.step, row.step)),
		"outcome": str(words),
		"color": color,
		"seen": seen,
		"status": row.http_status or None,
		"milliseconds": row.duration_ms,
		"answer": row.answer or "",
	}


STEPS = {
	READ: _lt("Read before sending"),
	WRITE: _lt("Sent"),
	READ_BACK: _lt("Read back"),
	OBSERVE: _lt("Only observed"),
	RECONCILE: _lt("Looked again"),
	HISTORY: _lt("Pax8's history"),
}
OUTCOMES = {
	SEEN: (_lt("Seen"), "blue"),
	NOT_READ: (_lt("Could not be read"), "orange"),
	SENDING: (_lt("No answer came"), "orange"),
	ACCEPTED: (_lt("Accepted"), "green"),
	REFUSED: (_lt("Refused"), "red"),
	NOT_SENT: (_lt("Not done: nothing was changed"), "orange"),
	ANSWER_LOST: (_lt("The answer was lost"), "red"),
	kept.HISTORY_SAYS[History.SHOWS]: (_lt("Has our change"), "green"),
	kept.HISTORY_SAYS[History.LACKS]: (_lt("Has no such change"), "orange"),
	kept.HISTORY_SAYS[History.UNKNOWN]: (_lt("Does not tell"), "gray"),
	observe.WOULD_SEND: (_lt("Would be sent, were the mode Live"), "blue"),
	observe.ALREADY_THERE: (_lt("Nothing to send: Pax8 has it already"), "gray"),
	observe.WOULD_ASK: (_lt("Would be decided again: the quantity has moved"), "orange"),
	observe.WOULD_FAIL: (_lt("Could not be sent at the moment"), "red"),
}
