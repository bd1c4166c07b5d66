"""The operations, one module per area of the API. A new area is a module with ROUTES, listed here."""

from msp_licensing.sandbox.areas import companies, control, products, subscriptions, token
from msp_licensing.sandbox.web import Route

API_ROUTES: tuple[Route, ...] = (
	*token.ROUTES,
	*companies.ROUTES,
	*products.ROUTES,
	*subscriptions.ROUTES,
)
CONTROL_ROUTES: tuple[Route, ...] = control.ROUTES
