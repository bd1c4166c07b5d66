"""The form of a License Change Request: why it was held, what a new one would meet, and the steps around a decision."""

import json
from typing import Any

import frappe
from frappe import _, _lt
from frappe.utils import cint, escape_html, format_datetime, get_fullname

from msp_licensing import permissions, transactions
from msp_licensing.changes import decide, decisions, document, observe, planning, reconcile, requests, states
from msp_licensing.clients import client_titles, disabled_clients
from msp_licensing.desk import rules, scheduled
from msp_licensing.pax8 import Pax8Error
from msp_licensing.rules.plurals import plural
from msp_licensing.rules.policy import Outcome
from msp_licensing.rules.words import commitment_sentence
from msp_licensing.sync import connection

DOCTYPE = states.DOCTYPE


@frappe.whitelist()
def trace(request: str) -> dict[str, Any]:
	"""The decision on a request, check by check, in words. Staff only: a client never learns the rule.

	Returns:
		`steps`: rows with `check`, `verdict`, `detail` and `decided` (True for the one that made the decision);
		`notices`: what else matters before deciding; `client_disabled`.
	"""
	permissions.require_connection_manager()
	doc = frappe.get_doc(DOCTYPE, request)
	doc.check_permission("read")
	return {
		"steps": steps_in_words(doc.decision_trace, doc.decision_rule),
		"notices": _notices(doc),
		"client_disabled": permissions.client_disabled(doc.client_doctype, doc.client),
	}


def steps_in_words(trace: str | None, decided_by: str | None) -> list[dict[str, Any]]:
	"""The checks of a decision, as `trace` gives them.

	Args:
		trace: as `decide.trace_of` stores it. decided_by: the rule of the decision.
	"""
	return [_step(step, decided_by) for step in json.loads(trace or "[]")]


def _step(step: dict[str, Any], decided_by: str | None) -> dict[str, Any]:
	rule, verdict, numbers = step["rule"], step["verdict"], step.get("numbers") or {}
	label, detail = CHECKS.get(rule, (rule, ""))
	if rule == "threshold_window" and not numbers.get("since"):
		detail = plural(numbers.get("window_days") or 0, NOTHING_ON_THE_LAST_DAY, NOTHING_EARLIER)
	values = {name: _shown(name, value) for name, value in decide.localized(numbers).items()}
	try:
		words = str(detail).format(**values)
	except KeyError:  # a trace of another version has other numbers
		words = ""
	if rule == "vendor_override" and "now" in numbers:
		words = _("Known as {0}; Pax8 now says: {1}").format(
			numbers["vendor"], numbers["now"] or _("no vendor")
		)
	if why := commitment_sentence(numbers.get("reason") or "", numbers):
		words = _(why.msgid).format(**decide.localized(why.values))
	if verdict == "Skipped":
		words = _why_skipped(rule, numbers) or words
	elif numbers.get("free_seats"):
		words += " " + _("Always fine: a change by up to {0}.").format(numbers["free_seats"])
	return {
		"check": str(label),
		"verdict": str(VERDICTS.get(verdict, verdict)),
		"color": COLORS.get(verdict, "gray"),
		"detail": words,
		"decided": rule == decided_by or (rule == "threshold" and decided_by in RELEASING),
	}


def _shown(name: str, value: Any) -> Any:
	if value is None:
		return _("none") if name in decide.DATES else _("not known")
	if isinstance(value, bool):
		return _("on") if value else _("off")
	if name == "maximum" and not value:
		return _("no limit")
	return _(value) if name == "subscription" else value


VERDICTS = {
	"Passes": _lt("Passes"),
	"Refuses": _lt("Refuses"),
	"Holds": _lt("Holds"),
	"Skipped": _lt("Not used"),
}
COLORS = {"Passes": "green", "Refuses": "red", "Holds": "orange", "Skipped": "gray"}

