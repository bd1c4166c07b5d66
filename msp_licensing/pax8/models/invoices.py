"""Invoices of the partner, and their items, which say whose they are."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator

from msp_licensing.pax8.models.fields import (
	ChargeType,
	Count,
	Currency,
	Day,
	Flag,
	Id,
	LongText,
	Money,
	OptionalId,
	RateType,
	Record,
	Status,
	Term,
	Text,
	compact,
)

_ITEM_TYPES = {
	compact(name): name
	for name in (
		"rebate",
		"prorate",
		"subscription",
		"payment-credit",
		"one-time",
		"service-charge",
		"service-credit",
		"invoice-credit",
	)
}


def _item_type(value: object) -> object:
	return _ITEM_TYPES.get(compact(value), value) if isinstance(value, str) else value


class Invoice(Record):
	"""An invoice of the partner over all clients (`GET /invoices`); money is in `currency_code`.

	`status` is `Unpaid`, `Paid`, `Void`, `Carried`, `Nothing Due` or `Credited`, or `None`: it is in Pax8's samples,
	but not in its specification. What `company_id` means here is not documented: the clients are on the items.
	"""

	id: Id
	invoice_date: Day = None
	due_date: Day = None
	status: Status = None
	balance: Money = None
	carried_balance: Money = None
	total: Money = None
	currency_code: Currency = None
	partner_name: Text = None
	company_id: OptionalId = None
	external_id: Text = None


class InvoiceItem(Record):
	"""An item of an invoice, or of the draft of the next one; money is in `currency_code`.

	`price`, `sub_total` (services and billing fees) and `total` are the client's side, `cost` and `cost_total` the
	partner's; `amount_due` is what is due for the item on this invoice. `id` may be missing: Pax8's samples have none.
	`subscription_id` is `None` for products without subscriptions. `type` is `subscription`, `prorate`, `one-time`,
	`rebate`, `service-charge`, `service-credit`, `payment-credit` or `invoice-credit`; `term`, `rate_type` and
	`charge_type` are spelled as price lists spell them.
	"""

	id: OptionalId = None
	type: Annotated[Text, BeforeValidator(_item_type)] = None
	purchase_order_number: Text = None
	company_id: OptionalId = None
	company_name: Text = None
	external_id: Text = None
	start_period: Day = None
	end_period: Day = None
	quantity: Count = None
	unit_of_measure: Text = None
	term: Term = None
	sku: Text = None
	description: LongText = None
	details: LongText = None
	product_id: OptionalId = None
	product_name: Text = None
	vendor_name: Text = None
	rate_type: RateType = None
	charge_type: ChargeType = None
	price: Money = None
	sub_total: Money = None
	total: Money = None
	cost: Money = None
	cost_total: Money = None
	amount_due: Money = None
	billing_fee: Money = None
	billing_fee_rate: Money = None
	sales_tax: Money = None
	currency_code: Currency = None
	offered_by: Text = None
	billed_by_pax8: Flag = None
	subscription_id: OptionalId = None
