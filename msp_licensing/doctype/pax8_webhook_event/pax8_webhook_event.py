import frappe

from msp_licensing.plain_text import PlainTextDocument


class Pax8WebhookEvent(PlainTextDocument):
	@staticmethod
	def clear_old_logs(days: int = 30) -> None:
		"""Called by Frappe's log clearing (Log Settings). What was last received long ago goes."""
		from msp_licensing import clock

		event = frappe.qb.DocType("Pax8 Webhook Event")
		frappe.db.delete(event, filters=(event.last_received_on_utc < clock.before(days=days)))
