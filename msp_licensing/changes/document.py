"""The document's own life: what a new request is filled with, and who may change what on an existing one.

The controller of License Change Request calls these and nothing else, so that form, REST, Workflow and code meet the
same rules.
"""

from dataclasses import replace
from typing import Any

import frappe
from frappe import _
from frappe.utils import cint, get_fullname

from msp_licensing import clock, permissions
from msp_licensing.changes import (
	assignments,
	decide,
	notify,
	planning,
	price_drift,
	site_automation,
	states,
)
from msp_licensing.changes.audit import events
from msp_licensing.changes.requests import AskedAlready, event_of_decision, on_its_way, refuse
from msp_licensing.changes.states import APPROVED, DOCTYPE, FAILED, PENDING, REJECTED, SCHEDULED
from msp_licensing.clients import client_title
from msp_licensing.rules.policy import Decision, Outcome, Policy, SubscriptionRule
from msp_licensing.sync import guard

# What stops a client but not staff, who have to give a reason.
LIMITS_FOR_CLIENTS = ("client_disabled", "self_service_off", "below_minimum", "above_maximum")

# Fields of an existing request that people may write by hand.
EDITABLE = {"reject_reason"}

# Written together with one of these steps, never before or after: whoever approves another quantity approves it.
ANOTHER_QUANTITY = ("approved_quantity", "quantity_reason")
APPROVALS = ((PENDING, APPROVED), (PENDING, SCHEDULED))


def prepare(doc: Any) -> None:
	"""Fills a new request from its subscription; for one made in the desk, also decides whether it may be."""
	row = frappe.db.get_value("Pax8 Subscription", doc.subscription, list(decide.FIELDS), as_dict=True)
	if not row:
		frappe.throw(_("Please choose a subscription."), frappe.ValidationError)
	if not doc.flags.from_portal:
		_prepare_for_staff(doc, row)
	doc.update(
		{
			"client_doctype": row.client_doctype,
			"client": row.client,
			"client_name": client_title(row.client_doctype, row.client),
			"pax8_company": row.pax8_company,
			"product": row.product,
			"product_name": row.product_name,
			"vendor": row.vendor,
			"current_quantity": row.quantity,
			"quantity_change": cint(doc.requested_quantity) - row.quantity,
			**clock.stamp("requested_on"),
			"open_subscription": row.name,
			"currency": doc.currency or None,
		}
	)
	doc.update(states.waiting() if begins_as(doc) in states.WAITING else states.NOT_WAITING)
	if begins_as(doc) in states.GRANTED:
		doc.update(clock.stamp("decided_on"))
		doc.decided_by = frappe.session.user if doc.flags.at_once else None
	doc.workflow_state = PENDING  # what Frappe's Workflow lets a new document have; see `begins_as`
	# The site's own fields are not asked for in the portal, nor by those who make requests through the API.
	doc.flags.ignore_mandatory = True


def begins_as(doc: Any) -> str:
	"""The state that the decision has led a new request to: it is stored with it from the beginning."""
	return doc.flags.begins_as or PENDING


def _prepare_for_staff(doc: Any, row: Any) -> None:
	"""Staff are not bound by the limits of self-service, but by everything else, and by a second pair of eyes."""
	permissions.require_manager()
	for field in guard.own_fields(DOCTYPE).values():
		if field.read_only or field.fieldname == "reject_reason":
			doc.set(field.fieldname, None)  # "read only" binds the form, not an insert through the API
	doc.source, doc.requested_by, doc.decision = "Desk", frappe.session.user, "Held"
	timing = planning.read_timing(doc.timing)
	decision, for_clients = judge_for_staff(row, doc.requested_quantity, timing)
	if decision.outcome == Outcome.REFUSED:
		refuse(decide.staff_words(decision))
	if for_clients.rule in LIMITS_FOR_CLIENTS and not (doc.staff_reason or "").strip():
		if for_clients.rule == "client_disabled":
			refuse(_("The client is disabled. Please give a reason for the change."))
		refuse(
			_("{0} Please give a reason for exceeding the limits.").format(decide.staff_words(for_clients))
		)
	doc.decision_rule = "staff_request"
	who = get_fullname(frappe.session.user)
	doc.decision_summary = _("Made in the desk by {0}: a Licensing Manager approves it.").format(who)
	if doc.flags.at_once:
		doc.decision = "Direct"
		doc.decision_summary = _("Made at once by {0}, without anybody else's approval.").format(who)
	inputs = decide.inputs_for(row, doc.requested_quantity, timing=timing)
	doc.update(decide.record(inputs, inputs.decide()))
	doc.update(planning.fields_of(inputs.facts, timing))


