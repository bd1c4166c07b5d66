"""People are told of stale data and of problems that keep coming back: the right ones, and once."""

import threading

import pytest

from msp_licensing.frappe_version import desk_path

WARNING = "Pax8 Sync Warning"
LOG = "Notification Log"


def check():
	from msp_licensing.sync import watch

	watch.check()


@pytest.fixture
def quiet(site, people):
	"""A site with people, connected a month ago, with no runs and nothing told."""
	site.db.delete("Pax8 Sync Run")
	from msp_licensing import clock

	site.db.set_single_value("Pax8 Settings", "connected_on_utc", clock.before(days=30))
	site.clear_document_cache("Pax8 Settings", "Pax8 Settings")
	for doctype in (LOG, "Email Queue", "Email Queue Recipient"):
		site.db.delete(doctype)
	site.db.commit()
	return people


@pytest.fixture
def fresh(quiet, ran):
	"""Everything was synced a moment ago."""
	for kind in ("Companies", "Subscriptions", "Products", "Usage"):
		ran(kind, hours=0.2)
	return quiet


def stale(site, *kinds, hours=1000):
	"""Moves the runs of these kinds into the past."""
	from msp_licensing import clock

	when = clock.before(hours=hours)
	moments = clock.at("started_on", when) | clock.at("finished_on", when)
	for kind in kinds:
		site.db.set_value("Pax8 Sync Run", {"kind": kind}, moments)
	site.db.commit()


def bells(site):
	return site.get_all(
		LOG, fields=["for_user", "subject", "email_content", "document_type"], order_by="creation"
	)


def mails(site):
	return site.get_all("Email Queue", pluck="name")


def mail(site):
	"""The text of the one mail."""
	from notice_helpers import text_of

	[name] = mails(site)
	return text_of(site, name)


def mailed_to(site):
	return set(site.get_all("Email Queue Recipient", pluck="recipient"))


def forget_notices(site):
	for doctype in (LOG, "Email Queue", "Email Queue Recipient"):
		site.db.delete(doctype)
	site.db.commit()


# ------------------------------------------------------------------------------------ stale data


def test_nobody_is_told_while_all_is_fresh(site, fresh):
	check()
	assert not bells(site) and not mails(site) and not site.db.count(WARNING)


def test_managers_are_told_what_since_when_why_and_where(site, fresh):
	stale(site, "Companies")
	check()
	[bell] = bells(site)
	assert not bell.email_content, "the details are in the mail and behind the link"
	assert bell.for_user == fresh.manager and bell.document_type == "Pax8 Settings"
	assert bell.subject == "Pax8 data is out of date: Companies"
	for words in ("Companies", "Out of date since", "No worker listens", desk_path("pax8-settings")):
		assert words in mail(site), words
	assert len(mails(site)) == 1 and mailed_to(site) == {fresh.manager}


def test_several_kinds_make_one_notice_and_one_mail(site, fresh):
	stale(site, "Companies", "Subscriptions", "Products")
	check()
	[bell] = bells(site)
	assert bell.subject == "Pax8 data is out of date: Companies, Subscriptions, Products"
	assert len(mails(site)) == 1 and site.db.count(WARNING) == 3


def test_repetition_a_cleared_cache_and_an_empty_redis_tell_nobody_again(site, fresh):
	stale(site, "Companies")
	check()
	for _ in range(3):
		site.clear_cache()
		site.cache.flushdb()
		check()
	assert len(bells(site)) == 1 and len(mails(site)) == 1


def test_a_kind_that_becomes_stale_later_is_told_of_by_itself(site, fresh):
	stale(site, "Companies")
	check()
	forget_notices(site)
	stale(site, "Subscriptions")
	check()
	[bell] = bells(site)
	assert bell.subject == "Pax8 data is out of date: Subscriptions"
	assert "<b>Companies" not in mail(site)


def test_another_reason_for_the_same_staleness_is_not_told_again(site, fresh, ran, worker):
	stale(site, "Companies")
	check()
	ran("Companies", hours=1, status="Failed", error="Pax8 has a fault (500)")
	check()
	assert len(bells(site)) == 1


def test_system_managers_are_told_too_where_credentials_are_the_cause(site, fresh, ran, worker):
	stale(site, "Companies")
	ran("Companies", hours=1, status="Failed", error="Not accepted (401)", trouble="AuthenticationFailed")
	check()
	assert {bell.for_user for bell in bells(site)} == {fresh.manager, fresh.system_manager}
	assert len(mails(site)) == 1 and mailed_to(site) == {fresh.manager, fresh.system_manager}


def test_clients_are_never_told(site, fresh):
	stale(site, "Companies", "Subscriptions", "Products")
	check()
	told = {bell.for_user for bell in bells(site)} | mailed_to(site)
	assert not told & {fresh.requester, fresh.reader, fresh.foreign_requester}


def test_two_checks_at_once_tell_once(site, fresh):
	stale(site, "Companies", "Subscriptions", "Products")
	in_parallel(site, 4)
	assert len(bells(site)) == 1 and len(mails(site)) == 1 and site.db.count(WARNING) == 3


