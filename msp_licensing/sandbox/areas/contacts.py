"""A company's contacts: list, create, read, change, delete."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from msp_licensing.sandbox.areas.asked import is_email, object_of, require, texts
from msp_licensing.sandbox.contacts import (
	CONTACT_TYPES,
	Contact,
	contacts_of,
	make_primary,
	types_without_primary,
)
from msp_licensing.sandbox.errors import ApiError
from msp_licensing.sandbox.model import Company
from msp_licensing.sandbox.paging import page_of
from msp_licensing.sandbox.web import Request, Response, Route

if TYPE_CHECKING:
	from msp_licensing.sandbox.app import App

_TEXTS = {"firstName": "first_name", "lastName": "last_name", "email": "email", "phone": "phone"}


def find_contacts(app: App, request: Request, companyId: str) -> dict[str, Any]:
	"""A page of a company's contacts, the newest first."""
	contacts = contacts_of(app.world, _company(app, companyId))
	newest_first = sorted(reversed(contacts), key=lambda contact: contact.created, reverse=True)
	return page_of(newest_first, request.query, Contact.wire)


def create_contact(app: App, request: Request, companyId: str) -> dict[str, Any]:
	"""A new contact; one that completes the primary contacts makes its company Active."""
	company = _company(app, companyId)
	asked = object_of(request, "Invalid contact create")
	problems: list[str] = []
	contact = read_contact(app, asked, problems)
	if company.status == "Deleted":
		problems.append("The company has been deleted.")
	if problems or contact is None:
		raise ApiError(422, "Invalid contact create", problems)
	contacts = contacts_of(app.world, company)
	contacts.append(contact)
	make_primary(contacts, contact)
	_activate(app, company)
	return contact.wire()


def find_contact(app: App, request: Request, companyId: str, contactId: str) -> dict[str, Any]:
	"""One contact, or 404."""
	return _contact(app, _company(app, companyId), contactId).wire()


def update_contact(app: App, request: Request, companyId: str, contactId: str) -> dict[str, Any]:
	"""Replace a contact; `types` that are not given stay. An active company keeps a primary of each type."""
	company = _company(app, companyId)
	contact = _contact(app, company, contactId)
	asked = object_of(request, "Invalid contact update")
	problems: list[str] = []
	changed = read_contact(app, asked, problems)
	if changed is not None and not problems:
		if "types" not in asked:
			changed.types = contact.types
		others = [other for other in contacts_of(app.world, company) if other is not contact]
		_check_primaries(company, [*others, changed], problems)
	if problems or changed is None:
		raise ApiError(422, "Invalid contact update", problems)
	for attribute in (*_TEXTS.values(), "types"):
		setattr(contact, attribute, getattr(changed, attribute))
	make_primary(contacts_of(app.world, company), contact)
	_activate(app, company)
	return contact.wire()


def delete_contact(app: App, request: Request, companyId: str, contactId: str) -> Response:
	"""Delete a contact; 422 for one without whom an active company lacks a primary contact."""
	company = _company(app, companyId)
	contact = _contact(app, company, contactId)
	contacts = contacts_of(app.world, company)
	problems: list[str] = []
	_check_primaries(company, [other for other in contacts if other is not contact], problems)
	if problems:
		raise ApiError(422, "Invalid contact delete", problems)
	contacts.remove(contact)
	return Response(204)


def read_contact(app: App, asked: Any, problems: list[str]) -> Contact | None:
	"""The contact of a body, new; None where it is none, with the reasons in `problems`."""
	if not isinstance(asked, dict):
		problems.append("A contact must be an object.")
		return None
	found = len(problems)
	require(asked, tuple(_TEXTS), problems)
	given = texts(asked, _TEXTS, problems)
	if "email" in given and not is_email(given["email"]):
		problems.append("email must be an email address.")
	types = _read_types(asked.get("types", []), problems)
	if len(problems) > found:
		return None
	return Contact(id=str(uuid.uuid4()), created=app.clock.now().date(), types=types, **given)


def _read_types(value: Any, problems: list[str]) -> dict[str, bool]:
	types: dict[str, bool] = {}
	if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
		problems.append("types must be an array of objects with type and primary.")
		return types
	for row in value:
		if row.get("type") not in CONTACT_TYPES:
			problems.append(f"A contact's type must be one of {', '.join(CONTACT_TYPES)}.")
		elif not isinstance(row.get("primary", False), bool):
			problems.append("primary must be true or false.")
		else:
			types[row["type"]] = types.get(row["type"], False) or row.get("primary", False)
	return types


def _check_primaries(company: Company, contacts: list[Contact], problems: list[str]) -> None:
	lacking = types_without_primary(contacts)
	if company.status == "Active" and lacking:
		problems.append(
			f"The company must keep a primary contact of each type; missing: {', '.join(lacking)}."
		)


def _activate(app: App, company: Company) -> None:
	if company.status == "Inactive" and not types_without_primary(contacts_of(app.world, company)):
		company.status = "Active"
		company.updated = app.clock.now()
		app.world.companies.changed(company)
		app.events.company("UPDATED", company)


def _company(app: App, identifier: str) -> Company:
	company = app.world.companies.get(identifier)
	if company is None:
		raise ApiError(404, "Company not found", [f"There is no company {identifier}."])
	return company


def _contact(app: App, company: Company, identifier: str) -> Contact:
	for contact in contacts_of(app.world, company):
		if contact.id == identifier.lower():
			return contact
	raise ApiError(404, "Contact not found", [f"The company has no contact {identifier}."])


# The spec gives none of these operations an id; the names follow their neighbours'.
ROUTES = (
	Route("GET", "/companies/{companyId}/contacts", "findContacts", find_contacts),
	Route("POST", "/companies/{companyId}/contacts", "createContact", create_contact),
	Route("GET", "/companies/{companyId}/contacts/{contactId}", "findContactByContactId", find_contact),
	Route("PUT", "/companies/{companyId}/contacts/{contactId}", "updateContact", update_contact),
	Route("DELETE", "/companies/{companyId}/contacts/{contactId}", "deleteContact", delete_contact),
)
