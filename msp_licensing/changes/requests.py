"""From a client's wish to a request: submit, check, decide, withdraw."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any, NoReturn

import frappe
from frappe import _
from frappe.utils import cint, escape_html

from msp_licensing import clock, permissions
from msp_licensing.changes import decide, notify, planning, states
from msp_licensing.changes.states import APPROVED, CLIENT_PENDING, DOCTYPE, PENDING, SCHEDULED
from msp_licensing.rules import client_approval
from msp_licensing.rules.policy import Decision, Outcome, Step, Verdict
from msp_licensing.sync import connection


class ChangeRefused(frappe.ValidationError):
	"""The wish cannot become a request; the message says why, as plain text, in the words of whoever asked."""

	http_status_code = 417


class AskedAlready(ChangeRefused):
	"""The subscription has an open request."""


def refuse(message: str, kind: type[ChangeRefused] = ChangeRefused) -> NoReturn:
	"""Raises `kind`. The error says `message` as it is; the dialog of the desk, which shows HTML, has it escaped.

	Without the dialog's message a refusal would be silent in the desk.
	"""
	try:
		frappe.throw(escape_html(message), kind)
	except kind as error:
		error.args = (message,)
		raise


# --------------------------------------------------------------------------------------------- clients


def submit(
	subscription: str,
	wanted: Any,
	*,
	access: permissions.PortalAccess,
	seen_quantity: int | None = None,
	note: str | None = None,
	timing: str | None = None,
) -> Any:
	"""A client asks for `wanted` licenses in all on one of its subscriptions.

	Args:
		subscription: id of a Pax8 Subscription of one of `access.clients`.
		wanted: the total wished for, as typed.
		seen_quantity: the quantity on the page the client looked at; if it has moved since, the client is told.
		note: the client's own words for the provider.
		timing: "Now", or "End of Term": made when the running commitment ends; for decreases only.

	Returns:
		The License Change Request: `Approved` (auto-approved, on its way), `Scheduled` (auto-approved for the end of
		the term), `Pending Client Approval`, or `Pending Approval`.

	Raises:
		frappe.PermissionError: the user may only look.
		frappe.DoesNotExistError: no such subscription of this user's clients; the same for one of somebody else.
		ChangeRefused: with the reason in the client's words. Nothing has changed.
	"""
	permissions.require_requester_role(access)
	timing = planning.read_timing(timing)
	row = client_subscription(subscription, access)
	permissions.require_requester(access, row.client_doctype, row.client)
	refuse_without_connection()
	# Cheap refusals first: most wishes that cannot be need no call to Pax8.
	refuse_client(decide.decide_for(row, wanted, timing=timing))
	known = row.quantity if seen_quantity is None else cint(seen_quantity)
	row = read_fresh(row)
	if row.is_fresh and row.quantity != known:
		refuse(
			_("The quantity has changed to {0} meanwhile. Please check and ask again.").format(row.quantity)
		)
	inputs = decide.inputs_for(row, wanted, timing=timing)
	decision = inputs.decide()
	refuse_client(decision)
	state, fields = judge(row, inputs, decision, client_step(row, inputs, access.user))
	doc = _insert(
		row,
		decision.numbers["wanted"],
		state=state,
		source="Portal",
		requested_by=access.user,
		note=(note or "").strip()[:1000] or None,
		**fields,
	)
	return _settled(frappe.get_doc(DOCTYPE, doc.name))


def client_step(row: Any, inputs: decide.Inputs, requested_by: str) -> Step | None:
	"""What the client's own rule says of a change: see `rules.client_approval.step`."""
	if inputs.policy.client_approval_above is None:
		return None
	amount = decide.amount_of(inputs)
	approvers = permissions.client_approvers(row.client_doctype, row.client, besides=requested_by)
	return client_approval.step(inputs.policy, amount, inputs.facts.currency, has_approver=bool(approvers))


def judge(
	row: Any, inputs: decide.Inputs, decision: Decision, step: Step | None
) -> tuple[str, dict[str, Any]]:
	"""Where a decision that refuses nothing leads a request, and the fields that keep it.

	Args:
		row: as `read_fresh` returns it: what is decided on an old quantity waits for a person.
		step: what the client's own approver has, or would have, to say; it stands first in the trace.
	"""
	if step is not None:
		decision = replace(decision, trace=(step, *decision.trace))
	fields = {**decide.record(inputs, decision), **planning.fields_of(inputs.facts, inputs.timing)}
	fields |= {"decision": "Held", "decision_rule": decision.rule}
	if step is not None and step.verdict is Verdict.HOLDS:
		words = _("The client's own approver is asked first; then it is decided once more.")
		return CLIENT_PENDING, {**fields, "decision_rule": step.rule, "decision_summary": words}
	if not row.is_fresh:
		words = _("Pax8 could not be asked for the current quantity: {0}").format(row.read_problem)
		return PENDING, {**fields, "decision_rule": "not_verified", "decision_summary": words}
	fields["decision_summary"] = decide.staff_words(decision)
	if decision.outcome == Outcome.RELEASED:
		return planning.state_of_release(inputs.timing), {**fields, "decision": "Auto-Approved"}
	return PENDING, fields


