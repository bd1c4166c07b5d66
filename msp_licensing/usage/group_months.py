"""What resource groups came to in a month, beside the month before, with projections; one by one, and together.

What a group came to is compared, and projected, by itself. Totals of clients and vendors are made of that, currency by currency and
trials apart. See `amounts` for what is never added up, and for who sees what.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import frappe

from msp_licensing.rules.usage_projection import WEEK, Progress, days_of, project, same_day_before
from msp_licensing.sync.kinds.usage.months import first_day, last_day, month_before
from msp_licensing.usage.amounts import CHARGES, COST, GROUP, MONTH, Scope, allowed, this_month
from msp_licensing.usage.kept import kept


@dataclass(slots=True)
class Amount:
	"""One amount (charges, or partner cost) of a resource group in a month, beside the month before.

	Attributes:
		now: the month so far. before: what the month before came to. same_day: the month before on the same day.
		projected: what the month will probably come to; None: too little is known.
	"""

	now: Decimal | None = None
	before: Decimal | None = None
	same_day: Decimal | None = None
	projected: Decimal | None = None
	_without: Decimal = Decimal(0)

	def add(self, other: "Amount") -> None:
		"""Adds another group's amount in the same currency. Where a group has no projection, its amount so far counts, unless
		no group has one."""
		if other.projected is None:
			self._without += other.now or Decimal(0)
			if self.projected is not None:
				self.projected += other.now or Decimal(0)
		else:
			self.projected = other.projected + (self._without if self.projected is None else self.projected)
		self.now = _sum(self.now, other.now)
		self.before = _sum(self.before, other.before)
		self.same_day = _sum(self.same_day, other.same_day)

	@property
	def change(self) -> Decimal | None:
		"""This month so far against the month before on the same day. A group without usage then began at 0."""
		if self.now is None or (self.same_day is None and self.before is not None):
			return None
		return self.now - (self.same_day or Decimal(0))


def _sum(one: Decimal | None, other: Decimal | None) -> Decimal | None:
	return one if other is None else other if one is None else one + other


@dataclass(slots=True)
class GroupMonth:
	"""A resource group's month, in one currency, trial or not.

	`row`: the columns of the group that reports show, with the month's client.
	"""

	row: Any
	currency: str
	is_trial: int
	charges: Amount
	cost: Amount


_COLUMNS = (
	f"`tab{GROUP}`.resource_group as group_name",
	f"`tab{GROUP}`.vendor",
	f"`tab{GROUP}`.product_name",
	f"`tab{GROUP}`.placement",
)


# So many groups are asked for by name. Of more than these, the whole of a day is read.
_BY_NAME = 2000


def by_group(scope: Scope, month: date, *, cost: bool, most: int | None = None) -> list[GroupMonth]:
	"""Each resource group with an amount in a month or in the month before; a projection for the current month only.

	Six queries at most. Where a group changed hands between the months, each client has the group with the month that is its own.

	Args:
		month: the first day of a month (UTC). cost: whether partner cost is wanted; the caller has asked who may see it.
		most: only about so many groups, those with the highest charges.
	"""
	before = month_before(month)
	where, values = scope.where(MONTH)
	if most is not None:
		names = _highest(scope, (month, before), most)
		where, values = (
			f"{where} and `tab{MONTH}`.resource_group in %(names)s",
			{**values, "names": names or ("",)},
		)
	rows = frappe.db.sql(  # nosemgrep: frappe-sql-format-injection - columns of this module, values are parameters
		f"""select `tab{MONTH}`.resource_group, `tab{MONTH}`.month, `tab{MONTH}`.client_doctype, `tab{MONTH}`.client,
			`tab{MONTH}`.client_name, `tab{MONTH}`.currency, `tab{MONTH}`.is_trial, `tab{MONTH}`.last_day,
			{", ".join(f"if(`tab{MONTH}`.has_{one}, cast(`tab{MONTH}`.{one} as char), null) as {one}" for one in (CHARGES, COST))},
			{", ".join(_COLUMNS)}
		from `tab{MONTH}` join `tab{GROUP}` on `tab{GROUP}`.name = `tab{MONTH}`.resource_group
		where `tab{MONTH}`.month in (%(month)s, %(before)s) and {where} and {allowed(MONTH)}""",
		{**values, "month": month, "before": before},
		as_dict=True,
	)
	found: dict[tuple[Any, ...], GroupMonth] = {}
	last_days: dict[tuple[Any, ...], date] = {}
	for row in sorted(rows, key=lambda row: row.month, reverse=True):
		owner = (row.client_doctype, row.client)
		key = (row.resource_group, row.currency, row.is_trial)
		one = found.get((*key, *owner))
		if one is None:
			one = found[(*key, *owner)] = GroupMonth(row, row.currency, row.is_trial, Amount(), Amount())
		for name, amount in ((CHARGES, one.charges), (COST, one.cost)):
			if row[name] is None or (name == COST and not cost):
				continue
			setattr(amount, "now" if row.month == month else "before", Decimal(row[name]))
		last_days[(*key, *owner, row.month)] = row.last_day
	_compare(found, last_days, month)
	return list(found.values())


def _highest(scope: Scope, months: Sequence[date], most: int) -> list[str]:
	"""The groups with the highest charges in the first of these months; if there are too few, those of the next as well."""
	where, values = scope.where(MONTH)
	names: dict[str, None] = {}
	for month in months:
		if len(names) < most:
			found = frappe.db.sql(  # nosemgrep: frappe-sql-format-injection - columns of this module, values are parameters
				f"""select `tab{MONTH}`.resource_group from `tab{MONTH}` {scope.join_group()}
				where `tab{MONTH}`.month = %(month)s and {where} and {allowed(MONTH)}
				and `tab{MONTH}`.resource_group not in %(names)s
				order by `tab{MONTH}`.charges desc limit %(most)s""",
				{**values, "month": month, "most": most - len(names), "names": tuple(names) or ("",)},
				pluck=True,
			)
			names |= dict.fromkeys(found)
	return list(names)


def _compare(found: dict[tuple[Any, ...], GroupMonth], last_days: dict[Any, date], month: date) -> None:
	"""Adds the month before on the same day, and for the current month the projection."""
	is_current = month == this_month()
	before = month_before(month)
	if not is_current:
		for one in found.values():
			for amount in (one.charges, one.cost):
				amount.same_day, amount.projected = amount.before, amount.now
		return
	day = max((last for (*_key, of), last in last_days.items() if of == month and last), default=None)
	if day is None or not found:
		return
	week = day - timedelta(days=WEEK)
	wanted = [_read_day(before, same_day_before(day)), _read_day(month, week) if week >= month else None]
	totals = _totals_on([one for one in wanted if one], list({key[0] for key in found}))
	for key, one in found.items():
		group, currency, is_trial = key[:3]
		for name, amount in ((CHARGES, one.charges), (COST, one.cost)):
			amount.same_day = _same_day(
				amount, wanted[0], last_days.get((*key, before)), totals, key[:3], name
			)
			if amount.now is None:
				continue
			amount.projected = project(
				Progress(
					amount.now,
					day.day,
					days_of(month),
					amount.same_day,
					amount.before,
					totals.get((group, currency, is_trial, wanted[1]), {}).get(name) if wanted[1] else None,
				)
			)


def _same_day(
	amount: Amount,
	day: date | None,
	ended: date | None,
	totals: dict[Any, Any],
	key: tuple[Any, ...],
	name: str,
) -> Decimal | None:
	"""The total of the month before on a day; after the last total of a group, that one."""
	if amount.before is None or day is None:
		return None
	if ended and ended <= day:
		return amount.before
	return totals.get((*key, day), {}).get(name)


def _read_day(month: date, day: date) -> date | None:
	"""The last day of a month, up to a day, on which anything was read."""
	# In this order the database looks at the last entries of the index on days, and not at all of the month.
	found = frappe.db.sql(
		"""select day from `tabPax8 Usage Snapshot`
		where day between %s and %s and month = %s order by day desc limit 1""",
		(month, min(day, last_day(month)), month),
	)
	return found[0][0] if found else None


def _totals_on(
	days: Sequence[date], groups: Sequence[str]
) -> dict[tuple[str, str, int, date], dict[str, Decimal]]:
	"""The totals of resource groups on some days, and of others if there are many."""
	if not days:
		return {}
	index, where = (
		("force index (group_day)", "resource_group in %(groups)s")
		if len(groups) <= _BY_NAME
		else ("", "1=1")
	)
	found = {}
	for (
		group,
		currency,
		is_trial,
		day,
		charges,
		cost,
	) in frappe.db.sql(  # nosemgrep: frappe-sql-format-injection - texts of this function, values are parameters
		f"""select resource_group, currency, is_trial, day, if(has_charges, cast(charges as char), null),
		if(has_cost, cast(cost as char), null)
		from `tabPax8 Usage Snapshot` {index}
		where day in %(days)s and month between %(first)s and %(last)s and {where}""",
		{"days": tuple(days), "first": first_day(min(days)), "last": max(days), "groups": tuple(groups)},
	):
		amounts = ((CHARGES, charges), (COST, cost))
		found[group, currency, is_trial, day] = {
			name: Decimal(value) for name, value in amounts if value is not None
		}
	return found


# --------------------------------------------------------------------------------------------- together


# What tells totals apart, besides the currency and whether they are of trials.
_TOGETHER = {
	"client": lambda row: (row.client_doctype, row.client),
	"vendor": lambda row: (row.vendor or "",),
	"group": lambda row: (row.resource_group, row.client_doctype, row.client),
}


@dataclass(slots=True)
class Total:
	"""What resource groups came to together, in one currency, trials apart.

	Attributes:
		row: of one of the groups. groups: how many they are. too_new: how many of them have charges and no projection.
	"""

	row: Any
	currency: str
	is_trial: int
	groups: int = 0
	too_new: int = 0
	charges: Amount = field(default_factory=Amount)
	cost: Amount = field(default_factory=Amount)

	@property
	def highest(self) -> Decimal:
		"""What it is ordered by."""
		return self.charges.now or self.charges.before or Decimal(0)


@kept
def totals(scope: Scope, month: date, split: str, *, cost: bool) -> list[Total]:
	"""The totals of each client or vendor, or of each resource group, of a month.

	Args:
		split: "client", "vendor" or "group". month, cost: as `by_group` has them.
	"""
	return together(by_group(scope, month, cost=cost), split)


@kept
def highest(scope: Scope, month: date, most: int, *, cost: bool) -> list[Total]:
	"""About so many resource groups, those with the highest charges, as `totals` has them."""
	return together(by_group(scope, month, cost=cost, most=most), "group")


def together(groups: Iterable[GroupMonth], split: str) -> list[Total]:
	"""A total for each key of `split`, currency and trial; the highest of each currency first."""
	key_of, found = _TOGETHER[split], {}
	for one in groups:
		key = (*key_of(one.row), one.currency, one.is_trial)
		total = found.get(key)
		if total is None:
			total = found[key] = Total(one.row, one.currency, one.is_trial)
		total.groups += 1
		total.too_new += one.charges.projected is None and one.charges.now is not None
		total.charges.add(one.charges)
		total.cost.add(one.cost)
	return sorted(found.values(), key=lambda one: (one.is_trial, one.currency, -one.highest))
