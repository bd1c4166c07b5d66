from __future__ import annotations

import dataclasses
import json
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from msp_licensing.rules import policy as rules
from msp_licensing.rules.checks import percent
from msp_licensing.rules.policy import (
	MAX_QUANTITY,
	ApprovalRule,
	Decision,
	Outcome,
	Policy,
	SelfService,
	SubscriptionFacts,
	SubscriptionRule,
	Verdict,
	blocked,
	decide,
	effective_limits,
	parse_quantity,
	validate_limits,
	validate_rule_limits,
	validate_threshold,
)

TODAY = date(2026, 3, 15)
OPEN = Policy(require_approval=False, allow_self_service=True)
FACTS = SubscriptionFacts(status="Active", quantity=10, vendor="Contoso", usage_class="Seat")


def with_(thing, **changes):
	return dataclasses.replace(thing, **changes)


def run(wanted, *, policy=OPEN, rule=None, **facts) -> Decision:
	return decide(policy, rule, with_(FACTS, **facts), wanted, today=TODAY)


def reason(wanted, **kwargs) -> tuple[str, str]:
	decision = run(wanted, **kwargs)
	return str(decision.outcome), decision.rule


# The brief's own examples


@pytest.mark.parametrize(
	("wanted", "outcome"), [(15, "Released"), (16, "Held"), (5, "Released"), (4, "Held"), (11, "Released")]
)
def test_fifty_percent_means_what_the_product_page_says(wanted, outcome):
	assert str(run(wanted, policy=with_(OPEN, threshold=Decimal(50))).outcome) == outcome


@pytest.mark.parametrize("wanted", [9, 11, 1, 500])
def test_zero_percent_holds_everything_even_with_the_toggle_off(wanted):
	assert reason(wanted, policy=with_(OPEN, threshold=Decimal(0))) == ("Held", "threshold")


def test_no_threshold_is_not_zero_percent():
	assert reason(900, policy=with_(OPEN, threshold=None)) == ("Released", "no_approval_needed")


def test_the_toggle_holds_whatever_the_threshold():
	policy = with_(OPEN, require_approval=True, threshold=Decimal(1000))
	assert reason(11, policy=policy) == ("Held", "require_approval")


@pytest.mark.parametrize(
	("threshold", "current", "wanted", "outcome"),
	[
		("33.33", 3, 4, "Held"),
		("33.34", 3, 4, "Released"),
		("0.1", 1000, 1001, "Released"),
		("0.0999999999999999999999999999999999", 1000, 1001, "Held"),
		("100", 1, 2, "Released"),
		("99.99", 1, 2, "Held"),
	],
)
def test_the_edge_of_the_threshold_is_exact(threshold, current, wanted, outcome):
	decision = run(wanted, policy=with_(OPEN, threshold=Decimal(threshold)), quantity=current)
	assert str(decision.outcome) == outcome


def test_a_threshold_that_cannot_be_read_releases_nothing():
	for broken in (Decimal("NaN"), Decimal("-5"), "half", float("inf"), True):
		assert reason(11, policy=with_(OPEN, threshold=broken)) == ("Held", "threshold")


# What people type


