"""Writes what happens to a License Change Request as a row, in the transaction of the step: License Change Event.

`EVENTS` is the table of everything that can happen. A row holds the key of its event, numbers and plain text, never a
sentence of ours: the words are made when the row is shown, in the language of whoever reads it. Rows are written here
and nowhere else, and nobody changes or deletes them (the controller of the DocType).
"""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

import frappe
from frappe import _lt

from msp_licensing import clock

DOCTYPE = "License Change Event"
REQUEST = "License Change Request"

# Who did it.
CLIENT, STAFF, SYSTEM, PAX8 = "Client", "Staff", "System", "Pax8"

LONGEST = 2000


class Kind(NamedTuple):
	"""One row of the table of events.

	Attributes:
		actor: who does this. Of clients and staff, the user of the session is kept.
		staff: the words for staff and for evidence.
		client: the words for clients; None: clients are not told of it.
		icon: `asked`, `decision`, `client`, `step` or `pax8`: what it looks like on the timeline.
	"""

	actor: str
	staff: Any
	client: Any = None
	icon: str = "step"


EVENTS: dict[str, Kind] = {
	# --- the request is made, and the rules decide
	"requested": Kind(CLIENT, _lt("Requested"), _lt("Requested"), "asked"),
	"requested_by_staff": Kind(STAFF, _lt("Requested by staff"), _lt("Requested by your provider"), "asked"),
	"held": Kind(SYSTEM, _lt("Held for approval"), _lt("Waits for your provider"), "decision"),
	"client_asked": Kind(
		SYSTEM,
		_lt("The client's own approver is asked first"),
		_lt("Waits for an approver of your company"),
		"decision",
	),
	"released": Kind(SYSTEM, _lt("Auto-approved"), _lt("Approved"), "decision"),
	"direct": Kind(STAFF, _lt("Made by staff at once"), _lt("Approved"), "decision"),
	# --- the client decides
	"client_approved": Kind(
		CLIENT, _lt("Approved for the client"), _lt("Approved by your company"), "client"
	),
	"client_declined": Kind(
		CLIENT, _lt("Declined for the client"), _lt("Declined by your company"), "client"
	),
	"client_approver_gone": Kind(
		SYSTEM,
		_lt("The client has no approver any more: staff decide"),
		_lt("Waits for your provider"),
		"decision",
	),
	"client_disabled": Kind(
		SYSTEM, _lt("The client is disabled: staff decide"), _lt("Waits for your provider"), "decision"
	),
	"withdrawn": Kind(CLIENT, _lt("Withdrawn"), _lt("Withdrawn"), "client"),
	# --- staff decide
	"approved": Kind(STAFF, _lt("Approved"), _lt("Approved")),
	"scheduled": Kind(STAFF, _lt("Scheduled"), _lt("Approved for the end of the term")),
	"rejected": Kind(STAFF, _lt("Rejected"), _lt("Not approved")),
	"retried": Kind(STAFF, _lt("Retried"), _lt("Tried again")),
	"edited": Kind(STAFF, _lt("Edited")),
	# --- time, and what changes at Pax8 meanwhile
	"quantity_moved": Kind(
		PAX8, _lt("The quantity changed at Pax8: decided again"), _lt("The quantity changed"), "decision"
	),
	"price_moved": Kind(
		SYSTEM, _lt("The price changed: decided again"), _lt("The price changed"), "decision"
	),
	"reminded": Kind(SYSTEM, _lt("Reminder sent")),
	"expired": Kind(SYSTEM, _lt("Expired"), _lt("Expired without a decision")),
	"dropped": Kind(SYSTEM, _lt("Withdrawn by the system"), _lt("Withdrawn")),
	# --- changes for the end of a term
	"term_moved": Kind(
		PAX8, _lt("The term ends on another day: rescheduled"), _lt("The term ends on another day")
	),
	"still_scheduled": Kind(
		PAX8, _lt("The quantity changed at Pax8: still scheduled"), _lt("The quantity changed")
	),
	"due": Kind(SYSTEM, _lt("Due: on its way to Pax8"), _lt("Due")),
	"held_when_due": Kind(
		SYSTEM, _lt("Due, and held for approval"), _lt("Waits for your provider"), "decision"
	),
	"handed_over": Kind(SYSTEM, _lt("Handed to staff: to be made by hand"), _lt("Your provider makes it")),
	"found_done": Kind(PAX8, _lt("Applied: Pax8 had this quantity already"), _lt("Applied")),
	# --- on its way to Pax8
	"claimed": Kind(SYSTEM, _lt("Applying"), _lt("Being applied")),
	"put_back": Kind(SYSTEM, _lt("Not sent yet: tried again later"), None),
	"read_before": Kind(PAX8, _lt("Read at Pax8 before sending"), None, "pax8"),
	"observed": Kind(SYSTEM, _lt("Only observed: nothing was sent"), None, "pax8"),
	"sent": Kind(SYSTEM, _lt("Sent to Pax8"), None, "pax8"),
	"accepted": Kind(PAX8, _lt("Pax8 accepted the change"), None, "pax8"),
	"refused": Kind(PAX8, _lt("Pax8 refused the change"), None, "pax8"),
	"not_done": Kind(PAX8, _lt("Pax8 did not carry it out"), None, "pax8"),
	"answer_lost": Kind(SYSTEM, _lt("Pax8's answer was lost"), None, "pax8"),
	"read_back": Kind(PAX8, _lt("Read back from Pax8"), None, "pax8"),
	"looked_for": Kind(PAX8, _lt("Looked for at Pax8"), None, "pax8"),
	"history_read": Kind(PAX8, _lt("Looked for in Pax8's history"), None, "pax8"),
	"checked": Kind(STAFF, _lt("Checked again at Pax8")),
	# --- how it ends
	"applied": Kind(PAX8, _lt("Applied"), _lt("Applied")),
	"applied_after_all": Kind(PAX8, _lt("Applied: seen on a later look"), _lt("Applied")),
	"failed": Kind(SYSTEM, _lt("Failed"), _lt("Not made: your provider is looking at it")),
	"needs_review": Kind(SYSTEM, _lt("Needs Review"), _lt("Being checked by your provider")),
}

