"""Reads a client's usage from the site, for `portal.usage_page` to put into words.

Snapshots and months carry the client to whom they belong: only rows of the one client are read. Of the days on which a
group was somebody else's, nothing is read but that they were.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import frappe
from frappe import _

from msp_licensing import clock, permissions
from msp_licensing.changes.pricing import decimal
from msp_licensing.changes.requests import is_shown
from msp_licensing.permissions import ClientRecord, PortalAccess
from msp_licensing.portal import page, queries, usage_file, usage_page, usage_records
from msp_licensing.portal.usage_records import Day, Group, MonthTotal, Total, Unit, Usage, UsedProduct
from msp_licensing.rules.prices import PriceFrom
from msp_licensing.rules.usage_class import UsageClass
from msp_licensing.rules.usage_prices import UsagePrice

MONTHS = 13
"""How many months before the running one are read."""

_RUNNING = "Running"
_OF_CLIENT = "{0}.client_doctype = %(doctype)s and {0}.client = %(client)s"
# As text: a float of the database driver has too few digits.
_AMOUNTS = """if({0}.has_charges, cast({0}.charges as char), null) as charges,
	if({0}.has_cost, cast({0}.cost as char), null) as cost"""


def page_for_session(
	client: str | None = None,
	month: str | None = None,
	subscription: str | None = None,
	show: str | None = None,
) -> dict[str, Any]:
	"""The usage page of the session's user. `state` is "usage", or "elsewhere" where the main page says what there is to say.

	Args:
		client: `page.client_key` of the client; needed where the user has several.
		month: as "2026-11". subscription: Pax8's id, for the usage of that one only. show: what the chart shows.
	"""
	elsewhere = {"state": "elsewhere", "title": _("Usage")}
	try:
		access = permissions.portal_access()
	except frappe.PermissionError:
		frappe.clear_messages()
		return elsewhere
	record = queries.client_of(access, client, strict=False)
	if record is None:
		return elsewhere
	return usage_page.page(
		usage_of(record, month, subscription),
		key=page.client_key(record.doctype, record.name),
		title=queries.title_of(record),
		formats=queries.formats(),
		show=show if isinstance(show, str) else "",
	)


def file_of(
	access: PortalAccess, client: str | None, month: str | None, subscription: str | None, by: str
) -> tuple[str, list[list[Any]]]:
	"""The name and the rows of a file: see `usage_file.table`.

	Raises:
		frappe.DoesNotExistError: no such client of this user, or it has several and none is named.
	"""
	record = queries.client_of(access, client)
	if record is None:
		raise frappe.DoesNotExistError(_("This client does not exist."))
	usage, title = usage_of(record, month, subscription), queries.title_of(record)
	by = "months" if by == "months" else "days"
	return (
		usage_file.file_name(title, usage, by),
		usage_file.table(usage, by, title=title, formats=queries.formats()),
	)


def this_month(client: ClientRecord) -> dict[str, UsedProduct]:
	"""By subscription that the client has usage of, also one that it does not see: product, vendor, and this month's amounts."""
	today = clock.pax8_today()
	rows = frappe.db.sql(
		"""select name, subscription_id, product, product_name, vendor, currency, is_trial, last_day, this_month,
			if(has_this_month_charges, cast(this_month_charges as char), null) as charges,
			if(has_this_month_cost, cast(this_month_cost as char), null) as cost
		from `tabPax8 Resource Group` where client_doctype = %(doctype)s and client = %(client)s
		order by product_name, subscription_id, name""",
		{"doctype": client.doctype, "client": client.name},
		as_dict=True,
	)
	rows = _seen(rows, client)
	prices = _Prices({row.subscription_id for row in rows})
	totals: dict[str, list[Total]] = defaultdict(list)
	about: dict[str, Any] = {}
	for row in rows:
		about.setdefault(row.subscription_id, row)
		price = prices.of(row.subscription_id)
		if price.is_known and row.currency and row.this_month == today.replace(day=1):
			amount = price.amount(_number(row.charges), _number(row.cost))
			totals[row.subscription_id].append(
				Total(row.name, row.currency, bool(row.is_trial), amount, row.last_day)
			)
	formats = queries.formats()
	return {
		subscription: UsedProduct(
			row.product_name or "", row.vendor or "", usage_page.so_far(totals[subscription], formats)
		)
		for subscription, row in about.items()
	}


