const COLORS = { Completed: "green", Running: "blue", Incomplete: "orange", Failed: "red" };

frappe.listview_settings["Pax8 Sync Run"] = {
	add_fields: ["status", "trigger", "pax8_company", "error"],
	hide_name_column: true,
	get_indicator: (doc) => [__(doc.status), COLORS[doc.status] || "gray", `status,=,${doc.status}`],
	formatters: {
		kind: (value, df, doc) => (doc.pax8_company ? __("{0} of one company", [__(value)]) : __(value)),
		duration: (value, df, doc) => `<span>${doc.status === "Running" ? "—" : in_words(value)}</span>`,
	},
};

function in_words(seconds) {
	if (seconds < 60) return __("{0} s", [flt(seconds, 1)]);
	return __("{0} min {1} s", [Math.floor(seconds / 60), Math.round(seconds % 60)]);
}
