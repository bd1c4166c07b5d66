// Forms of usage: an amount that Pax8 does not give is stored as 0 with a flag beside it, and is never shown as 0.
(() => {
	const DASH = '<span class="text-muted">—</span>';
	const DOCTYPES = ["Pax8 Resource Group", "Pax8 Usage Snapshot", "Pax8 Usage Month", "Pax8 Usage Line"];

	function setup(frm) {
		for (const df of frm.meta.fields) {
			const flag = `has_${df.fieldname}`;
			if (!frappe.meta.has_field(frm.doctype, flag)) continue;
			frm.get_docfield(df.fieldname).formatter = (value, field, options, doc) => {
				if (!cint(doc?.[flag])) return DASH;
				const shown =
					df.fieldtype === "Currency" && doc.currency
						? format_currency(value, doc.currency)
						: format_number(value);
				return frappe.utils.escape_html(shown);
			};
		}
	}

	for (const doctype of DOCTYPES) frappe.ui.form.on(doctype, { setup });
})();
