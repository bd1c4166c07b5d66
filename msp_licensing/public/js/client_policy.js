// The way from a client record (MSP Client or Customer) to its Licensing Client Policy.

frappe.provide("msp_licensing");

/** A button that opens the client's own policy, or begins one. Managers only. */
msp_licensing.show_client_policy = function (frm) {
	if (frm.is_new() || !frappe.user.has_role("Licensing Manager")) return;
	frm.add_custom_button(__("Licensing Policy"), async () => {
		const client = { client_doctype: frm.doc.doctype, client: frm.doc.name };
		const options = { filters: client, fields: ["name"], order_by: "disabled asc, creation asc", limit: 1 };
		const [policy] = await frappe.db.get_list("Licensing Client Policy", options);
		if (policy) {
			frappe.set_route("Form", "Licensing Client Policy", policy.name);
		} else {
			frappe.new_doc("Licensing Client Policy", client);
		}
	});
};
