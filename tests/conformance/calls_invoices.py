"""Calls of invoices, their items and drafts."""

from __future__ import annotations

from openapi_calls import NOWHERE, Call, get

from msp_licensing.sandbox import Sandbox
from msp_licensing.sandbox import storybook as story

INVOICE = "/invoices/{invoiceId}"
ITEMS = "/invoices/{invoiceId}/items"
DRAFT = "/invoices/draftItems"


def the_newest(sandbox: Sandbox) -> tuple[str]:
	"""The newest invoice in dollars."""
	return (next(row["id"] for row in sandbox.invoices() if row["currencyCode"] == "USD"),)


def a_deleted_company(sandbox: Sandbox) -> None:
	"""Make the storybook's last company a deleted one."""
	sandbox.change("companies", story.BLUE_HARBOR_DENTAL, status="Deleted")


def _of_it(path: str, status: int, **query: str) -> Call:
	return Call("GET", path, status, query=query, given=the_newest)


SERVED = [
	get("/invoices", 200),
	get("/invoices", 200, page="1", size="7"),
	get("/invoices", 200, size="200", sort="total"),
	get("/invoices", 200, sort="invoiceDate,desc"),
	get("/invoices", 200, status="Nothing Due"),
	get("/invoices", 200, invoiceDate="2000-10-31", dueDate="2000-11-14"),
	get("/invoices", 200, invoiceDateRangeStart="2000-10-31", invoiceDateRangeEnd="2100-10-31"),
	get("/invoices", 200, total="100.00", balance="1000.00", carriedBalance="0"),
	get("/invoices", 200, companyId=story.CEDAR_AND_PINE),
	_of_it(INVOICE, 200),
	_of_it(ITEMS, 200),
	_of_it(ITEMS, 200, page="2", size="50"),
	get(DRAFT, 200),
	get(DRAFT, 200, monthOffset="0"),
	get(DRAFT, 200, monthOffset="1", companyId=story.MUELLER_UND_SOEHNE, size="200"),
]
REFUSED = [
	get("/invoices", 404, companyId=NOWHERE),
	get(ITEMS, 404, NOWHERE),
	get(DRAFT, 404, companyId=NOWHERE),
	Call(
		"GET",
		DRAFT,
		403,
		query={"companyId": story.BLUE_HARBOR_DENTAL},
		given=lambda sandbox: a_deleted_company(sandbox) or (),
	),
]
# The file lists no refusal at all for reading one invoice.
REFUSED_BEYOND_THE_FILE = [get(INVOICE, 404, NOWHERE)]
INVALID = [
	get(INVOICE, 404, "not-an-id"),
	get("/invoices", 400, size="201"),
	get("/invoices", 400, sort="companyId"),
	get("/invoices", 400, invoiceDate="31.10.2000"),
	get("/invoices", 400, invoiceDateRangeEnd="yesterday"),
	get("/invoices", 400, total="much"),
	get("/invoices", 404, companyId="not-an-id"),
	_of_it(ITEMS, 400, size="0"),
	get(DRAFT, 422, monthOffset="2"),
	get(DRAFT, 422, monthOffset="-1"),
	get(DRAFT, 422, monthOffset="next"),
	get(DRAFT, 404, companyId="not-an-id"),
	get(DRAFT, 400, page="second"),
]
FOUND_NOTHING = [get("/invoices", 200, status="Disputed")]
