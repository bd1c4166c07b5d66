// The reports Usage by Client, by Vendor, by Resource Group and by Day have the same filters and show amounts alike. Comes with the
// meta of Pax8 Usage Month (hooks.py, doctype_list_js), which Frappe loads before the script of a report.

frappe.provide("msp_licensing");

(() => {
	const MONTHS = 24;
	// Written by vendors and clients; Frappe puts them into a cell as markup.
	const TEXTS = ["client_name", "vendor", "product_name", "currency", "trial"];
	const DASH = '<span class="text-muted">—</span>';

	const esc = (text) => frappe.utils.escape_html(text == null ? "" : String(text));
	let client_doctype = "MSP Client";

	/** The months to choose from, the newest first. Months of usage are those of UTC. */
	function months() {
		const now = new Date();
		return Array.from({ length: MONTHS }, (_unused, back) => {
			const day = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - back, 1));
			return day.toISOString().slice(0, 7);
		});
	}

	/** The settings of a report. `months_in_chart`: whether its chart is of several months. */
	msp_licensing.usage_report = ({ months_in_chart = true } = {}) => ({
		filters: [
			{
				fieldname: "month",
				label: __("Month (UTC)"),
				fieldtype: "Select",
				options: months(),
				default: months()[0],
				reqd: 1,
			},
			{
				fieldname: "client",
				label: __("Client"),
				fieldtype: "Dynamic Link",
				get_options: () => client_doctype,
			},
			{ fieldname: "vendor", label: __("Vendor"), fieldtype: "Autocomplete", options: [] },
			// No Link: licensing managers need no right to read currencies.
			{ fieldname: "currency", label: __("Currency"), fieldtype: "Data" },
			{
				fieldname: "trial",
				label: __("Trials"),
				fieldtype: "Select",
				options: [
					{ value: "", label: __("With Trials") },
					{ value: "Without Trials", label: __("Without Trials") },
					{ value: "Trials Only", label: __("Trials Only") },
				],
			},
			{
				fieldname: "months",
				label: __("Months in the Chart"),
				fieldtype: "Select",
				options: ["3", "6", "12", "24"],
				default: "12",
			},
		].filter(({ fieldname }) => months_in_chart || fieldname !== "months"),

		async onload(report) {
			const [doctype, vendors] = await Promise.all([
				frappe.db.get_single_value("Licensing Settings", "client_doctype"),
				frappe.xcall("msp_licensing.desk.settings.vendors"),
			]);
			client_doctype = doctype || client_doctype;
			const filter = report.get_filter("vendor");
			if (filter.awesomplete) filter.awesomplete.item = suggestion;
			filter.set_data(vendors.map((row) => row.vendor));
		},

		formatter(value, row, column, data, default_formatter) {
			if (!data) return default_formatter(value, row, column, data);
			if (column.fieldname === "resource_group") {
				const href = frappe.utils.get_form_link("Pax8 Resource Group", data.resource_group);
				return `<a href="${esc(href)}">${esc(data.group_name)}</a>`;
			}
			// An amount that is not known is not 0.
			if (value == null && ["Currency", "Percent"].includes(column.fieldtype)) return DASH;
			if (value && TEXTS.includes(column.fieldname)) value = esc(value);
			if (value && column.fieldname === "client" && !frappe.model.can_read(data.client_doctype)) {
				return esc(value); // Frappe would make no link of it, and put it in as it is
			}
			const html = default_formatter(value, row, column, data);
			if (!/projected$/.test(column.fieldname)) return html;
			const title = __("A projection, not an amount");
			return `<em title="${esc(title)}">${html}</em>`;
		},
	});

	/** A vendor in the list of the filter: Frappe's own puts names in as markup. */
	function suggestion({ label, value }) {
		const $words = $("<strong></strong>").text(label || value);
		return $("<li></li>")
			.data("item.autocomplete", { label, value })
			.attr({ role: "option", "aria-selected": "false" })
			.append($("<a></a>").append($("<p></p>").append($words)))
			.get(0);
	}
})();
