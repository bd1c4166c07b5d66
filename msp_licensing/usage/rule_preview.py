"""What a usage rule would do, before it is saved."""

from typing import Any

import frappe
from frappe import _

from msp_licensing import clock
from msp_licensing.rules.plurals import plural
from msp_licensing.sync.kinds.usage.placement import GROUP, UNASSIGNED
from msp_licensing.usage import inbox, rules

LISTED = 20


def preview(values: Any) -> dict[str, Any]:
	"""What a rule that is not saved yet would do with the groups that are nobody's now.

	Args:
		values: the fields of the rule, `name` where it is stored already.

	Returns:
		`assigned`: groups that it would assign, as many as LISTED in `rows`; `contradicting`, `decided`: how many it fits
		and leaves alone, as another rule contradicts or as a person has decided before; `sentence`: the same in words.
	"""
	rule = rules.from_values(values)
	groups = frappe.get_all(
		GROUP,
		{"placement": UNASSIGNED},
		inbox.FIELDS,
		order_by="this_month_charges desc, name",
	)
	skus = {row.name: row for row in frappe.get_all("Pax8 Product", fields=["name", "sku", "vendor_sku"])}
	for row in groups:
		product = skus.get(row.product, frappe._dict())
		row.update({"sku": product.sku, "vendor_sku": product.vendor_sku})
	fitting = [row for row in groups if rules.judge([rule], row).rules]
	others = rules.enabled(besides=rule.name) if fitting else []
	decided = rules.decided_before([row.name for row in fitting])
	free = [row for row in fitting if row.name not in decided]
	contradicting = {row.name for row in free if rules.judge([*others, rule], row).contradicts}
	assigned = [row for row in free if row.name not in contradicting]
	today = clock.pax8_today()
	return {
		"assigned": len(assigned),
		"contradicting": len(contradicting),
		"decided": len(decided),
		"rows": [inbox.shown(row, today, (), False) for row in assigned[:LISTED]],
		"sentence": _sentence(len(assigned), len(contradicting), len(decided)),
	}


def _sentence(assigned: int, contradicting: int, decided: int) -> str:
	parts = [
		plural(
			assigned,
			_("{0} resource group would be assigned."),
			_("{0} resource groups would be assigned."),
		).format(assigned)
	]
	if contradicting:
		parts.append(_("{0} more fit, but another rule names another client.").format(contradicting))
	if decided:
		parts.append(_("{0} more fit, but somebody has decided about them before.").format(decided))
	return " ".join(parts)
