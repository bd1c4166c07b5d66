"""The words of the notices, as Email Templates: made where they are missing, never overwritten, removed with the app."""

import frappe

from msp_licensing.changes import wording
from msp_licensing.changes.notices import TEXTS

DOCTYPE = "Email Template"


def make_email_templates() -> None:
	"""Makes the templates that are missing. What an MSP has reworded stays; a new language is a copy of its own."""
	there = set(frappe.get_all(DOCTYPE, {"name": ("in", list(TEXTS.values()))}, pluck="name"))
	for text, name in TEXTS.items():
		if name in there:
			continue
		subject, message = wording.shipped(text)
		template = frappe.get_doc(
			{
				"doctype": DOCTYPE,
				"subject": subject,
				# The rich text editor would take conditions and links with variables apart.
				"use_html": 1,
				"response_html": f"{{# {', '.join(wording.names(text))} #}}\n{message}",
			}
		)
		template.name = name
		template.flags.name_set = True
		template.insert(ignore_permissions=True)


def remove_email_templates() -> None:
	"""Removes the templates and their copies in other languages, which are of no use without the app."""
	for name in TEXTS.values():
		for found in frappe.get_all(DOCTYPE, {"name": ("like", f"{name}%")}, pluck="name"):
			if found == name or found.startswith(f"{name} ("):
				frappe.delete_doc(DOCTYPE, found, ignore_permissions=True, force=True)
