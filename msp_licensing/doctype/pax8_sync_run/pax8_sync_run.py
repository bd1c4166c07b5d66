import frappe
from frappe.model.document import Document
from frappe.query_builder import Interval
from frappe.query_builder.functions import Now


class Pax8SyncRun(Document):
	@staticmethod
	def clear_old_logs(days: int = 30) -> None:
		"""Called by Frappe's log clearing (Log Settings)."""
		run = frappe.qb.DocType("Pax8 Sync Run")
		frappe.db.delete(run, filters=(run.creation < (Now() - Interval(days=days))))
