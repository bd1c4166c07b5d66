"""What the sandbox sends to webhooks, when, how often, and what it writes down about it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from msp_licensing.sandbox import Sandbox
from msp_licensing.sandbox import storybook as story
from msp_licensing.sandbox.webhooks import ACCOUNT_ID

SECRET = "s3cret-of-the-receiver"
KEEPER = {
	"subscriptionId": story.CEDAR_KEEPER,
	"companyId": story.CEDAR_AND_PINE,
	"productId": story.KEEPER_BUSINESS,
}


class Receiver:
	"""An HTTP server that keeps what it gets. `answers` are given in turn, then 200."""

	def __init__(self) -> None:
		self.got: list[dict[str, Any]] = []
		self.headers: list[dict[str, str]] = []
		self.answers: list[int] = []
		self.before_answering: Callable[[], None] = lambda: None
		receiver = self

		class Handler(BaseHTTPRequestHandler):
			def do_POST(self) -> None:
				body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
				receiver.headers.append({"path": self.path, **self.headers})
				receiver.got.append(body)
				receiver.before_answering()
				self.send_response(receiver.answers.pop(0) if receiver.answers else 200)
				self.send_header("Location", "/elsewhere")
				self.end_headers()

			def log_message(self, *args: Any) -> None:
				pass

		self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
		self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hook?site=one"
		self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
		self._thread.start()

	@property
	def data(self) -> list[dict[str, Any]]:
		return [body["payloadData"] for body in self.got]

	def stop(self) -> None:
		self._server.shutdown()
		self._server.server_close()
		self._thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
	receiver = Receiver()
	yield receiver
	receiver.stop()


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


@pytest.fixture
def hook(api: httpx.Client, receiver: Receiver) -> Callable[..., dict[str, Any]]:
	"""Makes an active webhook of the receiver's for the topics given by name or with filters."""

	def make(*topics: str | dict[str, Any], **changes: Any) -> dict[str, Any]:
		body = {
			"displayName": "Licensing",
			"url": receiver.url,
			"authorization": SECRET,
			"active": True,
			"webhookTopics": [
				{"topic": topic, "filters": []} if isinstance(topic, str) else topic for topic in topics
			],
			**changes,
		}
		return api.post("/webhooks", json=body).raise_for_status().json()

	return make


Hook = Callable[..., dict[str, Any]]


def _put(sandbox: Sandbox, identifier: str, **change: Any) -> None:
	httpx.put(
		f"{sandbox.url}/subscriptions/{identifier}",
		json=change,
		headers=sandbox.authorization(),
		verify=False,
	).raise_for_status()


def _filter(field: str, operator: str, *values: str, action: str = "UPDATED") -> dict[str, Any]:
	condition = {"field": field, "operator": operator, "value": list(values)}
	return {"action": action, "conditions": [condition]}


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
	both = _filter("companyId", "EQUALS", story.CEDAR_AND_PINE)
	both["conditions"] += _filter("productId", "NOT_IN", story.SOPHOS_INTERCEPT_X)["conditions"]
	hook({"topic": "SUBSCRIPTION", "filters": [both]})
	sandbox.change("subscriptions", story.CEDAR_KEEPER, quantity=11)
	sandbox.change("subscriptions", story.CEDAR_SOPHOS, quantity=41)
	sandbox.change("subscriptions", story.MUELLER_EXCLAIMER, quantity=31)
	sandbox.vanish("subscriptions", story.CEDAR_KEEPER)
	assert sandbox.wait_for_deliveries()
	assert receiver.data == [{"action": "UPDATED", **KEEPER}]


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
	webhook = hook({"topic": "SUBSCRIPTION", "filters": [_filter("companyId", "IN")]}, active=False)
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
