"""Fault drills with real processes: workers killed at every step, Redis and MariaDB restarted, Pax8 out of reach.

After each of them the change is made once, or provably not at all, and the request ends. Only processes of the test's
own site are ended.
"""

import contextlib
import functools
import os
import shlex
import signal
import subprocess
import sys
import time
from typing import Any

import pytest
import redis
from moving_clock import MovingClock
from processes import Worker, wait_for

from msp_licensing.sandbox import storybook

KEEPER = storybook.CEDAR_KEEPER
DT = "License Change Request"

# Applies a request and kills itself at a moment: there is one before and one after each commit and each call to Pax8.
KILLED = """
import os, signal, sys, frappe
frappe.init(os.environ["FRAPPE_TEST_SITE"], sites_path="."); frappe.connect()
from msp_licensing.changes import apply
from msp_licensing.pax8.transport import Transport
apply.READ_BACK_AFTER = (0, 0)
left = int(sys.argv[2])
def moment():
	global left
	left -= 1
	if not left:
		os.kill(os.getpid(), signal.SIGKILL)
def around(function):
	def call(*args, **kwargs):
		moment(); value = function(*args, **kwargs); moment()
		return value
	return call
frappe.local.db.commit = around(frappe.local.db.commit)
Transport._exchange = around(Transport._exchange)
apply.run(sys.argv[1])
"""


@pytest.fixture
def clock(monkeypatch, site):
	from msp_licensing.changes import apply

	monkeypatch.setattr(apply, "READ_BACK_AFTER", (0, 0))
	return MovingClock(monkeypatch)


@pytest.fixture
def start_worker(site):
	workers = []

	def start():
		workers.append(Worker())

	yield start
	for worker in workers:
		worker.stop()


@pytest.fixture
def ask(site, sandbox, people):
	from msp_licensing import permissions
	from msp_licensing.changes import requests

	def submit(wanted="15"):
		doc = requests.submit(KEEPER, wanted, access=permissions.portal_access(people.requester))
		site.db.commit()
		return doc.name

	return submit


def look(site: Any, name: str) -> Any:
	site.db.rollback()
	return site.get_doc(DT, name)


def puts(sandbox: Any) -> int:
	return len(sandbox.calls("updateSubscription"))


def carry_on(site: Any, clock: MovingClock, name: str) -> str:
	"""The scheduler's part for the next hours: the follow-up every five minutes, and what it queues, until the end."""
	from msp_licensing.changes import apply, reconcile

	for _five_minutes in range(40):
		clock.forward(minutes=5)
		state = look(site, name).workflow_state
		if state not in ("Approved", "Applying", "Needs Review"):
			return state
		if apply.follow_up():
			(reconcile if state == "Needs Review" else apply).run(name)
	return look(site, name).workflow_state


def retry(site: Any, name: str) -> None:
	from frappe.model.workflow import apply_workflow

	apply_workflow(site.get_doc(DT, name), "Retry")
	site.db.commit()


def supervisor(*arguments: str) -> None:
	command = [*shlex.split(os.environ["MSP_LICENSING_TEST_SUPERVISOR"]), *arguments]
	done = subprocess.run(command, capture_output=True, text=True, timeout=90)
	assert done.returncode == 0, done.stdout + done.stderr


def restart_redis(site: Any) -> None:
	"""Both of them, with all that they hold; returns once they answer."""
	from frappe.utils.background_jobs import get_redis_conn

	def answer() -> bool:
		with contextlib.suppress(redis.exceptions.ConnectionError):
			return bool(get_redis_conn().ping() and site.cache.ping())
		return False

	supervisor("restart", "redis_queue", "redis_cache")
	wait_for(site, answer, "Redis is back")


def back(site: Any) -> None:
	"""Waits until the database answers, with a new connection of this process."""
	end = time.monotonic() + 60
	while True:
		with contextlib.suppress(Exception):
			site.db.close()
		try:
			site.connect()
			return site.db.sql("select 1")
		except Exception:
			assert time.monotonic() < end, "MariaDB does not come back"
			time.sleep(0.2)


def test_a_worker_killed_at_any_moment(site, sandbox, people, ask, clock):
	moments, outcomes = 0, set()
	for moment in range(1, 60):
		# From the same start each time, Pax8's history included.
		sandbox.reset(provisioning_seconds=0.0, rate_limit=0)
		site.db.set_value("Pax8 Subscription", KEEPER, "quantity", 10)
		for doctype in (DT, "License Change Attempt", "License Change Event", "License Change Notice"):
			site.db.delete(doctype)
		clock.ahead *= 0
		name, before = ask(), puts(sandbox)
		process = subprocess.run([sys.executable, "-c", KILLED, name, str(moment)], timeout=60)
		if process.returncode == 0:
			break
		assert process.returncode == -signal.SIGKILL, f"moment {moment}"
		moments += 1
		left = look(site, name)
		assert left.workflow_state in ("Approved", "Applying", "Applied"), f"moment {moment}"
		if puts(sandbox) > before:
			assert left.write_sent_on, f"moment {moment}: sent before it was written down"
		state = carry_on(site, clock, name)
		outcomes.add(state)
		if state == "Failed":
			# Killed between writing down and sending: it provably was not made, and a person may have it sent.
			assert look(site, name).retryable and puts(sandbox) == before, f"moment {moment}"
			retry(site, name)
			state = carry_on(site, clock, name)
		assert state == "Applied", f"moment {moment}: {look(site, name).pax8_message}"
		assert puts(sandbox) == before + 1, f"moment {moment}: sent {puts(sandbox) - before} times"
		assert sandbox.subscription(KEEPER)["quantity"] == 15
		writes = site.get_all("License Change Attempt", {"request": name, "step": "Write"})
		assert writes, f"moment {moment}: what was sent is kept"
	assert moments >= 14, "a claim, three calls, and the commits around them"
	assert outcomes == {"Applied", "Failed"}


