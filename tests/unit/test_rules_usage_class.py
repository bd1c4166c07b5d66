from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msp_licensing.pax8 import Pricing
from msp_licensing.rules.usage_class import (
	Evidence,
	Plan,
	PlanRate,
	Reason,
	UnitKind,
	UsageClass,
	class_of,
	classify,
	dump_reasons,
	is_proven,
	load_reasons,
	unit_kind,
)

ZERO = PlanRate(Decimal(0), Decimal(0))
PRICED = PlanRate(Decimal("4.20"), Decimal("6.00"))


def plan(*rates, unit="Each", term="Monthly", kind="Flat"):
	return Plan(billing_term=term, type=kind, unit_of_measurement=unit, rates=rates or (ZERO,))


def klass(*plans, name="Thing", **kwargs) -> str:
	return str(classify(plans, product_name=name, **kwargs).usage_class)


def codes(*plans, name="Thing", **kwargs) -> list[str]:
	return [reason.code for reason in classify(plans, product_name=name, **kwargs).reasons]


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
		# a price
		([plan(PRICED)], "Microsoft 365 E3", "Seat"),
		([plan(PRICED, unit="Licensed User")], "Suite", "Seat"),
		([plan(PRICED), plan(ZERO, term="Trial")], "Suite", "Seat"),
		([plan(PRICED, unit="GB")], "Storage pack", "Unknown"),
		([plan(PRICED, unit="Points")], "Prepaid points", "Unknown"),
		([plan(PRICED, unit="TB")], "Object storage PAYG", "Usage"),
		([plan(PRICED, unit="User")], "Backup - Arrears Charge", "Usage"),
		([plan(PRICED, unit="User")], "Calling Plan Pay-As-You-Go", "Unknown"),
		([plan(PRICED, unit="License")], "PSTN Usage Calling Plan", "Unknown"),
		([plan(ZERO, PRICED, unit="User")], "Suite", "Unknown"),
		([plan(PRICED, kind="Mark-Up")], "Pass-through", "Unknown"),
		# rates of 0
		([plan(unit="GB")], "Backup storage", "Unknown"),
		([plan(unit="GB")], "Acronis Cyber Protect Cloud - Local Storage", "Usage"),
		([plan(unit="GB")], "Acronis Cyber Protect Cloud - 50 GB", "Unknown"),
		([plan(unit="GB")], "Backup storage overage", "Usage"),
		([plan(unit="GB")], "Backup storage overage, included", "Unknown"),
		([plan()], "Dropsuite Arrears Charge", "Usage"),
		([plan()], "Some entitlement", "Unknown"),
		([plan(unit="Policy")], "Cyber warranty", "Unknown"),
		([plan(unit="GB")], "Backup Trial", "Unknown"),
		([plan()], "Azure Plan promo", "Unknown"),
		([plan()], "Azure Plan - Government", "Usage"),
		([plan()], "Azure Plan Partner Hours", "Unknown"),
		([plan()], "Copilot Add-on", "Unknown"),
		([plan(unit="GB", term="Trial")], "Backup metered", "Unknown"),
		([plan(term="One-Time")], "Migration", "Unknown"),
		# no price
		([plan(PlanRate(None, None))], "Azure Plan", "Unknown"),
		([plan(PlanRate(Decimal(0), None))], "Azure Plan", "Unknown"),
		([Plan()], "Azure Plan", "Unknown"),
		([], "Azure Plan", "Unknown"),
		# reservations are neither
		([plan(PRICED)], "Azure Reserved VM Instance", "Unknown"),
		([plan()], "Azure Savings Plan for Compute", "Unknown"),
	],
)
def test_the_heuristic_needs_a_price_for_seats_and_a_sign_of_a_meter_for_usage(plans, name, expected):
	assert klass(*plans, name=name) == expected


def test_a_free_price_is_not_a_missing_price():
	assert codes() == ["no_price"]
	assert codes(plan(), name="x") == ["zero_rates", "plain_unit"]
	assert str(classify(None).usage_class) == "Unknown"


def test_a_product_metered_by_user_is_no_seat_where_pax8_marks_it():
	# Pax8's own examples of usage lines are counted in User and Seat.
	for unit in ("User", "Seat"):
		assert klass(plan(PRICED, unit=unit), sku="PFP-ARR-PRO-C100") == "Usage"
		assert klass(plan(unit=unit), sku="PFP-ESS-PRO-C100") == "Unknown"


@pytest.mark.parametrize(
	("sku", "plans", "expected"),
	[
		("AZR-ARR-CSP-C100", [plan(PRICED)], "Usage"),
		("azr-arr-csp", [], "Usage"),
		("MST-AZR-PLN", [plan()], "Usage"),
		("MST-AZR-PLN", [], "Usage"),
		("MST-AZR-PLN", [plan(PRICED)], "Seat"),
		("NIO-INF-MGR", [plan(unit="Tenant")], "Usage"),
		("MST-ARI-D2S-1Y", [plan(PRICED)], "Unknown"),
		("HPE-ARRAY-1", [plan(PRICED)], "Seat"),
		("X-ARR-1", [plan(PRICED)], "Seat"),
		("MST-NCE-103-ARR-C100", [plan(PRICED)], "Seat"),
	],
)
def test_the_mark_of_arrears_counts_at_its_place_in_the_sku_only(sku, plans, expected):
	assert klass(*plans, sku=sku) == expected


