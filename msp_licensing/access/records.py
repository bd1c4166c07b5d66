"""Licensing Portal User: one record per person and client, made and changed by somebody with licensing rights only."""

import hashlib
from typing import Any

import frappe
from frappe import _
from frappe.utils import cint, escape_html

from msp_licensing import clock, permissions
from msp_licensing.access import roles, whole
from msp_licensing.clients import client_title
from msp_licensing.permissions import ACTIVE, CLIENT_DOCTYPES, REVOKED, TO_CONFIRM, ClientRecord

DOCTYPE = permissions.PORTAL_USER

# The server writes these, whatever a form or a call sends.
_SERVER_FIELDS = (
	"access_key",
	"contact",
	"granted_by",
	"granted_on",
	"revoked_by",
	"revoked_on",
	"source",
)
_RIGHTS = ("may_request", "may_approve")


def key_of(user: str, client_doctype: str, client: str) -> str:
	"""What is unique among the records. Not an index on the fields: merging two clients would run into it."""
	return hashlib.sha256("\n".join((user, client_doctype, client)).encode()).hexdigest()


def find(user: str, client: ClientRecord) -> Any:
	"""The record of a person and a client, whatever its status; None: there is none."""
	name = frappe.db.get_value(
		DOCTYPE, {"user": user, "client_doctype": client.doctype, "client": client.name}
	)
	return frappe.get_doc(DOCTYPE, name) if name else None


def grant(
	user: str,
	client: ClientRecord,
	*,
	may_request: bool = False,
	may_approve: bool = False,
	source: str = "Invitation",
	contact: str | None = None,
) -> Any:
	"""Gives a person access to a client, with these rights and no others, as a decision of the session's user.

	Returns:
		The record, Active. It was made, or taken up again.

	Raises:
		frappe.PermissionError: the session's user has no licensing rights.
		frappe.ValidationError: this person cannot get access; why, in the message. Nothing is left half-made.
	"""
	doc = find(user, client) or frappe.get_doc(
		{"doctype": DOCTYPE, "user": user, "client_doctype": client.doctype, "client": client.name}
	)
	doc.update({"status": ACTIVE, "may_request": int(may_request), "may_approve": int(may_approve)})
	doc.flags.given = {"source": source, "contact": contact}
	with whole():
		return doc.save()


def check(doc: Any) -> None:
	"""Validates a record. What the server knows is written here and taken from nobody.

	Only somebody with licensing rights gets past this, by whatever way: form, REST, import, Web Form or other code with
	`ignore_permissions`. `doc.flags.by_app` is set where the app itself keeps records right (see `access.follow`).
	"""
	before = doc.get_doc_before_save()
	if not doc.flags.by_app:
		permissions.require_manager()
		_keep_server_fields(doc, before)
		_check_client(doc)
	for field in _RIGHTS:
		doc.set(field, cint(doc.get(field)))
	doc.access_key = key_of(doc.user, doc.client_doctype, doc.client)
	doc.client_name = client_title(doc.client_doctype, doc.client)
	_refuse_second(doc)
	_stamp(doc, before)


def _keep_server_fields(doc: Any, before: Any) -> None:
	for field in _SERVER_FIELDS:
		doc.set(field, before.get(field) if before else None)
	if given := doc.flags.given:
		doc.update({field: value for field, value in given.items() if value})
	doc.source = doc.source or "Staff"
	if doc.status == TO_CONFIRM and not (before and before.status == TO_CONFIRM):
		frappe.throw(_("Access is either given or revoked."))


def _check_client(doc: Any) -> None:
	if doc.client_doctype not in CLIENT_DOCTYPES:
		frappe.throw(_("Clients are records of {0}.").format(", ".join(CLIENT_DOCTYPES)))
	permissions.require_client(doc.client_doctype, doc.client)
	frappe.has_permission(doc.client_doctype, "read", doc.client, throw=True)


def _refuse_second(doc: Any) -> None:
	if doc.is_new() and frappe.db.exists(DOCTYPE, {"access_key": doc.access_key}):
		frappe.throw(
			_("{0} has a record for {1} already. Please change that one.").format(
				escape_html(doc.user), escape_html(doc.client_name)
			),
			frappe.DuplicateEntryError,
		)


def _stamp(doc: Any, before: Any) -> None:
	"""Who decided, and when. The times are the site's, for people to read."""
	if doc.flags.by_app:
		return
	was = before.status if before else None
	moved = [field for field in _RIGHTS if not before or cint(before.get(field)) != doc.get(field)]
	if doc.status == ACTIVE and (was != ACTIVE or moved):
		if was != ACTIVE and (why := roles.obstacle(doc.user)):
			frappe.throw(why)
		doc.update({"granted_by": frappe.session.user, "granted_on": clock.site_now()})
		doc.update({"revoked_by": None, "revoked_on": None})
	elif doc.status == REVOKED and was != REVOKED:
		doc.update({"revoked_by": frappe.session.user, "revoked_on": clock.site_now()})


def take_effect(doc: Any) -> None:
	"""Gives and takes the portal roles that follow from a record, and looks whether the person now has what was decided.

	Raises frappe.ValidationError with what is in the way: then nothing of the decision stays.
	"""
	if doc.flags.keep_roles:
		return
	roles.follow(doc.user)
	if doc.status != ACTIVE or doc.flags.by_app:
		return
	rights = permissions.rights_of(doc.user).get(ClientRecord(doc.client_doctype, doc.client))
	if not rights or any(getattr(rights, field) != bool(doc.get(field)) for field in _RIGHTS):
		frappe.throw(
			_("{0} would not see the licenses of {1}. {2}").format(
				escape_html(doc.user), escape_html(doc.client_name), roles.in_the_way(doc.user)
			)
		)


def after_delete(doc: Any) -> None:
	roles.follow(doc.user)


# What can be decided about a record, the status it must have, and the one it gets.
DECISIONS = {
	"Confirm": ((TO_CONFIRM,), ACTIVE),
	"Refuse": ((TO_CONFIRM,), REVOKED),
	"Revoke": ((ACTIVE, TO_CONFIRM), REVOKED),
	"Give Again": ((REVOKED,), ACTIVE),
}


def decide(name: str, action: str) -> Any:
	"""Makes one of DECISIONS as the session's user; returns the record.

	Raises frappe.ValidationError (the record is not in a state for it, or the person cannot get access).
	"""
	doc = frappe.get_doc(DOCTYPE, name, for_update=True)
	doc.check_permission("write")
	expected, status = DECISIONS[action]
	if doc.status not in expected:
		frappe.throw(
			_("This was decided already. The access of {0} is now: {1}.").format(
				escape_html(doc.user), _(doc.status)
			)
		)
	doc.status = status
	return doc.save()
