"""The operations, one module per area of the API. A new area is a module with ROUTES, listed here."""

from msp_licensing.sandbox.areas import (
	cancel,
	companies,
	company_changes,
	contacts,
	control,
	invoices,
	orders,
	products,
	subscriptions,
	token,
	usage,
	webhooks,
)
from msp_licensing.sandbox.web import Route

API_ROUTES: tuple[Route, ...] = (
	*token.ROUTES,
	*companies.ROUTES,
	*company_changes.ROUTES,
	*contacts.ROUTES,
	*products.ROUTES,
	*subscriptions.ROUTES,
	*cancel.ROUTES,
	*orders.ROUTES,
	*usage.ROUTES,
	*invoices.ROUTES,
)
WEBHOOK_ROUTES: tuple[Route, ...] = webhooks.ROUTES
"""Under another base than the rest, as in Pax8's files: /api/v2."""
CONTROL_ROUTES: tuple[Route, ...] = control.ROUTES
