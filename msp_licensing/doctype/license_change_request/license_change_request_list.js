frappe.listview_settings["License Change Request"] = {
	add_fields: ["workflow_state", "current_quantity", "requested_quantity", "vendor", "requested_by"],
	hide_name_column: true,
	filters: [["workflow_state", "=", "Pending Approval"]],
	formatters: {
		client: (value) => frappe.utils.escape_html(value || ""),
		// The title of a row is set as text: nothing in it is markup. Numbers first, since long names are cut.
		product_name(value, df, doc) {
			return `${doc.current_quantity} → ${doc.requested_quantity} · ${value}`;
		},
	},
	onload(listview) {
		listview.page.add_inner_button(__("Needs Attention"), () => {
			listview.filter_area
				.clear()
				.then(() =>
					listview.filter_area.add([
						["License Change Request", "workflow_state", "in", ["Failed", "Needs Review"]],
					])
				);
		});
	},
};
