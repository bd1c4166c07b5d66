"""The options of the policy beyond toggle, threshold and vendors: each by itself, together, and at their edges."""

from __future__ import annotations

import dataclasses
import json
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from msp_licensing.rules.policy import (
	MAX_WINDOW,
	Outcome,
	Policy,
	Release,
	SubscriptionFacts,
	SubscriptionRule,
	Verdict,
	decide,
	validate_options,
)

TODAY = date(2026, 3, 15)
FACTS = SubscriptionFacts(status="Active", quantity=10, vendor="Contoso", usage_class="Seat")
HALF = Policy(require_approval=False, allow_self_service=True, threshold=Decimal(50))
OPEN = dataclasses.replace(HALF, threshold=None)


def with_(thing, **changes):
	return dataclasses.replace(thing, **changes)


def run(wanted, policy, *, rule=None, today=TODAY, **facts):
	return decide(policy, rule, with_(FACTS, **facts), wanted, today=today)


def said(wanted, policy, **kwargs) -> str:
	decision = run(wanted, policy, **kwargs)
	return decision.rule if decision.outcome is not Outcome.HELD else f"held: {decision.rule}"


def days_ago(days: int) -> date:
	return TODAY - timedelta(days=days)


# With every option off


def test_options_that_are_off_leave_no_step_behind():
	steps = [step.rule for step in run(12, HALF, releases=(Release(days_ago(1), 1),)).trace]
	options = {"decreases_need_approval", "amount_unknown", "amount_per_change", "month_unknown"}
	assert not options & set(steps) and "threshold_window" not in steps
	assert steps[-1] == "threshold"


# Threshold may release


@pytest.mark.parametrize(
	("wanted", "threshold", "rule", "outcome"),
	[
		(15, 50, None, "within_threshold"),
		(16, 50, None, "held: threshold"),
		(5, 50, None, "within_threshold"),
		(11, 0, None, "held: threshold"),
		# Nothing is within a threshold that is not set.
		(11, None, None, "held: require_approval"),
		(15, 50, SubscriptionRule(approval="Always"), "held: subscription_always"),
		(15, 50, SubscriptionRule(approval="Not by default"), "within_threshold"),
	],
)
def test_the_threshold_may_release_small_changes_although_approval_is_required(
	wanted, threshold, rule, outcome
):
	policy = with_(
		HALF,
		require_approval=True,
		threshold_may_release=True,
		threshold=None if threshold is None else Decimal(threshold),
	)
	assert said(wanted, policy, rule=rule) == outcome


def test_the_threshold_releases_nothing_while_approval_is_required_unless_told_so():
	assert said(11, with_(HALF, require_approval=True)) == "held: require_approval"


# Decreases, and the product's own hold


@pytest.mark.parametrize(
	("wanted", "outcome"), [(9, "held: decreases_need_approval"), (11, "within_threshold")]
)
def test_decreases_can_need_approval_however_small(wanted, outcome):
	policy = with_(HALF, decreases_need_approval=True, free_seats=5)
	assert said(wanted, policy) == outcome
	assert said(wanted, policy, quantity=None) == "held: decreases_need_approval", (
		"the direction is not known"
	)


def test_decreases_wait_also_where_the_subscription_is_exempt_from_the_toggle():
	policy = with_(HALF, require_approval=True, decreases_need_approval=True)
	rule = SubscriptionRule(approval="Not by default")
	assert said(9, policy, rule=rule) == "held: decreases_need_approval"


def test_a_products_hold_comes_after_its_vendors_and_before_all_others():
	assert said(11, OPEN, always_held=True) == "held: product_always"
	assert said(11, OPEN, always_held=True, vendor=None) == "held: product_always"
	assert said(11, with_(OPEN, vendor_overrides=("contoso",)), always_held=True) == "held: vendor_override"
	everything = with_(OPEN, require_approval=True, threshold=Decimal(0), decreases_need_approval=True)
	rule = SubscriptionRule(approval="Always")
	holding = [
		step.rule
		for step in run(9, everything, rule=rule, always_held=True).trace
		if step.verdict is Verdict.HOLDS
	]
	assert holding == [
		"product_always",
		"subscription_always",
		"decreases_need_approval",
		"require_approval",
		"threshold",
	]


# ± N seats


