"""Calls that create and change companies, and those of their contacts."""

from __future__ import annotations

from typing import Any

from openapi_calls import NOWHERE, Call, get

from msp_licensing.sandbox import Sandbox
from msp_licensing.sandbox import storybook as story

COMPANY = "/companies/{companyId}"
CONTACTS, CONTACT = f"{COMPANY}/contacts", f"{COMPANY}/contacts/{{contactId}}"

TYPES = [{"type": name, "primary": True} for name in ("Admin", "Billing", "Technical")]
PERSON = {"firstName": "John", "lastName": "Doe", "email": "john.doe@example.com", "phone": "555-555-5555"}
# The file's own example, apart from its website.
NEW = {
	"name": "VFC Network, Inc",
	"address": {
		"street": "48918 Liberty Lane Ave",
		"city": "Denver",
		"postalCode": "80210",
		"country": "US",
		"stateOrProvince": "Colorado",
	},
	"phone": "123-456-5555",
	"website": "vfc-network-inc-liberty.example",
	"externalId": "A123",
	"selfServiceAllowed": False,
	"billOnBehalfOfEnabled": False,
	"orderApprovalRequired": False,
	"contacts": [{**PERSON, "types": TYPES}],
}


def a_contact(sandbox: Sandbox) -> tuple[str, str]:
	"""A company and the contact that holds its primary roles."""
	[contact] = sandbox.company(story.CEDAR_AND_PINE)["contacts"][:1]
	return story.CEDAR_AND_PINE, contact["id"]


def a_contact_of_another(sandbox: Sandbox) -> tuple[str, str]:
	"""A company and a contact that is not its."""
	return story.MUELLER_UND_SOEHNE, a_contact(sandbox)[1]


def a_spare_contact(sandbox: Sandbox) -> tuple[str, str]:
	"""An inactive company and one of its contacts, without whom it can be."""
	sandbox.change("companies", story.BLUE_HARBOR_DENTAL, status="Inactive")
	return story.BLUE_HARBOR_DENTAL, sandbox.company(story.BLUE_HARBOR_DENTAL)["contacts"][0]["id"]


def _without(name: str) -> dict[str, Any]:
	return {key: value for key, value in NEW.items() if key != name}


def _create(status: int, body: Any) -> Call:
	return Call("POST", "/companies", status, body=body)


def _patch(status: int, body: Any, identifier: str = story.CEDAR_AND_PINE) -> Call:
	return Call("PATCH", COMPANY, status, (identifier,), body=body)


def _add(status: int, body: Any, identifier: str = story.CEDAR_AND_PINE) -> Call:
	return Call("POST", CONTACTS, status, (identifier,), body=body)


def _put(status: int, body: Any, given: Any = a_contact) -> Call:
	return Call("PUT", CONTACT, status, body=body, given=given)


SERVED = [
	_create(200, NEW),
	_create(200, _without("contacts")),
	_create(200, {**_without("externalId"), "address": {**NEW["address"], "street2": "Ste. 350"}}),
	_patch(200, {"name": "Renamed"}),
	_patch(200, {"address": {"city": "Boulder"}, "selfServiceAllowed": False}),
	_patch(200, {"externalId": "CRM-1", "status": "Deleted", "id": NOWHERE}),
	get(CONTACTS, 200, story.CEDAR_AND_PINE),
	get(CONTACTS, 200, story.MUELLER_UND_SOEHNE, page="1", size="200"),
	_add(200, PERSON),
	_add(200, {**PERSON, "types": TYPES}),
	Call("GET", CONTACT, 200, given=a_contact),
	_put(200, PERSON),
	_put(200, {**PERSON, "types": TYPES}),
	Call("DELETE", CONTACT, 204, given=a_spare_contact),
]

REFUSED = [
	_create(422, {**NEW, "address": {"street": "1 Main Street"}}),
	_create(422, {**NEW, "name": " "}),
	_create(422, {**NEW, "contacts": [PERSON]}),
	_patch(422, {"name": "Cedar & Pine Architects"}),
	_patch(422, {}),
	get(CONTACTS, 404, NOWHERE),
	_add(404, PERSON, NOWHERE),
	_add(422, {**PERSON, "firstName": ""}),
	get(CONTACT, 404, NOWHERE, NOWHERE),
	get(CONTACT, 404, story.CEDAR_AND_PINE, NOWHERE),
	Call("GET", CONTACT, 404, given=a_contact_of_another),
	_put(422, {**PERSON, "types": []}),
	_put(404, PERSON, a_contact_of_another),
	Call("DELETE", CONTACT, 422, given=a_contact),
	Call("DELETE", CONTACT, 404, (NOWHERE, NOWHERE)),
]

REFUSED_BEYOND_THE_FILE = [_patch(404, {"name": "Renamed"}, NOWHERE)]

INVALID = [
	_create(422, []),
	*(_create(422, _without(name)) for name in ("name", "address", "phone", "website")),
	_create(422, _without("selfServiceAllowed")),
	_create(422, {**NEW, "name": 5}),
	_create(422, {**NEW, "address": "Denver"}),
	_create(422, {**NEW, "address": {**NEW["address"], "country": "United States"}}),
	_create(422, {**NEW, "billOnBehalfOfEnabled": "no"}),
	_create(422, {**NEW, "contacts": {}}),
	_create(422, {**NEW, "contacts": [{**PERSON, "email": "john"}]}),
	_patch(422, {"externalId": None}),
	_patch(422, {"address": []}),
	_patch(422, []),
	get(CONTACTS, 400, story.CEDAR_AND_PINE, size="201"),
	*(_add(422, {key: PERSON[key] for key in PERSON if key != name}) for name in PERSON),
	_add(422, {**PERSON, "email": "john"}),
	_add(422, {**PERSON, "phone": 5555555}),
	_add(422, {**PERSON, "types": [{"type": "Owner", "primary": True}]}),
	_add(422, {**PERSON, "types": [{"type": "Admin", "primary": "yes"}]}),
	_add(422, {**PERSON, "types": "Admin"}),
	_put(422, {"firstName": "John"}),
	_put(422, []),
]

FOUND_NOTHING: list[Call] = []
