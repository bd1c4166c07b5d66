"""Charts of usage: months as bars, and the days of a month beside those of the month before."""

from calendar import monthrange
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from frappe import _
from frappe.utils import flt, formatdate

from msp_licensing.desk.reports import STILL
from msp_licensing.sync.kinds.usage.months import first_day, last_day, month_before
from msp_licensing.usage import amounts
from msp_licensing.usage.amounts import Scope

# More rows than this are one series of a chart.
SERIES = 6
COLORS = ("blue", "green", "orange", "purple", "cyan", "pink", "grey")


def month_label(month: date) -> str:
	return formatdate(month, "MMM yyyy")


def series_name(text: str) -> str:
	"""A name as a chart may have it: charts put names into their tooltips as markup."""
	shown = text.replace("<", "‹").replace(">", "›")
	return shown if len(shown) <= 40 else f"{shown[:39]}…"


def by_month(
	scope: Scope, months: list[date], split: str, label: Callable[[Any], str]
) -> dict[str, Any] | None:
	"""Months as bars, in the currency of the most resource groups.

	Args:
		split: as `amounts.by_month_of` has it. label: the name of one of its rows.
	"""
	currency = scope.currency or next(iter(amounts.currencies(scope, months)), None)
	if not currency:
		return None
	shown, count, others = amounts.by_month_of(scope, months, currency, split, SERIES)
	if not shown:
		return None
	datasets = [
		{
			"name": series_name(label(one.row)),
			"values": [flt(one.months.get(month) or 0) for month in months],
		}
		for one in shown
	]
	if count:
		datasets.append(
			{
				"name": _("{0} others").format(count),
				"values": [flt(others.get(month) or 0) for month in months],
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


def by_day(
	now: dict[amounts.Key, dict[date, Decimal]],
	then: dict[amounts.Key, dict[date, Decimal]],
	scope: Scope,
	month: date,
) -> dict[str, Any] | None:
	"""The running totals of a month and of the month before, in one currency.

	Args:
		now, then: as `amounts.by_day` gives them for the two.
	"""
	trial = int(bool(scope.trial))
	keys = [key for key in now if key[1] == trial] or list(now)
	if not keys:
		return None
	known = amounts.currencies(scope, [month])
	key = min(keys, key=lambda one: known.index(one[0]) if one[0] in known else len(known))
	before = month_before(month)
	length = max(monthrange(one.year, one.month)[1] for one in (month, before))
	return {
		"data": days_chart(line(now[key], month, length), line(then.get(key, {}), before, length), month),
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
