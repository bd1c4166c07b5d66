"""Every trouble that can be ordered really happens, to the calls it names and to no others."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from msp_licensing.sandbox import Sandbox
from msp_licensing.sandbox import storybook as story
from msp_licensing.sandbox.faults import KINDS

KEEPER = f"/subscriptions/{story.CEDAR_KEEPER}"

# Plain HTTP on this machine: loading certificates for each call would cost more than the tests.
WEB = httpx.Client(verify=False)


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
	with Sandbox(companies=0, products=0, subscriptions=0, provisioning_seconds=0) as sandbox:
		yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Iterator[Sandbox]:
	yield running
	running.reset()


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[httpx.Client]:
	with httpx.Client(
		base_url=sandbox.url, headers=sandbox.authorization(), timeout=2, verify=False
	) as client:
		yield client


def _order(sandbox: Sandbox, **order: Any) -> dict[str, Any]:
	response = WEB.post(f"{sandbox.control_url}/faults", json=order)
	assert response.status_code == 201, response.text
	return response.json()


def _quantity(sandbox: Sandbox) -> int:
	return sandbox.subscription(story.CEDAR_KEEPER)["quantity"]


def test_a_status_is_answered_in_place_of_the_effect(sandbox: Sandbox, api: httpx.Client) -> None:
	_order(sandbox, operation="updateSubscription", kind="status", headers={"Retry-After": "1"})
	response = api.put(KEEPER, json={"quantity": 15})
	assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
	assert response.json()["type"] == "SERVICE_UNAVAILABLE"
	assert _quantity(sandbox) == 10
	assert api.put(KEEPER, json={"quantity": 15}).status_code == 200


def test_a_status_can_come_after_the_effect(sandbox: Sandbox, api: httpx.Client) -> None:
	_order(sandbox, operation="write", kind="status", status=500, after=True)
	assert api.put(KEEPER, json={"quantity": 15}).status_code == 500
	assert _quantity(sandbox) == 15


@pytest.mark.parametrize("body", [{"errors": ["No."]}, "plain words", []], ids=str)
def test_a_status_can_carry_any_body(sandbox: Sandbox, api: httpx.Client, body: Any) -> None:
	_order(sandbox, kind="status", status=422, body=body)
	response = api.get("/companies")
	assert response.status_code == 422
	assert (response.text if isinstance(body, str) else response.json()) == body


def test_a_web_page_comes_as_from_a_proxy(sandbox: Sandbox, api: httpx.Client) -> None:
	_order(sandbox, kind="html")
	response = api.get("/companies")
	assert response.status_code == 502
	assert response.headers["Content-Type"].startswith("text/html")
	assert "<h1>502 Bad Gateway</h1>" in response.text


def test_a_dropped_call_before_the_effect_has_none(sandbox: Sandbox, api: httpx.Client) -> None:
	_order(sandbox, operation="updateSubscription", kind="drop_before")
	with pytest.raises(httpx.RemoteProtocolError):
		api.put(KEEPER, json={"quantity": 15})
	assert _quantity(sandbox) == 10
	assert api.put(KEEPER, json={"quantity": 15}).status_code == 200


def test_a_dropped_call_after_the_effect_has_it(sandbox: Sandbox, api: httpx.Client) -> None:
	_order(sandbox, operation="updateSubscription", kind="drop_after")
	with pytest.raises(httpx.RemoteProtocolError):
		api.put(KEEPER, json={"quantity": 15})
	assert _quantity(sandbox) == 15


def test_the_log_tells_what_became_of_a_call_whatever_was_answered(
	sandbox: Sandbox, api: httpx.Client
) -> None:
	orders = (
		({"kind": "drop_before"}, False),
		({"kind": "drop_after"}, True),
		({"kind": "status", "status": 500}, False),
		({"kind": "status", "status": 500, "after": True}, True),
		({"kind": "html", "after": True}, True),
		({"kind": "empty"}, True),
	)
	for quantity, (order, done) in enumerate(orders, start=20):
		_order(sandbox, operation="updateSubscription", **order)
		with contextlib.suppress(httpx.RemoteProtocolError):
			api.put(KEEPER, json={"quantity": quantity})
		assert sandbox.calls()[-1]["done"] is done, order
		assert (_quantity(sandbox) == quantity) is done, order
	api.put(KEEPER, json={"quantity": -1})
	assert sandbox.calls()[-1]["done"] is False, "Pax8 refused it"


def test_a_broken_body_is_no_json_though_the_effect_is_there(sandbox: Sandbox, api: httpx.Client) -> None:
	_order(sandbox, operation="PUT", kind="broken_body")
	response = api.put(KEEPER, json={"quantity": 15})
	assert response.status_code == 200
	with pytest.raises(ValueError):
		response.json()
	assert _quantity(sandbox) == 15


def test_a_broken_body_can_be_given(sandbox: Sandbox, api: httpx.Client) -> None:
	_order(sandbox, kind="broken_body", body="null")
	assert api.get("/companies").text == "null"


def test_a_truncated_answer_promises_more_than_it_sends(sandbox: Sandbox, api: httpx.Client) -> None:
	_order(sandbox, operation="PUT", kind="truncated")
	with pytest.raises(httpx.RemoteProtocolError):
		api.put(KEEPER, json={"quantity": 15})
	assert _quantity(sandbox) == 15


def test_an_empty_answer_has_no_body_though_the_effect_is_there(sandbox: Sandbox, api: httpx.Client) -> None:
	_order(sandbox, operation="PUT", kind="empty")
	response = api.put(KEEPER, json={"quantity": 15})
	assert (response.status_code, response.content) == (200, b"")
	assert _quantity(sandbox) == 15


def test_a_delayed_call_is_late_but_whole(sandbox: Sandbox, api: httpx.Client) -> None:
	_order(sandbox, operation="GET", kind="delay", seconds=0.1)
	started = time.perf_counter()
	assert api.get("/companies").json()["page"]["totalElements"] == 4
	assert time.perf_counter() - started >= 0.1


@pytest.mark.parametrize(("after", "quantity"), [(True, 15), (False, 10)])
def test_a_caller_who_gives_up_waiting_has_changed_something_or_not_yet(
	sandbox: Sandbox, api: httpx.Client, after: bool, quantity: int
) -> None:
	_order(sandbox, operation="PUT", kind="delay", seconds=0.3, after=after)
	with pytest.raises(httpx.ReadTimeout):
		api.put(KEEPER, json={"quantity": 15}, timeout=0.1)
	assert _quantity(sandbox) == quantity
	deadline = time.monotonic() + 2
	while not sandbox.calls("updateSubscription") and time.monotonic() < deadline:
		time.sleep(0.02)
	assert _quantity(sandbox) == 15


def test_a_slow_answer_arrives_in_pieces(sandbox: Sandbox, api: httpx.Client) -> None:
	_order(sandbox, operation="GET", kind="slow", seconds=0.15)
	started = time.perf_counter()
	with api.stream("GET", "/companies") as response:
		first = time.perf_counter() - started
		pieces = list(response.iter_raw())
	assert time.perf_counter() - started - first >= 0.1
	assert len(pieces) > 3


@pytest.mark.parametrize("after", [False, True])
def test_a_call_from_before_a_reset_neither_changes_nor_counts_after_it(
	sandbox: Sandbox, api: httpx.Client, after: bool
) -> None:
	_order(sandbox, operation="PUT", kind="delay", seconds=0.5, after=after)
	with ThreadPoolExecutor() as pool:
		late = pool.submit(api.put, KEEPER, json={"quantity": 15})
		deadline = time.monotonic() + 2
		while not (sandbox.faults.list()[0]["hits"] and (_quantity(sandbox) == 15 or not after)):
			assert time.monotonic() < deadline
			time.sleep(0.02)
		sandbox.reset()
		if after:
			assert late.result().status_code == 200
		else:
			with pytest.raises(httpx.RemoteProtocolError):
				late.result()
	assert _quantity(sandbox) == 10 and sandbox.calls() == []


def test_a_call_from_before_a_reset_uses_up_no_fault_ordered_after_it(
	sandbox: Sandbox, api: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
	waiting, go_on = threading.Event(), threading.Event()
	monkeypatch.setattr(sandbox.app, "pause", lambda seconds: (waiting.set(), go_on.wait(10)))
	with ThreadPoolExecutor() as pool:
		late = pool.submit(api.put, KEEPER, json={"quantity": 15})
		assert waiting.wait(10)
		sandbox.reset()
		_order(sandbox, operation="PUT", kind="status", status=503)
		go_on.set()
		with pytest.raises(httpx.RemoteProtocolError):
			late.result()
	assert sandbox.faults.list()[0]["hits"] == 0 and sandbox.calls() == []


@pytest.mark.parametrize(("kind", "quantity"), [("reset_before", 10), ("reset_after", 15)])
def test_a_reset_connection_is_reset_and_not_closed(
	sandbox: Sandbox, api: httpx.Client, kind: str, quantity: int
) -> None:
	_order(sandbox, operation="updateSubscription", kind=kind)
	with pytest.raises(httpx.ReadError, match="reset"):
		api.put(KEEPER, json={"quantity": 15})
	assert _quantity(sandbox) == quantity
	assert sandbox.calls("updateSubscription")[0]["status"] is None
	assert api.get(KEEPER).status_code == 200, "only that connection"


def test_a_reset_midway_comes_after_half_of_the_answer(sandbox: Sandbox, api: httpx.Client) -> None:
	_order(sandbox, operation="findCompanies", kind="reset_midway")
	with api.stream("GET", "/companies") as response:
		came = b""
		with pytest.raises(httpx.ReadError, match="reset"):
			for piece in response.iter_raw():
				came += piece
	assert (response.status_code, came[:12]) == (200, b'{"content":[')
	assert len(came) == int(response.headers["Content-Length"]) // 2


def test_a_trickle_comes_a_few_bytes_at_a_time(sandbox: Sandbox, api: httpx.Client) -> None:
	whole = api.get("/companies?size=1").content
	_order(sandbox, operation="findCompanies", kind="trickle", seconds=0.2, piece=8)
	with api.stream("GET", "/companies?size=1") as response:
		pieces = list(response.iter_raw())
	assert b"".join(pieces) == whole
	assert len(pieces) > len(whole) / 8 / 4, "some may arrive together"


def test_what_happens_meanwhile_happens_at_that_call_and_for_good(
	sandbox: Sandbox, api: httpx.Client
) -> None:
	gone, size = story.CEDAR_BUSINESS_PREMIUM, 5
	whole = [row["id"] for row in api.get("/subscriptions?size=200").json()["content"]]
	assert whole.index(gone) < size, "on a page before"
	_order(
		sandbox,
		kind="meanwhile",
		operation="findSubscriptions",
		query={"page": "1"},
		calls=[
			{"method": "DELETE", "path": f"/subscriptions/{gone}"},
			{"method": "POST", "path": KEEPER, "body": {"quantity": 77}},
		],
	)
	pages = [api.get(f"/subscriptions?size={size}&page={page}").json() for page in range(2)]
	seen = [row["id"] for page in pages for row in page["content"]]
	assert whole[size] not in seen, "the row that slipped over the edge of the page"
	assert [page["page"]["totalElements"] for page in pages] == [len(whole), len(whole) - 1]
	assert api.get(f"/subscriptions/{gone}").status_code == 404
	assert _quantity(sandbox) == 77


def test_tokens_can_be_revoked_after_so_many_calls(sandbox: Sandbox, api: httpx.Client) -> None:
	_order(sandbox, kind="meanwhile", skip=2, calls=[{"method": "DELETE", "path": "/tokens"}])
	assert [api.get("/companies").status_code for _ in range(4)] == [200, 200, 401, 401]
	assert api.get("/companies", headers=sandbox.authorization()).status_code == 200


def test_a_meanwhile_that_could_not_be_done_says_so(sandbox: Sandbox, api: httpx.Client) -> None:
	_order(sandbox, kind="meanwhile", calls=[{"method": "DELETE", "path": "/subscriptions/nothing"}])
	assert api.get("/companies").status_code == 200
	(order,) = WEB.get(f"{sandbox.control_url}/faults").json()["faults"]
	assert "404" in order["problem"]


def test_meanwhile_and_other_faults_meet_the_same_call(sandbox: Sandbox, api: httpx.Client) -> None:
	_order(sandbox, kind="status", status=500)
	_order(sandbox, kind="meanwhile", calls=[{"method": "POST", "path": KEEPER, "body": {"quantity": 12}}])
	assert api.get(KEEPER).status_code == 500
	assert _quantity(sandbox) == 12
	assert sandbox.calls()[-1]["fault"] == "meanwhile+status"


def test_chance_hits_some_calls_and_with_the_same_seed_the_same_ones(
	sandbox: Sandbox, api: httpx.Client
) -> None:
	def hits(seed: int) -> list[int]:
		_order(sandbox, kind="status", count=None, chance=0.5, seed=seed)
		codes = [api.get(f"/companies?page={page}").status_code for page in range(40)]
		WEB.delete(f"{sandbox.control_url}/faults")
		return codes

	first = hits(1)
	assert 5 < first.count(503) < 35
	assert hits(1) == first != hits(2)


def test_every_kind_is_tried_above_or_here() -> None:
	tried = {
		"status",
		"html",
		"delay",
		"drop_before",
		"drop_after",
		"broken_body",
		"truncated",
		"empty",
		"slow",
		"reset_before",
		"reset_after",
		"reset_midway",
		"trickle",
		"meanwhile",
	}
	assert set(KINDS) - tried == {"rewrite"}, "which has a file of its own: test_sandbox_rewrites.py"


def test_skip_and_count_hit_just_the_calls_between(sandbox: Sandbox, api: httpx.Client) -> None:
	_order(sandbox, operation="findCompanies", kind="status", skip=1, count=2)
	assert [api.get("/companies").status_code for _ in range(5)] == [200, 503, 503, 200, 200]


def test_a_fault_without_count_stays_until_withdrawn(sandbox: Sandbox, api: httpx.Client) -> None:
	order = _order(sandbox, operation="read", kind="status", status=500, count=None)
	assert {api.get("/companies").status_code for _ in range(4)} == {500}
	assert WEB.delete(f"{sandbox.control_url}/faults/{order['id']}").json() == {"withdrawn": 1}
	assert api.get("/companies").status_code == 200
	assert WEB.delete(f"{sandbox.control_url}/faults/{order['id']}").status_code == 404


def test_only_the_named_operation_is_hit(sandbox: Sandbox, api: httpx.Client) -> None:
	_order(sandbox, operation="findSubscriptionBySubscriptionId", kind="status", count=None)
	assert api.get(KEEPER).status_code == 503
	assert api.get(f"{KEEPER}/history").status_code == 200
	assert api.get("/subscriptions").status_code == 200


def test_a_fault_can_be_narrowed_to_a_page_and_to_a_path(sandbox: Sandbox, api: httpx.Client) -> None:
	_order(sandbox, kind="status", path="/subscriptions", query={"page": "1"})
	_order(sandbox, kind="status", path=KEEPER)
	assert [api.get(f"/subscriptions?page={page}").status_code for page in range(3)] == [200, 503, 200]
	assert api.get(f"/subscriptions/{story.CEDAR_SOPHOS}").status_code == 200
	assert api.get(KEEPER).status_code == 503


def test_write_does_not_mean_the_token(sandbox: Sandbox, api: httpx.Client) -> None:
	_order(sandbox, operation="write", kind="status", status=500, count=None)
	credentials = {"client_id": "sandbox", "client_secret": "sandbox", "grant_type": "client_credentials"}
	token = WEB.post(f"{sandbox.url}/token", json={**credentials, "audience": "https://api.pax8.com"})
	assert token.status_code == 200
	assert api.put(KEEPER, json={"quantity": 11}).status_code == 500


def test_the_token_itself_can_fail(sandbox: Sandbox) -> None:
	_order(sandbox, operation="createAccessToken", kind="html", status=500)
	assert WEB.post(f"{sandbox.url}/token", json={}).status_code == 500
	assert WEB.post(f"{sandbox.url}/token", json={}).status_code == 401


def test_the_list_says_how_often_each_was_met(sandbox: Sandbox, api: httpx.Client) -> None:
	_order(sandbox, kind="status", count=3)
	api.get("/companies")
	(fault,) = WEB.get(f"{sandbox.control_url}/faults").json()["faults"]
	assert (fault["hits"], fault["left"]) == (1, 2)
	WEB.delete(f"{sandbox.control_url}/faults")
	assert api.get("/companies").status_code == 200


@pytest.mark.parametrize(
	("order", "word"),
	[
		({}, "kind"),
		({"kind": "explode"}, "explode"),
		({"kind": "status", "operation": "updateSubscriptions"}, "updateSubscription"),
		({"kind": "status", "status": 1000}, "status"),
		({"kind": "status", "count": 0}, "count"),
		({"kind": "status", "times": 2}, "times"),
		({"kind": "delay", "seconds": -1}, "seconds"),
		({"kind": "drop_before", "after": True}, "drop_after"),
		({"kind": "drop_after", "after": False}, "after"),
		({"kind": "status", "path": "companies"}, "path"),
		({"kind": "status", "headers": {"Retry-After": 1}}, "headers"),
		({"kind": "reset_before", "after": True}, "reset_after"),
		({"kind": "status", "chance": 0}, "chance"),
		({"kind": "status", "seed": "x"}, "seed"),
		({"kind": "trickle", "piece": 0}, "piece"),
		({"kind": "meanwhile"}, "calls"),
		({"kind": "meanwhile", "calls": [{"method": "DELETE"}]}, "calls"),
		({"kind": "status", "calls": [{"method": "DELETE", "path": "/tokens"}]}, "meanwhile"),
		({"kind": "rewrite"}, "rewrites"),
		({"kind": "rewrite", "rewrites": [{"name": "explode"}]}, "null_field"),
	],
	ids=str,
)
def test_a_wrong_order_is_refused_by_name(sandbox: Sandbox, order: dict[str, Any], word: str) -> None:
	response = WEB.post(f"{sandbox.control_url}/faults", json=order)
	assert response.status_code == 400
	assert word in response.json()["error"]
	assert WEB.get(f"{sandbox.control_url}/faults").json()["faults"] == []


def test_dropped_calls_are_in_the_log_without_a_status(sandbox: Sandbox, api: httpx.Client) -> None:
	_order(sandbox, operation="PUT", kind="drop_after")
	with pytest.raises(httpx.RemoteProtocolError):
		api.put(KEEPER, json={"quantity": 15})
	(call,) = sandbox.calls("updateSubscription")
	assert (call["status"], call["fault"], call["body"]) == (None, "drop_after", {"quantity": 15})
