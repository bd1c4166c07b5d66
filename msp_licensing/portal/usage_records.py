"""The usage of one client, as it has been read for `portal.usage_page`: amounts are in the client's price. Imports no Frappe."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from msp_licensing.portal.words import Formats, _

NO_NAME = _("(no name)")
MISSING = "—"


@dataclass(frozen=True, slots=True)
class Group:
	"""A resource group, and what it belongs to."""

	name: str
	text: str
	subscription: str
	product: str
	vendor: str


@dataclass(frozen=True, slots=True)
class Total:
	"""The last total of a group in a month, in one currency; a trial has totals of its own.

	Attributes:
		amount: in the client's price; None: not known, or not told.
		last_day: of which day (UTC) the total is.
		since: the first day, if the group came to this client within the month.
		until: the last day, if it left this client within the month.
	"""

	group: str
	currency: str
	is_trial: bool
	amount: Decimal | None
	last_day: date
	since: date | None = None
	until: date | None = None


class Day(NamedTuple):
	"""The total of the month so far, as it stood on a day. `group` as in `Total`."""

	group: str
	currency: str
	is_trial: bool
	day: date
	amount: Decimal | None


class Unit(NamedTuple):
	"""A quantity as the vendor reported it for a day (UTC)."""

	group: str
	product: str
	unit: str
	is_trial: bool
	day: date
	quantity: Decimal | None


class MonthTotal(NamedTuple):
	"""What a group came to in a month. `is_running`: the month is not over."""

	group: str
	month: date
	currency: str
	is_trial: bool
	is_running: bool
	last_day: date
	amount: Decimal | None


class UsedProduct(NamedTuple):
	"""A subscription that a client has usage of. `lines`: this month's amounts in words."""

	product: str
	vendor: str
	lines: Sequence[str]


@dataclass(frozen=True, slots=True)
class Usage:
	"""The usage of one client, as far as it is asked for.

	Attributes:
		month: first day of the month that is shown.
		today: the day of UTC.
		groups: by name, of all that follows.
		totals, days, units: of the month. `units` has each day.
		months: totals of the months before and of the running one, newest first.
		month_units: by month, the units of each group's last day; only where no amounts are told.
		shows_amounts: whether there is a rule for the client's price.
		subscription: only this one; empty = all.
	"""

	month: date
	today: date
	groups: Mapping[str, Group]
	totals: Sequence[Total] = ()
	days: Sequence[Day] = ()
	units: Sequence[Unit] = ()
	months: Sequence[MonthTotal] = ()
	month_units: Mapping[date, Sequence[Unit]] = field(default_factory=dict)
	shows_amounts: bool = False
	subscription: str = ""
	products: Sequence[tuple[str, str]] = ()
	by_usage: bool = True

	@property
	def is_running(self) -> bool:
		return self.month == self.today.replace(day=1)


# --------------------------------------------------------------------------------------------- months


def month_key(month: date) -> str:
	return f"{month:%Y-%m}"


def month_of(text: object, today: date) -> date:
	"""The first day of a month written as "2026-11"; of the running month where that is none, or is to come."""
	this = today.replace(day=1)
	try:
		month = date.fromisoformat(f"{text}-01") if isinstance(text, str) and len(text) == 7 else this
	except ValueError:
		return this
	return min(month, this)


def months_back(month: date, count: int) -> date:
	"""The first day of the month `count` months before one."""
	for _month in range(count):
		month = (month - timedelta(days=1)).replace(day=1)
	return month


# --------------------------------------------------------------------------------------------- sums


def add_up(amounts: Iterable[Decimal | None]) -> Decimal | None:
	known = [amount for amount in amounts if amount is not None]
	return sum(known, Decimal(0)) if known else None


def money(amount: Decimal | None, currency: str, formats: Formats) -> str:
	return MISSING if amount is None or not currency else formats.money(amount, currency)


def last_quantities(units: Iterable[Unit]) -> dict[tuple[str, str], tuple[Decimal | None, date]]:
	"""The quantity of each product and unit: of each group the last day, and groups added. Days never are."""
	last: dict[tuple[str, str, str, bool], date] = {}
	quantities: dict[tuple[str, str, str, bool, date], list[Decimal | None]] = defaultdict(list)
	for one in units:
		key = (one.group, one.product, one.unit, one.is_trial)
		last[key] = max(one.day, last.get(key, one.day))
		quantities[(*key, one.day)].append(one.quantity)
	found: dict[tuple[str, str], list[tuple[Decimal | None, date]]] = defaultdict(list)
	for key, day in last.items():
		found[key[1], key[2]].append((add_up(quantities[(*key, day)]), day))
	return {
		key: (add_up(quantity for quantity, _day in told), max(day for _quantity, day in told))
		for key, told in sorted(found.items())
	}
