"""GET invoices, one of them, its items, and the items of drafts.

Where the spec is silent: an invoice is found by `companyId` where that is the partner's own company, whose id it
carries; other companies have items on it, and find nothing. An unknown status finds nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from msp_licensing.sandbox import storybook
from msp_licensing.sandbox.errors import ApiError
from msp_licensing.sandbox.invoices.book import View
from msp_licensing.sandbox.paging import day_of, page_of, sort_order
from msp_licensing.sandbox.web import Request, Route

if TYPE_CHECKING:
	from msp_licensing.sandbox.app import App

_SORTS: Mapping[str, Callable[[View], Any]] = {
	"invoiceDate": lambda view: view.invoice.dated,
	"dueDate": lambda view: view.invoice.due,
	"status": lambda view: view.status,
	"partnerName": lambda view: storybook.PARTNER_NAME,
	"total": lambda view: view.invoice.total,
	"balance": lambda view: view.balance,
	"carriedBalance": lambda view: view.carried,
}


def find_invoices(app: App, request: Request) -> dict[str, Any]:
	"""A page of the invoices that are visible, newest first, by the filters and sort order of the spec."""
	query = request.query
	order = sort_order(query, tuple(_SORTS), bare_allowed=True)
	tests: list[Callable[[View], bool]] = []
	if "status" in query:
		tests.append(lambda view: view.status == query["status"])
	for name, comparison in _DATES.items():
		if (day := day_of(query, name)) is not None:
			tests.append(_on_day(comparison, day))
	for name in ("total", "balance", "carriedBalance"):
		if (amount := _amount(query, name)) is not None:
			tests.append(_with_amount(_SORTS[name], amount))
	company_id = query.get("companyId")
	if company_id is not None:
		if app.world.companies.get(company_id) is None:
			raise ApiError(404, "Company not found", [f"There is no company {company_id}."])
		tests.append(lambda view: company_id.lower() == storybook.NORTHWIND_PARTNER)
	rows = [view for view in app.world.invoices.visible(app.clock.now()) if all(test(view) for test in tests)]
	if order:
		rows.sort(key=_SORTS[order[0]], reverse=order[1])
	return page_of(rows, query, View.wire)


def _on_day(comparison: Callable[[View, date], bool], day: date) -> Callable[[View], bool]:
	return lambda view: comparison(view, day)


def _with_amount(read: Callable[[View], Any], amount: Decimal) -> Callable[[View], bool]:
	return lambda view: bool(read(view) == amount)


_DATES: Mapping[str, Callable[[View, date], bool]] = {
	"invoiceDate": lambda view, day: view.invoice.dated == day,
	"invoiceDateRangeStart": lambda view, day: view.invoice.dated >= day,
	"invoiceDateRangeEnd": lambda view, day: view.invoice.dated <= day,
	"dueDate": lambda view, day: view.invoice.due == day,
}


def find_invoice(app: App, request: Request, invoiceId: str) -> dict[str, Any]:
	"""One invoice that is visible, or 404."""
	return _view(app, invoiceId).wire()


def find_invoice_items(app: App, request: Request, invoiceId: str) -> dict[str, Any]:
	"""A page of an invoice's items, or 404."""
	invoice = _view(app, invoiceId).invoice
	rows = range(len(invoice.items))
	return page_of(rows, request.query, lambda number: invoice.items[number].wire(number, invoice.id))


def find_draft_items(app: App, request: Request) -> dict[str, Any]:
	"""A page of what this or next month's invoices will hold: `monthOffset` 0 or 1 (the default).

	422 for another offset, 404 for an unknown company, and 403 for a deleted one: the spec has 403 without saying when.
	"""
	query = request.query
	offset = query.get("monthOffset", "1")
	if offset not in ("0", "1"):
		raise ApiError(422, "Invalid monthOffset", [f"'monthOffset' must be 0 or 1, not '{offset}'."])
	company = None
	if company_id := query.get("companyId"):
		company = app.world.companies.get(company_id)
		if company is None:
			raise ApiError(404, "Company not found", [f"There is no company {company_id}."])
		if company.status == "Deleted":
			raise ApiError(403, "Access denied", [f"The company {company_id} is deleted."])
	items = app.world.invoices.draft(app.clock.now(), int(offset), company.id if company else None)
	return page_of(items, query, lambda item: item.wire(0, None))


def _view(app: App, invoice_id: str) -> View:
	view = app.world.invoices.find(invoice_id, app.clock.now())
	if view is None:
		raise ApiError(404, "Invoice not found", [f"There is no invoice {invoice_id}."])
	return view


def _amount(query: Mapping[str, str], name: str) -> Decimal | None:
	text = query.get(name)
	if text is None:
		return None
	try:
		amount = Decimal(text)
	except InvalidOperation:
		amount = Decimal("NaN")
	if not amount.is_finite():
		raise ApiError(400, f"Invalid {name}", [f"'{name}' must be a number, not '{text}'."])
	return amount


ROUTES = (
	Route("GET", "/invoices", "findPartnerInvoices", find_invoices),
	# Before the invoice by its id, whose path it would match.
	Route("GET", "/invoices/draftItems", "findPartnerDraftInvoiceItems", find_draft_items),
	Route("GET", "/invoices/{invoiceId}", "getPartnerInvoice", find_invoice),
	Route("GET", "/invoices/{invoiceId}/items", "findPartnerInvoiceItems", find_invoice_items),
)
