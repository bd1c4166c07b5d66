import frappe

from msp_licensing.plain_text import PlainTextDocument


class Pax8UsageMonth(PlainTextDocument):
	def validate(self):
		from msp_licensing.sync.guard import refuse_changes_of_mirrored_fields

		refuse_changes_of_mirrored_fields(self)


def on_doctype_update():
	frappe.db.add_index("Pax8 Usage Month", ["resource_group", "month"], "group_month")
	frappe.db.add_index("Pax8 Usage Month", ["status", "month"], "status_month")
	frappe.db.add_index("Pax8 Usage Month", ["client", "month"], "client_month")
