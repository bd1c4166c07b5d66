// The way from a client record (MSP Client or Customer) to its Licensing Client Policy.

frappe.provide("msp_licensing");

/** A button that opens the client's own policy, or begins one. Managers only. */
msp_licensing.show_client_policy = function (frm) {
	if (frm.is_new() || !frappe.user.has_role("Licensing Manager")) return;
	frm.add_custom_button(__("Licensing Policy"), async () => {
		const client = { client_doctype: frm.doc.doctype, client: frm.doc.name };
		const { message } = await frappe.db.get_value("Licensing Client Policy", client, "name");
		if (message?.name) {
			frappe.set_route("Form", "Licensing Client Policy", message.name);
		} else {
			frappe.new_doc("Licensing Client Policy", client);
		}
	});
};
