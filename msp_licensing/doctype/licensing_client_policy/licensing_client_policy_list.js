frappe.listview_settings["Licensing Client Policy"] = {
	add_fields: ["disabled"],
	hide_name_column: true,
	get_indicator: (doc) =>
		doc.disabled ? [__("Disabled"), "gray", "disabled,=,1"] : [__("Counts"), "green", "disabled,=,0"],
};
