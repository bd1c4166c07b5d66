import frappe

from msp_licensing.plain_text import PlainTextDocument


class Pax8UsageSnapshot(PlainTextDocument):
	def validate(self):
		from msp_licensing.sync.guard import refuse_changes_of_mirrored_fields

		refuse_changes_of_mirrored_fields(self)


def on_doctype_update():
	frappe.db.add_index("Pax8 Usage Snapshot", ["resource_group", "day"], "group_day")
	frappe.db.add_index("Pax8 Usage Snapshot", ["client", "month"], "client_month")
