"""What a client pays for a license, as far as it is known. What is not known is `None`, never 0.

Pax8 names a suggested retail price and a partner cost per plan (billing term × commitment term) and range of
quantities. A 0 there is as good as none: vendors that publish no retail price send 0. Where a change moves a
subscription into a range with another price, no single price tells what the change costs: not known either.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

from msp_licensing.rules.quantity import as_number
from msp_licensing.rules.values import Word

_FOUR_DECIMALS = Decimal("0.0001")


class PriceFrom(Word):
	"""Where the price comes from for subscriptions without one of their own."""

	OWN = "Own Prices Only"
	RETAIL = "Suggested Retail Price"
	COST = "Partner Cost plus Markup"


class Rate(NamedTuple):
	"""One rate of a product: money per seat and billing term, for the quantities `start` to `end` (0 = open-ended).

	`type` is Pax8's `Flat`, `Volume`, `Tiered` or `Mark-Up`; `charge` its `Per Unit` or `Flat Rate`.
	"""

	billing_term: str | None
	commitment_term: str | None
	type: str | None = "Flat"
	charge: str | None = "Per Unit"
	start: int = 0
	end: int = 0
	retail: Decimal | None = None
	cost: Decimal | None = None
	currency: str | None = None


class ClientPrice(NamedTuple):
	"""What the client pays per seat and billing term, in which currency (ISO code), and where that comes from."""

	amount: Decimal
	currency: str
	source: PriceFrom


def client_price(
	*,
	own: object,
	currency: str | None,
	source: PriceFrom | str = PriceFrom.OWN,
	markup: object = 0,
	partner_cost: object = None,
	rates: Iterable[Rate] = (),
	billing_term: str | None = None,
	commitment_term: str | None = None,
	quantities: tuple[int, int] = (1, 1),
) -> ClientPrice | None:
	"""Return what the client pays per seat, or `None` where that is not known.

	Args:
		own: the subscription's own price; nothing or 0 = it has none.
		currency: of the subscription (ISO code); without one nothing is known.
		markup: percent on the partner cost.
		partner_cost: what the partner pays per seat for this very subscription; else the matching rate's cost counts.
		rates: of the product.
		billing_term, commitment_term: the subscription's; both have to match a rate.
		quantities: seats now and after the change.
	"""
	if not currency:
		return None
	if amount := _positive(own):
		return ClientPrice(amount, currency, PriceFrom.OWN)
	matching = [
		rate
		for rate in rates
		if _folded(rate.billing_term) == _folded(billing_term)
		and _commitment(rate.commitment_term) == _commitment(commitment_term)
		and rate.currency == currency
	]
	if source == PriceFrom.RETAIL:
		amount = _unit_price([(rate, _positive(rate.retail)) for rate in matching], quantities)
		return ClientPrice(amount, currency, PriceFrom.RETAIL) if amount else None
	if source == PriceFrom.COST:
		cost = _positive(partner_cost)
		cost = cost or _unit_price([(rate, _positive(rate.cost)) for rate in matching], quantities)
		percent = as_number(markup)
		if not cost or percent is None or percent < 0:
			return None
		amount = (cost * (100 + percent) / 100).quantize(_FOUR_DECIMALS, ROUND_HALF_UP)
		return ClientPrice(amount, currency, PriceFrom.COST) if amount else None
	return None


def amount_change(unit_price: Decimal | None, before: int | None, after: int | None) -> Decimal | None:
	"""What a change adds to what the client pays per billing term; negative for decreases, `None` = not known."""
	if unit_price is None or before is None or after is None:
		return None
	return unit_price * (after - before)


def _unit_price(priced: Sequence[tuple[Rate, Decimal | None]], quantities: tuple[int, int]) -> Decimal | None:
	"""The one price of a seat for a change between two quantities; None where there are several, or none."""
	low, high = sorted(quantities)
	types = {(rate.type or "Flat").casefold() for rate, _price in priced}
	if len(types) != 1:
		return None
	if types == {"tiered"}:
		# Each seat at the price of its own range: what counts are the seats that come or go.
		holding = [price for rate, price in priced if _holds(rate, min(low + 1, high)) and _holds(rate, high)]
		return holding[0] if len(holding) == 1 and _per_unit(priced) else None
	if not types <= {"flat", "volume"} or not _per_unit(priced):
		return None
	prices = {price for quantity in (low, high) for price in _prices_at(priced, quantity)}
	return prices.pop() if len(prices) == 1 else None


def _prices_at(priced: Sequence[tuple[Rate, Decimal | None]], quantity: int) -> list[Decimal | None]:
	"""The prices for a quantity; that no rate holds it is told apart from a price."""
	return [price for rate, price in priced if _holds(rate, quantity)] or [None]


def _per_unit(priced: Sequence[tuple[Rate, Decimal | None]]) -> bool:
	return all((rate.charge or "Per Unit").casefold() == "per unit" for rate, _price in priced)


def _holds(rate: Rate, quantity: int) -> bool:
	return rate.start <= quantity and (not rate.end or quantity <= rate.end)


def _folded(term: str | None) -> str:
	return (term or "").strip().casefold()


def _commitment(term: str | None) -> str:
	"""Pax8 shows a commitment of a month as none on the subscription, and as one on the plan."""
	text = _folded(term)
	return "" if text in ("monthly", "1-month") else text


def _positive(value: object) -> Decimal | None:
	number = as_number(value)
	return number if number is not None and number > 0 else None
