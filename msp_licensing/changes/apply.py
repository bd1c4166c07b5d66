"""Carries an approved request to Pax8 and proves the result.

Runs in a background job, after the approval is committed. Every step that must not be repeated is written down and
committed *before* it is taken, so that a worker killed at any point leaves a row from which the next run knows what
may have happened:

	Approved                          nothing has been sent
	Applying, no `write_sent_on`      claimed; nothing has been sent: start again from a fresh read
	Applying, with `write_sent_on`    the change may have been sent: from here on Pax8 is only read, never written

One request is in the hands of one worker at a time: a MariaDB lock, which the database gives back by itself when the
worker's connection dies, on whatever machine.

What nobody can tell (`Needs Review`) is resolved by `reconcile`, also by reading.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from hashlib import sha256
from typing import Any

import frappe
from frappe import _
from frappe.utils import cint

from msp_licensing import clock, permissions
from msp_licensing.changes import attempts, notify, observe, price_drift, result, states
from msp_licensing.changes.attempts import READ, READ_BACK, Attempts
from msp_licensing.changes.states import APPLYING, APPROVED, DOCTYPE, FAILED, NEEDS_REVIEW, WITHDRAWN
from msp_licensing.pax8 import Forbidden, NotFound, Pax8Client, Pax8Error, Refused, Subscription
from msp_licensing.rules.fate import ACTIVE, PROVISIONING
from msp_licensing.rules.plurals import plural
from msp_licensing.sync import connection, subscriptions

# Seconds between the reads that look for the effect, in one job: often at first, since most changes are there in a few
# seconds. Provisioning that takes longer is looked at again by the five-minute follow-up, so that no worker is kept waiting.
READ_BACK_AFTER = (0, *(0.5,) * 8, 1, 1, 2, 4, 8, 10)

# Seconds after which no further look is begun: an unanswered call takes most of a minute, and the job has five.
READ_BACK_FOR = 90.0

# Provisioning can get stuck at Pax8 although the service works: staff are told, and in the end have to look.
SLOW_AFTER = timedelta(hours=4)
PROVISIONING_WAITS = timedelta(days=7)
# Pax8 said yes and shows the old quantity still.
ACCEPTED_WAITS = timedelta(days=1)

# A change that could not leave this machine is tried again by the follow-up after so many minutes, for more than half
# a day in all; then staff are told.
RETRY_AFTER_MINUTES = (1, 2, 5, 10, 15, 30, 60, 60, 120, 240, 240)
MAX_ATTEMPTS = len(RETRY_AFTER_MINUTES) + 1

FRESH_FOR = timedelta(minutes=1)


def run(request: str, *, pax8: Pax8Client | None = None) -> None:
	"""Applies the License Change Request `request`, or finishes what an earlier run began.

	Does nothing if another worker has it, or if it is in no state to be applied. Where Pax8 may only be observed, it is
	only looked at what would be sent. Commits.

	Args:
		pax8: a client to use instead of the site's own; its writes must be allowed for anything to be sent.
	"""
	frappe.set_user("Administrator")  # the job runs as whoever approved, also a portal user
	if pax8 is None and not connection.is_active():
		return  # the request keeps waiting; the follow-up comes back to it
	with only_worker(request) as mine:
		if not mine:
			return
		frappe.db.rollback()  # see what the worker before us committed, not our older snapshot
		with connection.for_one_record(pax8) as client:
			_Application(request, client).run()


@contextmanager
def only_worker(request: str) -> Iterator[bool]:
	"""Whether this worker has the request for itself, until the end of the block."""
	lock = "msp_" + sha256(f"{frappe.local.site}:{request}".encode()).hexdigest()[:40]
	mine = bool(frappe.db.sql("select get_lock(%s, 0)", lock)[0][0])
	try:
		yield mine
	finally:
		if mine:
			frappe.db.sql("select release_lock(%s)", lock)


class _Application:
	def __init__(self, name: str, pax8: Pax8Client) -> None:
		self.name = name
		self.pax8 = pax8
		self.attempts = Attempts(name, pax8)

	def run(self) -> None:
		row = self._row()
		if not row:
			return  # queued for a request that has been rolled back or removed since
		if row.workflow_state == APPLYING and row.write_sent_on:
			self.attempts = Attempts(self.name, self.pax8, number=row.attempts, since=row.write_sent_on_utc)
			return self._look_for_effect(row, answer_lost=not attempts.was_accepted(self.name))
		if row.workflow_state not in (APPROVED, APPLYING):
			return
		if not self.pax8.writes_allowed:
			return self._only_observe(row)
		if self._claim():
			row = self._row()
			self.attempts = Attempts(self.name, self.pax8, number=row.attempts)
			self._send(row)

	def _row(self) -> Any:
		return frappe.db.get_value(
			DOCTYPE,
			self.name,
			[
				"workflow_state",
				"subscription",
				"client_doctype",
				"client",
				"current_quantity",
				"requested_quantity",
				"approved_quantity",
				"decided_by",
				"write_sent_on",
				"write_sent_on_utc",
				"attempts",
			],
			as_dict=True,
		)

	def _claim(self) -> bool:
		"""Takes the request up, for the first time or after a worker died before anything was sent.

		Each time counts, so that also a request that ends its workers comes to an end.
		"""
		row = frappe.db.get_value(
			DOCTYPE, self.name, ["workflow_state", "write_sent_on", "attempts"], as_dict=True, for_update=True
		)
		if row.write_sent_on and row.workflow_state == APPLYING:
			frappe.db.rollback()
			return False
		number = cint(row.attempts) + 1
		if row.workflow_state == APPLYING and number > MAX_ATTEMPTS:
			message = plural(
				number - 1,
				_("Nothing was sent after {0} attempt: the worker ended."),
				_("Nothing was sent after {0} attempts: the worker ended each time."),
			).format(number - 1)
			result.end(self.name, FAILED, message, retryable=1)
			return False
		claimed = states.move(
			self.name,
			APPLYING,
			expect=(APPROVED, APPLYING),
			told={"number": number},
			claimed_on=clock.site_now(),
			attempts=number,
			next_attempt_on=None,
		)
		frappe.db.commit()  # nosemgrep: frappe-manual-commit - the claim has to be seen by all before anything is sent
		return claimed

	def _only_observe(self, row: Any) -> None:
		if row.workflow_state == APPLYING:
			# Claimed while the connection was Live, and nothing sent: it waits again.
			states.move(self.name, APPROVED, expect=(APPLYING,), event="put_back", next_attempt_on=None)
		observe.look(row, Attempts(self.name, self.pax8, number=row.attempts))
		frappe.db.commit()  # nosemgrep: frappe-manual-commit - end of the job

	# ----------------------------------------------------------------------------------- sending

	def _send(self, row: Any) -> None:
		target = states.target_of(row)
		try:
			remote = self.attempts.read(READ, row.subscription)
			subscriptions.store_one(remote)
		except NotFound as error:
			self.attempts.tell()
			return self._fail_unsent(error.message)
		except Pax8Error as error:
			self.attempts.tell()
			return self._try_later(row, error.message, after=error.retry_after)

		self.attempts.tell()
		if not states.still_owned(row):
			message = _("The subscription belongs to another client record now: nothing was sent.")
			return result.end(self.name, WITHDRAWN, message, event="dropped", **clock.stamp("decided_on"))
		if not row.decided_by and permissions.client_disabled(row.client_doctype, row.client):
			return result.hold_for_disabled_client(self.name)
		quantity = remote.quantity
		result.note(self.name, quantity_before=cint(quantity))
		if quantity == target and remote.status == ACTIVE:
			message = _("Pax8 already had {0}: nothing had to be sent.").format(cint(quantity))
			return result.applied(self.name, remote, message, calls=self.attempts, event="found_done")
		if remote.status in PROVISIONING and quantity in (target, row.current_quantity):
			message = _("Pax8 is still provisioning an earlier change ({0}).").format(remote.status)
			return self._try_later(row, message)
		if quantity != row.current_quantity:
			result.ask_again(self.name, cint(quantity), expect=(APPLYING,))
			return frappe.db.commit()  # nosemgrep: frappe-manual-commit - end of the job
		if remote.status != ACTIVE:
			message = _("The subscription is {0} at Pax8: nothing was sent.").format(remote.status)
			return self._fail_unsent(message)
		price_drift.follow(self.name, expect=(APPLYING,))
		frappe.db.commit()  # nosemgrep: frappe-manual-commit - what was found to cost something else goes back, or is written down
		if not self._still_unsent():
			return None

		if connection.mode() != connection.LIVE:
			# Switched off while this worker was waiting for Pax8.
			states.move(self.name, APPROVED, expect=(APPLYING,), event="put_back", next_attempt_on=None)
			return frappe.db.commit()  # nosemgrep: frappe-manual-commit - end of the job
		if not self._take_the_one_send(target):
			return
		try:
			self.attempts.write(row.subscription, target)
		except (Refused, Forbidden, NotFound) as error:
			return result.end(self.name, FAILED, _words(error), retryable=1)
		except Pax8Error as error:
			if error.effect == "none":
				return self._try_later(row, error.message, after=error.retry_after, not_done=True)
			frappe.db.commit()  # nosemgrep: nothing is locked while it is looked for the effect
			return self._look_for_effect(row, answer_lost=True, why=error.message)
		frappe.db.commit()  # nosemgrep: frappe-manual-commit - that Pax8 said yes is kept also if this worker dies now
		return self._look_for_effect(row, answer_lost=False)

	def _take_the_one_send(self, target: int) -> bool:
		"""Writes down that the change may have been sent; from here on nobody sends unless nothing happened, provably.

		Compares on the locked row: the lock of this worker is gone if its database connection had to be renewed.
		"""
		if not self._still_unsent():
			return False
		self.attempts.begin_write(target)
		result.note(self.name, **clock.stamp("write_sent_on"))
		return True

	def _still_unsent(self) -> bool:
		"""Whether the request is claimed and nothing has been sent, not by another worker either; locks the row."""
		row = frappe.db.get_value(
			DOCTYPE, self.name, ["workflow_state", "write_sent_on"], as_dict=True, for_update=True
		)
		if row.workflow_state == APPLYING and not row.write_sent_on:
			return True
		frappe.db.rollback()
		return False

	def _fail_unsent(self, message: str) -> None:
		if self._still_unsent():
			result.end(self.name, FAILED, message, retryable=1)

	def _try_later(
		self, row: Any, message: str, *, after: float | None = None, not_done: bool = False
	) -> None:
		"""Nothing was changed: back to Approved, for the follow-up to take up again.

		Args:
			after: seconds that Pax8 asked to wait.
			not_done: this worker did send, and the answer says that nothing was done.
		"""
		if not (not_done or self._still_unsent()):
			return
		values = clock.no_stamp("write_sent_on") if not_done else {}
		if row.attempts >= MAX_ATTEMPTS:
			words = plural(
				row.attempts,
				_("Nothing was sent after {0} attempt: {1}"),
				_("Nothing was sent after {0} attempts: {1}"),
			).format(row.attempts, message)
			return result.end(self.name, FAILED, words, retryable=1, **values)
		waits = _("Not sent yet: {0}").format(message)[: result.LONGEST_MESSAGE]
		seconds = max(60 * RETRY_AFTER_MINUTES[max(row.attempts, 1) - 1], after or 0)
		states.move(
			self.name,
			APPROVED,
			expect=(APPLYING,),
			event="put_back",
			told={"private": message, "attempt": self.attempts.latest},
			pax8_message=waits,
			next_attempt_on=clock.after(seconds=seconds),
			**values,
		)
		frappe.db.commit()  # nosemgrep: frappe-manual-commit - end of the job

	# ----------------------------------------------------------------------------------- proving

	def _look_for_effect(self, row: Any, *, answer_lost: bool, why: str = "") -> None:
		"""Reads until the effect is seen, or leaves the rest to the follow-up. Sends nothing, whatever it finds."""
		target = states.target_of(row)
		sent_on = row.write_sent_on_utc or clock.utc_now()
		remote: Subscription | None = None
		end = time.monotonic() + READ_BACK_FOR
		for seconds in READ_BACK_AFTER:
			if time.monotonic() > end:
				break
			time.sleep(seconds)
			try:
				remote = self.attempts.read(READ_BACK, row.subscription)
			except Pax8Error as error:
				why = error.message
				continue
			if remote.quantity == target and remote.status == ACTIVE:
				return result.applied(self.name, remote, _("Read back from Pax8."), calls=self.attempts)
			if remote.quantity not in (target, row.current_quantity):
				break  # somebody else is changing it, too

		waited = clock.passed(sent_on)
		if remote is None:
			if waited < ACCEPTED_WAITS:
				words = _("Sent; Pax8 cannot be read at the moment: {0}").format(why)
				return result.wait(self.name, sent_on, words, calls=self.attempts)
			seen = _("Pax8 could not be read since: {0}").format(why)
		elif remote.quantity == target and remote.status in PROVISIONING:
			if waited < PROVISIONING_WAITS:
				return self._wait_for_provisioning(remote, sent_on, waited)
			words = _("Pax8 shows {0}, and has not finished provisioning it ({1}) since {2}.")
			return self._needs_review(
				words.format(target, remote.status, clock.to_site(sent_on).date()), remote
			)
		elif (
			remote.quantity == row.current_quantity
			and remote.status in PROVISIONING
			and waited < PROVISIONING_WAITS
		):
			words = _("Sent; Pax8 is provisioning a change ({0}) and still shows {1}.")
			words = words.format(remote.status, row.current_quantity)
			return result.wait(self.name, sent_on, words, calls=self.attempts)
		else:
			if remote.quantity == row.current_quantity and not answer_lost and waited < ACCEPTED_WAITS:
				words = _("Pax8 accepted the change, and still shows {0}.").format(row.current_quantity)
				return result.wait(self.name, sent_on, words, calls=self.attempts)
			seen = _("Pax8 now shows {0} ({1}).").format(cint(remote.quantity), remote.status)
		words = _("It is not known whether Pax8 took the change. {0} Nothing is sent again by itself.")
		return self._needs_review(words.format(seen), remote)

	def _wait_for_provisioning(self, remote: Subscription, sent_on: Any, waited: timedelta) -> None:
		def words() -> str:
			return _("Pax8 has taken the change and is provisioning it ({0}).").format(remote.status)

		result.keep(remote)
		if waited >= SLOW_AFTER:
			notify.about("provisioning_slow", frappe.get_doc(DOCTYPE, self.name), what=words)
		result.wait(self.name, sent_on, words(), calls=self.attempts, quantity_after=cint(remote.quantity))

	def _needs_review(self, message: str, remote: Subscription | None) -> None:
		self.attempts.tell()
		result.end(
			self.name,
			NEEDS_REVIEW,
			message,
			told={"attempt": self.attempts.latest},
			next_attempt_on=clock.after(minutes=result.LOOK_AGAIN[0][1]),
			**({"quantity_after": cint(remote.quantity)} if remote else {}),
		)


def _words(error: Pax8Error) -> str:
	"""Pax8's own words where it gave any."""
	return "; ".join(error.details) or error.message


