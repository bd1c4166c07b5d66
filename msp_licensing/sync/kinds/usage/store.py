"""Writes what was read of usage: groups, snapshots and months, in multi-row statements, a transaction for each batch."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import frappe
from frappe import _

from msp_licensing import clock, transactions
from msp_licensing.rules.resource_groups import key_of
from msp_licensing.sync import usage_class
from msp_licensing.sync.kinds.usage import months, placement, revision
from msp_licensing.sync.kinds.usage.readings import Reading, is_less
from msp_licensing.sync.kinds.usage.scope import Products
from msp_licensing.sync.kinds.usage.totals import amounts_before, known_amounts, last_month, month_totals
from msp_licensing.sync.mirror import BATCH, TRIES, Row, fingerprint, fitting, upsert

GROUP, SNAPSHOT, USAGE_MONTH = placement.GROUP, "Pax8 Usage Snapshot", months.USAGE_MONTH

# Written to new rows only.
_FIRST = ("first_read_on", "first_read_on_utc", *placement.COLUMNS)


def tell(hook: str, **values: Any) -> None:
	"""Calls what other parts of the app have to do within the transaction (hooks.py)."""
	for function in frappe.get_hooks(hook):
		frappe.get_attr(function)(**values)


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
	totals = month_totals([reading for reading, _row in rows], stored, month)
	read = {**clock.stamp("last_read_on"), "read_on": began, "last_day": day}
	first = clock.stamp("first_read_on")
	groups, owners, moved = [], {}, []
	for reading, row in rows:
		columns = {
			**row,
			**last_month(reading, month, stored, totals),
			"lines_through": reading.lines_through,
		}
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
	before = amounts_before([reading for reading, _row in rows], day)
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
						**known_amounts(amounts, totals.get((*key, month))),
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
	revision.changed()
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
