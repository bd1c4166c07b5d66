"""Licensing Settings: what stands in the way, the vendors to choose from, and what the approval settings mean."""

from typing import Any

import frappe
from frappe import _
from frappe.utils import cint

from msp_licensing import permissions
from msp_licensing.rules.policy import (
	Outcome,
	Policy,
	SubscriptionFacts,
	SubscriptionRule,
	decide,
	validate_threshold,
	vendor_key,
)
from msp_licensing.rules.words import problem_sentence
from msp_licensing.sync import connection

# The quantity the explanation starts from.
EXAMPLE = 10


@frappe.whitelist()
def banner() -> dict[str, Any] | None:
	"""What has to be done before the settings have any effect.

	Returns:
		`message`, `action` (a label), `route` and `filters` of the screen where it is done; None if nothing is missing.
	"""
	permissions.require_connection_manager()
	if problem := connection.problem():
		return {
			"message": _("{0} Nothing can be shown or changed until it is.").format(problem),
			"action": _("Set Up Pax8"),
			"route": ["Form", "Pax8 Settings"],
			"color": "orange",
		}
	if frappe.db.exists("Pax8 Company", {"client": ("is", "set")}):
		return None
	companies = frappe.db.count("Pax8 Company")
	if not companies:
		return {
			"message": _("Pax8 is connected, but no companies have been read yet."),
			"action": _("Sync Companies"),
			"route": ["Form", "Pax8 Settings"],
			"color": "blue",
		}
	return {
		"message": _(
			"None of the {0} Pax8 companies is mapped to a client. Subscriptions are read for mapped companies only."
		).format(companies),
		"action": _("Map Companies"),
		"route": ["List", "Pax8 Company", "List"],
		"filters": {"client": ["is", "not set"]},
		"color": "orange",
	}


@frappe.whitelist()
def vendors() -> list[dict[str, Any]]:
	"""The vendors of all synced products and of all subscriptions, one row each however they are spelled.

	Returns:
		Rows with `vendor`, `products` and `subscriptions` (numbers), those with subscriptions first.
	"""
	permissions.require_connection_manager()
	found: dict[str, dict[str, Any]] = {}
	for doctype, column, gone in (
		("Pax8 Subscription", "subscriptions", "vanished"),
		("Pax8 Product", "products", "discontinued"),
	):
		for vendor, count in frappe.get_all(
			doctype,
			filters={"vendor": ("is", "set"), gone: 0},
			fields=["vendor", "count(name) as n"],
			group_by="vendor",
			as_list=True,
		):
			row = found.setdefault(vendor_key(vendor), {"vendor": vendor, "products": 0, "subscriptions": 0})
			row[column] += count
	return sorted(found.values(), key=lambda row: (not row["subscriptions"], row["vendor"].casefold()))


@frappe.whitelist()
def explain(require_approval: bool, use_threshold: bool, threshold: float) -> list[str]:
	"""What the approval settings mean, as sentences with numbers; the values may be unsaved.

	The numbers come from the function that decides real requests.
	"""
	permissions.require_connection_manager()
	if use_threshold and (problem := validate_threshold(threshold)):
		message, values = problem_sentence(problem)
		return [_(message).format(**values)]
	policy = Policy(require_approval=require_approval, threshold=threshold if use_threshold else None)
	if require_approval:
		sentences = [_("Every change a client asks for waits for your approval.")]
		if use_threshold:
			sentences.append(
				_(
					'The threshold acts only on subscriptions whose own rule says "Not by default": {0}'
				).format(_threshold_words(policy))
			)
	elif not use_threshold:
		sentences = [_("Changes are applied at once, however large they are.")]
	else:
		sentences = [_threshold_words(policy)]
	sentences.append(_("Changes of the vendors chosen below always wait."))
	return sentences


def _threshold_words(policy: Policy) -> str:
	up, down = _reach(policy, 1), _reach(policy, -1)
	if up == EXAMPLE and down == EXAMPLE:
		if policy.threshold:
			return _("With {0} licenses, every change waits.").format(EXAMPLE)
		return _("Every change waits for your approval.")
	words = [_("{0} → {1} is applied at once, {0} → {2} waits.").format(EXAMPLE, up, up + 1)]
	if down > 1:
		words.append(_("{0} → {1} is applied at once, {0} → {2} waits.").format(EXAMPLE, down, down - 1))
	else:
		words.append(_("Every reduction is applied at once."))
	return " ".join(words)


def _reach(policy: Policy, direction: int) -> int:
	"""The furthest quantity from EXAMPLE, in one direction, that is released."""
	facts = SubscriptionFacts(status="Active", quantity=EXAMPLE, vendor="-", usage_class="Seat")
	rule = SubscriptionRule(self_service="Allow", approval="Not by default", override_limits=True)
	today = frappe.utils.getdate()
	step = decide(policy, rule, facts, EXAMPLE + direction, today=today).trace[-1].numbers
	furthest = EXAMPLE + direction * cint(step.get("limit"))
	if furthest == EXAMPLE:
		return EXAMPLE
	furthest = max(1, furthest)
	released = decide(policy, rule, facts, furthest, today=today).outcome == Outcome.RELEASED
	return furthest if released else EXAMPLE
