"""One mail a day instead of one for each change: what `notify` has put off until now."""

from typing import Any

import frappe

from msp_licensing import links
from msp_licensing.changes import bell, delivery, states, wording
from msp_licensing.changes.notify import DIGEST_DUE, IN_DIGEST, NO_MAIL, NOTICE

# More than this of a kind is counted, not listed.
LISTED = 50


def send() -> int:
	"""Sends what is due, one mail to each person; returns how many. Run daily; commits.

	Each person is a transaction of their own: what fails for one is due again the next day, and stops no other.
	"""
	frappe.set_user("Administrator")
	frappe.db.commit()  # nosemgrep: frappe-manual-commit - a new transaction, to see what has been put off until now
	users = frappe.get_all(NOTICE, {"mail": DIGEST_DUE}, pluck="recipient", distinct=True)
	sent = 0
	for user in sorted(set(users)):
		try:
			sent += _send_to(user)
		except Exception:
			frappe.db.rollback()
			frappe.log_error(title=f"The digest for {user} could not be made")
		frappe.db.commit()  # nosemgrep: frappe-manual-commit - the mail and the notices it is about together
	return sent


def _send_to(user: str) -> bool:
	notices = _due(user)
	if not notices:
		return False  # another run was faster
	if not frappe.has_permission(states.DOCTYPE, "read", user=user):
		_mark(notices, NO_MAIL)
		return False
	with wording.in_language(wording.language_of(user)):
		values = _values(notices, user)
		if not any(values["counts"].values()):
			_mark(notices, NO_MAIL)
			return False
		subject, message = wording.write("staff_digest", values)
		said = bell.sentence("staff_digest")
	about = (states.DOCTYPE, notices[-1].request)
	if not (delivery.address(user) and delivery.can_send()):
		delivery.ring([user], *about, said)
		_mark(notices, NO_MAIL)
		return False
	sent = delivery.mail([user], *about, subject, message)
	if sent:
		_mark(notices, IN_DIGEST)
	return sent


def _due(user: str) -> list[Any]:
	"""What a person has not been sent yet, locked: of two runs at once the second finds nothing."""
	notice = frappe.qb.DocType(NOTICE)
	return (
		frappe.qb.from_(notice)
		.select(notice.name, notice.request, notice.event)
		.where((notice.recipient == user) & (notice.mail == DIGEST_DUE))
		.orderby(notice.told_on)
		.for_update()
		.run(as_dict=True)
	)


def _mark(notices: list[Any], mail: str) -> None:
	frappe.db.set_value(NOTICE, {"name": ("in", [row.name for row in notices])}, "mail", mail)


def _values(notices: list[Any], user: str) -> dict[str, Any]:
	"""What the text can use: rows of requests as they are now, a request once, as far as the user may see them now."""
	released = {row.request for row in notices if row.event == "approved_by_itself"}
	sections: dict[str, list[dict[str, Any]]] = {"waiting": [], "released": [], "decided": []}
	asked = {"name": ("in", list({row.request for row in notices}))}
	seen = frappe.get_list(states.DOCTYPE, asked, pluck="name", user=user)
	for doc in frappe.get_all(
		states.DOCTYPE,
		filters={"name": ("in", seen or [""])},
		fields=["*"],
		order_by="requested_on_utc, name",
	):
		if doc.workflow_state == states.PENDING:
			section = "waiting"
		else:
			section = "released" if doc.name in released else "decided"
		sections[section].append(wording.values(doc, for_staff=True))
	return {
		**{name: rows[:LISTED] for name, rows in sections.items()},
		"counts": {name: len(rows) for name, rows in sections.items()},
		"more": sum(max(0, len(rows) - LISTED) for rows in sections.values()),
		"link": links.listing(states.DOCTYPE),
	}
