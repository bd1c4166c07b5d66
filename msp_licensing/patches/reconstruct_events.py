"""Requests of versions that kept no events get theirs once, as far as it can be told, and marked as reconstructed.

Put together from the request's own fields, the comments of the Workflow, and the attempts at Pax8. Comments can be typed
by anybody who may comment: they count only where they lie on a way that a request can go, from its beginning to the
state it is in.
"""

from collections import defaultdict
from datetime import datetime
from typing import Any, NamedTuple

import frappe
from frappe.utils import cint, get_datetime

from msp_licensing import clock, permissions
from msp_licensing.changes import attempts, states
from msp_licensing.changes.audit import events
from msp_licensing.changes.states import (
	APPLIED,
	APPLYING,
	APPROVED,
	CLIENT_PENDING,
	DOCTYPE,
	EXPIRED,
	FAILED,
	NEEDS_REVIEW,
	PENDING,
	REJECTED,
	SCHEDULED,
	WITHDRAWN,
)

BATCH = 200

# Where a request could go from each state.
WAYS = {
	CLIENT_PENDING: {PENDING, APPROVED, SCHEDULED, REJECTED, WITHDRAWN, EXPIRED},
	PENDING: {APPROVED, SCHEDULED, REJECTED, WITHDRAWN, EXPIRED},
	APPROVED: {APPLYING},
	APPLYING: {APPROVED, APPLIED, FAILED, NEEDS_REVIEW, PENDING, WITHDRAWN},
	SCHEDULED: {APPROVED, PENDING, APPLIED, WITHDRAWN, EXPIRED, REJECTED},
	NEEDS_REVIEW: {APPLIED, FAILED},
	FAILED: {APPROVED},
}
BEGINNINGS = (CLIENT_PENDING, PENDING, APPROVED, SCHEDULED)

OF_ATTEMPTS = {
	attempts.READ: "read_before",
	attempts.WRITE: "sent",
	attempts.READ_BACK: "read_back",
	attempts.OBSERVE: "observed",
	attempts.RECONCILE: "looked_for",
	attempts.HISTORY: "history_read",
}


class Step(NamedTuple):
	"""That a request came to a state: when (UTC), and in whose session."""

	on: datetime
	state: str
	user: str | None


def execute() -> None:
	"""Safe to run any number of times: requests that have events are left alone."""
	while names := frappe.get_all(
		DOCTYPE, {"event_count": 0}, pluck="name", order_by="creation", limit=BATCH
	):
		comments, calls = _comments(names), _attempts(names)
		for row in frappe.get_all(DOCTYPE, {"name": ("in", names)}, ["*"]):
			for on, event, values in _events(row, comments[row.name], calls[row.name]):
				events.record(row.name, event, at=get_datetime(on), reconstructed=True, **values)
		frappe.db.commit()  # nosemgrep: a batch at a time


def _comments(names: list[str]) -> dict[str, list[Step]]:
	languages = frappe.get_all("Language", {"enabled": 1}, pluck="name") or ["en"]
	known = {
		frappe._(state, language): state
		for state in (*states.OPEN, *states.CLOSED)
		for language in ("en", *languages)
	}
	found = defaultdict(list)
	for row in frappe.get_all(
		"Comment",
		{"reference_doctype": DOCTYPE, "reference_name": ("in", names), "comment_type": "Workflow"},
		["reference_name", "creation", "content", "owner"],
		order_by="creation, name",
	):
		if state := known.get(row.content or ""):
			found[row.reference_name].append(Step(clock.to_utc(row.creation), state, row.owner))
	return found


def _attempts(names: list[str]) -> dict[str, list[Any]]:
	found = defaultdict(list)
	for row in frappe.get_all(
		attempts.DOCTYPE,
		{"request": ("in", names)},
		["name", "request", "step", "happened_on_utc", "has_quantity", "quantity"],
		order_by="happened_on_utc, creation",
	):
		found[row.request].append(row)
	return found


def _events(row: Any, comments: list[Step], calls: list[Any]) -> list[tuple[datetime, str, dict[str, Any]]]:
	made = _made(row)
	found = [(made, *_wish(row))]
	if row.client_approved_on:
		found.append(
			(clock.to_utc(row.client_approved_on), "client_approved", {"user": row.client_approved_by})
		)
	before = None
	path = _path(row, comments)
	for place, step in enumerate(path):
		last = place == max(at for at, one in enumerate(path) if one.state == step.state)
		found.append((step.on, *_step(row, before, step, last)))
		before = step.state
	for call in calls:
		if call.happened_on_utc and call.step in OF_ATTEMPTS:
			quantity = call.quantity if call.has_quantity else None
			found.append(
				(call.happened_on_utc, OF_ATTEMPTS[call.step], {"attempt": call.name, "quantity": quantity})
			)
	return sorted(found, key=lambda one: get_datetime(one[0]))


