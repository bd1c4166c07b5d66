"""Usage is read with few calls, one snapshot a day, and the last total of a month is kept when the month is over."""

import subprocess
import sys
import threading
import time
from datetime import date, datetime
from decimal import Decimal

import pytest
from usage_helpers import ACRONIS, AZURE, GROUP, LINE, MONTH, SENTINEL, SNAPSHOT, START, money

from msp_licensing.sandbox import storybook

CEDAR, NORTHWIND = storybook.CEDAR_AND_PINE, storybook.NORTHWIND_PARTNER
MARCH, APRIL = date(2027, 3, 1), date(2027, 4, 1)


def calls(sandbox, operation):
	return len(sandbox.calls(operation))


# ------------------------------------------------------------------------------------ what is read


def test_groups_of_clients_and_of_the_partners_own_company_are_stored_with_whose_they_are(usage, site):
	from msp_licensing.setup import demo

	run = usage.sync()
	assert (run.status, run.error) == ("Completed", None)
	assert run.rows_new == run.rows_read == site.db.count(GROUP) == site.db.count(SNAPSHOT) > 0
	azure = usage.group(storybook.CEDAR_AZURE_PRODUCTION, AZURE)
	assert (azure.placement, azure.client, azure.subscription) == ("Linked by Pax8", demo.CEDAR, AZURE)
	assert (azure.pax8_company, azure.vendor, azure.product) == (CEDAR, "Microsoft", storybook.AZURE_PLAN)
	own = usage.group(storybook.SENTINELONE_DEFAULT_SITE)
	assert (own.placement, own.client, own.pax8_company) == ("Unassigned", None, NORTHWIND)
	assert own.subscription is None and own.subscription_id == SENTINEL, "such a subscription is not stored"
	nobody = usage.group(storybook.SENTINELONE_OF_NOBODY)
	assert (nobody.placement, nobody.pax8_company) == ("Unassigned", None)
	unmapped = usage.group(storybook.SENTINELONE_OF_BLUE_HARBOR)
	assert (unmapped.placement, unmapped.pax8_company_name) == ("Unassigned", "Blue Harbor Dental")


def test_amounts_are_stored_as_pax8_has_them_and_no_missing_one_as_zero(usage):
	usage.put("x", companyId=CEDAR, currentCharges=12.3456, partnerTotal=9.875)
	usage.put("no charges", wire={"currentCharges": None})
	usage.sync()
	group = usage.group("x")
	assert (money(group.this_month_charges), money(group.this_month_cost)) == (
		Decimal("12.346"),
		Decimal("9.875"),
	)
	(snapshot,) = usage.snapshots(group)
	assert (snapshot.day, snapshot.month, snapshot.currency) == (date(2027, 3, 14), MARCH, "USD")
	assert (money(snapshot.charges), snapshot.has_charges, snapshot.client) == (
		Decimal("12.346"),
		1,
		group.client,
	)
	without = usage.group("no charges")
	assert not without.has_this_month_charges and without.has_this_month_cost


def test_the_calls_are_as_few_as_pax8_allows(usage, site, sandbox):
	from msp_licensing.sync.kinds.usage import scope

	before = {
		operation: calls(sandbox, operation)
		for operation in ("findSubscriptions", "findSubscriptionUsageSummaries", "findUsageLines")
	}
	run = usage.sync()
	stored = site.get_all("Pax8 Subscription", {"vanished": 0}, ["name", "product", "billing_term"])
	products = scope.Products()
	read = [row.name for row in stored if products.is_usage(row.product, row.billing_term)]
	made = {operation: calls(sandbox, operation) - before[operation] for operation in before}
	assert made["findSubscriptions"] == 1, "one own company"
	assert made["findSubscriptionUsageSummaries"] == len({*read, SENTINEL})
	assert made["findUsageLines"] == 3 * site.db.count(GROUP)
	assert run.calls == sum(made.values()) + 1, "and a token"
	again = usage.sync()
	assert again.calls == 2 + made["findSubscriptionUsageSummaries"], "no line is read a second time"


