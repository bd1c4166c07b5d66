"""Bad input and trouble around usage: each row is kept or refused with a sentence, and the rest goes on.

What a single fault does to a run is in test_usage_sync.py; what decisions do is in test_usage_assignments.py. Here they come
together.
"""

import threading
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from usage_helpers import ASSIGNMENT, AZURE, GROUP, MONTH, SENTINEL, SNAPSHOT, money

from msp_licensing.sandbox import storybook

CEDAR, MUELLER, NORTHWIND = (
	storybook.CEDAR_AND_PINE,
	storybook.MUELLER_UND_SOEHNE,
	storybook.NORTHWIND_PARTNER,
)
NOBODY = storybook.SENTINELONE_OF_NOBODY
MARCH, APRIL = date(2027, 3, 1), date(2027, 4, 1)


@pytest.fixture
def names(site):
	from msp_licensing.setup import demo

	return demo.CEDAR, demo.MUELLER


@pytest.fixture
def no_lines(site):
	site.db.set_single_value("Pax8 Settings", "usage_line_days", 0)
	site.clear_document_cache("Pax8 Settings", "Pax8 Settings")
	site.db.commit()


# ------------------------------------------------------------------------------------ bad input


def test_every_kind_of_bad_row_in_one_answer_stops_no_other_row(usage, names):
	usage.put("no company", absent=["companyId"], currentCharges=1)
	usage.put("no amounts", wire={"currentCharges": None, "partnerTotal": None})
	usage.put("nothing", absent=["companyId", "currentCharges", "partnerTotal", "currencyCode", "isTrial"])
	usage.put("below zero", companyId=CEDAR, currentCharges=-12.5, partnerTotal=-10)
	for text in ("n" * 300, "💾 Bäckerei 株式会社", "<script>alert(1)</script>"):
		usage.put(text, companyId=CEDAR, currentCharges=2)
	usage.put("a", companyId=CEDAR, currentCharges=3, wire={"resourceGroup": "Default"})
	usage.put("b", companyId=MUELLER, currentCharges=4, wire={"resourceGroup": "Default"})
	usage.put("no id", currentCharges=5, absent=["id"])
	usage.put("no currency", currentCharges=5, absent=["currencyCode"])
	usage.put("words", wire={"currentCharges": "much"})
	usage.put("no list", wire={"companyId": ["x"]})
	run = usage.sync()
	assert (run.status, run.reached_end) == ("Incomplete", 1)
	assert run.rows_refused == len(run.error.splitlines()) == 4, run.error
	assert "no currency: the amounts have no currency" in run.error
	for text in ("no id", "no currency", "words", "no list"):
		assert not usage.groups(text), text
	kept = {group.resource_group: group for group in usage.groups()}
	assert kept["no company"].placement == kept["nothing"].placement == "Unassigned"
	assert not kept["no amounts"].has_this_month_charges and not usage.months(kept["no amounts"])
	assert not kept["nothing"].currency and usage.snapshots(kept["nothing"])
	assert kept["below zero"].this_month_charges == -12.5 and kept["below zero"].client == names[0]
	assert {"n" * 300, "💾 Bäckerei 株式会社", "<script>alert(1)</script>"} <= set(kept)
	assert {group.client: group.this_month_charges for group in usage.groups("Default")} == {
		names[0]: 3,
		names[1]: 4,
	}
	assert usage.groups(storybook.CEDAR_AZURE_PRODUCTION, AZURE), "and the other subscriptions"
	# The same rows the next day: none is a new group.
	count = usage.site.db.count(GROUP)
	usage.on(2027, 3, 15, 4, 0)
	assert usage.site.db.count(GROUP) == count


def test_one_of_two_groups_of_the_same_text_moves_to_another_company(usage, names):
	for name, company, charges in (("a", CEDAR, 10), ("b", MUELLER, 500)):
		usage.put(name, companyId=company, currentCharges=charges, wire={"resourceGroup": "Default"})
	usage.sync()
	before = {group.this_month_charges: group.name for group in usage.groups("Default")}
	usage.put("a", companyId=NORTHWIND, currentCharges=11)
	usage.on(2027, 3, 20, 4, 0)
	after = {group.name: group for group in usage.groups("Default")}
	assert set(after) == set(before.values()), "no third group, and none lost"
	moved, stayed = after[before[10]], after[before[500]]
	assert (moved.client, moved.this_month_charges) == (None, 11)
	assert (stayed.client, stayed.this_month_charges) == (names[1], 500)
	assert [row.client for row in usage.snapshots(moved)] == [names[0], None]


