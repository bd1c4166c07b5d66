"""The control endpoints under /_sandbox: look at the state, change it from outside, order faults.

They need no token, answer on this machine only, and are not part of Pax8's API.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from msp_licensing.sandbox.dates import as_utc, parse_moment
from msp_licensing.sandbox.errors import ApiError
from msp_licensing.sandbox.faults import KINDS
from msp_licensing.sandbox.model import (
	BILLING_TERMS,
	COMPANY_STATUSES,
	CURRENCY_FACTORS,
	Commitment,
	Company,
	Overrides,
	Product,
	Subscription,
	midnight,
	money,
)
from msp_licensing.sandbox.web import Request, Response, Route

if TYPE_CHECKING:
	from msp_licensing.sandbox.app import App


# Looking


def get_state(app: App, request: Request) -> dict[str, Any]:
	"""Everything, or with `?subscription=`, `?company=` or `?product=` one record as it now stands.

	The whole has counts and settings; `?records=true` adds every record.
	"""
	query = request.query
	if "subscription" in query:
		subscription = _known(app.world.subscriptions.get(query["subscription"]), "subscription")
		return subscription_state(subscription)
	if "company" in query:
		company = _known(app.world.companies.get(query["company"]), "company")
		return company.wire()
	if "product" in query:
		return product_state(_known(app.world.products.get(query["product"]), "product"))
	world = app.world
	statuses: dict[str, int] = {}
	for row in world.subscriptions.order:
		statuses[row.status] = statuses.get(row.status, 0) + 1
	state: dict[str, Any] = {
		"clock": _clock(app),
		"config": app.config.as_dict(),
		"counts": {
			"companies": len(world.companies),
			"products": len(world.products),
			"subscriptions": len(world.subscriptions),
			"subscriptionsByStatus": statuses,
		},
		"calls": app.calls.total,
		"faults": app.faults.list(),
	}
	if query.get("records") == "true":
		state["companies"] = [company.wire() for company in world.companies.order]
		state["products"] = [product.wire() for product in world.products.order]
		state["subscriptions"] = [row.wire(detail=True) for row in world.subscriptions.order]
	return state


def subscription_state(subscription: Subscription) -> dict[str, Any]:
	"""A subscription on the wire, with its history."""
	return {
		**subscription.wire(detail=True),
		"history": [snapshot.wire() for snapshot in subscription.history()],
	}


def product_state(product: Product) -> dict[str, Any]:
	"""A product on the wire, with its general pricing and commitments."""
	return {
		**product.wire(detail=True),
		"pricing": product.pricing(None),
		"commitments": [option.wire() for option in product.commitments],
	}


def get_calls(app: App, request: Request) -> dict[str, Any]:
	"""The log of calls, oldest first (`?operation=`, `?limit=` the last so many), and counts of all."""
	limit = request.query.get("limit")
	if limit is not None and not limit.isdigit():
		raise ApiError(400, "'limit' must be a whole number")
	return {
		"total": app.calls.total,
		"by_operation": dict(app.calls.by_operation),
		"by_status": dict(app.calls.by_status),
		"calls": app.calls.list(request.query.get("operation"), None if limit is None else int(limit)),
	}


def delete_calls(app: App, request: Request) -> dict[str, Any]:
	"""Forget all calls."""
	app.calls.clear()
	return {"total": 0}


def _clock(app: App) -> dict[str, Any]:
	return {"now": as_utc(app.clock.now()), "frozen": app.clock.frozen}


def get_clock(app: App, request: Request) -> dict[str, Any]:
	"""The sandbox clock."""
	return _clock(app)


# Steering


def post_clock(app: App, request: Request) -> dict[str, Any]:
	"""`{"now": "2025-01-31T12:00:00Z"}` or `{"advance_seconds": 90}`; `"frozen": true` stops it."""
	asked = request.json_object()
	_only(asked, {"now", "advance_seconds", "frozen"})
	if not asked:
		raise ApiError(400, "Give 'now', 'advance_seconds' or 'frozen'")
	moment = _moment(asked, "now")
	seconds = asked.get("advance_seconds", 0)
	if not _is_number(seconds):
		raise ApiError(400, "'advance_seconds' must be a number")
	if not isinstance(asked.get("frozen", False), bool):
		raise ApiError(400, "'frozen' must be true or false")
	if moment:
		app.clock.set(moment)
	app.clock.advance(seconds)
	if "frozen" in asked:
		app.clock.freeze(asked["frozen"])
	app.world.settle(app.clock.now())
	return _clock(app)


def post_reset(app: App, request: Request) -> dict[str, Any]:
	"""Back to the start; settings such as `seed` and `companies` may be given anew. Tokens stay valid."""
	return {"config": app.reset(request.json_object()).as_dict(), "clock": _clock(app)}


def get_config(app: App, request: Request) -> dict[str, Any]:
	"""The settings in force."""
	return app.config.as_dict()


def post_config(app: App, request: Request) -> dict[str, Any]:
	"""Change `provisioning_seconds`, `rate_limit`, `retry_after` or `latency_ms`."""
	return app.configure(request.json_object()).as_dict()


def delete_tokens(app: App, request: Request) -> dict[str, Any]:
	"""Make every issued token invalid at once, as a rotated credential would."""
	return {"revoked": app.tokens.revoke_all()}


# Faults


def get_faults(app: App, request: Request) -> dict[str, Any]:
	"""The orders, spent ones included, and the kinds there are."""
	return {"faults": app.faults.list(), "kinds": KINDS}


def post_faults(app: App, request: Request) -> Response:
	"""Order a fault: `{"operation", "kind", "status", "body", "headers", "seconds", "count", "skip", ...}`."""
	asked = request.json_object()
	kind, operation = asked.pop("kind", None), asked.pop("operation", "*")
	if not isinstance(kind, str) or not isinstance(operation, str):
		raise ApiError(400, f"'kind' is required and is one of {', '.join(KINDS)}; 'operation' is a string")
	return Response(201, app.faults.add(kind, operation, **asked).as_dict())


def delete_faults(app: App, request: Request) -> dict[str, Any]:
	"""Withdraw all orders."""
	return {"withdrawn": app.faults.clear()}


def delete_fault(app: App, request: Request, faultId: str) -> dict[str, Any]:
	"""Withdraw one order."""
	if not faultId.isdigit() or not app.faults.clear(int(faultId)):
		raise ApiError(404, f"There is no fault {faultId}")
	return {"withdrawn": 1}


# Changes from outside, as made by somebody in Pax8's own portal


def post_subscription(app: App, request: Request) -> Response:
	"""Add a subscription: `companyId` and `productId` are required, the rest has defaults."""
	asked = request.json_object()
	company = _known(app.world.companies.get(_text(asked, "companyId")), "company")
	product = _known(app.world.products.get(_text(asked, "productId")), "product")
	now = app.clock.now()
	plan = product.plans[0] if product.plans else None
	rate = plan.rates[0] if plan else None
	factor = CURRENCY_FACTORS.get(company.currency, 1.0)
	subscription = Subscription(
		id=_new_id(asked, app.world.subscriptions.rows),
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
	return Response(201, subscription.wire(detail=True))


def change_subscription(app: App, request: Request, identifier: str) -> dict[str, Any]:
	"""Change any field of a subscription, without the rules that bind a client of the API.

	Beyond the spec's fields: `wire` (raw values) and `absent` (names) alter how it is shown.
	"""
	subscription = _known(app.world.subscriptions.get(identifier), "subscription")
	asked = request.json_object()
	# A scratch copy first: a refused change must leave nothing behind.
	scratch = Subscription(
		**{name: getattr(subscription, name) for name in Subscription.__dataclass_fields__}
	)
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
	for name in Subscription.__dataclass_fields__:
		setattr(subscription, name, getattr(scratch, name))
	app.world.subscriptions.changed()
	return subscription_state(subscription)


def delete_subscription(app: App, request: Request, identifier: str) -> Response:
	"""Make a subscription vanish."""
	subscription = _known(app.world.subscriptions.get(identifier), "subscription")
	app.world.remove_subscription(subscription.id)
	return Response(204)


def _set_subscription(app: App, subscription: Subscription, asked: Mapping[str, Any]) -> None:
	def set_quantity(value: Any) -> None:
		# Whatever Pax8 may one day send is allowed here, fractions and 0 included.
		if not _is_number(value):
			raise ApiError(400, "'quantity' must be a number")
		subscription.quantity = value

	def set_term(value: Any) -> None:
		if value not in BILLING_TERMS:
			raise ApiError(400, f"'billingTerm' must be one of {', '.join(BILLING_TERMS)}")
		subscription.billing_term = value

	def set_amount(attribute: str) -> Callable[[Any], None]:
		def set_it(value: Any) -> None:
			if value is not None and not _is_number(value):
				raise ApiError(400, "an amount must be a number or null")
			setattr(subscription, attribute, value)

		return set_it

	def set_moment(attribute: str, name: str, required: bool) -> Callable[[Any], None]:
		def set_it(value: Any) -> None:
			moment = _moment(asked, name)
			if required and moment is None:
				raise ApiError(400, f"'{name}' must not be null")
			setattr(subscription, attribute, moment)

		return set_it

	def set_text(attribute: str, required: bool) -> Callable[[Any], None]:
		def set_it(value: Any) -> None:
			if not isinstance(value, str) and (required or value is not None):
				raise ApiError(400, f"'{attribute}' must be a string")
			setattr(subscription, attribute, value)

		return set_it

	def set_billing_start(value: Any) -> None:
		moment = _moment(asked, "billingStart")
		if moment is None:
			raise ApiError(400, "'billingStart' must not be null")
		subscription.billing_start = moment.date()

	def set_company(value: Any) -> None:
		subscription.company_id = _known(app.world.companies.get(_text(asked, "companyId")), "company").id

	def set_product(value: Any) -> None:
		product = _known(app.world.products.get(_text(asked, "productId")), "product")
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
		end = _moment(value, "endDate")
		if end is None:
			raise ApiError(400, "'commitmentTerm' needs an endDate")
		product = app.world.products.get(subscription.product_id)
		option = product.commitment("", value["term"]) if product else None
		identifier = value.get("id") or (option.id if option else str(uuid.uuid4()))
		subscription.commitment = Commitment(str(identifier), value["term"], end)

	setters: dict[str, Callable[[Any], None]] = {
		"id": lambda value: None,
		"companyId": set_company,
		"productId": set_product,
		"productName": set_text("product_name", True),
		"quantity": set_quantity,
		"status": set_text("status", True),
		"billingTerm": set_term,
		"price": set_amount("price"),
		"partnerCost": set_amount("partner_cost"),
		"currencyCode": set_text("currency", True),
		"startDate": set_moment("start", "startDate", True),
		"endDate": set_moment("end", "endDate", False),
		"createdDate": set_moment("created", "createdDate", True),
		"updatedDate": set_moment("updated", "updatedDate", False),
		"billingStart": set_billing_start,
		"parentSubscriptionId": set_text("parent_id", False),
		"vendorSubscriptionId": set_text("vendor_subscription_id", False),
		"vendorSkuId": set_text("vendor_sku_id", False),
		"commitmentTerm": set_commitment,
	}
	_set_all(asked, setters)
	subscription.overrides = _overrides(asked, subscription.overrides)


def post_company(app: App, request: Request) -> Response:
	"""Add a company: `name` is required, the rest has defaults."""
	asked = request.json_object()
	identifier = _new_id(asked, app.world.companies.rows)
	company = Company(
		id=identifier,
		name=_text(asked, "name"),
		street="1 Main Street",
		city="Denver",
		state="Colorado",
		postal_code="80202",
		country="US",
		phone="303-555-0199",
		website=f"https://client-{identifier[:8]}.example",
		status="Active",
		currency="USD",
		updated=app.clock.now(),
	)
	_set_company(company, asked)
	app.world.companies.add(company)
	return Response(201, company.wire())


def change_company(app: App, request: Request, identifier: str) -> dict[str, Any]:
	"""Change any field of a company; `currency` is what its subscriptions are billed in from now on."""
	company = _known(app.world.companies.get(identifier), "company")
	asked = request.json_object()
	scratch = Company(**{name: getattr(company, name) for name in Company.__dataclass_fields__})
	_set_company(scratch, asked)
	if scratch.updated == company.updated:
		scratch.updated = app.clock.now()
	for name in Company.__dataclass_fields__:
		setattr(company, name, getattr(scratch, name))
	app.world.companies.changed()
	return company.wire()


def delete_company(app: App, request: Request, identifier: str) -> Response:
	"""Make a company and its subscriptions vanish."""
	company = _known(app.world.companies.get(identifier), "company")
	app.world.remove_company(company.id)
	return Response(204)


def _set_company(company: Company, asked: Mapping[str, Any]) -> None:
	def text(attribute: str, required: bool = True) -> Callable[[Any], None]:
		def set_it(value: Any) -> None:
			if not isinstance(value, str) and (required or value is not None):
				raise ApiError(400, f"'{attribute}' must be a string")
			setattr(company, attribute, value)

		return set_it

	def boolean(attribute: str) -> Callable[[Any], None]:
		def set_it(value: Any) -> None:
			if not isinstance(value, bool):
				raise ApiError(400, f"'{attribute}' must be true or false")
			setattr(company, attribute, value)

		return set_it

	def set_status(value: Any) -> None:
		if value not in COMPANY_STATUSES:
			raise ApiError(400, f"'status' must be one of {', '.join(COMPANY_STATUSES)}")
		company.status = value

	def set_updated(value: Any) -> None:
		moment = _moment(asked, "updatedDate")
		if moment is None:
			raise ApiError(400, "'updatedDate' must not be null")
		company.updated = moment

	def set_address(value: Any) -> None:
		if not isinstance(value, dict):
			raise ApiError(400, "'address' must be an object")
		_set_all(
			value,
			{
				"street": text("street"),
				"street2": text("street2", False),
				"city": text("city"),
				"stateOrProvince": text("state"),
				"postalCode": text("postal_code"),
				"country": text("country"),
			},
		)

	_set_all(
		asked,
		{
			"id": lambda value: None,
			"name": text("name"),
			"address": set_address,
			"phone": text("phone"),
			"website": text("website"),
			"externalId": text("external_id", False),
			"billOnBehalfOfEnabled": boolean("bill_on_behalf"),
			"selfServiceAllowed": boolean("self_service"),
			"orderApprovalRequired": boolean("order_approval"),
			"status": set_status,
			"currency": text("currency"),
			"updatedDate": set_updated,
		},
	)
	company.overrides = _overrides(asked, company.overrides)


def post_product(app: App, request: Request) -> Response:
	"""Add a product: `name` and `vendorName` are required; without `pricing` it has no price."""
	asked = request.json_object()
	name, vendor = _text(asked, "name"), _text(asked, "vendorName")
	identifier = _new_id(asked, app.world.products.rows)
	product = Product(
		id=identifier,
		name=name,
		vendor=vendor,
		short=f"{name} by {vendor}.",
		sku=f"NEW-{identifier[:8]}",
		vendor_sku=identifier[:8],
		shape="monthly",
	)
	_set_product(product, asked)
	app.world.products.add(product)
	return Response(201, product_state(product))


def change_product(app: App, request: Request, identifier: str) -> dict[str, Any]:
	"""Change a product; `pricing` (rows) and `dependencies` (object) replace what the API answers; null restores."""
	product = _known(app.world.products.get(identifier), "product")
	asked = request.json_object()
	scratch = Product(**{name: getattr(product, name) for name in Product.__dataclass_fields__})
	_set_product(scratch, asked)
	for name in Product.__dataclass_fields__:
		setattr(product, name, getattr(scratch, name))
	app.world.products.changed()
	return product_state(product)


def delete_product(app: App, request: Request, identifier: str) -> Response:
	"""Take a product off the catalogue; subscriptions to it stay, as with a retired product."""
	product = _known(app.world.products.get(identifier), "product")
	app.world.products.remove(product.id)
	return Response(204)


def _set_product(product: Product, asked: Mapping[str, Any]) -> None:
	def text(attribute: str) -> Callable[[Any], None]:
		def set_it(value: Any) -> None:
			if not isinstance(value, str):
				raise ApiError(400, f"'{attribute}' must be a string")
			setattr(product, attribute, value)

		return set_it

	def set_pricing(value: Any) -> None:
		if value is not None and not (
			isinstance(value, list) and all(isinstance(row, dict) for row in value)
		):
			raise ApiError(400, "'pricing' must be null or an array of objects")
		product.pricing_override = value

	def set_dependencies(value: Any) -> None:
		if value is not None and not isinstance(value, dict):
			raise ApiError(400, "'dependencies' must be null or an object")
		product.dependencies_override = value

	_set_all(
		asked,
		{
			"id": lambda value: None,
			"name": text("name"),
			"vendorName": text("vendor"),
			"shortDescription": text("short"),
			"sku": text("sku"),
			"vendorSku": text("vendor_sku"),
			"pricing": set_pricing,
			"dependencies": set_dependencies,
		},
	)
	product.overrides = _overrides(asked, product.overrides)


# Reading what was asked


def _known(row: Any, what: str) -> Any:
	if row is None:
		raise ApiError(404, f"There is no such {what}")
	return row


def _only(asked: Mapping[str, Any], names: set[str]) -> None:
	for name in asked:
		if name not in names:
			raise ApiError(400, f"unknown field '{name}'; there are: {', '.join(sorted(names))}")


def _set_all(asked: Mapping[str, Any], setters: Mapping[str, Callable[[Any], None]]) -> None:
	_only(asked, {*setters, "wire", "absent"})
	for name, setter in setters.items():
		if name in asked:
			setter(asked[name])


def _overrides(asked: Mapping[str, Any], present: Overrides | None) -> Overrides | None:
	if "wire" not in asked and "absent" not in asked:
		return present
	values, absent = asked.get("wire") or {}, asked.get("absent") or []
	if not isinstance(values, dict) or not isinstance(absent, list):
		raise ApiError(400, "'wire' must be an object and 'absent' an array of names")
	return Overrides(values, tuple(str(name) for name in absent)) if values or absent else None


def _text(asked: Mapping[str, Any], name: str) -> str:
	value = asked.get(name)
	if not isinstance(value, str) or not value:
		raise ApiError(400, f"'{name}' is required and must be a string")
	return value


def _new_id(asked: Mapping[str, Any], taken: Mapping[str, Any]) -> str:
	identifier = asked.get("id") or str(uuid.uuid4())
	if not isinstance(identifier, str):
		raise ApiError(400, "'id' must be a string")
	if identifier in taken:
		raise ApiError(409, f"The id {identifier} is taken")
	return identifier


def _moment(asked: Mapping[str, Any], name: str) -> datetime | None:
	value = asked.get(name)
	if value is None:
		return None
	try:
		return parse_moment(value)
	except (ValueError, AttributeError, TypeError, OverflowError):
		raise ApiError(400, f"'{name}' must be a date or date-time such as 2025-01-31T12:00:00Z") from None


def _is_number(value: Any) -> bool:
	return isinstance(value, (int, float)) and not isinstance(value, bool) and value - value == 0


ROUTES = (
	Route("GET", "/state", "state", get_state),
	Route("POST", "/reset", "reset", post_reset),
	Route("GET", "/clock", "clock", get_clock),
	Route("POST", "/clock", "clock", post_clock),
	Route("GET", "/config", "config", get_config),
	Route("POST", "/config", "config", post_config),
	Route("GET", "/calls", "calls", get_calls),
	Route("DELETE", "/calls", "calls", delete_calls),
	Route("DELETE", "/tokens", "tokens", delete_tokens),
	Route("GET", "/faults", "faults", get_faults),
	Route("POST", "/faults", "faults", post_faults),
	Route("DELETE", "/faults", "faults", delete_faults),
	Route("DELETE", "/faults/{faultId}", "faults", delete_fault),
	Route("POST", "/subscriptions", "subscriptions", post_subscription),
	Route("POST", "/subscriptions/{identifier}", "subscriptions", change_subscription),
	Route("DELETE", "/subscriptions/{identifier}", "subscriptions", delete_subscription),
	Route("POST", "/companies", "companies", post_company),
	Route("POST", "/companies/{identifier}", "companies", change_company),
	Route("DELETE", "/companies/{identifier}", "companies", delete_company),
	Route("POST", "/products", "products", post_product),
	Route("POST", "/products/{identifier}", "products", change_product),
	Route("DELETE", "/products/{identifier}", "products", delete_product),
)
