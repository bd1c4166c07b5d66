"""How fresh the data is and why it is not: what a run leaves behind, each state, each reason, and log clearing."""

from datetime import timedelta

import pytest

from msp_licensing.sandbox import storybook

RUN = "Pax8 Sync Run"
ALLOWED_HOURS = {"Companies": 9, "Subscriptions": 3, "Products": 50, "Usage": 50}


def sync(kind):
	from msp_licensing.sync import jobs

	return jobs.run(kind, trigger="Manual")


# ------------------------------------------------------------------------------------ what a run leaves behind


def test_a_run_says_whether_its_walk_came_to_the_end(site, sandbox):
	sandbox.change("subscriptions", storybook.CEDAR_KEEPER, quantity=10.5)
	one_row_odd = site.get_doc(RUN, sync("Subscriptions"))
	assert (one_row_odd.status, one_row_odd.reached_end, one_row_odd.trouble) == ("Incomplete", 1, None)

	sandbox.faults.add("status", "findCompanies", status=403, count=1)
	broken_off = site.get_doc(RUN, sync("Companies"))
	assert (broken_off.reached_end, broken_off.trouble) == (0, "Forbidden")


def test_a_run_says_that_the_credentials_were_refused(site, sandbox):
	settings = site.get_doc("Pax8 Settings")
	settings.client_secret = "wrong"
	settings.save()
	site.db.commit()
	site.cache.delete_keys("msp_licensing:pax8_token")
	run = site.get_doc(RUN, sync("Companies"))
	assert (run.status, run.trouble) == ("Failed", "AuthenticationFailed")


# ------------------------------------------------------------------------------------ states


def state_of(health, kind):
	return str(health(kind).state)


@pytest.mark.parametrize("kind", list(ALLOWED_HOURS))
def test_data_becomes_stale_when_two_runs_and_a_bit_were_missed(site, connected, ran, health, kind):
	assert health(kind).allowed == timedelta(hours=ALLOWED_HOURS[kind])
	ran(kind, hours=ALLOWED_HOURS[kind] - 0.1)
	assert state_of(health, kind) == "Fresh"
	site.db.delete(RUN)
	ran(kind, hours=ALLOWED_HOURS[kind] + 0.1)
	row = health(kind)
	assert row.state == "Stale"
	assert row.age > row.allowed and row.since < site.utils.now_datetime()


def test_every_kind_that_is_synced_is_watched(site):
	from msp_licensing.sync import health, jobs

	assert set(health.TASKS) == set(jobs.WALKS)
	assert all(site.get_attr(task) for task in health.TASKS.values())


def test_a_slower_schedule_allows_older_data(site, connected, ran, health, schedule):
	ran("Subscriptions", hours=20)
	assert state_of(health, "Subscriptions") == "Stale"
	schedule("Subscriptions", cron_format="0 */12 * * *")
	row = health("Subscriptions")
	assert row.state == "Fresh" and row.allowed == timedelta(hours=25)
	assert row.next.hour in (0, 12)


def test_a_schedule_of_working_days_allows_for_the_weekend(site):
	from msp_licensing.sync.health import allowed_age

	assert allowed_age("0 8-18 * * 1-5") > timedelta(hours=2 * 62)
	assert allowed_age("*/5 * * * *") == timedelta(minutes=10, hours=1)
	assert allowed_age("0 3 1 * *") > timedelta(days=60)


def test_a_single_companys_run_makes_nothing_fresh(site, connected, ran, health):
	ran("Subscriptions", hours=4)
	ran("Subscriptions", hours=0.1, pax8_company="some-company")
	assert state_of(health, "Subscriptions") == "Stale"
	assert health("Subscriptions").age > timedelta(hours=3.9)


def test_a_walk_that_left_single_rows_alone_counts_and_one_that_broke_off_does_not(
	site, connected, ran, health
):
	ran("Subscriptions", hours=4)
	ran("Subscriptions", hours=0.5, status="Incomplete", error="x: quantity 1.5 is not a whole number")
	assert state_of(health, "Subscriptions") == "Stale"
	ran("Subscriptions", hours=0.2, status="Incomplete", error="x: not a whole number", reached_end=1)
	row = health("Subscriptions")
	assert row.state == "Fresh" and row.has_trouble


