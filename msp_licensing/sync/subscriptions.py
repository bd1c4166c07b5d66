"""Subscriptions of mapped companies. Those of unmapped companies are counted, and not copied."""

from collections import Counter
from datetime import datetime
from typing import Any

import frappe
from frappe import _

from msp_licensing.pax8 import BadAnswer, NotFound, Pax8Client, Pax8Error, Subscription
from msp_licensing.sync import products, recorded
from msp_licensing.sync.companies import mark_vanished
from msp_licensing.sync.known import KnownSubscriptions
from msp_licensing.sync.mirror import Mirror, Row, fingerprint, fitting, upsert

DOCTYPE = "Pax8 Subscription"

# Histories read after a walk, a call each: more changes at once are a wave of prices or renewals.
MOST_HISTORIES = 50


def sync(pax8: Pax8Client, run: Any, *, company: str | None = None) -> None:
	"""Walks all subscriptions, or those of one company that has just been mapped.

	A subscription that is stored already is kept up to date wherever it goes, also to a company that nobody has
	mapped: it must not stay with the client that it has left.

	Raises:
		msp_licensing.pax8.Pax8Error: the walk did not come to its end; nothing is concluded from it.
	"""
	began = _walk_begins(run)
	mapped = _mapped_companies()
	mirror = Mirror(DOCTYPE, run, write=lambda rows: _write(rows, before=began))
	vendors = _Vendors(pax8, run)
	unmapped: Counter[str] = Counter()
	known = KnownSubscriptions(mirror, run, mapped, vendors.known)
	with mirror:
		for subscription in pax8.subscriptions(
			company_id=company, on_unreadable=mirror.refuse, recogniser=known
		):
			if subscription.company_id and subscription.company_id not in mapped:
				unmapped[subscription.company_id] += 1
				run.rows_unmapped += 1
				if subscription.id not in mirror:
					mirror.leave(subscription.id)
					continue
			_add(mirror, run, subscription, vendors, known)
			run.progress(mirror)
	if company is None:
		_count_unmapped(unmapped, mapped)
		mark_vanished(mirror, run, reread=lambda name: _reread(pax8, mirror, run, vendors, name))
	elif company in mapped:
		frappe.db.set_value("Pax8 Company", company, "unsynced_subscriptions", 0, update_modified=False)
	own_as_mapped()
	frappe.db.commit()  # nosemgrep: frappe-manual-commit - end of the walk
	recorded.read_histories(pax8, most=MOST_HISTORIES)


def _add(
	mirror: Mirror,
	run: Any,
	subscription: Subscription,
	vendors: "_Vendors",
	known: KnownSubscriptions | None = None,
) -> None:
	try:
		vendor = vendors.of(subscription)
		row = row_of(subscription, vendor)
	except ValueError as error:
		mirror.leave(subscription.id)
		run.refuse_row(subscription.id, error)
		return
	mirror.add(subscription.id, row, sent=known.sent(subscription.id, vendor) if known else b"")


def row_of(subscription: Subscription, vendor: str | None) -> Row:
	"""The mirrored columns of a subscription.

	Raises:
		ValueError: the quantity is not a whole number; nothing in this app could show or change it rightly.
	"""
	quantity = subscription.quantity
	if not isinstance(quantity, int):
		raise ValueError(_("quantity {0} is not a whole number").format(quantity))
	commitment = subscription.commitment_term
	price, cost = subscription.price, subscription.partner_cost
	return {
		"pax8_company": subscription.company_id,
		"product": subscription.product_id,
		"product_name": subscription.product_name
		or frappe.db.get_value("Pax8 Product", subscription.product_id, "product_name")
		or subscription.product_id,
		"vendor": vendor,
		"quantity": quantity,
		"status": subscription.status,
		"vanished": 0,
		"parent_subscription": subscription.parent_subscription_id,
		"billing_term": subscription.billing_term,
		"start_date": _date(subscription.start_date),
		"end_date": _date(subscription.end_date),
		"billing_start": subscription.billing_start,
		"commitment_term_id": commitment.id if commitment else None,
		"commitment_term": commitment.term if commitment else None,
		"commitment_end": _date(commitment.end_date) if commitment else None,
		"currency": subscription.currency_code,
		"price": 0 if price is None else price,
		"has_price": int(price is not None),
		"partner_cost": 0 if cost is None else cost,
		"has_partner_cost": int(cost is not None),
		"pax8_created_on": subscription.created_date,
		"pax8_updated_on": subscription.updated_date,
	}


