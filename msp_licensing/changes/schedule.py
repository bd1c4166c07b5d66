"""Changes for the end of a term: watched until they are due, then read and decided once more, and applied.

`watch` runs every few minutes and costs one query: it finds the requests that are due, and those whose subscription is
not what it was when they were planned (a later increase, a cancellation, a change outside, a renewal). Each of these is
looked at in a job of its own (`look`), on a fresh read of Pax8.

What the API cannot do goes to staff as a task with a date: where no renewal window is known, and where the window has
passed. Such a request stays scheduled and is looked at every day, so that what staff do at Pax8 ends it; after some
weeks it ends by itself.
"""

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any

import frappe
from frappe import _, _lt
from frappe.utils import cint, formatdate, getdate

from msp_licensing import clock
from msp_licensing.changes import assignments, decide, notify, people, planning, requests, result, states
from msp_licensing.changes.document import LIMITS_FOR_CLIENTS
from msp_licensing.changes.states import APPLIED, DOCTYPE, EXPIRED, PENDING, SCHEDULED, WITHDRAWN
from msp_licensing.pax8 import NotFound, Pax8Client, Pax8Error
from msp_licensing.rules.plurals import plural
from msp_licensing.rules.policy import Decision, Outcome, Verdict
from msp_licensing.sync import connection, subscriptions

# Where no window is known, staff get their task so many days before the end of the term.
HAND_OVER_DAYS = 7

# How long after the end of the term a request that staff make by hand is waited for.
GIVE_UP_DAYS = 30

RETRY_MINUTES = 15

# Days of terms are counted in UTC (`clock.pax8_today`). Which midnight Pax8 means it does not say, so that a renewal may be
# seen on the day before: from so long before its end on, a term that ends later has been renewed and not moved.
RENEWED_BEFORE = timedelta(days=1)

ACTIVE = "Active"
# A subscription in one of these has no quantity to change any more.
OVER = ("Cancelled", "PendingCancel", "Converted", "Inactive", "Deleted")


# --------------------------------------------------------------------------------------------- finding


def watch() -> int:
	"""Queues a look at every scheduled request that needs one; returns how many.

	Also without a connection: what is due is then handed to staff before its window closes.
	"""
	names = needing_a_look(planning.today())
	for name in names:
		queue_look(name)
	return len(names)


def queue_look(name: str) -> None:
	frappe.enqueue(
		"msp_licensing.changes.schedule.look",
		queue="short",
		job_id=f"license-change-look-{name}",
		deduplicate=True,
		enqueue_after_commit=True,
		request=name,
	)


def needing_a_look(today: date) -> list[str]:
	"""Scheduled requests that are due, or whose subscription has changed since they were planned."""
	rows = frappe.db.sql(
		"""select r.name from `tabLicense Change Request` r
		left join `tabPax8 Subscription` s on s.name = r.subscription
		where r.workflow_state = %(scheduled)s and (
			(r.scheduled_for <= %(soon)s and (r.next_attempt_on is null or r.next_attempt_on <= %(now)s))
			or (s.quantity <> r.current_quantity and s.status = %(active)s)
			or (s.commitment_end <> r.term_end and r.term_end > %(tomorrow)s)
			or s.client is null or s.client <> r.client or s.client_doctype <> r.client_doctype
			or s.vanished = 1 or s.status in %(over)s or s.end_date <= r.scheduled_for
		)
		order by r.scheduled_for, r.name""",
		{
			"scheduled": SCHEDULED,
			"active": ACTIVE,
			"over": OVER,
			"now": clock.utc_now(),
			"tomorrow": today + RENEWED_BEFORE,
			"soon": today + timedelta(HAND_OVER_DAYS),
		},
	)
	return [name for (name,) in rows]


def remind() -> int:
	"""Tells of the changes that are to be made soon (Licensing Settings, "Tell of Scheduled Changes Before")."""
	days = cint(frappe.db.get_single_value("Licensing Settings", "scheduled_notice_days"))
	if not days or not connection.is_live():
		return 0  # what is not sent is not announced
	today, count = planning.today(), 0
	for row in frappe.get_all(
		DOCTYPE,
		filters=[
			["workflow_state", "=", SCHEDULED],
			["scheduled_for", ">", today],
			["scheduled_for", "<=", today + timedelta(days)],
		],
		fields=["name", "scheduled_for", "requested_on_utc"],
	):
		if (row.scheduled_for - row.requested_on_utc.date()).days <= days:
			continue  # whoever asked a few days before knows
		notify.about("scheduled_soon", frappe.get_doc(DOCTYPE, row.name), key=str(row.scheduled_for))
		count += 1
	return count