def test_a_group_that_moves_to_and_fro_has_one_month_which_is_the_last_clients(usage, names):
	usage.put("x", companyId=CEDAR, currentCharges=10)
	usage.on(2027, 3, 10, 4, 0)
	for day, company, charges in ((12, MUELLER, 20), (14, None, 30), (16, MUELLER, 40)):
		usage.put("x", companyId=company, currentCharges=charges)
		usage.on(2027, 3, day, 4, 0)
	usage.on(2027, 4, 10, 4, 0)
	group = usage.group("x")
	march = usage.months(group)[0]
	assert (march.charges, march.client, march.status) == (40, names[1], "Provisional")
	assert len(usage.months(group, month=MARCH)) == 1
	clients = [row.client for row in usage.snapshots(group, month=MARCH)]
	assert clients == [names[0], names[1], None, names[1]]


def test_ten_thousand_groups_of_one_subscription_are_all_kept(usage, site, sandbox, no_lines):
	from faulty import client

	from msp_licensing.pax8 import Pax8Client, UsageSummary
	from msp_licensing.sync import jobs

	size = 10_000
	many = [
		UsageSummary.model_validate(
			{
				"id": f"00000000-0000-4000-8000-{number:012}",
				"companyId": CEDAR,
				"resourceGroup": f"site {number}",
				"currentCharges": number,
				"partnerTotal": 1,
				"currencyCode": "USD",
			}
		)
		for number in range(size)
	]

	class Client(Pax8Client):
		"""Has read the summaries of one subscription already: the stand-in Pax8 would reckon each of its pages for seconds."""

		def usage_summaries(self, subscription_id, **options):
			if subscription_id == SENTINEL:
				return iter(many)
			return super().usage_summaries(subscription_id, **options)

	def run():
		with client(sandbox) as pax8:
			pax8.__class__ = Client
			name = jobs.run("Usage", trigger="Manual", pax8=pax8)
		site.db.rollback()
		return site.get_doc("Pax8 Sync Run", name)

	first = run()
	assert first.status == "Completed" and first.rows_new >= size, first.error
	assert site.db.count(SNAPSHOT) == site.db.count(GROUP) == first.rows_read
	assert site.db.count(MONTH, {"client": ("is", "set")}) >= size
	again = run()
	assert (again.rows_unchanged, again.rows_changed) == (first.rows_read, 0)


# ------------------------------------------------------------------------------------ months


@pytest.mark.parametrize("lag", [0, 5, 30], ids=["at once", "five hours late", "thirty hours late"])
@pytest.mark.parametrize("missed", [(), (date(2027, 3, 31), date(2027, 4, 1))], ids=["daily", "two missed"])
def test_a_month_closes_over_the_first_days_with_nothing_lost(usage, site, no_lines, lag, missed):
	"""Pax8 goes on to the new month at another hour than we do, and runs fail on its last and first day."""
	told: dict[str, dict[date, Decimal]] = {}
	day = date(2027, 3, 29)
	while day < date(2027, 4, 8):
		for hour, minute in ((4, 0), (23, 30)):
			if day in missed or (hour == 23 and day != date(2027, 3, 31)):
				continue
			now = datetime(day.year, day.month, day.day, hour, minute)
			at_pax8 = now - timedelta(hours=lag) if date(2027, 3, 31) < day < date(2027, 4, 5) else now
			usage.clocks.set(now, sandbox=at_pax8)
			for summary in shown(usage, at_pax8.date()):
				told.setdefault(summary[0], {})[at_pax8.date().replace(day=1)] = summary[1]
			assert usage.sync().status == "Completed"
		day += timedelta(days=1)
	groups = {group.name: group.resource_group for group in usage.groups()}
	kept: dict[str, dict[date, Decimal]] = {}
	for row in usage.table(MONTH):
		if row.resource_group in groups:
			kept.setdefault(groups[row.resource_group], {})[row.month] = money(row.charges)
	assert kept == {
		text: {month: money(charges) for month, charges in months.items()} for text, months in told.items()
	}
	assert {row.status for row in usage.table(MONTH) if row.month == MARCH} == {"Provisional"}
	assert {row.status for row in usage.table(MONTH) if row.month == APRIL} == {"Running"}
	assert all(row.month == row.day.replace(day=1) for row in usage.table(SNAPSHOT))


def shown(usage, today):
	"""Text and charges of each group of the subscription, as Pax8 shows them on a day."""
	with usage.sandbox.app.lock:
		world = usage.sandbox.world
		found = world.usage.summaries(world.subscriptions.get(SENTINEL), today)
		return [(one.group.name, one.charges) for one in found]


