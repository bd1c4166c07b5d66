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
	"Pending Approval": "Warning",  # first: Frappe inserts documents in the first state of their Workflow and no other
	"Pending Client Approval": "Warning",
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
ACTIONS = ("Approve", "Schedule", "Reject", "Retry")

# state, action, next state, condition: a change for the end of a term is approved by scheduling it.
TRANSITIONS = (
	("Pending Approval", "Approve", "Approved", 'doc.timing != "End of Term"'),
	("Pending Approval", "Schedule", "Scheduled", 'doc.timing == "End of Term"'),
	("Pending Approval", "Reject", "Rejected", None),
	("Pending Client Approval", "Reject", "Rejected", None),
	("Scheduled", "Reject", "Rejected", None),
	# What Pax8 may have done already is not sent again.
	("Failed", "Retry", "Approved", "doc.retryable"),
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
	workflow_document().insert(ignore_permissions=True)


def workflow_document():
	"""The Workflow as the app ships it, not inserted."""
	return frappe.get_doc(
		{
			"doctype": "Workflow",
			"workflow_name": WORKFLOW,
			"document_type": DOCTYPE,
			"workflow_state_field": "workflow_state",
			"is_active": 1,
			# Its mails carry links that approve without a login and never expire: the app sends its own.
			"send_email_alert": 0,
			"states": [
				{
					"state": state,
					"doc_status": "0",
					"allow_edit": MANAGER,
					# Frappe makes Workflow Actions for steps to states that are not optional: where staff could do
					# nothing but reject, there is nothing for them to do.
					"is_optional_state": int(state == "Rejected"),
				}
				for state in STATES
			],
			"transitions": [
				{
					"state": state,
					"action": action,
					"next_state": next_state,
					"allowed": MANAGER,
					# Whether managers may decide their own requests is a setting, checked by the controller.
					"allow_self_approval": 1,
					"condition": condition,
				}
				for state, action, next_state, condition in TRANSITIONS
			],
		}
	)


def extend_workflow() -> None:
	"""Brings states and transitions that came with a newer version into a Workflow made by an older one.

	Adds only what is missing; "Approve" of a pending request gets its condition where nobody has given it another.
	"""
	if not frappe.db.exists("Workflow", WORKFLOW):
		return
	workflow, shipped = frappe.get_doc("Workflow", WORKFLOW), workflow_document()
	states = {row.state for row in workflow.states}
	steps = {(row.state, row.next_state): row for row in workflow.transitions}
	for row in shipped.states:
		if row.state not in states:
			workflow.append("states", row.as_dict(no_default_fields=True))
	for row in shipped.transitions:
		known = steps.get((row.state, row.next_state))
		if known is None:
			workflow.append("transitions", row.as_dict(no_default_fields=True))
		elif row.condition and not known.condition:
			known.condition = row.condition
	workflow.save(ignore_permissions=True)
