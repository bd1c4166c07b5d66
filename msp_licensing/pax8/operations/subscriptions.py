"""Subscriptions: reading them, and the two things that can be changed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

from msp_licensing.pax8.models import Subscription, normalise_status, normalise_term
from msp_licensing.pax8.models.fields import wire_instant
from msp_licensing.pax8.operations.base import Operations, segment, sorted_by
from msp_licensing.pax8.walk import Listing, OnUnreadable, Recogniser, matching

_SORT_FIELDS = frozenset({"quantity", "startDate", "endDate", "createdDate", "billingStart", "price"})


class SubscriptionOperations(Operations):
	"""Operations on subscriptions."""

	def subscriptions(
		self,
		*,
		company_id: str | None = None,
		product_id: str | None = None,
		status: str | None = None,
		billing_term: str | None = None,
		sort: str | None = None,
		on_unreadable: OnUnreadable | None = None,
		recogniser: Recogniser | None = None,
	) -> Iterator[Subscription]:
		"""Walk the subscriptions. Consume it to the end before concluding anything from what is not in it.

		Pax8 has no "changed since" filter. Rows that do not match a filter are dropped here too, because Pax8 is known to
		ignore values it does not understand.

		Args:
			company_id, product_id, status, billing_term: `None` = not filtered.
			sort: `quantity`, `startDate`, `endDate`, `createdDate`, `billingStart` or `price`, with `,asc` or `,desc`.
			on_unreadable: see `Pax8Client`.
			recogniser: says which rows need not be read; they are not yielded.

		Raises:
			ValueError: a sort order that Pax8 does not document; nothing was sent.
			Forbidden: also for a company id that Pax8 does not accept.
			Pax8Error: while walking; `IncompleteWalk` at the end when rows are missing.
		"""
		checks = {
			"company_id": company_id or None,
			"product_id": product_id or None,
			"status": normalise_status(status) if status else None,
			"billing_term": normalise_term(billing_term) if billing_term else None,
		}
		params = {
			"companyId": checks["company_id"],
			"productId": checks["product_id"],
			"status": checks["status"],
			"billingTerm": checks["billing_term"],
			"sort": sorted_by(sort, _SORT_FIELDS),
		}
		return self._walk(
			Listing(
				"subscriptions",
				"/subscriptions",
				Subscription,
				params=params,
				keep=matching(**checks),
				recogniser=recogniser,
				on_unreadable=on_unreadable,
			)
		)

	def subscription(self, subscription_id: str) -> Subscription:
		"""Return one subscription as it is now. Raises `NotFound`, or any other `Pax8Error` of a read."""
		path = f"/subscriptions/{segment(subscription_id)}"
		return self._one("subscription", path, subscription_id, Subscription)

	def history(self, subscription_id: str) -> list[Subscription]:
		"""Return the snapshots of a subscription in Pax8's order (newest first in its sample).

		Raises `NotFound`, or any other `Pax8Error` of a read.
		"""
		path = f"/subscriptions/{segment(subscription_id)}/history"
		return self._rows("history", path, {}, Subscription, default_id=subscription_id)

	def update_quantity(self, subscription_id: str, quantity: int) -> Subscription:
		"""Set the total quantity of a subscription, now. Sends `{"quantity": n}` and nothing else, once.

		Everything else that Pax8 lets be written in the same call (price, billing term, start date) stays out of it on
		purpose. Whether the answer already shows the new quantity is not documented: read again before saying that it
		is done.

		Args:
			subscription_id: Pax8's id.
			quantity: the new total in seats, at least 1; 0 would not be a cancellation.

		Raises:
			ValueError: `quantity` is not a whole number of at least 1; nothing was sent.
			Pax8Error: see `error.effect` for whether Pax8 may have done it.
		"""
		if isinstance(quantity, bool) or not isinstance(quantity, int) or quantity < 1:
			raise ValueError("quantity must be a whole number of at least 1")
		path = f"/subscriptions/{segment(subscription_id)}"
		return self._write(
			"update_quantity",
			"PUT",
			path,
			Subscription,
			asked=subscription_id,
			body=lambda: {"quantity": quantity},
		)

	def cancel(self, subscription_id: str, cancel_date: datetime | date | None = None) -> None:
		"""Cancel a subscription, now or at a time to come. Sent once.

		Pax8 answers nothing: read the subscription again to see its status and its end. Cancelling a subscription within
		a commitment "now" need not stop its billing (reported by Pax8): give the end of the commitment.

		Args:
			subscription_id: Pax8's id.
			cancel_date: an aware `datetime`, or a date, which counts as its midnight UTC; `None` = at once.

		Raises:
			ValueError: a time without a time zone; nothing was sent.
			Pax8Error: see `error.effect` for whether Pax8 may have done it.
		"""
		if cancel_date is not None and not isinstance(cancel_date, date):
			raise ValueError("cancel_date must be a date or a datetime")
		params = {} if cancel_date is None else {"cancelDate": wire_instant(cancel_date)}
		self._command("cancel", "DELETE", f"/subscriptions/{segment(subscription_id)}", params=params)
