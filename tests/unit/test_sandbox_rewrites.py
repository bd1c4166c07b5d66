"""Answers that arrive whole and are wrong: each rewrite does what it says, where it says, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from msp_licensing.sandbox import Sandbox
from msp_licensing.sandbox import storybook as story
from msp_licensing.sandbox.rewrites import KINDS, WORDS

LIST = "/subscriptions?size=5"


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
		base_url=sandbox.url, headers=sandbox.authorization(), timeout=5, verify=False
	) as client:
		yield client


def _rewrite(sandbox: Sandbox, *rewrites: dict[str, Any], operation: str = "read", **order: Any) -> None:
	sandbox.faults.add("rewrite", operation, rewrites=list(rewrites), **order)


def _body(api: httpx.Client, path: str = LIST) -> Any:
	response = api.get(path)
	assert response.status_code == 200
	return response.json()


def _differences(before: Any, after: Any, path: str = "") -> dict[str, tuple[Any, Any]]:
	"""What differs between two bodies: path -> (before, after)."""
	if isinstance(before, dict) and isinstance(after, dict):
		pairs = [
			(name, before.get(name, "absent"), after.get(name, "absent")) for name in {**before, **after}
		]
	elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
		pairs = [(str(place), *values) for place, values in enumerate(zip(before, after, strict=True))]
	else:
		return {} if before == after and type(before) is type(after) else {path: (before, after)}
	found: dict[str, tuple[Any, Any]] = {}
	for name, old, new in pairs:
		found |= _differences(old, new, f"{path}.{name}".lstrip("."))
	return found


def _difference(sandbox: Sandbox, api: httpx.Client, rewrite: dict[str, Any], path: str = LIST) -> Any:
	before = _body(api, path)
	_rewrite(sandbox, rewrite)
	found = _differences(before, _body(api, path))
	assert _body(api, path) == before, "once, and only in what is shown"
	return found


def test_a_field_of_a_row_is_set(sandbox: Sandbox, api: httpx.Client) -> None:
	order = {"name": "set_field", "row": 2, "field": "quantity", "value": 2**40}
	(change,) = _difference(sandbox, api, order).items()
	assert change[0] == "content.2.quantity" and change[1][1] == 2**40


def test_a_row_is_found_by_its_id_and_a_field_within_a_field(sandbox: Sandbox, api: httpx.Client) -> None:
	order = {"name": "set_field", "id": story.CEDAR_BUSINESS_PREMIUM, "field": "commitmentTerm.endDate"}
	changes = _difference(sandbox, api, {**order, "value": "soon"})
	assert [path.split(".", 2)[2] for path in changes] == ["commitmentTerm.endDate"]


def test_all_rows_can_be_altered(sandbox: Sandbox, api: httpx.Client) -> None:
	order = {"name": "set_field", "rows": "all", "field": "extra", "value": 1}
	assert set(_difference(sandbox, api, order)) == {f"content.{place}.extra" for place in range(5)}


def test_a_single_record_is_altered_like_a_row(sandbox: Sandbox, api: httpx.Client) -> None:
	order = {"name": "null_field", "field": "quantity"}
	assert _difference(sandbox, api, order, f"/subscriptions/{story.CEDAR_KEEPER}") == {
		"quantity": (10, None)
	}


def test_a_null_where_the_spec_has_none_in_one_field_of_one_row(sandbox: Sandbox, api: httpx.Client) -> None:
	(change,) = _difference(sandbox, api, {"name": "null_field"}).items()
	assert change[1][1] is None and not change[0].endswith(".id")


def test_even_the_id_can_be_null(sandbox: Sandbox, api: httpx.Client) -> None:
	changes = _difference(sandbox, api, {"name": "null_field", "row": -1, "field": "id"})
	assert changes == {"content.4.id": (story.CEDAR_ACROBAT_TRIAL, None)}


def test_a_field_is_left_out(sandbox: Sandbox, api: httpx.Client) -> None:
	((path, (_old, new)),) = _difference(sandbox, api, {"name": "remove_field", "field": "status"}).items()
	assert path.endswith(".status") and new == "absent"


@pytest.mark.parametrize("field", ["quantity", "status", "id", "commitmentTerm"])
def test_a_wrong_type_is_another_type(sandbox: Sandbox, api: httpx.Client, field: str) -> None:
	order = {"name": "wrong_type", "id": story.CEDAR_BUSINESS_PREMIUM, "field": field}
	((_path, (old, new)),) = _difference(sandbox, api, order).items()
	assert type(new) is not type(old) and new is not None


def test_an_unknown_word_stands_where_the_spec_lists_words(sandbox: Sandbox, api: httpx.Client) -> None:
	((path, (_old, new)),) = _difference(sandbox, api, {"name": "unknown_word"}).items()
	assert path.split(".", 2)[2] in WORDS and new == "Hibernating"
	pricing = f"/products/{story.KEEPER_BUSINESS}/pricing"
	order = {"name": "unknown_word", "field": "rates.0.chargeType", "value": "Per Moon", "row": 0}
	((path, (_old, new)),) = _difference(sandbox, api, order, pricing).items()
	assert (path, new) == ("content.0.rates.0.chargeType", "Per Moon")


def test_a_text_of_ten_megabytes_is_sent(sandbox: Sandbox, api: httpx.Client) -> None:
	((_path, (old, new)),) = _difference(sandbox, api, {"name": "huge_text", "field": "productName"}).items()
	assert len(new) == 10_000_000 and new.startswith(old)
	((_path, (_old, new)),) = _difference(sandbox, api, {"name": "huge_text", "size": 200}).items()
	assert len(new) == 200


def test_a_row_comes_twice_beside_the_others_or_in_place_of_one(sandbox: Sandbox, api: httpx.Client) -> None:
	before = [row["id"] for row in _body(api)["content"]]
	_rewrite(sandbox, {"name": "duplicate_rows", "row": 1})
	assert [row["id"] for row in _body(api)["content"]] == [*before, before[1]]
	_rewrite(sandbox, {"name": "duplicate_rows", "in_place": True, "rows": 2})
	after = [row["id"] for row in _body(api)["content"]]
	assert len(after) == 5 and len(set(after)) == 3 and set(after) < set(before)


def test_rows_are_left_out_though_counted(sandbox: Sandbox, api: httpx.Client) -> None:
	before = _body(api)
	_rewrite(sandbox, {"name": "leave_out_rows", "rows": 2})
	after = _body(api)
	assert len(after["content"]) == 3 and after["page"] == before["page"]
	assert [row for row in before["content"] if row in after["content"]] == after["content"]


@pytest.mark.parametrize(("by", "first"), [(1, 6), (-1, 4), (-100, None)])
def test_a_page_shows_what_it_would_had_earlier_rows_gone_or_come(
	sandbox: Sandbox, api: httpx.Client, by: int, first: int | None
) -> None:
	everything = [row["id"] for row in _body(api, "/subscriptions?size=200")["content"]]
	_rewrite(sandbox, {"name": "shift", "by": by}, query={"page": "1"})
	assert [row["id"] for row in _body(api)["content"]] == everything[:5]
	shown = _body(api, LIST + "&page=1")
	expected = [] if first is None else everything[first : first + 5]
	assert [row["id"] for row in shown["content"]] == expected
	assert shown["page"]["totalElements"] == len(everything)


@pytest.mark.parametrize(
	("change", "expected"),
	[
		({"totalElements": {"add": 3}}, {"totalElements": 21}),
		({"totalPages": {"add": -3}}, {"totalPages": 1}),
		(
			{"totalElements": {"as_text": True}, "totalPages": {"as_text": True}},
			{"totalElements": "18", "totalPages": "4"},
		),
		({"totalElements": {"value": None}}, {"totalElements": None}),
		({"number": {"value": 7}, "size": {"absent": True}}, {"number": 7, "size": "absent"}),
	],
	ids=str,
)
def test_totals_are_wrong(
	sandbox: Sandbox, api: httpx.Client, change: dict[str, Any], expected: dict[str, Any]
) -> None:
	found = _difference(sandbox, api, {"name": "totals", **change})
	assert {path.removeprefix("page."): new for path, (_old, new) in found.items()} == expected


def test_totals_change_from_call_to_call(sandbox: Sandbox, api: httpx.Client) -> None:
	_rewrite(sandbox, {"name": "totals", "totalElements": {"jitter": 2}}, count=None)
	totals = [_body(api)["page"]["totalElements"] for _ in range(12)]
	assert set(totals) == {16, 17, 19, 20}


@pytest.mark.parametrize("value", [None, [], "words", 7, {"content": {}}], ids=str)
def test_the_whole_body_is_something_else(sandbox: Sandbox, api: httpx.Client, value: Any) -> None:
	_rewrite(sandbox, {"name": "set_body", "value": value})
	assert _body(api) == value


def test_a_part_of_the_body_is_something_else(sandbox: Sandbox, api: httpx.Client) -> None:
	_rewrite(sandbox, {"name": "set_body", "path": "content", "value": None})
	assert _body(api)["content"] is None


@pytest.mark.parametrize("value", [0, -3600, 10**12, "86400", None], ids=str)
def test_a_token_says_a_lifetime_it_does_not_have(sandbox: Sandbox, value: Any) -> None:
	_rewrite(
		sandbox, {"name": "set_field", "field": "expires_in", "value": value}, operation="createAccessToken"
	)
	credentials = {"client_id": "sandbox", "client_secret": "sandbox", "grant_type": "client_credentials"}
	asked = {**credentials, "audience": "https://api.pax8.com"}
	token = httpx.post(f"{sandbox.url}/token", json=asked).json()
	assert token["expires_in"] == value
	headers = {"Authorization": f"Bearer {token['access_token']}"}
	assert httpx.get(f"{sandbox.url}/companies", headers=headers).status_code == 200


def test_rewrites_are_combined_in_their_order_and_with_other_faults(
	sandbox: Sandbox, api: httpx.Client
) -> None:
	_rewrite(
		sandbox,
		{"name": "leave_out_rows", "row": 0},
		{"name": "set_field", "row": 0, "field": "quantity", "value": 1},
	)
	_rewrite(sandbox, {"name": "totals", "totalElements": {"value": "many"}})
	sandbox.faults.add("broken_body", "read")
	text = api.get(LIST).text
	assert text.startswith('{"content":[') and text.count('"quantity":1,') == 1
	assert sandbox.calls()[-1]["fault"] == "broken_body+rewrite+rewrite"


def test_the_same_seed_alters_the_same_and_another_seed_something_else(
	sandbox: Sandbox, api: httpx.Client
) -> None:
	def shown(seed: int) -> list[Any]:
		_rewrite(sandbox, {"name": "wrong_type"}, seed=seed, count=None)
		pages = [_body(api, f"{LIST}&page={page}") for page in (2, 0, 1)]
		sandbox.faults.clear()
		return pages

	assert shown(1) == shown(1) != shown(2)


def test_a_rewrite_waits_for_an_answer_it_can_alter(sandbox: Sandbox, api: httpx.Client) -> None:
	_rewrite(sandbox, {"name": "set_body", "value": 1})
	sandbox.faults.add("status", "read")
	assert api.get(LIST).status_code == 503
	assert api.get("/subscriptions/nothing").status_code == 404
	assert _body(api) == 1


def test_what_a_rewrite_does_not_find_is_left_alone(sandbox: Sandbox, api: httpx.Client) -> None:
	before = _body(api)
	for order in (
		{"name": "null_field", "field": "no.such.field"},
		{"name": "null_field", "id": "no such row", "field": "quantity"},
		{"name": "set_field", "row": 99, "field": "quantity", "value": 1},
	):
		_rewrite(sandbox, order)
		assert _body(api) == before


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize(
	"value", [None, [], "words", {"content": "rows", "page": 3}, {"content": [1, None]}], ids=str
)
def test_no_rewrite_stumbles_over_what_another_made(
	sandbox: Sandbox, api: httpx.Client, name: str, value: Any
) -> None:
	needed = {"set_field": {"field": "a.b", "value": 1}, "set_body": {"path": "content.0", "value": 1}}
	_rewrite(sandbox, {"name": "set_body", "value": value}, {"name": name, **needed.get(name, {})})
	assert api.get(LIST).status_code == 200


@pytest.mark.parametrize(
	("order", "word"),
	[
		({"name": "set_field", "field": "quantity"}, "value"),
		({"name": "set_field", "value": 1}, "field"),
		({"name": "null_field", "value": 1}, "value"),
		({"name": "shift", "by": "one"}, "by"),
		({"name": "duplicate_rows", "rows": 0}, "rows"),
		({"name": "totals", "totalElements": 7}, "totalElements"),
		({"name": "totals", "totalElements": {"times": 2}}, "totalElements"),
		({"name": "totals", "totals": {"add": 2}}, "totals"),
		({"name": "totals", "totalPages": {"jitter": 0}}, "jitter"),
	],
	ids=str,
)
def test_a_wrong_rewrite_is_refused_by_name(sandbox: Sandbox, order: dict[str, Any], word: str) -> None:
	with pytest.raises(ValueError, match=word):
		_rewrite(sandbox, order)
