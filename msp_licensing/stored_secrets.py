"""Secrets as Frappe keeps them, encrypted in the table `__Auth`: read, missing, or not to be read with this site's key.

After a restore without the encryption key of the old site no secret can be read. Some versions of Frappe raise an error
then, others answer as if there were none, and all of them put a message of their own before the user.
"""

from typing import Any

import frappe
from frappe import _
from frappe.query_builder import Table
from frappe.utils.password import get_decrypted_password


class UnreadableSecret(frappe.ValidationError):
	"""A secret is kept that was encrypted with another key."""


def read(doctype: str, name: str, field: str) -> str | None:
	"""The secret of a password field as it is stored; None if none is.

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
	"""The secret of a document: what has been typed and is not saved yet, else as `read`."""
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
