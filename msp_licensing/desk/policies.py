"""The form of a Licensing Client Policy: the other policies of a client that was merged, and making one of them."""

from typing import Any

import frappe
from frappe import _
from frappe.utils import cint, fmt_money

from msp_licensing import permissions, transactions
from msp_licensing.changes import merged_policies
from msp_licensing.changes.policies import CLIENT_POLICY, FIELDS

COMPARED = (*FIELDS, "usage_alerts", "spike_factor", "usage_budgets")


@frappe.whitelist()
def duplicates(policy: str) -> dict[str, Any] | None:
	"""What counts besides a policy since clients were merged.

	Returns:
		None where it is the only one. Else `settings`: whether Licensing Settings count as well, `policies`: the names of all, this one first; `rows`: where they differ,
		each with `label` and `values` in words, in the same order.
	"""
	permissions.require_connection_manager()
	doc = _policy(policy, "read")
	found = merged_policies.of_client(doc)
	settings = any(cint(one.settings_count_too) for one in found)
	if doc.disabled or (len(found) < 2 and not settings):
		return None
	return {"settings": settings, "policies": [one.name for one in found], "rows": _differences(found)}


def _differences(found: list[Any]) -> list[dict[str, Any]]:
	rows = []
	for fieldname in COMPARED:
		if fieldname == "settings_count_too":
			continue
		field = frappe.get_meta(CLIENT_POLICY).get_field(fieldname)
		values = [_shown(field, one) for one in found] if field else []
		if len(set(values)) > 1:
			rows.append({"label": _(field.label), "values": values})
	return rows


def _shown(field: Any, doc: Any) -> str:
	value = doc.get(field.fieldname)
	if field.fieldtype == "Table":  # budgets, an amount for each currency
		return ", ".join(sorted(fmt_money(row.amount, currency=row.currency) for row in value)) or "—"
	if field.fieldtype == "Check":
		return _("Yes") if cint(value) else _("No")
	if field.fieldtype == "Select":
		return _(value) if value else _("Inherit")
	return str(frappe.format_value(value, field, doc) or "—")


@frappe.whitelist(methods=["POST"])
@transactions.repeated
def keep(policy: str) -> str:
	"""Keeps one policy of a client as it is, and disables the others. Returns what was done, in words."""
	permissions.require_manager()
	return _done(merged_policies.keep(_policy(policy, "write")))


@frappe.whitelist(methods=["POST"])
@transactions.repeated
def make_one(policy: str) -> str:
	"""Writes the strictest values of a client's policies into one, and disables the others. Returns words.

	Raises:
		frappe.ValidationError: no single policy can say that, such as limits in two currencies.
	"""
	permissions.require_manager()
	return _done(merged_policies.make_one(_policy(policy, "write")))


def _policy(name: str, right: str) -> Any:
	doc = frappe.get_doc(CLIENT_POLICY, name)
	doc.check_permission(right)
	return doc


def _done(count: int) -> str:
	if not count:
		return _("This policy counts now.")
	if count == 1:
		return _("This policy counts now. 1 other was disabled.")
	return _("This policy counts now. {0} others were disabled.").format(count)
