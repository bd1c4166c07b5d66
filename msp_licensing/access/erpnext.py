"""ERPNext's own portal: what a client's person sees there is chosen in the invitation, and nothing is shown otherwise.

ERPNext gives the role Customer to every user whose address stands in a Contact of a Customer. Orders and invoices are
shown to those only who stand in the Customer's *Portal Users*; all others find an empty portal.
"""

from typing import Any

import frappe
from frappe import _

from msp_licensing import permissions
from msp_licensing.permissions import ClientRecord

ROLE = "Customer"


def is_installed() -> bool:
	return "erpnext" in frappe.get_installed_apps()


def show_orders(user: str, client: ClientRecord) -> None:
	"""Shows a person the orders and invoices of a Customer in ERPNext's portal.

	Raises:
		frappe.PermissionError: the session's user may not change the Customer.
		frappe.ValidationError: the client is no Customer of ERPNext.
	"""
	if client.doctype != "Customer" or not is_installed():
		frappe.throw(_("Orders and invoices are shown for Customers of ERPNext only."))
	customer = frappe.get_doc("Customer", client.name)
	customer.check_permission("write")
	if sees_orders(user, client):
		return
	account = frappe.get_doc("User", user)
	account.append_roles(ROLE)
	account.save(ignore_permissions=True)
	customer.append("portal_users", {"user": user})
	customer.save()


def sees_orders(user: str, client: ClientRecord) -> bool:
	"""Whether a person stands in the Portal Users of the Customer."""
	return is_installed() and bool(
		frappe.db.exists("Portal User", {"user": user, "parenttype": client.doctype, "parent": client.name})
	)


def hold_back_role(doc: Any, method: str | None = None) -> None:
	"""Hook on User, before it is saved: ERPNext adds no role Customer to a client's person who stands in no Portal Users.

	A role that somebody has given by hand stays.
	"""
	if frappe.flags.setting_role or not is_installed() or not _is_ours(doc):
		return
	if not frappe.db.exists("Portal User", {"user": doc.name}):
		frappe.flags.setting_role = doc.flags.held_back = True  # ERPNext's own flag: it leaves roles alone


def was_saved(doc: Any, method: str | None = None) -> None:
	"""Hook on User, among those of ERPNext: what comes before, such as the key for a new password, is no end of the save."""
	doc.flags.held_back = doc.flags.held_back and "saved"


def let_go(doc: Any, method: str | None = None) -> None:
	"""Hook on User, at the end of a save: of other users ERPNext takes care as ever."""
	if doc.flags.held_back == "saved":
		frappe.flags.setting_role = doc.flags.held_back = False


def customer_connections(data: dict[str, Any]) -> dict[str, Any]:
	"""The portal users among the connections of a Customer."""
	data = frappe._dict(data or {})
	data["non_standard_fieldnames"] = {
		**(data.get("non_standard_fieldnames") or {}),
		permissions.PORTAL_USER: "client",
	}
	data["dynamic_links"] = {**(data.get("dynamic_links") or {}), "client": ["Customer", "client_doctype"]}
	data["transactions"] = [
		*(data.get("transactions") or []),
		{"label": _("Licensing"), "items": [permissions.PORTAL_USER]},
	]
	return data


def _is_ours(doc: Any) -> bool:
	return bool(doc.flags.invited or frappe.db.exists(permissions.PORTAL_USER, {"user": doc.name}))
