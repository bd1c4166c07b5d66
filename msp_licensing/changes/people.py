"""Who the groups of people are that notices go to (`notices.py`), as users that can be told at all."""

from collections.abc import Iterable
from typing import Any

import frappe
from frappe.model.document import Document
from frappe.utils import cint

from msp_licensing import permissions
from msp_licensing.changes import notices, states

ADMINISTRATOR = "Administrator"


def group(name: str, doc: Any) -> list[str]:
	"""The enabled users of one of the groups of `notices`, for a request."""
	return {
		notices.REQUESTER: requester,
		notices.COLLEAGUE: colleague,
		notices.CONTACTS: contacts,
		notices.APPROVERS: approvers,
		notices.MANAGERS: managers_for,
	}[name](doc)


def managers(exclude: str | None = None) -> list[str]:
	"""Enabled users with the role Licensing Manager; Administrator only where there is nobody else."""
	return staff_with(permissions.MANAGER, exclude)


def staff_with(role: str, exclude: str | None = None) -> list[str]:
	"""Enabled users with `role`; Administrator only where there is nobody else."""
	users = frappe.get_all("Has Role", filters={"role": role, "parenttype": "User"}, pluck="parent")
	enabled = set(frappe.get_all("User", {"name": ("in", users), "enabled": 1}, pluck="name"))
	enabled -= {exclude}
	return sorted(enabled - {"Administrator"}) or sorted(enabled)


def managers_for(doc: Any) -> list[str]:
	"""The managers who may see a request; where there are none, System Managers who may, else Administrator.

	Of a request that waits the one who made it is left out.
	"""
	made_it = doc.source == "Desk" and doc.workflow_state in states.WAITING
	exclude = doc.requested_by if made_it else None
	everybody = managers(exclude)
	if not everybody:
		return []
	return _who_see(doc, everybody) or _who_see(doc, staff_with("System Manager", exclude)) or [ADMINISTRATOR]


def _who_see(doc: Any, users: list[str]) -> list[str]:
	return [user for user in users if may_see(user, doc)]


def may_see(user: str, doc: Any) -> bool:
	"""Whether a user of the desk may read a request: roles and User Permissions as they are now."""
	document = doc if isinstance(doc, Document) else frappe.get_doc(states.DOCTYPE, doc.name)
	return bool(frappe.has_permission(states.DOCTYPE, "read", document, user=user))


def who_see_all_clients(users: Iterable[str]) -> list[str]:
	"""Those of some staff whom no User Permission restricts to some clients; Administrator where there is nobody."""
	return sorted(user for user in users if not permissions.is_restricted(user)) or [ADMINISTRATOR]


def who_see_client(users: Iterable[str], client_doctype: str, client: str) -> list[str]:
	"""Those of some staff who may see a client; Administrator where there is nobody."""
	seen = [user for user in users if permissions.may_see_client(client_doctype, client, user)]
	return sorted(seen) or [ADMINISTRATOR]


def requester(doc: Any) -> list[str]:
	"""Who asked in the portal, unless that user is gone or does not belong to the client any more."""
	user = doc.requested_by
	return [user] if doc.source == "Portal" and _is_enabled(user) and _belongs(user, doc) else []


def colleague(doc: Any) -> list[str]:
	"""Who asked in the desk, unless that user is gone, has rejected the request alone, or may not see it any more."""
	user = doc.requested_by
	took_it_back = doc.workflow_state == states.REJECTED and doc.decided_by == user
	if doc.source == "Portal" or took_it_back or not _is_enabled(user):
		return []
	return [user] if may_see(user, doc) else []


def _is_enabled(user: str | None) -> bool:
	return bool(user and frappe.db.get_value("User", user, "enabled"))


def contacts(doc: Any) -> list[str]:
	"""The client's other portal users, where the settings say so.

	Where the one who asked cannot be told any more, those who may ask for changes are told instead. Of what staff
	asked for, a client reads nothing until it is applied.
	"""
	if doc.source == "Portal":
		if not requester(doc):
			return permissions.client_requesters(doc.client_doctype, doc.client, besides=doc.requested_by)
	elif doc.workflow_state != states.APPLIED:
		return []
	if not cint(frappe.db.get_single_value("Licensing Settings", "tell_other_contacts")):
		return []
	if permissions.client_disabled(doc.client_doctype, doc.client):
		return []  # who asked learns what became of it; nobody else is written to
	return permissions.users_of(doc.client_doctype, doc.client, besides=doc.requested_by)


def approvers(doc: Any) -> list[str]:
	"""The client's own approvers, without the one who asked: nobody approves their own request."""
	return permissions.client_approvers(doc.client_doctype, doc.client, besides=doc.requested_by)


def decided_by_client(doc: Any) -> bool:
	"""Whether the request was declined by the client's own approver."""
	return bool(cint(doc.client_declined))


def _belongs(user: str, doc: Any) -> bool:
	return permissions.ClientRecord(doc.client_doctype, doc.client) in permissions.clients_of(user)
