"""What was used, on the forms of a client, a Pax8 Company, a subscription and a resource group: this month, last month, by day and month."""

from datetime import date
from decimal import Decimal
from typing import Any

import frappe
from frappe import _
from frappe.utils import escape_html, flt

from msp_licensing import permissions
from msp_licensing.clients import CLIENT_DOCTYPES
from msp_licensing.desk.usage_charts import days_chart, line, month_label
from msp_licensing.rules.usage_projection import days_of
from msp_licensing.sync.kinds.usage.months import month_before
from msp_licensing.usage import amounts, group_months
from msp_licensing.usage.amounts import CHARGES, COST, Scope
from msp_licensing.usage.group_months import Amount

MONTHS = 12
# The column of a resource group that ties it to a record.
_COLUMNS = {
	"Pax8 Company": "pax8_company",
	"Pax8 Resource Group": "name",
	"Pax8 Subscription": "subscription_id",
}


@frappe.whitelist()
def trend(doctype: str, name: str) -> dict[str, Any]:
	"""The usage of one record, in each currency by itself; trials apart.

	Args:
		doctype: "MSP Client", "Customer", "Pax8 Company", "Pax8 Resource Group" or "Pax8 Subscription".

	Returns:
		`usage`: rows with `currency`, `is_trial`, `charges` and, for whoever may read it, `cost`. Each of the two has
		`now`, `before`, `same_day` (the month before on the same day) and `projected`: amounts, None if not known.
		`by_day` (of charges): `now` and `before`, a value for each day of the month, None after the last that was read; `chart`,
		the same as data of a chart.
		`by_month` (of charges): a value for each of `months`; None: nothing is known.
		`labels`: `now` and `before`, the months in words. `months`: the last twelve in words, the oldest first.
		`filters`: for a link to the reports.

	Raises:
		frappe.PermissionError: the user may not read the record.
		frappe.ValidationError: there is no usage of such a DocType.
	"""
	permissions.require_connection_manager()
	scope, filters = _scope(doctype, name)
	month, cost = amounts.this_month(), amounts.sees_cost()
	before = month_before(month)
	months = amounts.months_until(month, MONTHS)
	of_months = amounts.by_month(scope, months)
	if not of_months:
		return {"usage": [], "filters": filters}
	totals = _totals(scope, month, cost=cost)
	now, then = amounts.by_day(scope, month), amounts.by_day(scope, before)
	length = max(days_of(month), days_of(before))
	return {
		"usage": [
			{
				"currency": key[0],
				"is_trial": key[1],
				**{amount: _numbers(total) for amount, total in totals.get(key, {CHARGES: Amount()}).items()},
				"by_day": {
					"now": (days := line(now.get(key, {}), month, length)),
					"before": (days_before := line(then.get(key, {}), before, length)),
					"chart": days_chart(days, days_before, month),
				},
				"by_month": [_number(by_month[one]) for one in months],
			}
			for key, by_month in of_months.items()
		],
		"labels": {"now": _("{0} So Far").format(month_label(month)), "before": month_label(before)},
		"months": [month_label(one) for one in months],
		"filters": filters,
	}


def _scope(doctype: str, name: str) -> tuple[Scope, dict[str, str]]:
	if doctype in CLIENT_DOCTYPES:
		permissions.require_client(doctype, name)
		return Scope(client_doctype=doctype, client=name), {"client": name}
	if doctype not in _COLUMNS:
		frappe.throw(_("There is no usage of {0}.").format(escape_html(doctype)))
	doc = frappe.get_doc(doctype, name)
	doc.check_permission("read")
	filters = {key: doc.get(key) for key in ("client", "vendor") if doc.get(key)}
	return Scope(columns={_COLUMNS[doctype]: name}), filters


def _totals(scope: Scope, month: date, *, cost: bool) -> dict[amounts.Key, dict[str, Amount]]:
	found: dict[amounts.Key, dict[str, Amount]] = {}
	for one in group_months.totals(scope, month, "vendor", cost=cost):
		total = found.setdefault(
			(one.currency or "", one.is_trial),
			{CHARGES: Amount(), COST: Amount()} if cost else {CHARGES: Amount()},
		)
		total[CHARGES].add(one.charges)
		if cost:
			total[COST].add(one.cost)
	return found


def _numbers(amount: Amount) -> dict[str, float | None]:
	return {
		"now": _number(amount.now),
		"before": _number(amount.before),
		"same_day": _number(amount.same_day),
		"projected": _number(amount.projected),
	}


def _number(amount: Decimal | None) -> float | None:
	return None if amount is None else flt(amount)