def settle(name: str, state: str, *, expect: tuple[str, ...], first: str | None = None, **values: Any) -> Any:
	"""Moves a request to where its decision has led it, tells people, and has done what is to be done.

	Args:
		first: the event that has led to it, see `states.move`.

	Returns:
		The License Change Request; None, and nothing is written, if it is in none of the states `expect`.
	"""
	if state in states.GRANTED:
		values |= clock.stamp("decided_on")
	told = {
		"private": values.get("decision_summary"),
		"rule": values.get("decision_rule"),
		"scheduled_for": values.get("scheduled_for"),
	}
	event = event_of_decision(state, values.get("decision"))
	if not states.move(name, state, expect=expect, event=event, first=first, told=told, **values):
		return None
	return _settled(frappe.get_doc(DOCTYPE, name))


def event_of_decision(state: str, decision: str | None) -> str:
	"""The event that a decision of the rules is: where it leads, and whether it needs nobody's approval."""
	if decision == "Direct":
		return "direct"
	if state == CLIENT_PENDING:
		return "client_asked"
	return "released" if state in states.GRANTED else "held"


def _settled(doc: Any) -> Any:
	on_its_way(doc)
	notify.about(_NEWS[doc.workflow_state], doc)
	return doc


_NEWS = {
	CLIENT_PENDING: "client_pending",
	PENDING: "pending",
	APPROVED: "approved_by_itself",
	SCHEDULED: "approved_by_itself",
}


def on_its_way(doc: Any) -> None:
	"""What follows when a request has become Approved or Scheduled, whoever said so; nothing in other states."""
	if doc.workflow_state == APPROVED:
		queue_apply(doc.name)
	elif doc.workflow_state == SCHEDULED:
		notify.about("scheduled", doc)


def withdraw(name: str, *, access: permissions.PortalAccess) -> None:
	"""A client takes back a request that still waits.

	Raises:
		frappe.PermissionError, frappe.DoesNotExistError: as for `submit`.
		ChangeRefused: it has been decided meanwhile.
	"""
	row = frappe.db.get_value(DOCTYPE, name, ["name", "client_doctype", "client", "source"], as_dict=True)
	if not row or not access.owns(row.client_doctype, row.client):
		raise frappe.DoesNotExistError(_("This request does not exist."))
	permissions.require_requester(access, row.client_doctype, row.client)
	refuse_disabled(row)
	if row.source != "Portal":
		refuse(_("Your provider made this request for you. Please ask them to withdraw it."))
	if not states.move(name, states.WITHDRAWN, expect=states.WITHDRAWABLE, **clock.stamp("decided_on")):
		refuse(_("This request has been decided already and cannot be withdrawn."))


def client_subscription(name: str, access: permissions.PortalAccess) -> Any:
	"""The row of a subscription that `access` may see; somebody else's does not exist for the caller."""
	row = None
	if isinstance(name, str) and name:
		row = frappe.db.get_value("Pax8 Subscription", name, list(decide.FIELDS), as_dict=True)
	if not row or not access.owns(row.client_doctype, row.client) or not is_shown(row):
		raise frappe.DoesNotExistError(_("This subscription does not exist."))
	return row


def is_shown(row: Any) -> bool:
	"""Whether a client may see its subscription `row` at all (show_to_client, product)."""
	if not cint(row.show_to_client):
		return False
	if not frappe.db.get_single_value("Licensing Settings", "hide_subscriptions_of_hidden_products"):
		return True
	return bool(row.product and frappe.db.get_value("Pax8 Product", row.product, "visible"))