@pytest.mark.parametrize(
	("typed", "read"),
	[
		("15", 15),
		(" 15 ", 15),
		("\u00a015\n", 15),
		("007", 7),
		("１５", 15),
		(15, 15),
		(15.0, 15),
		(Decimal("15.00"), 15),
		(MAX_QUANTITY, MAX_QUANTITY),
		("", "missing"),
		("  ", "missing"),
		(None, "missing"),
		(True, "not_whole"),
		("15.5", "not_whole"),
		(15.5, "not_whole"),
		(Decimal("15.5"), "not_whole"),
		("15.0", "not_whole"),
		("10,000", "not_whole"),
		("10.000", "not_whole"),
		("10 000", "not_whole"),
		("1_000", "not_whole"),
		("1e3", "not_whole"),
		("+5", "not_whole"),
		("10²", "not_whole"),
		("ten", "not_whole"),
		(float("nan"), "not_whole"),
		(float("inf"), "not_whole"),
		(Decimal("sNaN"), "not_whole"),
		([], "not_whole"),
		(b"15", "not_whole"),
		(0, "below_one"),
		("0", "below_one"),
		(-3, "below_one"),
		("-3", "below_one"),
		("−3", "below_one"),
		(MAX_QUANTITY + 1, "too_large"),
		pytest.param("9" * 5000, "too_large", id="5000 nines"),
		pytest.param(10**5000, "too_large", id="10^5000"),
		(1e300, "too_large"),
		(Decimal("1e999999999"), "too_large"),
		(Decimal("1e-999999999"), "not_whole"),
	],
)
def test_a_typed_quantity_is_read_or_refused_but_never_guessed(typed, read):
	assert parse_quantity(typed) == read
	decision = run(typed, quantity=3)
	if isinstance(read, str):
		assert (decision.outcome, decision.rule) == (Outcome.REFUSED, read)
	json.dumps(decision.as_dict())


# Eligibility


@pytest.mark.parametrize(
	("facts", "code"),
	[
		({"vanished": True}, "vanished"),
		({"status": "PendingManual"}, "not_active"),
		({"status": "Trial"}, "not_active"),
		({"status": None}, "not_active"),
		({"end_date": TODAY}, "ended"),
		({"start_date": TODAY + timedelta(days=1)}, "future_start"),
		({"usage_class": "Usage"}, "usage_based"),
		({"follows_parent": True, "parent_id": "p"}, "follows_parent"),
		({"has_open_request": True}, "open_request"),
		({"quantity": 12}, "same_quantity"),
		(
			{
				"quantity": 20,
				"commitment_end": TODAY + timedelta(days=1),
				"decrease_allowed_in_commitment": False,
			},
			"committed_until",
		),
		(
			{"commitment_end": TODAY + timedelta(days=1), "increase_allowed_in_commitment": False},
			"commitment_no_increase",
		),
	],
)
def test_what_is_not_eligible_is_refused_for_that_reason(facts, code):
	assert reason(12, **facts) == ("Refused", code)


@pytest.mark.parametrize(
	("default", "own", "allowed"),
	[
		(True, SelfService.INHERIT, True),
		(True, SelfService.DENY, False),
		(False, SelfService.INHERIT, False),
		(False, SelfService.ALLOW, True),
		(False, "Allow", True),
		(True, "", True),
	],
)
def test_the_subscriptions_self_service_wins_over_the_default(default, own, allowed):
	decision = run(
		12, policy=with_(OPEN, allow_self_service=default), rule=SubscriptionRule(self_service=own)
	)
	assert (decision.rule != "self_service_off") is allowed


def test_eligibility_speaks_in_the_order_of_the_product():
	everything_wrong = {
		"status": "Cancelled",
		"usage_class": "Usage",
		"has_open_request": True,
		"commitment_end": TODAY + timedelta(days=9),
		"decrease_allowed_in_commitment": False,
	}
	policy = Policy(min_quantity=8)
	expected = ["self_service_off", "not_active", "usage_based", "not_whole"]
	refusing = [
		s.rule for s in run("many", policy=policy, **everything_wrong).trace if s.verdict is Verdict.REFUSES
	]
	assert refusing[:4] == expected
	refusing = [
		s.rule for s in run(5, policy=policy, **everything_wrong).trace if s.verdict is Verdict.REFUSES
	]
	assert refusing == [*expected[:3], "below_minimum", "open_request", "committed_until"]


@pytest.mark.parametrize(
	("current", "wanted", "code"),
	[
		(60, 55, None),
		(60, 61, "above_maximum"),
		(60, 50, None),
		(60, 4, "below_minimum"),
		(2, 3, None),
		(2, 1, "below_minimum"),
		(2, 51, "above_maximum"),
		(10, 5, None),
		(10, 50, None),
	],
)
def test_limits_bind_in_the_direction_of_the_change(current, wanted, code):
	decision = run(wanted, policy=with_(OPEN, min_quantity=5, max_quantity=50), quantity=current)
	assert (decision.rule if decision.outcome is Outcome.REFUSED else None) == code


