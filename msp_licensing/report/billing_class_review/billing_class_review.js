(() => {
	const API = "msp_licensing.desk.usage_class";
	const CLASSES = ["Seat", "Usage", "Unknown"];
	const KINDS = [
		"Changed Lately",
		"Staff Choice Contradicts Evidence",
		"Unknown with Evidence",
		"Unknown with Subscriptions",
	];
	// Written by vendors, or made of their words; Frappe puts them into a cell as markup.
	const TEXTS = ["why", "set_by", "reasons", "product_name", "vendor", "sku", "accepted_by"];

	const { esc, link } = msp_licensing.reports;

	frappe.query_reports["Billing Class Review"] = {
		filters: [
			{ fieldname: "kind", label: __("Why Listed"), fieldtype: "Select", options: ["", ...KINDS] },
			{ fieldname: "usage_class", label: __("Billing Class"), fieldtype: "Select", options: ["", ...CLASSES] },
			{ fieldname: "vendor", label: __("Vendor"), fieldtype: "Data" },
			{ fieldname: "days", label: __("Changed in the Last Days"), fieldtype: "Int", default: 30 },
			{ fieldname: "accepted", label: __("Show Accepted"), fieldtype: "Check" },
		],

		get_datatable_options(options) {
			return { ...options, checkboxColumn: frappe.user.has_role("Licensing Manager") };
		},

		onload(report) {
			if (!frappe.user.has_role("Licensing Manager")) return;
			const group = __("Actions");
			const add = (label, action) => report.page.add_inner_button(label, () => action(report), group);
			add(__("Accept"), (report) => act(report, `${API}.accept`));
			add(__("Set the Class"), choose);
			add(__("Let the App Decide"), (report) => act(report, `${API}.let_app_decide`));
		},

		formatter(value, row, column, data, default_formatter) {
			if (column.fieldname === "name" && data) {
				return link("Pax8 Product", data.name, data.product_name);
			}
			if (value && TEXTS.includes(column.fieldname)) value = esc(value);
			return default_formatter(value, row, column, data);
		},
	};

	/** Names of the products that are ticked; null, with a message, where none is. */
	function ticked(report) {
		const names = report.get_checked_items(true);
		if (names.length) return names;
		frappe.msgprint(__("Select products first."));
		return null;
	}

	async function act(report, method, values = {}) {
		const names = ticked(report);
		if (!names) return;
		const { message } = await frappe.xcall(method, { names: JSON.stringify(names), ...values });
		frappe.show_alert({ message: esc(message), indicator: "green" });
		report.refresh();
	}

	function choose(report) {
		if (!ticked(report)) return;
		frappe.prompt(
			{
				fieldname: "usage_class",
				fieldtype: "Select",
				label: __("Billing Class"),
				options: CLASSES,
				reqd: 1,
				description: __("The class stands until you let the app decide again. No sync changes it."),
			},
			({ usage_class }) => act(report, `${API}.choose`, { usage_class }),
			__("Set the Class"),
			__("Set")
		);
	}
})();
