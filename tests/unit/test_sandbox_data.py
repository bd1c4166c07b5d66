"""The sandbox's made-up data: the same for the same seed, complete, and with what a client must cope with."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from msp_licensing.sandbox import App, SandboxConfig
from msp_licensing.sandbox import storybook as story
from msp_licensing.sandbox.dates import add_months, as_date, as_offset, as_utc, parse_moment
from msp_licensing.sandbox.generate import make_world
from msp_licensing.sandbox.world import World

NOW = datetime(2025, 3, 14, 15, 9, 26, tzinfo=timezone.utc)


def _world(**settings: Any) -> World:
	settings = {"seed": 1, "companies": 60, "products": 400, "subscriptions": 1500, **settings}
	return make_world(SandboxConfig(**settings), NOW)


@pytest.fixture(scope="module")
def world() -> World:
	return _world()


def _wire(world: World) -> list[list[dict[str, Any]]]:
	return [
		[company.wire() for company in world.companies.order],
		[{**product.wire(True), "pricing": product.pricing(None)} for product in world.products.order],
		[
			snapshot.wire(True)
			for subscription in world.subscriptions.order
			for snapshot in subscription.history()
		],
	]


def test_the_same_seed_gives_the_same_data(world: World) -> None:
	assert _wire(world) == _wire(_world())


def test_another_seed_gives_other_data_but_the_same_storybook(world: World) -> None:
	other = _world(seed=2)
	told = (4, 16, 18)
	for kind, one, two in zip(told, _wire(world), _wire(other), strict=True):
		assert one[:kind] == two[:kind]
		assert one[kind:] != two[kind:]


def test_totals_are_what_was_asked_and_never_less_than_the_storybook(world: World) -> None:
	assert (len(world.companies), len(world.products), len(world.subscriptions)) == (60, 400, 1500)
	least = _world(companies=0, products=0, subscriptions=0)
	assert (len(least.companies), len(least.products), len(least.subscriptions)) == (4, 16, 18)


def test_ids_and_product_names_are_unique_in_a_large_catalogue() -> None:
	products = _world(companies=0, products=9000, subscriptions=0).products.order
	assert len({product.id for product in products}) == len({product.name for product in products}) == 9000


def test_every_reference_leads_somewhere(world: World) -> None:
	for subscription in world.subscriptions.order:
		assert subscription.company_id in world.companies.rows
		product = world.products.rows[subscription.product_id]
		assert subscription.product_name == product.name
		if subscription.commitment:
			held = product.commitment(subscription.commitment.id, "")
			assert held and held.term == subscription.commitment.term
		if subscription.parent_id:
			parent = world.subscriptions.rows[subscription.parent_id]
			assert (parent.company_id, parent.status) == (subscription.company_id, "Active")
			assert parent.product_id in product.requires


def test_every_status_and_several_terms_and_currencies_occur() -> None:
	rows = _world(subscriptions=6000, companies=100).subscriptions.order
	assert {row.status for row in rows} == {
		*("Active", "Cancelled", "PendingManual", "PendingAutomated", "PendingCancel"),
		*("WaitingForDetails", "Trial", "Converted", "PendingActivation", "Activated"),
	}
	assert {row.currency for row in rows} == {"USD", "EUR", "GBP", "CAD", "AUD"}
	assert {row.billing_term for row in rows} >= {"Monthly", "Annual", "3-Year", "One-Time", "Trial"}
	ends = [row.commitment.end for row in rows if row.commitment]
	assert any(end < NOW for end in ends)
	assert any(NOW < end < NOW + timedelta(days=30) for end in ends)
	assert any(row.start > NOW and row.status == "Active" for row in rows)


def test_a_trial_has_an_end_ahead_and_a_cancelled_one_behind(world: World) -> None:
	for row in world.subscriptions.order:
		if row.status == "Trial":
			assert row.end and row.end > NOW
		elif row.status in ("Cancelled", "Converted"):
			assert row.end and row.end <= NOW
		elif row.status == "Active":
			assert row.end is None


def test_prices_are_missing_rather_than_zero_where_they_are_not_known(world: World) -> None:
	without = [product for product in world.products.order if not product.pricing(None)]
	rates = [
		rate for product in world.products.order for plan in product.pricing(None) for rate in plan["rates"]
	]
	assert len(without) > 3
	assert {rate.get("partnerBuyRate", "absent") for rate in rates} >= {None, "absent", 0}
	# 0 stands for both prices or for neither: a price that is not known is never 0.
	assert all((rate.get("partnerBuyRate") == 0) == (rate.get("suggestedRetailPrice") == 0) for rate in rates)


def test_zero_prices_are_usage_of_several_units_and_also_promotions_and_trials(world: World) -> None:
	zero = [
		(product.shape.partition(":")[0], plan.unit)
		for product in world.products.order
		for plan in product.plans
		if plan.rates[0].buy == plan.rates[0].retail == 0
	]
	assert {shape for shape, _ in zero} >= {"usage", "container", "promo", "trial"}
	assert {unit for shape, unit in zero if shape == "usage"} >= {"GB", "TB", "Instance", "Endpoint"}


def test_all_price_kinds_and_range_shapes_occur(world: World) -> None:
	plans = [plan for product in world.products.order for plan in product.pricing(None)]
	assert {plan["type"] for plan in plans} == {"Flat", "Volume", "Tiered", "Mark-Up"}
	assert {rate["chargeType"] for plan in plans for rate in plan["rates"]} == {"Per Unit", "Flat Rate"}
	last = [plan["rates"][-1] for plan in plans]
	assert any("endQuantityRange" not in rate for rate in last)
	assert any(rate.get("endQuantityRange", 0) is None for rate in last)


def test_the_azure_plan_looks_as_in_the_guide_to_usage_products(world: World) -> None:
	(plan,) = world.products.rows[story.AZURE_PLAN].pricing(None)
	assert {name: plan[name] for name in ("billingTerm", "type", "unitOfMeasurement", "rates")} == {
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


def test_a_companys_own_prices_are_in_its_currency(world: World) -> None:
	product = world.products.rows[story.EXCLAIMER_PRO]
	general = product.pricing(None)[0]["rates"][0]["suggestedRetailPrice"]
	own = product.pricing(world.companies.rows[story.MUELLER_UND_SOEHNE])[0]["rates"][0][
		"suggestedRetailPrice"
	]
	assert 0.88 * general < own < 0.95 * general


def test_names_with_markup_quotes_and_other_scripts_come_right_after_the_storybook(world: World) -> None:
	names = [company.name for company in world.companies.order[:12]]
	assert names[:4] == [
		"Cedar & Pine Architects",
		"Müller & Söhne GmbH",
		"Northwind IT Services (Partner)",
		"Blue Harbor Dental",
	]
	assert {"O'Brien & Daughters Ltd", "Fox & <i>Hound</i> <b>Studio</b>", "株式会社さくらシステム"} < set(
		names
	)
	assert {company.status for company in world.companies.order} == {"Active", "Inactive", "Deleted"}


def test_the_storybook_tells_what_its_module_says(world: World) -> None:
	rows = world.subscriptions.rows
	keeper, premium = rows[story.DEMO_SUBSCRIPTION], rows[story.CEDAR_BUSINESS_PREMIUM]
	basic, ended = rows[story.CEDAR_BUSINESS_BASIC], rows[story.MUELLER_BUSINESS_BASIC]
	assert (keeper.quantity, keeper.status, keeper.commitment) == (10, "Active", None)
	assert premium.quantity == 25
	assert premium.commitment and 140 < (premium.commitment.end - NOW).days < 160
	assert ended.commitment and ended.commitment.end < NOW
	for row, decrease in ((premium, False), (basic, True)):
		assert row.commitment
		option = world.products.rows[row.product_id].commitment(row.commitment.id, "")
		assert option and option.decrease is decrease
	assert rows[story.CEDAR_TEAMS_PHONE].parent_id == premium.id
	assert rows[story.CEDAR_ACROBAT_TRIAL].end and rows[story.CEDAR_ACROBAT_TRIAL].status == "Trial"
	assert rows[story.CEDAR_EXCHANGE_CANCELLED].status == "Cancelled"
	assert rows[story.CEDAR_DROPSUITE_PENDING].status == "PendingManual"
	assert rows[story.CEDAR_DEFENDER_PROMO].price == rows[story.CEDAR_AZURE].price == 0
	assert {row.currency for row in world.subscriptions_of(story.MUELLER_UND_SOEHNE)} == {"EUR"}
	assert rows[story.BLUE_HARBOR_BUSINESS_PREMIUM].start > NOW
	assert world.products.rows[story.PRODUCT_WITHOUT_PRICES].pricing(None) == []


def test_dates_come_in_the_three_spellings_and_mean_what_they_say(world: World) -> None:
	spellings = set()
	for subscription in world.subscriptions.order:
		text = subscription.wire()["createdDate"]
		spellings.add(len(text))
		if len(text) > 10:
			assert abs(parse_moment(text) - subscription.created) < timedelta(milliseconds=1)
		else:
			assert text == subscription.created.date().isoformat()
	assert spellings == {len("2020-12-03"), len("2023-08-11T11:33:12.314-0600")}


def test_no_commitment_is_sometimes_null_and_sometimes_absent(world: World) -> None:
	rows = [row.wire() for row in world.subscriptions.order if row.commitment is None]
	assert {row.get("commitmentTerm", "absent") for row in rows} == {None, "absent"}


@pytest.mark.parametrize(
	("text", "moment"),
	[
		("2020-12-03", datetime(2020, 12, 3, tzinfo=timezone.utc)),
		("2021-01-01T08:30:00Z", datetime(2021, 1, 1, 8, 30, tzinfo=timezone.utc)),
		("2023-08-11T11:33:12.314-0600", datetime(2023, 8, 11, 17, 33, 12, 314000, tzinfo=timezone.utc)),
		("2000-10-31T01:30:00.000-05:00", datetime(2000, 10, 31, 6, 30, tzinfo=timezone.utc)),
		("2000-10-31T01:30", datetime(2000, 10, 31, 1, 30, tzinfo=timezone.utc)),
	],
)
def test_every_spelling_of_a_date_is_read(text: str, moment: datetime) -> None:
	assert parse_moment(text) == moment


@pytest.mark.parametrize("text", ["", "today", "2020-13-01", "2020-12-03T25:00:00Z", "03/12/2020"])
def test_what_is_not_a_date_is_refused(text: str) -> None:
	with pytest.raises(ValueError):
		parse_moment(text)


def test_dates_are_spelled_as_in_the_examples() -> None:
	moment = datetime(2023, 8, 11, 17, 33, 12, 314159, tzinfo=timezone.utc)
	assert as_date(moment) == "2023-08-11"
	assert as_utc(moment) == "2023-08-11T17:33:12Z"
	assert as_offset(moment) == "2023-08-11T11:33:12.314-0600"


@pytest.mark.parametrize(
	("day", "months", "moved"),
	[("2024-01-31", 1, "2024-02-29"), ("2025-12-15", 1, "2026-01-15"), ("2025-03-31", -13, "2024-02-29")],
)
def test_months_are_calendar_months(day: str, months: int, moved: str) -> None:
	assert add_months(datetime.fromisoformat(day).date(), months).isoformat() == moved


def test_a_large_partner_is_made_within_seconds() -> None:
	started = time.process_time()
	app = App(SandboxConfig(companies=2000, products=5000, subscriptions=50_000, now=NOW))
	assert len(app.world.subscriptions) == 50_000
	assert time.process_time() - started < 15
