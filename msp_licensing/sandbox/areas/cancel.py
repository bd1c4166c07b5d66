"""DELETE /subscriptions/{subscriptionId}: cancel now, or on a date."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from msp_licensing.sandbox.areas.commitments import permissions
from msp_licensing.sandbox.dates import parse_moment
from msp_licensing.sandbox.errors import ApiError
from msp_licensing.sandbox.model import Subscription
from msp_licensing.sandbox.web import Request, Response, Route

if TYPE_CHECKING:
	from msp_licensing.sandbox.app import App

_ENDED = {"Cancelled": "cancelled already", "PendingCancel": "being cancelled", "Converted": "converted"}


def cancel_subscription(app: App, request: Request, subscriptionId: str) -> Response:
	"""Cancel on `cancelDate`, or now without one.

	Until then the subscription keeps its status, with the date as its end. A later call may move the date.
	Inside a commitment that permits no early cancellation the date must not be before the commitment's end.
	The file has no status for such a refusal; 422 is what it has for refusals of a PUT.
	"""
	subscription = app.world.subscriptions.get(subscriptionId)
	if subscription is None:
		raise ApiError(404, "Subscription not found", [f"There is no subscription {subscriptionId}."])
	now = app.clock.now()
	end = _cancel_date(request.query.get("cancelDate"), now)
	problems: list[str] = []
	if subscription.status in _ENDED:
		problems.append(f"This subscription is {_ENDED[subscription.status]}.")
	elif end.date() < now.date():
		problems.append("The cancel date must not be in the past.")
	else:
		_check_commitment(app, subscription, end, now, problems)
	if problems:
		raise ApiError(422, "Invalid Subscription Cancellation", problems)
	_cancel(app, subscription, max(end, now), now)
	return Response(204)


def _cancel_date(text: str | None, now: datetime) -> datetime:
	if text is None:
		return now
	try:
		return parse_moment(text.replace(" ", "+"))  # a plus sign that was not escaped in the query
	except (ValueError, OverflowError):
		raise ApiError(
			400, "Invalid cancelDate", ["'cancelDate' must be a date-time such as 2025-01-31T00:00:00Z."]
		) from None


def _check_commitment(
	app: App, subscription: Subscription, end: datetime, now: datetime, problems: list[str]
) -> None:
	held = subscription.commitment
	if not held or held.end <= now or end.date() >= held.end.date():
		return
	product = app.world.products.get(subscription.product_id)
	if not permissions(product, held.id, held.term).early_cancellation:
		problems.append(
			f"{subscription.product_name} cannot be cancelled before its {held.term} commitment ends "
			f"on {held.end.date().isoformat()}."
		)


def _cancel(app: App, subscription: Subscription, end: datetime, now: datetime) -> None:
	subscription.remember()
	subscription.end = end
	subscription.updated = now
	seconds = app.config.provisioning_seconds
	if end > now:
		app.world.cancel(subscription, end.timestamp(), seconds)
	else:
		subscription.status = "PendingCancel" if seconds else "Cancelled"
		app.world.leave_as_it_is(subscription)
		if seconds:
			app.world.cancel(subscription, now.timestamp(), seconds)
	app.world.subscriptions.changed(subscription)
	app.events.subscription("CANCELLED" if subscription.status == "Cancelled" else "UPDATED", subscription)


# The spec gives this operation no id; this one follows its neighbours'.
ROUTES = (Route("DELETE", "/subscriptions/{subscriptionId}", "cancelSubscription", cancel_subscription),)
