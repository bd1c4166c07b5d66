"""Reads secrets from Frappe's table `__Auth`, and tells a missing secret from one that this site's key cannot decrypt.

After a restore without the old site's encryption key, no secret can be decrypted. Frappe 15.44 then raises an error. Later
releases return None, as for a missing secret. All of them also show a message of their own.
"""

from typing import Any

import frappe
from frappe import _
from frappe.query_builder import Table
from frappe.utils.password import get_decrypted_password


class UnreadableSecret(frappe.ValidationError):
	"""The stored secret was encrypted with another key."""


def read(doctype: str, name: str, field: str) -> str | None:
	"""Returns the stored secret of a password field, or None if there is none.

	Raises:
		UnreadableSecret: with words for staff.
	"""
	shown = list(frappe.local.message_log)
	try:
		if secret := get_decrypted_password(doctype, name, field, raise_exception=False):
			return secret
	except frappe.ValidationError:
		pass
	frappe.local.message_log = shown
	if _is_kept(doctype, name, field):
		raise UnreadableSecret(
			_("The saved secret cannot be read with this site's encryption key. Enter it again.")
		)
	return None


def of(doc: Any, field: str) -> str | None:
	"""Returns the secret of a document: the typed one if it is not saved yet, else as `read`."""
	typed = doc.get(field)
	return typed if typed and not doc.is_dummy_password(typed) else read(doc.doctype, doc.name, field)


def _is_kept(doctype: str, name: str, field: str) -> bool:
	auth = Table("__Auth")
	rows = (
		frappe.qb.from_(auth)
		.select(auth.password)
		.where((auth.doctype == doctype) & (auth.name == name) & (auth.fieldname == field))
		.where(auth.encrypted == 1)
	).run()
	return any(password for (password,) in rows)
