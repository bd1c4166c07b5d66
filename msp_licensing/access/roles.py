"""The portal roles of a User: kept in step with the records, and looked at where they are not.

Access needs both the record and the role. The record says for which client; the role is what whoever looks after the
site's users knows and can take away at once. A role alone opens nothing, and neither does a record alone.
"""

from typing import Any

import frappe
from frappe import _
from frappe.utils import escape_html

from msp_licensing import permissions
from msp_licensing.access import whole
from msp_licensing.permissions import ACTIVE, APPROVER, CLIENT, PORTAL_ROLES, VIEWER


def wanted(user: str) -> set[str]:
	"""The portal roles that the user's active records ask for, all clients together."""
	rows = frappe.get_all(
		permissions.PORTAL_USER,
		filters={"user": user, "status": ACTIVE},
		fields=["may_request", "may_approve"],
	)
	roles = {CLIENT for row in rows if row.may_request} | {APPROVER for row in rows if row.may_approve}
	return roles or ({VIEWER} if rows else set())


def follow(user: str) -> None:
	"""Gives the user the portal roles that their records ask for, and takes the other portal roles. No other role is touched."""
	if not frappe.db.exists("User", user):
		return
	doc, roles = frappe.get_doc("User", user), wanted(user)
	has = {row.role for row in doc.roles}.intersection(PORTAL_ROLES)
	if has == roles:
		return
	doc.set("roles", [row for row in doc.roles if row.role not in has - roles])
	doc.append_roles(*sorted(roles - has))
	# Managers have no right to users; the record was their decision.
	if roles - has:
		doc.save(ignore_permissions=True)
	else:
		_take(doc, has - roles)


def _take(doc: Any, roles: set[str]) -> None:
	"""Saves a user without `roles`; one that cannot be saved (a Module Profile that is gone) loses them all the same."""
	try:
		with whole():
			doc.save(ignore_permissions=True)
	except frappe.ValidationError:
		frappe.clear_last_message()
	frappe.db.delete("Has Role", {"parenttype": "User", "parent": doc.name, "role": ("in", sorted(roles))})
	frappe.clear_cache(user=doc.name)


def obstacle(user: str) -> str | None:
	"""Why nobody can give this user access to the portal, as HTML; None: nothing is known against it."""
	known = frappe.db.get_value("User", user, ["enabled", "user_type"], as_dict=True)
	if not known or user in ("Guest", "Administrator"):
		return _("{0} cannot be a client's portal user.").format(escape_html(user))
	if known.user_type == "System User":
		return _("{0} works in the desk of this site and cannot be a client's portal user.").format(
			escape_html(user)
		)
	if not known.enabled:
		return _("The account of {0} is disabled. Enable the user first.").format(escape_html(user))
	return None


def in_the_way(user: str) -> str:
	"""What keeps a user with active records from the portal, as HTML, with what to do about it; empty: nothing."""
	if why := obstacle(user):
		return why
	missing = wanted(user) - set(frappe.get_roles(user))
	if not missing:
		return ""
	names = ", ".join(_(role) for role in sorted(missing))
	doc = frappe.get_doc("User", user)
	if profiles := _profiles(doc):
		return _(
			"The Role Profile {0} decides the roles of this user and does not contain {1}. "
			"Add the role to the Role Profile, or take the Role Profile off the user."
		).format(escape_html(", ".join(profiles)), names)
	if disabled := frappe.get_all("Role", {"name": ("in", sorted(missing)), "disabled": 1}, pluck="name"):
		return _("The role {0} is disabled on this site.").format(", ".join(_(role) for role in disabled))
	if not frappe.get_cached_value("User Type", doc.user_type, "is_standard"):
		return _("The User Type {0} decides the roles of this user and does not contain {1}.").format(
			escape_html(doc.user_type), names
		)
	return _(
		"The role {0} was taken from this user. To give it again, save the person's access once more."
	).format(names)


def _profiles(user: Any) -> list[str]:
	"""The Role Profiles of a user: one in Frappe 15, a table in later versions."""
	return [row.role_profile for row in user.get("role_profiles") or []] or list(
		filter(None, [user.get("role_profile_name")])
	)
