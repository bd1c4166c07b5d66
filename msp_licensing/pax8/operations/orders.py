"""Orders: new subscriptions. More seats of one that exists are a change of quantity, not an order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from msp_licensing.pax8.errors import BadAnswer
from msp_licensing.pax8.models import ORDERED_BY, Order, OrderLine
from msp_licensing.pax8.operations.base import Operations, segment
from msp_licensing.pax8.walk import Listing, matching

READ_TIMEOUT = 120.0
"""Seconds: Pax8 is known to take more than 30 for the orders of large partners."""


class OrderOperations(Operations):
	"""Operations on orders."""

	def orders(self, company_id: str | None = None) -> Iterator[Order]:
		"""Walk the orders of all companies or of one, oldest first by all accounts. Slow for large partners.

		Raises:
			Pax8Error: while walking; `IncompleteWalk` at the end when rows are missing.
		"""
		company_id = company_id or None
		return self._walk(
			Listing(
				"orders",
				"/orders",
				Order,
				params={"companyId": company_id},
				read_timeout=READ_TIMEOUT,
				keep=matching(company_id=company_id),
			)
		)

	def order(self, order_id: str) -> Order:
		"""Return one order. Raises `NotFound`, or any other `Pax8Error` of a read."""
		return self._one("order", f"/orders/{segment(order_id)}", order_id, Order, read_timeout=READ_TIMEOUT)

	def create_order(
		self,
		company_id: str,
		lines: Sequence[OrderLine],
		*,
		mock: bool,
		ordered_by: str = "Pax8 Partner",
		ordered_by_user_email: str | None = None,
	) -> Order:
		"""Order subscriptions for a company, or have Pax8 check such an order. Sent once.

		After an unknown effect look through `orders(company_id)` and the company's subscriptions before anything else:
		Pax8 has no key by which it would recognise a repeated order.

		Args:
			company_id: the client company, which must be Active.
			lines: at least one; line numbers are given by place where they have none.
			mock: `True` = Pax8 checks everything and stores nothing; its reasons against are in `Refused.details`. It is a
				write all the same, and does not leave a client that only observes.
			ordered_by: `Pax8 Partner`, `Customer` or `Pax8`.
			ordered_by_user_email: of the person who ordered.

		Returns:
			The order; `id` and the lines' `subscription_id` may be missing in a mock.

		Raises:
			TypeError, ValueError: an argument that cannot be meant; nothing was sent.
			Pax8Error: see `error.effect` for whether Pax8 may have done it.
		"""
		segment(company_id)
		if not isinstance(mock, bool):
			raise TypeError("mock must be True or False")
		if ordered_by not in ORDERED_BY:
			raise ValueError(f"ordered_by must be one of {', '.join(ORDERED_BY)}")
		body: dict[str, Any] = {
			"companyId": company_id.strip(),
			"orderedBy": ordered_by,
			"lineItems": _numbered(lines),
		}
		if ordered_by_user_email:
			body["orderedByUserEmail"] = ordered_by_user_email
		order = self._write(
			"create_order",
			"POST",
			"/orders",
			Order,
			params={"isMock": "true" if mock else "false"},
			body=lambda: body,
			read_timeout=READ_TIMEOUT,
		)
		same_company = (order.company_id or company_id).casefold() == company_id.strip().casefold()
		if not same_company or (order.id is None and not mock):
			raise BadAnswer(
				"Pax8 answered create_order with another order, or with none.",
				operation="create_order",
				path="/orders",
				write=True,
			)
		return order


def _numbered(lines: Sequence[OrderLine]) -> list[dict[str, Any]]:
	"""Return the lines as JSON, each with a number of its own, and parents that are among them."""
	if not lines:
		raise ValueError("an order needs a line")
	if not all(isinstance(line, OrderLine) for line in lines):
		raise TypeError("lines must be a list of OrderLine")
	given = {line.line_item_number for line in lines if line.line_item_number}
	free = (number for number in range(1, 2 * len(lines) + 1) if number not in given)
	wire = [line.wire(line.line_item_number or next(free)) for line in lines]
	numbers = [line["lineItemNumber"] for line in wire]
	if len(set(numbers)) != len(numbers):
		raise ValueError("two lines of the order have the same number")
	for line in wire:
		if line.get("parentLineItemNumber") not in {None, *numbers} - {line["lineItemNumber"]}:
			raise ValueError("the parent of a line must be another line of the order")
	return wire
