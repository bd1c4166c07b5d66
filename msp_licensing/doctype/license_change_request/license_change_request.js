const API = "msp_licensing.desk.requests";
const APPLYING = "msp_licensing.desk.applying";
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

// Frappe 16.10 asks the server whether the Workflow wants a confirmation, and refuses everybody who may not read
// Workflows. The browser has this Workflow already, with the form.
const get_value = frappe.db.get_value;
frappe.db.get_value = function (doctype, filters, fieldname, ...rest) {
	const workflow = frappe.workflow.workflows[filters?.document_type];
	const is_ours = doctype === "Workflow" && filters?.document_type === "License Change Request";
	if (is_ours && workflow && typeof fieldname === "string" && !frappe.model.can_read("Workflow"))
		return Promise.resolve({ message: { [fieldname]: workflow[fieldname] } });
	return get_value.call(this, doctype, filters, fieldname, ...rest);
};

frappe.ui.form.on("License Change Request", {
	setup(frm) {
		frm.set_query("subscription", () => ({
			filters: { status: "Active", vanished: 0, client: ["is", "set"] },
		}));
	},

	onload(frm) {
		// The steps are told by the events of the request; Frappe's lines are comments, which anybody can write.
		if (frm.timeline) frm.timeline.get_workflow_timeline_contents = () => [];
		if (!frm.is_new()) return;
		// Frappe fills in the site's currency; the request's is that of the client's price.
		frm.doc.currency = undefined;
		// Not the field's default: of whatever type the field is, Frappe's forms read "Now" as the time of day.
		frm.doc.timing = frm.doc.timing || "Now";
	},

	async refresh(frm) {
		frm.get_field("decision_html").$wrapper.empty();
		frm.get_field("attempts_html").$wrapper.empty();
		// Said already by the title, the subscription's link, and the trace.
		frm.toggle_display(["product_name", "client_doctype", "decision_rule", "workflow_state"], false);
		// A name that is the id, too, is said once.
		frm.toggle_display("client_name", frm.doc.client_name && frm.doc.client_name !== frm.doc.client);
		if (frm.is_new()) {
			frm.toggle_display(["decision_section", "apply_section", "attempts_section", "people_section"], false);
			preview(frm);
			return;
		}
		frm.toggle_display(["decision_section", "people_section"], true);
		frm.toggle_display("staff_reason", Boolean(frm.doc.staff_reason));
		frm.toggle_display("note", Boolean(frm.doc.note));
		frm.toggle_display("quantity_after", Boolean(frm.doc.quantity_after)); // 0: not read back yet
		frm.toggle_display("reject_reason", Boolean(frm.doc.reject_reason));
		frm.set_df_property("reject_reason", "read_only", frm.doc.workflow_state !== "Pending Approval");
		const { name } = frm.doc;
		const [facts, attempts] = await Promise.all([
			frappe.xcall(`${API}.trace`, { request: name }),
			frappe.xcall(`${APPLYING}.attempts`, { request: name }),
		]);
		if (frm.doc.name !== name) return;
		frm.toggle_display("apply_section", Boolean(frm.doc.claimed_on || frm.doc.pax8_message || attempts.length));
		frm.toggle_display("attempts_section", Boolean(attempts.length));
		frm.client_disabled = facts.client_disabled;
		show_headline(frm, facts);
		show_trace(frm, facts.steps);
		show_attempts(frm, attempts);
		add_buttons(frm);
	},

	subscription: (frm) => preview(frm),
	requested_quantity: (frm) => preview(frm),
	timing: (frm) => preview(frm),

	async before_workflow_action(frm) {
		if (["Approve", "Schedule"].includes(frm.selected_workflow_action)) {
			await check_seen(frm);
			if (frm.client_disabled) await confirm_disabled(frm);
		}
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

/** The amount as an approval names it: what is on the screen is what is approved. */
const seen_amount = (doc) => (doc.currency ? `${doc.amount_change} ${doc.currency}` : "");

/** Frappe approves what is stored, not what the form shows: where that has changed, people read the new numbers first. */
async function check_seen(frm) {
	const { name, current_quantity } = frm.doc;
	try {
		await frappe.xcall(`${API}.check_seen`, {
			request: name,
			seen_quantity: current_quantity,
			seen_amount: seen_amount(frm.doc),
		});
	} catch (error) {
		frappe.dom.unfreeze();
		await frm.reload_doc();
		throw error;
	}
}

/** Resolves when the user approves all the same; never resolves otherwise, so that nothing is approved. */
function confirm_disabled(frm) {
	frappe.dom.unfreeze();
	return new Promise((resolve) => {
		frappe.confirm(__("{0} is disabled. Approve this change all the same?", [esc(frm.doc.client_name || frm.doc.client).bold()]), () => {
			frappe.dom.freeze();
			resolve();
		});
	});
}

function show_headline(frm, { notices }) {
	const { client, client_name, current_quantity, requested_quantity, approved_quantity, product_name, workflow_state } = frm.doc;
	const signed = (change) => (change > 0 ? `+${change}` : change);
	const numbers = (quantity) =>
		`<b>${current_quantity} → ${quantity}</b> (${signed(quantity - current_quantity)})`;
	const asked = __("{0} wants {1} of {2}", [
		`<b>${esc(client_name || client)}</b>`,
		numbers(requested_quantity),
		`<b>${esc(product_name)}</b>`,
	]);
	const lines = [
		`<span style="font-size: var(--text-lg)">${asked}</span>`,
		...(approved_quantity
			? [__("Approved instead: {0}. {1}", [numbers(approved_quantity), esc(frm.doc.quantity_reason)])]
			: []),
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
			<div class="table-responsive"><table class="table table-bordered small mt-0 mb-1"><tbody>${(all ? steps : spoke)
				.map(row)
				.join("")}</tbody></table></div>
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

function show_attempts(frm, attempts) {
	if (!attempts.length) return;
	const time = (value) => frappe.datetime.str_to_user(value);
	const row = (attempt) => `<tr>
		<td class="text-nowrap">${time(attempt.when)}${
			attempt.last ? `<div class="text-muted">${__("{0} times until {1}", [attempt.times, time(attempt.last)])}</div>` : ""
		}</td>
		<td>${esc(attempt.step)}</td>
		<td><span class="indicator ${attempt.color}">${esc(attempt.outcome)}</span>
			${attempt.seen ? `<b>${esc(attempt.seen)}</b>` : ""}</td>
		<td class="text-muted text-nowrap">${[
			attempt.status ? `HTTP ${attempt.status}` : "",
			attempt.milliseconds ? `${attempt.milliseconds} ms` : "",
		]
			.filter(Boolean)
			.join("<br>")}</td>
		<td><details ${attempt.answer ? "" : "hidden"}><summary class="text-muted">${__("Answer")}</summary>
			<pre class="small mb-0" style="white-space: pre-wrap; word-break: break-word">${esc(attempt.answer)}</pre>
		</details></td></tr>`;
	frm.get_field("attempts_html").$wrapper.html(
		`<div class="control-label mb-2">${__("What Was Done at Pax8")}</div>
		<div class="table-responsive"><table class="table table-bordered small mt-0 mb-1"><tbody>${attempts
			.map(row)
			.join("")}</tbody></table></div>`
	);
}

function add_buttons(frm) {
	frm.add_custom_button(__("Subscription"), () =>
		frappe.set_route("Form", "Pax8 Subscription", frm.doc.subscription)
	);
	if (!frappe.user.has_role("Licensing Manager")) return;
	if (frm.doc.workflow_state === "Needs Review") {
		frm.add_custom_button(__("Check with Pax8"), () => check_again(frm)).addClass("btn-primary");
	}
	if (frm.doc.workflow_state === "Pending Approval") {
		frm.add_custom_button(__("Approve Another Quantity"), () => approve_another(frm));
	}
}

function approve_another(frm) {
	const dialog = new frappe.ui.Dialog({
		title: __("Approve Another Quantity"),
		fields: [
			{
				fieldname: "quantity",
				fieldtype: "Int",
				label: __("Quantity to Apply"),
				reqd: 1,
				description: [
					__("{0} now, {1} asked for", [frm.doc.current_quantity, frm.doc.requested_quantity]),
					frm.client_disabled ? __("This client is disabled.") : "",
				].join(" "),
			},
			{
				fieldname: "reason",
				fieldtype: "Small Text",
				label: __("Reason"),
				reqd: 1,
				description: __("The requester reads it."),
			},
		],
		primary_action_label: __("Approve"),
		async primary_action({ quantity, reason }) {
			const args = {
				request: frm.doc.name,
				quantity,
				reason,
				seen_quantity: frm.doc.current_quantity,
				seen_amount: seen_amount(frm.doc),
			};
			await send(dialog, `${APPLYING}.approve_another`, args);
			frm.reload_doc();
		},
	});
	dialog.show();
}

/** Calls with the dialog's button off, so that a second click sends nothing; closes the dialog when it worked. */
async function send(dialog, method, args) {
	dialog.disable_primary_action();
	try {
		const answer = await frappe.xcall(method, args);
		dialog.hide();
		return answer;
	} finally {
		dialog.enable_primary_action();
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
	const { subscription, requested_quantity, timing } = frm.doc;
	frm.set_intro("");
	frm.clear_custom_buttons();
	frm.toggle_display("staff_reason", false);
	if (!subscription) {
		frm.set_intro(__("Choose a subscription: type a product, a client or a vendor."), "blue");
		return;
	}
	const asked = (frm.previews = (frm.previews || 0) + 1);
	const answer = await frappe.xcall(`${API}.preview`, {
		subscription,
		wanted: String(requested_quantity || ""),
		timing,
	});
	if (!frm.is_new() || frm.doc.subscription !== subscription || asked !== frm.previews) return;
	const { facts } = answer;
	// Its client is known by name here: the record is found by the server, which takes no name for one.
	Object.assign(frm.doc, { product_name: facts.product_name, vendor: facts.vendor, client_name: facts.client });
	frm.toggle_display("client_name", true);
	frm.doc.current_quantity = facts.quantity;
	frm.doc.quantity_change = requested_quantity ? requested_quantity - facts.quantity : 0;
	frm.refresh_fields(["product_name", "vendor", "client_name", "current_quantity", "quantity_change"]);

	frm.set_intro(preview_html(answer), answer.refused || answer.open_request ? "red" : answer.needs_reason ? "orange" : "blue");
	frm.toggle_display("staff_reason", Boolean(answer.needs_reason));
	frm.toggle_reqd("staff_reason", Boolean(answer.needs_reason));
	if (answer.may_change_now && !answer.refused && !answer.open_request && frm.doc.timing !== "End of Term") {
		frm.add_custom_button(__("Change at Once"), () => change_now(frm, facts));
	}
}, 200);

function change_now(frm, facts) {
	const { subscription, requested_quantity } = frm.doc;
	const what = __("{0} of {1}: {2}. It goes to Pax8 without another manager's approval.", [
		`<b>${esc(facts.client)}</b>`,
		`<b>${esc(facts.product_name)}</b>`,
		`<b>${facts.quantity} → ${requested_quantity}</b>`,
	]);
	const dialog = new frappe.ui.Dialog({
		title: __("Change at Once"),
		fields: [
			{ fieldname: "what", fieldtype: "HTML", options: `<p>${what}</p>` },
			{
				fieldname: "reason",
				fieldtype: "Small Text",
				label: __("Reason"),
				reqd: 1,
				default: frm.doc.staff_reason,
				description: __("Kept with the request."),
			},
		],
		primary_action_label: __("Change at Once"),
		async primary_action({ reason }) {
			const name = await send(dialog, `${APPLYING}.change_now`, {
				subscription,
				quantity: requested_quantity,
				reason,
				seen_quantity: facts.quantity,
			});
			frappe.model.clear_doc(frm.doctype, frm.doc.name);
			frappe.set_route("Form", "License Change Request", name);
		},
	});
	dialog.show();
}

function preview_html({ facts, open_request, refused, needs_reason }) {
	const values = [
		`<b>${esc(facts.client)}</b>`,
		`<b>${facts.quantity}</b>`,
		`<b>${esc(facts.product_name)}</b>`,
	];
	const lines = [
		msp_licensing.plural(
			facts.quantity,
			__("{0} has {1} license of {2}.", values),
			__("{0} has {1} licenses of {2}.", values)
		),
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
			`${__("There is an open request already:")} <a class="text-underline" href="${frappe.utils.get_form_link("License Change Request", open_request.name)}">${esc(open_request.name)}</a>`
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