def test_a_site_just_connected_waits_and_is_stale_when_nothing_came(site, connected, health):
	set_connected(site, hours=2)
	assert {state_of(health, kind) for kind in ALLOWED_HOURS} == {"Waiting"}
	set_connected(site, hours=10)
	assert [state_of(health, kind) for kind in ALLOWED_HOURS] == ["Stale", "Stale", "Waiting", "Waiting"]
	assert health("Companies").complete is None


def test_reconnecting_old_data_is_given_time_for_a_run(site, connected, ran, health):
	ran("Subscriptions", hours=400)
	set_connected(site, hours=1)
	row = health("Subscriptions")
	assert row.state == "Waiting" and row.age > timedelta(days=16)


def test_switching_the_mode_from_off_is_when_the_connection_began(site, connected):
	from msp_licensing import clock

	settings = site.get_doc("Pax8 Settings")
	before = settings.connected_on_utc
	settings.mode = "Observe"
	settings.save()
	assert site.get_doc("Pax8 Settings").connected_on_utc == before, (
		"from Live to Observe is no new connection"
	)
	settings.mode = "Off"
	settings.save()
	settings.mode = "Live"
	settings.save()
	begun = site.utils.get_datetime(site.get_doc("Pax8 Settings").connected_on_utc)
	assert clock.passed(begun) < timedelta(minutes=1)


def test_a_site_connected_before_that_was_noted_is_judged_all_the_same(site, connected, ran, health):
	site.db.set_single_value("Pax8 Settings", "connected_on_utc", None)
	site.clear_document_cache("Pax8 Settings", "Pax8 Settings")
	assert state_of(health, "Companies") == "Waiting"
	ran("Companies", hours=10)
	assert state_of(health, "Companies") == "Stale"


def test_what_is_switched_off_is_never_stale(site, connected, ran, health):
	ran("Companies", hours=1000)
	set_mode(site, "Off")
	row = health("Companies")
	assert row.state == "Off" and row.cause is None and row.next is None


# ------------------------------------------------------------------------------------ reasons


def test_a_kind_that_came_with_an_update_is_not_stale_before_its_schedule_had_its_time(
	site, connected, health
):
	job = {"method": "msp_licensing.tasks.sync_pax8_usage"}
	before = site.db.get_value("Scheduled Job Type", job, "creation")
	from msp_licensing import clock

	try:
		site.db.set_value("Scheduled Job Type", job, "creation", clock.to_site(clock.before(hours=1)))
		assert (state_of(health, "Usage"), state_of(health, "Companies")) == ("Waiting", "Stale")
		site.db.set_value("Scheduled Job Type", job, "creation", clock.to_site(clock.before(hours=51)))
		assert state_of(health, "Usage") == "Stale"
	finally:
		site.db.set_value("Scheduled Job Type", job, "creation", before)
		site.db.commit()


@pytest.fixture
def stale(connected, ran):
	"""Companies, last complete 12 hours ago."""
	ran("Companies", hours=12)


def cause(health):
	row = health("Companies")
	assert row.state == "Stale" and row.reason
	return str(row.cause), row.reason


def test_missing_credentials_are_the_reason(site, stale, worker, health):
	from msp_licensing.sync.health import OF_SYSTEM_MANAGERS

	site.db.delete("__Auth", {"doctype": "Pax8 Settings"})
	code, reason = cause(health)
	assert code == "Not Connected" and "secret is missing" in reason
	assert health("Companies").cause in OF_SYSTEM_MANAGERS


def test_a_secret_that_the_sites_key_does_not_open_is_the_reason(site, stale, worker, health):
	"""As after a restore without the old site_config.json."""
	from cryptography.fernet import Fernet

	foreign = Fernet(Fernet.generate_key()).encrypt(b"sandbox").decode()
	site.db.sql("update __Auth set password = %s where doctype = 'Pax8 Settings'", foreign)
	code, reason = cause(health)
	assert code == "Not Connected" and "encryption key" in reason
	assert not site.local.message_log, "nothing pops up over the screen that says it"


@pytest.mark.parametrize(
	("key", "words"),
	[
		("maintenance_mode", "maintenance"),
		("pause_scheduler", "paused"),
		("disable_scheduler", "disabled"),
	],
)
def test_a_stopped_scheduler_is_the_reason(site, stale, worker, health, monkeypatch, key, words):
	monkeypatch.setitem(site.local.conf, key, 1)
	code, reason = cause(health)
	assert code == "Scheduler" and words in reason
	assert health("Companies").next is None


