"""What becomes of invoices: paid, void, credited and reissued."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from msp_licensing.sandbox.areas.control.asked import is_number, known, only, overrides
from msp_licensing.sandbox.errors import ApiError
from msp_licensing.sandbox.invoices.book import View
from msp_licensing.sandbox.invoices.items import Item
from msp_licensing.sandbox.web import Request, Route

if TYPE_CHECKING:
	from msp_licensing.sandbox.app import App


def get_invoices(app: App, request: Request) -> dict[str, Any]:
	"""The invoices that are visible, newest first."""
	return {"invoices": [view.wire() for view in app.world.invoices.visible(app.clock.now())]}


def change_invoice(app: App, request: Request, identifier: str) -> dict[str, Any]:
	"""Alter how an invoice is shown: `wire` and `absent`."""
	asked = request.json_object()
	only(asked, {"wire", "absent"})
	invoice = _view(app, identifier).invoice
	invoice.overrides = overrides(asked, invoice.overrides)
	return _view(app, identifier).wire()


def pay_invoice(app: App, request: Request, identifier: str) -> dict[str, Any]:
	"""Pay `amount` of an invoice, or all that is open."""
	asked = request.json_object()
	only(asked, {"amount"})
	view = _open(app, identifier)
	amount = asked.get("amount")
	if amount is not None and (not is_number(amount) or amount <= 0):
		raise ApiError(400, "'amount' must be a number above 0")
	view.invoice.paid += view.balance if amount is None else Decimal(str(amount))
	if view.invoice.paid >= view.invoice.total:
		view.invoice.settled, view.invoice.settled_from = "Paid", app.clock.now()
	return _view(app, identifier).wire()


def void_invoice(app: App, request: Request, identifier: str) -> dict[str, Any]:
	"""Make an invoice void."""
	only(request.json_object(), set())
	invoice = _view(app, identifier).invoice
	_refuse_settled(invoice.settled, "Credited", "Void")
	invoice.settled, invoice.settled_from = "Void", app.clock.now()
	return _view(app, identifier).wire()


def reissue_invoice(app: App, request: Request, identifier: str) -> dict[str, Any]:
	"""Credit an invoice and issue it anew, as corrections are made, under a new id and today's date.

	With `subscriptionId` that subscription's items are left out, or with `quantity` too, have that quantity.
	"""
	asked = request.json_object()
	only(asked, {"subscriptionId", "quantity"})
	invoice = _view(app, identifier).invoice
	_refuse_settled(invoice.settled, "Credited", "Void")
	subscription_id, quantity = asked.get("subscriptionId"), asked.get("quantity")
	items = invoice.items
	if quantity is not None and (not is_number(quantity) or quantity != int(quantity) or not subscription_id):
		raise ApiError(400, "'quantity' must be a whole number, and comes with 'subscriptionId'")
	if subscription_id is not None:
		if not any(item.subscription_id == subscription_id for item in items):
			raise ApiError(404, "No item of this invoice is for that subscription")
		items = [
			corrected
			for item in items
			if (corrected := _corrected(item, quantity) if item.subscription_id == subscription_id else item)
		]
	now = app.clock.now()
	reissued = app.world.invoices.reissue(invoice, items, now)
	return {"credited": _view(app, identifier).wire(), "reissued": _view(app, reissued.id).wire()}


def _corrected(item: Item, quantity: float | None) -> Item | None:
	return None if quantity is None else replace(item, quantity=int(quantity))


def _view(app: App, identifier: str) -> View:
	return known(app.world.invoices.find(identifier, app.clock.now()), "invoice")


def _open(app: App, identifier: str) -> View:
	view = _view(app, identifier)
	if view.balance <= 0:
		raise ApiError(409, f"Nothing of this invoice is open: it is {view.status}")
	return view


def _refuse_settled(settled: str | None, *statuses: str) -> None:
	if settled in statuses:
		raise ApiError(409, f"The invoice is {settled}")


ROUTES = (
	Route("GET", "/invoices", "invoices", get_invoices),
	Route("POST", "/invoices/{identifier}", "invoices", change_invoice),
	Route("POST", "/invoices/{identifier}/pay", "invoices", pay_invoice),
	Route("POST", "/invoices/{identifier}/void", "invoices", void_invoice),
	Route("POST", "/invoices/{identifier}/credit-and-reissue", "invoices", reissue_invoice),
)
