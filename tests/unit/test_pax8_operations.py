"""What each operation sends, to the letter, and that no write leaves a client that only observes."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from msp_licensing import pax8
from msp_licensing.pax8 import OrderLine, Pax8Client

API = "https://api.pax8.com/v1"
HOOKS = "https://api.pax8.com/api/v2"
PAGE = {"page": "0", "size": "200"}
HOOK_SECRET = SecretStr("deliveries-carry-this-0123456789")
WEBHOOK = {"id": "w1", "displayName": "ERP", "authorization": HOOK_SECRET.get_secret_value()}


class NoLimit:
	def acquire(self, priority: bool = False) -> None: ...

	def penalize(self, seconds: float) -> None: ...


class Wire:
	"""Answers everything with `answer`, and remembers what was sent."""

	def __init__(self, answer: object = None) -> None:
		self.answer = answer
		self.sent: list[httpx.Request] = []

	def __call__(self, request: httpx.Request) -> httpx.Response:
		request.read()
		if request.url.path == "/v1/token":
			return httpx.Response(200, json={"access_token": "t", "expires_in": 86400})
		self.sent.append(request)
		if isinstance(self.answer, Exception):
			raise self.answer
		if isinstance(self.answer, httpx.Response):
			return self.answer
		return httpx.Response(200, json=self.answer)

	def client(self, **options: Any) -> Pax8Client:
		options = {"writes_allowed": True, "max_retries": 0, "limiter": NoLimit(), **options}
		return Pax8Client(
			client_id="c", client_secret="s3cret", transport=httpx.MockTransport(self), **options
		)


def page_of(*rows: dict[str, Any]) -> dict[str, Any]:
	totals = {"size": 200, "totalElements": len(rows), "totalPages": 1, "number": 0}
	return {"content": list(rows), "page": totals}


def do(client: Pax8Client, call: Callable[[Pax8Client], Any]) -> Any:
	"""Call, and walk what is a walk."""
	result = call(client)
	return list(result) if isinstance(result, Iterator) else result


@dataclass
class Sends:
	"""An operation, an answer it can live with, and what it must send."""

	call: Callable[[Pax8Client], Any]
	answer: object
	method: str
	url: str
	query: dict[str, str] = field(default_factory=dict)
	body: object = None


OPERATIONS = {
	# Webhooks
	"webhook_topics": Sends(
		lambda c: c.webhook_topics(),
		{"content": [], "number": 0, "size": 200, "totalElements": 0, "totalPages": 0},
		"GET",
		f"{HOOKS}/webhooks/topic-definitions",
		PAGE,
	),
	"webhooks": Sends(lambda c: c.webhooks(), page_of(), "GET", f"{HOOKS}/webhooks", PAGE),
	"webhooks, filtered": Sends(
		lambda c: c.webhooks(topic="INVOICE", active=False),
		page_of(),
		"GET",
		f"{HOOKS}/webhooks",
		{"topic": "INVOICE", "active": "false", **PAGE},
	),
	"webhook": Sends(lambda c: c.webhook("w1"), WEBHOOK, "GET", f"{HOOKS}/webhooks/w1"),
	"create_webhook": Sends(
		lambda c: c.create_webhook(
			display_name="ERP",
			url="https://erp.example.com/api/method/receive",
			authorization=HOOK_SECRET,
			topics=["INVOICE", "PRODUCT", "INVOICE"],
		),
		WEBHOOK,
		"POST",
		f"{HOOKS}/webhooks",
		body={
			"displayName": "ERP",
			"url": "https://erp.example.com/api/method/receive",
			"authorization": HOOK_SECRET.get_secret_value(),
			"active": True,
			"webhookTopics": [{"topic": "INVOICE", "filters": []}, {"topic": "PRODUCT", "filters": []}],
		},
	),
	"create_webhook, with all": Sends(
		lambda c: c.create_webhook(
			display_name="ERP",
			url="http://127.0.0.1:8000/x?y=1",
			authorization=HOOK_SECRET,
			topics=(),
			active=False,
			contact_email="ops@example.com",
			error_threshold=20,
		),
		WEBHOOK,
		"POST",
		f"{HOOKS}/webhooks",
		body={
			"displayName": "ERP",
			"url": "http://127.0.0.1:8000/x?y=1",
			"authorization": HOOK_SECRET.get_secret_value(),
			"active": False,
			"contactEmail": "ops@example.com",
			"errorThreshold": 20,
			"webhookTopics": [],
		},
	),
	"configure_webhook": Sends(
		lambda c: c.configure_webhook(
			"w1", display_name="ERP", url="https://erp.example.com/r", authorization=HOOK_SECRET
		),
		WEBHOOK,
		"POST",
		f"{HOOKS}/webhooks/w1/configuration",
		body={
			"displayName": "ERP",
			"url": "https://erp.example.com/r",
			"authorization": HOOK_SECRET.get_secret_value(),
		},
	),
	"set_webhook_active": Sends(
		lambda c: c.set_webhook_active("w1", False),
		WEBHOOK,
		"POST",
		f"{HOOKS}/webhooks/w1/status",
		body={"active": False},
	),
	"add_webhook_topic": Sends(
		lambda c: c.add_webhook_topic("w1", "INVOICE"),
		WEBHOOK,
		"POST",
		f"{HOOKS}/webhooks/w1/topics",
		body={"topic": "INVOICE", "filters": []},
	),
	"replace_webhook_topics": Sends(
		lambda c: c.replace_webhook_topics("w1", ["INVOICE"]),
		WEBHOOK,
		"PUT",
		f"{HOOKS}/webhooks/w1/topics",
		body={"webhookTopics": [{"topic": "INVOICE", "filters": []}]},
	),
	"remove_webhook_topic": Sends(
		lambda c: c.remove_webhook_topic("w1", "t1"),
		httpx.Response(204),
		"DELETE",
		f"{HOOKS}/webhooks/w1/topics/t1",
	),
	"delete_webhook": Sends(
		lambda c: c.delete_webhook("w1"), httpx.Response(204), "DELETE", f"{HOOKS}/webhooks/w1"
	),
	"test_webhook_topic": Sends(
		lambda c: c.test_webhook_topic("w1", "INVOICE"),
		{"url": "https://erp.example.com/r", "webhook": WEBHOOK},
		"POST",
		f"{HOOKS}/webhooks/w1/topics/INVOICE/test",
	),
	"webhook_logs": Sends(
		lambda c: c.webhook_logs("w1", topic="INVOICE", status="failed"),
		page_of(),
		"GET",
		f"{HOOKS}/webhooks/w1/logs",
		{"topicName": "INVOICE", "status": "FAILED", **PAGE},
	),
	"webhook_log": Sends(
		lambda c: c.webhook_log("w1", "l1"), {"id": "l1"}, "GET", f"{HOOKS}/webhooks/w1/logs/l1"
	),
	"retry_webhook_log": Sends(
		lambda c: c.retry_webhook_log("w1", "l1"),
		httpx.Response(202),
		"POST",
		f"{HOOKS}/webhooks/w1/logs/l1/retry",
	),
	# Companies
	"check": Sends(
		lambda c: c.check(), page_of({"id": "c1"}), "GET", f"{API}/companies", {"page": "0", "size": "1"}
	),
	"companies": Sends(lambda c: c.companies(), page_of(), "GET", f"{API}/companies", PAGE),
	"companies, filtered": Sends(
		lambda c: c.companies(status="active", bill_on_behalf_of_enabled=False, postal_code="80210"),
		page_of(),
		"GET",
		f"{API}/companies",
		{"status": "Active", "billOnBehalfOfEnabled": "false", "postalCode": "80210", **PAGE},
	),
	"company": Sends(lambda c: c.company("c1"), {"id": "c1"}, "GET", f"{API}/companies/c1"),
	"contacts": Sends(lambda c: c.contacts("c1"), page_of(), "GET", f"{API}/companies/c1/contacts", PAGE),
	"contact": Sends(lambda c: c.contact("c1", "k1"), {"id": "k1"}, "GET", f"{API}/companies/c1/contacts/k1"),
	# Products
	"products": Sends(
		lambda c: c.products(search="backup"),
		page_of(),
		"GET",
		f"{API}/products",
		{"search": "backup", **PAGE},
	),
	"product": Sends(lambda c: c.product("p1"), {"id": "p1"}, "GET", f"{API}/products/p1"),
	"pricing": Sends(
		lambda c: c.pricing("p1", "c1"),
		{"content": []},
		"GET",
		f"{API}/products/p1/pricing",
		{"companyId": "c1"},
	),
	"dependencies": Sends(lambda c: c.dependencies("p1"), {}, "GET", f"{API}/products/p1/dependencies"),
	"provision_details": Sends(
		lambda c: c.provision_details("p1"), {"content": []}, "GET", f"{API}/products/p1/provision-details"
	),
	# Subscriptions
	"subscriptions": Sends(lambda c: c.subscriptions(), page_of(), "GET", f"{API}/subscriptions", PAGE),
	"subscriptions, sorted": Sends(
		lambda c: c.subscriptions(company_id="c1", sort="createdDate,desc"),
		page_of(),
		"GET",
		f"{API}/subscriptions",
		{"companyId": "c1", "sort": "createdDate,desc", **PAGE},
	),
	"subscription": Sends(lambda c: c.subscription("s1"), {"id": "s1"}, "GET", f"{API}/subscriptions/s1"),
	"history": Sends(lambda c: c.history("s1"), {"content": []}, "GET", f"{API}/subscriptions/s1/history"),
	"update_quantity": Sends(
		lambda c: c.update_quantity("s1", 7),
		{"id": "s1"},
		"PUT",
		f"{API}/subscriptions/s1",
		body={"quantity": 7},
	),
	"cancel": Sends(lambda c: c.cancel("s1"), httpx.Response(204), "DELETE", f"{API}/subscriptions/s1"),
	"cancel, on a day": Sends(
		lambda c: c.cancel("s1", date(2026, 5, 1)),
		httpx.Response(204),
		"DELETE",
		f"{API}/subscriptions/s1",
		{"cancelDate": "2026-05-01T00:00:00Z"},
	),
	"cancel, at a moment": Sends(
		lambda c: c.cancel("s1", datetime(2000, 10, 31, 1, 30, tzinfo=timezone(timedelta(hours=-5)))),
		httpx.Response(204),
		"DELETE",
		f"{API}/subscriptions/s1",
		{"cancelDate": "2000-10-31T06:30:00Z"},
	),
	# Orders
	"orders": Sends(lambda c: c.orders(), page_of(), "GET", f"{API}/orders", PAGE),
	"orders, of a company": Sends(
		lambda c: c.orders("c1"), page_of(), "GET", f"{API}/orders", {"companyId": "c1", **PAGE}
	),
	"order": Sends(lambda c: c.order("o1"), {"id": "o1"}, "GET", f"{API}/orders/o1"),
	"create_order": Sends(
		lambda c: c.create_order(
			"c1",
			[
				OrderLine(
					product_id="p1",
					quantity=5,
					billing_term="annual",
					commitment_term_id="k1",
					provisioning_details={
						"msCustExists": "No, the customer does not have a Microsoft account",
						"regions": ["EU", "US"],
					},
				),
				OrderLine(product_id="p2", quantity=1, billing_term="2 Year", parent_line_item_number=1),
			],
			mock=False,
			ordered_by="Customer",
			ordered_by_user_email="john@doe.com",
		),
		{"id": "o1", "companyId": "c1"},
		"POST",
		f"{API}/orders",
		{"isMock": "false"},
		{
			"companyId": "c1",
			"orderedBy": "Customer",
			"orderedByUserEmail": "john@doe.com",
			"lineItems": [
				{
					"productId": "p1",
					"lineItemNumber": 1,
					"quantity": 5,
					"billingTerm": "Annual",
					"commitmentTermId": "k1",
					"provisioningDetails": [
						{
							"key": "msCustExists",
							"values": ["No, the customer does not have a Microsoft account"],
						},
						{"key": "regions", "values": ["EU", "US"]},
					],
				},
				{
					"productId": "p2",
					"lineItemNumber": 2,
					"quantity": 1,
					"billingTerm": "2-Year",
					"parentLineItemNumber": 1,
				},
			],
		},
	),
	"create_order, for show": Sends(
		lambda c: c.create_order(
			"c1",
			[
				OrderLine(
					product_id="p1",
					quantity=1,
					billing_term="Monthly",
					line_item_number=7,
					parent_subscription_id="s1",
					provision_start_date=datetime(2021, 1, 1, 8, 30, tzinfo=timezone.utc),
				)
			],
			mock=True,
		),
		{"companyId": "C1"},
		"POST",
		f"{API}/orders",
		{"isMock": "true"},
		{
			"companyId": "c1",
			"orderedBy": "Pax8 Partner",
			"lineItems": [
				{
					"productId": "p1",
					"lineItemNumber": 7,
					"quantity": 1,
					"billingTerm": "Monthly",
					"parentSubscriptionId": "s1",
					"provisionStartDate": "2021-01-01T08:30:00Z",
				}
			],
		},
	),
	# Usage
	"usage_summaries": Sends(
		lambda c: c.usage_summaries("s1"), page_of(), "GET", f"{API}/subscriptions/s1/usage-summaries", PAGE
	),
	"usage_summaries, filtered": Sends(
		lambda c: c.usage_summaries("s1", resource_group="IronCloud Technologies", company_id="c1"),
		page_of(),
		"GET",
		f"{API}/subscriptions/s1/usage-summaries",
		{"resourceGroup": "IronCloud Technologies", "companyId": "c1", **PAGE},
	),
	"usage_summary": Sends(lambda c: c.usage_summary("u1"), {"id": "u1"}, "GET", f"{API}/usage-summaries/u1"),
	"usage_lines": Sends(
		lambda c: c.usage_lines("u1", date(2020, 1, 1)),
		page_of(),
		"GET",
		f"{API}/usage-summaries/u1/usage-lines",
		{"usageDate": "2020-01-01", **PAGE},
	),
	"usage_lines, of a product": Sends(
		lambda c: c.usage_lines("u1", datetime(2020, 1, 1, 23, 59), "p1"),
		{"content": []},
		"GET",
		f"{API}/usage-summaries/u1/usage-lines",
		{"usageDate": "2020-01-01", "productId": "p1", **PAGE},
	),
	# Invoices
	"invoices": Sends(lambda c: c.invoices(), page_of(), "GET", f"{API}/invoices", PAGE),
	"invoices, filtered": Sends(
		lambda c: c.invoices(
			status="nothing due",
			invoice_date=date(2025, 3, 1),
			from_date=date(2025, 1, 1),
			to_date=date(2025, 12, 31),
			due_date=date(2025, 3, 15),
			sort="invoiceDate,desc",
		),
		page_of(),
		"GET",
		f"{API}/invoices",
		{
			"status": "Nothing Due",
			"invoiceDate": "2025-03-01",
			"invoiceDateRangeStart": "2025-01-01",
			"invoiceDateRangeEnd": "2025-12-31",
			"dueDate": "2025-03-15",
			"sort": "invoiceDate,desc",
			**PAGE,
		},
	),
	"invoice": Sends(lambda c: c.invoice("i1"), {"id": "i1"}, "GET", f"{API}/invoices/i1"),
	"invoice_items": Sends(
		lambda c: c.invoice_items("i1"), page_of(), "GET", f"{API}/invoices/i1/items", PAGE
	),
	"draft_items": Sends(
		lambda c: c.draft_items(month_offset=0),
		page_of(),
		"GET",
		f"{API}/invoices/draftItems",
		{"monthOffset": "0", **PAGE},
	),
	"draft_items, of a company": Sends(
		lambda c: c.draft_items(month_offset=1, company_id="c1"),
		page_of(),
		"GET",
		f"{API}/invoices/draftItems",
		{"monthOffset": "1", "companyId": "c1", **PAGE},
	),
}


WRITES = [name for name, case in OPERATIONS.items() if case.method != "GET"]


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_sends_this_and_nothing_else(name):
	expected = OPERATIONS[name]
	wire = Wire(expected.answer)
	with wire.client() as client:
		do(client, expected.call)
	(request,) = wire.sent
	assert request.method == expected.method
	assert str(request.url.copy_with(query=None)) == expected.url
	assert dict(request.url.params) == expected.query
	assert (json.loads(request.content) if request.content else None) == expected.body
	assert request.headers["Authorization"] == "Bearer t"


def operations_of_the_client() -> list[str]:
	"""All public methods but those that are about the connection itself."""
	names = [name for name, _ in inspect.getmembers(Pax8Client, inspect.isfunction) if name[0] != "_"]
	return [name for name in names if name not in ("close", "listening")]


def cases_of(operation: str) -> list[Sends]:
	return [case for name, case in OPERATIONS.items() if name.split(",")[0] == operation]


@pytest.mark.parametrize("operation", operations_of_the_client())
def test_no_operation_writes_while_only_observing(operation):
	"""All operations are tried, so that a new one cannot be forgotten: it has to say above what it sends."""
	cases = cases_of(operation)
	assert cases, f"what {operation} sends is not in OPERATIONS"
	for case in cases:
		wire = Wire(case.answer)
		with wire.client(writes_allowed=False) as client:
			if case.method == "GET":
				do(client, case.call)
				assert {request.method for request in wire.sent} == {"GET"}
				continue
			with pytest.raises(pax8.WritesDisabled) as caught:
				do(client, case.call)
			assert (caught.value.operation, caught.value.effect) == (operation, "none")
			assert client.calls == 0 and wire.sent == []


@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize("fault", [httpx.ReadTimeout("slow"), 500, 502, 503, 504, 429, 422, 404])
def test_no_write_is_sent_twice(name, fault):
	wire = Wire(fault if isinstance(fault, Exception) else httpx.Response(fault, json={"message": "no"}))
	client = wire.client(max_retries=3, sleep=lambda seconds: None)
	with client, pytest.raises(pax8.Pax8Error) as caught:
		do(client, OPERATIONS[name].call)
	assert len(wire.sent) == 1
	assert caught.value.effect == ("none" if fault in (404, 422, 429) else "unknown")


@pytest.mark.parametrize("name", WRITES)
def test_an_empty_answer_is_success_only_where_none_was_promised(name):
	case = OPERATIONS[name]
	promised_none = isinstance(case.answer, httpx.Response)
	for status in (200, 202, 204):
		with Wire(httpx.Response(status)).client() as client:
			if promised_none:
				assert do(client, case.call) is None
				continue
			with pytest.raises(pax8.BadAnswer) as caught:
				do(client, case.call)
			assert caught.value.effect == "unknown"


class BreaksOff(httpx.SyncByteStream):
	def __iter__(self) -> Iterator[bytes]:
		yield b'{"id'
		raise httpx.ReadError("reset")


@pytest.mark.parametrize("name", WRITES)
def test_a_body_that_breaks_off_matters_only_where_one_was_promised(name):
	case = OPERATIONS[name]
	promised_none = isinstance(case.answer, httpx.Response)
	for status in (200, 302, 500):
		with Wire(httpx.Response(status, stream=BreaksOff())).client() as client:
			if promised_none and status == 200:
				assert do(client, case.call) is None
				continue
			with pytest.raises(pax8.Pax8Error) as caught:
				do(client, case.call)
			assert caught.value.effect == "unknown"


@pytest.mark.parametrize("name", WRITES)
def test_any_status_of_success_is_success(name):
	case = OPERATIONS[name]
	body = case.answer
	answer = httpx.Response(201) if isinstance(body, httpx.Response) else httpx.Response(201, json=body)
	with Wire(answer).client() as client:
		do(client, case.call)


ONE_LINE = [OrderLine(product_id="p1", quantity=1, billing_term="Monthly")]


@pytest.mark.parametrize(
	"call",
	[
		lambda c: c.subscriptions(sort="createdDate"),
		lambda c: c.subscriptions(sort="createdDate,down"),
		lambda c: c.subscriptions(sort="created_date,desc"),
		lambda c: c.subscriptions(sort="status,asc"),
		lambda c: c.subscriptions(sort=""),
		lambda c: c.subscriptions(sort=7),
		lambda c: c.invoices(sort="createdDate,asc"),
		lambda c: c.invoices(sort="total,"),
		lambda c: c.invoices(from_date="2025-01-01"),
		lambda c: c.draft_items(month_offset=2),
		lambda c: c.draft_items(month_offset=True),
		lambda c: c.draft_items(month_offset=None),
		lambda c: c.draft_items(month_offset="1"),
		lambda c: c.usage_lines("u1", None),
		lambda c: c.usage_lines("u1", "2025-01-01"),
		lambda c: c.usage_lines("", date(2025, 1, 1)),
		lambda c: c.cancel("s1", datetime(2026, 5, 1)),
		lambda c: c.cancel("s1", "2026-05-01"),
		lambda c: c.cancel(" "),
		lambda c: c.contact("c1", ".."),
		lambda c: c.create_order("c1", ONE_LINE, mock=None),
		lambda c: c.create_order("c1", ONE_LINE, mock="false"),
		lambda c: c.create_order("c1", [], mock=True),
		lambda c: c.create_order("c1", [{"productId": "p1"}], mock=True),
		lambda c: c.create_order("", ONE_LINE, mock=True),
		lambda c: c.create_order("c1", ONE_LINE, mock=True, ordered_by="Partner"),
		lambda c: c.create_order(
			"c1", [ONE_LINE[0].model_copy(update={"line_item_number": 1})] * 2, mock=True
		),
		lambda c: c.create_order(
			"c1", [ONE_LINE[0].model_copy(update={"parent_line_item_number": 1})], mock=True
		),
		lambda c: c.create_order(
			"c1", [ONE_LINE[0].model_copy(update={"parent_line_item_number": 2})], mock=True
		),
	],
)
def test_what_pax8_does_not_document_is_not_sent(call):
	wire = Wire(page_of())
	with wire.client() as client:
		with pytest.raises((TypeError, ValueError)):
			call(client)
		assert wire.sent == [] and client.calls == 0


def test_who_orders_says_whether_it_is_for_show():
	with Wire().client() as client, pytest.raises(TypeError):
		client.create_order("c1", ONE_LINE)


@pytest.mark.parametrize(
	"wrong",
	[
		{"quantity": 0},
		{"quantity": True},
		{"quantity": "5"},
		{"quantity": 5.0},
		{"product_id": " "},
		{"billing_term": ""},
		{"commitmentTermID": "k1"},
		{"provision_start_date": datetime(2021, 1, 1)},
		{"provisioning_details": {"msDomain": None}},
		{"provisioning_details": {"": "x"}},
		{"line_item_number": 0},
	],
	ids=str,
)
def test_a_slip_in_a_line_does_not_become_an_order(wrong):
	with pytest.raises(ValueError):
		OrderLine(**{"product_id": "p1", "quantity": 1, "billing_term": "Monthly", **wrong})


def test_given_line_numbers_are_kept_and_the_others_go_round_them():
	wire = Wire({"id": "o1"})
	lines = [ONE_LINE[0], ONE_LINE[0].model_copy(update={"line_item_number": 1}), ONE_LINE[0]]
	with wire.client() as client:
		client.create_order("c1", lines, mock=False)
	sent = json.loads(wire.sent[0].content)["lineItems"]
	assert [line["lineItemNumber"] for line in sent] == [2, 1, 3]


@pytest.mark.parametrize("answer", [{"id": "o1", "companyId": "c2"}, {"companyId": "c1"}, {}])
def test_an_order_is_not_called_placed_when_the_answer_is_about_none(answer):
	with Wire(answer).client() as client, pytest.raises(pax8.BadAnswer) as caught:
		client.create_order("c1", ONE_LINE, mock=False)
	assert caught.value.effect == "unknown" and caught.value.operation == "create_order"


@pytest.mark.parametrize("timeout", [5, httpx.Timeout(10, read=300)])
def test_orders_are_given_more_time_than_other_reads(timeout):
	wire = Wire(page_of())
	with wire.client(timeout=timeout) as client:
		list(client.orders())
		list(client.companies())
	orders, companies = (request.extensions["timeout"] for request in wire.sent)
	given = httpx.Timeout(timeout)
	assert orders["read"] == max(120, given.read) and companies["read"] == given.read
	assert {name: orders[name] for name in ("connect", "write", "pool")} == {
		name: companies[name] for name in ("connect", "write", "pool")
	}