def test_a_scheduler_switched_off_in_system_settings_is_the_reason(site, stale, worker, health):
	site.db.set_single_value("System Settings", "enable_scheduler", 0)
	try:
		code, reason = cause(health)
	finally:
		site.db.set_single_value("System Settings", "enable_scheduler", 1)
	assert code == "Scheduler" and "disabled" in reason


def test_a_stopped_job_is_the_reason(site, stale, worker, health, schedule):
	schedule("Companies", stopped=1)
	code, reason = cause(health)
	assert code == "Job Stopped" and "sync_pax8_companies" in reason


def test_a_missing_job_is_the_reason(site, stale, worker, health, schedule):
	schedule("Companies", method="gone")
	assert cause(health)[0] == "Job Stopped"


def test_no_worker_on_the_long_queue_is_the_reason(site, stale, health):
	from msp_licensing.sync import jobs

	jobs.enqueue("Companies", trigger="Schedule")
	site.db.commit()
	code, reason = cause(health)
	assert code == "No Worker" and "1 job of" in reason
	assert not health("Companies").on_its_way


def test_a_job_that_waits_for_busy_workers_is_the_reason_after_half_an_hour(site, stale, worker, health):
	from frappe.utils.background_jobs import get_queue

	from msp_licensing.sync import jobs

	jobs.enqueue("Companies", trigger="Schedule")
	site.db.commit()
	assert health("Companies").on_its_way, "it may be taken any moment"
	[job] = get_queue("long").jobs
	job.enqueued_at -= timedelta(minutes=40)
	job.save()
	assert cause(health)[0] == "Busy" and not health("Companies").on_its_way


def test_jobs_of_other_sites_and_of_single_companies_are_not_taken_for_a_sync(site, stale, worker):
	from frappe.utils.background_jobs import get_queue

	from msp_licensing.sync import jobs
	from msp_licensing.sync.queue import look_at_queue

	jobs.enqueue("Subscriptions", trigger="Mapping", company="some-company")
	jobs.enqueue("Companies", trigger="Schedule")
	site.db.commit()
	foreign = get_queue("long").jobs[1]
	foreign.kwargs = {**foreign.kwargs, "site": "other.site"}
	foreign.save()
	seen = look_at_queue()
	assert (seen.waiting, seen.oldest, seen.workers) == (1, {}, 1)


def test_a_job_queue_out_of_reach_is_the_reason(site, stale, health, monkeypatch):
	from redis import Redis

	closed = Redis(host="127.0.0.1", port=9, socket_connect_timeout=0.2)
	monkeypatch.setattr("frappe.utils.background_jobs.get_redis_conn", lambda *a, **k: closed)
	assert cause(health)[0] == "Queue"


def test_refused_credentials_are_the_reason(site, stale, worker, ran, health):
	from msp_licensing.sync.health import OF_SYSTEM_MANAGERS

	ran("Companies", hours=1, status="Failed", error="Not accepted (401)", trouble="AuthenticationFailed")
	assert cause(health) == ("Credentials", "Not accepted (401)")
	assert health("Companies").cause in OF_SYSTEM_MANAGERS


def test_a_failed_run_is_the_reason_in_its_first_sentence(site, stale, worker, ran, health):
	ran("Companies", hours=1, status="Failed", error="Pax8 has a fault (500)\nmore", trouble="ServerFault")
	assert cause(health) == ("Failed", "Pax8 has a fault (500)")


def test_a_failure_of_long_ago_is_not_the_reason(site, stale, worker, ran, health):
	site.db.delete(RUN)
	ran("Companies", hours=200)
	ran("Companies", hours=150, status="Failed", error="long gone")
	assert cause(health)[0] != "Failed"


def test_a_killed_worker_is_the_reason_once_its_lock_has_lapsed(site, stale, worker, ran, health):
	ran("Companies", hours=0.1, status="Running")
	row = health("Companies")
	assert cause(health)[0] == "Killed" and not row.running


def test_a_run_that_is_going_is_not_taken_for_dead(site, stale, worker, ran, health, lock):
	lock("Companies")
	ran("Companies", hours=0.1, status="Running")
	row = health("Companies")
	assert row.running and row.on_its_way and row.state == "Stale"


