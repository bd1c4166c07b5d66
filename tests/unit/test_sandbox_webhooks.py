"""What the sandbox tells webhooks, of what, when and whom."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from webhook_receiver import SECRET, Hook, Receiver, a_filter

from msp_licensing.sandbox import Sandbox
from msp_licensing.sandbox import storybook as story
from msp_licensing.sandbox.webhooks import ACCOUNT_ID

KEEPER = {
	"subscriptionId": story.CEDAR_KEEPER,
	"companyId": story.CEDAR_AND_PINE,
	"productId": story.KEEPER_BUSINESS,
}


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
	with Sandbox(seed=3, companies=8, products=20, subscriptions=40, rate_limit=0) as sandbox:
		yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Iterator[Sandbox]:
	running.clock.freeze()
	running.steer_webhooks(retry_seconds=0)
	yield running
	running.reset()


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[httpx.Client]:
	with httpx.Client(base_url=sandbox.webhooks_url, headers=sandbox.authorization(), verify=False) as client:
		yield client


def _put(sandbox: Sandbox, identifier: str, **change: Any) -> None:
	httpx.put(
		f"{sandbox.url}/subscriptions/{identifier}",
		json=change,
		headers=sandbox.authorization(),
		verify=False,
	).raise_for_status()


def test_a_change_through_the_api_reaches_the_webhook_with_all_that_the_spec_lists(
	sandbox: Sandbox, hook: Hook, receiver: Receiver
) -> None:
	webhook = hook("SUBSCRIPTION")
	_put(sandbox, story.CEDAR_KEEPER, quantity=15)
	assert sandbox.wait_for_deliveries()
	[body] = receiver.got
	assert body.pop("sentAt").endswith("Z")
	assert body == {
		"accountId": ACCOUNT_ID,
		"url": receiver.url,
		"webhookId": webhook["id"],
		"webhookTopic": webhook["webhookTopics"][0],
		"payloadData": {"action": "UPDATED", **KEEPER},
	}
	[headers] = receiver.headers
	assert headers["Authorization"] == SECRET
	assert headers["path"] == "/hook?site=one"


def test_a_put_that_changes_nothing_or_is_refused_tells_nobody(
	sandbox: Sandbox, hook: Hook, receiver: Receiver
) -> None:
	hook("SUBSCRIPTION")
	_put(sandbox, story.CEDAR_KEEPER, quantity=10)
	with pytest.raises(httpx.HTTPStatusError):
		_put(sandbox, story.CEDAR_BUSINESS_PREMIUM, quantity=1)
	assert sandbox.wait_for_deliveries()
	assert receiver.got == []


def test_a_change_whose_answer_is_lost_is_told_all_the_same(
	sandbox: Sandbox, hook: Hook, receiver: Receiver
) -> None:
	hook("SUBSCRIPTION")
	sandbox.faults.add("drop_after", "updateSubscription")
	with pytest.raises(httpx.RemoteProtocolError):
		_put(sandbox, story.CEDAR_KEEPER, quantity=15)
	assert sandbox.wait_for_deliveries()
	assert receiver.data == [{"action": "UPDATED", **KEEPER}]


def test_a_receiver_can_read_the_change_while_it_is_being_told(
	sandbox: Sandbox, hook: Hook, receiver: Receiver
) -> None:
	seen = []
	receiver.before_answering = lambda: seen.append(sandbox.subscription(story.CEDAR_KEEPER)["quantity"])
	hook("SUBSCRIPTION")
	_put(sandbox, story.CEDAR_KEEPER, quantity=15)
	assert sandbox.wait_for_deliveries()
	assert seen == [15]


def test_nothing_is_sent_while_the_state_is_locked(sandbox: Sandbox, hook: Hook, receiver: Receiver) -> None:
	hook("SUBSCRIPTION")
	with sandbox.app.lock:
		sandbox.change("subscriptions", story.CEDAR_KEEPER, quantity=11)
		time.sleep(0.1)
		assert receiver.got == []
	assert sandbox.wait_for_deliveries()
	assert len(receiver.got) == 1


def test_the_end_of_provisioning_is_told_without_any_call(
	sandbox: Sandbox, hook: Hook, receiver: Receiver
) -> None:
	hook("SUBSCRIPTION", "PROVISIONING")
	_put(sandbox, story.CEDAR_KEEPER, quantity=15)
	assert sandbox.wait_for_deliveries()
	told = threading.Event()
	receiver.before_answering = told.set
	sandbox.clock.advance(3)
	assert told.wait(10)
	assert sandbox.wait_for_deliveries()
	assert [row["action"] for row in receiver.data] == ["UPDATED", "COMPLETED", "UPDATED"]


def test_every_kind_of_change_from_outside_is_told(sandbox: Sandbox, hook: Hook, receiver: Receiver) -> None:
	hook("SUBSCRIPTION", "COMPANY", "PRODUCT")
	new = sandbox.change(
		"subscriptions", companyId=story.BLUE_HARBOR_DENTAL, productId=story.KEEPER_BUSINESS
	)["id"]
	sandbox.vanish("subscriptions", new)
	company = sandbox.change("companies", name="New")["id"]
	sandbox.change("companies", company, name="Renamed")
	sandbox.vanish("companies", story.BLUE_HARBOR_DENTAL)
	product = sandbox.change("products", name="New", vendorName="Vendor")["id"]
	sandbox.change("products", product, sku="X")
	sandbox.vanish("products", product)
	assert sandbox.wait_for_deliveries()
	told = [
		(body["webhookTopic"]["topic"], body["payloadData"]["action"], list(body["payloadData"].values())[1])
		for body in receiver.got
	]
	assert told == [
		("SUBSCRIPTION", "CREATED", new),
		("SUBSCRIPTION", "CANCELLED", new),
		("COMPANY", "CREATED", company),
		("COMPANY", "UPDATED", company),
		("SUBSCRIPTION", "CANCELLED", story.BLUE_HARBOR_KEEPER),
		("SUBSCRIPTION", "CANCELLED", story.BLUE_HARBOR_BUSINESS_PREMIUM),
		("COMPANY", "DELETED", story.BLUE_HARBOR_DENTAL),
		("PRODUCT", "CREATED", product),
		("PRODUCT", "UPDATED", product),
		("PRODUCT", "DELETED", product),
	]


def test_orders_cancellations_and_companies_made_through_the_api_are_told(
	sandbox: Sandbox, hook: Hook, receiver: Receiver
) -> None:
	hook("SUBSCRIPTION", "COMPANY")
	line = {
		"productId": story.ESET_PROTECT_ENTRY,
		"lineItemNumber": 1,
		"billingTerm": "Monthly",
		"quantity": 1,
	}
	order = {"companyId": story.CEDAR_AND_PINE, "lineItems": [line]}
	with httpx.Client(base_url=sandbox.url, headers=sandbox.authorization(), verify=False) as api:
		api.post("/orders", json=order, params={"isMock": "true"}).raise_for_status()
		api.post("/orders", json=order).raise_for_status()
		api.delete(f"/subscriptions/{story.CEDAR_KEEPER}").raise_for_status()
		api.patch(f"/companies/{story.CEDAR_AND_PINE}", json={"name": "Renamed"}).raise_for_status()
	sandbox.clock.advance(3)
	assert sandbox.wait_for_deliveries()
	told = [(body["webhookTopic"]["topic"], body["payloadData"]["action"]) for body in receiver.got]
	assert told == [
		("SUBSCRIPTION", "CREATED"),
		("SUBSCRIPTION", "UPDATED"),
		("COMPANY", "UPDATED"),
		("SUBSCRIPTION", "UPDATED"),
		("SUBSCRIPTION", "CANCELLED"),
	]


def test_what_vanished_while_it_was_provisioned_is_not_told_of_again(
	sandbox: Sandbox, hook: Hook, receiver: Receiver
) -> None:
	_put(sandbox, story.CEDAR_KEEPER, quantity=15)
	sandbox.vanish("subscriptions", story.CEDAR_KEEPER)
	hook("SUBSCRIPTION", "PROVISIONING")
	sandbox.clock.advance(3)
	assert sandbox.wait_for_deliveries()
	assert receiver.got == []


def test_only_active_webhooks_of_the_topic_are_told(sandbox: Sandbox, hook: Hook, receiver: Receiver) -> None:
	hook("SUBSCRIPTION", active=False)
	hook("COMPANY")
	hook()
	assert sandbox.emit("SUBSCRIPTION", action="UPDATED") == 0
	assert sandbox.wait_for_deliveries()
	assert receiver.got == []


def test_a_filter_lets_through_what_meets_all_its_conditions(
	sandbox: Sandbox, hook: Hook, receiver: Receiver
) -> None:
	both = a_filter("companyId", "EQUALS", story.CEDAR_AND_PINE)
	both["conditions"] += a_filter("productId", "NOT_IN", story.SOPHOS_INTERCEPT_X)["conditions"]
	hook({"topic": "SUBSCRIPTION", "filters": [both]})
	sandbox.change("subscriptions", story.CEDAR_KEEPER, quantity=11)
	sandbox.change("subscriptions", story.CEDAR_SOPHOS, quantity=41)
	sandbox.change("subscriptions", story.MUELLER_EXCLAIMER, quantity=31)
	sandbox.vanish("subscriptions", story.CEDAR_KEEPER)
	assert sandbox.wait_for_deliveries()
	assert receiver.data == [{"action": "UPDATED", **KEEPER}]


def test_the_secret_is_in_the_webhook_and_nowhere_else(
	sandbox: Sandbox, hook: Hook, receiver: Receiver, api: httpx.Client
) -> None:
	webhook = hook("INVOICE", errorThreshold=1)
	receiver.answers = [500]
	sandbox.emit("INVOICE", action="CREATED")
	assert sandbox.wait_for_deliveries()
	api.post(f"/webhooks/{webhook['id']}/configuration", json={"url": receiver.url, "authorization": SECRET})
	assert api.get(f"/webhooks/{webhook['id']}").json()["authorization"] == SECRET
	for shown in (
		api.get(f"/webhooks/{webhook['id']}/logs").text,
		httpx.get(f"{sandbox.control_url}/webhooks", verify=False).text,
		json.dumps(sandbox.calls()),
		repr(sandbox.app.events.webhooks),
	):
		assert "Licensing" in shown or "Webhook object" in shown
		assert SECRET not in shown
