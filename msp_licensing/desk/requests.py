"""The form of a License Change Request: why it was held, what a new one would meet, and the steps around a decision."""

import json
from typing import Any

import frappe
from frappe import _
from frappe.utils import formatdate

from msp_licensing import permissions
from msp_licensing.changes import apply, decide, document, requests, states
from msp_licensing.desk import rules
from msp_licensing.pax8 import Pax8Error
from msp_licensing.rules.policy import Outcome
from msp_licensing.sync import connection

DOCTYPE = states.DOCTYPE


@frappe.whitelist()
def trace(request: str) -> dict[str, Any]:
	"""The decision on a request, check by check, in words. Staff only: a client never learns the rule.

	Returns:
		`steps`: rows with `check`, `verdict`, `detail` and `decided` (True for the one that made the decision);
		`notices`: what else matters before deciding.
	"""
	permissions.require_connection_manager()
	doc = frappe.get_doc(DOCTYPE, request)
	doc.check_permission("read")
	return {
		"steps": [_step(step, doc.decision_rule) for step in json.loads(doc.decision_trace or "[]")],
		"notices": _notices(doc),
	}


def _step(step: dict[str, Any], decided_by: str | None) -> dict[str, Any]:
	rule, verdict, numbers = step["rule"], step["verdict"], step.get("numbers") or {}
	label, detail = CHECKS.get(rule, (rule, ""))
	values = {name: _shown(name, value) for name, value in numbers.items()}
	try:
		words = _(detail).format(**values) if detail else ""
	except KeyError:  # a trace of another version has other numbers
		words = ""
	if verdict == "Skipped":
		words = _(SKIPPED.get(rule, "")) or words
	return {
		"check": _(label),
		"verdict": _(VERDICTS.get(verdict, verdict)),
		"color": COLORS.get(verdict, "gray"),
		"detail": words,
		"decided": rule == decided_by or (rule == "threshold" and decided_by == "within_threshold"),
	}


def _shown(name: str, value: Any) -> Any:
	if value is None:
		return _("none") if name in DATES else _("not known")
	if isinstance(value, bool):
		return _("on") if value else _("off")
	if name in DATES:
		return formatdate(value)
	if name == "maximum" and not value:
		return _("no limit")
	return _(value) if name == "subscription" else value


def _text(text: str) -> str:
	"""Marks a text for translation; it is translated where it is shown."""
	return text


DATES = ("commitment_end", "start_date", "end_date")
VERDICTS = {
	"Passes": _text("Passes"),
	"Refuses": _text("Refuses"),
	"Holds": _text("Holds"),
	"Skipped": _text("Not used"),
}
COLORS = {"Passes": "green", "Refuses": "red", "Holds": "orange", "Skipped": "gray"}

# rule: what was looked at, and the numbers it saw
CHECKS = {
	"self_service_off": (
		_text("Clients may change it"),
		_text("Default: {default}. This subscription: {subscription}."),
	),
	"vanished": (_text("Listed at Pax8"), ""),
	"not_active": (_text("Status is Active"), _text("{status}")),
	"ended": (_text("Has not ended"), _text("End date: {end_date}")),
	"future_start": (_text("Has started"), _text("Start date: {start_date}")),
	"usage_based": (_text("Has a number of licenses"), _text("Billing class: {usage_class}")),
	"follows_parent": (_text("Does not follow a parent"), ""),
	"missing": (_text("A quantity was given"), ""),
	"not_whole": (_text("The quantity is a whole number"), _text("Given: {wanted}")),
	"below_one": (_text("The quantity is at least 1"), _text("Given: {wanted}")),
	"too_large": (_text("The quantity is not too large"), _text("Given: {wanted}. Highest: {limit}.")),
	"same_quantity": (_text("The quantity is another one"), _text("{current} → {wanted}")),
	"below_minimum": (_text("Not below the minimum"), _text("Minimum: {minimum}")),
	"above_maximum": (_text("Not above the maximum"), _text("Maximum: {maximum}")),
	"open_request": (_text("No other open request"), ""),
	"committed_until": (_text("Commitment permits a decrease"), _text("Committed until: {commitment_end}")),
	"commitment_no_increase": (
		_text("Commitment permits an increase"),
		_text("Committed until: {commitment_end}"),
	),
	"vendor_override": (_text("Vendor is not one that always waits"), _text("{vendor}")),
	"unknown_vendor": (_text("Vendor is known"), ""),
	"subscription_always": (_text("Subscription does not always wait"), ""),
	"require_approval": (
		_text("Approval is not required by default"),
		_text("Required by default: {toggle}"),
	),
	"unknown_usage_class": (
		_text("Known to be sold by the license"),
		_text("Billing class: {usage_class}"),
	),
	"unknown_quantity": (_text("Current quantity is known"), ""),
	"zero_quantity": (_text("Current quantity is above 0"), _text("Current: {current}")),
	"commitment_unknown": (
		_text("Commitment's terms are known"),
		_text("Committed until: {commitment_end}"),
	),
	"threshold": (_text("Within the threshold"), _text("{threshold} %: a change of up to {limit}")),
}
SKIPPED = {
	"require_approval": _text('This subscription says "Not by default".'),
	"threshold": _text("No threshold is set."),
}


