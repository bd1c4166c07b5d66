"""Amounts of usage for the staff screens: by resource group, by month and by day. Every query here is one of a fixed number.

**Whose.** The usage of a month belongs to the client that its `Pax8 Usage Month` names. What happened on the days of that month is
shown for the same client, so that the last day and the month say the same.

**Never added up**: totals of several days, and amounts in different currencies. What is added are the last totals of several
resource groups, in one currency; trials stay apart. An amount that Pax8 does not give is None and not 0.

**Who sees what.** The functions ask no role; whoever calls them does. They leave out the clients that User Permissions keep from the
session's user (`restrictions`).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import frappe

from msp_licensing import clock, restrictions
from msp_licensing.rules.usage_projection import WEEK, Progress, days_of, project, same_day_before
from msp_licensing.sync.kinds.usage.months import first_day, last_day, month_before

GROUP, SNAPSHOT, MONTH = "Pax8 Resource Group", "Pax8 Usage Snapshot", "Pax8 Usage Month"
CHARGES, COST = "charges", "cost"

# Currency and trial: what amounts are never added across.
Key = tuple[str, int]


@dataclass(frozen=True)
class Scope:
	"""Which usage is meant. What is None does not narrow it.

	Attributes:
		trial: only trials, or all but trials. columns: values of columns of the resource group, such as its vendor.
	"""

	client_doctype: str | None = None
	client: str | None = None
	currency: str | None = None
	trial: bool | None = None
	columns: dict[str, str] = field(default_factory=dict)

	def where(self, table: str) -> tuple[str, dict[str, Any]]:
		"""Conditions on a month's row and its group, and on the currency and the trial of `table`."""
		parts, values = ["1 = 1"], {}
		if self.client:
			parts.append(
				f"`tab{MONTH}`.client_doctype = %(client_doctype)s and `tab{MONTH}`.client = %(client)s"
			)
			values |= {"client_doctype": self.client_doctype, "client": self.client}
		if self.currency:
			parts.append(f"`tab{table}`.currency = %(currency)s")
			values["currency"] = self.currency
		if self.trial is not None:
			parts.append(f"`tab{table}`.is_trial = %(trial)s")
			values["trial"] = int(self.trial)
		for column, value in self.columns.items():
			parts.append(f"`tab{GROUP}`.`{column}` = %(column_{column})s")
			values[f"column_{column}"] = value
		return " and ".join(parts), values

	@property
	def is_of_all(self) -> bool:
		"""Whether neither the client nor the resource group matters, so that rows of snapshots can be taken as they are."""
		return not self.client and not self.columns


def sees_cost() -> bool:
	"""Whether the session's user may read partner cost."""
	return 1 in frappe.get_meta(MONTH).get_permlevel_access("read")


def this_month() -> date:
	"""The first day of the current month (UTC)."""
	return first_day(clock.pax8_today())


def _allowed(*doctypes: str) -> str:
	"""The rule of User Permissions as a condition on the tables of these DocTypes."""
	found = (restrictions.conditions(frappe.session.user, doctype) for doctype in doctypes)
	return " and ".join(filter(None, found)) or "1 = 1"


# --------------------------------------------------------------------------------------------- by resource group


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


