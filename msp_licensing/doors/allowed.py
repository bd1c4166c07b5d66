"""What a portal user of this app, who is nothing else, may call: this list, and nothing besides.

It has the portal's own functions, signing in and out, the person's own password and profile, and what the site's public
pages call for every visitor. A site adds functions of its own by the hook `msp_licensing_portal_functions` of its app.
"""

from typing import Any

import frappe

OWN = ("msp_licensing.portal.",)
FUNCTIONS = frozenset(
	(
		# signing in and out, and the own password
		"frappe.handler.login",
		"frappe.api.v2.login",
		"frappe.api.v2.logout",
		"frappe.handler.logout",
		"frappe.handler.web_logout",
		"frappe.auth.get_logged_user",
		"frappe.core.doctype.user.user.reset_password",
		"frappe.core.doctype.user.user.test_password_strength",
		"frappe.core.doctype.user.user.update_password",
		"frappe.www.login.login_via_key",
		"frappe.www.login.login_via_token",
		"frappe.www.login.send_login_link",
		# what the pages of the site call for every visitor
		"frappe.ping",
		"frappe.client.get_time_zone",
		"frappe.realtime.get_user_info",
		"frappe.search.web_search",
		"frappe.translate.get_all_languages",
		"frappe.website.doctype.web_page_view.web_page_view.make_view_log",
		"frappe.website.doctype.website_settings.website_settings.get_auto_account_deletion",
		"frappe.www.contact.send_message",
		"frappe.www.search.get_search_results",
		"frappe.core.api.file.get_max_file_size",
		# pages that people may answer: only published ones (see table.py)
		"frappe.templates.includes.comments.comments.add_comment",
		"frappe.templates.includes.likes.likes.like",
		"frappe.website.doctype.help_article.help_article.add_feedback",
		# forms that the site has published, the own profile among them
		"frappe.website.doctype.web_form.web_form.accept",
		"frappe.website.doctype.web_form.web_form.get_form_data",
		"frappe.website.doctype.web_form.web_form.get_web_form_filters",
		"frappe.website.doctype.web_form.web_form.delete",
		"frappe.website.doctype.web_form.web_form.delete_multiple",
		# a file that one may read
		"frappe.handler.download_file",
	)
)
UPLOAD = "frappe.handler.upload_file"
LIST_OF_FORM = ("frappe.www.list.get", "frappe.www.list.get_list_data")
# An upload brings its content: it names no file that is there, and no function.
NOT_IN_AN_UPLOAD = ("file_url", "library_file_name", "method")
HOOK = "msp_licensing_portal_functions"
# Pages that are no part of the website: the desk, prints of any document, backups.
CLOSED_PAGES = ("/app", "/desk", "/print", "/printview", "/backups")


def function(path: str, arguments: dict[str, Any]) -> bool:
	"""Whether a portal user may call a function, by the module that defines it, with these arguments."""
	if path.startswith(OWN) or path in FUNCTIONS:
		return True
	if path == UPLOAD:
		return not any(arguments.get(key) for key in NOT_IN_AN_UPLOAD) and _may_attach(arguments)
	if path in LIST_OF_FORM:
		return is_published_form(arguments.get("web_form_name"), arguments.get("doctype"))
	return path in frappe.get_hooks(HOOK)


def page(path: str) -> bool:
	"""Whether a portal user may open an address that is no function."""
	return not any(path == closed or path.startswith(f"{closed}/") for closed in CLOSED_PAGES)


def _may_attach(arguments: dict[str, Any]) -> bool:
	doctype, name = arguments.get("doctype"), arguments.get("docname")
	if not doctype:
		return True
	if doctype == "User":
		return name == frappe.session.user
	return bool(frappe.db.exists("Web Form", {"doc_type": doctype, "published": 1}))


def is_published_form(form: Any, doctype: Any) -> bool:
	"""Whether the site has published a Web Form for records of a DocType."""
	if not isinstance(form, str) or not isinstance(doctype, str):
		return False
	return bool(frappe.db.exists("Web Form", {"name": form, "doc_type": doctype, "published": 1}))
