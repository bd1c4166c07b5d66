"""GET /subscriptions, one subscription, its history, and PUT to change it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from msp_licensing.sandbox.areas.asked import are_details, is_number
from msp_licensing.sandbox.areas.commitments import permissions, takes_back
from msp_licensing.sandbox.dates import parse_moment
from msp_licensing.sandbox.errors import ApiError
from msp_licensing.sandbox.model import (
	BILLING_TERMS,
	CURRENCY_FACTORS,
	Product,
	Subscription,
	money,
)
from msp_licensing.sandbox.paging import page_of_texts, sort_order
from msp_licensing.sandbox.web import Request, Route

if TYPE_CHECKING:
	from msp_licensing.sandbox.app import App

_NEVER = datetime.max.replace(tzinfo=timezone.utc) - timedelta(days=1)
_SORTS: Mapping[str, Callable[[Subscription], Any]] = {
	"quantity": lambda subscription: subscription.quantity,
	"startDate": lambda subscription: subscription.start,
	"endDate": lambda subscription: subscription.end or _NEVER,
	"createdDate": lambda subscription: subscription.created,
	"billingStart": lambda subscription: subscription.billing_start,
	"price": lambda subscription: subscription.price or 0,
}
_ONE_OF = ("price", "billingTerm", "quantity", "startDate")
_LARGEST_QUANTITY = 1_000_000


def find_subscriptions(app: App, request: Request) -> bytes:
	"""A page of subscriptions. An unknown company is 403, as the spec has it; other unknown values find nothing."""
	query = request.query
	company_id = query.get("companyId")
	wanted = {name: query[name] for name in ("status", "billingTerm", "productId") if name in query}
	order = sort_order(query, tuple(_SORTS), bare_allowed=False)
	world = app.world
	rows = world.subscriptions.order
	if company_id is not None:
		company = world.companies.get(company_id)
		if company is None:
			raise ApiError(403, "Invalid companyId", [f"There is no company {company_id} of yours."])
		rows = world.subscriptions_of(company.id)
	if wanted or order:

		def make() -> list[Subscription]:
			status, term, product_id = (wanted.get(name) for name in ("status", "billingTerm", "productId"))
			found = [
				subscription
				for subscription in rows
				if (status is None or subscription.status == status)
				and (term is None or subscription.billing_term == term)
				and (product_id is None or subscription.product_id == product_id.lower())
			]
			if order:
				found.sort(key=_SORTS[order[0]], reverse=order[1])
			return found

		rows = world.subscriptions.view((company_id, tuple(sorted(wanted.items())), order), make)
	return page_of_texts(rows, query, world.subscriptions.text)


def _subscription(app: App, subscription_id: str) -> Subscription:
	subscription = app.world.subscriptions.get(subscription_id)
	if subscription is None:
		raise ApiError(404, "Subscription not found", [f"There is no subscription {subscription_id}."])
	return subscription


def find_subscription(app: App, request: Request, subscriptionId: str) -> dict[str, Any]:
	"""One subscription, or 404."""
	return _subscription(app, subscriptionId).wire(detail=True)


def find_history(app: App, request: Request, subscriptionId: str) -> dict[str, Any]:
	"""Snapshots of a subscription, newest first: the first is its present state. There is no page object."""
	return {"content": [snapshot.wire() for snapshot in _subscription(app, subscriptionId).history()]}


def update_subscription(app: App, request: Request, subscriptionId: str) -> dict[str, Any]:
	"""Change price, billing term, quantity or start; all that is wrong is said at once, and nothing is done.

	A new quantity or billing term shows at once, as PendingAutomated until it is provisioned. Read-only
	and unknown fields are ignored.
	"""
	subscription = _subscription(app, subscriptionId)
	asked = request.json()
	problems: list[str] = []
	change = _read_change(asked, problems) if isinstance(asked, dict) else {}
	if not problems and not any(name in change for name in _ONE_OF):
		problems.append(f"At least one of {', '.join(_ONE_OF)} is required.")
	if not problems:
		now = app.clock.now()
		_check_state(subscription, change, now, problems)
		product = app.world.products.get(subscription.product_id)
		if not problems:
			_check_commitment(subscription, change, product, now, problems)
	if problems:
		raise ApiError(422, "Invalid Subscription Update", problems)
	_apply(app, subscription, change, product, now)
	return subscription.wire(detail=True)


def _read_change(asked: dict[str, Any], problems: list[str]) -> dict[str, Any]:
	"""The writable fields of a PUT body in the sandbox's types; what is wrong with them goes to `problems`."""
	change: dict[str, Any] = {}
	if "quantity" in asked:
		quantity = asked["quantity"]
		if not is_number(quantity) or quantity != int(quantity) or not 1 <= quantity <= _LARGEST_QUANTITY:
			problems.append("Quantity must be a whole number of at least 1.")
		else:
			change["quantity"] = int(quantity)
	if "price" in asked:
		if not is_number(asked["price"]) or asked["price"] < 0:
			problems.append("Price must be a number that is not negative.")
		else:
			change["price"] = asked["price"]
	if "billingTerm" in asked:
		if asked["billingTerm"] not in BILLING_TERMS:
			problems.append(f"Billing term must be one of {', '.join(BILLING_TERMS)}.")
		else:
			change["billingTerm"] = asked["billingTerm"]
	for name, label in (("startDate", "Start date"), ("endDate", "End date")):
		if name in asked:
			try:
				change[name] = parse_moment(asked[name])
			except (ValueError, TypeError, AttributeError, OverflowError):
				problems.append(f"{label} must be a date-time such as 2025-01-31T00:00:00Z.")
	# Writable by the spec, yet nothing says what a change of them would do: checked, then left alone.
	if "currencyCode" in asked and not isinstance(asked["currencyCode"], str):
		problems.append("Currency code must be a string.")
	if "partnerCost" in asked and not is_number(asked["partnerCost"]):
		problems.append("Partner cost must be a number.")
	if "provisioningDetails" in asked and not are_details(asked["provisioningDetails"]):
		problems.append("Provisioning details must be an array of objects with key and values.")
	return change


