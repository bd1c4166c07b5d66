"""Calls of webhooks, their topics and their logs."""

from __future__ import annotations

from typing import Any

from openapi_calls import NOWHERE, Call, ask, get

from msp_licensing.sandbox import Sandbox

ONE = "/webhooks/{id}"
CONFIGURATION, STATUS, TOPICS = f"{ONE}/configuration", f"{ONE}/status", f"{ONE}/topics"
TOPIC = f"{TOPICS}/{{topicId}}"
TOPIC_CONFIGURATION, TOPIC_TEST = f"{TOPIC}/configuration", f"{TOPICS}/{{topic}}/test"
LOGS = "/webhooks/{webhookId}/logs"
LOG, RETRY = f"{LOGS}/{{id}}", f"{LOGS}/{{logId}}/retry"

# Nobody listens on port 9: every delivery fails, at once.
URL = "http://127.0.0.1:9/pax8"
FILTER = {
	"action": "UPDATED",
	"conditions": [{"field": "companyId", "operator": "EQUALS", "value": [NOWHERE]}],
}
SUBSCRIPTION = {"topic": "SUBSCRIPTION", "filters": []}
WHOLE = {
	"displayName": "Everything",
	"url": URL,
	"authorization": "a-secret",
	"active": True,
	"contactEmail": "licensing@example.com",
	"errorThreshold": 1,
	"integrationId": NOWHERE,
	"webhookTopics": [SUBSCRIPTION, {"topic": "COMPANY", "filters": [{**FILTER, "conditions": []}]}],
}


def _created(sandbox: Sandbox) -> dict[str, Any]:
	return ask(sandbox, "POST", f"{sandbox.webhooks_url}/webhooks", WHOLE)


def a_webhook(sandbox: Sandbox) -> tuple[str]:
	"""A webhook with two topics, to which nothing can be delivered."""
	return (_created(sandbox)["id"],)


def a_topic(sandbox: Sandbox) -> tuple[str, str]:
	"""The same, and its first topic."""
	webhook = _created(sandbox)
	return webhook["id"], webhook["webhookTopics"][0]["id"]


def its_topic(name: str) -> Any:
	"""The same, and a topic by name."""
	return lambda sandbox: (*a_webhook(sandbox), name)


def a_log(sandbox: Sandbox) -> tuple[str, str]:
	"""A webhook with a delivery that failed, and its log."""
	(webhook,) = a_webhook(sandbox)
	sandbox.emit("SUBSCRIPTION", action="UPDATED")
	assert sandbox.wait_for_deliveries()
	return webhook, sandbox.deliveries()[-1]["id"]


def a_waiting_log(sandbox: Sandbox) -> tuple[str, str]:
	"""A webhook with a delivery that has not been made yet, and its log."""
	(webhook,) = a_webhook(sandbox)
	sandbox.steer_webhooks(hold=True)
	sandbox.emit("SUBSCRIPTION", action="UPDATED")
	return webhook, sandbox.deliveries()[-1]["id"]


def _webhook_and(identifier: str) -> Any:
	return lambda sandbox: (*a_webhook(sandbox), identifier)


def _call(method: str, path: str, status: int, given: Any, body: Any = None, /, **query: str) -> Call:
	return Call(method, path, status, query=query, body=body, given=given)


def _post(path: str, status: int, body: Any, given: Any = a_webhook) -> Call:
	return _call("POST", path, status, given, body)


def _create(status: int, **changes: Any) -> Call:
	return _post("/webhooks", status, {**WHOLE, **changes}, None)


def _topic_with(**changes: Any) -> dict[str, Any]:
	return {"topic": "PRODUCT", "filters": [], **changes}


def _condition(**changes: Any) -> dict[str, Any]:
	condition = {"field": "companyId", "operator": "IN", "value": [NOWHERE], **changes}
	return {"filters": [{"action": "UPDATED", "conditions": [condition]}]}


SERVED = [
	_call("GET", "/webhooks", 200, a_webhook),
	_call("GET", "/webhooks", 200, a_webhook, query="every", active="true", topic="COMPANY", size="1"),
	_call("GET", "/webhooks", 200, a_log, status="FAILED", sort="displayName:desc", accountId=NOWHERE),
	_call("GET", "/webhooks", 200, a_log, status="FAILED", sort="createdAt:asc"),
	_create(200),
	_post("/webhooks", 200, {"displayName": "Nothing but a name"}, None),
	_create(200, url="https://licensing.example.com/pax8"),
	_create(200, webhookTopics=[{"topic": "SUBSCRIPTION", "filters": [FILTER]}]),
	get("/webhooks/topic-definitions", 200),
	get("/webhooks/topic-definitions", 200, search="invoice", sort="name:desc", size="200"),
	get("/webhooks/topic-definitions", 200, topic="QUOTE", page="0"),
	_call("GET", ONE, 200, a_webhook),
	_call("GET", ONE, 200, a_log),
	_call("DELETE", ONE, 204, a_webhook),
	_post(CONFIGURATION, 200, {"displayName": "Renamed", "url": URL, "errorThreshold": 20}),
	_post(STATUS, 200, {"active": False}),
	_post(STATUS, 200, {"active": True}),
	_post(TOPICS, 200, {"topic": "INVOICE", "filters": []}),
	_call("PUT", TOPICS, 200, a_webhook, {"webhookTopics": []}),
	_call("PUT", TOPICS, 200, a_webhook, {"webhookTopics": [_topic_with(), SUBSCRIPTION]}),
	_call("DELETE", TOPIC, 204, a_topic),
	_post(TOPIC_CONFIGURATION, 200, {"filters": [FILTER]}, a_topic),
	_call("POST", TOPIC_TEST, 200, its_topic("SUBSCRIPTION")),
	_call("GET", LOGS, 200, a_log),
	_call("GET", LOGS, 200, a_waiting_log, topicName="SUBSCRIPTION", status="PENDING", sort="createdAt:desc"),
	_call("GET", LOGS, 200, a_log, startDate="2020-01-01", endDate="2090-01-31T12:00:00Z"),
	_call("GET", LOG, 200, a_log),
	_call("GET", LOG, 200, a_waiting_log),
	_call("POST", RETRY, 202, a_log),
]

