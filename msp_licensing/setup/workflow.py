"""The Workflow of License Change Requests: the human steps of a request's life.

Made once; an administrator's edits are never overwritten. The rules that matter (who may decide, what may change)
are enforced by the controller, since a plain save goes around a Workflow's conditions.
"""

import frappe

from msp_licensing.permissions import MANAGER

DOCTYPE = "License Change Request"
WORKFLOW = "License Change Approval"

# state: colour of the indicator (Frappe's "style" of a Workflow State)
STATES = {
	"Pending Approval": "Warning",
	"Approved": "Info",
	"Applying": "Info",
	"Scheduled": "Info",
	"Applied": "Success",
	"Rejected": "Danger",
	"Withdrawn": "",
	"Expired": "",
	"Failed": "Danger",
	"Needs Review": "Danger",
}
ACTIONS = ("Approve", "Reject", "Retry")
TRANSITIONS = (
	("Pending Approval", "Approve", "Approved"),
	("Pending Approval", "Reject", "Rejected"),
	("Failed", "Retry", "Approved"),
)


def make_workflow() -> None:
	"""Makes the Workflow, its states and actions where they are missing."""
	for state, style in STATES.items():
		if not frappe.db.exists("Workflow State", state):
			frappe.get_doc(
				{"doctype": "Workflow State", "workflow_state_name": state, "style": style}
			).insert(ignore_permissions=True)
	for action in ACTIONS:
		if not frappe.db.exists("Workflow Action Master", action):
			frappe.get_doc({"doctype": "Workflow Action Master", "workflow_action_name": action}).insert(
				ignore_permissions=True
			)
	if frappe.db.exists("Workflow", WORKFLOW):
		return
	frappe.get_doc(
		{
			"doctype": "Workflow",
			"workflow_name": WORKFLOW,
			"document_type": DOCTYPE,
			"workflow_state_field": "workflow_state",
			"is_active": 1,
			# Its mails carry links that approve without a login and never expire: the app sends its own.
			"send_email_alert": 0,
			"states": [{"state": state, "doc_status": "0", "allow_edit": MANAGER} for state in STATES],
			"transitions": [
				{
					"state": state,
					"action": action,
					"next_state": next_state,
					"allowed": MANAGER,
					# Whether managers may decide their own requests is a setting, checked by the controller.
					"allow_self_approval": 1,
				}
				for state, action, next_state in TRANSITIONS
			],
		}
	).insert(ignore_permissions=True)
