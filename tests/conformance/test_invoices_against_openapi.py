"""Invoices in the sandbox against Pax8's OpenAPI file: every invoice, item and draft, every filter and sort order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import httpx
import pytest
from calls_invoices import DRAFT, INVOICE, ITEMS
from openapi_calls import get, judged
from pax8_openapi import Spec

from msp_licensing.sandbox import Sandbox
from msp_licensing.sandbox import storybook as story


def _walk(api: httpx.Client, path: str, **query: str) -> list[dict[str, Any]]:
	rows: list[dict[str, Any]] = []
	number, pages = 0, 1
	while number < pages:
		response = api.get(path, params={**query, "page": str(number), "size": "200"})
		assert response.status_code == 200, response.text
		body = response.json()
		rows += body["content"]
		number, pages = number + 1, body["page"]["totalPages"]
	return rows


def test_every_invoice_item_and_draft_conforms(spec: Spec, api: httpx.Client, sandbox: Sandbox) -> None:
	calls = [get("/invoices", 200, size="200"), get(INVOICE, 200, sandbox.invoices()[0]["id"])]
	for invoice in sandbox.invoices():
		pages = -(-len(_walk(api, f"/invoices/{invoice['id']}/items")) // 200)
		calls += [get(ITEMS, 200, invoice["id"], size="200", page=str(page)) for page in range(pages)]
	pages = -(-len(_walk(api, DRAFT)) // 200)
	calls += [get(DRAFT, 200, size="200", page=str(page)) for page in range(pages)]
	tolerated = set()
	for call in calls:
		response = call.make(api, sandbox)
		verdict = judged(spec.operations["GET", call.path], response)
		assert not verdict.findings, f"{response.url}\n{verdict}"
		assert response.json().get("content", True)
		tolerated |= {(finding.name, finding.rule) for _, finding in verdict.tolerated}
	assert len(calls) > 20
	assert tolerated == {("status", "undeclared"), ("subscriptionId", "type"), ("rateType", "enum")}


def test_what_is_tolerated_is_so_in_the_files_own_words(spec: Spec) -> None:
	examples = spec.examples()
	assert "status" in examples["invoice-0"]
	assert "status" in spec.operations["GET", "/invoices"].parameters
	assert examples["draft-invoice-items"]["content"][0]["rateType"] == "single"
	assert examples["draft-invoice-items"]["content"][0]["endPeriod"] == "2025-02-28"
	assert examples["invoice-items"]["content"][0]["endPeriod"] == "2019-05-01"


KEYS: Mapping[str, Callable[[dict[str, Any]], Any]] = {
	name: lambda row, name=name: row[name]
	for name in ("invoiceDate", "dueDate", "status", "partnerName", "total", "balance", "carriedBalance")
}


def test_every_sort_order_orders_all_invoices(spec: Spec, api: httpx.Client) -> None:
	everything = _walk(api, "/invoices")
	for order in spec.operations["GET", "/invoices"].parameters["sort"]["enum"]:
		keys = sorted(map(KEYS[order], everything))
		assert list(map(KEYS[order], _walk(api, "/invoices", sort=order))) == keys
		assert list(map(KEYS[order], _walk(api, "/invoices", sort=f"{order},desc"))) == keys[::-1]


@pytest.mark.parametrize(
	("name", "matches"),
	[
		("status", lambda row, value: row["status"] == value),
		("invoiceDate", lambda row, value: row["invoiceDate"] == value),
		("invoiceDateRangeStart", lambda row, value: row["invoiceDate"] >= value),
		("invoiceDateRangeEnd", lambda row, value: row["invoiceDate"] <= value),
		("dueDate", lambda row, value: row["dueDate"] == value),
		("total", lambda row, value: row["total"] == value),
		("balance", lambda row, value: row["balance"] == value),
		("carriedBalance", lambda row, value: row["carriedBalance"] == value),
		("companyId", lambda row, value: row["companyId"] == value),
	],
)
def test_every_filter_finds_just_what_it_names(
	spec: Spec, api: httpx.Client, name: str, matches: Callable[[dict[str, Any], Any], bool]
) -> None:
	everything = _walk(api, "/invoices")
	field = "invoiceDate" if name.startswith("invoiceDate") else name
	values = {row[field] for row in everything}
	for value in values:
		found = _walk(api, "/invoices", **{name: str(value)})
		assert found == [row for row in everything if matches(row, value)]
		assert found
	assert name in spec.operations["GET", "/invoices"].parameters


def test_no_filter_of_the_spec_is_left_out(spec: Spec, api: httpx.Client) -> None:
	(mark,) = test_every_filter_finds_just_what_it_names.pytestmark  # type: ignore[attr-defined]
	tried = {name for name, _ in mark.args[1]}
	assert set(spec.operations["GET", "/invoices"].parameters) == tried | {"page", "size", "sort"}
	assert _walk(api, "/invoices", companyId=story.CEDAR_AND_PINE) == []
	drafts = _walk(api, DRAFT)
	of_cedar = _walk(api, DRAFT, companyId=story.CEDAR_AND_PINE)
	assert of_cedar == [row for row in drafts if row["companyId"] == story.CEDAR_AND_PINE]
