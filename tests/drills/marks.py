"""Marks: text and numbers that stand nowhere else, planted into every row of the app and of what refers to it."""

from dataclasses import dataclass, field
from typing import Any

TEXTS = ("Data", "Small Text", "Text", "Long Text", "Text Editor", "Code", "JSON", "HTML Editor")
NUMBERS = ("Currency", "Float")
# Client A's own rows have another mark: its people may see some of them.
OTHERS, OWN, COST = "BRAVO", "ALPHA", 7_654_321.0
KEYS = frozenset(("name", "owner", "modified_by", "parent", "parenttype", "parentfield"))
# They decide what a row is.
KEPT = frozenset(("unique_key", "open_key", "problem_key", "event_hash", "event_key", "hash"))


@dataclass
class Marks:
	"""What nobody without the right may be shown, and where it was planted."""

	others: list[str] = field(default_factory=list)
	own: list[str] = field(default_factory=list)
	names: list[str] = field(default_factory=list)

	def shown(self, text: str, *, client: bool) -> list[str]:
		"""The marks in an answer that its reader must not see; people of client A may see its own texts."""
		found = [mark for mark in (OTHERS, "7654321", "7,654,321") if mark in text]
		if not client and OWN in text:
			found.append(OWN)
		return found


def plant(frappe: Any, client: str) -> Marks:
	"""Writes marks into all rows of the app's tables, and into what Frappe keeps about them. The caller rolls back.

	Args:
		client: client A; the rows of everybody else are "others".
	"""
	marks = Marks()
	for doctype in frappe.get_all("DocType", {"module": "MSP Licensing", "issingle": 0}, pluck="name"):
		meta = frappe.get_meta(doctype)
		for row in frappe.get_all(doctype, fields=["name"], limit_page_length=40):
			own = meta.has_field("client") and frappe.db.get_value(doctype, row.name, "client") == client
			own = own or (doctype, row.name) == ("MSP Client", client)
			if doctype == "Pax8 Usage Line":  # it is whose its group is
				group = frappe.db.get_value(doctype, row.name, "resource_group")
				own = frappe.db.get_value("Pax8 Resource Group", group, "client") == client
			values = _values(meta, OWN if own else OTHERS)
			if values:
				frappe.db.set_value(doctype, row.name, values, update_modified=False)
			(marks.own if own else marks.others).append(f"{doctype}/{row.name}")
			if not own:
				marks.names.append(str(row.name))
	frappe.db.set_single_value("Pax8 Settings", "last_error", OTHERS) if frappe.get_meta(
		"Pax8 Settings"
	).has_field("last_error") else None
	return marks


def _values(meta: Any, mark: str) -> dict[str, Any]:
	values: dict[str, Any] = {}
	for field_ in meta.fields:
		if field_.fieldname in KEYS | KEPT or field_.fieldname.endswith("_key") or field_.unique:
			continue
		short = field_.fieldtype == "Data" and 0 < int(field_.length or 140) < 20
		if field_.fieldtype in TEXTS and not field_.options and not short:
			text = f"{mark}{len(values)}x"
			values[field_.fieldname] = f'{{"x": "{text}"}}' if field_.fieldtype == "JSON" else text
		elif field_.fieldtype in NUMBERS and field_.permlevel:
			values[field_.fieldname] = COST
	return values


def plant_about(frappe: Any, doctype: str, name: str, reader: str) -> dict[str, str]:
	"""What people and Frappe keep about a record: a bell entry, a ToDo, a comment, a file, and more; by DocType."""
	rows: list[dict[str, Any]] = [
		{
			"doctype": "Notification Log",
			"subject": OTHERS,
			"email_content": OTHERS,
			"for_user": reader,
			"document_type": doctype,
			"document_name": name,
			"type": "Alert",
		},
		{
			"doctype": "ToDo",
			"description": OTHERS,
			"allocated_to": reader,
			"assigned_by": reader,
			"reference_type": doctype,
			"reference_name": name,
			"status": "Open",
			"priority": "Medium",
		},
		{
			"doctype": "Comment",
			"comment_type": "Comment",
			"content": OTHERS,
			"reference_doctype": doctype,
			"reference_name": name,
		},
		{
			"doctype": "Communication",
			"communication_type": "Communication",
			"communication_medium": "Email",
			"subject": OTHERS,
			"content": OTHERS,
			"reference_doctype": doctype,
			"reference_name": name,
			"status": "Linked",
		},
		{"doctype": "Version", "ref_doctype": doctype, "docname": name, "data": f'{{"x": "{OTHERS}"}}'},
		{
			"doctype": "File",
			"file_name": f"{OTHERS}.txt",
			"file_url": f"/private/files/{OTHERS}.txt",
			"is_private": 1,
			"attached_to_doctype": doctype,
			"attached_to_name": name,
			"content_hash": "c0ffee",
		},
	]
	made = {}
	for row in rows:
		doc = frappe.get_doc(row)
		doc.name = frappe.generate_hash(length=10)
		doc.flags.name_set = True
		doc.db_insert()
		made[row["doctype"]] = doc.name
	return made
