"""Removes what Frappe leaves behind when an app is uninstalled, and nothing that was there before the app."""

import json
from pathlib import Path

import frappe

from msp_licensing.setup.email_templates import remove_email_templates
from msp_licensing.setup.install import HEALTH_BLOCK, ROLES
from msp_licensing.setup.workflow import ACTIONS, STATES, WORKFLOW
from msp_licensing.sync.kinds.usage import revision

MODULE = "MSP Licensing"

# Every Frappe site has these of its own.
OF_FRAPPE = {"Workflow State": {"Approved", "Rejected"}, "Workflow Action Master": {"Approve", "Reject"}}

# Where records of any DocType are spoken of, and the column that names the DocType. A Contact that kept a link to a
# DocType that is gone could not be saved any more.
REFERENCES = {
	"Comment": "reference_doctype",
	"Communication": "reference_doctype",
	"Communication Link": "link_doctype",
	"Custom Field": "dt",
	"DocShare": "share_doctype",
	"Document Follow": "ref_doctype",
	"Dynamic Link": "link_doctype",
	"List Filter": "reference_doctype",
	"Logs To Clear": "ref_doctype",
	"Notification Log": "document_type",
	"Property Setter": "doc_type",
	"Tag Link": "document_type",
	"ToDo": "reference_type",
	"User Permission": "allow",
	"Version": "ref_doctype",
	"View Log": "reference_doctype",
	"Workflow Action": "reference_doctype",
	"__UserSettings": "doctype",
}


def before_uninstall() -> None:
	_remove_workflow()
	remove_email_templates()
	_remove_doc("Custom HTML Block", HEALTH_BLOCK)
	for role in ROLES:
		for table in ("Has Role", "DocPerm", "Custom DocPerm", "Workflow Action Permitted Role"):
			frappe.db.delete(table, {"role": role})
		_remove_doc("Role", role)
	_remove_references()
	for step in _onboarding_steps():
		_remove_doc("Onboarding Step", step)
	for job in frappe.get_all("Scheduled Job Type", {"method": ("like", "msp_licensing.%")}, pluck="name"):
		frappe.db.delete("Scheduled Job Log", {"scheduled_job_type": job})
		_remove_doc("Scheduled Job Type", job)
	_remove_icons()
	frappe.db.delete("Portal Menu Item", {"route": "/licensing"})
	frappe.db.delete("Singles", {"doctype": ("in", ("Pax8 Settings", "Licensing Settings"))})
	frappe.db.delete("__Auth", {"doctype": "Pax8 Settings"})
	frappe.db.delete("Series", {"name": ("like", "LCR-%")})
	revision.forget()
	frappe.cache.delete_keys("msp_licensing")


def _remove_icons() -> None:
	"""The icon and the sidebar of Frappe 16's desk. Rows alone: in developer mode their documents would take their files along."""
	for doctype in ("Desktop Icon", "Workspace Sidebar"):
		if not frappe.db.exists("DocType", doctype) or not frappe.get_meta(doctype).has_field("app"):
			continue
		for name in frappe.get_all(doctype, {"app": "msp_licensing"}, pluck="name"):
			for table in frappe.get_meta(doctype).get_table_fields():
				frappe.db.delete(table.options, {"parenttype": doctype, "parent": name})
			frappe.db.delete(doctype, {"name": name})


def _remove_workflow() -> None:
	_remove_doc("Workflow", WORKFLOW)
	for doctype, names in (("Workflow State", STATES), ("Workflow Action Master", ACTIONS)):
		for name in names:
			if name not in OF_FRAPPE[doctype] and not _is_used_elsewhere(doctype, name):
				_remove_doc(doctype, name)


def _is_used_elsewhere(doctype: str, name: str) -> bool:
	"""Another Workflow of the site may use a state or action of the same name ("Applied", "Retry")."""
	if doctype == "Workflow State":
		return bool(
			frappe.db.exists("Workflow Document State", {"state": name})
			or frappe.db.exists("Workflow Transition", {"next_state": name})
		)
	return bool(frappe.db.exists("Workflow Transition", {"action": name}))


def _remove_references() -> None:
	doctypes = frappe.get_all("DocType", {"module": MODULE}, pluck="name")
	for table, column in REFERENCES.items():
		frappe.db.delete(table, {column: ("in", doctypes)})
	for doctype in doctypes:
		_remove_doc("List View Settings", doctype)
	frappe.db.set_value("User", {"default_workspace": MODULE}, "default_workspace", None)


def _onboarding_steps() -> list[str]:
	"""Unlike the rest of a module's files, steps do not say which module they belong to."""
	folder = Path(frappe.get_app_path("msp_licensing", "onboarding_step"))
	return [json.loads(file.read_text(encoding="utf-8"))["name"] for file in folder.glob("*/*.json")]


def _remove_doc(doctype: str, name: str) -> None:
	if frappe.db.exists(doctype, name):
		frappe.delete_doc(doctype, name, ignore_permissions=True, force=True)