def test_a_plan_that_is_billed_in_arrears_is_usage_whatever_it_costs():
	assert klass(plan(PRICED, term="Arrears")) == "Usage"


@pytest.mark.parametrize(
	"word", ["Trial", "vTrial", "NFR", "Not for Resale", "Promo", "Free", "Included", "Add-on", "Evaluation"]
)
def test_what_is_free_for_another_reason_is_not_called_usage(word):
	assert klass(plan(unit="GB"), name=f"Cloud storage consumption {word}") == "Unknown"
	assert codes(plan(unit="GB"), name=f"Storage {word}")[-1] == "free_context"


def test_evidence_beats_the_heuristic_and_a_person_beats_both():
	assert klass(plan(PRICED), evidence=Evidence(usage_summaries=3)) == "Usage"
	assert klass(plan(PRICED), evidence=Evidence(arrears_lines=1)) == "Usage"
	assert klass(plan(PRICED), evidence=Evidence(usage_summaries=3), staff_choice="seat") == "Seat"
	assert klass(plan(PRICED), staff_choice="") == "Seat"
	assert klass(plan(PRICED), staff_choice="nonsense") == "Seat"


def test_what_the_rules_say_is_kept_beside_what_a_person_has_chosen():
	found = classify([plan(PRICED)], evidence=Evidence(usage_summaries=3), staff_choice="Seat")
	assert (found.usage_class, found.by_rules) == (UsageClass.SEAT, UsageClass.USAGE)
	assert found.proven and found.contradicts_evidence
	assert found.reasons == (Reason("usage_summaries", {"count": 3}),)
	assert not classify([plan()], staff_choice="Seat").contradicts_evidence
	assert not classify([plan()], evidence=Evidence(1), staff_choice="Usage").contradicts_evidence


def test_reasons_are_kept_as_they_are_and_what_is_none_is_left_out():
	reasons = (Reason("metered_unit", {"units": "GB, “Stück”"}), Reason("arrears_lines", {"count": 2}))
	assert load_reasons(dump_reasons(reasons)) == reasons
	assert is_proven(reasons) and not is_proven(reasons[:1])
	for text in (None, "", "Its unit is GB.", "5", '[["x"]]', '[["x", 5]]', "{}"):
		assert load_reasons(text) == ()


@pytest.mark.parametrize(
	("kind", "units"),
	[
		(
			"measured",
			["GB", "TB", "GB per user", "Instance", "Server hour", "vCPU", "1M Tokens", "api_calls"],
		),
		("counted", [None, "", "Each", "per user", "License", "Per Device", "Mailbox", "SEAT", "Pack"]),
		("credit", ["Credits", "Point"]),
		("other", ["Frobs", "Policy"]),
	],
)
def test_units_are_told_apart(kind, units):
	assert {unit: str(unit_kind(unit).value) for unit in units} == dict.fromkeys(units, kind)
	assert UnitKind(kind)


def test_a_class_is_known_in_any_case():
	assert class_of(" usage ") is UsageClass.USAGE
	assert class_of(None) is class_of("") is class_of("Metered") is None


_PRICES = st.one_of(st.none(), st.decimals(0, 100, places=2))
_PLANS = st.lists(
	st.builds(
		Plan,
		billing_term=st.sampled_from([None, "Monthly", "Annual", "Trial", "One-Time"]),
		type=st.sampled_from([None, "Flat", "Mark-Up", "Tiered"]),
		unit_of_measurement=st.sampled_from([None, "", "Each", "GB", "User", "Policy", "Credits"]),
		rates=st.lists(st.builds(PlanRate, _PRICES, _PRICES), max_size=3).map(tuple),
	),
	max_size=4,
)
_NAMES = st.one_of(
	st.none(), st.text(max_size=40), st.sampled_from(["Azure Plan", "Storage PAYG", "x Arrears"])
)


@given(plans=_PLANS, name=_NAMES, sku=st.one_of(st.none(), st.text(max_size=20)))
def test_whatever_pax8_answers_seat_needs_a_price_and_evidence_is_never_overruled(plans, name, sku):
	found = classify(plans, product_name=name, sku=sku)
	prices = [
		price for p in plans for r in p.rates for price in (r.partner_buy_rate, r.suggested_retail_price)
	]
	if found.usage_class is UsageClass.SEAT:
		assert any(prices)
	assert found.reasons and found.by_rules is found.usage_class
	proven = classify(plans, product_name=name, sku=sku, evidence=Evidence(arrears_lines=1))
	assert proven.usage_class is UsageClass.USAGE and proven.proven
	assert load_reasons(dump_reasons(found.reasons)) == found.reasons
