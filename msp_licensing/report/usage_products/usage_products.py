"""Usage Products: products that are billed by usage, or that something speaks for it; with the evidence."""

from typing import Any

import frappe
from frappe import _

from msp_licensing import permissions
from msp_licensing.desk.reports import column, for_file
from msp_licensing.usage import billing_class


def execute(filters: Any = None) -> tuple[Any, ...]:
	"""Columns and rows, as Frappe's reports give them. No prices, costs or amounts are among them.

	Args:
		filters: `vendor`, `usage_class`, `used` (1: only products with subscriptions or resource groups).
	"""
	permissions.require_connection_manager()
	filters = frappe._dict(filters or {})
	rows = [_row(product) for product in billing_class.usage_products() if _wanted(product, filters)]
	return for_file((columns(), rows, None, None, _summary(rows)))


def _wanted(product: Any, filters: Any) -> bool:
	return (
		(not filters.vendor or filters.vendor.casefold() in (product.vendor or "").casefold())
		and (not filters.usage_class or filters.usage_class == product.usage_class)
		and (not filters.used or bool(product.subscriptions or product.evidence.usage_summaries))
	)


def _row(product: Any) -> dict[str, Any]:
	return {
		"name": product.name,
		"product_name": product.product_name,
		"vendor": product.vendor,
		"sku": product.sku,
		"usage_class": _(product.usage_class),
		"set_by": _("Staff") if product.usage_class_set_by_staff else _("App"),
		"groups": product.evidence.usage_summaries,
		"subscriptions": product.subscriptions,
		"reasons": " ".join(product.reasons),
	}


def columns() -> list[dict[str, Any]]:
	return [
		column("name", _("Product"), "Link", 260, billing_class.DOCTYPE),
		column("vendor", _("Vendor"), "Data", 120),
		column("usage_class", _("Billing Class"), "Data", 120),
		column("set_by", _("Decided By"), "Data", 100),
		column("groups", _("Resource Groups"), "Int", 110),
		column("subscriptions", _("Subscriptions"), "Int", 110),
		column("reasons", _("Evidence and Reasons"), "Data", 420),
		column("sku", _("SKU"), "Data", 150),
		{"fieldname": "product_name", "label": _("Product Name"), "fieldtype": "Data", "width": 200},
	]


def _summary(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
	proven = sum(bool(row["groups"]) for row in rows)
	return [
		{"label": _("Products"), "value": len(rows), "datatype": "Int"},
		{"label": _("With Resource Groups"), "value": proven, "datatype": "Int", "indicator": "Green"},
		{
			"label": _("Subscriptions"),
			"value": sum(row["subscriptions"] for row in rows),
			"datatype": "Int",
		},
	]
