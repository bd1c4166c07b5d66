"""Records of access stay right when clients, users and contacts are renamed, merged or deleted (hooks).

Frappe has changed the references by then. Two records that have become records of the same person and client are made
one, with the rights that both give: a merge is no decision about access, so nobody gains by it.
"""

from typing import Any

import frappe
from frappe import _
from frappe.utils import escape_html

from msp_licensing import permissions
from msp_licensing.access import records, roles
from msp_licensing.permissions import ACTIVE, REVOKED, TO_CONFIRM

DOCTYPE = permissions.PORTAL_USER


def client_made(doc: Any, method: str | None = None) -> None:
	"""A new client of a name that was used before is another client: what is left of old access is removed."""
	_delete({"client_doctype": doc.doctype, "client": doc.name})


def client_changed(doc: Any, method: str | None = None) -> None:
	"""The client's shown name, where it is not its id."""
	title = doc.meta.get_title_field()
	if title != "name" and doc.has_value_changed(title):
		frappe.db.set_value(
			DOCTYPE,
			{"client_doctype": doc.doctype, "client": doc.name},
			"client_name",
			doc.get(title),
			update_modified=False,
		)


def client_renamed(doc: Any, method: str | None, old: str, new: str, merge: bool = False) -> None:
	_settle({"client_doctype": doc.doctype, "client": new})


def client_deleted(doc: Any, method: str | None = None) -> None:
	_delete({"client_doctype": doc.doctype, "client": doc.name})


def user_made(doc: Any, method: str | None = None) -> None:
	"""A new user with an address that was used before is another person."""
	_delete({"user": doc.name})


def user_renamed(doc: Any, method: str | None, old: str, new: str, merge: bool = False) -> None:
	for field in ("granted_by", "revoked_by"):
		frappe.db.set_value(DOCTYPE, {field: old}, field, new, update_modified=False)
	_settle({"user": new})
	roles.follow(new)


def user_deleted(doc: Any, method: str | None = None) -> None:
	_delete({"user": doc.name})


def contact_deleted(doc: Any, method: str | None = None) -> None:
	frappe.db.set_value(DOCTYPE, {"contact": doc.name}, "contact", None, update_modified=False)


def _delete(filters: dict[str, str]) -> None:
	"""Removes records, with the roles that came with them. What they were stands in Deleted Document."""
	for name in frappe.get_all(DOCTYPE, filters, pluck="name"):
		frappe.delete_doc(DOCTYPE, name, ignore_permissions=True, force=True)


def _settle(filters: dict[str, str]) -> None:
	"""Writes the keys of records anew, and makes one of those that have become records of the same person and client."""
	kept: dict[str, Any] = {}
	for name in frappe.get_all(DOCTYPE, filters, order_by="creation, name", pluck="name"):
		doc = frappe.get_doc(DOCTYPE, name)
		key = records.key_of(doc.user, doc.client_doctype, doc.client)
		if key not in kept:
			kept[key] = doc
			continue
		_join(kept[key], doc)
	for key, doc in kept.items():
		if doc.access_key != key:
			_save(doc)


def _join(doc: Any, other: Any) -> None:
	"""Makes `doc` say what both say, and removes `other`: access and rights are kept only where both give them."""
	status = _stricter(doc.status, other.status)
	giver = other if status == other.status != doc.status else doc
	doc.update(
		{
			"status": status,
			"may_request": int(bool(doc.may_request and other.may_request)),
			"may_approve": int(bool(doc.may_approve and other.may_approve)),
			"revoked_by": giver.revoked_by,
			"revoked_on": giver.revoked_on,
		}
	)
	frappe.delete_doc(DOCTYPE, other.name, ignore_permissions=True, force=True)
	_save(doc)
	words = _(
		"Two records of this person and client became one. Rights that only one of them gave were taken."
	)
	doc.add_comment("Info", words)
	frappe.msgprint(f"{escape_html(doc.user)}: {words}", title=_("Portal Users"))


def _stricter(one: str, other: str) -> str:
	return max(one, other, key=(ACTIVE, TO_CONFIRM, REVOKED).index)


def _save(doc: Any) -> None:
	doc.flags.by_app = True
	doc.save(ignore_permissions=True)