# What a move to a state is called, where whoever moves the request does not say.
OF_STATE = {
	"Pending Client Approval": "client_asked",
	"Pending Approval": "held",
	"Approved": "approved",
	"Scheduled": "scheduled",
	"Applying": "claimed",
	"Applied": "applied",
	"Rejected": "rejected",
	"Withdrawn": "withdrawn",
	"Expired": "expired",
	"Failed": "failed",
	"Needs Review": "needs_review",
}


def record(
	request: str,
	event: str,
	*,
	states: tuple[str | None, str | None] = (None, None),
	user: str | None = None,
	on_behalf_of: str | None = None,
	quantity: int | None = None,
	detail: str | None = None,
	private: str | None = None,
	attempt: str | None = None,
	at: datetime | None = None,
	reconstructed: bool = False,
	**facts: Any,
) -> None:
	"""Writes one event of a request; does not commit.

	Call it after the step has been written to the request, in the same transaction, with the request's row locked or
	just written: the numbers and the client are taken from the row, and so is the place in the order of events.

	Args:
		event: a key of `EVENTS`.
		states: before and after, where the event moves the request; before is None for a new one.
		user: who did it, where that is not the user of the session; kept for events of clients and staff only.
		on_behalf_of: for whom, where somebody acts for another.
		quantity: the number that the event is about.
		detail: plain text as typed; clients may read it. private: plain text that they may not.
		attempt: name of the License Change Attempt.
		at: when (UTC, naive), if not now.
		reconstructed: put together later from older records.
		facts: values for the words that are made when the event is shown; simple values and dates.
	"""
	actor = EVENTS[event].actor
	frappe.db.sql(  # nosemgrep: frappe-sql-format-injection - names come from this code, values are parameters
		f"update `tab{REQUEST}` set event_count = event_count + 1 where name = %s",
		request,
	)
	before, after = states
	values = {
		"event": event,
		"happened_at": at or clock.utc_now(),
		"actor": actor,
		"user": (user or frappe.session.user) if actor in (CLIENT, STAFF) else None,
		"on_behalf_of": on_behalf_of,
		"from_state": before,
		"to_state": after,
		"quantity": quantity or 0,
		"has_quantity": int(quantity is not None),
		"detail": (detail or "").strip()[:LONGEST] or None,
		"private_detail": (private or "").strip()[:LONGEST] or None,
		"facts": json.dumps(facts, default=str) if facts else None,
		"attempt": attempt,
		"reconstructed": int(reconstructed),
	}
	_insert(request, values)


# Taken from the request as it is in this transaction, so that no caller can tell another story.
_FROM_REQUEST = {
	"request": "name",
	"number": "event_count",
	"client_doctype": "client_doctype",
	"client": "client",
	"subscription": "subscription",
	"current_quantity": "current_quantity",
	"requested_quantity": "requested_quantity",
	"approved_quantity": "approved_quantity",
}


def _insert(request: str, values: dict[str, Any]) -> None:
	now = clock.site_now()
	by = frappe.session.user
	values |= {
		"name": frappe.generate_hash(length=12),
		"creation": now,
		"modified": now,
		"owner": by,
		"modified_by": by,
	}
	columns = ", ".join(f"`{column}`" for column in (*values, *_FROM_REQUEST))
	given = ", ".join(f"%({column})s" for column in values)
	taken = ", ".join(f"r.`{column}`" for column in _FROM_REQUEST.values())
	frappe.db.sql(
		f"insert into `tab{DOCTYPE}` ({columns}) select {given}, {taken} from `tab{REQUEST}` r"
		" where r.name = %(request)s",
		{**values, "request": request},
	)


def of(requests: Iterable[str], *, only: Iterable[str] | None = None) -> dict[str, list[Any]]:
	"""The events of requests in their order, by request: one query. Whoever calls has made sure of the permission.

	Args:
		only: keys of the events that are wanted; by default all.
	"""
	found: dict[str, list[Any]] = {name: [] for name in requests}
	if not found:
		return found
	filters: dict[str, Any] = {"request": ("in", list(found))}
	if only is not None:
		filters["event"] = ("in", list(only))
	for row in frappe.get_all(
		DOCTYPE, filters=filters, fields=list(FIELDS), order_by="request, number, happened_at, name"
	):
		row.facts = json.loads(row.facts or "{}")
		found[row.request].append(row)
	return found


FIELDS = (
	"request",
	"number",
	"event",
	"happened_at",
	"actor",
	"user",
	"on_behalf_of",
	"from_state",
	"to_state",
	"current_quantity",
	"requested_quantity",
	"approved_quantity",
	"quantity",
	"has_quantity",
	"detail",
	"private_detail",
	"facts",
	"attempt",
	"reconstructed",
)