def test_a_run_going_after_failed_ones_is_no_reason_to_keep_quiet(site, stale, worker, ran, health, lock):
	lock("Companies")
	ran("Companies", hours=1, status="Failed", error="Pax8 has a fault (500)")
	ran("Companies", hours=0.1, status="Running")
	assert not health("Companies").on_its_way


def test_a_dormant_site_is_the_reason(site, stale, worker, health, signed_in, schedule):
	from frappe.utils import scheduler

	signed_in(days=5)
	schedule("Companies", last_execution=site.utils.now_datetime())
	# Later releases of Frappe 15, and 16, let sites sleep on Frappe Cloud only.
	expected = "Dormant" if scheduler.is_dormant() else "Unknown"
	assert cause(health)[0] == expected


def test_a_scheduler_process_that_starts_nothing_is_the_reason(
	site, stale, worker, health, signed_in, schedule
):
	signed_in(days=0)
	schedule("Companies", last_execution=site.utils.add_to_date(site.utils.now_datetime(), hours=-12))
	code, reason = cause(health)
	assert code == "Not Started" and "default" in reason
	schedule("Companies", last_execution=site.utils.now_datetime())
	assert cause(health)[0] == "Unknown"


def test_each_cause_but_the_unknown_one_comes_with_what_to_do(site):
	from msp_licensing.sync.health import Cause, remedy

	assert [cause for cause in Cause if not remedy(cause)] == [Cause.UNKNOWN]


# ------------------------------------------------------------------------------------ log clearing


def clear_logs(site):
	from frappe.core.doctype.log_settings.log_settings import run_log_clean_up

	run_log_clean_up()


def test_the_last_complete_and_the_last_failed_run_outlive_log_clearing(site, connected, ran, health):
	kept = {
		ran("Companies", hours=24 * 40),
		ran("Companies", hours=24 * 50, status="Failed", error="of old"),
		ran("Products", hours=24 * 60, status="Incomplete", error="odd row", reached_end=1),
		ran("Subscriptions", hours=24 * 2),
	}
	ran("Companies", hours=24 * 45)
	ran("Companies", hours=24 * 55, status="Failed", error="older")
	ran("Subscriptions", hours=24 * 35)
	ran("Subscriptions", hours=24 * 31, pax8_company="some-company")
	clear_logs(site)
	assert set(site.get_all(RUN, pluck="name")) == kept
	assert health("Companies").age > timedelta(days=39)
	assert health("Companies").failure.error == "of old"
	assert health("Products").age > timedelta(days=59)


def test_an_open_warning_outlives_log_clearing_and_an_ended_one_does_not(site, connected):
	for key, ended in (("open", None), (None, "2020-01-01 00:00:00")):
		warning = site.get_doc(
			{"doctype": "Pax8 Sync Warning", "kind": "Companies", "open_key": key, "ended_on": ended}
		).insert()
		site.db.set_value("Pax8 Sync Warning", warning.name, "creation", "2020-01-01 00:00:00")
	clear_logs(site)
	assert site.get_all("Pax8 Sync Warning", pluck="open_key") == ["open"]


# ------------------------------------------------------------------------------------ screens


def test_pax8_settings_shows_the_state_the_failure_and_what_it_cost(site, connected, ran, worker):
	from msp_licensing.desk import sync as screen

	ran("Companies", hours=12, calls=3, duration=1.5)
	failed = ran("Companies", hours=1, status="Failed", error="Pax8 has a fault (500)\nmore")
	row = screen.status()["kinds"][0]
	assert (row["state"], row["color"], row["reason"]) == ("Stale", "red", "Pax8 has a fault (500)")
	assert row["failure"]["name"] == failed and row["failure"]["problem"] == "Pax8 has a fault (500)"
	assert row["failure"]["age"] == "1 hour ago" and row["allowed"] == "9 hours"
	assert (row["complete"]["calls"], row["complete"]["duration"]) == (3, 1.5)


def test_the_workspace_leads_through_connecting(site, connected, ran):
	from msp_licensing.desk import sync as screen

	set_mode(site, "Off")
	answer = screen.overview()
	assert answer["title"] == "Pax8 is not connected yet" and not answer["kinds"]
	assert "client secret" in answer["notes"][0] and answer["action"]["label"] == "Open Pax8 Settings"
	set_mode(site, "Live")
	set_connected(site, hours=0.1)
	answer = screen.overview()
	assert "Waiting for the first sync" in answer["title"] and answer["action"]["label"] == "Sync Companies"
	ran("Companies", hours=900)
	set_mode(site, "Off")
	assert "switched off" in screen.overview()["title"]


