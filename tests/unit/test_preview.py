"""The preview, over HTTP and as a program: against the stand-in Pax8, with no site."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

pytest.importorskip("jinja2")

from msp_licensing.pax8 import Pax8Client
from msp_licensing.preview.choices import START, Choices
from msp_licensing.preview.server import Server
from msp_licensing.preview.source import Source
from msp_licensing.preview.views import Views
from msp_licensing.rules.policy import Policy
from msp_licensing.sandbox import Sandbox, storybook

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
	with Sandbox(companies=6, products=24, subscriptions=40, rate_limit=0) as running:
		yield running


@pytest.fixture
def pax8(sandbox: Sandbox) -> Iterator[Pax8Client]:
	sandbox.reset()
	with Pax8Client(
		client_id="sandbox",
		client_secret="sandbox",
		base_url=sandbox.url,
		max_retries=0,
		sleep=lambda _s: None,
	) as client:
		yield client


@pytest.fixture
def preview(pax8: Pax8Client) -> Iterator[httpx.Client]:
	server = Server(Views(Source(pax8), "a stand-in Pax8"), port=0)
	thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
	thread.start()
	with server, httpx.Client(base_url=server.url, timeout=30) as http:
		yield http
		server.shutdown()


def query(company: str = storybook.CEDAR_AND_PINE, policy: Policy = START, **changes: str) -> str:
	return Choices(company=company, policy=policy).query(**changes)


def ask(http: httpx.Client, function: str, arguments: dict, **choices) -> httpx.Response:
	return http.post(f"/api/{quote(query(**choices), safe='')}/{function}", json=arguments)


# --------------------------------------------------------------------------------------------- the page


def test_a_usage_product_shows_its_charges_so_far_and_a_trial_apart(preview):
	cedar, mueller = (
		preview.get("/?" + query(company=company)).text
		for company in (storybook.CEDAR_AND_PINE, storybook.MUELLER_UND_SOEHNE)
	)
	assert re.search(r"[\d,.]+ USD so far this month, not final", cedar)
	assert re.search(r"[\d,.]+ EUR so far this month, not final", mueller)
	assert re.search(r"Trial: [\d,.]+ EUR so far this month, not charged", mueller)


def test_the_first_visit_shows_a_client_with_its_page(preview):
	answer = preview.get("/")
	assert answer.status_code == 200
	for text in (
		"Cedar &amp; Pine Architects",
		"Keeper Business",
		'data-action="change"',
		"By usage",
		"Being set up",
	):
		assert text in answer.text
	assert re.search(r"Committed until \d+ \w+ \d{4}", answer.text)


def test_another_company_shows_its_own_subscriptions_only(preview):
	text = preview.get("/?" + query(storybook.MUELLER_UND_SOEHNE)).text
	assert "Exclaimer Pro" in text and "Keeper Business" not in text


def test_neither_price_nor_cost_reaches_the_page(preview, sandbox):
	sandbox.change("subscriptions", storybook.CEDAR_KEEPER, price=7321.19, partnerCost=6113.37)
	text = preview.get("/").text
	assert "7321" not in text and "6113" not in text


def test_names_that_look_like_html_stay_text(preview, sandbox):
	evil = "<script>alert(1)</script>"
	sandbox.change("companies", storybook.CEDAR_AND_PINE, name=evil)
	sandbox.change("subscriptions", storybook.CEDAR_KEEPER, productName=evil)
	sandbox.change("products", storybook.KEEPER_BUSINESS, vendorName=evil)
	answer = preview.get(
		"/?" + query(tried=storybook.CEDAR_KEEPER, quantity=evil) + "&vendors=" + quote(evil)
	)
	assert evil not in answer.text and answer.text.count("&lt;script&gt;alert(1)") >= 5
	api = ask(preview, "check", {"subscription": storybook.CEDAR_KEEPER, "quantity": evil}).json()["message"]
	assert evil not in api["staff"]


def test_with_self_service_off_there_is_nothing_to_press(preview):
	text = preview.get("/?" + query(policy=Policy())).text
	assert 'data-action="change"' not in text and "go through your provider" in text


# --------------------------------------------------------------------------------------------- decisions


@pytest.mark.parametrize(
	("policy", "quantity", "staff", "client"),
	[
		(START, "15", "within the threshold of 50 %", "Your change is approved and will be applied."),
		(START, "16", "above the threshold of 50 %", "Sent to your provider for approval."),
		(
			Policy(allow_self_service=True),
			"11",
			"approval is required by default",
			"Sent to your provider for approval.",
		),
		(
			Policy(require_approval=False, allow_self_service=True, vendor_overrides=(" keeper security ",)),
			"11",
			"every change of Keeper Security needs approval",
			"Sent to your provider for approval.",
		),
		(
			Policy(require_approval=False, allow_self_service=True, max_quantity=12),
			"13",
			"above the maximum of 12",
			"You can increase this subscription to 12 at the most; you asked for 13.",
		),
		(START, "ten", "is not a whole number", "Enter the total as a whole number, with digits only."),
	],
)
def test_a_tried_quantity_shows_what_staff_and_client_read(preview, policy, quantity, staff, client):
	text = preview.get("/?" + query(policy=policy, tried=storybook.CEDAR_KEEPER, quantity=quantity)).text
	decision = text[text.index("data-decision") : text.index("What your client sees")]
	assert staff in decision and client in decision and "Every check" in decision


def test_a_hold_is_explained_to_staff_and_not_to_the_client(preview):
	answer = ask(preview, "check", {"subscription": storybook.CEDAR_KEEPER, "quantity": "40"}).json()[
		"message"
	]
	assert "above the threshold" in answer["staff"]
	assert (answer["ok"], answer["message"], answer["hint"]) == (True, "", "")


def test_a_decrease_that_the_commitment_bars_is_refused_with_its_date(preview):
	arguments = {"subscription": storybook.CEDAR_BUSINESS_PREMIUM, "quantity": "20"}
	answer = ask(preview, "request_change", arguments)
	assert answer.status_code == 417
	[message] = json.loads(answer.json()["_server_messages"])
	assert "is committed until" in json.loads(message)["message"]


def test_a_decrease_that_must_wait_can_be_tried_for_the_end_of_the_term(preview):
	arguments = {"subscription": storybook.CEDAR_BUSINESS_PREMIUM, "quantity": "20"}
	answer = ask(preview, "check", arguments).json()["message"]
	assert answer["ok"] and answer["when"]["now"] is False and "the end of the term" in answer["when"]["end"]
	sent = ask(preview, "request_change", {**arguments, "timing": "End of Term"}).json()["message"]
	assert "planned for the end of the term" in sent["message"]


def test_sending_says_what_the_client_would_read_and_writes_nothing(preview, sandbox):
	before = sandbox.subscription(storybook.CEDAR_KEEPER)
	answer = ask(
		preview,
		"request_change",
		{"subscription": storybook.CEDAR_KEEPER, "quantity": "12", "seen_quantity": 10, "note": "x"},
	)
	assert "nothing was sent" in answer.json()["message"]["message"]
	assert "Your change is approved and will be applied." in answer.json()["message"]["message"]
	assert sandbox.subscription(storybook.CEDAR_KEEPER) == before
	assert {call["method"] for call in sandbox.calls() if not call["path"].endswith("/token")} == {"GET"}


def test_the_overview_is_rendered_anew_for_the_script(preview):
	answer = ask(preview, "overview", {"client": "whatever"}).json()["message"]
	assert "Keeper Business" in answer["html"] and answer["page"]["subscriptions"]


def test_somebody_elses_subscription_is_not_found(preview):
	answer = ask(preview, "check", {"subscription": storybook.MUELLER_ESET, "quantity": "31"})
	assert answer.status_code == 404


# --------------------------------------------------------------------------------------------- reading Pax8


def test_a_source_takes_no_client_that_can_write(sandbox):
	with (
		Pax8Client(client_id="a", client_secret="b", base_url=sandbox.url, writes_allowed=True) as client,
		pytest.raises(ValueError),
	):
		Source(client)


def test_pax8_is_read_once_until_it_is_asked_for_again(preview, sandbox):
	preview.get("/")
	calls = len(sandbox.calls())
	preview.get("/?" + query(tried=storybook.CEDAR_KEEPER, quantity="12"))
	assert len(sandbox.calls()) == calls
	sandbox.change("subscriptions", storybook.CEDAR_KEEPER, quantity=77)
	answer = preview.get("/?" + query() + "&again=1", follow_redirects=True)
	assert 'data-quantity="77"' in answer.text and "again" not in str(answer.url)


def test_a_product_that_pax8_no_longer_lists_holds_and_breaks_nothing(preview, sandbox):
	sandbox.vanish("products", storybook.KEEPER_BUSINESS)
	text = preview.get("/?" + query(tried=storybook.CEDAR_KEEPER, quantity="11")).text
	assert "the vendor is not known" in text


def test_trouble_at_pax8_is_a_page_with_pax8s_words(preview, sandbox):
	sandbox.faults.add("status", "findSubscriptions", status=503, count=5)
	answer = preview.get("/")
	assert answer.status_code == 502 and "Pax8 could not be read" in answer.text


# --------------------------------------------------------------------------------------------- the server


def test_only_this_machines_names_are_served(preview):
	assert preview.get("/", headers={"Host": "evil.example"}).status_code == 421
	assert preview.get("/", headers={"Host": "localhost:1234"}).status_code == 200


def test_other_sites_cannot_post_a_form(preview):
	path = f"/api/{quote(query(), safe='')}/check"
	assert (
		preview.post(path, data={"subscription": storybook.CEDAR_KEEPER, "quantity": "1"}).status_code == 417
	)


@pytest.mark.parametrize("path", ["/favicon.ico", "/../../etc/passwd", "/index.html", "/api/x/check"])
def test_there_is_nothing_else_to_get(preview, path):
	assert preview.get(path).status_code == 404


@pytest.mark.parametrize(
	"body", [b"", b"[]", b"{", b'{"quantity": "1"}', b'{"subscription": {}, "quantity": []}', b"\xff"]
)
def test_nonsense_is_refused_without_a_fault(preview, body):
	answer = preview.post(
		f"/api/{quote(query(), safe='')}/check", content=body, headers={"Content-Type": "application/json"}
	)
	assert answer.status_code in (404, 417)


# --------------------------------------------------------------------------------------------- choices


@pytest.mark.parametrize(
	"policy",
	[
		START,
		Policy(),
		Policy(require_approval=False, threshold=Decimal(0), allow_self_service=True),
		Policy(False, Decimal("33.5"), ("Microsoft", "A & B, Ltd"[:5]), True, 2, 50),
	],
)
def test_choices_survive_the_address(policy):
	choices = Choices(company="c", policy=policy, tried="s", quantity="12")
	assert Choices.from_query(choices.query()) == choices


@pytest.mark.parametrize(
	("given", "problem"),
	[
		("use_threshold=1&threshold=many", "must be a number"),
		("use_threshold=1&threshold=-1", "cannot be negative"),
		("use_threshold=1&threshold=NaN", "must be a number"),
		("min=5&max=3", "above the maximum"),
		("min=x", "whole numbers"),
	],
)
def test_a_policy_that_a_site_would_refuse_is_told_and_not_used(given, problem):
	choices = Choices.from_query("policy=1&" + given)
	assert problem in " ".join(choices.problems)


def test_the_first_policy_lets_something_be_seen():
	assert START.allow_self_service and START.threshold == 50 and Choices.from_query("") == Choices()


def test_today_is_asked_for_each_decision(pax8, sandbox):
	"""A preview that runs for weeks decides with the day of the visit."""
	day = date(2020, 1, 1)
	views = Views(Source(pax8), "x", today=lambda: day)
	arguments = {"subscription": storybook.CEDAR_BUSINESS_PREMIUM, "quantity": "20"}
	assert "starts on" in views.check(Choices(), **arguments)["message"]
	day = date(2099, 1, 1)
	answer = views.check(Choices(), **arguments)
	assert answer["ok"] and answer["when"] is None, "the commitment is over by then"


# --------------------------------------------------------------------------------------------- the program


def start(*arguments: str, **environment: str) -> subprocess.Popen[str]:
	kept = {
		name: value
		for name, value in os.environ.items()
		if not name.startswith(("PAX8_", "MSP_LICENSING_SANDBOX"))
	}
	return subprocess.Popen(
		[sys.executable, "-m", "msp_licensing.preview", "--port", "0", *arguments],
		cwd=ROOT,
		env={**kept, "PYTHONPATH": str(ROOT), **environment},
		stdout=subprocess.PIPE,
		stderr=subprocess.PIPE,
		text=True,
	)


def test_it_starts_by_itself_prints_its_address_and_ends_on_sigterm():
	process = start()
	try:
		line = process.stdout.readline()
		url = re.search(r"http://\S+?(?=,)", line)[0]
		assert "made-up data" in line and httpx.get(url, timeout=30).status_code == 200
		process.send_signal(signal.SIGTERM)
		assert process.wait(15) == 0
	finally:
		process.kill()
		process.communicate()


def test_the_secret_is_taken_from_the_environment_and_appears_nowhere(sandbox):
	process = start(
		"--pax8", sandbox.url, "--client-id", "sandbox", PAX8_CLIENT_SECRET="sandbox-wrong-secret"
	)
	out, err = process.communicate(timeout=60)
	assert process.returncode == 1 and "did not accept the credentials" in err
	assert "sandbox-wrong-secret" not in out + err and "Traceback" not in err
	process = start("--pax8", sandbox.url, "--client-id", "sandbox", PAX8_CLIENT_SECRET="sandbox")
	try:
		assert "reading Pax8 at 127.0.0.1" in process.stdout.readline()
	finally:
		process.terminate()
		process.communicate(timeout=20)


@pytest.mark.parametrize(
	("arguments", "environment", "words"),
	[
		(["--client-id", "x"], {}, "PAX8_CLIENT_SECRET"),
		(["--pax8", "https://api.example"], {"PAX8_CLIENT_SECRET": "x"}, "--client-id"),
		(["--pax8", "http://api.example/v1", "--client-id", "x"], {"PAX8_CLIENT_SECRET": "x"}, "https"),
		(
			["--pax8", "http://127.0.0.1:9/v1", "--client-id", "x"],
			{"PAX8_CLIENT_SECRET": "x"},
			"cannot be reached",
		),
	],
)
def test_what_cannot_work_is_said_in_one_line(arguments, environment, words):
	process = start(*arguments, **environment)
	_out, err = process.communicate(timeout=60)
	assert process.returncode == 1 and words in err and len(err.strip().splitlines()) == 1, err


def test_a_company_that_is_not_there_is_said(sandbox):
	process = start(
		"--pax8", sandbox.url, "--client-id", "sandbox", "--company", "nope", PAX8_CLIENT_SECRET="sandbox"
	)
	_out, err = process.communicate(timeout=60)
	assert process.returncode == 1 and "no company nope" in err


def test_it_waits_for_a_sandbox_that_is_just_starting():
	with Sandbox() as first:
		port = first.port
	process = start(MSP_LICENSING_SANDBOX_URL=f"http://127.0.0.1:{port}")
	try:
		time.sleep(1.5)
		assert process.poll() is None
		with Sandbox(port=port, companies=4, products=16, subscriptions=18):
			assert "made-up data" in process.stdout.readline()
	finally:
		process.terminate()
		process.communicate(timeout=20)


def test_without_jinja_it_says_what_to_install(tmp_path):
	(tmp_path / "jinja2.py").write_text(
		"raise ModuleNotFoundError(\"No module named 'jinja2'\", name='jinja2')\n"
	)
	process = start(PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}")
	_out, err = process.communicate(timeout=60)
	assert process.returncode == 1 and "pip install jinja2" in err