REFUSED = [
	_call("GET", "/webhooks", 400, None, sort="colour:asc"),
	_create(400, url="http://licensing.example.com/pax8"),
	_create(400, url="ftp://licensing.example.com/pax8"),
	_create(400, displayName=" "),
	_create(400, errorThreshold=-1),
	_create(400, webhookTopics=[_topic_with(topic="WEATHER")]),
	_create(400, webhookTopics=[SUBSCRIPTION, SUBSCRIPTION]),
	_post("/webhooks", 400, {"displayName": "No url", "active": True}, None),
	get("/webhooks/topic-definitions", 400, size="0"),
	get(ONE, 404, NOWHERE),
	Call("DELETE", ONE, 404, (NOWHERE,)),
	_post(CONFIGURATION, 400, {"displayName": "Active, and no url"}),
	_post(CONFIGURATION, 400, {"url": URL, "authorization": "two\nlines"}),
	_post(TOPICS, 400, SUBSCRIPTION),
	_call("PUT", TOPICS, 400, a_webhook, {"webhookTopics": [SUBSCRIPTION, SUBSCRIPTION]}),
	_post(TOPIC_CONFIGURATION, 400, {"filters": [{**FILTER, "action": "PAINTED"}]}, a_topic),
	_post(TOPIC_CONFIGURATION, 400, _condition(field="colour"), a_topic),
	_call("POST", TOPIC_TEST, 400, its_topic("QUOTE")),
	_call("GET", LOGS, 400, a_webhook, startDate="yesterday"),
	_call("GET", LOG, 404, _webhook_and(NOWHERE)),
	_call("POST", RETRY, 400, a_waiting_log),
]

# Of the right shape, and refused with a status that the file does not list for them.
REFUSED_BEYOND_THE_FILE = [
	Call("POST", STATUS, 404, (NOWHERE,), body={"active": True}),
	Call("GET", LOGS, 404, (NOWHERE,)),
	_call("DELETE", TOPIC, 404, _webhook_and(NOWHERE)),
	_call("POST", RETRY, 404, _webhook_and(NOWHERE)),
]

INVALID = [
	get("/webhooks", 400, page="first"),
	get("/webhooks", 400, page="2147483648"),
	get("/webhooks", 400, active="maybe"),
	get("/webhooks", 400, accountId="mine"),
	_post("/webhooks", 400, {"url": URL}, None),
	_post("/webhooks", 400, [], None),
	_create(400, displayName=5),
	_create(400, url=5),
	_create(400, authorization=None),
	_create(400, active="yes"),
	_create(400, contactEmail=[]),
	_create(400, errorThreshold=21),
	_create(400, errorThreshold="3"),
	_create(400, integrationId="mine"),
	_create(400, webhookTopics={}),
	_create(400, webhookTopics=["SUBSCRIPTION"]),
	_create(400, webhookTopics=[{"topic": "SUBSCRIPTION"}]),
	get("/webhooks/topic-definitions", 400, size="ten"),
	_post(CONFIGURATION, 400, {"url": URL, "errorThreshold": 21}),
	_post(STATUS, 400, {}),
	_post(STATUS, 400, {"active": "true"}),
	_post(TOPICS, 400, {"topic": "PRODUCT"}),
	_post(TOPICS, 400, _topic_with(filters={})),
	_call("PUT", TOPICS, 400, a_webhook, {}),
	_call("PUT", TOPICS, 400, a_webhook, {"webhookTopics": [{"filters": []}]}),
	_post(TOPIC_CONFIGURATION, 400, {}, a_topic),
	_post(TOPIC_CONFIGURATION, 400, {"filters": [{"action": "UPDATED"}]}, a_topic),
	_post(TOPIC_CONFIGURATION, 400, _condition(operator="LIKE"), a_topic),
	_post(TOPIC_CONFIGURATION, 400, _condition(value=NOWHERE), a_topic),
	_call("GET", LOGS, 400, a_webhook, size="many"),
]

FOUND_NOTHING: list[Call] = []
