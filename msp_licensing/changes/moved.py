"""What changes at Pax8 concerns requests at once: those that wait for a decision, and those that wait for Pax8.

Where Pax8 moves a subscription to another company, what its former client asked for is withdrawn.

A request that waits for a decision is brought up to the quantity that Pax8 has now, with both numbers in it: whoever
saw the old one is asked to look again, and the approval is not sent back when it is applied.
"""

import frappe
from frappe.utils import cint

from msp_licensing import clock
from msp_licensing.changes.states import APPLYING, DOCTYPE, NEEDS_REVIEW, WAITING, WITHDRAWABLE

# Who looks at a request that waits for Pax8.
_LOOKS = {
	APPLYING: "msp_licensing.changes.apply.run",
	NEEDS_REVIEW: "msp_licensing.changes.reconcile.run",
}


def notice(subscriptions: list[str]) -> None:
	"""Has jobs look at the requests of subscriptions whose quantity, status or company changed, once that is committed."""
	if not subscriptions:
		return
	rows = frappe.get_all(
		DOCTYPE,
		{"subscription": ("in", subscriptions), "workflow_state": ("in", (*WITHDRAWABLE, *_LOOKS))},
		["name", "subscription", "workflow_state", "next_attempt_on"],
	)
	if waiting := sorted(row.subscription for row in rows if row.workflow_state in WITHDRAWABLE):
		_queue("msp_licensing.changes.moved.run", subscriptions=waiting)
	for row in rows:
		# Only what is left for later: a worker that is at it right now stores what it reads, too.
		job = _LOOKS.get(row.workflow_state)
		if job and row.next_attempt_on and row.next_attempt_on > clock.utc_now():
			_queue(job, request=row.name)


def _queue(job: str, **arguments: object) -> None:
	frappe.enqueue(job, queue="short", enqueue_after_commit=True, **arguments)


def run(subscriptions: list[str] | None = None) -> int:
	"""Brings waiting requests up to the quantity that was last read, and withdraws those of a former client; commits.
	Returns how many had another quantity.

	Args:
		subscriptions: only those of these; by default all, for the follow-up: a job can get lost.
	"""
	# Not at the top: they store what they read through sync, which calls `notice`.
	from msp_licensing.changes import requests, result

	frappe.set_user("Administrator")
	requests.withdraw_of_others(subscriptions)
	frappe.db.commit()  # nosemgrep: frappe-manual-commit - one thing is done before the next begins
	request, mirror = frappe.qb.DocType(DOCTYPE), frappe.qb.DocType("Pax8 Subscription")
	query = (
		frappe.qb.from_(request)
		.join(mirror)
		.on(request.subscription == mirror.name)
		.select(request.name, request.workflow_state, mirror.quantity)
		.where(request.workflow_state.isin(WAITING))
		.where(request.current_quantity != mirror.quantity)
	)
	if subscriptions:
		query = query.where(request.subscription.isin(subscriptions))
	count = 0
	for name, state, quantity in query.run():
		if result.ask_again(name, cint(quantity), expect=(state,), state=state):
			count += 1
		frappe.db.commit()  # nosemgrep: frappe-manual-commit - a request at a time
	return count
