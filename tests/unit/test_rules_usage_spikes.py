"""A day is a spike by its own group's history: not by a new month, a correction, a gap or a vendor that posts once a week."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from msp_licensing.rules.usage_spikes import LEAST_DAYS, Gain, gains, spikes

FIRST = date(2027, 3, 1)
THREE, TEN = Decimal(3), Decimal(10)


def running(amounts, start=FIRST):
	"""Running totals of what each day adds, beginning anew each month."""
	total, month, found = Decimal(0), start.month, []
	for number, amount in enumerate(amounts):
		day = start + timedelta(days=number)
		if day.month != month:
			total, month = Decimal(0), day.month
		total += Decimal(str(amount))
		found.append((day, total))
	return found


def days_of_spikes(totals, factor=THREE, minimum=TEN):
	return [spike.day for spike in spikes(gains(totals), factor, minimum)]


def test_a_day_far_above_the_usual_one_is_a_spike_with_the_numbers():
	(spike,) = spikes(gains(running([10, 11, 9, 10, 12, 10, 11, 9, 10, 95])), THREE, TEN)
	assert (spike.day, spike.amount, spike.usual, spike.begins) == (date(2027, 3, 10), 95, 10, True)


def test_an_even_history_has_none():
	assert not days_of_spikes(running([10] * 60))


@pytest.mark.parametrize("amount", [29, 19.9])
def test_less_than_the_factor_or_the_minimum_is_none(amount):
	assert not days_of_spikes(running([10] * 10 + [amount]))


def test_the_minimum_keeps_pennies_from_being_told():
	totals = running([0.01] * 20 + [5])
	assert not days_of_spikes(totals)
	assert days_of_spikes(totals, minimum=Decimal(1)) == [date(2027, 3, 21)]


def test_a_group_whose_days_vary_much_needs_more():
	varied = [5, 60, 8, 45, 3, 70, 20, 55, 6, 62]
	assert not days_of_spikes(running([*varied, 110], FIRST))
	assert days_of_spikes(running([*varied, 900], FIRST)) == [date(2027, 3, 11)]


def test_too_few_days_say_nothing():
	assert not days_of_spikes(running([10] * (LEAST_DAYS - 1) + [900]))
	assert days_of_spikes(running([10] * LEAST_DAYS + [900])) == [date(2027, 3, 8)]


def test_empty_days_are_not_the_usual_ones_of_a_vendor_that_posts_once_a_week():
	weekly = ([0] * 6 + [70]) * 8
	assert not days_of_spikes(running(weekly))
	(found,) = days_of_spikes(running([*weekly, *[0] * 6, 700]))
	assert found == FIRST + timedelta(days=62)


def test_a_new_month_is_no_decrease_and_no_spike():
	assert not days_of_spikes(running([10] * 90))


def test_a_flat_amount_at_the_beginning_of_each_month_is_usual():
	months = [[500, *[5] * 30], [500, *[5] * 29], [510, *[5] * 30]]
	assert not days_of_spikes(running([amount for month in months for amount in month]))
	months[2][0] = 1600
	(spike,) = spikes(gains(running([amount for month in months for amount in month])), THREE, TEN)
	assert (spike.day, spike.usual) == (date(2027, 5, 1), 500)


def test_the_first_post_of_a_month_is_not_judged_where_none_is_known_of_the_month_before():
	start = date(2027, 3, 10)
	amounts = [5] * 22 + [500] + [5] * 5
	assert not days_of_spikes(running(amounts, start))


def test_decreases_and_their_return_add_nothing():
	totals = running([10] * 10)
	day, total = totals[-1]
	corrected = [*totals, (day + timedelta(days=1), Decimal(10)), (day + timedelta(days=2), total + 5)]
	assert [gain.amount for gain in gains(corrected)][-2:] == [0, 5]
	assert not days_of_spikes(corrected)


def test_negative_totals_are_no_spike():
	assert not days_of_spikes(running([10] * 10 + [-500, 5]))


def test_days_that_were_not_read_share_what_was_added():
	totals = running([10] * 9)
	day, total = totals[-1]
	totals.append((day + timedelta(days=8), total + 80))
	assert gains(totals)[-1] == Gain(day + timedelta(days=8), Decimal(10))
	assert not days_of_spikes(totals)


def test_a_first_post_that_was_read_late_is_no_spike():
	totals = running([10] * 31 + [10] * 30)
	late = [row for row in totals if row[0] not in (date(2027, 4, n) for n in range(1, 6))]
	assert not days_of_spikes(late)


def test_unusual_days_in_a_row_begin_once_and_a_level_that_lasts_becomes_usual():
	found = spikes(gains(running([10] * 11 + [100] * 20)), THREE, TEN)
	assert [spike.begins for spike in found] == [True] + [False] * (len(found) - 1)
	assert 1 < len(found) < 15


def test_two_spikes_with_usual_days_between_are_two():
	found = spikes(gains(running([10] * 11 + [100, 10, 10, 100])), THREE, TEN)
	assert [spike.begins for spike in found] == [True, True]


def test_no_totals_and_one_total_have_no_gains():
	assert gains([]) == [] and gains([(date(2027, 3, 9), TEN)]) == []
	assert gains([(FIRST, TEN)]) == [Gain(FIRST, TEN, TEN)]
