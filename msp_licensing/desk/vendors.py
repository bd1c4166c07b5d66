"""Vendors whose names have changed at Pax8, for a person to confirm; and vendors in the settings that match nothing."""

from typing import Any

import frappe
from frappe import _

from msp_licensing import clock, permissions, transactions, versions
from msp_licensing.frappe_version import count_as
from msp_licensing.rules.policy import vendor_key
from msp_licensing.sync import vendors, watch

DOCTYPE, SETTINGS = vendors.DOCTYPE, "Licensing Settings"

# What the confirmed name takes over of the rules for the known one.
BOTH, ONLY_NEW, NO_RULES = "Both Names", "New Name Only", "Not the New Name"
RULES = (BOTH, ONLY_NEW, NO_RULES)


@frappe.whitelist()
def overview(settings: str | dict[str, Any] | None = None) -> dict[str, Any]:
	"""What a person should look at among the vendors.

	Args:
		settings: the values in the form of Licensing Settings, saved or not; None: as they are saved.

	Returns:
		`changes`: rows with `known`, `vendor` (the name at Pax8 now, or None), `products` and `subscriptions`
		(numbers), `always` and `days` (what the settings say of the known name), `may_confirm`.
		`unmatched`: names in the settings that no product has, each once.
	"""
	permissions.require_connection_manager()
	values = frappe.parse_json(settings) or frappe.get_cached_doc(SETTINGS).as_dict()
	always = {vendor_key(row.get("vendor")) for row in values.get("vendor_overrides") or ()}
	days = {vendor_key(row.get("vendor")): row.get("days") for row in values.get("return_windows") or ()}
	return {
		"changes": _changes(always, days),
		"unmatched": _unmatched(values),
	}


def _changes(always: set[str], days: dict[str, Any]) -> list[dict[str, Any]]:
	found = vendors.changes()
	owned = _owned([product for change in found for product in change.products])
	return [
		{
			"known": change.known,
			"vendor": change.vendor,
			"products": len(change.products),
			"subscriptions": sum(owned.get(product, 0) for product in change.products),
			"always": vendor_key(change.known) in always,
			"days": days.get(vendor_key(change.known)),
			"may_confirm": bool(change.vendor) and permissions.is_manager(),
		}
		for change in found
	]


def _owned(products: list[str]) -> dict[str, int]:
	if not products:
		return {}
	return dict(
		frappe.get_list(
			"Pax8 Subscription",
			{"product": ("in", products), "vanished": 0},
			["product", count_as("n")],
			group_by="product",
			order_by="product",
			as_list=True,
		)
	)


def _unmatched(values: dict[str, Any]) -> list[str]:
	rows = [*(values.get("vendor_overrides") or ()), *(values.get("return_windows") or ())]
	names = {vendor_key(row.get("vendor")): row.get("vendor") for row in rows}
	names.pop("", None)
	if not names or not frappe.db.count(DOCTYPE):
		return []  # before the first sync nothing matches
	known = vendors.matching_vendors()
	return sorted((name for key, name in names.items() if key not in known), key=str.casefold)


@frappe.whitelist(methods=["POST"])
@transactions.repeated
def confirm(known: str, vendor: str, rules: str = BOTH) -> dict[str, Any]:
	"""Confirms that the products of one vendor are of another now: a new name, or a new vendor.

	From then on the products are known by the new name alone. Kept in the version history of the products, and of the
	settings where these change.

	Args:
		known: the name they are known by. vendor: the name at Pax8 now.
		rules: whether the vendors that always need approval and the return windows hold the new name as well ("Both
			Names"), in place of the known one ("New Name Only"), or not ("Not the New Name"). A rule that stands for the
			new name already is kept as it is.

	Returns:
		`products`: how many were confirmed; 0 if somebody else was faster. `message` in words.

	Raises:
		frappe.PermissionError: no Licensing Manager.
		frappe.ValidationError: Pax8 names no vendor, or `rules` is none of these.
	"""
	permissions.require_manager()
	permissions.require_all_clients()
	if rules not in RULES:
		frappe.throw(_("Choose what the rules are to say of the new name."))
	if not vendor_key(vendor):
		frappe.throw(_("Pax8 names no vendor for these products, so there is no name to confirm."))
	confirmed = _confirm_products(known, vendor)
	if confirmed and rules != NO_RULES:
		_take_over_rules(known, confirmed[0].vendor, instead=rules == ONLY_NEW and not _still_used(known))
	watch.tell_of_vendors()  # ends the warning
	count = len(confirmed)
	if not count:
		message = _("This name has been confirmed already.")
	elif count == 1:
		message = _("1 product is known by {0} now.").format(vendor)
	else:
		message = _("{0} products are known by {1} now.").format(count, vendor)
	return {"products": count, "message": message}


def _confirm_products(known: str, vendor: str) -> list[Any]:
	"""Writes the known vendor of the products of one change, with a version each; returns their rows."""
	keys = (vendor_key(known), vendor_key(vendor))
	rows = [
		row
		for row in frappe.db.sql(
			"""select name, vendor, known_vendor from `tabPax8 Product`
			where vendor_changed_on is not null order by name for update""",
			as_dict=True,
		)
		if (vendor_key(row.known_vendor), vendor_key(row.vendor)) == keys
	]
	if not rows:
		return []
	now, user = clock.site_now(), frappe.session.user
	frappe.db.sql(
		"""update `tabPax8 Product` set known_vendor = vendor, vendor_changed_on = null,
		modified = %s, modified_by = %s where name in %s""",
		(now, user, tuple(row.name for row in rows)),
	)
	versions.record(DOCTYPE, {row.name: [("known_vendor", row.known_vendor, row.vendor)] for row in rows})
	frappe.cache.delete_value([frappe.get_document_cache_key(DOCTYPE, row.name) for row in rows])
	return rows


def _still_used(vendor: str) -> bool:
	"""Whether a product still has this vendor, or is known by it: then its rules must stay."""
	return vendor_key(vendor) in vendors.matching_vendors()


def _take_over_rules(known: str, vendor: str, *, instead: bool) -> None:
	settings = frappe.get_doc(SETTINGS)
	old, new = vendor_key(known), vendor_key(vendor)
	changed = False
	for table in ("vendor_overrides", "return_windows"):
		by_key = {vendor_key(row.vendor): row for row in settings.get(table)}
		if old not in by_key:
			continue
		row = by_key[old]
		if new not in by_key:
			settings.append(
				table, {"vendor": vendor, **({"days": row.days} if table == "return_windows" else {})}
			)
			changed = True
		if instead:
			settings.remove(row)
			changed = True
	if changed:
		settings.save()