def test_a_storm_in_the_last_hour_of_a_month_loses_nothing_that_pax8_still_shows(usage, sandbox, no_lines):
	usage.put("x", companyId=CEDAR, currentCharges=100)
	usage.on(2027, 3, 31, 4, 0)
	usage.put("x", currentCharges=140)
	for status in (429, 503):
		sandbox.faults.add("status", "findSubscriptionUsageSummaries", status=status, count=None)
		run = usage.on(2027, 3, 31, 23, 30)
		assert run.status in ("Failed", "Incomplete") and run.error
		sandbox.faults.clear()
		(march,) = usage.months(usage.group("x"))
		assert (march.charges, march.status) == (100, "Running"), "what was read stays"
	# On the morning after, Pax8 still shows March.
	usage.clocks.set(datetime(2027, 4, 1, 4, 0), sandbox=datetime(2027, 3, 31, 23, 40))
	assert usage.sync().status == "Completed"
	(march,) = usage.months(usage.group("x"))
	assert (march.charges, march.status, march.last_day) == (140, "Provisional", date(2027, 3, 31))


def test_a_whole_month_without_an_answer_is_a_gap_and_no_zero(usage, sandbox, no_lines):
	usage.put("x", companyId=CEDAR, currentCharges=100)
	usage.on(2027, 3, 31, 4, 0)
	sandbox.faults.add("status", "*", status=500, count=None)
	for day in (1, 4, 15, 30):
		assert usage.on(2027, 4, day, 4, 0).status == "Failed"
	sandbox.faults.clear()
	assert usage.on(2027, 5, 3, 4, 0).status == "Completed"
	group = usage.group("x")
	assert [(row.month, row.status) for row in usage.months(group)] == [
		(MARCH, "Provisional"),
		(date(2027, 5, 1), "Running"),
	]
	assert usage.months(group)[0].charges == 100 and not group.has_last_month_charges


# ------------------------------------------------------------------------------------ clients


def test_a_client_that_is_disabled_keeps_what_it_had_through_the_end_of_the_month(usage, site, names):
	from msp_licensing.setup import demo

	usage.sync()
	demo.make_client("Blue Harbor")
	site.db.commit()
	usage.assign(usage.group(NOBODY), "Blue Harbor")
	site.get_doc(demo.site_client_doctype(), "Blue Harbor").update({"disabled": 1}).save()
	site.db.commit()
	usage.on(2027, 3, 31, 23, 30)
	usage.on(2027, 4, 6, 4, 0)
	march, april = usage.months(usage.group(NOBODY))
	assert (march.client, march.status, april.client) == ("Blue Harbor", "Provisional", "Blue Harbor")


def test_two_clients_with_assignments_that_are_merged_are_one(usage, site, names):
	from msp_licensing.setup import demo

	usage.sync()
	for client in ("Blue Harbor", "Blue Harbor Dental"):
		demo.make_client(client)
	site.db.commit()
	usage.put("x", companyId=None, currentCharges=7)
	usage.on(2027, 3, 15, 4, 0)
	first = usage.assign(usage.group(NOBODY), "Blue Harbor")
	second = usage.assign(usage.group("x"), "Blue Harbor Dental")
	site.rename_doc(demo.site_client_doctype(), "Blue Harbor", "Blue Harbor Dental", merge=True)
	site.db.commit()
	for text, assignment in ((NOBODY, first), ("x", second)):
		group = usage.group(text)
		assert (group.client, group.client_name, group.placement) == (
			"Blue Harbor Dental",
			"Blue Harbor Dental",
			"Assigned Here",
		)
		assert site.db.get_value(ASSIGNMENT, assignment, ["client", "open_key"]) == (
			"Blue Harbor Dental",
			group.name,
		)
		assert {row.client for row in [*usage.snapshots(group), *usage.months(group)]} == {
			"Blue Harbor Dental"
		}
	assert usage.on(2027, 3, 16, 4, 0).status == "Completed"


