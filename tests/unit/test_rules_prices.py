from __future__ import annotations

from decimal import Decimal

import pytest

from msp_licensing.rules.prices import ClientPrice, PriceFrom, Rate, amount_change, client_price

MONTHLY = {"billing_term": "Monthly", "commitment_term": "1-Year", "currency": "USD"}


def rate(retail=None, cost=None, **values) -> Rate:
	money = {
		"retail": None if retail is None else Decimal(retail),
		"cost": None if cost is None else Decimal(cost),
	}
	return Rate(**{**MONTHLY, **money, **values})


def price(source, *rates, **values) -> str | None:
	found = client_price(source=source, rates=rates, **{"own": None, **MONTHLY, **values})
	return None if found is None else str(found.amount)


RETAIL, COST = PriceFrom.RETAIL, PriceFrom.COST


# The subscription's own price


@pytest.mark.parametrize("source", list(PriceFrom))
def test_a_price_of_its_own_wins_over_every_source(source):
	found = client_price(
		own=Decimal("12.50"), source=source, rates=[rate("22", "18")], partner_cost=18, **MONTHLY
	)
	assert found == ClientPrice(Decimal("12.50"), "USD", PriceFrom.OWN)


@pytest.mark.parametrize("own", [None, 0, Decimal("0.00"), "", Decimal("NaN"), -5])
def test_no_price_of_its_own_is_not_a_price_of_0(own):
	assert price(PriceFrom.OWN, rate("22", "18"), own=own) is None
	assert price(RETAIL, rate("22"), own=own) == "22"


@pytest.mark.parametrize("source", list(PriceFrom))
def test_nothing_is_known_without_a_currency(source):
	assert price(source, rate("22", "18", currency=None), own=5, partner_cost=18, currency=None) is None


# The suggested retail price


@pytest.mark.parametrize(
	("rates", "found"),
	[
		([], None),
		([rate("22")], "22"),
		([rate("22", billing_term="Annual")], None),
		([rate("22", commitment_term="3-Year")], None),
		([rate("22", commitment_term=None)], None),
		([rate("22", currency="EUR")], None),
		([rate("22", currency=None)], None),
		([rate(None)], None),
		([rate("0")], None),
		([rate("22", billing_term=" monthly ", commitment_term="1-year")], "22"),
		([rate("20", billing_term="Annual"), rate("22"), rate("18", commitment_term="3-Year")], "22"),
		# Two plans for the same term: which of them it is, nobody knows, unless they cost the same.
		([rate("22"), rate("23")], None),
		([rate("22"), rate("22")], "22"),
		([rate("22"), rate(None)], None),
		([rate("22", charge="Flat Rate")], None),
		([rate("22", charge=None, type=None)], "22"),
		([rate("22", type="Mark-Up")], None),
		([rate("22", type="Something New")], None),
	],
)
def test_the_retail_price_is_that_of_the_matching_plan(rates, found):
	assert price(RETAIL, *rates) == found


@pytest.mark.parametrize(
	("on_subscription", "on_plan", "matches"),
	[
		(None, "Monthly", True),
		(None, None, True),
		("", "1-Month", True),
		("Monthly", None, True),
		(None, "1-Year", False),
		("1-Year", "Monthly", False),
	],
)
def test_a_commitment_of_a_month_is_shown_as_none_on_the_subscription(on_subscription, on_plan, matches):
	found = price(RETAIL, rate("22", commitment_term=on_plan), commitment_term=on_subscription)
	assert (found == "22") is matches


def test_a_billing_term_that_is_not_known_matches_no_monthly_plan():
	assert price(RETAIL, rate("22"), billing_term=None) is None


VOLUME = (
	rate("22", type="Volume", start=1, end=10),
	rate("20", type="Volume", start=11, end=50),
	rate("18", type="Volume", start=51),
)
TIERED = tuple(one._replace(type="Tiered") for one in VOLUME)


@pytest.mark.parametrize(
	("quantities", "volume", "tiered"),
	[
		((5, 9), "22", "22"),
		((5, 10), "22", "22"),
		# By volume, the eleventh license makes all of them cheaper: no one price tells what the change costs.
		((10, 11), None, "20"),
		((9, 11), None, None),
		((12, 50), "20", "20"),
		((50, 12), "20", "20"),
		((60, 9000), "18", "18"),
		((11, 10), None, "20"),
		((7, 7), "22", "22"),
	],
)
def test_a_price_that_depends_on_the_quantity_is_known_within_one_range(quantities, volume, tiered):
	assert price(RETAIL, *VOLUME, quantities=quantities) == volume
	assert price(RETAIL, *TIERED, quantities=quantities) == tiered


def test_a_quantity_outside_of_every_range_has_no_price():
	assert price(RETAIL, rate("22", start=5, end=10), quantities=(5, 11)) is None
	assert price(RETAIL, rate("22", start=5, end=10), quantities=(4, 5)) is None


# Partner cost plus markup


@pytest.mark.parametrize(
	("markup", "found"),
	[
		(0, "10.0000"),
		(25, "12.5000"),
		(Decimal("33.3333"), "13.3333"),
		("7.5", "10.7500"),
		(-1, None),
		("much", None),
		(None, None),
	],
)
def test_the_markup_is_percent_of_the_cost(markup, found):
	assert price(COST, partner_cost=Decimal(10), markup=markup) == found


def test_the_cost_of_this_very_subscription_comes_before_the_plans():
	assert price(COST, rate("22", "18"), partner_cost=Decimal(10), markup=10) == "11.0000"
	assert price(COST, rate("22", "18"), partner_cost=None, markup=10) == "19.8000"
	assert price(COST, rate("22", "18"), partner_cost=Decimal(0), markup=10) == "19.8000"
	assert price(COST, rate("22", None), partner_cost=None, markup=10) is None
	assert price(COST, rate("22", "0"), partner_cost=None, markup=10) is None


def test_half_a_hundredth_of_a_cent_is_rounded_up():
	assert price(COST, partner_cost=Decimal("0.0001"), markup=50) == "0.0002"
	assert price(COST, partner_cost=Decimal("0.00001"), markup=0) is None, "no price rather than 0"


# What a change adds


@pytest.mark.parametrize(
	("unit", "before", "after", "change"),
	[
		(Decimal("22.5"), 10, 15, Decimal("112.5")),
		(Decimal("22.5"), 15, 10, Decimal("-112.5")),
		(Decimal("0.0001"), 1, 1_000_000, Decimal("99.9999")),
		(None, 10, 15, None),
		(Decimal(1), None, 15, None),
		(Decimal(1), 10, None, None),
	],
)
def test_what_a_change_adds_is_exact_or_not_known(unit, before, after, change):
	assert amount_change(unit, before, after) == change
