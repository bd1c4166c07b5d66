import frappe
from frappe import _

from msp_licensing.plain_text import PlainTextDocument


class LicenseChangeRequest(PlainTextDocument):
	def before_insert(self):
		from msp_licensing.changes import document

		document.prepare(self)

	def validate(self):
		from msp_licensing.changes import document

		document.check_changes(self)

	def on_update(self):
		from msp_licensing.changes import document

		document.after_save(self)

	def on_trash(self):
		if not frappe.flags.in_uninstall:
			frappe.throw(_("Requests are kept as a record and cannot be deleted."), frappe.PermissionError)
