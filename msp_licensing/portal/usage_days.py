"""The days of a month of usage, for the chart and for the table that has the same numbers. Imports no Frappe."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from msp_licensing.portal.usage_records import MISSING, NO_NAME, Usage, money
from msp_licensing.portal.words import Formats, _
from msp_licensing.rules.resource_groups import key_of

GROUPS_DRAWN = 6
"""How many resource groups have a colour of their own in the chart."""


@dataclass(frozen=True, slots=True)
class Measure:
	"""What the chart can show: amounts in a currency, or the quantity of a product in a unit."""

	key: str
	label: str
	currency: str = ""
	is_trial: bool = False
	product: str | None = None
	unit: str = ""

	def series(self, usage: Usage) -> dict[str, dict[date, Decimal]]:
		"""By group, the value of each day that was read."""
		found: dict[str, dict[date, Decimal]] = defaultdict(dict)
		if self.product is None:
			for one in usage.days:
				if (one.currency, one.is_trial) == (self.currency, self.is_trial) and one.amount is not None:
					found[one.group][one.day] = one.amount
		else:
			for line in usage.units:
				about = (line.product, line.unit, line.is_trial)
				if about == (self.product, self.unit, self.is_trial) and line.quantity is not None:
					known = found[line.group].get(line.day, Decimal(0))
					found[line.group][line.day] = known + line.quantity
		return found

	def text(self, value: Decimal, formats: Formats) -> str:
		if self.product is None:
			return money(value, self.currency, formats)
		return f"{formats.number(value)} {self.unit}".strip()


def measures(usage: Usage, formats: Formats) -> list[Measure]:
	t = formats.translate
	found = []
	if usage.shows_amounts:
		told = {(total.is_trial, total.currency) for total in usage.totals}
		for is_trial, currency in sorted(told):
			if currency:
				words = _("Trial in {currency}") if is_trial else _("Charges in {currency}")
				found.append(
					Measure(
						key_of("money", currency, int(is_trial)),
						t(words).format(currency=currency),
						currency,
						is_trial,
					)
				)
	about = {(one.is_trial, one.product, one.unit) for one in usage.units}
	for is_trial, product, unit in sorted(about):
		label = f"{product} ({unit})" if unit else product
		if is_trial:
			label = t(_("Trial: {what}")).format(what=label)
		found.append(
			Measure(key_of("unit", product, unit, int(is_trial)), label, "", is_trial, product, unit)
		)
	return found


class _Row(NamedTuple):
	day: date
	by_group: dict[str, Decimal]

	@property
	def total(self) -> Decimal:
		return sum(self.by_group.values(), Decimal(0))


def _rows(usage: Usage, measure: Measure) -> list[_Row]:
	"""What stood on each day that was read: of a group that was not read that day, its value of the day before.

	After the day on which a group left the client, it is left out.
	"""
	series = measure.series(usage)
	ends = {total.group: total.until for total in usage.totals if total.until}
	days = sorted({day for values in series.values() for day in values})
	now: dict[str, Decimal] = {}
	rows = []
	for day in days:
		now |= {group: values[day] for group, values in series.items() if day in values}
		now = {group: value for group, value in now.items() if ends.get(group, day) >= day}
		rows.append(_Row(day, dict(now)))
	return rows


def chart(usage: Usage, measure: Measure, formats: Formats) -> dict[str, Any] | None:
	rows = _rows(usage, measure)
	if not rows:
		return None
	t = formats.translate
	last: dict[str, Decimal] = {}
	for row in rows:
		last |= row.by_group
	largest = sorted(last, key=lambda name: (-abs(last[name]), name))
	drawn, others = largest[:GROUPS_DRAWN], largest[GROUPS_DRAWN:]
	datasets = [
		{
			"name": usage.groups[name].text or t(NO_NAME),
			"values": [float(row.by_group.get(name, 0)) for row in rows],
		}
		for name in drawn
	]
	if others:
		values = [
			float(sum((row.by_group.get(name, Decimal(0)) for name in others), Decimal(0))) for row in rows
		]
		datasets.append({"name": t(_("Others")), "values": values})
	return {
		"label": t(
			_("{measure} by day and resource group, {month}. The table below has the same numbers.")
		).format(measure=measure.label, month=formats.month(usage.month)),
		"labels": [str(row.day.day) for row in rows],
		"days": [formats.day(row.day) for row in rows],
		"datasets": datasets,
		"texts": [measure.text(row.total, formats) for row in rows],
	}


def days(usage: Usage, measure: Measure, formats: Formats) -> list[dict[str, Any]]:
	rows = _rows(usage, measure)
	told = []
	# A month begins at nothing. Where its first days were not read, the first change is not known.
	before = Decimal(0) if rows and rows[0].day.day == 1 else None
	for row in rows:
		change = None if before is None else row.total - before
		before = row.total
		groups = sorted(row.by_group.items(), key=lambda item: -abs(item[1]))
		told.append(
			{
				"day": formats.day(row.day),
				"total": measure.text(row.total, formats),
				"change": MISSING if change is None else _signed(change, measure, formats),
				"groups": [
					f"{usage.groups[name].text or formats.translate(NO_NAME)}: {measure.text(value, formats)}"
					for name, value in groups[:GROUPS_DRAWN]
				]
				if len(groups) > 1
				else [],
			}
		)
	return told[::-1]


def _signed(value: Decimal, measure: Measure, formats: Formats) -> str:
	text = measure.text(abs(value), formats)
	return f"+{text}" if value > 0 else f"−{text}" if value < 0 else text
