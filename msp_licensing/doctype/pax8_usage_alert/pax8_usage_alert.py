import frappe

from msp_licensing.plain_text import PlainTextDocument


class Pax8UsageAlert(PlainTextDocument):
	@staticmethod
	def clear_old_logs(days: int = 400) -> None:
		"""Called by Frappe's log clearing (Log Settings). What was told lately stays: nobody is told of it again."""
		from msp_licensing import clock

		alert = frappe.qb.DocType("Pax8 Usage Alert")
		frappe.db.delete(alert, filters=alert.creation < clock.site_days_ago(max(days, 62)))
