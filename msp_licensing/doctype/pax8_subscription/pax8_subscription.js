const esc = (text) => frappe.utils.escape_html(text == null ? "" : String(text));
const DASH = '<span class="text-muted">—</span>';

frappe.ui.form.on("Pax8 Subscription", {
	setup(frm) {
		// A price that Pax8 does not give is stored as 0 with a flag beside it, and is never shown as 0.
		for (const [field, flag] of [["price", "has_price"], ["partner_cost", "has_partner_cost"]]) {
			frm.get_docfield(field).formatter = (value, df, options, doc) => {
				if (!cint(doc?.[flag])) return DASH;
				return esc(doc.currency ? format_currency(value, doc.currency) : format_number(value, null, 2));
			};
		}
	},

	async refresh(frm) {
		frm.toggle_display("client_doctype", false);
		frm.toggle_display("client_name", frm.doc.client_name && frm.doc.client_name !== frm.doc.client);
		const manager = frappe.user.has_role("Licensing Manager");
		if (manager && !frm.doc.vanished) {
			frm.add_custom_button(__("Refresh from Pax8"), () => refresh(frm));
		}
		const { name } = frm.doc;
		const facts = await frappe.xcall("msp_licensing.desk.rules.describe", { subscription: name });
		if (frm.doc.name !== name) return;
		show_rule(frm, facts);
		show_parent(frm, facts.parent);
		if (facts.request) {
			show_request(frm, facts.request);
		} else if (manager && !facts.barred) {
			frm.add_custom_button(__("Request Change"), () =>
				frappe.new_doc("License Change Request", { subscription: name })
			).addClass("btn-primary");
		}
	},
});

function show_rule(frm, { rule, price, blocked }) {
	const part = (label, { text, inherited }) => `<div class="col-sm-3 mb-2">
		<div class="text-muted small">${label}</div>
		<div class="${inherited ? "" : "bold"}">${esc(text)}</div>
		<div class="text-muted small">${inherited ? __("inherited") : __("set here")}</div></div>`;
	const html = `<div class="row">
		${part(__("Quantity Changes"), rule.changes)}
		${part(__("Approval"), rule.approval)}
		${part(__("Min – Max"), rule.limits)}
		${part(__("Client Price"), price)}
		</div>${
			blocked
				? `<div class="text-muted"><span class="indicator orange"></span>${__("The client cannot ask for a change:")} ${esc(
						blocked
				  )}</div>`
				: ""
		}`;
	frm.dashboard.add_section(html, __("What Counts Now"));
	frm.dashboard.show();
}

function show_parent(frm, parent) {
	const $field = frm.get_field("parent_subscription").$wrapper.find(".control-value");
	if (parent) {
		$field.html(`<a href="${frappe.utils.get_form_link("Pax8 Subscription", parent.name)}">${esc(parent.product_name)}</a>`);
	}
}

function show_request(frm, request) {
	const values = [request.current_quantity, request.target, esc(__(request.workflow_state))];
	const what = msp_licensing.plural(
		request.target,
		__("Open request: {0} → {1} license, {2}.", values),
		__("Open request: {0} → {1} licenses, {2}.", values)
	);
	frm.set_intro(
		`${what} <a class="text-underline" href="${frappe.utils.get_form_link("License Change Request", request.name)}">${esc(request.name)}</a>`,
		"blue"
	);
}

async function refresh(frm) {
	const message = await frappe.xcall("msp_licensing.desk.subscriptions.refresh", { subscription: frm.doc.name });
	await frm.reload_doc();
	frappe.show_alert({ message: esc(message), indicator: "green" });
}
