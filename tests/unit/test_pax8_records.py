"""Contacts, orders, usage and invoices: records as Pax8's specification shows them, and lists whose rows have no id."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any

import httpx
import pytest

from msp_licensing import pax8
from msp_licensing.pax8 import Contact, Invoice, InvoiceItem, Order, Pax8Client, UsageSummary


class NoLimit:
	def acquire(self, priority: bool = False) -> None: ...

	def penalize(self, seconds: float) -> None: ...


class Rows:
	"""A list of rows, in pages of `size`. `change` may change an answer; it is given how many calls there were."""

	def __init__(self, rows: list[Any], size: int = 200) -> None:
		self.rows = rows
		self.size = size
		self.asked: list[dict[str, str]] = []
		self.change: Callable[[int, dict[str, Any]], Any] = lambda call, answer: answer

	def __call__(self, request: httpx.Request) -> httpx.Response:
		if request.url.path.endswith("/token"):
			return httpx.Response(200, json={"access_token": "t", "expires_in": 86400})
		params = dict(request.url.params)
		self.asked.append(params)
		page, total = int(params["page"]), len(self.rows)
		answer = {
			"content": self.rows[page * self.size : (page + 1) * self.size],
			"page": {
				"size": self.size,
				"totalElements": total,
				"totalPages": -(-total // self.size),
				"number": page,
			},
		}
		return httpx.Response(200, json=self.change(len(self.asked), answer))

	def client(self) -> Pax8Client:
		return Pax8Client(
			client_id="c",
			client_secret="s3cret",
			limiter=NoLimit(),
			max_retries=0,
			concurrency=1,
			transport=httpx.MockTransport(self),
		)


def answering(answer: Any) -> Pax8Client:
	def handler(request: httpx.Request) -> httpx.Response:
		token = {"access_token": "t", "expires_in": 86400}
		return httpx.Response(200, json=token if request.url.path.endswith("/token") else answer)

	return Pax8Client(client_id="c", client_secret="s3cret", transport=httpx.MockTransport(handler))


# Contacts

CONTACT = {
	"id": "18d6329e-93f9-46a5-9df7-37e4c29d2840",
	"firstName": "John",
	"lastName": "Doe",
	"email": "john@doe.com",
	"phone": "555-555-5555",
	"createdDate": "2020-05-12",
	"types": [{"type": "Admin", "primary": True}, {"type": "Technical", "primary": False}],
}


def test_a_contact_says_what_it_is_for():
	read = Contact.model_validate(CONTACT)
	assert (read.first_name, read.phone, read.created_date) == ("John", "555-555-5555", date(2020, 5, 12))
	assert read.is_primary("admin") and not read.is_primary("Technical") and not read.is_primary("Billing")


@pytest.mark.parametrize(
	("wire", "phone"),
	[
		({"phoneNumber": "5551234", "phoneCountryCode": "+43"}, "+43 5551234"),
		({"phoneNumber": "5551234"}, "5551234"),
		({"phone": None, "phoneNumber": "5551234", "phoneCountryCode": None}, "5551234"),
		({"phone": "1", "phoneNumber": "2"}, "1"),
		({"phoneNumber": ["x"]}, None),
		({}, None),
	],
)
def test_a_phone_number_is_found_under_either_name(wire, phone):
	assert Contact.model_validate({"id": "k", **wire}).phone == phone


# Orders

ORDER = {
	"id": "8e42de97-6bfe-4db5-864b-d2e4b18c71e2",
	"companyId": "fe7a2d5f-4a14-43ff-940e-a65cda66474a",
	"createdDate": "2020-12-01",
	"orderedBy": "Pax8 Partner",
	"orderedByUserId": "c1eb37ba-9515-4f1b-9d42-b1d7cc3b23f5",
	"orderedByUserEmail": "john@doe.com",
	"isScheduled": False,
	"lineItems": [
		{
			"id": "4915142b-1b3f-4488-9e68-e979dc661130",
			"productId": "e91bba5e-a9a3-483f-b036-f80165d410e3",
			"subscriptionId": "efcf8cb8-63fc-4dc4-8caa-6d6810ee8a97",
			"provisionStartDate": "2021-01-01T08:30:00Z",
			"billingTerm": "Monthly",
			"quantity": 5,
		}
	],
}


def test_an_order_is_read_as_the_specification_shows_it():
	read = Order.model_validate(ORDER)
	assert (read.created_date, read.is_scheduled, read.ordered_by) == (
		date(2020, 12, 1),
		False,
		"Pax8 Partner",
	)
	(line,) = read.line_items
	assert (line.quantity, line.billing_term) == (5, "Monthly")
	assert line.provision_start_date == datetime(2021, 1, 1, 8, 30, tzinfo=timezone.utc)
	assert line.subscription_id == "efcf8cb8-63fc-4dc4-8caa-6d6810ee8a97"


@pytest.mark.parametrize(
	("wire", "read"),
	[
		("Pax8 Partner", "Pax8 Partner"),
		("Pax8Partner", "Pax8 Partner"),
		("customer", "Customer"),
		("Bot", "Bot"),
	],
)
def test_who_ordered_has_one_spelling_and_unknown_ones_stay(wire, read):
	assert Order.model_validate({**ORDER, "orderedBy": wire}).ordered_by == read


def test_an_order_without_an_id_is_none_where_it_is_read():
	rows = Rows([ORDER, {**ORDER, "id": None}])
	with rows.client() as client, pytest.raises(pax8.BadAnswer, match="row 2 of page 0: no id"):
		list(client.orders())
	with answering({**ORDER, "id": None}) as client, pytest.raises(pax8.BadAnswer):
		client.order("8e42de97-6bfe-4db5-864b-d2e4b18c71e2")


def test_orders_of_other_companies_are_dropped_where_pax8_did_not():
	rows = Rows([ORDER, {**ORDER, "id": "o2", "companyId": "c2"}, {**ORDER, "id": "o3", "companyId": None}])
	with rows.client() as client:
		assert [order.id for order in client.orders("c2")] == ["o2", "o3"]


def test_questions_before_an_order_are_read_as_the_specification_shows_them():
	answer = {
		"content": [
			{
				"label": "Does the customer have an existing Microsoft account?",
				"key": "msCustExists",
				"valueType": "Single-Value",
				"possibleValues": ["No, the customer does not", "Yes, the customer has"],
			},
			{
				"label": "Date of Acceptance",
				"key": "mca2020EffectiveDate",
				"valueType": "input",
				"description": "(YYYY-MM-DD)",
				"possibleValues": None,
			},
		]
	}
	with answering(answer) as client:
		choice, text = client.provision_details("p1")
	assert choice.possible_values == ("No, the customer does not", "Yes, the customer has")
	assert (text.key, text.value_type, text.description) == ("mca2020EffectiveDate", "Input", "(YYYY-MM-DD)")
	assert text.possible_values == ()


# Usage

SUMMARY = {
	"id": "52d8d4bc-59db-48fe-9aa7-95bed562ff95",
	"companyId": "ede334e7-d1c7-4e0a-822d-dee891f6ce9a",
	"subscriptionId": "8d04ad8c-456a-4b1d-9abe-a42ae526f683",
	"productId": "b3bb9455-c454-4efa-9be8-15b86caf6933",
	"resourceGroup": "Company 1",
	"vendorName": "Microsoft",
	"currentCharges": 100.56,
	"currencyCode": "USD",
	"partnerTotal": 86.456,
	"isTrial": False,
}
LINE = {
	"usageDate": "2020-01-14",
	"productName": "Proofpoint Essentials - Professional",
	"productId": "61bf3a55-f1da-4efd-88eb-bf362b0ad51e",
	"unitOfMeasure": "User",
	"quantity": 3,
	"currentCharges": 15.99,
	"currentProfit": 5.61,
	"partnerTotal": 10.38,
	"unitPrice": 5.33,
	"currencyCode": "USD",
	"isTrial": False,
}
DAY = date(2020, 1, 14)


def test_usage_keeps_its_decimals_and_what_is_not_there_is_not_zero():
	read = UsageSummary.model_validate(SUMMARY)
	assert (read.current_charges, read.partner_total) == (Decimal("100.56"), Decimal("86.456"))
	bare = UsageSummary.model_validate({"id": "u"})
	assert bare.current_charges is None and bare.partner_total is None and bare.company_id is None


def test_usage_that_does_not_name_its_subscription_is_given_the_one_that_was_asked_for():
	unnamed = {name: value for name, value in SUMMARY.items() if name not in ("subscriptionId", "companyId")}
	rows = Rows([SUMMARY, {**unnamed, "id": "u2"}, {**unnamed, "id": "u3", "subscriptionId": None}])
	with rows.client() as client:
		read = list(client.usage_summaries("s1"))
		assert [row.subscription_id for row in read] == [SUMMARY["subscriptionId"], "s1", "s1"]
		assert [row.company_id for row in read] == [SUMMARY["companyId"], None, None]
		mine = client.usage_summaries("s1", resource_group="company 1", company_id="other")
		assert [row.id for row in mine] == ["u2", "u3"], "what has no company is nobody else's either"


def test_all_lines_of_a_day_are_read_over_all_pages():
	rows = Rows([{**LINE, "quantity": n} for n in range(115)], size=10)
	with rows.client() as client:
		read = client.usage_lines("u1", DAY)
	assert [line.quantity for line in read] == list(range(115))
	assert len(rows.asked) == 12
	assert {line.usage_summary_id for line in read} == {"u1"}
	assert all(asked["usageDate"] == "2020-01-14" and asked["size"] == "200" for asked in rows.asked)


@pytest.mark.parametrize("bare", [False, True])
@pytest.mark.parametrize("count", [0, 1, 10, 199, 201])
def test_lines_that_come_without_pages_are_all_there_are(count, bare):
	rows = Rows([LINE] * count, size=1000)
	rows.change = lambda call, answer: answer["content"] if bare else {"content": answer["content"]}
	with rows.client() as client:
		assert len(client.usage_lines("u1", DAY)) == count
	assert len(rows.asked) == 1


def test_a_full_page_of_lines_that_does_not_say_what_follows_is_not_taken_for_all():
	rows = Rows([LINE] * 200)
	rows.change = lambda call, answer: {"content": answer["content"]}
	with rows.client() as client, pytest.raises(pax8.BadAnswer, match="does not say how many"):
		client.usage_lines("u1", DAY)


def test_lines_of_another_day_or_product_are_dropped_where_pax8_did_not():
	rows = Rows([LINE, {**LINE, "usageDate": "2020-01-13"}, {**LINE, "productId": "p2", "usageDate": None}])
	with rows.client() as client:
		assert len(client.usage_lines("u1", DAY)) == 2
		assert [line.product_id for line in client.usage_lines("u1", DAY, "p2")] == ["p2"]


# Invoices

INVOICE = {
	"id": "17029935-36b0-4f0f-9d5e-c8af04f7b57a",
	"total": 17432960,
	"currencyCode": "USD",
	"balance": 560470.66,
	"carriedBalance": 17204372.33,
	"status": "Paid",
	"invoiceDate": "2020-09-01",
	"dueDate": "2020-09-15",
	"partnerName": "My Partner Name",
}
ITEM = {
	"type": "subscription",
	"purchaseOrderNumber": "N/A",
	"companyId": "cc0ac255-7c0b-4123-ac8d-a6c280b85eae",
	"companyName": "Brick and Mortar Tech",
	"startPeriod": "2019-04-01",
	"endPeriod": "2019-05-01",
	"quantity": 11,
	"unitOfMeasure": "User",
	"term": "Monthly",
	"sku": "PAX-233-ukw0-9092",
	"description": "Microsoft Office E3",
	"rateType": "single",
	"chargeType": "per",
	"price": 50000,
	"subTotal": 27500,
	"cost": 2500,
	"costTotal": 27500,
	"offeredBy": "Pax8",
	"billedByPax8": False,
	"total": 550000,
	"productId": "de4ff8a5-e836-4412-89e7-03236c0641c4",
	"productName": "Microsoft Office E3",
	"billingFee": 0,
	"billingFeeRate": 0,
	"amountDue": 27500,
	"currencyCode": "USD",
	"salesTax": 2200,
	"subscriptionId": "f6b60139-8ab6-45f4-b808-354ebbe53070",
}


def test_an_invoice_is_read_with_or_without_its_status():
	read = Invoice.model_validate(INVOICE)
	assert (read.status, read.balance, read.due_date) == ("Paid", Decimal("560470.66"), date(2020, 9, 15))
	assert Invoice.model_validate({**INVOICE, "status": None}).status is None
	assert Invoice.model_validate({**INVOICE, "status": "nothing_due"}).status == "Nothing Due"
	assert Invoice.model_validate({**INVOICE, "status": "Disputed"}).status == "Disputed"


def test_an_item_is_read_as_the_specification_shows_it():
	read = InvoiceItem.model_validate(ITEM)
	assert (read.id, read.quantity, read.start_period) == (None, 11, date(2019, 4, 1))
	assert (read.price, read.sub_total, read.cost_total) == (50000, 27500, 27500)
	assert (read.billing_fee, read.billed_by_pax8) == (Decimal(0), False)
	bare = InvoiceItem.model_validate({"subscriptionId": None})
	assert set(bare.model_dump().values()) == {None}


@pytest.mark.parametrize(
	("field", "wire", "read"),
	[
		("term", "2 Year", "2-Year"),
		("term", "One-time", "One-Time"),
		("term", "Arrears", "Arrears"),
		("type", "payment-credit", "payment-credit"),
		("type", "payment_credit", "payment-credit"),
		("type", "Late Fee", "Late Fee"),
		("rateType", "markup", "Mark-Up"),
		("rateType", "single (Single price for any quantity, same as flat)", "Flat"),
		("rateType", "tiered", "Tiered"),
		("rateType", "stairs", "stairs"),
		("chargeType", "per", "Per Unit"),
		("chargeType", "per_unit", "Per Unit"),
		("chargeType", "flat", "Flat Rate"),
		("chargeType", "daily", "daily"),
	],
)
def test_items_spell_things_as_price_lists_do(field, wire, read):
	item = InvoiceItem.model_validate({**ITEM, field: wire})
	assert {"term": item.term, "type": item.type, "rateType": item.rate_type, "chargeType": item.charge_type}[
		field
	] == read


def test_invoices_that_pax8_did_not_filter_are_dropped_here():
	rows = Rows(
		[
			INVOICE,
			{**INVOICE, "id": "later", "invoiceDate": "2020-10-01", "status": "Void"},
			{**INVOICE, "id": "unsaid", "invoiceDate": None, "status": None, "dueDate": None},
		]
	)
	with rows.client() as client:

		def found(**filters: Any) -> list[str]:
			return [row.id for row in client.invoices(**filters)]

		assert found(status="void") == ["later", "unsaid"]
		assert found(from_date=date(2020, 9, 2)) == ["later", "unsaid"]
		assert found(to_date=date(2020, 10, 1)) == [INVOICE["id"], "later", "unsaid"]
		assert found(from_date=date(2020, 9, 1), to_date=date(2020, 9, 1)) == [INVOICE["id"], "unsaid"]
		assert found(invoice_date=date(2020, 10, 1)) == ["later", "unsaid"]
		assert found(due_date=datetime(2020, 9, 16)) == ["unsaid"]


def test_items_without_an_id_are_told_apart_even_when_they_are_equal():
	rows = Rows([ITEM] * 7 + [{**ITEM, "id": "i8"}], size=3)
	with rows.client() as client:
		assert [item.id for item in client.invoice_items("i1")] == [None] * 7 + ["i8"]
	assert len(rows.asked) == 3


def test_a_list_of_items_that_changed_meanwhile_is_incomplete_at_once():
	# Walked a second time, an item without an id could come twice or get lost unnoticed.
	rows = Rows([ITEM] * 6, size=3)

	def grow(call: int, answer: dict[str, Any]) -> dict[str, Any]:
		rows.rows = [ITEM] * 7
		return answer

	rows.change = grow
	with rows.client() as client, pytest.raises(pax8.IncompleteWalk, match="total changed from 6 to 7"):
		list(client.invoice_items("i1"))
	assert len(rows.asked) == 2


def test_a_list_of_items_with_ids_that_changed_meanwhile_is_walked_again():
	rows = Rows([{**ITEM, "id": f"i{n}"} for n in range(6)], size=3)

	def grow(call: int, answer: dict[str, Any]) -> dict[str, Any]:
		if call == 1:
			rows.rows = [{**ITEM, "id": "new"}, *rows.rows]
		return answer

	rows.change = grow
	with rows.client() as client:
		ids = [item.id for item in client.draft_items(month_offset=1)]
	assert sorted(ids) == [*(f"i{n}" for n in range(6)), "new"]


def test_the_same_page_twice_is_not_taken_for_two():
	rows = Rows([ITEM] * 6, size=3)
	rows.change = lambda call, answer: {**answer, "page": {**answer["page"], "number": 0}}
	with rows.client() as client, pytest.raises(pax8.IncompleteWalk, match="page 0 came"):
		list(client.invoice_items("i1"))


def test_draft_items_of_other_companies_are_dropped_where_pax8_did_not():
	rows = Rows([ITEM, {**ITEM, "companyId": "c2"}])
	with rows.client() as client:
		assert [item.company_id for item in client.draft_items(month_offset=0, company_id="C2")] == ["c2"]


@pytest.mark.parametrize(
	("walk", "row"),
	[
		(lambda c, told: c.usage_summaries("s1", on_unreadable=told), {**SUMMARY, "currentCharges": "much"}),
		(lambda c, told: c.invoices(on_unreadable=told), {**INVOICE, "dueDate": "soon"}),
		(lambda c, told: c.invoice_items("i1", on_unreadable=told), {**ITEM, "quantity": []}),
		(lambda c, told: c.draft_items(month_offset=1, on_unreadable=told), {**ITEM, "total": "NaN"}),
	],
	ids=["usage_summaries", "invoices", "invoice_items", "draft_items"],
)
def test_an_unreadable_row_does_not_end_a_walk_whose_caller_is_told(walk, row):
	good = {"id": "good"}
	rows = Rows([good, row, {"id": "good too"}])
	told: list[pax8.BadAnswer] = []
	with rows.client() as client:
		assert [read.id for read in walk(client, told.append)] == ["good", "good too"]
	assert [error.record_id for error in told] == [row.get("id")]
	with rows.client() as client, pytest.raises(pax8.BadAnswer):
		list(walk(client, None))
