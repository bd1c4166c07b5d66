"""One charge on an invoice, and how it looks on the wire.

All money is Decimal. What the spec's field descriptions leave open is settled so that it adds up, per item:

* `costTotal` = `cost` × `quantity`, in cents (× 1 where `chargeType` is flat);
* `subTotal` = `price` × `quantity` in cents, plus `billingFee`;
* `total` = `subTotal` + `salesTax`: the customer's;
* `amountDue` = `costTotal` + `billingFee` + `salesTax`: the partner's. They sum up to the invoice's `total`.

The file's examples follow no single rule: one has an `amountDue` like `costTotal`, the other like `subTotal`, both
without the tax.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any

from msp_licensing.sandbox.model import amount_number

_NAMESPACE = uuid.UUID("b9a8e3a4-0a51-4c55-9d55-0f4f0a1f6a0e")
_CENT = Decimal("0.01")
_FINE = Decimal("0.0001")
# The enum's own strings, words of explanation included.
_RATE_TYPES = {
	"single": "single (Single price for any quantity, same as flat)",
	"flat": "flat (Single price for any quantity, same as single)",
	"volume": "volume (Price scales linearly with quantity)",
	"tiered": "tiered (Price dependant on quantity)",
	"markup": "markup (Percentage based markup over to be determined base cost)",
}


def cents(amount: Decimal) -> Decimal:
	"""Rounded to cents, halves away from zero."""
	return amount.quantize(_CENT, ROUND_HALF_UP)


@lru_cache(maxsize=65536)
def exact(amount: float) -> Decimal:
	"""What an amount on the wire spells."""
	return Decimal(str(amount))


def prorated(amount: Decimal | None, days: int, of_days: int) -> Decimal | None:
	"""A unit price for `days` out of `of_days`, to a hundredth of a cent."""
	return None if amount is None else (amount * days / of_days).quantize(_FINE, ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class Payer:
	"""The company that an item is for, as it was when the invoice was made."""

	company_id: str
	name: str
	external_id: str | None
	tax_rate: Decimal
	fee_rate: Decimal
	"""Of the customer's price, where Pax8 bills on the partner's behalf; else 0."""
	billed_by_pax8: bool


@dataclass(frozen=True, slots=True)
class Article:
	"""What an item is about, as it was when the invoice was made."""

	product_id: str | None
	name: str
	sku: str
	vendor: str | None
	unit: str
	rate_kind: str
	flat: bool = False


@dataclass(slots=True)
class Amounts:
	"""The money of one item. Customer's amounts are None where no price is known."""

	cost_total: Decimal
	sub_total: Decimal | None
	fee: Decimal
	tax: Decimal
	total: Decimal | None
	due: Decimal


# Not frozen, although nothing changes one: there may be hundreds of thousands, and freezing doubles their making.
@dataclass(slots=True)
class Item:
	"""A charge. `end` is the day after the period's last; `price` and `cost` are per unit."""

	type: str
	payer: Payer
	article: Article
	subscription_id: str | None
	term: str
	start: date
	end: date
	quantity: int
	price: Decimal | None
	cost: Decimal
	currency: str
	details: str | None = None

	def amounts(self) -> Amounts:
		"""What it comes to."""
		units = Decimal(1 if self.quantity > 0 else -1) if self.article.flat else exact(self.quantity)
		cost_total = cents(self.cost * units)
		tax = cents(cost_total * self.payer.tax_rate) if self.payer.tax_rate else Decimal(0)
		if self.price is None:
			return Amounts(cost_total, None, Decimal(0), tax, None, cost_total + tax)
		charged = cents(self.price * units)
		fee = cents(charged * self.payer.fee_rate) if self.payer.fee_rate else Decimal(0)
		sub_total = charged + fee
		return Amounts(cost_total, sub_total, fee, tax, sub_total + tax, cost_total + fee + tax)

	def wire(self, number: int, invoice_id: str | None) -> dict[str, Any]:
		"""The spec's InvoiceItem: the `number`th of an invoice, or of a draft where `invoice_id` is None.

		As in the file's examples, drafts have no ids, periods that end on their last day and short rate types;
		invoices have periods that end on the day after. Every fifth item of an invoice has no id either. A name,
		price or subscription that is not known is absent; only `subscriptionId` is null, as its description says.
		"""
		draft = invoice_id is None
		amounts = self.amounts()
		wire: dict[str, Any] = {
			"type": self.type,
			"purchaseOrderNumber": "N/A",
			"companyId": self.payer.company_id,
			"externalId": self.payer.external_id,
			"companyName": self.payer.name,
			"startPeriod": self.start.isoformat(),
			"endPeriod": (self.end - timedelta(days=1) if draft else self.end).isoformat(),
			"quantity": self.quantity,
			"unitOfMeasure": self.article.unit,
			"term": self.term,
			"sku": self.article.sku,
			"description": self.article.name,
			"details": self.details,
			"rateType": self.article.rate_kind if draft else _RATE_TYPES[self.article.rate_kind],
			"chargeType": "flat" if self.article.flat else "per",
			"price": _number(self.price),
			"subTotal": _number(amounts.sub_total),
			"cost": amount_number(self.cost),
			"costTotal": amount_number(amounts.cost_total),
			"offeredBy": "Pax8",
			"billedByPax8": self.payer.billed_by_pax8,
			"total": _number(amounts.total),
			"productId": self.article.product_id,
			"productName": self.article.name,
			"billingFee": amount_number(amounts.fee),
			"billingFeeRate": amount_number(self.payer.fee_rate),
			"amountDue": amount_number(amounts.due),
			"currencyCode": self.currency,
			"salesTax": amount_number(amounts.tax),
			"vendorName": self.article.vendor,
		}
		if draft:
			del wire["purchaseOrderNumber"]
		wire = {name: value for name, value in wire.items() if value is not None}
		wire["subscriptionId"] = self.subscription_id
		if invoice_id is not None and number % 5:
			wire["id"] = str(uuid.uuid5(_NAMESPACE, f"{invoice_id} {number}"))
		return wire


def _number(amount: Decimal | None) -> float | int | None:
	return None if amount is None else amount_number(amount)
