"""Run inside the venv: answers Frappe's setup wizard, so that the desk opens instead of asking."""

import sys

import frappe


def main(site: str, country: str, currency: str, time_zone: str) -> None:
	from frappe.desk.page.setup_wizard.setup_wizard import setup_complete

	frappe.init(site=site, sites_path=".")
	frappe.connect()
	frappe.set_user("Administrator")
	frappe.flags.in_setup_wizard = True
	year = frappe.utils.getdate().year
	answers = {
		"language": "English",
		"country": country,
		"currency": currency,
		"timezone": time_zone,
		"full_name": "Administrator",
		"enable_telemetry": 0,
	}
	if "erpnext" in frappe.get_installed_apps():
		answers |= {
			"company_name": "Example MSP",
			"company_abbr": "EX",
			"chart_of_accounts": "Standard",
			"fy_start_date": f"{year}-01-01",
			"fy_end_date": f"{year}-12-31",
			"setup_demo": 0,
		}
	result = setup_complete(answers)
	frappe.db.commit()  # nosemgrep: frappe-manual-commit - a command, and no request that Frappe would commit
	# Asked in different ways by different releases.
	ask = getattr(frappe, "is_setup_complete", lambda: result.get("status") == "ok")
	if not ask():
		sys.exit(f"The setup wizard did not finish: {result}")
	frappe.destroy()


main(*sys.argv[1:])
