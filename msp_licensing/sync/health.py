"""How old each kind of data is, whether that is too old, and why it probably is. Reads only; `watch` tells people.

A kind is *stale* when two of its scheduled runs and a bit more have passed without a walk that saw everything. The
limit follows the schedule as it stands on the site, so that who slows it down is not warned of what was chosen.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property, lru_cache
from typing import Any

import frappe
from croniter import croniter
from frappe import _
from frappe.utils import format_datetime, get_datetime
from redis.exceptions import RedisError

from msp_licensing import clock
from msp_licensing.rules.plurals import plural
from msp_licensing.rules.values import Word
from msp_licensing.sync import connection, jobs
from msp_licensing.sync.lock import RunLock
from msp_licensing.sync.queue import LongQueue, look_at_queue

RUN = "Pax8 Sync Run"

# kind of data: the scheduler entry that syncs it (hooks.py, tasks.py). A new kind is added here and in jobs.WALKS.
TASKS = {
	"Companies": "msp_licensing.tasks.sync_pax8_companies",
	"Subscriptions": "msp_licensing.tasks.sync_pax8_subscriptions",
	"Products": "msp_licensing.tasks.sync_pax8_products",
	"Usage": "msp_licensing.tasks.sync_pax8_usage",
}

# So often in a row has a run to be incomplete for the same reason before anybody is told.
REPEATS = 3

# A job that waits longer than this for a worker that exists is worth speaking of.
PATIENCE = timedelta(minutes=30)

_RUN_FIELDS = [
	"name",
	"status",
	"started_on",
	"started_on_utc",
	"finished_on",
	"finished_on_utc",
	"duration",
	"calls",
	"rows_read",
	"rows_new",
	"rows_changed",
	"rows_refused",
	"error",
	"reached_end",
	"trouble",
]

# A walk that left single rows alone has seen everything all the same.
_COMPLETE: dict[str, Any] = {"or_filters": {"status": "Completed", "reached_end": 1}}
_FAILURE: dict[str, Any] = {"filters": {"status": ("in", ("Failed", "Incomplete"))}}


class State(Word):
	OFF = "Off"  # nothing is to be synced: never stale
	WAITING = "Waiting"  # connected not long ago, the first walk is still to come
	FRESH = "Fresh"
	STALE = "Stale"


class Cause(Word):
	"""Why a kind is stale, the likeliest one."""

	NOT_CONNECTED = "Not Connected"
	CREDENTIALS = "Credentials"
	SCHEDULER = "Scheduler"
	JOB_STOPPED = "Job Stopped"
	QUEUE = "Queue"
	NO_WORKER = "No Worker"
	BUSY = "Busy"
	FAILED = "Failed"
	KILLED = "Killed"
	DORMANT = "Dormant"
	NOT_STARTED = "Not Started"
	UNKNOWN = "Unknown"


def remedy(cause: Cause | None) -> str:
	"""What to do about it, in a sentence for staff; "" where nothing in particular helps."""
	words = {
		Cause.NOT_CONNECTED: _("A System Manager enters client ID and client secret in Pax8 Settings."),
		Cause.CREDENTIALS: _("A System Manager enters valid credentials in Pax8 Settings."),
		Cause.SCHEDULER: _(
			"Whoever runs the server enables it again (bench --site … scheduler enable, or resume)."
		),
		Cause.JOB_STOPPED: _("A System Manager clears “Stopped” there."),
		Cause.QUEUE: _("Whoever runs the server looks after Redis."),
		Cause.NO_WORKER: _("Whoever runs the server starts the workers of the queue “long”."),
		Cause.BUSY: _("It will be taken when one is free; more workers for that queue help."),
		Cause.FAILED: _("The record of that run says more; the next one tries again."),
		Cause.KILLED: _("The next run begins anew; if it happens again, look at the server's memory."),
		Cause.DORMANT: _("It is enough that somebody signs in; System Settings has the number of days."),
		Cause.NOT_STARTED: _("Whoever runs the server looks after both."),
	}
	return words.get(cause, "") if cause else ""


# What only a System Manager can put right.
OF_SYSTEM_MANAGERS = frozenset({Cause.NOT_CONNECTED, Cause.CREDENTIALS})


@dataclass(frozen=True)
class Health:
	"""One kind of data, as it stands.

	Attributes:
		allowed: how old it may become.
		complete: the newest Pax8 Sync Run whose walk saw everything, None before the first.
		age: time since that run ended; None without one.
		newest: the newest run, whatever became of it. failure: the newest that failed or was incomplete.
		running: a run is going.
		next: when the schedule comes to it, in the site's time zone; None if it does not.
		since: when it became stale, in the site's time zone. cause, reason: why it is, `reason` in words for staff. None unless stale.
		on_its_way: it is stale, but a run that may put that right has just begun or is about to.
	"""

	kind: str
	state: State
	allowed: timedelta
	complete: Any
	age: timedelta | None
	newest: Any
	failure: Any
	running: bool
	next: datetime | None
	since: datetime | None = None
	cause: Cause | None = None
	reason: str | None = None
	on_its_way: bool = False

	@property
	def has_trouble(self) -> bool:
		"""The newest run that has ended did not go well."""
		return bool(self.failure and self.newest and self.failure.name == self.newest.name)


def report() -> list[Health]:
	"""The health of every kind of data that is synced."""
	site = _Site()
	return [_health_of(kind, site) for kind in TASKS]


def first_sentence(run: Any) -> str:
	"""What went wrong in a run, in one line; "" for a run that went well."""
	return (run.error or "").split("\n", 1)[0].strip() if run else ""


# --------------------------------------------------------------------------------------------- one kind


def _health_of(kind: str, site: "_Site") -> Health:
	now = clock.utc_now()
	job = site.jobs.get(TASKS[kind])
	cron = (job and job.cron_format) or _cron_of_hooks(TASKS[kind])
	allowed = allowed_age(cron)
	complete, newest, failure = _newest(kind, **_COMPLETE), _newest(kind), _newest(kind, **_FAILURE)
	due = not site.is_off and job and not job.stopped and not site.scheduler_problem
	age = clock.passed(complete.finished_on_utc) if complete else None
	known: dict[str, Any] = {
		"kind": kind,
		"allowed": allowed,
		"complete": complete,
		"age": age,
		"newest": newest,
		"failure": failure,
		"running": _is_alive(newest, kind, now),
		"next": croniter(cron, clock.to_site(now)).get_next(datetime) if due else None,
	}
	if site.is_off:
		return Health(state=State.OFF, **known)
	# A kind that came with an update of the app counts from when its schedule was made.
	known_since = [clock.to_utc(job.creation)] if job and not complete else []
	begun = [*filter(None, (complete and complete.finished_on_utc, site.connected_on))] or [site.changed_on]
	since = max(begun + known_since) + allowed
	if now <= since:
		fresh = age is not None and age <= allowed
		return Health(state=State.FRESH if fresh else State.WAITING, **known)
	cause, reason = _why(kind, known, site, now)
	failed_lately = _is_recent(failure, complete, now - allowed)
	return Health(
		state=State.STALE,
		since=clock.to_site(since),
		cause=cause,
		reason=reason,
		# A run that goes after others have failed is no reason to keep quiet.
		on_its_way=not failed_lately and (known["running"] or site.queue.takes_soon(kind, PATIENCE)),
		**known,
	)


def _why(kind: str, known: dict[str, Any], site: "_Site", now: datetime) -> tuple[Cause, str]:
	"""The likeliest reason, the one that stands in the way of all others first."""
	if problem := connection.problem():
		return Cause.NOT_CONNECTED, problem
	if site.scheduler_problem:
		return Cause.SCHEDULER, site.scheduler_problem
	job = site.jobs.get(TASKS[kind])
	if not job:
		return Cause.JOB_STOPPED, _("Its Scheduled Job Type is missing: run “bench migrate”.")
	if job.stopped:
		return Cause.JOB_STOPPED, _("Its Scheduled Job Type “{0}” is stopped.").format(job.method)
	if obstacle := _obstacle_in_queue(kind, site.queue):
		return obstacle
	newest, failure = known["newest"], known["failure"]
	if newest and newest.status == "Running" and not known["running"]:
		return Cause.KILLED, _("The worker was stopped in the middle of the last run.")
	if _is_recent(failure, known["complete"], now - known["allowed"]):
		if failure.trouble == "AuthenticationFailed":
			return Cause.CREDENTIALS, first_sentence(failure)
		return Cause.FAILED, first_sentence(failure) or _("The last run failed.")
	if site.is_dormant:
		return Cause.DORMANT, _(
			"Nobody has signed in to this site for days: Frappe starts its scheduled jobs only once a day."
		)
	begun = get_datetime(job.last_execution or job.creation)
	if clock.to_utc(begun) < now - known["allowed"]:
		return Cause.NOT_STARTED, _(
			"The schedule has started nothing since {0}: is the scheduler process running, and a worker for the queue “default”?"
		).format(format_datetime(begun))
	return Cause.UNKNOWN, _("No run has come to its end since then.")


def _obstacle_in_queue(kind: str, queue: LongQueue) -> tuple[Cause, str] | None:
	if not queue.reachable:
		return Cause.QUEUE, _("The job queue (Redis) cannot be reached.")
	if not queue.workers:
		return Cause.NO_WORKER, plural(
			queue.waiting,
			_("No worker listens to the queue “long”: {0} job of this site waits there."),
			_("No worker listens to the queue “long”: {0} jobs of this site wait there."),
		).format(queue.waiting)
	since = queue.oldest.get(kind)
	if since and clock.passed(since) > PATIENCE:
		return Cause.BUSY, _(
			"Its job has been waiting in the queue “long” since {0}: all workers there are busy."
		).format(format_datetime(clock.to_site(since)))
	return None


def _is_recent(failure: Any, complete: Any, after: datetime) -> bool:
	"""Whether a run went wrong since the last complete one, and not so long ago that something else must be wrong."""
	if not failure or (complete and complete.started_on_utc >= failure.started_on_utc):
		return False
	return failure.started_on_utc >= after


def _is_alive(newest: Any, kind: str, now: datetime) -> bool:
	"""A run says "Running" until it ends; one that died says so until the next of its kind begins."""
	if not newest or newest.status != "Running" or newest.started_on_utc < now - _end_of_job(kind):
		return False
	try:
		return RunLock(kind).is_taken()
	except RedisError:
		return True


def _end_of_job(kind: str) -> timedelta:
	"""The time after which RQ ends a job of this kind."""
	return timedelta(seconds=jobs.TIMEOUT[kind])


def _newest(
	kind: str, filters: dict[str, Any] | None = None, or_filters: dict[str, Any] | None = None
) -> Any:
	rows = whole_runs(kind, filters, or_filters, limit=1)
	return rows[0] if rows else None


def runs_to_keep() -> list[str]:
	"""Names of the runs that must outlive the clearing of old logs: the last complete and the last failed of each kind."""
	kinds = frappe.get_all(RUN, pluck="kind", distinct=True)
	kept = (_newest(kind, **wanted) for kind in kinds for wanted in (_COMPLETE, _FAILURE))
	return [run.name for run in kept if run]


def whole_runs(
	kind: str,
	filters: dict[str, Any] | None = None,
	or_filters: dict[str, Any] | None = None,
	*,
	limit: int,
) -> list[Any]:
	"""Runs over all of `kind`, newest first; those of a single company say nothing about the others."""
	return frappe.get_all(
		RUN,
		filters={"kind": kind, "pax8_company": ("is", "not set"), **(filters or {})},
		or_filters=or_filters,
		fields=_RUN_FIELDS,
		order_by="started_on_utc desc, creation desc",
		limit=limit,
	)


# --------------------------------------------------------------------------------------------- schedule


@lru_cache(maxsize=64)
def allowed_age(cron: str) -> timedelta:
	"""How old data may be that is synced by `cron`: two of the schedule's longest pauses, and a bit.

	Hourly: 3 hours. Every four hours: 9. Daily: 50. "A bit" is a twelfth of the pause, one hour at least.
	"""
	start = datetime(2024, 1, 1)  # a Monday; a week and a day hold every pause of a weekly pattern
	fires = croniter(cron, start)
	last, longest, count = fires.get_next(datetime), timedelta(), 0
	while count < 2 or (last < start + timedelta(days=8) and count < 2000):
		following = fires.get_next(datetime)
		longest, last, count = max(longest, following - last), following, count + 1
	return 2 * longest + max(timedelta(hours=1), longest / 12)


def _cron_of_hooks(task: str) -> str:
	events = frappe.get_hooks("scheduler_events", app_name="msp_licensing").get("cron", {})
	return next(cron for cron, methods in events.items() if task in methods)


# --------------------------------------------------------------------------------------------- the site


class _Site:
	"""What all kinds share, looked up when first asked for: a healthy site is not asked about its workers."""

	@cached_property
	def is_off(self) -> bool:
		return connection.mode() == connection.OFF

	@cached_property
	def connected_on(self) -> datetime | None:
		"""When the mode was last switched from Off (UTC); None on sites that were connected before that was noted."""
		connected_on = frappe.get_cached_doc("Pax8 Settings").connected_on_utc
		return get_datetime(connected_on) if connected_on else None

	@cached_property
	def changed_on(self) -> datetime:
		modified = frappe.get_cached_doc("Pax8 Settings").modified
		return clock.to_utc(modified) if modified else clock.utc_now()

	@cached_property
	def jobs(self) -> dict[str, Any]:
		rows = frappe.get_all(
			"Scheduled Job Type",
			filters={"method": ("in", list(TASKS.values()))},
			fields=["name", "method", "cron_format", "stopped", "last_execution", "creation"],
		)
		return {row.method: row for row in rows}

	@cached_property
	def scheduler_problem(self) -> str | None:
		return scheduler_problem()

	@cached_property
	def queue(self) -> LongQueue:
		return look_at_queue()

	@cached_property
	def is_dormant(self) -> bool:
		from frappe.utils.scheduler import is_dormant

		return bool(is_dormant())


def scheduler_problem() -> str | None:
	"""Why Frappe's scheduler starts nothing on this site, in words; None if it does, as far as its settings go."""
	conf = frappe.local.conf
	if conf.maintenance_mode:
		return _("The site is in maintenance mode: nothing is started by itself.")
	if conf.pause_scheduler:
		return _("The scheduler of this site is paused (pause_scheduler): nothing is started by itself.")
	from frappe.utils.scheduler import is_scheduler_disabled

	if is_scheduler_disabled(verbose=False):
		return _("The scheduler of this site is disabled: nothing is started by itself.")
	return None


