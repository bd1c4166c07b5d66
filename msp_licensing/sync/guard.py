"""Keeps people from writing what only a sync may write."""

from typing import Any

import frappe
from frappe import _

# A sync writes by SQL; these are the controls that only show something.
_NO_VALUE = {"HTML", "Section Break", "Column Break", "Tab Break", "Table"}


def own_fields(doctype: str) -> dict[str, Any]:
	"""The fields of one of the app's DocTypes as the app ships them, by name: without those that the site has added,
	and without what it has changed about ours.
	"""
	return {field.fieldname: field for field in frappe.get_cached_doc("DocType", doctype).fields}


def refuse_changes_of_mirrored_fields(doc: Any) -> None:
	"""Raises frappe.PermissionError if a save changes a field that comes from Pax8.

	Such fields are "read only" in the form, which binds the form and nobody else. Fields that the site has added are
	its own.
	"""
	if doc.is_new():
		frappe.throw(
			_("{0} come from Pax8 and cannot be made by hand.").format(_(doc.doctype)), frappe.PermissionError
		)
	before = doc.get_doc_before_save()
	if before and doc.meta.has_field("client_name"):
		# Of no sync, and written by SQL when a client is renamed: an open form may hold the old one.
		doc.client_name = before.client_name
	own = own_fields(doc.doctype)
	for field in own.values():
		if field.read_only and field.fieldtype not in _NO_VALUE and doc.has_value_changed(field.fieldname):
			frappe.throw(
				_("{0} comes from Pax8 and cannot be changed here.").format(_(field.label)),
				frappe.PermissionError,
			)
	for table in own.values():
		if table.fieldtype != "Table":
			continue
		if table.read_only and before and _rows(doc, table.fieldname) != _rows(before, table.fieldname):
			frappe.throw(
				_("{0} come from Pax8 and cannot be changed here.").format(_(table.label)),
				frappe.PermissionError,
			)


def _rows(doc: Any, fieldname: str) -> list[tuple[Any, ...]]:
	columns = list(own_fields(doc.meta.get_field(fieldname).options))
	return [tuple(row.get(column) for column in columns) for row in doc.get(fieldname)]