@pytest.mark.parametrize(
	("current", "wanted", "free", "threshold", "outcome"),
	[
		(1, 2, 0, 50, "held: threshold"),
		(1, 2, 1, 50, "free_seats"),
		(2, 1, 1, 25, "free_seats"),
		(1, 3, 1, 50, "held: threshold"),
		(10, 15, 2, 50, "within_threshold"),
		(10, 16, 6, 50, "free_seats"),
		(10, 4, 6, 50, "free_seats"),
		(10, 17, 6, 50, "held: threshold"),
		(1, 2, 1, 0, "held: threshold"),
		(0, 1, 1, 50, "held: zero_quantity"),
	],
)
def test_some_seats_are_always_fine_but_not_at_zero_percent(current, wanted, free, threshold, outcome):
	policy = with_(HALF, free_seats=free, threshold=Decimal(threshold))
	assert said(wanted, policy, quantity=current) == outcome


def test_free_seats_do_not_open_what_another_rule_holds():
	policy = with_(HALF, free_seats=5)
	assert said(11, with_(policy, require_approval=True)) == "held: require_approval"
	assert said(11, policy, usage_class=None) == "held: unknown_usage_class"
	assert said(11, policy, always_held=True) == "held: product_always"


def test_free_seats_without_a_threshold_change_nothing():
	assert said(500, with_(OPEN, free_seats=1)) == "no_approval_needed"


# The rolling window


class Client:
	"""A client that asks day by day; what is released is done, what is held is done once staff approve."""

	def __init__(self, policy, quantity=10, day=TODAY):
		self.policy, self.quantity, self.day = policy, quantity, day
		self.releases: list[Release] = []

	def asks(self, wanted, *, days_later=0, approved=False) -> str:
		self.day += timedelta(days=days_later)
		decision = run(
			wanted, self.policy, today=self.day, quantity=self.quantity, releases=tuple(self.releases)
		)
		if decision.outcome is Outcome.RELEASED:
			self.releases.append(Release(self.day, self.quantity, after=wanted))
			self.quantity = wanted
		elif approved:
			self.releases.clear()  # as changes.releases has it: after an approval the count starts anew
			self.quantity = wanted
		return str(decision.outcome)


def test_several_small_changes_do_not_slip_past_the_threshold():
	alone = Client(HALF)
	assert [alone.asks(15), alone.asks(22), alone.asks(33)] == ["Released"] * 3, "without a window they do"
	client = Client(with_(HALF, window_days=30))
	assert client.asks(15) == "Released"
	assert client.asks(22) == "Held", "120 % of the 10 at the start"
	assert client.asks(33) == "Held"
	assert client.asks(16) == "Held"
	assert client.asks(14) == "Released"
	assert client.asks(15, days_later=29) == "Released"
	assert client.asks(16) == "Held"


def test_after_an_approval_the_count_starts_anew():
	client = Client(with_(HALF, window_days=30))
	assert client.asks(15) == "Released"
	assert client.asks(22, approved=True) == "Held"
	assert client.asks(33) == "Released", "50 % of the 22 that staff approved"
	assert client.asks(34) == "Held"


def test_the_window_counts_a_change_of_its_first_day_and_none_before():
	policy = with_(HALF, window_days=30)
	assert said(22, policy, quantity=15, releases=(Release(days_ago(30), 10),)) == "held: threshold_window"
	assert said(22, policy, quantity=15, releases=(Release(days_ago(31), 10),)) == "within_threshold"
	# A change of yesterday, a minute before midnight.
	assert (
		said(22, with_(HALF, window_days=1), quantity=15, releases=(Release(days_ago(1), 10),))
		== "held: threshold_window"
	)


def test_the_window_starts_at_the_oldest_change_within_it():
	releases = (Release(days_ago(40), 4), Release(days_ago(20), 6), Release(days_ago(3), 9))
	policy = with_(HALF, window_days=30)
	decision = run(10, policy, quantity=9, releases=releases)
	assert decision.rule == "threshold_window"
	assert decision.numbers["base"] == 6 and decision.numbers["since"] == days_ago(20).isoformat()
	assert decision.numbers["together_percent"] == "66.7"


def test_what_is_alone_too_large_is_not_made_small_by_the_window():
	# 10 → 15 released; then somebody set it to 5 at Pax8. 5 → 15 is 50 % of 10, but 200 % of what is there.
	policy = with_(HALF, window_days=30)
	assert said(15, policy, quantity=5, releases=(Release(days_ago(3), 10),)) == "held: threshold"


def test_the_window_works_downwards_too():
	client = Client(with_(HALF, window_days=30))
	assert [client.asks(7), client.asks(5), client.asks(4)] == ["Released", "Released", "Held"]


