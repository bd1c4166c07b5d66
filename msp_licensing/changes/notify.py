"""Who is told what: managers of new pending requests and of failures, requesters of the outcome.

A notice is queued in the same transaction as the change it tells of, so there is none for what was rolled back. A
site without an outgoing e-mail account still gets the notices in the bell; the missing mail never stops a change.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import frappe
from frappe import _
from frappe.utils import get_url, get_url_to_form

from msp_licensing import permissions
from msp_licensing.changes import states

# state of a request: what its requester reads; the words for a failure promise nothing and blame nobody.
OUTCOMES = {
	states.APPLIED: "Your change was applied: {product} now has {requested} licenses.",
	states.REJECTED: "Your provider did not approve the change of {product} from {current} to {requested} licenses.",
	states.WITHDRAWN: "Your request to change {product} from {current} to {requested} licenses was withdrawn.",
	states.EXPIRED: "Your request to change {product} from {current} to {requested} licenses was not decided in time and has expired.",
	states.FAILED: "The change of {product} from {current} to {requested} licenses could not be made yet. Your provider is looking at it.",
	states.NEEDS_REVIEW: "The change of {product} from {current} to {requested} licenses is being checked by your provider.",
}


def about(event: str, doc: Any, **context: Any) -> None:
	"""Tells whoever is to know of `event` in the life of a request."""
	if event in ("pending", "quantity_moved"):
		pending(doc)
	elif event == "outcome":
		outcome(doc)


def pending(doc: Any) -> None:
	"""Tells every Licensing Manager of a request that waits for a decision."""
	subject = _("{0} asks for {1} licenses of {2} (now {3})").format(
		doc.client, doc.requested_quantity, doc.product_name, doc.current_quantity
	)
	_tell(
		managers(exclude=doc.requested_by if doc.source == "Desk" else None),
		doc,
		subject=subject,
		template="license_change_pending",
		link=get_url_to_form(doc.doctype, doc.name),
	)


def outcome(doc: Any) -> None:
	"""Tells the requester what became of the request, and the managers if somebody has to act."""
	state = doc.workflow_state
	if doc.requested_by and frappe.db.get_value("User", doc.requested_by, "enabled"):
		text = _(OUTCOMES[state]).format(
			product=doc.product_name, current=doc.current_quantity, requested=doc.requested_quantity
		)
		portal = doc.source == "Portal"
		_tell(
			[doc.requested_by],
			doc,
			subject=text,
			template="license_change_outcome",
			link=get_url("/licensing") if portal else get_url_to_form(doc.doctype, doc.name),
			reason=doc.reject_reason if state == states.REJECTED else None,
		)
	if state in (states.FAILED, states.NEEDS_REVIEW):
		_tell(
			managers(exclude=doc.requested_by),
			doc,
			subject=_("{0}: {1} for {2}").format(_(state), doc.product_name, doc.client),
			template="license_change_failed",
			link=get_url_to_form(doc.doctype, doc.name),
		)


def managers(exclude: str | None = None) -> list[str]:
	"""Enabled users with the role Licensing Manager; Administrator only where there is nobody else."""
	return staff_with(permissions.MANAGER, exclude)


def staff_with(role: str, exclude: str | None = None) -> list[str]:
	"""Enabled users with `role`; Administrator only where there is nobody else."""
	users = frappe.get_all(
		"Has Role",
		filters={"role": role, "parenttype": "User"},
		pluck="parent",
	)
	enabled = set(frappe.get_all("User", {"name": ("in", users), "enabled": 1}, pluck="name"))
	enabled -= {exclude}
	return sorted(enabled - {"Administrator"}) or sorted(enabled)


def _tell(users: list[str], doc: Any, *, subject: str, template: str, link: str, **context: Any) -> None:
	tell(
		users,
		doctype=doc.doctype,
		name=doc.name,
		subject=subject,
		message=lambda: frappe.render_template(
			f"msp_licensing/templates/emails/{template}.html",
			{"doc": doc, "link": link, "subject": subject, **context},
		),
	)


def tell(
	users: list[str],
	*,
	doctype: str,
	name: str,
	subject: str,
	message: str | Callable[[], str] | None,
	by_mail: bool = True,
) -> None:
	"""Puts a notice about a document into the bell and into the mail queue of each user; the caller commits.

	Neither raises: what happened is true and has to be kept, also where nobody can be told of it. A mail that cannot
	be queued takes nothing from the bell.

	Args:
		subject: plain text. message: HTML, or a function that makes it.
	"""
	if not users:
		return
	with _logged(doctype, name):
		html = message() if callable(message) else message
		_ring(users, doctype, name, subject, html)
		if by_mail and html:
			with _logged(doctype, name):
				_mail(users, doctype, name, subject, html)


@contextmanager
def _logged(doctype: str, name: str) -> Iterator[None]:
	"""Takes back what was begun, and logs why, instead of raising."""
	point = f"notice_{frappe.generate_hash(length=10)}"
	frappe.db.savepoint(point)
	try:
		yield
	except Exception:
		frappe.db.rollback(save_point=point)
		frappe.log_error(
			title=f"Notice of {name} could not be queued", reference_doctype=doctype, reference_name=name
		)


def _ring(users: list[str], doctype: str, name: str, subject: str, html: str | None) -> None:
	for user in users:
		frappe.get_doc(
			{
				"doctype": "Notification Log",
				"subject": frappe.utils.escape_html(subject),
				"type": "Alert",
				"for_user": user,
				"from_user": frappe.session.user,
				"document_type": doctype,
				"document_name": name,
				"email_content": html,
			}
		).insert(ignore_permissions=True)


def _mail(users: list[str], doctype: str, name: str, subject: str, html: str) -> None:
	recipients = [
		email
		for user in users
		if (email := frappe.db.get_value("User", user, "email"))
		and frappe.utils.validate_email_address(email)
	]
	if not recipients or not _can_send():
		return
	frappe.sendmail(
		recipients=recipients,
		subject=subject,
		message=html,
		reference_doctype=doctype,
		reference_name=name,
		expose_recipients=None,
	)


def _can_send() -> bool:
	from frappe.email.doctype.email_account.email_account import EmailAccount

	return bool(EmailAccount.find_outgoing(_raise_error=False))
