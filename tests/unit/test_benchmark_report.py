"""The arithmetic of the benchmarks: a wrong ratio would be believed."""

import pytest

from benchmarks import results
from benchmarks.report import Ratio, compare, fewest_pages, number, slope, table


def sample(rows, seconds, work=None, **more):
	work = seconds if work is None else work
	return {
		"rows": rows,
		"seconds": seconds,
		"work": work,
		"cpu": work,
		"memory": 3e6,
		"memory_before": 1e6,
		**more,
	}


def test_speeds_are_compared_by_row_whatever_the_size_of_the_sample():
	ours = [sample(50_000, 5.0)]
	theirs = [sample(1_000, 4.0, work=2.0)]
	found = compare("", ours, theirs, 60, speed=True)
	assert found.value == pytest.approx(10_000 / 250)
	assert found.work == pytest.approx(10_000 / 500), "processor time is compared by itself"
	assert found.reached is False


def test_times_are_compared_the_other_way_round():
	found = compare("", [sample(100, 3.0)], [sample(100, 2.0)], 1.5, speed=False)
	assert found.value == pytest.approx(1.5) and found.reached


def test_the_median_decides_and_neighbours_give_the_range():
	ours = [sample(10, 1.0), sample(10, 2.0), sample(10, 9.0)]
	theirs = [sample(10, 1.0), sample(10, 1.0), sample(10, 1.0)]
	found = compare("", ours, theirs, speed=False)
	assert (found.value, found.low, found.high) == pytest.approx((2.0, 1.0, 9.0))
	assert found.reached is None, "nothing is claimed where there is no aim"


def test_a_missed_aim_is_told_and_not_hidden():
	assert "**no**" in Ratio("", 1.3, 1.2, 1.4, None, 1.25, at_least=False).cells()
	assert "yes" in Ratio("", 1.2, 1.2, 1.4, None, 1.25, at_least=False).cells()


def test_growth_is_told_per_row():
	assert slope([(5_000, 10e6), (50_000, 19e6), (200_000, 49e6)]) == pytest.approx(200)


def test_the_fewest_calls_are_counted_by_pages_and_by_products_that_are_due():
	assert [fewest_pages(rows) for rows in (0, 1, 200, 201, 50_000)] == [1, 1, 1, 2, 250]
	taken = {"rows": 450, "due": 17}
	assert results.least_calls("findAllProducts", taken) == 3
	assert results.least_calls("findPricingByProductId", taken) == 17
	assert results.least_calls("createAccessToken", taken) == 0


def test_numbers_keep_what_can_be_known_of_them():
	assert [number(value) for value in (0, 0.123, 12.34, 123.4, 50_000)] == [
		"0",
		"0.12",
		"12.3",
		"123",
		"50,000",
	]


def test_a_table_has_as_many_columns_as_its_head():
	assert table(("a", "b"), [["x", 1]]) == "| a | b |\n|---|--:|\n| x | 1 |"


def test_a_page_shows_what_was_measured_and_leaves_out_what_was_not():
	measured = {
		"machine": {"cores": 2},
		"versions": {},
		"sizes": {"growth": [100, 200]},
		"samples": {
			"walk": [sample(100, 1.0)],
			"unchanged sync": [sample(100, 1.2, rows_new=0, rows_changed=0, touched=2, changed_tables=[])],
			"limited subscriptions": [
				sample(400, 0.13, calls=2, answered={"by_operation": {"findSubscriptions": 2}})
			],
		},
	}
	page = results.page(measured)
	assert "| unchanged sync: time ÷ fetching and parsing alone | 1.20 |" in page
	assert "checksum changed: none" in page
	assert "| limited subscriptions | findSubscriptions | 2 | 2 |" in page
	assert "doc.save" not in page and "bytes a row" not in page


def changed(total, pax8, empty=0.2):
	parts = dict.fromkeys(("approve", "start", "read", "write", "tell", "cpu"), total / 5)
	return {"total": total, "pax8": pax8, "empty": empty, **parts}


def test_what_a_change_takes_is_held_against_the_aim_without_pax8s_own_part():
	measured = {
		"at once": [changed(0.8, 0.1), changed(0.6, 0.1), changed(1.4, 0.1)],
		"slow": [changed(5.0, 2.5)],
	}
	page = results.changes(measured)
	assert "| at once: seconds beyond Pax8's own | 0.70 | 0.50 – 1.30 |  | ≤ 1 | yes |" in page
	assert "| slow: seconds beyond Pax8's own | 2.50 | 2.50 – 2.50 |  | ≤ 1 | **no** |" in page
	assert "| at once: the same ÷ a job that does nothing | 3.50 |" in page
	assert "| slow | 5 | 2.50 | 1 |" in page, "the parts stand beside the whole"


def test_a_page_of_changes_alone_shows_nothing_else():
	page = results.page(
		{
			"machine": {},
			"versions": {},
			"sizes": {"growth": []},
			"samples": {},
			"changes": {"at once": [changed(0.8, 0.1)]},
		}
	)
	assert "From approval to confirmed change" in page and "## Ratios" not in page
