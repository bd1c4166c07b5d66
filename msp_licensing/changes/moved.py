"""A quantity that changes at Pax8 while a request for its subscription waits: the waiting request shows both numbers.

Whoever decides then decides on what Pax8 has now: a form opened before is refused as out of date, and the approval is
not sent back when it is applied.
"""

import frappe
from frappe.utils import cint

from msp_licensing.changes.states import DOCTYPE, WAITING


def notice(subscriptions: list[str]) -> None:
	"""Has a job look at what waits for these subscriptions, once the change of their rows is committed."""
	if subscriptions and frappe.db.exists(
		DOCTYPE, {"subscription": ("in", subscriptions), "workflow_state": ("in", WAITING)}
	):
		frappe.enqueue(
			"msp_licensing.changes.moved.run",
			queue="short",
			enqueue_after_commit=True,
			subscriptions=subscriptions,
		)


def run(subscriptions: list[str] | None = None) -> int:
	"""Brings waiting requests up to the quantity that was last read; commits. Returns how many had another.

	Args:
		subscriptions: only those of these; by default all, for the follow-up: a job can get lost.
	"""
	from msp_licensing.changes import result  # it stores what it reads through sync, which calls `notice`

	frappe.set_user("Administrator")
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
		frappe.db.commit()  # nosemgrep: a request at a time
	return count
