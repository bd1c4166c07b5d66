const CLIENT_DOCTYPES = ["MSP Client", "Customer"];
const esc = (text) => frappe.utils.escape_html(text == null ? "" : String(text));

frappe.ui.form.on("Pax8 Company", {
	setup(frm) {
		frm.set_query("client_doctype", () => ({ filters: { name: ["in", CLIENT_DOCTYPES] } }));
		frm.set_query("client", () => (frm.doc.client_doctype ? { filters: { disabled: 0 } } : {}));
	},

	async refresh(frm) {
		show_intro(frm);
		frm.toggle_display("client_name", frm.doc.client_name && frm.doc.client_name !== frm.doc.client);
		frm.get_field("suggestion_html").$wrapper.empty();
		const { name } = frm.doc;
		const asked = (frm.choices_asked = (frm.choices_asked || 0) + 1);
		const choices = await frappe.xcall("msp_licensing.desk.mapping.choices", { company: name });
		// The form may show another company by now: one company's suggestions must not be offered for another.
		if (frm.doc.name !== name || asked !== frm.choices_asked) return;
		if (!frm.doc.client_doctype) {
			// Shown, not yet a change: the server writes the same.
			frm.doc.client_doctype = choices.doctype;
			frm.refresh_field("client_doctype");
		}
		// A choice of one is none.
		frm.toggle_display("client_doctype", frm.doc.client_doctype !== choices.doctype);
		frm.get_field("client").set_label(__(frm.doc.client_doctype));
		if (frm.doc.client) {
			add_buttons(frm, choices);
		} else if (!frm.doc.vanished && !frm.doc.is_own && frappe.user.has_role("Licensing Manager")) {
			show_suggestions(frm, choices);
		}
	},
});

function show_intro(frm) {
	const { client, vanished, self_service_allowed } = frm.doc;
	if (vanished) {
		frm.set_intro(__("The last complete sync no longer found this company at Pax8."), "gray");
	} else if (frm.doc.is_own) {
		frm.set_intro(__("This is your own company (Pax8 Settings, Own Company IDs), not a client."), "blue");
	} else if (!client) {
		frm.set_intro(
			__(
				"Not mapped. Choose the client this company is: its subscriptions are read at once, and the client's people see them in the portal."
			),
			"orange"
		);
	} else if (self_service_allowed) {
		frm.set_intro(
			__(
				"Self-service is on at Pax8, too: this client could change quantities in Pax8's own portal, past the rules of this site."
			),
			"orange"
		);
	}
}

function add_buttons(frm, choices) {
	frm.add_custom_button(__("Subscriptions ({0})", [choices.subscriptions]), () => {
		frappe.set_route("List", "Pax8 Subscription", "List", { pax8_company: frm.doc.name });
	});
	frm.add_custom_button(__("Open Client"), () => frappe.set_route("Form", frm.doc.client_doctype, frm.doc.client));
}

function show_suggestions(frm, choices) {
	const $wrapper = frm.get_field("suggestion_html").$wrapper;
	if (choices.suggestions.length) {
		$(`<div class="control-label mb-2">${__("Is it one of these?")}</div>`).appendTo($wrapper);
	}
	const likeness = __("Likeness of the names");
	for (const match of choices.suggestions) {
		const $row = $(`<div class="d-flex align-items-center justify-content-between border rounded px-3 py-2 mb-2">
			<div>
				<a class="text-underline" href="${frappe.utils.get_form_link(choices.doctype, match.client)}">${esc(match.title)}</a>
				<span class="indicator-pill no-indicator-dot ml-2 ${match.score >= 90 ? "green" : match.score >= 70 ? "blue" : "gray"}"
					title="${esc(likeness)}">${match.score} %</span>
			</div></div>`).appendTo($wrapper);
		$(`<button class="btn btn-xs ${match.score >= 90 ? "btn-primary" : "btn-default"}">${__("Map")}</button>`)
			.on("click", () => map(frm, choices.doctype, match.client))
			.appendTo($row);
	}
	if (choices.may_create) {
		$(`<button class="btn btn-default btn-sm mt-1">${__("Create Client “{0}”", [esc(frm.doc.company_name)])}</button>`)
			.on("click", () => create(frm))
			.appendTo($wrapper);
	}
}

async function map(frm, client_doctype, client) {
	frm.doc.client_doctype = client_doctype;
	await frm.set_value("client", client);
	await frm.save();
	frappe.show_alert({ message: __("Mapped. Its subscriptions are being read."), indicator: "green" });
}

function create(frm) {
	frappe.prompt(
		{
			fieldname: "client_name",
			fieldtype: "Data",
			label: __("Name of the Client"),
			reqd: 1,
			default: frm.doc.company_name,
		},
		async ({ client_name }) => {
			await frappe.xcall("msp_licensing.desk.mapping.create_client", { company: frm.doc.name, client_name });
			await frm.reload_doc();
			frappe.show_alert({ message: __("Created and mapped. Its subscriptions are being read."), indicator: "green" });
		},
		__("Create Client"),
		__("Create and Map")
	);
}
