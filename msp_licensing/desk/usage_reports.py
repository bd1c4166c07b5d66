"""The reports Usage by Client, by Vendor and by Resource Group: they differ in what a row is of, and in nothing else."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import frappe
from frappe import _, _lt
from frappe.utils import cint, escape_html, flt

from msp_licensing import permissions
from msp_licensing.clients import site_client_doctype
from msp_licensing.desk import usage_charts
from msp_licensing.desk.reports import column, for_file, is_for_screen
from msp_licensing.desk.usage_charts import month_label
from msp_licensing.sync.kinds.usage.months import month_before
from msp_licensing.usage import amounts, group_months
from msp_licensing.usage.amounts import Scope
from msp_licensing.usage.group_months import Amount, Total, together

MONTHS_IN_CHART, MOST_MONTHS = 12, 36

# More rows than this are slow to show and too many to read: a file has all of them.
MOST_GROUPS = 500


@dataclass(frozen=True)
class Rows:
	"""What a row of a report is of.

	Attributes:
		split: as `group_months.totals` has it. label: the name of a row in the chart. columns: the first columns of the report.
		values: their values.
	"""

	split: str
	label: Callable[[Any], str]
	columns: Callable[[], list[dict[str, Any]]]
	values: Callable[[Any], dict[str, Any]]


def _client_name(row: Any) -> str:
	return (row.client_name or row.client) if row.client else _("(unassigned)")


def _vendor_name(row: Any) -> str:
	return row.vendor or _("(no vendor)")


def _group_name(row: Any) -> str:
	return row.group_name or _("(no name)")


def _client_columns() -> list[dict[str, Any]]:
	return [
		column("client_name", _("Client"), "Data", 190),
		column("client", _("Client ID"), "Dynamic Link", 120, "client_doctype"),
	]


def _vendor_columns() -> list[dict[str, Any]]:
	return [column("vendor", _("Vendor"), "Data", 190)]


def _group_columns() -> list[dict[str, Any]]:
	return [
		column("resource_group", _("Resource Group"), "Link", 240, amounts.GROUP),
		column("client_name", _("Client"), "Data", 170),
		column("vendor", _("Vendor"), "Data", 110),
		column("product_name", _("Product"), "Data", 170),
	]


BY_CLIENT = Rows(
	split="client",
	label=_client_name,
	columns=_client_columns,
	values=lambda row: {
		"client_doctype": row.client_doctype,
		"client": row.client,
		"client_name": _client_name(row),
	},
)
BY_VENDOR = Rows(
	split="vendor",
	label=_vendor_name,
	columns=_vendor_columns,
	values=lambda row: {"vendor": _vendor_name(row)},
)
BY_GROUP = Rows(
	split="group",
	label=_group_name,
	columns=_group_columns,
	values=lambda row: {
		"resource_group": row.resource_group,
		"group_name": _group_name(row),
		"client_doctype": row.client_doctype,
		"client": row.client,
		"client_name": _client_name(row),
		"vendor": row.vendor,
		"product_name": row.product_name,
	},
)


def run(filters: Any, rows_of: Rows) -> tuple[Any, ...]:
	"""Columns, rows, message, chart and summary of one of the reports, as Frappe's reports give them.

	Args:
		filters: `month` ("2026-11"; default: the current one), `client` and `client_doctype`, `vendor`, `currency`, `trial`
			("Without Trials", "Trials Only"), `months` (how many the chart shows).

	Raises:
		frappe.PermissionError: neither Licensing Manager nor System Manager.
		frappe.ValidationError: there is no such month.
	"""
	asked = Asked(filters)
	cost = amounts.sees_cost()
	told = []
	if rows_of is BY_GROUP:
		of_all = group_months.totals(asked.scope, asked.month, "vendor", cost=cost)
		count = sum(total.groups for total in of_all)
		if is_for_screen():
			found = group_months.highest(asked.scope, asked.month, MOST_GROUPS, cost=cost)
		else:
			found = together(group_months.by_group(asked.scope, asked.month, cost=cost), "group")
		if is_for_screen() and count > MOST_GROUPS:
			told.append(
				_(
					"The {0} resource groups with the highest charges are shown, of {1}. Filter by client or vendor to see others, or"
					" export the report: the file has all of them."
				).format(MOST_GROUPS, count)
			)
	else:
		of_all = found = group_months.totals(asked.scope, asked.month, rows_of.split, cost=cost)
	answer = (
		_columns(rows_of, asked, cost=cost),
		[_row(total, rows_of, cost=cost) for total in found],
		message(asked, of_all, *told),
		usage_charts.by_month(
			asked.scope, amounts.months_until(asked.month, asked.chart_months), rows_of.split, rows_of.label
		),
		summary_of(of_all, asked),
	)
	return for_file(answer, {"resource_group": "group_name"})


class Asked:
	"""The filters of a report, checked."""

	def __init__(self, filters: Any) -> None:
		permissions.require_connection_manager()
		filters = frappe._dict(filters or {})
		self.month = _month(filters.month)
		self.is_current = self.month == amounts.this_month()
		self.chart_months = min(max(cint(filters.months) or MONTHS_IN_CHART, 1), MOST_MONTHS)
		trials = {"Without Trials": False, "Trials Only": True}
		self.scope = Scope(
			client_doctype=filters.client_doctype or site_client_doctype(),
			client=filters.client or None,
			currency=(filters.currency or "").strip().upper() or None,
			trial=trials.get(filters.trial),
			columns={"vendor": filters.vendor} if filters.vendor else {},
		)

	@property
	def label(self) -> str:
		shown = month_label(self.month)
		return _("{0} So Far").format(shown) if self.is_current else shown


def _month(value: Any) -> date:
	"""The first day of a month, as the filter has it ("2026-11")."""
	if not value:
		return amounts.this_month()
	try:
		year, month = str(value).split("-")[:2]
		return date(int(year), int(month), 1)
	except ValueError:
		frappe.throw(_("{0} is not a month.").format(escape_html(str(value)[:20])))


# --------------------------------------------------------------------------------------------- rows


def _row(total: Total, rows_of: Rows, *, cost: bool) -> dict[str, Any]:
	return {
		**rows_of.values(total.row),
		"currency": total.currency,
		"groups": total.groups,
		"trial": _("Trial") if total.is_trial else None,
		**_cells(total.charges, ""),
		**(_cells(total.cost, "cost_") if cost else {}),
	}


def _cells(amount: Amount, prefix: str) -> dict[str, Any]:
	change = amount.change
	base = amount.same_day
	return {
		f"{prefix}now": number(amount.now),
		f"{prefix}same_day": number(base),
		f"{prefix}change": number(change),
		f"{prefix}change_percent": float(round(100 * change / base, 1))
		if change is not None and base and base > 0
		else None,
		f"{prefix}before": number(amount.before),
		f"{prefix}projected": number(amount.projected),
	}


def number(amount: Decimal | None) -> float | None:
	return None if amount is None else flt(amount)


def _columns(rows_of: Rows, asked: Asked, *, cost: bool) -> list[dict[str, Any]]:
	before = month_label(month_before(asked.month))
	found = [*rows_of.columns(), column("trial", _("Trial"), "Data", 70)]
	if rows_of is not BY_GROUP:
		found.append(column("groups", _("Groups"), "Int", 80))
	found.append(column("currency", _("Currency"), "Data", 95))
	found += _amount_columns("", asked, before, _("{0}"))
	if cost:
		found += _amount_columns("cost_", asked, before, _("Partner Cost: {0}"))
	hidden = {"fieldtype": "Data", "hidden": 1}
	return [
		*found,
		{"fieldname": "client_doctype", "label": _("Client Type"), **hidden},
		{"fieldname": "group_name", "label": _("Name"), **hidden},
	]


def _amount_columns(prefix: str, asked: Asked, before: str, shape: str) -> list[dict[str, Any]]:
	def amount(fieldname: str, label: str) -> dict[str, Any]:
		return column(f"{prefix}{fieldname}", shape.format(label), "Currency", 155, "currency")

	found = [amount("now", asked.label)]
	if asked.is_current:
		found += [
			amount("projected", _("Projection")),
			amount("same_day", _("{0}, Same Day").format(before)),
			amount("change", _("Change")),
			column(f"{prefix}change_percent", shape.format(_("Change (%)")), "Percent", 115),
			amount("before", before),
		]
	else:
		found += [
			amount("before", before),
			amount("change", _("Change")),
			column(f"{prefix}change_percent", shape.format(_("Change (%)")), "Percent", 115),
		]
	return found


# --------------------------------------------------------------------------------------------- what is said with it

METHOD = (
	_lt(
		"Projection: each resource group by itself. If it went by a straight line last month, the amount so far is continued as a"
		" straight line. Otherwise, what last month still gained after the same day is added to the amount so far. A group that"
		" is new this month goes on as in the last seven days. A projection is no promise; the invoice is final."
	),
	_lt(
		"Amounts are the charges that Pax8 reports. They are running totals: the last one of a month counts."
	),
)


def message(asked: Asked, totals: Sequence[Total], *more: str) -> str:
	"""What has to be known to read the amounts; HTML.

	Args:
		totals: of all that was asked for. more: sentences that come first.
	"""
	told = [*more, str(METHOD[1])]
	if asked.is_current:
		told.append(str(METHOD[0]))
		without = sum(total.too_new for total in totals)
		if without == 1:
			told.append(
				_("1 resource group is too new for a projection: its amount so far is taken instead.")
			)
		elif without:
			told.append(
				_(
					"{0} resource groups are too new for a projection: their amounts so far are taken instead."
				).format(without)
			)
	if len({total.currency for total in totals}) > 1:
		told.append(_("Amounts in different currencies are never added together."))
	if any(total.is_trial for total in totals):
		told.append(_("Usage of trials has rows of its own. It is not billed."))
	return f'<div class="text-muted small">{" ".join(escape_html(sentence) for sentence in told)}</div>'


def summary_of(totals: Iterable[Total], asked: Asked) -> list[dict[str, Any]]:
	"""The amounts of each currency, without trials unless only they are asked for."""
	sums: dict[str, Amount] = {}
	for one in totals:
		if not one.is_trial or asked.scope.trial:
			sums.setdefault(one.currency, Amount()).add(one.charges)
	found = []
	for currency, total in sorted(sums.items()):
		cells = [(asked.label, total.now)]
		if asked.is_current:
			cells.append((_("Projection"), total.projected))
		cells.append((month_label(month_before(asked.month)), total.before))
		found += [
			{
				"label": f"{label} ({currency})",
				"value": number(value),
				"datatype": "Currency",
				"currency": currency,
			}
			for label, value in cells
			if value is not None
		]
	return found
