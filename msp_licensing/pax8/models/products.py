"""Products, their prices, and what they depend on."""

from __future__ import annotations

from typing import Annotated

from msp_licensing.pax8.models.fields import (
	ChargeType,
	Count,
	Currency,
	Flag,
	Id,
	LongText,
	Money,
	NoneIsEmpty,
	OptionalId,
	RateType,
	Record,
	Start,
	Term,
	Text,
)
from msp_licensing.pax8.models.subscriptions import CommitmentTerm


class Product(Record):
	"""A product of the catalogue. Pax8 gives no category, no price and no usage flag here."""

	id: Id
	name: Text = None
	vendor_name: Text = None
	short_description: LongText = None
	sku: Text = None
	vendor_sku: Text = None
	alt_vendor_sku: Text = None
	requires_commitment: Flag = None


class ProductDetail(Product):
	"""A product as `GET /products/{id}` returns it, with its long description (may hold HTML)."""

	description: LongText = None


class Rate(Record):
	"""One rate of a pricing plan: money per unit, in the partner account's currency, for a range of quantities.

	`end_quantity_range` of `None` is open-ended. `charge_type` is `Per Unit` or `Flat Rate` (one amount for the range).
	"""

	partner_buy_rate: Money = None
	suggested_retail_price: Money = None
	start_quantity_range: Start = 0
	end_quantity_range: Count = None
	charge_type: ChargeType = None


class Pricing(Record):
	"""One pricing plan of a product: billing term × commitment term.

	`type` is `Flat`, `Volume`, `Tiered` or `Mark-Up`. The specification has no currency; `currency_code` is filled where
	Pax8 sends one all the same.
	"""

	product_id: OptionalId = None
	product_name: Text = None
	billing_term: Term = None
	commitment_term: Term = None
	commitment_term_in_months: Count = None
	type: RateType = None
	unit_of_measurement: Text = None
	currency_code: Currency = None
	rates: Annotated[tuple[Rate, ...], NoneIsEmpty] = ()


class Commitment(Record):
	"""A commitment option of a product: the only machine-readable hint on which changes a term allows.

	The windows are days before and after the end of a term in which it can be renewed or changed. `None` in a flag means
	that Pax8 did not say.
	"""

	id: OptionalId = None
	term: Term = None
	auto_renew: Flag = None
	renewal_window_days_before_term_end: Count = None
	renewal_window_days_after_term_end: Count = None
	allow_for_quantity_increase: Flag = None
	allow_for_quantity_decrease: Flag = None
	allow_for_early_cancellation: Flag = None
	cancellation_fee_applied: Flag = None
	is_transferable: Flag = None


class ProductDependency(Record):
	"""A constraint on a product (`name`, e.g. `Requires`) and the products that satisfy it."""

	name: Text = None
	products: Annotated[tuple[Product, ...], NoneIsEmpty] = ()


class Dependencies(Record):
	"""What `GET /products/{id}/dependencies` returns."""

	commitment_dependencies: Annotated[tuple[Commitment, ...], NoneIsEmpty] = ()
	product_dependencies: Annotated[tuple[ProductDependency, ...], NoneIsEmpty] = ()

	def option_for(self, commitment: CommitmentTerm | None) -> Commitment | None:
		"""Return the option a subscription's commitment was taken from: by id, else by term where that is unambiguous."""
		if commitment is None:
			return None
		options = self.commitment_dependencies
		if commitment.id:
			for option in options:
				if option.id and option.id.casefold() == commitment.id.casefold():
					return option
		same_term = [option for option in options if commitment.term and option.term == commitment.term]
		# Two options of one term may differ in what they allow: guessing could let a decrease through.
		return same_term[0] if len(same_term) == 1 else None