# --------------------------------------------------------------------------------------------- repeated problems


@dataclass(frozen=True)
class Problem:
	"""What made the last runs of a kind incomplete, every time: `key` is the same for the same problem."""

	kind: str
	key: str
	text: str
	since: datetime


def repeated_problems(kind: str) -> list[Problem]:
	"""The problems that each of the last three runs of `kind` had, if all three were incomplete."""
	runs = ended_runs(kind, REPEATS)
	if len(runs) < REPEATS or any(run.status != "Incomplete" for run in runs):
		return []
	common = set.intersection(*(set(_lines(run)) for run in runs))
	newest = _lines(runs[0])
	return [
		Problem(kind, key, text, since=runs[-1].started_on) for key, text in newest.items() if key in common
	]


def is_over(kind: str, key: str) -> bool:
	"""Whether the newest run that saw everything no longer has the problem `key`."""
	runs = ended_runs(kind, 1)
	if not runs or not (runs[0].status == "Completed" or runs[0].reached_end):
		return False
	# A run keeps its first fifty problems in words: it is silent about those after them.
	return key not in _lines(runs[0]) and "\n…" not in (runs[0].error or "")


def ended_runs(kind: str, limit: int) -> list[Any]:
	return whole_runs(kind, {"status": ("!=", "Running")}, limit=limit)


def _lines(run: Any) -> dict[str, str]:
	"""The problems of a run by key. Numbers do not count: "812 of 900 came" is the same trouble as "815 of 900"."""
	lines: Iterable[str] = (line.strip() for line in (run.error or "").split("\n"))
	return {re.sub(r"\d+", "0", line): line for line in lines if line and not line.startswith("…")}


def age_in_words(health: Health) -> str:
	"""E.g. "2 hours ago", "Never"."""
	return clock.ago(health.complete.finished_on_utc) if health.complete else _("Never")
