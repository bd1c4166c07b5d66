"""How the sandbox delivers: attempts and their log, and deliveries that are late, lost, doubled, held or out of order."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import httpx
import pytest
from webhook_receiver import Hook, Receiver, a_filter

from msp_licensing.sandbox import Sandbox
from msp_licensing.sandbox import storybook as story

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


def test_a_failure_is_tried_three_times_and_every_attempt_logged(
	sandbox: Sandbox, hook: Hook, receiver: Receiver, api: httpx.Client
) -> None:
	webhook = hook("INVOICE", errorThreshold=20)
	receiver.answers = [500, 302, 404, 200]
	sandbox.emit("INVOICE", action="CREATED")
	assert sandbox.wait_for_deliveries()
	[log] = api.get(f"/webhooks/{webhook['id']}/logs").json()["content"]
	assert log["finalStatus"] == "FAILED"
	assert [(call["status"], call["httpStatusCode"]) for call in log["callHistory"]] == [
		("FAILED", 500),
		("FAILED", 302),
		("FAILED", 404),
	]
	assert [call["payload"] for call in log["callHistory"]] == receiver.got
	assert api.get(f"/webhooks/{webhook['id']}").json()["lastDeliveryStatus"] == "FAILED"


def test_a_lower_threshold_gives_up_earlier(sandbox: Sandbox, hook: Hook, receiver: Receiver) -> None:
	hook("INVOICE", errorThreshold=2)
	hook("INVOICE", errorThreshold=0)
	receiver.answers = [500] * 9
	sandbox.emit("INVOICE", action="CREATED")
	assert sandbox.wait_for_deliveries()
	assert [len(log["callHistory"]) for log in sandbox.deliveries()] == [2, 1]


def test_the_next_attempt_comes_when_its_time_has_come(
	sandbox: Sandbox, hook: Hook, receiver: Receiver, api: httpx.Client
) -> None:
	webhook = hook("INVOICE")
	sandbox.steer_webhooks(retry_seconds=60)
	receiver.answers = [503]
	sandbox.emit("INVOICE", action="CREATED")
	while sandbox.deliveries()[0]["finalStatus"] == "PENDING":
		time.sleep(0.01)
	assert not sandbox.wait_for_deliveries(0.1)
	assert [log["finalStatus"] for log in sandbox.deliveries()] == ["RETRYING"]
	assert api.get("/webhooks", params={"status": "RETRYING"}).json()["content"][0]["id"] == webhook["id"]
	sandbox.clock.advance(60)
	assert sandbox.wait_for_deliveries()
	assert [log["finalStatus"] for log in sandbox.deliveries()] == ["SUCCESS"]
	assert receiver.data == [{"action": "CREATED"}] * 2


def test_a_receiver_that_does_not_answer_in_time_has_failed(
	sandbox: Sandbox, hook: Hook, receiver: Receiver
) -> None:
	done = threading.Event()
	receiver.before_answering = lambda: done.wait(5)
	sandbox.steer_webhooks(timeout_seconds=0.2)
	hook("INVOICE", errorThreshold=1)
	sandbox.emit("INVOICE", action="CREATED")
	assert sandbox.wait_for_deliveries()
	done.set()
	[call] = sandbox.deliveries()[0]["callHistory"]
	assert call["errorMessage"] == "No answer within 0.2 seconds."
	assert "httpStatusCode" not in call


def test_a_receiver_that_is_not_there_has_failed(sandbox: Sandbox, hook: Hook) -> None:
	hook("INVOICE", url="http://127.0.0.1:9/", errorThreshold=1)
	sandbox.emit("INVOICE", action="CREATED")
	assert sandbox.wait_for_deliveries()
	assert "refused" in sandbox.deliveries()[0]["callHistory"][0]["errorMessage"]


def test_names_under_localhost_are_this_machine(sandbox: Sandbox, hook: Hook, receiver: Receiver) -> None:
	url = receiver.url.replace("127.0.0.1", "licensing.localhost")
	hook("INVOICE", url=url)
	sandbox.emit("INVOICE", action="CREATED")
	assert sandbox.wait_for_deliveries()
	assert receiver.headers[0]["Host"] == url.split("/")[2]


def test_a_failed_event_can_be_sent_once_more(
	sandbox: Sandbox, hook: Hook, receiver: Receiver, api: httpx.Client
) -> None:
	webhook = hook("INVOICE", errorThreshold=1)
	receiver.answers = [500]
	sandbox.emit("INVOICE", action="CREATED", invoiceId="one")
	assert sandbox.wait_for_deliveries()
	log = sandbox.deliveries()[0]["id"]
	assert api.post(f"/webhooks/{webhook['id']}/logs/{log}/retry").status_code == 202
	assert sandbox.wait_for_deliveries()
	found = api.get(f"/webhooks/{webhook['id']}/logs/{log}").json()
	assert found["finalStatus"] == "SUCCESS"
	assert [call["status"] for call in found["callHistory"]] == ["FAILED", "SUCCESS"]
	assert receiver.data == [{"action": "CREATED", "invoiceId": "one"}] * 2
	assert api.post(f"/webhooks/{webhook['id']}/logs/{log}/retry").status_code == 400


def test_a_test_event_reaches_even_a_webhook_that_is_switched_off(
	sandbox: Sandbox, hook: Hook, receiver: Receiver, api: httpx.Client
) -> None:
	webhook = hook({"topic": "SUBSCRIPTION", "filters": [a_filter("companyId", "IN")]}, active=False)
	answer = api.post(f"/webhooks/{webhook['id']}/topics/SUBSCRIPTION/test").json()
	assert sandbox.wait_for_deliveries()
	assert receiver.data == [answer["samplePayload"]["payloadData"]]
	assert answer["url"] == receiver.url


def test_a_duplicate_is_told_twice_with_the_same_data(
	sandbox: Sandbox, hook: Hook, receiver: Receiver
) -> None:
	hook("SUBSCRIPTION")
	sandbox.steer_webhooks(duplicate=True)
	sandbox.change("subscriptions", story.CEDAR_KEEPER, quantity=11)
	assert sandbox.wait_for_deliveries()
	assert receiver.data == [{"action": "UPDATED", **KEEPER}] * 2
	assert len(sandbox.deliveries("SUBSCRIPTION")) == 2


def test_a_dropped_event_leaves_no_trace_with_the_client(
	sandbox: Sandbox, hook: Hook, receiver: Receiver
) -> None:
	hook("SUBSCRIPTION")
	sandbox.steer_webhooks(drop=True)
	sandbox.change("subscriptions", story.CEDAR_KEEPER, quantity=11)
	sandbox.steer_webhooks(drop=False)
	assert sandbox.wait_for_deliveries()
	assert (receiver.got, sandbox.deliveries()) == ([], [])
	assert sandbox.app.events.dropped == 1


def test_a_late_event_waits_for_the_sandbox_clock(sandbox: Sandbox, hook: Hook, receiver: Receiver) -> None:
	hook("SUBSCRIPTION")
	sandbox.steer_webhooks(delay_seconds=300)
	sandbox.change("subscriptions", story.CEDAR_KEEPER, quantity=11)
	sandbox.clock.advance(299)
	assert not sandbox.wait_for_deliveries(0.2)
	assert receiver.got == []
	sandbox.clock.advance(1)
	assert sandbox.wait_for_deliveries()
	assert len(receiver.got) == 1


@pytest.mark.parametrize("reorder", [False, True])
def test_held_events_come_in_order_or_newest_first(
	sandbox: Sandbox, hook: Hook, receiver: Receiver, reorder: bool
) -> None:
	hook("INVOICE")
	sandbox.steer_webhooks(hold=True, reorder=reorder)
	for number in range(3):
		sandbox.emit("INVOICE", action="CREATED", number=number)
	assert not sandbox.wait_for_deliveries(0.2)
	sandbox.steer_webhooks(hold=False)
	assert sandbox.wait_for_deliveries()
	assert [row["number"] for row in receiver.data] == ([2, 1, 0] if reorder else [0, 1, 2])


def test_what_waits_for_a_webhook_goes_with_it(
	sandbox: Sandbox, hook: Hook, receiver: Receiver, api: httpx.Client
) -> None:
	sandbox.steer_webhooks(hold=True)
	deleted, switched_off = hook("INVOICE"), hook("INVOICE")
	sandbox.emit("INVOICE", action="CREATED")
	api.delete(f"/webhooks/{deleted['id']}")
	api.post(f"/webhooks/{switched_off['id']}/status", json={"active": False})
	sandbox.steer_webhooks(hold=False)
	assert sandbox.wait_for_deliveries()
	assert receiver.got == []
	[log] = sandbox.deliveries()
	assert (log["finalStatus"], log["webhookId"]) == ("FAILED", switched_off["id"])


def test_a_reset_forgets_webhooks_and_what_waits(sandbox: Sandbox, hook: Hook, receiver: Receiver) -> None:
	hook("INVOICE")
	sandbox.steer_webhooks(hold=True)
	sandbox.emit("INVOICE", action="CREATED")
	sandbox.reset()
	assert sandbox.wait_for_deliveries()
	assert receiver.got == []
	assert sandbox.app.events.state()["webhooks"] == []


def test_the_control_endpoints_send_steer_and_wait(sandbox: Sandbox, hook: Hook, receiver: Receiver) -> None:
	hook("QUOTE")
	with httpx.Client(base_url=sandbox.control_url, verify=False) as control:
		assert control.post("/webhooks", json={"duplicate": True}).json()["duplicate"] is True
		sent = control.post("/events", json={"topic": "QUOTE", "payload": {"action": "ACCEPTED"}})
		assert (sent.status_code, sent.json()) == (202, {"webhooks": 1})
		state = control.get("/webhooks", params={"wait": 10}).json()
	assert state["waiting"] == 0
	assert [row["topic"] for row in state["deliveries"]] == ["QUOTE", "QUOTE"]
	assert receiver.data == [{"action": "ACCEPTED"}] * 2
