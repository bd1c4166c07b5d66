"""What a client gets to read about its usage, as plain values: the page, and the tables of the files.

Every function takes rows that have been read for one client, with amounts in that client's price, and returns new values
built key by key. Texts come out translated. Imports no Frappe.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from urllib.parse import urlencode

from msp_licensing.portal.words import Formats, _
from msp_licensing.rules.plurals import plural
from msp_licensing.rules.resource_groups import key_of

GROUPS_SHOWN = 100
"""How many resource groups are listed; a file has all of them."""

GROUPS_DRAWN = 6
"""How many resource groups have a colour of their own in the chart."""

UNITS_TOLD = 3
"""How many units are named for a month in the list of months."""

PAGE = "/licensing/usage"
FILE = "/api/method/msp_licensing.portal.api.usage_csv"

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


# --------------------------------------------------------------------------------------------- addresses


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


def link(key: str, month: date | None = None, subscription: str = "", base: str = PAGE, **more: str) -> str:
	values = {"client": key, "month": month_key(month) if month else "", "subscription": subscription, **more}
	return f"{base}?{urlencode({name: value for name, value in values.items() if value})}"


# --------------------------------------------------------------------------------------------- the cards


def so_far(totals: Iterable[Total], formats: Formats) -> list[str]:
	"""This month's amounts in a line each: by currency, and a trial's apart."""
	t = formats.translate
	lines = []
	for (_currency, is_trial), told in _sums(totals, formats).items():
		if is_trial:
			lines.append(t(_("Trial: {amount} so far this month, not charged")).format(amount=told.text))
		else:
			lines.append(t(_("{amount} so far this month, not final")).format(amount=told.text))
	return lines


# --------------------------------------------------------------------------------------------- the page


def page(usage: Usage, *, key: str, title: str, formats: Formats, show: str = "") -> dict[str, Any]:
	"""The page of one client's usage.

	Args:
		key, title: of the client. show: which measure the chart shows, as in the page's address.
	"""
	t = formats.translate
	measures = _measures(usage, formats)
	chosen = next((measure for measure in measures if measure.key == show), measures[0] if measures else None)
	return {
		"state": "usage",
		"title": t(_("Usage")),
		"key": key,
		"client": title,
		"back": f"/licensing?{urlencode({'client': key})}",
		"address": PAGE,
		"month": _month(usage, formats),
		"month_choices": _month_choices(usage, formats),
		"product_choices": _product_choices(usage, formats),
		"subscription": usage.subscription,
		"measures": [
			{"key": measure.key, "label": measure.label, "chosen": measure is chosen} for measure in measures
		],
		"shows_amounts": usage.shows_amounts,
		"amounts": _amounts(usage, formats),
		"as_of": _as_of(usage, formats),
		"groups": _groups(usage, formats),
		"more_groups": _more(len(usage.totals) - GROUPS_SHOWN, formats),
		"chart": _chart(usage, chosen, formats) if chosen else None,
		"days": _days(usage, chosen, formats) if chosen else [],
		"units": _units(usage, formats),
		"history": _history(usage, key, formats),
		"files": _files(usage, key, formats),
		"empty": _empty(usage, formats),
	}


def _month(usage: Usage, formats: Formats) -> dict[str, str]:
	t = formats.translate
	if usage.is_running:
		word, tone = t(_("So far, not final")), "info"
		text = t(_("The month is still running. Vendors add to it, and may correct what they reported."))
	else:
		word, tone = t(_("Provisional")), "wait"
		text = t(_("These are the last totals that were read for this month. The invoice may differ."))
	return {
		"key": month_key(usage.month),
		"name": formats.month(usage.month),
		"word": word,
		"tone": tone,
		"text": text,
	}


def _month_choices(usage: Usage, formats: Formats) -> list[dict[str, Any]]:
	known = {total.month for total in usage.months} | set(usage.month_units)
	months = sorted({usage.month, usage.today.replace(day=1), *known}, reverse=True)
	return [
		{"key": month_key(month), "name": formats.month(month), "chosen": month == usage.month}
		for month in months
	]


def _product_choices(usage: Usage, formats: Formats) -> list[dict[str, Any]]:
	if len(usage.products) < 2:
		return []
	everything = ("", formats.translate(_("All products")))
	return [
		{"key": key, "name": name, "chosen": key == usage.subscription}
		for key, name in (everything, *usage.products)
	]


class _Sum(NamedTuple):
	text: str
	missing: int


def _sums(totals: Iterable[Any], formats: Formats) -> dict[tuple[str, bool], _Sum]:
	"""What totals of different groups come to, by currency, and trials apart; what left the client is not counted."""
	found: dict[tuple[str, bool], list[Decimal | None]] = defaultdict(list)
	for total in totals:
		if not getattr(total, "until", None):
			found[total.currency, total.is_trial].append(total.amount)
	return {
		key: _Sum(_money(_sum(amounts), key[0], formats), sum(amount is None for amount in amounts))
		for key, amounts in sorted(found.items(), key=lambda item: (item[0][1], item[0][0]))
	}


def _sum(amounts: Iterable[Decimal | None]) -> Decimal | None:
	known = [amount for amount in amounts if amount is not None]
	return sum(known, Decimal(0)) if known else None


def _money(amount: Decimal | None, currency: str, formats: Formats) -> str:
	return MISSING if amount is None or not currency else formats.money(amount, currency)


def _amounts(usage: Usage, formats: Formats) -> list[dict[str, str]]:
	if not usage.shows_amounts:
		return []
	t = formats.translate
	rows = []
	for (_currency, is_trial), told in _sums(usage.totals, formats).items():
		missing = ""
		if told.missing:
			missing = t(
				plural(
					told.missing,
					_("The amount of {0} resource group is missing."),
					_("The amounts of {0} resource groups are missing."),
				)
			).format(told.missing)
		rows.append(
			{
				"label": t(_("Trial, not charged")) if is_trial else t(_("Charges")),
				"text": told.text,
				"missing": missing,
			}
		)
	return rows


def _as_of(usage: Usage, formats: Formats) -> str:
	days = [total.last_day for total in usage.totals if not total.until]
	if not days:
		return ""
	return formats.translate(_("As of {date}. Months and days are counted in UTC.")).format(
		date=formats.day(max(days))
	)


def _groups(usage: Usage, formats: Formats) -> list[dict[str, Any]]:
	"""The largest groups of the month, the largest first."""
	t = formats.translate
	newest = max((total.last_day for total in usage.totals), default=usage.today)
	units: dict[tuple[str, bool], list[Unit]] = defaultdict(list)
	for one in () if usage.shows_amounts else usage.units:
		units[one.group, one.is_trial].append(one)
	rows = []
	for total in sorted(usage.totals, key=lambda one: _order(one, usage))[:GROUPS_SHOWN]:
		group = usage.groups[total.group]
		marks = [t(_("Trial"))] if total.is_trial else []
		notes = []
		if total.until:
			notes.append(
				t(_("Yours until {date}. Not part of the total.")).format(date=formats.day(total.until))
			)
		elif total.since:
			notes.append(
				t(_("Yours since {date}. The total is that of the whole month.")).format(
					date=formats.day(total.since)
				)
			)
		if not total.until and total.last_day < newest:
			notes.append(t(_("As of {date}")).format(date=formats.day(total.last_day)))
		rows.append(
			{
				"name": group.text or t(NO_NAME),
				"product": group.product,
				"vendor": group.vendor,
				"marks": marks,
				"notes": notes,
				"amount": _money(total.amount, total.currency, formats) if usage.shows_amounts else "",
				"units": _units_of_group(units[total.group, total.is_trial], formats),
			}
		)
	return rows


def _order(total: Total, usage: Usage) -> tuple[Any, ...]:
	amount = total.amount if total.amount is not None else Decimal(0)
	return bool(total.until), total.is_trial, total.currency, -amount, usage.groups[total.group].text


def _units_of_group(units: Sequence[Unit], formats: Formats) -> list[str]:
	told = [
		f"{formats.number(quantity)} {unit}".strip() if quantity is not None else MISSING
		for (_product, unit), (quantity, _day) in _last_quantities(units).items()
	]
	if len(told) > UNITS_TOLD:
		more = formats.translate(_("{0} more")).format(len(told) - UNITS_TOLD)
		return [*told[:UNITS_TOLD], more]
	return told


def _more(count: int, formats: Formats) -> str:
	if count <= 0:
		return ""
	return formats.translate(
		plural(
			count,
			_("{0} more resource group is in the file below."),
			_("{0} more resource groups are in the file below."),
		)
	).format(count)


# --------------------------------------------------------------------------------------------- units


def _last_quantities(units: Iterable[Unit]) -> dict[tuple[str, str], tuple[Decimal | None, date]]:
	"""The quantity of each product and unit: of each group the last day, and groups added. Days never are."""
	last: dict[tuple[str, str, str, bool], date] = {}
	quantities: dict[tuple[str, str, str, bool, date], list[Decimal | None]] = defaultdict(list)
	for one in units:
		key = (one.group, one.product, one.unit, one.is_trial)
		last[key] = max(one.day, last.get(key, one.day))
		quantities[(*key, one.day)].append(one.quantity)
	found: dict[tuple[str, str], list[tuple[Decimal | None, date]]] = defaultdict(list)
	for key, day in last.items():
		found[key[1], key[2]].append((_sum(quantities[(*key, day)]), day))
	return {
		key: (_sum(quantity for quantity, _day in told), max(day for _quantity, day in told))
		for key, told in sorted(found.items())
	}


def _units(usage: Usage, formats: Formats) -> list[dict[str, str]]:
	rows = []
	for is_trial in (False, True):
		units = [one for one in usage.units if one.is_trial == is_trial]
		for (product, unit), (quantity, day) in _last_quantities(units).items():
			rows.append(
				{
					"product": product or MISSING,
					"unit": unit or MISSING,
					"quantity": MISSING if quantity is None else formats.number(quantity),
					"day": formats.day(day),
					"mark": formats.translate(_("Trial")) if is_trial else "",
				}
			)
	return rows


# --------------------------------------------------------------------------------------------- days and the chart


@dataclass(frozen=True, slots=True)
class _Measure:
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
			return _money(value, self.currency, formats)
		return f"{formats.number(value)} {self.unit}".strip()


def _measures(usage: Usage, formats: Formats) -> list[_Measure]:
	t = formats.translate
	measures = []
	if usage.shows_amounts:
		told = {(total.is_trial, total.currency) for total in usage.totals}
		for is_trial, currency in sorted(told):
			if currency:
				words = _("Trial in {currency}") if is_trial else _("Charges in {currency}")
				measures.append(
					_Measure(
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
		measures.append(
			_Measure(key_of("unit", product, unit, int(is_trial)), label, "", is_trial, product, unit)
		)
	return measures


class _Row(NamedTuple):
	day: date
	by_group: dict[str, Decimal]

	@property
	def total(self) -> Decimal:
		return sum(self.by_group.values(), Decimal(0))


def _rows(usage: Usage, measure: _Measure) -> list[_Row]:
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


def _chart(usage: Usage, measure: _Measure, formats: Formats) -> dict[str, Any] | None:
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


def _days(usage: Usage, measure: _Measure, formats: Formats) -> list[dict[str, Any]]:
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


def _signed(value: Decimal, measure: _Measure, formats: Formats) -> str:
	text = measure.text(abs(value), formats)
	return f"+{text}" if value > 0 else f"−{text}" if value < 0 else text


# --------------------------------------------------------------------------------------------- months


def _history(usage: Usage, key: str, formats: Formats) -> list[dict[str, Any]]:
	t = formats.translate
	by_month: dict[date, list[MonthTotal]] = defaultdict(list)
	for total in usage.months:
		by_month[total.month].append(total)
	for month in usage.month_units:
		by_month.setdefault(month, [])
	rows = []
	for month, totals in sorted(by_month.items(), reverse=True):
		running = month == usage.today.replace(day=1)
		sums = _sums(totals, formats) if usage.shows_amounts else {}
		rows.append(
			{
				"name": formats.month(month),
				"url": link(key, month, usage.subscription),
				"chosen": month == usage.month,
				"word": t(_("So far")) if running else t(_("Provisional")),
				"tone": "info" if running else "wait",
				"amounts": [told.text for (_c, is_trial), told in sums.items() if not is_trial],
				"trials": [told.text for (_c, is_trial), told in sums.items() if is_trial],
				"units": _units_of_month(usage.month_units.get(month, ()), formats),
			}
		)
	return rows


def _units_of_month(units: Sequence[Unit], formats: Formats) -> list[str]:
	told = [
		f"{formats.number(quantity)} {unit} ({product})"
		for (product, unit), (quantity, _day) in _last_quantities(
			one for one in units if not one.is_trial
		).items()
		if quantity is not None
	]
	if len(told) > UNITS_TOLD:
		return [*told[:UNITS_TOLD], formats.translate(_("{0} more")).format(len(told) - UNITS_TOLD)]
	return told


def _empty(usage: Usage, formats: Formats) -> dict[str, str] | None:
	"""What stands in place of a month without usage, and what happens next."""
	if usage.totals or usage.units:
		return None
	t = formats.translate
	if not usage.is_running:
		return {
			"title": t(_("There is no usage in {month}")).format(month=formats.month(usage.month)),
			"text": t(_("Nothing was read for this month. Choose another one above.")),
		}
	if usage.by_usage or usage.months:
		return {
			"title": t(_("There is no usage this month yet")),
			"text": t(
				_(
					"Usage is read once a day. It appears here the day after the vendor reports it, at the latest. "
					"If you miss some, please ask your provider."
				)
			),
		}
	return {
		"title": t(_("None of your products is billed by usage")),
		"text": t(_("Once you use such a product, its usage appears here within a day.")),
	}


# --------------------------------------------------------------------------------------------- files


def _files(usage: Usage, key: str, formats: Formats) -> list[dict[str, str]]:
	"""The files to download."""
	t = formats.translate
	if not (usage.totals or usage.units or usage.months or usage.month_units):
		return []
	month = formats.month(usage.month)
	return [
		{
			"label": t(_("Days of {month} (CSV)")).format(month=month),
			"url": link(key, usage.month, usage.subscription, FILE, by="days"),
		},
		{
			"label": t(_("All months (CSV)")),
			"url": link(key, usage.month, usage.subscription, FILE, by="months"),
		},
	]


def table(usage: Usage, by: str, *, title: str, formats: Formats) -> list[list[Any]]:
	"""The rows of a file, headings first. Dates are ISO, amounts and quantities numbers; what is missing is empty.

	Args:
		by: "days" of the month that is shown, or "months". title: of the client.
	"""
	t = formats.translate
	about = [t(_("Vendor")), t(_("Product")), t(_("Resource Group")), t(_("Trial"))]
	units = [t(_("Item")), t(_("Unit")), t(_("Quantity")), t(_("Currency")), t(_("Amount So Far"))]
	if by == "months":
		heading = [t(_("Client")), t(_("Month (UTC)")), t(_("Status")), t(_("Last Day (UTC)")), *about]
		if usage.shows_amounts:
			return [
				[*heading, t(_("Currency")), t(_("Amount"))],
				*(
					[
						title,
						month_key(one.month),
						t(_("So far")) if one.is_running else t(_("Provisional")),
						one.last_day.isoformat(),
						*_about(usage.groups[one.group], one.is_trial, formats),
						one.currency,
						"" if one.amount is None else one.amount,
					]
					for one in usage.months
				),
			]
		this = usage.today.replace(day=1)
		return [
			[*heading, t(_("Item")), t(_("Unit")), t(_("Quantity"))],
			*(
				[
					title,
					month_key(month),
					t(_("So far")) if month == this else t(_("Provisional")),
					one.day.isoformat(),
					*_about(usage.groups[one.group], one.is_trial, formats),
					one.product,
					one.unit,
					"" if one.quantity is None else one.quantity,
				]
				for month, of_month in sorted(usage.month_units.items(), reverse=True)
				for one in of_month
			),
		]
	rows: list[tuple[Any, ...]] = []
	if usage.shows_amounts:
		for day in usage.days:
			amount: Any = "" if day.amount is None else day.amount
			rows.append((day.day, day.group, day.is_trial, "", "", "", day.currency, amount))
	for line in usage.units:
		quantity: Any = "" if line.quantity is None else line.quantity
		rows.append((line.day, line.group, line.is_trial, line.product, line.unit, quantity, "", ""))
	rows.sort(
		key=lambda row: (row[0], usage.groups[row[1]].text, row[1], row[2], bool(row[3]), row[3], row[4])
	)
	if not usage.shows_amounts:
		units, rows = units[:3], [row[:6] for row in rows]
	return [
		[t(_("Client")), t(_("Day (UTC)")), *about, *units],
		*(
			[title, row[0].isoformat(), *_about(usage.groups[row[1]], row[2], formats), *row[3:]]
			for row in rows
		),
	]


def _about(group: Group, is_trial: bool, formats: Formats) -> list[str]:
	yes = formats.translate(_("Yes")) if is_trial else ""
	return [group.vendor, group.product, group.text, yes]


def file_name(title: str, usage: Usage, by: str) -> str:
	"""The name of a file, without its ending: ASCII letters, digits and hyphens only."""
	letters = "".join(sign if sign.isascii() and sign.isalnum() else " " for sign in title.casefold())
	client = "-".join(letters.split())[:40].strip("-") or "client"
	return f"usage-{client}-{month_key(usage.month)}-{by}"


def months_back(month: date, count: int) -> date:
	"""The first day of the month `count` months before one."""
	for _month in range(count):
		month = (month - timedelta(days=1)).replace(day=1)
	return month
