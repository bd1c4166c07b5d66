"""The chain of a request, from the wish to the proof: what happened, when, and who did it.

Put together from what is kept anyway: the request's own fields, Frappe's record of Workflow steps, and the attempts at
Pax8. The timeline, the report and the evidence show the same chain.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

import frappe
from frappe import _, _lt
from frappe.utils import cint, format_datetime, formatdate, get_datetime

from msp_licensing import permissions
from msp_licensing.changes import attempts as kept
from msp_licensing.changes import states
from msp_licensing.changes.states import DOCTYPE
from msp_licensing.desk.applying import OUTCOMES
from msp_licensing.rules.client_approval import ASKED

# The fields of a request that its chain is made from.
FIELDS = (
	"name",
	"workflow_state",
	"current_quantity",
	"requested_quantity",
	"approved_quantity",
	"quantity_reason",
	"timing",
	"scheduled_for",
	"note",
	"staff_reason",
	"source",
	"requested_by",
	"requested_on",
	"client_approved_by",
	"client_approved_on",
	"client_declined",
	"decided_by",
	"decided_on",
	"reject_reason",
	"decision",
	"decision_rule",
	"decision_summary",
	"write_sent_on",
	"applied_on",
	"quantity_before",
	"quantity_after",
	"pax8_message",
)

# Seconds within which a field and a record of a Workflow step speak of the same moment.
SAME_MOMENT = 5

# Steps that are taken by the system, whoever's session it was.
BY_THE_SYSTEM = {
	states.CLIENT_PENDING,
	states.PENDING,
	states.APPLYING,
	states.APPLIED,
	states.FAILED,
	states.NEEDS_REVIEW,
	states.EXPIRED,
}


class Event(NamedTuple):
	"""One link of the chain.

	Attributes:
		on: when, in the site's time zone.
		what: in a word or two, translated.
		who: user; None = nobody, it went by itself.
		text: plain text that a client may read, too; may be empty.
		private: plain text for staff only: rules, limits, and what Pax8 said.
		kind: `asked`, `decision`, `step` (of the Workflow), `client`, or `pax8`.
	"""

	on: datetime
	what: str
	who: str | None
	text: str = ""
	private: str = ""
	kind: str = "step"


def chains(rows: Iterable[Any]) -> dict[str, list[Event]]:
	"""The chains of requests, by name, oldest link first.

	Args:
		rows: with `FIELDS`. Whoever calls has made sure that the reader may see them.
	"""
	rows = list(rows)
	names = [row.name for row in rows]
	attempts, steps = _attempts(names), _workflow_steps(names)
	return {row.name: _chain(row, steps[row.name], attempts[row.name]) for row in rows}


def chain_of(name: str) -> list[Event]:
	row = frappe.db.get_value(DOCTYPE, name, list(FIELDS), as_dict=True)
	return chains([row])[name] if row else []


def _attempts(names: list[str]) -> dict[str, list[Any]]:
	found = defaultdict(list)
	for row in frappe.get_all(
		kept.DOCTYPE,
		filters={"request": ("in", names or [""])},
		fields=[
			"request",
			"happened_on",
			"last_on",
			"times",
			"step",
			"outcome",
			"has_quantity",
			"quantity",
			"pax8_status",
			"http_status",
			"answer",
		],
		order_by="happened_on_utc, creation",
	):
		found[row.request].append(row)
	return found


class Step(NamedTuple):
	"""A step that Frappe's Workflow or `states.move` has recorded: to which state, and in whose session."""

	on: datetime
	state: str
	user: str | None


def _workflow_steps(names: list[str]) -> dict[str, list[Step]]:
	# Frappe records the translated name of a state.
	known = {word: state for state in (*states.OPEN, *states.CLOSED) for word in (_(state), state)}
	found = defaultdict(list)
	for row in frappe.get_all(
		"Comment",
		filters={
			"reference_doctype": DOCTYPE,
			"reference_name": ("in", names or [""]),
			"comment_type": "Workflow",
		},
		fields=["reference_name", "creation", "content", "owner"],
		order_by="creation",
	):
		state = known.get(row.content or "", row.content or "")
		found[row.reference_name].append(Step(row.creation, state, row.owner))
	return found


def _chain(row: Any, steps: list[Step], attempts: list[Any]) -> list[Event]:
	decision = _decision(row, steps)
	events = [_asked(row), decision]
	if row.client_approved_on:
		events.append(
			Event(row.client_approved_on, _("Approved for the client"), row.client_approved_by, kind="client")
		)
	events += _steps(row, steps, decision)
	events += [_at_pax8(attempt) for attempt in attempts if attempt.happened_on]
	if row.write_sent_on and not any(attempt.step == kept.WRITE for attempt in attempts):
		events.append(Event(row.write_sent_on, _("Sent to Pax8"), None, _numbers(row), kind="pax8"))
	return sorted(events, key=lambda event: get_datetime(event.on))


def _asked(row: Any) -> Event:
	text = _("{0} → {1} licenses").format(row.current_quantity, row.requested_quantity)
	if row.timing == "End of Term":
		text += ", " + (
			_("at the end of the term, {0}").format(formatdate(row.scheduled_for))
			if row.scheduled_for
			else _("at the end of the term")
		)
	if row.note:
		text += f": “{row.note}”"
	return Event(
		row.requested_on,
		_("Asked for") if row.source == "Portal" else _("Asked for in the desk"),
		row.requested_by,
		text,
		row.staff_reason or "",
		kind="asked",
	)


