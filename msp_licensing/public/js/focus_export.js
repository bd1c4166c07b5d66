// The dialog that exports usage as a file in the format FOCUS 1.2. For managers; the server checks every right again.

frappe.provide("msp_licensing");

(() => {
	const esc = frappe.utils.escape_html;

	/** A button on the form of a client (MSP Client or Customer). */
	msp_licensing.show_focus_export = function (frm) {
		if (frm.is_new() || !frappe.model.can_export("Pax8 Usage Month")) return;
		// In a group: with ERPNext on Frappe 16 one button more would push Save off the page.
		frm.add_custom_button(
			__("Export Usage (FOCUS)"),
			() => msp_licensing.export_focus({ client_doctype: frm.doctype, client: frm.doc.name }),
			__("Actions")
		);
	};

	/** Opens the dialog; with a client or without one. */
	msp_licensing.export_focus = async function ({ client_doctype, client } = {}) {
		const { cost } = await frappe.xcall("msp_licensing.desk.focus.choices");
		const today = frappe.datetime.get_today();
		const month = frappe.datetime.month_start();
		const options = [{ value: "charges", label: __("What Pax8 reports as charged to the client") }];
		if (cost) options.push({ value: "cost", label: __("What Pax8 charges you (cost)") });
		const doctype = client_doctype || frappe.boot.msp_licensing.client_doctype;
		const dialog = new frappe.ui.Dialog({
			title: __("Export Usage (FOCUS)"),
			fields: [
				{
					fieldname: "amounts",
					fieldtype: "Select",
					label: __("Amounts"),
					options,
					default: "charges",
					reqd: 1,
					change: show,
				},
				{
					fieldname: "client",
					fieldtype: "Link",
					label: __("Client"),
					options: doctype,
					default: client,
					read_only: client ? 1 : 0,
					mandatory_depends_on: "eval:doc.amounts !== 'cost'",
					description: cost && !client ? __("Empty: all clients, and usage that is nobody's. For cost only.") : "",
					change: show,
				},
				{
					fieldname: "from_date",
					fieldtype: "Date",
					label: __("From"),
					default: frappe.datetime.add_months(month, -1),
					reqd: 1,
					change: show,
				},
				{ fieldname: "column_break", fieldtype: "Column Break" },
				{ fieldname: "to_date", fieldtype: "Date", label: __("To"), default: today, reqd: 1, change: show },
				{
					fieldname: "about",
					fieldtype: "HTML",
					options: `<p class="text-muted small">${esc(
						__("Months (UTC) are exported as a whole, each with its last total.")
					)}</p>`,
				},
				{ fieldname: "section_break", fieldtype: "Section Break" },
				{ fieldname: "preview", fieldtype: "HTML" },
			],
			primary_action_label: __("Export"),
			primary_action() {
				open_url_post("/api/method/msp_licensing.desk.focus.export", chosen(), true);
				dialog.hide();
			},
		});

		function chosen() {
			const { amounts, from_date, to_date } = dialog.get_values(true);
			const wanted = { amounts, from_date, to_date };
			const name = client || dialog.get_value("client");
			return name ? { ...wanted, client_doctype: doctype, client: name } : wanted;
		}

		let asked = 0;

		/** Says what the file would hold. Of several answers only that to the last question counts. */
		async function show() {
			const number = ++asked;
			const wanted = chosen();
			const complete = wanted.from_date && wanted.to_date && (wanted.client || wanted.amounts === "cost");
			let sentences = complete ? [] : [__("Choose a client.")];
			let rows = 0;
			if (complete) {
				try {
					({ rows, sentences } = await frappe.xcall("msp_licensing.desk.focus.preview", wanted));
				} catch {
					sentences = []; // Frappe has shown why.
				}
			}
			if (number !== asked) return;
			const lines = sentences.map((sentence) => `<div>${esc(sentence)}</div>`);
			dialog.fields_dict.preview.$wrapper.html(`<div role="status">${lines.join("")}</div>`);
			dialog.get_primary_btn().prop("disabled", !rows);
		}

		dialog.show();
		show();
	};
})();
