"""Inviting a person: a user, an entry in the address book, and a record that gives access to one client."""

from typing import Any

import frappe
from frappe import _
from frappe.model.naming import append_number_if_name_exists
from frappe.utils import escape_html, validate_email_address

from msp_licensing import links, permissions
from msp_licensing.access import erpnext, records, roles, whole
from msp_licensing.permissions import CLIENT_DOCTYPES, ClientRecord
from msp_licensing.plain_text import document_name

LONGEST = 140  # characters of a name in Frappe

# What a person may do, as the invitation offers it: may request, may approve.
ACCESS = {
	"Only view": (False, False),
	"Request changes": (True, False),
	"Approve changes": (False, True),
	"Request and approve changes": (True, True),
}


class Person:
	"""Who is invited, as typed: cleaned, and refused where Frappe could not keep it."""

	def __init__(self, email: str, first_name: str, last_name: str = "") -> None:
		self.email = validate_email_address(email.strip(), throw=True).lower()
		self.first_name, self.last_name = first_name.strip(), last_name.strip()
		if not self.first_name:
			frappe.throw(_("Please enter a name."))
		if len(self.email) > LONGEST or len(f"{self.first_name} {self.last_name}") > LONGEST:
			frappe.throw(
				_("Please enter a name and an e-mail address of at most {0} characters.").format(LONGEST)
			)


def invite(
	person: Person, client: ClientRecord, access: str, *, orders: bool = False
) -> tuple[Any, bool, bool]:
	"""Gives a person access to one client, with the rights that `access` (a key of ACCESS) says. Not committed.

	Args:
		orders: whether the person also sees the client's orders and invoices in ERPNext's portal.

	Returns:
		The record; whether the user is new; whether Frappe's welcome mail was queued.

	Raises:
		frappe.ValidationError: this person cannot be given access; why, in the message. Nothing is left half-made.
	"""
	may_request, may_approve = ACCESS[access]
	with whole():
		user = frappe.db.get_value("User", {"email": person.email})
		if user and (why := roles.obstacle(user)):
			frappe.throw(why)
		contact = _contact_for(person, client)
		new_user = not user
		mailed = new_user and has_outgoing_account()
		user = user or _make_user(person, mailed)
		contact.reload()  # to make a user may have changed its Contact, too
		if contact.user != user:
			contact.user = user
			# The manager may have no right to Contacts; the checks above are the permission.
			contact.save(ignore_permissions=True)
		record = records.grant(
			user, client, may_request=may_request, may_approve=may_approve, contact=contact.name
		)
		if orders:
			erpnext.show_orders(user, client)
	return record, new_user, mailed


def _contact_for(person: Person, client: ClientRecord) -> Any:
	"""An entry for the person in the client's address book: one that is tied to no other client, else a new one."""
	for name in frappe.get_all(
		"Contact Email", {"email_id": person.email, "parenttype": "Contact"}, pluck="parent", distinct=True
	):
		contact = frappe.get_doc("Contact", name)
		links = {
			(link.link_doctype, link.link_name)
			for link in contact.links
			if link.link_doctype in CLIENT_DOCTYPES
		}
		if links <= {(client.doctype, client.name)} and contact.user in (None, "", person.email):
			if not links:
				contact.append("links", {"link_doctype": client.doctype, "link_name": client.name})
				contact.save(ignore_permissions=True)
			return contact
	contact = frappe.get_doc(
		{
			"doctype": "Contact",
			"first_name": person.first_name,
			"last_name": person.last_name,
			"email_ids": [{"email_id": person.email, "is_primary": 1}],
			"links": [{"link_doctype": client.doctype, "link_name": client.name}],
		}
	)
	return contact.insert(ignore_permissions=True, set_name=_name_of_contact(person, client))


def _name_of_contact(person: Person, client: ClientRecord) -> str | None:
	"""A name where Frappe's own, "Person-Client", is too long or has characters that Frappe refuses; None: its own fits."""
	own = f"{person.first_name} {person.last_name}".strip() + "-" + client.name
	name = document_name(own)[: LONGEST - 10].strip()
	return None if name == own else append_number_if_name_exists("Contact", name)


def _make_user(person: Person, mailed: bool) -> str:
	user = frappe.get_doc(
		{
			"doctype": "User",
			"email": person.email,
			"first_name": person.first_name,
			"last_name": person.last_name,
			"user_type": "Website User",
			"send_welcome_email": int(mailed),
		}
	)
	user.flags.no_welcome_mail = not mailed
	user.flags.invited = True
	# What is said of an invitation says that a mail was sent, too.
	before, frappe.flags.mute_messages = frappe.flags.mute_messages, True
	try:
		with links.to_the_site():  # the welcome mail has one, with the key to the account
			return user.insert(ignore_permissions=True).name
	finally:
		frappe.flags.mute_messages = before


def has_outgoing_account() -> bool:
	from frappe.email.doctype.email_account.email_account import EmailAccount

	return bool(EmailAccount.find_outgoing(_raise_error=False))


def outcome(email: str, client: str, new_user: bool, mailed: bool) -> str:
	"""What the manager reads after an invitation: plain text."""
	if not new_user:
		return _("{0} had an account already and now sees the licenses of {1}.").format(email, client)
	if mailed:
		return _("{0} was invited by mail and sees the licenses of {1} after setting a password.").format(
			email, client
		)
	return _(
		"{0} can see the licenses of {1}. This site sends no mail: ask them to choose “Forgot Password” or set one."
	).format(email, client)


def check_client(client_doctype: str, client: str) -> ClientRecord:
	"""The client record, if the session's user may read it."""
	if client_doctype not in CLIENT_DOCTYPES:
		frappe.throw(_("Clients are records of {0}.").format(", ".join(CLIENT_DOCTYPES)))
	permissions.require_client(client_doctype, client)
	frappe.has_permission(client_doctype, "read", client, throw=True)
	if not frappe.db.exists(client_doctype, client):
		frappe.throw(_("There is no client {0}.").format(escape_html(client)), frappe.DoesNotExistError)
	return ClientRecord(client_doctype, client)
