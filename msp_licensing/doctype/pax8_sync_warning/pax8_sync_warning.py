import frappe

from msp_licensing.plain_text import PlainTextDocument


class Pax8SyncWarning(PlainTextDocument):
	@staticmethod
	def clear_old_logs(days: int = 180) -> None:
		"""Called by Frappe's log clearing (Log Settings). An open warning stays: it is what keeps people from being
		told of the same thing again."""
		from msp_licensing import clock

		warning = frappe.qb.DocType("Pax8 Sync Warning")
		frappe.db.delete(
			warning, filters=(warning.creation < clock.site_days_ago(days)) & warning.open_key.isnull()
		)
