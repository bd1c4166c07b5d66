"""Random histories of Pax8, of staff and of syncs that fail, die and go on, each compared with a model step by step."""

import os
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sync_model import Step, World

EXAMPLES = int(os.environ.get("MSP_LICENSING_EXAMPLES") or 20)
NUMBER = st.integers(0, 99)


def _step(name: str, numbers: int) -> Any:
	return st.tuples(st.just(name), *[NUMBER] * numbers)


HAPPENS = st.one_of(
	# at Pax8
	_step("change_subscription", 3),
	_step("change_subscription", 3),
	_step("add_subscription", 3),
	_step("vanish_subscription", 1),
	_step("return_subscription", 1),
	_step("move_subscription", 2),
	_step("change_company", 2),
	_step("add_company", 1),
	_step("vanish_company", 1),
	_step("return_company", 1),
	_step("change_product", 3),
	_step("vanish_product", 1),
	_step("return_product", 1),
	# by staff
	_step("map_company", 2),
	_step("map_company", 2),
	_step("set_rule", 2),
	_step("choose_product", 2),
)
SYNCS = st.one_of(
	_step("killed_sync", 4),
	_step("faulty_sync", 5),
	_step("killed_sync", 4),
	_step("faulty_sync", 5),
	_step("sync_company", 1),
	_step("sync", 1),
)
# Between two syncs something happens, so that each has something to do.
ROUNDS = st.lists(
	st.tuples(st.lists(HAPPENS, min_size=1, max_size=5), SYNCS),
	min_size=3,
	max_size=6,
)

# A site that knows companies and has mapped two: without it most histories would be over before they begin.
USUAL_START: list[Step] = [("sync", 0), ("map_company", 0, 0), ("map_company", 1, 1), ("sync", 1)]
ALL_SYNCS: list[Step] = [("sync", 0), ("sync", 2), ("sync", 1)]


@pytest.fixture(scope="module")
def small_sandbox() -> Iterator[Any]:
	from msp_licensing.sandbox import Sandbox

	# The storybook alone: 4 companies, 16 products, 18 subscriptions.
	now = datetime(2026, 6, 15, 9, 30, tzinfo=timezone.utc)
	with Sandbox(
		seed=1, companies=0, products=0, subscriptions=0, now=now, provisioning_seconds=0
	) as sandbox:
		yield sandbox


@pytest.fixture
def world(site: Any, small_sandbox: Any) -> World:
	return World(site, small_sandbox)


@pytest.mark.parametrize(
	"history",
	[
		# An amount of nothing was recorded as 0.0 where it was the old one, and as 0 where it was the new one.
		[("vanish_subscription", 0)] * 3 + [("change_subscription", 0, 7, 0)],
	],
	ids=str,
)
def test_histories_that_once_went_wrong(world, history):
	world.play([*USUAL_START, *history, *ALL_SYNCS])


# Each kind of sync has all sorts of things to do: rows that are new, changed, moved to another client, gone.
LIVELY: list[Step] = [
	("change_subscription", 0, 7, 11),
	("change_subscription", 3, 1, 1),
	("move_subscription", 1, 1),
	("move_subscription", 2, 3),
	("vanish_subscription", 5),
	("add_subscription", 1, 2, 7),
	("change_company", 1, 2),
	("add_company", 1),
	("vanish_company", 2),
	("change_product", 1, 0, 1),
	("change_product", 1, 1, 2),
	("change_product", 0, 2, 3),
	("vanish_product", 3),
]
DEATHS = {"call": range(8), "statement": range(0, 40, 3), "before commit": range(8), "after commit": range(8)}


@pytest.mark.parametrize("kind", range(3), ids=["Companies", "Subscriptions", "Products"])
@pytest.mark.parametrize("where", DEATHS)
def test_a_worker_may_die_anywhere(world, kind, where):
	place = list(DEATHS).index(where)
	world.play([*USUAL_START, ("sync", 2), ("set_rule", 0, 1), ("choose_product", 1, 3)])
	back = world.keep()
	for count in DEATHS[where]:
		back()
		try:
			world.go_on([*LIVELY, ("killed_sync", kind, place, count, 0), ("complete", kind)])
		except AssertionError as error:
			error.add_note(f"death {count}")
			raise
	died = sum(times for name, times in world.seen.items() if ", died at " in name)
	assert died >= (1 if where == "call" else 3), f"it was through before it could die: {world.seen}"


@pytest.mark.parametrize("start", [USUAL_START, []], ids=["a site that is set up", "an empty site"])
def test_whatever_happens_the_site_shows_what_pax8_has_or_says_that_it_may_not(world, start):
	examples = EXAMPLES if start else max(1, EXAMPLES // 4)

	@settings(
		max_examples=examples,
		derandomize="MSP_LICENSING_EXAMPLES" not in os.environ,  # asked for more, then for others too
		deadline=None,
		suppress_health_check=list(HealthCheck),
		phases=(Phase.explicit, Phase.generate, Phase.shrink),
	)
	@given(rounds=ROUNDS)
	def play(rounds: list[tuple[list[Step], Step]]) -> None:
		history = [step for happens, sync in rounds for step in (*happens, sync)]
		# At the end all is well again, whatever was.
		world.play([*start, *history, *ALL_SYNCS])

	play()
	if start and examples >= 30:
		met = world.seen
		for what in (
			"Completed under fault",
			"Failed under fault",
			"Incomplete under fault",
			"died after a part",
		):
			assert any(count for name, count in met.items() if what in name), f"never met: {what}: {met}"
		assert met["changes recorded"] > examples