def test_nothing_is_read_of_seats_nor_of_what_staff_says_is_one(usage, site, sandbox):
	site.db.set_value(
		"Pax8 Product", storybook.AZURE_PLAN, {"usage_class": "Seat", "usage_class_set_by_staff": 1}
	)
	site.db.commit()
	usage.sync()
	assert not usage.groups(subscription=AZURE)
	assert not any(
		storybook.CEDAR_KEEPER in call["path"] for call in sandbox.calls("findSubscriptionUsageSummaries")
	)


@pytest.mark.parametrize("evidence", ["groups", "sku", "term"])
def test_an_unknown_product_is_read_where_something_speaks_for_usage(usage, site, evidence):
	if evidence == "groups":
		usage.sync()
	site.db.set_value("Pax8 Product", storybook.AZURE_PLAN, {"usage_class": "Unknown"})
	site.db.sql("delete from `tabPax8 Usage Snapshot`")
	if evidence == "sku":
		site.db.set_value("Pax8 Product", storybook.AZURE_PLAN, "vendor_sku", "MST-ARR-001")
	if evidence == "term":
		site.db.set_value("Pax8 Subscription", AZURE, "billing_term", "Arrears")
	site.db.commit()
	usage.on(2027, 3, 15, 4, 0)
	assert usage.snapshots(usage.group(storybook.CEDAR_AZURE_PRODUCTION, AZURE))


def test_an_unknown_product_without_evidence_is_not_read(usage, site):
	site.db.set_value("Pax8 Product", storybook.AZURE_PLAN, {"usage_class": "Unknown"})
	site.db.commit()
	usage.sync()
	assert not usage.groups(subscription=AZURE)


# ------------------------------------------------------------------------------------ a snapshot a day


def test_an_unchanged_sync_on_the_same_day_writes_nothing(usage):
	usage.sync()
	before = usage.everything()
	run = usage.sync()
	assert (run.status, run.rows_new, run.rows_changed) == ("Completed", 0, 0)
	assert run.rows_unchanged == run.rows_read > 0
	assert usage.everything() == before


def test_each_day_has_a_snapshot_and_the_later_read_of_a_day_replaces_the_earlier(usage):
	usage.put("x", companyId=CEDAR, currentCharges=10)
	usage.sync()
	usage.put("x", currentCharges=15)
	usage.on(2027, 3, 14, 23, 59)
	usage.put("x", currentCharges=20)
	usage.on(2027, 3, 15, 4, 0)
	rows = usage.snapshots(usage.group("x"))
	assert [(row.day.day, row.charges, row.decreased) for row in rows] == [(14, 15, 0), (15, 20, 0)]
	(month,) = usage.months(usage.group("x"))
	assert (month.charges, month.last_day, month.status) == (20, date(2027, 3, 15), "Running"), "not added up"


def test_a_total_that_stays_has_a_snapshot_of_every_day_all_the_same(usage):
	usage.put("x", currentCharges=10)
	usage.sync()
	run = usage.on(2027, 3, 15, 4, 0)
	assert [row.charges for row in usage.snapshots(usage.group("x"))] == [10, 10]
	assert run.rows_unchanged > 0


def test_a_decrease_is_taken_and_marked(usage):
	usage.put("x", currentCharges=30)
	usage.sync()
	usage.put("x", currentCharges=12.5)
	usage.on(2027, 3, 15, 4, 0)
	usage.put("x", currentCharges=12.6)
	usage.on(2027, 3, 16, 4, 0)
	group = usage.group("x")
	assert [row.decreased for row in usage.snapshots(group)] == [0, 1, 0]
	assert (group.this_month_charges, usage.months(group)[0].charges) == (12.6, 12.6)


def test_negative_amounts_are_amounts(usage):
	usage.put("credit", currentCharges=-5.5, partnerTotal=-4.25)
	assert usage.sync().status == "Completed"
	assert usage.months(usage.group("credit"))[0].charges == -5.5


def test_two_currencies_of_a_group_are_kept_apart(usage):
	usage.put("x", currentCharges=10)
	usage.sync()
	usage.put("x", currentCharges=9, wire={"currencyCode": "EUR"})
	usage.on(2027, 3, 15, 4, 0)
	group = usage.group("x")
	assert [(row.currency, row.charges, row.decreased) for row in usage.snapshots(group)] == [
		("USD", 10, 0),
		("EUR", 9, 0),
	]
	assert {(row.currency, row.charges) for row in usage.months(group)} == {("USD", 10), ("EUR", 9)}
	assert (group.currency, group.this_month_charges) == ("EUR", 9)


