frappe.query_reports["Usage by Day"] = msp_licensing.usage_report({ months_in_chart: false });
