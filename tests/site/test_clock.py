"""Nights on which clocks change, odd time zones, a time zone that is changed, and clocks that go back: ages stay ages."""

from datetime import datetime, timedelta, timezone

import pytest
from cleaning import forget
from moving_clock import MovingClock

from msp_licensing.sandbox import storybook

KEEPER = storybook.CEDAR_KEEPER
DT = "License Change Request"
READ = "findSubscriptionBySubscriptionId"

# Zone, and a moment (UTC) a few minutes before its clocks change.
NIGHTS = [
	("America/New_York", datetime(2027, 3, 14, 6, 57)),  # 1:57, then 3:00
	("America/New_York", datetime(2027, 11, 7, 5, 57)),  # 1:57, then 1:00
	("Europe/Berlin", datetime(2027, 3, 28, 0, 57)),
	("Europe/Berlin", datetime(2027, 10, 31, 0, 57)),
	("Australia/Lord_Howe", datetime(2027, 4, 3, 14, 57)),  # half an hour back
	("Australia/Lord_Howe", datetime(2027, 10, 2, 15, 27)),
	("Asia/Kolkata", datetime(2027, 3, 14, 18, 27)),  # never changes, and is half an hour off
]


@pytest.fixture
def clock(monkeypatch, site):
	return MovingClock(monkeypatch)


@pytest.fixture
def zone(site):
	"""zone(name): the site's time zone from now on; afterwards it is as it was."""
	before = site.db.get_single_value("System Settings", "time_zone")

	def change(name):
		site.db.set_single_value("System Settings", "time_zone", name)
		site.db.commit()
		forget(site)
		assert site.utils.get_system_timezone() == name

	yield change
	site.db.rollback()
	change(before)


@pytest.fixture
def unknown(people, site, sandbox, monkeypatch, clock):
	"""unknown(): a request from 10 to 15 that was sent just now, and whose answer was lost. Pax8 has not done it."""
	from msp_licensing import permissions
	from msp_licensing.changes import apply, requests

	monkeypatch.setattr(apply, "READ_BACK_AFTER", (0,))

	def make():
		sandbox.clock.set(clock.now().replace(tzinfo=timezone.utc))
		doc = requests.submit(KEEPER, "15", access=permissions.portal_access(people.requester))
		site.db.commit()
		sandbox.faults.add("drop_before", "updateSubscription")
		apply.run(doc.name)
		assert state(site, doc.name) == "Needs Review"
		return doc.name

	return make


def state(site, name):
	site.db.rollback()
	return site.db.get_value(DT, name, "workflow_state")


def look(site, name):
	from msp_licensing.changes import reconcile

	reconcile.run(name)
	return state(site, name)


# --------------------------------------------------------------------------------------------- conclusions


@pytest.mark.parametrize(("name", "night"), NIGHTS)
def test_not_made_is_concluded_after_half_an_hour_and_no_sooner_nor_later(
	site, zone, clock, unknown, name, night
):
	"""In New York, on the night of 2027-03-14, it was concluded after three and a half minutes."""
	zone(name)
	clock.set(night)
	request = unknown()
	for minutes in (3.5, 10, 10, 6):  # 29.5 in all
		clock.forward(minutes=minutes)
		assert look(site, request) == "Needs Review", f"{minutes} minutes later"
	clock.forward(minutes=1)
	assert look(site, request) == "Failed", "half an hour, and the same was seen all the time"
	assert site.db.get_value(DT, request, "retryable") == 1


@pytest.mark.parametrize(("name", "night"), NIGHTS)
def test_waiting_and_looking_again_go_by_real_minutes(site, zone, clock, unknown, name, night):
	from msp_licensing import clock as times
	from msp_licensing.changes import apply, attempts

	zone(name)
	clock.set(night)
	request = unknown()
	site.db.rollback()
	due = site.db.get_value(DT, request, "next_attempt_on")
	assert timedelta(minutes=4.9) < due - times.utc_now() < timedelta(minutes=5.1)
	clock.forward(minutes=4)
	assert apply.follow_up() == 0
	clock.forward(minutes=1.5)
	assert apply.follow_up() == 1
	rows = attempts.of(request)
	assert [row.step for row in rows] == ["Read", "Write", "Read Back"], (
		"in the order in which they were made"
	)


@pytest.mark.parametrize(("name", "night"), NIGHTS)
def test_ages_of_runs_are_real_hours(site, sandbox, zone, clock, ran, name, night):
	from msp_licensing.sync import health

	zone(name)
	clock.set(night)
	ran("Subscriptions", hours=0)
	clock.forward(hours=2)
	row = next(row for row in health.report() if row.kind == "Subscriptions")
	assert abs(row.age - timedelta(hours=2)) < timedelta(minutes=1)
	assert health.age_in_words(row) == "2 hours ago"


