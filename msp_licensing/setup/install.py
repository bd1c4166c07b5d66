"""Roles, Workflow and defaults: made where they are missing, never overwritten."""

from pathlib import Path

import frappe

from msp_licensing import permissions
from msp_licensing.rules.commitments import DEFAULT_RETURN_WINDOWS
from msp_licensing.setup.email_templates import make_email_templates
from msp_licensing.setup.workflow import make_workflow

ROLES = {permissions.MANAGER: 1, permissions.CLIENT: 0, permissions.APPROVER: 0, permissions.VIEWER: 0}


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
	make_email_templates()
	make_health_block()


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
			add_return_windows(doc)
		doc.flags.ignore_mandatory = True
		doc.save(ignore_permissions=True)


def add_return_windows(settings) -> None:
	"""Fills an empty table of return windows; what somebody has entered or removed stays as it is."""
	if not settings.return_windows:
		for vendor, days in DEFAULT_RETURN_WINDOWS:
			settings.append("return_windows", {"vendor": vendor, "days": days})


HEALTH_BLOCK = "Pax8 Sync Health"


def make_health_block() -> None:
	"""The health of the syncs on the workspace. Frappe 15 reads no Custom HTML Block from an app's files.

	It is code and not a setting: what differs from the files is written again.
	"""
	folder = Path(frappe.get_app_path("msp_licensing", "custom_html_block", "sync_health"))
	fields = {"html": "html", "style": "css", "script": "js"}
	wanted = {
		field: (folder / f"sync_health.{suffix}").read_text(encoding="utf-8")
		for field, suffix in fields.items()
	}
	if not frappe.db.exists("Custom HTML Block", HEALTH_BLOCK):
		block = frappe.get_doc({"doctype": "Custom HTML Block", "private": 0})
		block.name = HEALTH_BLOCK
		block.flags.name_set = True
		for role in (permissions.MANAGER, "System Manager"):
			block.append("roles", {"role": role})
		block.update(wanted).insert(ignore_permissions=True)
		return
	block = frappe.get_doc("Custom HTML Block", HEALTH_BLOCK)
	if any(block.get(field) != text for field, text in wanted.items()):
		block.update(wanted).save(ignore_permissions=True)
