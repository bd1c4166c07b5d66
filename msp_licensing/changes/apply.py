"""Carries an approved request to Pax8 and proves the result.

Runs in a background job, after the approval is committed. Every step that must not be repeated is written down and
committed *before* it is taken, so that a worker killed at any point leaves a row from which the next run knows what
may have happened:

	Approved                          nothing has been sent
	Applying, no `write_sent_on`      claimed; nothing has been sent: start again from a fresh read
	Applying, with `write_sent_on`    the change may have been sent: from here on Pax8 is only read, never written

One request is in the hands of one worker at a time: a MariaDB lock, which the database gives back by itself when the
worker's connection dies, on whatever machine.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from hashlib import sha256
from typing import Any

import frappe
from frappe import _
from frappe.utils import add_to_date, cint, get_datetime, now_datetime

from msp_licensing.changes import notify, states
from msp_licensing.changes.states import (
	APPLIED,
	APPLYING,
	APPROVED,
	DOCTYPE,
	FAILED,
	NEEDS_REVIEW,
	PENDING,
)
from msp_licensing.pax8 import (
	Forbidden,
	NotFound,
	Pax8Client,
	Pax8Error,
	RateLimited,
	Refused,
	Subscription,
	Unreachable,
	WritesDisabled,
)
from msp_licensing.sync import connection, subscriptions

# Seconds between the reads that look for the effect, in one job. Provisioning that takes longer is looked at again
# by the five-minute follow-up, so that no worker is kept waiting.
READ_BACK_AFTER = (0, 1, 2, 4, 8, 15)

# Provisioning can get stuck at Pax8 although the service works; then a person has to look.
GIVE_UP_AFTER_HOURS = 24

# A change that could not leave this machine is tried again by the follow-up this often, then staff are told.
MAX_ATTEMPTS = 12
RETRY_AFTER_MINUTES = (1, 2, 5, 10, 15, 30)

ACTIVE = "Active"
PROVISIONING = ("PendingManual", "PendingAutomated", "PendingActivation", "WaitingForDetails")


def run(request: str, *, pax8: Pax8Client | None = None) -> None:
	"""Applies the License Change Request `request`, or finishes what an earlier run began.

	Does nothing if another worker has it, or if it is in no state to be applied. Commits.

	Args:
		pax8: a client to use instead of the site's own; its writes must be allowed for anything to be sent.
	"""
	frappe.set_user("Administrator")  # the job runs as whoever approved, also a portal user
	if pax8 is None and not connection.is_live():
		return  # Observe or Off: the request keeps waiting as Approved; the follow-up comes back to it
	with _only_worker(request) as mine:
		if not mine:
			return
		frappe.db.rollback()  # see what the worker before us committed, not our older snapshot
		with nullcontext(pax8) if pax8 else connection.client(priority=True) as client:
			_Application(request, client).run()


@contextmanager
def _only_worker(request: str) -> Iterator[bool]:
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

	def run(self) -> None:
		row = self._row()
		if not row:
			return  # queued for a request that has been rolled back or removed since
		if row.workflow_state == APPROVED:
			if not self._claim():
				return
		elif row.workflow_state != APPLYING:
			return
		row = self._row()
		if row.write_sent_on:
			self._look_for_effect(row, answer_lost=True)
		else:
			self._send(row)

	def _row(self) -> Any:
		return frappe.db.get_value(
			DOCTYPE,
			self.name,
			[
				"workflow_state",
				"subscription",
				"current_quantity",
				"requested_quantity",
				"write_sent_on",
				"attempts",
			],
			as_dict=True,
		)

	def _claim(self) -> bool:
		claimed = states.move(
			self.name,
			APPLYING,
			expect=(APPROVED,),
			claimed_on=now_datetime(),
			attempts=cint(frappe.db.get_value(DOCTYPE, self.name, "attempts")) + 1,
			next_attempt_on=None,
		)
		frappe.db.commit()  # nosemgrep: the claim has to be seen by all before anything is sent
		return claimed

	# ----------------------------------------------------------------------------------- sending

	def _send(self, row: Any) -> None:
		try:
			remote = self.pax8.subscription(row.subscription)
			subscriptions.store_one(remote)
		except NotFound as error:
			return self._end(FAILED, error.message)
		except Pax8Error as error:
			return self._try_later(row, error.message)

		quantity = remote.quantity
		self._note(quantity_before=cint(quantity))
		if quantity == row.requested_quantity and remote.status == ACTIVE:
			return self._applied(
				remote, _("Pax8 already had {0}: nothing had to be sent.").format(cint(quantity))
			)
		if quantity != row.current_quantity:
			return self._back_for_a_decision(row, cint(quantity))
		if remote.status != ACTIVE:
			return self._end(
				FAILED, _("The subscription is {0} at Pax8: nothing was sent.").format(remote.status)
			)

		if not self._take_the_one_send():
			return
		try:
			self.pax8.update_quantity(row.subscription, row.requested_quantity)
		except (RateLimited, Unreachable) as error:
			self._note(write_sent_on=None)
			return self._try_later(row, error.message)
		except WritesDisabled as error:
			self._note(write_sent_on=None)
			return self._try_later(row, error.message, count=False)
		except (Refused, Forbidden, NotFound) as error:
			return self._end(FAILED, _words(error))
		except Pax8Error as error:
			if error.effect == "none":
				return self._end(FAILED, _words(error))
			return self._look_for_effect(row, answer_lost=True, why=error.message)
		return self._look_for_effect(row, answer_lost=False)

	def _take_the_one_send(self) -> bool:
		"""Writes down that the change may have been sent; from here on nobody sends unless nothing happened, provably.

		Compares on the locked row: the lock of this worker is gone if its database connection had to be renewed.
		"""
		row = frappe.db.get_value(
			DOCTYPE, self.name, ["workflow_state", "write_sent_on"], as_dict=True, for_update=True
		)
		if row.workflow_state != APPLYING or row.write_sent_on:
			frappe.db.rollback()
			return False
		self._note(write_sent_on=now_datetime())
		return True

	def _try_later(self, row: Any, message: str, *, count: bool = True) -> None:
		"""Nothing was sent: back to Approved, for the follow-up to take up again."""
		if count and row.attempts >= MAX_ATTEMPTS:
			return self._end(
				FAILED, _("Nothing was sent after {0} attempts: {1}").format(row.attempts, message)
			)
		minutes = RETRY_AFTER_MINUTES[min(row.attempts, len(RETRY_AFTER_MINUTES)) - 1]
		states.move(
			self.name,
			APPROVED,
			expect=(APPLYING,),
			pax8_message=_("Not sent yet: {0}").format(message)[:2000],
			next_attempt_on=add_to_date(now_datetime(), minutes=minutes),
			attempts=row.attempts if count else max(row.attempts - 1, 0),
		)
		frappe.db.commit()  # nosemgrep: end of the job

	def _back_for_a_decision(self, row: Any, quantity: int) -> None:
		"""The quantity is not the one the decision was made on: a person decides afresh, seeing both numbers."""
		states.move(
			self.name,
			PENDING,
			expect=(APPLYING,),
			current_quantity=quantity,
			quantity_change=row.requested_quantity - quantity,
			decision="Held",
			decision_rule="quantity_moved",
			decision_summary=_(
				"Decided when the quantity was {0}; Pax8 has {1} now. {2} is still wished for. Nothing was sent."
			).format(row.current_quantity, quantity, row.requested_quantity),
			decided_by=None,
			decided_on=None,
		)
		notify.about("quantity_moved", frappe.get_doc(DOCTYPE, self.name))
		frappe.db.commit()  # nosemgrep: end of the job

	# ----------------------------------------------------------------------------------- proving

	def _look_for_effect(self, row: Any, *, answer_lost: bool, why: str = "") -> None:
		"""Reads until the effect is seen, or leaves the rest to the follow-up. Sends nothing, whatever it finds."""
		remote: Subscription | None = None
		for seconds in READ_BACK_AFTER:
			time.sleep(seconds)
			try:
				remote = self.pax8.subscription(row.subscription)
			except Pax8Error as error:
				why = error.message
				continue
			if remote.quantity == row.requested_quantity and remote.status == ACTIVE:
				return self._applied(remote, _("Read back from Pax8."))
			if remote.quantity not in (row.requested_quantity, row.current_quantity):
				break  # somebody else is changing it, too

		sent_hours_ago = (
			now_datetime() - get_datetime(row.write_sent_on or now_datetime())
		).total_seconds() / 3600
		if sent_hours_ago < GIVE_UP_AFTER_HOURS:
			if remote is None:
				return self._wait(_("Sent; Pax8 cannot be read at the moment: {0}").format(why))
			if remote.quantity == row.requested_quantity and remote.status in PROVISIONING:
				return self._wait(
					_("Pax8 has taken the change and is provisioning it ({0}).").format(remote.status)
				)
			if remote.quantity == row.current_quantity and not answer_lost:
				return self._wait(
					_("Pax8 accepted the change, and still shows {0}.").format(row.current_quantity)
				)

		if remote is None:
			seen = _("Pax8 could not be read since: {0}").format(why)
		else:
			seen = _("Pax8 now shows {0} ({1}).").format(cint(remote.quantity), remote.status)
		self._end(
			NEEDS_REVIEW,
			_("It is not known whether Pax8 took the change. {0} Nothing is sent again by itself.").format(
				seen
			),
			**({"quantity_after": cint(remote.quantity)} if remote else {}),
		)

	def _applied(self, remote: Subscription, message: str) -> None:
		subscriptions.store_one(remote)
		self._end(
			APPLIED,
			message,
			expect=(APPLYING, NEEDS_REVIEW),
			quantity_after=cint(remote.quantity),
			applied_on=now_datetime(),
		)

	def _wait(self, message: str) -> None:
		self._note(pax8_message=message[:2000], next_attempt_on=add_to_date(now_datetime(), minutes=5))

	def _note(self, **values: Any) -> None:
		frappe.db.set_value(DOCTYPE, self.name, values)
		frappe.db.commit()  # nosemgrep: written down before the next step is taken

	def _end(self, state: str, message: str, *, expect: tuple[str, ...] = (APPLYING,), **values: Any) -> None:
		if states.move(
			self.name, state, expect=expect, pax8_message=message[:2000], next_attempt_on=None, **values
		):
			notify.about("outcome", frappe.get_doc(DOCTYPE, self.name))
		frappe.db.commit()  # nosemgrep: end of the job


# --------------------------------------------------------------------------------------------- staff, follow-up


def check_again(request: str, *, pax8: Pax8Client | None = None) -> str:
	"""Staff ask what became of a request in `Needs Review`: one read of Pax8, nothing is sent.

	Returns:
		The state the request is in afterwards: Applied if Pax8 shows the wished quantity, Failed (which can be
		retried) if it still shows the old one, else unchanged.
	"""
	row = frappe.db.get_value(
		DOCTYPE,
		request,
		["workflow_state", "subscription", "requested_quantity", "current_quantity"],
		as_dict=True,
	)
	if not row or row.workflow_state != NEEDS_REVIEW:
		frappe.throw(_("Only a request that needs review can be checked again."))
	with _only_worker(request) as mine:
		if not mine:
			frappe.throw(_("This request is being worked on. Please try again in a minute."))
		with nullcontext(pax8) if pax8 else connection.client(priority=True) as client:
			remote = client.subscription(row.subscription)
			application = _Application(request, client)
			if remote.quantity == row.requested_quantity and remote.status == ACTIVE:
				application._applied(remote, _("Read back from Pax8 on a second look."))
			elif remote.quantity == row.current_quantity and remote.status == ACTIVE:
				subscriptions.store_one(remote)
				application._end(
					FAILED,
					_("Pax8 still shows {0}: the change was not made. It can be retried.").format(
						row.current_quantity
					),
					expect=(NEEDS_REVIEW,),
					quantity_after=cint(remote.quantity),
				)
			else:
				application._note(
					quantity_after=cint(remote.quantity),
					pax8_message=_("Pax8 shows {0} ({1}); {2} was wished for.").format(
						cint(remote.quantity), remote.status, row.requested_quantity
					),
				)
	return frappe.db.get_value(DOCTYPE, request, "workflow_state")


def follow_up() -> int:
	"""Queues every request that is on its way and waits for nobody: lost jobs, dead workers, late provisioning.

	Harmless for requests that a worker holds at this moment. Returns how many were queued.
	"""
	if not connection.is_live():
		return 0
	now = now_datetime()
	due = frappe.get_all(
		DOCTYPE,
		filters={"workflow_state": ("in", (APPROVED, APPLYING))},
		fields=["name", "next_attempt_on", "modified"],
	)
	count = 0
	for row in due:
		# Fresh ones have their own job already; leave it a minute.
		ready = (
			row.next_attempt_on <= now
			if row.next_attempt_on
			else row.modified <= add_to_date(now, minutes=-1)
		)
		if ready:
			frappe.enqueue("msp_licensing.changes.apply.run", queue="short", request=row.name)
			count += 1
	return count


def _words(error: Pax8Error) -> str:
	"""Pax8's own words where it gave any."""
	return " ".join(error.details) or error.message
