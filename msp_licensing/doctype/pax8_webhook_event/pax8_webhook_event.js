const COLORS = { Received: "blue", Processed: "green", Ignored: "gray", Failed: "red" };
const MEANING = {
	Received: __("Waits to be processed: what it names is read from Pax8 within minutes."),
	Processed: __("What it names was read from Pax8."),
	Ignored: __("Nothing here follows from it."),
	Failed: __("What it names could not be read. The schedule brings it as ever."),
};
const RECORDS = {
	subscription_id: "Pax8 Subscription",
	company_id: "Pax8 Company",
	product_id: "Pax8 Product",
};

frappe.ui.form.on("Pax8 Webhook Event", {
	refresh(frm) {
		const { status } = frm.doc;
		frm.page.set_indicator(__(status), COLORS[status] || "gray");
		frm.set_intro(MEANING[status] || "", COLORS[status] || "gray");
		frm.toggle_display("error_section", Boolean(frm.doc.error || status === "Received"));
		if (frappe.user.has_role("Licensing Manager")) {
			frm.add_custom_button(__("Process Again"), () => process_again(frm));
		}
		for (const [field, doctype] of Object.entries(RECORDS)) open_button(frm, field, doctype);
	},
});

async function process_again(frm) {
	await frappe.xcall("msp_licensing.desk.webhooks.process_again", { event: frm.doc.name });
	frappe.show_alert({ message: __("Queued. What it names is read from Pax8 again."), indicator: "blue" });
	await frm.reload_doc();
	setTimeout(() => cur_frm === frm && frm.reload_doc(), 3000);
}

// The ids come from outside: there is a button for those that are known here, and a text for all.
async function open_button(frm, field, doctype) {
	const id = frm.doc[field];
	if (!id) return;
	const { message } = await frappe.db.get_value(doctype, id, "name");
	if (message?.name && frm.doc[field] === id) {
		frm.add_custom_button(__(doctype), () => frappe.set_route("Form", doctype, message.name), __("Open"));
	}
}