# --------------------------------------------------------------------------------------------- looking


def look(request: str, *, pax8: Pax8Client | None = None) -> None:
	"""Reads the subscription of a scheduled request fresh, and does what is to be done about it. Commits.

	Does nothing for a request that is not scheduled (any more). May run at any time, and more than once.

	Args:
		pax8: a client to use instead of the site's own.
	"""
	frappe.set_user("Administrator")  # the job runs as whoever queued it
	name = frappe.db.get_value(DOCTYPE, {"name": request, "workflow_state": SCHEDULED}, "subscription")
	if not name:
		return
	unconnected = None if pax8 else connection.problem()
	problem = unconnected or _read(name, pax8)
	frappe.db.commit()  # nosemgrep: frappe-manual-commit - what was read is true, whatever comes of the request
	# Whoever withdraws or rejects it at this moment waits for this row, or has been faster.
	doc = frappe.get_doc(DOCTYPE, request, for_update=True)
	row = frappe.db.get_value("Pax8 Subscription", name, list(decide.FIELDS), as_dict=True)
	if doc.workflow_state == SCHEDULED and row:
		_Look(doc, row, planning.today()).take(problem, for_long=bool(unconnected))
	frappe.db.commit()  # nosemgrep: frappe-manual-commit - end of the job


def _read(subscription: str, pax8: Pax8Client | None) -> str | None:
	"""Reads a subscription and stores what Pax8 says; returns why that could not be done, or None."""
	try:
		with connection.for_one_record(pax8) as client:
			subscriptions.store_one(client.subscription(subscription))
	except NotFound:
		subscriptions.mark_as_gone(subscription)
	except Pax8Error as error:
		return error.message
	return None


