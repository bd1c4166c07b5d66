frappe.listview_settings["License Change Request"] = {
	add_fields: ["workflow_state", "current_quantity", "quantity_change", "vendor", "requested_by"],
	hide_name_column: true,
	filters: [["workflow_state", "=", "Pending Approval"]],
	formatters: {
		client: (value) => frappe.utils.escape_html(value || ""),
		requested_quantity(value, df, doc) {
			const change = doc.quantity_change > 0 ? `+${doc.quantity_change}` : String(doc.quantity_change);
			return `<span class="text-muted">${doc.current_quantity} →</span> <b>${cint(value)}</b>
				<span class="text-muted small ml-1">${change}</span>`;
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