# rule: what was looked at, and the numbers it saw
CHECKS = {
	"client_disabled": (_lt("The client is not disabled"), ""),
	"self_service_off": (
		_lt("Clients may change it"),
		_lt("Default: {default}. This subscription: {subscription}."),
	),
	"vanished": (_lt("Listed at Pax8"), ""),
	"not_active": (_lt("Status is Active"), _lt("{status}")),
	"ended": (_lt("Has not ended"), _lt("End date: {end_date}")),
	"future_start": (_lt("Has started"), _lt("Start date: {start_date}")),
	"usage_based": (_lt("Has a number of licenses"), _lt("Billing class: {usage_class}")),
	"billing_term": (_lt("Billing term allows changes"), _lt("{billing_term}")),
	"unknown_term": (_lt("Billing term is known"), _lt("{billing_term}")),
	"follows_parent": (_lt("Does not follow a parent"), _lt("Parent: {parent_id}")),
	"missing": (_lt("A quantity was given"), ""),
	"not_whole": (_lt("The quantity is a whole number"), _lt("Given: {wanted}")),
	"below_one": (_lt("The quantity is at least 1"), _lt("Given: {wanted}")),
	"too_large": (_lt("The quantity is not too large"), _lt("Given: {wanted}. Highest: {limit}.")),
	"same_quantity": (_lt("The quantity is another one"), _lt("{current} → {wanted}")),
	"below_minimum": (_lt("Not below the minimum"), _lt("Minimum: {minimum}")),
	"above_maximum": (_lt("Not above the maximum"), _lt("Maximum: {maximum}")),
	"open_request": (_lt("No other open request"), ""),
	"committed_until": (_lt("Commitment permits a decrease"), _lt("Committed until: {commitment_end}")),
	"commitment_no_increase": (
		_lt("Commitment permits an increase"),
		_lt("Committed until: {commitment_end}"),
	),
	"no_decrease": (_lt("Is a decrease"), _lt("Only a decrease can wait for the end of a term.")),
	"no_term_end": (_lt("A commitment is running"), _lt("Committed until: {commitment_end}")),
	"client_approval": (
		_lt("Within what needs no approver of the client"),
		_lt("Needed above: {above} {limit_currency}. This change: {amount} {currency} per billing term."),
	),
	"client_approved": (_lt("The client's own approver agrees"), _lt("{by}")),
	"no_client_approver": (_lt("The client's own approver agrees"), ""),
	"vendor_override": (_lt("Vendor does not always need approval"), _lt("{vendor}")),
	"product_always": (_lt("Product does not always need approval"), ""),
	"unknown_vendor": (_lt("Vendor is known"), ""),
	"subscription_always": (_lt("Subscription does not always need approval"), ""),
	"decreases_need_approval": (_lt("Is no decrease"), _lt("{current} → {wanted}")),
	"require_approval": (
		_lt("Approval is not required by default"),
		_lt("Required by default: {toggle}"),
	),
	"unknown_usage_class": (
		_lt("Known to be sold by the license"),
		_lt("Billing class: {usage_class}"),
	),
	"unknown_quantity": (_lt("Current quantity is known"), ""),
	"zero_quantity": (_lt("Current quantity is above 0"), _lt("Current: {current}")),
	"commitment_unknown": (
		_lt("Commitment's terms are known"),
		_lt("Committed until: {commitment_end}"),
	),
	"amount_unknown": (_lt("Client's price is known"), _lt("In {currency}, the currency of the limits")),
	"amount_per_change": (
		_lt("Within the limit per change"),
		_lt("{amount} of {most} {currency} per billing term"),
	),
	"month_unknown": (
		_lt("Prices of this month's changes are known"),
		_lt("Not known: {uncounted}"),
	),
	"amount_per_month": (
		_lt("Within the limit per client and month"),
		_lt("{total} of {most} {currency} per billing term, this change included"),
	),
	"threshold": (_lt("Within the threshold"), _lt("{threshold} %: a change of up to {limit}")),
	"threshold_window": (
		_lt("Together with earlier changes within the threshold"),
		_lt("{base} → {wanted} since {since}: {together_percent} % of {threshold} %"),
	),
}
NOTHING_ON_THE_LAST_DAY = _lt("Nothing was released without approval in the last {window_days} day.")
NOTHING_EARLIER = _lt("Nothing was released without approval in the last {window_days} days.")
RELEASING = ("within_threshold", "free_seats")


def _why_skipped(rule: str, numbers: dict[str, Any]) -> str:
	if rule == "require_approval" and numbers.get("threshold_may_release"):
		return str(WITHIN_THRESHOLD_RELEASED)
	return str(SKIPPED.get(rule, ""))


WITHIN_THRESHOLD_RELEASED = _lt("Required by default, but the threshold may release small changes.")
SKIPPED = {
	"no_client_approver": _lt("Left out: the client has no approver but, perhaps, the one who asked."),
	"require_approval": _lt('This subscription says "Not by default".'),
	"amount_per_change": _lt("A decrease never counts."),
	"amount_per_month": _lt("A decrease never counts."),
	"threshold": _lt("No threshold is set."),
}