@pytest.mark.parametrize(("name", "night"), NIGHTS)
def test_the_reports_durations_are_real_seconds(site, zone, clock, people, sandbox, name, night):
	from msp_licensing import permissions
	from msp_licensing.changes import requests, states
	from msp_licensing.report.license_changes import license_changes

	zone(name)
	clock.set(night)
	doc = requests.submit(KEEPER, "40", access=permissions.portal_access(people.requester))
	clock.forward(minutes=10)
	from msp_licensing import clock as times

	states.move(
		doc.name,
		"Rejected",
		expect=("Pending Approval",),
		decided_by=people.manager,
		**times.stamp("decided_on"),
	)
	row = next(row for row in license_changes.execute({})[1] if row.name == doc.name)
	assert 590 < row.waited < 610


# --------------------------------------------------------------------------------------------- another time zone


@pytest.mark.parametrize(
	("before", "after"),
	[
		("America/New_York", "Asia/Kolkata"),
		("Asia/Kolkata", "America/New_York"),
		("Europe/Berlin", "Pacific/Kiritimati"),
	],
)
def test_no_age_jumps_when_the_sites_time_zone_is_changed(
	site, sandbox, zone, clock, unknown, ran, before, after
):
	from msp_licensing.changes import apply
	from msp_licensing.sync import health

	zone(before)
	clock.set(datetime(2027, 6, 1, 12, 0))
	ran("Companies", hours=1)
	request = unknown()
	zone(after)
	clock.forward(minutes=3)
	assert apply.follow_up() == 0 and look(site, request) == "Needs Review"
	row = next(row for row in health.report() if row.kind == "Companies")
	assert abs(row.age - timedelta(minutes=63)) < timedelta(minutes=1) and str(row.state) == "Fresh"
	clock.forward(minutes=27.5)
	assert look(site, request) == "Failed"


def test_a_request_waits_the_same_business_days_after_the_time_zone_was_changed(site, people, zone, clock):
	from msp_licensing import permissions
	from msp_licensing.changes import deadlines, requests

	zone("America/New_York")
	clock.set(datetime(2026, 11, 23, 15, 0))  # a Monday
	doc = requests.submit(KEEPER, "40", access=permissions.portal_access(people.requester))
	site.db.commit()
	expires = site.db.get_value(DT, doc.name, "expires_on")
	zone("Europe/Berlin")
	deadlines.run()
	site.db.rollback()
	assert site.db.get_value(DT, doc.name, "expires_on") == expires


# --------------------------------------------------------------------------------------------- the database's clock


@pytest.fixture
def database_clock(site):
	"""database_clock(seconds): the database's clock, moved, for this connection; afterwards it is right again."""

	def move(seconds):
		site.db.sql("set timestamp = default")
		site.db.sql(f"set timestamp = unix_timestamp() + {seconds}")

	yield move
	site.db.sql("set timestamp = default")


@pytest.mark.parametrize("session_zone", ["+00:00", "+09:30", "-05:00"])
@pytest.mark.parametrize("back", [0, 3600, 86_400])
def test_a_walk_undoes_no_single_read_though_the_databases_clock_goes_back(
	site, sandbox, database_clock, back, session_zone
):
	from msp_licensing.pax8 import Pax8Client
	from msp_licensing.sync import jobs, subscriptions

	pax8 = Pax8Client(client_id="sandbox", client_secret="sandbox", base_url=sandbox.url)
	walk = pax8.subscriptions

	def then_it_changes(**options):
		rows = list(walk(**options))
		sandbox.change("subscriptions", KEEPER, quantity=20)
		database_clock(-back)
		subscriptions.store_one(pax8.subscription(KEEPER))
		site.db.commit()
		yield from rows

	site.db.sql(f"set time_zone = '{session_zone}'")
	try:
		with pax8:
			pax8.subscriptions = then_it_changes
			jobs.run("Subscriptions", pax8=pax8)
			assert quantity(site) == 20, "the page of the walk is older"
			pax8.subscriptions = walk
			sandbox.change("subscriptions", KEEPER, quantity=21)
			jobs.run("Subscriptions", pax8=pax8)
			assert quantity(site) == 21, "the next walk is newer, whatever the clock says"
	finally:
		site.db.sql("set time_zone = default")


def quantity(site):
	site.db.rollback()
	return site.db.get_value("Pax8 Subscription", KEEPER, "quantity")


# --------------------------------------------------------------------------------------------- conversions


@pytest.mark.parametrize(("name", "night"), NIGHTS)
def test_there_and_back_again(site, zone, name, night):
	from msp_licensing import clock as times

	zone(name)
	for minutes in range(-120, 240, 7):
		utc = night + timedelta(minutes=minutes)
		shown = times.to_site(utc)
		again = times.to_utc(shown)
		assert times.to_site(again) == shown
		assert again - utc in (timedelta(), timedelta(minutes=30), timedelta(hours=1)), (
			"never earlier than it was"
		)