def _wish(row: Any) -> tuple[str, dict[str, Any]]:
	values = {"detail": row.note, "timing": row.timing, "scheduled_for": row.scheduled_for}
	if row.source == "Portal":
		return "requested", {"user": row.requested_by, **values}
	return "requested_by_staff", {"user": row.requested_by, "private": row.staff_reason, **values}


def _path(row: Any, comments: list[Step]) -> list[Step]:
	"""The longest way through the comments that begins as a request can and ends where this one is."""
	made = _made(row)
	steps = (
		comments if comments and _begins(row, comments[0], made) else [Step(made, PENDING, None), *comments]
	)
	ended = Step(_last_step(row), row.workflow_state, row.decided_by)
	if not any(step.state == row.workflow_state for step in steps):
		steps = [*steps, ended]
	# For each step the longest way that ends with it.
	ways: list[list[Step]] = [[steps[0]]]
	for place, step in enumerate(steps[1:], 1):
		before = [way for way in ways[:place] if way and step.state in WAYS.get(way[-1].state, ())]
		ways.append([*max(before, key=len), step] if before else [])
	ends = [way for way in ways if way and way[-1].state == row.workflow_state]
	path = max(ends, key=len) if ends else [steps[0], ended]
	begin = get_datetime(path[0].on)
	return [step._replace(on=(begin := max(get_datetime(begin), get_datetime(step.on)))) for step in path]


def _begins(row: Any, step: Step, made: datetime) -> bool:
	"""Whether the rules, or staff who needed nobody's approval, led the request there in the moment it was made."""
	at_once = abs((get_datetime(step.on) - made).total_seconds()) < 5
	by_rules = not step.user or step.user == "Administrator" or permissions.is_website_user(step.user)
	return at_once and step.state in BEGINNINGS and (by_rules or row.decision == "Direct")


def _step(row: Any, before: str | None, step: Step, last: bool) -> tuple[str, dict[str, Any]]:
	"""The event of a step, and what the request says of it, which it says of the last one of its kind."""
	values: dict[str, Any] = {"states": (before, step.state)}
	by = row.decided_by if last and row.decided_by else step.user
	person = by if by and by != "Administrator" and not permissions.is_website_user(by) else None
	state = step.state
	if state in states.GRANTED:
		event = _granted(row, before, person)
		if event in ("approved", "scheduled"):
			values |= {"user": by, "detail": row.quantity_reason if last else None}
		if event == "released":
			values["private"] = row.decision_summary
		if state == SCHEDULED:
			values["scheduled_for"] = row.scheduled_for
	elif state == PENDING:
		event = {APPLYING: "quantity_moved", SCHEDULED: "held_when_due"}.get(before or "", "held")
		values["private"] = row.decision_summary if last else None
	elif state == REJECTED:
		event = "client_declined" if row.client_declined else "rejected"
		values |= {"user": by, "detail": row.reject_reason}
	elif state == WITHDRAWN:
		by_client = step.user and permissions.is_website_user(step.user)
		event, values["user"] = ("withdrawn" if by_client else "dropped"), step.user
	elif state == APPLIED:
		event = {NEEDS_REVIEW: "applied_after_all", SCHEDULED: "found_done"}.get(before or "", "applied")
		values["quantity"] = cint(row.quantity_after)
	else:
		event = events.OF_STATE[state]
		values["private"] = row.pax8_message if last and state in (FAILED, NEEDS_REVIEW) else None
	return event, values


def _granted(row: Any, before: str | None, person: str | None) -> str:
	if before == FAILED:
		return "retried"
	if before == APPLYING:
		return "put_back"
	if before == SCHEDULED:
		return "due"
	if before is None and row.decision == "Direct":
		return "direct"
	if person and before == PENDING:
		return "approved" if row.timing != "End of Term" else "scheduled"
	return "released"


def _made(row: Any) -> datetime:
	return get_datetime(row.requested_on_utc or clock.to_utc(row.creation))


def _last_step(row: Any) -> datetime:
	return get_datetime(row.decided_on_utc or row.applied_on_utc or clock.to_utc(row.modified))