def test_usage_of_a_trial_is_kept_apart_from_what_follows_it(usage):
	usage.put("x", isTrial=True, currentCharges=50)
	usage.sync()
	usage.put("x", isTrial=False, currentCharges=4)
	usage.on(2027, 3, 15, 4, 0)
	group = usage.group("x")
	assert not group.is_trial and [row.decreased for row in usage.snapshots(group)] == [0, 0]
	assert [(row.is_trial, row.charges) for row in usage.months(group)] == [(0, 4), (1, 50)]
	assert usage.group(storybook.SENTINELONE_TRIAL).is_trial


def test_a_missing_amount_does_not_take_the_months_known_one(usage):
	usage.put("x", currentCharges=10, partnerTotal=8)
	usage.sync()
	usage.put("x", absent=["currentCharges"])
	usage.on(2027, 3, 15, 4, 0)
	group = usage.group("x")
	assert not group.has_this_month_charges and not usage.snapshots(group)[1].has_charges
	(month,) = usage.months(group)
	assert (month.charges, month.has_charges, month.cost) == (10, 1, 8)


# ------------------------------------------------------------------------------------ months


def test_a_month_that_ends_is_kept_as_provisional_and_the_new_one_begins(usage):
	usage.put("x", companyId=CEDAR, currentCharges=100)
	usage.on(2027, 3, 31, 23, 30)
	usage.on(2027, 4, 1, 4, 0)
	group = usage.group("x")
	march, april = usage.months(group)
	assert (march.month, march.charges, march.status, march.last_day) == (
		MARCH,
		100,
		"Provisional",
		date(2027, 3, 31),
	)
	assert (april.month, april.status) == (APRIL, "Running") and april.charges < 20
	assert (group.this_month, group.last_month_charges, group.has_last_month_charges) == (APRIL, 100, 1)
	assert money(group.this_month_charges) == money(april.charges)
	assert [row.decreased for row in usage.snapshots(group)] == [0, 0], "a new month is no decrease"


def test_a_month_whose_last_days_were_missed_is_kept_as_it_was_last_seen(usage):
	usage.put("x", companyId=CEDAR, currentCharges=100)
	usage.on(2027, 3, 27, 4, 0)
	usage.on(2027, 4, 3, 4, 0)
	march, april = usage.months(usage.group("x"))
	assert (march.charges, march.last_day, march.status, march.client) == (
		100,
		date(2027, 3, 27),
		"Provisional",
		usage.group("x").client,
	)
	assert april.status == "Running"


def test_a_month_is_over_even_when_pax8_cannot_be_read(usage, sandbox):
	usage.put("x", currentCharges=100)
	usage.on(2027, 3, 31, 4, 0)
	sandbox.faults.add("status", "*", status=403, count=None)
	assert usage.on(2027, 4, 2, 4, 0).status == "Failed"
	(march,) = usage.months(usage.group("x"))
	assert (march.charges, march.status) == (100, "Provisional")


def test_a_group_without_usage_in_the_new_month_keeps_its_last(usage):
	usage.put("x", currentCharges=100)
	usage.on(2027, 3, 31, 4, 0)
	usage.sandbox._control("DELETE", "usage", None, {"subscriptionId": SENTINEL, "resourceGroup": "x"})
	assert usage.on(2027, 4, 6, 4, 0).status == "Completed"
	group = usage.group("x")
	assert (group.this_month, group.this_month_charges, group.last_day) == (MARCH, 100, date(2027, 3, 31))


def test_a_month_without_any_answer_leaves_no_row_and_breaks_nothing(usage):
	usage.put("x", currentCharges=100)
	usage.on(2027, 3, 31, 4, 0)
	usage.on(2027, 5, 10, 4, 0)
	group = usage.group("x")
	assert [row.month for row in usage.months(group)] == [MARCH, date(2027, 5, 1)]
	assert not group.has_last_month_charges, "nothing is known of April, and that is not 0"


