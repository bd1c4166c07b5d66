"""What staff may do besides saying yes or no: approve another quantity, or make a change themselves at once."""

from typing import Any

import frappe
from frappe import _
from frappe.utils import cint

from msp_licensing import permissions
from msp_licensing.changes import decide, document, planning, price_drift, requests
from msp_licensing.changes.requests import AskedAlready, refuse
from msp_licensing.changes.states import APPROVED, DOCTYPE, PENDING
from msp_licensing.rules.policy import Outcome


def approve_another(
	name: str, quantity: Any, reason: str, *, seen_quantity: int, seen_amount: str | None = None
) -> Any:
	"""Approves a pending request with another quantity than the one asked for; both are kept, with the reason.

	Args:
		quantity: the total to be applied, as typed. reason: the requester reads it.
		seen_quantity, seen_amount: what whoever approves was looking at; see `decisions.approve`.

	Raises:
		frappe.PermissionError: the user may not decide this request.
		ChangeRefused: it has been decided, the quantity cannot be, or the current one has moved. Nothing has changed.
	"""
	permissions.require_manager()
	doc = frappe.get_doc(DOCTYPE, name)
	doc.check_permission("write")
	if doc.workflow_state != PENDING:
		refuse(_("This request has been decided already."))
	if doc.current_quantity != cint(seen_quantity):
		refuse(
			_("The quantity has changed to {0} meanwhile. Please look at the request again.").format(
				doc.current_quantity
			)
		)
	price_drift.check_seen(name, seen_amount, expect=(PENDING,))
	doc.reload()
	row = frappe.db.get_value("Pax8 Subscription", doc.subscription, list(decide.FIELDS), as_dict=True)
	verdict, _for_clients = document.judge_for_staff(
		row, quantity, planning.read_timing(doc.timing), has_open_request=False
	)
	if verdict.outcome == Outcome.REFUSED:
		refuse(decide.staff_words(verdict))
	number = verdict.numbers["wanted"]
	if number == doc.requested_quantity:
		refuse(_("This is the quantity asked for: approve the request as it is."))
	doc.approved_quantity, doc.quantity_reason = number, reason
	doc.workflow_state = planning.state_of_release(doc.timing)
	doc.save()
	return doc


def change_now(subscription: str, quantity: Any, reason: str, *, seen_quantity: int | None = None) -> Any:
	"""A Licensing Manager changes a quantity without anybody else's approval; returns the request, on its way.

	It goes the way of every change: claimed, compared, sent once, read back.

	Args:
		quantity: the new total, as typed. reason: kept with the request.
		seen_quantity: the quantity on the form; if it has moved since, nothing is done.

	Raises:
		frappe.PermissionError: no Licensing Manager, or the settings want a second pair of eyes.
		ChangeRefused: with the reason in words. Nothing has changed.
	"""
	permissions.require_manager()
	if not cint(frappe.db.get_single_value("Licensing Settings", "allow_direct_changes")):
		frappe.throw(
			_("Changes by staff need another Licensing Manager's approval here."), frappe.PermissionError
		)
	if not (reason or "").strip():
		refuse(_("Please give a reason: it is kept with the request."))
	frappe.has_permission("Pax8 Subscription", "read", subscription, throw=True)
	row = frappe.db.get_value("Pax8 Subscription", subscription, list(decide.FIELDS), as_dict=True)
	if not row:
		frappe.throw(_("Please choose a subscription."), frappe.ValidationError)
	# Of two at once the second waits here. Where Pax8 cannot be read now, applying reads it before anything is sent.
	fresh = requests.read_fresh(row)
	if fresh.quantity != (row.quantity if seen_quantity is None else cint(seen_quantity)):
		refuse(
			_("The quantity has changed to {0} meanwhile. Please check and ask again.").format(fresh.quantity)
		)
	doc = frappe.get_doc(
		{
			"doctype": DOCTYPE,
			"subscription": subscription,
			"requested_quantity": quantity,
			"staff_reason": reason.strip()[:1000],
		}
	)
	doc.flags.at_once, doc.flags.begins_as = True, APPROVED
	try:
		doc.insert()
	except frappe.UniqueValidationError:
		refuse(_("There is an open request for this subscription already."), AskedAlready)
	requests.queue_apply(doc.name)
	return doc.reload()