def judge_for_staff(
	row: Any, wanted: Any, timing: str = planning.NOW, **facts: Any
) -> tuple[Decision, Decision]:
	"""What stands in the way of staff asking for `wanted` on a subscription row, and what would stop its client.

	Staff may go past `LIMITS_FOR_CLIENTS`, with a reason. `facts` as for `decide.facts_of`.
	"""
	inputs = decide.inputs_for(row, wanted, timing=timing, **facts)
	for_staff = inputs._replace(
		policy=Policy(
			require_approval=True,
			allow_self_service=True,
			return_windows=inputs.policy.return_windows,
		),
		rule=SubscriptionRule(),
		facts=replace(inputs.facts, client_disabled=False),
	)
	return for_staff.decide(), inputs.decide()


def check_changes(doc: Any) -> None:
	"""Holds, on every save of an existing request, what Frappe's Workflow does not.

	A plain save or a REST PUT could otherwise approve one's own request, change the quantity together with the
	state, or go from any state to any other.
	"""
	before = doc.get_doc_before_save()
	if not before:
		return
	for field in _SYSTEMS_OWN:
		doc.set(field, before.get(field))
	step = (before.workflow_state, doc.workflow_state)
	free = {*EDITABLE, *_BOOKKEEPING, *(ANOTHER_QUANTITY if step in APPROVALS else ())}
	own = guard.own_fields(DOCTYPE)
	for field in doc.meta.get_valid_columns():
		if field in free or doc.get(field) == before.get(field):
			continue
		if field not in own and doc.meta.has_field(field):
			continue  # one that the site has added
		if doc.has_value_changed(field):
			frappe.throw(
				_("{0} of a request cannot be changed.").format(_(doc.meta.get_label(field))),
				frappe.PermissionError,
			)
	if doc.workflow_state == before.workflow_state:
		if doc.has_value_changed("reject_reason") and before.workflow_state not in states.REJECTABLE:
			refuse(_("This request has been decided already."))
		return
	if step not in states.HUMAN_STEPS:
		frappe.throw(
			_("A request cannot go from {0} to {1}.").format(_(step[0]), _(step[1])), frappe.PermissionError
		)
	permissions.require_manager()
	if doc.workflow_state in states.GRANTED:
		_check_timing(doc, step)
		if not states.still_owned(doc):
			refuse(
				_(
					"The subscription does not belong to {0} any more, so nothing can be changed for them."
				).format(client_title(doc.client_doctype, doc.client))
			)
		permissions.check_decision(frappe.session.user, doc.requested_by, doc.client_approved_by)
	if step in APPROVALS:
		_check_another_quantity(doc)
	if doc.workflow_state in states.GRANTED:
		price_drift.renew(doc)
	doc.decided_by = frappe.session.user
	doc.update(clock.stamp("decided_on"))
	doc.update(states.NOT_WAITING)
	doc.open_subscription = states.open_subscription(doc.workflow_state, doc.subscription)
	doc.step = cint(before.step) + 1
	if step == (FAILED, APPROVED):
		if not doc.retryable:
			refuse(
				_(
					"Pax8 may have made this change already, so it is not sent again. Please make a new request."
				)
			)
		# Provably nothing happened, so sending once more is not sending twice.
		doc.retryable, doc.attempts = 0, 0
		doc.update(clock.no_stamp("write_sent_on"))
		doc.pax8_message, doc.next_attempt_on = None, None
		if other := frappe.db.exists(
			DOCTYPE, {"open_subscription": doc.subscription, "name": ("!=", doc.name)}
		):
			refuse(_("Request {0} for this subscription is open.").format(other), AskedAlready)


def _check_timing(doc: Any, step: tuple[str, str]) -> None:
	"""A change for the end of the term is approved by scheduling it, any other by sending it."""
	if step[0] == PENDING and doc.workflow_state != planning.state_of_release(doc.timing):
		if doc.timing == planning.AT_TERM_END:
			refuse(_("This change is for the end of the term: schedule it."))
		refuse(_("This change is to be made now and cannot be scheduled."))


