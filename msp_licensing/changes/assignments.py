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
	if _rules():
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
	"""Closes what is open for a request: called when it leaves a state. The caller commits.

	What an Assignment Rule of the site has assigned is left to the conditions of that rule.
	"""
	todos = frappe.get_all("ToDo", {**_of(request), "status": "Open"}, ["name", "assignment_rule"])
	rules = _rules() if any(todo.assignment_rule for todo in todos) else []
	names = [todo.name for todo in todos if todo.assignment_rule not in rules]
	if not names:
		return
	frappe.db.set_value("ToDo", {"name": ("in", names)}, "status", "Closed")
	todo = frappe.get_doc("ToDo", names[0])
	todo.update_in_reference()
	clear_doctype_notifications(todo)


def _rules() -> list[str]:
	"""The Assignment Rules of the site for requests: what they have assigned, they take back."""
	return frappe.get_all("Assignment Rule", {"document_type": DOCTYPE, "disabled": 0}, pluck="name")


def _of(request: str) -> dict[str, str]:
	return {"reference_type": DOCTYPE, "reference_name": request}