def _check_state(
	subscription: Subscription, change: dict[str, Any], now: datetime, problems: list[str]
) -> None:
	if subscription.start > now or change.get("startDate", subscription.start) > now:
		problems.append("Updating a subscription with a future start date is not supported.")
	elif subscription.status != "Active":
		problems.append(
			f"This subscription is {_STATUS_WORDS.get(subscription.status, subscription.status)}; "
			"only an active subscription can be changed."
		)


_STATUS_WORDS = {
	"PendingManual": "being provisioned",
	"PendingAutomated": "being provisioned",
	"PendingCancel": "being cancelled",
	"Cancelled": "cancelled",
	"Converted": "converted",
	"Trial": "a trial",
	"WaitingForDetails": "waiting for provisioning details",
	"PendingActivation": "waiting for its activation",
}


def _check_commitment(
	subscription: Subscription,
	change: dict[str, Any],
	product: Product | None,
	now: datetime,
	problems: list[str],
) -> None:
	"""What the product's own dependencies say of the commitment holds until it ends."""
	quantity = change.get("quantity", subscription.quantity)
	term = change.get("billingTerm", subscription.billing_term)
	held = subscription.commitment
	if held and held.end > now:
		permits = permissions(product, held.id, held.term)
		until = f"until its {held.term} commitment ends on {held.end.date().isoformat()}"
		if quantity < subscription.quantity and not takes_back(subscription, product, quantity, now):
			problems.append(
				f"The quantity of {subscription.product_name} cannot be decreased "
				f"from {subscription.quantity} to {quantity} {until}."
			)
		if quantity > subscription.quantity and not permits.increase:
			problems.append(
				f"The quantity of {subscription.product_name} cannot be increased "
				f"from {subscription.quantity} to {quantity} {until}."
			)
		if term != subscription.billing_term:
			problems.append(f"The billing term of {subscription.product_name} cannot be changed {until}.")
	elif term != subscription.billing_term and product and product.plans and not product.plan_for(term, None):
		problems.append(f"{subscription.product_name} is not sold with the billing term {term}.")


def _apply(
	app: App, subscription: Subscription, change: dict[str, Any], product: Product | None, now: datetime
) -> None:
	before = (
		subscription.quantity,
		subscription.billing_term,
		subscription.price,
		subscription.start,
		subscription.end,
	)
	quantity = change.get("quantity", subscription.quantity)
	term = change.get("billingTerm", subscription.billing_term)
	price = change.get("price", subscription.price)
	if term != subscription.billing_term and "price" not in change and product:
		price = _price_after(subscription, product, term, quantity)
	after = (
		quantity,
		term,
		price,
		change.get("startDate", subscription.start),
		change.get("endDate", subscription.end),
	)
	if after == before:
		return  # what is already so leaves no trace
	subscription.remember()
	(
		subscription.quantity,
		subscription.billing_term,
		subscription.price,
		subscription.start,
		subscription.end,
	) = after
	subscription.updated = now
	if (quantity, term) != before[:2] and app.config.provisioning_seconds > 0:
		app.world.provision(subscription, now.timestamp() + app.config.provisioning_seconds)
	app.world.subscriptions.changed(subscription)
	app.events.subscription("UPDATED", subscription)


def _price_after(
	subscription: Subscription, product: Product, term: str, quantity: int
) -> float | int | None:
	plan = product.plan_for(term, None)
	if plan is None:
		return subscription.price
	retail = plan.rate_for(quantity).retail
	return None if retail is None else money(retail * CURRENCY_FACTORS.get(subscription.currency, 1.0))


ROUTES = (
	Route("GET", "/subscriptions", "findSubscriptions", find_subscriptions),
	Route("GET", "/subscriptions/{subscriptionId}", "findSubscriptionBySubscriptionId", find_subscription),
	Route("PUT", "/subscriptions/{subscriptionId}", "updateSubscription", update_subscription),
	Route(
		"GET",
		"/subscriptions/{subscriptionId}/history",
		"findSubscriptionHistoryBySubscriptionId",
		find_history,
	),
)
