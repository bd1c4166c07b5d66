"""User Permissions of staff: which clients somebody may see, and the one rule that lists and documents follow.

Frappe applies User Permissions to Link fields only. Clients are Dynamic Links, which it skips, so the app applies them
itself. Whoever has a User Permission for a client (MSP Client or Customer) is restricted to the clients that are named
so: other clients' records do not exist for them, nor do records of no client, such as companies that nobody has mapped.
What concerns every client (settings, the catalog, syncs' logs) is changed by staff without such a restriction.

`Applicable For` narrows a User Permission to one DocType, as it does elsewhere in Frappe.
"""

from typing import Any

import frappe
from frappe import _

from msp_licensing.clients import CLIENT_DOCTYPES, ClientRecord

REQUEST = "License Change Request"
GROUP = "Pax8 Resource Group"
# Records without a client of their own belong to that of the record they are a part of.
PARENTS = (REQUEST, GROUP)
SUBSCRIPTION = "Pax8 Subscription"

# Logs whose texts name records of any client.
FOR_ALL_CLIENTS_ONLY = ("Pax8 Sync Run", "Pax8 Sync Warning", "Pax8 Webhook Event")
# Everybody may read these; to change them is to change something for every client.
CHANGED_FOR_ALL_CLIENTS = ("Licensing Settings", "Pax8 Product")
_READS = ("read", "select", "report", "export", "print", "email")


def manager_clients(user: str | None = None, doctype: str | None = None) -> frozenset[ClientRecord] | None:
	"""The clients that a user of the desk is restricted to by User Permissions.

	Args:
		user: None: the session's.
		doctype: whose records are asked for; `Applicable For` may name it, or the requests that its records are a part
			of. None: any of the app's, for what concerns clients as such.

	Returns:
		None where nothing restricts the user.
	"""
	from frappe.core.doctype.user_permission.user_permission import get_user_permissions

	# Frappe gives descendants along, and nothing for Administrator.
	permissions = get_user_permissions(user or frappe.session.user)
	found = frozenset(
		ClientRecord(client_doctype, row.get("doc"))
		for client_doctype in CLIENT_DOCTYPES
		for row in permissions.get(client_doctype) or ()
		if _applies(row.get("applicable_for"), doctype)
	)
	return found or None


def _applies(applicable_for: str | None, doctype: str | None) -> bool:
	if not applicable_for:
		return True
	if doctype is None:
		return applicable_for in CLIENT_DOCTYPES or _is_of_clients(applicable_for)
	if applicable_for == doctype:
		return True
	parent = applicable_for in PARENTS and _parent_of(doctype)
	return bool(parent) and parent[1] == applicable_for


def is_restricted(user: str | None = None) -> bool:
	"""Whether a user is restricted to some clients, in whatever DocType of the app."""
	return manager_clients(user) is not None


def may_see_client(client_doctype: str | None, client: str | None, user: str | None = None) -> bool:
	allowed = manager_clients(user)
	return allowed is None or ClientRecord(client_doctype or "", client or "") in allowed


def require_client(client_doctype: str | None, client: str | None) -> None:
	"""For functions that are about a client: refuses whoever is restricted to others."""
	if not may_see_client(client_doctype, client):
		frappe.throw(_("Your User Permissions do not include this client."), frappe.PermissionError)


def require_all_clients() -> None:
	"""For what changes something for every client."""
	if is_restricted():
		frappe.throw(
			_("This concerns every client. Your User Permissions restrict you to some of them."),
			frappe.PermissionError,
		)


# --------------------------------------------------------------------------------------------- lists


def conditions(user: str, doctype: str) -> str:
	"""The rule as a condition in SQL, in brackets, on `tab{doctype}`; "" where nothing is restricted."""
	allowed = manager_clients(user, doctype)
	if allowed is None:
		return ""
	if doctype in FOR_ALL_CLIENTS_ONLY:
		return "(1=0)"
	if doctype in CLIENT_DOCTYPES:
		return _in(f"`tab{doctype}`.name", [client.name for client in allowed if client.doctype == doctype])
	if _has_client(doctype):
		return _of_clients(doctype, allowed)
	if found := _parent_of(doctype):
		link, parent = found
		theirs = _of_clients(parent, allowed)
		return f"(`tab{doctype}`.`{link}` in (select name from `tab{parent}` where {theirs}))"
	return ""


