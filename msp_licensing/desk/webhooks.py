"""Webhooks in the desk: process an event again."""

import frappe

from msp_licensing import permissions
from msp_licensing.sync import connection
from msp_licensing.webhooks import events


@frappe.whitelist(methods=["POST"])
def process_again(event: str) -> None:
	"""Has what a Pax8 Webhook Event names read from Pax8 once more."""
	permissions.require_manager()
	frappe.has_permission(events.DOCTYPE, "read", event, throw=True)
	if problem := connection.problem():
		frappe.throw(problem)
	events.take_up_again(event)
	frappe.db.after_commit.add(events.queue_processing)
