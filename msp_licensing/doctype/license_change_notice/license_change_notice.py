import frappe

from msp_licensing.plain_text import PlainTextDocument


class LicenseChangeNotice(PlainTextDocument):
	@staticmethod
	def clear_old_logs(days: int = 365) -> None:
		"""Called by Frappe's log clearing (Log Settings). What still waits for a digest stays."""
		from msp_licensing import clock

		notice = frappe.qb.DocType("License Change Notice")
		frappe.db.delete(
			notice, filters=(notice.creation < clock.site_days_ago(days)) & (notice.mail != "Digest Due")
		)
