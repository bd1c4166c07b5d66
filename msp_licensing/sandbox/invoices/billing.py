"""What subscriptions cost in a month: charges in advance, prorated changes, one-time charges, usage in arrears.

Pax8 documents which kinds of items there are, not how it computes them. Here:

* Monthly subscriptions are charged for the month ahead, by the quantity at its first moment. What began, changed
  or ended within the month before is prorated by the day, from its day to that month's end; a decrease is
  negative.
* Longer terms are charged whole on the first invoice after each period began, and changes within are prorated to
  the period's end. An end before it gives nothing back.
* Start and end decide, not the status, as Pax8's guide says; trials cost nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING

from msp_licensing.sandbox import storybook
from msp_licensing.sandbox.dates import add_months
from msp_licensing.sandbox.draws import Draws
from msp_licensing.sandbox.invoices.items import Article, Item, Payer, cents, exact, prorated
from msp_licensing.sandbox.model import CURRENCY_FACTORS, Company, Plan, Product, Subscription, money
from msp_licensing.sandbox.usage.groups import Group, is_usage

if TYPE_CHECKING:
	from msp_licensing.sandbox.world import World

_NAMESPACE = uuid.UUID("4f0f1e1c-6b0e-4f2c-9b63-5f1d2f4a8c77")
_PERIODS = {"Annual": 12, "2-Year": 24, "3-Year": 36}
# Invoices spell some terms otherwise than subscriptions do.
_TERMS = {"2-Year": "2 Year", "3-Year": "3 Year"}
_RATE_KINDS = {"Flat": "single", "Volume": "volume", "Tiered": "tiered", "Mark-Up": "markup"}
_TAX_RATES = {"USD": "0.0725", "CAD": "0.05", "GBP": "0.2", "EUR": "0.19", "AUD": "0.1"}
_FEE_RATE = Decimal("0.02")
_NOTHING = Decimal(0)
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Change:
	"""A subscription's states around a moment at which its quantity changed."""

	day: date
	before: Subscription
	after: Subscription


