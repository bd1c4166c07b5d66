"""The reports Usage by Client, by Vendor, by Resource Group and by Day: they differ in what a row is of, and in nothing else."""

from calendar import monthrange
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import frappe
from frappe import _, _lt
from frappe.utils import cint, escape_html, flt, formatdate

from msp_licensing import permissions
from msp_licensing.desk.report_columns import STILL, column
from msp_licensing.desk.spreadsheets import plain
from msp_licensing.rules.usage_projection import same_day_before
from msp_licensing.sync.kinds.usage.months import first_day, last_day, month_before
from msp_licensing.usage import amounts
from msp_licensing.usage.amounts import COST, Amount, GroupMonth, Scope

# The one caller that shows cells instead of writing them into a file.
SCREEN = "frappe.desk.query_report.run"

MONTHS_IN_CHART, MOST_MONTHS = 12, 36
# More rows than this are one series of a chart.
SERIES = 6
COLORS = ("blue", "green", "orange", "purple", "cyan", "pink", "grey")


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


BY_CLIENT = Rows(
	key=lambda one: (one.row.client_doctype, one.row.client),
	label=_client_name,
	columns=lambda: [
		column("client_name", _("Client"), "Data", 190),
		column("client", _("Client ID"), "Dynamic Link", 120, "client_doctype"),
	],
	values=lambda one: {
		"client_doctype": one.row.client_doctype,
		"client": one.row.client,
		"client_name": _client_name(one.row),
	},
	split="client",
)
BY_VENDOR = Rows(
	key=lambda one: (one.row.vendor or "",),
	label=lambda row: row.vendor or _("(no vendor)"),
	columns=lambda: [column("vendor", _("Vendor"), "Data", 190)],
	values=lambda one: {"vendor": one.row.vendor or _("(no vendor)")},
	split="vendor",
)
BY_GROUP = Rows(
	key=lambda one: (one.row.resource_group, one.row.client_doctype, one.row.client),
	label=lambda row: row.group_name or _("(no name)"),
	columns=lambda: [
		column("resource_group", _("Resource Group"), "Link", 240, amounts.GROUP),
		column("client_name", _("Client"), "Data", 170),
		column("vendor", _("Vendor"), "Data", 110),
		column("product_name", _("Product"), "Data", 170),
	],
	values=lambda one: {
		"resource_group": one.row.resource_group,
		"group_name": one.row.group_name or _("(no name)"),
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
	chart = _chart_by_month(rows, groups, rows_of, asked)
	answer = (
		_columns(rows_of, asked, cost=cost),
		[row for row, _amounts in rows],
		_message(asked, groups),
		chart,
		_summary(groups, asked),
	)
	return for_file(answer)


def for_file(answer: tuple[Any, ...]) -> tuple[Any, ...]:
	"""The same, with texts that no spreadsheet carries out, unless Frappe asks for cells to show."""
	if frappe.form_dict.get("cmd") != SCREEN:
		for row in answer[1]:
			if row.get("group_name"):
				row["resource_group"] = row["group_name"]
			row.update({key: plain(value) for key, value in row.items() if isinstance(value, str)})
	return answer


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
			client_doctype=filters.client_doctype
			or frappe.db.get_single_value("Licensing Settings", "client_doctype"),
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


def month_label(month: date) -> str:
	return formatdate(month, "MMM yyyy")


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
		f"{prefix}now": _number(amount.now),
		f"{prefix}same_day": _number(base),
		f"{prefix}change": _number(change),
		f"{prefix}change_percent": float(round(100 * change / base, 1))
		if change is not None and base and base > 0
		else None,
		f"{prefix}before": _number(amount.before),
		f"{prefix}projected": _number(amount.projected),
	}


def _number(amount: Decimal | None) -> float | None:
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


def _message(asked: Asked, groups: list[GroupMonth]) -> str | None:
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


def _summary(groups: Iterable[GroupMonth], asked: Asked) -> list[dict[str, Any]]:
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
				"value": _number(value),
				"datatype": "Currency",
				"currency": currency,
			}
			for label, value in cells
			if value is not None
		]
	return found


def series_name(text: str) -> str:
	"""A name as a chart may have it: charts put names into their tooltips as markup."""
	shown = text.replace("<", "‹").replace(">", "›")
	return shown if len(shown) <= 40 else f"{shown[:39]}…"


def _chart_by_month(
	rows: list[tuple[dict[str, Any], GroupMonth]], groups: list[GroupMonth], rows_of: Rows, asked: Asked
) -> dict[str, Any] | None:
	"""The months until the one that is asked for, in the currency of the most resource groups."""
	months = amounts.months_until(asked.month, asked.chart_months)
	currency = asked.scope.currency or next(iter(amounts.currencies(asked.scope, months)), None)
	if not currency:
		return None
	of_series = amounts.by_month_of(asked.scope, months, currency, rows_of.split)
	if not of_series:
		return None
	ordered = sorted(of_series, key=lambda one: -sum(filter(None, one.months.values())))
	shown, rest = (ordered, []) if len(ordered) <= SERIES else (ordered[: SERIES - 1], ordered[SERIES - 1 :])
	datasets = [
		{
			"name": series_name(rows_of.label(one.row)),
			"values": [flt(one.months.get(month) or 0) for month in months],
		}
		for one in shown
	]
	if rest:
		datasets.append(
			{
				"name": _("{0} others").format(len(rest)),
				"values": [flt(sum(one.months.get(month) or Decimal(0) for one in rest)) for month in months],
			}
		)
	return {
		"data": {"labels": [month_label(month) for month in months], "datasets": datasets},
		"title": _("Charges in {0}").format(currency),
		"type": "bar",
		"colors": list(COLORS[: len(datasets)]),
		"barOptions": {"stacked": 1},
		**STILL,
		"fieldtype": "Currency",
		"options": "currency",
		"currency": currency,
	}


