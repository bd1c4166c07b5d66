"""Charges become rows of FOCUS 1.2: nothing is made up, nothing is added up, and what is not known is empty."""

import json
import re
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from msp_licensing.rules import focus
from msp_licensing.rules.categories import guess_category
from msp_licensing.rules.focus import Account, Amounts, Charge, Line, Quantity, split

PARTNER = Account("c0ffee00-0000-4000-8000-000000000001", "Northwind", "Pax8")
CHARGE = Charge(
	amount=Decimal("12.340000000"),
	currency="USD",
	month=date(2027, 3, 1),
	next_month=date(2027, 4, 1),
	until=date(2027, 3, 15),
	service="Azure Plan",
	publisher="Microsoft",
	category="Cloud Infrastructure",
	sku="MST-AZR-001",
	subscription="11111111-0000-4000-8000-000000000001",
	company="22222222-0000-4000-8000-000000000001",
	company_name="Cedar & Pine",
	resource_group="rg-production",
	client="CUST-1",
	client_name="Cedar & Pine Architects",
	month_status="Running",
	last_day=date(2027, 3, 14),
	customer_charges=Decimal("15"),
)


def row(charge, amounts=Amounts.COST):
	(cells,) = focus.rows([charge], lambda _charge: PARTNER, amounts)
	return dict(zip(focus.columns(amounts), cells, strict=True))


def line(amount, item="VM", quantity="2", unit="Hours", customer=None):
	def decimal(text):
		return None if text is None else Decimal(text)

	return Line(item, decimal(quantity), unit, decimal(amount), decimal(customer))


def test_a_charge_has_the_columns_that_are_known():
	found = row(CHARGE)
	assert {found[f"{kind}Cost"] for kind in ("Billed", "Effective", "List", "Contracted")} == {"12.34"}
	assert (found["BillingPeriodStart"], found["BillingPeriodEnd"]) == (
		"2027-03-01T00:00:00Z",
		"2027-04-01T00:00:00Z",
	)
	assert (found["ChargePeriodStart"], found["ChargePeriodEnd"]) == (
		"2027-03-01T00:00:00Z",
		"2027-03-15T00:00:00Z",
	)
	assert (found["ChargeCategory"], found["ChargeFrequency"], found["ChargeClass"]) == (
		"Usage",
		"Usage-Based",
		"",
	)
	assert found["ChargeDescription"] == "Azure Plan - rg-production"
	assert (found["InvoiceId"], found["PricingQuantity"], found["PricingUnit"]) == ("", "", "")
	assert (found["ProviderName"], found["PublisherName"]) == ("Pax8", "Microsoft")
	assert found["x_CustomerCharges"] == "15.0"


def test_a_trial_is_shown_and_not_billed():
	found = row(replace(CHARGE, is_trial=True))
	assert {found[f"{kind}Cost"] for kind in ("Billed", "Effective", "List", "Contracted")} == {"0.0"}
	assert (found["x_ReportedAmount"], found["x_IsTrial"]) == ("12.34", "true")


def test_what_customers_are_charged_stands_beside_the_partners_cost_only():
	assert "x_CustomerCharges" in focus.columns(Amounts.COST)
	assert "x_CustomerCharges" not in focus.columns(Amounts.CHARGES)


def test_columns_have_the_order_and_names_that_focus_wants():
	names = focus.columns(Amounts.COST)
	own = [name for name in names if name.startswith("x_")]
	assert names == sorted(names[: -len(own)]) + sorted(own)
	assert not set(focus.COLUMNS) & set(focus.LEFT_OUT)
	assert set(focus.COLUMNS) >= focus.FREE_TEXTS


def test_lines_that_add_up_to_the_total_are_what_it_is_made_of():
	charge = replace(CHARGE, amount=Decimal("12.34"))
	found = split(
		charge, [line("10.34", customer="10"), line("2", "Disk", quantity=None, unit="GB", customer="5")]
	)
	assert [one.amount for one in found] == [Decimal("10.34"), Decimal(2)]
	assert [one.item for one in found] == ["VM", "Disk"]
	assert found[0].quantity == Quantity(Decimal(2), "Hours") and found[1].quantity is None
	assert sum(one.customer_charges for one in found) == charge.customer_charges


@pytest.mark.parametrize(
	"lines",
	[
		[],
		[line("10.34"), line("3")],
		[line("12.34"), line(None)],
		[line("12.34", customer="14")],
	],
	ids=["none", "another sum", "one without an amount", "another sum of the customer's"],
)
def test_lines_that_prove_nothing_leave_the_total_whole_and_without_a_quantity(lines):
	assert split(CHARGE, lines) == [CHARGE]


def test_numbers_have_no_exponent_no_plus_and_no_group_signs():
	for amount, text in (
		("0E-9", "0.0"),
		("-0.000000001", "-0.000000001"),
		("123456789012.123456789", "123456789012.123456789"),
		("100.000", "100.0"),
		("1E+3", "1000.0"),
	):
		assert row(replace(CHARGE, amount=Decimal(amount)))["BilledCost"] == text


def test_each_category_of_service_is_one_that_focus_has():
	allowed = {
		*("AI and Machine Learning", "Analytics", "Business Applications", "Compute", "Databases"),
		*("Developer Tools", "Multicloud", "Identity", "Integration", "Internet of Things"),
		*("Management and Governance", "Media", "Migration", "Mobile", "Networking", "Security"),
		*("Storage", "Web", "Other"),
	}
	assert set(focus.SERVICE_CATEGORIES.values()) < allowed
	assert guess_category("Acronis Backup", "Acronis") in focus.SERVICE_CATEGORIES
	assert row(replace(CHARGE, category="Something of the site"))["ServiceCategory"] == "Other"


def test_nothing_known_is_nothing_written():
	bare = replace(
		CHARGE,
		**dict.fromkeys(("service", "publisher", "category", "sku", "subscription", "company")),
		**dict.fromkeys(("company_name", "resource_group", "client", "client_name", "customer_charges")),
	)
	found = row(bare)
	assert all(
		found[name] == ""
		for name in ("ServiceName", "PublisherName", "SkuId", "ResourceId", "ResourceType", "SubAccountId")
	)
	assert found["ChargeDescription"] == "" and found["ServiceCategory"] == "Other"
	assert json.dumps(found)


def test_the_docs_name_each_column_that_is_left_out_with_the_reason():
	page = (Path(__file__).parents[2] / "docs" / "user" / "focus-export.md").read_text(encoding="utf-8")
	told = {}
	for names, reason in re.findall(r"^\| ([A-Z]\w+(?:, [A-Z]\w+)*) \| (.+) \|$", page, re.M):
		told.update(dict.fromkeys(names.split(", "), reason))
	assert {name: told.get(name) for name in focus.LEFT_OUT} == focus.LEFT_OUT
