frappe.ui.form.on("User", {
	refresh(frm) {
		if (frm.is_new() || !frappe.model.can_read("Licensing Portal User")) return;
		frappe.require("/assets/msp_licensing/js/portal_access.js", () => show_access(frm));
	},
});

/** For which clients this user may use the portal. */
async function show_access(frm) {
	const { name } = frm.doc;
	const rows = await frappe.db.get_list("Licensing Portal User", {
		filters: { user: name },
		fields: ["name", "client_doctype", "client", "client_name", "status", "may_request", "may_approve"],
		order_by: "status asc, client_name asc",
		limit: 100,
	});
	if (!rows.length || frm.doc.name !== name) return;
	const { escape_html } = frappe.utils;
	const decides = frappe.user.has_role("Licensing Manager");
	const line = (row) => `<tr>
		<td><a href="${frappe.utils.get_form_link("Licensing Portal User", row.name)}">${escape_html(
		row.client_name || row.client
	)}</a></td>
		<td>${msp_licensing.access_words(row)}</td>
		<td>${msp_licensing.access_indicator(row.status)}</td>
		<td class="text-right">${decides ? msp_licensing.access_buttons(row) : ""}</td></tr>`;
	const section = frm.dashboard.add_section(
		`<div class="table-responsive"><table class="table table-bordered m-0"><tbody>${rows
			.map(line)
			.join("")}</tbody></table></div>`,
		__("Licensing Portal")
	);
	msp_licensing.wire_access_buttons(section, () => frm.reload_doc());
	frm.dashboard.show();
}
