frappe.ui.form.on("MSP Client", {
	refresh(frm) {
		// Licensing managers need no right to Contacts; without it the list would only look empty.
		frm.toggle_display("contacts_section", !frm.is_new() && frappe.model.can_read("Contact"));
		if (frm.is_new()) return;
		frappe.contacts.render_address_and_contact(frm);
		frappe.require("/assets/msp_licensing/js/portal_people.js", () => msp_licensing.show_portal_people(frm));
		frappe.require("/assets/msp_licensing/js/client_policy.js", () => msp_licensing.show_client_policy(frm));
		frappe.require("/assets/msp_licensing/js/focus_export.js", () => msp_licensing.show_focus_export(frm));
	},
});
