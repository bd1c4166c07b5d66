"""Orders: list, read, create, and try without creating (`isMock=true`)."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from msp_licensing.sandbox.areas.asked import are_details, is_email, is_number, is_uuid, object_of, require
from msp_licensing.sandbox.areas.commitments import options_of
from msp_licensing.sandbox.dates import add_months, parse_moment
from msp_licensing.sandbox.errors import ApiError
from msp_licensing.sandbox.model import (
	BILLING_TERMS,
	CURRENCY_FACTORS,
	TERM_MONTHS,
	Commitment,
	CommitmentOption,
	Company,
	Plan,
	Product,
	Subscription,
	midnight,
	money,
)
from msp_licensing.sandbox.orders import ORDERED_BY, Order, OrderLine
from msp_licensing.sandbox.paging import flag, page_of
from msp_licensing.sandbox.provisioning import missing
from msp_licensing.sandbox.web import Request, Route

if TYPE_CHECKING:
	from msp_licensing.sandbox.app import App

_LARGEST_QUANTITY = 1_000_000
_TRIAL_DAYS = 30
_ENDED = ("Cancelled", "PendingCancel", "Converted")
_LINE_NEEDS = ("productId", "lineItemNumber", "quantity", "billingTerm")


@dataclass(slots=True)
class _Line:
	"""A line as it was asked for, and what it turned out to be about."""

	number: float
	product_id: str
	quantity: int
	billing_term: str
	commitment_id: str | None
	parent_id: str | None
	parent_number: float | None
	answers: dict[str, list[str]]
	start: datetime | None
	product: Product | None = None
	plan: Plan | None = None
	option: CommitmentOption | None = None


def find_orders(app: App, request: Request) -> dict[str, Any]:
	"""A page of orders, the oldest first; 404 for a company that is not there."""
	rows = app.world.orders
	if (company_id := request.query.get("companyId")) is not None:
		company = app.world.companies.get(company_id)
		if company is None:
			raise ApiError(404, "Order not found", [f"There is no company {company_id}."])
		rows = [order for order in rows if order.company_id == company.id]
	return page_of(rows, request.query, Order.wire)


def find_order(app: App, request: Request, orderId: str) -> dict[str, Any]:
	"""One order, or 404."""
	for order in app.world.orders:
		if order.id == orderId.lower():
			return order.wire()
	raise ApiError(404, "Order not found", [f"There is no order {orderId}."])


def create_order(app: App, request: Request) -> dict[str, Any]:
	"""Order; with `isMock=true` all is checked and nothing is kept.

	What breaks a rule is 422. Provisioning answers that are missing are 400 with a null message and a
	detail for each question, as clients have recorded it. Each line becomes a subscription.
	"""
	mock = flag(request.query, "isMock") or False
	asked = object_of(request, "Invalid order")
	problems: list[str] = []
	company, lines = _read(app, asked, problems)
	if company and not problems:
		_check(app, company, lines, problems)
	if problems or company is None:
		raise ApiError(422, "Invalid order", problems)
	unanswered = [
		problem for line in lines if line.product for problem in missing(line.product, line.answers)
	]
	if unanswered:
		raise ApiError(400, None, ["Errors with provisioningDetails", *unanswered])
	now = app.clock.now()
	order = Order(
		company.id, now.date(), asked.get("orderedBy", ORDERED_BY[0]), asked.get("orderedByUserEmail")
	)
	order.lines = [
		OrderLine(line.product_id, line.quantity, line.billing_term, line.start or now, line.commitment_id)
		for line in lines
	]
	if not mock:
		_place(app, order, company, lines)
	return order.wire()


def _read(app: App, asked: dict[str, Any], problems: list[str]) -> tuple[Company | None, list[_Line]]:
	require(asked, ("companyId", "lineItems"), problems)
	company = None
	if "companyId" in asked:
		if is_uuid(asked["companyId"]):
			company = app.world.companies.get(asked["companyId"])
		if company is None:
			problems.append(f"There is no company {asked['companyId']}.")
		elif company.status != "Active":
			problems.append(f"{company.name} is {company.status.lower()}; only an active company can order.")
	if asked.get("orderedBy", ORDERED_BY[0]) not in ORDERED_BY:
		problems.append(f"orderedBy must be one of {', '.join(ORDERED_BY)}.")
	if "orderedByUserEmail" in asked and not is_email(asked["orderedByUserEmail"]):
		problems.append("orderedByUserEmail must be an email address.")
	rows = asked.get("lineItems", [])
	if not isinstance(rows, list) or (not rows and "lineItems" in asked):
		problems.append("lineItems must be an array with at least one line.")
		rows = []
	lines = [line for row in rows if (line := _read_line(row, problems))]
	if len({line.number for line in lines}) < len(lines):
		problems.append("Each line needs a lineItemNumber of its own.")
	return company, lines


def _read_line(row: Any, problems: list[str]) -> _Line | None:
	if not isinstance(row, dict):
		problems.append("A line must be an object.")
		return None
	before = len(problems)
	require(row, _LINE_NEEDS, problems)
	quantity = row.get("quantity", 1)
	if not is_number(quantity) or quantity != int(quantity) or not 1 <= quantity <= _LARGEST_QUANTITY:
		problems.append("quantity must be a whole number of at least 1.")
	if row.get("billingTerm", BILLING_TERMS[0]) not in BILLING_TERMS:
		problems.append(f"billingTerm must be one of {', '.join(BILLING_TERMS)}.")
	for name in ("productId", "commitmentTermId", "parentSubscriptionId"):
		if name in row and not is_uuid(row[name]):
			problems.append(f"{name} must be a UUID.")
	for name in ("lineItemNumber", "parentLineItemNumber"):
		if name in row and not is_number(row[name]):
			problems.append(f"{name} must be a number.")
	details = row.get("provisioningDetails", [])
	if not are_details(details):
		problems.append("provisioningDetails must be an array of objects with key and values.")
	start = None
	if "provisionStartDate" in row:
		try:
			start = parse_moment(row["provisionStartDate"])
		except (ValueError, TypeError, AttributeError, OverflowError):
			problems.append("provisionStartDate must be a date-time such as 2025-01-31T00:00:00Z.")
	if len(problems) > before:
		return None
	return _Line(
		row["lineItemNumber"],
		row["productId"].lower(),
		int(quantity),
		row["billingTerm"],
		row.get("commitmentTermId", "").lower() or None,
		row.get("parentSubscriptionId"),
		row.get("parentLineItemNumber"),
		{detail["key"]: detail.get("values", []) for detail in details},
		start,
	)


def _check(app: App, company: Company, lines: list[_Line], problems: list[str]) -> None:
	for line in lines:
		line.product = app.world.products.get(line.product_id)
		if line.product is None:
			problems.append(f"There is no product {line.product_id}.")
			continue
		if line.start and line.start > app.clock.now():
			problems.append("Orders with a future provisionStartDate are not supported.")
		_check_terms(line, line.product, problems)
	for line in lines:
		if line.product:
			_check_parent(app, company, line, line.product, lines, problems)


def _check_terms(line: _Line, product: Product, problems: list[str]) -> None:
	of_term = [plan for plan in product.plans if plan.billing_term == line.billing_term]
	if not of_term:
		problems.append(f"{product.name} is not sold with the billing term {line.billing_term}.")
		return
	if line.commitment_id is None:
		if product.requires_commitment or all(plan.commitment for plan in of_term):
			problems.append(f"{product.name} requires a commitment: commitmentTermId is missing.")
			return
	else:
		line.option = next((o for o in options_of(product) if o.id.lower() == line.commitment_id), None)
		if line.option is None:
			problems.append(f"{product.name} has no commitment {line.commitment_id}.")
			return
		if TERM_MONTHS.get(line.option.term, 0) < TERM_MONTHS.get(line.billing_term, 0):
			problems.append(
				f"The {line.option.term} commitment is shorter than the billing term {line.billing_term}."
			)
			return
	line.plan = product.plan_for(line.billing_term, line.option.term if line.option else None)


def _check_parent(
	app: App, company: Company, line: _Line, product: Product, lines: list[_Line], problems: list[str]
) -> None:
	"""An add-on needs one of the products it requires: a subscription of the company, or a line beside it."""
	owned = [row for row in app.world.subscriptions_of(company.id) if row.status not in _ENDED]
	candidates: Iterable[str] = (
		*(row.product_id for row in owned),
		*(other.product_id for other in lines if other is not line),
	)
	if line.parent_id is not None:
		owned = [row for row in owned if row.id == line.parent_id.lower()]
		candidates = [row.product_id for row in owned]
		if not owned:
			problems.append(f"The company has no subscription {line.parent_id} to add {product.name} to.")
			return
	elif line.parent_number is not None:
		candidates = [
			other.product_id for other in lines if other.number == line.parent_number and other is not line
		]
		if not candidates:
			problems.append(f"There is no other line with the lineItemNumber {line.parent_number:g}.")
			return
	if product.requires and not set(product.requires) & set(candidates):
		names = [needed.name for key in product.requires if (needed := app.world.products.get(key))]
		problems.append(f"{product.name} requires {' or '.join(names) or 'a product that is not sold here'}.")


def _place(app: App, order: Order, company: Company, lines: list[_Line]) -> None:
	now = app.clock.now()
	made: dict[float, Subscription] = {}
	for line, shown in zip(lines, order.lines, strict=True):
		made[line.number] = _subscribe(app, company, line, shown.start, now)
		shown.id, shown.subscription_id = str(uuid.uuid4()), made[line.number].id
	for line in lines:
		# A parent may stand after its add-on, so this comes once all are made.
		if line.parent_number is not None:
			made[line.number].parent_id = made[line.parent_number].id
	order.id = str(uuid.uuid4())
	app.world.orders.append(order)
	for subscription in made.values():
		app.world.add_subscription(subscription)
		if app.config.provisioning_seconds > 0:
			due = now.timestamp() + app.config.provisioning_seconds
			app.world.provision(subscription, due, subscription.status)
		app.events.subscription("CREATED", subscription)


def _subscribe(app: App, company: Company, line: _Line, start: datetime, now: datetime) -> Subscription:
	product, plan = line.product, line.plan
	assert product and plan
	rate = plan.rate_for(line.quantity)
	factor = CURRENCY_FACTORS.get(company.currency, 1.0)
	trial = line.billing_term == "Trial"
	held = None
	if line.option:
		months = TERM_MONTHS.get(line.option.term, 12)
		end = midnight(start) + (add_months(start.date(), months) - start.date())
		held = Commitment(line.option.id, line.option.term, end)
	return Subscription(
		id=str(uuid.uuid4()),
		company_id=company.id,
		product_id=product.id,
		product_name=product.name,
		quantity=line.quantity,
		status="Trial" if trial else "Active",
		billing_term=line.billing_term,
		currency=company.currency,
		price=None if rate.retail is None else money(rate.retail * factor),
		partner_cost=None if rate.buy is None else money(rate.buy * factor),
		start=start.replace(microsecond=0),
		created=now,
		billing_start=start.date(),
		end=midnight(start) + timedelta(days=_TRIAL_DAYS) if trial else None,
		commitment=held,
		parent_id=line.parent_id.lower() if line.parent_id else None,
		vendor_sku_id=product.vendor_sku,
	)


ROUTES = (
	Route("GET", "/orders", "findOrders", find_orders),
	Route("POST", "/orders", "createOrder", create_order),
	Route("GET", "/orders/{orderId}", "findOrdersByOrderId", find_order),
)
