"""One run of a kind at a time, on one machine or several: a lock in Redis with an owner.

The lock lives for half a minute and is renewed while its run goes on, so it lapses soon after a worker's death,
however it died. A lock that lapses can also lapse under a run that only stood still (a paused machine, a Redis that
was restarted); what keeps such a run from writing is not the lock but its record, see `Run.confirm`.
"""

import contextlib
import os
import socket
import threading
from uuid import uuid4

import frappe
from frappe.utils.background_jobs import get_redis_conn
from redis.exceptions import LockError, RedisError
from redis.lock import Lock

LIFE = 30.0
"""Seconds after which the lock of a dead worker is free."""


class RunLock:
	"""The right to run one kind of sync on this site.

	Args:
		kind: of the sync.
		life: seconds that the lock outlives its last renewal.
	"""

	def __init__(self, kind: str, life: float | None = None) -> None:
		self._life = life or LIFE
		# The Redis of the queues: unlike the cache's it evicts nothing. Where Frappe's Redis users are set up, they
		# may only use keys like this.
		self.key = f"rq:msp_licensing:{frappe.conf.db_name}:sync:{kind}"
		self._lock = Lock(get_redis_conn(), self.key, timeout=self._life, sleep=0.2, thread_local=False)
		self.owner = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
		self._ended = threading.Event()
		self._renewing: threading.Thread | None = None

	def acquire(self, wait: float = 0) -> bool:
		"""Takes the lock, waiting up to `wait` seconds; returns whether it is ours."""
		taken = self._lock.acquire(blocking=wait > 0, blocking_timeout=wait or None, token=self.owner)
		if taken:
			self._renewing = threading.Thread(target=self._renew, name="sync-lock", daemon=True)
			self._renewing.start()
		return bool(taken)

	def is_taken(self) -> bool:
		"""Whether a run that is alive holds it, this one or another."""
		return bool(get_redis_conn().exists(self.key))

	def release(self) -> None:
		"""Gives the lock back; one that has gone to another owner meanwhile stays with that."""
		self._ended.set()
		if self._renewing:
			self._renewing.join(self._life)
		# Lapsed already, or Redis is away: then it lapses by itself.
		with contextlib.suppress(LockError, RedisError):
			self._lock.release()

	def _renew(self) -> None:
		while not self._ended.wait(self._life / 3):
			try:
				self._lock.reacquire()
			except LockError:
				# Redis has forgotten it: taken again if nobody else was faster.
				self._lock.local.token = None
				if not self._lock.acquire(blocking=False, token=self.owner):
					return
			except RedisError:
				continue
