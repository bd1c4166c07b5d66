"""Billing Class Review: products whose billing class has changed, contradicts the evidence, or is not known."""

from collections import Counter
from typing import Any

import frappe
from frappe import _
from frappe.utils import cint

from msp_licensing import permissions
from msp_licensing.desk.reports import column, for_file
from msp_licensing.usage import billing_class


def execute(filters: Any = None) -> tuple[Any, ...]:
	"""Columns, rows, message, chart and summary, as Frappe's reports give them. No prices and no costs are among them.

	Args:
		filters: `kind` (a key of `billing_class.KINDS`), `vendor`, `usage_class`, `days` (a verdict that changed longer
			ago is not listed; 30 by default), `accepted` (1: list what somebody has accepted as well).
	"""
	permissions.require_connection_manager()
	filters = frappe._dict(filters or {})
	# Without a number of days the filter of the screen sends "" or nothing.
	days = cint(filters.days) if filters.days not in (None, "") else billing_class.DAYS
	rows = [
		_row(product)
		for product in billing_class.to_review(days, accepted=bool(cint(filters.accepted)))
		if _wanted(product, filters)
	]
	answer = (columns(), rows, None, None, _summary(rows))
	for row in rows:
		row.pop("kinds")
	return for_file(answer)


def _wanted(product: Any, filters: Any) -> bool:
	return (
		(not filters.kind or filters.kind in product.kinds)
		and (not filters.vendor or filters.vendor.casefold() in (product.vendor or "").casefold())
		and (not filters.usage_class or filters.usage_class == product.usage_class)
	)


def _row(product: Any) -> dict[str, Any]:
	return {
		"name": product.name,
		"product_name": product.product_name,
		"vendor": product.vendor,
		"sku": product.sku,
		"kinds": product.kinds,
		"why": ", ".join(str(billing_class.KINDS[kind]) for kind in product.kinds),
		"usage_class": _(product.usage_class),
		"set_by": (product.usage_class_set_by or _("Staff"))
		if product.usage_class_set_by_staff
		else _("App"),
		"computed": _(product.computed_usage_class) if product.computed_usage_class else None,
		"previous": _(product.previous_usage_class) if product.previous_usage_class else None,
		"changed_on": product.usage_class_changed_on,
		"reasons": " ".join(product.reasons),
		"groups": product.evidence.usage_summaries,
		"subscriptions": product.subscriptions,
		"accepted_by": product.usage_class_accepted_by,
		"accepted_on": product.usage_class_accepted_on,
	}


def columns() -> list[dict[str, Any]]:
	return [
		column("name", _("Product"), "Link", 260, billing_class.DOCTYPE),
		column("why", _("Why Listed"), "Data", 210),
		column("usage_class", _("Billing Class"), "Data", 120),
		column("set_by", _("Decided By"), "Data", 140),
		column("computed", _("Class by the App"), "Data", 140),
		column("reasons", _("Reasons of the App"), "Data", 380),
		column("previous", _("Class by the App Before"), "Data", 170),
		column("changed_on", _("Changed On"), "Datetime", 155),
		column("groups", _("Resource Groups"), "Int", 90),
		column("subscriptions", _("Subscriptions"), "Int", 90),
		column("product_name", _("Product Name"), "Data", 200),
		column("vendor", _("Vendor"), "Data", 110),
		column("sku", _("SKU"), "Data", 140),
		column("accepted_by", _("Accepted By"), "Data", 140),
		column("accepted_on", _("Accepted On"), "Datetime", 155),
	]


def _summary(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
	"""How many products are listed for each reason; a product may be listed for several."""
	counts = Counter(kind for row in rows for kind in row["kinds"])
	return [
		{
			"label": str(label),
			"value": counts[kind],
			"datatype": "Int",
			"indicator": "Red" if kind == billing_class.CONTRADICTS and counts[kind] else "Blue",
		}
		for kind, label in billing_class.KINDS.items()
	]
