"""Private files: a File, or a field that names one, may name only what its writer brings or may already read.

Frappe serves a private file to whoever may read any File with its address, and lets everybody make Files. So the address
is looked at when it is written: of a new File (before Frappe reads its content), of a changed one, and of every field
that attaches.
"""

import os
from typing import Any
from urllib.parse import unquote

import frappe
from frappe import _
from frappe.utils import cint

from msp_licensing.frappe_version import NO_OBJECTION

PRIVATE = "/private/files/"


def may_create(doc: Any, ptype: str | None = None, user: str | None = None, **kwargs: Any) -> bool | None:
	"""Hook `has_permission` of File, asked before a new one is filled: what it names has to be readable.

	A File that names nothing brings its content, and Frappe gives that an address of its own.
	"""
	if ptype != "create" or (user or frappe.session.user) == "Administrator":
		return NO_OBJECTION
	named = _named(doc)
	return False if named and not may_read_url(named) else NO_OBJECTION


def _named(doc: Any) -> str | None:
	"""The private file that a File names; None if it brings its content, is public, or is a folder."""
	if doc.get("is_folder"):
		return None
	if url := doc.get("file_url"):
		return str(url) if _is_private(str(url)) else None
	if not doc.get("content") and doc.get("is_private") and doc.get("file_name"):
		return PRIVATE + str(doc.file_name)  # Frappe reads what lies under this name
	return None


def _is_private(url: str) -> bool:
	# Also "//private/files", "/files/../private/files", and addresses of this or any other site: what they mean depends
	# on the Host of a later request.
	plain = unquote(unquote(url)).replace("\\", "/").casefold()
	return "private/" in plain or "/../" in plain or "/./" in plain


def may_read_url(url: str, besides: str | None = None) -> bool:
	"""Whether the user may read a File with this private address, besides the one named. Unusual spellings never."""
	if not _is_private(url):
		return True
	if not url.startswith(PRIVATE) or os.path.normpath(unquote(url)) != unquote(url):
		return False
	filters: dict[str, Any] = {"file_url": ("in", (url, unquote(url)))}
	if besides:
		filters["name"] = ("!=", besides)
	# A file may have many Files; somebody who may read one of them, reads it.
	return any(
		row.file_url in (url, unquote(url)) and frappe.get_doc("File", row.name).has_permission("read")
		for row in frappe.get_all("File", filters=filters, fields=["name", "file_url"])
	)


def check(doc: Any, method: str | None = None) -> None:
	"""Hook on File: what one changes in a File of one's own. Raises frappe.PermissionError."""
	if frappe.session.user == "Administrator" or doc.get("is_folder"):
		return
	before = doc.get_doc_before_save()
	if doc.get("thumbnail_url") and (not before or before.thumbnail_url != doc.thumbnail_url):
		_refuse(not may_read_url(doc.thumbnail_url, doc.name))  # Frappe deletes it together with the File
	if not before:
		return
	named = _named(_as_stored(doc))
	_refuse(bool(named) and named != _named(_as_stored(before)) and not may_read_url(str(named), doc.name))
	if before.content_hash != doc.content_hash:
		# Frappe moves and deletes the files of all Files with one hash.
		_refuse(not _is_hash_of_content(doc))
	if cint(before.is_private) != cint(doc.is_private):
		_refuse(_shared_with_others(before))


def _as_stored(doc: Any) -> Any:
	return frappe._dict(
		file_url=doc.file_url, file_name=doc.file_name, is_private=doc.is_private, is_folder=0, content=None
	)


def _is_hash_of_content(doc: Any) -> bool:
	from frappe.core.doctype.file.utils import get_content_hash

	try:
		with open(doc.get_full_path(), "rb") as file:
			return get_content_hash(file.read()) == doc.content_hash
	except (OSError, frappe.ValidationError):
		return False


def _shared_with_others(doc: Any) -> bool:
	"""Whether another File, that the user may not write, has the same address or content: it would move with this one."""
	if not (doc.file_url or doc.content_hash):
		return False
	either = {key: doc.get(key) for key in ("file_url", "content_hash") if doc.get(key)}
	others = frappe.get_all("File", filters={"name": ("!=", doc.name)}, or_filters=either, pluck="name")
	return any(not frappe.get_doc("File", name).has_permission("write") for name in others)


def check_attached(doc: Any, method: str | None = None) -> None:
	"""Hook on every DocType: a field that attaches a private file gives its readers that file. Raises PermissionError."""
	if frappe.session.user == "Administrator" or doc.doctype == "File":
		return
	fields = doc.meta.get("fields", {"fieldtype": ("in", ("Attach", "Attach Image"))})
	if not fields:
		return
	before = doc.get_doc_before_save()
	for field in fields:
		url = doc.get(field.fieldname)
		if not isinstance(url, str) or url.startswith("data:") or not _is_private(url):
			continue
		if not before or before.get(field.fieldname) != url:
			# Frappe's own addresses may say which of several Files is meant.
			_refuse(not may_read_url(url.split("?fid=")[0]))


def _refuse(wrong: bool) -> None:
	if wrong:
		frappe.throw(_("You may not read this file, so you cannot attach it."), frappe.PermissionError)
