"""Syncs under fire: whatever Pax8 or the line does, what is stored is right, or old and said to be old.

After each fault one of two holds. Either the run says Completed and all is as a run without the fault leaves it. Or it says
Incomplete or Failed, and why; then nothing is concluded from what did not come: nothing is marked as vanished, and each
row has its old values or its right new ones. Staff's columns stay in either case, and the next run repairs everything.
"""

import pytest
from faulty import EXAMPLES, FINAL, KINDS, LINE, LISTS, differences, line, look, stopped, sync

TOKENS = [{"method": "DELETE", "path": "/tokens"}]


@pytest.mark.parametrize("kind", KINDS)
def test_a_trouble_of_the_line_that_passes_leaves_no_trace(rig, kind):
	for name, (order, _words) in line(kind).items():
		with rig.case(name):
			run = rig.run(kind, {**order, "operation": LISTS[kind]})
			assert run.status == "Completed", run.error
	rig.end()


@pytest.mark.parametrize("kind", KINDS)
def test_a_trouble_of_the_line_that_stays_is_told_and_nothing_concluded(rig, kind):
	for name, (order, words) in {**line(kind), **FINAL}.items():
		with rig.case(name):
			run = rig.run(kind, {**order, "operation": LISTS[kind], "count": None}, max_retries=0)
			stopped(run, words)
			assert differences(run.stored, rig.before) == {}
	rig.end()


@pytest.mark.parametrize("kind", KINDS)
def test_a_trouble_in_the_middle_of_a_walk_concludes_nothing(rig, kind, small_pages):
	for name, (order, words) in {**line("Companies"), **FINAL}.items():
		with rig.case(name):
			order = {**order, "operation": LISTS[kind], "count": None, "query": {"page": "1"}}
			run = rig.run(kind, order, max_retries=0)
			stopped(run, words)
			rig.old_or_right(kind, run)
	rig.end()


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_that_is_slow_but_comes_is_waited_for(rig, kind):
	for order in ({"kind": "slow", "seconds": 0.3}, {"kind": "trickle", "seconds": 0.3, "piece": 100}):
		with rig.case(str(order)):
			run = rig.run(kind, {**order, "operation": LISTS[kind]})
			assert run.status == "Completed", run.error
	rig.end()


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_that_does_not_come_in_time_is_tried_again_and_then_told(rig, kind, monkeypatch):
	from msp_licensing.pax8 import transport

	late = {"kind": "delay", "operation": LISTS[kind], "seconds": 1.0}
	with rig.case("once too late"):
		assert rig.run(kind, late, timeout=0.4).status == "Completed"
	with rig.case("always too late"):
		stopped(rig.run(kind, {**late, "count": None}, timeout=0.4, max_retries=0), "lost")
	monkeypatch.setattr(transport, "MAX_ANSWER_SECONDS", 0.3)
	drops = {"kind": "trickle", "operation": LISTS[kind], "seconds": 1.5, "piece": 200}
	with rig.case("always a drop, never an end"):
		stopped(rig.run(kind, {**drops, "count": None}, max_retries=0), "longer than")
	rig.end()


@pytest.mark.parametrize("kind", KINDS)
def test_a_token_revoked_in_the_middle_is_renewed_once(rig, kind, small_pages):
	revoked = {"kind": "meanwhile", "operation": LISTS[kind], "skip": 1, "calls": TOKENS}
	with rig.case("once"):
		assert rig.run(kind, revoked).status == "Completed"
	with rig.case("at every call"):
		run = rig.run(kind, {**revoked, "skip": 0, "count": None}, concurrency=1)
		stopped(run, "credentials")
		assert differences(run.stored, rig.before) == {}
	with rig.case("and then refused"):
		no_more = {
			"kind": "status",
			"operation": "createAccessToken",
			"status": 401,
			"skip": 1,
			"count": None,
		}
		stopped(rig.run(kind, revoked, {**no_more, "body": {"error": "access_denied"}}), "access_denied")
	rig.end()


def test_a_token_whose_lifetime_makes_no_sense_is_used_all_the_same(rig):
	for value in (0, -3600, 1, 10**15, 1e308, "86400", "soon", None, True, [], {}):
		with rig.case(f"expires_in {value!r}"):
			rewrite = {"name": "set_field", "field": "expires_in", "value": value}
			order = {
				"kind": "rewrite",
				"operation": "createAccessToken",
				"rewrites": [rewrite],
				"count": None,
			}
			run = rig.run("Companies", order)
			assert run.status == "Completed", run.error
	rig.end()


def test_no_usable_token_is_told(rig):
	bodies = (
		None,
		[],
		"words",
		{},
		{"access_token": None},
		{"access_token": 7},
		{"access_token": "two words\n"},
	)
	for value in bodies:
		with rig.case(f"answer {value!r}"):
			order = {"kind": "rewrite", "operation": "createAccessToken", "count": None}
			run = rig.run("Companies", {**order, "rewrites": [{"name": "set_body", "value": value}]})
			stopped(run, "token")
	for name, (order, words) in LINE.items():
		with rig.case(name):
			run = rig.run(
				"Companies", {**order, "operation": "createAccessToken", "count": None}, max_retries=0
			)
			stopped(run, words)
	rig.end()


# ------------------------------------------------------------------------------------------- all at once


def test_a_storm_of_random_troubles_ends_right_or_says_so(rig, small_pages):
	"""Every second call fails, each time differently: tries again as long as it may, and is never wrong in silence."""
	completed = 0
	for seed in range(EXAMPLES):
		for kind in KINDS:
			with rig.case(f"{kind}, seed {seed}"):
				rig.right(kind)
				rig.start()
				for number, (order, _words) in enumerate(LINE.values()):
					rig.sandbox.faults.add(
						**order, operation="read", count=None, chance=0.04, seed=seed * 100 + number
					)
				run = sync(rig.site, rig.sandbox, kind, max_retries=4)
				rig.sandbox.faults.clear()
				run.stored = look(rig.site)
				completed += run.status == "Completed"
				rig._check(kind, run, rig._right[kind])
				rig.old_or_right(kind, run)
				assert sync(rig.site, rig.sandbox, kind).status == "Completed"
				assert not differences(look(rig.site), rig._right[kind])
	rig.end()
	assert completed > EXAMPLES, f"only {completed} of {3 * EXAMPLES} came through: nothing is tried again"
