"""Every permission rule of the app, in one place. Portal, desk, REST and jobs call these functions.

Staff reach records through DocPerm (`Licensing Manager`, `System Manager`). Portal users reach none, whatever DocPerm
somebody gives them: what they see and do goes through `msp_licensing.portal`, which asks `portal_access`.
"""

from dataclasses import dataclass

import frappe
from frappe import _

MANAGER = "Licensing Manager"
CLIENT = "Licensing Client"
APPROVER = "Licensing Approver"
VIEWER = "Licensing Viewer"
# Any of them opens the portal; a person may have several.
PORTAL_ROLES = (CLIENT, APPROVER, VIEWER)

# DocTypes that can be client records (product decision: ERPNext's Customer, or the app's own MSP Client).
CLIENT_DOCTYPES = ("MSP Client", "Customer")


@dataclass(frozen=True)
class ClientRecord:
	"""The record a client is on this site: `doctype` is "MSP Client" or "Customer"."""

	doctype: str
	name: str


@dataclass(frozen=True)
class PortalAccess:
	"""What a portal user may do, as the server knows it. Nothing in it comes from a request."""

	user: str
	clients: tuple[ClientRecord, ...]
	may_request: bool
	may_approve: bool = False

	def owns(self, client_doctype: str | None, client: str | None) -> bool:
		return bool(client) and ClientRecord(client_doctype or "", client or "") in self.clients


# --------------------------------------------------------------------------------------------- staff
# `frappe.only_for` checks nothing while tests run, so roles are checked here.


def is_manager(user: str | None = None) -> bool:
	"""True for users who may decide requests, map companies, change settings and start syncs."""
	user = user or frappe.session.user
	return user == "Administrator" or MANAGER in frappe.get_roles(user)


def require_manager() -> None:
	if not is_manager():
		frappe.throw(_("Only a Licensing Manager can do this."), frappe.PermissionError)


def require_connection_manager() -> None:
	"""For what touches the Pax8 connection: System Managers set it up, Licensing Managers may test it."""
	if not (is_manager() or "System Manager" in frappe.get_roles()):
		frappe.throw(_("Only a System Manager or a Licensing Manager can do this."), frappe.PermissionError)


def is_system_manager(user: str | None = None) -> bool:
	"""True for users who may set the connection to Pax8 up."""
	user = user or frappe.session.user
	return user == "Administrator" or "System Manager" in frappe.get_roles(user)


def require_system_manager() -> None:
	if not is_system_manager():
		frappe.throw(_("Only a System Manager can do this."), frappe.PermissionError)


def may_open_app() -> bool:
	"""Whether the app's tile is shown on the apps screen."""
	return is_manager() or "System Manager" in frappe.get_roles()


def check_decision(user: str, requested_by: str | None, client_approved_by: str | None = None) -> None:
	"""Whether `user` may approve, as the provider, a request made by `requested_by`.

	Raises frappe.PermissionError. Used by the controller, so that no way of saving goes around it: Frappe itself
	looks at "allow self approval" only in its own workflow action, not on a plain save.
	"""
	if not is_manager(user):
		frappe.throw(_("Only a Licensing Manager can decide this request."), frappe.PermissionError)
	if why := own_request(user, requested_by, client_approved_by):
		frappe.throw(why, frappe.PermissionError)


def own_request(user: str, requested_by: str | None, client_approved_by: str | None = None) -> str | None:
	"""Why a request is the user's own, so that somebody else has to approve it; None: it is not, or that is allowed."""
	if user not in (requested_by, client_approved_by):
		return None
	if frappe.db.get_single_value("Licensing Settings", "allow_self_approval"):
		return None
	if user == requested_by:
		return _("You made this request yourself: another Licensing Manager has to approve it.")
	return _("You approved this request for the client: another Licensing Manager has to approve it.")


def check_client_decision(access: PortalAccess, requested_by: str | None) -> None:
	"""Whether a portal user may decide, for the client, a request made by `requested_by`. No setting allows one's own.

	Raises frappe.PermissionError.
	"""
	if not access.may_approve:
		frappe.throw(_("You cannot approve requests. Please ask your provider."), frappe.PermissionError)
	if access.user == requested_by:
		frappe.throw(
			_("You asked for this yourself: another approver of your company has to decide it."),
			frappe.PermissionError,
		)


# --------------------------------------------------------------------------------------------- portal