def test_back_to_where_it_was_is_never_held_by_the_window():
	client = Client(with_(HALF, window_days=30))
	assert [client.asks(15), client.asks(10), client.asks(15)] == ["Released"] * 3


def test_free_seats_count_together_within_a_window():
	free = with_(HALF, free_seats=7)
	alone = Client(free)
	assert [alone.asks(15), alone.asks(22)] == ["Released", "Released"], "15 → 22 is no more than 7"
	together = Client(with_(free, window_days=30))
	assert [together.asks(15), together.asks(22), together.asks(17)] == ["Released", "Held", "Released"]
	assert together.asks(18) == "Held", "8 more than at the start, and more than 50 %"


@pytest.mark.parametrize("policy", [with_(OPEN, window_days=30), with_(HALF, window_days=0)])
def test_without_threshold_or_days_there_is_no_window(policy):
	decision = run(15, policy, releases=(Release(days_ago(1), 1),))
	assert decision.outcome is Outcome.RELEASED
	assert "threshold_window" not in [step.rule for step in decision.trace]


def test_a_change_from_nothing_or_on_a_day_that_cannot_be_read_counts():
	policy = with_(HALF, window_days=30)
	assert said(11, policy, releases=(Release(days_ago(2), 0),)) == "held: threshold_window"
	stored = {**FACTS.as_dict(), "releases": [["someday", 2, None, None]]}
	facts = SubscriptionFacts.from_dict(stored)
	assert decide(policy, None, facts, 11, today=TODAY).rule == "threshold_window"


# Money: per change

PAID = {"unit_price": Decimal("20"), "currency": "USD"}
CAPPED = with_(OPEN, limit_per_change=Decimal(100), limit_currency="USD")


@pytest.mark.parametrize(
	("wanted", "facts", "outcome"),
	[
		(15, {}, "no_approval_needed"),  # exactly 100
		(16, {}, "held: amount_per_change"),
		(1, {}, "no_approval_needed"),  # decreases never count
		(15, {"unit_price": Decimal("20.01")}, "held: amount_per_change"),
		(11, {"unit_price": None}, "held: amount_unknown"),
		(11, {"currency": None}, "held: amount_unknown"),
		(11, {"currency": "EUR"}, "held: amount_unknown"),
		(11, {"currency": " usd "}, "no_approval_needed"),
		(11, {"unit_price": Decimal("NaN")}, "held: amount_unknown"),
		(11, {"unit_price": Decimal("-1")}, "held: amount_unknown"),
		(9, {"unit_price": None}, "no_approval_needed"),
		(9, {"currency": "EUR"}, "no_approval_needed"),
		(11, {"quantity": None}, "held: unknown_quantity"),
		(900, {"unit_price": Decimal(0)}, "no_approval_needed"),
	],
)
def test_an_increase_may_cost_so_much_and_no_more(wanted, facts, outcome):
	assert said(wanted, CAPPED, **{**PAID, **facts}) == outcome


def test_the_limit_is_exact():
	third = {"unit_price": Decimal("33.3333"), "currency": "USD"}
	assert said(13, with_(CAPPED, limit_per_change=Decimal("99.9999")), **third) == "no_approval_needed"
	assert said(13, with_(CAPPED, limit_per_change=Decimal("99.9998")), **third) == "held: amount_per_change"


@pytest.mark.parametrize("limit", [Decimal("NaN"), "much", -5, Decimal(0)])
def test_a_limit_that_cannot_be_read_releases_nothing_that_costs(limit):
	assert said(11, with_(CAPPED, limit_per_change=limit), **PAID) == "held: amount_per_change"


def test_limits_without_a_currency_hold():
	assert said(11, with_(CAPPED, limit_currency=None), **PAID) == "held: amount_unknown"
	assert (
		said(11, with_(CAPPED, limit_currency=None), **{**PAID, "currency": None}) == "held: amount_unknown"
	)


def test_money_stands_before_the_threshold_and_after_the_unknowns():
	policy = with_(CAPPED, threshold=Decimal(10))
	assert said(16, policy, **PAID) == "held: amount_per_change"
	assert said(16, policy, usage_class=None, **PAID) == "held: unknown_usage_class"
	assert said(12, policy, **PAID) == "held: threshold", "40 is within the limit, 20 % is not within 10"


# Money: per client and month

MONTHLY = with_(OPEN, limit_per_month=Decimal(100), limit_currency="USD")


