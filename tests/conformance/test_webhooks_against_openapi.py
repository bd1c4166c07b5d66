"""What the sandbox sends to webhooks, against Pax8's file; and that the judge reads that file aright."""

from __future__ import annotations

import copy
from typing import Any

import httpx
import pytest
from calls_webhooks import ONE, WHOLE, a_log, a_webhook
from openapi_calls import NOWHERE, Call, judged
from pax8_openapi import Spec

from msp_licensing.sandbox import Sandbox
from msp_licensing.sandbox import storybook as story
from msp_licensing.sandbox.areas import WEBHOOK_ROUTES
from msp_licensing.sandbox.topics import TOPICS


def test_every_operation_of_the_webhooks_file_is_served(spec: Spec) -> None:
	listed = {key for key in spec.operations if key[1].startswith("/webhooks")}
	assert {(route.method, route.path) for route in WEBHOOK_ROUTES} == listed
	assert len(listed) == 15


def test_what_is_sent_for_each_topic_is_the_payload_of_the_file(
	spec: Spec, api: httpx.Client, sandbox: Sandbox
) -> None:
	body = {**WHOLE, "webhookTopics": [{"topic": topic, "filters": []} for topic in TOPICS]}
	api.post(f"{sandbox.webhooks_url}/webhooks", json=body).raise_for_status()
	sandbox.change("subscriptions", story.CEDAR_KEEPER, quantity=11)
	sandbox.change("companies", story.CEDAR_AND_PINE, name="Renamed")
	sandbox.change("products", story.KEEPER_BUSINESS, sku="X")
	for topic in ("INVOICE", "QUOTE", "PROVISIONING"):
		sandbox.emit(topic, **TOPICS[topic].sample)
	assert sandbox.wait_for_deliveries()
	sent = [call["payload"] for log in sandbox.deliveries() for call in log["callHistory"]]
	assert {payload["webhookTopic"]["topic"] for payload in sent} == set(TOPICS)
	for payload in sent:
		verdict = spec.operations["GET", ONE].judge_schema("WebhookPayload", payload)
		assert not verdict.findings, str(verdict)


@pytest.mark.parametrize(
	("spoiled", "rule"),
	[
		({"lastDeliveryStatus": "LOST"}, "enum"),
		({"errorThreshold": "3"}, "type"),
		({"secret": "x"}, "undeclared"),
		({"createdAt": "2025-01-31"}, None),
		({"createdAt": "yesterday"}, "format date-time"),
		({"accountId": "mine"}, "format uuid"),
		({"url": None}, "type"),
		({"webhookTopics": [{"id": NOWHERE, "topic": "QUOTE"}]}, "required"),
		({"webhookTopics": [{"id": NOWHERE, "topic": "QUOTE", "filters": [], "note": 1}]}, "undeclared"),
	],
	ids=str,
)
def test_the_judge_sees_a_webhook_that_does_not_conform(
	spec: Spec, api: httpx.Client, sandbox: Sandbox, spoiled: dict[str, Any], rule: str | None
) -> None:
	response = Call("GET", ONE, 200, given=a_log).make(api, sandbox)
	operation = spec.operations["GET", ONE]
	assert response.status_code == 200
	assert not judged(operation, response).findings
	body = {**copy.deepcopy(response.json()), **spoiled}
	verdict = operation.judge_response(httpx.Response(200, json=body, request=response.request))
	assert [finding.rule for finding in verdict.findings] == ([rule] if rule else [])


def test_the_judge_lets_the_data_of_an_event_be_anything_and_its_frame_not(spec: Spec) -> None:
	definitions = spec.operations["GET", "/webhooks/topic-definitions"]
	sample = TOPICS["QUOTE"].wire(NOWHERE)["samplePayload"]
	sample["payloadData"]["whatever"] = {"deep": [1]}
	assert not definitions.judge_schema("WebhookPayload", sample).findings
	sample["eventId"] = NOWHERE
	assert [f.rule for f in definitions.judge_schema("WebhookPayload", sample).findings] == ["undeclared"]


def test_the_judge_sees_a_body_where_none_is_listed(spec: Spec, api: httpx.Client, sandbox: Sandbox) -> None:
	response = Call("DELETE", ONE, 204, given=a_webhook).make(api, sandbox)
	operation = spec.operations["DELETE", ONE]
	assert not judged(operation, response).findings
	answer = httpx.Response(204, json={"deleted": True}, request=response.request)
	verdict = operation.judge_response(answer)
	assert [finding.rule for finding in verdict.findings] == ["body"]