def test_the_old_month_that_pax8_still_shows_on_the_first_is_not_taken_for_the_new_one(usage):
	usage.put("x", companyId=CEDAR, currentCharges=100)
	usage.on(2027, 3, 31, 4, 0)
	usage.put("x", currentCharges=140)
	usage.clocks.set(datetime(2027, 4, 1, 4, 0), sandbox=datetime(2027, 3, 31, 23, 0))
	run = usage.sync()
	assert run.status == "Completed", run.error
	group = usage.group("x")
	(march,) = usage.months(group)
	assert (march.charges, march.status, march.last_day) == (140, "Provisional", date(2027, 3, 31))
	assert group.this_month == MARCH
	assert [(row.day, row.month) for row in usage.snapshots(group)] == [(date(2027, 3, 31), MARCH)]
	assert {row.month for row in usage.table(SNAPSHOT)} == {MARCH}
	usage.on(2027, 4, 2, 4, 0)
	march, april = usage.months(usage.group("x"))
	assert (march.charges, april.month) == (140, APRIL)


def test_a_new_group_on_the_first_days_is_of_the_month_that_its_lines_prove(usage, site, sandbox):
	usage.clocks.set(datetime(2027, 4, 1, 4, 0), sandbox=datetime(2027, 3, 31, 23, 0))
	usage.sync()
	assert {row.month for row in usage.table(MONTH)} == {MARCH}
	for doctype in (GROUP, SNAPSHOT, MONTH, LINE):
		site.db.sql(f"delete from `tab{doctype}`")
	site.db.commit()
	before = calls(sandbox, "findUsageLines")
	usage.on(2027, 4, 2, 4, 0)
	assert {row.month for row in usage.table(MONTH)} == {APRIL}
	groups = site.get_all(GROUP, fields=["subscription_id"])
	asked = calls(sandbox, "findUsageLines") - before - len(groups)  # one line day of April each
	assert 0 < asked <= 3 * len({row.subscription_id for row in groups}), (
		"one group speaks for its subscription"
	)


def test_a_summary_whose_id_stays_over_the_months_is_told_by_its_lines(usage, sandbox):
	march = "11111111-0000-4000-8000-000000000001"
	usage.put("x", currentCharges=100)
	usage.put("x", wire={"id": march})
	usage.on(2027, 3, 31, 4, 0)
	usage.clocks.set(datetime(2027, 4, 1, 4, 0))
	usage.put("x", currentCharges=100)
	# No line can be had by such an id, and the total is the same: it waits until the 5th.
	usage.on(2027, 4, 2, 4, 0)
	assert [row.month for row in usage.months(usage.group("x"))] == [MARCH]
	usage.on(2027, 4, 5, 4, 0)
	assert [row.month for row in usage.months(usage.group("x"))] == [MARCH, APRIL]


def test_a_total_that_changed_on_the_first_days_without_any_proof_is_the_new_months(usage):
	usage.put("x", currentCharges=100)
	usage.put("x", wire={"id": "11111111-0000-4000-8000-000000000001"})
	usage.on(2027, 3, 31, 4, 0)
	usage.clocks.set(datetime(2027, 4, 1, 4, 0))
	usage.put("x", currentCharges=3)
	usage.on(2027, 4, 2, 4, 0)
	march, april = usage.months(usage.group("x"))
	assert (march.charges, march.status, april.charges) == (100, "Provisional", 3)


def test_in_the_last_minutes_of_a_month_a_total_that_fell_is_not_believed(usage):
	usage.put("x", currentCharges=100)
	usage.on(2027, 3, 31, 4, 0)
	usage.clocks.set(datetime(2027, 3, 31, 23, 59, 50), sandbox=datetime(2027, 4, 1, 0, 0, 5))
	usage.sync()
	(march,) = usage.months(usage.group("x"))
	assert march.charges == 100


