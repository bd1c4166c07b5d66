"""Assigns a request to those who have to act, and takes the assignment back once nobody has to.

Frappe's own ToDos, so that people can pass them on, close them and see them in their list. They are written without
the comments that Frappe adds for each: with ten managers a request's timeline would be full of nothing else. Nor are
they in the name of whoever asked: a portal user could read a ToDo that was assigned by them.
"""

from datetime import date
from typing import Any

import frappe
from frappe.desk.notifications import clear_doctype_notifications
from frappe.utils import escape_html

DOCTYPE = "License Change Request"


def assign(doc: Any, user: str, task: str, due: date | str | None = None) -> None:
	"""Assigns a request to a user, who keeps one open ToDo for it at most; the caller commits.

	Where the MSP has an Assignment Rule for requests, that rule says who acts, and nothing is done here.

	Args:
		task: plain text.
	"""
	if frappe.db.exists("Assignment Rule", {"document_type": DOCTYPE, "disabled": 0}):
		return
	if frappe.db.exists("ToDo", {**_of(doc.name), "status": "Open", "allocated_to": user}):
		return
	todo = frappe.get_doc(
		{
			"doctype": "ToDo",
			**_of(doc.name),
			"allocated_to": user,
			"assigned_by": "Administrator",
			"description": escape_html(task),
			"status": "Open",
			"priority": "Medium",
			"date": due,
		}
	)
	todo.db_insert()
	todo.update_in_reference()
	clear_doctype_notifications(todo)


def close(request: str) -> None:
	"""Closes what is open for a request: called when it leaves a state. The caller commits."""
	name = frappe.db.get_value("ToDo", {**_of(request), "status": "Open"})
	if not name:
		return
	frappe.db.set_value("ToDo", {**_of(request), "status": "Open"}, "status", "Closed")
	todo = frappe.get_doc("ToDo", name)
	todo.update_in_reference()
	clear_doctype_notifications(todo)


def _of(request: str) -> dict[str, str]:
	return {"reference_type": DOCTYPE, "reference_name": request}
