"""Reads from Pax8 what the events name, in a job of its own. One worker at a time: an older answer must not be
stored after a newer one.

Many events of one record lead to one read, since all that wait are taken together. An event that is delivered again
while it is processed waits for another turn: what was read may be older than what it tells of.
"""

import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Literal, NamedTuple

import frappe
from frappe import _, _lt
from rq.timeouts import JobTimeoutException

from msp_licensing import clock, transactions
from msp_licensing.pax8 import (
	AuthenticationFailed,
	ConfigurationError,
	NoAnswer,
	Pax8Client,
	Pax8Error,
	RateLimited,
	ServerFault,
	Unreachable,
)
from msp_licensing.sync import connection, single
from msp_licensing.sync.lock import RunLock
from msp_licensing.webhooks import events
from msp_licensing.webhooks.delivery import Delivery, Kind, read, subject_of
from msp_licensing.webhooks.events import DOCTYPE, FAILED, IGNORED, PROCESSED, RECEIVED

MAX_ATTEMPTS = 5
MINUTES_BETWEEN_ATTEMPTS = 4  # a little less than the schedule's five
BATCH = 200
SECONDS_PER_JOB = 240
SECONDS_TO_WAIT_FOR_OTHER_JOB = 300

# Trouble that may be over in a few minutes: nothing is wrong with the event.
TRANSIENT = (Unreachable, ServerFault, RateLimited, NoAnswer, AuthenticationFailed, ConfigurationError)
# Trouble that the next call would meet as well.
_OF_THE_CONNECTION = (Unreachable, RateLimited, AuthenticationFailed, ConfigurationError)
_FAULTS_IN_A_ROW = 3

# What is read: a record, or the usage of a subscription.
Read = Kind | Literal["usage"]

_READERS: dict[Read, Callable[[Pax8Client, str], single.Stored]] = {
	"subscription": single.subscription,
	"usage": single.usage,
	"company": single.company,
	"product": single.product,
}


class Outcome(NamedTuple):
	"""What became of a record that an event names: the event's status, and a sentence; or an error to come back to."""

	status: str
	words: str
	is_error: bool = False


def run(pax8: Pax8Client | None = None) -> int:
	"""Processes all events that wait; returns how many it has taken up. Commits.

	Args:
		pax8: a client to use instead of the site's own.
	"""
	frappe.set_user("Administrator")  # the job runs as whoever delivered: Guest
	lock = RunLock("Webhooks")
	if not lock.acquire(SECONDS_TO_WAIT_FOR_OTHER_JOB):
		return 0
	try:
		events.job_has_started()
		with ExitStack() as stack:
			return _Work(pax8, stack).run()
	finally:
		lock.release()


def records_of(delivery: Delivery) -> list[tuple[Read, str]]:
	"""What to read for an event: the records its topic is about, subscriptions of topics nobody told us of, and the usage
	of subscriptions for which usage was posted.
	"""
	kind = subject_of(delivery.topic) or "subscription"
	records: list[tuple[Read, str]] = []
	if kind in _READERS:
		records += [(kind, name) for name in delivery.ids.get(kind, ())]
	if delivery.tells_of_usage:
		records += [("usage", name) for name in delivery.ids.get("subscription", ())]
	return records


