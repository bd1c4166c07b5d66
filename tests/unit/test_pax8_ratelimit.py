from __future__ import annotations

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from msp_licensing.pax8 import TokenBucket


class Clock:
	"""A clock that moves only while somebody sleeps."""

	def __init__(self) -> None:
		self.now = 1000.0

	def __call__(self) -> float:
		return self.now

	def sleep(self, seconds: float) -> None:
		assert seconds > 0
		self.now += seconds


def bucket(clock: Clock, per_minute: int = 1000, **options) -> TokenBucket:
	return TokenBucket(per_minute, clock=clock, sleep=clock.sleep, **options)


def times(limiter: TokenBucket, clock: Clock, count: int, priority: bool = False) -> list[float]:
	made = []
	for _ in range(count):
		limiter.acquire(priority)
		made.append(clock())
	return made


@settings(deadline=None)
@given(st.integers(1, 2000), st.data())
def test_no_window_of_a_minute_holds_more_calls_than_allowed(per_minute, data):
	clock = Clock()
	limiter = bucket(clock, per_minute)
	made: list[float] = []
	for pause in data.draw(st.lists(st.floats(0, 90), max_size=6)):
		made += times(limiter, clock, data.draw(st.integers(0, 120)), data.draw(st.booleans()))
		clock.now += pause
	for start, first in enumerate(made):
		window = [moment for moment in made[start:] if moment < first + 60]
		assert len(window) <= per_minute


def test_a_long_walk_runs_at_nearly_the_full_rate():
	clock = Clock()
	made = times(bucket(clock), clock, 3000)
	assert 180 <= made[-1] - made[0] <= 195


def test_a_change_somebody_waits_for_does_not_queue_behind_a_sync():
	clock = Clock()
	limiter = bucket(clock)
	times(limiter, clock, 500)
	before = clock()
	times(limiter, clock, 10, priority=True)
	assert clock() == before
	times(limiter, clock, 1)
	assert clock() > before


def test_a_penalty_holds_everybody_back_and_allows_no_burst_after_it():
	clock = Clock()
	limiter = bucket(clock)
	limiter.penalize(30)
	start = clock()
	made = times(limiter, clock, 3, priority=True)
	assert made[0] >= start + 30
	assert made[2] - made[0] >= 2 * 60 / 1000
	limiter.penalize(-5)
	limiter.penalize(20)
	limiter.penalize(1)
	start = clock()
	assert times(limiter, clock, 1)[0] >= start + 19.9


def test_one_call_a_minute_is_possible():
	clock = Clock()
	made = times(bucket(clock, 1), clock, 3)
	assert made[1] - made[0] >= 60


@pytest.mark.parametrize(
	"options",
	[
		{"per_minute": 0},
		{"per_minute": 10, "burst": 11},
		{"per_minute": 10, "burst": 0},
		{"per_minute": 10, "burst": 5, "reserve": 5},
	],
)
def test_numbers_that_make_no_sense_are_refused(options):
	with pytest.raises(ValueError):
		TokenBucket(**options)


def test_threads_do_not_take_more_than_there_is():
	clock = Clock()
	waits: list[float] = []

	class Enough(Exception):
		pass

	def sleep(seconds: float) -> None:
		waits.append(seconds)
		raise Enough

	limiter = TokenBucket(100, burst=40, reserve=0, clock=clock, sleep=sleep)
	taken = []

	def work() -> None:
		try:
			while True:
				limiter.acquire()
				taken.append(1)
		except Enough:
			pass

	threads = [threading.Thread(target=work) for _ in range(8)]
	for thread in threads:
		thread.start()
	for thread in threads:
		thread.join()
	assert len(taken) == 40 and len(waits) == 8