def clients_of(user: str) -> tuple[ClientRecord, ...]:
	"""The client records a user belongs to, through Contact links (Contact.user → Contact.links).

	Frappe lets every signed-in user create and edit Contacts of their own (role All, if owner). A link that users
	could have given themselves therefore counts for nothing: Contacts owned by the user are left out, and
	`guard_contact_links` refuses such links when they are written.
	"""
	if not user or user in ("Guest", "Administrator"):
		return ()
	contact, link = frappe.qb.DocType("Contact"), frappe.qb.DocType("Dynamic Link")
	rows = (
		frappe.qb.from_(link)
		.join(contact)
		.on((link.parent == contact.name) & (link.parenttype == "Contact"))
		.select(link.link_doctype, link.link_name)
		.where(contact.user == user)
		.where(contact.owner != user)
		.where(link.link_doctype.isin(CLIENT_DOCTYPES))
		.distinct()
		.orderby(link.link_doctype, link.link_name)
	).run()
	return tuple(ClientRecord(doctype, name) for doctype, name in rows if name)


def portal_access(user: str | None = None) -> PortalAccess:
	"""What the session's user may see and do in the portal.

	Raises frappe.PermissionError for Guests and for users without a portal role. A user with a role and no client
	gets an access with no clients: the page says so in words.
	"""
	user = user or frappe.session.user
	if user == "Guest":
		frappe.throw(_("Please sign in to see your licenses."), frappe.PermissionError)
	roles = set(frappe.get_roles(user)) if user != "Administrator" else set()
	if not roles.intersection(PORTAL_ROLES):
		frappe.throw(
			_("Your account has no access to licensing. Please ask your provider."), frappe.PermissionError
		)
	return PortalAccess(
		user=user, clients=clients_of(user), may_request=CLIENT in roles, may_approve=APPROVER in roles
	)


def users_of(
	client_doctype: str | None, client: str | None, *roles: str, besides: str | None = None
) -> list[str]:
	"""Enabled users with one of `roles` who belong to a client, but for `besides`: `clients_of` from the other side."""
	if not client_doctype or not client:
		return []
	contact, link, role, user = (
		frappe.qb.DocType(name) for name in ("Contact", "Dynamic Link", "Has Role", "User")
	)
	found = (
		frappe.qb.from_(link)
		.join(contact)
		.on((link.parent == contact.name) & (link.parenttype == "Contact"))
		.join(user)
		.on(contact.user == user.name)
		.join(role)
		.on((role.parent == user.name) & (role.parenttype == "User") & role.role.isin(roles))
		.select(user.name)
		.where((link.link_doctype == client_doctype) & (link.link_name == client))
		.where((contact.owner != contact.user) & (user.enabled == 1))
		.where(user.name.notin(("Guest", "Administrator", besides or "")))
		.distinct()
		.orderby(user.name)
	).run(pluck=True)
	return list(found)


def client_approvers(client_doctype: str | None, client: str | None, besides: str | None = None) -> list[str]:
	"""Enabled users who may decide requests for a client, but for `besides` (who asked). Contacts count as above."""
	return users_of(client_doctype, client, APPROVER, besides=besides)


def guard_contact_links(doc, method: str | None = None) -> None:
	"""Hook on Contact: nobody but staff ties a Contact to a client record, or a user to such a Contact.

	Raises frappe.PermissionError. Without it a portal user could make a Contact of their own, link it to somebody
	else's client record, and read that client's licenses.
	"""
	if not is_website_user(frappe.session.user):
		return
	before = doc.get_doc_before_save()
	client_links = _client_links(doc)
	if client_links - (_client_links(before) if before else set()):
		frappe.throw(_("Only your provider can link a contact to a client."), frappe.PermissionError)
	user_before = before.user if before else None
	if client_links and (doc.user or None) != (user_before or None):
		frappe.throw(_("Only your provider can change the user of this contact."), frappe.PermissionError)


def _client_links(contact) -> set[tuple[str, str]]:
	return {
		(link.link_doctype, link.link_name) for link in contact.links if link.link_doctype in CLIENT_DOCTYPES
	}


def is_website_user(user: str) -> bool:
	"""Whether the user has no desk. Guests count: a sign-up runs as Guest."""
	if user == "Administrator":
		return False
	return user == "Guest" or frappe.get_cached_value("User", user, "user_type") != "System User"


# --------------------------------------------------------------------------------------------- hooks


def staff_only_conditions(user: str | None = None, doctype: str | None = None) -> str:
	"""Lists of the app's DocTypes are empty for portal users, also where somebody gave them a DocPerm.

	A DocPerm would show more than its level allows: of two neighbouring columns of a higher level, Frappe 15 takes
	only the first out of a list. v15 joins conditions with "and" without brackets, so this one has its own.
	"""
	return "(1=0)" if is_website_user(user or frappe.session.user) else ""


def has_staff_permission(doc, ptype: str | None = None, user: str | None = None, **kwargs) -> bool | None:
	"""The same for single documents. None: no opinion, staff have what their DocPerms give."""
	return False if is_website_user(user or frappe.session.user) else None
