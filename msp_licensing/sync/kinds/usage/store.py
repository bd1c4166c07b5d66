"""Writes what was read of usage: groups, snapshots and months, in multi-row statements, a transaction for each batch."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import frappe
from frappe import _

from msp_licensing import clock, transactions
from msp_licensing.pax8 import UsageSummary
from msp_licensing.rules.resource_groups import Marks, group_key, key_of, number_equal_texts
from msp_licensing.sync import usage_class
from msp_licensing.sync.kinds.usage import months, placement
from msp_licensing.sync.kinds.usage.scope import Products, Scoped
from msp_licensing.sync.mirror import BATCH, TRIES, Row, fingerprint, fitting, upsert

GROUP, SNAPSHOT, USAGE_MONTH = placement.GROUP, "Pax8 Usage Snapshot", months.USAGE_MONTH

# Written to new rows only.
_FIRST = ("first_read_on", "first_read_on_utc", *placement.COLUMNS)

Amounts = dict[str, Any]
"""`charges`, `has_charges`, `cost`, `has_cost`: what a row has for two amounts. One that is missing is no 0."""


@dataclass(slots=True)
class Reading:
	"""A summary, and the group whose it is.

	Attributes:
		known: the stored row of the group, None for a new one.
		month: first day of the month it is of; None where that cannot be told now, and it is left alone.
		lines_through: the day (UTC) up to which its lines were read since the totals last changed.
	"""

	name: str
	number: int
	subscription: Scoped
	summary: UsageSummary
	known: Any
	month: date | None = None
	lines_through: date | None = None

	@property
	def amounts(self) -> Amounts:
		return amounts_of(self.summary.current_charges, self.summary.partner_total)


def amounts_of(charges: Decimal | None, cost: Decimal | None) -> Amounts:
	return {
		"charges": Decimal(0) if charges is None else charges,
		"has_charges": int(charges is not None),
		"cost": Decimal(0) if cost is None else cost,
		"has_cost": int(cost is not None),
	}


def are_equal(now: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
	return all(
		now[f"has_{amount}"] == before[f"has_{amount}"] and _stored(now[amount]) == _stored(before[amount])
		for amount in ("charges", "cost")
	)


def is_less(now: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
	"""Whether one of two amounts is less than before. One that is missing is not compared."""
	return any(
		now[f"has_{amount}"] and before[f"has_{amount}"] and _stored(now[amount]) < _stored(before[amount])
		for amount in ("charges", "cost")
	)


def _stored(value: Any) -> Decimal:
	"""An amount with the nine decimals that its column has."""
	return round(Decimal(str(value)), 9)


def tell(hook: str, **values: Any) -> None:
	"""Calls what other parts of the app have to do within the transaction (hooks.py)."""
	for function in frappe.get_hooks(hook):
		frappe.get_attr(function)(**values)


# --------------------------------------------------------------------------------------------- whose is a summary


def recognise(read: Sequence[tuple[Scoped, Sequence[UsageSummary]]]) -> list[Reading]:
	"""Finds the group of each summary of some subscriptions: one query for all of them."""
	stored: dict[tuple[str, str], list[Any]] = defaultdict(list)
	for row in _groups_of([subscription.id for subscription, _summaries in read]):
		stored[row.subscription_id, row.resource_group or ""].append(row)
	found = []
	for subscription, summaries in read:
		by_text: dict[str, list[UsageSummary]] = defaultdict(list)
		for summary in summaries:
			by_text[summary.resource_group or ""].append(summary)
		for text, equal in by_text.items():
			rows = {row.same_text_number: row for row in stored[subscription.id, text]}
			numbers = number_equal_texts(
				[(number, _marks_of_row(row)) for number, row in rows.items()], [*map(_marks, equal)]
			)
			for summary, number in zip(equal, numbers, strict=True):
				name = group_key(subscription.id, text, number)
				found.append(Reading(name, number, subscription, summary, rows.get(number)))
	return found


def _groups_of(subscriptions: Sequence[str]) -> list[Any]:
	if not subscriptions:
		return []
	return frappe.db.sql(
		"""select name, subscription_id, resource_group, same_text_number, summary_id, pax8_company, is_trial, currency,
			this_month, last_day, lines_through, fingerprint,
			cast(this_month_charges as char) as charges, has_this_month_charges as has_charges,
			cast(this_month_cost as char) as cost, has_this_month_cost as has_cost
		from `tabPax8 Resource Group` where subscription_id in %s""",
		(tuple(subscriptions),),
		as_dict=True,
	)


def _marks(summary: UsageSummary) -> Marks:
	return Marks(summary.id, summary.company_id, bool(summary.is_trial), summary.currency_code)


def _marks_of_row(row: Any) -> Marks:
	return Marks(row.summary_id, row.pax8_company, bool(row.is_trial), row.currency)


# --------------------------------------------------------------------------------------------- rows


class Writer:
	"""Counts what was read, and writes in batches what differs from what is stored. `flush` writes the last batch.

	Args:
		run: counts rows and takes those that cannot be stored; is asked before each commit whether it may still write.
		began: when the reading began (UTC, by the database's clock): what was read later stays.
		commit: False: the caller commits.
	"""

	def __init__(self, run: Any, products: Products, began: datetime, *, commit: bool = True) -> None:
		self.began = began
		self._run, self._products, self._commit = run, products, commit
		self._fit = {doctype: fitting(doctype) for doctype in (GROUP, SNAPSHOT, USAGE_MONTH)}
		# A batch is of one day: late totals of the month before are written apart.
		self._waiting: dict[date, list[tuple[Reading, Row]]] = defaultdict(list)

	def add(self, reading: Reading, today: date) -> bool:
		"""Takes one reading; returns whether it is new here or differs from what was read before."""
		run, known = self._run, reading.known
		run.rows_read += 1
		if reading.month is None:
			run.rows_unchanged += 1
			return False
		day = min(today, months.last_day(reading.month))
		try:
			values = self._fit[GROUP](self._values(reading))
		except ValueError as error:
			run.refuse_row(_shown(reading), error)
			return False
		print_of_row = fingerprint(values)
		changed = known is None or known.fingerprint != print_of_row
		if known is None:
			run.rows_new += 1
		elif changed:
			run.rows_changed += 1
		else:
			run.rows_unchanged += 1
			reading.lines_through = known.lines_through
		if changed or known.last_day != day:
			self._waiting[day].append((reading, {**values, "fingerprint": print_of_row}))
			if len(self._waiting[day]) >= BATCH:
				self._write_batch(day)
		return changed

	def flush(self) -> None:
		for day in sorted(self._waiting):
			self._write_batch(day)

	def _values(self, reading: Reading) -> Row:
		"""The mirrored columns of a group.

		Raises:
			ValueError: there is an amount, and nobody could tell what it is an amount of.
		"""
		summary, subscription = reading.summary, reading.subscription
		charges, cost = summary.current_charges, summary.partner_total
		if (charges or cost) and not summary.currency_code:
			raise ValueError(_("the amounts have no currency"))
		product = self._products.get(summary.product_id) or self._products.get(subscription.product)
		return {
			"subscription": subscription.id if subscription.stored else None,
			"subscription_id": subscription.id,
			"product": product.name if product else None,
			"product_name": subscription.product_name or (product.product_name if product else None),
			"vendor": summary.vendor_name or subscription.vendor,
			"resource_group": summary.resource_group,
			"same_text_number": reading.number,
			"summary_id": summary.id,
			"pax8_company": summary.company_id,
			"is_trial": int(bool(summary.is_trial)),
			"currency": summary.currency_code,
			"this_month": reading.month,
			**{_this_month(column): value for column, value in reading.amounts.items()},
		}

	def _write_batch(self, day: date) -> None:
		"""Writes what waits for a day, in one transaction. A deadlock with somebody else's is tried again."""
		rows = self._waiting.pop(day)

		def write() -> set[str]:
			self._run.confirm()
			found = _store(rows, day, self.began, self._fit, self._products)
			if self._commit:
				frappe.db.commit()  # nosemgrep: frappe-manual-commit - batch by batch, so that a killed run keeps what it has
			return found

		if self._commit:
			found = transactions.repeat(write, tries=TRIES, when=transactions.is_busy)
		else:
			found = write()
		self._products.saw(found)


def _this_month(column: str) -> str:
	return f"has_this_month_{column[4:]}" if column.startswith("has_") else f"this_month_{column}"


def _shown(reading: Reading) -> str:
	"""What a person finds a summary by."""
	text = reading.summary.resource_group or _("(no name)")
	return f"{reading.subscription.product_name or reading.subscription.id}, {text[:140]}"


def _store(
	rows: list[tuple[Reading, Row]], day: date, began: datetime, fit: Mapping[str, Any], products: Products
) -> set[str]:
	"""Writes a batch within the transaction: a number of statements that does not depend on its size.

	Returns:
		the products that have new groups.
	"""
	companies = placement.locked_companies({row["pax8_company"] for _reading, row in rows})
	stored = _locked([reading.name for reading, _row in rows])
	rows = [(reading, row) for reading, row in rows if not _is_newer(stored.get(reading.name), began)]
	if not rows:
		return set()
	names = tuple(reading.name for reading, _row in rows)
	month = months.first_day(day)
	totals = _totals([reading for reading, _row in rows], stored, month)
	read = {**clock.stamp("last_read_on"), "read_on": began, "last_day": day}
	first = clock.stamp("first_read_on")
	groups, owners, moved = [], {}, []
	for reading, row in rows:
		columns = {**row, **_last_month(reading, month, stored, totals), "lines_through": reading.lines_through}
		placed = placement.of_new_group(companies.get(row["pax8_company"]))
		groups.append((reading.name, {**columns, **read, **first, **placed}))
		known = stored.get(reading.name)
		owners[reading.name] = known or frappe._dict(placed)
		if known and known.pax8_company != row["pax8_company"]:
			moved.append(reading.name)
	upsert(GROUP, groups, insert_only=_FIRST)
	# Whose the others are was settled when their company or their assignment last changed.
	placement.settle(groups=moved)
	# Rules may assign what is nobody's.
	tell("msp_licensing_usage_stored", groups=names)
	owners.update(_owners([*moved, *(name for name in names if not owners[name].client)]))
	before = _before([reading for reading, _row in rows], day)
	now = clock.utc_now()
	snapshots, ends = [], []
	for reading, _row in rows:
		summary, owner, amounts = reading.summary, owners[reading.name], reading.amounts
		kept = {"is_trial": int(bool(summary.is_trial)), "currency": summary.currency_code}
		key = (reading.name, summary.currency_code or "", kept["is_trial"])
		client = {"client_doctype": owner.client_doctype, "client": owner.client}
		snapshots.append(
			(
				key_of(reading.name, day, summary.currency_code),
				fit[SNAPSHOT](
					{
						"resource_group": reading.name,
						"day": day,
						"month": month,
						"summary_id": summary.id,
						"pax8_company": summary.company_id,
						**client,
						**amounts,
						**kept,
						"decreased": int(key in before and is_less(amounts, before[key])),
						"read_on_utc": now,
					}
				),
			)
		)
		if summary.currency_code and (amounts["has_charges"] or amounts["has_cost"]):
			ends.append(
				(
					key_of(
						reading.name, month, summary.currency_code, *(["trial"] if summary.is_trial else [])
					),
					{
						"resource_group": reading.name,
						"month": month,
						"last_day": day,
						**client,
						"client_name": owner.client_name,
						**_known_amounts(amounts, totals.get((*key, month))),
						**kept,
						"status": months.RUNNING
						if month >= months.first_day(clock.pax8_today())
						else months.PROVISIONAL,
					},
				)
			)
	upsert(SNAPSHOT, snapshots)
	# What became of a month is said once it is over: `months.close`.
	upsert(USAGE_MONTH, ends, insert_only=["status"])
	found = [reading for reading, _row in rows if reading.known is None]
	of_groups = {row["product"] for reading, row in rows if reading.known is None}
	grown = (of_groups | {reading.subscription.product for reading in found}) - {None}
	# The first group is evidence. How many there are is counted once, at the end: `walk`.
	usage_class.update(products.first_seen(grown))
	return grown


def _locked(names: Sequence[str]) -> dict[str, Any]:
	"""The stored rows of groups, held until the end of the transaction."""
	rows = frappe.db.sql(
		"""select name, read_on, pax8_company, client_doctype, client, client_name, this_month, currency, is_trial,
			cast(last_month_charges as char) as last_month_charges, has_last_month_charges,
			cast(last_month_cost as char) as last_month_cost, has_last_month_cost
		from `tabPax8 Resource Group` where name in %s order by name for update""",
		(tuple(names),),
		as_dict=True,
	)
	return {row.name: row for row in rows}


def _is_newer(row: Any, began: datetime) -> bool:
	"""Whether a group was read by somebody else since."""
	return bool(row and row.read_on and row.read_on > began)


def _owners(names: Sequence[str]) -> dict[str, Any]:
	if not names:
		return {}
	rows = frappe.db.sql(
		"select name, client_doctype, client, client_name from `tabPax8 Resource Group` where name in %s",
		(tuple(names),),
		as_dict=True,
	)
	return {row.name: row for row in rows}


# A group's month or snapshot: (group, currency, trial), and for months the month as well.
_Key = tuple[str, str, int]

# Amounts as text: a float of the database driver has too few digits.
_AMOUNTS = (
	"cast({0}.charges as char) as charges, {0}.has_charges, cast({0}.cost as char) as cost, {0}.has_cost"
)


def _goes_on(reading: Reading, known: Any, month: date) -> bool:
	"""Whether the group's row already is of this month, in the same currency."""
	summary = reading.summary
	return bool(known) and (known.this_month, known.currency or "", known.is_trial) == (
		month,
		summary.currency_code or "",
		int(bool(summary.is_trial)),
	)


def _totals(
	readings: Sequence[Reading], stored: Mapping[str, Any], month: date
) -> dict[tuple[str, str, int, date], Any]:
	"""The stored totals of this month and the one before, of those readings that need them.

	Where a group goes on in its month, its own row has the total of the month before, and the total of this month is
	needed only where an amount is missing now.
	"""
	names = [
		reading.name
		for reading in readings
		if not _goes_on(reading, stored.get(reading.name), month)
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


def _before(readings: Sequence[Reading], day: date) -> dict[_Key, Any]:
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


def _snapshots_before(names: Sequence[str], day: date) -> dict[_Key, Any]:
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


def _last_month(
	reading: Reading,
	month: date,
	stored: Mapping[str, Any],
	totals: Mapping[tuple[str, str, int, date], Any],
) -> Row:
	"""What the month before came to, in the same currency. A trial's total stands in for no other."""
	known = stored.get(reading.name)
	if _goes_on(reading, known, month):
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


def _known_amounts(amounts: Amounts, before: Any) -> Amounts:
	"""The amounts of a month: one that is missing now keeps the value it had."""
	known = dict(amounts)
	for amount in ("charges", "cost"):
		if not known[f"has_{amount}"] and before and before[f"has_{amount}"]:
			known[amount], known[f"has_{amount}"] = Decimal(before[amount]), 1
	return known


def reading_begins() -> datetime:
	"""The moment (UTC, by the database's clock) of a read that begins now: later than every one before it."""
	return frappe.db.sql(
		"""select greatest(utc_timestamp(6), coalesce(max(read_on) + interval 1 microsecond, utc_timestamp(6)))
		from `tabPax8 Resource Group`"""
	)[0][0]
