frappe.ui.form.on("Customer", {
	refresh(frm) {
		frappe.require("/assets/msp_licensing/js/portal_people.js", () => msp_licensing.show_portal_people(frm));
	},
});
