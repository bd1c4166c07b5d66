"""Products, their prices and commitment options.

The list costs a call per 200 products, prices and options two calls per product. So owned, visible and featured
products are priced every day, all others in turn so that each has its prices within a week.
"""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any, NamedTuple

import frappe
from frappe import _
from frappe.utils import create_batch, now_datetime

from msp_licensing.pax8 import Dependencies, NotFound, Pax8Client, Pax8Error, Pricing, Product
from msp_licensing.rules import words
from msp_licensing.rules.categories import guess_category
from msp_licensing.rules.usage_class import classify
from msp_licensing.sync.companies import mark_vanished
from msp_licensing.sync.mirror import Mirror, Row, fingerprint, upsert

DOCTYPE = "Pax8 Product"
PRICE = "Pax8 Product Price"
DAYS_FOR_ALL_PRICES = 7
CONCURRENT_CALLS = 4


def sync(pax8: Pax8Client, run: Any) -> None:
	"""Walks all products, then reads the prices and commitment options that are due today.

	What staff chose (visible, featured, category, billing class) is never written.

	Raises:
		msp_licensing.pax8.Pax8Error: the walk did not come to its end; nothing is concluded from it.
	"""
	mirror = Mirror(DOCTYPE, run)
	for product in pax8.products():
		mirror.add(product.id, row_of(product), _first_choices(product.name, product.vendor_name))
		run.progress(mirror)
	mirror.flush()
	mark_vanished(DOCTYPE, mirror, run, reread=lambda name: _reread(pax8, mirror, name), field="discontinued")
	_sync_prices(pax8, due_for_prices(), run)


def row_of(product: Product) -> Row:
	return {
		"product_name": product.name,
		"vendor": product.vendor_name,
		"sku": product.sku,
		"vendor_sku": product.vendor_sku,
		"short_description": product.short_description,
		"requires_commitment": int(bool(product.requires_commitment)),
		"discontinued": 0,
	}


def store_one(product: Product) -> str | None:
	"""Stores a product met on a subscription before the daily walk has seen it; returns its vendor."""
	row = row_of(product)
	choices = _first_choices(product.name, product.vendor_name)
	upsert(
		DOCTYPE,
		[(product.id, {**row, "pax8_id": product.id, "fingerprint": fingerprint(row), **choices})],
		insert_only=["pax8_id", *choices],
	)
	return product.vendor_name


def store_placeholder(product_id: str, name: str | None) -> None:
	"""Stores what little is known of a product that Pax8 no longer lists but somebody still owns."""
	choices = _first_choices(name, None)
	upsert(
		DOCTYPE,
		[
			(
				product_id,
				{"pax8_id": product_id, "product_name": name or product_id, "discontinued": 1, **choices},
			)
		],
		insert_only=["pax8_id", "product_name", *choices],
	)


def _first_choices(name: str | None, vendor: str | None) -> Row:
	"""What a new product starts with; from then on these belong to staff."""
	return {
		"category": guess_category(name, vendor),
		"visible": 0,
		"featured": 0,
		"usage_class": "Unknown",
		"usage_class_set_by_staff": 0,
	}


def _reread(pax8: Pax8Client, mirror: Mirror, name: str) -> bool:
	try:
		product = pax8.product(name)
	except NotFound:
		return False
	mirror.add(name, row_of(product), _first_choices(product.name, product.vendor_name))
	return True


# --------------------------------------------------------------------------------------------- prices


