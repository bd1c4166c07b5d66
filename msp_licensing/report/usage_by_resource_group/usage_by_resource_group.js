frappe.query_reports["Usage by Resource Group"] = msp_licensing.usage_report();
