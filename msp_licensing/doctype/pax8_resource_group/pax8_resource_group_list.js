const COLORS = { "Linked by Pax8": "green", "Assigned Here": "blue", Unassigned: "orange", Ignored: "gray" };

frappe.listview_settings["Pax8 Resource Group"] = {
	add_fields: ["placement", "conflict", "currency", "has_this_month_charges", "vendor"],
	hide_name_column: true,
	get_indicator(doc) {
		if (doc.conflict) return [__("Conflict with Pax8"), "red", "conflict,=,1"];
		return [__(doc.placement), COLORS[doc.placement] || "gray", `placement,=,${doc.placement}`];
	},
	formatters: {
		// The title of a row is set as text: nothing in it is markup.
		resource_group: (value) => value || __("(no name)"),
		// An amount that Pax8 does not give is stored as 0 with a flag beside it, and is never shown as 0.
		this_month_charges: (value, df, doc) => {
			const shown = cint(doc.has_this_month_charges) ? format_currency(value, doc.currency) : "—";
			return `<span class="ellipsis">${frappe.utils.escape_html(shown)}</span>`;
		},
	},
};