class _Look:
	"""What becomes of one scheduled request, with its row locked and its subscription just read."""

	def __init__(self, doc: Any, row: Any, today: date) -> None:
		self.doc, self.row, self.today = doc, row, today
		self.target = states.target_of(doc)
		self.plan = planning.plan_of(decide.facts_of(row), getdate(doc.term_end))

	def take(self, problem: str | None, *, for_long: bool = False) -> None:
		"""`problem`: why Pax8 could not be read; `for_long`: that is so until somebody connects it."""
		if not states.still_owned(self.doc):
			return self._drop(_said("another_client"))
		if problem:
			if self._window_over() or (for_long and self._is_last_chance()):
				return self._hand_over(_("Pax8 could not be read: {0}").format(problem))
			return self._wait(minutes=RETRY_MINUTES)
		if self._is_gone():
			return self._drop(_said("gone"))
		if self.row.quantity == self.target:
			return self._done()
		if self.row.quantity < self.target:
			return self._drop(_said("below", now=self.row.quantity))
		self._follow_the_term()
		if self.row.quantity != self.doc.current_quantity and not self._quantity_moved():
			return None
		if self.today >= getdate(self.doc.scheduled_for):
			return self._due()
		if self.plan.by_hand and self._is_last_chance():
			self._hand_over(_("Pax8 does not say when a change around the end of this term is possible."))
		return self._wait()

	# ----------------------------------------------------------------------------------- what has changed

	def _is_gone(self) -> bool:
		ends = self.row.end_date and getdate(self.row.end_date) <= getdate(self.doc.scheduled_for)
		return bool(cint(self.row.vanished) or self.row.status in OVER or ends)

	def _drop(self, what: Any) -> None:
		"""There is nothing left to do: the request ends, and whoever asked is told why."""
		told = self.doc.term_end
		message = what()
		self._move(
			WITHDRAWN,
			event="dropped",
			told={"private": message},
			**clock.stamp("decided_on"),
			pax8_message=message,
		)
		notify.about("scheduled_changed", self.doc, what=what, date=told)

	def _done(self) -> None:
		"""The quantity is there already: staff or somebody else made the change at Pax8."""
		if self.row.status != ACTIVE:
			return self._wait()
		self._move(
			APPLIED,
			event="found_done",
			told={"quantity": self.row.quantity},
			quantity_after=self.row.quantity,
			pax8_message=_("Pax8 already had {0}: nothing had to be sent.").format(self.row.quantity),
			**clock.stamp("applied_on"),
		)
		notify.about("outcome", self.doc)

	def _follow_the_term(self) -> None:
		"""A term whose end was moved before it came: the change moves with it."""
		old, new = getdate(self.doc.term_end), self.row.commitment_end
		if not new or new == old or self.today + RENEWED_BEFORE >= old:
			return  # at the end of the old term a later one only says that it has renewed
		if self.doc.handed_over_on:
			assignments.close(self.doc.name)  # its date was that of the old term
		self.plan = planning.plan_of(decide.facts_of(self.row))
		self._move(
			SCHEDULED,
			event="term_moved",
			told={"before": old, "now": new, "scheduled_for": self.plan.due},
			term_end=new,
			scheduled_for=self.plan.due,
			handed_over_on=None,
		)
		notify.about("scheduled_changed", self.doc, what=_said("term", end=new), key=str(new), date=old)

	def _quantity_moved(self) -> bool:
		"""Decides afresh on the quantity that is there now. Returns whether the request stays scheduled."""
		before, now = self.doc.current_quantity, self.row.quantity
		running = self.row.commitment_end and self.row.commitment_end > self.today
		inputs = self._inputs(planning.AT_TERM_END if running else planning.NOW)
		decision = inputs.decide()
		values = {"current_quantity": now, "quantity_change": self.target - now}
		values |= decide.record(inputs, decision)
		if decision.outcome != Outcome.RELEASED:
			asked = self.doc.requested_quantity
			values["quantity_change"] = asked - now
			self._ask_again(decision, _moved_words(before, now, asked), values, event="quantity_moved")
			return False
		# From here on it is the policy that allows it: what a person approved was a change of another quantity.
		values |= {"decision_rule": decision.rule, "decision_summary": decide.staff_words(decision)}
		values |= {"decision": "Auto-Approved", "decided_by": None, **clock.stamp("decided_on")}
		told = {"quantity": now, "before": before, "private": values["decision_summary"]}
		self._move(SCHEDULED, event="still_scheduled", told=told, **values)
		what = _said("moved", before=before, now=now, target=self.target)
		notify.about("scheduled_changed", self.doc, what=what, key=f"{before} {now}")
		return True

	# ----------------------------------------------------------------------------------- due

	def _due(self) -> None:
		inputs = self._inputs(planning.NOW)
		decision = inputs.decide()
		commitment = next(
			(step for step in decision.trace if step.rule in ("committed_until", "commitment_unknown")), None
		)
		if commitment is None or commitment.verdict is not Verdict.PASSES or self.row.status != ACTIVE:
			if self._window_over():
				return self._hand_over(_("The commitment does not allow the change any more by itself."))
			return self._wait()  # the term still runs where Pax8 is, or a change is being provisioned
		if decision.outcome != Outcome.RELEASED and not self._was_settled(decision):
			return self._ask_again(decision, None, decide.record(inputs, decision), event="pending")
		if not connection.is_live():
			if self._is_last_chance():
				return self._hand_over(_("The mode of Pax8 Settings is not Live: nothing is sent."))
			return self._wait(minutes=60)
		self._move(states.APPROVED, event="due", next_attempt_on=None, pax8_message=None)
		requests.queue_apply(self.doc.name)
		return None

	def _was_settled(self, decision: Decision) -> bool:
		"""Whether staff have approved what the policy would hold, or what a client could not ask for."""
		refusing = {step.rule for step in decision.trace if step.verdict is Verdict.REFUSES}
		by_staff = bool(self.doc.decided_by) and not people.decided_by_client(self.doc)
		return by_staff and refusing <= set(LIMITS_FOR_CLIENTS)

	def _inputs(self, timing: str) -> Any:
		"""What the decision is made from; where Pax8 shows the next term, ours is known to have ended."""
		inputs = decide.inputs_for(
			self.row, self.target, timing=timing, leave_out=self.doc.name, today=self.today
		)
		ended = getdate(self.doc.term_end)
		if ended <= self.today and (not self.row.commitment_end or self.row.commitment_end > ended):
			inputs = inputs._replace(facts=replace(inputs.facts, renewed_on=ended))
		return inputs

	def _window_over(self) -> bool:
		last = self.plan.last or getdate(self.doc.scheduled_for)
		return self.today > last or (self.plan.by_hand and self.today >= last)

	def _is_last_chance(self) -> bool:
		"""Whether staff are to be told now, if the change is to be made in time without Pax8 having been read."""
		if self.plan.last:
			return self.today >= self.plan.last
		return self.today >= getdate(self.doc.scheduled_for) - timedelta(HAND_OVER_DAYS)

	def _ask_again(self, decision: Decision, why: str | None, values: dict[str, Any], *, event: str) -> None:
		"""It is not released any more: a person decides, on the wish as it was made."""
		disabled = decision.rule == result.DISABLED and not why
		summary = why or (result.disabled_words() if disabled else decide.staff_words(decision))
		held = result.DISABLED if disabled else "held_when_due"
		moved = {"quantity": self.row.quantity, "before": self.doc.current_quantity} if why else {}
		self._move(
			PENDING,
			event="quantity_moved" if why else held,
			told={"private": summary, **moved},
			**values,
			decision="Held",
			decision_rule="quantity_moved" if why else decision.rule,
			decision_summary=summary,
			approved_quantity=0,
			quantity_reason=None,
			decided_by=None,
			handed_over_on=None,
			next_attempt_on=None,
			**clock.no_stamp("decided_on"),
		)
		notify.about(event, self.doc)

	def _hand_over(self, why: str) -> None:
		"""A task for staff, with a date; once. Ends the request when nobody has made the change for long."""
		if self.today > getdate(self.doc.term_end) + timedelta(GIVE_UP_DAYS):
			told = self.doc.term_end
			self._move(EXPIRED, next_attempt_on=None, **clock.stamp("decided_on"))
			return notify.about("scheduled_changed", self.doc, what=_said("expired"), date=told)
		if self.doc.handed_over_on:
			return self._wait()
		self._wait(
			event="handed_over",
			told={"private": why, "by": self.doc.term_end},
			handed_over_on=clock.site_now(),
			pax8_message=_("To be made by hand: {0}").format(why)[:2000],
		)
		notify.about("by_hand", self.doc, what=why, date=self.doc.term_end, key=str(self.doc.term_end))
		return None

	def _wait(self, *, minutes: int | None = None, **values: Any) -> None:
		"""Looked at again in some minutes, or when Pax8's next day begins."""
		tomorrow = datetime.combine(self.today + timedelta(1), time())
		again = clock.after(minutes=minutes) if minutes else tomorrow
		self._move(SCHEDULED, next_attempt_on=again, **values)

	def _move(self, to: str, **values: Any) -> None:
		states.move(self.doc.name, to, expect=(SCHEDULED,), **values)
		self.doc.reload()


