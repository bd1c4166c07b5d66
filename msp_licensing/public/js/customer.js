frappe.ui.form.on("Customer", {
	refresh(frm) {
		frappe.require("/assets/msp_licensing/js/portal_people.js", () => msp_licensing.show_portal_people(frm));
		frappe.require("/assets/msp_licensing/js/client_policy.js", () => msp_licensing.show_client_policy(frm));
		frappe.require("/assets/msp_licensing/js/focus_export.js", () => msp_licensing.show_focus_export(frm));
	},
});
