"""Access to the portal is a record of its own now (Licensing Portal User), where it was a link in a Contact.

A link becomes active access only where an invitation has left its traces: a licensing manager wrote the link, and within
seconds the same person gave the user a portal role, and no other client fits. Everything else is listed for a manager to
confirm, and gives no access until then. Links in Contacts that users own gave no access before, and are left out.
"""

from collections import defaultdict
from typing import Any

import frappe
from frappe.utils import get_datetime

from msp_licensing.access import records
from msp_licensing.permissions import (
	ACTIVE,
	APPROVER,
	CLIENT,
	CLIENT_DOCTYPES,
	MANAGER,
	PORTAL_ROLES,
	TO_CONFIRM,
)

# An invitation writes the Contact first and the user's roles right after it.
LONGEST_INVITATION = 15  # seconds


def execute() -> None:
	links, roles = _links(), _roles()
	managers = set(frappe.get_all("Has Role", {"role": MANAGER, "parenttype": "User"}, pluck="parent"))
	managers.add("Administrator")
	by_user = defaultdict(list)
	for link in links:
		if roles.get(link.user):
			by_user[link.user].append(link)
	for user, found in by_user.items():
		invited = [link for link in found if _is_invitation(link, roles[user], managers)]
		certain = len({(link.link_doctype, link.link_name) for link in invited}) == 1
		# An invitation's link first: it makes the record, and the others of the same client add nothing.
		for link in sorted(found, key=lambda link: link not in invited):
			_make(user, link, {row.role for row in roles[user]}, active=certain and link in invited)


def _links() -> list[Any]:
	contact, link, user = (frappe.qb.DocType(name) for name in ("Contact", "Dynamic Link", "User"))
	return (
		frappe.qb.from_(link)
		.join(contact)
		.on((link.parent == contact.name) & (link.parenttype == "Contact"))
		.join(user)
		.on(contact.user == user.name)
		.select(link.link_doctype, link.link_name, link.owner, link.creation, link.parent)
		.select(user.name.as_("user"))
		.where(contact.owner != contact.user)
		.where(user.name.notin(("Guest", "Administrator")))
		.where(link.link_doctype.isin(CLIENT_DOCTYPES))
		.orderby(user.name, link.creation, link.name)
	).run(as_dict=True)


def _roles() -> dict[str, list[Any]]:
	roles = defaultdict(list)
	for row in frappe.get_all(
		"Has Role",
		{"parenttype": "User", "role": ("in", PORTAL_ROLES)},
		["parent", "role", "owner", "creation"],
	):
		roles[row.parent].append(row)
	return roles


def _is_invitation(link: Any, roles: list[Any], managers: set[str]) -> bool:
	return link.owner in managers and any(
		row.owner == link.owner
		and 0
		<= (get_datetime(row.creation) - get_datetime(link.creation)).total_seconds()
		<= LONGEST_INVITATION
		for row in roles
	)


def _make(user: str, link: Any, roles: set[str], *, active: bool) -> None:
	if not frappe.db.exists(link.link_doctype, link.link_name):
		return
	if frappe.db.exists(
		records.DOCTYPE, {"user": user, "client_doctype": link.link_doctype, "client": link.link_name}
	):
		return
	doc = frappe.get_doc(
		{
			"doctype": records.DOCTYPE,
			"user": user,
			"client_doctype": link.link_doctype,
			"client": link.link_name,
			"may_request": int(CLIENT in roles),
			"may_approve": int(APPROVER in roles),
			"status": ACTIVE if active else TO_CONFIRM,
			"source": "Invitation" if active else "Contact",
			"contact": link.parent,
			"granted_by": link.owner if active else None,
			"granted_on": link.creation if active else None,
		}
	)
	doc.flags.by_app = True
	# The user's roles stay as they are: a role alone opens nothing.
	doc.flags.keep_roles = True
	doc.insert(ignore_permissions=True)
