"""Replaying past requests against another policy: windows and limits count what that policy would have released."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import date
from decimal import Decimal

import pytest

from msp_licensing.rules.policy import Outcome, Policy, SubscriptionFacts, SubscriptionRule
from msp_licensing.rules.replay import Asked, MadeByStaff, replay, tally
from msp_licensing.rules.values import Release

SINCE = date(2026, 3, 1)
HELD, RELEASED, REFUSED = Outcome.HELD, Outcome.RELEASED, Outcome.REFUSED
FREE = Policy(require_approval=False, allow_self_service=True)
FACTS = SubscriptionFacts(status="Active", quantity=10, vendor="Contoso", usage_class="Seat")


def asked(name, wanted, *, day=2, then=HELD, policy=FREE, subscription="S", client="C", rule=None, **more):
	own = {key: more.pop(key) for key in ("verified", "possible", "made") if key in more}
	return Asked(
		name=name,
		on=SINCE.replace(day=day),
		client=client,
		subscription=subscription,
		wanted=wanted,
		rule=rule,
		facts=replace(FACTS, **more),
		then=then,
		policy=policy,
		**own,
	)


def outcomes(*requests):
	return [str(row.now) for row in replay(requests, since=SINCE)]


def test_each_request_is_decided_by_the_policy_tried_and_on_its_own_facts():
	half = replace(FREE, threshold=Decimal(50))
	rows = replay(
		[
			asked("a", 15, policy=half),
			asked("b", 16, policy=half, then=RELEASED),
			asked("c", 30, policy=half, quantity=25, then=RELEASED),
			asked("d", 300, policy=replace(half, max_quantity=200)),
		],
		since=SINCE,
	)
	assert [(row.asked.name, str(row.now), row.differs) for row in rows] == [
		("a", "Released", True),
		("b", "Held", True),
		("c", "Released", False),
		("d", "Refused", True),
	]
	assert tally(rows) == {
		(HELD, RELEASED): 1,
		(RELEASED, HELD): 1,
		(RELEASED, RELEASED): 1,
		(HELD, REFUSED): 1,
	}


@pytest.mark.parametrize("value", [FREE, FACTS, SubscriptionRule()], ids=lambda value: type(value).__name__)
def test_every_switch_that_was_stored_with_a_request_is_read_as_it_was(value):
	switches = [field.name for field in fields(value) if isinstance(getattr(value, field.name), bool)]
	assert switches
	for name in switches:
		other = replace(value, **{name: not getattr(value, name)})
		assert type(value).from_dict(json.loads(json.dumps(other.as_dict()))) == other, name


def test_the_rule_of_the_subscription_is_the_one_of_that_time():
	assert outcomes(asked("a", 11, rule=SubscriptionRule(approval="Always"))) == ["Held"]


def test_what_could_not_be_verified_waits_whatever_the_policy():
	row = replay([asked("a", 11, verified=False)], since=SINCE)[0]
	assert row.now is HELD and not row.differs


def creeping(policy, **more):
	"""10 → 15 → 22 → 33 in three days: each step is at most 50 % by itself."""
	return [
		asked("a", 15, day=2, policy=policy, quantity=10, **more),
		asked("b", 22, day=3, policy=policy, quantity=15, **more),
		asked("c", 33, day=4, policy=policy, quantity=22, **more),
	]


def test_a_window_counts_what_the_policy_tried_has_released_before():
	half = replace(FREE, threshold=Decimal(50))
	assert outcomes(*creeping(half)) == ["Released"] * 3
	# All three were held then, so their stored facts know of no release at all.
	window = creeping(replace(half, window_days=7), made=False)
	assert outcomes(*window) == ["Released", "Held", "Held"]


def test_a_person_who_approves_ends_the_window():
	policy = replace(FREE, threshold=Decimal(50), window_days=7)
	# 22 waits and somebody approves it; 33 is then measured from 22.
	assert outcomes(*creeping(policy)) == ["Released", "Held", "Released"]
	before = (Release(date(2026, 2, 27), 10),)
	first, second, _third = creeping(policy, releases=before)
	assert outcomes(first, MadeByStaff("S"), second) == ["Released", "Released"]


def test_what_was_released_then_does_not_count_where_the_policy_tried_holds_it():
	policy = replace(FREE, threshold=Decimal(50), window_days=7, vendor_overrides=("Slow",))
	old = (Release(SINCE.replace(day=2), 10),)
	# Then 10 → 15 went through by itself, and 15 → 20 was measured from 10.
	rows = replay(
		[
			asked("a", 15, policy=policy, vendor="Slow", then=RELEASED),
			asked("b", 20, day=3, policy=policy, quantity=15, releases=old),
		],
		since=SINCE,
	)
	assert [str(row.now) for row in rows] == ["Held", "Released"]


def test_a_wish_for_the_end_of_the_term_is_decided_as_one():
	"""Now, a decrease within the commitment is refused; at its end it may wait for a person like any other."""
	committed = {"commitment_end": date(2026, 12, 31), "decrease_allowed_in_commitment": False}
	later = asked("a", 5, policy=replace(FREE, require_approval=True), **committed)
	assert outcomes(later) == ["Refused"]
	assert outcomes(replace(later, timing="End of Term")) == ["Held"]


def test_releases_from_before_the_replay_still_count():
	policy = replace(FREE, threshold=Decimal(50), window_days=30)
	before = (Release(date(2026, 2, 27), 10),)
	assert outcomes(asked("a", 20, quantity=15, policy=policy, releases=before)) == ["Held"]


@pytest.mark.parametrize(("other", "expected"), [({}, "Held"), ({"client": "D"}, "Released")])
def test_a_monthly_limit_counts_the_whole_client_and_nobody_else(other, expected):
	policy = replace(FREE, limit_per_month=Decimal(100), limit_currency="EUR")
	price = {"unit_price": Decimal(20), "currency": "EUR", "policy": policy}
	assert outcomes(
		asked("a", 14, subscription="S1", **price),
		asked("b", 12, day=9, subscription="S2", **price, **other),
	) == ["Released", expected]


def test_what_pax8_refused_counts_in_no_window():
	policy = replace(FREE, threshold=Decimal(50), window_days=7)
	first, second, _third = creeping(policy)
	assert outcomes(replace(first, possible=False), second) == ["Released", "Released"]
