"""Usage from outside: resource groups, whose they are, and what they have run up."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from msp_licensing.sandbox.areas.control.asked import is_number, known, moment_of, only, overrides, text
from msp_licensing.sandbox.errors import ApiError
from msp_licensing.sandbox.model import Subscription
from msp_licensing.sandbox.usage.groups import Group
from msp_licensing.sandbox.web import Request, Response, Route

if TYPE_CHECKING:
	from msp_licensing.sandbox.app import App

_SUMMARY_FIELDS = {
	*("subscriptionId", "resourceGroup", "companyId", "isTrial", "monthlyCharges"),
	*("currentCharges", "partnerTotal", "wire", "absent"),
}
_DEFAULT_MONTHLY = 100


def get_usage(app: App, request: Request) -> dict[str, Any]:
	"""This month's summaries of `?subscription=`."""
	return _state(
		app, known(app.world.subscriptions.get(request.query.get("subscription", "")), "subscription")
	)


def post_usage(app: App, request: Request) -> dict[str, Any]:
	"""Set a summary, or add one: `subscriptionId` and `resourceGroup` say which.

	`companyId` (null = nobody) and `isTrial` change it for good. `currentCharges` and `partnerTotal` (which
	follows the charges if it is not given) hold from today to the end of the month. `monthlyCharges` is what a
	group that is added costs in an average month. `wire` and `absent` alter how it is shown.
	"""
	asked = request.json_object()
	only(asked, _SUMMARY_FIELDS)
	subscription = _subscription(app, asked)
	name = text(asked, "resourceGroup")
	company_id = _company_id(app, asked)
	trial = asked.get("isTrial")
	if trial is not None and not isinstance(trial, bool):
		raise ApiError(400, "'isTrial' must be true or false")
	monthly = _money(asked, "monthlyCharges")
	charges, partner = _money(asked, "currentCharges"), _money(asked, "partnerTotal")
	if partner is not None and charges is None:
		raise ApiError(400, "'partnerTotal' comes with 'currentCharges'")
	book = app.world.usage
	group = _group(app, subscription, name)
	if group is not None and monthly is not None:
		raise ApiError(400, "'monthlyCharges' is for a resource group that is added")
	shown = overrides(asked, book.edit(subscription, name).overrides if group else None)
	if group is None:
		book.add(subscription, name, company_id, monthly or Decimal(_DEFAULT_MONTHLY), trial or False)
	edit = book.edit(subscription, name)
	edit.overrides = shown
	if group is not None and "companyId" in asked:
		edit.owners.append((app.clock.now().date(), company_id))
	if group is not None and trial is not None:
		edit.trial = trial
	if charges is not None:
		today = app.clock.now().date()
		edit.fixed[today.replace(day=1)] = (
			today,
			charges,
			partner if partner is not None else (charges * Decimal("0.8")).quantize(Decimal("0.001")),
		)
	return _state(app, subscription)


def post_assign(app: App, request: Request) -> dict[str, Any]:
	"""Link a resource group to `companyId` (null = nobody), as somebody does by hand in Pax8's portal."""
	asked = request.json_object()
	only(asked, {"subscriptionId", "resourceGroup", "companyId"})
	subscription = _subscription(app, asked)
	name = text(asked, "resourceGroup")
	if "companyId" not in asked:
		raise ApiError(400, "'companyId' is required: a company's id, or null for nobody")
	company_id = _company_id(app, asked)
	known(_group(app, subscription, name), "resource group")
	app.world.usage.edit(subscription, name).owners.append((app.clock.now().date(), company_id))
	return _state(app, subscription)


def post_spike(app: App, request: Request) -> dict[str, Any]:
	"""`factor` (10) average days' usage on top of a resource group's total, from `date` (today) to the month's end."""
	asked = request.json_object()
	only(asked, {"subscriptionId", "resourceGroup", "factor", "date"})
	subscription = _subscription(app, asked)
	name = text(asked, "resourceGroup")
	factor = _money(asked, "factor")
	moment = moment_of(asked, "date")
	known(_group(app, subscription, name), "resource group")
	day: date = moment.date() if moment else app.clock.now().date()
	spikes = app.world.usage.edit(subscription, name).spikes
	spikes[day] = spikes.get(day, Decimal(0)) + (Decimal(10) if factor is None else factor)
	return _state(app, subscription)


def delete_usage(app: App, request: Request) -> Response:
	"""Take a resource group and its usage out."""
	asked = request.json_object()
	only(asked, {"subscriptionId", "resourceGroup"})
	subscription = _subscription(app, asked)
	name = text(asked, "resourceGroup")
	known(_group(app, subscription, name), "resource group")
	app.world.usage.remove(subscription, name)
	return Response(204)


def usage_state(app: App, subscription: Subscription) -> list[dict[str, Any]]:
	"""This month's summaries of a subscription, as the API shows them."""
	return [summary.wire() for summary in app.world.usage.summaries(subscription, app.clock.now().date())]


def _state(app: App, subscription: Subscription) -> dict[str, Any]:
	return {"summaries": usage_state(app, subscription)}


def _subscription(app: App, asked: Mapping[str, Any]) -> Subscription:
	return known(app.world.subscriptions.get(text(asked, "subscriptionId")), "subscription")


def _group(app: App, subscription: Subscription, name: str) -> Group | None:
	return next((group for group in app.world.usage.groups(subscription) if group.name == name), None)


def _company_id(app: App, asked: Mapping[str, Any]) -> str | None:
	if asked.get("companyId") is None:
		return None
	return known(app.world.companies.get(text(asked, "companyId")), "company").id


def _money(asked: Mapping[str, Any], name: str) -> Decimal | None:
	value = asked.get(name)
	if value is None:
		return None
	if not is_number(value):
		raise ApiError(400, f"'{name}' must be a number")
	return Decimal(str(value))


ROUTES = (
	Route("GET", "/usage", "usage", get_usage),
	Route("POST", "/usage", "usage", post_usage),
	Route("POST", "/usage/assign", "usage", post_assign),
	Route("POST", "/usage/spike", "usage", post_spike),
	Route("DELETE", "/usage", "usage", delete_usage),
)
