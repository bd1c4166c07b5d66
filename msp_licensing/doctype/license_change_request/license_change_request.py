from typing import Any

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

	def db_insert(self, *args, **kwargs):
		from msp_licensing.changes import document

		self.workflow_state = document.begins_as(self)
		super().db_insert(*args, **kwargs)

	def db_update(self):
		# Counted by statements of their own, whatever an older copy of the document holds.
		self.event_count = frappe.db.get_value(self.doctype, self.name, "event_count")
		super().db_update()

	def after_insert(self):
		from msp_licensing.changes import document

		document.after_insert(self)

	def on_update(self):
		from msp_licensing.changes import document

		document.after_save(self)

	def on_trash(self):
		if not frappe.flags.in_uninstall:
			frappe.throw(_("Requests are kept as a record and cannot be deleted."), frappe.PermissionError)

	def run_method(self, method: str, *args: Any, **kwargs: Any) -> Any:
		from msp_licensing.changes import site_automation

		if self.flags.automation_waits and method in site_automation.AFTER_INSERT:
			# A client's request: the site's automation runs after the commit (`site_automation.after_insert`).
			own = getattr(self, method, None)
			return own(*args, **kwargs) if own else None
		return super().run_method(method, *args, **kwargs)