def test_a_month_that_ends_while_it_is_read_is_read_again(usage, monkeypatch):
	from msp_licensing import clock
	from msp_licensing.sync.kinds.usage import walk

	usage.put("x", currentCharges=100)
	usage.on(2027, 3, 31, 4, 0)
	usage.clocks.set(datetime(2027, 3, 31, 23, 45))
	read, seen = walk._Walk._summaries, []

	def slow(self, subscription):
		found = read(self, subscription)
		if not seen:
			seen.append(clock.utc_now())
			usage.clocks.set(datetime(2027, 4, 1, 0, 1))
		return found

	monkeypatch.setattr(walk._Walk, "_summaries", slow)
	assert usage.sync().status == "Completed"
	march, april = usage.months(usage.group("x"))
	assert (march.charges, april.month) == (100, APRIL)


def test_the_schedule_comes_once_more_in_the_last_hour_of_a_month(usage, site):
	from frappe.utils.background_jobs import get_queue

	from msp_licensing import tasks

	queue = get_queue("long")
	for moment, expected in (
		((2027, 3, 31, 22, 30), 0),
		((2027, 3, 30, 23, 30), 0),
		((2027, 3, 31, 23, 30), 1),
	):
		usage.clocks.set(datetime(*moment))
		tasks.sync_pax8_usage_at_month_end()
		site.db.commit()
		assert len(queue.jobs) == expected
	assert queue.jobs[0].kwargs["kwargs"]["kind"] == "Usage"
	queue.empty()


# ------------------------------------------------------------------------------------ lines


def test_lines_are_kept_for_the_days_wanted_and_never_added_up(usage, site):
	usage.sync()
	group = usage.group(storybook.CEDAR_AZURE_PRODUCTION, AZURE)
	rows = site.get_all(
		LINE, {"resource_group": group.name}, ["day", "charges", "quantity", "unit", "product_name"]
	)
	assert {row.day.day for row in rows} == {11, 12, 13}
	assert len(rows) == 3 * 14 and all(row.unit and row.product_name for row in rows)
	assert group.lines_through == date(2027, 3, 13)


def test_lines_of_a_total_that_moved_are_read_again_and_what_is_gone_goes(usage, site):
	usage.sync()
	acronis = usage.group(storybook.MUELLER_ACRONIS_GROUP, ACRONIS)
	usage.put(storybook.MUELLER_ACRONIS_GROUP, ACRONIS, currentCharges=77)
	usage.on(2027, 3, 15, 4, 0)
	rows = site.get_all(LINE, {"resource_group": acronis.name}, ["day", "charges"], order_by="day")
	assert {row.day.day for row in rows} == {11, 12, 13, 14}
	before = len(usage.sandbox.calls("findUsageLines"))
	usage.on(2027, 3, 16, 4, 0)
	asked = [
		call for call in usage.sandbox.calls("findUsageLines")[before:] if acronis.summary_id in call["path"]
	]
	assert len(asked) == 1, "at rest, only yesterday's are read"


def test_on_the_last_day_of_a_month_its_own_lines_are_read_too(usage, site):
	usage.on(2027, 3, 31, 23, 30)
	group = usage.group(storybook.CEDAR_AZURE_PRODUCTION, AZURE)
	days = set(site.get_all(LINE, {"resource_group": group.name}, pluck="day"))
	assert days == {date(2027, 3, number) for number in (28, 29, 30, 31)}


def test_no_lines_are_read_where_none_are_wanted(usage, site, sandbox):
	site.db.set_single_value("Pax8 Settings", "usage_line_days", 0)
	site.clear_document_cache("Pax8 Settings", "Pax8 Settings")
	site.db.commit()
	before = calls(sandbox, "findUsageLines")
	assert usage.sync().status == "Completed"
	assert calls(sandbox, "findUsageLines") == before and not site.db.count(LINE)


# ------------------------------------------------------------------------------------ odd names, odd rows


@pytest.mark.parametrize(
	"text",
	[
		"n" * 300,
		"💾 Bäckerei 株式会社",
		"<script>alert(1)</script> & <b>Sons</b>",
		"' or 1=1 -- %s {0} ifnull(",
	],
)
def test_names_are_kept_as_they_are(usage, text):
	usage.put("odd", wire={"resourceGroup": text})
	assert usage.sync().status == "Completed"
	assert usage.group(text).resource_group == text