def by_group(scope: Scope, month: date, *, cost: bool) -> list[GroupMonth]:
	"""Each resource group with an amount in a month or in the month before; a projection for the current month only.

	Four queries. Where a group changed hands between the months, each client has the group with the month that is its own.

	Args:
		month: the first day of a month (UTC). cost: whether partner cost is wanted; the caller has asked who may see it.
	"""
	before = month_before(month)
	where, values = scope.where(MONTH)
	rows = frappe.db.sql(  # nosemgrep: frappe-sql-format-injection - columns of this module, values are parameters
		f"""select `tab{MONTH}`.resource_group, `tab{MONTH}`.month, `tab{MONTH}`.client_doctype, `tab{MONTH}`.client,
			`tab{MONTH}`.client_name, `tab{MONTH}`.currency, `tab{MONTH}`.is_trial, `tab{MONTH}`.last_day,
			{", ".join(f"if(`tab{MONTH}`.has_{one}, cast(`tab{MONTH}`.{one} as char), null) as {one}" for one in (CHARGES, COST))},
			{", ".join(_COLUMNS)}
		from `tab{MONTH}` join `tab{GROUP}` on `tab{GROUP}`.name = `tab{MONTH}`.resource_group
		where `tab{MONTH}`.month in (%(month)s, %(before)s) and {where} and {_allowed(MONTH)}""",
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
	totals = _totals_on([one for one in wanted if one])
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
	return frappe.db.sql(
		"select max(day) from `tabPax8 Usage Snapshot` where day between %s and %s and month = %s",
		(month, min(day, last_day(month)), month),
	)[0][0]


def _totals_on(days: Sequence[date]) -> dict[tuple[str, str, int, date], dict[str, Decimal]]:
	"""The totals of all groups on some days."""
	if not days:
		return {}
	found = {}
	for group, currency, is_trial, day, charges, cost in frappe.db.sql(
		"""select resource_group, currency, is_trial, day, if(has_charges, cast(charges as char), null),
		if(has_cost, cast(cost as char), null)
		from `tabPax8 Usage Snapshot` where day in %s and month between %s and %s""",
		(tuple(days), first_day(min(days)), max(days)),
	):
		amounts = ((CHARGES, charges), (COST, cost))
		found[group, currency, is_trial, day] = {
			name: Decimal(value) for name, value in amounts if value is not None
		}
	return found


# --------------------------------------------------------------------------------------------- by month and by day


def by_month(
	scope: Scope, months: Sequence[date], amount: str = CHARGES
) -> dict[Key, dict[date, Decimal | None]]:
	"""What months came to, so far or at their end, in each currency; a month of which nothing is known is None.

	Args:
		months: their first days. amount: CHARGES or COST.
	"""
	where, values = scope.where(MONTH)
	rows = frappe.db.sql(  # nosemgrep: frappe-sql-format-injection - columns of this module, values are parameters
		f"""select `tab{MONTH}`.currency, `tab{MONTH}`.is_trial, `tab{MONTH}`.month,
			cast(sum(if(`tab{MONTH}`.has_{amount}, `tab{MONTH}`.{amount}, null)) as char)
		from `tab{MONTH}` {_join_group(scope)}
		where `tab{MONTH}`.month in %(months)s and {where} and {_allowed(MONTH)}
		group by `tab{MONTH}`.currency, `tab{MONTH}`.is_trial, `tab{MONTH}`.month""",
		{**values, "months": tuple(months)},
	)
	found: dict[Key, dict[date, Decimal | None]] = {}
	for currency, is_trial, month, total in rows:
		if total is not None:
			found.setdefault((currency or "", is_trial), dict.fromkeys(months))[month] = Decimal(total)
	return dict(sorted(found.items(), key=lambda item: (item[0][1], item[0][0])))


# What amounts of months are split by: columns of the query, and what tells rows apart.
_SPLITS = {
	"client": f"`tab{MONTH}`.client_doctype, `tab{MONTH}`.client, max(`tab{MONTH}`.client_name) as client_name",
	"vendor": f"ifnull(`tab{GROUP}`.vendor, '') as vendor",
	"group": f"`tab{GROUP}`.name, max(`tab{GROUP}`.resource_group) as group_name",
}
_SPLIT_BY = {
	"client": f"`tab{MONTH}`.client_doctype, `tab{MONTH}`.client",
	"vendor": f"ifnull(`tab{GROUP}`.vendor, '')",
	"group": f"`tab{GROUP}`.name",
}


@dataclass(slots=True)
class Series:
	"""What one client, vendor or resource group came to in some months."""

	row: Any
	months: dict[date, Decimal]


def by_month_of(scope: Scope, months: Sequence[date], currency: str, split: str) -> list[Series]:
	"""What each client, vendor or resource group came to, in one currency; trials only if the scope is of trials.

	Args:
		split: "client", "vendor" or "group".
	"""
	scope = replace(scope, currency=currency, trial=bool(scope.trial))
	where, values = scope.where(MONTH)
	rows = frappe.db.sql(  # nosemgrep: frappe-sql-format-injection - columns of this module, values are parameters
		f"""select {_SPLITS[split]}, `tab{MONTH}`.month,
			cast(sum(if(`tab{MONTH}`.has_charges, `tab{MONTH}`.charges, null)) as char) as total
		from `tab{MONTH}` join `tab{GROUP}` on `tab{GROUP}`.name = `tab{MONTH}`.resource_group
		where `tab{MONTH}`.month in %(months)s and {where} and {_allowed(MONTH)}
		group by {_SPLIT_BY[split]}, `tab{MONTH}`.month""",
		{**values, "months": tuple(months)},
		as_dict=True,
	)
	found: dict[Any, Series] = {}
	for row in rows:
		month, total = row.pop("month"), row.pop("total")
		if total is not None:
			key = (row.client_doctype, row.client) if split == "client" else row.get("name", row.vendor)
			found.setdefault(key, Series(row, {})).months[month] = Decimal(total)
	return list(found.values())


def _join_group(scope: Scope) -> str:
	return f"join `tab{GROUP}` on `tab{GROUP}`.name = `tab{MONTH}`.resource_group" if scope.columns else ""


def by_day(scope: Scope, month: date, amount: str = CHARGES) -> dict[Key, dict[date, Decimal]]:
	"""The running total of a month as it stood on each of its days, in each currency.

	Of a group that was not read on a day the total before counts. Days on which nothing was read carry the total on. The days
	go to the last one that was read.
	"""
	where, values = scope.where(SNAPSHOT)
	join = ""
	if not scope.is_of_all or restrictions.is_restricted():
		join = f"""join `tab{MONTH}` on `tab{MONTH}`.resource_group = `tab{SNAPSHOT}`.resource_group
			and `tab{MONTH}`.month = `tab{SNAPSHOT}`.month and `tab{MONTH}`.currency = `tab{SNAPSHOT}`.currency
			and `tab{MONTH}`.is_trial = `tab{SNAPSHOT}`.is_trial and {_allowed(MONTH, SNAPSHOT)} {_join_group(scope)}"""
	rows = frappe.db.sql(  # nosemgrep: frappe-sql-format-injection - columns of this module, values are parameters
		f"""select currency, is_trial, day, cast(sum(total - ifnull(before_it, 0)) as char) from (
			select `tab{SNAPSHOT}`.currency, `tab{SNAPSHOT}`.is_trial, `tab{SNAPSHOT}`.day,
				`tab{SNAPSHOT}`.{amount} as total,
				lag(`tab{SNAPSHOT}`.{amount}) over (
					partition by `tab{SNAPSHOT}`.resource_group, `tab{SNAPSHOT}`.currency, `tab{SNAPSHOT}`.is_trial
					order by `tab{SNAPSHOT}`.day
				) as before_it
			from `tab{SNAPSHOT}` {join}
			where `tab{SNAPSHOT}`.month = %(month)s and `tab{SNAPSHOT}`.has_{amount} = 1 and {where}
		) steps group by currency, is_trial, day order by is_trial, currency, day""",
		{**values, "month": month},
	)
	steps: dict[Key, dict[date, Decimal]] = defaultdict(dict)
	for currency, is_trial, day, step in rows:
		steps[currency or "", is_trial][day] = Decimal(step)
	last = max((day for days in steps.values() for day in days), default=month)
	return {key: _running(days, month, last) for key, days in steps.items()}


def _running(steps: dict[date, Decimal], month: date, last: date) -> dict[date, Decimal]:
	"""The total on each day from the first that was read; what is posted after the month's end counts for its last day."""
	found: dict[date, Decimal] = {}
	total = Decimal(0)
	first = min(steps)
	for number in range((last - first).days + 1):
		day = first + timedelta(days=number)
		total += steps.get(day, Decimal(0))
		found[min(day, last_day(month))] = total
	return found


def decreases(scope: Scope, month: date) -> dict[Key, dict[date, int]]:
	"""How many groups' totals fell on the days of a month."""
	where, values = scope.where(SNAPSHOT)
	rows = frappe.db.sql(  # nosemgrep: frappe-sql-format-injection - columns of this module, values are parameters
		f"""select `tab{SNAPSHOT}`.currency, `tab{SNAPSHOT}`.is_trial, `tab{SNAPSHOT}`.day, count(*)
		from `tab{SNAPSHOT}`
		join `tab{MONTH}` on `tab{MONTH}`.resource_group = `tab{SNAPSHOT}`.resource_group
			and `tab{MONTH}`.month = `tab{SNAPSHOT}`.month and `tab{MONTH}`.currency = `tab{SNAPSHOT}`.currency
			and `tab{MONTH}`.is_trial = `tab{SNAPSHOT}`.is_trial {_join_group(scope)}
		where `tab{SNAPSHOT}`.month = %(month)s and `tab{SNAPSHOT}`.decreased = 1 and {where}
			and {_allowed(MONTH, SNAPSHOT)}
		group by `tab{SNAPSHOT}`.currency, `tab{SNAPSHOT}`.is_trial, `tab{SNAPSHOT}`.day""",
		{**values, "month": month},
	)
	found: dict[Key, dict[date, int]] = defaultdict(dict)
	for currency, is_trial, day, count in rows:
		found[currency or "", is_trial][day] = count
	return found


def months_until(month: date, count: int) -> list[date]:
	"""The first days of so many months, the last of which is `month`; the oldest first."""
	found = [month]
	while len(found) < count:
		found.insert(0, month_before(found[0]))
	return found


def currencies(scope: Scope, months: Iterable[date]) -> list[str]:
	"""The currencies that there is usage in, the one of the most groups first."""
	where, values = scope.where(MONTH)
	return frappe.db.sql(  # nosemgrep: frappe-sql-format-injection - columns of this module, values are parameters
		f"""select `tab{MONTH}`.currency from `tab{MONTH}` {_join_group(scope)}
		where `tab{MONTH}`.month in %(months)s and ifnull(`tab{MONTH}`.currency, '') != '' and {where} and {_allowed(MONTH)}
		group by `tab{MONTH}`.currency order by count(*) desc, `tab{MONTH}`.currency""",
		{**values, "months": tuple(months)},
		pluck=True,
	)
