"""Usage lines: what a total is made of, kept for each day.

Pax8 gives them by summary and day, a call each, so they are most of a run's calls. The days wanted are the last ones
before today (`Days of Usage Lines` in Pax8 Settings; 3 by default, as vendors correct what they posted), and today on the
last day of a month, as tomorrow Pax8 will show the next month only. A day is read again only where the total of its
group has changed since: a group at rest costs one call a day, one that moves as many as there are days.

Many vendors report running totals: lines of several days are never added up.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import frappe
from frappe import _
from frappe.utils import cint, create_batch

from msp_licensing import transactions
from msp_licensing.pax8 import BadAnswer, NotFound, Pax8Client, Pax8Error, UsageLine
from msp_licensing.rules.resource_groups import key_of
from msp_licensing.sync.kinds.usage.months import first_day
from msp_licensing.sync.kinds.usage.readings import Reading, amounts_of
from msp_licensing.sync.kinds.usage.store import GROUP
from msp_licensing.sync.mirror import TRIES, Row, fingerprint, fitting, upsert

LINE = "Pax8 Usage Line"
DEFAULT_DAYS, MOST_DAYS = 3, 31

# Summaries whose lines are read, then written in one transaction.
BATCH = 100

# After so many failures one after the other it is Pax8 that has trouble, and not a summary.
FAILURES_IN_A_ROW = 20


class _Read(NamedTuple):
	reading: Reading
	day: date
	lines: Sequence[UsageLine]
	refused: Sequence[BadAnswer]
	error: Pax8Error | None


def days_wanted(today: date) -> list[date]:
	"""The days (UTC) whose lines are kept, the oldest first."""
	days = frappe.get_cached_doc("Pax8 Settings").usage_line_days
	back = DEFAULT_DAYS if days is None else min(MOST_DAYS, cint(days))
	wanted = [today - timedelta(days=number) for number in range(back, 0, -1)]
	if wanted and first_day(today) != first_day(today + timedelta(days=1)):
		wanted.append(today)
	return wanted


def missing_days(reading: Reading, wanted: Iterable[date]) -> list[date]:
	"""The days of the summary's month whose lines have not been read since its total last changed."""
	through = reading.lines_through
	return [day for day in wanted if first_day(day) == reading.month and (through is None or day > through)]


def sync(
	pax8: Pax8Client,
	run: Any,
	pool: ThreadPoolExecutor,
	readings: Iterable[Reading],
	today: date,
	shown: Callable[[int, int], None],
) -> None:
	"""Reads the lines of some summaries concurrently and writes them in this thread, a commit per batch.

	A day that cannot be read keeps the lines it has; the run says so and goes on.

	Args:
		shown: is told how many summaries have been read, and how many are to be, for the progress.

	Raises:
		msp_licensing.pax8.Pax8Error: one summary after the other could not be read.
	"""

	def read(task: tuple[Reading, date]) -> _Read:
		reading, day = task
		refused: list[BadAnswer] = []
		try:
			lines = pax8.usage_lines(reading.summary.id, day, on_unreadable=refused.append)
		except Pax8Error as error:
			return _Read(reading, day, (), (), error)
		return _Read(reading, day, lines, refused, None)

	wanted = days_wanted(today)
	tasks = [(reading, days) for reading in readings if (days := missing_days(reading, wanted))]
	fit = fitting(LINE)
	failures = done = 0
	for batch in create_batch(tasks, BATCH):
		good: list[_Read] = []
		failed: set[str] = set()
		trouble: Pax8Error | None = None
		for result in pool.map(read, [(reading, day) for reading, days in batch for day in days]):
			if not result.error:
				failures = 0
				good.append(result)
				continue
			failed.add(result.reading.name)
			run.problem(_problem(result, result.error.message))
			if not isinstance(result.error, NotFound):
				failures += 1
				if failures >= FAILURES_IN_A_ROW:
					trouble = result.error
					break
		if trouble is None:
			through = {reading.name: days[-1] for reading, days in batch if reading.name not in failed}
		else:
			through = {}
		_write_batch(run, good, through, fit)
		if trouble:
			raise trouble
		done += len(batch)
		shown(done, len(tasks))


def _problem(result: _Read, message: str) -> str:
	what = result.reading.summary.resource_group or _("(no name)")
	# nosemgrep: frappe-format-string-injection - the format is a literal
	return _("Usage lines of {0}, {1}: {2}").format(what[:140], result.day, message)


def _write_batch(
	run: Any, results: Sequence[_Read], through: dict[str, date], fit: Callable[[Row], Row]
) -> None:
	rows = [row for result in results for row in _rows_of(run, result, fit)]

	def write() -> None:
		run.confirm()
		_store(results, rows, through)
		frappe.db.commit()  # nosemgrep: frappe-manual-commit - batch by batch, so that a killed run keeps what it has

	if results:
		transactions.repeat(write, tries=TRIES, when=transactions.is_busy)


def _store(results: Sequence[_Read], rows: list[tuple[str, Row]], through: dict[str, date]) -> None:
	"""Writes the lines that differ, removes those that Pax8 no longer has, and notes how far they were read."""
	stored = dict(
		frappe.db.sql(
			"select name, fingerprint from `tabPax8 Usage Line` where (summary_id, day) in %s",
			(tuple((result.reading.summary.id, result.day) for result in results),),
		)
	)
	upsert(LINE, [(name, row) for name, row in rows if stored.get(name) != row["fingerprint"]])
	if gone := stored.keys() - dict(rows).keys():
		frappe.db.delete(LINE, {"name": ("in", list(gone))})
	if through:
		# Rows of groups are there: nothing is inserted.
		upsert(GROUP, [(name, {"lines_through": day}) for name, day in sorted(through.items())])


def _rows_of(run: Any, result: _Read, fit: Callable[[Row], Row]) -> Iterable[tuple[str, Row]]:
	for error in result.refused:
		run.refuse_row(None, _problem(result, str(error)))
	seen: Counter[tuple[str | None, str | None]] = Counter()
	for line in result.lines:
		# Lines have no id, and two may have the same product and unit.
		about = (line.product_id, line.unit_of_measure)
		seen[about] += 1
		try:
			row = fit(_values(result, line))
		except ValueError as error:
			run.refuse_row(None, _problem(result, str(error)))
			continue
		name = key_of(result.reading.summary.id, result.day, *about, seen[about])
		yield name, {**row, "fingerprint": fingerprint(row)}


def _values(result: _Read, line: UsageLine) -> Row:
	"""The columns of a line.

	Raises:
		ValueError: there is an amount, and nobody could tell what it is an amount of.
	"""
	if (line.current_charges or line.partner_total or line.unit_price) and not line.currency_code:
		raise ValueError(_("the amounts have no currency"))
	quantity, price = line.quantity, line.unit_price
	return {
		"resource_group": result.reading.name,
		"summary_id": result.reading.summary.id,
		"day": result.day,
		"product": line.product_id,
		"product_name": line.product_name,
		"unit": line.unit_of_measure,
		"quantity": Decimal(0) if quantity is None else quantity,
		"has_quantity": int(quantity is not None),
		"unit_price": Decimal(0) if price is None else price,
		"has_unit_price": int(price is not None),
		**amounts_of(line.current_charges, line.partner_total),
		"currency": line.currency_code,
		"is_trial": int(bool(line.is_trial)),
	}
