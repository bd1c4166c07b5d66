"""Two policies for one client: no change is decided less strictly than by each of them."""

from dataclasses import fields, replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msp_licensing.rules import client_approval
from msp_licensing.rules.policy import (
	ApprovalRule,
	Outcome,
	Policy,
	SubscriptionFacts,
	SubscriptionRule,
	Verdict,
	decide,
	effective_limits,
)
from msp_licensing.rules.strictest import DIRECTIONS, one_currency, strictest

TODAY = date(2026, 11, 29)
STRICTNESS = [Outcome.RELEASED, Outcome.HELD, Outcome.REFUSED]


def both(option, one, other):
	"""The value that counts, whichever of the two comes first."""
	policies = [Policy(**{option: one}), Policy(**{option: other})]
	found = {repr(getattr(strictest(order), option)) for order in (policies, policies[::-1])}
	assert len(found) == 1
	return getattr(strictest(policies), option)


def test_every_option_has_a_direction():
	assert set(DIRECTIONS) == {field.name for field in fields(Policy)}


@pytest.mark.parametrize(
	("option", "strict", "loose"),
	[
		("require_approval", True, False),
		("threshold", Decimal(0), Decimal(300)),
		("threshold", Decimal(300), None),
		("allow_self_service", False, True),
		("min_quantity", 5, 1),
		("max_quantity", 20, 0),
		("max_quantity", 20, 50),
		("decreases_need_approval", True, False),
		("free_seats", 0, 3),
		("window_days", 30, 0),
		("limit_per_change", Decimal(10), None),
		("limit_per_change", Decimal(10), Decimal(100)),
		("limit_per_month", Decimal(0), Decimal(5)),
		("client_approval_above", Decimal(0), None),
		("client_approval_above", Decimal(5), Decimal(50)),
	],
)
def test_the_strictest_value_of_each_option_counts(option, strict, loose):
	assert both(option, strict, loose) == strict


def test_lists_are_united_and_the_shorter_window_counts():
	merged = strictest([Policy(vendor_overrides=("Microsoft",)), Policy(vendor_overrides=("Adobe",))])
	assert merged.vendor_overrides == ("Adobe", "Microsoft")
	windows = strictest(
		[Policy(return_windows=(("Adobe", 14),)), Policy(return_windows=(("ADOBE", 7), ("Box", 3)))]
	)
	assert dict(windows.return_windows) == {"ADOBE": 7, "Box": 3}


def test_a_threshold_releases_only_where_both_would():
	holds_all = Policy(require_approval=True, threshold=None, threshold_may_release=True)
	releases = Policy(require_approval=False, threshold=Decimal(50))
	assert decide_with(strictest([holds_all, releases]), 11) is Outcome.HELD
	may = Policy(
		require_approval=True, threshold=Decimal(20), threshold_may_release=True, allow_self_service=True
	)
	merged = strictest([may, Policy(require_approval=False, allow_self_service=True)])
	assert decide_with(merged, 12) is Outcome.RELEASED and decide_with(merged, 13) is Outcome.HELD


def test_limits_in_two_currencies_hold_every_increase():
	merged = strictest(
		[
			Policy(limit_per_change=Decimal(100), limit_currency="USD", require_approval=False),
			Policy(limit_per_month=Decimal(100), limit_currency="EUR", require_approval=False),
		]
	)
	assert merged.limit_currency == "EUR, USD" and not one_currency(merged)
	for currency in ("USD", "EUR"):
		assert decide_with(merged, 11, unit_price=Decimal(1), currency=currency) is Outcome.HELD


def test_a_currency_without_limits_does_not_count():
	merged = strictest(
		[Policy(limit_per_change=Decimal(9), limit_currency="USD"), Policy(limit_currency="EUR")]
	)
	assert merged.limit_currency == "USD" and one_currency(merged)


def test_one_policy_is_itself_and_none_is_an_error():
	assert strictest([Policy(window_days=3)]) == Policy(window_days=3)
	with pytest.raises(ValueError):
		strictest([])


def facts_of(**values):
	return SubscriptionFacts(
		**{"status": "Active", "quantity": 10, "vendor": "Keeper", "usage_class": "Seat", **values}
	)


def decide_with(policy, wanted, rule=None, **values):
	rule = rule or SubscriptionRule(self_service="Allow")
	return decide(policy, rule, facts_of(**values), wanted, today=TODAY).outcome


AMOUNTS = st.sampled_from([None, Decimal(0), Decimal(5), Decimal(40)])
POLICIES = st.builds(
	Policy,
	require_approval=st.booleans(),
	threshold=st.sampled_from([None, Decimal(0), Decimal(20), Decimal(50), Decimal(300)]),
	threshold_may_release=st.booleans(),
	allow_self_service=st.booleans(),
	min_quantity=st.sampled_from([0, 1, 5, 9]),
	max_quantity=st.sampled_from([0, 12, 40]),
	decreases_need_approval=st.booleans(),
	free_seats=st.sampled_from([0, 2, 6]),
	limit_per_change=AMOUNTS,
	limit_per_month=AMOUNTS,
	limit_currency=st.sampled_from([None, "USD", "EUR"]),
	client_approval_above=AMOUNTS,
	vendor_overrides=st.sampled_from([(), ("Keeper",), ("Adobe",)]),
	return_windows=st.sampled_from([(), (("Keeper", 7),), (("keeper", 3),)]),
)


@given(
	st.lists(POLICIES, min_size=2, max_size=3),
	st.integers(1, 45),
	st.sampled_from([None, Decimal(1), Decimal(9)]),
	st.sampled_from(["USD", "EUR", None]),
	st.sampled_from(list(ApprovalRule)),
	st.sampled_from(["Inherit", "Allow"]),
	st.booleans(),
)
def test_together_they_are_as_strict_as_each(
	policies, wanted, price, currency, approval, self_service, own_limits
):
	rule = SubscriptionRule(self_service, approval, own_limits, 2, 30)
	values = {"unit_price": price, "currency": currency, "start_date": date(2026, 11, 24)}
	together = strictest(policies)
	outcome = decide_with(together, wanted, rule, **values)
	for policy in policies:
		one = decide_with(policy, wanted, rule, **values)
		assert STRICTNESS.index(outcome) >= STRICTNESS.index(one)
		least, most = effective_limits(policy), effective_limits(together)
		assert most.minimum >= least.minimum
		amount = None if price is None else price * (wanted - 10)
		asked = client_approval.step(policy, amount, currency, has_approver=True)
		if asked is not None and asked.verdict is Verdict.HOLDS:
			said = client_approval.step(together, amount, currency, has_approver=True)
			assert said is not None and said.verdict is Verdict.HOLDS


def test_a_release_that_nobody_has_allowed_is_not_allowed_by_a_merge():
	"""Where approval is not required the option says nothing; once it is required, it must not release anything."""
	neither = replace(Policy(), require_approval=False, threshold_may_release=False)
	assert not strictest([neither, neither]).threshold_may_release
	allowed = replace(neither, threshold_may_release=True)
	assert strictest([allowed, allowed]).threshold_may_release
	assert not strictest([allowed, neither]).threshold_may_release
