"""What a month of usage will probably come to, from the totals so far.

Usage comes as running totals of the month, and vendors post irregularly: every day, once a week, once a month, or one flat
amount on the first day. A straight line (the total ÷ the days so far × the days of the month) is good for those who post every day,
and far off for all others: it doubles a flat amount, and half a month of a weekly vendor may be one post or two. The month
before tells which kind a resource group is of.

**Method**, for each resource group and currency:

1. If the month before is known, and went by a straight line until the same day: a straight line. It did if the line would have
   missed what it came to by at most 20 %, and if its share on that day was within 10 points of the share of days.
2. If it did not: the total so far, and what the month before still gained after the same day.
3. If the month before is not known, but the group has been read for a week: the total so far, and the gain of the last seven days for
   the days that are left.
4. Otherwise there is no projection.

Totals of several groups are projected group by group, and currency by currency. How far this is off is measured by
`tests.usage_projection_figures`; docs/user/usage.md has the figures.
"""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

WEEK = 7
# How far off a straight line may have been in the month before: of what it came to, and as a share of the month.
MOST_OFF, MOST_AHEAD = Decimal("0.2"), Decimal("0.1")


@dataclass(frozen=True, slots=True)
class Progress:
	"""What is known of one resource group, in one currency, within a month.

	Attributes:
		total: the running total so far. day: the day of the month (1 to 31) it is from. days: how many days the month has.
		before_same_day: the total of the month before on the same day; None: not known.
		before_total: what the month before came to; None: not known.
		week_before: the total of this month seven days earlier; None: not known, or the month is younger.
	"""

	total: Decimal
	day: int
	days: int
	before_same_day: Decimal | None = None
	before_total: Decimal | None = None
	week_before: Decimal | None = None


def project(progress: Progress) -> Decimal | None:
	"""The probable total at the end of the month, in the currency of the totals; None: too little is known."""
	left = progress.days - progress.day
	if left <= 0:
		return progress.total
	if progress.before_same_day is not None and progress.before_total is not None:
		if _was_regular(progress.before_same_day, progress.before_total, progress):
			return progress.total / progress.day * progress.days
		return progress.total + progress.before_total - progress.before_same_day
	if progress.week_before is not None:
		return progress.total + max(Decimal(0), progress.total - progress.week_before) / WEEK * left
	return None


def _was_regular(same_day: Decimal, total: Decimal, progress: Progress) -> bool:
	"""Whether the month before went by a straight line until the same day. Months are taken for equally long."""
	if total <= 0:
		return False
	share, of_days = same_day / total, Decimal(progress.day) / progress.days
	return abs(share / of_days - 1) <= MOST_OFF and abs(share - of_days) <= MOST_AHEAD


def days_of(month: date) -> int:
	"""How many days a month has."""
	return monthrange(month.year, month.month)[1]


def same_day_before(day: date) -> date:
	"""The same day of the month before, or its last day.

	>>> same_day_before(date(2027, 3, 31))
	datetime.date(2027, 2, 28)
	"""
	last = day.replace(day=1) - timedelta(days=1)
	return last.replace(day=min(day.day, last.day))
