import frappe
from frappe.sessions import get_csrf_token

from msp_licensing.portal import queries

# The page cache knows paths, not users: without this, one client would be served another's page.
no_cache = 1


def get_context(context):
	if frappe.session.user == "Guest":
		frappe.local.flags.redirect_location = "/login?redirect-to=/licensing"
		raise frappe.Redirect
	# Frappe checks the token of a session only if it has one, and outside of the desk nothing makes one.
	get_csrf_token()
	frappe.db.commit()  # nosemgrep: frappe-manual-commit - a GET is rolled back, and the token with it
	page = queries.page_for_session(frappe.form_dict.get("client"))
	context.page = page
	context.title = page["title"]
	context.no_breadcrumbs = 1
	context.show_sidebar = 1
	if page["state"] == "no_access":
		context.http_status_code = 403
	return context
