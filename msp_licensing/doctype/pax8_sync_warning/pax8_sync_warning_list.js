frappe.listview_settings["Pax8 Sync Warning"] = {
	add_fields: ["ended_on", "reason"],
	hide_name_column: true,
	has_indicator_for_draft: true,
	get_indicator: (doc) =>
		doc.ended_on ? [__("Ended"), "gray", "ended_on,is,set"] : [__("Open"), "red", "ended_on,is,not set"],
};