def _notices(doc: Any) -> list[str]:
	notices = []
	waits = doc.workflow_state in (states.PENDING, states.FAILED)
	if waits and permissions.is_manager():
		why = permissions.own_request(frappe.session.user, doc.requested_by, doc.client_approved_by)
		notices.extend([why] if why else [])
	if doc.workflow_state in (states.PENDING, states.APPROVED) and not connection.is_live():
		notices.append(
			connection.problem()
			or _("The mode of Pax8 Settings is Observe: what is approved is sent once it is Live.")
		)
	if (
		doc.workflow_state in (states.FAILED, states.NEEDS_REVIEW, states.APPLYING, states.APPROVED)
		and doc.pax8_message
	):
		notices.append(doc.pax8_message)
	return notices


# --------------------------------------------------------------------------------------------- new requests


@frappe.whitelist()
def preview(subscription: str, wanted: str | None = None) -> dict[str, Any]:
	"""What a request by staff on `subscription` would meet.

	Args:
		wanted: the new total as typed; empty while only the subscription is chosen.

	Returns:
		`facts` of the subscription; `refused`: why it cannot be asked for at all, or None; `needs_reason`: which
		limit of self-service it exceeds, in words, or None; `open_request`: the one in the way, or None.
	"""
	permissions.require_manager()
	frappe.has_permission("Pax8 Subscription", "read", subscription, throw=True)
	row = frappe.db.get_value(
		"Pax8 Subscription",
		subscription,
		[*decide.FIELDS, "currency"],
		as_dict=True,
	)
	answer = {
		"facts": {
			"client": row.client,
			"product_name": row.product_name,
			"vendor": row.vendor,
			"quantity": row.quantity,
			"status": row.status,
			"billing_term": row.billing_term,
			"commitment_end": row.commitment_end,
			"rule": rules.effective(decide.current_policy(), row),
		},
		"open_request": rules.open_request(subscription),
		"refused": None,
		"needs_reason": None,
	}
	if (wanted or "").strip():
		for_staff, for_clients = document.judge_for_staff(row, wanted)
		if for_staff.outcome == Outcome.REFUSED:
			answer["refused"] = decide.staff_words(for_staff)
		elif for_clients.rule in document.LIMITS_FOR_CLIENTS:
			answer["needs_reason"] = decide.staff_words(for_clients)
	return answer


# --------------------------------------------------------------------------------------------- decisions


@frappe.whitelist(methods=["POST"])
def set_reject_reason(request: str, reason: str) -> None:
	"""Notes why a pending request is about to be rejected; the client reads it. Refused once it is decided."""
	permissions.require_manager()
	doc = frappe.get_doc(DOCTYPE, request)
	doc.check_permission("write")
	if doc.workflow_state != states.PENDING:
		raise requests.ChangeRefused(_("This request has been decided already."))
	doc.reject_reason = reason.strip()[:1000] or None
	doc.save()


@frappe.whitelist(methods=["POST"])
def check_again(request: str) -> str:
	"""Looks at Pax8 what became of a request that needs review; nothing is sent. Returns the state afterwards."""
	permissions.require_manager()
	frappe.has_permission(DOCTYPE, "write", request, throw=True)
	try:
		return apply.check_again(request)
	except Pax8Error as error:
		frappe.throw(_("Pax8 could not be read: {0}").format(error.message))
