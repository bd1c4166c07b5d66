"""That the judge sees what is wrong: in the files themselves, in calls and in answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from calls_core import TOKEN_REQUEST
from openapi_calls import NOWHERE, asked, judged
from openapi_spec_validator import OpenAPIV30SpecValidator, OpenAPIV31SpecValidator
from pax8_openapi import Spec

from msp_licensing.sandbox import storybook as story

HOST = "http://127.0.0.1:8088"
TOKEN = {"Authorization": "Bearer token"}
SUBSCRIPTION = f"/v1/subscriptions/{story.CEDAR_KEEPER}"
CONTACTS = f"/v1/companies/{story.CEDAR_AND_PINE}/contacts"
JOHN = {"firstName": "John", "lastName": "Doe", "email": "john.doe@example.com", "phone": "555-555-5555"}


def test_the_published_files_are_valid_openapi(spec: Spec) -> None:
	validators = {"3.0.1": OpenAPIV30SpecValidator, "3.1.0": OpenAPIV31SpecValidator}
	for name, document in spec.documents.items():
		validator = validators[document.content["openapi"]](document.content)
		assert [error.message for error in validator.iter_errors()] == [], name


def test_each_operation_is_found_under_its_own_address(spec: Spec) -> None:
	assert len(spec.operations) > 40
	for (method, path), operation in spec.operations.items():
		address = operation.document.base + "/".join(
			NOWHERE if part.startswith("{") else part for part in path.split("/")
		)
		found = operation.document.api.request_validator.path_finder.find(method.lower(), address)
		assert found.path_result.resolved == address.removeprefix(operation.document.base)
		assert found.path.parts[-1] == path


@pytest.mark.parametrize(
	("operation", "url", "options", "findings"),
	[
		("GET /companies", "/v1/companies?page=1&city=Denver", {}, []),
		("GET /companies", "/v1/companies?town=Denver", {}, [("town", "undeclared")]),
		("GET /companies", "/v1/companies?page=first", {}, [("page", "type")]),
		("GET /companies", "/v1/companies?size=201", {}, [("size", "maximum")]),
		("GET /companies", "/v1/companies?status=Dormant", {}, [("status", "enum")]),
		("GET /companies", "/v1/companies?selfServiceAllowed=maybe", {}, [("selfServiceAllowed", "type")]),
		("GET /companies", "/v1/companies", {"headers": {}}, [("body", "SecurityNotFound")]),
		("GET /companies", "/v1/companys", {}, [("body", "PathNotFound")]),
		(
			"GET /companies",
			"/v1/companies?size=0&sort=turnover",
			{},
			[("size", "minimum"), ("sort", "enum")],
		),
		(
			"GET /usage-summaries/{usageSummaryId}/usage-lines",
			f"/v1/usage-summaries/{NOWHERE}/usage-lines",
			{},
			[("usageDate", "required parameter")],
		),
		(
			"GET /usage-summaries/{usageSummaryId}/usage-lines",
			"/v1/usage-summaries/mine/usage-lines?usageDate=31.01.2030",
			{},
			[("usageDate", "format yyyy-MM-dd"), ("usageSummaryId", "format uuid")],
		),
		("POST /companies/{companyId}/contacts", CONTACTS, {"json": JOHN}, []),
		(
			"POST /companies/{companyId}/contacts",
			CONTACTS,
			{"json": {"firstName": 5, "email": "john"}},
			[
				("body", "required"),
				("body", "required"),
				("email", "format email"),
				("firstName", "type"),
			],
		),
		(
			"POST /companies/{companyId}/contacts",
			CONTACTS,
			{"content": "firstName=John", "headers": {**TOKEN, "Content-Type": "text/plain"}},
			[("body", "content type")],
		),
		(
			"POST /companies/{companyId}/contacts",
			CONTACTS,
			{"content": "{", "headers": {**TOKEN, "Content-Type": "application/json"}},
			[("body", "MediaTypeDeserializeError")],
		),
		(
			"POST /companies/{companyId}/contacts",
			CONTACTS,
			{"content": b"\xff", "headers": {**TOKEN, "Content-Type": "application/json"}},
			[("body", "encoding")],
		),
		("PUT /subscriptions/{subscriptionId}", SUBSCRIPTION, {}, [("body", "MissingRequiredRequestBody")]),
		(
			"PUT /subscriptions/{subscriptionId}",
			SUBSCRIPTION,
			{"json": {"price": "4"}},
			[("body", "anyOf"), ("price", "type")],
		),
		("POST /token", "/v1/token", {"json": TOKEN_REQUEST, "headers": {}}, []),
		("POST /webhooks", "/api/v2/webhooks", {"json": {"displayName": None}}, [("displayName", "type")]),
	],
)
def test_the_judge_sees_what_is_wrong_with_a_call(
	spec: Spec, operation: str, url: str, options: dict[str, Any], findings: list[tuple[str, str]]
) -> None:
	method, _, path = operation.partition(" ")
	request = httpx.Request(method, HOST + url, **{"headers": TOKEN, **options})
	verdict = asked(spec.operations[method, path], httpx.Response(200, request=request))
	assert sorted((finding.name, finding.rule) for finding in verdict.findings) == findings


def _answer(content_type: str = "application/json", **changes: Any) -> Any:
	def spoil(body: dict[str, Any]) -> httpx.Response:
		kept = {name: value for name, value in {**body, **changes}.items() if value is not ...}
		return httpx.Response(200, content=json.dumps(kept), headers={"Content-Type": content_type})

	return spoil


def _raw(content: str) -> Any:
	return lambda body: httpx.Response(200, content=content, headers={"Content-Type": "application/json"})


@pytest.mark.parametrize(
	("spoil", "findings"),
	[
		(_answer(), []),
		(_answer(status="Dormant"), [("status", "enum")]),
		(_answer(name=5), [("name", "type")]),
		(_answer(phone=...), [("body", "required")]),
		(_answer(name=None), [("name", "type")]),
		(_answer(seats=10), [("seats", "undeclared")]),
		(_answer(address={"city": "Denver", "planet": "Earth"}), [("planet", "undeclared")]),
		(_answer(id="four"), [("id", "format uuid")]),
		(_answer(updatedDate="21/01/2025"), [("updatedDate", "format date-time")]),
		(_answer(content_type="text/html"), [("body", "content type")]),
		(_raw("{"), [("body", "MediaTypeDeserializeError")]),
		(_raw(""), [("body", "MissingData")]),
	],
)
def test_the_judge_sees_what_is_wrong_with_an_answer(
	spec: Spec,
	api: httpx.Client,
	spoil: Callable[[dict[str, Any]], httpx.Response],
	findings: list[tuple[str, str]],
) -> None:
	response = api.get(f"/companies/{story.CEDAR_AND_PINE}")
	answer = spoil(response.json())
	answer.request = response.request
	verdict = judged(spec.operations["GET", "/companies/{companyId}"], answer)
	assert sorted((finding.name, finding.rule) for finding in verdict.findings) == findings


def test_the_judge_sees_a_status_that_is_not_listed_and_a_refusal_in_no_envelope(
	spec: Spec, api: httpx.Client
) -> None:
	operation = spec.operations["GET", "/companies/{companyId}"]
	refusal = api.get(f"/companies/{NOWHERE}")
	assert not judged(operation, refusal).findings
	elsewhere = httpx.Response(418, json=refusal.json(), request=refusal.request)
	assert [(f.rule, f.value) for f in judged(operation, elsewhere).findings] == [("status", 418)]
	bare = httpx.Response(400, json={"error": "no"}, request=refusal.request)
	assert [(f.name, f.rule) for f in judged(operation, bare).findings] == [("error", "undeclared")]
	page = httpx.Response(400, html="<p>no", request=refusal.request)
	assert [(f.name, f.rule) for f in judged(operation, page).findings] == [("response", "content type")]
