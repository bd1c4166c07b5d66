"""Looking at the sandbox: its state, its log of calls, its clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msp_licensing.sandbox.areas.control.asked import known
from msp_licensing.sandbox.dates import as_utc
from msp_licensing.sandbox.errors import ApiError
from msp_licensing.sandbox.model import Product, Subscription
from msp_licensing.sandbox.web import Request, Route

if TYPE_CHECKING:
	from msp_licensing.sandbox.app import App


def get_state(app: App, request: Request) -> dict[str, Any]:
	"""Everything, or with `?subscription=`, `?company=` or `?product=` one record as it now stands.

	The whole has counts and settings; `?records=true` adds every record.
	"""
	query = request.query
	if "subscription" in query:
		subscription = known(app.world.subscriptions.get(query["subscription"]), "subscription")
		return subscription_state(subscription)
	if "company" in query:
		company = known(app.world.companies.get(query["company"]), "company")
		return company.wire()
	if "product" in query:
		return product_state(known(app.world.products.get(query["product"]), "product"))
	world = app.world
	statuses: dict[str, int] = {}
	for row in world.subscriptions.order:
		statuses[row.status] = statuses.get(row.status, 0) + 1
	state: dict[str, Any] = {
		"clock": clock_state(app),
		"config": app.config.as_dict(),
		"counts": {
			"companies": len(world.companies),
			"products": len(world.products),
			"subscriptions": len(world.subscriptions),
			"subscriptionsByStatus": statuses,
			"orders": len(world.orders),
		},
		"calls": app.calls.total,
		"faults": app.faults.list(),
	}
	if query.get("records") == "true":
		state["companies"] = [company.wire() for company in world.companies.order]
		state["products"] = [product.wire() for product in world.products.order]
		state["subscriptions"] = [row.wire(detail=True) for row in world.subscriptions.order]
		state["orders"] = [order.wire() for order in world.orders]
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


def clock_state(app: App) -> dict[str, Any]:
	"""What the sandbox clock shows, and whether it stands."""
	return {"now": as_utc(app.clock.now()), "frozen": app.clock.frozen}


def get_clock(app: App, request: Request) -> dict[str, Any]:
	"""The sandbox clock."""
	return clock_state(app)


ROUTES = (
	Route("GET", "/state", "state", get_state),
	Route("GET", "/clock", "clock", get_clock),
	Route("GET", "/calls", "calls", get_calls),
	Route("DELETE", "/calls", "calls", delete_calls),
)
