"""What became of a request is written down here, with its notice, and committed: the ends of applying and reconciling."""

from typing import Any

import frappe
from frappe import _
from frappe.utils import cint

from msp_licensing import clock
from msp_licensing.changes import decide, notify, states
from msp_licensing.changes.attempts import Attempts
from msp_licensing.changes.states import APPLIED, APPLYING, DOCTYPE, NEEDS_REVIEW, PENDING
from msp_licensing.pax8 import Pax8Error, Subscription
from msp_licensing.sync import subscriptions

# What waits for Pax8 is looked at again after so many minutes, the longer it has waited the less often.
LOOK_AGAIN = ((60, 5), (24 * 60, 15))
LOOK_AGAIN_AT_LAST = 60

LONGEST_MESSAGE = 2000

# The rule, and the event, of what is held because its client has been disabled.
DISABLED = "client_disabled"


def note(name: str, **values: Any) -> None:
	"""Writes fields of a request, and commits: written down before the next step is taken."""
	frappe.db.set_value(DOCTYPE, name, values)
	frappe.db.commit()  # nosemgrep


def end(
	name: str,
	state: str,
	message: str,
	*,
	expect: tuple[str, ...] = (APPLYING,),
	event: str | None = None,
	told: dict[str, Any] | None = None,
	**values: Any,
) -> None:
	"""Moves a request to where this step of it ends, and tells whoever is to know. Commits.

	Args:
		message: what Pax8 said or what was found, for staff.
		event, told: see `states.move`.
		values: other fields. `retryable`: nothing was changed at Pax8, provably, so that a person may have it sent
			again; whoever does not say so must not be able to.
	"""
	values = {"retryable": 0, "next_attempt_on": None, **values}
	told = {"private": message, **(told or {})}
	values["pax8_message"] = message[:LONGEST_MESSAGE]
	if states.move(name, state, expect=expect, event=event, told=told, **values):
		notify.about("outcome", frappe.get_doc(DOCTYPE, name))
	frappe.db.commit()  # nosemgrep: frappe-manual-commit - end of the job


def applied(
	name: str, remote: Subscription, message: str, *, calls: Attempts, event: str = "applied"
) -> None:
	"""Pax8 shows the wished quantity, and the status Active: the one proof that there is. Commits.

	Args:
		calls: that have shown it. event: see `states.move`.
	"""
	keep(remote)
	calls.tell()
	end(
		name,
		APPLIED,
		message,
		expect=(APPLYING, NEEDS_REVIEW),
		event=event,
		told={"quantity": cint(remote.quantity), "attempt": calls.latest},
		quantity_after=cint(remote.quantity),
		**clock.stamp("applied_on"),
	)


def keep(remote: Subscription) -> None:
	"""Stores what was just read. What cannot be stored changes nothing about what has been seen."""
	try:
		subscriptions.store_one(remote)
	except Pax8Error as error:
		frappe.log_error(
			title="A subscription could not be stored",
			message=error.message,
			reference_doctype="Pax8 Subscription",
			reference_name=remote.id,
		)


def wait(name: str, sent_on: Any, message: str, *, calls: Attempts, **values: Any) -> None:
	"""Leaves the rest to the follow-up. Commits. `calls`: what was looked at."""
	calls.tell()
	note(name, pax8_message=message[:LONGEST_MESSAGE], next_attempt_on=look_again_on(sent_on), **values)


def look_again_on(sent_on: Any) -> Any:
	"""When what was sent at `sent_on` is to be looked at again; both in UTC."""
	waited = clock.passed(sent_on).total_seconds() / 60
	minutes = next((often for until, often in LOOK_AGAIN if waited < until), LOOK_AGAIN_AT_LAST)
	return clock.after(minutes=minutes)


def disabled_words() -> str:
	return _("Held: the client has been disabled. Nothing was sent.")


def hold_for_disabled_client(name: str) -> None:
	"""The rules have approved it, no person has, and the client has been disabled since: staff decide. Commits."""
	if states.move(
		name,
		PENDING,
		expect=(APPLYING,),
		event=DISABLED,
		decision="Held",
		decision_rule=DISABLED,
		decision_summary=disabled_words(),
		next_attempt_on=None,
		attempts=0,
		**clock.no_stamp("decided_on"),
	):
		notify.about("pending", frappe.get_doc(DOCTYPE, name))
	frappe.db.commit()  # nosemgrep: frappe-manual-commit - end of the job


def ask_again(name: str, quantity: int, *, expect: tuple[str, ...], state: str = PENDING) -> bool:
	"""The quantity is not the one that a request was made or decided on: a person decides, seeing both numbers.

	The wish stays as it was made. Does not commit.

	Args:
		quantity: what Pax8 has now.
		state: where the request waits for that person.

	Returns:
		Whether the request was in one of `expect`, with another quantity.
	"""
	row = frappe.db.get_value(
		DOCTYPE,
		name,
		["subscription", "current_quantity", "requested_quantity", "workflow_state"],
		as_dict=True,
		for_update=True,
	)
	if not row or row.workflow_state not in expect or row.current_quantity == quantity:
		return False
	# Nobody has decided yet where it waits already; what was approved, was approved for another quantity.
	decided = row.workflow_state != state
	words = (
		_("Decided when the quantity was {0}; Pax8 has {1} now. {2} is still wished for. Nothing was sent.")
		if decided
		else _("Asked for when the quantity was {0}; Pax8 has {1} now. {2} is still wished for.")
	)
	subscription = frappe.db.get_value(
		"Pax8 Subscription", row.subscription, list(decide.FIELDS), as_dict=True
	)
	summary = words.format(row.current_quantity, quantity, row.requested_quantity)
	states.move(
		name,
		state,
		expect=(row.workflow_state,),
		event="quantity_moved",
		told={"quantity": quantity, "before": row.current_quantity, "private": summary},
		current_quantity=quantity,
		quantity_change=row.requested_quantity - quantity,
		decision="Held",
		decision_rule="quantity_moved",
		decision_summary=summary,
		approved_quantity=0,
		quantity_reason=None,
		decided_by=None,
		next_attempt_on=None,
		attempts=0,
		**clock.no_stamp("decided_on"),
		**decide.money(decide.inputs_for(subscription, row.requested_quantity, leave_out=name)),
	)
	if state == PENDING:
		notify.about("quantity_moved", frappe.get_doc(DOCTYPE, name), key=str(quantity))
	return True
