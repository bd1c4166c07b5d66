"""Bell entries and ToDos from before they said no more than that something is there to be looked at."""

import frappe

from msp_licensing.changes import bell
from msp_licensing.changes.states import DOCTYPE


def execute() -> None:
	own = frappe.get_all("DocType", filters={"module": "MSP Licensing"}, pluck="name")
	if not own:
		return
	log = frappe.qb.DocType("Notification Log")
	(
		frappe.qb.update(log)
		.set(log.subject, bell.something())
		.set(log.email_content, None)
		.where(log.document_type.isin(own) & (log.type == "Alert"))
		.where((log.subject != bell.something()) | log.email_content.isnotnull())
	).run()
	todo = frappe.qb.DocType("ToDo")
	(
		frappe.qb.update(todo)
		.set(todo.description, bell.sentence("staff_pending"))
		.where((todo.reference_type == DOCTYPE) & (todo.assigned_by == "Administrator"))
		.where(todo.assignment_rule.isnull() | (todo.assignment_rule == ""))
	).run()
