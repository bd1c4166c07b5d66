// What the app's reports share. Comes with the metas of the DocTypes that they are of (hooks.py, doctype_list_js), which Frappe
// loads before the script of a report.

frappe.provide("msp_licensing.reports");

(() => {
	const esc = (text) => frappe.utils.escape_html(text == null ? "" : String(text));

	const client_doctype = () => frappe.boot.msp_licensing.client_doctype;

	const client_filter = () => ({
		fieldname: "client",
		label: __("Client"),
		fieldtype: "Dynamic Link",
		get_options: client_doctype,
	});

	const vendor_filter = () => ({ fieldname: "vendor", label: __("Vendor"), fieldtype: "Autocomplete", options: [] });

	/** Fills the filter of vendors; to be called when the report is loaded. */
	async function fill_vendors(report) {
		const vendors = await frappe.xcall("msp_licensing.desk.settings.vendors");
		const filter = report.get_filter("vendor");
		if (filter.awesomplete) filter.awesomplete.item = suggestion;
		filter.set_data(vendors.map((row) => row.vendor));
	}

	/** A vendor in the list of the filter: Frappe's own puts names in as markup. */
	function suggestion({ label, value }) {
		const $words = $("<strong></strong>").text(label || value);
		return $("<li></li>")
			.data("item.autocomplete", { label, value })
			.attr({ role: "option", "aria-selected": "false" })
			.append($("<a></a>").append($("<p></p>").append($words)))
			.get(0);
	}

	/** Whether a cell is a client that the user may not open: Frappe would make no link of it, and put it in as markup. */
	const is_closed_client = (value, column, data) =>
		value && column.fieldname === "client" && !frappe.model.can_read(data.client_doctype);

	/** A link to a record, as HTML. */
	function link(doctype, name, title) {
		const href = frappe.utils.get_form_link(doctype, name);
		return `<a href="${esc(href)}">${esc(title || name)}</a>`;
	}

	Object.assign(msp_licensing.reports, {
		esc,
		client_filter,
		vendor_filter,
		fill_vendors,
		is_closed_client,
		link,
		client_doctype,
	});
})();
