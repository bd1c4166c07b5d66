import frappe

from msp_licensing.plain_text import PlainTextDocument


class Pax8UsageLine(PlainTextDocument):
	def validate(self):
		from msp_licensing.sync.guard import refuse_changes_of_mirrored_fields

		refuse_changes_of_mirrored_fields(self)


def on_doctype_update():
	frappe.db.add_index("Pax8 Usage Line", ["summary_id", "day"], "summary_day")
	frappe.db.add_index("Pax8 Usage Line", ["resource_group", "day"], "group_day")
