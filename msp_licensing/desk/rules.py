"""What a client may do with a subscription, after inheriting: in words, for the settings and for the form."""

from collections.abc import Mapping
from typing import Any

import frappe
from frappe import _
from frappe.utils import cint, fmt_money

from msp_licensing import clock, permissions
from msp_licensing.changes import decide, pricing, states
from msp_licensing.clients import disabled_clients
from msp_licensing.frappe_version import contains, count_as, rows_from
from msp_licensing.rules.policy import (
	ApprovalRule,
	Policy,
	SelfService,
	SubscriptionFacts,
	blocked,
	effective_limits,
	self_service_allowed,
	vendor_key,
)
from msp_licensing.rules.prices import PriceFrom
from msp_licensing.sync import vendors

DOCTYPE = "Pax8 Subscription"
MAX_PAGE = 200


@frappe.whitelist()
def subscriptions(
	search: str = "",
	client: str = "",
	own_rule: bool = False,
	start: int = 0,
	page_length: int = 50,
) -> dict[str, Any]:
	"""One page of the table of subscriptions with the rule that counts for each.

	Args:
		search: looked for in product, vendor and client.
		client: name of a client record, or "" for all.
		own_rule: only subscriptions that do not inherit everything.

	Returns:
		`rows` with the rule's own fields, `rule` (see `effective`) and `blocked` (why nothing can be asked for at
		all, or None), and `total`: how many match in all.
	"""
	permissions.require_connection_manager()
	filters: list[list[Any]] = [[DOCTYPE, "vanished", "=", 0], [DOCTYPE, "client", "is", "set"]]
	if client:
		filters.append([DOCTYPE, "client", "=", client])
	if own_rule:
		filters.append([DOCTYPE, "name", "in", _with_own_rule() or [""]])
	or_filters = []
	if search := search.strip():
		or_filters = [
			[DOCTYPE, field, "like", contains(search)]
			for field in ("product_name", "vendor", "client_name", "client")
		]
	rows = frappe.get_list(
		DOCTYPE,
		filters=filters,
		or_filters=or_filters,
		fields=list(decide.FIELDS),
		order_by="client_name asc, client asc, product_name asc, name asc",
		**rows_from(max(0, start), min(max(1, page_length), MAX_PAGE)),
	)
	total = frappe.get_list(
		DOCTYPE, filters=filters, or_filters=or_filters, fields=[count_as("n")], order_by=None
	)[0].n
	policies = decide.policies_for(rows)
	products, renamed = _products({row.product for row in rows}), vendors.renamed()
	disabled = disabled_clients((row.client_doctype, row.client) for row in rows)
	for row in rows:
		policy, product = policies[row.client_doctype, row.client], products.get(row.product, frappe._dict())
		row.rule = effective(policy, row, product, renamed)
		row.blocked = _blocked(
			policy,
			row,
			product=product,
			has_open_request=False,
			renamed=renamed,
			client_disabled=(row.client_doctype, row.client) in disabled,
		)
	return {"rows": rows, "total": total}


@frappe.whitelist()
def clients() -> list[dict[str, str]]:
	"""The clients that own subscriptions, to filter by: rows with `value` (the id) and `label` (the name)."""
	permissions.require_connection_manager()
	found = frappe.get_list(
		DOCTYPE,
		{"client": ("is", "set"), "vanished": 0},
		["client_doctype", "client", "client_name"],
		distinct=True,
	)
	rows = [{"value": row.client, "label": row.client_name or row.client} for row in found]
	return sorted(rows, key=lambda row: row["label"].casefold())


@frappe.whitelist()
def describe(subscription: str) -> dict[str, Any]:
	"""What counts for one subscription now, for its form.

	Returns:
		`rule` (see `effective`); `price`: what the client pays per license, in the same form; `blocked`: why a client
		could ask for no change at all, or None; `barred`: the same for staff; `parent`: the subscription it is an add-on of; `request`: its open
		request; the latter two as rows or None.
	"""
	permissions.require_connection_manager()
	frappe.has_permission(DOCTYPE, "read", subscription, throw=True)
	row = frappe.db.get_value(DOCTYPE, subscription, list(decide.FIELDS), as_dict=True)
	policy = decide.policy_for(row.client_doctype, row.client)
	parent = row.parent_subscription and frappe.db.get_value(
		DOCTYPE, row.parent_subscription, ["name", "product_name"], as_dict=True
	)
	return {
		"rule": effective(policy, row),
		"price": _price(row),
		"blocked": _blocked(policy, row, has_open_request=False),
		"barred": _blocked(Policy(allow_self_service=True), row, has_open_request=False),
		"parent": parent or None,
		"request": open_request(subscription),
	}


