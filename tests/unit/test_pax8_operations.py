"""What each operation sends, to the letter, and that no write leaves a client that only observes."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from msp_licensing import pax8
from msp_licensing.pax8 import Pax8Client

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
	# Subscriptions
	"update_quantity": Sends(
		lambda c: c.update_quantity("s1", 7),
		{"id": "s1"},
		"PUT",
		f"{API}/subscriptions/s1",
		body={"quantity": 7},
	),
	"cancel": Sends(lambda c: c.cancel("s1"), httpx.Response(204), "DELETE", f"{API}/subscriptions/s1"),
}


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
	return [name for name in names if name not in ("close",)]


def cases_of(operation: str) -> dict[str, Sends]:
	return {
		name: case
		for name, case in OPERATIONS.items()
		if name.split(",")[0] == operation and case.method != "GET"
	}


def is_called(operation: str) -> bool:
	return any(name.split(",")[0] == operation for name in OPERATIONS)


# Operations whose requests are held elsewhere (test_pax8_client.py, test_pax8_walk.py); they only read.
READS = {
	"check",
	"companies",
	"company",
	"contact",
	"contacts",
	"dependencies",
	"history",
	"pricing",
	"product",
	"products",
	"provision_details",
	"subscription",
	"subscriptions",
}


@pytest.mark.parametrize("operation", operations_of_the_client())
def test_no_operation_writes_while_only_observing(operation):
	"""Whoever adds an operation has to say here what it sends."""
	assert is_called(operation) or operation in READS, f"what {operation} sends is not in OPERATIONS"
	for case in cases_of(operation).values():
		wire = Wire(case.answer)
		with wire.client(writes_allowed=False) as client:
			with pytest.raises(pax8.WritesDisabled) as caught:
				do(client, case.call)
			assert (caught.value.operation, caught.value.effect) == (operation, "none")
			assert client.calls == 0 and wire.sent == []


@pytest.mark.parametrize("name", [name for name, case in OPERATIONS.items() if case.method != "GET"])
@pytest.mark.parametrize("fault", [httpx.ReadTimeout("slow"), 500, 502, 503, 504, 429, 422, 404])
def test_no_write_is_sent_twice(name, fault):
	wire = Wire(fault if isinstance(fault, Exception) else httpx.Response(fault, json={"message": "no"}))
	client = wire.client(max_retries=3, sleep=lambda seconds: None)
	with client, pytest.raises(pax8.Pax8Error) as caught:
		do(client, OPERATIONS[name].call)
	assert len(wire.sent) == 1
	assert caught.value.effect == ("none" if fault in (404, 422, 429) else "unknown")


@pytest.mark.parametrize("name", [name for name, case in OPERATIONS.items() if case.method != "GET"])
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


@pytest.mark.parametrize("name", [name for name, case in OPERATIONS.items() if case.method != "GET"])
def test_any_status_of_success_is_success(name):
	case = OPERATIONS[name]
	body = case.answer
	answer = httpx.Response(201) if isinstance(body, httpx.Response) else httpx.Response(201, json=body)
	with Wire(answer).client() as client:
		do(client, case.call)