def test_two_checks_at_once_end_an_episode_once(site, fresh, ran):
	stale(site, "Companies")
	check()
	forget_notices(site)
	ran("Companies", hours=0)
	in_parallel(site, 4)
	assert len(bells(site)) == 1


def in_parallel(site, count):
	import frappe

	name, barrier, errors = site.local.site, threading.Barrier(count), []

	def work() -> None:
		frappe.init(name, sites_path=".", force=True)
		frappe.connect()
		try:
			frappe.db.sql("select 1 from `tabPax8 Sync Warning`")  # an old snapshot, as a worker may have one
			barrier.wait(10)
			check()
		except Exception as error:
			errors.append(error)
		finally:
			frappe.destroy()

	threads = [threading.Thread(target=work) for _ in range(count)]
	for thread in threads:
		thread.start()
	for thread in threads:
		thread.join(30)
	site.db.rollback()
	assert not errors


def test_two_open_warnings_of_the_same_are_impossible(site, quiet):
	values = {"doctype": WARNING, "kind": "Companies", "open_key": "the same"}
	site.get_doc(values).insert()
	with pytest.raises(site.UniqueValidationError):
		site.get_doc(values).insert()


def test_a_worker_that_dies_before_the_end_leaves_neither_notice_nor_memory(site, fresh, monkeypatch):
	"""Neither can be there without the other: the next check tells."""
	from msp_licensing.sync import watch

	stale(site, "Companies")
	with monkeypatch.context() as death:
		death.setattr(watch, "_warn", lambda *arguments: (_ for _ in ()).throw(SystemExit))
		with pytest.raises(SystemExit):
			check()
	site.db.rollback()
	assert not bells(site) and not site.db.count(WARNING)
	check()
	assert len(bells(site)) == 1


def test_a_mail_that_cannot_be_queued_takes_nothing_from_the_bell_and_is_not_tried_hourly(
	site, fresh, monkeypatch
):
	stale(site, "Companies")
	monkeypatch.setattr("frappe.sendmail", lambda **options: 1 / 0)
	check()
	check()
	assert len(bells(site)) == 1 and not mails(site)
	assert site.db.count("Error Log", {"reference_name": "Pax8 Settings"}) == 1


@pytest.fixture
def no_mail_account(site, monkeypatch):
	monkeypatch.setitem(site.local.conf, "mute_emails", 0)  # muted, Frappe makes up an account

	def use(enabled):
		site.db.set_value("Email Account", {"default_outgoing": 1}, "enable_outgoing", enabled)
		site.db.commit()
		site.local.outgoing_email_account = {}

	use(0)
	yield
	use(1)


def test_without_an_outgoing_account_there_is_the_bell(site, fresh, no_mail_account):
	stale(site, "Companies")
	check()
	assert len(bells(site)) == 1 and not mails(site) and not site.get_all("Error Log", pluck="error")


def test_after_a_night_off_the_first_run_is_waited_for(site, fresh, ran, worker, lock):
	from msp_licensing.sync import jobs

	lock("Subscriptions")

	stale(site, "Companies", "Subscriptions", hours=14)
	jobs.enqueue("Companies", trigger="Schedule")
	ran("Subscriptions", hours=0, status="Running")
	check()
	assert not bells(site)


# ------------------------------------------------------------------------------------ the end of an episode


def test_fresh_data_ends_the_episode_with_a_bell_and_no_mail(site, fresh, ran):
	stale(site, "Companies", "Subscriptions")
	check()
	forget_notices(site)
	ran("Companies", hours=0)
	check()
	[bell] = bells(site)
	assert bell.subject == "Pax8 data is up to date again: Companies" and not mails(site)
	check()
	assert len(bells(site)) == 1
	assert site.get_all(WARNING, {"ended_on": ("is", "set")}, pluck="kind") == ["Companies"]


def test_a_second_episode_is_told_of_again(site, fresh, ran):
	stale(site, "Companies")
	check()
	ran("Companies", hours=0)
	check()
	forget_notices(site)
	stale(site, "Companies")
	check()
	assert [bell.subject for bell in bells(site)] == ["Pax8 data is out of date: Companies"]
	assert site.db.count(WARNING, {"kind": "Companies"}) == 2


def test_switching_pax8_off_ends_everything_in_silence(site, fresh, ran):
	stale(site, "Companies")
	odd_rows(ran, "Subscriptions", ["a: quantity 1.5 is not a whole number"])
	check()
	forget_notices(site)
	site.db.set_single_value("Pax8 Settings", "mode", "Off")
	site.clear_document_cache("Pax8 Settings", "Pax8 Settings")
	check()
	assert not bells(site) and not site.db.count(WARNING, {"open_key": ("is", "set")})


# ------------------------------------------------------------------------------------ problems that keep coming back


def odd_rows(ran, kind, lines, runs=3, **values):
	"""Runs that were incomplete for these reasons, the newest just now."""
	for _ in range(runs):
		ran(
			kind,
			hours=0,
			status="Incomplete",
			**{"error": "\n".join(lines), "reached_end": 1, **values},
		)