# --------------------------------------------------------------------------------------------- follow-up


def follow_up() -> int:
	"""Queues every request that is on its way and waits for nobody: lost jobs, dead workers, late provisioning.

	Harmless for requests that a worker holds at this moment. Returns how many were queued.
	"""
	if not connection.is_active():
		return 0
	now, live, count = clock.utc_now(), connection.is_live(), 0
	for row in frappe.get_all(
		DOCTYPE,
		filters={"workflow_state": ("in", (APPROVED, APPLYING, NEEDS_REVIEW))},
		fields=["name", "workflow_state", "write_sent_on", "next_attempt_on", "modified"],
		order_by="next_attempt_on asc, creation asc",
	):
		sent = row.workflow_state == APPLYING and row.write_sent_on
		if row.workflow_state == NEEDS_REVIEW:
			job = "msp_licensing.changes.reconcile.run"
		else:
			job = "msp_licensing.changes.apply.run"
		if not (live or sent or row.workflow_state == NEEDS_REVIEW):
			ready = observe.is_due(row.name)
		elif row.next_attempt_on:
			ready = row.next_attempt_on <= now
		else:
			# Fresh ones have their own job already; leave it a minute. Frappe writes `modified` in the site's time: in an
			# hour that comes twice it may lie ahead, and to look once too often does no harm.
			ready = abs(clock.site_now() - row.modified) >= FRESH_FOR
		if ready:
			frappe.enqueue(job, queue="short", request=row.name)
			count += 1
	return count
