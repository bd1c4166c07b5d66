"""The steps of a history that nobody takes: workers work, fail and die, Pax8 changes, time passes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import Any
from unittest.mock import patch

from changes_model_tables import FAULTS, JOBS, KILLABLE, MINUTES, NOW, PLACES, READ, SUBSCRIPTIONS, TERM_END


class Killed(BaseException):
	"""The process is gone, at this very place."""


class Machines:
	"""What workers, Pax8 and time do in a World (changes_model). Each step takes whole numbers, any of them."""

	# ----------------------------------------------------------------------------------------------------- workers

	def jobs(self) -> list[Any]:
		"""The jobs about change requests that wait, oldest first."""
		from frappe.utils.background_jobs import get_queue

		return [job for job in get_queue("short").jobs if job.kwargs["method"] in JOBS]

	def work(self, which: int, fault: int, quantity: int, twice: int) -> None:
		"""A worker takes a job, with something going wrong; at times the job is there twice."""
		waiting = self.jobs()
		if not waiting:
			return
		job = waiting[which % min(2, len(waiting))]
		method, arguments, user = (job.kwargs[name] for name in ("method", "kwargs", "user"))
		job.delete()
		self.intent.kind, self.intent.request = JOBS[method], arguments.get("request")
		if row := self.rows.get(self.intent.request):
			self._order(FAULTS[fault % len(FAULTS)], row.subscription, quantity % 60 + 1)
			self.intent.verdicts = self._judged_when_looked_at(row)
		for _time in range(2 if twice % 5 == 4 else 1):
			self._job(method, arguments, user)

	def _judged_when_looked_at(self, row: Any) -> set[str]:
		"""What the policy says now of a request that is scheduled."""
		facts, scheduled = self._facts_true(row.subscription), row.workflow_state == "Scheduled"
		if self.intent.shown is not None:
			facts = facts._replace(quantity=self.intent.shown)
		from msp_licensing import clock

		today = clock.pax8_today()
		running = scheduled and facts.commitment_end and facts.commitment_end > today
		return self._judged(
			row.subscription,
			facts,
			self.target(row),
			timing=TERM_END if running and today < row.term_end else NOW,
			leave_out=row.name,
		)

	def _order(self, fault: dict[str, Any] | None, subscription: str, quantity: int) -> None:
		if fault is None:
			return
		self.seen[f"{fault['kind']} on {fault['operation']}"] += 1
		if fault["kind"] == "blind":
			self.sandbox.faults.add("status", READ, status=503, count=None, skip=1)
			fault = {**fault, "kind": "drop_after"}
		if fault["kind"] == "outside":
			if fault["operation"] == READ and not fault.get("skip"):
				self.intent.shown = quantity
			change = {
				"method": "POST",
				"path": f"/subscriptions/{subscription}",
				"body": {"quantity": quantity},
			}
			fault = {**fault, "kind": "meanwhile", "calls": [change]}
		self.sandbox.faults.add(**fault)

	def _job(self, method: str, arguments: dict[str, Any], user: str) -> None:
		"""As Frappe's worker runs it. A job that ends with an error helps nobody."""
		self.site.set_user(user)
		try:
			self.site.get_attr(method)(**arguments)
			self.site.db.commit()
		finally:
			self.site.db.rollback()
			self.site.set_user("Administrator")

	def lose_jobs(self) -> None:
		"""Redis starts anew, and knows of nothing."""
		from cleaning import empty_queues

		empty_queues(self.site)

	def follow_up(self) -> None:
		"""What the scheduler does every few minutes."""
		from msp_licensing.changes import apply, moved, schedule

		self.intent.kind = "moved"
		moved.run()
		apply.follow_up()
		self.site.db.commit()
		schedule.watch()
		self.site.db.commit()

	def nightly(self) -> None:
		"""What the scheduler does once a day."""
		from msp_licensing.changes import deadlines, schedule

		self.intent.kind = "nightly"
		deadlines.run()
		self.site.db.commit()
		schedule.remind()
		self.site.db.commit()

	def look_again(self, which: int) -> None:
		if (row := self._pick(which, "Needs Review")) and row.workflow_state == "Needs Review":
			self.look_again_at(row.name)

	def look_again_at(self, name: str) -> None:
		"""Staff do not wait for the follow-up."""
		from msp_licensing.changes import reconcile

		self.intent.kind, self.intent.request = "reconcile", name
		self._act(self.people.manager, lambda: reconcile.check_again(name))

	def killed(self, what: int, where: int, count: int, *numbers: int) -> None:
		"""A step whose process dies: after an HTTP call, at a statement, just before a commit or just after it."""
		name, place = KILLABLE[what % len(KILLABLE)], PLACES[where % len(PLACES)]
		act: Callable[..., None] = getattr(self, name)
		arguments = numbers[: act.__code__.co_argcount - 1]
		died = False
		with self._death(place, count):
			try:
				act(*arguments)
			except Killed:
				died = True
		# The database does as much for a connection that is gone.
		self.site.db.rollback()
		self.site.db.sql("select release_all_locks()")
		self.site.set_user("Administrator")
		self.site.local.message_log = []
		self.seen[f"{name} died at {place}" if died else "done before it could die"] += 1

	@contextmanager
	def _death(self, place: str, count: int) -> Iterator[None]:
		from msp_licensing.pax8 import transport

		db = self.site.local.db
		sql, send = db.sql, transport.httpx.Client.send
		left = [count % {"call": 3, "statement": 90}.get(place, 6)]

		def strike(here: bool) -> None:
			left[0] -= here
			if left[0] < 0:
				raise Killed(place)

		def dying_sql(query: Any, *args: Any, **options: Any) -> Any:
			commits = query == "commit"
			strike(place == "statement" or (place == "before commit" and commits))
			done = sql(query, *args, **options)
			strike(place == "after commit" and commits)
			return done

		def dying_send(*args: Any, **options: Any) -> Any:
			strike(False)
			answer = send(*args, **options)
			strike(place == "call")
			return answer

		with patch.object(db, "sql", dying_sql), patch.object(transport.httpx.Client, "send", dying_send):
			yield

	# ---------------------------------------------------------------------------------------------- Pax8, and time

	def outside(self, which: int, what: int, value: int) -> None:
		changes = ({"quantity": value % 60 + 1},) * 3 + (
			{"status": ("Cancelled", "Active", "PendingManual", "Active")[value % 4]},
		)
		self.sandbox.change(
			"subscriptions", SUBSCRIPTIONS[which % len(SUBSCRIPTIONS)], **changes[what % len(changes)]
		)

	def provisioning(self, value: int) -> None:
		self.sandbox.configure(provisioning_seconds=(0.0, 600.0, 7200.0, 1e8)[value % 4])

	def sync(self) -> None:
		from faulty import client

		from msp_licensing.sync import jobs

		if self.mode == "Off":
			return
		with client(self.sandbox) as pax8:
			assert jobs.run("Subscriptions", trigger="Manual", pax8=pax8)
		self.site.db.commit()
		for name, true in self.truth().items():
			stored = self.site.db.get_value("Pax8 Subscription", name, ["quantity", "status"])
			assert stored == tuple(true), f"{name} after a sync: {stored}, and Pax8 has {true}"

	def travel(self, which: int) -> None:
		self._pass(timedelta(minutes=MINUTES[which % len(MINUTES)]))

	def travel_to_due(self, hours: int) -> None:
		"""To the day on which the first of the scheduled changes is due."""
		due = [row.scheduled_for for row in self.rows.values() if row.workflow_state == "Scheduled"]
		now = self.sandbox.clock.now()
		if due:
			then = datetime.combine(min(due), now.time(), timezone.utc) + timedelta(hours=hours % 48)
			self._pass(then - now if then > now else timedelta(days=5))

	def _pass(self, time: timedelta) -> None:
		self.moved += time
		self.sandbox.clock.advance(time.total_seconds())
