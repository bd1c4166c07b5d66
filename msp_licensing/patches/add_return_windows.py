"""The return windows of vendors are a table of Licensing Settings now, and begin with Microsoft's."""

import frappe

from msp_licensing.setup import install


def execute() -> None:
	if not frappe.db.sql("select 1 from tabSingles where doctype = 'Licensing Settings' limit 1"):
		return  # made with its defaults after this
	settings = frappe.get_doc("Licensing Settings")
	install.add_return_windows(settings)
	settings.flags.ignore_mandatory = True
	settings.save(ignore_permissions=True)
