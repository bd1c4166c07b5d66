"""The ways to somebody: the bell and the mail queue. What fails here is logged and stops nothing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import frappe
from frappe.desk.doctype.notification_settings.notification_settings import (
	is_email_notifications_enabled,
	is_notifications_enabled,
)

from msp_licensing import links, transactions
from msp_licensing.changes import bell


def tell(
	users: list[str],
	*,
	doctype: str,
	name: str,
	subject: str,
	message: str | Callable[[], str] | None,
	by_mail: bool = True,
	bell_says: str | None = None,
	link: str | None = None,
) -> None:
	"""Puts a notice about a document into the bell and into the mail queue of each user; the caller commits.

	Neither raises: what happened is true and has to be kept, also where nobody can be told of it. A mail that cannot
	be queued takes nothing from the bell.

	Args:
		subject: plain text. message: HTML, or a function that makes it. Both are for the mail.
		bell_says: a sentence for the bell, with no client, number or reason in it (`bell.py`); without one it says that
			there is something.
		link: where the bell leads; by default to the document.
	"""
	if not users:
		return
	with quietly(doctype, name):
		html = message() if callable(message) else message
		ring(users, doctype, name, bell_says or bell.something(), link=link)
		if by_mail and html:
			mail(users, doctype, name, subject, html)


@contextmanager
def quietly(doctype: str, name: str) -> Iterator[None]:
	"""Takes back what was begun, and logs why, instead of raising; shows nothing to whoever is signed in."""
	point = f"notice_{frappe.generate_hash(length=10)}"
	frappe.db.savepoint(point)
	shown = list(frappe.local.message_log)
	try:
		# Frappe makes links of its own: in the mail of an entry in the bell, in the frame of every mail.
		with links.to_the_site():
			yield
	except Exception as error:
		if transactions.lost_race(error):
			raise  # the database has taken back the whole transaction, not only the notice
		frappe.db.rollback(save_point=point)
		frappe.local.message_log = shown
		frappe.log_error(
			title=f"Notice of {name} could not be queued", reference_doctype=doctype, reference_name=name
		)


def ring(users: list[str], doctype: str, name: str, sentence: str, *, link: str | None = None) -> None:
	"""Puts a sentence that leads to a document, or to `link`, into the bells of users: nothing of what it is about."""
	for user in users:
		if not is_notifications_enabled(user):
			continue
		frappe.get_doc(
			{
				"doctype": "Notification Log",
				"subject": frappe.utils.escape_html(sentence),
				"type": "Alert",
				"for_user": user,
				"from_user": frappe.session.user,
				"document_type": doctype,
				"document_name": name,
				"link": link,
			}
		).insert(ignore_permissions=True)


def mail(users: list[str], doctype: str, name: str, subject: str, html: str) -> bool:
	"""Queues a mail to each user that has an address and wants mails; returns whether there is one."""
	recipients = list(filter(None, map(address, users)))
	if not recipients or not can_send():
		return False
	queued = False
	with quietly(doctype, name):
		frappe.sendmail(
			recipients=recipients,
			subject=subject,
			message=html,
			reference_doctype=doctype,
			reference_name=name,
			expose_recipients=None,
			add_unsubscribe_link=0,
		)
		queued = True
	return queued


def address(user: str) -> str | None:
	"""Where a user gets mail; None for those who are disabled, have no valid address, or want no mails."""
	row = frappe.db.get_value("User", user, ["email", "enabled"], as_dict=True)
	if not row or not row.enabled or not is_email_notifications_enabled(user):
		return None
	return row.email if row.email and frappe.utils.validate_email_address(row.email) else None


def can_send() -> bool:
	from frappe.email.doctype.email_account.email_account import EmailAccount

	return bool(EmailAccount.find_outgoing(_raise_error=False))
