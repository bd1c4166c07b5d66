frappe.ui.form.on("Licensing Client Policy", {
	setup(frm) {
		frm.set_query("client_doctype", () => ({ filters: { name: ["in", ["Customer", "MSP Client"]] } }));
		frm.set_query("limit_currency", () => "msp_licensing.desk.settings.currencies");
		frm.set_query("currency", "usage_budgets", () => "msp_licensing.desk.settings.currencies");
	},

	onload(frm) {
		if (frm.is_new() && !frm.doc.client_doctype) {
			frm.set_value("client_doctype", frappe.boot.msp_licensing.client_doctype);
		}
	},

	refresh(frm) {
		explain(frm);
		frm.toggle_display("client_name", frm.doc.client_name && frm.doc.client_name !== frm.doc.client);
		if (!frm.is_new()) {
			show_duplicates(frm);
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
	const fields = [...FIELDS, "name", "client_doctype", "client", "disabled", "settings_count_too"];
	const policy = Object.fromEntries(fields.map((field) => [field, frm.doc[field]]));
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

// Merged clients leave two policies: both are shown, and one of them is made.
async function show_duplicates(frm) {
	const { name } = frm.doc;
	const API = "msp_licensing.desk.policies";
	const { escape_html } = frappe.utils;
	const found = await frappe.xcall(`${API}.duplicates`, { policy: name });
	if (!found || frm.doc.name !== name) return;
	const several = found.policies.length > 1;
	const heading = several
		? __("Clients were merged: this client has {0} policies. The strictest value of each option counts until you make one of them.", [
				found.policies.length,
		  ])
		: __("A client without a policy was merged into this one. The stricter of this policy and Licensing Settings counts until you keep it.");
	const link = (other, index) =>
		index
			? `<a href="${frappe.utils.get_form_link("Licensing Client Policy", other)}">${escape_html(other)}</a>`
			: __("This policy");
	const table = found.rows.length
		? `<div class="table-responsive"><table class="table table-bordered small mt-2 mb-0"><thead><tr><th>${__("Setting")}</th>${found.policies
				.map((other, index) => `<th>${link(other, index)}</th>`)
				.join("")}</tr></thead><tbody>${found.rows
				.map((row) => `<tr><td>${escape_html(row.label)}</td>${row.values.map((value) => `<td>${escape_html(value)}</td>`).join("")}</tr>`)
				.join("")}</tbody></table></div>`
		: "";
	frm.set_intro(`${heading}${table}`, "orange");
	if (!frappe.user.has_role("Licensing Manager")) return;
	const act = (label, method, question) =>
		frm.add_custom_button(label, () =>
			frappe.confirm(question, async () => {
				const message = await frappe.xcall(`${API}.${method}`, { policy: name });
				frappe.show_alert({ message: escape_html(message), indicator: "green" });
				frm.reload_doc();
			})
		);
	act(
		__("Keep This Policy"),
		"keep",
		several ? __("Keep this policy as it is, and disable the others?") : __("Keep this policy for the client as it is?")
	);
	if (several || found.settings) {
		act(__("Use the Strictest"), "make_one", __("Write the strictest value of each option into this policy, and disable the others?"));
	}
}
