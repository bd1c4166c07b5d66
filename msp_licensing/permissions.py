"""Every permission rule of the app, in one place. Portal, desk, REST and jobs call these functions.

Staff reach records through DocPerm (`Licensing Manager`, `System Manager`). Portal users reach none, whatever DocPerm
somebody gives them: what they see and do goes through `msp_licensing.portal`, which asks `portal_access`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import frappe
from frappe import _

from msp_licensing import restrictions
from msp_licensing.clients import CLIENT_DOCTYPES, ClientRecord, client_disabled
from msp_licensing.frappe_version import NO_OBJECTION
from msp_licensing.restrictions import (
	is_restricted,
	manager_clients,
	may_see_client,
	require_all_clients,
	require_client,
)

__all__ = [
	"CLIENT_DOCTYPES",
	"ClientRecord",
	"client_disabled",
	"is_restricted",
	"manager_clients",
	"may_see_client",
	"require_all_clients",
	"require_client",
]

MANAGER = "Licensing Manager"
CLIENT = "Licensing Client"
APPROVER = "Licensing Approver"
VIEWER = "Licensing Viewer"
# Any of them opens the portal; a person may have several.
PORTAL_ROLES = (CLIENT, APPROVER, VIEWER)

# One record per person and client, written by msp_licensing.access; only active ones give access.
PORTAL_USER = "Licensing Portal User"
ACTIVE, TO_CONFIRM, REVOKED = "Active", "To Confirm", "Revoked"


@dataclass(frozen=True)
class ClientRights:
	"""What a portal user may do for one client. Everybody with access may look."""

	may_request: bool = False
	may_approve: bool = False


@dataclass(frozen=True)
class PortalAccess:
	"""What a portal user may do, as the server knows it. Nothing in it comes from a request."""

	user: str
	rights: Mapping[ClientRecord, ClientRights]
	roles: frozenset[str] = frozenset()

	@property
	def clients(self) -> tuple[ClientRecord, ...]:
		return tuple(self.rights)

	def owns(self, client_doctype: str | None, client: str | None) -> bool:
		return bool(client) and ClientRecord(client_doctype or "", client or "") in self.rights

	def may_request_for(self, client_doctype: str | None, client: str | None) -> bool:
		"""Whether the user may ask for changes of this client; True for one of several clients says nothing of another."""
		return self._rights(client_doctype, client).may_request

	def may_approve_for(self, client_doctype: str | None, client: str | None) -> bool:
		"""Whether the user decides, for this client, what colleagues ask for."""
		return self._rights(client_doctype, client).may_approve

	def _rights(self, client_doctype: str | None, client: str | None) -> ClientRights:
		return self.rights.get(ClientRecord(client_doctype or "", client or ""), ClientRights())


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


def check_client_decision(
	access: PortalAccess, client_doctype: str, client: str, requested_by: str | None
) -> None:
	"""Whether a portal user may decide, for the client, a request made by `requested_by`. No setting allows one's own.

	Raises frappe.PermissionError.
	"""
	require_approver(access, client_doctype, client)
	if access.user == requested_by:
		frappe.throw(
			_("You asked for this yourself: another approver of your company has to decide it."),
			frappe.PermissionError,
		)


def require_approver(access: PortalAccess, client_doctype: str | None, client: str | None) -> None:
	"""Raises frappe.PermissionError unless the portal user decides for this client."""
	if not access.may_approve_for(client_doctype, client):
		require_approver_role(access, refuse=True)


def require_approver_role(access: PortalAccess, *, refuse: bool = False) -> None:
	"""Whether the user decides for any client at all; asked before anything is said about a record."""
	if refuse or APPROVER not in access.roles:
		frappe.throw(_("You cannot approve requests. Please ask your provider."), frappe.PermissionError)


def require_requester(access: PortalAccess, client_doctype: str | None, client: str | None) -> None:
	"""Raises frappe.PermissionError unless the portal user may ask for changes of this client."""
	if not access.may_request_for(client_doctype, client):
		require_requester_role(access, refuse=True)


def require_requester_role(access: PortalAccess, *, refuse: bool = False) -> None:
	"""Whether the user may ask for changes of any client at all; asked before anything is said about a record."""
	if refuse or CLIENT not in access.roles:
		frappe.throw(_("You can look at your licenses, but not change them."), frappe.PermissionError)


# --------------------------------------------------------------------------------------------- portal


def rights_of(user: str) -> dict[ClientRecord, ClientRights]:
	"""The clients a user belongs to, with what the user may do for each.

	Access comes from active records of Licensing Portal User and from nothing else: neither an entry in the address book
	nor a mail address gives any. Both the record and the portal role are needed (see `access.roles`).
	"""
	if not user or user in ("Guest", "Administrator"):
		return {}
	roles = set(frappe.get_roles(user))
	if not roles.intersection(PORTAL_ROLES):
		return {}
	record, account = frappe.qb.DocType(PORTAL_USER), frappe.qb.DocType("User")
	rows = (
		frappe.qb.from_(record)
		.join(account)
		.on(record.user == account.name)
		.select(record.client_doctype, record.client, record.may_request, record.may_approve)
		.where((account.name == user) & (account.enabled == 1) & (record.status == ACTIVE))
		.where(record.client_doctype.isin(CLIENT_DOCTYPES))
		.orderby(record.client_doctype, record.client)
	).run(as_dict=True)
	return {
		ClientRecord(row.client_doctype, row.client): ClientRights(
			may_request=bool(row.may_request and CLIENT in roles),
			may_approve=bool(row.may_approve and APPROVER in roles),
		)
		for row in rows
	}


def clients_of(user: str) -> tuple[ClientRecord, ...]:
	"""The client records a user belongs to: see `rights_of`."""
	return tuple(rights_of(user))


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
	return PortalAccess(user=user, rights=rights_of(user), roles=frozenset(roles.intersection(PORTAL_ROLES)))


def users_of(client_doctype: str | None, client: str | None, *, besides: str | None = None) -> list[str]:
	"""Enabled users who belong to a client, but for `besides`: `rights_of` from the other side."""
	return _users(client_doctype, client, besides, PORTAL_ROLES)


def client_requesters(
	client_doctype: str | None, client: str | None, besides: str | None = None
) -> list[str]:
	"""Enabled users who may ask for changes of a client, but for `besides`."""
	return _users(client_doctype, client, besides, (CLIENT,), "may_request")


def client_approvers(client_doctype: str | None, client: str | None, besides: str | None = None) -> list[str]:
	"""Enabled users who may decide requests for a client, but for `besides` (who asked). Of a disabled client: nobody."""
	if client_disabled(client_doctype, client):
		return []
	return _users(client_doctype, client, besides, (APPROVER,), "may_approve")


def _users(
	client_doctype: str | None,
	client: str | None,
	besides: str | None,
	roles: tuple[str, ...],
	right: str = "",
) -> list[str]:
	if not client or client_doctype not in CLIENT_DOCTYPES:
		return []
	record, role, user = (frappe.qb.DocType(name) for name in (PORTAL_USER, "Has Role", "User"))
	query = (
		frappe.qb.from_(record)
		.join(user)
		.on(record.user == user.name)
		.join(role)
		.on((role.parent == user.name) & (role.parenttype == "User") & role.role.isin(roles))
		.select(user.name)
		.where((record.client_doctype == client_doctype) & (record.client == client))
		.where((record.status == ACTIVE) & (user.enabled == 1))
		.where(user.name.notin(("Guest", "Administrator", besides or "")))
		.distinct()
		.orderby(user.name)
	)
	if right:
		query = query.where(record[right] == 1)
	return list(query.run(pluck=True))


def is_website_user(user: str) -> bool:
	"""Whether the user has no desk. Guests count: a sign-up runs as Guest."""
	if user == "Administrator":
		return False
	return user == "Guest" or frappe.get_cached_value("User", user, "user_type") != "System User"


# --------------------------------------------------------------------------------------------- hooks


def staff_only_conditions(user: str | None = None, doctype: str | None = None) -> str:
	"""Lists of the app's DocTypes: empty for portal users, also where somebody gave them a DocPerm; for staff, with the
	clients that their User Permissions name.

	A DocPerm would show more than its level allows: of two neighbouring columns of a higher level, Frappe 15 takes
	only the first out of a list. v15 joins conditions with "and" without brackets, so this one has its own.
	"""
	user = user or frappe.session.user
	if is_website_user(user):
		return "(1=0)"
	return restrictions.conditions(user, doctype) if doctype else ""


def has_staff_permission(doc, ptype: str | None = None, user: str | None = None, **kwargs) -> bool | None:
	"""The same for single documents. No objection: staff have what their DocPerms give."""
	user = user or frappe.session.user
	if is_website_user(user) or restrictions.forbids(doc, ptype, user):
		return False
	return NO_OBJECTION


def refuse_share(doc, method: str | None = None) -> None:
	"""Hook on DocShare: to share a record of the app gives nobody a right.

	Frappe lets a share go past DocPerm, User Permissions and the hooks above. Whoever is to see a record gets a role.
	"""
	if frappe.db.get_value("DocType", doc.share_doctype, "module", cache=True) != "MSP Licensing":
		return
	if not any(doc.get(right) for right in ("read", "write", "submit", "share")):
		return
	doc.update({"read": 0, "write": 0, "submit": 0, "share": 0})
	if not is_website_user(frappe.session.user):
		frappe.msgprint(
			_(
				"Records of MSP Licensing cannot be shared: give the user a role, and User Permissions for clients."
			),
			alert=True,
		)