def usage_of(client: ClientRecord, month: str | None, subscription: str | None = None) -> Usage:
	"""The usage of a client in a month, and what its months before came to.

	Args:
		month, subscription: as given by the reader; what makes no sense is left aside.
	"""
	today = clock.pax8_today()
	wanted = usage_records.month_of(month, today)
	values = {
		"doctype": client.doctype,
		"client": client.name,
		"month": wanted,
		"since": usage_records.months_back(today.replace(day=1), MONTHS),
	}
	months, days = _months(values), _days(values)
	groups = _groups({row.resource_group for row in (*months, *days)}, client)
	products = {group.subscription: group.product for group in groups.values()}
	subscription = subscription if subscription in products else ""
	if subscription:
		groups = {name: group for name, group in groups.items() if group.subscription == subscription}
	prices = _Prices({group.subscription for group in groups.values()})

	def amount(row: Any) -> Decimal | None:
		price = prices.of(groups[row.resource_group].subscription)
		return price.amount(_number(row.charges), _number(row.cost))

	months = [row for row in months if row.resource_group in groups]
	days = [row for row in days if row.resource_group in groups]
	own_days = [row for row in days if row.mine]
	return Usage(
		month=wanted,
		today=today,
		groups=groups,
		totals=_totals(months, days, wanted, amount),
		days=[
			Day(row.resource_group, row.currency or "", bool(row.is_trial), row.day, amount(row))
			for row in own_days
		],
		units=_units(values, list(groups), whole_month=True).get(wanted, []),
		months=[
			MonthTotal(
				row.resource_group,
				row.month,
				row.currency or "",
				bool(row.is_trial),
				row.status == _RUNNING,
				row.last_day,
				amount(row),
			)
			for row in months
		],
		month_units={} if prices.any_known else _units(values, list(groups), whole_month=False),
		shows_amounts=prices.any_known,
		subscription=subscription or "",
		products=sorted(
			((key, name or _("Unnamed product")) for key, name in products.items()),
			key=lambda product: (product[1].casefold(), product[0]),
		),
		by_usage=bool(groups) or _has_usage_product(client),
	)


# --------------------------------------------------------------------------------------------- prices


class _Prices:
	"""The rule for amounts of usage. A subscription with a price of its own has none: nobody can say per which unit it is."""

	def __init__(self, subscriptions: Collection[str]) -> None:
		settings = frappe.get_cached_doc("Licensing Settings")
		self._price = UsagePrice(
			settings.client_price_from or PriceFrom.OWN, decimal(settings.client_price_markup)
		)
		self._own = (
			set(
				frappe.get_all(
					"Pax8 Subscription",
					{"name": ("in", list(subscriptions)), "client_price": (">", 0)},
					pluck="name",
				)
			)
			if subscriptions and self._price.is_known
			else set()
		)
		self.any_known = self._price.is_known and bool(set(subscriptions) - self._own)

	def of(self, subscription: str) -> UsagePrice:
		return UsagePrice() if subscription in self._own else self._price


# --------------------------------------------------------------------------------------------- rows


def _months(values: dict[str, Any]) -> list[Any]:
	return frappe.db.sql(  # nosemgrep: frappe-sql-format-injection - texts of this module, values are parameters
		f"""select m.resource_group, m.month, m.currency, m.is_trial, m.status, m.last_day, {_AMOUNTS.format("m")}
		from `tabPax8 Usage Month` m where {_OF_CLIENT.format("m")} and m.month >= %(since)s
		order by m.month desc, m.resource_group, m.currency, m.is_trial""",
		values,
		as_dict=True,
	)


def _days(values: dict[str, Any]) -> list[Any]:
	"""The snapshots of a month of the groups that were the client's on a day of it; amounts of the client's days only."""
	mine = _OF_CLIENT.format("s")
	charges, cost = (
		f"if({mine} and s.has_{name}, cast(s.{name} as char), null)" for name in ("charges", "cost")
	)
	# nosemgrep: frappe-sql-format-injection - texts of this module, values are parameters
	return frappe.db.sql(
		f"""select s.resource_group, s.day, s.currency, s.is_trial, ifnull({mine}, 0) as mine,
			{charges} as charges, {cost} as cost
		from `tabPax8 Usage Snapshot` s
		join (
			select distinct o.resource_group from `tabPax8 Usage Snapshot` o
			where {_OF_CLIENT.format("o")} and o.month = %(month)s
		) own on own.resource_group = s.resource_group
		where s.day >= %(month)s and s.day <= last_day(%(month)s)
		order by s.resource_group, s.day, s.currency, s.is_trial""",
		values,
		as_dict=True,
	)


def _totals(months: Sequence[Any], days: Sequence[Any], month: date, amount: Any) -> list[Total]:
	"""The last total of each group in a month. The month's record counts where the client has it: it knows amounts that the
	last snapshot lacks. Otherwise the last snapshot that was the client's.
	"""
	known = {(row.resource_group, row.currency or "", row.is_trial) for row in months if row.month == month}
	gone = _recorded({row.resource_group for row in days}, month) - known
	by_group: dict[str, list[Any]] = defaultdict(list)
	for row in days:
		by_group[row.resource_group].append(row)
	found: dict[tuple[str, str, int], Total] = {}
	for group, rows in by_group.items():
		since, until = _stay(rows)
		for row in rows:
			if row.mine:
				key = (group, row.currency or "", row.is_trial)
				left = until or (row.day if key in gone else None)
				found[key] = Total(group, key[1], bool(row.is_trial), amount(row), row.day, since, left)
	for row in months:
		if row.month == month:
			key = (row.resource_group, row.currency or "", row.is_trial)
			since = found[key].since if key in found else None
			found[key] = Total(
				row.resource_group, key[1], bool(row.is_trial), amount(row), row.last_day, since
			)
	return list(found.values())


