"""Numbers of the workspace that a plain count cannot give."""

from typing import Any

import frappe
from frappe import _
from frappe.utils import add_days

from msp_licensing import clock, permissions
from msp_licensing.sync import connection, health

RENEWAL_DAYS = 30


@frappe.whitelist()
def last_sync(filters: str | list | dict | None = None) -> str:
	"""How old the subscriptions are, in words; for a number card, which passes its `filters`."""
	permissions.require_connection_manager()
	if not connection.is_active():
		return _("Not connected")
	return next(health.age_in_words(row) for row in health.report() if row.kind == "Subscriptions")


@frappe.whitelist()
def commitments_ending(filters: str | list | dict | None = None) -> dict[str, Any]:
	"""How many active subscriptions reach the end of their commitment within 30 days, and the list of them."""
	permissions.require_connection_manager()
	today = clock.pax8_today()
	wanted = {
		"commitment_end": ["between", [today, add_days(today, RENEWAL_DAYS)]],
		"status": "Active",
		"vanished": 0,
	}
	return {
		"value": len(frappe.get_list("Pax8 Subscription", filters=wanted, pluck="name", limit=0)),
		"fieldtype": "Int",
		"route": ["List", "Pax8 Subscription", "List"],
		"route_options": wanted,
	}
