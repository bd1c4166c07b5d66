const COLORS = {
	Active: "green",
	Trial: "blue",
	Cancelled: "gray",
	PendingManual: "orange",
	PendingAutomated: "orange",
	PendingCancel: "orange",
	WaitingForDetails: "orange",
	PendingActivation: "orange",
	ActivePendingChange: "orange",
	Converted: "gray",
};

frappe.listview_settings["Pax8 Subscription"] = {
	add_fields: ["status", "vanished", "billing_term", "commitment_end", "vendor", "quantity"],
	hide_name_column: true,
	get_indicator(doc) {
		if (doc.vanished) return [__("No longer at Pax8"), "gray", "vanished,=,1"];
		return [__(doc.status || "Unknown"), COLORS[doc.status] || "gray", `status,=,${doc.status}`];
	},
	formatters: {
		// The title of a row is set as text: nothing in it is markup. Numbers first, since long names are cut.
		product_name: (value, df, doc) => `${doc.quantity} × ${value}`,
	},
};
