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

	const esc = (text) => frappe.utils.escape_html(text == null ? "" : String(text));
	let client_doctype = "MSP Client";

	frappe.query_reports["License Changes"] = {
		filters: [
			{
				fieldname: "client",
				label: __("Client"),
				fieldtype: "Dynamic Link",
				get_options: () => client_doctype,
			},
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
			{ fieldname: "vendor", label: __("Vendor"), fieldtype: "Autocomplete", options: [] },
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
			if (value && TEXTS.includes(column.fieldname)) value = esc(value);
			if (value && WORDS.includes(column.fieldname)) value = __(value);
			if (value && column.fieldname === "client" && !frappe.model.can_read(data.client_doctype)) {
				return esc(value); // Frappe would make no link of it, and put it in as it is
			}
			return default_formatter(value, row, column, data);
		},
	};

	/** A vendor in the list of the filter: Frappe's own puts names in as markup. */
	function suggestion({ label, value }) {
		const $words = $("<strong></strong>").text(label || value);
		return $("<li></li>")
			.data("item.autocomplete", { label, value })
			.attr({ role: "option", "aria-selected": "false" })
			.append($("<a></a>").append($("<p></p>").append($words)))
			.get(0);
	}

	function evidence(report) {
		const { client, from_date, to_date } = report.get_filter_values();
		if (!client || !from_date || !to_date) {
			frappe.msgprint(__("Choose a client and a period first: the evidence is for one client."));
			return;
		}
		const args = { client_doctype, client, from_date, to_date };
		open_url_post("/api/method/msp_licensing.desk.evidence.make", args, true);
	}
})();
