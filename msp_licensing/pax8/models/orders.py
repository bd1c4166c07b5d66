"""Orders: what is asked before one, what is sent, and what Pax8 makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, StringConstraints

from msp_licensing.pax8.models.fields import (
	Count,
	Day,
	Flag,
	Id,
	Instant,
	LongText,
	NoneIsEmpty,
	OptionalId,
	Record,
	Term,
	Text,
	Texts,
	compact,
	normalise_term,
	wire_instant,
)

ORDERED_BY = ("Pax8 Partner", "Customer", "Pax8")
"""Who can be named as having ordered, by the specification."""

_ORDERED_BY = {compact(name): name for name in ORDERED_BY}
_VALUE_TYPES = {compact(name): name for name in ("Input", "Single-Value", "Multi-Value")}


def _known(names: Mapping[str, str]) -> BeforeValidator:
	def spelled(value: object) -> object:
		return names.get(compact(value), value) if isinstance(value, str) else value

	return BeforeValidator(spelled)


class ProvisionQuestion(Record):
	"""A question that is asked when a product is ordered (`GET /products/{id}/provision-details`).

	`key` is the name its answer goes by. `value_type` is `Input` (free text), `Single-Value` or `Multi-Value` (of
	`possible_values`). Which questions must be answered is not told: only a mock order says.
	"""

	key: Id
	label: LongText = None
	description: LongText = None
	value_type: Annotated[Text, _known(_VALUE_TYPES)] = None
	possible_values: Texts = ()


class OrderedLine(Record):
	"""A line of an order as Pax8 has it. Whether `subscription_id` is there at once is not documented."""

	id: OptionalId = None
	product_id: OptionalId = None
	subscription_id: OptionalId = None
	commitment_term_id: OptionalId = None
	provision_start_date: Instant = None
	line_item_number: Count = None
	billing_term: Term = None
	parent_subscription_id: OptionalId = None
	parent_line_item_number: Count = None
	quantity: Count = None


class Order(Record):
	"""An order (`GET /orders`). It has no status: follow the subscriptions of its lines.

	`id` is `None` in the answer to a mock order only. `ordered_by` is `Pax8 Partner`, `Customer` or `Pax8`.
	"""

	id: OptionalId = None
	company_id: OptionalId = None
	created_date: Day = None
	ordered_by: Annotated[Text, _known(_ORDERED_BY)] = None
	ordered_by_user_id: OptionalId = None
	ordered_by_user_email: Text = None
	is_scheduled: Flag = None
	line_items: Annotated[tuple[OrderedLine, ...], NoneIsEmpty] = ()


def _aware(value: datetime | None) -> datetime | None:
	if value is not None and value.tzinfo is None:
		raise ValueError("a time without a time zone is ambiguous")
	return value


def _answers(value: object) -> object:
	if isinstance(value, Mapping):
		return tuple(
			{"key": key, "values": (answer,) if isinstance(answer, str) else answer}
			for key, answer in value.items()
		)
	return value


Needed = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class _Sent(Record):
	"""What is sent to Pax8: strict, since a slip of the caller must not become an order."""

	model_config = ConfigDict(extra="forbid", strict=True)


class ProvisionAnswer(_Sent):
	"""The answer to a `ProvisionQuestion`; `values` has one entry but for `Multi-Value`."""

	key: Needed
	values: Annotated[tuple[str, ...], Field(strict=False)]


class OrderLine(_Sent):
	"""A line of an order that is to be sent.

	Args:
		product_id: Pax8's id of the product.
		quantity: seats, a whole number of at least 1.
		billing_term: `Monthly`, `Annual`, `2-Year`, `3-Year`, `One-Time`, `Trial` or `Activation`.
		commitment_term_id: an option out of the product's dependencies, of at least the length of the billing term;
			needed when the product requires a commitment.
		line_item_number: by which other lines can name this one as their parent; by default the line's place from 1.
		parent_line_item_number, parent_subscription_id: what an add-on belongs to: a line of this order, or a
			subscription that exists.
		provision_start_date: an aware `datetime`; dates ahead of now are not supported by Pax8.
		provisioning_details: answers, also as a mapping of keys to one or several texts.

	Raises:
		ValueError: (pydantic's `ValidationError`) something of it is missing or of the wrong kind.
	"""

	product_id: Needed
	quantity: Annotated[int, Field(ge=1)]
	billing_term: Annotated[Needed, AfterValidator(normalise_term)]
	commitment_term_id: str | None = None
	line_item_number: Annotated[int, Field(ge=1)] | None = None
	parent_line_item_number: Annotated[int, Field(ge=1)] | None = None
	parent_subscription_id: str | None = None
	provision_start_date: Annotated[datetime | None, AfterValidator(_aware)] = None
	provisioning_details: Annotated[
		tuple[ProvisionAnswer, ...], BeforeValidator(_answers), Field(strict=False)
	] = ()

	def wire(self, number: int) -> dict[str, Any]:
		"""Return the line as JSON, numbered `number`, and without what is not given."""
		told = {
			"productId": self.product_id,
			"lineItemNumber": number,
			"quantity": self.quantity,
			"billingTerm": self.billing_term,
			"commitmentTermId": self.commitment_term_id,
			"parentLineItemNumber": self.parent_line_item_number,
			"parentSubscriptionId": self.parent_subscription_id,
			"provisionStartDate": wire_instant(self.provision_start_date),
			"provisioningDetails": [
				{"key": answer.key, "values": list(answer.values)} for answer in self.provisioning_details
			],
		}
		return {name: value for name, value in told.items() if value not in (None, "", [])}
