"""Finds out what became of a change whose answer was lost, by reading: of Pax8's record and of its history.

Nothing is sent from here. What can be concluded from what was read is said in `rules.fate`; every request comes to an
end, and only one that provably was not made can be retried, by a person.
"""

from datetime import timedelta
from typing import Any

import frappe
from frappe import _
from frappe.utils import cint, format_datetime

from msp_licensing import clock
from msp_licensing.changes import result, states
from msp_licensing.changes.apply import only_worker
from msp_licensing.changes.attempts import RECONCILE, Attempts
from msp_licensing.changes.audit import events
from msp_licensing.changes.states import DOCTYPE, FAILED, NEEDS_REVIEW
from msp_licensing.pax8 import NotFound, Pax8Client, Pax8Error, Subscription
from msp_licensing.rules.fate import SETTLES_AFTER, Fate, History, Seen, judge
from msp_licensing.sync import connection

FIELDS = (
	"workflow_state",
	"subscription",
	"current_quantity",
	"requested_quantity",
	"approved_quantity",
	"write_sent_on",
	"write_sent_on_utc",
	"requested_on_utc",
	"attempts",
)


def run(request: str, *, pax8: Pax8Client | None = None) -> None:
	"""One look at a request in `Needs Review`, by the follow-up. Commits."""
	frappe.set_user("Administrator")
	if pax8 is None and not connection.is_active():
		return
	with only_worker(request) as mine:
		if not mine:
			return
		frappe.db.rollback()  # see what the worker before us committed
		with connection.for_one_record(pax8) as client:
			_look(request, client)


def check_again(request: str, *, pax8: Pax8Client | None = None) -> str:
	"""Staff ask now what the follow-up asks by itself; commits.

	Returns:
		The state the request is in afterwards: Applied if Pax8 shows the wished quantity, Failed if it can be
		concluded that it was not made, or that nobody can tell any more; else Needs Review, as before.
	"""
	if frappe.db.get_value(DOCTYPE, request, "workflow_state") != NEEDS_REVIEW:
		frappe.throw(_("Only a request that needs review can be checked again."))
	with only_worker(request) as mine:
		if not mine:
			frappe.throw(_("This request is being worked on. Please try again in a minute."))
		frappe.db.rollback()  # see what the worker before us committed
		events.record(request, "checked")
		frappe.db.commit()  # nosemgrep: frappe-manual-commit - nothing is locked while Pax8 is asked
		with connection.for_one_record(pax8) as client:
			_look(request, client)
	return frappe.db.get_value(DOCTYPE, request, "workflow_state")


def _look(request: str, pax8: Pax8Client) -> None:
	row = frappe.db.get_value(DOCTYPE, request, list(FIELDS), as_dict=True)
	if not row or row.workflow_state != NEEDS_REVIEW:
		return
	target, sent_on = states.target_of(row), row.write_sent_on_utc or row.requested_on_utc
	calls = Attempts(request, pax8, number=row.attempts, since=row.write_sent_on_utc)
	remote, gone, why = _read(calls, row.subscription)
	since_sent = clock.passed(sent_on)
	seen = Seen(
		target=target,
		quantity=remote.quantity if remote else None,
		status=remote.status if remote else None,
		since_sent=since_sent,
		same_for=calls.same_for(RECONCILE) if remote else timedelta(),
		looks=calls.looks(RECONCILE),
		history=_history(calls, row, remote, target, sent_on, since_sent),
		gone=gone,
	)
	fate, reason = judge(seen)
	numbers = {"quantity_after": cint(remote.quantity)} if remote else {}
	if fate == Fate.DONE:
		message = _("Read back from Pax8 on a later look.")
		return result.applied(request, remote, message, calls=calls, event="applied_after_all")
	if remote:
		result.keep(remote)
	words = _words(reason, row, seen, why)
	if fate == Fate.OPEN:
		return result.wait(request, sent_on, words, calls=calls, **numbers)
	calls.tell()
	return result.end(
		request,
		FAILED,
		words,
		expect=(NEEDS_REVIEW,),
		told={"attempt": calls.latest},
		retryable=int(fate == Fate.NOT_DONE),
		**numbers,
	)


def _read(calls: Attempts, subscription: str) -> tuple[Subscription | None, bool, str]:
	try:
		return calls.read(RECONCILE, subscription), False, ""
	except NotFound as error:
		return None, True, error.message
	except Pax8Error as error:
		return None, False, error.message


def _history(
	calls: Attempts, row: Any, remote: Subscription | None, target: int, sent_on: Any, since_sent: timedelta
) -> History:
	"""Asked only where it can decide anything."""
	if remote is None or remote.quantity == target or since_sent < SETTLES_AFTER:
		return History.UNKNOWN
	return calls.history(row.subscription, target=target, shown=remote.quantity, sent=sent_on)


def _words(reason: str, row: Any, seen: Seen, why: str) -> str:
	"""What was found, with all numbers, for staff."""
	sentences = {
		"too_early": _(
			"Pax8 shows {shown}. The answer was lost less than half an hour ago: it is looked at again."
		),
		"not_steady": _(
			"Pax8 shows {shown}, and its history no change to {target}. It is looked at once more."
		),
		"never_taken": _(
			"The change from {old} to {target} was not made: Pax8 shows {shown}, and its history no {target} since {sent}. It can be retried."
		),
		"changed_since": _(
			"Pax8 had taken the change from {old} to {target}, sent on {sent}. It has been changed since, and shows {shown} now. Ask anew for what is still wanted."
		),
		"no_history": _(
			"Pax8 shows {shown}; {target} was sent on {sent}. Its history does not tell what became of it."
		),
		"unreadable": _("{target} was sent on {sent}. Pax8 could not be read since: {why}"),
		"gone": _("{target} was sent on {sent}. Pax8 has no such subscription any more: {why}"),
		"not_active": _("Pax8 took the change to {target}, sent on {sent}, and shows {shown} now."),
		"provisioning": _(
			"Pax8 shows {shown} since the change was sent on {sent}, and has not finished provisioning it."
		),
	}
	shown = f"{seen.quantity} ({seen.status})" if seen.quantity is not None else _("nothing that can be read")
	return sentences[reason].format(
		old=row.current_quantity,
		target=seen.target,
		shown=shown,
		sent=format_datetime(row.write_sent_on) if row.write_sent_on else "?",
		why=why,
	)