def test_the_same_problem_is_told_of_at_the_third_run_and_not_hourly(site, fresh, ran):
	odd_rows(ran, "Subscriptions", ["a: quantity 1.5 is not a whole number"], runs=2)
	check()
	assert not bells(site)
	ran(
		"Subscriptions",
		hours=0,
		status="Incomplete",
		error="a: quantity 1.5 is not a whole number",
		reached_end=1,
	)
	check()
	check()
	[bell] = bells(site)
	assert bell.subject == "Syncs from Pax8 keep being incomplete: Subscriptions"
	assert "a: quantity 1.5 is not a whole number" in mail(site)
	assert len(mails(site)) == 1


def test_each_further_problem_is_told_of_once(site, fresh, ran):
	odd_rows(ran, "Subscriptions", ["a: odd"])
	check()
	forget_notices(site)
	odd_rows(ran, "Subscriptions", ["a: odd", "b: odd"])
	check()
	assert len(bells(site)) == 1
	assert "b: odd" in mail(site) and "a: odd" not in mail(site)


def test_other_numbers_are_the_same_problem(site, fresh, ran):
	for came in (812, 815, 816):
		ran("Companies", hours=0, status="Incomplete", error=f"{came} of 900 rows came")
	check()
	for came in (817, 818, 819):
		ran("Companies", hours=0, status="Incomplete", error=f"{came} of 900 rows came")
		check()
	assert len(bells(site)) == 1


def test_a_problem_that_comes_and_goes_is_no_matter(site, fresh, ran):
	odd_rows(ran, "Subscriptions", ["a: odd"], runs=2)
	ran("Subscriptions", hours=0)
	odd_rows(ran, "Subscriptions", ["a: odd"], runs=2)
	check()
	assert not bells(site)


def test_a_problem_that_is_gone_ends_and_is_told_of_when_it_is_back(site, fresh, ran):
	odd_rows(ran, "Subscriptions", ["a: odd"])
	check()
	ran("Subscriptions", hours=0)
	check()
	assert len(bells(site)) == 1, "its end is no news"
	assert not site.db.count(WARNING, {"open_key": ("is", "set")})
	odd_rows(ran, "Subscriptions", ["a: odd"])
	check()
	assert len(bells(site)) == 2


def test_a_run_that_says_little_ends_no_problem(site, fresh, ran):
	odd_rows(ran, "Subscriptions", ["a: odd"])
	check()
	ran("Subscriptions", hours=0, status="Failed", error="Pax8 has a fault (500)")
	check()
	ran("Subscriptions", hours=0, status="Incomplete", error="b: odd\n… and 12 more", reached_end=1)
	check()
	odd_rows(ran, "Subscriptions", ["a: odd"])
	check()
	assert len(bells(site)) == 1


def test_a_problem_that_made_data_stale_is_told_of_once_in_all(site, fresh, ran, worker):
	stale(site, "Companies")
	odd_rows(ran, "Companies", ["812 of 900 rows came"], reached_end=0, runs=1)
	check()
	[bell] = bells(site)
	assert bell.subject == "Pax8 data is out of date: Companies" and "812 of 900" in mail(site)
	odd_rows(ran, "Companies", ["812 of 900 rows came"], reached_end=0, runs=2)
	check()
	assert len(bells(site)) == 1 and len(mails(site)) == 1


def test_stale_data_and_another_kinds_problem_share_a_notice(site, fresh, ran):
	stale(site, "Companies")
	odd_rows(ran, "Products", [f"product {name}: odd" for name in "abcdefg"])
	check()
	[bell] = bells(site)
	assert "Companies" in bell.subject and "… and 2 more" in mail(site)
	assert len(mails(site)) == 1


def test_words_of_pax8_are_no_markup_in_a_notice(site, fresh, ran):
	odd_rows(ran, "Subscriptions", ["a: <script>alert(1)</script>"])
	check()
	assert len(bells(site)) == 1
	assert "<script>" not in mail(site)


# ------------------------------------------------------------------------------------ schedule and permissions


def test_the_scheduler_comes_by_hourly_and_only_queues(site, quiet):
	from frappe.utils.background_jobs import get_queue

	from msp_licensing import tasks

	job = site.get_doc("Scheduled Job Type", {"method": "msp_licensing.tasks.watch_sync_health"})
	assert job.cron_format == "20 * * * *"
	tasks.watch_sync_health()
	site.db.commit()
	[queued] = get_queue("short").jobs
	assert queued.kwargs["method"] == "msp_licensing.sync.watch.check"
	assert site.get_attr(queued.kwargs["method"]) and not bells(site)


def test_staff_read_the_warnings_and_nobody_writes_them(site, fresh, as_user):
	stale(site, "Companies")
	check()
	[name] = site.get_all(WARNING, pluck="name")
	for user in (fresh.manager, fresh.system_manager):
		with as_user(user):
			assert site.get_list(WARNING, pluck="name") == [name]
			assert not site.has_permission(WARNING, "write") and not site.has_permission(WARNING, "create")
	for user in ("Guest", fresh.requester, fresh.reader):
		with as_user(user):
			assert not site.has_permission(WARNING, "read", doc=name)
