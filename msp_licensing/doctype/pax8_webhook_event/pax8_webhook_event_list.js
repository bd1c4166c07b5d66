const COLORS = { Received: "blue", Processed: "green", Ignored: "gray", Failed: "red" };

frappe.listview_settings["Pax8 Webhook Event"] = {
	add_fields: ["status", "times_received", "error"],
	hide_name_column: true,
	get_indicator: (doc) => [__(doc.status), COLORS[doc.status] || "gray", `status,=,${doc.status}`],
	formatters: {
		topic: (value, df, doc) => {
			const topic = frappe.utils.escape_html(value || __("No topic"));
			return doc.times_received > 1 ? `${topic} <span class="text-muted">× ${doc.times_received}</span>` : topic;
		},
		result: (value, df, doc) => frappe.utils.escape_html(doc.error || value || ""),
	},
};