def _recorded(groups: Collection[str], month: date) -> set[tuple[str, str, int]]:
	"""The groups, currencies and trials of which there is a month's record, whoever has it."""
	if not groups:
		return set()
	rows = frappe.get_all(
		"Pax8 Usage Month",
		{"resource_group": ("in", list(groups)), "month": month},
		["resource_group", "currency", "is_trial"],
	)
	return {(row.resource_group, row.currency or "", row.is_trial) for row in rows}


def _stay(rows: Sequence[Any]) -> tuple[date | None, date | None]:
	"""The first day of the client's if others had the group before, and the last one if others had it after."""
	own = [row.day for row in rows if row.mine]
	others = [row.day for row in rows if not row.mine]
	since = own[0] if others and others[0] < own[0] else None
	until = own[-1] if others and others[-1] > own[-1] else None
	return since, until


def _units(values: dict[str, Any], groups: list[str], *, whole_month: bool) -> dict[date, list[Unit]]:
	"""Quantities by month, of days on which the group was the client's.

	Args:
		whole_month: each day of the month in `values`. Otherwise of all months, the last day of each group.
	"""
	if not groups:
		return {}
	some = {**values, "groups": tuple(groups)}
	own = f"""join `tabPax8 Usage Snapshot` s on s.resource_group = l.resource_group and s.day = l.day
		and {_OF_CLIENT.format("s")}"""
	if whole_month:
		days = "l.day >= %(month)s and l.day <= last_day(%(month)s)"
		last = ""
	else:
		days = "l.day >= %(since)s"
		last = f"""join (
			select l.resource_group, max(l.day) as day from `tabPax8 Usage Line` l {own}
			where l.resource_group in %(groups)s and {days}
			group by l.resource_group, year(l.day), month(l.day)
		) newest on newest.resource_group = l.resource_group and newest.day = l.day"""
	# A group has several snapshots on a day if it has several currencies: its lines are there once all the same.
	# nosemgrep: frappe-sql-format-injection - texts of this module, values are parameters
	rows = frappe.db.sql(
		f"""select distinct l.name, l.resource_group, l.day, l.product_name, l.unit, l.is_trial,
			if(l.has_quantity, cast(l.quantity as char), null) as quantity
		from `tabPax8 Usage Line` l {own} {last}
		where l.resource_group in %(groups)s and {days}
		order by l.day, l.resource_group, l.product_name, l.unit, l.name""",
		some,
		as_dict=True,
	)
	found: dict[date, list[Unit]] = defaultdict(list)
	for row in rows:
		found[row.day.replace(day=1)].append(
			Unit(
				row.resource_group,
				row.product_name or "",
				row.unit or "",
				bool(row.is_trial),
				row.day,
				_number(row.quantity),
			)
		)
	return found


def _groups(names: Collection[str], client: ClientRecord) -> dict[str, Group]:
	if not names:
		return {}
	rows = frappe.get_all(
		"Pax8 Resource Group",
		{"name": ("in", list(names))},
		["name", "resource_group", "subscription_id", "product", "product_name", "vendor"],
		order_by="name",
	)
	return {
		row.name: Group(
			row.name,
			row.resource_group or "",
			row.subscription_id or "",
			row.product_name or "",
			row.vendor or "",
		)
		for row in _seen(rows, client)
	}


def _seen(rows: Sequence[Any], client: ClientRecord) -> list[Any]:
	"""Without what staff hide from the client: by the subscription, if it is the client's, or by the product."""
	ids = sorted({row.subscription_id for row in rows if row.subscription_id})
	if not ids:
		return list(rows)
	show = dict(
		frappe.get_all(
			"Pax8 Subscription",
			{"name": ("in", ids), "client_doctype": client.doctype, "client": client.name},
			["name", "show_to_client"],
			as_list=True,
		)
	)
	hidden: dict[tuple[str, str], bool] = {}
	for row in rows:
		key = (row.subscription_id, row.product)
		if key not in hidden:
			told = {"show_to_client": show.get(row.subscription_id, 1), "product": row.product}
			hidden[key] = not is_shown(frappe._dict(told))
	return [row for row in rows if not hidden[row.subscription_id, row.product]]


def _has_usage_product(client: ClientRecord) -> bool:
	products = {row.product for row in queries.subscriptions_of(client) if row.product}
	return bool(
		products
		and frappe.db.exists(
			"Pax8 Product", {"name": ("in", sorted(products)), "usage_class": str(UsageClass.USAGE)}
		)
	)


def _number(text: Any) -> Decimal | None:
	return None if text is None else Decimal(str(text))
