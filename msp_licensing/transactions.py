"""Two at once: what loses a race in the database is carried out once more, as a whole, from a fresh view.

Since MariaDB 11.6.2 a transaction that locks a row which has changed since the transaction first looked at the database is
refused (error 1020, `innodb_snapshot_isolation`); older ones, too, end one of two transactions that wait for each other
(1213). Neither leaves anything written. Frappe raises `QueryDeadlockError` for both, but older releases of 15
let 1020 through as it is, and a whitelisted function that ends so answers 500.
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
	"""Whether an error, or the one that it was made of, says that another transaction was faster. Nothing was written."""
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
	"""Calls `work` until it loses no race; a whole transaction, of which each further try sees what others have committed.

	Called within another one, it leaves that to the outer one: what was done before would be rolled back with it.

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
	"""A whitelisted function that is carried out again where it loses a race. It sends nothing to Pax8 before it commits.

	Raises:
		frappe.TimestampMismatchError: others were faster each time; nothing was changed.
	"""

	@functools.wraps(function)
	def whole(*args: Any, **kwargs: Any) -> Result:
		with told_in_words():
			return repeat(lambda: function(*args, **kwargs))

	return whole


@contextmanager
def told_in_words() -> Iterator[None]:
	"""A race that is lost within ends as frappe.TimestampMismatchError, as a record does that was changed before.

	Within `repeat` and in a job the error stays what it is: it is made good there, and Frappe repeats such a job.
	"""
	try:
		yield
	except Exception as error:
		if frappe.flags.repeats or getattr(frappe.local, "job", None) or not lost_race(error):
			raise
		frappe.clear_messages()
		frappe.throw(
			_(
				"Somebody else changed this at the same moment. Please look at it again, and repeat what you did."
			),
			frappe.TimestampMismatchError,
		)