def added(amount, *, on=TODAY, currency="USD", before=10, after=12):
	return Release(on, before, None if amount is None else Decimal(amount), currency, after)


@pytest.mark.parametrize(
	("earlier", "wanted", "outcome"),
	[
		([], 15, "no_approval_needed"),
		([], 16, "held: amount_per_month"),
		([added(60)], 12, "no_approval_needed"),  # exactly 100
		([added(61)], 12, "held: amount_per_month"),
		([added(30), added(30), added(21)], 11, "held: amount_per_month"),
		# Decreases neither count nor make room.
		([added(-500, after=1), added(90)], 11, "held: amount_per_month"),
		([added(-500, after=1), added(80)], 11, "no_approval_needed"),
		([added(90)], 9, "no_approval_needed"),
		# The month is a calendar month of the site.
		([added(90, on=date(2026, 2, 28))], 15, "no_approval_needed"),
		([added(90, on=date(2026, 3, 1))], 11, "held: amount_per_month"),
		([added(90, on=date(2026, 3, 31))], 11, "held: amount_per_month"),
		# What cannot be added up holds, unless it was a decrease.
		([added(None)], 11, "held: month_unknown"),
		([added(None, after=9)], 11, "no_approval_needed"),
		([added(None, after=None)], 11, "held: month_unknown"),
		([added(1, currency="EUR")], 11, "held: month_unknown"),
		([added(-1, currency="EUR", after=9)], 11, "no_approval_needed"),
		([added(None, on=date(2026, 2, 28))], 11, "no_approval_needed"),
	],
)
def test_a_client_may_add_so_much_in_a_month(earlier, wanted, outcome):
	assert said(wanted, MONTHLY, client_releases=tuple(earlier), **PAID) == outcome


@pytest.mark.parametrize(
	("today", "outcome"),
	[
		(date(2026, 3, 31), "held: amount_per_month"),
		(date(2026, 4, 1), "no_approval_needed"),
		(date(2027, 3, 15), "no_approval_needed"),
	],
)
def test_a_new_month_begins_with_nothing_added(today, outcome):
	releases = (added(90, on=date(2026, 3, 31)),)
	assert said(15, MONTHLY, today=today, client_releases=releases, **PAID) == outcome


def test_the_month_counts_all_subscriptions_and_the_window_only_its_own():
	policy = with_(MONTHLY, threshold=Decimal(50), window_days=30)
	others = (added(60, before=3, after=6),)
	assert said(12, policy, client_releases=others, **PAID) == "within_threshold"
	assert said(13, policy, client_releases=others, **PAID) == "held: amount_per_month"


def test_both_limits_are_told_with_their_figures():
	policy = with_(MONTHLY, limit_per_change=Decimal(30))
	decision = run(12, policy, client_releases=(added(90),), **PAID)
	figures = {step.rule: step.numbers for step in decision.trace}
	assert decision.rule == "amount_per_change"
	assert figures["amount_per_change"] == {"amount": "40", "most": "30", "currency": "USD"}
	assert figures["amount_per_month"] == {"amount": "40", "total": "130", "most": "100", "currency": "USD"}


# Checked before they are saved


@pytest.mark.parametrize(
	("changes", "problem"),
	[
		({}, None),
		({"free_seats": 3, "window_days": MAX_WINDOW}, None),
		({"free_seats": -1}, "free_seats_wrong"),
		({"free_seats": 1.5}, "free_seats_wrong"),
		({"free_seats": True}, "free_seats_wrong"),
		({"free_seats": 10**7}, "free_seats_wrong"),
		({"window_days": -1}, "window_wrong"),
		({"window_days": MAX_WINDOW + 1}, "window_wrong"),
		({"limit_per_change": Decimal(-1), "limit_currency": "USD"}, "amount_negative"),
		({"limit_per_month": Decimal("NaN"), "limit_currency": "USD"}, "amount_negative"),
		({"limit_per_change": Decimal(5)}, "currency_missing"),
		({"limit_per_month": Decimal(5), "limit_currency": ""}, "currency_missing"),
		({"limit_per_month": Decimal(5), "limit_currency": "USD"}, None),
		({"client_approval_above": Decimal(5)}, "currency_missing"),
		({"client_approval_above": Decimal(0)}, None),
	],
)
def test_senseless_options_are_found_before_they_are_saved(changes, problem):
	assert validate_options(with_(HALF, **changes)) == problem


# Whatever happens

