"""Reads what the preview shows from Pax8 into memory: companies, and of a chosen one its subscriptions and products."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from msp_licensing.pax8 import (
	Company,
	Dependencies,
	NotFound,
	Pax8Client,
	Pricing,
	ProductDetail,
	Subscription,
	UsageSummary,
)
from msp_licensing.rules.commitments import TERM_MONTHS
from msp_licensing.rules.policy import SubscriptionFacts
from msp_licensing.rules.usage_class import UsageClass, classify

_CONCURRENT_PRODUCTS = 4


@dataclass(frozen=True, slots=True)
class Item:
	"""One subscription: `row` as the portal's serializer takes it, `facts` as the rules take them.

	`usage`: this month's charges of its resource groups, at the price for clients; empty where it is sold by the seat.
	"""

	row: dict[str, Any]
	facts: SubscriptionFacts
	usage: tuple[UsageSummary, ...] = ()


class UnknownCompany(LookupError):
	"""There is no company of this id."""


class Source:
	"""The data of one Pax8 account, read when it is first needed and kept until `forget`. Safe for several threads.

	Args:
		pax8: a client that may not write.
	"""

	def __init__(self, pax8: Pax8Client) -> None:
		if pax8.writes_allowed:
			raise ValueError("the preview takes a client that cannot write")
		self._pax8 = pax8
		self._guard = threading.Lock()
		self._companies: list[Company] | None = None
		self._items: dict[str, list[Item]] = {}

	def forget(self) -> None:
		"""Read everything afresh from now on."""
		with self._guard:
			self._companies, self._items = None, {}

	def companies(self) -> list[Company]:
		"""All companies, in Pax8's order.

		Raises:
			msp_licensing.pax8.Pax8Error: they could not be read completely.
		"""
		with self._guard:
			if self._companies is None:
				self._companies = list(self._pax8.companies())
			return self._companies

	def company(self, company_id: str) -> Company:
		"""One company; the first one for a blank id. Raises UnknownCompany, or any Pax8Error."""
		for company in self.companies():
			if not company_id or company.id == company_id:
				return company
		raise UnknownCompany(company_id)

	def items(self, company_id: str) -> list[Item]:
		"""The subscriptions of a company, by product name. Raises Pax8Error."""
		self.company(company_id)
		with self._guard:
			if company_id not in self._items:
				self._items[company_id] = self._read(company_id)
			return self._items[company_id]

	def _read(self, company_id: str) -> list[Item]:
		subscriptions = list(self._pax8.subscriptions(company_id=company_id))
		ids = sorted({item.product_id for item in subscriptions if item.product_id})
		with ThreadPoolExecutor(_CONCURRENT_PRODUCTS) as pool:
			products = dict(zip(ids, pool.map(self._product, ids), strict=True))
		items = [
			self._with_usage(_item(subscription, products.get(subscription.product_id or "")))
			for subscription in subscriptions
		]
		return sorted(
			items, key=lambda item: (str(item.row["product_name"] or "").casefold(), item.row["name"])
		)

	def _with_usage(self, item: Item) -> Item:
		if item.facts.usage_class != UsageClass.USAGE:
			return item
		try:
			return replace(item, usage=tuple(self._pax8.usage_summaries(item.row["name"])))
		except NotFound:
			return item

	def _product(self, product_id: str) -> _Product:
		"""A product as far as Pax8 still lists it."""
		try:
			product = self._pax8.product(product_id)
		except NotFound:
			return _Product(None, [], None)
		try:
			return _Product(product, self._pax8.pricing(product_id), self._pax8.dependencies(product_id))
		except NotFound:
			return _Product(product, [], None)


@dataclass(frozen=True, slots=True)
class _Product:
	product: ProductDetail | None
	pricing: list[Pricing]
	dependencies: Dependencies | None


def _item(subscription: Subscription, known: _Product | None) -> Item:
	product = known.product if known else None
	name = subscription.product_name or (product.name if product else None) or subscription.product_id
	vendor = product.vendor_name if product else None
	commitment = subscription.commitment_term
	option = known.dependencies.option_for(commitment) if known and known.dependencies else None
	usage = classify(
		known.pricing if known else None,
		product_name=name,
		vendor_name=vendor,
		sku=product.sku if product else None,
	).usage_class
	row = {
		"name": subscription.id,
		"product_name": name,
		"vendor": vendor,
		"quantity": subscription.quantity,
		"status": subscription.status,
		"billing_term": subscription.billing_term,
		"start_date": _day(subscription.start_date),
		"end_date": _day(subscription.end_date),
		"commitment_term": commitment.term if commitment else None,
		"commitment_end": _day(commitment.end_date) if commitment else None,
	}
	facts = SubscriptionFacts(
		status=subscription.status,
		quantity=subscription.quantity,  # type: ignore[arg-type]  # a fraction counts as not known
		vendor=vendor,
		usage_class=str(usage),
		start_date=row["start_date"],
		end_date=row["end_date"],
		commitment_end=row["commitment_end"],
		has_commitment=bool(commitment and (commitment.id or commitment.term)),
		decrease_allowed_in_commitment=option.allow_for_quantity_decrease if option else None,
		increase_allowed_in_commitment=option.allow_for_quantity_increase if option else None,
		commitment_months=TERM_MONTHS.get(row["commitment_term"] or ""),
		renewal_days_before=_whole(option.renewal_window_days_before_term_end) if option else None,
		renewal_days_after=_whole(option.renewal_window_days_after_term_end) if option else None,
		renews=option.auto_renew if option else None,
	)
	return Item(row, facts)


def _day(value: datetime | None) -> date | None:
	return value.date() if value else None


def _whole(days: object) -> int | None:
	return days if isinstance(days, int) else None
