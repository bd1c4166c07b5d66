"""Syncs whose worker is killed for real, at the worst moments: the next run finds all that the dead one left undone."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from faulty import DOCTYPES, LISTS, VANISHED, differences, look

from msp_licensing.sandbox import storybook

# Batches and pages are small, as the tests' world is; the lock of a dead worker lapses sooner.
WORKER = """
import os, sys, frappe
frappe.init(os.environ["FRAPPE_TEST_SITE"], sites_path="."); frappe.connect()
from msp_licensing.pax8 import walk
from msp_licensing.sync import jobs, lock, mirror
walk.PAGE_SIZE, mirror.BATCH, lock.LIFE = 4, 3, 2.0
jobs.run(sys.argv[1], trigger="Manual")
"""
SECOND_LOOK = {
	"Companies": "findCompanyByCompanyId",
	"Subscriptions": "findSubscriptionBySubscriptionId",
	"Products": "findProductByProductId",
}
CHANGED = {
	"Companies": storybook.BLUE_HARBOR_DENTAL,
	"Subscriptions": storybook.CEDAR_KEEPER,
	"Products": storybook.KEEPER_BUSINESS,
}


@contextmanager
def worker(kind: str) -> Iterator[subprocess.Popen]:
	"""A process that runs a sync, until it is killed."""
	process = subprocess.Popen([sys.executable, "-c", WORKER, kind], start_new_session=True)
	try:
		yield process
	finally:
		process.kill()
		process.wait()


def wait_for(process: subprocess.Popen, condition: Any, what: str, seconds: float = 60) -> None:
	end = time.monotonic() + seconds
	while not condition():
		assert process.poll() is None, f"the worker was through before: {what}"
		assert time.monotonic() < end, what
		time.sleep(0.02)


def kill(process: subprocess.Popen) -> None:
	os.kill(process.pid, signal.SIGKILL)
	process.wait()


def next_run(site: Any, kind: str) -> Any:
	"""The next run by schedule, as soon as the lock of the dead one has lapsed."""
	from msp_licensing.sync import jobs

	end = time.monotonic() + 20
	while not (name := jobs.run(kind)):
		assert time.monotonic() < end, "the lock of the dead worker does not lapse"
		time.sleep(0.2)
	site.db.rollback()
	return site.get_doc("Pax8 Sync Run", name)


def check(rig: Any, kind: str, before_next: dict[str, Any]) -> None:
	"""What the dead run left is partly done and never wrong; after the next run all is as if it had not died."""
	right, table = rig.right_of[kind], DOCTYPES[kind]
	for name, row in before_next[table].items():
		known = [rows[table][name] for rows in (rig.before, right) if name in rows[table]]
		if kind == "Products" and name not in rig.before[table]:
			continue  # a new one, whose prices are read later
		assert row in known, f"{name} is neither as before nor as it should be: {row}"
	dead = rig.site.get_all("Pax8 Sync Run", {"status": "Running"}, pluck="name")
	assert len(dead) == 1
	run = next_run(rig.site, kind)
	assert run.status == "Completed", run.error
	assert rig.site.db.get_value("Pax8 Sync Run", dead[0], "status") == "Failed"
	found = differences(look(rig.site), right)
	assert not found, f"after the next run: {found}"
	if kind == "Subscriptions":
		changes = rig.site.get_all(
			"Pax8 Subscription Change",
			{"subscription": storybook.CEDAR_KEEPER, "field": "Quantity"},
			pluck="new_value",
		)
		assert changes == ["11"], "told once, by whichever run wrote the row"


@pytest.fixture
def started(rig: Any) -> Any:
	"""A function that starts from the same state each time; the runs are the site's own, with its own connection."""
	rig.right_of = {}

	def start(kind: str) -> Any:
		rig.right_of[kind] = rig.right(kind)
		rig.start()
		rig.site.db.delete("Pax8 Subscription Change")
		rig.site.db.delete("Pax8 Sync Run")
		rig.site.db.commit()
		return rig

	return start


@pytest.mark.parametrize("kind", DOCTYPES)
def test_killed_while_a_page_is_read(started, sandbox, kind):
	rig = started(kind)
	order = sandbox.faults.add("delay", LISTS[kind], query={"page": "1"}, seconds=600)
	with worker(kind) as process:
		wait_for(process, lambda: order.hits, "page 1 was asked for")
		kill(process)
	sandbox.faults.clear()
	check(rig, kind, look(rig.site))


@pytest.mark.parametrize("kind", DOCTYPES)
def test_killed_in_the_middle_of_writing_a_batch(started, site, kind):
	"""Somebody holds a row of the batch: the worker waits for it in its transaction when it dies."""
	rig = started(kind)
	site.db.sql(f"select name from `tab{DOCTYPES[kind]}` where name = %s for update", CHANGED[kind])
	with worker(kind) as process:
		wait_for(process, lambda: waiting(site, DOCTYPES[kind]), "the worker waits for the row")
		kill(process)
	site.db.rollback()
	left = look(site)
	assert left[DOCTYPES[kind]][CHANGED[kind]] == rig.before[DOCTYPES[kind]][CHANGED[kind]]
	check(rig, kind, left)


def waiting(site: Any, table: str) -> bool:
	"""Whether another connection has been at a statement about the table for half a second: it waits for a row of ours."""
	return bool(
		site.db.sql(
			"""select 1 from information_schema.processlist
			where command = 'Query' and id != connection_id() and time_ms > 500 and info like %s""",
			f"%tab{table}%",
		)
	)


@pytest.mark.parametrize("kind", DOCTYPES)
def test_killed_before_anything_is_marked_as_vanished(started, sandbox, kind):
	rig = started(kind)
	order = sandbox.faults.add("delay", SECOND_LOOK[kind], seconds=600)
	with worker(kind) as process:
		wait_for(process, lambda: order.hits, "the second look")
		kill(process)
	sandbox.faults.clear()
	left = look(rig.site)
	mark, table = VANISHED[DOCTYPES[kind]], DOCTYPES[kind]
	assert not any(row[mark] for row in left[table].values()), "nothing was looked at a second time"
	walked = differences({table: left[table]}, {table: rig.right_of[kind][table]})
	assert all(mark in key or kind == "Products" for key in walked), f"the walk itself was done: {walked}"
	check(rig, kind, left)


def test_killed_between_the_prices(started, sandbox):
	rig = started("Products")
	order = sandbox.faults.add("delay", "findPricingByProductId", skip=6, count=None, seconds=600)
	with worker("Products") as process:
		wait_for(process, lambda: order.hits, "a price was asked for")
		kill(process)
	sandbox.faults.clear()
	check(rig, "Products", look(rig.site))
