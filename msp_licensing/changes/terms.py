"""What the site knows of a subscription's commitment beyond Pax8's own fields: for `rules.commitments`."""

import json
from datetime import date, timedelta
from typing import Any

import frappe
from frappe.utils import cint

from msp_licensing.rules.commitments import TERM_MONTHS
from msp_licensing.rules.values import Added, as_day

CHANGE = "Pax8 Subscription Change"

# How far back changes of quantity are looked at: longer than any return window known (180 days).
LATELY_DAYS = 200


def return_windows(settings: Any) -> tuple[tuple[str, int], ...]:
	"""The table of Licensing Settings: vendors, and for how many days each takes licenses back."""
	return tuple((row.vendor, cint(row.days)) for row in settings.get("return_windows") or () if row.vendor)


def option_facts(subscription: Any, product: Any) -> dict[str, Any]:
	"""What the product's commitment option says of changes, as `SubscriptionFacts` takes it.

	Args:
		subscription: a row with commitment_term and commitment_term_id. product: commitment_options, or None.
	"""
	option = commitment_option(subscription, product)
	return {
		"decrease_allowed_in_commitment": option.get("allow_quantity_decrease"),
		"increase_allowed_in_commitment": option.get("allow_quantity_increase"),
		"commitment_months": TERM_MONTHS.get(subscription.commitment_term),
		"renewal_days_before": option.get("renewal_window_days_before_term_end"),
		"renewal_days_after": option.get("renewal_window_days_after_term_end"),
		"renews": option.get("auto_renew"),
	}


def commitment_option(subscription: Any, product: Any) -> dict[str, Any]:
	"""The product's commitment option that a subscription is under; empty: nothing is known.

	The option is matched by the id of the subscription's commitment, else by its term where only one option has that
	term: two of one term may differ in what they allow (Pax8 spec: `commitmentTerm.id`, `/products/{id}/dependencies`).
	"""
	options = json.loads(product.commitment_options or "[]") if product else []
	for key, value in (("id", subscription.commitment_term_id), ("term", subscription.commitment_term)):
		matching = [option for option in options if value and option.get(key) == value]
		if len(matching) == 1:
			return matching[0]
	return {}


def lately(subscription: str, today: date) -> dict[str, Any]:
	"""How a subscription has changed lately: renewals and changes of quantity that this site has seen.

	Only needed for the decision on a number. When a change was is told by Pax8's history, or known where a request of
	ours made it; else there is only the time at which it was seen, and `dated` says so.
	"""
	added: list[Added] = []
	renewed: date | None = None
	for row in frappe.get_all(
		CHANGE,
		filters={
			"subscription": subscription,
			"field": ("in", ("Quantity", "Commitment End")),
			"seen_on_utc": (">=", today - timedelta(days=LATELY_DAYS)),
		},
		fields=["field", "old_value", "new_value", "seen_on_utc", "changed_on_utc", "request"],
		order_by="seen_on_utc asc",
	):
		if row.field == "Quantity":
			added.append(
				Added(
					(row.changed_on_utc or row.seen_on_utc).date(),
					cint(row.new_value) - cint(row.old_value),
					dated=bool(row.changed_on_utc or row.request),
				)
			)
			continue
		before, after = as_day(row.old_value), as_day(row.new_value)
		# A term whose end came was renewed; one whose end was moved before was only aligned with another.
		# (Which midnight Pax8 means it does not say: a renewal may be seen on the day before.)
		if before and after and before < after and before <= row.seen_on_utc.date() + timedelta(days=1):
			renewed = before
	return {"added": tuple(added), "renewed_on": renewed}
