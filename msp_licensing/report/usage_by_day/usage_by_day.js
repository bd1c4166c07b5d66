frappe.query_reports["Usage by Day"] = msp_licensing.usage_report();
