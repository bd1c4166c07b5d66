frappe.listview_settings["Pax8 Usage Alert"] = {
	add_fields: ["kind", "currency", "percent"],
	hide_name_column: true,
	get_indicator: (doc) =>
		doc.kind === "Spike"
			? [__("Spike"), "orange", "kind,=,Spike"]
			: [__("Budget"), doc.percent >= 100 ? "red" : "orange", "kind,=,Budget"],
};
