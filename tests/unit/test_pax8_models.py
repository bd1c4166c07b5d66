from __future__ import annotations

import contextlib
from datetime import date, datetime, timezone
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from msp_licensing.pax8 import (
	MAX_LONG_TEXT_CHARS,
	MAX_TEXT_CHARS,
	Commitment,
	CommitmentTerm,
	Company,
	Contact,
	Dependencies,
	Invoice,
	InvoiceItem,
	Order,
	Pricing,
	ProductDetail,
	Subscription,
	UsageLine,
	UsageSummary,
	models,
	normalise_charge_type,
	normalise_rate_type,
	normalise_status,
	normalise_term,
	parse_day,
	parse_instant,
)

UTC = timezone.utc


def subscription(**fields) -> Subscription:
	return Subscription.model_validate({"id": "s1", **fields})


@pytest.mark.parametrize(
	("text", "moment"),
	[
		("2020-12-03", datetime(2020, 12, 3, tzinfo=UTC)),
		("2021-01-01T08:30:00Z", datetime(2021, 1, 1, 8, 30, tzinfo=UTC)),
		("2021-01-01t08:30z", datetime(2021, 1, 1, 8, 30, tzinfo=UTC)),
		("2023-08-11T11:33:12.314-0600", datetime(2023, 8, 11, 17, 33, 12, 314000, tzinfo=UTC)),
		("2000-10-31T01:30:00.000-05:00", datetime(2000, 10, 31, 6, 30, tzinfo=UTC)),
		("2021-01-01T00:00:00+05", datetime(2020, 12, 31, 19, 0, tzinfo=UTC)),
		("2021-01-01T08:30:00.123456789Z", datetime(2021, 1, 1, 8, 30, 0, 123456, tzinfo=UTC)),
		("2021-01-01 08:30:00", datetime(2021, 1, 1, 8, 30, tzinfo=UTC)),
		(" 2021-01-01 ", datetime(2021, 1, 1, tzinfo=UTC)),
		("9999-12-31T23:59:59-0600", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
		("0001-01-01T00:00:00+01:00", datetime(1, 1, 1, tzinfo=UTC)),
		("", None),
		(None, None),
	],
)
def test_every_form_of_date_that_pax8_sends_is_read(text, moment):
	assert parse_instant(text) == moment
	assert moment is None or parse_instant(text).tzinfo is UTC


@pytest.mark.parametrize(
	"text", ["soon", "2021-13-01", "2021-02-30", "01/02/2021", 1609459200, True, "2021-01-01T25:00:00Z", []]
)
def test_what_is_no_date_is_an_error_and_not_a_missing_date(text):
	with pytest.raises(ValueError):
		parse_instant(text)
	with pytest.raises(ValidationError):
		subscription(commitmentTerm={"endDate": text})


def test_a_day_stays_the_day_it_is_written_as():
	assert parse_day("2021-01-01T23:30:00-0700") == date(2021, 1, 1)
	assert subscription(billingStart="2021-01-01").billing_start == date(2021, 1, 1)
	assert type(subscription(billingStart="2021-01-01T00:00:00Z").billing_start) is date


@pytest.mark.parametrize(
	("wire", "term"),
	[
		("2-Year", "2-Year"),
		("2 Year", "2-Year"),
		("2_years", "2-Year"),
		("1 Year", "1-Year"),
		("One-time", "One-Time"),
		("ONE_TIME", "One-Time"),
		("monthly", "Monthly"),
		(" Quarterly ", "Quarterly"),
		("18 months", "18 months"),
	],
)
def test_one_term_has_one_spelling_and_unknown_ones_stay(wire, term):
	assert normalise_term(wire) == term
	assert subscription(billingTerm=wire).billing_term == term


def test_statuses_nobody_has_heard_of_stay_as_they_are():
	assert normalise_status("pending_manual") == "PendingManual"
	assert subscription(status="Hibernating").status == "Hibernating"


@pytest.mark.parametrize(
	"wire",
	[
		{"commitmentTerm": {"id": "k", "term": "3 Year", "endDate": "2026-05-01"}},
		{"commitment": {"id": "k", "term": "3-Year", "endDate": "2026-05-01"}},
		{"commitmentTerm": None, "commitment": {"id": "k", "term": "3-Year", "endDate": "2026-05-01"}},
	],
)
def test_a_commitment_is_found_under_either_name(wire):
	found = subscription(**wire).commitment_term
	assert found == CommitmentTerm(id="k", term="3-Year", end_date=datetime(2026, 5, 1, tzinfo=UTC))


def test_no_commitment_is_none():
	for wire in ({}, {"commitmentTerm": None}, {"commitmentTerm": {}}, {"commitment": None}):
		assert subscription(**wire).commitment_term is None
	assert subscription(commitmentTerm="3 Year").commitment_term.term == "3-Year"


def test_a_model_built_from_attribute_names_is_the_same():
	commitment = CommitmentTerm(id="k", term="3-Year")
	assert Subscription(id="s1", company_id="c", commitment_term=commitment) == subscription(
		companyId="c", commitmentTerm={"id": "k", "term": "3-Year"}
	)


@pytest.mark.parametrize(
	("wire", "read"),
	[
		(None, None),
		("", None),
		(0, Decimal(0)),
		("0", Decimal(0)),
		(Decimal("15.39"), Decimal("15.39")),
		("15.39", Decimal("15.39")),
		(15.39, Decimal("15.39")),
		(-3, Decimal(-3)),
	],
)
def test_a_missing_price_is_not_zero_and_zero_is_not_missing(wire, read):
	assert subscription(price=wire).price == read
	assert (subscription(price=wire).price is None) is (read is None)


@pytest.mark.parametrize(
	"wire", ["N/A", True, [], {"amount": 1}, "NaN", Decimal("Infinity"), Decimal("1e999999999")]
)
def test_money_that_cannot_be_read_is_an_error(wire):
	for field in ("price", "partnerCost", "quantity"):
		with pytest.raises(ValidationError):
			subscription(**{field: wire})


def test_whole_quantities_are_whole_numbers():
	assert type(subscription(quantity=Decimal("5.0")).quantity) is int
	assert type(subscription(quantity="5").quantity) is int
	assert subscription(quantity=Decimal("5.5")).quantity == Decimal("5.5")
	assert subscription().quantity is None


def test_nulls_stand_where_the_specification_has_none():
	for model in (
		Company,
		ProductDetail,
		Subscription,
		Contact,
		Order,
		UsageSummary,
		UsageLine,
		Invoice,
		InvoiceItem,
	):
		names = [field.alias for field in model.model_fields.values() if field.alias != "id"]
		read = model.model_validate({"id": "x", **dict.fromkeys(names)})
		assert set(read.model_dump(exclude={"id"}).values()) <= {None, ()}
	assert Pricing.model_validate({"rates": None}).rates == ()
	assert (
		Pricing.model_validate({"rates": [{"startQuantityRange": None}]}).rates[0].start_quantity_range == 0
	)
	assert Dependencies.model_validate({"productDependencies": [{"products": None}]}).product_dependencies


@pytest.mark.parametrize("bad", [None, "", " ", True, [], {}, 1.5])
def test_a_record_without_an_id_is_no_record(bad):
	with pytest.raises(ValidationError):
		Company.model_validate({"id": bad, "name": "x"})


def test_ids_are_text_and_need_not_be_uuids():
	assert subscription(companyId="aaaee3f-262c").company_id == "aaaee3f-262c"
	assert Company.model_validate({"id": 42}).id == "42"


def test_an_address_keeps_what_pax8_calls_it():
	wire = {
		"street": "Ring 1",
		"street2": "",
		"stateOrProvince": "Tirol",
		"postalCode": 6020,
		"country": "AT",
	}
	address = Company.model_validate({"id": "c", "address": wire}).address
	assert (address.street2, address.state_or_province, address.postal_code) == (None, "Tirol", "6020")


def test_a_tiered_price_keeps_its_ranges():
	wire = {
		"billingTerm": "Annual",
		"commitmentTerm": "1 Year",
		"commitmentTermInMonths": 12,
		"type": "Tiered",
		"unitOfMeasurement": "Each",
		"rates": [
			{"partnerBuyRate": 5, "suggestedRetailPrice": "6.5", "endQuantityRange": 10},
			{
				"partnerBuyRate": 4,
				"startQuantityRange": 11,
				"endQuantityRange": None,
				"chargeType": "Per Unit",
			},
		],
		"currencyCode": "eur",
	}
	plan = Pricing.model_validate(wire)
	assert (plan.commitment_term, plan.commitment_term_in_months, plan.currency_code) == ("1-Year", 12, "EUR")
	assert [(r.start_quantity_range, r.end_quantity_range) for r in plan.rates] == [(0, 10), (11, None)]
	assert plan.rates[1].suggested_retail_price is None


def test_a_commitment_option_is_matched_by_id_and_only_then_by_term():
	yearly = Commitment(id="K1", term="1-Year", allow_for_quantity_decrease=False)
	other = Commitment(id="K2", term="3-Year", allow_for_quantity_decrease=True)
	found = Dependencies(commitment_dependencies=(yearly, other))
	assert found.option_for(CommitmentTerm(id="k1", term="3-Year")) == yearly
	assert found.option_for(CommitmentTerm(id="gone", term="3-Year")) == other
	assert found.option_for(CommitmentTerm(id="gone")) is None
	assert found.option_for(None) is None


def test_two_options_of_one_term_are_not_guessed_between():
	options = tuple(
		Commitment(id=name, term="1-Year", allow_for_quantity_decrease=allowed)
		for name, allowed in (("a", True), ("b", False))
	)
	assert Dependencies(commitment_dependencies=options).option_for(CommitmentTerm(term="1-Year")) is None


def test_records_cannot_be_changed():
	with pytest.raises(ValidationError):
		subscription().quantity = 5


def test_fields_pax8_may_add_do_no_harm():
	assert subscription(brandNew={"x": [1]}).id == "s1"


@pytest.mark.parametrize("bad", ["x" * 141, "a\nb", "a\x00b", "\ud800", 10**140])
def test_an_id_that_nothing_could_be_filed_under_is_an_error(bad):
	with pytest.raises(ValidationError):
		Company.model_validate({"id": bad})
	with pytest.raises(ValidationError):
		subscription(companyId=bad)


def test_an_id_of_the_greatest_length_is_one():
	assert Company.model_validate({"id": " " + "x" * 140 + "\n"}).id == "x" * 140


def test_a_text_of_megabytes_does_not_travel_on_as_a_name():
	huge = "ä" * 10_000_000
	read = ProductDetail.model_validate({"id": "p", "name": huge, "description": huge, "sku": "x" * 1000})
	assert read.name == "ä" * (MAX_TEXT_CHARS - 1) + "…"
	assert len(read.description) == MAX_LONG_TEXT_CHARS and read.description.endswith("ä…")
	assert read.sku == "x" * 1000
	assert len(subscription(status=huge, billingTerm=huge).status) == MAX_TEXT_CHARS
	company = Company.model_validate({"id": "c", "externalId": huge, "address": {"city": huge}})
	assert len(company.external_id) == len(company.address.city) == MAX_TEXT_CHARS


def test_half_a_surrogate_pair_becomes_something_a_database_takes():
	assert Company.model_validate({"id": "c", "name": "a\ud83d b"}).name == "a? b"
	assert Company.model_validate({"id": "c", "name": "a\U0001f600 b"}).name == "a\U0001f600 b"


def test_numbers_that_stand_for_texts_are_texts():
	assert (
		subscription(vendorSubscriptionId=12345678901234567890).vendor_subscription_id
		== "12345678901234567890"
	)
	assert subscription(productName=Decimal("365.5")).product_name == "365.5"


@pytest.mark.parametrize(
	"wire", [Decimal("1e-40"), Decimal("0." + "3" * 60), "9" * 20, 10**17, Decimal("sNaN")]
)
def test_a_number_that_no_price_could_be_is_an_error(wire):
	for field in ("price", "quantity"):
		with pytest.raises(ValidationError):
			subscription(**{field: wire})


@pytest.mark.parametrize(
	("wire", "read"),
	[("Flat Rate", "Flat Rate"), ("flat", "Flat Rate"), ("PER UNIT", "Per Unit"), ("per hour", "per hour")],
)
def test_one_charge_type_has_one_spelling_and_unknown_ones_stay(wire, read):
	assert normalise_charge_type(wire) == read
	assert Pricing.model_validate({"rates": [{"chargeType": wire}]}).rates[0].charge_type == read


@pytest.mark.parametrize(
	("wire", "read"), [("Mark-Up", "Mark-Up"), ("markup", "Mark-Up"), ("Tiered", "Tiered"), ("Odd", "Odd")]
)
def test_one_rate_type_has_one_spelling_and_unknown_ones_stay(wire, read):
	assert normalise_rate_type(wire) == read
	assert Pricing.model_validate({"type": wire}).type == read


@pytest.mark.parametrize("text", [" " * 65, "2021-01-01" + " " * 60, "2021-01-01T00:00:00." + "0" * 60 + "Z"])
def test_an_endless_date_is_none(text):
	with pytest.raises(ValueError):
		parse_instant(text)
	with pytest.raises(ValueError):
		parse_day(text)


json_values = st.recursive(
	st.none() | st.booleans() | st.integers() | st.decimals() | st.text(max_size=20),
	lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
	max_leaves=5,
)


ALL_MODELS = [
	model
	for model in vars(models).values()
	if isinstance(model, type) and issubclass(model, models.Record) and model is not models.Record
]
FIELDS = [(model, field.alias) for model in ALL_MODELS for field in model.model_fields.values()]


@settings(deadline=None)
@given(st.sampled_from(FIELDS), json_values)
def test_no_answer_breaks_a_model_otherwise_than_by_a_validation_error(field, value):
	model, name = field
	with contextlib.suppress(ValidationError):
		model.model_validate({"id": "x", name: value})
