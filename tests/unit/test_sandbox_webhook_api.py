"""The sandbox's webhooks API: lists, definitions, configuration, filters and where events may be sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from msp_licensing.sandbox import Sandbox
from msp_licensing.sandbox.webhooks import holds, why_undeliverable

Hook = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
	with Sandbox(seed=3, companies=4, products=16, subscriptions=18, rate_limit=0) as sandbox:
		yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Iterator[Sandbox]:
	yield running
	running.reset()


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[httpx.Client]:
	with httpx.Client(base_url=sandbox.webhooks_url, headers=sandbox.authorization(), verify=False) as client:
		yield client


@pytest.fixture
def hook(api: httpx.Client) -> Hook:
	"""Makes an active webhook for the topics given by name; nothing is sent to it."""

	def make(*topics: str, **changes: Any) -> dict[str, Any]:
		body = {
			"displayName": "Licensing",
			"url": "https://licensing.example.com/pax8",
			"authorization": "a-secret",
			"active": True,
			"webhookTopics": [{"topic": topic, "filters": []} for topic in topics],
			**changes,
		}
		return api.post("/webhooks", json=body).raise_for_status().json()

	return make


@pytest.mark.parametrize(
	("operator", "values", "passes"),
	[
		("EQUALS", ["b", "a"], True),
		("EQUALS", ["b"], False),
		("NOT_EQUALS", ["b"], True),
		("NOT_EQUALS", ["a"], False),
		("IN", ["a", "b"], True),
		("NOT_IN", ["a", "b"], False),
	],
)
def test_operators_on_texts(operator: str, values: list[str], passes: bool) -> None:
	condition = {"field": "deep.name", "operator": operator, "value": values}
	assert holds(condition, {"deep": {"name": "a"}}) is passes


@pytest.mark.parametrize(
	("value", "operator", "compared", "passes"),
	[
		(10, "GREATER_THAN", "9", True),
		(10, "LESS_THAN", "9", False),
		("2025-02-01", "GREATER_THAN", "2025-01-31", True),
		("2025-02-01", "LESS_THAN", "2025-01-31", False),
		("a long name", "CONTAINS", "long", True),
		(["x", "y"], "CONTAINS", "y", True),
		(["xy"], "CONTAINS", "y", False),
		(True, "EQUALS", "true", True),
		(None, "EQUALS", "None", False),
		(None, "GREATER_THAN", "0", False),
		(None, "NOT_EQUALS", "a", True),
	],
)
def test_operators_on_other_values(value: Any, operator: str, compared: str, passes: bool) -> None:
	assert holds({"field": "it", "operator": operator, "value": [compared]}, {"it": value}) is passes


@pytest.mark.parametrize(
	"url",
	[
		"http://example.com/hook",
		"http://127.0.0.1.example.com/",
		"http://localhost.example.com/",
		"http://user:pass@localhost/",
		"ftp://localhost/",
		"https:///hook",
		"https://example.com:port/",
		"//localhost/",
		"https://example.com/a b",
	],
)
def test_no_event_goes_to_such_an_address(url: str) -> None:
	assert why_undeliverable(url)


@pytest.mark.parametrize("url", ["https://example.com/hook", "http://[::1]:8000/", "http://LOCALHOST:1/"])
def test_events_go_to_https_and_to_this_machine(url: str) -> None:
	assert why_undeliverable(url) is None


def test_replacing_topics_keeps_the_id_of_one_that_stays(hook: Hook, api: httpx.Client) -> None:
	webhook = hook("INVOICE", "COMPANY")
	kept = webhook["webhookTopics"][1]
	topics = [{"topic": "COMPANY", "filters": []}, {"topic": "QUOTE", "filters": []}]
	replaced = api.put(f"/webhooks/{webhook['id']}/topics", json={"webhookTopics": topics}).json()
	assert [topic["topic"] for topic in replaced["webhookTopics"]] == ["COMPANY", "QUOTE"]
	assert replaced["webhookTopics"][0] == kept


def test_configuration_is_replaced_as_a_whole(hook: Hook, api: httpx.Client) -> None:
	webhook = hook("INVOICE", contactEmail="me@example.com", errorThreshold=5)
	body = {"url": "https://elsewhere.example.com/"}
	configured = api.post(f"/webhooks/{webhook['id']}/configuration", json=body).json()
	assert configured["displayName"] == "Licensing"
	assert configured["errorThreshold"] == 3
	assert not {"authorization", "contactEmail"} & set(configured)


def test_lists_filter_sort_and_page(hook: Hook, api: httpx.Client) -> None:
	for name, active in (("b", True), ("a", False), ("c", True)):
		hook("INVOICE", displayName=name, active=active)

	def names(**query: str) -> list[str]:
		return [row["displayName"] for row in api.get("/webhooks", params=query).json()["content"]]

	assert names() == ["b", "a", "c"]
	assert names(sort="displayName:desc") == ["c", "b", "a"]
	assert names(active="true") == ["b", "c"]
	assert names(query="A", size="1", page="0") == ["b"]  # the url has one
	assert names(topic="QUOTE") == []
	assert names(size="2", page="1") == ["c"]


def test_the_definitions_have_their_totals_at_the_root(api: httpx.Client) -> None:
	body = api.get("/webhooks/topic-definitions", params={"size": 4, "page": 1}).json()
	assert {name: body[name] for name in ("number", "size", "totalElements", "totalPages")} == {
		"number": 1,
		"size": 4,
		"totalElements": 6,
		"totalPages": 2,
	}
	assert [row["topic"] for row in body["content"]] == ["QUOTE", "SUBSCRIPTION"]


def test_every_sample_is_sent_with_the_fields_that_its_filters_offer(api: httpx.Client) -> None:
	for row in api.get("/webhooks/topic-definitions", params={"size": 200}).json()["content"]:
		sample = row["samplePayload"]["payloadData"]
		for offered in row["availableFilters"]:
			assert {condition["field"] for condition in offered["conditions"]} == set(sample) - {"action"}
		assert sample["action"] in [offered["action"] for offered in row["availableFilters"]]


def test_faults_meet_the_webhook_calls_too(sandbox: Sandbox, api: httpx.Client) -> None:
	sandbox.faults.add("status", "Webhooks_create", path="/webhooks")
	assert api.post("/webhooks", json={"displayName": "x"}).status_code == 503
	assert api.get("/webhooks").json()["content"] == []


@pytest.mark.parametrize(
	"settings",
	[{"speed": 1}, {"delay_seconds": -1}, {"delay_seconds": True}, {"drop": 1}, {"retry_seconds": "1"}],
	ids=str,
)
def test_settings_that_cannot_be_are_refused_with_their_name(
	sandbox: Sandbox, settings: dict[str, Any]
) -> None:
	response = httpx.post(f"{sandbox.control_url}/webhooks", json=settings, verify=False)
	assert response.status_code == 400
	assert f"'{next(iter(settings))}'" in response.json()["error"]
