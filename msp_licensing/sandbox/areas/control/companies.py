"""Changing companies from outside, as somebody does in Pax8's own portal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from msp_licensing.sandbox.areas.control.asked import (
	Setter,
	known,
	moment_setter,
	new_id,
	overrides,
	set_all,
	take_over,
	text,
	text_setter,
)
from msp_licensing.sandbox.errors import ApiError
from msp_licensing.sandbox.model import COMPANY_STATUSES, Company
from msp_licensing.sandbox.web import Request, Response, Route

if TYPE_CHECKING:
	from msp_licensing.sandbox.app import App


def post_company(app: App, request: Request) -> Response:
	"""Add a company: `name` is required, the rest has defaults."""
	asked = request.json_object()
	identifier = new_id(asked, app.world.companies.rows)
	company = Company(
		id=identifier,
		name=text(asked, "name"),
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
	app.events.company("CREATED", company)
	return Response(201, company.wire())


def change_company(app: App, request: Request, identifier: str) -> dict[str, Any]:
	"""Change any field of a company; `currency` is what its subscriptions are billed in from now on."""
	company = known(app.world.companies.get(identifier), "company")
	asked = request.json_object()
	scratch = replace(company)
	_set_company(scratch, asked)
	if scratch.updated == company.updated:
		scratch.updated = app.clock.now()
	take_over(company, scratch)
	app.world.companies.changed(company)
	app.events.company("UPDATED", company)
	return company.wire()


def delete_company(app: App, request: Request, identifier: str) -> Response:
	"""Make a company and its subscriptions vanish."""
	company = known(app.world.companies.get(identifier), "company")
	gone = list(app.world.subscriptions_of(company.id))
	app.world.remove_company(company.id)
	for subscription in gone:
		app.events.subscription("CANCELLED", subscription)
	app.events.company("DELETED", company)
	return Response(204)


def _set_company(company: Company, asked: Mapping[str, Any]) -> None:
	def boolean(attribute: str) -> Setter:
		def set_it(value: Any) -> None:
			if not isinstance(value, bool):
				raise ApiError(400, f"'{attribute}' must be true or false")
			setattr(company, attribute, value)

		return set_it

	def set_status(value: Any) -> None:
		if value not in COMPANY_STATUSES:
			raise ApiError(400, f"'status' must be one of {', '.join(COMPANY_STATUSES)}")
		company.status = value

	def set_address(value: Any) -> None:
		if not isinstance(value, dict):
			raise ApiError(400, "'address' must be an object")
		set_all(
			value,
			{
				"street": text_setter(company, "street"),
				"street2": text_setter(company, "street2", required=False),
				"city": text_setter(company, "city"),
				"stateOrProvince": text_setter(company, "state"),
				"postalCode": text_setter(company, "postal_code"),
				"country": text_setter(company, "country"),
			},
		)

	set_all(
		asked,
		{
			"id": lambda value: None,
			"name": text_setter(company, "name"),
			"address": set_address,
			"phone": text_setter(company, "phone"),
			"website": text_setter(company, "website"),
			"externalId": text_setter(company, "external_id", required=False),
			"billOnBehalfOfEnabled": boolean("bill_on_behalf"),
			"selfServiceAllowed": boolean("self_service"),
			"orderApprovalRequired": boolean("order_approval"),
			"status": set_status,
			"currency": text_setter(company, "currency"),
			"updatedDate": moment_setter(company, "updated", asked, "updatedDate"),
		},
	)
	company.overrides = overrides(asked, company.overrides)


ROUTES = (
	Route("POST", "/companies", "companies", post_company),
	Route("POST", "/companies/{identifier}", "companies", change_company),
	Route("DELETE", "/companies/{identifier}", "companies", delete_company),
)
