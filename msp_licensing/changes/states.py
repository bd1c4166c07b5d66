"""The states of a License Change Request, and the one function that moves a request outside the Workflow.

Human steps (approve, reject, retry) go through Frappe's Workflow and the controller. Steps of the system and of the
client (apply, confirm, withdraw, expire) go through `move`: Frappe refuses any save that is not a transition of the
Workflow, for code as well, and a claim has to be one atomic comparison in any case.
"""

from typing import Any

import frappe
from frappe.desk.notifications import clear_doctype_notifications
from frappe.utils import cint
from frappe.workflow.doctype.workflow_action.workflow_action import process_workflow_actions

from msp_licensing import clock
from msp_licensing.changes import assignments, business_days, site_automation
from msp_licensing.changes.audit import events

DOCTYPE = "License Change Request"

CLIENT_PENDING = "Pending Client Approval"
PENDING = "Pending Approval"
APPROVED = "Approved"
APPLYING = "Applying"
SCHEDULED = "Scheduled"
NEEDS_REVIEW = "Needs Review"
APPLIED = "Applied"
REJECTED = "Rejected"
WITHDRAWN = "Withdrawn"
EXPIRED = "Expired"
FAILED = "Failed"

# While a request is in one of these, its subscription takes no other request.
OPEN = (CLIENT_PENDING, PENDING, APPROVED, APPLYING, SCHEDULED, NEEDS_REVIEW)
# Nobody has released it yet: it can be withdrawn, and expires.
WAITING = (CLIENT_PENDING, PENDING)
WITHDRAWABLE = (*WAITING, SCHEDULED)
CLOSED = (APPLIED, REJECTED, WITHDRAWN, EXPIRED, FAILED)

# What people may do by saving the document, in the Workflow or past it.
HUMAN_STEPS = {
	(PENDING, APPROVED),
	(PENDING, SCHEDULED),
	(PENDING, REJECTED),
	(CLIENT_PENDING, REJECTED),
	(SCHEDULED, REJECTED),
	(FAILED, APPROVED),
}
# Where such a step says yes: nobody takes it on a request of their own.
GRANTED = (APPROVED, SCHEDULED)
REJECTABLE = tuple(sorted(before for before, after in HUMAN_STEPS if after == REJECTED))


def open_subscription(state: str, subscription: str) -> str | None:
	"""The value of the unique column that lets the database hold "one open request per subscription"."""
	return subscription if state in OPEN else None


def waiting() -> dict[str, Any]:
	"""The fields of a request that begins to wait for somebody now; `changes.deadlines` goes by them."""
	now = clock.utc_now()
	days = frappe.db.get_single_value("Licensing Settings", "pending_expiry_days")
	last_day = business_days.after(clock.to_site(now), days)
	return {"waiting_since": now, "reminded_on": None, "expires_on": last_day}


NOT_WAITING = {"waiting_since": None, "expires_on": None}


def target_of(row: Any) -> int:
	"""The quantity that is to be applied: the one staff approved instead, where they did, else the one asked for."""
	return cint(row.approved_quantity) or cint(row.requested_quantity)


def still_owned(request: Any) -> bool:
	"""Whether the subscription of a request (`subscription`, `client_doctype`, `client`) still belongs to its client."""
	owner = frappe.db.get_value(
		"Pax8 Subscription", request.subscription, ["client_doctype", "client"], as_dict=True
	)
	return bool(owner) and (owner.client_doctype, owner.client) == (request.client_doctype, request.client)


def move(
	name: str,
	to: str,
	*,
	expect: tuple[str, ...],
	event: str | None = None,
	first: str | None = None,
	told: dict[str, Any] | None = None,
	**values: Any,
) -> bool:
	"""Moves a request to the state `to` if it is in one of `expect`; locks the row, does not commit.

	What has happened is kept as an event, and what the site has set up for it runs after the commit.

	Args:
		name: of the License Change Request.
		event: a key of `events.EVENTS`; by default what a move to this state is usually called. A request that stays in
			its state has an event only if one is named.
		first: the event that has led to this one, such as the yes of the client's own approver.
		told: more of the event: see `events.record`.
		values: other fields to write in the same statement.

	Returns:
		False, and nothing is written, if the request is in another state: somebody else was faster.
	"""
	if frappe.db.get_value(DOCTYPE, name, "workflow_state", for_update=True) not in expect:
		return False
	before = frappe.get_doc(DOCTYPE, name, for_update=True)
	is_new = before.workflow_state != to
	if is_new:
		values = {**(waiting() if to in WAITING else NOT_WAITING), **values}
	frappe.db.set_value(
		DOCTYPE,
		name,
		{
			"workflow_state": to,
			"open_subscription": open_subscription(to, before.subscription),
			"step": cint(before.step) + int(is_new),
			**values,
		},
	)
	doc = frappe.get_doc(DOCTYPE, name)
	if first:
		events.record(name, first)
	if is_new:
		events.record(name, event or events.OF_STATE[to], states=(before.workflow_state, to), **(told or {}))
		assignments.close(name)
	elif event:
		events.record(name, event, **(told or {}))
	renew_workflow_actions(doc)
	site_automation.after_move(before, doc)
	doc.notify_update()
	return True


def renew_workflow_actions(doc: Any) -> None:
	"""Closes the to-dos of the state that was left, and makes those of the new one, as a save would have done."""
	here = {"reference_doctype": DOCTYPE, "reference_name": doc.name}
	frappe.db.set_value("Workflow Action", {**here, "status": "Open"}, "status", "Completed")
	# Frappe makes one action per state and document, ever: a state that is come back to has its own opened again.
	if known := frappe.db.get_value("Workflow Action", {**here, "workflow_state": doc.workflow_state}):
		again = {"status": "Open", "completed_by": None, "completed_by_role": None}
		frappe.db.set_value("Workflow Action", known, again)
	else:
		process_workflow_actions(doc, "on_update")
	clear_doctype_notifications("Workflow Action")
	clear_doctype_notifications(doc)