def test_a_group_without_a_name_is_a_group(usage):
	usage.put("a", wire={"resourceGroup": ""}, currentCharges=3)
	assert usage.sync().status == "Completed"
	(group,) = [one for one in usage.groups() if not one.resource_group]
	assert usage.months(group)[0].charges == 3
	usage.put("a", absent=["resourceGroup"], currentCharges=4)
	usage.on(2027, 3, 15, 4, 0)
	assert len([one for one in usage.groups() if not one.resource_group]) == 1


def test_equal_names_in_two_subscriptions_are_two_groups(usage):
	for subscription in (SENTINEL, ACRONIS):
		usage.put("Default", subscription, currentCharges=1)
	usage.sync()
	assert usage.group("Default", SENTINEL).name != usage.group("Default", ACRONIS).name


def test_equal_names_in_one_subscription_are_two_groups_whose_history_does_not_mix(usage, site):
	from msp_licensing.setup import demo

	for name, company, charges in (("a", CEDAR, 10), ("b", storybook.MUELLER_UND_SOEHNE, 500)):
		usage.put(name, companyId=company, currentCharges=charges, wire={"resourceGroup": "Default"})
	usage.sync()
	one, other = usage.groups("Default")
	assert {one.client, other.client} == {demo.CEDAR, demo.MUELLER}
	cedar = one if one.client == demo.CEDAR else other
	# The next month brings new ids, and any order.
	usage.on(2027, 4, 10, 4, 0)
	assert len(usage.groups("Default")) == 2
	assert {row.client for row in usage.snapshots(cedar)} == {demo.CEDAR}
	assert next(money(row.charges) for row in usage.months(cedar)) == 10


def test_rows_that_cannot_be_used_are_refused_one_by_one_and_told(usage):
	usage.put("no currency", currentCharges=5, absent=["currencyCode"])
	usage.put("long currency", currentCharges=5, wire={"currencyCode": "Dollars"})
	usage.put("no id", currentCharges=5, absent=["id"])
	usage.put("words", wire={"currentCharges": "much"})
	usage.put("too much", wire={"currentCharges": 10**13})
	usage.put("good", currentCharges=5)
	run = usage.sync()
	assert (run.status, run.reached_end, run.rows_refused) == ("Incomplete", 1, 5)
	assert len(run.error.splitlines()) == 5
	for words in (
		"no currency: the amounts have no currency",
		"Currency is 7 characters long",
		"id: Field required",
		"too large",
	):
		assert words in run.error, run.error
	assert usage.group("good") and not usage.groups("no currency")
	# What is stored of a row that is refused later stays.
	usage.put("good", wire={"currentCharges": "much"})
	usage.on(2027, 3, 15, 4, 0)
	assert usage.group("good").this_month_charges == 5


def test_bad_lines_are_refused_one_by_one(usage, sandbox, site):
	for field, value in (("quantity", "many"), ("currencyCode", None)):
		rewrite = {"name": "set_field", "row": 0, "field": field, "value": value}
		sandbox.faults.add(
			"rewrite", "findUsageLines", rewrites=[rewrite], query={"usageDate": "2027-03-12"}, count=None
		)
		run = usage.sync()
		sandbox.faults.clear()
		assert (run.status, run.reached_end) == ("Incomplete", 1) and 0 < run.rows_refused <= run.rows_read
		assert "Usage lines of" in run.error and site.db.count(LINE) > 50
		site.db.sql("update `tabPax8 Resource Group` set lines_through = null")
		site.db.commit()


# ------------------------------------------------------------------------------------ trouble


def test_a_subscription_that_pax8_does_not_know_stops_no_other(usage, site):
	usage.sync()
	before = len(usage.snapshots(usage.group(storybook.CEDAR_AZURE_PRODUCTION, AZURE)))
	usage.sandbox.vanish("subscriptions", AZURE)
	run = usage.on(2027, 3, 15, 4, 0)
	assert (run.status, run.reached_end) == ("Incomplete", 1) and "Azure" in run.error
	assert len(usage.snapshots(usage.group(storybook.CEDAR_AZURE_PRODUCTION, AZURE))) == before
	assert len(usage.snapshots(usage.group(storybook.MUELLER_ACRONIS_GROUP, ACRONIS))) == 2


