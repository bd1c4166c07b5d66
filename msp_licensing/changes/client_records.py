"""What follows for our records when a client record changes. Hooks on MSP Client and ERPNext's Customer."""

from typing import Any

import frappe
from frappe.utils import cint

from msp_licensing import clients
from msp_licensing.changes import client_approval
from msp_licensing.changes.states import CLIENT_PENDING, DOCTYPE


def after_update(doc: Any, method: str | None = None) -> None:
	"""A new name goes onto the records that carry it. What waits for the approver of a client that has been disabled
	waits for staff instead.
	"""
	if doc.has_value_changed(doc.meta.get_title_field()):
		clients.keep_names(doc.doctype, doc.name)
	if cint(doc.get("disabled")) and doc.has_value_changed("disabled"):
		of_client = {"client_doctype": doc.doctype, "client": doc.name, "workflow_state": CLIENT_PENDING}
		for name in frappe.get_all(DOCTYPE, of_client, pluck="name"):
			client_approval.hand_over(name)


def after_rename(doc: Any, method: str | None, old: str, new: str, merge: bool = False) -> None:
	"""Also after a merge: the records have the id of the one that stays, and get its name."""
	clients.keep_names(doc.doctype, new)
