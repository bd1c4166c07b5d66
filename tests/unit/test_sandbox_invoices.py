"""The sandbox's invoices: when they appear, what is on them, what becomes of them, and that they add up."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import date, datetime, timezone
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import httpx
import pytest

from msp_licensing.sandbox import App, Sandbox, SandboxConfig
from msp_licensing.sandbox import storybook as story
from msp_licensing.sandbox.dates import parse_moment

START = datetime(2025, 3, 14, 15, 9, 26, tzinfo=timezone.utc)
FEBRUARY, MARCH, APRIL, MAY = (date(2025, month, 1) for month in (2, 3, 4, 5))
CENT = Decimal("0.01")


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
	with Sandbox(seed=3, companies=40, products=300, subscriptions=900, rate_limit=0, now=START) as sandbox:
		yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Iterator[Sandbox]:
	running.clock.freeze()
	yield running
	running.reset()


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[httpx.Client]:
	def fresh_token(request: httpx.Request) -> httpx.Request:
		# The clock is moved by months, and tokens last a day of it.
		request.headers.update(sandbox.authorization())
		return request

	with httpx.Client(base_url=sandbox.url, auth=fresh_token, verify=False) as client:
		yield client


def _at(sandbox: Sandbox, text: str) -> None:
	sandbox.clock.set(parse_moment(text))


def _rows(api: httpx.Client, path: str, **query: str) -> list[dict[str, Any]]:
	rows: list[dict[str, Any]] = []
	number, pages = 0, 1
	while number < pages:
		response = api.get(path, params={"size": "200", "page": str(number), **query})
		assert response.status_code == 200, response.text
		body = response.json(parse_float=Decimal)
		rows += body["content"]
		number, pages = number + 1, body["page"]["totalPages"]
	return rows


def _items(
	api: httpx.Client, month: date, currency: str = "USD", subscription: str = ""
) -> list[dict[str, Any]]:
	rows = _rows(api, f"/invoices/{story.invoice_id(month, currency)}/items")
	return [row for row in rows if not subscription or row["subscriptionId"] == subscription]


def _invoice(api: httpx.Client, month: date, currency: str = "USD", revision: int = 0) -> dict[str, Any]:
	response = api.get(f"/invoices/{story.invoice_id(month, currency, revision)}")
	assert response.status_code == 200, response.text
	return response.json(parse_float=Decimal)


def _cents(amount: Decimal) -> Decimal:
	return amount.quantize(CENT, ROUND_HALF_UP)


# When


def test_an_invoice_is_visible_from_the_fourth_and_dated_the_first(
	sandbox: Sandbox, api: httpx.Client
) -> None:
	april = story.invoice_id(APRIL, "USD")
	_at(sandbox, "2025-04-03T23:59:59Z")
	assert api.get(f"/invoices/{april}").status_code == 404
	assert api.get(f"/invoices/{april}/items").status_code == 404
	before = {row["id"] for row in _rows(api, "/invoices")}
	_at(sandbox, "2025-04-04T00:00:00Z")
	shown = _invoice(api, APRIL)
	assert (shown["invoiceDate"], shown["dueDate"], shown["status"]) == ("2025-04-01", "2025-04-15", "Unpaid")
	new = {row["id"] for row in _rows(api, "/invoices")} - before
	assert new == {story.invoice_id(APRIL, currency) for currency in ("USD", "EUR", "GBP", "CAD", "AUD")}


def test_there_are_four_months_at_the_start_newest_first(api: httpx.Client) -> None:
	dates = [row["invoiceDate"] for row in _rows(api, "/invoices")]
	assert dates == sorted(dates, reverse=True)
	assert set(dates) == {"2025-03-01", "2025-02-12", "2025-02-01", "2025-01-01", "2024-12-01"}


def test_an_invoice_stays_as_it_is_whatever_changes_afterwards(sandbox: Sandbox, api: httpx.Client) -> None:
	before = _invoice(api, MARCH), _items(api, MARCH)
	sandbox.change("subscriptions", story.CEDAR_KEEPER, quantity=99, price=7)
	sandbox.change("companies", story.CEDAR_AND_PINE, name="Cedar")
	sandbox.vanish("subscriptions", story.CEDAR_SOPHOS)
	assert (_invoice(api, MARCH), _items(api, MARCH)) == before


def test_it_is_the_same_when_it_is_looked_at_late(sandbox: Sandbox, api: httpx.Client) -> None:
	march = _items(api, MARCH)
	sandbox.reset()
	sandbox.clock.freeze()
	assert (
		api.put(f"/subscriptions/{story.CEDAR_KEEPER}", json={"quantity": 15, "price": 9}).status_code == 200
	)
	sandbox.assign_usage(story.NORTHWIND_SENTINELONE_USAGE, story.SENTINELONE_OF_CEDAR, story.CEDAR_AND_PINE)
	_at(sandbox, "2025-06-20T00:00:00Z")
	assert _items(api, MARCH) == march


def test_when_it_becomes_visible_the_webhooks_are_told_once(sandbox: Sandbox, api: httpx.Client) -> None:
	told: list[str] = []
	sandbox.app.events.webhooks["x"] = None  # type: ignore[assignment]
	emit = sandbox.app.events.emit
	sandbox.app.events.emit = lambda topic, payload: told.append(payload["invoiceId"]) or 0  # type: ignore[method-assign]
	try:
		sandbox.app.settle()
		_at(sandbox, "2025-04-03T00:00:00Z")
		sandbox.app.settle()
		assert told == []
		_at(sandbox, "2025-05-04T00:00:00Z")
		for _ in range(2):
			sandbox.app.settle()
	finally:
		sandbox.app.events.emit = emit  # type: ignore[method-assign]
		del sandbox.app.events.webhooks["x"]
	assert sorted(told) == sorted(
		story.invoice_id(month, currency)
		for month in (APRIL, MAY)
		for currency in ("USD", "EUR", "GBP", "CAD", "AUD")
	)


# What adds up


def test_every_invoice_is_the_sum_of_its_items_to_the_cent(api: httpx.Client) -> None:
	invoices = _rows(api, "/invoices")
	assert len(invoices) >= 20
	for invoice in invoices:
		items = _rows(api, f"/invoices/{invoice['id']}/items")
		assert {item["currencyCode"] for item in items} == {invoice["currencyCode"]}
		assert sum(item["amountDue"] for item in items) == invoice["total"]


def test_every_item_adds_up_to_the_cent(api: httpx.Client) -> None:
	items = [item for currency in ("USD", "EUR", "GBP") for item in _items(api, MARCH, currency)]
	assert any(item["salesTax"] for item in items) and any(item["billingFee"] for item in items)
	for item in items:
		units = item["quantity"] if item["chargeType"] == "per" else 1 if item["quantity"] > 0 else -1
		assert item["costTotal"] == _cents(Decimal(item["cost"]) * units)
		if "price" in item:
			charged = _cents(Decimal(item["price"]) * units)
			assert item["subTotal"] == charged + item["billingFee"]
			assert item["billingFee"] == _cents(charged * Decimal(item["billingFeeRate"]))
			assert item["total"] == item["subTotal"] + item["salesTax"]
		assert item["amountDue"] == item["costTotal"] + item["billingFee"] + item["salesTax"]
		assert (item["billingFeeRate"] > 0) == item["billedByPax8"]


def test_every_kind_of_item_that_a_client_must_cope_with_occurs(sandbox: Sandbox, api: httpx.Client) -> None:
	items = [item for row in _rows(api, "/invoices") for item in _rows(api, f"/invoices/{row['id']}/items")]
	assert {item["type"] for item in items} >= {
		*("subscription", "prorate", "one-time", "rebate", "service-credit", "service-charge"),
		"payment-credit",
	}
	assert {item["term"] for item in items} >= {
		*("Monthly", "Annual", "3 Year", "Arrears", "Rebate", "One-Time", "One-time"),
	}
	assert {item["rateType"].partition(" ")[0] for item in items} >= {"single", "flat", "volume", "tiered"}
	assert all("(" in item["rateType"] for item in items)
	assert {"id" in item for item in items} == {True, False}
	assert {item["subscriptionId"] is None for item in items} == {True, False}
	assert any(item["amountDue"] < 0 for item in items)
	ids = [item["id"] for item in items if "id" in item]
	assert len(ids) == len(set(ids))


# Subscriptions


def test_a_monthly_subscription_is_charged_for_the_month_ahead(api: httpx.Client) -> None:
	(item,) = _items(api, MARCH, subscription=story.CEDAR_KEEPER)
	assert (item["type"], item["term"], item["quantity"]) == ("subscription", "Monthly", 10)
	assert (item["startPeriod"], item["endPeriod"]) == ("2025-03-01", "2025-04-01")
	assert (item["price"], item["cost"]) == (Decimal("3.75"), Decimal("2.62"))
	assert (item["subTotal"], item["costTotal"]) == (Decimal("37.5"), Decimal("26.2"))


def test_a_change_through_the_api_is_prorated_on_the_next_invoice_from_its_day(
	sandbox: Sandbox, api: httpx.Client
) -> None:
	keeper = story.CEDAR_KEEPER
	assert api.put(f"/subscriptions/{keeper}", json={"quantity": 15}).status_code == 200
	sandbox.clock.advance(10)
	_at(sandbox, "2025-03-25T10:00:00Z")
	assert api.put(f"/subscriptions/{keeper}", json={"quantity": 12}).status_code == 200
	_at(sandbox, "2025-04-10T00:00:00Z")
	whole, up, down = sorted(_items(api, APRIL, subscription=keeper), key=lambda item: -abs(item["quantity"]))
	assert (whole["type"], whole["quantity"]) == ("subscription", 12)
	assert [(one["type"], one["quantity"], one["startPeriod"]) for one in (up, down)] == [
		("prorate", 5, "2025-03-14"),
		("prorate", -3, "2025-03-25"),
	]
	# 18 of March's 31 days are left, the 14th included; then 7.
	assert up["price"] == (Decimal("3.75") * 18 / 31).quantize(Decimal("0.0001"))
	assert up["costTotal"] == _cents((Decimal("2.62") * 18 / 31).quantize(Decimal("0.0001")) * 5)
	assert down["costTotal"] == _cents((Decimal("2.62") * 7 / 31).quantize(Decimal("0.0001")) * -3)
	_at(sandbox, "2025-05-10T00:00:00Z")
	assert [(item["type"], item["quantity"]) for item in _items(api, MAY, subscription=keeper)] == [
		("subscription", 12)
	]


def test_a_change_on_the_first_is_prorated_for_the_whole_month(sandbox: Sandbox, api: httpx.Client) -> None:
	_at(sandbox, "2025-04-01T00:00:00Z")
	assert api.put(f"/subscriptions/{story.CEDAR_KEEPER}", json={"quantity": 13}).status_code == 200
	_at(sandbox, "2025-05-10T00:00:00Z")
	assert [item["quantity"] for item in _items(api, APRIL, subscription=story.CEDAR_KEEPER)] == [10]
	charged = {item["type"]: item for item in _items(api, MAY, subscription=story.CEDAR_KEEPER)}
	assert (charged["prorate"]["quantity"], charged["prorate"]["price"]) == (3, Decimal("3.75"))
	assert charged["subscription"]["quantity"] == 13


def test_what_began_within_a_month_is_charged_from_its_day(sandbox: Sandbox, api: httpx.Client) -> None:
	new = sandbox.change(
		"subscriptions", companyId=story.CEDAR_AND_PINE, productId=story.KEEPER_BUSINESS, quantity=4
	)
	_at(sandbox, "2025-04-10T00:00:00Z")
	part, whole = sorted(_items(api, APRIL, subscription=new["id"]), key=lambda item: item["startPeriod"])
	assert (part["type"], part["quantity"], part["startPeriod"]) == ("prorate", 4, "2025-03-14")
	assert (whole["type"], whole["quantity"], whole["startPeriod"]) == ("subscription", 4, "2025-04-01")


def test_what_ended_within_a_month_gets_the_rest_back(sandbox: Sandbox, api: httpx.Client) -> None:
	sandbox.change(
		"subscriptions", story.MUELLER_EXCLAIMER, status="Cancelled", endDate="2025-03-22T00:00:00Z"
	)
	_at(sandbox, "2025-05-10T00:00:00Z")
	(back,) = _items(api, APRIL, "EUR", story.MUELLER_EXCLAIMER)
	assert (back["type"], back["quantity"], back["startPeriod"]) == ("prorate", -30, "2025-03-22")
	assert back["details"] == "Prorated for 10 of 31 days"
	assert back["amountDue"] < 0
	assert _items(api, MAY, "EUR", story.MUELLER_EXCLAIMER) == []


def test_an_annual_subscription_is_charged_once_a_year_and_its_changes_to_the_years_end(
	sandbox: Sandbox, api: httpx.Client
) -> None:
	premium = story.CEDAR_BUSINESS_PREMIUM
	began = sandbox.world.subscriptions.rows[premium].billing_start
	assert began.month == 9
	for month in (FEBRUARY, MARCH):
		assert _items(api, month, subscription=premium) == []
	assert api.put(f"/subscriptions/{premium}", json={"quantity": 30}).status_code == 200
	_at(sandbox, "2025-10-10T00:00:00Z")
	(added,) = _items(api, APRIL, subscription=premium)
	assert (added["type"], added["term"], added["quantity"]) == ("prorate", "Annual", 5)
	assert (added["startPeriod"], added["endPeriod"]) == ("2025-03-14", "2025-09-01")
	(renewed,) = _items(api, date(2025, 10, 1), subscription=premium)
	assert (renewed["type"], renewed["quantity"], renewed["startPeriod"], renewed["endPeriod"]) == (
		*("subscription", 30, "2025-09-01"),
		"2026-09-01",
	)


# Usage


def test_usage_is_charged_in_arrears_at_its_final_total_which_is_not_quite_the_last_days(
	sandbox: Sandbox, api: httpx.Client
) -> None:
	_at(sandbox, "2025-03-31T23:59:59Z")
	last = {
		row["resourceGroup"]: Decimal(str(row["currentCharges"]))
		for held in sandbox.world.subscriptions.order
		for row in sandbox.usage(held.id)
		if not row["isTrial"] and row["currentCharges"]
	}
	_at(sandbox, "2025-04-04T00:00:00Z")
	arrears = [
		item
		for currency in ("USD", "EUR", "GBP", "CAD", "AUD")
		for item in _items(api, APRIL, currency)
		if item["term"] == "Arrears"
	]
	final = {item["details"].removeprefix("Resource group: "): Decimal(item["price"]) for item in arrears}
	assert set(final) == set(last)
	assert {(item["startPeriod"], item["endPeriod"], item["quantity"]) for item in arrears} == {
		("2025-03-01", "2025-04-01", 1)
	}
	assert {final[name] == last[name] for name in last} == {True, False}
	assert all(abs(final[name] - last[name]) <= last[name] * Decimal("0.04") + 10 for name in last)


def test_usage_falls_to_the_partner_until_the_group_is_linked(sandbox: Sandbox, api: httpx.Client) -> None:
	held, group = story.NORTHWIND_SENTINELONE_USAGE, story.SENTINELONE_OF_CEDAR

	def payer(month: date) -> str:
		rows = _items(api, month, subscription=held)
		return next(row["companyId"] for row in rows if row["details"] == f"Resource group: {group}")

	sandbox.assign_usage(held, group, story.CEDAR_AND_PINE)
	_at(sandbox, "2025-05-10T00:00:00Z")
	assert payer(MARCH) == story.NORTHWIND_PARTNER
	assert payer(APRIL) == payer(MAY) == story.CEDAR_AND_PINE
	trials = f"Resource group: {story.SENTINELONE_TRIAL}"
	assert trials not in [row.get("details") for row in _items(api, APRIL)]


def test_a_summary_that_is_set_is_charged_to_the_cent(sandbox: Sandbox, api: httpx.Client) -> None:
	sandbox.set_usage(
		story.MUELLER_ACRONIS_USAGE, story.MUELLER_ACRONIS_GROUP, currentCharges=86.46, partnerTotal=71.456
	)
	_at(sandbox, "2025-04-10T00:00:00Z")
	(item,) = _items(api, APRIL, "EUR", story.MUELLER_ACRONIS_USAGE)
	assert (item["price"], item["cost"]) == (Decimal("86.46"), Decimal("71.46"))


# What becomes of them


def test_time_alone_settles_invoices_and_carries_some(sandbox: Sandbox, api: httpx.Client) -> None:
	newest = {row["status"] for row in _rows(api, "/invoices", invoiceDate="2025-03-01")}
	assert newest <= {"Unpaid", "Nothing Due"} and "Unpaid" in newest
	_at(sandbox, "2025-04-04T00:00:00Z")
	assert _invoice(api, MARCH)["status"] == "Paid"
	_march, carried = _rows(api, "/invoices", status="Carried")
	assert (carried["currencyCode"], carried["invoiceDate"]) == ("EUR", "2024-12-01")
	assert carried["balance"] == _cents(carried["total"] / 10)
	assert _invoice(api, date(2025, 1, 1), "EUR")["carriedBalance"] == carried["balance"]


def test_one_invoice_of_the_history_was_credited_and_issued_anew(api: httpx.Client) -> None:
	wrong, right = _invoice(api, FEBRUARY), _invoice(api, FEBRUARY, revision=1)
	assert (wrong["status"], wrong["balance"]) == ("Credited", 0)
	assert (right["status"], right["invoiceDate"]) == ("Paid", "2025-02-12")
	assert wrong["id"] != right["id"]
	assert wrong["total"] - right["total"] == Decimal("26.2")
	quantities = [
		[
			item["quantity"]
			for item in _rows(api, f"/invoices/{one['id']}/items")
			if item["subscriptionId"] == story.CEDAR_KEEPER
		]
		for one in (wrong, right)
	]
	assert quantities == [[20], [10]]


def test_an_invoice_can_be_credited_and_issued_anew(sandbox: Sandbox, api: httpx.Client) -> None:
	before = _invoice(api, MARCH)
	new = sandbox.reissue_invoice(before["id"], subscriptionId=story.CEDAR_KEEPER, quantity=8)
	assert new["id"] == story.invoice_id(MARCH, "USD", 1)
	assert (_invoice(api, MARCH)["status"], _invoice(api, MARCH)["balance"]) == ("Credited", 0)
	assert _invoice(api, MARCH)["total"] == before["total"]
	after = _invoice(api, MARCH, revision=1)
	assert (after["status"], after["invoiceDate"], after["dueDate"]) == ("Unpaid", "2025-03-14", "2025-03-28")
	assert before["total"] - after["total"] == 2 * Decimal("2.62")
	with pytest.raises(ValueError, match="Credited"):
		sandbox.reissue_invoice(before["id"])
	without = sandbox.reissue_invoice(after["id"], subscriptionId=story.CEDAR_KEEPER)
	rows = _rows(api, f"/invoices/{without['id']}/items")
	assert story.CEDAR_KEEPER not in [row["subscriptionId"] for row in rows]


def test_an_invoice_can_be_paid_in_parts_and_voided(sandbox: Sandbox, api: httpx.Client) -> None:
	invoice = _invoice(api, MARCH)
	assert sandbox.pay_invoice(invoice["id"], 100.5)["status"] == "Unpaid"
	assert _invoice(api, MARCH)["balance"] == invoice["total"] - Decimal("100.5")
	assert sandbox.pay_invoice(invoice["id"])["status"] == "Paid"
	assert _invoice(api, MARCH)["balance"] == 0
	with pytest.raises(ValueError, match="Paid"):
		sandbox.pay_invoice(invoice["id"])
	assert sandbox.void_invoice(story.invoice_id(MARCH, "EUR"))["status"] == "Void"
	with pytest.raises(ValueError, match="Void"):
		sandbox.void_invoice(story.invoice_id(MARCH, "EUR"))
	assert [row["currencyCode"] for row in _rows(api, "/invoices", status="Void")] == ["EUR"]


def test_how_an_invoice_is_shown_can_be_altered_and_wrong_orders_are_refused(
	sandbox: Sandbox, api: httpx.Client
) -> None:
	path = f"{sandbox.control_url}/invoices/{story.invoice_id(MARCH, 'USD')}"
	assert (
		httpx.post(
			path, json={"wire": {"status": "Disputed"}, "absent": ["balance"]}, verify=False
		).status_code
		== 200
	)
	assert _invoice(api, MARCH)["status"] == "Disputed" and "balance" not in _invoice(api, MARCH)
	shown = httpx.get(f"{sandbox.control_url}/invoices", verify=False).json()["invoices"]
	assert shown == sandbox.invoices()
	for tail, body, status in (
		("/pay", {"amount": 0}, 400),
		("/pay", {"sum": 1}, 400),
		("/credit-and-reissue", {"quantity": 3}, 400),
		("/credit-and-reissue", {"subscriptionId": "nobody's"}, 404),
		("", {"status": "Paid"}, 400),
	):
		assert httpx.post(path + tail, json=body, verify=False).status_code == status
	assert httpx.post(f"{sandbox.control_url}/invoices/none/void", json={}, verify=False).status_code == 404


# Drafts


def test_a_draft_is_next_months_invoice_without_usage_and_credits(
	sandbox: Sandbox, api: httpx.Client
) -> None:
	assert api.put(f"/subscriptions/{story.CEDAR_KEEPER}", json={"quantity": 15}).status_code == 200
	_at(sandbox, "2025-03-31T12:00:00Z")
	draft = [row for row in _rows(api, "/invoices/draftItems") if row["currencyCode"] == "USD"]
	assert not any("id" in row or row["term"] in ("Arrears", "Rebate") for row in draft)
	keeper = [row for row in draft if row["subscriptionId"] == story.CEDAR_KEEPER]
	assert sorted((row["type"], row["quantity"], row["endPeriod"]) for row in keeper) == [
		("prorate", 5, "2025-03-31"),
		("subscription", 15, "2025-04-30"),
	]
	_at(sandbox, "2025-04-04T00:00:00Z")
	invoiced = [
		row
		for row in _items(api, APRIL)
		if row["term"] not in ("Arrears", "Rebate") and row["subscriptionId"] is not None
	]
	key = ("type", "subscriptionId", "startPeriod", "quantity", "costTotal", "salesTax", "amountDue")

	def known(rows: list[dict[str, Any]]) -> list[list[str]]:
		return sorted([str(row[name]) for name in key] for row in rows)

	assert known(draft) == known(invoiced)


def test_a_draft_follows_each_change_at_once(sandbox: Sandbox, api: httpx.Client) -> None:
	def types() -> list[str]:
		rows = _rows(api, "/invoices/draftItems", companyId=story.CEDAR_AND_PINE)
		return sorted(row["type"] for row in rows if row["subscriptionId"] == story.CEDAR_KEEPER)

	assert types() == ["subscription"]
	api.put(f"/subscriptions/{story.CEDAR_KEEPER}", json={"quantity": 15})
	assert types() == ["prorate", "subscription"]


def test_the_current_months_draft_is_there_until_its_invoices_are(
	sandbox: Sandbox, api: httpx.Client
) -> None:
	assert _rows(api, "/invoices/draftItems", monthOffset="0") == []
	_at(sandbox, "2025-04-03T12:00:00Z")
	rows = _rows(api, "/invoices/draftItems", monthOffset="0", companyId=story.CEDAR_AND_PINE)
	assert {row["companyId"] for row in rows} == {story.CEDAR_AND_PINE}
	assert "2025-04-01" in {row["startPeriod"] for row in rows}


def test_a_large_partners_invoices_cost_nothing_until_they_are_looked_at() -> None:
	started = time.process_time()
	app = App(SandboxConfig(companies=500, products=500, subscriptions=10_000, now=START))
	assert app.world.invoices._issued == {}
	app.settle()
	assert app.world.invoices._issued == {}
	assert app.world.invoices.visible(START)
	assert time.process_time() - started < 30
