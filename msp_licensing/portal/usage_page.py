"""What a client gets to read about its usage, as plain values.

Every function takes rows that have been read for one client, with amounts in that client's price, and returns new values
built key by key. Texts come out translated. Imports no Frappe.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple
from urllib.parse import urlencode

from msp_licensing.portal import usage_days
from msp_licensing.portal.usage_records import (
	MISSING,
	NO_NAME,
	MonthTotal,
	Total,
	Unit,
	Usage,
	add_up,
	last_quantities,
	money,
	month_key,
)
from msp_licensing.portal.words import Formats, _
from msp_licensing.rules.plurals import plural

GROUPS_SHOWN = 100
"""How many resource groups are listed; a file has all of them."""

UNITS_TOLD = 3
"""How many units are named for a month in the list of months."""

PAGE = "/licensing/usage"
FILE = "/api/method/msp_licensing.portal.api.usage_csv"


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
	measures = usage_days.measures(usage, formats)
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
		"chart": usage_days.chart(usage, chosen, formats) if chosen else None,
		"days": usage_days.days(usage, chosen, formats) if chosen else [],
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
		key: _Sum(money(add_up(amounts), key[0], formats), sum(amount is None for amount in amounts))
		for key, amounts in sorted(found.items(), key=lambda item: (item[0][1], item[0][0]))
	}


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
				"amount": money(total.amount, total.currency, formats) if usage.shows_amounts else "",
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
		for (_product, unit), (quantity, _day) in last_quantities(units).items()
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


def _units(usage: Usage, formats: Formats) -> list[dict[str, str]]:
	rows = []
	for is_trial in (False, True):
		units = [one for one in usage.units if one.is_trial == is_trial]
		for (product, unit), (quantity, day) in last_quantities(units).items():
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
		for (product, unit), (quantity, _day) in last_quantities(
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
