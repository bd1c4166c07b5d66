"""Which subscriptions have their usage read."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any, NamedTuple

import frappe
from frappe import _

from msp_licensing.pax8 import Forbidden, NotFound, Pax8Client, Refused, Subscription
from msp_licensing.rules.usage_class import UsageClass
from msp_licensing.sync import own_companies

GROUP, PRODUCT, SUBSCRIPTION = "Pax8 Resource Group", "Pax8 Product", "Pax8 Subscription"

# Marks a product that is billed in arrears.
ARREARS_SKU = "-ARR-"


class Scoped(NamedTuple):
	"""A subscription whose usage is read.

	Attributes:
		id: Pax8's id.
		stored: whether there is a Pax8 Subscription. Those of the partner's own companies are not kept.
	"""

	id: str
	product: str | None
	product_name: str | None
	vendor: str | None
	stored: bool


class Products:
	"""The products of the site, and which of them are billed by usage. Read once for a run."""

	def __init__(self) -> None:
		self._rows = {
			row.name: row
			for row in frappe.get_all(
				PRODUCT,
				fields=[
					*("name", "product_name", "vendor", "sku", "vendor_sku"),
					*("usage_class", "usage_class_set_by_staff"),
				],
			)
		}
		self._with_usage = set(
			frappe.get_all(GROUP, {"product": ("is", "set")}, pluck="product", distinct=True)
		)

		self.grown: set[str] = set()

	def first_seen(self, products: set[str]) -> set[str]:
		"""Those of some products with new groups that had none before."""
		return products - self._with_usage

	def saw(self, products: set[str]) -> None:
		"""Notes products with new groups once these are stored; `grown` has all of them."""
		self.grown |= products
		self._with_usage |= products

	def get(self, product: str | None) -> Any:
		"""A product's row; None where the site has no such product."""
		return self._rows.get(product or "")

	def is_usage(self, product: str | None, billing_term: str | None) -> bool:
		"""Whether usage of a product is read: it is billed by usage, or something speaks for that.

		A person's choice of "Seat" outranks all evidence; one that was only derived from prices does not.
		"""
		row = self.get(product)
		if row and row.usage_class == UsageClass.USAGE:
			return True
		if row and row.usage_class == UsageClass.SEAT and row.usage_class_set_by_staff:
			return False
		return (
			product in self._with_usage
			or billing_term == "Arrears"
			or any(ARREARS_SKU in (row.get(field) or "").upper() for field in ("sku", "vendor_sku") if row)
		)

	def may_be_usage(self, product: str | None, billing_term: str | None) -> bool:
		"""The same for the partner's own companies: all is read there that is not known to be sold by the seat.

		Nobody else owns such a product, perhaps, so its prices may not have been read yet; and usage that is assigned to
		nobody is found nowhere else.
		"""
		row = self.get(product)
		return not row or row.usage_class != UsageClass.SEAT or self.is_usage(product, billing_term)


def subscriptions_to_read(pax8: Pax8Client, run: Any, products: Products, since: date) -> list[Scoped]:
	"""All subscriptions whose usage is to be read, each once: those of mapped companies, then the partner's own.

	Args:
		since: first day of the oldest month that Pax8 may still show; what ended before it has no usage to read.

	Raises:
		msp_licensing.pax8.Pax8Error: the subscriptions of an own company could not be listed.
	"""
	found = {one.id: one for one in _stored(products, since)}
	for company in own_companies.known_ids():
		for remote in _listed(pax8, run, company):
			end = remote.end_date.date() if remote.end_date else None
			if (
				remote.id not in found
				and _may_have_usage(end, since)
				and products.may_be_usage(remote.product_id, remote.billing_term)
			):
				found[remote.id] = of_own_company(remote, products)
	return list(found.values())


def of_company(company: str, products: Products, since: date) -> list[Scoped]:
	"""The subscriptions of a mapped company whose usage is to be read; arguments as in `subscriptions_to_read`."""
	return list(_stored(products, since, pax8_company=company))


def _stored(products: Products, since: date, **filters: str) -> Iterable[Scoped]:
	for row in frappe.get_all(
		SUBSCRIPTION,
		filters={"vanished": 0, **filters},
		fields=["name", "product", "product_name", "vendor", "billing_term", "end_date"],
		order_by="name",
	):
		if _may_have_usage(row.end_date, since) and products.is_usage(row.product, row.billing_term):
			yield Scoped(row.name, row.product, row.product_name, row.vendor, True)


def of_own_company(remote: Subscription, products: Products) -> Scoped:
	"""A subscription of one of the partner's own companies, as Pax8 just told it."""
	product = products.get(remote.product_id)
	name = remote.product_name or (product.product_name if product else None)
	return Scoped(remote.id, remote.product_id, name, product.vendor if product else None, False)


def _listed(pax8: Pax8Client, run: Any, company: str) -> Iterable[Subscription]:
	"""The subscriptions of an own company. One that Pax8 does not know is noted, and the others are read."""
	try:
		return list(
			pax8.subscriptions(
				company_id=company, on_unreadable=lambda error: run.refuse_row(error.record_id, error)
			)
		)
	except (Forbidden, NotFound, Refused) as error:
		# nosemgrep: frappe-format-string-injection - the format is a literal
		run.problem(_("Subscriptions of your own company {0}: {1}").format(company, error.message))
		return []


def _may_have_usage(end: date | None, since: date) -> bool:
	# An end at midnight may be that of either day.
	return end is None or end >= since - timedelta(days=1)