@pytest.mark.parametrize(
	"order",
	[
		{"kind": "status", "status": 500},
		{"kind": "status", "status": 429},
		{"kind": "status", "status": 403},
		{"kind": "drop_after"},
		{"kind": "truncated"},
		{"kind": "broken_body"},
	],
	ids=str,
)
@pytest.mark.parametrize(
	"operation", ["findSubscriptionUsageSummaries", "findUsageLines", "findSubscriptions"]
)
def test_trouble_for_a_while_leaves_what_is_right_and_the_next_run_repairs(usage, order, operation):
	usage.sync()
	usage.put("x", companyId=CEDAR, currentCharges=10)
	usage.clocks.set(datetime(2027, 3, 15, 4, 0))
	before = usage.everything()
	usage.sandbox.faults.add(operation=operation, **order, count=2, skip=0)
	run = usage.sync()
	usage.sandbox.faults.clear()
	stopped = ("Failed",) if operation == "findSubscriptions" else ()
	assert run.status in ("Incomplete", "Completed", *stopped)
	assert bool(run.error) == (run.status != "Completed")
	old = {row.name: row for row in before[SNAPSHOT]}
	assert all(row == old[row.name] for row in usage.table(SNAPSHOT) if row.day.day == 14), "history stays"
	assert usage.sync().status == "Completed"
	assert len(usage.table(SNAPSHOT)) == 2 * len(before[GROUP]) + 1
	assert usage.sync().rows_unchanged == len(before[GROUP]) + 1


def test_an_own_company_that_pax8_does_not_know_is_told_and_the_others_are_read(usage, site):
	unknown = "00000000-0000-4000-8000-00000000dead"
	site.db.set_single_value("Pax8 Settings", "shadow_company_ids", f"{unknown}\n{NORTHWIND}")
	site.db.commit()
	run = usage.sync()
	assert (run.status, run.reached_end) == ("Incomplete", 1) and unknown in run.error
	assert usage.groups() and usage.groups(subscription=AZURE)


def test_trouble_that_does_not_end_is_told_and_nothing_is_concluded(usage, sandbox):
	usage.sync()
	before = usage.everything()
	sandbox.faults.add("status", "findSubscriptionUsageSummaries", status=500, count=None)
	run = usage.on(2027, 3, 15, 4, 0)
	assert run.status in ("Failed", "Incomplete") and "500" in run.error
	assert usage.everything() == before
	sandbox.faults.clear()
	sandbox.faults.add("status", "findUsageLines", status=500, count=None)
	run = usage.sync()
	assert (run.status, run.reached_end) == ("Incomplete", 0) and "Usage lines of" in run.error
	assert {row.day.day for row in usage.table(SNAPSHOT)} == {14, 15}, "totals come first"
	sandbox.faults.clear()
	assert usage.sync().status == "Completed"
	assert {row.day.day for row in usage.table(LINE)} == {11, 12, 13, 14}


def test_a_list_that_breaks_off_in_the_middle_takes_nothing_of_the_subscription(usage, sandbox, small_pages):
	usage.sync()
	for number in range(9):
		usage.put(f"x{number}", currentCharges=number)
	sandbox.faults.add(
		"status", "findSubscriptionUsageSummaries", status=500, query={"page": "1"}, count=None
	)
	run = usage.on(2027, 3, 15, 4, 0)
	assert run.status == "Incomplete" and "SentinelOne" in run.error
	assert not [group for group in usage.groups() if group.resource_group.startswith("x")]
	sandbox.faults.clear()
	assert usage.sync().rows_new == 9


# Each subscription is a batch of its own, and the lock of a dead worker lapses sooner. It is the tests' day there, too:
# on the first days of a month no lines are read of groups that are new.
WORKER = """
import os, sys, frappe
from datetime import datetime
frappe.init(os.environ["FRAPPE_TEST_SITE"], sites_path="."); frappe.connect()
from msp_licensing import clock
from msp_licensing.sync import jobs, lock
clock.utc_now = lambda: datetime.fromisoformat(sys.argv[1])
from msp_licensing.sync.kinds.usage import lines, walk
walk.SUBSCRIPTIONS_AT_ONCE, lines.BATCH, lock.LIFE = 1, 2, 2.0
jobs.run("Usage", trigger="Manual")
"""


