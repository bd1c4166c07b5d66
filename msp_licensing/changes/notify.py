"""Tells people of what happens to a request: by the bell, by mail, by an assignment, or in the digest of the day.

Who is told what is a table (`notices.py`). A notice is made in the same transaction as the change it tells of, so there
is none for what was rolled back. A site without an outgoing e-mail account still has the bell and the assignments; what
cannot be told never stops a change.

Nobody is told twice of one event. What has been told is a `License Change Notice`, whose unique key is made of the
request, the event, the user, and the number of states the request had been through (`step`): a job that runs again
finds the key taken, while a request that waits for a decision a second time is a new event.
"""

from collections.abc import Iterable
from hashlib import sha256
from typing import Any

import frappe
from frappe.utils import cint

from msp_licensing import clock
from msp_licensing.changes import assignments, bell, delivery, notices, people, wording
from msp_licensing.changes.delivery import tell
from msp_licensing.changes.notices import Notice
from msp_licensing.changes.people import managers, staff_with

__all__ = ["about", "managers", "staff_with", "tell"]

NOTICE = "License Change Notice"

# Whether a person has got, or will get, a mail of a notice.
NO_MAIL, QUEUED, DIGEST_DUE, IN_DIGEST = "None", "Queued", "Digest Due", "In Digest"


def about(event: str, doc: Any, *, key: str = "", **context: Any) -> None:
	"""Tells whoever is to know of `event` in the life of a request. Raises nothing; the caller commits.

	Call it once the request is in its new state, in the same transaction. Assignments end when it leaves that state.

	Args:
		event: a key of `notices.NOTICES`.
		doc: the License Change Request as it is now.
		key: tells apart events that can come more than once while the request stays in one state, such as the day of a
			reminder. Without it each event is told once for each time the request enters a state.
		context: `what`: a sentence on what has happened or is to be done, or a function that returns it, which is called
			in the language of each reader; clients may read it, too. `date`: the day it is about, if that is not `scheduled_for`.
	"""
	for notice in notices.NOTICES[event]:
		with delivery.quietly(doc.doctype, doc.name):
			if notice.concerns(doc) and (way := _way(notice)):
				_tell(event, doc, notice, way, key, context)


def _way(notice: Notice) -> str | None:
	"""How a notice is mailed; None if it is not wanted at all."""
	if notice.mail == notices.NEVER:
		return NO_MAIL
	if notice.mail == notices.ALWAYS:
		return QUEUED
	chosen = frappe.db.get_single_value("Licensing Settings", notice.mail)
	if not chosen:  # settings that were last saved before this one existed
		chosen = frappe.get_meta("Licensing Settings").get_field(notice.mail).default
	if chosen == notices.NO_NOTICE:
		return None
	return DIGEST_DUE if chosen == notices.DIGEST else QUEUED


def _tell(event: str, doc: Any, notice: Notice, way: str, key: str, context: dict[str, Any]) -> None:
	step = cint(frappe.db.get_value(doc.doctype, doc.name, "step"))
	occasion = f"{doc.name}|{event}|{step}|{key}"
	users = [user for user in people.group(notice.to, doc) if _first_time(occasion, event, doc, user, way)]
	for language, readers in _by_language(users):
		with wording.in_language(language):
			values = wording.values(doc, for_staff=notice.for_staff, **context)
			subject, message = wording.write(notice.text, values)
			said = bell.sentence(notice.text)
		if notice.assign:
			for user in readers:
				assignments.assign(doc, user, said, context.get("date"))
		if way != DIGEST_DUE or notice.bell_with_digest:
			link = bell.link(for_staff=notice.for_staff)
			delivery.ring(readers, doc.doctype, doc.name, said, link=link)
		if way == QUEUED and not delivery.mail(readers, doc.doctype, doc.name, subject, message):
			_note_no_mail(occasion, readers)


def _by_language(users: list[str]) -> Iterable[tuple[str, list[str]]]:
	found: dict[str, list[str]] = {}
	for user in users:
		found.setdefault(wording.language_of(user), []).append(user)
	return found.items()


# --------------------------------------------------------------------------------------------- memory


def _first_time(occasion: str, event: str, doc: Any, user: str, mail: str) -> bool:
	"""Writes down that a user is told; False if that was written down before. The column is unique."""
	key = _key(occasion, user)
	if frappe.db.exists(NOTICE, {"unique_key": key}):
		return False
	row = frappe.get_doc(
		{
			"doctype": NOTICE,
			"request": doc.name,
			"event": event,
			"recipient": user,
			"told_on": clock.site_now(),
			"mail": mail,
			"unique_key": key,
		}
	)
	frappe.db.savepoint("first_time")
	shown = list(frappe.local.message_log)
	try:
		row.db_insert()
	except frappe.UniqueValidationError:  # another job was faster, and has committed since
		frappe.db.rollback(save_point="first_time")
		frappe.local.message_log = shown
		return False
	return True


def _note_no_mail(occasion: str, users: list[str]) -> None:
	keys = [_key(occasion, user) for user in users]
	frappe.db.set_value(NOTICE, {"unique_key": ("in", keys)}, "mail", NO_MAIL)


def _key(occasion: str, user: str) -> str:
	return sha256(f"{occasion}|{user}".encode()).hexdigest()[:40]
