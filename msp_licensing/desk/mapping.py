"""The company's form: which client record it probably is, and a new one where there is none."""

from typing import Any

import frappe
from frappe import _
from frappe.utils import escape_html, validate_phone_number

from msp_licensing import permissions, transactions
from msp_licensing.clients import site_client_doctype
from msp_licensing.plain_text import document_name
from msp_licensing.sync import mapping
from msp_licensing.sync import own_companies as own

DOCTYPE = "Pax8 Company"


@frappe.whitelist()
def choices(company: str) -> dict[str, Any]:
	"""What the company can be mapped to.

	Returns:
		`doctype` that clients are on this site, `suggestions` (see `sync.mapping.suggestions`), `may_create`: whether
		the user may make a new client record, and `subscriptions`: how many the company has here.
	"""
	permissions.require_connection_manager()
	frappe.has_permission(DOCTYPE, "read", company, throw=True)
	doctype = site_client_doctype()
	is_own = bool(frappe.db.get_value(DOCTYPE, company, "is_own"))
	return {
		"doctype": doctype,
		"suggestions": [] if is_own else mapping.suggestions(company),
		"may_create": not is_own
		and permissions.is_manager()
		and bool(frappe.has_permission(doctype, "create")),
		"subscriptions": frappe.db.count("Pax8 Subscription", {"pax8_company": company, "vanished": 0}),
	}


@frappe.whitelist()
def own_companies(ids: str = "") -> list[dict[str, Any]]:
	"""The partner's own companies by name, for Pax8 Settings.

	Args:
		ids: as they are typed in the form; what is no id is left out.

	Returns:
		Rows with `id` and `name`, which is None where no such company has been read.
	"""
	permissions.require_connection_manager()
	if permissions.is_restricted():
		return []
	try:
		return own.names(own.ids_in(ids))
	except ValueError:
		return []


@frappe.whitelist(methods=["POST"])
@transactions.repeated
def create_client(company: str, client_name: str) -> str:
	"""Makes a client record titled `client_name` and maps the company to it; returns the record's name.

	The user needs the right to create such records; nothing is mapped if it cannot be made.
	"""
	permissions.require_manager()
	doc = frappe.get_doc(DOCTYPE, company)
	doc.check_permission("write")
	if doc.is_own:
		frappe.throw(_("This is your own company (Pax8 Settings), not a client. It cannot be mapped."))
	if doc.client:
		frappe.throw(
			_("{0} is mapped to {1} already.").format(
				escape_html(doc.company_name), escape_html(doc.client_name or doc.client)
			)
		)
	client_name = client_name.strip()
	if not client_name:
		frappe.throw(_("Please enter a name for the client."))
	doctype = site_client_doctype()
	if doctype == "Customer":
		# Frappe makes markup of `<` in a Customer's name, and takes none in the name of a record.
		client_name = document_name(client_name)
		field, values = "customer_name", {"customer_type": "Company"}
	else:
		field, values = "client_name", _phone_of(doc)
	# ERPNext would make a second "Name - 1".
	if frappe.db.exists(doctype, {field: client_name}):
		frappe.throw(
			_("There is a client named {0} already. Please choose it.").format(escape_html(client_name)),
			frappe.DuplicateEntryError,
		)
	client = frappe.get_doc({"doctype": doctype, field: client_name, **values}).insert()
	doc.update({"client_doctype": doctype, "client": client.name})
	doc.save()
	return client.name


def _phone_of(company: Any) -> dict[str, str]:
	"""The company's phone number for an MSP Client; one that Frappe takes for none ("… ext. 12") goes into the notes."""
	phone = (company.phone or "").strip()
	if not phone or validate_phone_number(phone):
		return {"phone": phone}
	return {"notes": _("Phone: {0}").format(phone)}