def test_the_workspace_leads_from_connecting_to_mapping(site, connected, ran):
	from msp_licensing.desk import sync as screen

	for kind in ALLOWED_HOURS:
		ran(kind, hours=0)
	sync("Companies")
	answer = screen.overview()
	assert (answer["title"], answer["action"]["label"]) == ("Ready for the next step", "Map Companies")
	assert answer["action"]["filters"] == {"client": ["is", "not set"], "is_own": 0}


def test_the_workspace_warns_of_a_stopped_scheduler_before_anything_is_stale(site, sandbox, monkeypatch):
	from msp_licensing.desk import sync as screen

	monkeypatch.setitem(site.local.conf, "pause_scheduler", 1)
	answer = screen.overview()
	assert answer["color"] == "orange" and "paused" in answer["notes"][0]
	monkeypatch.setitem(site.local.conf, "pause_scheduler", 0)
	site.db.delete("__Auth", {"doctype": "Pax8 Settings"})
	answer = screen.overview()
	assert answer["color"] == "orange" and "secret is missing" in answer["notes"][0]


def test_the_workspace_is_green_when_all_is_well(site, sandbox, ran):
	from msp_licensing.desk import sync as screen

	ran("Usage", hours=0)
	answer = screen.overview()
	assert (answer["title"], answer["color"], answer["action"]) == ("Everything is up to date", "green", None)
	assert [kind["color"] for kind in answer["kinds"]] == ["green"] * 4


def test_the_workspace_is_red_with_the_reason_once_if_it_is_the_same(
	site, connected, ran, worker, monkeypatch
):
	from msp_licensing.desk import sync as screen

	for kind in ALLOWED_HOURS:
		ran(kind, hours=100)
	monkeypatch.setitem(site.local.conf, "pause_scheduler", 1)
	answer = screen.overview()
	assert answer["color"] == "red" and len(answer["notes"]) == 1 and "paused" in answer["notes"][0]
	assert answer["action"]["route"] == ["Form", "Pax8 Settings"]


def test_the_workspace_is_orange_after_a_failed_run_on_fresh_data(site, sandbox, ran):
	from msp_licensing.desk import sync as screen

	ran("Usage", hours=0)
	ran("Companies", hours=0, status="Failed", error="Pax8 has a fault (500)")
	answer = screen.overview()
	assert answer["color"] == "orange" and answer["notes"] == ["Companies: Pax8 has a fault (500)"]
	assert [kind["color"] for kind in answer["kinds"]] == ["orange", "green", "green", "green"]


def test_licensing_managers_see_the_health_block_on_the_workspace(site, people, as_user):
	from frappe.desk.desktop import get_desktop_page

	page = site.as_json({"name": "MSP Licensing", "title": "MSP Licensing", "public": 1})
	for user in (people.manager, people.system_manager):
		with as_user(user):
			blocks = get_desktop_page(page)["custom_blocks"]["items"]
			assert [block.custom_block_name for block in blocks] == ["Pax8 Sync Health"]
			block = site.get_doc("Custom HTML Block", "Pax8 Sync Health")
			assert block.has_permission("read") and "sync.overview" in block.script


def test_the_health_block_follows_the_apps_files(site):
	from msp_licensing.setup import install

	site.db.set_value("Custom HTML Block", install.HEALTH_BLOCK, "script", "old();")
	install.make_health_block()
	assert "sync.overview" in site.db.get_value("Custom HTML Block", install.HEALTH_BLOCK, "script")


# ------------------------------------------------------------------------------------ fixtures


def set_mode(site, mode):
	site.db.set_single_value("Pax8 Settings", "mode", mode)
	site.clear_document_cache("Pax8 Settings", "Pax8 Settings")


def set_connected(site, hours):
	from msp_licensing import clock

	site.db.set_single_value("Pax8 Settings", "connected_on_utc", clock.before(hours=hours))
	site.clear_document_cache("Pax8 Settings", "Pax8 Settings")


@pytest.fixture
def connected(site, empty_sandbox):
	"""A site that was connected a month ago, with no runs."""
	set_connected(site, hours=30 * 24)


@pytest.fixture
def health(site):
	"""health(kind): how it is now."""
	from msp_licensing.sync import health

	return lambda kind: next(row for row in health.report() if row.kind == kind)
