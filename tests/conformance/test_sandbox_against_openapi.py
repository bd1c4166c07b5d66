"""The sandbox against Pax8's published OpenAPI files: every operation it serves, right and wrong calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import calls_companies
import calls_core
import calls_invoices
import calls_orders
import calls_usage
import calls_webhooks
import httpx
import pytest
from calls_companies import CONTACTS
from calls_core import DEPENDENCIES, HISTORY, PRICING
from calls_orders import DETAILS
from calls_usage import USAGE_SUMMARIES
from openapi_calls import NOWHERE, Call, asked, get, judged
from pax8_openapi import DATE_ONLY, OFFSET_WITHOUT_COLON, TOLERATED, Spec, Verdict

from msp_licensing.sandbox import Sandbox
from msp_licensing.sandbox import storybook as story
from msp_licensing.sandbox.areas import API_ROUTES, WEBHOOK_ROUTES

# An area's calls are a module of four lists, added here.
AREAS = (calls_core, calls_companies, calls_invoices, calls_orders, calls_usage, calls_webhooks)
SERVED = [call for area in AREAS for call in area.SERVED]
"""Calls as the spec wants them, answered as the spec promises."""
REFUSED = [call for area in AREAS for call in area.REFUSED]
"""Calls of the right shape that are refused, as the spec says for each."""
INVALID = [call for area in AREAS for call in area.INVALID]
"""Calls that the spec itself rules out."""
FOUND_NOTHING = [call for area in AREAS for call in area.FOUND_NOTHING]
"""Calls that the spec rules out and Pax8 nevertheless answers: an unknown value of a filter finds nothing."""
BEYOND_THE_FILE = [call for area in AREAS for call in getattr(area, "REFUSED_BEYOND_THE_FILE", ())]
"""Calls of the right shape that are refused with a status which the spec does not list, as TOLERATED says."""
ROUTES = (*API_ROUTES, *WEBHOOK_ROUTES)


def test_every_route_is_an_operation_of_the_spec_under_its_own_id(spec: Spec) -> None:
	for route in ROUTES:
		operation = spec.operations.get((route.method, route.path))
		assert operation, f"{route.method} {route.path} is not in the spec"
		assert operation.id in (None, route.operation)


def test_every_route_is_called_rightly_and_wrongly_here() -> None:
	routes = {(route.method, route.path) for route in ROUTES}
	assert {(call.method, call.path) for call in SERVED} == routes
	assert {(call.method, call.path) for call in REFUSED + BEYOND_THE_FILE + INVALID} == routes


@pytest.mark.parametrize("call", SERVED, ids=str)
def test_a_valid_call_is_answered_as_the_spec_promises(
	spec: Spec, api: httpx.Client, sandbox: Sandbox, call: Call
) -> None:
	operation = spec.operations[call.method, call.path]
	response = call.make(api, sandbox)
	assert not (request := asked(operation, response)).findings, str(request)
	assert response.status_code == call.status, response.text
	verdict = judged(operation, response)
	assert not verdict.findings, str(verdict)


@pytest.mark.parametrize("call", REFUSED, ids=str)
def test_a_valid_call_is_refused_with_a_listed_status_in_the_listed_shape(
	spec: Spec, api: httpx.Client, sandbox: Sandbox, call: Call
) -> None:
	operation = spec.operations[call.method, call.path]
	response = call.make(api, sandbox)
	assert not (request := asked(operation, response)).findings, str(request)
	assert response.status_code == call.status, response.text
	assert response.status_code in operation.statuses
	verdict = judged(operation, response)
	assert not verdict.findings, str(verdict)


@pytest.mark.parametrize("call", BEYOND_THE_FILE, ids=str)
def test_a_valid_call_is_refused_with_an_unlisted_status_only_where_that_is_tolerated(
	spec: Spec, api: httpx.Client, sandbox: Sandbox, call: Call
) -> None:
	operation = spec.operations[call.method, call.path]
	response = call.make(api, sandbox)
	assert not (request := asked(operation, response)).findings, str(request)
	assert response.status_code == call.status, response.text
	assert response.status_code not in operation.statuses
	verdict = judged(operation, response)
	assert not verdict.findings, str(verdict)


@pytest.mark.parametrize("call", INVALID, ids=str)
def test_a_call_that_the_spec_rules_out_is_refused_in_the_envelope(
	spec: Spec, api: httpx.Client, sandbox: Sandbox, call: Call
) -> None:
	operation = spec.operations[call.method, call.path]
	response = call.make(api, sandbox)
	assert asked(operation, response).findings, "the spec allows this call"
	assert response.status_code == call.status, response.text
	verdict = judged(operation, response)
	assert not verdict.findings, str(verdict)
	if call.path != "/token":
		assert response.json()["details"][0]["message"]


@pytest.mark.parametrize("call", FOUND_NOTHING, ids=str)
def test_an_unknown_value_of_a_filter_finds_nothing(
	spec: Spec, api: httpx.Client, sandbox: Sandbox, call: Call
) -> None:
	operation = spec.operations[call.method, call.path]
	response = call.make(api, sandbox)
	assert asked(operation, response).findings, "the spec allows this call"
	assert (response.status_code, response.json()["content"]) == (200, [])
	assert not judged(operation, response).findings


def test_a_body_that_is_not_json_is_refused_in_the_envelope(spec: Spec, api: httpx.Client) -> None:
	response = api.put(f"/subscriptions/{story.CEDAR_KEEPER}", content=b'{"quantity": ')
	verdict = judged(spec.operations["PUT", "/subscriptions/{subscriptionId}"], response)
	assert response.status_code == 400
	assert not verdict.findings, str(verdict)


@pytest.mark.parametrize("route", [route for route in ROUTES if not route.public], ids=lambda r: r.operation)
def test_a_call_without_a_valid_token_is_401_in_the_envelope(
	spec: Spec, api: httpx.Client, sandbox: Sandbox, route: Any
) -> None:
	ids = tuple(NOWHERE for _ in range(route.path.count("{")))
	response = Call(route.method, route.path, 401, ids, authorized=False).make(api, sandbox)
	verdict = judged(spec.operations[route.method, route.path], response)
	assert response.status_code == 401
	assert not verdict.findings, str(verdict)


def test_the_refusal_above_the_rate_limit_is_in_the_envelope(
	spec: Spec, api: httpx.Client, sandbox: Sandbox
) -> None:
	sandbox.configure(rate_limit=1)
	sandbox.app.rate.clear()
	api.get("/companies")
	response = api.get("/companies")
	assert response.status_code == 429
	assert not judged(spec.operations["GET", "/companies"], response).findings


def _walk(api: httpx.Client, path: str, **query: str) -> list[dict[str, Any]]:
	rows: list[dict[str, Any]] = []
	number, pages = 0, 1
	while number < pages:
		body = api.get(path, params={**query, "page": str(number), "size": "200"}).json()
		rows += body["content"]
		number, pages = number + 1, body["page"]["totalPages"]
	return rows


@pytest.fixture(scope="module")
def all_answers(spec: Spec, _client: httpx.Client, _running: Sandbox) -> list[tuple[str, Verdict]]:
	"""What the spec says to every record of every kind, asked for one by one and in pages."""
	answers: list[tuple[str, Verdict]] = []

	def ask(path: str, identifier: str = "", **query: str) -> None:
		response = get(path, 200, *([identifier] if identifier else []), **query).make(_client, _running)
		assert response.status_code == 200, response.text
		answers.append((str(response.url), judged(spec.operations["GET", path], response)))

	for path in ("/companies", "/products", "/subscriptions"):
		for number in range(2):
			ask(path, page=str(number), size="200")
	for company in _walk(_client, "/companies"):
		ask("/companies/{companyId}", company["id"])
		ask(CONTACTS, company["id"])
	for product in _walk(_client, "/products"):
		ask("/products/{productId}", product["id"])
		ask(PRICING, product["id"])
		ask(PRICING, product["id"], companyId=story.MUELLER_UND_SOEHNE)
		ask(DEPENDENCIES, product["id"])
		ask(DETAILS, product["id"])
	for subscription in _walk(_client, "/subscriptions"):
		ask("/subscriptions/{subscriptionId}", subscription["id"])
		ask(HISTORY, subscription["id"])
		ask(USAGE_SUMMARIES, subscription["id"], size="200")
	ask("/invoices", size="200")
	for invoice in _walk(_client, "/invoices"):
		ask("/invoices/{invoiceId}/items", invoice["id"], size="200")
	ask("/invoices/draftItems", size="200")
	return answers


def test_every_record_of_every_kind_conforms(all_answers: list[tuple[str, Verdict]]) -> None:
	assert len(all_answers) > 1000
	for url, verdict in all_answers:
		assert not verdict.findings, f"{url}\n{verdict}"


def test_each_tolerance_is_needed_so_that_none_hides_a_mistake(
	spec: Spec, api: httpx.Client, sandbox: Sandbox, all_answers: list[tuple[str, Verdict]]
) -> None:
	companies = spec.operations["GET", "/companies"]
	verdicts = [verdict for _, verdict in all_answers]
	for call in SERVED:
		sandbox.reset()
		verdicts.append(asked(spec.operations[call.method, call.path], call.make(api, sandbox)))
	for call in (get("/companies", 400, size="0"), Call("GET", "/companies", 401, authorized=False)):
		verdicts.append(judged(companies, call.make(api, sandbox)))
	for call in BEYOND_THE_FILE:
		verdicts.append(judged(spec.operations[call.method, call.path], call.make(api, sandbox)))
	sandbox.configure(rate_limit=1)
	verdicts += [judged(companies, api.get("/companies")) for _ in range(2)]
	used = {tolerance.reason for verdict in verdicts for tolerance, _ in verdict.tolerated}
	assert used == {tolerance.reason for tolerance in TOLERATED}


@pytest.mark.parametrize(
	("spoiled", "rule"),
	[
		({"wire": {"status": "Dormant"}}, "enum"),
		({"wire": {"quantity": "ten"}}, "type"),
		({"wire": {"seats": 10}}, "undeclared"),
		({"wire": {"startDate": "21/01/2025"}}, "format date-time"),
		({"wire": {"companyId": "four"}}, "format uuid"),
		({"wire": {"price": None}}, "type"),
		({"wire": {"provisioningDetails": []}}, "writeOnly"),
		({"wire": {"commitmentTerm": {"id": NOWHERE, "term": "1-Year", "length": 12}}}, "undeclared"),
	],
	ids=str,
)
def test_the_judge_sees_a_record_that_does_not_conform(
	spec: Spec, api: httpx.Client, sandbox: Sandbox, spoiled: dict[str, Any], rule: str
) -> None:
	sandbox.change("subscriptions", story.CEDAR_KEEPER, **spoiled)
	for path, ids in (("/subscriptions/{subscriptionId}", (story.CEDAR_KEEPER,)), ("/subscriptions", ())):
		verdict = judged(spec.operations["GET", path], get(path, 200, *ids).make(api, sandbox))
		assert [finding.rule for finding in verdict.findings] == [rule]


def test_the_tolerated_spellings_of_dates_are_those_of_the_files_own_examples(spec: Spec) -> None:
	examples = spec.examples()
	assert OFFSET_WITHOUT_COLON.fullmatch(examples["company-0"]["updatedDate"])
	assert DATE_ONLY.fullmatch(examples["subscriptions-paged"]["content"][0]["createdDate"])


# Which field of a record each filter of the spec is about; one that is missing here fails the test below.
FILTERS: dict[str, Callable[[dict[str, Any]], Any]] = {
	"city": lambda row: row["address"]["city"],
	"country": lambda row: row["address"]["country"],
	"stateOrProvince": lambda row: row["address"]["stateOrProvince"],
	"postalCode": lambda row: row["address"]["postalCode"],
	"selfServiceAllowed": lambda row: row["selfServiceAllowed"],
	"billOnBehalfOfEnabled": lambda row: row["billOnBehalfOfEnabled"],
	"orderApprovalRequired": lambda row: row["orderApprovalRequired"],
	"status": lambda row: row["status"],
	"billingTerm": lambda row: row["billingTerm"],
	"companyId": lambda row: row["companyId"],
	"productId": lambda row: row["productId"],
	"vendorName": lambda row: row["vendorName"],
	"search": lambda row: row["name"],
}


@pytest.mark.parametrize("path", ["/companies", "/products", "/subscriptions"])
def test_every_filter_of_the_spec_finds_just_what_it_names(spec: Spec, api: httpx.Client, path: str) -> None:
	everything = _walk(api, path)
	for name in set(spec.operations["GET", path].parameters) - {"page", "size", "sort"}:
		read = FILTERS[name]
		value = read(everything[-1])
		text = str(value).lower() if isinstance(value, bool) else value
		found = _walk(api, path, **{name: text})
		if name == "search":
			assert any(row["id"] == everything[-1]["id"] for row in found)
			assert len(found) < len(everything)
		else:
			assert [row["id"] for row in found] == [row["id"] for row in everything if read(row) == value]


@pytest.mark.parametrize("path", ["/companies", "/products", "/subscriptions"])
def test_every_sort_order_of_the_spec_orders_all_rows(spec: Spec, api: httpx.Client, path: str) -> None:
	everything = {row["id"] for row in _walk(api, path)}
	for order in spec.operations["GET", path].parameters["sort"]["enum"]:
		rows = _walk(api, path, sort=order)
		assert {row["id"] for row in rows} == everything
		field_name, _, direction = order.partition(",")
		keys = [_sort_key(row, field_name) for row in rows]
		assert keys == sorted(keys, reverse=direction == "desc"), order


def _sort_key(row: dict[str, Any], name: str) -> Any:
	value = row.get(name, row.get(f"{name}Name", row.get("address", {}).get(name)))
	if name == "endDate":
		return (value or "9999")[:10]
	if name == "createdDate":
		return 0  # spelled in three ways; compared in the unit tests, where the moments are known
	return value.casefold() if isinstance(value, str) else value
