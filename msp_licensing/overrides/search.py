"""What the desk finds, for screens that take the answer for markup: texts of this app's records are escaped here."""

import re
from typing import Any

import frappe
from frappe.utils import escape_html

from msp_licensing import staff_guard
from msp_licensing.plain_text import is_own

# What Frappe puts between the fields of a record, and between the label of a field and its value.
_BETWEEN = re.compile(r"( \|\|\| | &&& | : )")


@frappe.whitelist()
def search_link(doctype: str, **kwargs: Any) -> list[dict[str, Any]]:
	"""`frappe.desk.search.search_link`: what a link field offers. `label` is as typed, it goes into the field."""
	from frappe.desk import search

	found = frappe.call(search.search_link, doctype=doctype, **kwargs)
	return [_offer(row) for row in found] if is_own(doctype) else found


def _offer(row: dict[str, Any]) -> dict[str, Any]:
	label = str(row.get("label") or row["value"])
	html = {"html": f"<strong>{escape_html(label)}</strong>"} if escape_html(label) != label else {}
	return {**row, "description": escape_html(row.get("description") or ""), **html}


@frappe.whitelist()
def search_widget(doctype: str, **kwargs: Any) -> Any:
	"""`frappe.desk.search.search_widget`: the rows of the dialogs that records are chosen in."""
	from frappe.desk import search

	found = frappe.call(search.search_widget, doctype=doctype, **kwargs)
	if not is_own(doctype) or not isinstance(found, list | tuple):
		return found
	return [_escaped(row) for row in found]


def _escaped(row: Any) -> Any:
	"""All but the name, which the dialog gives back; no name holds markup."""
	if isinstance(row, dict):
		return {key: value if key == "name" else _html(value) for key, value in row.items()}
	return [row[0], *map(_html, row[1:])]


def _html(value: Any) -> Any:
	return escape_html(value) if isinstance(value, str) else value


@frappe.whitelist()
def search_everywhere(text: str, **kwargs: Any) -> list[Any]:
	"""`frappe.utils.global_search.search`: the search of the whole site."""
	from frappe.utils import global_search

	found = staff_guard.only_seen(frappe.call(global_search.search, text=text, **kwargs))
	for row in found:
		if is_own(row.get("doctype")) and row.get("content"):
			parts = _BETWEEN.split(row["content"])
			row["content"] = "".join(part if at % 2 else escape_html(part) for at, part in enumerate(parts))
	return found
