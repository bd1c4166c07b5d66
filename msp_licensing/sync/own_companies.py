"""The partner's own companies at Pax8 (Pax8 Settings, "Own Company IDs"): no client, so nothing is mapped to one.

Pax8 books there what it cannot assign to a client, and its API does not say which companies these are.
"""

import re
from typing import Any
from uuid import UUID

import frappe
from frappe import _
from frappe.utils import escape_html

COMPANY, SETTINGS = "Pax8 Company", "Pax8 Settings"


def ids_in(text: str | None) -> list[str]:
	"""The company ids in a text, one per line or apart by commas, each once.

	Raises:
		ValueError: one of them is no id of Pax8's; its argument is what was typed.
	"""
	found: dict[str, None] = {}
	for part in re.split(r"[\s,;]+", (text or "").strip()):
		if not part:
			continue
		try:
			found[str(UUID(part))] = None
		except ValueError:
			raise ValueError(part) from None
	return list(found)


def known_ids() -> list[str]:
	"""The ids as they are saved; none where they were saved before anybody checked them and cannot be read."""
	try:
		return ids_in(frappe.db.get_single_value(SETTINGS, "shadow_company_ids"))
	except ValueError:
		return []


def mark() -> None:
	"""Marks the companies of the settings as the partner's own, and no others; does not commit."""
	frappe.db.sql(
		"update `tabPax8 Company` set is_own = (name in %(own)s) where is_own <> (name in %(own)s)",
		{"own": tuple(known_ids()) or ("",)},
	)


def check(ids: list[str]) -> None:
	"""Refuses ids of companies that are mapped to a client: one company cannot be both.

	Raises:
		frappe.ValidationError
	"""
	for row in frappe.get_all(
		COMPANY, {"name": ("in", ids or [""]), "client": ("is", "set")}, ["company_name", "client"]
	):
		frappe.throw(
			_("{0} is mapped to {1}, so it cannot be a company of your own. Unmap it first.").format(
				frappe.bold(escape_html(row.company_name)), frappe.bold(escape_html(row.client))
			)
		)


def names(ids: list[str]) -> list[dict[str, Any]]:
	"""Rows with `id` and `name` of each id; `name` is None where no such company has been read."""
	known = dict(
		frappe.get_all(COMPANY, {"name": ("in", ids or [""])}, ["name", "company_name"], as_list=True)
	)
	return [{"id": one, "name": known.get(one)} for one in ids]
