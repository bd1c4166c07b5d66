// The reports Usage by Client, by Vendor, by Resource Group and by Day have the same filters and show amounts alike. Comes with
// the meta of Pax8 Usage Month, after reports.js.

frappe.provide("msp_licensing");

(() => {
	const MONTHS = 24;
	// Written by vendors and clients; Frappe puts them into a cell as markup.
	const TEXTS = ["client_name", "vendor", "product_name", "currency", "trial"];
	const DASH = '<span class="text-muted">—</span>';

	const { esc, client_filter, vendor_filter, fill_vendors, is_closed_client, link } = msp_licensing.reports;

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
			client_filter(),
			vendor_filter(),
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
			await fill_vendors(report);
		},

		formatter(value, row, column, data, default_formatter) {
			if (!data) return default_formatter(value, row, column, data);
			if (column.fieldname === "resource_group") {
				return link("Pax8 Resource Group", data.resource_group, data.group_name);
			}
			// An amount that is not known is not 0.
			if (value == null && ["Currency", "Percent"].includes(column.fieldtype)) return DASH;
			if (value && TEXTS.includes(column.fieldname)) value = esc(value);
			if (is_closed_client(value, column, data)) return esc(value);
			const html = default_formatter(value, row, column, data);
			if (!/projected$/.test(column.fieldname)) return html;
			const title = __("A projection, not an amount");
			return `<em title="${esc(title)}">${html}</em>`;
		},
	});
})();