def test_limits_of_a_subscription_count_only_when_they_override():
	policy = with_(OPEN, min_quantity=2, max_quantity=20)
	assert effective_limits(policy, SubscriptionRule(min_quantity=5, max_quantity=7)) == (2, 20)
	own = SubscriptionRule(override_limits=True, min_quantity=5, max_quantity=7)
	assert effective_limits(policy, own) == (5, 7)
	open_end = SubscriptionRule(override_limits=True, min_quantity=0, max_quantity=0)
	assert effective_limits(policy, open_end) == (1, 0)
	assert effective_limits(with_(policy, min_quantity=-3)) == (1, 20)


@pytest.mark.parametrize(
	("pair", "problem"),
	[
		((1, 0), None),
		((0, 0), None),
		((None, ""), None),
		((5, 5), None),
		((5, 4), "min_above_max"),
		((-1, 4), "limit_negative"),
		((1.5, 4), "limit_not_whole"),
		((True, 4), "limit_not_whole"),
		((1, MAX_QUANTITY + 1), "limit_too_large"),
	],
)
def test_limits_that_admit_nothing_are_found_before_they_are_saved(pair, problem):
	assert validate_limits(*pair) == problem


def test_limits_are_checked_after_inheriting():
	broken = with_(OPEN, min_quantity=9, max_quantity=3)
	assert validate_rule_limits(broken, SubscriptionRule()) == "min_above_max"
	own = SubscriptionRule(override_limits=True, min_quantity=1, max_quantity=3)
	assert validate_rule_limits(broken, own) is None


@pytest.mark.parametrize(
	("threshold", "problem"),
	[
		(None, None),
		(0, None),
		(Decimal("33.3"), None),
		("50", None),
		(-1, "threshold_negative"),
		("much", "threshold_not_number"),
		(Decimal("NaN"), "threshold_not_number"),
		(True, "threshold_not_number"),
		(10**9, "threshold_too_large"),
	],
)
def test_a_senseless_threshold_is_found_before_it_is_saved(threshold, problem):
	assert validate_threshold(threshold) == problem


# Holds


def test_holds_speak_in_the_order_of_the_product():
	rule = SubscriptionRule(approval=ApprovalRule.ALWAYS)
	policy = Policy(True, Decimal(0), ("contoso",), True)
	holding = [s.rule for s in run(8, policy=policy, rule=rule).trace if s.verdict is Verdict.HOLDS]
	assert holding == ["vendor_override", "subscription_always", "require_approval", "threshold"]
	facts = {
		"vendor": " ",
		"usage_class": None,
		"quantity": 0,
		"commitment_end": TODAY + timedelta(days=3),
	}
	holding = [s.rule for s in run(8, policy=policy, rule=rule, **facts).trace if s.verdict is Verdict.HOLDS]
	assert holding == [
		"unknown_vendor",
		"subscription_always",
		"require_approval",
		"unknown_usage_class",
		"zero_quantity",
		"threshold",
	]


@pytest.mark.parametrize("override", ["Microsoft", " microsoft ", "MICROSOFT", "MicroSoft"])
def test_a_vendor_override_matches_trimmed_and_case_folded(override):
	policy = with_(OPEN, vendor_overrides=frozenset([override]), threshold=Decimal(1000))
	assert reason(11, policy=policy, vendor="\tMicrosoft") == ("Held", "vendor_override")
	assert run(11, policy=policy, vendor="Microsoft Partner").outcome is Outcome.RELEASED