class Month:
	"""The charges of one month's invoices, `first` being its first day."""

	def __init__(self, world: World, first: date, groups: dict[str, list[Group]] | None = None) -> None:
		"""`groups` keeps the resource groups made up for one month for the next."""
		self.world = world
		self._groups = groups
		self.first = first
		self.next = add_months(first, 1)
		self.before = add_months(first, -1)
		self._days_before = (first - self.before).days
		self._opens = datetime.combine(self.before, time(), timezone.utc)
		self._closes = datetime.combine(first, time(), timezone.utc)
		self._payers: dict[str, Payer] = {}
		self._articles: dict[tuple[str, str, str, str | None], tuple[Article, Plan | None]] = {}
		self._usage = {product.id for product in world.products.order if is_usage(product)}

	def charges(self, subscriptions: Iterable[Subscription]) -> Iterator[Item]:
		"""What `subscriptions` are charged, usage in arrears apart."""
		for subscription in subscriptions:
			if self._is_plain(subscription):
				yield self._item(
					"subscription", subscription, "Monthly", self.first, self.next, subscription.quantity
				)
			elif subscription.created < self._closes:
				yield from self._charge(subscription)

	def _is_plain(self, subscription: Subscription) -> bool:
		"""Whether nothing happened to a monthly subscription in the month before: most, and quickly said."""
		updated = subscription.updated
		return (
			subscription.billing_term == "Monthly"
			and subscription.end is None
			and subscription.created < self._opens
			and (updated is None or updated < self._opens)
			and subscription.billing_start <= self.before
			and subscription.start < self._opens
			and subscription.product_id not in self._usage
		)

	def arrears(self) -> Iterator[Item]:
		"""Usage of the month before by resource group: what it came to after the vendors' last posts.

		What nobody is linked to is the partner's own. Trials are not charged.
		"""
		for subscription in self.world.usage.candidates():
			for group, charges, partner in self.world.usage.finals(subscription, self.before, self._groups):
				if group.trial or not (charges or partner):
					continue
				yield Item(
					"subscription",
					self.payer(group.company_id),
					self._article(subscription, " - Arrears Charge"),
					subscription.id,
					"Arrears",
					self.before,
					self.first,
					1,
					charges,
					cents(partner),
					group.currency,
					f"Resource group: {group.name}",
				)

	def extras(self, currency: str) -> Iterator[Item]:
		"""What belongs to no subscription: migrations, rebates, credits and services, some in each month."""
		draws = Draws(self.world.seed, "extras", self.first, currency)
		companies = [
			company
			for company in self.world.companies.order
			if company.currency == currency and company.id != storybook.NORTHWIND_PARTNER
		]
		partner = self.payer(None)
		for _ in range(min(3, len(companies) // 4)):
			company = draws.choice(companies)
			yield self._extra(
				"one-time", self.payer(company.id), currency, "One-time", *_MIGRATION, draws.between(3, 40)
			)
		yield self._extra("rebate", partner, currency, "Rebate", *_REBATE, -draws.between(2, 90))
		if companies and draws.one_in(2):
			credited = self.payer(draws.choice(companies).id)
			yield self._extra(
				"service-credit", credited, currency, "One-Time", *_CREDIT, -draws.between(1, 3)
			)
		if draws.one_in(3):
			yield self._extra("service-charge", partner, currency, "One-Time", *_SERVICE, draws.between(1, 4))
		if draws.one_in(3):
			yield self._extra(
				"payment-credit", partner, currency, "One-Time", *_PAYMENT, -draws.between(1, 9)
			)

	def payer(self, company_id: str | None) -> Payer:
		"""The company as it is now; the partner itself for None or one that is not there."""
		company = self.world.companies.rows.get(company_id or "")
		if company is None:
			company = self.world.companies.rows.get(storybook.NORTHWIND_PARTNER)
		key = company.id if company else ""
		if key not in self._payers:
			self._payers[key] = _payer(company)
		return self._payers[key]

	def _extra(
		self,
		kind: str,
		payer: Payer,
		currency: str,
		term: str,
		name: str,
		vendor: str | None,
		price: str,
		cost: str,
		quantity: int,
	) -> Item:
		factor = exact(CURRENCY_FACTORS.get(currency, 1.0))
		product_id = str(uuid.uuid5(_NAMESPACE, name)) if vendor else None
		article = Article(product_id, name, f"PAX-{name[:3].upper()}", vendor, "Each", "flat")
		return Item(
			kind,
			payer,
			article,
			None,
			term,
			self.before,
			self.first,
			quantity,
			cents(Decimal(price) * factor),
			cents(Decimal(cost) * factor),
			currency,
		)

	def _charge(self, subscription: Subscription) -> Iterator[Item]:
		begin = max(subscription.billing_start, subscription.start.date())
		end = _day_after(subscription.end)
		if begin > self.first or (end is not None and end <= max(begin, self.before)):
			return
		if subscription.product_id in self._usage:
			return
		if subscription.billing_term == "Monthly":
			yield from self._monthly(subscription, begin, end)
		elif subscription.billing_term in _PERIODS:
			yield from self._by_period(subscription, begin, end)
		elif self.before <= begin < self.first:
			if subscription.billing_term == "Trial":
				state = self._state(subscription, begin)
				yield self._item("subscription", state, "Trial", begin, self.first, state.quantity)
			else:
				# Both spellings are in the spec's enum.
				once = "One-Time" if subscription.id[-1] in "02468ace" else "One-time"
				term = "Activation" if subscription.billing_term == "Activation" else once
				state = self._state(subscription, begin)
				yield self._item("one-time", state, term, begin, begin + _ONE_DAY, state.quantity)

	def _monthly(self, subscription: Subscription, begin: date, end: date | None) -> Iterator[Item]:
		if end is None or end > self.first:
			state = self._state(subscription, self.first)
			yield self._item("subscription", state, "Monthly", self.first, self.next, state.quantity)
		late = begin <= self.before and subscription.created >= self._opens
		if self.before < begin < self.first or late:
			since = max(begin, self.before)
			state = self._state(subscription, begin)
			yield self._part(state, since, self.first, state.quantity, self._days_before)
		for change in self._changes(subscription, begin, end):
			more = change.after.quantity - change.before.quantity
			yield self._part(change.after, change.day, self.first, more, self._days_before)
		if end is not None and self.before < end < self.first:
			state = self._state(subscription, end)
			yield self._part(state, end, self.first, -state.quantity, self._days_before)

	def _by_period(self, subscription: Subscription, begin: date, end: date | None) -> Iterator[Item]:
		months = _PERIODS[subscription.billing_term]
		term = _TERMS.get(subscription.billing_term, subscription.billing_term)
		passed = (self.before.year - begin.year) * 12 + self.before.month - begin.month
		changed = subscription.updated is not None and subscription.updated >= self._opens
		if passed > 0 and passed % months and not changed and subscription.created < self._opens:
			return  # in the midst of a period, as most are
		start = add_months(begin, max(0, passed // months) * months)
		until = add_months(start, months)
		late = start < self.before and subscription.created >= self._opens
		if (self.before <= start < self.first or late) and (end is None or end > start):
			state = self._state(subscription, start)
			yield self._item("subscription", state, term, start, until, state.quantity)
		for change in self._changes(subscription, begin, end):
			if start <= change.day < until:
				more = change.after.quantity - change.before.quantity
				yield self._part(change.after, change.day, until, more, (until - start).days)

	def _changes(self, subscription: Subscription, begin: date, end: date | None) -> Iterator[_Change]:
		"""The changes of quantity within the month before, after `begin` and before `end`."""
		if subscription.updated is None or subscription.updated < self._opens:
			return
		states = subscription.history()
		for after, before in reversed(list(pairwise(states))):
			moment = after.updated
			if moment is None or after.quantity == before.quantity:
				continue
			day = moment.date()
			if not self._opens <= moment < self._closes or (end is not None and day >= end):
				continue
			# On its first day the quantity charged is already that of the day's end; and as long as one amount
			# holds for a range of quantities, a change within it costs nothing.
			if day > begin and not self._article(after).flat:
				yield _Change(day, before, after)

	def _state(self, subscription: Subscription, day: date) -> Subscription:
		"""The subscription as it was at the first moment of `day`, or at the end of the day it began on."""
		if subscription.updated is None:
			return subscription
		began = max(subscription.billing_start, subscription.start.date())
		moment = datetime.combine(day + _ONE_DAY if day == began else day, time(), timezone.utc)
		if subscription.updated < moment:
			return subscription
		states = subscription.history()
		return next(
			(state for state in states if state.updated is None or state.updated < moment), states[-1]
		)

	def _part(self, state: Subscription, start: date, end: date, quantity: int, of_days: int) -> Item:
		whole = self._item("prorate", state, "", start, end, quantity)
		days = (end - start).days
		cost = prorated(whole.cost, days, of_days)
		assert cost is not None
		return Item(
			"prorate",
			whole.payer,
			whole.article,
			state.id,
			_TERMS.get(state.billing_term, state.billing_term),
			start,
			end,
			quantity,
			prorated(whole.price, days, of_days),
			cost,
			state.currency,
			f"Prorated for {days} of {of_days} days",
		)

	def _item(self, kind: str, state: Subscription, term: str, start: date, end: date, quantity: int) -> Item:
		return Item(
			kind,
			self.payer(state.company_id),
			self._article(state),
			state.id,
			term,
			start,
			end,
			quantity,
			None if state.price is None else exact(state.price),
			self._cost(state),
			state.currency,
		)

	def _cost(self, state: Subscription) -> Decimal:
		"""The partner's price: an invoice has it even where the subscription does not show it."""
		if state.partner_cost is not None:
			return exact(state.partner_cost)
		product = self.world.products.rows.get(state.product_id)
		plan = product.plan_for(state.billing_term, _commitment(state)) if product else None
		buy = plan.rate_for(int(state.quantity)).buy if plan else None
		if buy is not None:
			return exact(money(buy * CURRENCY_FACTORS.get(state.currency, 1.0)))
		return _NOTHING if state.price is None else cents(exact(state.price) * Decimal("0.8"))

	def _article(self, state: Subscription, suffix: str = "") -> Article:
		key = (state.product_id, state.product_name + suffix, state.billing_term, _commitment(state))
		known = self._articles.get(key)
		if known is None:
			product = self.world.products.rows.get(state.product_id)
			plan = product.plan_for(state.billing_term, _commitment(state)) if product else None
			kind, unit = (_RATE_KINDS[plan.kind], plan.unit) if plan else ("single", "Each")
			known = self._articles[key] = (_article(state, product, key[1], unit, kind), plan)
		article, plan = known
		if plan and plan.rates[0].flat and plan.rate_for(int(state.quantity)).flat:
			return replace(article, flat=True)
		return article


# name, vendor (None = Pax8 itself), customer's price, partner's cost; in US dollars
_MIGRATION = ("BitTitan MigrationWiz User Migration Bundle", "BitTitan", "15.00", "12.00")
_REBATE = ("Quarterly growth rebate", None, "0", "1.35")
_CREDIT = ("Goodwill credit", None, "0", "25.00")
_SERVICE = ("Professional services, hour", None, "180.00", "150.00")
_PAYMENT = ("Early payment credit", None, "0", "4.50")


def _commitment(state: Subscription) -> str | None:
	return state.commitment.term if state.commitment else None


def _day_after(end: datetime | None) -> date | None:
	"""The first day that is not charged; an end at midnight is the end of the day before."""
	return None if end is None else (end - timedelta(microseconds=1)).date() + _ONE_DAY


def _article(state: Subscription, product: Product | None, name: str, unit: str, kind: str) -> Article:
	if kind == "single" and state.product_id[-1] in "02468ace":
		kind = "flat"  # the spec calls them the same
	vendor, sku = (product.vendor, product.sku) if product else (None, "UNKNOWN")
	return Article(state.product_id, name, sku, vendor, unit, kind)


def _payer(company: Company | None) -> Payer:
	if company is None:
		return Payer(storybook.NORTHWIND_PARTNER, storybook.PARTNER_NAME, None, _NOTHING, _NOTHING, False)
	# A third of the companies are taxed; most partners buy for resale.
	taxed = sum(map(ord, company.id)) % 3 == 0
	return Payer(
		company.id,
		company.name,
		company.external_id,
		Decimal(_TAX_RATES.get(company.currency, "0")) if taxed else _NOTHING,
		_FEE_RATE if company.bill_on_behalf else _NOTHING,
		company.bill_on_behalf,
	)
