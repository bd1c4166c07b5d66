"""Currencies as people type and choose them. Frappe lets few roles read Currency, so the app's fields are no links to it."""

from collections.abc import Iterable
from typing import Any

import frappe
from frappe import _
from frappe.utils import escape_html

DOCTYPE = "Currency"


def enabled() -> list[str]:
	"""The codes of the site's enabled currencies, in order: "EUR", "USD"."""
	return frappe.get_all(DOCTYPE, {"enabled": 1}, pluck="name", order_by="name")


def normalize(fieldname: str, docs: Iterable[Any]) -> None:
	"""Writes a currency's code as the site has it.

	Args:
		docs: documents or rows of a table with such a field; it may be empty.

	Raises:
		frappe.ValidationError: the site has no such currency.
	"""
	for doc in docs:
		typed = (doc.get(fieldname) or "").strip()
		found = frappe.db.get_value(DOCTYPE, typed, cache=True) if typed else None
		if typed and not found:
			frappe.throw(_("There is no currency {0}.").format(escape_html(typed[:20])))
		doc.set(fieldname, found)
