"""One run of a kind at a time; a dead worker's lock lapses, and a run that lost its own may not write."""

import threading
import time

import pytest

from msp_licensing.sandbox import storybook


def sync(kind, **options):
	from msp_licensing.sync import jobs

	return jobs.run(kind, trigger="Manual", **options)


def redis():
	from frappe.utils.background_jobs import get_redis_conn

	return get_redis_conn()


def test_the_lock_has_an_owner_and_belongs_to_one(site):
	from msp_licensing.sync.lock import RunLock

	first, second = RunLock("Companies"), RunLock("Companies")
	assert first.acquire() and not second.acquire()
	assert redis().get(first.key).decode() == first.owner != second.owner
	assert RunLock("Products").key != first.key, "kinds do not wait for each other"
	second.release()
	assert redis().get(first.key), "nobody gives back what is not theirs"
	first.release()
	assert second.acquire()
	second.release()
	assert not redis().exists(first.key)


def test_a_lock_is_renewed_as_long_as_its_run_goes_on_and_lapses_after_it(site):
	from msp_licensing.sync.lock import RunLock

	living = RunLock("Companies", life=0.6)
	assert living.acquire()
	time.sleep(1.5)
	assert redis().exists(living.key), "renewed"
	living._ended.set()  # what is left of a worker that died: nobody renews
	living._renewing.join(5)
	waiting = RunLock("Companies")
	assert waiting.acquire(wait=5), "lapsed by itself"
	waiting.release()


def test_a_lock_that_redis_forgot_is_taken_again_unless_somebody_was_faster(site):
	from msp_licensing.sync.lock import RunLock

	first = RunLock("Companies", life=0.6)
	assert first.acquire()
	redis().delete(first.key)
	deadline = time.monotonic() + 5
	while not redis().exists(first.key) and time.monotonic() < deadline:
		time.sleep(0.05)
	assert redis().get(first.key).decode() == first.owner
	redis().set(first.key, "another", px=5000)
	time.sleep(1)
	assert redis().get(first.key).decode() == "another"
	first.release()
	assert redis().get(first.key).decode() == "another"
	redis().delete(first.key)


def test_a_run_that_was_overtaken_writes_nothing_more(site, sandbox):
	"""Its worker stood still for so long that its lock lapsed, and another run began and ended meanwhile."""
	import frappe

	from msp_licensing.pax8 import Pax8Client
	from msp_licensing.sync.lock import RunLock

	for name in (storybook.CEDAR_KEEPER, storybook.CEDAR_SOPHOS):
		sandbox.change("subscriptions", name, quantity=77)
	with frappe_client(sandbox) as pax8:
		walk, second = pax8.subscriptions, []

		def standing_still(**options):
			yield from walk(**options)
			# All is read, nothing is written yet. Now the lock lapses, the other run comes, and things move on.
			redis().delete(RunLock("Subscriptions").key)
			sandbox.change("subscriptions", storybook.CEDAR_KEEPER, quantity=12)
			second.append(sync("Subscriptions"))

		pax8.subscriptions = standing_still
		first = sync("Subscriptions", pax8=pax8)
	assert isinstance(pax8, Pax8Client)
	assert site.db.get_value("Pax8 Subscription", storybook.CEDAR_KEEPER, "quantity") == 12
	assert site.db.get_value("Pax8 Sync Run", second[0], "status") == "Completed"
	assert site.db.get_value("Pax8 Sync Run", first, "status") == "Failed"
	assert frappe.db.count("Pax8 Sync Run", {"status": "Running"}) == 0


def frappe_client(sandbox):
	from msp_licensing.pax8 import Pax8Client

	return Pax8Client(client_id="sandbox", client_secret="sandbox", base_url=sandbox.url)


def test_a_company_that_is_mapped_during_a_run_is_read_after_it(site, sandbox):
	from msp_licensing.sync.lock import RunLock

	busy = RunLock("Subscriptions")
	assert busy.acquire()
	threading.Timer(1, busy.release).start()
	run = sync("Subscriptions", company=storybook.CEDAR_AND_PINE)
	assert site.db.get_value("Pax8 Sync Run", run, ["status", "pax8_company"]) == (
		"Completed",
		storybook.CEDAR_AND_PINE,
	)


@pytest.mark.parametrize("kind", ["Companies", "Subscriptions", "Products"])
def test_a_run_leaves_no_lock_behind_however_it_ends(site, sandbox, kind):
	from msp_licensing.sync.lock import RunLock

	sync(kind)
	sandbox.faults.add("status", "*", status=403, count=None)
	sync(kind)
	assert not redis().exists(RunLock(kind).key)
