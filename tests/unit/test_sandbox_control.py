"""The sandbox's control endpoints, its command line, and what it may import."""

from __future__ import annotations

import ast
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import httpx
import pytest

import msp_licensing
from msp_licensing.sandbox import App, Sandbox, SandboxConfig
from msp_licensing.sandbox import storybook as story
from msp_licensing.sandbox.web import Request

KEEPER = f"/subscriptions/{story.CEDAR_KEEPER}"
PACKAGE = Path(msp_licensing.__file__).parent

# Plain HTTP on this machine: loading certificates for each call would cost more than the tests.
WEB = httpx.Client(verify=False)


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
	with Sandbox(seed=5, companies=12, products=30, subscriptions=60, provisioning_seconds=0) as sandbox:
		yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Iterator[Sandbox]:
	yield running
	running.reset()


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[httpx.Client]:
	with httpx.Client(base_url=sandbox.url, headers=sandbox.authorization(), verify=False) as client:
		yield client


@pytest.fixture
def control(sandbox: Sandbox) -> Iterator[httpx.Client]:
	with httpx.Client(base_url=sandbox.control_url, verify=False) as client:
		yield client


def test_reset_brings_everything_back(sandbox: Sandbox, api: httpx.Client, control: httpx.Client) -> None:
	before = control.get("/state?records=true").json()
	api.put(KEEPER, json={"quantity": 15})
	control.delete(f"/companies/{story.BLUE_HARBOR_DENTAL}")
	control.post("/products", json={"name": "New", "vendorName": "Vendor"})
	control.post("/config", json={"rate_limit": 5})
	control.post("/clock", json={"advance_seconds": 100, "frozen": True})
	control.post("/faults", json={"kind": "status", "skip": 1})
	assert control.post("/reset").status_code == 200
	after = control.get("/state?records=true").json()
	assert {**before, "clock": None} == {**after, "clock": None}
	assert after["clock"]["frozen"] is False
	assert api.get("/companies").status_code == 200  # the token still holds


def test_reset_can_begin_another_story(control: httpx.Client, sandbox: Sandbox) -> None:
	try:
		answer = control.post("/reset", json={"seed": 9, "subscriptions": 25, "provisioning_seconds": 2})
		assert answer.json()["config"]["seed"] == 9
		assert control.get("/state").json()["counts"]["subscriptions"] == 25
		sandbox.reset()
		assert control.get("/state").json()["counts"]["subscriptions"] == 25
	finally:
		sandbox.reset(seed=5, subscriptions=60, provisioning_seconds=0)


@pytest.mark.parametrize(
	("path", "body"),
	[
		("/config", {"seed": 4}),
		("/config", {"rate_limit": "many"}),
		("/config", {"rate_limit": -1}),
		("/config", {"retry_after": 1}),
		("/reset", {"planets": 9}),
		("/clock", {}),
		("/clock", {"now": "soon"}),
		("/clock", {"advance_seconds": "1"}),
		("/clock", {"hours": 1}),
		("/subscriptions", {"companyId": story.CEDAR_AND_PINE}),
		(KEEPER, {"quantity": "ten"}),
		(KEEPER, {"seats": 10}),
		(KEEPER, {"billingTerm": "Weekly"}),
		(KEEPER, {"startDate": None}),
		(KEEPER, {"commitmentTerm": {"term": "1-Year"}}),
		("/companies", {"status": "Active"}),
		(f"/companies/{story.CEDAR_AND_PINE}", {"status": "Dormant"}),
		(f"/products/{story.AZURE_PLAN}", {"pricing": {}}),
	],
	ids=str,
)
def test_a_wrong_request_is_refused_with_a_reason_and_changes_nothing(
	control: httpx.Client, path: str, body: dict[str, Any]
) -> None:
	before = control.get("/state?records=true").json()
	response = control.post(path, json=body)
	assert response.status_code == 400
	assert response.json()["error"]
	assert {**control.get("/state?records=true").json(), "clock": None} == {**before, "clock": None}


@pytest.mark.parametrize(
	"path", ["/subscriptions/none", "/companies/none", "/products/none", "/faults/77", "/nothing"]
)
def test_what_is_not_there_is_not_found(control: httpx.Client, path: str) -> None:
	assert control.delete(path).status_code == 404


def test_the_clock_can_be_set_moved_and_stopped(control: httpx.Client, sandbox: Sandbox) -> None:
	control.post("/clock", json={"now": "2031-05-06T07:08:09Z", "frozen": True})
	assert control.get("/clock").json() == {"now": "2031-05-06T07:08:09Z", "frozen": True}
	control.post("/clock", json={"advance_seconds": 51})
	assert control.get("/clock").json()["now"] == "2031-05-06T07:09:00Z"
	control.post("/clock", json={"frozen": False})
	first = sandbox.clock.timestamp()
	assert first >= datetime(2031, 5, 6, 7, 9, tzinfo=timezone.utc).timestamp()
	assert sandbox.clock.timestamp() >= first


