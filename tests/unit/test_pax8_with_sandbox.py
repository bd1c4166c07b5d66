"""The client against the stand-in server, which was written from Pax8's specification and not from the client."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from msp_licensing import pax8
from msp_licensing.pax8 import Pax8Client, TokenBucket
from msp_licensing.rules.usage_class import classify
from msp_licensing.sandbox import Sandbox, storybook


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
	with Sandbox(seed=3, companies=230, products=420, subscriptions=1150, rate_limit=0) as sandbox:
		yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
	running.reset()
	return running


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[Pax8Client]:
	with Pax8Client(
		client_id="sandbox",
		client_secret="sandbox",
		base_url=sandbox.url,
		writes_allowed=True,
		limiter=TokenBucket(100_000),
		sleep=lambda seconds: None,
	) as client:
		yield client


def test_all_lists_are_read_completely(client):
	assert client.check().companies == 230
	companies = list(client.companies())
	products = list(client.products())
	subscriptions = list(client.subscriptions())
	assert [len(companies), len(products), len(subscriptions)] == [230, 420, 1150]
	owners = {company.id for company in companies}
	assert {row.company_id for row in subscriptions} <= owners
	# token, check, 2 + 3 + 6 pages
	assert client.calls == 13


def test_filters_mean_the_same_on_both_sides(client):
	mine = list(client.subscriptions(company_id=storybook.CEDAR_AND_PINE))
	assert mine and {row.company_id for row in mine} == {storybook.CEDAR_AND_PINE}
	assert {row.status for row in client.subscriptions(status="Trial")} == {"Trial"}
	assert {row.vendor_name for row in client.products(vendor_name="Microsoft")} == {"Microsoft"}


def test_every_record_can_be_read(client):
	for row in list(client.subscriptions(company_id=storybook.MUELLER_UND_SOEHNE)):
		assert client.subscription(row.id).id == row.id
		assert client.history(row.id)
	for product in list(client.products())[:60]:
		assert client.product(product.id).name == product.name
		client.dependencies(product.id)
		for plan in client.pricing(product.id):
			for rate in plan.rates:
				assert rate.partner_buy_rate is None or isinstance(rate.partner_buy_rate, Decimal)


@pytest.mark.parametrize(
	("product", "expected"),
	[
		(storybook.AZURE_PLAN, "Usage"),
		(storybook.ACRONIS_CLOUD_STORAGE, "Usage"),
		(storybook.KEEPER_BUSINESS, "Seat"),
		(storybook.SOPHOS_INTERCEPT_X, "Seat"),
		(storybook.DEFENDER_PROMO, "Unknown"),
		(storybook.PRODUCT_WITHOUT_PRICES, "Unknown"),
		(storybook.PRODUCT_WITHOUT_PARTNER_PRICE, "Seat"),
	],
)
def test_usage_is_told_from_seats_by_what_pax8_answers(client, product, expected):
	found = classify(client.pricing(product), product_name=client.product(product).name)
	assert str(found.usage_class) == expected, found.reasons


def test_a_commitment_of_a_subscription_leads_to_its_option(client):
	for row, decrease in ((storybook.CEDAR_BUSINESS_PREMIUM, False), (storybook.CEDAR_BUSINESS_BASIC, True)):
		subscription = client.subscription(row)
		option = client.dependencies(subscription.product_id).option_for(subscription.commitment_term)
		assert option is not None and option.allow_for_quantity_decrease is decrease


def test_a_change_is_made_and_can_be_read_back(client, sandbox):
	before = client.subscription(storybook.DEMO_SUBSCRIPTION)
	client.update_quantity(before.id, before.quantity + 5)
	after = client.subscription(before.id)
	assert after.quantity == before.quantity + 5
	assert (after.price, after.billing_term, after.start_date) == (
		before.price,
		before.billing_term,
		before.start_date,
	)
	assert client.history(before.id)[0].quantity == after.quantity


def test_a_refusal_comes_with_pax8s_reason(client):
	with pytest.raises(pax8.Refused) as caught:
		client.update_quantity(storybook.CEDAR_BUSINESS_PREMIUM, 20)
	assert caught.value.details and caught.value.effect == "none"
	assert client.subscription(storybook.CEDAR_BUSINESS_PREMIUM).quantity == 25


@pytest.mark.parametrize(
	("kind", "done", "error"),
	[
		("drop_before", False, pax8.NoAnswer),
		("drop_after", True, pax8.NoAnswer),
		("truncated", True, pax8.NoAnswer),
		("broken_body", True, pax8.BadAnswer),
		("empty", True, pax8.BadAnswer),
		("html", False, pax8.ServerFault),
		("status", False, pax8.ServerFault),
	],
)
def test_an_unknown_effect_is_called_unknown_and_found_out_by_reading(client, sandbox, kind, done, error):
	sandbox.faults.add(kind, "updateSubscription")
	with pytest.raises(error) as caught:
		client.update_quantity(storybook.DEMO_SUBSCRIPTION, 12)
	assert caught.value.effect == "unknown"
	assert len(sandbox.calls("updateSubscription")) == 1
	assert client.subscription(storybook.DEMO_SUBSCRIPTION).quantity == (12 if done else 10)


@pytest.mark.parametrize("kind", ["drop_before", "truncated", "broken_body", "empty", "html", "status"])
def test_a_walk_survives_trouble_that_passes(client, sandbox, kind):
	sandbox.faults.add(kind, "findSubscriptions", count=3)
	assert len(list(client.subscriptions())) == 1150


def test_a_walk_renews_a_token_that_was_forgotten(client, sandbox):
	rows = client.subscriptions()
	next(rows)
	sandbox.app.tokens.revoke_all()
	assert sum(1 for _ in rows) == 1149


def test_wrong_credentials_are_told_in_words(sandbox):
	wrong = Pax8Client(client_id="sandbox", client_secret="wrong", base_url=sandbox.url)
	with wrong as client, pytest.raises(pax8.AuthenticationFailed) as caught:
		client.check()
	assert caught.value.status == 401 and "wrong" not in str(caught.value)


# Lists that are not as they should be


@pytest.mark.parametrize(
	"rewrite",
	[
		{"name": "null_field", "rows": 3},
		{"name": "remove_field", "rows": "all", "field": "commitmentTerm"},
		{"name": "wrong_type", "rows": 5},
		{"name": "wrong_type", "rows": "all", "field": "quantity"},
		{"name": "set_field", "row": 0, "field": "id", "value": None},
		{"name": "set_field", "row": 0, "field": "id", "value": "x" * 141},
		{"name": "set_field", "rows": 2, "field": "startDate", "value": "soon"},
		{"name": "unknown_word", "rows": "all", "field": "status"},
		{"name": "huge_text", "row": 3, "field": "productName"},
		{"name": "totals", "totalElements": {"as_text": True}},
		{"name": "totals", "totalPages": {"absent": True}},
	],
	ids=str,
)
def test_a_walk_whose_caller_is_told_of_bad_rows_comes_to_its_end(client, sandbox, rewrite):
	sandbox.faults.add("rewrite", "findSubscriptions", count=None, seed=5, rewrites=[rewrite])
	told: list[pax8.BadAnswer] = []
	rows = list(client.subscriptions(on_unreadable=told.append))
	assert len(rows) + len(told) == 1150
	assert all(len(row.product_name or "") <= pax8.MAX_TEXT_CHARS for row in rows)


@pytest.mark.parametrize(
	"rewrite",
	[
		{"name": "leave_out_rows", "rows": 1},
		{"name": "totals", "totalElements": {"jitter": 3}},
		{"name": "totals", "totalElements": {"add": 1}},
		{"name": "totals", "number": {"value": 0}},
		{"name": "totals", "totalPages": {"value": 2}},
	],
	ids=str,
)
def test_a_list_that_does_not_add_up_is_incomplete_with_good_rows_and_bad_ones(client, sandbox, rewrite):
	bad = {"name": "set_field", "row": 1, "field": "id", "value": None}
	sandbox.faults.add("rewrite", "findSubscriptions", count=None, seed=5, rewrites=[rewrite, bad])
	with pytest.raises(pax8.IncompleteWalk):
		list(client.subscriptions(on_unreadable=lambda error: None))


def test_a_list_that_shifts_while_it_is_walked_is_complete_in_the_end(client, sandbox):
	gone = storybook.CEDAR_SOPHOS
	calls = [{"method": "DELETE", "path": f"/subscriptions/{gone}"}]
	sandbox.faults.add("meanwhile", "findSubscriptions", query={"page": "2"}, calls=calls)
	rows = [row.id for row in client.subscriptions()]
	assert len(rows) == len(set(rows))
	assert set(rows) - {gone} == {row.id for row in client.subscriptions()}


@pytest.mark.parametrize("life", [-5, 0, 1, None, "soon", 10**12, True])
def test_a_token_with_an_odd_life_serves_a_whole_walk(client, sandbox, life):
	rewrites = [{"name": "set_field", "field": "expires_in", "value": life}]
	sandbox.faults.add("rewrite", "createAccessToken", count=None, rewrites=rewrites)
	assert len(list(client.subscriptions())) == 1150
	assert len(sandbox.calls("createAccessToken")) == 1
