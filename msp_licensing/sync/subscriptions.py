"""Subscriptions of mapped companies. Those of unmapped companies are counted, and not copied."""

from collections import Counter
from typing import Any

import frappe
from frappe import _

from msp_licensing.pax8 import BadAnswer, NotFound, Pax8Client, Subscription
from msp_licensing.sync import products
from msp_licensing.sync.companies import mark_vanished
from msp_licensing.sync.mirror import Mirror, Row, fingerprint, site_datetime, upsert

DOCTYPE = "Pax8 Subscription"


def sync(pax8: Pax8Client, run: Any, *, company: str | None = None) -> None:
	"""Walks all subscriptions, or those of one company that has just been mapped.

	Raises:
		msp_licensing.pax8.Pax8Error: the walk did not come to its end; nothing is concluded from it.
	"""
	mapped = _mapped_companies()
	mirror = Mirror(DOCTYPE, run)
	vendors = _Vendors(pax8, run)
	unmapped: Counter[str] = Counter()
	for subscription in pax8.subscriptions(company_id=company):
		if subscription.company_id not in mapped:
			unmapped[subscription.company_id or ""] += 1
			mirror.seen.add(subscription.id)
			run.rows_unmapped += 1
			continue
		try:
			row = row_of(subscription, vendors.of(subscription))
		except ValueError as error:
			mirror.seen.add(subscription.id)
			run.refuse_row(subscription.id, error)
			continue
		client_doctype, client = mapped[subscription.company_id]
		mirror.add(subscription.id, row, {"client_doctype": client_doctype, "client": client})
		run.progress(mirror)
	mirror.flush()
	if company is None:
		_count_unmapped(unmapped, mapped)
		mark_vanished(DOCTYPE, mirror, run, reread=lambda name: _reread(pax8, mirror, vendors, name))
	elif company in mapped:
		frappe.db.set_value("Pax8 Company", company, "unsynced_subscriptions", 0, update_modified=False)
	own_as_mapped()
	frappe.db.commit()  # nosemgrep: end of the walk


def row_of(subscription: Subscription, vendor: str | None) -> Row:
	"""The mirrored columns of a subscription.

	Raises:
		ValueError: the quantity is not a whole number; nothing in this app could show or change it rightly.
	"""
	quantity = subscription.quantity
	if quantity is None or quantity != int(quantity):
		raise ValueError(f"quantity {quantity} is not a whole number")
	commitment = subscription.commitment_term
	return {
		"company": subscription.company_id,
		"product": subscription.product_id,
		"product_name": subscription.product_name
		or frappe.db.get_value("Pax8 Product", subscription.product_id, "product_name")
		or subscription.product_id,
		"vendor": vendor,
		"quantity": int(quantity),
		"status": subscription.status,
		"vanished": 0,
		"parent_subscription": subscription.parent_subscription_id,
		"billing_term": subscription.billing_term,
		"start_date": _date(subscription.start_date),
		"end_date": _date(subscription.end_date),
		"billing_start": _date(subscription.billing_start),
		"commitment_term_id": commitment.id if commitment else None,
		"commitment_term": commitment.term if commitment else None,
		"commitment_end": _date(commitment.end_date) if commitment else None,
		"currency": subscription.currency_code,
		"price": subscription.price or 0,
		"has_price": int(subscription.price is not None),
		"partner_cost": subscription.partner_cost or 0,
		"has_partner_cost": int(subscription.partner_cost is not None),
		"pax8_created_on": site_datetime(subscription.created_date),
		"pax8_updated_on": site_datetime(subscription.updated_date),
	}


# Returned by Pax8 in the answer for one subscription, perhaps not in lists: a list must not blank them.
DETAIL_ONLY = {"vendor_subscription_id": "vendor_subscription_id", "vendor_sku_id": "vendor_sku_id"}


def store_one(subscription: Subscription) -> None:
	"""Stores what a read of one subscription just told; the caller commits. Unknown ones are left to the sync.

	Raises:
		msp_licensing.pax8.BadAnswer: the quantity is not a whole number.
	"""
	known = frappe.db.get_value(DOCTYPE, subscription.id, ["fingerprint", "vendor"], as_dict=True)
	if not known:
		return
	try:
		row = row_of(subscription, known.vendor)
	except ValueError as error:
		raise BadAnswer(_("Subscription {0} cannot be used: {1}").format(subscription.id, error)) from error
	details = {
		column: getattr(subscription, attribute)
		for column, attribute in DETAIL_ONLY.items()
		if getattr(subscription, attribute)
	}
	if known.fingerprint != (new := fingerprint(row)) or details:
		upsert(
			DOCTYPE, [(subscription.id, {**row, **details, "pax8_id": subscription.id, "fingerprint": new})]
		)
		frappe.clear_document_cache(DOCTYPE, subscription.id)


def own_as_mapped() -> None:
	"""Gives every subscription the client of its company, in one statement.

	Run after every walk as well as after a change of mapping: the mapping may change while a walk is under way, and
	a subscription must never stay with a client that its company does not belong to.
	"""
	frappe.db.sql(
		"""update `tabPax8 Subscription` s join `tabPax8 Company` c on s.company = c.name
		set s.client_doctype = c.client_doctype, s.client = c.client
		where not (s.client_doctype <=> c.client_doctype and s.client <=> c.client)"""
	)


def _mapped_companies() -> dict[str, tuple[str, str]]:
	return {
		row.name: (row.client_doctype, row.client)
		for row in frappe.get_all("Pax8 Company", fields=["name", "client_doctype", "client"])
		if row.client and row.client_doctype
	}


def _reread(pax8: Pax8Client, mirror: Mirror, vendors: "_Vendors", name: str) -> bool:
	try:
		subscription = pax8.subscription(name)
	except NotFound:
		return False
	mirror.add(name, row_of(subscription, vendors.of(subscription)))
	return True


def _count_unmapped(unmapped: Counter[str], mapped: dict[str, Any]) -> None:
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
		self._known = dict(frappe.get_all("Pax8 Product", fields=["name", "vendor"], as_list=True))

	def of(self, subscription: Subscription) -> str | None:
		product = subscription.product_id
		if not product:
			return None
		if product not in self._known:
			try:
				self._known[product] = products.store_one(self._pax8.product(product))
			except NotFound:
				# Pax8 has stopped listing it; the subscription lives on, and its rules hold what has no vendor.
				self._known[product] = products.store_placeholder(product, subscription.product_name)
		return self._known[product]


def _date(value: Any) -> Any:
	"""The calendar day of a Pax8 date. Times of day in them are midnights of an unknown zone, and say nothing."""
	return value.date() if hasattr(value, "date") else value
