"""Reads what a decision needs from the site, asks `rules.policy`, and puts the answer into words."""

import json
from datetime import date
from decimal import Decimal
from typing import Any

import frappe
from frappe import _
from frappe.utils import cint, flt, formatdate, getdate, nowdate

from msp_licensing.changes.states import DOCTYPE, OPEN
from msp_licensing.rules import words
from msp_licensing.rules.policy import (
	Decision,
	Policy,
	SubscriptionFacts,
	SubscriptionRule,
	decide,
)

# The fields of a Pax8 Subscription that a decision looks at.
FIELDS = (
	"name",
	"client_doctype",
	"client",
	"company",
	"product",
	"product_name",
	"vendor",
	"quantity",
	"status",
	"vanished",
	"show_to_client",
	"billing_term",
	"start_date",
	"end_date",
	"commitment_end",
	"commitment_term",
	"commitment_term_id",
	"self_service",
	"approval",
	"override_limits",
	"min_quantity",
	"max_quantity",
)


def current_policy(settings: Any = None) -> Policy:
	"""The site's policy; `settings` may be a Licensing Settings document that is not saved yet."""
	settings = settings or frappe.get_cached_doc("Licensing Settings")
	return Policy(
		require_approval=bool(cint(settings.require_approval_by_default)),
		threshold=_decimal(settings.auto_approve_threshold)
		if cint(settings.use_auto_approve_threshold)
		else None,
		vendor_overrides=tuple(row.vendor for row in settings.vendor_overrides),
		allow_self_service=bool(cint(settings.allow_self_service_by_default)),
		min_quantity=cint(settings.default_min_quantity),
		max_quantity=cint(settings.default_max_quantity),
	)


def rule_of(subscription: Any) -> SubscriptionRule:
	return SubscriptionRule(
		self_service=subscription.self_service or "Inherit",
		approval=subscription.approval or "Inherit",
		override_limits=bool(cint(subscription.override_limits)),
		min_quantity=cint(subscription.min_quantity),
		max_quantity=cint(subscription.max_quantity),
	)


def facts_of(
	subscription: Any, *, product: Any = None, has_open_request: bool | None = None
) -> SubscriptionFacts:
	"""What is known of a subscription row (fields `FIELDS`).

	Args:
		product: usage_class and commitment_options of its Pax8 Product, where a caller has read many at once.
		has_open_request: the same for open requests.
	"""
	if product is None:
		product = frappe.db.get_value(
			"Pax8 Product", subscription.product, ["usage_class", "commitment_options"], as_dict=True
		)
	if has_open_request is None:
		has_open_request = bool(
			frappe.db.exists(DOCTYPE, {"subscription": subscription.name, "workflow_state": ("in", OPEN)})
		)
	option = _commitment_option(subscription, product)
	return SubscriptionFacts(
		status=subscription.status,
		quantity=cint(subscription.quantity),
		vendor=subscription.vendor,
		usage_class=product.usage_class if product else None,
		start_date=_date(subscription.start_date),
		end_date=_date(subscription.end_date),
		commitment_end=_date(subscription.commitment_end),
		has_commitment=bool(subscription.commitment_term or subscription.commitment_term_id),
		decrease_allowed_in_commitment=option.get("allow_quantity_decrease"),
		increase_allowed_in_commitment=option.get("allow_quantity_increase"),
		has_open_request=has_open_request,
		vanished=bool(cint(subscription.vanished)),
	)


def decide_for(subscription: Any, wanted: Any, **facts: Any) -> Decision:
	"""The decision on a client's wish for `wanted` licenses in all, by the site's policy of this moment."""
	return decide(
		current_policy(),
		rule_of(subscription),
		facts_of(subscription, **facts),
		wanted,
		today=getdate(nowdate()),
	)


def _commitment_option(subscription: Any, product: Any) -> dict[str, Any]:
	"""What the product's commitment option says about changes inside the term; empty: nothing is known.

	The option is matched by the id of the subscription's commitment, else by its term where only one option has that
	term: two of one term may differ in what they allow (Pax8 spec: `commitmentTerm.id`, `/products/{id}/dependencies`).
	"""
	options = json.loads(product.commitment_options or "[]") if product else []
	for key, value in (("id", subscription.commitment_term_id), ("term", subscription.commitment_term)):
		matching = [option for option in options if value and option.get(key) == value]
		if len(matching) == 1:
			return matching[0]
	return {}


# --------------------------------------------------------------------------------------------- words


def client_words(decision: Decision) -> str:
	"""What the client reads. A hold never tells which rule held."""
	message, values = words.client_sentence(decision)
	if "status" in values:
		values = {**values, "status": _(words.STATUS_WORDS.get(values["status"], words.STATUS_UNKNOWN))}
	return _(message).format(**_localized(values))


def staff_words(decision: Decision) -> str:
	message, values = words.staff_sentence(decision)
	return _(message).format(**_localized(values))


def trace_of(decision: Decision) -> str:
	"""The trace as it is stored on the request (JSON)."""
	return json.dumps(
		[{"rule": step[0], "verdict": str(step[1]), "numbers": step[2]} for step in decision.trace],
		default=str,
	)


_DATES = ("commitment_end", "start_date", "end_date", "today")


def _localized(values: dict[str, Any]) -> dict[str, Any]:
	"""Dates, which the rules give in ISO form, in the reader's format."""
	return {
		key: formatdate(value) if key in _DATES and value != "?" else value for key, value in values.items()
	}


def _date(value: Any) -> date | None:
	return getdate(value) if value else None


def _decimal(value: Any) -> Decimal:
	return Decimal(str(flt(value, 4)))
