"""Subscriptions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import model_validator

from msp_licensing.pax8.models.fields import (
	Count,
	Currency,
	Day,
	Id,
	Instant,
	Money,
	OptionalId,
	Record,
	Status,
	Term,
	Text,
)


class CommitmentTerm(Record):
	"""The commitment a subscription runs under; `end_date` is the end of the term, which need not be a renewal."""

	id: OptionalId = None
	term: Term = None
	end_date: Instant = None


class Subscription(Record):
	"""A subscription, or a snapshot of one in its history.

	`quantity` is an `int` when it is whole, the normal case, and a `Decimal` otherwise. `price` and `partner_cost` are
	Pax8's raw numbers per unit and billing term, in `currency_code`; what `price` means is disputed (the specification
	says the customer's price, others saw the partner's), so it is not for clients. `vendor_sku_id` comes with the single
	record only, `vendor_subscription_id` perhaps not in lists: a list must not blank them. `status` says nothing about
	billing; the dates do.
	"""

	id: Id
	parent_subscription_id: OptionalId = None
	company_id: OptionalId = None
	product_id: OptionalId = None
	product_name: Text = None
	vendor_subscription_id: Text = None
	vendor_sku_id: Text = None
	quantity: Count = None
	start_date: Instant = None
	end_date: Instant = None
	created_date: Instant = None
	updated_date: Instant = None
	billing_start: Day = None
	status: Status = None
	price: Money = None
	partner_cost: Money = None
	currency_code: Currency = None
	billing_term: Term = None
	commitment_term: CommitmentTerm | None = None

	@model_validator(mode="before")
	@classmethod
	def _either_commitment(cls, data: Any) -> Any:
		"""Read `commitmentTerm`, or `commitment` as older clients saw it; a bare text is its term."""
		if not isinstance(data, Mapping):
			return data
		given, older = data.get("commitmentTerm"), data.get("commitment")
		if (given is None and older is None) or (given and not isinstance(given, str)):
			return data
		given = given or older
		return {**data, "commitmentTerm": {"term": given} if isinstance(given, str) else given or None}