def test_days_are_counted_where_they_belong(site, zone, clock):
	"""Deadlines go by the site's calendar, terms by Pax8's."""
	from msp_licensing import clock as times
	from msp_licensing.changes import planning

	clock.set(datetime(2027, 3, 14, 2, 0))
	zone("America/New_York")
	assert (str(times.site_today()), str(planning.today())) == ("2027-03-13", "2027-03-14")
	zone("Asia/Kolkata")
	assert (str(times.site_today()), str(planning.today())) == ("2027-03-14", "2027-03-14")


@pytest.mark.parametrize(("name", "night"), NIGHTS)
def test_a_vendor_that_gets_its_new_name_while_the_clocks_change_is_still_known_by_the_old_one(
	site, sandbox, zone, clock, monkeypatch, name, night
):
	"""A new product seems to be there since before its walk began, as if its vendor had been known all along."""
	from msp_licensing.rules.values import vendor_key
	from msp_licensing.sync import jobs, products, vendors

	known = site.db.get_value("Pax8 Product", storybook.KEEPER_BUSINESS, "vendor")
	sandbox.change("products", id="stays", name="Keeper Classic", vendorName=known)
	zone(name)
	clock.set(night - timedelta(days=3))
	assert jobs.run("Products", trigger="Manual")
	usual = products._mirror

	def takes_minutes(run):
		mirror = usual(run)
		clock.forward(minutes=8)
		return mirror

	monkeypatch.setattr(products, "_mirror", takes_minutes)
	clock.set(night)
	sandbox.change("products", storybook.KEEPER_BUSINESS, vendorName="Keeper CSP")
	sandbox.change("products", id="new", name="Keeper Tomorrow", vendorName="Keeper CSP")
	assert jobs.run("Products", trigger="Manual")
	assert vendors.renamed() == {vendor_key("Keeper CSP"): (known,)}


@pytest.mark.parametrize("name", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_another_time_zone_makes_no_vendor_new_nor_old(site, sandbox, zone, clock, name):
	"""A product goes to a vendor that has been known for hours: that renames nothing, wherever the site is by then."""
	from msp_licensing.sync import jobs, vendors

	zone("Etc/UTC")
	clock.set(datetime(2027, 6, 1, 12))
	sandbox.change("products", id="early", name="Sophia", vendorName="Sophia Security")
	assert jobs.run("Products", trigger="Manual")
	zone(name)
	clock.forward(hours=2)
	sandbox.change("products", storybook.KEEPER_BUSINESS, vendorName="Sophia Security")
	sandbox.change("products", id="stays", name="Keeper Classic", vendorName="Keeper Security")
	assert jobs.run("Products", trigger="Manual")
	assert vendors.renamed() == {}


# --------------------------------------------------------------------------------------------- rows of before


@pytest.mark.parametrize("name", ["America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"])
def test_the_patch_gives_old_rows_their_moments_once(site, people, zone, clock, name):
	from msp_licensing import clock as times
	from msp_licensing import permissions
	from msp_licensing.changes import requests
	from msp_licensing.patches import store_utc_times

	zone(name)
	names, moments = [], [datetime(2026, 1, 5, 12), datetime(2026, 6, 5, 12), datetime(2026, 12, 5, 12)]
	for number, moment in enumerate(moments):
		clock.set(moment)
		doc = requests.submit(KEEPER, str(40 + number), access=permissions.portal_access(people.requester))
		site.db.set_value(DT, doc.name, {"workflow_state": "Rejected", "open_subscription": None})
		shown = times.to_site(moment)
		old = {"requested_on": shown, "decided_on": shown, "waiting_since": shown, "next_attempt_on": shown}
		site.db.set_value(DT, doc.name, {**old, "requested_on_utc": None, "decided_on_utc": None})
		names.append(doc.name)
	site.db.sql("delete from tabSingles where doctype = 'Pax8 Settings' and field = 'connected_on_utc'")
	site.db.sql(
		"insert into tabSingles (doctype, field, value) values ('Pax8 Settings', 'connected_on', %s)",
		str(times.to_site(moments[0])),
	)
	for _twice in range(2):
		store_utc_times.execute()
		columns = ["requested_on_utc", "decided_on_utc", "waiting_since", "next_attempt_on"]
		for request, moment in zip(names, moments, strict=True):
			assert site.db.get_value(DT, request, columns) == (moment,) * 4
	assert site.db.get_single_value("Pax8 Settings", "connected_on_utc", cache=False) == moments[0]
	site.db.rollback()
