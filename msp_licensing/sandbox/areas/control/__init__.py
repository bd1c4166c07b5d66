"""The control endpoints under /_sandbox: look at the state, change it from outside, order faults.

They need no token, answer on this machine only, and are not part of Pax8's API.
"""

from msp_licensing.sandbox.areas.control import (
	companies,
	events,
	invoices,
	looking,
	products,
	steering,
	subscriptions,
	usage,
)
from msp_licensing.sandbox.web import Route

ROUTES: tuple[Route, ...] = (
	*looking.ROUTES,
	*steering.ROUTES,
	*subscriptions.ROUTES,
	*companies.ROUTES,
	*products.ROUTES,
	*events.ROUTES,
	*usage.ROUTES,
	*invoices.ROUTES,
)
