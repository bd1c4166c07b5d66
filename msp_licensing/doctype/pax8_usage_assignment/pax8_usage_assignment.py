import frappe
from frappe import _

from msp_licensing.plain_text import PlainTextDocument


class Pax8UsageAssignment(PlainTextDocument):
	"""A decision that is made and ended by functions (`usage.assignments`, `sync.kinds.usage.placement`) only."""

	def validate(self):
		if not self.flags.by_app:
			frappe.throw(
				_("Usage is assigned to clients where unassigned usage is listed, not in this record."),
				frappe.PermissionError,
			)

	def on_trash(self):
		if not frappe.flags.in_uninstall:
			frappe.throw(_("Decisions about usage are kept: end them instead."), frappe.PermissionError)