# Returned by Pax8 in the answer for one subscription, perhaps not in lists: a list must not blank them.
DETAIL_ONLY = ("vendor_subscription_id", "vendor_sku_id")


def store_one(subscription: Subscription) -> None:
	"""Stores what a read of one subscription just told; the caller commits. Unknown ones are left to the sync.

	A walk that began before leaves the row alone from then on: what it has of this subscription may be older.

	Raises:
		msp_licensing.pax8.BadAnswer: there is something in it that cannot be stored.
	"""
	known = frappe.db.get_value(DOCTYPE, subscription.id, ["fingerprint", "vendor"], as_dict=True)
	if known:
		_store(subscription, known.vendor, known.fingerprint)


def take_in(pax8: Pax8Client, subscription: Subscription, run: Any = None) -> bool:
	"""Stores a subscription that Pax8 just told of, as a walk would: a new one only if its company is mapped.

	Args:
		run: what notes that the vendor could not be read.

	Returns:
		Whether it is stored now.

	Raises:
		msp_licensing.pax8.Pax8Error: its product is unknown here, and could not be read.
		msp_licensing.pax8.BadAnswer: there is something in it that cannot be stored.
	"""
	known = frappe.db.get_value(DOCTYPE, subscription.id, ["fingerprint", "vendor"], as_dict=True)
	if known:
		_store(subscription, known.vendor, known.fingerprint)
	elif subscription.company_id in _mapped_companies():
		_store(subscription, _Vendors(pax8, run).of(subscription), None)
	else:
		return False
	return True


def mark_as_gone(name: str) -> None:
	"""Marks a stored subscription of which Pax8 just said that it does not exist; the caller commits."""
	if frappe.db.get_value(DOCTYPE, name, "vanished") == 0:
		_write([(name, {"vanished": 1, "fingerprint": None})], before=None)


def _store(subscription: Subscription, vendor: str | None, known: str | None) -> None:
	try:
		row = row_of(subscription, vendor)
		new = fingerprint(row)
		details = {
			column: getattr(subscription, column)
			for column in DETAIL_ONLY
			if getattr(subscription, column) is not None
		}
		read_on = {"read_on": _read_now()}
		if new == (known or "")[: len(new)] and not details:
			frappe.db.set_value(DOCTYPE, subscription.id, read_on, update_modified=False)
			return
		values = fitting(DOCTYPE)({"pax8_id": subscription.id, **row, **details})
	except ValueError as error:
		raise BadAnswer(
			# nosemgrep: frappe-format-string-injection - the format is a literal
			_("Subscription {0} cannot be used: {1}").format(subscription.id, error),
			record_id=subscription.id,
		) from error
	_write([(subscription.id, {**values, **read_on, "fingerprint": new})], before=None)
	frappe.clear_document_cache(DOCTYPE, subscription.id)


def _write(rows: list[tuple[str, Row]], *, before: datetime | None) -> None:
	"""Writes rows, gives them their clients, and records what is different from before, in one transaction.

	Args:
		before: rows that were read by themselves since then are left alone: a walk's page may be older.
	"""
	clients = _clients({row["pax8_company"] for _name, row in rows if row.get("pax8_company")})
	stored = recorded.stored([name for name, _row in rows])
	written = []
	for name, row in rows:
		if before is not None and (old := stored.get(name)) and old.read_on and old.read_on >= before:
			continue
		if "pax8_company" in row:
			nobody = (None, None, None)
			row["client_doctype"], row["client"], row["client_name"] = clients.get(
				row["pax8_company"], nobody
			)
		written.append((name, row))
	upsert(DOCTYPE, written, insert_only=["pax8_id"])
	recorded.record(stored, written)


def _clients(companies: set[str]) -> dict[str, tuple[str | None, str | None, str | None]]:
	"""The clients of companies (DocType, id, name), held until the end of the transaction: a mapping that changes now waits for it.

	Companies are always locked before their subscriptions, here as well as where a mapping is saved.
	"""
	if not companies:
		return {}
	return {
		name: (client_doctype, client, client_name)
		for name, client_doctype, client, client_name in frappe.db.sql(
			"""select name, client_doctype, client, client_name from `tabPax8 Company` where name in %s
			order by name lock in share mode""",
			(tuple(companies),),
		)
	}


