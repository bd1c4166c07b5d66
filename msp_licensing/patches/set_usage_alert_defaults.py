"""Sites of before get the defaults of the usage alerts: without them, the next save would switch the alerts off."""

import frappe

SETTINGS = "Licensing Settings"
FIELDS = ("usage_alerts", "spike_factor", "spike_minimum")


def execute() -> None:
	for field in FIELDS:
		row = {"doctype": SETTINGS, "field": field}
		if frappe.db.get_value("Singles", row, "value", order_by=None) is None:
			default = frappe.get_meta(SETTINGS).get_field(field).default
			frappe.db.set_single_value(SETTINGS, field, float(default), update_modified=False)
