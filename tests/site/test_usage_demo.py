"""The history of usage that the demo shows fits together with what Pax8 tells today."""

from datetime import date, datetime
from decimal import Decimal

import pytest
from usage_helpers import ACRONIS, AZURE, GROUP, LINE, MONTH, SENTINEL, SNAPSHOT, money

from msp_licensing.sandbox import storybook
from msp_licensing.setup import demo, demo_usage

TODAY = date(2027, 3, 14)


@pytest.fixture
def history(usage, site):
	demo_usage.make_history()
	site.db.commit()
	usage.sync()
	return usage


def test_the_history_ends_with_what_the_sandbox_tells_today(history, sandbox):
	for subscription in (AZURE, ACRONIS, SENTINEL):
		told = {row["resourceGroup"]: row for row in sandbox.usage(subscription)}
		for group in history.groups(subscription=subscription):
			today = told.pop(group.resource_group)
			assert (money(group.this_month_charges), group.this_month) == (
				money(today["currentCharges"]),
				date(2027, 3, 1),
			)
			days = history.snapshots(group, month=date(2027, 3, 1))
			expected = 12 if group.resource_group == storybook.CEDAR_AZURE_DEV_TEST else 14
			assert len(days) == expected and days[-1].day == TODAY
			assert len({row.summary_id for row in days}) == 1, "Pax8 keeps the id of a summary within a month"
		assert not told


def test_days_before_today_have_the_totals_that_the_sandbox_had_then(history):
	group = history.group(storybook.CEDAR_AZURE_PRODUCTION, AZURE)
	history.clocks.set(datetime(2027, 3, 9, 12))
	told = {row["resourceGroup"]: row for row in history.sandbox.usage(AZURE)}
	(then,) = history.snapshots(group, day=date(2027, 3, 9))
	assert money(then.charges) == money(told[group.resource_group]["currentCharges"])


def test_months_that_are_over_are_provisional_and_hold_the_last_total(history):
	group = history.group(storybook.CEDAR_AZURE_PRODUCTION, AZURE)
	months = history.months(group)
	assert [month.status for month in months] == ["Provisional"] * 13 + ["Running"]
	assert {month.client for month in months} == {demo.CEDAR}
	for month in months[:-1]:
		assert month.last_day.month == month.month.month and (month.last_day.day >= 28)
		last = history.snapshots(group, day=month.last_day)[0]
		assert money(last.charges) == money(month.charges) > 0
	assert group.has_last_month_charges and money(group.last_month_charges) == money(months[-2].charges)


def test_there_is_a_trial_a_decrease_and_usage_that_is_nobodys(history, site):
	trial = history.group(storybook.MUELLER_ACRONIS_TRIAL, ACRONIS)
	assert trial.is_trial and trial.client == demo.MUELLER
	assert site.db.exists(SNAPSHOT, {"decreased": 1, "client": demo.CEDAR})
	groups = history.groups(subscription=SENTINEL)
	assert {group.client for group in groups if group.resource_group != storybook.SENTINELONE_DISPUTED} == {
		None
	}
	assert site.db.exists(LINE, {"day": ("<", TODAY), "quantity": (">", 0)})


def test_a_second_call_changes_nothing(history, site):
	before = {doctype: history.table(doctype) for doctype in (GROUP, SNAPSHOT, MONTH, LINE)}
	assert demo_usage.make_history() == len(before[SNAPSHOT])
	assert {doctype: history.table(doctype) for doctype in before} == before
	assert Decimal(0) < sum(money(row.charges) for row in before[MONTH])
