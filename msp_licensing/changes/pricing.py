"""The client's price of a subscription, read from the site; how it is found is in `rules.prices`."""

from decimal import Decimal
from typing import Any

import frappe
from frappe.utils import cint, flt

from msp_licensing.rules.prices import ClientPrice, PriceFrom, Rate, client_price

_SUBSCRIPTION = (
	"client_price",
	"currency",
	"partner_cost",
	"has_partner_cost",
	"product",
	"billing_term",
	"commitment_term",
)
_RATE = (
	"billing_term",
	"commitment_term",
	"price_type",
	"charge_type",
	"start_quantity",
	"end_quantity",
	"currency",
	"suggested_retail_price",
	"has_suggested_retail_price",
	"partner_buy_rate",
	"has_partner_buy_rate",
)


def price_of(
	subscription: str, before: int | None, after: int | None, *, settings: Any = None
) -> ClientPrice | None:
	"""What the client pays per seat of a Pax8 Subscription, for a change between two quantities; None: not known.

	Args:
		settings: a Licensing Settings document, saved or not; None: the site's.
	"""
	row = frappe.db.get_value("Pax8 Subscription", subscription, list(_SUBSCRIPTION), as_dict=True)
	# A currency that Frappe does not know can be neither stored nor compared.
	if not row or not row.currency or not frappe.db.exists("Currency", row.currency):
		return None
	settings = settings or frappe.get_cached_doc("Licensing Settings")
	source = settings.client_price_from or PriceFrom.OWN
	known = [quantity for quantity in (before, after) if quantity is not None] or [1]
	return client_price(
		own=decimal(row.client_price),
		currency=row.currency,
		source=source,
		markup=decimal(settings.client_price_markup),
		partner_cost=decimal(row.partner_cost) if cint(row.has_partner_cost) else None,
		rates=() if source == PriceFrom.OWN or flt(row.client_price) else _rates(row.product),
		billing_term=row.billing_term,
		commitment_term=row.commitment_term,
		quantities=(known[0], known[-1]),
	)


def _rates(product: str | None) -> list[Rate]:
	if not product:
		return []
	rows = frappe.get_all(
		"Pax8 Product Price",
		{"parent": product, "parenttype": "Pax8 Product"},
		list(_RATE),
		order_by="idx asc",
	)
	return [
		Rate(
			billing_term=row.billing_term,
			commitment_term=row.commitment_term,
			type=row.price_type,
			charge=row.charge_type,
			start=cint(row.start_quantity),
			end=cint(row.end_quantity),
			retail=decimal(row.suggested_retail_price) if row.has_suggested_retail_price else None,
			cost=decimal(row.partner_buy_rate) if row.has_partner_buy_rate else None,
			currency=row.currency,
		)
		for row in rows
	]


def decimal(value: Any) -> Decimal:
	"""A number as a Float or Currency field holds it, to four decimals."""
	return Decimal(str(flt(value, 4)))
