"""What a month of usage will probably come to, from the totals so far.

Usage comes as running totals of the month, and vendors post irregularly: every day, once a week, once a month, or one flat
amount on the first day. So a total that is divided by the days so far says little: half a month of a weekly vendor may be one
post or two, and a flat amount would be doubled. What a resource group did in the month before says more.

**Method**, for each resource group and currency:

1. If the month before is known: the total so far, and what the month before still gained after the same day. That gain is scaled by
   how this month compares with the month before so far. The comparison counts the more, the more of the month is over, and
   never for less than half or more than twice.
2. Otherwise, if the group has been read for a week: the total so far, and the gain of the last seven days for the days that are left.
3. Otherwise there is no projection.

Totals of several groups are projected group by group, and currency by currency.
"""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

WEEK = 7
LEAST_SCALE, MOST_SCALE = Decimal("0.5"), Decimal(2)


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
		rest = progress.before_total - progress.before_same_day
		return progress.total + rest * _scale(progress)
	if progress.week_before is not None:
		return progress.total + max(Decimal(0), progress.total - progress.week_before) / WEEK * left
	return None


def _scale(progress: Progress) -> Decimal:
	"""How the rest of this month will probably compare with the rest of the month before."""
	before = progress.before_same_day or Decimal(0)
	if before <= 0 or progress.total <= 0:
		return Decimal(1)
	ratio = min(MOST_SCALE, max(LEAST_SCALE, progress.total / before))
	return 1 + (ratio - 1) * progress.day / progress.days


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
