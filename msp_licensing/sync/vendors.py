"""The vendor that each product is known to be of: staff's, next to the name that Pax8 has now.

A product is known by its first vendor's name until a person confirms another (`desk/vendors.py`). Decisions hold a
product by all its names: see `rules.vendors`.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import frappe

from msp_licensing.rules.values import vendor_key
from msp_licensing.rules.vendors import Change, also_known

DOCTYPE = "Pax8 Product"


def note(products: Iterable[str], since: datetime) -> None:
	"""Notes which of some products, just written, have another vendor than the one they are known by; does not commit.

	A product that had none so far is known by the first one it gets.

	Args:
		since: the beginning of the sync that wrote them, in UTC.
	"""
	names = tuple(products)
	if not names:
		return
	first, changed, back = [], [], []
	for row in frappe.db.sql(
		"""select name, vendor, known_vendor, vendor_changed_on from `tabPax8 Product` where name in %s""",
		(names,),
		as_dict=True,
	):
		known, now = vendor_key(row.known_vendor), vendor_key(row.vendor)
		if not known and now:
			first.append(row.name)
		elif known != now and not row.vendor_changed_on:
			changed.append(row.name)
		elif known == now and row.vendor_changed_on:
			back.append(row.name)
	if first:
		frappe.db.sql("update `tabPax8 Product` set known_vendor = vendor where name in %s", (first,))
	for found, value in ((changed, since), (back, None)):
		if found:
			frappe.db.sql(
				"update `tabPax8 Product` set vendor_changed_on = %s where name in %s", (value, found)
			)


def changes() -> list[Change]:
	"""The vendors whose names have changed at Pax8 and wait for a person's word, those with most products first."""
	found: dict[tuple[str, str], list[Any]] = {}
	for row in frappe.get_all(
		DOCTYPE,
		filters={"vendor_changed_on": ("is", "set")},
		fields=["name", "first_synced_on", "vendor", "known_vendor", "vendor_changed_on"],
		order_by="vendor_changed_on asc, name asc",
	):
		found.setdefault((vendor_key(row.known_vendor), vendor_key(row.vendor)), []).append(row)
	grouped = [
		Change(
			rows[0].known_vendor,
			rows[0].vendor or None,
			tuple(row.name for row in rows),
			rows[0].vendor_changed_on,
			min(row.first_synced_on or datetime.min for row in rows),
		)
		for rows in found.values()
	]
	return sorted(grouped, key=lambda change: (-len(change.products), change.key))


def renamed(found: list[Change] | None = None) -> dict[str, tuple[str, ...]]:
	"""The names by which renamed vendors are known; see `rules.vendors.also_known`. One query, where there are none."""
	found = changes() if found is None else found
	return also_known(found, _first_seen()) if found else {}


def _first_seen() -> Mapping[str, datetime]:
	first: dict[str, datetime] = {}
	for vendor, seen in frappe.db.sql(
		"""select vendor, min(first_synced_on) from `tabPax8 Product`
		where discontinued = 0 and vendor is not null and vendor_changed_on is null and first_synced_on is not null
		group by vendor"""
	):
		key = vendor_key(vendor)
		first[key] = min(seen, first.get(key, seen))
	return first


def matching_vendors() -> set[str]:
	"""The `vendor_key`s of all vendors that a product or subscription has, or is known by."""
	found: set[str] = set()
	for doctype, field in ((DOCTYPE, "vendor"), (DOCTYPE, "known_vendor"), ("Pax8 Subscription", "vendor")):
		found.update(
			map(vendor_key, frappe.get_all(doctype, {field: ("is", "set")}, pluck=field, distinct=True))
		)
	return found


def concerning(found: list[Change]) -> list[Change]:
	"""Those of some changes that a rule of the settings names, or that clients own products of."""
	if not found:
		return []
	settings = frappe.get_cached_doc("Licensing Settings")
	named = {vendor_key(row.vendor) for row in (*settings.vendor_overrides, *settings.return_windows)}
	owned = set(
		frappe.get_all(
			"Pax8 Subscription",
			{
				"product": ("in", [product for change in found for product in change.products]),
				"vanished": 0,
				"client": ("is", "set"),
			},
			pluck="product",
			distinct=True,
		)
	)
	return [
		change
		for change in found
		if {vendor_key(change.known), vendor_key(change.vendor)} & named
		or owned.intersection(change.products)
	]
