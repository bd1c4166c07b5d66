"""Webhooks: their own base URL, totals in another place, and a secret that must not come back."""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from msp_licensing import pax8
from msp_licensing.pax8 import Pax8Client, Webhook, WebhookLog
from msp_licensing.pax8.configuration import webhooks_url

PLAIN = 'deliveries-"carry"/this+0123456789'
SECRET = SecretStr(PLAIN)
WEBHOOK = {
	"id": "9ba32659-d339-4539-be21-1f461dc1a415",
	"accountId": "0d3f48ae-9764-4b3a-9554-d28fe345230c",
	"displayName": "ERP",
	"url": "https://erp.example.com/receive",
	"authorization": PLAIN,
	"active": True,
	"contactEmail": "",
	"errorThreshold": 3,
	"webhookTopics": [
		{
			"id": "d904c896-e19e-4daa-9b73-c992a000ad8a",
			"topic": "INVOICE",
			"filters": [
				{
					"action": "CREATED",
					"conditions": [{"field": "total", "operator": "GREATER_THAN", "value": ["100"]}],
				}
			],
		}
	],
	"lastDeliveryStatus": "SUCCESS",
	"createdAt": "2025-03-01T10:00:00Z",
	"updatedAt": "2025-03-02T10:00:00.123456Z",
}


class NoLimit:
	def acquire(self, priority: bool = False) -> None: ...

	def penalize(self, seconds: float) -> None: ...


def connected(answer: Callable[[httpx.Request], httpx.Response], **options: Any) -> Pax8Client:
	def handler(request: httpx.Request) -> httpx.Response:
		if request.url.path.endswith("/token"):
			return httpx.Response(200, json={"access_token": "t", "expires_in": 86400})
		return answer(request)

	return Pax8Client(
		client_id="c",
		client_secret="s3cret",
		limiter=NoLimit(),
		max_retries=0,
		writes_allowed=True,
		transport=httpx.MockTransport(handler),
		**options,
	)


def create(client: Pax8Client, **changed: Any) -> Webhook:
	arguments = {
		"display_name": "ERP",
		"url": "https://erp.example.com/receive",
		"authorization": SECRET,
		"topics": ["INVOICE"],
		**changed,
	}
	return client.create_webhook(**arguments)


@pytest.mark.parametrize(
	("base", "webhooks"),
	[
		("https://api.pax8.com/v1", "https://api.pax8.com/api/v2"),
		("http://127.0.0.1:8123/v1", "http://127.0.0.1:8123/api/v2"),
		("https://proxy.example.com/pax8/v1", "https://proxy.example.com/pax8/api/v2"),
		("https://api.pax8.com", "https://api.pax8.com/api/v2"),
	],
)
def test_webhooks_live_beside_the_base_url(base, webhooks):
	assert webhooks_url(pax8.checked_url(base)) == webhooks


def test_a_webhook_is_read_as_the_specification_has_it():
	read = Webhook.model_validate(WEBHOOK)
	assert (read.display_name, read.active, read.error_threshold, read.contact_email) == (
		"ERP",
		True,
		3,
		None,
	)
	assert read.last_delivery_status == "SUCCESS"
	assert read.updated_at == datetime(2025, 3, 2, 10, 0, 0, 123456, tzinfo=timezone.utc)
	topic = read.topic("invoice")
	assert topic is not None and topic.id == "d904c896-e19e-4daa-9b73-c992a000ad8a"
	assert topic.filters[0].conditions[0].value == ("100",)
	assert read.topic("PRODUCT") is None


def test_topics_have_their_totals_beside_the_rows():
	topics = [{"topic": f"TOPIC_{n}", "name": f"Topic {n}"} for n in range(23)]

	def answer(request: httpx.Request) -> httpx.Response:
		page, size = int(request.url.params["page"]), 10
		rows = topics[page * size : page * size + size]
		return httpx.Response(
			200,
			json={"content": rows, "number": page, "size": size, "totalElements": 23, "totalPages": 3},
		)

	with connected(answer) as client:
		assert [topic.topic for topic in client.webhook_topics()] == [topic["topic"] for topic in topics]


def test_topics_are_also_read_with_their_totals_where_all_other_lists_have_them():
	sample = {"webhookId": "w", "sentAt": "2025-03-01T10:00:00Z", "payloadData": {"action": "CREATED"}}
	row = {
		"topic": "INVOICE",
		"name": "Invoices",
		"description": "…",
		"samplePayload": sample,
		"availableFilters": [
			{
				"action": "CREATED",
				"actionDisplayName": "Created",
				"conditions": [{"field": "total", "operator": ["EQUALS", "IN"], "dataType": "number"}],
			}
		],
	}
	answer = {"content": [row], "page": {"number": 0, "size": 200, "totalElements": 1, "totalPages": 1}}
	with connected(lambda request: httpx.Response(200, json=answer)) as client:
		(topic,) = client.webhook_topics()
	assert topic.sample_payload == sample
	assert topic.available_filters[0].conditions[0].operator == ("EQUALS", "IN")


def test_topics_that_do_not_say_how_many_they_are_are_no_list():
	client = connected(lambda request: httpx.Response(200, json={"content": []}))
	with client, pytest.raises(pax8.BadAnswer, match="does not say how many"):
		list(client.webhook_topics())


def test_filters_that_pax8_ignores_are_applied_here():
	rows = [
		WEBHOOK,
		{**WEBHOOK, "id": "off", "active": False},
		{**WEBHOOK, "id": "other", "webhookTopics": None},
	]
	answer = {"content": rows, "page": {"number": 0, "size": 200, "totalElements": 3, "totalPages": 1}}
	with connected(lambda request: httpx.Response(200, json=answer)) as client:
		assert [row.id for row in client.webhooks(active=False)] == ["off"]
		assert [row.id for row in client.webhooks(topic="Invoice")] == [WEBHOOK["id"], "off"]
		assert len(list(client.webhooks())) == 3


