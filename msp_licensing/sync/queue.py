"""What waits in the queue that syncs run in, and who listens to it."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import frappe

from msp_licensing import clock

QUEUE = "long"

# Of a queue that is longer than this only the front is looked at: it is the oldest jobs that matter.
LOOKED_AT = 500


@dataclass(frozen=True)
class LongQueue:
	"""Attributes:
	reachable: whether Redis answered.
	workers: how many listen. A worker that was killed counts for the seven minutes that RQ takes to forget it.
	waiting: jobs of this site that wait.
	oldest: kind of data: since when its sync has been waiting, in UTC.
	"""

	reachable: bool
	workers: int = 0
	waiting: int = 0
	oldest: dict[str, datetime] = field(default_factory=dict)

	def takes_soon(self, kind: str, patience: timedelta) -> bool:
		"""Whether a sync of `kind` waits that a worker will presumably take."""
		since = self.oldest.get(kind)
		return bool(self.workers and since and clock.passed(since) <= patience)


def look_at_queue() -> LongQueue:
	from frappe.utils.background_jobs import get_queue
	from redis.exceptions import RedisError
	from rq import Worker

	try:
		queue = get_queue(QUEUE)
		workers = len(Worker.all(queue=queue))
		found = queue.get_jobs(0, LOOKED_AT)
	except (RedisError, OSError):
		return LongQueue(reachable=False)
	ours = [job.kwargs for job in found if (job.kwargs or {}).get("site") == frappe.local.site]
	oldest: dict[str, datetime] = {}
	for job in found:
		kind = _kind_of(job)
		if kind and job.enqueued_at:
			since = clock.of_pax8(job.enqueued_at)
			oldest[kind] = min(since, oldest.get(kind, since))
	return LongQueue(reachable=True, workers=workers, waiting=len(ours), oldest=oldest)


def _kind_of(job) -> str | None:
	"""The kind of data that a job syncs completely; None for other jobs, other sites, and single companies."""
	about = job.kwargs or {}
	arguments = about.get("kwargs") or {}
	if about.get("site") != frappe.local.site or about.get("method") != "msp_licensing.sync.jobs.run":
		return None
	return None if arguments.get("company") else arguments.get("kind")