def _notices(doc: Any) -> list[str]:
	notices = []
	not_sent = (*states.WAITING, states.SCHEDULED, states.APPROVED, states.FAILED)
	if doc.workflow_state in not_sent and permissions.client_disabled(doc.client_doctype, doc.client):
		notices.append(
			_(
				"This client is disabled. Its people can change nothing; you decide what becomes of this request."
			)
		)
	waits = doc.workflow_state in (states.PENDING, states.FAILED)
	if waits and permissions.is_manager():
		why = permissions.own_request(frappe.session.user, doc.requested_by, doc.client_approved_by)
		notices.extend([why] if why else [])
	if doc.workflow_state == states.CLIENT_PENDING:
		people = permissions.client_approvers(doc.client_doctype, doc.client, besides=doc.requested_by)
		names = ", ".join(map(get_fullname, people)) or _("nobody any more; staff are asked tomorrow")
		notices.append(
			_("Waits for the client's own approver ({0}). Until then it can only be rejected.").format(names)
		)
	if doc.workflow_state in (states.PENDING, states.APPROVED) and not connection.is_live():
		notices.append(
			connection.problem()
			or _("The mode of Pax8 Settings is Observe: what is approved is sent once it is Live.")
		)
		if doc.workflow_state == states.APPROVED and (found := observe.words(doc.name)):
			notices.append(found)
	if doc.decision_rule in ("quantity_moved", "price_moved") and doc.workflow_state in states.WAITING:
		notices.append(doc.decision_summary)
	notices.extend(scheduled.notices(doc))
	if (
		doc.workflow_state in (states.FAILED, states.NEEDS_REVIEW, states.APPLYING, states.APPROVED)
		and doc.pax8_message
	):
		notices.append(doc.pax8_message)
	if doc.workflow_state == states.FAILED and not doc.retryable:
		notices.append(_("This request cannot be retried: Pax8 may have made the change. Make a new one."))
	if doc.next_attempt_on and connection.is_active():
		again = (
			_("Pax8 is asked again at {0}.")
			if doc.workflow_state == states.NEEDS_REVIEW
			else _("It is taken up again by itself at {0}.")
		)
		notices.append(again.format(format_datetime(doc.next_attempt_on)))
	return notices


# --------------------------------------------------------------------------------------------- new requests


