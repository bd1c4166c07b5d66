frappe.listview_settings["Pax8 Usage Month"] = {
	onload(listview) {
		if (!frappe.model.can_export("Pax8 Usage Month")) return;
		listview.page.add_inner_button(__("Export (FOCUS)"), () =>
			frappe.require("/assets/msp_licensing/js/focus_export.js", () => msp_licensing.export_focus())
		);
	},
};
