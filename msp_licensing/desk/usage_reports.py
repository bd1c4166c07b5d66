"""The reports Usage by Client, by Vendor and by Resource Group: they differ in what a row is of, and in nothing else."""

from collections.abc import Callable, Iterable
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
from msp_licensing.desk.reports import column, for_file
from msp_licensing.desk.usage_charts import month_label
from msp_licensing.sync.kinds.usage.months import month_before
from msp_licensing.usage import amounts
from msp_licensing.usage.amounts import Amount, GroupMonth, Scope

MONTHS_IN_CHART, MOST_MONTHS = 12, 36


@dataclass(frozen=True)
class Rows:
	"""What a row of a report is of.

	Attributes:
		key: values that tell rows apart. label: the name of a row in the chart. columns: the first columns of the report.
		values: their values. split: as `amounts.by_month_of` has it. with_groups: whether a column says how many resource groups a row is of.
	"""

	key: Callable[[GroupMonth], tuple[Any, ...]]
	label: Callable[[Any], str]
	columns: Callable[[], list[dict[str, Any]]]
	values: Callable[[GroupMonth], dict[str, Any]]
	split: str
	with_groups: bool = True


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
	key=lambda one: (one.row.client_doctype, one.row.client),
	label=_client_name,
	columns=_client_columns,
	values=lambda one: {
		"client_doctype": one.row.client_doctype,
		"client": one.row.client,
		"client_name": _client_name(one.row),
	},
	split="client",
)
BY_VENDOR = Rows(
	key=lambda one: (one.row.vendor or "",),
	label=_vendor_name,
	columns=_vendor_columns,
	values=lambda one: {"vendor": _vendor_name(one.row)},
	split="vendor",
)
BY_GROUP = Rows(
	key=lambda one: (one.row.resource_group, one.row.client_doctype, one.row.client),
	label=_group_name,
	columns=_group_columns,
	values=lambda one: {
		"resource_group": one.row.resource_group,
		"group_name": _group_name(one.row),
		"client_doctype": one.row.client_doctype,
		"client": one.row.client,
		"client_name": _client_name(one.row),
		"vendor": one.row.vendor,
		"product_name": one.row.product_name,
	},
	split="group",
	with_groups=False,
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
	groups = amounts.by_group(asked.scope, asked.month, cost=cost)
	rows = _rows(groups, rows_of, cost=cost)
	answer = (
		_columns(rows_of, asked, cost=cost),
		[row for row, _amounts in rows],
		message(asked, groups),
		usage_charts.by_month(
			asked.scope, amounts.months_until(asked.month, asked.chart_months), rows_of.split, rows_of.label
		),
		summary_of(groups, asked),
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


def _rows(
	groups: Iterable[GroupMonth], rows_of: Rows, *, cost: bool
) -> list[tuple[dict[str, Any], GroupMonth]]:
	"""A row for each key, currency and trial, the highest amounts of each currency first."""
	found: dict[tuple[Any, ...], tuple[dict[str, Any], GroupMonth]] = {}
	for one in groups:
		key = (*rows_of.key(one), one.currency, one.is_trial)
		if key not in found:
			row = {**rows_of.values(one), "currency": one.currency, "groups": 0}
			row["trial"] = _("Trial") if one.is_trial else None
			found[key] = (row, GroupMonth(one.row, one.currency, one.is_trial, Amount(), Amount()))
		row, total = found[key]
		row["groups"] += 1
		total.charges.add(one.charges)
		total.cost.add(one.cost)
	for row, total in found.values():
		row.update(_cells(total.charges, ""))
		if cost:
			row.update(_cells(total.cost, "cost_"))
	return sorted(
		found.values(),
		key=lambda pair: (
			pair[1].is_trial,
			pair[1].currency,
			-(pair[1].charges.now or pair[1].charges.before or 0),
		),
	)


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
	if rows_of.with_groups:
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


def message(asked: Asked, groups: list[GroupMonth]) -> str | None:
	"""What has to be known to read the amounts; HTML."""
	told = [str(METHOD[1])]
	if asked.is_current:
		told.append(str(METHOD[0]))
		without = sum(one.charges.projected is None and one.charges.now is not None for one in groups)
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
	if len({one.currency for one in groups}) > 1:
		told.append(_("Amounts in different currencies are never added together."))
	if any(one.is_trial for one in groups):
		told.append(_("Usage of trials has rows of its own. It is not billed."))
	return f'<div class="text-muted small">{" ".join(escape_html(sentence) for sentence in told)}</div>'


def summary_of(groups: Iterable[GroupMonth], asked: Asked) -> list[dict[str, Any]]:
	"""The amounts of each currency, without trials unless only they are asked for."""
	totals: dict[str, Amount] = {}
	for one in groups:
		if not one.is_trial or asked.scope.trial:
			totals.setdefault(one.currency, Amount()).add(one.charges)
	found = []
	for currency in sorted(totals):
		total = totals[currency]
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
