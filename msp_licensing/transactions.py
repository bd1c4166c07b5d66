"""Two transactions at once: the database refuses one of them, and the app runs that one again from the start.

MariaDB refuses with two errors, and writes nothing in either case:

- 1020 (from 11.6.2 on, `innodb_snapshot_isolation`): the transaction locks a row that another one has changed since this
  transaction began to read.
- 1213: two transactions wait for each other's locks.

Frappe raises `QueryDeadlockError` for both. Older releases of Frappe 15 pass 1020 on unchanged. A whitelisted function that
ends with either of them answers 500.
"""

import functools
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import frappe
from frappe import _

TRIES = 6
# ER_CHECKREAD and ER_LOCK_DEADLOCK, as both drivers have them in the first argument of their errors.
LOST = (1020, 1213)

Result = TypeVar("Result")


def lost_race(error: BaseException | None) -> bool:
	"""Whether the database refused the transaction because of another one; the error may be the cause of `error`."""
	while error is not None:
		if isinstance(error, frappe.QueryDeadlockError):
			return True
		if isinstance(error, (frappe.db.OperationalError, frappe.db.InternalError)) and error.args[:1] in {
			(code,) for code in LOST
		}:
			return True
		error = error.__cause__ or error.__context__
	return False


def is_busy(error: BaseException) -> bool:
	"""The same, or a lock that was waited for too long."""
	return lost_race(error) or isinstance(error, frappe.QueryTimeoutError)


def repeat(
	work: Callable[[], Result], *, tries: int = TRIES, when: Callable[[Any], bool] = lost_race
) -> Result:
	"""Runs `work`, a whole transaction, and runs it again if the database refuses it.

	Within another `repeat` only the outer one runs again: a rollback here would also undo what the outer one did before.

	Args:
		tries: how often it runs at most.
		when: whether to run again after an error.

	Raises:
		what `work` raises; after the last try also the error of the database.
	"""
	if frappe.flags.repeats:
		return work()
	for turn in range(1, tries + 1):
		shown = list(frappe.local.message_log)
		frappe.flags.repeats = True
		try:
			return work()
		except Exception as error:
			if turn == tries or not when(error):
				raise
		finally:
			frappe.flags.repeats = False
		frappe.db.rollback()
		frappe.local.message_log = shown
		time.sleep(random.uniform(0.01, 0.05) * turn)
	raise AssertionError("unreachable")


def repeated(function: Callable[..., Result]) -> Callable[..., Result]:
	"""Decorator for whitelisted functions that write: `repeat` for each call. They must change nothing at Pax8 themselves.

	Raises:
		frappe.TimestampMismatchError: the database refused every try. Nothing was changed.
	"""

	@functools.wraps(function)
	def whole(*args: Any, **kwargs: Any) -> Result:
		with told_in_words():
			return repeat(lambda: function(*args, **kwargs))

	return whole


@contextmanager
def told_in_words() -> Iterator[None]:
	"""Turns the database's refusal into frappe.TimestampMismatchError, as for a document that somebody changed before.

	Not within `repeat`, which runs again, and not in a job: Frappe runs a job again after `QueryDeadlockError`. Where an
	older release does not know 1020, the job fails and the scheduler's next run takes the work up.
	"""
	try:
		yield
	except Exception as error:
		if frappe.flags.repeats or getattr(frappe.local, "job", None) or not lost_race(error):
			raise
		frappe.clear_messages()
		frappe.throw(
			_("Somebody else changed this at the same moment. Please check it and try again."),
			frappe.TimestampMismatchError,
		)