def test_not_by_default_skips_the_toggle_and_nothing_else():
	rule = SubscriptionRule(approval="Not by default")
	on = with_(OPEN, require_approval=True, threshold=Decimal(50))
	assert reason(11, policy=on, rule=rule) == ("Released", "within_threshold")
	assert reason(16, policy=on, rule=rule) == ("Held", "threshold")
	assert reason(11, policy=with_(on, vendor_overrides=("Contoso",)), rule=rule) == (
		"Held",
		"vendor_override",
	)


@pytest.mark.parametrize(
	("facts", "code"),
	[
		({"vendor": None}, "unknown_vendor"),
		({"usage_class": None}, "unknown_usage_class"),
		({"usage_class": "Unknown"}, "unknown_usage_class"),
		({"usage_class": "Something new"}, "unknown_usage_class"),
		({"quantity": 0}, "zero_quantity"),
		({"quantity": None}, "unknown_quantity"),
		({"quantity": Decimal("2.5")}, "unknown_quantity"),
	],
)
def test_what_is_not_known_holds(facts, code):
	assert reason(11, **facts) == ("Held", code)


def committed(days: int, allowed: bool | None, wanted: int = 8, **facts) -> tuple[str, str]:
	return reason(
		wanted,
		commitment_end=TODAY + timedelta(days=days),
		decrease_allowed_in_commitment=allowed,
		**facts,
	)


def test_a_commitment_binds_decreases_until_its_end():
	assert committed(1, False) == ("Refused", "committed_until")
	assert committed(1, None) == ("Held", "commitment_unknown")
	assert committed(1, True) == ("Released", "no_approval_needed")
	assert committed(0, False) == ("Released", "no_approval_needed")
	assert committed(1, False, wanted=12) == ("Released", "no_approval_needed")


def test_a_commitment_without_a_known_end_holds_a_decrease():
	assert reason(8, has_commitment=True) == ("Held", "commitment_unknown")
	undated = {"has_commitment": True, "decrease_allowed_in_commitment": False}
	assert reason(8, **undated) == ("Held", "commitment_unknown")
	assert reason(12, **undated)[0] == "Released"


def test_datetimes_are_taken_for_their_days():
	facts = {
		"commitment_end": datetime(2026, 3, 15, 23, 59),
		"decrease_allowed_in_commitment": False,
		"start_date": datetime(2020, 1, 1),
	}
	assert reason(8, **facts)[0] == "Released"


def test_the_portal_can_ask_whether_any_number_would_do():
	assert blocked(OPEN, None, FACTS, today=TODAY) is None
	assert blocked(OPEN, None, with_(FACTS, has_open_request=True), today=TODAY).rule == "open_request"
	assert blocked(Policy(), None, FACTS, today=TODAY).rule == "self_service_off"


def test_a_decision_keeps_the_numbers_that_made_it():
	decision = run(16, policy=with_(OPEN, threshold=Decimal("50.0")))
	assert decision.numbers == {
		"current": 10,
		"wanted": 16,
		"change": 6,
		"change_percent": "60",
		"threshold": "50",
		"limit": 5,
	}
	assert Decision.from_dict(json.loads(json.dumps(decision.as_dict()))) == decision
	stored = with_(FACTS, commitment_end=TODAY, parent_id="p")
	assert SubscriptionFacts.from_dict(json.loads(json.dumps(stored.as_dict()))) == stored


# Properties

