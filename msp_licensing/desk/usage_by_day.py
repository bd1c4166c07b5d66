"""The report Usage by Day: what each day of a month added, in each currency."""

from datetime import date
from decimal import Decimal
from typing import Any

from frappe import _
from frappe.utils import flt

from msp_licensing.desk import usage_charts
from msp_licensing.desk.reports import column, for_file
from msp_licensing.desk.usage_charts import month_label
from msp_licensing.desk.usage_reports import Asked, message, number, summary_of
from msp_licensing.rules.usage_projection import same_day_before
from msp_licensing.sync.kinds.usage.months import month_before
from msp_licensing.usage import amounts, group_months
from msp_licensing.usage.amounts import COST


def run(filters: Any) -> tuple[Any, ...]:
	"""Columns, rows, message, chart and summary. Filters and errors as in `usage_reports.run`."""
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
				"before": number(_on(then.get(key, {}), same_day_before(day))),
				"decreased": fallen.get(key, {}).get(day) or None,
			}
			if cost:
				row["cost_added"] = None if of_cost is None else flt(of_cost - cost_total)
				row["cost_total"] = number(of_cost)
			rows.append(row)
			total, cost_total = amount, of_cost if of_cost is not None else cost_total
	rows.sort(key=lambda row: row["day"], reverse=True)
	totals = group_months.totals(asked.scope, asked.month, "vendor", cost=cost) if asked.is_current else []
	summary = summary_of(totals, asked) if totals else _summary_of_days(now, asked)
	answer = (
		_day_columns(asked, cost=cost),
		rows,
		message(asked, totals),
		usage_charts.by_day(now, then, asked.scope, asked.month),
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