def test_a_client_that_is_deleted_while_its_usage_is_read_stops_no_run(usage, site, monkeypatch):
	from msp_licensing.setup import demo
	from msp_licensing.sync.kinds.usage import walk

	usage.sync()
	demo.make_client("Blue Harbor")
	site.db.commit()
	usage.assign(usage.group(NOBODY), "Blue Harbor")
	tell = walk.tell_months

	def meanwhile(*arguments):
		monkeypatch.setattr(walk, "tell_months", tell)
		site.delete_doc(demo.site_client_doctype(), "Blue Harbor", force=True)
		site.db.commit()
		return tell(*arguments)

	monkeypatch.setattr(walk, "tell_months", meanwhile)
	assert usage.on(2027, 3, 16, 4, 0).status == "Completed"
	group = usage.group(NOBODY)
	assert (group.client, group.placement) == (None, "Unassigned")
	assert usage.months(group)[0].client is None


# ------------------------------------------------------------------------------------ two managers at once


def at_once(*acts, meanwhile=None):
	"""Carries acts out at the same moment, each in a thread and a transaction of its own; returns why some were refused.

	Args:
		meanwhile: what this thread does.
	"""
	import frappe

	from msp_licensing import transactions

	here, gate, told = frappe.local.site, threading.Barrier(len(acts)), []

	def work(act):
		frappe.init(here, sites_path=".", force=True)
		frappe.connect()
		try:
			gate.wait(20)
			transactions.repeated(act)()
			frappe.db.commit()
		except frappe.ValidationError as error:
			frappe.db.rollback()
			told.append(str(error))
		except Exception as error:
			told.append(f"fault: {error!r}")
		finally:
			frappe.destroy()

	workers = [threading.Thread(target=work, args=(act,)) for act in acts]
	for worker in workers:
		worker.start()
	if meanwhile:
		meanwhile()
	for worker in workers:
		worker.join(60)
	return told


def is_whole(usage, group):
	"""The group, its assignment in force, its snapshot of today and its month say the same client. Returns the group."""
	found = usage.group(NOBODY)
	wanted = {"resource_group": group, "open_key": ("is", "set")}
	clients = usage.site.get_all(ASSIGNMENT, wanted, pluck="client")
	assert [found.client] == (clients or [None])
	assert (found.placement == "Assigned Here") == bool(clients)
	(month,) = usage.months(found)
	assert {row.client for row in [*usage.snapshots(found), month]} == {found.client}
	return found


@pytest.mark.parametrize("other", ["ignore", "remove", "change"])
def test_of_two_managers_at_once_each_decision_is_whole_and_the_slower_is_told(usage, site, names, other):
	from msp_licensing.setup import demo
	from msp_licensing.usage import assignments

	usage.sync()
	group, doctype = usage.group(NOBODY).name, demo.site_client_doctype()
	if other == "ignore":
		told = at_once(
			lambda: assignments.assign(group, doctype, names[0]),
			lambda: assignments.ignore(group, "Our own"),
		)
		found = is_whole(usage, group)
		assert found.client == names[0], "who assigns is not refused because it was ignored"
		assert [words.split(">")[0][:22] for words in told] == ["This usage belongs to "] or (
			not told and found.ignored
		), told
		return
	given = usage.assign(usage.group(NOBODY), names[0], from_date="2027-03-14")
	told = at_once(
		lambda: assignments.change(given, doctype, names[1], from_date="2027-03-14"),
		lambda: (
			assignments.remove(given, from_date="2027-03-14")
			if other == "remove"
			else assignments.change(given, doctype, names[1], from_date="2027-03-14")
		),
	)
	assert told == ["This assignment has ended already."]
	assert is_whole(usage, group).client in (names[1], None)


def test_a_decision_made_while_the_group_is_read_is_kept(usage, site, names):
	from msp_licensing.setup import demo
	from msp_licensing.usage import assignments

	usage.sync()
	group, doctype = usage.group(NOBODY).name, demo.site_client_doctype()
	usage.sandbox.configure(latency_ms=20)
	for day in (15, 16, 17):
		usage.put(NOBODY, currentCharges=70 + day)
		usage.clocks.set(datetime(2027, 3, day, 4, 0))
		decide = (
			(lambda: assignments.assign(group, doctype, names[0]))
			if day != 16
			else (lambda: assignments.remove(current(site, group), from_date="2027-03-14"))
		)
		assert at_once(decide, meanwhile=usage.sync) == []
		found = is_whole_today(usage, group, date(2027, 3, day))
		assert (found.client, found.this_month_charges) == (None if day == 16 else names[0], 70 + day)
	usage.sandbox.configure(latency_ms=0)


def current(site, group):
	return site.db.get_value(ASSIGNMENT, {"open_key": group})


def is_whole_today(usage, group, day):
	found = usage.group(NOBODY)
	(snapshot,) = usage.snapshots(found, day=day)
	(month,) = usage.months(found)
	assert snapshot.client == month.client == found.client
	return found
