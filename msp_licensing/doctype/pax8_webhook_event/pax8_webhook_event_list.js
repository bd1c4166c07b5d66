const COLORS = { Received: "blue", Processed: "green", Ignored: "gray", Failed: "red" };

frappe.listview_settings["Pax8 Webhook Event"] = {
	add_fields: ["status", "action", "times_received", "error"],
	hide_name_column: true,
	get_indicator: (doc) => [__(doc.status), COLORS[doc.status] || "gray", `status,=,${doc.status}`],
	formatters: {
		// The list escapes what stands in its first column.
		topic: (value, df, doc) =>
			[value || __("No topic"), doc.action, doc.times_received > 1 ? `× ${doc.times_received}` : ""]
				.filter(Boolean)
				.join(" "),
		result: (value, df, doc) => `<span>${frappe.utils.escape_html(doc.error || value || "")}</span>`,
	},
};
