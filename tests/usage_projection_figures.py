"""How far projections of usage are from what months came to, on the history that the demo has: `python -m tests.usage_projection_figures`.

The history is the stand-in's own (`msp_licensing.setup.demo_usage` stores the same). Its vendors post every day. So the same
amounts are taken once more as other vendors would have posted them: once a week, once a month, and as a flat amount on the first day.
Each month is projected on some of its days, by what was known then.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from statistics import median
from typing import NamedTuple

from msp_licensing.rules.usage_projection import WEEK, Progress, days_of, project, same_day_before
from msp_licensing.sandbox.config import SandboxConfig
from msp_licensing.sandbox.generate import make_world

TODAY = date(2026, 11, 30)
MONTHS = 12
DAYS = (5, 10, 15, 20, 25)

# Of one resource group and currency: running totals by day.
History = dict[date, Decimal]


class Row(NamedTuple):
	"""One projection: `said` is None where the method has none."""

	day: int
	said: Decimal | None
	came_to: Decimal


def histories(config: SandboxConfig) -> dict[tuple[str, str, str], History]:
	"""The running totals of each group: by subscription, name and currency."""
	world = make_world(config, datetime(TODAY.year, TODAY.month, TODAY.day, tzinfo=timezone.utc))
	found: dict[tuple[str, str, str], History] = defaultdict(dict)
	first = TODAY - timedelta(days=31 * (MONTHS + 2))
	for number in range((TODAY - first).days):
		day = first + timedelta(days=number)
		for subscription in world.usage.candidates():
			for summary in world.usage.summaries(subscription, day):
				if not summary.group.trial:
					key = (subscription.id, summary.group.name, summary.group.currency)
					found[key][day] = summary.charges
	return found


def as_posted(history: History, days: Callable[[date], bool]) -> History:
	"""The same totals, of a vendor that posts on some days only. Until its first post the total is 0."""
	found: History = {}
	total = Decimal(0)
	for day in sorted(history):
		if day.day == 1:
			total = Decimal(0)
		if days(day):
			total = history[day]
		found[day] = total
	return found


def flat(history: History) -> History:
	"""What each month came to, posted on its first day."""
	return {
		day: history[max(one for one in history if one.replace(day=1) == day.replace(day=1))]
		for day in history
	}


def progress_on(history: History, day: date) -> Progress | None:
	"""What was known of a group on a day; None: nothing of this month."""
	month = day.replace(day=1)
	total = _total(history, day)
	if total is None:
		return None
	before = same_day_before(day)
	before_total = _total(history, month - timedelta(days=1))
	week = day - timedelta(days=WEEK)
	return Progress(
		total,
		day.day,
		days_of(month),
		None if before_total is None else _total(history, before),
		before_total,
		_total(history, week) if week >= month else None,
	)


def _total(history: History, day: date) -> Decimal | None:
	"""The last total of the day's month up to that day."""
	month = day.replace(day=1)
	known = [one for one in history if month <= one <= day]
	return history[max(known)] if known else None


def straight_line(progress: Progress) -> Decimal | None:
	return progress.total / progress.day * progress.days


def month_before(progress: Progress) -> Decimal | None:
	return progress.before_total


METHODS: dict[str, Callable[[Progress], Decimal | None]] = {
	"the app's method": project,
	"straight line": straight_line,
	"the month before": month_before,
}


def rows(
	found: dict[tuple[str, str, str], History], method: Callable[[Progress], Decimal | None]
) -> Iterator[Row]:
	"""A row for each group, month that is over and day of DAYS."""
	for history in found.values():
		month = TODAY.replace(day=1)
		for _number in range(MONTHS):
			end = month - timedelta(days=1)
			month = end.replace(day=1)
			came_to = _total(history, end)
			for day in DAYS:
				if came_to and (progress := progress_on(history, month.replace(day=day))):
					yield Row(day, method(progress), came_to)


def errors(of: list[Row]) -> tuple[int, int, float, float]:
	"""How many were projected, of how many; the sum of all errors ÷ the sum of all amounts; the median error of a row."""
	said = [row for row in of if row.said is not None]
	if not said:
		return 0, len(of), 0.0, 0.0
	off = [abs(row.said - row.came_to) for row in said]
	share = sum(off) / sum(abs(row.came_to) for row in said)
	return (
		len(said),
		len(of),
		float(share),
		float(median(o / abs(r.came_to) for o, r in zip(off, said, strict=True))),
	)


def each(
	found: dict[tuple[str, str, str], History], change: Callable[[History], History]
) -> dict[tuple[str, str, str], History]:
	return {key: change(history) for key, history in found.items()}


def report() -> str:
	blocks = []
	demo = histories(SandboxConfig(companies=0, products=0, subscriptions=0))
	larger = histories(SandboxConfig())
	for title, found in (
		("History of the demo", demo),
		(
			"The same, posted every Monday",
			each(demo, lambda one: as_posted(one, lambda on: on.weekday() == 0)),
		),
		("The same, posted on the 15th", each(demo, lambda one: as_posted(one, lambda on: on.day == 15))),
		("The same, as a flat amount on the 1st", each(demo, flat)),
		("A larger history of the same stand-in", larger),
	):
		lines = [
			f"{title}: {len(found)} resource groups, {MONTHS} months. All errors ÷ all amounts (median of a group)"
		]
		lines.append(f"  {'':<22}" + "".join(f"{'day ' + str(day):>18}" for day in DAYS) + f"{'all':>18}")
		for name, method in METHODS.items():
			made = list(rows(found, method))
			cells = []
			for day in (*DAYS, None):
				n, of, share, middle = errors([row for row in made if day in (None, row.day)])
				cells.append(f"{share:.1%} ({middle:.1%})" if n else "-")
			lines.append(
				f"  {name:<22}" + "".join(f"{cell:>18}" for cell in cells) + f"   {n} of {of} projected"
			)
		blocks.append("\n".join(lines))
	return "\n\n".join(blocks)


if __name__ == "__main__":
	print(report())
