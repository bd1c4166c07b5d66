"""Removes what Frappe leaves behind when an app is uninstalled: roles, the Workflow, its states and actions."""

import frappe

from msp_licensing.setup.install import ROLES
from msp_licensing.setup.workflow import ACTIONS, DOCTYPE, STATES, WORKFLOW


def before_uninstall() -> None:
	_remove_doc("Workflow", WORKFLOW)
	frappe.db.delete("Workflow Action", {"reference_doctype": DOCTYPE})
	for doctype, names in (("Workflow State", STATES), ("Workflow Action Master", ACTIONS)):
		for name in names:
			if not _is_used_elsewhere(doctype, name):
				_remove_doc(doctype, name)
	for role in ROLES:
		frappe.db.delete("Has Role", {"role": role})
		for table in ("DocPerm", "Custom DocPerm"):
			frappe.db.delete(table, {"role": role})
		_remove_doc("Role", role)
	frappe.db.delete("Portal Menu Item", {"route": "/licensing"})
	for doctype in frappe.get_all("DocType", {"module": "MSP Licensing"}, pluck="name"):
		for log in ("Comment", "Version", "Notification Log", "ToDo", "Communication", "DocShare"):
			field = {
				"Version": "ref_doctype",
				"Notification Log": "document_type",
				"ToDo": "reference_type",
				"DocShare": "share_doctype",
			}.get(log, "reference_doctype")
			frappe.db.delete(log, {field: doctype})
	frappe.db.delete("Logs To Clear", {"ref_doctype": "Pax8 Sync Run"})
	frappe.db.delete("Singles", {"doctype": ("in", ("Pax8 Settings", "Licensing Settings"))})
	frappe.db.delete("__Auth", {"doctype": "Pax8 Settings"})
	for job in frappe.get_all("Scheduled Job Type", {"method": ("like", "msp_licensing.%")}, pluck="name"):
		frappe.db.delete("Scheduled Job Log", {"scheduled_job_type": job})
	frappe.cache.delete_keys("msp_licensing")


def _remove_doc(doctype: str, name: str) -> None:
	if frappe.db.exists(doctype, name):
		frappe.delete_doc(doctype, name, ignore_permissions=True, force=True)


def _is_used_elsewhere(doctype: str, name: str) -> bool:
	"""Another Workflow of the site may use a state or action of the same name ("Approved", "Reject")."""
	if doctype == "Workflow State":
		return bool(
			frappe.db.exists("Workflow Document State", {"state": name})
			or frappe.db.exists("Workflow Transition", {"next_state": name})
		)
	return bool(frappe.db.exists("Workflow Transition", {"action": name}))
