frappe.ui.form.on("MSP Client", {
	refresh(frm) {
		if (frm.is_new()) {
			frappe.contacts.clear_address_and_contact(frm);
			return;
		}
		frappe.contacts.render_address_and_contact(frm);
		frappe.require("/assets/msp_licensing/js/portal_people.js", () => msp_licensing.show_portal_people(frm));
	},
});
