"""The sandbox's usage: totals that grow with the clock, months that end, groups that belong to nobody."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import httpx
import pytest

from msp_licensing.sandbox import Sandbox
from msp_licensing.sandbox import storybook as story
from msp_licensing.sandbox.dates import parse_moment

START = datetime(2025, 3, 14, 15, 9, 26, tzinfo=timezone.utc)
DAY = 86400


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
	with Sandbox(seed=3, companies=40, products=300, subscriptions=900, rate_limit=0, now=START) as sandbox:
		yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Iterator[Sandbox]:
	running.clock.freeze()
	yield running
	running.reset()


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[httpx.Client]:
	def fresh_token(request: httpx.Request) -> httpx.Request:
		# The clock is moved by months, and tokens last a day of it.
		request.headers.update(sandbox.authorization())
		return request

	with httpx.Client(base_url=sandbox.url, auth=fresh_token, verify=False) as client:
		yield client


def _at(sandbox: Sandbox, text: str) -> None:
	sandbox.clock.set(parse_moment(text))


def _summaries(api: httpx.Client, subscription: str, **query: str) -> list[dict[str, Any]]:
	response = api.get(f"/subscriptions/{subscription}/usage-summaries", params={"size": "200", **query})
	assert response.status_code == 200, response.text
	return [_exact(row) for row in response.json(parse_float=Decimal)["content"]]


def _lines(api: httpx.Client, summary: str, day: str, **query: str) -> list[dict[str, Any]]:
	response = api.get(
		f"/usage-summaries/{summary}/usage-lines", params={"usageDate": day, "size": "200", **query}
	)
	assert response.status_code == 200, response.text
	return [_exact(row) for row in response.json(parse_float=Decimal)["content"]]


def _exact(row: dict[str, Any]) -> dict[str, Any]:
	return {
		name: Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else value
		for name, value in row.items()
	}


def _all(sandbox: Sandbox) -> list[dict[str, Any]]:
	return [row for held in sandbox.world.subscriptions.order for row in sandbox.usage(held.id)]


def test_totals_grow_from_day_to_day_and_are_the_same_whenever_the_day_is_seen(
	sandbox: Sandbox, api: httpx.Client
) -> None:
	seen = []
	for day in ("02", "08", "15", "22", "31"):
		_at(sandbox, f"2025-03-{day}T12:00:00Z")
		seen.append(_summaries(api, story.CEDAR_AZURE)[0]["currentCharges"])
	assert seen == sorted(seen) and len(set(seen)) == 5
	_at(sandbox, "2025-03-15T23:59:59Z")
	assert _summaries(api, story.CEDAR_AZURE)[0]["currentCharges"] == seen[2]


def test_some_totals_fall_from_one_day_to_the_next_and_most_rise(sandbox: Sandbox) -> None:
	_at(sandbox, "2025-03-24T12:00:00Z")
	before = {row["id"]: row["currentCharges"] for row in _all(sandbox)}
	sandbox.clock.advance(DAY)
	after = {row["id"]: row["currentCharges"] for row in _all(sandbox)}
	falls = sum(after[one] < before[one] for one in before)
	rises = sum(after[one] > before[one] for one in before)
	assert set(before) == set(after)
	assert 0 < falls < rises


def test_a_new_month_wipes_the_old_one_at_midnight_utc(sandbox: Sandbox, api: httpx.Client) -> None:
	_at(sandbox, "2025-03-31T23:59:59Z")
	march = _summaries(api, story.CEDAR_AZURE)
	assert _lines(api, march[0]["id"], "2025-03-31")
	_at(sandbox, "2025-04-01T00:00:00Z")
	april = _summaries(api, story.CEDAR_AZURE)
	assert not {row["id"] for row in march} & {row["id"] for row in april}
	assert april[0]["resourceGroup"] == march[0]["resourceGroup"]
	assert april[0]["currentCharges"] < march[0]["currentCharges"] / 10
	assert api.get(f"/usage-summaries/{march[0]['id']}").status_code == 404
	old = api.get(f"/usage-summaries/{march[0]['id']}/usage-lines", params={"usageDate": "2025-03-31"})
	assert old.status_code == 404
	assert _lines(api, april[0]["id"], "2025-03-31") == []


def test_a_group_shows_from_its_first_usage_of_the_month_on(sandbox: Sandbox, api: httpx.Client) -> None:
	_at(sandbox, "2025-04-02T12:00:00Z")
	assert len(_summaries(api, story.CEDAR_AZURE)) == 2
	sandbox.clock.advance(DAY)
	assert [row["resourceGroup"] for row in _summaries(api, story.CEDAR_AZURE)] == [
		story.CEDAR_AZURE_PRODUCTION,
		story.CEDAR_AZURE_BACKUP,
		story.CEDAR_AZURE_DEV_TEST,
	]


def test_ids_hold_for_a_month_and_are_found_after_a_restart(sandbox: Sandbox, api: httpx.Client) -> None:
	ids = [row["id"] for row in _all(sandbox)]
	sandbox.reset()
	assert [api.get(f"/usage-summaries/{one}").json()["id"] for one in ids] == ids
	sandbox.clock.advance(10 * DAY)
	assert {row["id"] for row in _all(sandbox)} >= set(ids)
	assert len(set(ids)) == len(ids)


def test_the_storybooks_summaries_have_the_ids_that_it_names(sandbox: Sandbox, api: httpx.Client) -> None:
	rows = _summaries(api, story.CEDAR_AZURE)
	assert [row["id"] for row in rows] == [story.usage_summary_id(number, START) for number in (1, 2, 3)]
	assert rows[0]["id"] == "5a000000-0000-4000-8000-202503000001"


def test_the_storybooks_usage_is_the_same_whatever_the_seed(sandbox: Sandbox, api: httpx.Client) -> None:
	told = (story.CEDAR_AZURE, story.MUELLER_ACRONIS_USAGE, story.NORTHWIND_SENTINELONE_USAGE)
	before = [sandbox.usage(one) for one in told]
	try:
		sandbox.reset(seed=99)
		assert [sandbox.usage(one) for one in told] == before
	finally:
		sandbox.reset(seed=3)


def test_whose_the_storybooks_groups_are(sandbox: Sandbox, api: httpx.Client) -> None:
	azure = _summaries(api, story.CEDAR_AZURE)
	assert {row["companyId"] for row in azure} == {story.CEDAR_AND_PINE}
	acronis = _summaries(api, story.MUELLER_ACRONIS_USAGE)
	assert {(row["companyId"], row["currencyCode"]) for row in acronis} == {(story.MUELLER_UND_SOEHNE, "EUR")}
	assert {row["resourceGroup"]: row["isTrial"] for row in acronis} == {
		story.MUELLER_ACRONIS_GROUP: False,
		story.MUELLER_ACRONIS_TRIAL: True,
	}
	owners = {
		row["resourceGroup"]: row.get("companyId", "absent")
		for row in _summaries(api, story.NORTHWIND_SENTINELONE_USAGE)
	}
	assert owners == {
		story.SENTINELONE_OF_CEDAR: "absent",
		story.SENTINELONE_OF_NOBODY: "absent",
		story.SENTINELONE_DORMANT: "absent",
		story.SENTINELONE_DEFAULT_SITE: story.NORTHWIND_PARTNER,
		story.SENTINELONE_TRIAL: story.NORTHWIND_PARTNER,
		story.SENTINELONE_OF_BLUE_HARBOR: story.BLUE_HARBOR_DENTAL,
	}


def test_every_kind_of_group_that_a_client_must_cope_with_occurs(sandbox: Sandbox) -> None:
	sandbox.clock.advance(10 * DAY)
	rows = _all(sandbox)
	companies = {row.get("companyId") for row in rows}
	assert None in companies and story.NORTHWIND_PARTNER in companies
	owners = {held.id: held.company_id for held in sandbox.world.subscriptions.order}
	assert any(
		row.get("companyId") not in (None, story.NORTHWIND_PARTNER, owners[row["subscriptionId"]])
		for row in rows
		if "subscriptionId" in row
	)
	assert {row["isTrial"] for row in rows} == {True, False}
	assert {row["currencyCode"] for row in rows} >= {"USD", "EUR", "GBP", "CAD"}
	assert any(row["currentCharges"] == 0 for row in rows)
	assert {"subscriptionId" in row for row in rows} == {True, False}


def test_azure_is_always_linked_to_the_company_that_owns_the_subscription(sandbox: Sandbox) -> None:
	world = sandbox.world
	azure = [
		held
		for held in world.subscriptions.order
		if world.products.rows[held.product_id].shape == "container"
	]
	rows = [(held, row) for held in azure for row in sandbox.usage(held.id)]
	assert rows
	assert all(row["companyId"] == held.company_id for held, row in rows)


def test_only_subscriptions_that_are_charged_by_usage_have_summaries(
	sandbox: Sandbox, api: httpx.Client
) -> None:
	assert _summaries(api, story.CEDAR_KEEPER) == []
	assert _summaries(api, story.CEDAR_DEFENDER_PROMO) == []


def test_usage_begins_and_ends_with_the_subscription(sandbox: Sandbox, api: httpx.Client) -> None:
	sandbox.change("subscriptions", story.CEDAR_AZURE, startDate="2025-03-10T08:00:00Z")
	summary = _summaries(api, story.CEDAR_AZURE)[0]
	assert _lines(api, summary["id"], "2025-03-09") == []
	assert _lines(api, summary["id"], "2025-03-10")
	sandbox.change("subscriptions", story.CEDAR_AZURE, endDate="2025-03-12T00:00:00Z", status="Cancelled")
	at_the_end = _summaries(api, story.CEDAR_AZURE)[0]
	_at(sandbox, "2025-03-30T00:00:00Z")
	assert _summaries(api, story.CEDAR_AZURE)[0] == at_the_end
	assert _lines(api, summary["id"], "2025-03-12") == []
	_at(sandbox, "2025-04-02T00:00:00Z")
	assert _summaries(api, story.CEDAR_AZURE) == []


# Lines


@pytest.mark.parametrize("subscription", [story.CEDAR_AZURE, story.NORTHWIND_SENTINELONE_USAGE])
def test_lines_are_running_totals_that_add_up_to_the_summary_exactly(
	sandbox: Sandbox, api: httpx.Client, subscription: str
) -> None:
	for summary in _summaries(api, subscription):
		lines = _lines(api, summary["id"], "2025-03-14")
		assert sum(line["currentCharges"] for line in lines) == summary["currentCharges"]
		assert sum(line["partnerTotal"] for line in lines) == summary["partnerTotal"]
		for line in lines:
			assert line["currentProfit"] == line["currentCharges"] - line["partnerTotal"]
			assert line["currentCharges"] == (line["quantity"] * line["unitPrice"]).quantize(
				Decimal("0.01"), "ROUND_HALF_UP"
			)
			assert line["usageSummaryId"] == summary["id"]


def test_azures_lines_are_each_days_own_where_the_setting_says_so(
	sandbox: Sandbox, api: httpx.Client
) -> None:
	azure = _summaries(api, story.CEDAR_AZURE)[0]
	sentinel = _summaries(api, story.NORTHWIND_SENTINELONE_USAGE)[0]
	running = _lines(api, sentinel["id"], "2025-03-14")
	sandbox.configure(azure_usage_lines="daily")
	days = [_lines(api, azure["id"], f"2025-03-{day:02d}") for day in range(1, 15)]
	assert sum(line["currentCharges"] for day in days for line in day) == azure["currentCharges"]
	assert sum(line["partnerTotal"] for day in days for line in day) == azure["partnerTotal"]
	assert _lines(api, sentinel["id"], "2025-03-14") == running


def test_lines_come_ten_at_a_time_and_by_product(sandbox: Sandbox, api: httpx.Client) -> None:
	summary = _summaries(api, story.CEDAR_AZURE)[0]["id"]
	path, query = f"/usage-summaries/{summary}/usage-lines", {"usageDate": "2025-03-14"}
	first, second = (api.get(path, params={**query, "page": page}).json() for page in ("0", "1"))
	assert first["page"] == {"size": 10, "totalElements": 14, "totalPages": 2, "number": 0}
	assert (len(first["content"]), len(second["content"])) == (10, 4)
	product = second["content"][0]["productId"]
	(line,) = _lines(api, summary, "2025-03-14", productId=product)
	assert line["productId"] == product


def test_there_are_no_lines_of_days_to_come(sandbox: Sandbox, api: httpx.Client) -> None:
	summary = _summaries(api, story.CEDAR_AZURE)[0]["id"]
	assert _lines(api, summary, "2025-03-15") == []
	sandbox.clock.advance(DAY)
	assert _lines(api, summary, "2025-03-15")


# From outside


def test_a_group_that_is_assigned_shows_its_company_until_it_is_nobodys_again(
	sandbox: Sandbox, api: httpx.Client
) -> None:
	held, group = story.NORTHWIND_SENTINELONE_USAGE, story.SENTINELONE_OF_CEDAR
	sandbox.assign_usage(held, group, story.CEDAR_AND_PINE)
	(row,) = _summaries(api, held, companyId=story.CEDAR_AND_PINE)
	assert (row["resourceGroup"], row["companyId"]) == (group, story.CEDAR_AND_PINE)
	_at(sandbox, "2025-05-20T12:00:00Z")
	assert len(_summaries(api, held, companyId=story.CEDAR_AND_PINE)) == 1
	sandbox.assign_usage(held, group, None)
	assert _summaries(api, held, companyId=story.CEDAR_AND_PINE) == []


def test_a_spike_stays_until_the_month_ends(sandbox: Sandbox, api: httpx.Client) -> None:
	def charges() -> Decimal:
		return _summaries(api, story.CEDAR_AZURE)[1]["currentCharges"]

	normal = charges()
	_at(sandbox, "2025-04-20T12:00:00Z")
	in_april = charges()
	_at(sandbox, "2025-03-14T12:00:00Z")
	sandbox.spike_usage(story.CEDAR_AZURE, story.CEDAR_AZURE_BACKUP, factor=30)
	assert charges() > 2 * normal
	assert (
		_lines(api, _summaries(api, story.CEDAR_AZURE)[1]["id"], "2025-03-13")[0]["currentCharges"] < normal
	)
	_at(sandbox, "2025-04-20T12:00:00Z")
	assert charges() == in_april


def test_a_summary_that_is_set_keeps_its_amounts_to_the_cent_until_the_month_ends(
	sandbox: Sandbox, api: httpx.Client
) -> None:
	held, group = story.MUELLER_ACRONIS_USAGE, story.MUELLER_ACRONIS_GROUP
	sandbox.set_usage(held, group, currentCharges=86.46, partnerTotal=71.456)
	_at(sandbox, "2025-03-31T12:00:00Z")
	row, _trial = _summaries(api, held)
	assert (row["currentCharges"], row["partnerTotal"]) == (Decimal("86.46"), Decimal("71.456"))
	(line,) = _lines(api, row["id"], "2025-03-31")
	assert (line["currentCharges"], line["currentProfit"]) == (Decimal("86.46"), Decimal("15.004"))
	assert _lines(api, row["id"], "2025-03-13")[0]["currentCharges"] != Decimal("86.46")
	_at(sandbox, "2025-04-14T12:00:00Z")
	assert _summaries(api, held)[0]["currentCharges"] != Decimal("86.46")


def test_groups_can_be_added_changed_in_how_they_show_and_removed(
	sandbox: Sandbox, api: httpx.Client
) -> None:
	rows = sandbox.set_usage(story.CEDAR_KEEPER, "New GmbH 77", monthlyCharges=310, isTrial=True)
	assert [(row["resourceGroup"], row["isTrial"]) for row in rows] == [("New GmbH 77", True)]
	assert "companyId" not in rows[0]
	assert 100 < _summaries(api, story.CEDAR_KEEPER)[0]["currentCharges"] < 200  # the 14th of 31 days
	sandbox.set_usage(
		story.CEDAR_KEEPER, "New GmbH 77", wire={"companyId": None, "currencyCode": "XXX"}, absent=["isTrial"]
	)
	row = _summaries(api, story.CEDAR_KEEPER)[0]
	assert (row["companyId"], row["currencyCode"], "isTrial" in row) == (None, "XXX", False)
	with httpx.Client(base_url=sandbox.control_url, verify=False) as control:
		body = {"subscriptionId": story.CEDAR_AZURE, "resourceGroup": story.CEDAR_AZURE_BACKUP}
		assert control.request("DELETE", "/usage", json=body).status_code == 204
		assert control.request("DELETE", "/usage", json=body).status_code == 404
		shown = control.get("/usage", params={"subscription": story.CEDAR_AZURE}).json()["summaries"]
	assert story.CEDAR_AZURE_BACKUP not in [row["resourceGroup"] for row in shown]


@pytest.mark.parametrize(
	("path", "body"),
	[
		("usage", {"resourceGroup": "A"}),
		("usage", {"subscriptionId": story.CEDAR_AZURE, "resourceGroup": "A", "companyId": "nobody"}),
		("usage", {"subscriptionId": story.CEDAR_AZURE, "resourceGroup": "A", "isTrial": "yes"}),
		("usage", {"subscriptionId": story.CEDAR_AZURE, "resourceGroup": "A", "currentCharges": "1"}),
		("usage", {"subscriptionId": story.CEDAR_AZURE, "resourceGroup": "A", "partnerTotal": 1}),
		("usage", {"subscriptionId": story.CEDAR_AZURE, "resourceGroup": "A", "seats": 1}),
		("usage/assign", {"subscriptionId": story.CEDAR_AZURE, "resourceGroup": story.CEDAR_AZURE_BACKUP}),
		("usage/assign", {"subscriptionId": story.CEDAR_AZURE, "resourceGroup": "A", "companyId": None}),
		("usage/spike", {"subscriptionId": story.CEDAR_AZURE, "resourceGroup": "A"}),
	],
	ids=str,
)
def test_a_wrong_order_changes_nothing_and_says_why(
	sandbox: Sandbox, path: str, body: dict[str, Any]
) -> None:
	before = sandbox.usage(story.CEDAR_AZURE)
	answer = httpx.post(f"{sandbox.control_url}/{path}", json=body, verify=False)
	assert answer.status_code in (400, 404)
	assert answer.json()["error"]
	assert sandbox.usage(story.CEDAR_AZURE) == before


def test_reset_takes_all_changes_back(sandbox: Sandbox) -> None:
	before = sandbox.usage(story.NORTHWIND_SENTINELONE_USAGE)
	for row in before:
		sandbox.spike_usage(story.NORTHWIND_SENTINELONE_USAGE, row["resourceGroup"])
	sandbox.reset()
	sandbox.clock.freeze()
	assert sandbox.usage(story.NORTHWIND_SENTINELONE_USAGE) == before
