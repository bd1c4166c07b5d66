frappe.listview_settings["Licensing Portal User"] = {
	add_fields: ["status", "user", "client_name", "may_request", "may_approve"],
	hide_name_column: true,
	get_indicator: ({ status }) => [
		__(status),
		{ Active: "green", "To Confirm": "orange", Revoked: "gray" }[status],
		`status,=,${status}`,
	],
	onload(listview) {
		if (!frappe.user.has_role("Licensing Manager")) return;
		frappe.require("/assets/msp_licensing/js/portal_access.js", () => {
			for (const [action, label] of Object.entries(msp_licensing.access_labels())) {
				listview.page.add_actions_menu_item(label, () =>
					msp_licensing.decide_access(listview.get_checked_items(true), action, () => {
						listview.clear_checked_items();
						listview.last_args = null; // Frappe shows nothing new within three seconds
						listview.refresh();
					})
				);
			}
		});
	},
};
