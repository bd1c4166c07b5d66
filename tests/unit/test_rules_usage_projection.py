"""A projection is no straight line: vendors post irregularly, and the month before says what is still to come."""

from datetime import date
from decimal import Decimal

import pytest

from msp_licensing.rules.usage_projection import Progress, days_of, project, same_day_before


def progress(total, day, before_same_day=None, before_total=None, week_before=None, days=30):
	def known(value):
		return None if value is None else Decimal(str(value))

	return Progress(
		Decimal(str(total)), day, days, known(before_same_day), known(before_total), known(week_before)
	)


def test_an_even_month_like_the_one_before_comes_to_the_same():
	assert project(progress(100, 10, 100, 300)) == 300


def test_a_flat_amount_on_the_first_day_is_not_projected_to_many():
	assert project(progress(500, 2, 500, 500)) == 500


def test_one_post_at_the_end_of_the_month_is_still_expected():
	assert project(progress(0, 20, 0, 900)) == 900


def test_an_even_group_that_grew_is_a_straight_line():
	assert project(progress(150, 10, 100, 300)) == 450


def test_a_weekly_vendor_is_projected_by_its_posts_and_not_by_the_days():
	assert project(progress(70, 13, 70, 280)) == 280
	assert project(progress(140, 12, 70, 280)) == 350, "one post more than at that time of the month before"


def test_a_flat_amount_stays_itself_also_late_in_the_month():
	assert project(progress(500, 25, 480, 480)) == 500


def test_a_month_before_that_was_corrected_downwards_takes_away_as_much():
	assert project(progress(100, 10, 100, 80)) == 80


def test_negative_totals_of_the_month_before_make_no_straight_line():
	assert project(progress(-10, 10, -50, -150)) == -110
	assert project(progress(10, 10, -50, 150)) == 210


def test_a_new_group_goes_on_as_in_the_last_week():
	assert project(progress(100, 20, week_before=30)) == 100 + Decimal(70) / 7 * 10
	assert project(progress(100, 20, week_before=100)) == 100, "nothing was added lately"
	assert project(progress(80, 20, week_before=100)) == 80, "a correction does not go on"


def test_a_group_that_is_known_for_less_than_a_week_has_none():
	assert project(progress(100, 5)) is None


def test_on_the_last_day_there_is_nothing_to_project():
	assert project(progress(100, 30)) == project(progress(100, 30, 10, 500)) == 100


@pytest.mark.parametrize(
	("day", "before"),
	[
		(date(2027, 3, 31), date(2027, 2, 28)),
		(date(2028, 3, 30), date(2028, 2, 29)),
		(date(2027, 1, 15), date(2026, 12, 15)),
	],
)
def test_the_same_day_of_a_shorter_month_is_its_last_one(day, before):
	assert same_day_before(day) == before
	assert days_of(before.replace(day=1)) >= before.day
