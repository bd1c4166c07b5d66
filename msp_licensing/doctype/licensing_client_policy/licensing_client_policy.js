frappe.ui.form.on("Licensing Client Policy", {
	setup(frm) {
		frm.set_query("client_doctype", () => ({ filters: { name: ["in", ["Customer", "MSP Client"]] } }));
	},

	async onload(frm) {
		if (frm.is_new() && !frm.doc.client_doctype) {
			frm.set_value("client_doctype", await frappe.db.get_single_value("Licensing Settings", "client_doctype"));
		}
	},

	refresh(frm) {
		explain(frm);
		if (!frm.is_new()) {
			frm.add_custom_button(__("Open Client"), () => frappe.set_route("Form", frm.doc.client_doctype, frm.doc.client));
		}
	},
});

const FIELDS = [
	"require_approval",
	"threshold_mode",
	"threshold",
	"threshold_may_release",
	"decreases_need_approval",
	"override_free_seats",
	"free_seats",
	"override_window",
	"window_days",
	"override_amounts",
	"limit_currency",
	"limit_per_change",
	"limit_per_month",
	"client_approval",
	"client_approval_above",
	"self_service",
	"override_limits",
	"min_quantity",
	"max_quantity",
];
frappe.ui.form.on("Licensing Client Policy", Object.fromEntries(FIELDS.map((field) => [field, (frm) => explain(frm)])));

// What is in the form counts, saved or not; a slow answer to what was there before is dropped.
const explain = frappe.utils.debounce(async (frm) => {
	const asked = (frm.explanations = (frm.explanations || 0) + 1);
	const policy = Object.fromEntries(FIELDS.map((field) => [field, frm.doc[field]]));
	const sentences = await frappe.xcall("msp_licensing.desk.settings.explain_client", { policy: JSON.stringify(policy) });
	if (asked !== frm.explanations) return;
	const { escape_html } = frappe.utils;
	frm.get_field("meaning_html").$wrapper.html(
		`<div class="form-message ${frm.doc.disabled ? "yellow" : "blue"}" aria-live="polite">
			<div class="bold mb-1">${
				frm.doc.disabled ? __("What this would mean for the client, were it not disabled") : __("What this means for the client")
			}</div>
			${sentences.map((sentence) => `<div>${escape_html(sentence)}</div>`).join("")}
		</div>`
	);
}, 250);
