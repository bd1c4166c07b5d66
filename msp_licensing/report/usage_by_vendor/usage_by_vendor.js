frappe.query_reports["Usage by Vendor"] = msp_licensing.usage_report();
