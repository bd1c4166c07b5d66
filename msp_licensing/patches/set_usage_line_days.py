"""Sites of before get the default number of days of usage lines: without it, the next save would make it 0."""

import frappe

SETTINGS, FIELD = "Pax8 Settings", "usage_line_days"


def execute() -> None:
	if not frappe.db.get_value("Singles", {"doctype": SETTINGS, "field": FIELD}, "value", order_by=None):
		default = frappe.get_meta(SETTINGS).get_field(FIELD).default
		frappe.db.set_single_value(SETTINGS, FIELD, int(default), update_modified=False)