class _Work:
	"""One job: batch after batch, until nothing waits or its time is up."""

	def __init__(self, pax8: Pax8Client | None, stack: ExitStack) -> None:
		self._pax8 = pax8
		self._given = pax8 is not None
		self._stack = stack
		self._down: Pax8Error | None = None
		self._faults = 0
		self._read: dict[tuple[Read, str], Outcome] = {}

	def run(self) -> int:
		end = time.monotonic() + SECONDS_PER_JOB
		taken: set[tuple[str, int]] = set()
		while batch := [row for row in self._waiting() if (row.name, row.times_received) not in taken]:
			self._read = {}  # read before these events came, an answer says nothing about them
			for row in batch:
				if time.monotonic() > end:
					events.queue_processing()
					return len(taken)
				taken.add((row.name, row.times_received))
				self._process(row)
		return len(taken)

	def _waiting(self) -> list[Any]:
		frappe.db.commit()  # nosemgrep: frappe-manual-commit - a new snapshot
		return frappe.db.sql(  # nosemgrep: frappe-sql-format-injection - names come from this code, values are parameters
			f"""select name, times_received, attempts from `tab{DOCTYPE}`
			where status = %s and (next_attempt_on_utc is null or next_attempt_on_utc <= %s)
			order by last_received_on_utc limit {BATCH}""",
			(RECEIVED, clock.utc_now()),
			as_dict=True,
		)

	def _process(self, row: Any) -> None:
		if not self._given and (problem := connection.problem()):
			self._finish(row, IGNORED, problem)
			return
		if row.attempts >= MAX_ATTEMPTS:
			# Claimed that often and never ended: whatever kills the worker must not do so for ever.
			self._finish(row, FAILED, None, _("Given up: the worker was stopped each time."))
			return
		frappe.db.set_value(DOCTYPE, row.name, "attempts", row.attempts + 1, update_modified=False)
		frappe.db.commit()  # nosemgrep: frappe-manual-commit - counted before it is tried, so that a killed worker counts
		try:
			outcomes = self._outcomes(frappe.db.get_value(DOCTYPE, row.name, "payload"))
		except JobTimeoutException:
			raise  # the worker's time is up, which says nothing about this event
		except Exception as error:
			frappe.db.rollback()
			frappe.log_error(
				title="Pax8 webhook event failed", reference_doctype=DOCTYPE, reference_name=row.name
			)
			self._finish(row, FAILED, None, f"{type(error).__name__}: {error}")
			return
		self._conclude(row, outcomes)

	def _outcomes(self, payload: str) -> list[Outcome]:
		delivery = read((payload or "").encode())
		records = records_of(delivery)
		if not records:
			return [Outcome(IGNORED, _why_nothing_is_read(delivery))]
		return [self._outcome(kind, name) for kind, name in records]

	def _outcome(self, kind: Read, name: str) -> Outcome:
		if (kind, name) not in self._read:
			self._read[kind, name] = self._read_record(kind, name)
		return self._read[kind, name]

	def _read_record(self, kind: Read, name: str) -> Outcome:
		if self._down:
			return Outcome(RECEIVED, self._down.message, True)
		try:
			client = self._client()
			frappe.db.rollback()  # what is stored is looked at after the answer, not before
			stored = _READERS[kind](client, name)
			frappe.db.commit()  # nosemgrep: record by record, so that a killed worker keeps what it has
		except Pax8Error as error:
			frappe.db.rollback()
			if not isinstance(error, TRANSIENT):
				self._faults = 0
				return Outcome(FAILED, error.message, True)
			self._faults += 1
			if isinstance(error, _OF_THE_CONNECTION) or self._faults >= _FAULTS_IN_A_ROW:
				self._down = error
			return Outcome(RECEIVED, error.message, True)
		except Exception as error:
			if not transactions.is_busy(error):
				raise
			frappe.db.rollback()
			return Outcome(RECEIVED, _("The database was busy with this record."), True)
		self._faults = 0
		return Outcome(
			IGNORED if stored in ("unknown", "unmapped") else PROCESSED, _words(kind, name, stored)
		)

	def _client(self) -> Pax8Client:
		if self._pax8 is None:
			self._pax8 = self._stack.enter_context(connection.client(timeout=20, max_retries=1))
		return self._pax8

	def _conclude(self, row: Any, outcomes: list[Outcome]) -> None:
		statuses = {outcome.status for outcome in outcomes}
		done = "\n".join(dict.fromkeys(outcome.words for outcome in outcomes if not outcome.is_error)) or None
		errors = "\n".join(dict.fromkeys(outcome.words for outcome in outcomes if outcome.is_error)) or None
		if RECEIVED in statuses and row.attempts + 1 < MAX_ATTEMPTS:
			again = clock.at("next_attempt_on", clock.after(minutes=MINUTES_BETWEEN_ATTEMPTS))
			self._finish(row, RECEIVED, done, errors, processed_on=None, **again)
		elif statuses & {RECEIVED, FAILED}:
			self._finish(row, FAILED, done, errors)
		else:
			self._finish(row, PROCESSED if PROCESSED in statuses else IGNORED, done)

	def _finish(
		self, row: Any, status: str, result: str | None, error: str | None = None, **values: Any
	) -> None:
		"""Writes the end of a turn, unless the event was delivered again since it was taken up: then it waits on."""
		times = frappe.db.get_value(DOCTYPE, row.name, "times_received", for_update=True)
		if times == row.times_received:
			frappe.db.set_value(
				DOCTYPE,
				row.name,
				{
					"status": status,
					"result": (result or "")[:2000] or None,
					"error": (error or "")[:2000] or None,
					"processed_on": clock.site_now(),
					**clock.no_stamp("next_attempt_on"),
					**values,
				},
			)
		frappe.db.commit()  # nosemgrep: frappe-manual-commit - event by event


def _why_nothing_is_read(delivery: Delivery) -> str:
	subject = subject_of(delivery.topic) or "subscription"
	if subject in _READERS:
		return _("It names no {0}. The schedule brings what changed.").format(_NOUNS[subject])
	return _("Nothing here follows from this topic.")


_NOUNS = {
	"subscription": _lt("subscription"),
	"usage": _lt("usage of subscription"),
	"company": _lt("company"),
	"product": _lt("product"),
}


def _words(kind: Read, name: str, stored: single.Stored) -> str:
	sentence = {
		"new": _("{0}: read from Pax8, new here."),
		"changed": _("{0}: read from Pax8 and updated."),
		"unchanged": _("{0}: read from Pax8, nothing had changed."),
		"gone": _("{0}: Pax8 does not know it any more; it is marked here."),
		"unknown": _("{0}: neither Pax8 nor this site knows it."),
		"unmapped": _("{0}: its company is not mapped to a client, so nothing was stored."),
	}[stored]
	doctype, field = {
		"subscription": ("Pax8 Subscription", "product_name"),
		"usage": ("Pax8 Subscription", "product_name"),
		"company": ("Pax8 Company", "company_name"),
		"product": ("Pax8 Product", "product_name"),
	}[kind]
	known = frappe.db.get_value(doctype, name, field)
	if known and kind == "usage":
		known = _("Usage of {0}").format(known)
	return sentence.format(known or f"{_NOUNS[kind]} {name}")
