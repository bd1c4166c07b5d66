"""The real thing: RQ workers as processes of their own, killed at the worst moments and started again."""

import subprocess
import sys
import time

import pytest
from processes import Worker, wait_for

from msp_licensing.sandbox import storybook

KEEPER = storybook.CEDAR_KEEPER
DT = "License Change Request"


@pytest.fixture
def start_worker(site):
	workers = []

	def start() -> Worker:
		workers.append(Worker())
		return workers[-1]

	yield start
	for worker in workers:
		worker.stop()


@pytest.fixture
def ask(site, sandbox, people):
	from msp_licensing import permissions
	from msp_licensing.changes import requests

	def submit(wanted):
		doc = requests.submit(KEEPER, wanted, access=permissions.portal_access(people.requester))
		site.db.commit()
		return doc.name

	return submit


def state(site, name):
	return site.db.get_value(DT, name, "workflow_state")


def test_an_approved_change_is_applied_by_a_worker(site, sandbox, people, ask, start_worker):
	name = ask("15")
	start_worker()
	wait_for(site, lambda: state(site, name) == "Applied", "applied")
	assert sandbox.subscription(KEEPER)["quantity"] == 15
	assert site.db.count("Email Queue Recipient", {"recipient": people.requester}) == 1


@pytest.mark.parametrize(
	("moment", "operation", "fault", "sent"),
	[
		(
			"while reading, before anything was sent",
			"findSubscriptionBySubscriptionId",
			{"seconds": 4},
			False,
		),
		("while sending, before Pax8 has done it", "updateSubscription", {"seconds": 4}, True),
		(
			"after Pax8 has done it, before the answer",
			"updateSubscription",
			{"seconds": 6, "after": True},
			True,
		),
	],
)
def test_a_worker_killed_in_the_middle_leaves_nothing_undone_and_nothing_done_twice(
	site, sandbox, ask, start_worker, moment, operation, fault, sent
):
	from msp_licensing.changes import apply

	name = ask("15")
	sandbox.faults.add("delay", operation, **fault)
	before = len(sandbox.calls(operation))
	worker = start_worker()
	wait_for(site, lambda: state(site, name) == "Applying", "claimed")
	if sent:
		wait_for(site, lambda: site.db.get_value(DT, name, "write_sent_on"), "about to send")
	wait_for(site, lambda: sandbox.faults.list()[0]["hits"] if sandbox.faults.list() else True, moment)
	worker.kill()
	site.db.rollback()
	assert state(site, name) == "Applying"
	assert bool(site.db.get_value(DT, name, "write_sent_on")) == sent
	assert len(sandbox.calls(operation)) >= before

	# Later: the follow-up of the scheduler finds it, and a new worker takes it up.
	site.db.set_value(DT, name, "modified", "2020-01-01", update_modified=False)
	site.db.commit()
	assert apply.follow_up() == 1
	start_worker()
	wait_for(site, lambda: state(site, name) == "Applied", "applied after the restart", seconds=90)
	assert sandbox.subscription(KEEPER)["quantity"] == 15
	time.sleep(fault["seconds"])  # a call is listed once it is answered, also where nobody listens any more
	assert len(sandbox.calls("updateSubscription")) == 1


def test_a_sync_asked_for_by_hand_is_run_by_a_worker(site, sandbox, people, as_user, start_worker):
	from msp_licensing.sync import jobs

	sandbox.change("subscriptions", KEEPER, quantity=12)
	with as_user(people.manager):
		jobs.enqueue("Subscriptions", trigger="Manual")
	site.db.commit()
	start_worker()
	wait_for(site, lambda: site.db.get_value("Pax8 Subscription", KEEPER, "quantity") == 12, "synced")


@pytest.mark.parametrize(("command", "loaded"), [("worker", True), ("migrate", False)])
def test_a_worker_loads_once_what_every_job_needs(site, command, loaded):
	code = (
		"import sys; sys.argv = ['bench_helper.py', 'frappe', sys.argv[1], '--queue', 'short']\n"
		"from msp_licensing import commands\n"
		"print(all(name in sys.modules for name in (*commands.JOBS, *commands.USED_BY_JOBS)))"
	)
	done = subprocess.run([sys.executable, "-c", code, command], capture_output=True, text=True)
	assert done.stdout.strip() == str(loaded), done.stderr
