"""The subscription's form: read it from Pax8 again."""

import frappe
from frappe import _
from frappe.utils import escape_html

from msp_licensing import permissions
from msp_licensing.pax8 import NotFound, Pax8Error
from msp_licensing.rules.plurals import plural
from msp_licensing.sync import connection
from msp_licensing.sync import subscriptions as mirror

DOCTYPE = "Pax8 Subscription"


@frappe.whitelist(methods=["POST"])
def refresh(subscription: str) -> str:
	"""Reads one subscription from Pax8 and stores it; returns in words what was found."""
	permissions.require_manager()
	frappe.has_permission(DOCTYPE, "read", subscription, throw=True)
	before = frappe.db.get_value(DOCTYPE, subscription, ["quantity", "status"], as_dict=True)
	try:
		with connection.client(timeout=15, max_retries=1, priority=True) as pax8:
			remote = pax8.subscription(subscription)
	except NotFound:
		frappe.throw(_("Pax8 does not know this subscription any more. The next sync marks it."))
	except Pax8Error as error:
		frappe.throw(escape_html(error.message))
	mirror.store_one(remote)
	after = frappe.db.get_value(DOCTYPE, subscription, ["quantity", "status"], as_dict=True)
	if before == after:
		return plural(
			after.quantity,
			_("Pax8 shows the same: {0} license, {1}."),
			_("Pax8 shows the same: {0} licenses, {1}."),
		).format(after.quantity, after.status)
	return plural(
		after.quantity,
		_("Pax8 shows {0} license, {1} (here: {2}, {3})."),
		_("Pax8 shows {0} licenses, {1} (here: {2}, {3})."),
	).format(after.quantity, after.status, before.quantity, before.status)