@pytest.mark.parametrize("operation", ["findSubscriptionUsageSummaries", "findUsageLines"])
def test_a_killed_run_leaves_what_is_right_and_the_next_one_finishes(usage, site, sandbox, operation):
	from test_sync_killed import kill, next_run, wait_for

	order = sandbox.faults.add("delay", operation, seconds=600, skip=2)
	process = subprocess.Popen([sys.executable, "-c", WORKER, START.isoformat()], start_new_session=True)
	try:
		wait_for(process, lambda: order.hits, operation)
		kill(process)
	finally:
		process.kill()
		process.wait()
	sandbox.faults.clear()
	site.db.rollback()
	left = site.db.count(GROUP)
	assert left == site.db.count(SNAPSHOT) > 0, "a group and its snapshot come together"
	(dead,) = site.get_all("Pax8 Sync Run", {"kind": "Usage"}, pluck="name")
	run = next_run(site, "Usage")
	assert (run.status, run.rows_unchanged) == ("Completed", left)
	assert site.db.get_value("Pax8 Sync Run", dead, "status") == "Failed"
	assert site.db.count(SNAPSHOT) == site.db.count(GROUP) == run.rows_read
	assert not site.db.count(GROUP, {"lines_through": ("is", "not set")}), "lines, too"


def test_a_second_run_does_not_start_while_one_is_going(usage, site, sandbox):
	import frappe

	name, results = frappe.local.site, []
	site.db.commit()
	sandbox.configure(latency_ms=30)

	def work():
		from msp_licensing.sync import jobs

		frappe.init(name, sites_path=".", force=True)
		frappe.connect()
		try:
			results.append(jobs.run("Usage", trigger="Manual"))
		finally:
			frappe.destroy()

	threads = [threading.Thread(target=work) for _ in range(2)]
	for thread in threads:
		thread.start()
		time.sleep(0.05)
	for thread in threads:
		thread.join(120)
	sandbox.configure(latency_ms=0)
	assert sorted(result is None for result in results) == [False, True]


def test_a_walk_does_not_write_over_what_was_read_after_it_began(usage, monkeypatch):
	"""A webhook's read of a subscription, while the walk waits for another one's answer."""
	from faulty import client

	from msp_licensing.sync.kinds.usage import walk

	usage.put("x", currentCharges=10)
	tell = walk.tell_months

	def meanwhile(*arguments):
		tell(*arguments)
		monkeypatch.setattr(walk, "tell_months", tell)
		usage.put("x", currentCharges=20)
		with client(usage.sandbox) as pax8:
			assert walk.read_subscription(pax8, SENTINEL) == "new"
		usage.site.db.commit()

	monkeypatch.setattr(walk, "tell_months", meanwhile)
	usage.sync()
	group = usage.group("x")
	assert (group.this_month_charges, usage.snapshots(group)[0].charges) == (20, 20)


def statements(site, monkeypatch, act):
	"""How many statements `act` makes."""
	from frappe.database.database import Database

	found, sql = [], Database.sql

	def counted(self, query, *args, **kwargs):
		found.append(str(query)[:80])
		return sql(self, query, *args, **kwargs)

	with monkeypatch.context() as patch:
		patch.setattr(Database, "sql", counted)
		act()
	return len(found)


def test_the_number_of_statements_does_not_grow_with_the_groups(usage, site, monkeypatch):
	site.db.set_single_value("Pax8 Settings", "usage_line_days", 0)
	site.clear_document_cache("Pax8 Settings", "Pax8 Settings")
	counts = []
	for size in (20, 400):
		with usage.sandbox.app.lock:
			book, subscription = usage.sandbox.world.usage, usage.sandbox.world.subscriptions.get(SENTINEL)
			for number in range(size):
				book.add(subscription, f"{size}-{number}", CEDAR, Decimal(number), False)
		site.db.commit()
		usage.clocks.set(datetime(2027, 3, 14, 12) if size == 20 else datetime(2027, 3, 15, 12))
		counts.append(statements(site, monkeypatch, usage.sync))
	assert counts[1] <= counts[0], counts
	assert len(usage.groups()) >= 420
