"""Random histories of wishes, decisions, faults, deaths and time, each compared with a model step by step."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from changes_model import START, Step, World
from changes_model_tables import BLIND
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

EXAMPLES = int(os.environ.get("MSP_LICENSING_EXAMPLES") or 12)
NUMBER = st.integers(0, 99)


def _step(name: str, numbers: int) -> Any:
	return st.tuples(st.just(name), *[NUMBER] * numbers)


WISHES = st.one_of(
	_step("submit", 4),
	_step("submit", 4),
	_step("submit", 4),
	_step("submit_for_staff", 3),
	_step("change_now", 3),
)
DECISIONS = st.one_of(
	_step("approve", 3),
	_step("approve", 3),
	_step("reject", 3),
	_step("retry", 3),
	_step("withdraw", 2),
	_step("approve_another", 3),
	_step("agree", 3),
	_step("agree", 3),
	_step("decline", 2),
	_step("look_again", 1),
)
WORK = st.one_of(
	_step("work", 4),
	_step("work", 4),
	_step("work", 4),
	_step("killed", 7),
	_step("killed", 7),
	_step("follow_up", 0),
	_step("nightly", 0),
	_step("lose_jobs", 0),
)
AROUND = st.one_of(
	_step("outside", 3),
	_step("outside", 3),
	_step("provisioning", 1),
	_step("sync", 0),
	_step("travel", 1),
	_step("travel", 1),
	_step("travel_to_due", 1),
	_step("set_policy", 1),
	_step("set_policy", 1),
	_step("set_client_policy", 2),
	_step("set_rule", 2),
	_step("set_price", 2),
	_step("hold_product", 2),
	_step("set_mode", 1),
)
# Each round asks for something, so that there is always something to decide and to apply.
ROUNDS = st.lists(
	st.tuples(
		st.lists(AROUND, max_size=2),
		WISHES,
		st.lists(st.one_of(DECISIONS, WORK, AROUND), max_size=4),
		WORK,
	),
	min_size=2,
	max_size=5,
)


# Where a history begins: with the usual policy, or with one under which more is released, asked at the client, or planned.
BEGINS = st.sampled_from(
	(
		[],
		[("set_policy", 5), ("set_price", 0, 0), ("set_price", 1, 0)],
		[("set_policy", 6)],
		[("set_client_policy", 0, 9)],
		[("set_client_policy", 0, 9), ("set_policy", 6)],
	)
)


@pytest.fixture(scope="module")
def small_sandbox() -> Iterator[Any]:
	from msp_licensing.sandbox import Sandbox

	# The storybook alone: 4 companies, 16 products, 18 subscriptions.
	with Sandbox(
		seed=1, companies=0, products=0, subscriptions=0, now=START, provisioning_seconds=0
	) as sandbox:
		yield sandbox


@pytest.fixture
def world(site: Any, small_sandbox: Any, make_portal_user: Any, monkeypatch: Any) -> World:
	"""The demo's clients and people, and a second manager, on a site that is synced with the small sandbox."""
	from types import SimpleNamespace

	from msp_licensing.setup import demo
	from msp_licensing.sync import jobs

	small_sandbox.reset()
	demo.connect(small_sandbox.url)
	site.db.set_single_value("Pax8 Settings", "calls_per_minute", 100_000)
	site.clear_document_cache("Pax8 Settings", "Pax8 Settings")
	demo.choose_policy()
	demo.make_people()
	site.db.commit()
	for kind in ("Companies", "Subscriptions", "Products"):
		assert jobs.run(kind, trigger="Manual")
		if kind == "Companies":
			demo.map_companies()
	staff, cedar = ("system_manager", "manager"), ("requester", "reader")
	names = (*staff, *cedar, "foreign_requester", "foreign_reader", "approver")
	people = {name: person.email for name, person in zip(names, demo.PEOPLE, strict=True)}
	second = make_portal_user("second@msp.example", None, "Licensing Manager")
	site.db.commit()
	return World(site, small_sandbox, SimpleNamespace(**people, second_manager=second), monkeypatch)


# Asked, approved and on its way: what a worker may die of.
APPLYING: list[Step] = [("submit", 0, 3, 1, 1), ("submit", 1, 6, 1, 1), ("approve", 0, 0, 0)]
DEATHS = {
	"call": range(3),
	"statement": range(3, 120, 13),
	"before commit": range(0, 7, 2),
	"after commit": range(7),
}


@pytest.mark.parametrize("where", DEATHS)
def test_a_worker_may_die_anywhere(world, where):
	place = list(DEATHS).index(where)
	for count in DEATHS[where]:
		try:
			world.play([*APPLYING, ("killed", 0, place, count, 0, 0, 0, 0)])
		except AssertionError as error:
			error.add_note(f"death {count}")
			raise
		states = sorted(row.workflow_state for row in world.rows.values())
		assert set(states) <= {"Applied", "Needs Review", "Failed"}
	died = sum(count for name, count in world.seen.items() if "work died" in name)
	assert died >= 3, f"it was through before it could die: {world.seen}"


# Somebody puts the quantity back at Pax8 before the next look: it is as if nothing had been sent.
PUT_BACK: list[Step] = [("outside", 0, 0, 9), ("travel", 2), ("follow_up",), ("work", 0, 0, 0, 0)]


@pytest.mark.parametrize(
	"lost",
	[("work", 0, BLIND, 0, 0), *(("killed", 0, 0, count, 0, 0, 0, 0) for count in (1, 2))],
	ids=["its answer", "the worker, after the write", "the worker, after a read"],
)
def test_what_may_have_been_sent_is_not_sent_again_though_pax8_has_the_old_quantity(world, lost):
	world.play([("submit", 0, 3, 1, 1), lost, *PUT_BACK])
	assert sum(len(puts) for puts in world.puts.values()) == 1


def test_whatever_happens_pax8_is_told_once_what_was_released_and_every_request_ends(world):
	@settings(
		max_examples=EXAMPLES,
		derandomize="MSP_LICENSING_EXAMPLES" not in os.environ,  # asked for more, then for others too
		deadline=None,
		suppress_health_check=list(HealthCheck),
		phases=(Phase.explicit, Phase.generate, Phase.shrink),
	)
	@given(begin=BEGINS, rounds=ROUNDS)
	def play(begin: list[Step], rounds: list[tuple[list[Step], Step, list[Step], Step]]) -> None:
		history = [step for before, wish, then, work in rounds for step in (*before, wish, *then, work)]
		world.play([*begin, *history])

	play()