def test_somebody_elses_change_shows_in_the_api_and_its_history(
	control: httpx.Client, api: httpx.Client
) -> None:
	control.post(KEEPER, json={"quantity": 13, "status": "PendingCancel", "endDate": "2030-01-01"})
	row = api.get(KEEPER).json()
	assert (row["quantity"], row["status"]) == (13, "PendingCancel")
	assert row["endDate"] == "2030-01-01"
	assert [old["quantity"] for old in api.get(f"{KEEPER}/history").json()["content"]] == [13, 10]
	assert row["updatedDate"]


def test_a_status_set_from_outside_stays_though_a_change_was_under_way(
	control: httpx.Client, sandbox: Sandbox, api: httpx.Client
) -> None:
	sandbox.configure(provisioning_seconds=3)
	api.put(KEEPER, json={"quantity": 15})
	control.post(KEEPER, json={"status": "PendingAutomated"})
	sandbox.clock.advance(1000)
	assert api.get(KEEPER).json()["status"] == "PendingAutomated"


def test_a_subscription_can_move_to_another_company(control: httpx.Client, api: httpx.Client) -> None:
	control.post(KEEPER, json={"companyId": story.BLUE_HARBOR_DENTAL})
	for company, there in ((story.CEDAR_AND_PINE, False), (story.BLUE_HARBOR_DENTAL, True)):
		rows = api.get("/subscriptions", params={"companyId": company, "size": 200}).json()["content"]
		assert (story.CEDAR_KEEPER in {row["id"] for row in rows}) is there


def test_how_a_record_is_shown_can_be_spoiled_to_try_a_client(
	control: httpx.Client, api: httpx.Client
) -> None:
	control.post(
		KEEPER, json={"wire": {"status": "Dormant", "commitment": {"term": "1-Year"}}, "absent": ["price"]}
	)
	row = api.get(KEEPER).json()
	assert (row["status"], row["commitment"]) == ("Dormant", {"term": "1-Year"})
	assert "price" not in row
	control.post(KEEPER, json={"wire": {}})
	assert api.get(KEEPER).json()["status"] == "Active"


def test_records_can_be_added_and_vanish(control: httpx.Client, api: httpx.Client) -> None:
	company = control.post("/companies", json={"name": "Łucja", "currency": "GBP"}).json()
	product = control.post("/products", json={"name": "Tool", "vendorName": "Maker"}).json()
	row = control.post(
		"/subscriptions", json={"companyId": company["id"], "productId": product["id"], "quantity": 4}
	).json()
	assert (row["currencyCode"], row["productName"], row["quantity"]) == ("GBP", "Tool", 4)
	assert api.get(f"/companies/{company['id']}").json()["name"] == "Łucja"
	assert api.get(f"/products/{product['id']}/pricing").json() == {"content": []}
	assert control.delete(f"/products/{product['id']}").status_code == 204
	assert api.get(f"/products/{product['id']}").status_code == 404
	assert api.get(f"/subscriptions/{row['id']}").status_code == 200
	assert control.delete(f"/companies/{company['id']}").status_code == 204
	assert api.get(f"/subscriptions/{row['id']}").status_code == 404
	assert api.get("/subscriptions", params={"companyId": company["id"]}).status_code == 403


def test_a_vanished_subscription_is_gone_from_every_list(control: httpx.Client, api: httpx.Client) -> None:
	control.delete(KEEPER)
	assert api.get(KEEPER).status_code == 404
	for query in ({}, {"companyId": story.CEDAR_AND_PINE}, {"productId": story.KEEPER_BUSINESS}):
		rows = api.get("/subscriptions", params={**query, "size": 200}).json()["content"]
		assert rows
		assert story.CEDAR_KEEPER not in {row["id"] for row in rows}


def test_an_id_is_given_once(control: httpx.Client) -> None:
	response = control.post("/companies", json={"id": story.CEDAR_AND_PINE, "name": "Twice"})
	assert response.status_code == 409


def test_prices_set_from_outside_are_what_the_api_answers(control: httpx.Client, api: httpx.Client) -> None:
	path = f"/products/{story.KEEPER_BUSINESS}"
	before = api.get(f"{path}/pricing").json()
	control.post(path, json={"pricing": [{"billingTerm": "Monthly", "rates": [{"partnerBuyRate": 9.99}]}]})
	assert api.get(f"{path}/pricing").json()["content"][0]["rates"] == [{"partnerBuyRate": 9.99}]
	control.post(path, json={"pricing": None})
	assert api.get(f"{path}/pricing").json() == before