# --------------------------------------------------------------------------------------------- by day


def run_by_day(filters: Any) -> tuple[Any, ...]:
	"""Usage by Day: what each day of a month added, in each currency. Filters and errors as in `run`."""
	asked = Asked(filters)
	cost = amounts.sees_cost()
	before = month_before(asked.month)
	now = amounts.by_day(asked.scope, asked.month)
	then = amounts.by_day(asked.scope, before)
	costs = amounts.by_day(asked.scope, asked.month, COST) if cost else {}
	fallen = amounts.decreases(asked.scope, asked.month)
	rows = []
	for key, days in now.items():
		currency, is_trial = key
		total = cost_total = Decimal(0)
		for day, amount in days.items():
			of_cost = costs.get(key, {}).get(day)
			row = {
				"day": day,
				"trial": _("Trial") if is_trial else None,
				"currency": currency,
				"added": flt(amount - total),
				"total": flt(amount),
				"before": _number(_on(then.get(key, {}), same_day_before(day))),
				"decreased": fallen.get(key, {}).get(day) or None,
			}
			if cost:
				row["cost_added"] = None if of_cost is None else flt(of_cost - cost_total)
				row["cost_total"] = _number(of_cost)
			rows.append(row)
			total, cost_total = amount, of_cost if of_cost is not None else cost_total
	rows.sort(key=lambda row: row["day"], reverse=True)
	groups = amounts.by_group(asked.scope, asked.month, cost=False) if asked.is_current else []
	summary = _summary(groups, asked) if groups else _summary_of_days(now, asked)
	answer = (
		_day_columns(asked, cost=cost),
		rows,
		_message(asked, groups) if groups else _message(asked, []),
		_chart_by_day(now, then, asked),
		summary,
	)
	return for_file(answer)


def _on(days: dict[date, Decimal], day: date) -> Decimal | None:
	known = [one for one in days if one <= day]
	return days[max(known)] if known else None


def _summary_of_days(now: dict[amounts.Key, dict[date, Decimal]], asked: Asked) -> list[dict[str, Any]]:
	return [
		{
			"label": f"{asked.label} ({currency})",
			"value": flt(days[max(days)]),
			"datatype": "Currency",
			"currency": currency,
		}
		for (currency, is_trial), days in now.items()
		if not is_trial or asked.scope.trial
	]


def _day_columns(asked: Asked, *, cost: bool) -> list[dict[str, Any]]:
	found = [
		column("day", _("Day (UTC)"), "Date", 110),
		column("trial", _("Trial"), "Data", 70),
		column("currency", _("Currency"), "Data", 95),
		column("added", _("Added on the Day"), "Currency", 165, "currency"),
		column("total", _("Total of the Month"), "Currency", 165, "currency"),
		column(
			"before",
			_("{0}, Same Day").format(month_label(month_before(asked.month))),
			"Currency",
			150,
			"currency",
		),
		column("decreased", _("Groups That Fell"), "Int", 140),
	]
	if cost:
		found += [
			column("cost_added", _("Partner Cost: Added"), "Currency", 165, "currency"),
			column("cost_total", _("Partner Cost: Total"), "Currency", 165, "currency"),
		]
	return found


def _chart_by_day(
	now: dict[amounts.Key, dict[date, Decimal]], then: dict[amounts.Key, dict[date, Decimal]], asked: Asked
) -> dict[str, Any] | None:
	"""The running totals of the month and of the month before, in one currency."""
	trial = int(bool(asked.scope.trial))
	keys = [key for key in now if key[1] == trial] or list(now)
	if not keys:
		return None
	known = amounts.currencies(asked.scope, [asked.month])
	key = min(keys, key=lambda one: known.index(one[0]) if one[0] in known else len(known))
	before = month_before(asked.month)
	length = max(monthrange(month.year, month.month)[1] for month in (asked.month, before))
	return {
		"data": days_chart(
			line(now[key], asked.month, length), line(then.get(key, {}), before, length), asked.month
		),
		"title": _("Charges in {0}").format(key[0]),
		"type": "axis-mixed",
		"colors": ["blue", "grey"],
		"lineOptions": {"hideDots": 1},
		**STILL,
		"fieldtype": "Currency",
		"options": "currency",
		"currency": key[0],
	}


def days_chart(now: list[float | None], then: list[float | None], month: date) -> dict[str, Any]:
	"""Running totals of a month as bars, with those of the month before as a line.

	A chart has no gaps: a day that was not read has no bar, and after its end a month stays at what it came to.
	"""
	known = [value for value in then if value is not None]
	datasets = [
		{"name": month_label(month), "chartType": "bar", "values": [value or 0.0 for value in now]},
	]
	if known:
		before = [value if value is not None else known[-1] for value in then]
		datasets.append({"name": month_label(month_before(month)), "chartType": "line", "values": before})
	return {"labels": [str(day) for day in range(1, len(now) + 1)], "datasets": datasets}


def line(days: dict[date, Decimal], month: date, length: int) -> list[float | None]:
	"""A value for each day of a month; None after the last one that was read."""
	end = last_day(month)
	found: list[float | None] = []
	for number in range(1, length + 1):
		day = first_day(month).replace(day=number) if number <= end.day else None
		value = days.get(day) if day else None
		found.append(flt(value) if value is not None else (0.0 if day and days and day < min(days) else None))
	return found
