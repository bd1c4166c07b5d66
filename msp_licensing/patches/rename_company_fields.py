"""ERPNext's form scripts fill or hide every field that is called "company": the Pax8 company is `pax8_company` now."""

import frappe
from frappe.model.utils.rename_field import rename_field

DOCTYPES = ("Pax8 Subscription", "Pax8 Subscription Change", "License Change Request", "Pax8 Sync Run")


def execute() -> None:
	for doctype in DOCTYPES:
		if frappe.db.has_column(doctype, "company"):
			rename_field(doctype, "company", "pax8_company")