# --------------------------------------------------------------------------------------------- words


def _said(key: str, **values: Any) -> Any:
	"""A sentence for whoever asked and for staff, made in the language of each reader."""

	def say() -> str:
		shown = {name: formatdate(v) if isinstance(v, date) else v for name, v in values.items()}
		one, more = _TEXTS[key] if isinstance(_TEXTS[key], tuple) else (_TEXTS[key], _TEXTS[key])
		return str(plural(shown.get("now", 0), one, more)).format(**shown)

	return say


_TEXTS = {
	"gone": _lt("The subscription has been cancelled, so there is nothing left to reduce."),
	"another_client": _lt(
		"The subscription belongs to another client record now: the plan has been dropped."
	),
	"below": (
		_lt("The subscription has only {now} license now: the planned change has been dropped."),
		_lt("The subscription has only {now} licenses now: the planned change has been dropped."),
	),
	"term": _lt("The term now ends on {end}; the change has been moved with it."),
	"moved": (
		_lt(
			"There is {now} license now instead of {before}. The change to {target} is still planned; "
			"it can be withdrawn."
		),
		_lt(
			"There are {now} licenses now instead of {before}. The change to {target} is still planned; "
			"it can be withdrawn."
		),
	),
	"expired": _lt("It could not be made around the end of the term. Please ask for it again."),
}


def _moved_words(before: int, now: int, target: int) -> str:
	return _(
		"Planned when the quantity was {0}; Pax8 has {1} now. {2} is still wished for. Nothing was sent."
	).format(before, now, target)
