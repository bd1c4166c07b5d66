"""One walk over the usage of all subscriptions that are billed by it, and the read of a single one."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, Literal, NamedTuple

import frappe
from frappe import _
from frappe.utils import create_batch

from msp_licensing import clock, transactions
from msp_licensing.pax8 import BadAnswer, NotFound, Pax8Client, Pax8Error, UsageSummary
from msp_licensing.sync import own_companies, usage_class
from msp_licensing.sync.companies import FAILURES_IN_A_ROW
from msp_licensing.sync.kinds.usage import lines, months, placement, revision
from msp_licensing.sync.kinds.usage.readings import Reading, are_equal, is_less, reading_begins, recognise
from msp_licensing.sync.kinds.usage.scope import (
	SUBSCRIPTION,
	Products,
	Scoped,
	of_company,
	of_own_company,
	subscriptions_to_read,
)
from msp_licensing.sync.kinds.usage.store import Writer, tell
from msp_licensing.sync.mirror import TRIES

# Subscriptions that are read, then written.
SUBSCRIPTIONS_AT_ONCE = 50

# At 1000 calls a minute, enough for answers that take half a second.
CONCURRENT_CALLS = 8

Map = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]


class _Read(NamedTuple):
	subscription: Scoped
	summaries: Sequence[UsageSummary]
	refused: Sequence[BadAnswer]
	error: Pax8Error | None


def sync(pax8: Pax8Client, run: Any, company: str | None = None) -> None:
	"""Reads and stores the usage of all subscriptions in `scope`, then the lines that are missing.

	A subscription whose usage cannot be read keeps what it has; the run says so and goes on to the next. A group that is not
	among the answers has no usage this month, or not yet: nothing is concluded from it.

	Args:
		company: only the subscriptions of this Pax8 company.

	Raises:
		msp_licensing.pax8.Pax8Error: one subscription after the other could not be read.
	"""
	months.close()
	frappe.db.commit()  # nosemgrep: frappe-manual-commit - a month is over whatever Pax8 answers
	products = Products()
	since = months.oldest_month(clock.pax8_today())
	scope = (
		of_company(company, products, since) if company else subscriptions_to_read(pax8, run, products, since)
	)
	walk = _Walk(pax8, run, products)
	with ThreadPoolExecutor(CONCURRENT_CALLS) as pool:
		try:
			for batch in create_batch(scope, SUBSCRIPTIONS_AT_ONCE):
				walk.take(pool, batch, len(scope))
			walk.check()
			_read_lines(pax8, run, pool, walk.readings)
		finally:
			pool.shutdown(cancel_futures=True)
	transactions.repeat(lambda: _end(run, products), tries=TRIES, when=transactions.is_busy)


def is_used_by(company: str) -> bool:
	"""Whether a mapped company has subscriptions whose usage is read."""
	return bool(of_company(company, Products(), months.oldest_month(clock.pax8_today())))


def _end(run: Any, products: Products) -> None:
	"""What follows from all that was read, and from what others changed meanwhile. Commits."""
	run.confirm()
	placement.settle()
	months.close()
	usage_class.update(products.grown)
	tell("msp_licensing_usage_read")
	# Last, as whoever writes at the same time waits for it.
	revision.start_anew()
	frappe.db.commit()  # nosemgrep: frappe-manual-commit - end of the walk


def _read_lines(pax8: Pax8Client, run: Any, pool: ThreadPoolExecutor, readings: list[Reading]) -> None:
	label = _("Reading usage lines")
	lines.sync(
		pax8,
		run,
		pool,
		readings,
		clock.pax8_today(),
		shown=lambda done, total: run.step(label, done, total),
	)


class _Walk:
	"""Reads and writes subscriptions batch by batch; keeps the readings of which lines are wanted."""

	def __init__(self, pax8: Pax8Client, run: Any, products: Products) -> None:
		self._pax8, self._run, self._products = pax8, run, products
		self._label = _("Reading usage")
		self._done = self._failures = self._successes = 0
		self._trouble: Pax8Error | None = None
		self.readings: list[Reading] = []

	def check(self) -> None:
		"""Raises msp_licensing.pax8.Pax8Error if there was something to read, and none of it could be: few subscriptions
		are no five in a row.
		"""
		if self._trouble and not self._successes:
			raise self._trouble

	def take(self, pool: ThreadPoolExecutor, batch: Sequence[Scoped], total: int) -> None:
		now, began, results = self._read(pool, batch)
		good, trouble = [], None
		for result in results:
			if not result.error:
				self._failures = 0
				self._successes += 1
				for error in result.refused:
					self._run.refuse_row(_about(result.subscription, error.record_id), error)
				good.append((result.subscription, result.summaries))
				continue
			# nosemgrep: frappe-format-string-injection - the format is a literal
			self._run.problem(
				_("Usage of {0}: {1}").format(_about(result.subscription), result.error.message)
			)
			if not isinstance(result.error, NotFound):
				self._failures += 1
				self._trouble = result.error
				if self._failures >= FAILURES_IN_A_ROW:
					trouble = result.error
					break
		readings = recognise(good)
		tell_months(self._pax8, self._run, readings, now, pool.map)
		writer = Writer(self._run, self._products, began)
		for reading in readings:
			writer.add(reading, now.date())
		writer.flush()
		for reading in readings:
			if reading.month is not None:
				reading.known = None  # the rest of the run needs it no more, and there may be many
				self.readings.append(reading)
		self._done += len(batch)
		self._run.step(self._label, self._done, total)
		if trouble:
			raise trouble

	def _read(
		self, pool: ThreadPoolExecutor, batch: Sequence[Scoped]
	) -> tuple[datetime, datetime, list[_Read]]:
		"""The summaries of some subscriptions, and when their reading began (UTC), by our clock and by the database's.

		Where a month ends while they are read, they are read again: nobody could tell which month they are of.
		"""
		while True:
			frappe.db.commit()  # nosemgrep: frappe-manual-commit - see what others wrote meanwhile
			now, began = clock.utc_now(), reading_begins()
			frappe.db.commit()  # nosemgrep: frappe-manual-commit - no transaction is kept open while Pax8 is asked
			results = list(pool.map(self._summaries, batch))
			if months.first_day(clock.pax8_today()) == months.first_day(now.date()):
				return now, began, results

	def _summaries(self, subscription: Scoped) -> _Read:
		refused: list[BadAnswer] = []
		try:
			summaries = list(self._pax8.usage_summaries(subscription.id, on_unreadable=refused.append))
		except Pax8Error as error:
			return _Read(subscription, (), (), error)
		return _Read(subscription, summaries, refused, None)


def _about(subscription: Scoped, summary_id: str | None = None) -> str:
	name = subscription.product_name or subscription.id
	return f"{name} ({subscription.id}), {summary_id}" if summary_id else f"{name} ({subscription.id})"


# --------------------------------------------------------------------------------------------- months


def tell_months(pax8: Pax8Client, run: Any, readings: Sequence[Reading], now: datetime, mapped: Map) -> None:
	"""Writes on each reading which month it is of: see `months`.

	Args:
		now: when the reading began, in UTC.
		mapped: `map`, or that of a pool of threads.
	"""
	month = months.first_day(now.date())
	closing = months.is_closing(now)
	for reading in readings:
		reading.month = month
		if closing and _may_be_of_next_month(reading, month):
			reading.month = None
	if now.day > months.DAYS_IN_DOUBT:
		return
	doubtful = [reading for reading in readings if _is_in_doubt(reading, month)]
	asked = [reading for reading in doubtful if reading.known] + _spokesmen(readings, doubtful)
	verdicts = {}
	for reading, verdict in zip(asked, mapped(lambda one: _prove(pax8, one, now), asked), strict=True):
		verdicts[reading.name if reading.known else reading.subscription.id] = verdict
	for reading in doubtful:
		verdict = verdicts.get(reading.name if reading.known else reading.subscription.id)
		if isinstance(verdict, Pax8Error):
			reading.month = None
			what = reading.summary.resource_group or _("(no name)")
			# nosemgrep: frappe-format-string-injection - the format is a literal
			run.problem(_("It is not certain which month {0} is of: {1}").format(what[:140], verdict.message))
		elif verdict:
			reading.month = verdict
		elif reading.known and are_equal(reading.amounts, reading.known):
			reading.month = None


def _may_be_of_next_month(reading: Reading, month: Any) -> bool:
	known = reading.known
	return bool(
		known
		and known.this_month == month
		and (known.summary_id != reading.summary.id or is_less(reading.amounts, known))
	)


def _is_in_doubt(reading: Reading, month: Any) -> bool:
	known = reading.known
	return known is None or (known.this_month < month and known.summary_id == reading.summary.id)


def _spokesmen(readings: Sequence[Reading], doubtful: Sequence[Reading]) -> list[Reading]:
	"""Of the new groups of each subscription the one with the highest charges, which is asked for all of them.

	None is asked where another group of the subscription is of this month beyond doubt.
	"""
	names = {reading.name for reading in doubtful}
	certain = {reading.subscription.id for reading in readings if reading.name not in names}
	found: dict[str, Reading] = {}
	for reading in doubtful:
		if reading.known or reading.subscription.id in certain:
			continue
		other = found.get(reading.subscription.id)
		if other is None or reading.amounts["charges"] > other.amounts["charges"]:
			found[reading.subscription.id] = reading
	return list(found.values())


def _prove(pax8: Pax8Client, reading: Reading, now: datetime) -> Any:
	try:
		return months.prove(pax8, reading.summary.id, now.date())
	except Pax8Error as error:
		return error


# --------------------------------------------------------------------------------------------- one subscription


class _Uncounted:
	"""Stands in for a run where a single subscription is read. What cannot be stored is told by the next run."""

	def __init__(self) -> None:
		self.rows_read = self.rows_new = self.rows_changed = self.rows_unchanged = 0

	def confirm(self) -> None:
		pass

	def refuse_row(self, name: str | None, error: object) -> None:
		pass

	def problem(self, message: str) -> None:
		pass


def read_subscription(
	pax8: Pax8Client, name: str
) -> Literal["new", "changed", "unchanged", "unmapped", "unknown"]:
	"""Reads the usage of one subscription, whatever its product is thought to be: somebody said that there is some.

	Only of subscriptions that are stored, or that are of one of the partner's own companies. No lines: the next run reads
	those of what changed. The caller commits.

	Returns:
		"new": it has groups that were not known; "changed", "unchanged"; "unmapped": it is of a company without a client;
		"unknown": neither Pax8 nor this site knows the subscription.

	Raises:
		msp_licensing.pax8.Pax8Error: it could not be read; nothing was stored.
	"""
	products = Products()
	scoped = _single(pax8, name, products)
	if not isinstance(scoped, Scoped):
		return scoped
	while True:
		now, began = clock.utc_now(), reading_begins()
		summaries = list(pax8.usage_summaries(name, on_unreadable=lambda error: None))
		if months.first_day(clock.pax8_today()) == months.first_day(now.date()):
			break
	run = _Uncounted()
	readings = recognise([(scoped, summaries)])
	tell_months(pax8, run, readings, now, map)
	writer = Writer(run, products, began, commit=False)
	for reading in readings:
		writer.add(reading, now.date())
	writer.flush()
	usage_class.update(products.grown)
	return "new" if run.rows_new else "changed" if run.rows_changed else "unchanged"


def _single(pax8: Pax8Client, name: str, products: Products) -> Scoped | Literal["unmapped", "unknown"]:
	row = frappe.db.get_value(SUBSCRIPTION, name, ["name", "product", "product_name", "vendor"], as_dict=True)
	if row:
		return Scoped(row.name, row.product, row.product_name, row.vendor, True)
	try:
		remote = pax8.subscription(name)
	except NotFound:
		return "unknown"
	if (remote.company_id or "").lower() not in own_companies.known_ids():
		return "unmapped"
	return of_own_company(remote, products)
