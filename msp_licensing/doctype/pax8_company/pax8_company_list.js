frappe.listview_settings["Pax8 Company"] = {
	add_fields: ["client", "vanished", "is_own", "status", "unsynced_subscriptions"],
	hide_name_column: true,
	has_indicator_for_draft: true,
	get_indicator(doc) {
		if (doc.vanished) return [__("No longer at Pax8"), "gray", "vanished,=,1"];
		if (doc.client) return [__("Mapped"), "green", "client,is,set|vanished,=,0"];
		if (doc.is_own) return [__("Own company"), "blue", "is_own,=,1"];
		return [__("Not mapped"), "orange", "client,is,not set|vanished,=,0|is_own,=,0"];
	},
	formatters: {
		// Nothing is left out once a company is mapped: a 0 there would only be noise.
		unsynced_subscriptions: (value, df, doc) => `<span>${doc.client || !value ? "" : cint(value)}</span>`,
	},
	onload(listview) {
		listview.page.add_inner_button(__("Not Mapped"), () => {
			listview.filter_area
				.clear()
				.then(() => listview.filter_area.add([
						["Pax8 Company", "client", "is", "not set"],
						["Pax8 Company", "is_own", "=", 0],
					]));
		});
	},
};
