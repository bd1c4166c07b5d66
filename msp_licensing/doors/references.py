"""What refers to one of the app's records is only taken from somebody who may read that record."""

from collections.abc import Iterator
from typing import Any

import frappe
from frappe import _

from msp_licensing.doors import asked, table

# Comments that somebody writes; the others are Frappe's notes of steps, assignments and files.
BY_PEOPLE = (None, "", "Comment", "Like", "Info", "Bot")


def check(doc: Any, method: str | None = None) -> None:
	"""Hook on the DocTypes of `table.REFERENCES`, before they are validated. Raises frappe.PermissionError."""
	if frappe.session.user == "Administrator" or frappe.local.flags.own_function or _by_the_system(doc):
		return
	before = set(_pairs(doc.get_doc_before_save() or _stored(doc)))
	own = asked.own_doctypes()
	for doctype, name in _pairs(doc):
		if doctype in own and (doctype, name) not in before and not may_read(doctype, name):
			frappe.throw(_("You may not refer to a record that you may not read."), frappe.PermissionError)


def _by_the_system(doc: Any) -> bool:
	"""What Frappe and the app note down themselves, and what a rule of the site assigns, whoever set it off."""
	if not doc.flags.ignore_permissions:
		return False
	if doc.doctype == "Comment":
		return doc.comment_type not in BY_PEOPLE
	return doc.doctype == "ToDo" and bool(doc.get("assignment_rule"))


def _stored(doc: Any) -> Any:
	if doc.is_new() or not doc.name or not frappe.db.exists(doc.doctype, doc.name):
		return None
	return frappe.get_doc(doc.doctype, doc.name)


def _pairs(doc: Any) -> Iterator[tuple[str, str]]:
	if not doc:
		return
	for doctype_field, name_field in table.REFERENCES[doc.doctype]:
		if doctype := doc.get(doctype_field):
			yield str(doctype), str(doc.get(name_field) or "") if name_field else ""
	for rows, doctype_field, name_field in table.REFERENCES_IN_ROWS.get(doc.doctype, ()):
		for row in doc.get(rows) or []:
			if doctype := row.get(doctype_field):
				yield str(doctype), str(row.get(name_field) or "")


def may_read(doctype: str, name: str | None) -> bool:
	"""Whether the user may read a record, or, without a name, records of its DocType. What is not there, nobody may."""
	try:
		if not name or name == doctype or frappe.get_meta(doctype).issingle:
			return bool(frappe.has_permission(doctype, "read", doc=name or None))
		if not frappe.db.exists(doctype, name):
			return bool(frappe.has_permission(doctype, "read"))
		return bool(frappe.get_doc(doctype, name).has_permission("read"))
	except (frappe.DoesNotExistError, ImportError):
		frappe.clear_last_message()
		return False


def targets_of(doc: Any) -> Iterator[tuple[str, str]]:
	"""The app's records that a document, or a row of it, links to."""
	own = asked.own_doctypes()
	for one in (doc, *doc.get_all_children()):
		meta = frappe.get_meta(one.doctype)
		for field in (*meta.get_link_fields(), *meta.get_dynamic_link_fields()):
			doctype = field.options if field.fieldtype == "Link" else one.get(field.options)
			if doctype in own and one.get(field.fieldname):
				yield doctype, str(one.get(field.fieldname))
