frappe.listview_settings["Pax8 Subscription Change"] = {
	add_fields: ["source", "request"],
	hide_name_column: true,
	get_indicator: (doc) =>
		doc.source === "Request"
			? [__("Change Request"), "green", "source,=,Request"]
			: [__("Outside"), "orange", "source,=,Outside"],
	formatters: {
		client: (value) => frappe.utils.escape_html(value || ""),
		product_name: (value) => frappe.utils.escape_html(value || ""),
		old_value: (value) => frappe.utils.escape_html(value || "—"),
		new_value: (value) => frappe.utils.escape_html(value || "—"),
	},
};
