"""Amounts of usage for the staff screens, by month and by day; `group_months` has them by resource group. Every query is one of a fixed
number.

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
from msp_licensing.sync.kinds.usage.months import first_day, last_day, month_before
from msp_licensing.usage.kept import kept

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

	def join_group(self) -> str:
		"""The join of a month's resource group, where a condition is about it."""
		return f"join `tab{GROUP}` on `tab{GROUP}`.name = `tab{MONTH}`.resource_group" if self.columns else ""

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


def allowed(*doctypes: str) -> str:
	"""The rule of User Permissions as a condition on the tables of these DocTypes."""
	found = (restrictions.conditions(frappe.session.user, doctype) for doctype in doctypes)
	return " and ".join(filter(None, found)) or "1 = 1"


# --------------------------------------------------------------------------------------------- by month and by day


@kept
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
		from `tab{MONTH}` {scope.join_group()}
		where `tab{MONTH}`.month in %(months)s and {where} and {allowed(MONTH)}
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

	def total(self) -> Decimal:
		return sum(self.months.values(), Decimal(0))


@kept
def by_month_of(
	scope: Scope, months: Sequence[date], currency: str, split: str, most: int
) -> tuple[list[Series], int, dict[date, Decimal]]:
	"""What each client, vendor or resource group came to, in one currency; trials only if the scope is of trials.

	Args:
		split: "client", "vendor" or "group". most: how many are told apart.

	Returns:
		those with the highest totals; how many others there are; what the others came to together.
	"""
	scope = replace(scope, currency=currency, trial=bool(scope.trial))
	where, values = scope.where(MONTH)
	rows = frappe.db.sql(  # nosemgrep: frappe-sql-format-injection - columns of this module, values are parameters
		f"""select {_SPLITS[split]}, `tab{MONTH}`.month,
			cast(sum(if(`tab{MONTH}`.has_charges, `tab{MONTH}`.charges, null)) as char) as total
		from `tab{MONTH}` join `tab{GROUP}` on `tab{GROUP}`.name = `tab{MONTH}`.resource_group
		where `tab{MONTH}`.month in %(months)s and {where} and {allowed(MONTH)}
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
	ordered = sorted(found.values(), key=lambda one: -one.total())
	if len(ordered) <= most:
		return ordered, 0, {}
	others: dict[date, Decimal] = defaultdict(Decimal)
	for one in ordered[most - 1 :]:
		for month, amount in one.months.items():
			others[month] += amount
	return ordered[: most - 1], len(ordered) - most + 1, dict(others)


@kept
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
			and `tab{MONTH}`.is_trial = `tab{SNAPSHOT}`.is_trial and {allowed(MONTH, SNAPSHOT)} {scope.join_group()}"""
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


@kept
def decreases(scope: Scope, month: date) -> dict[Key, dict[date, int]]:
	"""How many groups' totals fell on the days of a month."""
	where, values = scope.where(SNAPSHOT)
	rows = frappe.db.sql(  # nosemgrep: frappe-sql-format-injection - columns of this module, values are parameters
		f"""select `tab{SNAPSHOT}`.currency, `tab{SNAPSHOT}`.is_trial, `tab{SNAPSHOT}`.day, count(*)
		from `tab{SNAPSHOT}`
		join `tab{MONTH}` on `tab{MONTH}`.resource_group = `tab{SNAPSHOT}`.resource_group
			and `tab{MONTH}`.month = `tab{SNAPSHOT}`.month and `tab{MONTH}`.currency = `tab{SNAPSHOT}`.currency
			and `tab{MONTH}`.is_trial = `tab{SNAPSHOT}`.is_trial {scope.join_group()}
		where `tab{SNAPSHOT}`.month = %(month)s and `tab{SNAPSHOT}`.decreased = 1 and {where}
			and {allowed(MONTH, SNAPSHOT)}
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


@kept
def currencies(scope: Scope, months: Iterable[date]) -> list[str]:
	"""The currencies that there is usage in, the one of the most groups first."""
	where, values = scope.where(MONTH)
	return frappe.db.sql(  # nosemgrep: frappe-sql-format-injection - columns of this module, values are parameters
		f"""select `tab{MONTH}`.currency from `tab{MONTH}` {scope.join_group()}
		where `tab{MONTH}`.month in %(months)s and ifnull(`tab{MONTH}`.currency, '') != '' and {where} and {allowed(MONTH)}
		group by `tab{MONTH}`.currency order by count(*) desc, `tab{MONTH}`.currency""",
		{**values, "months": tuple(months)},
		pluck=True,
	)
