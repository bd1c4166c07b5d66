frappe.listview_settings["License Change Request"] = {
	add_fields: [
		"workflow_state",
		"current_quantity",
		"requested_quantity",
		"approved_quantity",
		"amount_change",
		"currency",
		"vendor",
		"requested_by",
	],
	hide_name_column: true,
	filters: [["workflow_state", "=", "Pending Approval"]],
	formatters: {
		// The title of a row is set as text: nothing in it is markup. Numbers first, since long names are cut.
		product_name(value, df, doc) {
			return `${doc.current_quantity} → ${doc.approved_quantity || doc.requested_quantity} · ${value}`;
		},
	},
	onload(listview) {
		listview.page.add_inner_button(__("Needs Attention"), () => {
			listview.filter_area
				.clear()
				.then(() =>
					listview.filter_area.add([
						["License Change Request", "workflow_state", "in", ["Failed", "Needs Review"]],
					])
				);
		});
		use_own_decisions(listview);
	},
};

/** Approve and Reject for whatever is ticked, each request with its own result, in place of Frappe's: those show only
 * what all ticked requests have in common, and know no reason. */
function use_own_decisions(listview) {
	for (const action of ["Approve", "Schedule", "Reject"]) {
		listview.workflow_action_items?.[action]?.closest("li").remove();
		delete listview.workflow_action_items?.[action];
	}
	if (!frappe.user.has_role("Licensing Manager")) return;
	listview.page.add_actions_menu_item(__("Approve"), () => confirm_approval(listview));
	listview.page.add_actions_menu_item(__("Reject"), () => ask_reason(listview));
}

async function confirm_approval(listview) {
	const names = listview.get_checked_items(true);
	const disabled = await frappe.xcall("msp_licensing.desk.requests.disabled_among", { names });
	const question =
		names.length === 1
			? __("Approve this request? The change goes to Pax8, or is planned if it is for the end of a term.")
			: __("Approve these {0} requests? The changes go to Pax8; those for the end of a term are planned.", [
					names.length,
			  ]);
	const warning = disabled.length
		? `<div class="form-message orange mt-3 mb-0">${__("Disabled clients: {0}", [
				frappe.utils.escape_html(disabled.join(", ")),
		  ])}</div>`
		: "";
	frappe.confirm(
		question + warning,
		() => decide(listview, "Approve", names)
	);
}

function ask_reason(listview) {
	const names = listview.get_checked_items(true);
	const dialog = new frappe.ui.Dialog({
		title: names.length === 1 ? __("Reject the Request") : __("Reject {0} Requests", [names.length]),
		fields: [
			{
				fieldname: "reason",
				fieldtype: "Small Text",
				label: __("Reason for the Client"),
				description: names.length === 1 ? __("Optional. The client reads it.") : __("Optional. Every client reads it."),
			},
		],
		primary_action_label: __("Reject"),
		primary_action({ reason }) {
			dialog.hide();
			decide(listview, "Reject", names, reason);
		},
	});
	dialog.get_primary_btn().removeClass("btn-primary").addClass("btn-danger");
	dialog.show();
}

async function decide(listview, action, names, reason) {
	let results;
	// What the list shows is what is approved: the server refuses where the quantity or the amount has moved since.
	const amount = (row) => (row.currency ? `${row.amount_change} ${row.currency}` : "");
	const seen = Object.fromEntries(
		listview.data.map((row) => [row.name, { quantity: row.current_quantity, amount: amount(row) }])
	);
	frappe.dom.freeze(__("Deciding…"));
	try {
		results = await frappe.xcall("msp_licensing.desk.requests.decide_many", { names, action, reason, seen });
	} finally {
		frappe.dom.unfreeze();
		listview.clear_checked_items();
		listview.refresh();
	}
	const failed = results.filter((row) => !row.ok).length;
	if (results.length === 1 && !failed) {
		frappe.show_alert({ message: __("Now: {0}", [results[0].state]), indicator: "green" });
		return;
	}
	frappe.msgprint({
		title: failed ? __("{0} of {1} decided", [results.length - failed, results.length]) : __("All decided"),
		indicator: failed === results.length ? "red" : failed ? "orange" : "green",
		message: results_html(results),
	});
}

function results_html(results) {
	const { escape_html } = frappe.utils;
	const row = ({ request, ok, state, message, client, product_name }) => `<tr>
		<td><a href="${frappe.utils.get_form_link("License Change Request", request)}">${escape_html(
		product_name || request
	)}</a><div class="text-muted small">${escape_html(client || "")}</div></td>
		<td><span class="indicator ${ok ? "green" : "red"}">${escape_html(ok ? state : message)}</span></td></tr>`;
	return `<div class="table-responsive"><table class="table table-bordered m-0"><tbody>${results
		.map(row)
		.join("")}</tbody></table></div>`;
}
