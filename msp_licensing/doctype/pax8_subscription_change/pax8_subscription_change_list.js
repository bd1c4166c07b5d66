frappe.listview_settings["Pax8 Subscription Change"] = {
	add_fields: ["source", "request", "field", "old_value", "new_value"],
	hide_name_column: true,
	get_indicator: (doc) =>
		doc.source === "Request"
			? [__("Change Request"), "green", "source,=,Request"]
			: [__("Outside"), "orange", "source,=,Outside"],
	formatters: {
		// The title of a row is set as text: nothing in it is markup. What changed first, since long names are cut.
		product_name: (value, df, doc) =>
			`${__(doc.field)} ${shown(doc, doc.old_value)} → ${shown(doc, doc.new_value)} · ${value || ""}`,
	},
};

function shown(doc, value) {
	if (doc.field === "No Longer at Pax8") return value ? __("Yes") : __("No");
	if (!value) return "—";
	return ["Commitment End", "End Date"].includes(doc.field) ? frappe.datetime.str_to_user(value) : value;
}
