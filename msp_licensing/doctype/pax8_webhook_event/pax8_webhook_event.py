import frappe
from frappe.model.document import Document
from frappe.query_builder import Interval
from frappe.query_builder.functions import Now


class Pax8WebhookEvent(Document):
	@staticmethod
	def clear_old_logs(days: int = 30) -> None:
		"""Called by Frappe's log clearing (Log Settings). What was last received long ago goes."""
		event = frappe.qb.DocType("Pax8 Webhook Event")
		frappe.db.delete(event, filters=(event.last_received_on < (Now() - Interval(days=days))))
