"""One run of a sync: lock, client, record, progress. Scheduler, buttons and mapping all come through here."""

import time
from typing import Any

import frappe
from frappe import _

from msp_licensing import clock
from msp_licensing.pax8 import Pax8Client, Pax8Error
from msp_licensing.sync import companies, connection, products, subscriptions
from msp_licensing.sync.kinds import usage
from msp_licensing.sync.lock import RunLock

WALKS = {
	"Companies": companies.sync,
	"Subscriptions": subscriptions.sync,
	"Products": products.sync,
	"Usage": usage.sync,
}
# A large catalogue takes 2 calls a product at 1000 calls a minute; usage lines take up to 3 for each resource group.
TIMEOUT = {
	"Companies": 30 * 60,
	"Subscriptions": 60 * 60,
	"Products": 4 * 60 * 60,
	"Usage": 4 * 60 * 60,
}
# A company that was just mapped is read after the run that is going, not left to the next hour.
COMPANY_WAITS = 10 * 60
MOST_PROBLEMS, LONGEST_PROBLEM = 50, 1000
PROGRESS_EVENT = "msp_licensing_sync_progress"


def enqueue(kind: str, *, trigger: str, company: str | None = None) -> None:
	"""Queues a run after the current transaction is committed; whoever triggers it by hand sees its progress."""
	frappe.enqueue(
		"msp_licensing.sync.jobs.run",
		queue="long",
		timeout=TIMEOUT[kind],
		enqueue_after_commit=True,
		kind=kind,
		trigger=trigger,
		company=company,
		watcher=frappe.session.user if trigger != "Schedule" else None,
	)


def run(
	kind: str,
	trigger: str = "Schedule",
	company: str | None = None,
	watcher: str | None = None,
	pax8: Pax8Client | None = None,
) -> str | None:
	"""Runs one sync to its end and records it.

	Args:
		kind: "Companies", "Subscriptions", "Products" or "Usage".
		company: read only this Pax8 company's subscriptions, or their usage.
		watcher: user who is shown the progress.
		pax8: a client to use instead of the site's own.

	Returns:
		The name of the Pax8 Sync Run; None if nothing was started, as there is no connection or another run of the
		kind is going.
	"""
	frappe.set_user("Administrator")
	if pax8 is None and not connection.is_active():
		return None
	lock = RunLock(kind)
	if not lock.acquire(COMPANY_WAITS if company else 0):
		_show(watcher, kind, message=_("Another run is going already."), done=True)
		return None
	try:
		frappe.db.commit()  # nosemgrep: frappe-manual-commit - see what the run before us committed, not an older snapshot
		_end_dead_runs(kind)
		record = Run(kind, trigger, company, watcher)
		options = {"company": company} if company else {}
		if pax8 is not None:
			record.carry_out(pax8, options)
		else:
			with connection.client() as own:
				record.carry_out(own, options)
	finally:
		lock.release()
	if company and kind == "Subscriptions" and usage.is_used_by(company):
		# Usage is read by subscription, so it comes after them.
		enqueue("Usage", trigger=trigger, company=company)
		frappe.db.commit()  # nosemgrep: frappe-manual-commit - it is queued when this transaction ends
	return record.name


class Overtaken(Exception):
	"""Another run of the kind has begun: this one may write nothing any more."""