dates = st.none() | st.dates(date(2020, 1, 1), date(2030, 1, 1))
maybe = st.none() | st.booleans()
whole = st.integers(-5, 300)
policies = st.builds(
	Policy,
	require_approval=st.booleans(),
	threshold=st.none() | st.decimals(0, 400, allow_nan=False, allow_infinity=False, places=2),
	vendor_overrides=st.frozensets(st.sampled_from(["Microsoft", "Contoso", ""]), max_size=2),
	allow_self_service=st.sampled_from([True, True, True, False]),
	min_quantity=whole,
	max_quantity=st.just(0) | whole,
)
own_rules = st.none() | st.builds(
	SubscriptionRule,
	self_service=st.sampled_from(SelfService),
	approval=st.sampled_from(ApprovalRule),
	override_limits=st.booleans(),
	min_quantity=whole,
	max_quantity=st.just(0) | whole,
)
all_facts = st.builds(
	SubscriptionFacts,
	status=st.sampled_from(["Active", "Active", "Active", "Cancelled", None]),
	quantity=st.none() | st.integers(0, 200),
	vendor=st.sampled_from(["Microsoft", "Contoso", "Fabrikam", "", None]),
	usage_class=st.sampled_from(["Seat", "Seat", "Seat", "Usage", "Unknown", None]),
	start_date=st.none() | st.dates(date(2020, 1, 1), date(2026, 4, 1)),
	end_date=st.none() | st.dates(date(2026, 3, 1), date(2030, 1, 1)),
	commitment_end=dates,
	decrease_allowed_in_commitment=maybe,
	increase_allowed_in_commitment=maybe,
	has_commitment=st.booleans(),
	has_open_request=st.sampled_from([False, False, False, True]),
	follows_parent=st.sampled_from([False, False, False, True]),
	vanished=st.sampled_from([False, False, False, True]),
)
clean_facts = st.builds(
	SubscriptionFacts,
	status=st.just("Active"),
	quantity=st.integers(1, 5000),
	vendor=st.just("Contoso"),
	usage_class=st.just("Seat"),
)
anything = (
	st.none()
	| st.booleans()
	| st.integers()
	| st.floats()
	| st.decimals()
	| st.text()
	| st.binary()
	| st.lists(st.integers())
	| st.from_type(type)
)
quantities = st.integers(1, 400)


@settings(deadline=None)
@given(policies, own_rules, all_facts, anything | quantities)
def test_every_wish_gets_a_decision_that_can_be_stored(policy, rule, facts, wanted):
	decision = decide(policy, rule, facts, wanted, today=TODAY)
	assert isinstance(decision.outcome, Outcome)
	assert Decision.from_dict(json.loads(json.dumps(decision.as_dict()))) == decision


@settings(deadline=None)
@given(
	st.builds(
		Policy,
		require_approval=st.booleans(),
		threshold=anything,
		vendor_overrides=st.none() | st.text() | st.lists(anything),
		allow_self_service=anything,
		min_quantity=anything,
		max_quantity=anything,
	),
	st.none() | st.builds(SubscriptionRule, self_service=anything, approval=anything, min_quantity=anything),
	st.builds(
		SubscriptionFacts,
		status=anything,
		quantity=anything,
		vendor=anything,
		usage_class=anything,
		start_date=anything | st.datetimes(),
		end_date=anything,
		commitment_end=anything | st.datetimes(),
		parent_id=anything,
	),
	anything,
)
def test_no_record_however_broken_stops_a_decision(policy, rule, facts, wanted):
	decision = decide(policy, rule, facts, wanted, today=TODAY)
	json.dumps(decision.as_dict())
	assert decision.outcome is not Outcome.RELEASED or rules.vendor_key(facts.vendor)


@settings(deadline=None)
@given(policies, own_rules, all_facts, quantities)
def test_the_reason_is_the_first_check_that_spoke(policy, rule, facts, wanted):
	decision = decide(policy, rule, facts, wanted, today=TODAY)
	refusing = [step.rule for step in decision.trace if step.verdict is Verdict.REFUSES]
	holding = [step.rule for step in decision.trace if step.verdict is Verdict.HOLDS]
	if decision.outcome is Outcome.REFUSED:
		assert refusing[0] == decision.rule and not holding
	elif decision.outcome is Outcome.HELD:
		assert holding[0] == decision.rule and not refusing
	else:
		assert not holding and not refusing


