"""Names of Pax8 that were stored as HTML become plain text again.

The sync wrote a name with `<` and `>` through Frappe's sanitizer, so "Smith & <Sons>" was stored as
"Smith &amp; &lt;Sons&gt;", and copied so to requests and to clients made from a company. The next sync reads the rows again and has the last word.
What people typed themselves (notes, reasons) is left alone: nobody can tell what they meant.
"""

from html import escape, unescape

import frappe

from msp_licensing.plain_text import document_name

NAMES = {
	"Pax8 Company": ("company_name", "street", "city", "state_or_province"),
	"Pax8 Product": ("product_name", "vendor", "short_description"),
	"Pax8 Subscription": ("product_name", "vendor"),
	"Pax8 Subscription Change": ("product_name",),
	"License Change Request": ("product_name", "vendor"),
}


def execute() -> None:
	clients = _clients_named_by_a_company()
	for doctype, fields in NAMES.items():
		for field in fields:
			_unescape(doctype, field)
	for client in clients:
		_rename(client)


def plain(stored: str | None) -> str | None:
	"""The text of which Frappe 15's sanitizer made `stored`; None where it did not."""
	text = unescape(stored or "")
	made = "<" in text and ">" in text and escape(text, quote=False) == stored
	return text if made and text != stored else None


def _unescape(doctype: str, field: str) -> None:
	for row in frappe.get_all(doctype, filters={field: ("like", "%&%;%")}, fields=["name", field]):
		if text := plain(row[field]):
			values = {field: text}
			if frappe.get_meta(doctype).has_field("fingerprint"):
				values["fingerprint"] = None
			frappe.db.set_value(doctype, row.name, values, update_modified=False)


def _clients_named_by_a_company() -> list[str]:
	rows = frappe.get_all(
		"Pax8 Company",
		filters={"client_doctype": "MSP Client", "company_name": ("like", "%&%;%")},
		fields=["company_name", "client"],
	)
	names = {row.client: row.company_name for row in rows if plain(row.company_name)}
	return [
		client
		for client, company_name in names.items()
		if frappe.db.get_value("MSP Client", client, "client_name") == company_name
	]


def _rename(client: str) -> None:
	text = plain(frappe.db.get_value("MSP Client", client, "client_name"))
	if text is None or frappe.db.exists("MSP Client", document_name(text)):
		return
	name = frappe.rename_doc("MSP Client", client, document_name(text), force=True, show_alert=False)
	frappe.db.set_value("MSP Client", name, "client_name", text, update_modified=False)
