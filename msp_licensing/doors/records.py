"""Records of which Frappe gives everybody more than is theirs: bell entries, and the merging of contacts."""

from typing import Any

import frappe
from frappe import _

from msp_licensing.frappe_version import NO_OBJECTION


def own_bell_entry(doc: Any, ptype: str | None = None, user: str | None = None, **kwargs: Any) -> bool | None:
	"""Hook `has_permission` of Notification Log: only its own reader. Lists of it have Frappe's own condition."""
	user = user or frappe.session.user
	if user == "Administrator" or ptype == "create":
		return NO_OBJECTION
	return NO_OBJECTION if doc.for_user == user else False


def check_merge(doc: Any, method: str, old: str, new: str, merge: bool = False) -> None:
	"""Hook before a rename: whoever merges two records has to be allowed to write both.

	Everybody may make Contacts and Addresses and keep their own; merging one's own onto another's changes both.
	Raises frappe.PermissionError.
	"""
	if not merge or frappe.session.user == "Administrator":
		return
	for name in (old, new):
		if not frappe.get_doc(doc.doctype, name).has_permission("write"):
			frappe.throw(_("You may not change both of these records."), frappe.PermissionError)