policies = st.builds(
	Policy,
	require_approval=st.booleans(),
	threshold=st.none() | st.decimals(0, 200, places=1),
	allow_self_service=st.just(True),
	threshold_may_release=st.booleans(),
	decreases_need_approval=st.booleans(),
	free_seats=st.integers(0, 5),
	window_days=st.integers(0, 40),
	limit_per_change=st.none() | st.decimals(0, 500, places=2),
	limit_per_month=st.none() | st.decimals(0, 500, places=2),
	limit_currency=st.sampled_from([None, "USD", "EUR"]),
)
releases = st.lists(
	st.builds(
		Release,
		on=st.dates(days_ago(60), TODAY),
		before=st.integers(0, 40),
		amount=st.none() | st.decimals(-100, 100, places=2),
		currency=st.sampled_from([None, "USD", "EUR"]),
		after=st.none() | st.integers(1, 40),
	),
	max_size=5,
).map(lambda rows: tuple(sorted(rows, key=lambda row: row.on)))
facts = st.builds(
	SubscriptionFacts,
	status=st.just("Active"),
	quantity=st.integers(1, 40),
	vendor=st.just("Contoso"),
	usage_class=st.just("Seat"),
	unit_price=st.none() | st.decimals(0, 50, places=2),
	currency=st.sampled_from([None, "USD", "EUR"]),
	releases=releases,
	client_releases=releases,
)


@settings(deadline=None)
@given(policies, facts, st.integers(1, 80))
def test_each_option_can_only_hold_more_except_those_that_say_so(policy, facts, wanted):
	strict = decide(policy, None, facts, wanted, today=TODAY)
	for changes in (
		{"decreases_need_approval": False},
		{"window_days": 0},
		{"limit_per_change": None},
		{"limit_per_month": None},
	):
		loose = decide(with_(policy, **changes), None, facts, wanted, today=TODAY)
		if strict.outcome is Outcome.RELEASED:
			assert loose.outcome is Outcome.RELEASED, changes
	for changes in ({"threshold_may_release": False}, {"free_seats": 0}):
		tighter = decide(with_(policy, **changes), None, facts, wanted, today=TODAY)
		if tighter.outcome is Outcome.RELEASED:
			assert strict.outcome is Outcome.RELEASED, changes


@settings(deadline=None)
@given(policies, facts, st.integers(1, 80))
def test_stored_inputs_give_the_same_decision_again(policy, facts, wanted):
	again = decide(
		Policy.from_dict(json.loads(json.dumps(policy.as_dict()))),
		SubscriptionRule.from_dict(json.loads(json.dumps(SubscriptionRule().as_dict()))),
		SubscriptionFacts.from_dict(json.loads(json.dumps(facts.as_dict()))),
		wanted,
		today=TODAY,
	)
	assert again == decide(policy, SubscriptionRule(), facts, wanted, today=TODAY)


@settings(deadline=None)
@given(
	st.integers(1, 30),
	st.integers(1, 120),
	st.integers(0, 4),
	st.lists(st.tuples(st.integers(1, 80), st.integers(0, 3)), max_size=12),
)
def test_no_row_of_small_changes_gets_further_than_one_change_may(start, threshold, free, wishes):
	policy = with_(HALF, threshold=Decimal(threshold), free_seats=free, window_days=90)
	client = Client(policy, quantity=start)
	for wanted, days_later in wishes:
		if wanted != client.quantity:
			client.asks(wanted, days_later=days_later)
		far = abs(client.quantity - start)
		assert far * 100 <= threshold * start or far <= free


anything = st.one_of(
	st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.decimals(), st.lists(st.integers())
)


@settings(deadline=None)
@given(
	st.builds(
		Policy,
		require_approval=anything,
		threshold=anything,
		allow_self_service=st.just(True),
		threshold_may_release=anything,
		decreases_need_approval=anything,
		free_seats=anything,
		window_days=anything,
		limit_per_change=anything,
		limit_per_month=anything,
		limit_currency=anything,
	),
	st.builds(
		SubscriptionFacts,
		status=st.just("Active"),
		quantity=st.integers(1, 10),
		vendor=st.just("Contoso"),
		usage_class=st.just("Seat"),
		always_held=anything,
		unit_price=anything,
		currency=anything,
		releases=releases,
		client_releases=releases,
	),
	st.integers(1, 80),
)
def test_no_option_however_broken_stops_a_decision(policy, facts, wanted):
	json.dumps(decide(policy, None, facts, wanted, today=TODAY).as_dict())