def workflow_action_conditions(user: str | None = None) -> str:
	"""Hook on Workflow Action: no to-dos for requests of clients that the user may not see."""
	if not (wanted := conditions(user or frappe.session.user, REQUEST)):
		return ""
	return (
		f"(`tabWorkflow Action`.reference_doctype != '{REQUEST}' or `tabWorkflow Action`.reference_name in "
		f"(select name from `tab{REQUEST}` where {wanted}))"
	)


def _of_clients(doctype: str, allowed: frozenset[ClientRecord]) -> str:
	table = f"`tab{doctype}`"
	parts = []
	for client_doctype in CLIENT_DOCTYPES:
		if names := sorted(client.name for client in allowed if client.doctype == client_doctype):
			parts.append(f"({table}.client_doctype = '{client_doctype}' and {_in(f'{table}.client', names)})")
	return f"({' or '.join(parts)})" if parts else "(1=0)"


def _in(column: str, names: list[str]) -> str:
	if not names:
		return "(1=0)"
	return f"({column} in ({', '.join(frappe.db.escape(name, percent=False) for name in names)}))"


# --------------------------------------------------------------------------------------------- documents


def forbids(doc: Any, ptype: str | None, user: str) -> bool:
	"""Whether the rule keeps a user from a document of the app."""
	allowed = manager_clients(user, doc.doctype)
	if allowed is None and not (doc.doctype in CHANGED_FOR_ALL_CLIENTS and is_restricted(user)):
		return False
	if doc.doctype in CHANGED_FOR_ALL_CLIENTS:
		return (ptype or "read") not in _READS
	if doc.doctype in FOR_ALL_CLIENTS_ONLY:
		return True
	owners = _clients_of(doc)
	return owners is not None and not owners <= allowed


def _clients_of(doc: Any) -> set[ClientRecord] | None:
	"""The clients a document belongs to: as it is stored, and as it is about to be saved. None: the rule has no say."""
	if doc.doctype in CLIENT_DOCTYPES:
		return {ClientRecord(doc.doctype, doc.name or "")}
	stored = not doc.is_new()
	if _has_client(doc.doctype):
		# A new request gets its client from its subscription, after this question.
		is_new_request = doc.doctype == REQUEST and not stored
		rows = [_client_of(SUBSCRIPTION, doc.get("subscription")) if is_new_request else doc]
		if stored:
			rows.append(_client_of(doc.doctype, doc.name))
	elif found := _parent_of(doc.doctype):
		link, parent = found
		names = {
			doc.get(link),
			frappe.db.get_value(doc.doctype, doc.name, link) if stored else doc.get(link),
		}
		rows = [_client_of(parent, name) for name in names]
	else:
		return None
	return {ClientRecord(row.get("client_doctype") or "", row.get("client") or "") for row in rows}


def _client_of(doctype: str, name: str | None) -> Any:
	found = name and frappe.db.get_value(doctype, name, ["client_doctype", "client"], as_dict=True)
	return found or frappe._dict()


# --------------------------------------------------------------------------------------------- DocTypes


def _is_of_clients(doctype: str) -> bool:
	"""Whether a DocType's records belong to clients."""
	if not frappe.db.exists("DocType", doctype, cache=True):
		return False
	return _has_client(doctype) or _parent_of(doctype) is not None


def _has_client(doctype: str) -> bool:
	meta = frappe.get_meta(doctype)
	field = meta.get_field("client")
	return bool(field and field.fieldtype == "Dynamic Link" and field.options == "client_doctype")


def _parent_of(doctype: str) -> tuple[str, str] | None:
	"""The field that ties a DocType's records to a request or a resource group, and that DocType. None for others, and
	for those with a client of their own.
	"""
	if _has_client(doctype) or doctype in PARENTS:
		return None
	for parent in PARENTS:
		if fields := frappe.get_meta(doctype).get("fields", {"fieldtype": "Link", "options": parent}):
			return fields[0].fieldname, parent
	return None
