"""The client's own approver, who agrees before the provider is asked.

A request that needs one waits as "Pending Client Approval". Once an approver has agreed it is decided afresh, by the
policy and the quantity of that moment: the client's yes is never the provider's.
"""

from typing import Any

import frappe
from frappe import _
from frappe.utils import cint, get_fullname

from msp_licensing import clock, permissions
from msp_licensing.changes import decide, notify, price_drift, requests, states
from msp_licensing.changes.requests import refuse
from msp_licensing.changes.states import CLIENT_PENDING, DOCTYPE, PENDING, REJECTED
from msp_licensing.rules import client_approval
from msp_licensing.rules.values import Step, Verdict


def approve(
	name: str,
	*,
	access: permissions.PortalAccess,
	seen_quantity: int | None = None,
	seen_amount: str | None = None,
) -> Any:
	"""An approver of the client agrees to a colleague's request.

	Args:
		seen_quantity: the quantity the approver saw as the present one; if it has moved since, the approver is told and
			nothing is approved: the change is another one, and costs something else.
		seen_amount: the amount the approver saw, with its currency ("78.6 USD"; "" = not known): as for the quantity.

	Returns:
		The License Change Request, where the policy has led it; not committed.

	Raises:
		frappe.PermissionError: the user is no approver, or has asked for it.
		frappe.DoesNotExistError: no such request of this user's clients; the same for one of somebody else.
		ChangeRefused: decided meanwhile, or the change cannot be made any more; in the client's words.
	"""
	request = _waiting(name, access)
	requests.refuse_without_connection()
	row = requests.read_fresh(requests.client_subscription(request.subscription, access))
	seen = request.current_quantity if seen_quantity is None else cint(seen_quantity)
	inputs = decide.inputs_for(
		row, request.requested_quantity, timing=request.timing or "Now", leave_out=request.name
	)
	if row.is_fresh and row.quantity != seen:
		_keep_quantity(request, row, inputs)
		refuse(
			_("The quantity has changed to {0} meanwhile. Please check and decide again.").format(
				row.quantity
			)
		)
	price_drift.check_seen(name, seen_amount, expect=(CLIENT_PENDING,))
	decision = inputs.decide()
	requests.refuse_client(decision)
	agreed = Step(
		client_approval.GIVEN,
		Verdict.PASSES,
		{"by": get_fullname(access.user), "on": str(clock.site_today())},
	)
	state, fields = requests.judge(row, inputs, decision, agreed)
	doc = requests.settle(
		request.name,
		state,
		expect=(CLIENT_PENDING,),
		first="client_approved",
		client_approved_by=access.user,
		client_approved_on=clock.site_now(),
		current_quantity=row.quantity,
		quantity_change=request.requested_quantity - row.quantity,
		**fields,
	)
	return doc or _refuse_decided()


def decline(name: str, reason: str | None, *, access: permissions.PortalAccess) -> Any:
	"""An approver of the client declines a colleague's request, who reads the reason if there is one.

	Returns, Raises:
		as `approve`.
	"""
	request = _waiting(name, access)
	reason = (reason or "").strip()[:1000] or None
	if not states.move(
		request.name,
		REJECTED,
		expect=(CLIENT_PENDING,),
		event="client_declined",
		told={"detail": reason},
		decided_by=access.user,
		**clock.stamp("decided_on"),
		client_declined=1,
		reject_reason=reason,
	):
		_refuse_decided()
	doc = frappe.get_doc(DOCTYPE, request.name)
	notify.about("outcome", doc)
	return doc


def hand_over(name: str) -> bool:
	"""A request whose client has no approver any more, or is disabled, waits for staff: nobody could ever agree to it.

	Returns False if it waits for the client no longer. Does not commit.
	"""
	of = frappe.db.get_value(DOCTYPE, name, ["client_doctype", "client"])
	disabled = bool(of) and permissions.client_disabled(*of)
	if not states.move(
		name,
		PENDING,
		expect=(CLIENT_PENDING,),
		event="client_disabled" if disabled else "client_approver_gone",
		decision="Held",
		decision_rule="client_disabled" if disabled else client_approval.LEFT_OUT,
		decision_summary=_("Held: the client is disabled, so staff decide.")
		if disabled
		else _("Held: the client's approver is gone, so staff decide."),
	):
		return False
	notify.about("pending", frappe.get_doc(DOCTYPE, name))
	return True


def _waiting(name: str, access: permissions.PortalAccess) -> Any:
	"""The request, if the user may decide it and nobody has. `states.move` looks once more, on the locked row."""
	fields = (
		"name",
		"client_doctype",
		"client",
		"subscription",
		"source",
		"requested_by",
		"workflow_state",
		"timing",
		"current_quantity",
		"requested_quantity",
	)
	row = frappe.db.get_value(DOCTYPE, name, fields, as_dict=True)
	if not row or not access.owns(row.client_doctype, row.client):
		raise frappe.DoesNotExistError(_("This request does not exist."))
	permissions.check_client_decision(access, row.client_doctype, row.client, row.requested_by)
	requests.refuse_disabled(row)
	if row.workflow_state != CLIENT_PENDING:
		_refuse_decided()
	return row


def _refuse_decided() -> None:
	refuse(_("This request does not wait for your approval any more."))


def _keep_quantity(request: Any, row: Any, inputs: decide.Inputs) -> None:
	"""Shows the approver the quantity that Pax8 has now, and what the change costs from there."""
	state = frappe.db.get_value(DOCTYPE, request.name, "workflow_state", for_update=True)
	if state != CLIENT_PENDING:
		_refuse_decided()
	frappe.db.set_value(
		DOCTYPE,
		request.name,
		{
			"current_quantity": row.quantity,
			"quantity_change": request.requested_quantity - row.quantity,
			**decide.record(inputs, inputs.decide()),
		},
	)
	frappe.db.commit()  # nosemgrep: frappe-manual-commit - the refusal that follows would roll it back