def due_for_prices() -> list[str]:
	"""Products whose prices are read today: owned, visible and featured ones, and a seventh of all others."""
	owned = set(
		frappe.get_all(
			"Pax8 Subscription", {"vanished": 0, "product": ("is", "set")}, pluck="product", distinct=True
		)
	)
	every_day, others = [], []
	for row in frappe.get_all(
		DOCTYPE,
		filters={"discontinued": 0},
		fields=["name", "visible", "featured"],
		order_by="priced_on asc, name asc",  # never priced ones first
	):
		(every_day if row.visible or row.featured or row.name in owned else others).append(row.name)
	return every_day + others[: -(-len(others) // DAYS_FOR_ALL_PRICES)]


class _Read(NamedTuple):
	name: str
	pricing: list[Pricing]
	dependencies: Dependencies | None
	error: Pax8Error | None


def _sync_prices(pax8: Pax8Client, names: list[str], run: Any) -> None:
	"""Reads prices concurrently, writes them in this thread, a commit per batch.

	A product whose prices cannot be read keeps those it has; the run says so and goes on to the next.
	"""

	def read(name: str) -> _Read:
		try:
			return _Read(name, pax8.pricing(name), pax8.dependencies(name), None)
		except Pax8Error as error:
			return _Read(name, [], None, error)

	currencies = _currencies()
	done = 0
	with ThreadPoolExecutor(CONCURRENT_CALLS) as pool:
		for batch in create_batch(names, 100):
			for result in pool.map(read, batch):
				if result.error and not isinstance(result.error, NotFound):
					run.problem(_("Prices of {0}: {1}").format(result.name, result.error.message))
				elif not result.error:
					store_prices(
						result.name, result.pricing, result.dependencies, currencies.get(result.name)
					)
				done += 1
				run.step(_("Reading prices"), done, len(names))
			frappe.db.commit()  # nosemgrep: batch by batch, so that a killed run keeps what it has


def _currencies() -> dict[str, str]:
	"""Currency by product, where all subscriptions of a product agree: Pax8 names none with its prices."""
	found: dict[str, set[str]] = {}
	for product, currency in frappe.get_all(
		"Pax8 Subscription", fields=["product", "currency"], distinct=True, as_list=True
	):
		if product and currency:
			found.setdefault(product, set()).add(currency)
	return {product: currencies.pop() for product, currencies in found.items() if len(currencies) == 1}


def store_prices(
	name: str, pricing: list[Pricing], dependencies: Dependencies | None, currency: str | None
) -> bool:
	"""Stores the prices and commitment options of a product; returns whether anything was different."""
	product = frappe.db.get_value(
		DOCTYPE,
		name,
		["product_name", "vendor", "usage_class", "usage_class_set_by_staff", "price_fingerprint"],
		as_dict=True,
	)
	rates = [_price_row(plan, rate, currency) for plan in pricing for rate in plan.rates]
	options = [_option(option) for option in (dependencies.commitment_dependencies if dependencies else [])]
	values: Row = {"priced_on": now_datetime()}
	if not product.usage_class_set_by_staff:
		verdict = classify(pricing, product_name=product.product_name, vendor_name=product.vendor)
		values["usage_class"] = str(verdict.usage_class)
		values["usage_class_reasons"] = "\n".join(
			_(sentence.msgid).format(**sentence.values)
			for sentence in (words.usage_sentence(reason) for reason in verdict.reasons)
		)
	print_of_prices = fingerprint({"rates": rates, "options": options, "class": values.get("usage_class")})
	if print_of_prices == product.price_fingerprint:
		frappe.db.set_value(DOCTYPE, name, "priced_on", values["priced_on"], update_modified=False)
		return False
	retail = [row["suggested_retail_price"] for row in rates if row["suggested_retail_price"]]
	upsert(
		DOCTYPE,
		[
			(
				name,
				{
					**values,
					"currency": currency,
					"retail_price_from": min(retail) if retail else Decimal(0),
					"has_retail_price": int(bool(retail)),
					"commitment_options": frappe.as_json(options),
					"price_fingerprint": print_of_prices,
				},
			)
		],
	)
	frappe.db.delete(PRICE, {"parent": name})
	upsert(
		PRICE,
		[
			(
				frappe.generate_hash(length=10),
				{"parent": name, "parenttype": DOCTYPE, "parentfield": "prices", "idx": number, **row},
			)
			for number, row in enumerate(rates, 1)
		],
	)
	frappe.clear_document_cache(DOCTYPE, name)
	return True


def _price_row(plan: Pricing, rate: Any, currency: str | None) -> Row:
	retail, cost = rate.suggested_retail_price, rate.partner_buy_rate
	return {
		"billing_term": plan.billing_term,
		"commitment_term": plan.commitment_term,
		"commitment_months": plan.commitment_term_in_months or 0,
		"price_type": plan.type,
		"unit_of_measurement": plan.unit_of_measurement,
		"charge_type": rate.charge_type,
		"start_quantity": rate.start_quantity_range or 0,
		"end_quantity": rate.end_quantity_range or 0,
		"currency": currency,
		"suggested_retail_price": retail or Decimal(0),
		"has_suggested_retail_price": int(retail is not None),
		"partner_buy_rate": cost or Decimal(0),
		"has_partner_buy_rate": int(cost is not None),
	}


def _option(option: Any) -> Row:
	return {
		"id": option.id,
		"term": option.term,
		"auto_renew": option.auto_renew,
		"renewal_window_days_before_term_end": option.renewal_window_days_before_term_end,
		"renewal_window_days_after_term_end": option.renewal_window_days_after_term_end,
		"allow_quantity_increase": option.allow_for_quantity_increase,
		"allow_quantity_decrease": option.allow_for_quantity_decrease,
		"allow_early_cancellation": option.allow_for_early_cancellation,
		"cancellation_fee_applied": option.cancellation_fee_applied,
	}
