"""When the client's own approver is asked first."""

from decimal import Decimal

import pytest

from msp_licensing.rules.client_approval import ASKED, LEFT_OUT, step
from msp_licensing.rules.values import Policy, Verdict


def policy(above, currency="EUR"):
	return Policy(client_approval_above=None if above is None else Decimal(above), limit_currency=currency)


@pytest.mark.parametrize(
	("above", "amount", "currency", "verdict"),
	[
		("0", "1", "EUR", Verdict.HOLDS),
		("0", None, None, Verdict.HOLDS),
		("0", "0", "EUR", Verdict.HOLDS),
		("100", "100", "EUR", Verdict.PASSES),
		("100", "100.01", "EUR", Verdict.HOLDS),
		("100", "-100", "EUR", Verdict.PASSES),
		("100", "-100.01", "EUR", Verdict.HOLDS),
		("100", None, None, Verdict.HOLDS),
		("100", "1", "USD", Verdict.HOLDS),
		("100", "1", None, Verdict.HOLDS),
	],
)
def test_what_may_cost_more_than_the_limit_asks_the_approver(above, amount, currency, verdict):
	found = step(policy(above), None if amount is None else Decimal(amount), currency, has_approver=True)
	assert (found.rule, found.verdict) == (ASKED, verdict)


def test_a_limit_without_a_currency_can_be_compared_with_nothing():
	assert step(policy("100", None), Decimal(1), None, has_approver=True).verdict is Verdict.HOLDS


def test_without_an_approver_the_step_is_left_out_and_the_trace_says_so():
	found = step(policy("0"), Decimal(1), "EUR", has_approver=False)
	assert (found.rule, found.verdict) == (LEFT_OUT, Verdict.SKIPPED)
	# Where none would have been asked, there is nothing to leave out.
	assert step(policy("100"), Decimal(1), "EUR", has_approver=False).rule == ASKED


def test_a_site_that_does_not_use_it_has_no_such_step():
	assert step(policy(None), Decimal(10**6), "EUR", has_approver=True) is None
