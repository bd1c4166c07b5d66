"""The client's price of a subscription, read from the site; how it is found is in `rules.prices`."""

from collections.abc import Sequence
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
	needed = _needs_rates(row, settings)
	rates = _rates([row.product]).get(row.product, ()) if needed else ()
	known = [quantity for quantity in (before, after) if quantity is not None] or [1]
	return _price(row, rates, settings, (known[0], known[-1]))


def prices_of(wishes: Sequence[tuple[str, str, int, int]]) -> dict[str, ClientPrice | None]:
	"""What clients pay per seat for many changes at once, as `price_of` tells it for one; a few queries for all.

	Args:
		wishes: rows of a key, the Pax8 Subscription, and the quantities before and after.

	Returns:
		The price by key; None: not known.
	"""
	if not wishes:
		return {}
	settings = frappe.get_cached_doc("Licensing Settings")
	names = list({subscription for _key, subscription, _before, _after in wishes})
	rows = {
		row.name: row
		for row in frappe.get_all("Pax8 Subscription", {"name": ("in", names)}, ["name", *_SUBSCRIPTION])
	}
	currencies = set(
		frappe.get_all(
			"Currency",
			{"name": ("in", [row.currency for row in rows.values() if row.currency] or [""])},
			pluck="name",
		)
	)
	rates = _rates(list({r.product for r in rows.values() if r.product and _needs_rates(r, settings)}))
	return {
		key: _price(rows[subscription], rates.get(rows[subscription].product, ()), settings, (before, after))
		if subscription in rows and rows[subscription].currency in currencies
		else None
		for key, subscription, before, after in wishes
	}


def known_prices(settings: Any, currency: str | None) -> tuple[int, int]:
	"""Of how many active subscriptions of clients the price is known in a currency, and how many there are in all.

	Args:
		settings: a Licensing Settings document, saved or not.
	"""
	rows = frappe.get_all(
		"Pax8 Subscription",
		{"client": ("is", "set"), "vanished": 0, "status": "Active"},
		["quantity", *_SUBSCRIPTION],
	)
	# What is billed by usage has no quantity to change.
	by_usage = set(frappe.get_all("Pax8 Product", {"usage_class": "Usage"}, pluck="name"))
	rows = [row for row in rows if row.product not in by_usage]
	rates = _rates(list({row.product for row in rows if row.product and _needs_rates(row, settings)}))
	known = 0
	for row in rows:
		quantity = cint(row.quantity)
		price = _price(row, rates.get(row.product, ()), settings, (quantity, quantity + 1))
		known += bool(price and price.currency == currency)
	return known, len(rows)


def _needs_rates(row: Any, settings: Any) -> bool:
	return not flt(row.client_price) and (settings.client_price_from or PriceFrom.OWN) != PriceFrom.OWN


def _price(row: Any, rates: Sequence[Rate], settings: Any, quantities: tuple[int, int]) -> ClientPrice | None:
	return client_price(
		own=decimal(row.client_price),
		currency=row.currency,
		source=settings.client_price_from or PriceFrom.OWN,
		markup=decimal(settings.client_price_markup),
		partner_cost=decimal(row.partner_cost) if cint(row.has_partner_cost) else None,
		rates=rates,
		billing_term=row.billing_term,
		commitment_term=row.commitment_term,
		quantities=quantities,
	)


def _rates(products: list[str]) -> dict[str, list[Rate]]:
	"""The rates of products, by product."""
	found: dict[str, list[Rate]] = {}
	if not products:
		return found
	rows = frappe.get_all(
		"Pax8 Product Price",
		{"parent": ("in", products), "parenttype": "Pax8 Product"},
		["parent", *_RATE],
		order_by="parent asc, idx asc",
	)
	for row in rows:
		found.setdefault(row.parent, []).append(
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
		)
	return found


def decimal(value: Any) -> Decimal:
	"""A number as a Float or Currency field holds it, to four decimals."""
	return Decimal(str(flt(value, 4)))