@frappe.whitelist()
def preview(subscription: str, wanted: str | None = None, timing: str | None = None) -> dict[str, Any]:
	"""What a request by staff on `subscription` would meet.

	Args:
		wanted: the new total as typed; empty while only the subscription is chosen.
		timing: "Now" or "End of Term".

	Returns:
		`facts` of the subscription; `refused`: why it cannot be asked for at all, or None; `needs_reason`: which
		limit of self-service it exceeds, in words, or None; `open_request`: the one in the way, or None;
		`may_change_now`: whether a quantity was given and managers may make changes without another's approval.
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
			"client": row.client_name or row.client,
			"product_name": row.product_name,
			"vendor": row.vendor,
			"quantity": row.quantity,
			"status": row.status,
			"billing_term": row.billing_term,
			"commitment_end": row.commitment_end,
			"rule": rules.effective(decide.policy_for(row.client_doctype, row.client), row),
		},
		"open_request": rules.open_request(subscription),
		"refused": None,
		"needs_reason": None,
		"may_change_now": bool((wanted or "").strip())
		and planning.read_timing(timing) == planning.NOW
		and bool(cint(frappe.db.get_single_value("Licensing Settings", "allow_direct_changes"))),
	}
	if (wanted or "").strip():
		for_staff, for_clients = document.judge_for_staff(row, wanted, planning.read_timing(timing))
		if for_staff.outcome == Outcome.REFUSED:
			answer["refused"] = decide.staff_words(for_staff)
			if for_staff.rule == "committed_until":
				answer["refused"] += " " + _('Choose "End of Term" to have it made then.')
		elif for_clients.rule in document.LIMITS_FOR_CLIENTS:
			answer["needs_reason"] = decide.staff_words(for_clients)
	return answer


# --------------------------------------------------------------------------------------------- decisions


@frappe.whitelist(methods=["POST"])
@transactions.repeated
def approve(request: str, seen_quantity: int | None = None, seen_amount: str | None = None) -> dict[str, Any]:
	"""Approves a request that waits for staff; one for the end of the term is scheduled. For the desk and for REST.

	Args:
		seen_quantity: the current quantity that the user saw; if it has moved since, nothing is approved.
		seen_amount: the same for the amount, with its currency ("78.6 USD"); "" = not known.

	Returns:
		`request` and its `state` afterwards ("Approved" or "Scheduled").

	Raises:
		as `changes.decisions.approve`.
	"""
	permissions.require_manager()
	doc = decisions.approve(request, seen_quantity, seen_amount)
	return {"request": doc.name, "state": doc.workflow_state}


@frappe.whitelist(methods=["POST"])
@transactions.repeated
def reject(request: str, reason: str | None = None) -> dict[str, Any]:
	"""Rejects a request that waits, for staff or for the client's approver, or is scheduled. For the desk and for REST.

	Args:
		reason: optional; the client reads it.

	Returns:
		`request` and its `state` afterwards ("Rejected").

	Raises:
		as `changes.decisions.reject`.
	"""
	permissions.require_manager()
	doc = decisions.reject(request, reason)
	return {"request": doc.name, "state": doc.workflow_state}


@frappe.whitelist(methods=["POST"])
def decide_many(
	names: list | str, action: str, reason: str | None = None, seen: dict | str | None = None
) -> list[dict[str, Any]]:
	"""Approves or rejects several requests, each by itself and with its own result.

	Args:
		names: of requests, as a list or as JSON.
		action: "Approve" or "Reject".
		reason: of a rejection, the same for all.
		seen: what the user saw of each, by request: the current quantity, or a row with `quantity` and `amount`; see
			`approve`.

	Returns, Raises:
		as `changes.decisions.many`.
	"""
	permissions.require_manager()
	names, seen = frappe.parse_json(names), frappe.parse_json(seen) or {}
	if (
		not isinstance(names, list)
		or not all(isinstance(name, str) for name in names)
		or not isinstance(seen, dict)
	):
		frappe.throw(_("Please choose at least one request."))
	if action == "Approve":
		return decisions.many(names, lambda name: decisions.approve(name, *_seen(seen.get(name))))
	if action == "Reject":
		return decisions.many(names, lambda name: decisions.reject(name, reason))
	frappe.throw(_("Requests can be approved or rejected."))


def _seen(value: Any) -> tuple[int | None, str | None]:
	if isinstance(value, dict):
		return value.get("quantity"), value.get("amount")
	return value, None


@frappe.whitelist(methods=["POST"])
@transactions.repeated
def check_seen(request: str, seen_quantity: int, seen_amount: str) -> None:
	"""Refuses if a waiting request is not any more what the user saw of it, before Frappe's own workflow action.

	Args:
		seen_quantity, seen_amount: as for `approve`.

	Raises:
		changes.requests.ChangeRefused: the quantity or the amount has changed; the request shows it from now on.
	"""
	permissions.require_manager()
	frappe.has_permission(DOCTYPE, "write", request, throw=True)
	decisions.check_seen(request, seen_quantity, seen_amount)


@frappe.whitelist()
def disabled_among(names: list | str) -> list[str]:
	"""The names of the disabled clients whose requests are among `names`, for whoever is about to approve those."""
	permissions.require_manager()
	wanted = frappe.parse_json(names)
	rows = frappe.get_list(
		DOCTYPE,
		{"name": ("in", wanted or [""])},
		["client_doctype", "client"],
		distinct=True,
		order_by=None,
	)
	found = disabled_clients((row.client_doctype, row.client) for row in rows)
	return sorted(client_titles(found).values(), key=str.casefold)


@frappe.whitelist(methods=["POST"])
@transactions.repeated
def set_reject_reason(request: str, reason: str) -> None:
	"""Notes why a request is about to be rejected; the client reads it. Refused once it is decided."""
	permissions.require_manager()
	doc = frappe.get_doc(DOCTYPE, request)
	doc.check_permission("write")
	if doc.workflow_state not in states.REJECTABLE:
		requests.refuse(_("This request has been decided already."))
	doc.reject_reason = reason.strip()[:1000] or None
	doc.save()


@frappe.whitelist(methods=["POST"])
def check_again(request: str) -> str:
	"""Looks at Pax8 what became of a request that needs review; nothing is sent. Returns the state afterwards."""
	permissions.require_manager()
	frappe.has_permission(DOCTYPE, "write", request, throw=True)
	try:
		return reconcile.check_again(request)
	except Pax8Error as error:
		frappe.throw(_("Pax8 could not be read: {0}").format(escape_html(error.message)))
