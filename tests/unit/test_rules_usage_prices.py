"""A client reads amounts of usage in its own price, or none; never what the partner pays."""

from decimal import Decimal

import pytest

from msp_licensing.rules.prices import PriceFrom
from msp_licensing.rules.usage_prices import UsagePrice

CHARGES, COST = Decimal("100"), Decimal("80.12345")


@pytest.mark.parametrize(
	("source", "markup", "expected"),
	[
		(PriceFrom.OWN, 25, None),
		("Suggested Retail Price", 0, CHARGES),
		("Partner Cost plus Markup", 25, Decimal("100.1543")),
		("Partner Cost plus Markup", 0, None),
		("Partner Cost plus Markup", -5, None),
		("something else", 5, None),
	],
)
def test_the_rule_gives_the_amount_or_none(source, markup, expected):
	price = UsagePrice(source, Decimal(markup))
	assert price.amount(CHARGES, COST) == expected
	assert price.is_known == (expected is not None)


def test_a_missing_amount_is_no_zero():
	assert UsagePrice(PriceFrom.RETAIL).amount(None, COST) is None
	assert UsagePrice(PriceFrom.COST, Decimal(10)).amount(CHARGES, None) is None


def test_nothing_and_credits_are_amounts():
	assert UsagePrice(PriceFrom.RETAIL).amount(Decimal(0), None) == 0
	assert UsagePrice(PriceFrom.COST, Decimal(10)).amount(None, Decimal(-20)) == -22