def test_the_log_counts_calls_and_keeps_no_secret(
	control: httpx.Client, api: httpx.Client, sandbox: Sandbox
) -> None:
	WEB.post(f"{sandbox.url}/token", json={"client_id": "sandbox", "client_secret": "hidden-value"})
	api.get("/companies", params={"page": 1})
	api.get("/nowhere")
	api.put(KEEPER, json={"quantity": 15})
	log = control.get("/calls").json()
	assert log["total"] == 4
	assert log["by_operation"] == {
		"createAccessToken": 1,
		"findCompanies": 1,
		"unknown": 1,
		"updateSubscription": 1,
	}
	assert log["by_status"] == {"401": 1, "200": 2, "404": 1}
	assert "hidden-value" not in str(log)
	assert log["calls"][1]["query"] == {"page": "1"}
	assert control.get("/calls?operation=updateSubscription").json()["calls"][0]["body"] == {"quantity": 15}
	assert [call["number"] for call in control.get("/calls?limit=2").json()["calls"]] == [3, 4]
	assert control.get("/calls?limit=0").json()["calls"] == []
	control.delete("/calls")
	assert control.get("/calls").json()["total"] == 0


def test_one_record_can_be_looked_at_with_its_history(control: httpx.Client, api: httpx.Client) -> None:
	api.put(KEEPER, json={"quantity": 15})
	row = control.get("/state", params={"subscription": story.CEDAR_KEEPER}).json()
	assert (row["quantity"], len(row["history"])) == (15, 2)
	assert control.get("/state?subscription=none").status_code == 404
	assert control.get("/state", params={"product": story.AZURE_PLAN}).json()["pricing"]


def test_faults_limits_and_slowness_spare_the_control_endpoints(
	control: httpx.Client, sandbox: Sandbox, api: httpx.Client
) -> None:
	sandbox.configure(rate_limit=1)
	api.get("/companies")
	sandbox.faults.add("status", count=None)
	assert {control.get("/state").status_code for _ in range(3)} == {200}


@pytest.mark.parametrize(
	("peer", "open_control", "status"),
	[("127.0.0.1", False, 200), ("::1", False, 200), ("192.0.2.7", False, 403), ("192.0.2.7", True, 200)],
)
def test_other_machines_reach_the_control_endpoints_only_when_told(
	peer: str, open_control: bool, status: int
) -> None:
	app = App(SandboxConfig(companies=0, products=0, subscriptions=0), open_control)
	assert app.handle(Request("GET", "/_sandbox/state", peer=peer)).status == status


def test_a_defect_is_told_from_a_refusal(sandbox: Sandbox, api: httpx.Client) -> None:
	sandbox.world.subscriptions.rows[story.CEDAR_KEEPER].quantity = object()  # type: ignore[assignment]
	response = api.get(KEEPER)
	assert response.status_code == 500
	assert "Defect in the sandbox" in response.json()["message"]


def test_a_stopped_sandbox_refuses_connections_and_ends_open_ones() -> None:
	with Sandbox(companies=0, products=0, subscriptions=0) as sandbox:
		client = httpx.Client(base_url=sandbox.url, headers=sandbox.authorization())
		assert client.get("/companies").status_code == 200
	with pytest.raises(httpx.TransportError):
		client.get("/companies")
	client.close()
	sandbox.stop()


def test_a_wrong_setting_is_refused() -> None:
	with pytest.raises(TypeError, match="planets"):
		Sandbox(planets=9)


def _serve(*options: str) -> subprocess.Popen[str]:
	return subprocess.Popen(
		[sys.executable, "-m", "msp_licensing.sandbox", *options],
		stdout=subprocess.PIPE,
		stderr=subprocess.PIPE,
		text=True,
		env={**os.environ, "PYTHONPATH": str(PACKAGE.parent)},
	)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_says_where_it_serves_and_ends_when_told(number: signal.Signals) -> None:
	process = _serve("--port", "0", "--companies", "6", "--subscriptions", "20", "--client-secret", "s3cret")
	try:
		assert process.stdout
		line = process.stdout.readline()
		match = re.match(r"Pax8 sandbox on (http://127\.0\.0\.1:\d+/v1) ", line)
		assert match, line
		credentials = {"client_id": "sandbox", "client_secret": "s3cret", "grant_type": "client_credentials"}
		answer = WEB.post(f"{match[1]}/token", json={**credentials, "audience": "https://api.pax8.com"})
		headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
		companies = WEB.get(f"{match[1]}/companies", headers=headers)
		assert companies.json()["page"]["totalElements"] == 6
		process.send_signal(number)
		_, errors = process.communicate(timeout=5)
	finally:
		process.kill()
	assert process.returncode == 0
	assert "GET /v1/companies 200" in errors
	assert "Traceback" not in errors


def test_the_command_says_when_its_port_is_taken(sandbox: Sandbox) -> None:
	process = _serve("--port", str(sandbox.port))
	_, errors = process.communicate(timeout=10)
	assert process.returncode == 1
	assert f"Cannot listen on 127.0.0.1:{sandbox.port}" in errors


def test_the_sandbox_needs_nothing_beyond_the_standard_library() -> None:
	for file in (PACKAGE / "sandbox").rglob("*.py"):
		for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
			names = (
				[alias.name for alias in node.names]
				if isinstance(node, ast.Import)
				else [node.module or ""]
				if isinstance(node, ast.ImportFrom)
				else []
			)
			for name in names:
				standard = name.split(".")[0] in sys.stdlib_module_names
				assert standard or name.startswith("msp_licensing.sandbox"), f"{file} imports {name}"