def test_a_delivery_is_read_with_its_tries():
	log = {
		"id": "l1",
		"webhookId": "w1",
		"webhookName": "ERP",
		"finalStatus": "FAILED",
		"callHistory": [
			{
				"id": "c1",
				"timestamp": "2025-03-01T10:00:00Z",
				"status": "FAILED",
				"errorMessage": "timed out",
				"payload": {"webhookId": "w1"},
			},
			{"id": "c2", "timestamp": "2025-03-01T10:05:00Z", "status": "FAILED", "httpStatusCode": 502},
		],
		"createdAt": "2025-03-01T10:00:00Z",
	}
	read = WebhookLog.model_validate(log)
	assert [(call.http_status_code, call.error_message) for call in read.call_history] == [
		(None, "timed out"),
		(502, None),
	]
	assert read.final_status == "FAILED" and read.call_history[0].payload == {"webhookId": "w1"}


# The secret


def everything_of(error: BaseException) -> str:
	"""Everything a log of an error with its local variables could show."""
	shown = [repr(error), str(error), repr(vars(error))]
	for frame, _line in traceback.walk_tb(error.__traceback__):
		if "test_pax8" not in frame.f_code.co_filename:
			shown += [f"{name}={value!r}" for name, value in frame.f_locals.items()]
	return "\n".join(shown)


def holds_the_secret(text: str) -> bool:
	return any(form in text for form in ("0123456789", "deliveries-", "%2Bthis"))


def test_a_record_does_not_hold_the_secret_although_pax8_sends_it():
	with connected(lambda request: httpx.Response(200, json=WEBHOOK)) as client:
		read = create(client)
		tested = {"url": "x", "webhook": WEBHOOK, "samplePayload": {"note": [PLAIN], "Authorization": PLAIN}}
		client._transport._http._transport = httpx.MockTransport(
			lambda request: httpx.Response(200, json=tested)
		)
		test = client.test_webhook_topic("w1", "INVOICE")
	assert not holds_the_secret(repr(read) + read.model_dump_json())
	assert not holds_the_secret(repr(test) + test.model_dump_json())
	assert test.sample_payload == {"note": ["***"]}


@pytest.mark.parametrize(
	"answer",
	[
		httpx.Response(400, json={"message": f"authorization {PLAIN} is too weak"}),
		httpx.Response(422, json={"details": [{"message": PLAIN}], "authorization": PLAIN}),
		httpx.Response(500, text=json.dumps({"webhook": WEBHOOK})[:300]),
		httpx.Response(200, json={**WEBHOOK, "createdAt": "soon"}),
		httpx.Response(200, json={**WEBHOOK, "errorThreshold": PLAIN}),
		httpx.Response(200, json=[WEBHOOK]),
		httpx.Response(200, text=json.dumps(WEBHOOK)[:-1]),
		httpx.ReadTimeout(f"while sending {PLAIN}"),
	],
	ids=["400", "422", "500", "date", "number", "list", "cut off", "timeout"],
)
def test_no_error_and_no_log_holds_the_secret(answer, caplog):
	def handler(request: httpx.Request) -> httpx.Response:
		if isinstance(answer, Exception):
			raise answer
		return answer

	with caplog.at_level(logging.DEBUG), connected(handler) as client:
		with pytest.raises(pax8.Pax8Error) as caught:
			create(client)
		told = "".join(record.getMessage() for record in caplog.records)
		assert not holds_the_secret(everything_of(caught.value) + told + repr(vars(client._transport)))


def test_a_secret_that_this_client_never_saw_is_not_told_either():
	answer = httpx.Response(
		409, text='{"conflict": {"authorization" : "another \\"secret\\" text", "id": "w"}}'
	)
	with connected(lambda request: answer) as client, pytest.raises(pax8.Refused) as caught:
		client.add_webhook_topic("w1", "INVOICE")
	assert caught.value.body == '{"conflict": {"authorization" : "***", "id": "w"}}'


# What is refused before anything is sent


@pytest.mark.parametrize(
	"changed",
	[
		{"authorization": PLAIN},
		{"authorization": SecretStr("")},
		{"authorization": SecretStr("short")},
		{"authorization": SecretStr("Bearer 0123456789abcdef")},
		{"authorization": SecretStr("0123456789abcdefé")},
		{"authorization": SecretStr("0123456789abcdef\n")},
		{"display_name": " "},
		{"url": ""},
		{"url": "erp.example.com"},
		{"url": "http://erp.example.com/receive"},
		{"url": "https://user:pass@erp.example.com/"},
		{"url": "https://erp.example.com/a b"},
		{"topics": "INVOICE"},
		{"topics": ["INVOICE", " "]},
		{"topics": [None]},
		{"error_threshold": 21},
		{"error_threshold": -1},
		{"error_threshold": True},
		{"error_threshold": "3"},
		{"active": "yes"},
		{"active": None},
	],
	ids=lambda changed: str(changed),
)
def test_what_cannot_be_meant_is_not_sent_and_not_told(changed):
	sent = []
	client = connected(lambda request: sent.append(request) or httpx.Response(200, json=WEBHOOK))
	with client, pytest.raises((TypeError, ValueError)) as caught:
		create(client, **changed)
	assert not sent and not holds_the_secret(str(caught.value))


def test_flags_are_flags():
	with connected(lambda request: httpx.Response(200, json=WEBHOOK)) as client:
		with pytest.raises(TypeError):
			client.set_webhook_active("w1", "yes")  # type: ignore[arg-type]
		with pytest.raises(TypeError):
			client.webhooks(active="yes")  # type: ignore[arg-type]