class Run:
	"""A Pax8 Sync Run while it is going: the counters walks count in, its problems, and its progress."""

	COUNTERS = (
		"rows_read",
		"rows_new",
		"rows_changed",
		"rows_unchanged",
		"rows_vanished",
		"rows_unmapped",
		"rows_refused",
	)

	def __init__(self, kind: str, trigger: str, company: str | None, watcher: str | None) -> None:
		self.kind = kind
		self.watcher = watcher
		for counter in self.COUNTERS:
			setattr(self, counter, 0)
		self._problems: list[str] = []
		self._problem_count = 0
		self._reached_end = False
		self._trouble: str | None = None
		self._shown = 0.0
		self._started = time.monotonic()
		self.name = (
			frappe.get_doc(
				{
					"doctype": "Pax8 Sync Run",
					"kind": kind,
					"trigger": trigger,
					"pax8_company": company,
					"status": "Running",
					**clock.stamp("started_on"),
				}
			)
			.insert(ignore_permissions=True, ignore_links=True)
			.name
		)
		frappe.db.commit()  # nosemgrep: frappe-manual-commit - a run that dies leaves its record

	def confirm(self) -> None:
		"""Makes sure that this run may still write, up to the end of the database transaction it is called in.

		A worker that stood still for longer than its lock lives has lost it. The run that took over has ended this
		one's record, or waits for this transaction in order to do so: two runs never write at the same time.

		Raises:
			Overtaken: the record is no longer that of a running sync.
		"""
		status = frappe.db.get_value("Pax8 Sync Run", self.name, "status", for_update=True)
		if status != "Running":
			frappe.db.rollback()
			raise Overtaken(_("Another run has taken over."))

	def carry_out(self, pax8: Pax8Client, options: dict[str, Any]) -> None:
		"""Walks, then writes the end of the record, whatever happens."""
		status = "Failed"
		try:
			WALKS[self.kind](pax8, self, **options)
			self._reached_end = True
			status = "Incomplete" if self._problem_count else "Completed"
		except Pax8Error as error:
			# Part of a walk: what was read is stored, nothing is concluded from what was not.
			frappe.db.rollback()
			status = "Incomplete" if self.rows_read else "Failed"
			self._trouble = type(error).__name__
			self.problem(error.message)
		except Overtaken:
			return
		except Exception as error:
			frappe.db.rollback()
			self._trouble = type(error).__name__
			self.problem(f"{type(error).__name__}: {error}")
			frappe.log_error(title=f"Pax8 sync of {self.kind} failed", reference_doctype="Pax8 Sync Run")
			raise
		finally:
			self._finish(status, pax8.calls)

	def problem(self, message: str) -> None:
		"""Notes something that did not work; the first are kept in words."""
		self._problem_count += 1
		if len(self._problems) < MOST_PROBLEMS:
			self._problems.append(message[:LONGEST_PROBLEM])

	def refuse_row(self, name: str | None, error: Exception) -> None:
		"""Notes a row that was left alone because it cannot be understood."""
		self.rows_refused += 1
		self.problem(f"{name}: {error}" if name else str(error))

	def progress(self, mirror: Any) -> None:
		"""Shows the watcher how far a walk is."""
		if self.watcher:
			self.step(_(self.kind), mirror.seen, max(mirror.expected, mirror.seen))

	def step(self, what: str, done: int, total: int) -> None:
		"""Shows the watcher how far the run is, a few times a second at most."""
		now = time.monotonic()
		if self.watcher and now - self._shown > 0.3:
			self._shown = now
			_show(self.watcher, self.kind, message=what, count=done, total=total)

	def _finish(self, status: str, calls: int) -> None:
		frappe.db.rollback()  # a batch that broke off in the middle, by whatever exception, goes as a whole
		try:
			self.confirm()
		except Overtaken:
			return  # ended by the run that took over
		problems = "\n".join(self._problems)
		if self._problem_count > len(self._problems):
			problems += "\n" + _("… and {0} more").format(self._problem_count - len(self._problems))
		frappe.db.set_value(
			"Pax8 Sync Run",
			self.name,
			{
				"status": status,
				**clock.stamp("finished_on"),
				"duration": round(time.monotonic() - self._started, 2),
				"calls": calls,
				"error": problems or None,
				"reached_end": int(self._reached_end),
				"trouble": self._trouble,
				**{counter: getattr(self, counter) for counter in self.COUNTERS},
			},
		)
		frappe.db.commit()  # nosemgrep: frappe-manual-commit - end of the run
		_show(
			self.watcher,
			self.kind,
			message=_("{0}: {1} new, {2} changed, {3} unchanged").format(
				_(status), self.rows_new, self.rows_changed, self.rows_unchanged
			),
			done=True,
			status=status,
			run=self.name,
		)


def _show(watcher: str | None, kind: str, **values: Any) -> None:
	if watcher:
		frappe.publish_realtime(PROGRESS_EVENT, {"kind": kind, **values}, user=watcher)


def _end_dead_runs(kind: str) -> None:
	"""Runs of this kind that still say "Running" while we hold the lock belong to workers that died."""
	frappe.db.set_value(
		"Pax8 Sync Run",
		{"kind": kind, "status": "Running"},
		{"status": "Failed", "error": _("The worker was stopped."), **clock.stamp("finished_on")},
	)
	frappe.db.commit()  # nosemgrep: frappe-manual-commit - from here on a run that only stood still may write nothing