def test_redis_restarted_with_a_change_in_the_queue_and_one_in_the_air(
	site, sandbox, ask, clock, start_worker
):
	from frappe.utils.background_jobs import get_queue

	name = ask()
	restart_redis(site)
	assert not get_queue("short").jobs
	# The job is lost, the request is not.
	sandbox.faults.add("delay", "updateSubscription", seconds=2, after=True)
	clock.forward(minutes=5)
	from msp_licensing.changes import apply

	assert apply.follow_up() == 1
	start_worker()
	wait_for(site, lambda: look(site, name).write_sent_on, "about to be sent")
	supervisor("restart", "redis_queue", "redis_cache")
	wait_for(
		site, lambda: look(site, name).workflow_state == "Applied" or carried(site, clock, name), "applied"
	)
	assert sandbox.subscription(KEEPER)["quantity"] == 15 and puts(sandbox) == 1


def carried(site: Any, clock: MovingClock, name: str) -> bool:
	time.sleep(3)
	return carry_on(site, clock, name) == "Applied"


def test_mariadb_restarted_while_a_change_is_in_the_air(site, sandbox, ask, clock, start_worker):
	name = ask()
	sandbox.faults.add("delay", "updateSubscription", seconds=5, after=True)
	start_worker()
	wait_for(site, lambda: look(site, name).write_sent_on, "about to be sent")
	supervisor("restart", "mariadb")
	back(site)
	left = look(site, name)
	assert left.workflow_state == "Applying" and left.write_sent_on, "what was committed is there"
	time.sleep(5)
	assert carry_on(site, clock, name) == "Applied"
	assert sandbox.subscription(KEEPER)["quantity"] == 15 and puts(sandbox) == 1


def test_mariadb_gone_between_reading_and_sending(site, sandbox, ask, clock, start_worker):
	"""Without a database nothing can be written down, so nothing is sent."""
	name = ask()
	order = sandbox.faults.add("delay", "findSubscriptionBySubscriptionId", seconds=4, after=True)
	start_worker()
	wait_for(site, lambda: order.hits, "being read")
	supervisor("restart", "mariadb")
	back(site)
	time.sleep(4)
	assert not puts(sandbox) and not look(site, name).write_sent_on
	assert carry_on(site, clock, name) == "Applied" and puts(sandbox) == 1


@pytest.fixture
def impatient(monkeypatch, site):
	"""The site's own client, which does not try a read again by itself: the follow-up does."""
	from msp_licensing.sync import connection

	monkeypatch.setattr(connection, "client", functools.partial(connection.client, max_retries=0))


def reach(site: Any, url: str) -> None:
	settings = site.get_doc("Pax8 Settings")
	settings.update({"base_url": url, "client_secret": "sandbox"}).save()
	site.db.commit()


def test_pax8_out_of_reach_for_an_hour(site, sandbox, ask, clock, impatient):
	from msp_licensing.changes import apply

	name = ask()
	reach(site, "http://127.0.0.1:9/v1")
	apply.run(name)
	for _five_minutes in range(12):
		clock.forward(minutes=5)
		if apply.follow_up():
			apply.run(name)
		assert look(site, name).workflow_state == "Approved"
	kept = site.get_all("License Change Attempt", {"request": name}, ["attempt", "step", "outcome"])
	assert 4 <= len(kept) <= 12 and {(row.step, row.outcome) for row in kept} == {("Read", "Not Read")}
	reach(site, sandbox.url)
	assert carry_on(site, clock, name) == "Applied" and puts(sandbox) == 1


@pytest.mark.parametrize("done", [True, False])
def test_pax8_out_of_reach_for_an_hour_right_after_sending(site, sandbox, ask, clock, impatient, done):
	from msp_licensing.changes import apply

	name = ask()
	sandbox.faults.add("drop_after" if done else "drop_before", "updateSubscription")
	sandbox.faults.add("reset_before", "read", skip=1, count=None)
	apply.run(name)
	for _five_minutes in range(12):
		clock.forward(minutes=5)
		if apply.follow_up():
			apply.run(name)
		assert look(site, name).workflow_state == "Applying", "sent, and not to be read: nobody knows yet"
	sandbox.faults.clear()
	assert carry_on(site, clock, name) == ("Applied" if done else "Failed")
	assert puts(sandbox) == 1 and sandbox.subscription(KEEPER)["quantity"] == (15 if done else 10)
	assert done or look(site, name).retryable
