frappe.query_reports["Usage by Client"] = msp_licensing.usage_report();
