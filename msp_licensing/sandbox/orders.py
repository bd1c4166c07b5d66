"""Orders and their lines."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from msp_licensing.sandbox.dates import as_date, as_utc

ORDERED_BY = ("Pax8 Partner", "Customer", "Pax8")
API_USER_ID = "a0000000-0000-4000-8000-000000000002"
"""Who orders through the API."""


@dataclass(slots=True, eq=False)
class OrderLine:
	"""One product of an order. A mock order's lines have neither id nor subscription."""

	product_id: str
	quantity: int
	billing_term: str
	start: datetime
	commitment_id: str | None = None
	id: str | None = None
	subscription_id: str | None = None

	def wire(self) -> dict[str, Any]:
		"""The spec's LineItem."""
		wire: dict[str, Any] = {
			"id": self.id,
			"productId": self.product_id,
			"subscriptionId": self.subscription_id,
			"commitmentTermId": self.commitment_id,
			"provisionStartDate": as_utc(self.start),
			"billingTerm": self.billing_term,
			"quantity": self.quantity,
		}
		return {name: value for name, value in wire.items() if value is not None}


@dataclass(slots=True, eq=False)
class Order:
	"""An order. It has no status: what became of it shows on its subscriptions. A mock order has no id."""

	company_id: str
	created: date
	ordered_by: str = ORDERED_BY[0]
	email: str | None = None
	lines: list[OrderLine] = field(default_factory=list)
	id: str | None = None

	def wire(self) -> dict[str, Any]:
		"""The spec's Order."""
		wire: dict[str, Any] = {
			"id": self.id,
			"companyId": self.company_id,
			"createdDate": as_date(self.created),
			"orderedBy": self.ordered_by,
			"orderedByUserId": API_USER_ID,
			"orderedByUserEmail": self.email,
			"isScheduled": False,
			"lineItems": [line.wire() for line in self.lines],
		}
		return {name: value for name, value in wire.items() if value is not None}
