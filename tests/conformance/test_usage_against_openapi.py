"""Usage in the sandbox against Pax8's OpenAPI file: every summary and line, every filter and sort order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import httpx
import pytest
from calls_usage import LINES, SUMMARY, USAGE_SUMMARIES
from openapi_calls import get, judged
from pax8_openapi import Spec

from msp_licensing.sandbox import Sandbox
from msp_licensing.sandbox import storybook as story
from msp_licensing.sandbox.dates import add_months, parse_moment

# A day in the middle of next month, when all groups have been used.
_DAY = add_months(date.today(), 1).replace(day=14).isoformat()


@pytest.fixture
def api(sandbox: Sandbox) -> httpx.Client:
	"""A client whose token is of that day."""
	sandbox.clock.freeze()
	sandbox.clock.set(parse_moment(f"{_DAY}T12:00:00Z"))
	return httpx.Client(base_url=sandbox.url, headers=sandbox.authorization(), verify=False)


def test_every_summary_and_its_lines_conform(spec: Spec, api: httpx.Client, sandbox: Sandbox) -> None:
	tolerated = set()
	seen = 0
	for held in sandbox.world.subscriptions.order:
		calls = [get(USAGE_SUMMARIES, 200, held.id, size="200")]
		for row in sandbox.usage(held.id):
			seen += 1
			calls += [get(SUMMARY, 200, row["id"]), get(LINES, 200, row["id"], usageDate=_DAY)]
		for call in calls:
			response = call.make(api, sandbox)
			assert response.status_code == 200, response.text
			verdict = judged(spec.operations["GET", call.path], response)
			assert not verdict.findings, f"{response.url}\n{verdict}"
			tolerated |= {finding.name for _, finding in verdict.tolerated}
	assert seen > 20
	assert tolerated == {"subscriptionId"}


def test_the_tolerated_field_is_in_the_files_own_example(spec: Spec) -> None:
	assert "subscriptionId" in spec.examples()["usage-summaries-paged"]["content"][0]


SORT_KEYS: Mapping[str, Callable[[dict[str, Any]], Any]] = {
	"resourceGroup": lambda row: row["resourceGroup"].casefold(),
	"currentCharges": lambda row: row["currentCharges"],
	"partnerTotal": lambda row: row["partnerTotal"],
}


def test_every_sort_order_orders_all_rows_and_every_filter_finds_just_what_it_names(
	spec: Spec, api: httpx.Client, sandbox: Sandbox
) -> None:
	def rows(**query: str) -> list[dict[str, Any]]:
		call = get(USAGE_SUMMARIES, 200, story.NORTHWIND_SENTINELONE_USAGE, size="200", **query)
		return call.make(api, sandbox).json()["content"]

	parameters = spec.operations["GET", USAGE_SUMMARIES].parameters
	everything = rows()
	assert len(everything) == 7
	for order in parameters["sort"]["enum"]:
		key = SORT_KEYS[order]
		assert [key(row) for row in rows(sort=order)] == sorted(map(key, everything))
		assert [key(row) for row in rows(sort=f"{order},desc")] == sorted(map(key, everything), reverse=True)
	assert set(parameters) - {"page", "size", "sort"} == {"resourceGroup", "companyId"}
	for name in ("resourceGroup", "companyId"):
		value = next(row[name] for row in everything if name in row)
		assert rows(**{name: value}) == [row for row in everything if row.get(name) == value]
	assert rows(resourceGroup="nobody's") == []
