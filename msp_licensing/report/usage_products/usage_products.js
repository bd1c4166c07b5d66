frappe.query_reports["Usage Products"] = {
	filters: [
		{ fieldname: "vendor", label: __("Vendor"), fieldtype: "Data" },
		{
			fieldname: "usage_class",
			label: __("Billing Class"),
			fieldtype: "Select",
			options: ["", "Seat", "Usage", "Unknown"],
		},
		{ fieldname: "used", label: __("Only Products in Use"), fieldtype: "Check" },
	],

	formatter(value, row, column, data, default_formatter) {
		const { esc, link } = msp_licensing.reports;
		if (column.fieldname === "name" && data) {
			return link("Pax8 Product", data.name, data.product_name);
		}
		// Written by vendors, or made of their words; Frappe puts them into a cell as markup.
		if (value && column.fieldtype === "Data") value = esc(value);
		return default_formatter(value, row, column, data);
	},
};
