"""The catalogue: which Pax8 products clients see, which come first, and whose changes always wait."""

import json
from typing import Any

import frappe
from frappe import _
from frappe.utils import cint, escape_html

from msp_licensing import permissions, transactions, versions
from msp_licensing.frappe_version import contains, count_as, rows_from

DOCTYPE = "Pax8 Product"

# action: the field it sets, and the value
ACTIONS = {
	"Show": ("visible", 1),
	"Hide": ("visible", 0),
	"Feature": ("featured", 1),
	"Unfeature": ("featured", 0),
	"Always Require Approval": ("hold_changes", 1),
	"No Longer Require Approval": ("hold_changes", 0),
}
VISIBILITY: dict[str, dict[str, Any]] = {
	"Visible": {"visible": 1},
	"Hidden": {"visible": 0},
	"Featured": {"featured": 1},
	"Featured but hidden": {"featured": 1, "visible": 0},
	"Always requires approval": {"hold_changes": 1},
}
MAX_PAGE = 200
MAX_ROWS = 500


@frappe.whitelist()
def products(
	search: str = "",
	vendor: str = "",
	category: str = "",
	visibility: str = "",
	owned: bool = False,
	start: int = 0,
	page_length: int = 50,
) -> dict[str, Any]:
	"""One page of the product table.

	Args:
		search: looked for in the product's name and SKUs.
		visibility: a key of VISIBILITY, or "" for all.
		owned: only products that a client has a subscription of.

	Returns:
		`rows`, and `total`: how many match in all. `retail_price_from` is None where Pax8 gives no price.
	"""
	permissions.require_connection_manager()
	filters, or_filters = _filters(search, vendor, category, visibility, owned)
	rows = frappe.get_list(
		DOCTYPE,
		filters=filters,
		or_filters=or_filters,
		fields=[
			"name",
			"product_name",
			"vendor",
			"category",
			"retail_price_from",
			"has_retail_price",
			"currency",
			"priced_on",
			"usage_class",
			"visible",
			"featured",
			"hold_changes",
			"discontinued",
		],
		order_by="product_name asc, name asc",
		**rows_from(max(0, start), min(max(1, page_length), MAX_PAGE)),
	)
	owned_counts = _owned([row.name for row in rows])
	for row in rows:
		row.owned = owned_counts.get(row.name, 0)
		if not row.pop("has_retail_price"):
			row.retail_price_from = None
	total = frappe.get_list(
		DOCTYPE, filters=filters, or_filters=or_filters, fields=[count_as("n")], order_by=None
	)[0].n
	return {"rows": rows, "total": total}


@frappe.whitelist()
def matching(
	search: str = "", vendor: str = "", category: str = "", visibility: str = "", owned: bool = False
) -> list[str]:
	"""The names of all products that match, for "select all": what is acted on is what was ticked."""
	permissions.require_connection_manager()
	filters, or_filters = _filters(search, vendor, category, visibility, owned)
	return frappe.get_list(DOCTYPE, filters=filters, or_filters=or_filters, pluck="name", limit=0)


@frappe.whitelist()
def facets() -> dict[str, Any]:
	"""What the table can be filtered by, and how many products clients own that they do not see in the catalogue."""
	permissions.require_connection_manager()
	return {
		"vendors": _values("vendor"),
		"categories": _values("category"),
		"visibility": list(VISIBILITY),
		"owned_hidden": len(_owned_hidden()),
	}


@frappe.whitelist(methods=["POST"])
@transactions.repeated
def act(names: str | list[str], action: str) -> dict[str, Any]:
	"""Shows, hides, features or unfeatures the products `names`, and no others, or has their changes always wait.

	Args:
		names: as a list or as JSON, at most 500.
		action: a key of ACTIONS.

	Returns:
		`changed`: how many were not so before. `hidden`: the names of those that are now featured but hidden, which
		nobody sees.
	"""
	permissions.require_manager()
	permissions.require_all_clients()
	names = chosen_products(names)
	if action not in ACTIONS:
		frappe.throw(_("{0} is not something that can be done with products.").format(escape_html(action)))
	field, value = ACTIONS[action]
	changed = _set(names, field, value)
	hidden = []
	if action == "Feature":
		hidden = frappe.get_all(DOCTYPE, {"name": ("in", names or [""]), "visible": 0}, pluck="name")
	return {"changed": changed, "hidden": hidden}


@frappe.whitelist(methods=["POST"])
@transactions.repeated
def show_owned() -> int:
	"""Shows every product that a client has a subscription of; returns how many were hidden before."""
	permissions.require_manager()
	permissions.require_all_clients()
	return _set(_owned_hidden(), "visible", 1)


def chosen_products(names: str | list[str]) -> list[str]:
	"""Names of products as a screen sends them: as a list or as JSON, at most 500. Raises frappe.ValidationError."""
	try:
		names = json.loads(names) if isinstance(names, str) else names
	except ValueError:
		names = None
	if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
		frappe.throw(_("Please choose products."))
	if len(names) > MAX_ROWS:
		frappe.throw(_("At most {0} products at a time.").format(MAX_ROWS))
	return names


def _set(names: list[str], field: str, value: int) -> int:
	"""Writes one of the staff's own fields of many products at once, with a version each.

	`doc.save()` would write every price row of every product again.
	"""
	before = {
		row.name: cint(row[field])
		for row in frappe.get_all(DOCTYPE, {"name": ("in", names or [""])}, ["name", field])
		if cint(row[field]) != value
	}
	if not before:
		return 0
	changed = list(before)
	frappe.db.set_value(DOCTYPE, {"name": ("in", changed)}, field, value)
	versions.record(DOCTYPE, {name: [(field, was, value)] for name, was in before.items()})
	for name in changed:
		frappe.clear_document_cache(DOCTYPE, name)
	return len(changed)


def _filters(
	search: str, vendor: str, category: str, visibility: str, owned: bool
) -> tuple[dict[str, Any], list[list[str]]]:
	filters: dict[str, Any] = {"discontinued": 0}
	if vendor:
		filters["vendor"] = vendor
	if category:
		filters["category"] = category
	filters.update(VISIBILITY.get(visibility, {}))
	if owned:
		filters["name"] = ("in", list(_owned()) or [""])
	or_filters = []
	if search := search.strip():
		or_filters = [
			[DOCTYPE, field, "like", contains(search)] for field in ("product_name", "sku", "vendor_sku")
		]
	return filters, or_filters


def _owned(names: list[str] | None = None) -> dict[str, int]:
	"""How many subscriptions that the user may see there are of each product; only products with any."""
	if names == []:
		return {}
	filters: dict[str, Any] = {"vanished": 0, "status": ("!=", "Cancelled"), "product": ("is", "set")}
	if names:
		filters["product"] = ("in", names)
	return dict(
		frappe.get_list(
			"Pax8 Subscription",
			filters=filters,
			fields=["product", count_as("n")],
			group_by="product",
			order_by="product",
			as_list=True,
		)
	)


def _owned_hidden() -> list[str]:
	names = list(_owned())
	if not names:
		return []
	return frappe.get_all(DOCTYPE, {"name": ("in", names), "visible": 0, "discontinued": 0}, pluck="name")


def _values(field: str) -> list[str]:
	return sorted(
		frappe.get_all(DOCTYPE, {field: ("is", "set"), "discontinued": 0}, pluck=field, distinct=True),
		key=str.casefold,
	)