def withdraw_of_others(subscriptions: Collection[str] | None = None, *, lock: bool = False) -> int:
	"""Withdraws every waiting request whose subscription belongs to another client by now; returns how many.

	The company was given to another client record, or Pax8 moved the subscription. The requesters are told.

	Args:
		subscriptions: only those of these; by default all.
		lock: also find what others have committed since this transaction began.
	"""
	request, mirror = frappe.qb.DocType(DOCTYPE), frappe.qb.DocType("Pax8 Subscription")
	query = (
		frappe.qb.from_(request)
		.join(mirror)
		.on(request.subscription == mirror.name)
		.select(request.name)
		.where(request.workflow_state.isin(states.WITHDRAWABLE))
		.where(
			mirror.client.isnull()
			| (mirror.client != request.client)
			| (mirror.client_doctype != request.client_doctype)
		)
	)
	if lock:
		query = query.for_update()
	if subscriptions is not None:
		query = query.where(request.subscription.isin(list(subscriptions) or [""]))
	reason, count = _("The subscription belongs to another client record now."), 0
	for (name,) in query.run():
		if states.move(
			name,
			states.WITHDRAWN,
			expect=states.WITHDRAWABLE,
			event="dropped",
			told={"private": reason},
			**clock.stamp("decided_on"),
			pax8_message=reason,
		):
			notify.about("outcome", frappe.get_doc(DOCTYPE, name))
			count += 1
	return count


def refuse_disabled(row: Any) -> None:
	"""For what a client's people do besides asking: nothing where the client (of a row with its fields) is disabled."""
	if permissions.client_disabled(row.client_doctype, row.client):
		refuse(_("Your provider has paused changes for your company. Please contact them."))


def refuse_without_connection() -> None:
	if not connection.is_active():
		refuse(_("Changes are not possible at the moment. Please ask your provider."))


def refuse_client(decision: Any) -> None:
	if decision.outcome != Outcome.REFUSED:
		return
	message = decide.client_words(decision)
	refuse(message, AskedAlready if decision.rule == "open_request" else ChangeRefused)


def read_fresh(row: Any) -> Any:
	"""`row` as Pax8 has it now, with nobody else deciding at the same time. Commits.

	Where Pax8 cannot be asked, `is_fresh` is False and the request will be held.
	"""
	from msp_licensing.pax8 import Pax8Error
	from msp_licensing.sync import subscriptions

	try:
		# Somebody waits for the page: better held for a person than a minute of retries.
		with connection.client(timeout=10, max_retries=0, priority=True) as pax8:
			remote = pax8.subscription(row.name)
		subscriptions.store_one(remote)
	except Pax8Error as error:
		_wait_for_others(row)
		row.is_fresh, row.read_problem = False, error.message
		return row
	_wait_for_others(row)
	fresh = frappe.db.get_value("Pax8 Subscription", row.name, list(decide.FIELDS), as_dict=True)
	fresh.is_fresh = True
	return fresh


def _wait_for_others(row: Any) -> None:
	"""Of two requests at once the second waits here, and sees afterwards what the first has become.

	The commit ends this transaction's view of the database: the next one begins after the locks are held. What was
	learnt from Pax8 is worth keeping, whatever becomes of the wish.
	"""
	frappe.db.commit()  # nosemgrep: frappe-manual-commit - see above
	if row.client and decide.policy_for(row.client_doctype, row.client).limit_per_month is not None:
		frappe.db.commit()  # nosemgrep: frappe-manual-commit - ends the view that reading the policy began
		# The limit counts all subscriptions of the client together.
		frappe.db.get_value(row.client_doctype, row.client, "name", for_update=True)
	owner = frappe.db.get_value(
		"Pax8 Subscription", row.name, ["client_doctype", "client"], for_update=True, as_dict=True
	)
	if not owner or (owner.client_doctype, owner.client) != (row.client_doctype, row.client):
		raise frappe.DoesNotExistError(_("This subscription does not exist."))


def _insert(row: Any, wanted: int, *, state: str, **values: Any) -> Any:
	doc = frappe.get_doc(
		{
			"doctype": DOCTYPE,
			"subscription": row.name,
			"requested_quantity": wanted,
			**{key: value for key, value in values.items() if value is not None},
			# Where nothing is set Frappe takes the site's own currency, since the field has its name.
			"currency": values.get("currency") or "",
		}
	)
	doc.flags.from_portal, doc.flags.begins_as = True, state
	doc.flags.automation_waits = True  # until the commit: see `site_automation.after_insert`
	try:
		# Portal users have no DocPerm: everything above this line is the permission check.
		doc.insert(ignore_permissions=True)
	except frappe.UniqueValidationError:
		refuse(_("There is an open request for this subscription already."), AskedAlready)
	doc.flags.automation_waits = False
	return doc


def queue_apply(name: str) -> None:
	"""Has a worker apply the request once this transaction is committed. Harmless if queued twice."""
	frappe.enqueue("msp_licensing.changes.apply.run", queue="short", enqueue_after_commit=True, request=name)
