import frappe

from msp_licensing.plain_text import PlainTextDocument


class Pax8SyncRun(PlainTextDocument):
	@staticmethod
	def clear_old_logs(days: int = 30) -> None:
		"""Called by Frappe's log clearing (Log Settings).

		Of each kind the last runs stay that its age and its last failure are read from, however old they are.
		"""
		from msp_licensing import clock
		from msp_licensing.sync.health import runs_to_keep

		run = frappe.qb.DocType("Pax8 Sync Run")
		old = run.creation < clock.site_days_ago(days)
		kept = runs_to_keep()
		frappe.db.delete(run, filters=old & run.name.notin(kept) if kept else old)