def _decision(row: Any, steps: list[Step]) -> Event:
	"""What the rules said last: with the wish, after the client's own approver, or when the quantity had moved."""
	when = row.requested_on
	if row.decision == "Auto-Approved":
		what, when = _("Released without approval"), row.decided_on or when
	elif row.decision == "Direct":
		what = _("Made by staff at once")
	elif row.decision_rule == ASKED:
		what = _("The client's own approver is asked first")
	else:
		what = _("Held for approval")
		when = max((step.on for step in steps if step.state == states.PENDING), default=when)
	return Event(when, what, None, "", row.decision_summary or "", kind="decision")


def _steps(row: Any, steps: list[Step], decision: Event) -> list[Event]:
	steps = list(steps)
	# A decision by a plain save, or one whose record somebody has deleted, is known from the fields.
	for when, state, user in (
		(row.decided_on, _decided_state(row), row.decided_by),
		(row.applied_on, states.APPLIED, None),
	):
		if when and not any(step.state == state and _same_moment(step.on, when) for step in steps):
			steps.append(Step(when, state, user))
	last = {step.state: step for step in sorted(steps, key=lambda step: step.on)}
	told_already = {states.PENDING, *states.GRANTED} if row.decision == "Auto-Approved" else {states.PENDING}
	return [
		_event(row, step, is_last=last[step.state] is step)
		for step in steps
		if not (step.state in told_already and _same_moment(step.on, decision.on) and not _decided(row, step))
	]


def _decided_state(row: Any) -> str:
	"""What `decided_on` speaks of."""
	if row.workflow_state in (states.REJECTED, states.WITHDRAWN, states.EXPIRED, states.SCHEDULED):
		return row.workflow_state
	return states.SCHEDULED if row.timing == "End of Term" else states.APPROVED


def _decided(row: Any, step: Step) -> bool:
	"""Whether a step is the decision of the person whom the request names."""
	return bool(row.decided_by and row.decided_on) and (
		step.state == _decided_state(row) and _same_moment(step.on, row.decided_on)
	)


def _who(row: Any, step: Step) -> str | None:
	if _decided(row, step):
		return row.decided_by
	# The system works as Administrator; what it released for a client it may have released in the client's session.
	if step.state in BY_THE_SYSTEM or not step.user or step.user == "Administrator":
		return None
	if step.state in states.GRANTED and permissions.is_website_user(step.user):
		return None
	return step.user


def _event(row: Any, step: Step, *, is_last: bool) -> Event:
	state, what, text, private = step.state, _(step.state), "", ""
	if not is_last:
		pass  # what the request says, it says of the last one
	elif state in states.GRANTED and cint(row.approved_quantity) not in (0, row.requested_quantity):
		text = _("{0} licenses instead of {1}").format(row.approved_quantity, row.requested_quantity)
		text += f": “{row.quantity_reason}”" if row.quantity_reason else ""
	elif state == states.REJECTED:
		text = row.reject_reason or ""
		if row.client_declined:
			what = _("Declined for the client")
	elif state == states.APPLIED:
		text = _("Pax8 shows {0} licenses").format(cint(row.quantity_after))
	elif state in (states.FAILED, states.NEEDS_REVIEW) and state == row.workflow_state:
		private = row.pax8_message or ""
	if is_last and state == states.SCHEDULED and row.scheduled_for:
		text = " · ".join(filter(None, (text, _("for {0}").format(formatdate(row.scheduled_for)))))
	return Event(step.on, what, _who(row, step), text, private)


def _same_moment(one: datetime, other: datetime) -> bool:
	return abs((get_datetime(one) - get_datetime(other)).total_seconds()) < SAME_MOMENT


# The steps at Pax8 in words that stand by themselves.
AT_PAX8 = {
	kept.READ: _lt("Read at Pax8 before sending"),
	kept.WRITE: _lt("Sent to Pax8"),
	kept.READ_BACK: _lt("Read back from Pax8"),
	kept.OBSERVE: _lt("Only observed: nothing was sent"),
	kept.RECONCILE: _lt("Looked for at Pax8"),
	kept.HISTORY: _lt("Looked for in Pax8's history"),
}


def _at_pax8(attempt: Any) -> Event:
	outcome, _color = OUTCOMES.get(attempt.outcome, (attempt.outcome or "", ""))
	quantity = str(attempt.quantity) if attempt.has_quantity else ""
	if attempt.pax8_status:
		quantity = f"{quantity} ({attempt.pax8_status})".strip()
	parts = [str(outcome), quantity, _("HTTP {0}").format(attempt.http_status) if attempt.http_status else ""]
	if attempt.times > 1:
		parts.append(_("{0} times, last on {1}").format(attempt.times, format_datetime(attempt.last_on)))
	return Event(
		attempt.happened_on,
		str(AT_PAX8.get(attempt.step, attempt.step or "")),
		None,
		" · ".join(part for part in parts if part),
		attempt.answer or "",
		kind="pax8",
	)


def _numbers(row: Any) -> str:
	before = row.quantity_before or row.current_quantity
	return f"{before} → {row.approved_quantity or row.requested_quantity}"
