"""Prices and commitment options of products: two calls a product, since Pax8 has no list of them.

So owned, visible and featured products are read every day, all others in turn so that each has its prices within a
week.
"""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any, NamedTuple

import frappe
from frappe import _
from frappe.utils import create_batch

from msp_licensing import clock
from msp_licensing.changes import price_drift
from msp_licensing.pax8 import Dependencies, NotFound, Pax8Client, Pax8Error, Pricing, Rate
from msp_licensing.sync import usage_class
from msp_licensing.sync.mirror import Row, fingerprint, fitting, upsert

DOCTYPE = "Pax8 Product"
PRICE = "Pax8 Product Price"
DAYS_FOR_ALL = 7
BATCH = 100

# At 1000 calls a minute, enough for answers that take half a second.
CONCURRENT_PRODUCTS = 8

# After so many failures one after the other it is Pax8 that has trouble, and not a product.
FAILURES_IN_A_ROW = 20


def due() -> list[str]:
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
	return every_day + others[: -(-len(others) // DAYS_FOR_ALL)]


class _Read(NamedTuple):
	name: str
	pricing: list[Pricing]
	dependencies: Dependencies | None
	error: Pax8Error | None


def sync(pax8: Pax8Client, run: Any) -> None:
	"""Reads what is due concurrently, writes it in this thread, a commit per batch.

	A product whose prices cannot be read keeps those it has; the run says so and goes on to the next.

	Raises:
		msp_licensing.pax8.Pax8Error: one product after the other could not be read.
	"""

	def read(name: str) -> _Read:
		try:
			return _Read(name, pax8.pricing(name), pax8.dependencies(name), None)
		except Pax8Error as error:
			return _Read(name, [], None, error)

	names = due()
	currencies = _currencies()
	fit = fitting(PRICE)
	label = _("Reading prices")
	done = failures = 0
	with ThreadPoolExecutor(CONCURRENT_PRODUCTS) as pool:
		for batch in create_batch(names, BATCH):
			good = []
			for result in pool.map(read, batch):
				done += 1
				run.step(label, done, len(names))
				if not result.error:
					failures = 0
					good.append(result)
				elif not isinstance(result.error, NotFound):
					failures += 1
					run.problem(_("Prices of {0}: {1}").format(result.name, result.error.message))
					if failures >= FAILURES_IN_A_ROW:
						_store(good, currencies, fit, run)
						raise result.error
			_store(good, currencies, fit, run)


def _currencies() -> dict[str, str]:
	"""Currency by product, where all subscriptions of a product agree: Pax8 names none with its prices."""
	found: dict[str, set[str]] = {}
	for product, currency in frappe.get_all(
		"Pax8 Subscription", fields=["product", "currency"], distinct=True, as_list=True
	):
		if product and currency:
			found.setdefault(product, set()).add(currency)
	return {product: currencies.pop() for product, currencies in found.items() if len(currencies) == 1}


def _store(results: list[_Read], currencies: dict[str, str], fit: Callable[[Row], Row], run: Any) -> None:
	"""Stores the prices and commitment options of a batch of products, in one transaction.

	A batch in which something changes is written in a few statements, one in which nothing does in a single one.
	"""
	if not results:
		return
	run.confirm()
	products = _locked([result.name for result in results])
	now = clock.site_now()
	changed: list[tuple[str, Row]] = []
	rates: list[tuple[str, Row]] = []
	for result in results:
		if not (product := products.get(result.name)):
			continue
		try:
			row, prices = _rows(result, currencies.get(result.name), fit)
		except ValueError as error:
			run.refuse_row(result.name, error)
			continue
		if row["price_fingerprint"] != product.price_fingerprint:
			changed.append((result.name, {**row, "priced_on": now}))
			rates += prices
	if changed:
		names = [name for name, _row in changed]
		upsert(DOCTYPE, changed)
		frappe.db.delete(PRICE, {"parent": ("in", names)})
		upsert(PRICE, rates)
		usage_class.update(names)
		price_drift.notice(products=names)
	if same := tuple(products.keys() - dict(changed).keys()):
		frappe.db.sql("update `tabPax8 Product` set priced_on = %s where name in %s", (now, same))
	frappe.db.commit()  # nosemgrep: frappe-manual-commit - batch by batch, so that a killed run keeps what it has
	# One call of Redis for all: two for each, as `clear_document_cache` makes, take a third of the whole.
	frappe.cache.delete_value([frappe.get_document_cache_key(DOCTYPE, name) for name, _row in changed])


def _locked(names: list[str]) -> dict[str, Any]:
	"""The products as they are, locked: to save one, as staff may do at this moment, is to write its prices again."""
	rows = frappe.db.sql(
		"""select name, price_fingerprint from `tabPax8 Product` where name in %s order by name for update""",
		(tuple(names),),
		as_dict=True,
	)
	return {row.name: row for row in rows}


def _rows(
	result: _Read, currency: str | None, fit: Callable[[Row], Row]
) -> tuple[Row, list[tuple[str, Row]]]:
	"""The columns of a product that follow from its prices, and the rows of its prices."""
	prices = [_price_row(plan, rate, currency) for plan in result.pricing for rate in plan.rates]
	options = [
		_option(o) for o in (result.dependencies.commitment_dependencies if result.dependencies else [])
	]
	retail = [row["suggested_retail_price"] for row in prices if row["suggested_retail_price"]]
	row: Row = {
		"currency": currency,
		"retail_price_from": min(retail) if retail else Decimal(0),
		"has_retail_price": int(bool(retail)),
		# Without line breaks, which would be made by the slow encoder.
		"commitment_options": json.dumps(options, default=str),
	}
	row["price_fingerprint"] = fingerprint({"rates": prices, "options": options})
	parent = {"parent": result.name, "parenttype": DOCTYPE, "parentfield": "prices"}
	return row, [
		(frappe.generate_hash(length=10), {**parent, "idx": number, **fit(price)})
		for number, price in enumerate(prices, 1)
	]


def _price_row(plan: Pricing, rate: Rate, currency: str | None) -> Row:
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
