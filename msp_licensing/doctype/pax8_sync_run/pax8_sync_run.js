const COLORS = { Completed: "green", Running: "blue", Incomplete: "orange", Failed: "red" };
const MEANING = {
	Running: __("Still running."),
	Completed: __("Everything was read."),
	Incomplete: __("Not everything could be read. What was read is stored; nothing was concluded from what was not."),
	Failed: __("Nothing could be read. What was known before is unchanged."),
};
const BUT_FOR_SOME = __("Everything was seen. What is named below could not be understood or read, and was left as it was.");

frappe.ui.form.on("Pax8 Sync Run", {
	setup(frm) {
		frm.get_docfield("duration").formatter = (value) =>
			value < 60
				? __("{0} s", [flt(value, 1)])
				: __("{0} min {1} s", [Math.floor(value / 60), Math.round(value % 60)]);
	},

	refresh(frm) {
		const { status } = frm.doc;
		frm.page.set_indicator(__(status), COLORS[status] || "gray");
		const meaning = status === "Incomplete" && frm.doc.reached_end ? BUT_FOR_SOME : MEANING[status];
		frm.set_intro(meaning || "", COLORS[status] || "gray");
		frm.toggle_display("error_section", Boolean(frm.doc.error));
		frm.add_custom_button(__("All Sync Runs"), () => frappe.set_route("List", "Pax8 Sync Run"));
		frm.add_custom_button(__("Pax8 Settings"), () => frappe.set_route("Form", "Pax8 Settings"));
	},
});
