const API = "msp_licensing.desk.requests";
const esc = (text) => frappe.utils.escape_html(text == null ? "" : String(text));

const COLORS = {
	"Pending Client Approval": "orange",
	"Pending Approval": "orange",
	Approved: "blue",
	Applying: "blue",
	Scheduled: "blue",
	Applied: "green",
	Rejected: "red",
	Failed: "red",
	"Needs Review": "red",
};

frappe.ui.form.on("License Change Request", {
	setup(frm) {
		frm.set_query("subscription", () => ({
			filters: { status: "Active", vanished: 0, client: ["is", "set"] },
		}));
	},

	async refresh(frm) {
		frm.get_field("decision_html").$wrapper.empty();
		// Said already by the title, the subscription's link, and the trace.
		frm.toggle_display(["product_name", "client_doctype", "decision_rule", "workflow_state"], false);
		if (frm.is_new()) {
			frm.toggle_display(["decision_section", "apply_section", "people_section"], false);
			preview(frm);
			return;
		}
		frm.toggle_display(["decision_section", "people_section"], true);
		frm.toggle_display("apply_section", Boolean(frm.doc.claimed_on || frm.doc.pax8_message));
		frm.toggle_display("staff_reason", Boolean(frm.doc.staff_reason));
		frm.toggle_display("note", Boolean(frm.doc.note));
		frm.toggle_display("quantity_after", Boolean(frm.doc.quantity_after)); // 0: not read back yet
		frm.toggle_display("reject_reason", Boolean(frm.doc.reject_reason));
		frm.set_df_property("reject_reason", "read_only", frm.doc.workflow_state !== "Pending Approval");
		const { name } = frm.doc;
		const facts = await frappe.xcall(`${API}.trace`, { request: name });
		if (frm.doc.name !== name) return;
		show_headline(frm, facts);
		show_trace(frm, facts.steps);
		add_buttons(frm);
	},

	subscription: (frm) => preview(frm),
	requested_quantity: (frm) => preview(frm),

	async before_workflow_action(frm) {
		if (frm.selected_workflow_action !== "Reject") return;
		// Frappe has frozen the page before this event.
		frappe.dom.unfreeze();
		const reason = await ask_reason(frm);
		frappe.dom.freeze();
		if (reason !== (frm.doc.reject_reason || "")) {
			try {
				await frappe.xcall(`${API}.set_reject_reason`, { request: frm.doc.name, reason });
			} catch (error) {
				frappe.dom.unfreeze();
				throw error;
			}
		}
	},
});

// ------------------------------------------------------------------------------------ an existing request

function show_headline(frm, { notices }) {
	const { client, current_quantity, requested_quantity, quantity_change, product_name, workflow_state } = frm.doc;
	const change = quantity_change > 0 ? `+${quantity_change}` : quantity_change;
	const lines = [
		`<span style="font-size: var(--text-lg)">${__("{0} wants {1} of {2}", [
			`<b>${esc(client)}</b>`,
			`<b>${current_quantity} → ${requested_quantity}</b> (${change})`,
			`<b>${esc(product_name)}</b>`,
		])}</span>`,
		...notices.map((notice) => `<span>${esc(notice)}</span>`),
	];
	frm.set_intro(lines.join("<br>"), COLORS[workflow_state] || "gray");
}

function show_trace(frm, steps) {
	const $wrapper = frm.get_field("decision_html").$wrapper;
	if (!steps.length) return;
	const row = (step) => `<tr ${step.decided ? 'style="background: var(--highlight-color)"' : ""}>
		<td>${esc(step.check)}${step.decided ? ` <span class="badge badge-light">${__("decided")}</span>` : ""}</td>
		<td class="text-nowrap"><span class="indicator ${step.color}">${esc(step.verdict)}</span></td>
		<td class="text-muted">${esc(step.detail)}</td></tr>`;
	// What passed matters less than what spoke: one click away.
	const spoke = steps.filter((step) => step.decided || step.color === "orange" || step.color === "red");
	let all = !spoke.length;
	const draw = () => {
		$wrapper.html(`<div class="control-label mb-2">${__("How It Was Decided")}</div>
			<table class="table table-bordered small mt-0 mb-1"><tbody>${(all ? steps : spoke).map(row).join("")}</tbody></table>
			<button type="button" class="btn btn-link btn-xs p-0">${
				all ? __("Show only what spoke") : __("Show all {0} checks", [steps.length])
			}</button>`);
		$wrapper.find("button").on("click", () => {
			all = !all;
			draw();
		});
	};
	draw();
}

