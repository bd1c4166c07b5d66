frappe.listview_settings["MSP Client"] = {
	add_fields: ["disabled"],
	hide_name_column: true,
	get_indicator: (doc) =>
		doc.disabled ? [__("Disabled"), "gray", "disabled,=,1"] : [__("Active"), "green", "disabled,=,0"],
};