@settings(deadline=None)
@given(policies, policies, own_rules, st.sampled_from(ApprovalRule), all_facts, quantities)
def test_a_refusal_does_not_depend_on_what_would_hold(policy, other, rule, approval, facts, wanted):
	moved = with_(
		policy,
		require_approval=other.require_approval,
		threshold=other.threshold,
		vendor_overrides=other.vendor_overrides,
	)
	moved_rule = with_(rule, approval=approval) if rule else rule
	one = decide(policy, rule, facts, wanted, today=TODAY)
	two = decide(moved, moved_rule, facts, wanted, today=TODAY)
	assert (one.outcome is Outcome.REFUSED) == (two.outcome is Outcome.REFUSED)
	if one.outcome is Outcome.REFUSED:
		assert one.rule == two.rule


@settings(deadline=None)
@given(policies, own_rules, all_facts, quantities)
def test_nothing_is_released_on_unknown_ground(policy, rule, facts, wanted):
	released = decide(policy, rule, facts, wanted, today=TODAY).outcome is Outcome.RELEASED
	if released:
		assert facts.vendor and facts.usage_class == "Seat" and facts.quantity
		assert policy.threshold is None or policy.threshold > 0
		assert not facts.has_open_request and not facts.vanished
		assert wanted != facts.quantity


@settings(deadline=None)
@given(policies, own_rules, all_facts, quantities, st.decimals(0, 400, places=2))
def test_a_higher_threshold_never_holds_what_a_lower_one_released(policy, rule, facts, wanted, more):
	low = decide(with_(policy, threshold=policy.threshold or Decimal(0)), rule, facts, wanted, today=TODAY)
	raised = with_(policy, threshold=(policy.threshold or Decimal(0)) + more)
	high = decide(raised, rule, facts, wanted, today=TODAY)
	if low.outcome is Outcome.RELEASED:
		assert high.outcome is Outcome.RELEASED
	if high.outcome is Outcome.HELD:
		assert low.outcome is Outcome.HELD


@settings(deadline=None)
@given(clean_facts, st.integers(1, 4999), st.decimals(0, 400, places=2))
def test_up_and_down_are_measured_alike(facts, step, threshold):
	policy = with_(OPEN, threshold=threshold)
	up = decide(policy, None, facts, facts.quantity + step, today=TODAY)
	down = decide(policy, None, facts, facts.quantity - step, today=TODAY)
	if step < facts.quantity:
		assert up.outcome is down.outcome


@settings(deadline=None)
@given(clean_facts, st.integers(1, 4999), st.integers(0, 40000))
def test_the_percentage_is_compared_as_written(facts, step, hundredths):
	decision = decide(
		with_(OPEN, threshold=Decimal(hundredths) / 100), None, facts, facts.quantity + step, today=TODAY
	)
	# In whole numbers: step / quantity <= hundredths / 100 / 100
	within = step * 100 * 100 <= hundredths * facts.quantity
	assert (decision.outcome is Outcome.RELEASED) == within


@settings(deadline=None)
@given(clean_facts, quantities, st.decimals(0, 400, places=2), quantities)
def test_a_smaller_change_never_waits_where_a_larger_one_passes(facts, wanted, threshold, other):
	policy = with_(OPEN, threshold=threshold)
	small, large = sorted((wanted, other), key=lambda value: abs(value - facts.quantity))
	if (
		small != facts.quantity
		and decide(policy, None, facts, large, today=TODAY).outcome is Outcome.RELEASED
	):
		assert decide(policy, None, facts, small, today=TODAY).outcome is Outcome.RELEASED


@given(current=st.integers(1, 9999), wanted=st.integers(1, 20_000), threshold=st.integers(0, 300))
def test_no_change_beside_the_threshold_reads_as_if_it_met_it(current, wanted, threshold):
	"""A sentence such as "a change of 50 %, above the threshold of 50 %" would only puzzle."""
	exactly = abs(wanted - current) * 100 == threshold * current
	assert (abs(Decimal(percent(wanted - current, current))) == threshold) == exactly


def test_percents_are_no_longer_than_they_need_to_be():
	assert [percent(57, 42), percent(1, 3), percent(-5, 10), percent(1, 100_000)] == [
		"135.71",
		"33.3",
		"-50",
		"0.001",
	]
