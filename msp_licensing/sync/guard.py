"""Keeps people from writing what only a sync may write."""

from typing import Any

import frappe
from frappe import _

# A sync writes by SQL; these are the controls that only show something.
_NO_VALUE = {"HTML", "Section Break", "Column Break", "Tab Break", "Table"}


def refuse_changes_of_mirrored_fields(doc: Any) -> None:
	"""Raises frappe.PermissionError if a save changes a field that comes from Pax8.

	Such fields are "read only" in the form, which binds the form and nobody else.
	"""
	if doc.is_new():
		frappe.throw(
			_("{0} come from Pax8 and cannot be made by hand.").format(_(doc.doctype)), frappe.PermissionError
		)
	before = doc.get_doc_before_save()
	for field in doc.meta.fields:
		if field.read_only and field.fieldtype not in _NO_VALUE and doc.has_value_changed(field.fieldname):
			frappe.throw(
				_("{0} comes from Pax8 and cannot be changed here.").format(_(field.label)),
				frappe.PermissionError,
			)
	for table in doc.meta.get_table_fields():
		if table.read_only and before and _rows(doc, table.fieldname) != _rows(before, table.fieldname):
			frappe.throw(
				_("{0} come from Pax8 and cannot be changed here.").format(_(table.label)),
				frappe.PermissionError,
			)


def _rows(doc: Any, fieldname: str) -> list[tuple[Any, ...]]:
	columns = [field.fieldname for field in frappe.get_meta(doc.meta.get_field(fieldname).options).fields]
	return [tuple(row.get(column) for column in columns) for row in doc.get(fieldname)]