def _price(row: Any) -> dict[str, Any]:
	"""The client's price that the limits in money count with."""
	price = pricing.price_of(row.name, cint(row.quantity), cint(row.quantity) + 1)
	if price is None:
		return {"text": _("not known"), "inherited": True}
	amount = fmt_money(price.amount, precision=2)
	return {"text": f"{amount} {price.currency}", "inherited": price.source != PriceFrom.OWN}


def _blocked(policy: Policy, row: Any, **facts: Any) -> str | None:
	"""Why no quantity at all would be accepted, in the client's words; None if one can be asked for.

	That self-service is off is shown as the rule itself.
	"""
	refusal = blocked(policy, decide.rule_of(row), decide.facts_of(row, **facts), today=clock.pax8_today())
	return decide.client_words(refusal) if refusal and refusal.rule != "self_service_off" else None


def _products(names: set[str | None]) -> dict[str, Any]:
	"""What `decide.facts_of` wants to know of products, read at once."""
	rows = frappe.get_all(
		"Pax8 Product",
		{"name": ("in", [name for name in names if name] or [""])},
		["name", *decide.PRODUCT_FIELDS],
	)
	return {row.name: row for row in rows}


def open_request(subscription: str) -> Any:
	"""The request that keeps a subscription from taking another one, with the quantity that it leads to; or None."""
	row = frappe.db.get_value(
		states.DOCTYPE,
		{"subscription": subscription, "workflow_state": ("in", states.OPEN)},
		["name", "workflow_state", "current_quantity", "requested_quantity", "approved_quantity"],
		as_dict=True,
	)
	if row:
		row.target = states.target_of(row)
	return row


def effective(
	policy: Policy, row: Any, product: Any = None, renamed: Mapping[str, tuple[str, ...]] | None = None
) -> dict[str, Any]:
	"""The rule that counts for a subscription row (`decide.FIELDS`), in words.

	Args:
		policy: the one for the row's client.
		product, renamed: as for `decide.facts_of`, where a caller has read many at once.

	Returns:
		`changes`, `approval` and `limits`, each with `text` and `inherited` (True if it is the global default that
		speaks), and `changes.allowed`.
	"""
	rule = decide.rule_of(row)
	facts = decide.facts_of(row, product=product, has_open_request=False, renamed=renamed)
	allowed = self_service_allowed(policy, rule)
	limits = effective_limits(policy, rule)
	return {
		"changes": {
			"allowed": allowed,
			"text": _("Allowed") if allowed else _("Not allowed"),
			"inherited": rule.self_service == SelfService.INHERIT,
		},
		"approval": _approval(policy, rule, facts),
		"limits": {
			"text": f"{limits.minimum} – {limits.maximum}"
			if limits.maximum
			else _("{0} or more").format(limits.minimum),
			"minimum": limits.minimum,
			"maximum": limits.maximum,
			"inherited": not rule.override_limits,
		},
	}


def _approval(policy: Policy, rule: Any, facts: SubscriptionFacts) -> dict[str, Any]:
	"""Which changes wait, in the order in which `rules.policy` looks: the first that holds is named."""
	chosen = {vendor_key(vendor) for vendor in policy.vendor_overrides}
	if name := next((name for name in facts.vendor_names if vendor_key(name) in chosen), None):
		return {"text": _("Always, as all of {0}").format(name), "inherited": True}
	if facts.always_held:
		return {"text": _("Always, as this product"), "inherited": True}
	if not vendor_key(facts.vendor):
		return {"text": _("Always: the vendor is not known"), "inherited": True}
	if rule.approval == ApprovalRule.ALWAYS:
		return {"text": _("Always"), "inherited": False}
	inherited = rule.approval == ApprovalRule.INHERIT
	may_release = policy.threshold_may_release and policy.threshold is not None
	if policy.require_approval and inherited and not may_release:
		return {"text": _("Always"), "inherited": True}
	if policy.threshold is None:
		return {"text": _("Not needed"), "inherited": inherited}
	if not policy.threshold:
		return {"text": _("Always: the threshold is 0 %"), "inherited": inherited}
	percent = f"{policy.threshold:f}"
	percent = percent.rstrip("0").rstrip(".") if "." in percent else percent
	return {"text": _("Above {0} %").format(percent), "inherited": inherited}


def _with_own_rule() -> list[str]:
	return frappe.get_all(
		DOCTYPE,
		or_filters=[
			["self_service", "!=", "Inherit"],
			["approval", "!=", "Inherit"],
			["override_limits", "=", 1],
			["show_to_client", "=", 0],
		],
		pluck="name",
	)
