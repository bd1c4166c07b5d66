from __future__ import annotations

from decimal import Decimal

import pytest

from msp_licensing.pax8 import Pricing
from msp_licensing.rules.usage_class import Evidence, Plan, PlanRate, UsageClass, classify, is_metered_unit

ZERO = PlanRate(Decimal(0), Decimal(0))
PRICED = PlanRate(Decimal("4.20"), Decimal("6.00"))


def plan(rate=ZERO, unit="Each", term="Monthly", kind="Flat"):
	return Plan(billing_term=term, type=kind, unit_of_measurement=unit, rates=(rate,))


def klass(*plans, name="Thing", **kwargs) -> str:
	return str(classify(plans, product_name=name, **kwargs).usage_class)


def test_the_azure_plan_of_pax8s_guide_is_usage():
	answer = {
		"billingTerm": "Monthly",
		"type": "Flat",
		"unitOfMeasurement": "Each",
		"rates": [
			{
				"partnerBuyRate": 0,
				"suggestedRetailPrice": 0,
				"startQuantityRange": 0,
				"chargeType": "Per Unit",
			}
		],
	}
	found = classify(
		[Pricing.model_validate(answer)], product_name="Microsoft Azure Plan", vendor_name="Microsoft"
	)
	assert found.usage_class is UsageClass.USAGE
	assert [reason.code for reason in found.reasons] == ["zero_rates", "usage_container"]


@pytest.mark.parametrize(
	("plans", "name", "expected"),
	[
		([plan(PRICED)], "Microsoft 365 E3", "Seat"),
		([plan(PRICED, "Licensed User")], "Suite", "Seat"),
		([plan(PRICED), plan(ZERO, term="Trial")], "Suite", "Seat"),
		([plan(unit="GB")], "Backup storage", "Usage"),
		([plan(unit="Instance")], "Virtual machines", "Usage"),
		([plan()], "Dropsuite Arrears Charge", "Usage"),
		([plan()], "Some entitlement", "Unknown"),
		([plan(unit="GB")], "Backup Trial", "Unknown"),
		([plan()], "Azure Plan promo", "Unknown"),
		([plan()], "Copilot Add-on", "Unknown"),
		([plan(unit="GB", term="Trial")], "Backup", "Unknown"),
		([plan(term="One-Time")], "Migration", "Unknown"),
		([plan(PRICED, "GB")], "Storage pack", "Unknown"),
		([plan(PRICED, kind="Mark-Up")], "Pass-through", "Unknown"),
		([plan(PlanRate(None, None))], "Azure Plan", "Unknown"),
		([plan(PlanRate(Decimal(0), None))], "Azure Plan", "Unknown"),
		([Plan()], "Azure Plan", "Unknown"),
		([], "Azure Plan", "Unknown"),
	],
)
def test_the_heuristic_says_seat_only_where_a_price_is_seen(plans, name, expected):
	assert klass(*plans, name=name) == expected


def test_a_free_price_is_not_a_missing_price():
	assert [r.code for r in classify([], product_name="x").reasons] == ["no_price"]
	assert [r.code for r in classify([plan()], product_name="x").reasons] == ["zero_rates", "plain_unit"]
	assert str(classify(None).usage_class) == "Unknown"


def test_proof_beats_the_heuristic_and_a_person_beats_both():
	assert klass(plan(PRICED), evidence=Evidence(usage_summaries=3)) == "Usage"
	assert klass(plan(PRICED), evidence=Evidence(arrears_lines=1)) == "Usage"
	assert klass(plan(PRICED), evidence=Evidence(usage_summaries=3), staff_choice="seat") == "Seat"
	assert klass(plan(PRICED), staff_choice="") == "Seat"


@pytest.mark.parametrize(
	"unit", ["GB", "TB", "GB per user", "Instance", "Server hour", "Credits", "vCPU", "Frobs"]
)
def test_units_that_measure(unit):
	assert is_metered_unit(unit)


@pytest.mark.parametrize("unit", [None, "", "Each", "per user", "License", "Per Device", "Mailbox", "SEAT"])
def test_units_that_count(unit):
	assert not is_metered_unit(unit)
