"""Clients' people: who may look and ask in the portal, and invitations."""

from typing import Any

import frappe
from frappe import _
from frappe.utils import validate_email_address

from msp_licensing import permissions
from msp_licensing.permissions import APPROVER, CLIENT, CLIENT_DOCTYPES, PORTAL_ROLES, VIEWER

# What a person may do in the portal, and the roles that say so.
ACCESS = {
	"Only view": {VIEWER},
	"Request changes": {CLIENT},
	"Approve changes": {APPROVER},
	"Request and approve changes": {CLIENT, APPROVER},
}


@frappe.whitelist()
def portal_people(client_doctype: str, client: str) -> list[dict[str, Any]]:
	"""Users who see the licenses of a client in the portal, with what they may do.

	Returns:
		Rows with `user`, `full_name`, `enabled`, `may_request`, `may_approve` and `last_active`.
	"""
	permissions.require_manager()
	_check_client(client_doctype, client)
	contact, link, user = (frappe.qb.DocType(name) for name in ("Contact", "Dynamic Link", "User"))
	rows = (
		frappe.qb.from_(link)
		.join(contact)
		.on((link.parent == contact.name) & (link.parenttype == "Contact"))
		.join(user)
		.on(contact.user == user.name)
		.select(user.name.as_("user"), user.full_name, user.enabled, user.last_active)
		.where((link.link_doctype == client_doctype) & (link.link_name == client))
		.where(contact.owner != contact.user)
		.distinct()
		.orderby(user.full_name)
	).run(as_dict=True)
	people = []
	for row in rows:
		roles = set(frappe.get_roles(row.user))
		if roles.intersection(PORTAL_ROLES):
			people.append({**row, "may_request": CLIENT in roles, "may_approve": APPROVER in roles})
	return people


@frappe.whitelist(methods=["POST"])
def invite(
	client_doctype: str,
	client: str,
	email: str,
	first_name: str,
	last_name: str = "",
	access: str = "Only view",
) -> dict[str, Any]:
	"""Gives a person access to the licenses of one client in the portal.

	Makes a Website User with the portal roles asked for and a Contact that ties it to the client, as far as they are
	missing. A person gets access to this client and no other; somebody who is known with other rights is refused,
	since the rights of a portal user are the same for all their clients.

	Args:
		access: a key of `ACCESS`.

	Returns:
		`user`, `new_user`, `mailed`: whether Frappe's welcome mail was queued, and `message`.
	"""
	permissions.require_manager()
	_check_client(client_doctype, client)
	if access not in ACCESS:
		frappe.throw(_("Please choose what this person may do."))
	email = validate_email_address(email.strip(), throw=True).lower()
	first_name, last_name = first_name.strip(), last_name.strip()
	if not first_name:
		frappe.throw(_("Please enter a name."))

	roles = ACCESS[access]
	known = frappe.db.get_value("User", {"email": email}, ["name", "user_type", "enabled"], as_dict=True)
	if known:
		_check_known_user(known, roles, permissions.ClientRecord(client_doctype, client))
	contact = _contact_for(email, client_doctype, client, first_name, last_name)
	mailed = False
	if known:
		user = frappe.get_doc("User", known.name)
		_give_roles(user, roles)
	else:
		mailed = _has_outgoing_account()
		user = _make_user(email, first_name, last_name, roles, mailed)
	contact.reload()  # to make or change a user may have changed its Contact, too
	contact.user = user.name
	# The manager may have no right to Contacts; the checks above are the permission.
	contact.save(ignore_permissions=True)
	return {
		"user": user.name,
		"new_user": not known,
		"mailed": mailed,
		"message": _outcome(email, client, bool(known), mailed),
	}


def _outcome(email: str, client: str, known: bool, mailed: bool) -> str:
	if known:
		return _("{0} had an account already and now sees the licenses of {1}.").format(email, client)
	if mailed:
		return _("{0} was invited by mail and sees the licenses of {1} after setting a password.").format(
			email, client
		)
	return _(
		"{0} can see the licenses of {1}. This site sends no mail: ask them to choose “Forgot Password” or set one."
	).format(email, client)


def _check_client(client_doctype: str, client: str) -> None:
	if client_doctype not in CLIENT_DOCTYPES:
		frappe.throw(_("Clients are records of {0}.").format(", ".join(CLIENT_DOCTYPES)))
	frappe.has_permission(client_doctype, "read", client, throw=True)
	if not frappe.db.exists(client_doctype, client):
		frappe.throw(_("There is no client {0}.").format(client), frappe.DoesNotExistError)


def _check_known_user(known: Any, roles: set[str], client: permissions.ClientRecord) -> None:
	if known.user_type == "System User":
		frappe.throw(
			_("{0} works in the desk of this site and cannot be a client's portal user.").format(known.name)
		)
	if not known.enabled:
		frappe.throw(_("The account of {0} is disabled.").format(known.name))
	others = set(permissions.clients_of(known.name)) - {client}
	if others and roles != set(frappe.get_roles(known.name)).intersection(PORTAL_ROLES):
		frappe.throw(
			_(
				"{0} has other rights as a portal user of another client. A person has the same rights for all."
			).format(known.name)
		)


def _give_roles(user: Any, roles: set[str]) -> None:
	"""Gives these portal roles and takes the others: "only view" must not leave the right to ask."""
	if {row.role for row in user.roles}.intersection(PORTAL_ROLES) == roles:
		return
	user.set("roles", [row for row in user.roles if row.role not in PORTAL_ROLES])
	user.append_roles(*sorted(roles))
	# Managers have no right to users; `invite` has checked everything.
	user.save(ignore_permissions=True)


def _contact_for(email: str, client_doctype: str, client: str, first_name: str, last_name: str) -> Any:
	"""A Contact of this client that may be given a user: one that is tied to no other client, else a new one."""
	for name in frappe.get_all(
		"Contact Email", {"email_id": email, "parenttype": "Contact"}, pluck="parent", distinct=True
	):
		contact = frappe.get_doc("Contact", name)
		links = {
			(link.link_doctype, link.link_name)
			for link in contact.links
			if link.link_doctype in CLIENT_DOCTYPES
		}
		# What users own they can write: such Contacts count for nothing (permissions.clients_of).
		if (
			links <= {(client_doctype, client)}
			and contact.owner != email
			and contact.user in (None, "", email)
		):
			if not links:
				contact.append("links", {"link_doctype": client_doctype, "link_name": client})
				contact.save(ignore_permissions=True)
			return contact
	contact = frappe.get_doc(
		{
			"doctype": "Contact",
			"first_name": first_name,
			"last_name": last_name,
			"email_ids": [{"email_id": email, "is_primary": 1}],
			"links": [{"link_doctype": client_doctype, "link_name": client}],
		}
	)
	return contact.insert(ignore_permissions=True)


def _make_user(email: str, first_name: str, last_name: str, roles: set[str], mailed: bool) -> Any:
	user = frappe.get_doc(
		{
			"doctype": "User",
			"email": email,
			"first_name": first_name,
			"last_name": last_name,
			"user_type": "Website User",
			"send_welcome_email": int(mailed),
			"roles": [{"role": role} for role in sorted(roles)],
		}
	)
	user.flags.no_welcome_mail = not mailed
	return user.insert(ignore_permissions=True)


def _has_outgoing_account() -> bool:
	from frappe.email.doctype.email_account.email_account import EmailAccount

	return bool(EmailAccount.find_outgoing(_raise_error=False))
