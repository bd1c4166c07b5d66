"""Pax8's limit is kept by all workers of a site together, and who is waited for goes first."""

import threading

import pytest

from msp_licensing.sandbox import storybook


@pytest.fixture
def limiter(site, monkeypatch):
	"""Makes limiters of separate workers that say how long they would wait instead of waiting."""
	from msp_licensing.sync import connection

	class Waits(Exception):
		pass

	def no_sleep(seconds):
		raise Waits(seconds)

	def forget():
		for part in ("tat", "blocked"):
			site.cache.delete(site.cache.make_key(f"msp_licensing:pax8_rate:{part}"))

	def make(calls_per_minute):
		limiter = connection.SharedRateLimiter(calls_per_minute)

		def wait(priority=False):
			try:
				limiter.acquire(priority)
			except Waits as waits:
				return waits.args[0]
			return 0

		limiter.wait = wait
		return limiter

	forget()
	with monkeypatch.context() as patch:
		patch.setattr(connection.time, "sleep", no_sleep)
		yield make
	forget()


def test_workers_share_one_limit(limiter):
	one, other = limiter(600), limiter(600)
	taken = 0
	while not one.wait():
		taken += 1
		if other.wait():
			break
		taken += 1
	assert 10 <= taken <= 20, "a burst of two seconds, less what is kept, for both together"
	assert one.wait() > 0 and other.wait() > 0


def test_who_is_waited_for_uses_the_room_that_walks_leave(limiter):
	walk, change = limiter(600), limiter(600)
	while not walk.wait():
		pass
	passed = 0
	while not change.wait(priority=True):
		passed += 1
		assert walk.wait() > 0
	assert passed >= 3


def test_the_burst_and_what_follows_stay_within_the_limit_in_any_minute(limiter):
	per_minute = 1000
	limiter = limiter(per_minute)
	assert limiter.BURST_SECONDS / limiter._interval + 60 / limiter._interval <= per_minute + 1e-6


def test_a_429_holds_everybody_back_and_a_shorter_pause_does_not_cut_it_short(limiter):
	one, other = limiter(600), limiter(600)
	one.penalize(30)
	other.penalize(1)
	other.penalize(0)
	assert one.wait() == other.wait(priority=True) == 5, "waits in pieces"
	assert float(other._script(keys=other._keys, args=[0.1, 2], client=other._redis)) > 25


def test_a_long_walk_does_not_starve_a_change_that_is_being_applied(site, empty_sandbox):
	"""At the limit, with a walk that takes all it can get, the calls of a change follow each other closely."""
	from msp_licensing.sync import connection

	site.db.set_single_value("Pax8 Settings", "calls_per_minute", 300)
	site.clear_document_cache("Pax8 Settings", "Pax8 Settings")
	stop = threading.Event()
	with connection.client() as walking, connection.client(priority=True) as applying:
		walking.check()

		def walk():
			while not stop.is_set():
				walking.company(storybook.CEDAR_AND_PINE)

		threads = [threading.Thread(target=walk) for _ in range(6)]
		for thread in threads:
			thread.start()
		while len(empty_sandbox.calls()) < 15:  # the burst is used up, the walk waits for every call
			stop.wait(0.05)
		for _ in range(4):
			applying.subscription(storybook.CEDAR_KEEPER)
		stop.set()
		for thread in threads:
			thread.join()
	log = [call["operation"] for call in empty_sandbox.calls()]
	places = [place for place, name in enumerate(log) if name == "findSubscriptionBySubscriptionId"]
	assert len(places) == 4
	assert places[-1] - places[0] <= 3 + 2 * 6, "at most what was on its way already came between"
