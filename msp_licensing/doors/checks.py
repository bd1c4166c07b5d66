"""The checks of `table.CHECKED`: each takes the arguments of a request, and raises frappe.PermissionError."""

from collections.abc import Iterator
from typing import Any

import frappe
from frappe import _

from msp_licensing import permissions
from msp_licensing.doors import asked, files, references, table

# Documents that are pages of the website for everybody, where their field says so.
PAGES = {"Blog Post": "published", "Web Page": "published", "Help Article": "published"}
# Functions that save a document: which fields somebody may write, Frappe asks itself.
SAVING = (
	*("frappe.client.save", "frappe.client.insert", "frappe.client.insert_many", "frappe.client.bulk_update"),
	*("frappe.client.set_value", "frappe.client.submit", "frappe.desk.form.save.savedocs"),
	*(
		"frappe.api.v1.update_doc",
		"frappe.api.v2.update_doc",
		"frappe.api.v1.create_doc",
		"frappe.api.v2.create_doc",
	),
	"frappe.handler.run_doc_method",
)


def saves(called: list[str]) -> bool:
	return bool(called) and all(function in SAVING for function in called)


def desk(_arguments: dict[str, Any]) -> None:
	"""For users of the desk only; what they may read there is asked by the name of the DocType."""
	if permissions.is_website_user(frappe.session.user):
		asked.refuse(_("Only users of the desk can do this."))


def reference(arguments: dict[str, Any]) -> None:
	"""Every record that the arguments name has to be readable."""
	for doctype, name in _references(arguments):
		check_read(doctype, name)


def check_read(doctype: str, name: str) -> None:
	"""Whether the user may read a record. The same answer for one that is not there, so that nobody learns which are."""
	if not references.may_read(doctype, name):
		asked.refuse(_("You may not read this record."))


def _references(arguments: dict[str, Any]) -> Iterator[tuple[str, str]]:
	inner = asked.parsed(arguments.get("args"))
	for source in (arguments, inner if isinstance(inner, dict) else {}):
		doctype = next((source[key] for key in table.DOCTYPE_ARGUMENTS if source.get(key)), None)
		if not isinstance(doctype, str):
			continue
		for key in table.NAME_ARGUMENTS:
			value = asked.parsed(source.get(key))
			for name in value if isinstance(value, list) else [value]:
				if isinstance(name, str | int) and name != "":
					yield doctype, str(name)


def mail(arguments: dict[str, Any]) -> None:
	"""A mail about a record that the user may read, with files that they may read."""
	reference(arguments)
	attachments = asked.parsed(arguments.get("attachments"))
	for one in attachments if isinstance(attachments, list) else []:
		named = one if isinstance(one, dict) else {"name": one}
		url, name = named.get("file_url"), named.get("fid") or named.get("name")
		if url and not files.may_read_url(str(url)):
			asked.refuse(_("You may not read this file."))
		if name and isinstance(name, str) and frappe.db.exists("File", name):
			frappe.get_doc("File", name).check_permission("read")


def upload(arguments: dict[str, Any]) -> None:
	"""A file for a record that the user may read, if that is one of the app's, or that is there at all."""
	for doctype, name in _references(
		{"doctype": arguments.get("doctype"), "docname": arguments.get("docname")}
	):
		if doctype in asked.own_doctypes():
			check_read(doctype, name)


# --------------------------------------------------------------------------------------------- the website


def web_like(arguments: dict[str, Any]) -> None:
	doctype, name = _web_reference(arguments)
	if not _is_page(doctype, name):
		asked.refuse(_("Only published pages can be liked."))


def web_comment(arguments: dict[str, Any]) -> None:
	"""Published pages, and what the user may read; signed-in people comment in their own name."""
	doctype, name = _web_reference(arguments)
	user = frappe.session.user
	if not _is_page(doctype, name) and (user == "Guest" or not references.may_read(doctype, name)):
		asked.refuse(_("You may not comment on this record."))
	if user != "Guest":
		frappe.local.form_dict.comment_email = frappe.db.get_value("User", user, "email") or user
		frappe.local.form_dict.comment_by = frappe.utils.get_fullname(user)


def help_article(arguments: dict[str, Any]) -> None:
	if not _is_page("Help Article", str(arguments.get("article") or "")):
		asked.refuse(_("Only published pages can be rated."))


def _web_reference(arguments: dict[str, Any]) -> tuple[str, str]:
	return str(arguments.get("reference_doctype") or ""), str(arguments.get("reference_name") or "")


def _is_page(doctype: str, name: str) -> bool:
	return doctype in PAGES and bool(frappe.db.exists(doctype, {"name": name, PAGES[doctype]: 1}))


def discussion(arguments: dict[str, Any]) -> None:
	"""A topic about a record that the user may read; a reply of one's own."""
	if name := arguments.get("reply_name"):
		own_reply({"reply_name": name})
	topic = arguments.get("topic_name")
	if topic:
		about = frappe.db.get_value(
			"Discussion Topic", str(topic), ["reference_doctype", "reference_docname"]
		)
		if about and about[0] in asked.own_doctypes():
			check_read(*about)
	elif arguments.get("doctype"):
		doctype, name = str(arguments["doctype"]), str(arguments.get("docname") or "")
		if not _is_page(doctype, name):
			check_read(doctype, name)


def own_reply(arguments: dict[str, Any]) -> None:
	owner = frappe.db.get_value("Discussion Reply", str(arguments.get("reply_name") or ""), "owner")
	if owner != frappe.session.user and "System Manager" not in frappe.get_roles():
		asked.refuse(_("Only who wrote it can change it."))


def own_bell(arguments: dict[str, Any]) -> None:
	name = arguments.get("docname")
	if name and frappe.db.get_value("Notification Log", str(name), "for_user") != frappe.session.user:
		asked.refuse(_("This notification is not yours."))


# --------------------------------------------------------------------------------------------- records with links


def expanded_document(arguments: dict[str, Any]) -> None:
	"""A record together with what it links to: not with records of the app that the user may not read in whole."""
	if not frappe.utils.sbool(arguments.get("expand_links")):
		return
	doctype, name = str(arguments.get("doctype") or ""), str(arguments.get("name") or "")
	if not doctype or not frappe.db.exists(doctype, name):
		return
	for target in references.targets_of(frappe.get_doc(doctype, name)):
		_check_whole(*target)


def expanded_list(arguments: dict[str, Any]) -> None:
	"""Lists with what each row links to: only where no such link leads to one of the app's DocTypes."""
	if not arguments.get("expand"):
		return
	for field in asked.parsed(arguments.get("expand")) or []:
		found = frappe.get_meta(str(arguments.get("doctype"))).get_field(str(field))
		if not found or found.fieldtype == "Dynamic Link":
			asked.refuse(_("This link cannot be expanded."))
		elif found.options in asked.own_doctypes():
			_check_whole(found.options, None)


def _check_whole(doctype: str, name: str | None) -> None:
	from msp_licensing.doors import gate

	allowed = references.may_read(doctype, name) if name else gate.may_read(doctype)
	if not allowed or (doctype in asked.own_doctypes() and gate.hidden_fields(doctype)):
		asked.refuse(_("You may not read what this record links to."))
