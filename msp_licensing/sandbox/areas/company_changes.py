"""POST /companies and PATCH /companies/{companyId}."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from msp_licensing.sandbox.areas.asked import object_of, require, texts
from msp_licensing.sandbox.areas.contacts import read_contact
from msp_licensing.sandbox.contacts import Contact, make_primary, types_without_primary
from msp_licensing.sandbox.errors import ApiError
from msp_licensing.sandbox.model import Company
from msp_licensing.sandbox.web import Request, Route

if TYPE_CHECKING:
	from msp_licensing.sandbox.app import App

_TEXTS = {"name": "name", "phone": "phone", "website": "website", "externalId": "external_id"}
_ADDRESS = {
	"street": "street",
	"street2": "street2",
	"city": "city",
	"stateOrProvince": "state",
	"postalCode": "postal_code",
	"country": "country",
}
_FLAGS = {
	"billOnBehalfOfEnabled": "bill_on_behalf",
	"selfServiceAllowed": "self_service",
	"orderApprovalRequired": "order_approval",
}
_NEEDED = ("name", "address", "phone", "website", *_FLAGS)
# Beyond the file, which requires no part of an address: without these nothing could be sent to the company.
_NEEDED_ADDRESS = ("street", "city", "postalCode", "country")
_COUNTRY = re.compile(r"[A-Z]{2}")
# What a company is billed in. Pax8 does not say how it comes by it.
_EURO = ("AT", "BE", "DE", "ES", "FI", "FR", "IE", "IT", "LU", "NL", "PT")
_CURRENCIES = {"GB": "GBP", "CA": "CAD", "AU": "AUD", **dict.fromkeys(_EURO, "EUR")}


def create_company(app: App, request: Request) -> dict[str, Any]:
	"""A new company: Active with contacts, which must hold a primary one of each type, Inactive without."""
	asked = object_of(request, "Invalid Company")
	problems: list[str] = []
	require(asked, _NEEDED, problems)
	given = _read(asked, problems)
	if isinstance(asked.get("address"), dict):
		problems.extend(
			f"address.{name} is required." for name in _NEEDED_ADDRESS if name not in asked["address"]
		)
	contacts = _read_contacts(app, asked.get("contacts", []), problems)
	if problems:
		raise ApiError(422, "Invalid Company", problems)
	company = Company(
		id=str(uuid.uuid4()),
		status="Active" if contacts else "Inactive",
		currency=_CURRENCIES.get(given["country"], "USD"),
		updated=app.clock.now(),
		**{"state": "", **given},
	)
	app.world.companies.add(company)
	app.world.contacts[company.id] = contacts
	app.events.company("CREATED", company)
	return company.wire()


def update_company(app: App, request: Request, companyId: str) -> dict[str, Any]:
	"""Change what is given; an address may be given in part. A call that would change nothing is refused."""
	company = app.world.companies.get(companyId)
	if company is None:
		raise ApiError(404, "Company not found", [f"There is no company {companyId}."])
	asked = object_of(request, "Invalid Company")
	problems: list[str] = []
	given = _read(asked, problems)
	if company.status == "Deleted":
		problems.append("The company has been deleted.")
	changed = replace(company, **given)
	if not problems and all(getattr(company, name) == getattr(changed, name) for name in given):
		problems.append("At least one parameter has to be modified.")
	if problems:
		raise ApiError(422, "Invalid Company", problems)
	for name, value in given.items():
		setattr(company, name, value)
	company.updated = app.clock.now()
	app.world.companies.changed(company)
	app.events.company("UPDATED", company)
	return company.wire()


def _read(asked: Mapping[str, Any], problems: list[str]) -> dict[str, Any]:
	"""The writable fields that are given, by attribute; read-only and unknown ones are ignored."""
	given: dict[str, Any] = dict(texts(asked, _TEXTS, problems))
	for name, attribute in _FLAGS.items():
		if name in asked:
			if not isinstance(asked[name], bool):
				problems.append(f"{name} must be true or false.")
			given[attribute] = asked[name]
	address = asked.get("address", {})
	if not isinstance(address, dict):
		problems.append("address must be an object.")
		return given
	given.update(texts(address, _ADDRESS, problems))
	if "country" in given and not _COUNTRY.fullmatch(given["country"]):
		problems.append("country must be an ISO 3166-1 alpha-2 code such as US.")
	return given


def _read_contacts(app: App, value: Any, problems: list[str]) -> list[Contact]:
	if not isinstance(value, list):
		problems.append("contacts must be an array.")
		return []
	contacts = []
	for row in value:
		if contact := read_contact(app, row, problems):
			contacts.append(contact)
			make_primary(contacts, contact)
	if contacts and len(contacts) == len(value) and (lacking := types_without_primary(contacts)):
		problems.append(f"A primary contact of each type is needed; missing: {', '.join(lacking)}.")
	return contacts


ROUTES = (
	Route("POST", "/companies", "createCompany", create_company),
	Route("PATCH", "/companies/{companyId}", "updateCompany", update_company),
)
