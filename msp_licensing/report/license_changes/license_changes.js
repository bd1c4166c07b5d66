(() => {
	const STATES = [
		"Pending Client Approval",
		"Pending Approval",
		"Approved",
		"Scheduled",
		"Applying",
		"Applied",
		"Rejected",
		"Withdrawn",
		"Expired",
		"Failed",
		"Needs Review",
	];
	const WORDS = ["state", "source", "decision"];
	// Written by clients, vendors and Pax8; Frappe puts them into a cell as markup.
	const TEXTS = ["client_name", "product_name", "vendor", "decision_summary", "pax8_message"];

	const { esc, client_filter, vendor_filter, fill_vendors, is_closed_client } = msp_licensing.reports;

	frappe.query_reports["License Changes"] = {
		filters: [
			client_filter(),
			{
				fieldname: "from_date",
				label: __("From"),
				fieldtype: "Date",
				default: frappe.datetime.add_months(frappe.datetime.get_today(), -3),
			},
			{
				fieldname: "to_date",
				label: __("To"),
				fieldtype: "Date",
				default: frappe.datetime.get_today(),
			},
			vendor_filter(),
			{ fieldname: "product", label: __("Product"), fieldtype: "Link", options: "Pax8 Product" },
			{
				fieldname: "state",
				label: __("State"),
				fieldtype: "MultiSelectList",
				get_data: (text) =>
					STATES.filter((state) => __(state).toLowerCase().includes((text || "").toLowerCase())).map(
						(state) => ({ value: state, description: __(state) })
					),
			},
			{
				fieldname: "decision",
				label: __("Decision"),
				fieldtype: "Select",
				options: ["", "Auto-Approved", "Held", "Direct"],
			},
		],

		async onload(report) {
			report.page.add_inner_button(__("Evidence (PDF)"), () => evidence(report));
			await fill_vendors(report);
		},

		formatter(value, row, column, data, default_formatter) {
			if (value && TEXTS.includes(column.fieldname)) value = esc(value);
			if (value && WORDS.includes(column.fieldname)) value = __(value);
			if (is_closed_client(value, column, data)) return esc(value);
			return default_formatter(value, row, column, data);
		},
	};

	function evidence(report) {
		const { client, from_date, to_date } = report.get_filter_values();
		if (!client || !from_date || !to_date) {
			frappe.msgprint(__("Choose a client and a period first: the evidence is for one client."));
			return;
		}
		const args = { client_doctype: msp_licensing.reports.client_doctype(), client, from_date, to_date };
		open_url_post("/api/method/msp_licensing.desk.evidence.make", args, true);
	}
})();