function add_buttons(frm) {
	frm.add_custom_button(__("Subscription"), () =>
		frappe.set_route("Form", "Pax8 Subscription", frm.doc.subscription)
	);
	if (frm.doc.workflow_state === "Needs Review" && frappe.user.has_role("Licensing Manager")) {
		frm.add_custom_button(__("Check with Pax8"), () => check_again(frm)).addClass("btn-primary");
	}
}

async function check_again(frm) {
	frappe.dom.freeze(__("Reading from Pax8…"));
	try {
		const state = await frappe.xcall(`${API}.check_again`, { request: frm.doc.name });
		frappe.show_alert({ message: __("Now: {0}", [esc(__(state))]), indicator: COLORS[state] || "blue" });
	} finally {
		frappe.dom.unfreeze();
		frm.reload_doc();
	}
}

/** Resolves to the reason (perhaps empty); never resolves if the dialog is closed, so that nothing is rejected. */
function ask_reason(frm) {
	return new Promise((resolve) => {
		const dialog = new frappe.ui.Dialog({
			title: __("Reject the Request"),
			fields: [
				{
					fieldname: "reason",
					fieldtype: "Small Text",
					label: __("Reason for the Client"),
					description: __("Optional. The client reads it."),
					default: frm.doc.reject_reason,
				},
			],
			primary_action_label: __("Reject"),
			primary_action({ reason }) {
				dialog.hide();
				resolve((reason || "").trim());
			},
		});
		dialog.get_primary_btn().removeClass("btn-primary").addClass("btn-danger");
		dialog.show();
	});
}

// ------------------------------------------------------------------------------------ a new request

const preview = frappe.utils.debounce(async (frm) => {
	if (!frm.is_new()) return;
	const { subscription, requested_quantity } = frm.doc;
	frm.set_intro("");
	frm.toggle_display("staff_reason", false);
	if (!subscription) {
		frm.set_intro(__("Choose a subscription: type a product, a client or a vendor."), "blue");
		return;
	}
	const answer = await frappe.xcall(`${API}.preview`, { subscription, wanted: String(requested_quantity || "") });
	if (!frm.is_new() || frm.doc.subscription !== subscription) return;
	const { facts } = answer;
	for (const field of ["product_name", "vendor", "client"]) {
		frm.doc[field] = facts[field];
	}
	frm.doc.current_quantity = facts.quantity;
	frm.doc.quantity_change = requested_quantity ? requested_quantity - facts.quantity : 0;
	frm.refresh_fields(["product_name", "vendor", "client", "current_quantity", "quantity_change"]);

	frm.set_intro(preview_html(answer), answer.refused || answer.open_request ? "red" : answer.needs_reason ? "orange" : "blue");
	frm.toggle_display("staff_reason", Boolean(answer.needs_reason));
	frm.toggle_reqd("staff_reason", Boolean(answer.needs_reason));
}, 200);

function preview_html({ facts, open_request, refused, needs_reason }) {
	const lines = [
		__("{0} has {1} licenses of {2}.", [
			`<b>${esc(facts.client)}</b>`,
			`<b>${facts.quantity}</b>`,
			`<b>${esc(facts.product_name)}</b>`,
		]),
	];
	const limits = facts.rule.changes.allowed
		? __("Clients may change it: {0}. Approval: {1}.", [esc(facts.rule.limits.text), esc(facts.rule.approval.text)])
		: __("Clients may not change it.");
	lines.push(limits);
	if (facts.commitment_end) {
		lines.push(__("Committed until {0}.", [frappe.datetime.str_to_user(facts.commitment_end)]));
	}
	if (open_request) {
		lines.push(
			`${__("There is an open request already:")} <a href="/app/license-change-request/${encodeURIComponent(
				open_request.name
			)}">${esc(open_request.name)}</a>`
		);
	} else if (refused) {
		lines.push(`<b>${esc(refused)}</b>`);
	} else if (needs_reason) {
		lines.push(
			`${__("A client could not ask for this.")} <b>${esc(needs_reason)}</b> ${__("You can, with a reason.")}`
		);
	}
	return lines.join("<br>");
}