def _check_another_quantity(doc: Any) -> None:
	"""A quantity that is approved instead of the one asked for meets what a request by staff would, with a reason."""
	reason = (doc.quantity_reason or "").strip()
	if doc.approved_quantity in (None, "", 0, "0") or str(doc.approved_quantity) == str(
		doc.requested_quantity
	):
		doc.approved_quantity, doc.quantity_reason = 0, None
		return
	row = frappe.db.get_value("Pax8 Subscription", doc.subscription, list(decide.FIELDS), as_dict=True)
	verdict, _for_clients = judge_for_staff(
		row, doc.approved_quantity, planning.read_timing(doc.timing), has_open_request=False
	)
	if verdict.outcome == Outcome.REFUSED:
		refuse(decide.staff_words(verdict))
	if not reason:
		refuse(_("Please say why another quantity is approved: the requester reads it."))
	least, most = sorted((cint(doc.current_quantity), cint(doc.requested_quantity)))
	if doc.client_approved_by and not least <= verdict.numbers["wanted"] <= most:
		refuse(
			_(
				"The client's own approver has approved a change to {0}: another quantity can only be a smaller change."
			).format(doc.requested_quantity)
		)
	doc.approved_quantity, doc.quantity_reason = verdict.numbers["wanted"], reason[:1000]
	doc.quantity_change = doc.approved_quantity - doc.current_quantity
	doc.update(decide.money(decide.inputs_for(row, doc.approved_quantity, leave_out=doc.name)))


# Jobs and a client's new name write these without a new `modified`: what an open form holds of them is only old.
_SYSTEMS_OWN = ("waiting_since", "expires_on", "reminded_on", "event_count", "client_name")

# Written by Frappe itself or by `check_changes`; what people put there is overwritten or harmless.
_BOOKKEEPING = {
	"modified",
	"modified_by",
	"workflow_state",
	"_user_tags",
	"_comments",
	"_assign",
	"_liked_by",
	"_seen",
}


def after_insert(doc: Any) -> None:
	"""Keeps who asked, and what the rules said."""
	doc.flags.ignore_mandatory = False
	values = {"timing": doc.timing, "scheduled_for": doc.scheduled_for}
	if doc.source == "Portal":
		events.record(doc.name, "requested", user=doc.requested_by, detail=doc.note, **values)
	else:
		private, client = doc.staff_reason, doc.client
		events.record(
			doc.name, "requested_by_staff", detail=doc.note, private=private, on_behalf_of=client, **values
		)
	events.record(
		doc.name,
		event_of_decision(doc.workflow_state, doc.decision),
		states=(None, doc.workflow_state),
		private=doc.decision_summary,
		rule=doc.decision_rule,
		scheduled_for=doc.scheduled_for,
	)


def after_save(doc: Any) -> None:
	"""Keeps what a person has done by saving, and has done what follows."""
	before = doc.get_doc_before_save()
	if not before:
		return _after_first_save(doc)
	if before.workflow_state == doc.workflow_state:
		return _record_edit(doc, before)
	_record_step(doc, before.workflow_state)
	assignments.close(doc.name)
	if doc.workflow_state in states.GRANTED:
		on_its_way(doc)
	elif doc.workflow_state == REJECTED:
		notify.about("outcome", doc)


def _after_first_save(doc: Any) -> None:
	if doc.flags.from_portal:
		# What the site has set up runs after the commit, and not in the name of a client.
		states.renew_workflow_actions(doc)
		site_automation.after_insert(doc)
	elif doc.workflow_state == PENDING:
		notify.about("pending", doc)


def _record_step(doc: Any, before: str) -> None:
	"""The step of the Workflow that a person has taken by saving."""
	event, detail = events.OF_STATE[doc.workflow_state], None
	if before == FAILED:
		event = "retried"
	elif doc.workflow_state == REJECTED:
		detail = doc.reject_reason
	elif cint(doc.approved_quantity):
		detail = doc.quantity_reason
	states_of = (before, doc.workflow_state)
	events.record(doc.name, event, states=states_of, detail=detail, scheduled_for=doc.scheduled_for)


def _record_edit(doc: Any, before: Any) -> None:
	ignored = {*_BOOKKEEPING, *_SYSTEMS_OWN}
	fields = [
		field
		for field in doc.meta.get_valid_columns()
		if field not in ignored and doc.get(field) != before.get(field) and doc.has_value_changed(field)
	]
	if fields:
		events.record(doc.name, "edited", fields=fields)