def own_as_mapped(company: str | None = None) -> None:
	"""Gives the subscriptions of one company, or all, the clients of their companies.

	Run after every change of mapping, and after every walk: a subscription must never stay with a client that its
	company does not belong to.
	"""
	condition = ""
	if company:
		condition = "and s.pax8_company = %s"
	else:
		# In the same order as everybody else: companies, then subscriptions.
		frappe.db.sql("select name from `tabPax8 Company` order by name lock in share mode")
	frappe.db.sql(  # nosemgrep: frappe-sql-format-injection - names come from this code, values are parameters
		f"""update `tabPax8 Subscription` s left join `tabPax8 Company` c on s.pax8_company = c.name
		set s.client_doctype = c.client_doctype, s.client = c.client, s.client_name = c.client_name
		where not (
			s.client_doctype <=> c.client_doctype and s.client <=> c.client and s.client_name <=> c.client_name
		) {condition}""",
		(company,) if company else (),
	)


# When a walk began and when a row was read by itself is said in UTC by the database's clock, the one that workers on
# several machines have in common. That clock may be set back, too: a walk begins later than every read before it, and a
# read is never earlier than a walk that is going.


def _walk_begins(run: Any) -> datetime:
	"""The moment that this walk began, noted with its run for the single reads that are made meanwhile; commits."""
	began = frappe.db.sql(
		"""select greatest(utc_timestamp(6), coalesce(max(read_on) + interval 1 microsecond, utc_timestamp(6)))
		from `tabPax8 Subscription`"""
	)[0][0]
	frappe.db.set_value("Pax8 Sync Run", run.name, "walk_began_utc", began, update_modified=False)
	frappe.db.commit()  # nosemgrep: frappe-manual-commit - from here on others see it
	return began


def _read_now() -> datetime:
	"""The moment of a single read."""
	return frappe.db.sql(
		"""select greatest(utc_timestamp(6), coalesce(max(walk_began_utc), utc_timestamp(6)))
		from `tabPax8 Sync Run` where kind = 'Subscriptions' and status = 'Running'"""
	)[0][0]


def _mapped_companies() -> set[str]:
	return {
		row.name
		for row in frappe.get_all("Pax8 Company", fields=["name", "client_doctype", "client"])
		if row.client and row.client_doctype
	}


def _reread(pax8: Pax8Client, mirror: Mirror, run: Any, vendors: "_Vendors", name: str) -> bool:
	try:
		subscription = pax8.subscription(name)
	except NotFound:
		return False
	_add(mirror, run, subscription, vendors)
	return True


def _count_unmapped(unmapped: Counter[str], mapped: set[str]) -> None:
	"""Writes the number of subscriptions left out on each company, where it has changed."""
	for row in frappe.get_all("Pax8 Company", fields=["name", "unsynced_subscriptions"]):
		count = 0 if row.name in mapped else unmapped[row.name]
		if count != row.unsynced_subscriptions:
			frappe.db.set_value(
				"Pax8 Company", row.name, "unsynced_subscriptions", count, update_modified=False
			)


class _Vendors:
	"""Vendor by product: a Pax8 subscription carries none. Products not known yet are read and stored."""

	def __init__(self, pax8: Pax8Client, run: Any) -> None:
		self._pax8 = pax8
		self._run = run
		self.known = dict(frappe.get_all("Pax8 Product", fields=["name", "vendor"], as_list=True))

	def of(self, subscription: Subscription) -> str | None:
		product = subscription.product_id
		if not product:
			return None
		if product not in self.known:
			self.known[product] = self._read(product, subscription.product_name)
		return self.known[product]

	def _read(self, product: str, name: str | None) -> str | None:
		if not self.known and self._run is not None:
			# The first sync of all: the catalogue costs a call per 200 products, one by one a call each.
			self.known.update(products.take_list(self._pax8, self._run))
			if product in self.known:
				return self.known[product]
		try:
			return products.store_one(self._pax8.product(product))
		except NotFound:
			# Pax8 has stopped listing it; the subscription lives on, and its rules hold what has no vendor.
			return products.store_placeholder(product, name)
		except (Pax8Error, ValueError) as error:
			if self._run is None:
				raise
			self._run.problem(
				# nosemgrep: frappe-format-string-injection - the format is a literal
				_("Product {0}: {1}").format(product, error)
			)
			return None


def _date(value: datetime | None) -> Any:
	"""The calendar day of a Pax8 date. Times of day in them are midnights of an unknown zone, and say nothing."""
	return value.date() if value else None
