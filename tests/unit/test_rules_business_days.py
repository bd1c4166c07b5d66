"""Counting in business days."""

from datetime import date

import pytest

from msp_licensing.rules.business_days import MOST, USUAL, WEEKS, add, is_business_day

THURSDAY, FRIDAY, SATURDAY, SUNDAY, MONDAY = (date(2026, 11, day) for day in (26, 27, 28, 29, 30))


@pytest.mark.parametrize(
	("start", "count", "end"),
	[
		(THURSDAY, 1, FRIDAY),
		(FRIDAY, 1, MONDAY),
		(SATURDAY, 1, MONDAY),
		(SUNDAY, 1, MONDAY),
		(FRIDAY, 5, date(2026, 12, 4)),
		(MONDAY, 30, date(2027, 1, 11)),
		(FRIDAY, 0, FRIDAY),
		(SATURDAY, -3, SATURDAY),
	],
)
def test_weekends_do_not_count(start, count, end):
	assert add(start, count) == end


@pytest.mark.parametrize(
	("week", "end"),
	[
		("Monday to Friday", date(2026, 12, 1)),
		("Sunday to Thursday", MONDAY),
		("Monday to Saturday", MONDAY),
		("Every Day", SUNDAY),
		("a week of a later version", date(2026, 12, 1)),
	],
)
def test_the_working_week_is_the_sites(week, end):
	assert add(FRIDAY, 2, week=week) == end


def test_holidays_do_not_count():
	assert add(FRIDAY, 1, holidays={MONDAY}) == date(2026, 12, 1)
	assert not is_business_day(MONDAY, holidays={MONDAY}) and is_business_day(MONDAY)


def test_a_number_of_days_that_means_never_ends_somewhere():
	assert add(FRIDAY, 10**9) == add(FRIDAY, MOST) < date(2060, 1, 1)


def test_every_week_has_a_working_day():
	assert USUAL in WEEKS and all(len(days_off) < 7 for days_off in WEEKS.values())
