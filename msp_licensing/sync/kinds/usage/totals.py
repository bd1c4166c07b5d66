"""The stored totals that a new one of the same group is compared with."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import frappe

from msp_licensing.sync.kinds.usage import months
from msp_licensing.sync.kinds.usage.readings import Amounts, Reading
from msp_licensing.sync.mirror import Row

# A group's month or snapshot: (group, currency, trial), and for months the month as well.
Key = tuple[str, str, int]

# Amounts as text: a float of the database driver has too few digits.
_AMOUNTS = (
	"cast({0}.charges as char) as charges, {0}.has_charges, cast({0}.cost as char) as cost, {0}.has_cost"
)


def goes_on(reading: Reading, known: Any, month: date) -> bool:
	"""Whether the group's row already is of this month, in the same currency."""
	summary = reading.summary
	return bool(known) and (known.this_month, known.currency or "", known.is_trial) == (
		month,
		summary.currency_code or "",
		int(bool(summary.is_trial)),
	)


def month_totals(
	readings: Sequence[Reading], stored: Mapping[str, Any], month: date
) -> dict[tuple[str, str, int, date], Any]:
	"""The stored totals of this month and the one before, of those readings that need them.

	Where a group goes on in its month, its own row has the total of the month before, and the total of this month is
	needed only where an amount is missing now.
	"""
	names = [
		reading.name
		for reading in readings
		if not goes_on(reading, stored.get(reading.name), month)
		or reading.summary.current_charges is None
		or reading.summary.partner_total is None
	]
	if not names:
		return {}
	rows = frappe.db.sql(  # nosemgrep: frappe-sql-format-injection - columns of this module, values are parameters
		f"""select m.resource_group, m.currency, m.is_trial, m.month, {_AMOUNTS.format("m")}
		from `tabPax8 Usage Month` m where m.resource_group in %s and m.month in %s""",
		(tuple(names), (month, months.month_before(month))),
		as_dict=True,
	)
	return {(row.resource_group, row.currency or "", row.is_trial, row.month): row for row in rows}


def amounts_before(readings: Sequence[Reading], day: date) -> dict[Key, Any]:
	"""The last amounts of each group and currency in the month before `day`.

	A group that was last read on an earlier day of the month has them in its own row. Only for others are snapshots read.
	"""
	month, found, others = months.first_day(day), {}, []
	for reading in readings:
		known, currency = reading.known, reading.summary.currency_code
		if known is None:
			continue
		if known.this_month == month and known.last_day < day and known.currency == currency:
			found[reading.name, currency or "", known.is_trial] = known
		else:
			others.append(reading.name)
	return {**found, **(_snapshots_before(others, day) if others else {})}


def _snapshots_before(names: Sequence[str], day: date) -> dict[Key, Any]:
	"""The last snapshot of each group and currency in the month before `day`.

	The order of the join is given: the database would go through all snapshots of a day for each of the groups.
	"""
	rows = frappe.db.sql(  # nosemgrep: frappe-sql-format-injection - columns of this module, values are parameters
		f"""select s.resource_group, s.currency, s.is_trial, {_AMOUNTS.format("s")}
		from (
			select resource_group, currency, max(day) as day from `tabPax8 Usage Snapshot` force index (group_day)
			where resource_group in %(names)s and day >= %(first)s and day < %(day)s group by resource_group, currency
		) newest straight_join `tabPax8 Usage Snapshot` s force index (group_day)
			on s.resource_group = newest.resource_group and s.day = newest.day and s.currency <=> newest.currency""",
		{"names": names, "first": months.first_day(day), "day": day},
		as_dict=True,
	)
	return {(row.resource_group, row.currency or "", row.is_trial): row for row in rows}


def last_month(
	reading: Reading,
	month: date,
	stored: Mapping[str, Any],
	totals: Mapping[tuple[str, str, int, date], Any],
) -> Row:
	"""What the month before came to, in the same currency. A trial's total stands in for no other."""
	known = stored.get(reading.name)
	if goes_on(reading, known, month):
		return {
			f"{prefix}last_month_{amount}": known[f"{prefix}last_month_{amount}"]
			for amount in ("charges", "cost")
			for prefix in ("", "has_")
		}
	currency, trial = reading.summary.currency_code or "", int(bool(reading.summary.is_trial))
	total = totals.get((reading.name, currency, trial, months.month_before(month)))
	row: Row = {}
	for amount in ("charges", "cost"):
		has = bool(total and total[f"has_{amount}"])
		row[f"last_month_{amount}"] = Decimal(total[amount]) if has else Decimal(0)
		row[f"has_last_month_{amount}"] = int(has)
	return row


def known_amounts(amounts: Amounts, before: Any) -> Amounts:
	"""The amounts of a month: one that is missing now keeps the value it had."""
	known = dict(amounts)
	for amount in ("charges", "cost"):
		if not known[f"has_{amount}"] and before and before[f"has_{amount}"]:
			known[amount], known[f"has_{amount}"] = Decimal(before[amount]), 1
	return known
