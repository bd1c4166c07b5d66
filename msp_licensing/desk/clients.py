"""Clients' people: who may look and ask in the portal, invitations, and access that is confirmed, revoked or given again."""

from typing import Any

import frappe
from frappe import _

from msp_licensing import permissions, transactions
from msp_licensing.access import erpnext, invitations, records, roles, whole
from msp_licensing.plain_text import from_html

_FIELDS = (
	"name",
	"user",
	"full_name",
	"status",
	"may_request",
	"may_approve",
	"granted_by",
	"granted_on",
	"revoked_by",
	"revoked_on",
)
_ORDER = {permissions.ACTIVE: 0, permissions.TO_CONFIRM: 1, permissions.REVOKED: 2}


@frappe.whitelist()
def portal_people(client_doctype: str, client: str) -> list[dict[str, Any]]:
	"""The portal users of a client: those with access, those to confirm, and those whose access was revoked.

	Returns:
		Rows with the fields of Licensing Portal User, `enabled`, `last_active`, and `problem`: what keeps somebody with
		access from seeing the licenses, in words; empty: nothing.
	"""
	permissions.require_manager()
	invitations.check_client(client_doctype, client)
	people = frappe.get_all(
		records.DOCTYPE,
		filters={"client_doctype": client_doctype, "client": client},
		fields=list(_FIELDS),
		order_by="full_name, user",
	)
	users = _users([row.user for row in people])
	effective = set(permissions.users_of(client_doctype, client))
	for row in people:
		row.update(users.get(row.user, {"enabled": 0, "last_active": None}))
		row.may_request, row.may_approve = bool(row.may_request), bool(row.may_approve)
		shut_out = row.status == permissions.ACTIVE and row.user not in effective
		row.problem = from_html(roles.in_the_way(row.user)) if shut_out else ""
	return sorted(people, key=lambda row: _ORDER[row.status])


def _users(names: list[str]) -> dict[str, Any]:
	rows = frappe.get_all("User", {"name": ("in", names)}, ["name", "enabled", "last_active"])
	return {row.pop("name"): row for row in rows}


@frappe.whitelist(methods=["POST"])
@transactions.repeated
def invite(
	client_doctype: str,
	client: str,
	email: str,
	first_name: str,
	last_name: str = "",
	access: str = "Only view",
	orders: bool = False,
) -> dict[str, Any]:
	"""Gives a person access to the licenses of one client in the portal.

	Makes a Website User and a Contact as far as they are missing, and a Licensing Portal User, which is what gives
	access: to this client, with these rights. What the person may do for other clients stays as it is.

	Args:
		access: a key of `invitations.ACCESS`.
		orders: whether the person also sees orders and invoices of this Customer in ERPNext's portal.

	Returns:
		`user`, `record` (name of the Licensing Portal User), `new_user`, `mailed`: whether Frappe's welcome mail was
		queued, and `message`.
	"""
	permissions.require_manager()
	record = invitations.check_client(client_doctype, client)
	if permissions.client_disabled(client_doctype, client):
		frappe.throw(_("This client is disabled: enable it before you invite people."))
	if access not in invitations.ACCESS:
		frappe.throw(_("Please choose what this person may do."))
	person = invitations.Person(email, first_name, last_name)
	given, new_user, mailed = invitations.invite(person, record, access, orders=orders)
	return {
		"user": given.user,
		"record": given.name,
		"new_user": new_user,
		"mailed": mailed,
		"message": invitations.outcome(person.email, given.client_name, new_user, mailed),
	}


@frappe.whitelist(methods=["POST"])
@transactions.repeated
def decide_access(names: list | str, action: str) -> list[dict[str, Any]]:
	"""Confirms, refuses, revokes or gives again the access of one or more people, each for itself.

	Args:
		names: of Licensing Portal User, as a list or as JSON.
		action: a key of `records.DECISIONS`.

	Returns:
		A row for each: `name`, `user`, `client`, `ok`, `status` after it, and a `message`: why not, or what is left to do.
	"""
	permissions.require_manager()
	if action not in records.DECISIONS:
		frappe.throw(_("Please choose what to do."))
	names = frappe.parse_json(names)
	if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
		frappe.throw(_("Please choose at least one person."))
	return [_decide_one(name, action) for name in dict.fromkeys(names)]


def _decide_one(name: str, action: str) -> dict[str, Any]:
	told = {"name": name, "user": "", "client": "", "ok": False}
	try:
		with whole():
			doc = records.decide(name, action)
	except (frappe.ValidationError, frappe.PermissionError, frappe.DoesNotExistError) as error:
		frappe.clear_messages()
		return {**told, "message": from_html(str(error)) or _("This is not possible.")}
	told |= {"user": doc.user, "client": doc.client_name, "ok": True, "status": doc.status, "message": ""}
	client = permissions.ClientRecord(doc.client_doctype, doc.client)
	if doc.status == permissions.REVOKED and erpnext.sees_orders(doc.user, client):
		told["message"] = _(
			"Orders and invoices are still shown: take the person out of the Customer's Portal Users to end that."
		)
	return told
