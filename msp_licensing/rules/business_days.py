"""Counting in business days."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta

# What Licensing Settings offers: the weekdays nobody works on, Monday being 0.
WEEKS: dict[str, frozenset[int]] = {
	"Monday to Friday": frozenset({5, 6}),
	"Sunday to Thursday": frozenset({4, 5}),
	"Monday to Saturday": frozenset({6}),
	"Every Day": frozenset(),
}
USUAL = "Monday to Friday"

# Twenty years: more is "never", and Python's calendar ends in 9999.
MOST = 5200


def is_business_day(day: date, *, week: str = USUAL, holidays: Collection[date] = ()) -> bool:
	return day.weekday() not in WEEKS.get(week, WEEKS[USUAL]) and day not in holidays


def add(start: date, count: int, *, week: str = USUAL, holidays: Collection[date] = ()) -> date:
	"""Return the day that is `count` business days after `start`.

	Args:
		start: any day; it does not count itself. From a Saturday, one business day later is Monday.
		count: 0 or less returns `start`; more than `MOST` counts as `MOST`.
		week: a key of `WEEKS`; anything else counts as the usual week.
		holidays: days of the working week that are off.
	"""
	day = start
	for _turn in range(min(count, MOST)):
		day += timedelta(days=1)
		while not is_business_day(day, week=week, holidays=holidays):
			day += timedelta(days=1)
	return day
