"""Roles, Workflow and defaults: made where they are missing, never overwritten."""

import frappe

from msp_licensing import permissions
from msp_licensing.setup.workflow import make_workflow

ROLES = {permissions.MANAGER: 1, permissions.CLIENT: 0, permissions.VIEWER: 0}


def after_install() -> None:
	after_migrate()
	# Administrators of a fresh site expect to see what they have just installed.
	if frappe.db.exists("User", "Administrator"):
		frappe.get_doc("User", "Administrator").add_roles(permissions.MANAGER)


def after_migrate() -> None:
	"""Safe to run any number of times: a second run changes nothing."""
	make_roles()
	make_workflow()
	make_default_settings()


def make_roles() -> None:
	for role, desk_access in ROLES.items():
		if not frappe.db.exists("Role", role):
			frappe.get_doc(
				{"doctype": "Role", "role_name": role, "desk_access": desk_access, "is_custom": 0}
			).insert(ignore_permissions=True)


def make_default_settings() -> None:
	"""Writes the defaults of both Singles once, so that code can read them without asking whether they exist."""
	for doctype in ("Pax8 Settings", "Licensing Settings"):
		if frappe.db.sql("select 1 from tabSingles where doctype = %s limit 1", doctype):
			continue
		doc = frappe.get_doc(doctype)
		if doctype == "Licensing Settings":
			doc.client_doctype = "Customer" if "erpnext" in frappe.get_installed_apps() else "MSP Client"
		doc.flags.ignore_mandatory = True
		doc.save(ignore_permissions=True)
