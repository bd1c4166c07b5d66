import frappe
from frappe.model.document import Document
from frappe.query_builder import Interval
from frappe.query_builder.functions import Now


class LicenseChangeNotice(Document):
	@staticmethod
	def clear_old_logs(days: int = 365) -> None:
		"""Called by Frappe's log clearing (Log Settings). What still waits for a digest stays."""
		notice = frappe.qb.DocType("License Change Notice")
		frappe.db.delete(
			notice, filters=(notice.creation < (Now() - Interval(days=days))) & (notice.mail != "Digest Due")
		)
