"""The files that a client downloads of its usage. Imports no Frappe."""

from __future__ import annotations

from typing import Any

from msp_licensing.portal.usage_records import Group, Usage, month_key
from msp_licensing.portal.words import Formats, _


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
