"""Calls of usage summaries and their lines."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from openapi_calls import NOWHERE, Call, get

from msp_licensing.sandbox import Sandbox
from msp_licensing.sandbox import storybook as story

USAGE_SUMMARIES = "/subscriptions/{subscriptionId}/usage-summaries"
SUMMARY = "/usage-summaries/{usageSummaryId}"
LINES = "/usage-summaries/{usageSummaryId}/usage-lines"
_NOW = datetime.now(timezone.utc)
TODAY, LAST_MONTH = _NOW.date().isoformat(), (_NOW.replace(day=1) - timedelta(days=1)).date().isoformat()


def this_month(sandbox: Sandbox) -> tuple[str]:
	"""This month's summary of the storybook's largest resource group."""
	return (story.usage_summary_id(1, sandbox.clock.now()),)


def _of_it(path: str, status: int, **query: str) -> Call:
	return Call("GET", path, status, query=query, given=this_month)


SERVED = [
	get(USAGE_SUMMARIES, 200, story.CEDAR_AZURE),
	get(USAGE_SUMMARIES, 200, story.CEDAR_AZURE, page="1", size="2"),
	get(USAGE_SUMMARIES, 200, story.CEDAR_AZURE, sort="currentCharges"),
	get(USAGE_SUMMARIES, 200, story.NORTHWIND_SENTINELONE_USAGE, sort="resourceGroup,desc", size="200"),
	get(USAGE_SUMMARIES, 200, story.NORTHWIND_SENTINELONE_USAGE, resourceGroup=story.SENTINELONE_TRIAL),
	get(USAGE_SUMMARIES, 200, story.NORTHWIND_SENTINELONE_USAGE, companyId=story.BLUE_HARBOR_DENTAL),
	get(USAGE_SUMMARIES, 200, story.MUELLER_ACRONIS_USAGE),
	get(USAGE_SUMMARIES, 200, story.CEDAR_KEEPER),
	_of_it(SUMMARY, 200),
	_of_it(LINES, 200, usageDate=TODAY),
	_of_it(LINES, 200, usageDate=LAST_MONTH),
	_of_it(LINES, 200, usageDate=TODAY, productId=story.AZURE_PLAN),
]
REFUSED = [
	get(USAGE_SUMMARIES, 404, NOWHERE),
	get(USAGE_SUMMARIES, 404, story.CEDAR_AZURE, companyId=NOWHERE),
	get(LINES, 404, NOWHERE, usageDate=TODAY),
]
# The file lists no refusal at all for reading one summary.
REFUSED_BEYOND_THE_FILE = [get(SUMMARY, 404, NOWHERE)]
INVALID = [
	get(SUMMARY, 404, "not-an-id"),
	get(USAGE_SUMMARIES, 400, story.CEDAR_AZURE, size="0"),
	get(USAGE_SUMMARIES, 400, story.CEDAR_AZURE, page="last"),
	get(USAGE_SUMMARIES, 400, story.CEDAR_AZURE, sort="companyId"),
	get(USAGE_SUMMARIES, 404, story.CEDAR_AZURE, companyId="not-an-id"),
	_of_it(LINES, 400),
	_of_it(LINES, 400, usageDate="14/03/2031"),
	_of_it(LINES, 400, usageDate="20310314"),
	_of_it(LINES, 400, usageDate=TODAY, size="201"),
]
FOUND_NOTHING: list[Call] = []
