"""What a change costs now, against what somebody saw."""

from decimal import Decimal

import pytest

from msp_licensing.rules.price_drift import Money, is_large, is_same, read

UNKNOWN = Money(None, None)


def usd(amount):
	return Money(Decimal(amount), "USD")


@pytest.mark.parametrize(
	("before", "now", "large"),
	[
		(usd("78.6"), usd("786"), True),
		(usd("78.6"), usd("78.6"), False),
		(usd("100"), usd("110"), False),
		(usd("100"), usd("110.01"), True),
		(usd("100"), usd("89.99"), True),
		(usd("-100"), usd("-90"), False),
		(usd("-100"), usd("-120"), True),
		(usd("100"), Money(Decimal(100), "EUR"), True),
		(usd("100"), UNKNOWN, True),
		(UNKNOWN, usd("0.01"), True),
		(UNKNOWN, UNKNOWN, False),
		(UNKNOWN, Money(None, "USD"), False),
	],
)
def test_what_is_a_large_move(before, now, large):
	assert is_large(before, now) is large
	assert is_same(before, now) is (not large and before.amount == now.amount)


@pytest.mark.parametrize("money", [usd("78.6"), usd("786.00"), usd("-3"), usd("0.0001"), UNKNOWN])
def test_an_amount_is_read_as_it_is_written(money):
	assert is_same(read(str(money)), money)


def test_how_an_amount_is_written():
	assert [str(usd("786.00")), str(usd("78.60")), str(UNKNOWN)] == ["786 USD", "78.6 USD", ""]


@pytest.mark.parametrize("text", ["78.6", "USD", "many USD", "1 2 3"])
def test_nonsense_is_no_amount(text):
	assert read(text) is None
