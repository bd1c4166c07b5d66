"""The sandbox as a client sees it: tokens, limits, pages, and what a change of a subscription does."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from http.client import HTTPConnection
from typing import Any

import httpx
import pytest

from msp_licensing.sandbox import Sandbox
from msp_licensing.sandbox import storybook as story
from msp_licensing.sandbox.dates import add_months, parse_moment

CREDENTIALS = {
	"client_id": "sandbox",
	"client_secret": "sandbox",
	"audience": "https://api.pax8.com",
	"grant_type": "client_credentials",
}
DAY = 86400
KEEPER = f"/subscriptions/{story.CEDAR_KEEPER}"

# Plain HTTP on this machine: loading certificates for each call would cost more than the tests.
WEB = httpx.Client(verify=False)


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
	with Sandbox(seed=3, companies=25, products=60, subscriptions=230, rate_limit=0) as sandbox:
		yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Iterator[Sandbox]:
	running.clock.freeze()
	yield running
	running.reset()


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[httpx.Client]:
	with httpx.Client(base_url=sandbox.url, headers=sandbox.authorization(), verify=False) as client:
		yield client


def _put(api: httpx.Client, identifier: str, **change: Any) -> httpx.Response:
	return api.put(f"/subscriptions/{identifier}", json=change)


def _get(api: httpx.Client, identifier: str) -> dict[str, Any]:
	return api.get(f"/subscriptions/{identifier}").raise_for_status().json()


def _reason(response: httpx.Response) -> str:
	assert response.status_code == 422, response.text
	return "; ".join(detail["message"] for detail in response.json()["details"])


# Tokens


def test_a_token_lasts_a_day_of_the_sandbox_clock(sandbox: Sandbox) -> None:
	answer = WEB.post(f"{sandbox.url}/token", json=CREDENTIALS).json()
	headers = {"Authorization": f"{answer['token_type']} {answer['access_token']}"}
	assert answer["expires_in"] == DAY
	assert WEB.get(f"{sandbox.url}/companies", headers=headers).status_code == 200
	sandbox.clock.advance(DAY - 1)
	assert WEB.get(f"{sandbox.url}/companies", headers=headers).status_code == 200
	sandbox.clock.advance(1)
	assert WEB.get(f"{sandbox.url}/companies", headers=headers).status_code == 401


@pytest.mark.parametrize(
	"wrong",
	[{"client_id": "me"}, {"client_secret": ""}, {"audience": "api://usage"}, {"grant_type": "password"}],
	ids=str,
)
def test_wrong_credentials_are_refused_in_the_shape_of_oauth(sandbox: Sandbox, wrong: dict[str, str]) -> None:
	response = WEB.post(f"{sandbox.url}/token", json={**CREDENTIALS, **wrong})
	assert response.status_code == 401
	assert response.json() == {"error": "access_denied", "error_description": "Unauthorized"}


def test_credentials_in_a_form_are_refused_for_the_spec_has_json_only(sandbox: Sandbox) -> None:
	assert WEB.post(f"{sandbox.url}/token", data=CREDENTIALS).status_code == 401


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer wrong", "Basic c2FuZGJveDpzYW5kYm94"])
def test_a_call_without_a_valid_token_is_refused_in_the_envelope(
	sandbox: Sandbox, header: str | None
) -> None:
	response = WEB.get(f"{sandbox.url}/companies", headers={"Authorization": header} if header else {})
	assert response.status_code == 401
	assert response.json()["status"] == 401
	assert response.json()["instance"] == "/public/v1/companies"


def test_revoked_tokens_stop_working(sandbox: Sandbox, api: httpx.Client) -> None:
	assert WEB.delete(f"{sandbox.control_url}/tokens").json()["revoked"] >= 1
	assert api.get("/companies").status_code == 401


# The limit


def test_the_limit_holds_for_any_minute_and_says_when_it_ends(sandbox: Sandbox, api: httpx.Client) -> None:
	sandbox.configure(rate_limit=3)
	assert [api.get("/companies").status_code for _ in range(2)] == [200, 200]
	sandbox.clock.advance(40)
	assert [api.get("/companies").status_code for _ in range(2)] == [200, 429]
	refused = api.get("/companies")
	assert refused.headers["Retry-After"] == "20"
	assert refused.json()["type"] == "TOO_MANY_REQUESTS"
	sandbox.clock.advance(20)
	# The two early calls have left the window, the third has not.
	assert [api.get("/companies").status_code for _ in range(3)] == [200, 200, 429]


def test_a_token_is_given_even_above_the_limit(sandbox: Sandbox, api: httpx.Client) -> None:
	sandbox.configure(rate_limit=1)
	assert [api.get("/companies").status_code for _ in range(2)] == [200, 429]
	assert WEB.post(f"{sandbox.url}/token", json=CREDENTIALS).status_code == 200


def test_retry_after_can_be_left_out(sandbox: Sandbox, api: httpx.Client) -> None:
	sandbox.configure(rate_limit=1, retry_after=False)
	api.get("/companies")
	refused = api.get("/companies")
	assert refused.status_code == 429
	assert "Retry-After" not in refused.headers


# Pages


@pytest.mark.parametrize(("path", "total"), [("/companies", 25), ("/products", 60), ("/subscriptions", 230)])
@pytest.mark.parametrize("size", [7, 10, 200])
def test_the_pages_hold_every_record_once(api: httpx.Client, path: str, total: int, size: int) -> None:
	ids: list[str] = []
	pages = -(-total // size)
	for number in range(pages):
		body = api.get(path, params={"page": number, "size": size}).json()
		ids += [row["id"] for row in body["content"]]
		assert body["page"] == {"size": size, "totalElements": total, "totalPages": pages, "number": number}
	assert len(ids) == len(set(ids)) == total


def test_a_page_has_ten_records_unless_asked_otherwise_and_none_past_the_end(api: httpx.Client) -> None:
	assert len(api.get("/companies").json()["content"]) == 10
	past = api.get("/companies?page=3").json()
	assert (past["content"], past["page"]["number"], past["page"]["totalPages"]) == ([], 3, 3)


@pytest.mark.parametrize(
	"query", ["size=0", "size=201", "size=ten", "page=-1", "page=1.5", "page=1e999", "sort=age"]
)
def test_a_page_that_cannot_be_is_refused(api: httpx.Client, query: str) -> None:
	assert api.get(f"/subscriptions?{query}").status_code == 400


def test_an_unlisted_parameter_is_ignored(api: httpx.Client) -> None:
	assert api.get("/companies?name=Cedar&limit=3").json() == api.get("/companies").json()


def test_subscriptions_sort_by_moment_whatever_its_spelling(sandbox: Sandbox, api: httpx.Client) -> None:
	rows = api.get("/subscriptions?size=200&sort=createdDate,desc").json()["content"]
	moments = [sandbox.world.subscriptions.rows[row["id"]].created for row in rows]
	assert moments == sorted(moments, reverse=True)


def test_a_filtered_list_follows_a_change(sandbox: Sandbox, api: httpx.Client) -> None:
	def active() -> int:
		return api.get("/subscriptions?status=Active").json()["page"]["totalElements"]

	before = active()
	_put(api, story.CEDAR_KEEPER, quantity=15)
	assert active() == before - 1
	sandbox.clock.advance(3)
	assert active() == before


def test_the_vendors_sku_comes_with_the_single_subscription_only(api: httpx.Client) -> None:
	listed = api.get("/subscriptions", params={"companyId": story.CEDAR_AND_PINE}).json()["content"]
	assert not any("vendorSkuId" in row for row in listed)
	assert _get(api, story.CEDAR_BUSINESS_PREMIUM)["vendorSkuId"]


def test_other_scripts_and_markup_survive_the_wire(api: httpx.Client) -> None:
	response = api.get("/companies?size=200")
	names = {row["name"] for row in response.json()["content"]}
	assert response.headers["Content-Type"] == "application/json"
	assert {"Müller & Söhne GmbH", "Zakłady Łódź Sp. z o.o.", "Fox & <i>Hound</i> <b>Studio</b>"} < names
	assert "株式会社".encode() in response.content


@pytest.mark.parametrize("path", ["/", "/v2/companies", "/companies/x/y/z", "/subscriptionz"])
def test_a_wrong_path_is_not_found(api: httpx.Client, path: str) -> None:
	response = api.get(path)
	assert response.status_code == 404
	assert response.json()["status"] == 404


def test_a_wrong_method_says_which_are_right(api: httpx.Client) -> None:
	response = api.post(f"/subscriptions/{story.CEDAR_KEEPER}", json={"quantity": 3})
	assert response.status_code == 405
	assert response.headers["Allow"] == "GET, PUT, DELETE"


# Changes


def test_a_new_quantity_shows_as_being_provisioned_and_then_as_active(
	sandbox: Sandbox, api: httpx.Client
) -> None:
	before = _get(api, story.CEDAR_KEEPER)
	answer = _put(api, story.CEDAR_KEEPER, quantity=15).json()
	assert (answer["quantity"], answer["status"]) == (15, "PendingAutomated")
	assert _get(api, story.CEDAR_KEEPER) == answer
	sandbox.clock.advance(2.9)
	assert _get(api, story.CEDAR_KEEPER)["status"] == "PendingAutomated"
	sandbox.clock.advance(0.2)
	after = _get(api, story.CEDAR_KEEPER)
	assert (after["quantity"], after["status"]) == (15, "Active")
	# Nothing but what was asked for has changed.
	assert {**before, "quantity": 15, "updatedDate": after["updatedDate"]} == after


def test_without_provisioning_time_a_change_is_active_at_once(sandbox: Sandbox, api: httpx.Client) -> None:
	sandbox.configure(provisioning_seconds=0)
	assert _put(api, story.CEDAR_KEEPER, quantity=40).json()["status"] == "Active"


def test_the_history_gains_a_snapshot_and_keeps_the_old_state(sandbox: Sandbox, api: httpx.Client) -> None:
	def history() -> list[tuple[int, str]]:
		body = api.get(f"/subscriptions/{story.CEDAR_KEEPER}/history").json()
		assert set(body) == {"content"}
		return [(row["quantity"], row["status"]) for row in body["content"]]

	assert history() == [(10, "Active")]
	_put(api, story.CEDAR_KEEPER, quantity=15)
	assert history() == [(15, "PendingAutomated"), (10, "Active")]
	sandbox.clock.advance(3)
	_put(api, story.CEDAR_KEEPER, quantity=12)
	assert history() == [(12, "PendingAutomated"), (15, "Active"), (10, "Active")]


def test_a_change_to_what_already_is_leaves_no_trace(api: httpx.Client) -> None:
	before = _get(api, story.CEDAR_KEEPER)
	assert _put(api, story.CEDAR_KEEPER, quantity=10).json() == before
	assert len(api.get(f"/subscriptions/{story.CEDAR_KEEPER}/history").json()["content"]) == 1


def test_a_new_price_takes_effect_without_provisioning(api: httpx.Client) -> None:
	answer = _put(api, story.CEDAR_KEEPER, price=4.1).json()
	assert (answer["price"], answer["quantity"], answer["status"]) == (4.1, 10, "Active")


def test_read_only_and_unknown_fields_are_ignored(api: httpx.Client) -> None:
	before = _get(api, story.CEDAR_KEEPER)
	sent = {
		"quantity": 11,
		"id": "x",
		"status": "Cancelled",
		"companyId": story.BLUE_HARBOR_DENTAL,
		"colour": 1,
	}
	after = _put(api, story.CEDAR_KEEPER, **sent).json()
	assert (after["id"], after["companyId"]) == (before["id"], before["companyId"])
	assert after["quantity"] == 11
	assert "colour" not in after


@pytest.mark.parametrize("quantity", [0, -1, 2.5, "15", None, True, [15], 10**9])
def test_a_quantity_that_is_no_whole_number_from_one_is_refused(api: httpx.Client, quantity: Any) -> None:
	assert "whole number" in _reason(_put(api, story.CEDAR_KEEPER, quantity=quantity))
	assert _get(api, story.CEDAR_KEEPER)["quantity"] == 10


def test_a_quantity_spelled_as_a_whole_fraction_is_taken(api: httpx.Client) -> None:
	assert _put(api, story.CEDAR_KEEPER, quantity=15.0).json()["quantity"] == 15


@pytest.mark.parametrize("body", ["{}", '{"endDate": "2030-01-01"}', '{"colour": "red"}', "[]", "5", "null"])
def test_a_change_without_one_of_the_four_fields_is_refused(api: httpx.Client, body: str) -> None:
	response = api.put(f"/subscriptions/{story.CEDAR_KEEPER}", content=body)
	assert "At least one of" in _reason(response)


def test_one_wrong_field_keeps_the_right_ones_from_taking_effect(api: httpx.Client) -> None:
	before = _get(api, story.CEDAR_KEEPER)
	assert _put(api, story.CEDAR_KEEPER, quantity=15, price="free").status_code == 422
	assert _get(api, story.CEDAR_KEEPER) == before


def test_a_decrease_inside_a_commitment_is_refused_in_words_for_people(api: httpx.Client) -> None:
	reason = _reason(_put(api, story.CEDAR_BUSINESS_PREMIUM, quantity=20))
	assert "Microsoft 365 Business Premium cannot be decreased from 25 to 20 until" in reason
	assert _get(api, story.CEDAR_BUSINESS_PREMIUM)["quantity"] == 25


def test_an_increase_inside_a_commitment_is_made(api: httpx.Client) -> None:
	assert _put(api, story.CEDAR_BUSINESS_PREMIUM, quantity=26).status_code == 200


def test_a_commitment_that_permits_a_decrease_lets_it_pass(api: httpx.Client) -> None:
	assert _put(api, story.CEDAR_BUSINESS_BASIC, quantity=11).status_code == 200


def test_only_licenses_just_added_can_be_given_back(sandbox: Sandbox, api: httpx.Client) -> None:
	_put(api, story.CEDAR_BUSINESS_PREMIUM, quantity=30)
	sandbox.clock.advance(6 * 86400)
	api.headers.update(sandbox.authorization())
	assert _put(api, story.CEDAR_BUSINESS_PREMIUM, quantity=24).status_code == 422
	assert _put(api, story.CEDAR_BUSINESS_PREMIUM, quantity=27).status_code == 200
	sandbox.clock.advance(2 * 86400)
	api.headers.update(sandbox.authorization())
	assert _put(api, story.CEDAR_BUSINESS_PREMIUM, quantity=26).status_code == 422, "the window is over"


@pytest.mark.parametrize(("days", "status"), [(0, 200), (6, 200), (8, 422)])
def test_a_term_that_has_just_renewed_can_be_reduced(
	sandbox: Sandbox, api: httpx.Client, days: int, status: int
) -> None:
	end = parse_moment(_get(api, story.MUELLER_BUSINESS_PREMIUM)["commitmentTerm"]["endDate"])
	sandbox.clock.set(end + timedelta(days=days))
	api.headers.update(sandbox.authorization())
	renewed = add_months(end.date(), 12).isoformat()
	sandbox.change(
		"subscriptions",
		story.MUELLER_BUSINESS_PREMIUM,
		commitmentTerm={"term": "1-Year", "endDate": f"{renewed}T00:00:00Z"},
	)
	assert _put(api, story.MUELLER_BUSINESS_PREMIUM, quantity=17).status_code == status


def test_a_decrease_passes_after_the_commitments_end(sandbox: Sandbox, api: httpx.Client) -> None:
	end = parse_moment(_get(api, story.MUELLER_BUSINESS_PREMIUM)["commitmentTerm"]["endDate"])
	assert _put(api, story.MUELLER_BUSINESS_PREMIUM, quantity=17).status_code == 422
	sandbox.clock.set(end)
	api.headers.update(sandbox.authorization())
	assert _put(api, story.MUELLER_BUSINESS_PREMIUM, quantity=17).status_code == 200


def test_the_commitment_follows_the_dependencies_that_the_product_shows(
	sandbox: Sandbox, api: httpx.Client
) -> None:
	path = f"/products/{story.M365_BUSINESS_PREMIUM}/dependencies"
	rules = api.get(path).json()
	for row in rules["commitmentDependencies"]:
		row["allowForQuantityDecrease"], row["allowForQuantityIncrease"] = True, False
	sandbox.change("products", story.M365_BUSINESS_PREMIUM, dependencies=rules)
	assert api.get(path).json() == rules
	assert "cannot be increased" in _reason(_put(api, story.CEDAR_BUSINESS_PREMIUM, quantity=30))
	assert _put(api, story.CEDAR_BUSINESS_PREMIUM, quantity=20).status_code == 200


def test_the_billing_term_is_held_by_a_commitment_and_by_what_is_sold(api: httpx.Client) -> None:
	assert "billing term" in _reason(_put(api, story.CEDAR_BUSINESS_PREMIUM, billingTerm="Monthly"))
	assert "not sold" in _reason(_put(api, story.CEDAR_KEEPER, billingTerm="Annual"))
	changed = _put(api, story.MUELLER_BUSINESS_BASIC, billingTerm="Monthly").json()
	assert changed["billingTerm"] == "Monthly"
	assert changed["price"] < 12


@pytest.mark.parametrize(
	("identifier", "words"),
	[
		(story.CEDAR_ACROBAT_TRIAL, "is a trial"),
		(story.CEDAR_EXCHANGE_CANCELLED, "is cancelled"),
		(story.CEDAR_DROPSUITE_PENDING, "is being provisioned"),
		(story.BLUE_HARBOR_BUSINESS_PREMIUM, "future start date"),
	],
)
def test_what_is_not_active_yet_or_any_more_cannot_be_changed(
	api: httpx.Client, identifier: str, words: str
) -> None:
	assert words in _reason(_put(api, identifier, quantity=50))


def test_of_two_changes_at_once_one_is_made_and_the_other_refused(sandbox: Sandbox) -> None:
	start, statuses = threading.Barrier(4), []

	def change(quantity: int) -> None:
		with httpx.Client(base_url=sandbox.url, headers=sandbox.authorization()) as client:
			start.wait()
			statuses.append((_put(client, story.CEDAR_KEEPER, quantity=quantity).status_code, quantity))

	threads = [threading.Thread(target=change, args=(quantity,)) for quantity in (20, 21, 22, 23)]
	for thread in threads:
		thread.start()
	for thread in threads:
		thread.join()
	made = [quantity for status, quantity in statuses if status == 200]
	assert sorted(status for status, _ in statuses) == [200, 422, 422, 422]
	assert [row["quantity"] for row in sandbox.subscription(story.CEDAR_KEEPER)["history"]] == [*made, 10]


# The wire


def test_a_body_in_chunks_is_read_and_the_connection_goes_on(api: httpx.Client) -> None:
	response = api.put(KEEPER, content=iter([b'{"quan', b'tity": 1', b"5}"]))
	assert response.request.headers["Transfer-Encoding"] == "chunked"
	assert response.json()["quantity"] == 15
	assert api.get(KEEPER).json()["quantity"] == 15


def test_a_body_beyond_all_measure_is_refused_unread(sandbox: Sandbox) -> None:
	connection = HTTPConnection(sandbox.host, sandbox.port, timeout=2)
	connection.putrequest("PUT", "/v1" + KEEPER)
	connection.putheader("Content-Length", str(10**12))
	connection.endheaders()
	response = connection.getresponse()
	assert response.status == 413
	assert response.headers["Connection"] == "close"
	connection.close()


def test_answers_on_a_kept_connection_do_not_wait_for_each_other(api: httpx.Client) -> None:
	api.get(KEEPER)
	started = time.perf_counter()
	for _ in range(20):
		api.get(KEEPER)
	# Small packets held back until acknowledged would cost 40 ms each.
	assert time.perf_counter() - started < 0.4


def test_a_list_shows_each_change_although_it_keeps_its_rows_as_text(
	sandbox: Sandbox, api: httpx.Client
) -> None:
	def listed(kind: str = "subscriptions") -> dict[str, Any]:
		return api.get(f"/{kind}", params={"size": "200"}).json()["content"][0]

	assert (listed()["id"], listed()["quantity"]) == (story.CEDAR_KEEPER, 10)
	_put(api, story.CEDAR_KEEPER, quantity=15)
	assert (listed()["quantity"], listed()["status"]) == (15, "PendingAutomated")
	sandbox.clock.advance(3)
	assert listed()["status"] == "Active"
	sandbox.change("subscriptions", story.CEDAR_KEEPER, companyId=story.BLUE_HARBOR_DENTAL, quantity=8)
	assert (listed()["companyId"], listed()["quantity"]) == (story.BLUE_HARBOR_DENTAL, 8)
	assert listed("companies")["name"] == "Cedar & Pine Architects"
	sandbox.change("companies", story.CEDAR_AND_PINE, name="Cedar")
	assert listed("companies")["name"] == "Cedar"
	assert listed("products")["name"] == "Keeper Business"
	sandbox.change("products", story.KEEPER_BUSINESS, wire={"name": "Keeper"})
	assert listed("products")["name"] == "Keeper"
	sandbox.vanish("subscriptions", story.CEDAR_KEEPER)
	assert listed()["id"] == story.CEDAR_BUSINESS_PREMIUM
	sandbox.change(
		"subscriptions", id=story.CEDAR_KEEPER, companyId=story.CEDAR_AND_PINE, productId=story.AZURE_PLAN
	)
	last = api.get("/subscriptions", params={"companyId": story.CEDAR_AND_PINE, "size": "200"}).json()[
		"content"
	][-1]
	assert (last["id"], last["productId"]) == (story.CEDAR_KEEPER, story.AZURE_PLAN)
