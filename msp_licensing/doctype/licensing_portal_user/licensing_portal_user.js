frappe.ui.form.on("Licensing Portal User", {
	setup(frm) {
		frm.set_query("client_doctype", () => ({ filters: { name: ["in", ["MSP Client", "Customer"]] } }));
		frm.set_query("user", () => ({ filters: { user_type: "Website User", ignore_user_type: 1 } }));
	},
	refresh(frm) {
		if (frm.is_new()) return;
		if (frm.doc.status === "To Confirm") {
			frm.set_intro(
				__(
					"Before access was kept in records like this one, a contact linked this person to the client. Nobody knows whether that was meant as access, so it gives none until you confirm it."
				),
				"orange"
			);
		}
		if (!frappe.user.has_role("Licensing Manager")) return;
		frappe.require("/assets/msp_licensing/js/portal_access.js", () => {
			const labels = msp_licensing.access_labels();
			for (const action of msp_licensing.access_actions[frm.doc.status]) {
				frm.add_custom_button(labels[action], () =>
					msp_licensing.decide_access([frm.doc.name], action, () => frm.reload_doc())
				);
			}
		});
	},
});
