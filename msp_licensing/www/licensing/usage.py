from pathlib import Path
from urllib.parse import urlencode

import frappe
from frappe.sessions import get_csrf_token
from frappe.utils.jinja_globals import bundled_asset

from msp_licensing.portal import usage_queries

# The page cache knows paths, not users: without this, one client would be served another's page.
no_cache = 1

ASKED = ("client", "month", "subscription", "show")
STYLES = ("index.css", "usage_page.css")
CHART = "usage_chart.bundle.js"


def get_context(context):
	asked = {name: frappe.form_dict[name] for name in ASKED if frappe.form_dict.get(name)}
	if frappe.session.user == "Guest":
		there = f"/licensing/usage?{urlencode(asked)}" if asked else "/licensing/usage"
		frappe.local.flags.redirect_location = f"/login?{urlencode({'redirect-to': there})}"
		raise frappe.Redirect
	# As the main page does, to which this one leads.
	get_csrf_token()
	frappe.db.commit()  # nosemgrep: frappe-manual-commit - a GET is rolled back, and the token with it
	page = usage_queries.page_for_session(**asked)
	if page["state"] != "usage":
		frappe.local.flags.redirect_location = "/licensing"
		raise frappe.Redirect
	context.page = page
	context.title = page["title"]
	context.no_breadcrumbs = 1
	context.show_sidebar = 1
	# The styles of both pages. Frappe takes a style sheet of this page's own name by itself, and that one only.
	context.colocated_css = "\n".join(
		(Path(__file__).parent / name).read_text(encoding="utf-8") for name in STYLES
	)
	context.chart_script = bundled_asset(CHART) if page["chart"] else ""
	return context
