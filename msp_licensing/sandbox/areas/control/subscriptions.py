"""Changing subscriptions from outside, as somebody does in Pax8's own portal."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from msp_licensing.sandbox.areas.control.asked import (
	Setter,
	is_number,
	known,
	moment_of,
	moment_setter,
	new_id,
	overrides,
	set_all,
	take_over,
	text,
	text_setter,
)
from msp_licensing.sandbox.areas.control.looking import subscription_state
from msp_licensing.sandbox.errors import ApiError
from msp_licensing.sandbox.model import (
	BILLING_TERMS,
	CURRENCY_FACTORS,
	Commitment,
	Subscription,
	midnight,
	money,
)
from msp_licensing.sandbox.web import Request, Response, Route

if TYPE_CHECKING:
	from msp_licensing.sandbox.app import App


def post_subscription(app: App, request: Request) -> Response:
	"""Add a subscription: `companyId` and `productId` are required, the rest has defaults."""
	asked = request.json_object()
	company = known(app.world.companies.get(text(asked, "companyId")), "company")
	product = known(app.world.products.get(text(asked, "productId")), "product")
	now = app.clock.now()
	plan = product.plans[0] if product.plans else None
	rate = plan.rates[0] if plan else None
	factor = CURRENCY_FACTORS.get(company.currency, 1.0)
	subscription = Subscription(
		id=new_id(asked, app.world.subscriptions.rows),
		company_id=company.id,
		product_id=product.id,
		product_name=product.name,
		quantity=1,
		status="Active",
		billing_term=plan.billing_term if plan else "Monthly",
		currency=company.currency,
		price=money(rate.retail * factor) if rate and rate.retail is not None else None,
		partner_cost=money(rate.buy * factor) if rate and rate.buy is not None else None,
		start=midnight(now),
		created=now,
		billing_start=now.date(),
	)
	_set_subscription(app, subscription, asked)
	app.world.add_subscription(subscription)
	app.events.subscription("CREATED", subscription)
	return Response(201, subscription.wire(detail=True))


def change_subscription(app: App, request: Request, identifier: str) -> dict[str, Any]:
	"""Change any field of a subscription, without the rules that bind a client of the API.

	Beyond the spec's fields: `wire` (raw values) and `absent` (names) alter how it is shown.
	"""
	subscription = known(app.world.subscriptions.get(identifier), "subscription")
	asked = request.json_object()
	# A scratch copy first: a refused change must leave nothing behind.
	scratch = replace(subscription)
	_set_subscription(app, scratch, asked)
	company_id = scratch.company_id
	subscription.remember()
	scratch.older = subscription.older
	if scratch.updated == subscription.updated:
		scratch.updated = app.clock.now()
	if "status" in asked:
		app.world.leave_as_it_is(subscription)
	if company_id != subscription.company_id:
		app.world.move_subscription(subscription, company_id)
	take_over(subscription, scratch)
	app.world.subscriptions.changed(subscription)
	app.events.subscription("CANCELLED" if subscription.status == "Cancelled" else "UPDATED", subscription)
	return subscription_state(subscription)


def delete_subscription(app: App, request: Request, identifier: str) -> Response:
	"""Make a subscription vanish."""
	subscription = known(app.world.subscriptions.get(identifier), "subscription")
	app.world.remove_subscription(subscription.id)
	app.events.subscription("CANCELLED", subscription)
	return Response(204)


def _set_subscription(app: App, subscription: Subscription, asked: Mapping[str, Any]) -> None:
	def set_quantity(value: Any) -> None:
		# Whatever Pax8 may one day send is allowed here, fractions and 0 included.
		if not is_number(value):
			raise ApiError(400, "'quantity' must be a number")
		subscription.quantity = value

	def set_term(value: Any) -> None:
		if value not in BILLING_TERMS:
			raise ApiError(400, f"'billingTerm' must be one of {', '.join(BILLING_TERMS)}")
		subscription.billing_term = value

	def set_amount(attribute: str) -> Setter:
		def set_it(value: Any) -> None:
			if value is not None and not is_number(value):
				raise ApiError(400, "an amount must be a number or null")
			setattr(subscription, attribute, value)

		return set_it

	def set_billing_start(value: Any) -> None:
		moment = moment_of(asked, "billingStart")
		if moment is None:
			raise ApiError(400, "'billingStart' must not be null")
		subscription.billing_start = moment.date()

	def set_company(value: Any) -> None:
		subscription.company_id = known(app.world.companies.get(text(asked, "companyId")), "company").id

	def set_product(value: Any) -> None:
		product = known(app.world.products.get(text(asked, "productId")), "product")
		subscription.product_id = product.id
		if "productName" not in asked:
			subscription.product_name = product.name

	def set_commitment(value: Any) -> None:
		if value is None:
			subscription.commitment = None
			return
		if not isinstance(value, dict) or not isinstance(value.get("term"), str):
			raise ApiError(
				400, "'commitmentTerm' must be null or an object with term, endDate and perhaps id"
			)
		end = moment_of(value, "endDate")
		if end is None:
			raise ApiError(400, "'commitmentTerm' needs an endDate")
		product = app.world.products.get(subscription.product_id)
		option = product.commitment("", value["term"]) if product else None
		identifier = value.get("id") or (option.id if option else str(uuid.uuid4()))
		subscription.commitment = Commitment(str(identifier), value["term"], end)

	setters: dict[str, Setter] = {
		"id": lambda value: None,
		"companyId": set_company,
		"productId": set_product,
		"productName": text_setter(subscription, "product_name"),
		"quantity": set_quantity,
		"status": text_setter(subscription, "status"),
		"billingTerm": set_term,
		"price": set_amount("price"),
		"partnerCost": set_amount("partner_cost"),
		"currencyCode": text_setter(subscription, "currency"),
		"startDate": moment_setter(subscription, "start", asked, "startDate"),
		"endDate": moment_setter(subscription, "end", asked, "endDate", required=False),
		"createdDate": moment_setter(subscription, "created", asked, "createdDate"),
		"updatedDate": moment_setter(subscription, "updated", asked, "updatedDate", required=False),
		"billingStart": set_billing_start,
		"parentSubscriptionId": text_setter(subscription, "parent_id", required=False),
		"vendorSubscriptionId": text_setter(subscription, "vendor_subscription_id", required=False),
		"vendorSkuId": text_setter(subscription, "vendor_sku_id", required=False),
		"commitmentTerm": set_commitment,
	}
	set_all(asked, setters)
	subscription.overrides = overrides(asked, subscription.overrides)


ROUTES = (
	Route("POST", "/subscriptions", "subscriptions", post_subscription),
	Route("POST", "/subscriptions/{identifier}", "subscriptions", change_subscription),
	Route("DELETE", "/subscriptions/{identifier}", "subscriptions", delete_subscription),
)
