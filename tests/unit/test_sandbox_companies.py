"""Creating and changing companies at the sandbox, and what contacts have to do with their status."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from msp_licensing.sandbox import Sandbox
from msp_licensing.sandbox import storybook as story

TYPES = ("Admin", "Billing", "Technical")
NEW = {
	"name": "New & Co",
	"address": {"street": "1 Main Street", "city": "Toronto", "postalCode": "M5V 2T6", "country": "CA"},
	"phone": "555-0100",
	"website": "https://new.example",
	"selfServiceAllowed": False,
	"billOnBehalfOfEnabled": False,
	"orderApprovalRequired": True,
}


def _person(name: str, *primary: str, **changes: Any) -> dict[str, Any]:
	return {
		"firstName": name,
		"lastName": "Doe",
		"email": f"{name.lower()}@example.com",
		"phone": "555-0101",
		"types": [{"type": kind, "primary": True} for kind in primary],
		**changes,
	}


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
	with Sandbox(seed=3, companies=30, products=16, subscriptions=18, rate_limit=0) as sandbox:
		yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Iterator[Sandbox]:
	yield running
	running.reset()


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[httpx.Client]:
	with httpx.Client(base_url=sandbox.url, headers=sandbox.authorization(), verify=False) as client:
		yield client


def _create(api: httpx.Client, **changes: Any) -> dict[str, Any]:
	return api.post("/companies", json={**NEW, **changes}).raise_for_status().json()


def _reason(response: httpx.Response) -> str:
	assert response.status_code == 422, response.text
	return "; ".join(detail["message"] for detail in response.json()["details"])


def _primaries(sandbox: Sandbox, company: str) -> dict[str, list[str]]:
	return {
		kind: [
			contact["firstName"]
			for contact in sandbox.company(company)["contacts"]
			if {"type": kind, "primary": True} in contact["types"]
		]
		for kind in TYPES
	}


def test_a_company_without_contacts_is_inactive_until_it_has_all_primary_ones(
	sandbox: Sandbox, api: httpx.Client
) -> None:
	company = _create(api)["id"]
	contacts = f"/companies/{company}/contacts"
	statuses = []
	for contact in (_person("Ada", "Admin", "Billing"), _person("Bob"), _person("Cyd", "Technical")):
		statuses.append(api.get(f"/companies/{company}").json()["status"])
		api.post(contacts, json=contact).raise_for_status()
	assert statuses == ["Inactive"] * 3
	assert api.get(f"/companies/{company}").json()["status"] == "Active"


def test_a_company_with_its_contacts_is_active_at_once(sandbox: Sandbox, api: httpx.Client) -> None:
	company = _create(api, contacts=[_person("Ada", *TYPES)])
	assert company["status"] == "Active"
	assert "contacts" not in company
	assert [row["firstName"] for row in sandbox.company(company["id"])["contacts"]] == ["Ada"]


def test_contacts_that_leave_a_role_open_are_refused_with_the_company(
	sandbox: Sandbox, api: httpx.Client
) -> None:
	before = len(sandbox.world.companies)
	response = api.post("/companies", json={**NEW, "contacts": [_person("Ada", "Admin")]})
	assert "Billing, Technical" in _reason(response)
	assert len(sandbox.world.companies) == before


def test_a_new_company_is_listed_and_billed_in_the_currency_of_its_country(
	sandbox: Sandbox, api: httpx.Client
) -> None:
	company = _create(api)
	last = api.get("/companies", params={"size": 200}).json()["content"][-1]
	assert last == company
	assert sandbox.world.companies.rows[company["id"]].currency == "CAD"


def test_a_part_of_the_address_can_be_changed_alone(sandbox: Sandbox, api: httpx.Client) -> None:
	before = sandbox.company(story.CEDAR_AND_PINE)
	changed = api.patch(f"/companies/{story.CEDAR_AND_PINE}", json={"address": {"city": "Boulder"}}).json()
	assert changed["address"] == {**before["address"], "city": "Boulder"}
	assert changed["updatedDate"] != before["updatedDate"]
	assert api.get("/companies", params={"city": "Boulder"}).json()["content"] == [changed]


def test_a_change_of_nothing_is_refused(sandbox: Sandbox, api: httpx.Client) -> None:
	url = f"/companies/{story.CEDAR_AND_PINE}"
	for body in ({}, {"name": "Cedar & Pine Architects"}, {"status": "Deleted"}, {"nonsense": 1}):
		assert "At least one parameter has to be modified." in _reason(api.patch(url, json=body))


def test_a_deleted_company_stays_as_it_was(sandbox: Sandbox, api: httpx.Client) -> None:
	sandbox.change("companies", story.BLUE_HARBOR_DENTAL, status="Deleted")
	url = f"/companies/{story.BLUE_HARBOR_DENTAL}"
	assert "deleted" in _reason(api.patch(url, json={"name": "Renamed"}))
	assert "deleted" in _reason(api.post(f"{url}/contacts", json=_person("Ada")))


def test_every_active_company_has_its_primary_contacts_and_no_inactive_one(
	sandbox: Sandbox,
) -> None:
	statuses = set()
	for company in sandbox.world.companies.order:
		complete = all(len(names) == 1 for names in _primaries(sandbox, company.id).values())
		assert complete is (company.status == "Active"), company.name
		statuses.add(company.status)
	assert {"Active", "Inactive"} <= statuses


def test_contacts_are_the_same_at_every_look(api: httpx.Client, sandbox: Sandbox) -> None:
	url = f"/companies/{story.MUELLER_UND_SOEHNE}/contacts"
	before = api.get(url).json()
	sandbox.reset()
	assert api.get(url).json()["content"] == before["content"]


def test_contacts_come_newest_first(sandbox: Sandbox, api: httpx.Client) -> None:
	url = f"/companies/{story.CEDAR_AND_PINE}/contacts"
	for name in ("Ada", "Bob"):
		api.post(url, json=_person(name)).raise_for_status()
	rows = api.get(url).json()["content"]
	assert [row["firstName"] for row in rows[:2]] == ["Bob", "Ada"]
	dates = [row["createdDate"] for row in rows]
	assert dates == sorted(dates, reverse=True)


def test_there_is_one_primary_contact_of_each_type(sandbox: Sandbox, api: httpx.Client) -> None:
	url = f"/companies/{story.CEDAR_AND_PINE}/contacts"
	new = api.post(url, json=_person("Ada", "Billing")).json()
	assert _primaries(sandbox, story.CEDAR_AND_PINE)["Billing"] == ["Ada"]
	api.put(f"{url}/{new['id']}", json=_person("Eve", "Admin", "Billing")).raise_for_status()
	primaries = _primaries(sandbox, story.CEDAR_AND_PINE)
	assert (primaries["Admin"], primaries["Billing"], len(primaries["Technical"])) == (["Eve"], ["Eve"], 1)


def test_the_last_primary_contact_of_an_active_company_cannot_go(sandbox: Sandbox, api: httpx.Client) -> None:
	url = f"/companies/{story.CEDAR_AND_PINE}/contacts"
	new = api.post(url, json=_person("Ada", *TYPES)).json()["id"]
	assert "Admin, Billing, Technical" in _reason(api.delete(f"{url}/{new}"))
	assert "Billing" in _reason(api.put(f"{url}/{new}", json=_person("Ada", "Admin")))
	old = next(row["id"] for row in sandbox.company(story.CEDAR_AND_PINE)["contacts"] if row["id"] != new)
	assert api.delete(f"{url}/{old}").status_code == 204
	assert api.get(f"{url}/{old}").status_code == 404


def test_types_that_are_not_given_stay(sandbox: Sandbox, api: httpx.Client) -> None:
	url = f"/companies/{story.CEDAR_AND_PINE}/contacts"
	new = api.post(url, json=_person("Ada", "Billing")).json()
	body = {name: value for name, value in _person("Eve").items() if name != "types"}
	changed = api.put(f"{url}/{new['id']}", json=body).json()
	assert changed == {**new, "firstName": "Eve", "email": "eve@example.com"}


def test_contacts_go_with_their_company(sandbox: Sandbox, api: httpx.Client) -> None:
	api.get(f"/companies/{story.BLUE_HARBOR_DENTAL}/contacts")
	sandbox.vanish("companies", story.BLUE_HARBOR_DENTAL)
	assert api.get(f"/companies/{story.BLUE_HARBOR_DENTAL}/contacts").status_code == 404
	assert story.BLUE_HARBOR_DENTAL not in sandbox.world.contacts
