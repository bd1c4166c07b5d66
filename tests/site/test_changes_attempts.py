"""What was done at Pax8 stays with the request, step by step and without secrets; Observe shows what would be done."""

import json

import pytest
from moving_clock import MovingClock

from msp_licensing.sandbox import storybook

KEEPER = storybook.CEDAR_KEEPER
DT = "License Change Request"


@pytest.fixture(autouse=True)
def quick_reads(monkeypatch, site):
	from msp_licensing.changes import apply

	monkeypatch.setattr(apply, "READ_BACK_AFTER", (0, 0))


@pytest.fixture
def clock(monkeypatch, site):
	return MovingClock(monkeypatch)


@pytest.fixture
def ask(people, site, sandbox):
	from msp_licensing import permissions
	from msp_licensing.changes import requests

	def submit(wanted="15"):
		doc = requests.submit(KEEPER, wanted, access=permissions.portal_access(people.requester))
		site.db.commit()
		return doc.name

	return submit


def run(name):
	from msp_licensing.changes import apply

	apply.run(name)


def kept(site, name):
	from msp_licensing.changes import attempts

	site.db.rollback()
	return attempts.of(name)


def state(site, name):
	site.db.rollback()
	return site.db.get_value(DT, name, "workflow_state")


def set_mode(site, mode):
	site.db.set_single_value("Pax8 Settings", "mode", mode)
	site.clear_document_cache("Pax8 Settings", "Pax8 Settings")
	site.db.commit()


def test_every_step_is_kept_with_what_pax8_answered(site, sandbox, ask):
	name = ask()
	run(name)
	rows = kept(site, name)
	assert [(row.step, row.outcome, row.quantity, row.pax8_status, row.http_status) for row in rows] == [
		("Read", "Seen", 10, "Active", 200),
		("Write", "Accepted", 15, "Active", 200),
		("Read Back", "Seen", 15, "Active", 200),
	]
	sent, answered = rows[1].answer.split("\n")
	assert json.loads(sent) == {"quantity": 15} and json.loads(answered)["quantity"] == 15
	assert all(row.attempt == 1 and row.times == 1 for row in rows)


def test_refusals_are_kept_in_pax8s_words_and_no_row_holds_a_secret(site, sandbox, people, ask, as_user):
	from msp_licensing.desk import applying
	from msp_licensing.sync import connection

	name = ask()
	settings = site.get_doc("Pax8 Settings")
	secret = settings.get_password("client_secret")
	token = connection.RedisTokenStore(settings.client_id, settings.base_url).get()
	token = token.value.get_secret_value()
	body = {"message": f"Not with Bearer {token}", "details": [{"message": f"secret {secret}"}]}
	sandbox.faults.add("status", "updateSubscription", status=422, body=body)
	run(name)
	rows = kept(site, name)
	assert (rows[-1].step, rows[-1].outcome, rows[-1].http_status) == ("Write", "Refused", 422)
	assert "Not with Bearer" in rows[-1].answer
	stored = json.dumps(site.db.sql("select * from `tabLicense Change Attempt`"), default=str)
	assert token not in stored and f"secret {secret}" not in stored
	assert state(site, name) == "Failed" and site.db.get_value(DT, name, "retryable")
	with as_user(people.manager):
		shown = applying.attempts(name)
	assert [row["outcome"] for row in shown] == ["Seen", "Refused"] and "Not with Bearer" in shown[1][
		"answer"
	]


def test_a_day_of_waiting_is_one_row(site, sandbox, ask, clock):
	name = ask()
	sandbox.configure(provisioning_seconds=1e9)
	for _look in range(5):
		run(name)
		clock.forward(minutes=20)
	rows = [row for row in kept(site, name) if row.step == "Read Back"]
	assert len(rows) == 1 and rows[0].times == 10 and rows[0].pax8_status == "PendingAutomated"
	assert rows[0].last_on > rows[0].happened_on


def test_each_try_is_kept_while_pax8_cannot_be_reached(site, sandbox, ask, clock):
	name = ask()
	sandbox.faults.add("status", "updateSubscription", status=429, count=2)
	for _try in range(3):
		run(name)
		clock.forward(minutes=10)
	writes = [(row.attempt, row.outcome) for row in kept(site, name) if row.step == "Write"]
	assert writes == [(1, "Not Sent"), (2, "Not Sent"), (3, "Accepted")]
	assert state(site, name) == "Applied"


def test_pax8_is_left_alone_for_as_long_as_it_asks(site, sandbox, ask):
	name = ask()
	sandbox.faults.add("status", "updateSubscription", status=429, headers={"Retry-After": "3600"})
	from msp_licensing import clock

	before = clock.utc_now()
	run(name)
	site.db.rollback()
	assert (site.db.get_value(DT, name, "next_attempt_on") - before).total_seconds() >= 3600


def test_observe_shows_what_would_be_sent_and_sends_nothing(site, sandbox, people, ask, clock, as_user):
	from msp_licensing.changes import apply
	from msp_licensing.desk import requests

	name = ask()
	set_mode(site, "Observe")
	assert apply.follow_up() == 1
	run(name)
	assert apply.follow_up() == 0, "looked at once an hour"
	clock.forward(minutes=61)
	assert apply.follow_up() == 1
	run(name)
	rows = [row for row in kept(site, name) if row.step == "Observe"]
	assert [(row.outcome, row.quantity, row.times) for row in rows] == [("Would Be Sent", 15, 2)]
	assert state(site, name) == "Approved" and not sandbox.calls("updateSubscription")
	with as_user(people.manager):
		assert any('{"quantity": 15}' in notice for notice in requests.trace(name)["notices"])
	# What would come instead is shown as well, and changes nothing yet.
	sandbox.change("subscriptions", KEEPER, quantity=30)
	run(name)
	assert kept(site, name)[-1].outcome == "Would Be Decided Again" and state(site, name) == "Approved"
	sandbox.change("subscriptions", KEEPER, quantity=10)
	set_mode(site, "Live")
	run(name)
	assert state(site, name) == "Applied" and len(sandbox.calls("updateSubscription")) == 1


def test_what_was_sent_is_proven_also_once_the_mode_is_observe(site, sandbox, ask):
	from msp_licensing.changes import apply

	name = ask()
	sandbox.configure(provisioning_seconds=3600.0)
	run(name)
	assert state(site, name) == "Applying"
	set_mode(site, "Observe")
	sandbox.clock.advance(3601)
	site.db.set_value(DT, name, "next_attempt_on", "2020-01-01")
	assert apply.follow_up() == 1
	run(name)
	assert state(site, name) == "Applied"


def test_a_walk_that_sees_the_end_of_provisioning_has_it_proven_at_once(site, sandbox, ask):
	from frappe.utils.background_jobs import get_queue

	from msp_licensing.sync import jobs

	name = ask()
	sandbox.configure(provisioning_seconds=3600.0)
	run(name)
	assert state(site, name) == "Applying"
	get_queue("short").empty()
	sandbox.clock.advance(3601)
	assert jobs.run("Subscriptions", trigger="Manual")
	site.db.commit()
	assert [job.kwargs["kwargs"] for job in get_queue("short").jobs] == [{"request": name}]
	run(name)
	assert state(site, name) == "Applied"
