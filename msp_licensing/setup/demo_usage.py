"""The usage of past days and months, which Pax8 and its stand-in no longer tell: for the demo, tests and screenshots.

The amounts are the stand-in's own. It would have given them on each of those days, so a history and the totals that are
read from it today fit together. They are stored in the way in which a sync stores them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import frappe

from msp_licensing import clock

if TYPE_CHECKING:
	from msp_licensing.sandbox.usage.book import Summary
	from msp_licensing.sandbox.world import World
	from msp_licensing.sync.kinds.usage.scope import Products, Scoped

MONTHS, DAYS = 13, 100


def make_history(months: int = MONTHS, days: int = DAYS) -> int:
	"""Stores the usage of the days before today (UTC), for the subscriptions that always exist in the sandbox.

	To be called when companies are mapped and subscriptions and products are stored, and before usage is synced: a sync
	adds today's. The groups are those of the clients to which they belong now, on all days. Does not commit.

	What it makes: a snapshot and the lines of each of the last `days` days, and of the last day of each month before
	them; the totals of `months` months that are over, as provisional; unassigned groups; a trial (Müller & Söhne); totals
	that fall now and then.

	Args:
		months: months before the current one.
		days: days before today, each with a snapshot.

	Returns:
		How many snapshots there are now. Nothing is written where there are some of days before today already.
	"""
	from msp_licensing.sync.kinds.usage.store import SNAPSHOT

	today = clock.pax8_today()
	if not frappe.db.exists(SNAPSHOT, {"day": ("<", today)}):
		world = _world(today)
		for day in _days(today, months, days):
			_store(world, day)
	return frappe.db.count(SNAPSHOT)


def _days(today: date, months: int, days: int) -> Iterator[date]:
	"""The days to store, the oldest first."""
	from msp_licensing.sync.kinds.usage.months import first_day, last_day, month_before

	since = today - timedelta(days=days)
	month = first_day(today)
	ends = []
	for _month in range(months):
		month = month_before(month)
		ends.append(last_day(month))
	yield from sorted(end for end in ends if end < since)
	for number in range(days):
		if (day := since + timedelta(days=number)) >= month:
			yield day


def _world(today: date) -> World:
	from msp_licensing.sandbox.config import SandboxConfig
	from msp_licensing.sandbox.generate import make_world

	# Fewer than the storybook has: it alone, and its usage is the same whatever the seed.
	config = SandboxConfig(companies=0, products=0, subscriptions=0)
	return make_world(config, datetime(today.year, today.month, today.day, tzinfo=timezone.utc))


def _store(world: World, day: date) -> None:
	"""Stores what a sync would have read on a day."""
	from msp_licensing.pax8 import UsageSummary
	from msp_licensing.sync.kinds.usage.months import first_day
	from msp_licensing.sync.kinds.usage.readings import reading_begins, recognise
	from msp_licensing.sync.kinds.usage.scope import Products
	from msp_licensing.sync.kinds.usage.store import Writer

	products = Products()
	read: dict[Scoped, list[Summary]] = {}
	for subscription in world.usage.candidates():
		if scoped := _scoped(subscription, products):
			read[scoped] = world.usage.summaries(subscription, day)
	told = {summary.id: summary for summaries in read.values() for summary in summaries}
	readings = recognise(
		[
			(scoped, [UsageSummary.model_validate(summary.wire()) for summary in summaries])
			for scoped, summaries in read.items()
		]
	)
	writer = Writer(_Uncounted(), products, reading_begins(), commit=False)
	for reading in readings:
		reading.month = first_day(day)
		writer.add(reading, day)
	writer.flush()
	_store_lines(world, readings, told, day)


def _scoped(subscription: Any, products: Products) -> Scoped | None:
	"""A subscription of the sandbox as the sync knows it; None: neither the site nor the partner has it."""
	from msp_licensing.sync import own_companies
	from msp_licensing.sync.kinds.usage.scope import SUBSCRIPTION, Scoped

	product = products.get(subscription.product_id)
	stored = bool(frappe.db.exists(SUBSCRIPTION, subscription.id))
	if not stored and subscription.company_id not in own_companies.known_ids():
		return None
	vendor = product.vendor if product else None
	return Scoped(subscription.id, subscription.product_id, subscription.product_name, vendor, stored)


def _store_lines(world: World, readings: list[Any], told: dict[str, Summary], day: date) -> None:
	from msp_licensing.pax8 import UsageLine
	from msp_licensing.sandbox.areas.usage import line_wire
	from msp_licensing.sync.kinds.usage import lines
	from msp_licensing.sync.mirror import fitting

	results = []
	for reading in readings:
		summary = told[reading.summary.id]
		amounts = world.usage.lines(summary, day, daily=False)
		read = [UsageLine.model_validate(line_wire(summary, day, amount)) for amount in amounts]
		results.append(lines._Read(reading, day, read, (), None))
	fit = fitting(lines.LINE)
	run = _Uncounted()
	rows = [row for result in results for row in lines._rows_of(run, result, fit)]
	lines._store(results, rows, {reading.name: day for reading in readings})


class _Uncounted:
	"""Stands in for a run's record. All that the sandbox tells can be stored."""

	def __init__(self) -> None:
		self.rows_read = self.rows_new = self.rows_changed = self.rows_unchanged = 0

	def confirm(self) -> None:
		pass

	def refuse_row(self, name: str | None, error: object) -> None:
		raise ValueError(f"{name}: {error}")
