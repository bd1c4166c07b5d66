"""Days on which a resource group used much more than it usually does.

Usage comes as running totals, so what a day added is the difference to the total before:

- **Within a month** only what goes beyond the highest total so far counts: a total that was corrected downwards and comes back
  has added nothing.
- **A new month** begins at 0. Its first post may be a flat amount for the whole month, so it is compared with the first post of the month
  before as well. If none is known, it is not judged.
- **Days that were not read** share what was added meanwhile evenly.

Vendors post irregularly, so a day is compared with other days that added something: an empty day of a weekly vendor is not its
usual day. The usual amount is the median of those days, and the median deviation from it (MAD) says how much they vary. A day is a spike if

- at least `LEAST_DAYS` days before it added something,
- it added at least `factor` times the median,
- it is further from the median than the days usually are, and
- it is above the median by at least the minimum amount.

Unusual days in a row are one spike, which begins on the first of them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from statistics import median

HISTORY_DAYS = 62
LEAST_DAYS = 7
# A MAD of normal values is the standard deviation ÷ 1.4826; 3.5 of these is the usual limit of outliers (Iglewicz and Hoaglin).
_DEVIATIONS = Decimal("3.5") * Decimal("1.4826")


@dataclass(frozen=True, slots=True)
class Gain:
	"""What one day added, in the currency of the totals.

	Attributes:
		amount: per day, where several days that were not read share it.
		first: the whole of the first post of its month; None for other days.
	"""

	day: date
	amount: Decimal
	first: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Spike:
	"""A day that is a spike.

	Attributes:
		usual: what days that added something usually add: the median. For the first post of a month the one of the month
			before, if that is more.
		begins: False where the day before that added something was a spike as well.
	"""

	day: date
	amount: Decimal
	usual: Decimal
	begins: bool


def gains(totals: Iterable[tuple[date, Decimal]]) -> list[Gain]:
	"""What each day added, of running totals by day, oldest first. 0 where a day added nothing, and for decreases.

	The first total of all is only where to count from, unless it is of the first day of a month.
	"""
	found: list[Gain] = []
	before: date | None = None
	highest, posted = Decimal(0), False
	for day, total in totals:
		is_new_month = before is None or (day.year, day.month) != (before.year, before.month)
		if before is None and day.day > 1:
			before, highest, posted = day, total, True
			continue
		if is_new_month:
			highest, posted = Decimal(0), False
		span = day.day if is_new_month else (day - before).days  # type: ignore[operator]
		added = max(Decimal(0), total - highest)
		is_first = added > 0 and not posted
		found.append(Gain(day, added / span, added if is_first else None))
		before, highest, posted = day, max(highest, total), posted or is_first
	return found


def spikes(found: Sequence[Gain], factor: Decimal, minimum: Decimal) -> list[Spike]:
	"""The days that are spikes, oldest first.

	Args:
		found: what `gains` returns.
		factor: how many times the usual amount is a spike.
		minimum: how much above the usual amount a day has to be, in the currency of the totals.
	"""
	result: list[Spike] = []
	days: list[Decimal] = []
	first_before: Decimal | None = None
	was_spike = False
	for gain in found:
		if gain.amount <= 0:
			continue
		limit = _limit(days, factor, minimum)
		is_spike = limit is not None and gain.amount >= limit
		usual = median(days) if days else Decimal(0)
		if gain.first is not None:
			# A flat amount at the beginning of each month is usual, however high it is.
			is_spike = is_spike and first_before is not None and gain.first >= factor * first_before
			usual = max(usual, first_before or Decimal(0))
			first_before = gain.first
		added = gain.amount if gain.first is None else gain.first
		days.append(added)  # spikes as well: a level that lasts becomes the usual one
		if is_spike:
			result.append(Spike(gain.day, added, usual, not was_spike))
		was_spike = is_spike
	return result


def _limit(days: Sequence[Decimal], factor: Decimal, minimum: Decimal) -> Decimal | None:
	"""The amount from which on a day is a spike; None: too few days are known."""
	if len(days) < LEAST_DAYS:
		return None
	usual = median(days)
	spread = median(abs(amount - usual) for amount in days)
	return max(factor * usual, usual + _DEVIATIONS * spread, usual + minimum)
