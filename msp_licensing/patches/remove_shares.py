"""Shares of the app's records went past User Permissions. They give nobody a right any more."""

import frappe


def execute() -> None:
	own = frappe.get_all("DocType", {"module": "MSP Licensing"}, pluck="name")
	frappe.db.delete("DocShare", {"share_doctype": ("in", own)})
