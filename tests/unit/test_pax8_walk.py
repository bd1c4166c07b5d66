"""Walking Pax8's lists: complete, or an error."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import httpx
import pytest

from msp_licensing import pax8
from msp_licensing.pax8 import Pax8Client


class NoLimit:
	def acquire(self, priority: bool = False) -> None: ...

	def penalize(self, seconds: float) -> None: ...


class Lists:
	"""Pax8's lists. `before` may change rows or answers while they are walked."""

	def __init__(self, count: int, largest_page: int = 200) -> None:
		self.rows = [{"id": f"s{n:04}", "quantity": 1, "status": "Active"} for n in range(count)]
		self.largest_page = largest_page
		self.asked: list[dict[str, str]] = []
		self.before: Callable[[int, int], None] = lambda call, page: None
		self.change: Callable[[int, dict], object] = lambda page, answer: answer
		self.busy = self.busiest = 0
		self.delay = 0.0
		self.lock = threading.Lock()

	def __call__(self, request: httpx.Request) -> httpx.Response:
		if request.url.path.endswith("/token"):
			return httpx.Response(200, json={"access_token": "t", "expires_in": 86400})
		params = dict(request.url.params)
		page, size = int(params["page"]), min(int(params["size"]), self.largest_page)
		with self.lock:
			self.asked.append(params)
			self.busy += 1
			self.busiest = max(self.busy, self.busiest)
			self.before(len(self.asked), page)
			rows = self.rows[page * size : page * size + size]
			total = len(self.rows)
		time.sleep(self.delay)
		answer = {
			"content": rows,
			"page": {"size": size, "totalElements": total, "totalPages": -(-total // size), "number": page},
		}
		with self.lock:
			self.busy -= 1
			changed = self.change(page, answer)
		return changed if isinstance(changed, httpx.Response) else httpx.Response(200, json=changed)

	def client(self, **options) -> Pax8Client:
		options = {"concurrency": 4, "max_retries": 1, "sleep": lambda seconds: None, **options}
		return Pax8Client(
			client_id="c",
			client_secret="s3cret",
			limiter=NoLimit(),
			transport=httpx.MockTransport(self),
			**options,
		)

	def walk(self, **options) -> list[str]:
		with self.client(**options) as client:
			return [row.id for row in client.subscriptions()]


@pytest.mark.parametrize("count", [0, 1, 199, 200, 201, 400, 401, 1000])
@pytest.mark.parametrize("concurrency", [1, 4])
def test_every_row_comes_once_and_in_order(count, concurrency):
	lists = Lists(count)
	assert lists.walk(concurrency=concurrency) == [row["id"] for row in lists.rows]
	assert len(lists.asked) == max(1, -(-count // 200))
	assert all(params["size"] == "200" for params in lists.asked)


def test_a_server_with_smaller_pages_is_walked_to_the_end():
	lists = Lists(95, largest_page=10)
	assert len(lists.walk()) == 95 and len(lists.asked) == 10


def test_pages_are_fetched_at_the_same_time_but_never_more_than_allowed():
	lists = Lists(2000)
	lists.delay = 0.02
	assert len(lists.walk(concurrency=3)) == 2000
	assert 2 <= lists.busiest <= 3


def test_only_a_few_pages_are_fetched_ahead_of_the_reader():
	lists = Lists(4000)
	with lists.client(concurrency=2) as client:
		rows = client.subscriptions()
		for _ in range(201):
			next(rows)
		time.sleep(0.05)
		assert len(lists.asked) <= 3
		rows.close()


def test_nothing_is_asked_before_the_first_row_is_wanted():
	lists = Lists(10)
	with lists.client() as client:
		client.subscriptions()
	assert lists.asked == []


@pytest.mark.parametrize("concurrency", [1, 4])
def test_a_row_added_meanwhile_is_found_by_walking_again(concurrency):
	lists = Lists(450)

	def insert(call: int, page: int) -> None:
		if call == 2:
			lists.rows.insert(0, {"id": "new"})

	lists.before = insert
	walked = lists.walk(concurrency=concurrency)
	assert sorted(walked) == sorted(row["id"] for row in lists.rows)
	assert len(lists.asked) == 6


def test_a_row_removed_meanwhile_does_not_hide_the_one_that_moved_up():
	# The number of different rows then equals the new total although one was missed.
	lists = Lists(401)
	missed = lists.rows[200]["id"]

	def remove(call: int, page: int) -> None:
		if call == 2:
			del lists.rows[0]

	lists.before = remove
	walked = lists.walk(concurrency=1)
	assert missed in walked and len(walked) == len(set(walked)) == 401


def test_a_list_that_never_stands_still_is_an_error_at_its_end():
	lists = Lists(600)
	lists.before = lambda call, page: lists.rows.insert(0, {"id": f"new{call}"})
	rows = []
	with lists.client(concurrency=1) as client, pytest.raises(pax8.IncompleteWalk) as caught:
		for row in client.subscriptions():
			rows.append(row.id)
	assert len(rows) >= 600 and len(rows) == len(set(rows))
	assert caught.value.effect == "none" and "total changed" in caught.value.message


@pytest.mark.parametrize(
	("change", "words"),
	[
		(lambda page, a: {**a, "content": a["content"][:-1]} if page == 1 else a, "599 different"),
		(lambda page, a: {**a, "content": []} if page == 2 else a, "400 different"),
		(lambda page, a: {**a, "content": [*a["content"][:-1], a["content"][0]]}, "597 different"),
		(lambda page, a: {**a, "page": {**a["page"], "totalPages": 2}}, "400 different"),
		(lambda page, a: {**a, "page": {**a["page"], "totalElements": 599}}, "599 rows were announced"),
		(lambda page, a: {**a, "page": {**a["page"], "number": 0}}, "page 0 came"),
	],
	ids=["short page", "empty page", "repeated row", "too few pages", "too many rows", "always page 0"],
)
def test_a_list_that_does_not_add_up_is_walked_twice_and_then_an_error(change, words):
	lists = Lists(600)
	lists.change = change
	with pytest.raises(pax8.IncompleteWalk) as caught:
		lists.walk()
	assert words in caught.value.message
	assert caught.value.operation == "subscriptions" and caught.value.path == "/subscriptions"
	assert len(lists.asked) in (4, 6)


def test_totals_at_the_root_are_not_taken_for_a_page():
	lists = Lists(600)
	lists.change = lambda page, answer: {"content": answer["content"], **answer["page"]}
	with pytest.raises(pax8.BadAnswer, match="does not say how many"):
		lists.walk()


@pytest.mark.parametrize(
	"change",
	[
		lambda page, a: {"page": a["page"]},
		lambda page, a: {**a, "content": None},
		lambda page, a: {**a, "content": {}},
		lambda page, a: {**a, "page": None},
		lambda page, a: {**a, "page": {**a["page"], "totalElements": None}},
		lambda page, a: a["content"],
		lambda page, a: "text",
	],
)
@pytest.mark.parametrize("on", [0, 1])
def test_a_page_without_its_list_or_total_is_an_error_and_no_end(change, on):
	lists = Lists(600)
	lists.change = lambda page, answer: change(page, answer) if page == on else answer
	with pytest.raises(pax8.BadAnswer):
		lists.walk()


def test_an_empty_list_may_be_null():
	lists = Lists(0)
	lists.change = lambda page, answer: {**answer, "content": None}
	assert lists.walk() == []


def test_counts_may_come_as_text_and_the_number_of_pages_may_be_missing():
	lists = Lists(450)

	def change(page: int, answer: dict) -> dict:
		return {"content": answer["content"], "page": {"size": "200", "totalElements": "450"}}

	lists.change = change
	assert len(lists.walk()) == 450


def test_an_absurd_number_of_pages_is_not_walked():
	lists = Lists(10)
	lists.change = lambda page, a: {**a, "page": {**a["page"], "totalPages": 10**8}}
	with pytest.raises(pax8.IncompleteWalk):
		lists.walk()
	assert len(lists.asked) == 1


def test_a_row_that_cannot_be_read_ends_the_walk_by_name():
	lists = Lists(450)
	lists.rows[203] = {"quantity": 5}
	with pytest.raises(pax8.BadAnswer, match=r"row 4 of page 1.*id"):
		lists.walk()
	lists.rows[203] = {"id": "s0203", "commitmentTerm": {"endDate": "soon"}}
	with pytest.raises(
		pax8.BadAnswer, match=r"row 4 of page 1 \(id s0203\): commitmentTerm\.endDate: .*not a date"
	):
		lists.walk()


def test_a_page_that_fails_ends_the_walk_with_its_own_error():
	lists = Lists(2000)
	lists.change = lambda page, answer: httpx.Response(403, json={"message": "no"}) if page == 5 else answer
	with pytest.raises(pax8.Forbidden):
		lists.walk()


def test_a_page_that_fails_for_a_moment_is_tried_again():
	lists = Lists(2000)
	failed = []

	def change(page: int, answer: dict) -> object:
		if page == 5 and not failed:
			failed.append(page)
			return httpx.Response(502, text="<html>")
		return answer

	lists.change = change
	assert len(lists.walk()) == 2000


def test_a_reader_who_stops_early_leaves_no_work_behind():
	lists = Lists(20000)
	lists.delay = 0.005
	with lists.client() as client:
		for row in client.subscriptions():
			if row.id == "s0300":
				break
		time.sleep(0.05)
		asked = len(lists.asked)
		time.sleep(0.05)
		assert len(lists.asked) == asked < 12


def test_several_walks_share_one_client():
	lists = Lists(1000)
	with lists.client(concurrency=2) as client:
		pairs = sum(1 for _ in zip(client.subscriptions(), client.products(), strict=True))
	assert pairs == 1000


def test_filters_are_sent_by_the_names_of_the_specification():
	lists = Lists(0)
	with lists.client() as client:
		list(client.subscriptions(company_id="c", product_id="p", status="active", billing_term="2 Year"))
		list(client.companies(status="Active", self_service_allowed=True, city="Graz"))
		list(client.products(search="backup", vendor_name="Acronis"))
		list(client.products())
	page = {"page": "0", "size": "200"}
	assert lists.asked == [
		{"companyId": "c", "productId": "p", "status": "Active", "billingTerm": "2-Year", **page},
		{"status": "Active", "selfServiceAllowed": "true", "city": "Graz", **page},
		{"search": "backup", "vendorName": "Acronis", **page},
		page,
	]


def test_a_filter_that_pax8_ignores_is_applied_here():
	lists = Lists(300)
	lists.rows[7].update(status="Cancelled", companyId="other")
	with lists.client() as client:
		assert [row.id for row in client.subscriptions(status="Cancelled")] == ["s0007"]
		assert len(list(client.subscriptions(company_id="mine"))) == 299


def test_a_filter_that_pax8_does_not_document_is_refused():
	with Lists(0).client() as client:
		for name in ("country", "name", "updatedSince"):
			with pytest.raises(TypeError):
				client.companies(**{name: "x"})


# Rows that cannot be read


def told_walk(lists: Lists, **options) -> tuple[list[str], list[pax8.BadAnswer]]:
	told: list[pax8.BadAnswer] = []
	with lists.client(**options) as client:
		return [row.id for row in client.subscriptions(on_unreadable=told.append)], told


@pytest.mark.parametrize("concurrency", [1, 4])
def test_an_unreadable_row_does_not_end_a_walk_whose_caller_is_told(concurrency):
	lists = Lists(450)
	lists.rows[203] = {"id": "s0203", "commitmentTerm": {"endDate": "soon"}}
	lists.rows[7] = {"id": None, "quantity": 1}
	lists.rows[449] = "nothing"
	walked, told = told_walk(lists, concurrency=concurrency)
	assert len(walked) == 447 and walked[:9] == [f"s{n:04}" for n in (0, 1, 2, 3, 4, 5, 6, 8, 9)]
	assert [error.record_id for error in told] == [None, "s0203", None]
	assert "row 8 of page 0: id: " in told[0].message and "not a date" in told[1].message
	assert all(error.effect == "none" and error.operation == "subscriptions" for error in told)
	assert len(lists.asked) == 3, "unreadable rows count as seen"


def test_a_row_that_is_unreadable_twice_is_told_once():
	lists = Lists(450)
	lists.rows[3] = {"id": "s0003", "quantity": "many"}

	def insert(call: int, page: int) -> None:
		if call == 2:
			lists.rows.append({"id": "new"})

	lists.before = insert
	walked, told = told_walk(lists, concurrency=1)
	assert len(walked) == 450 and [error.record_id for error in told] == ["s0003"]
	assert len(lists.asked) == 6


def test_an_unreadable_row_hides_no_missing_one():
	lists = Lists(450)
	lists.rows[3] = {"id": None}
	lists.change = lambda page, a: {**a, "content": a["content"][:-1]} if page == 1 else a
	with pytest.raises(pax8.IncompleteWalk, match="449 different"):
		told_walk(lists)


def test_a_list_of_nothing_but_unreadable_rows_tells_all_of_them():
	lists = Lists(401)
	lists.rows = [{"ID": row["id"]} for row in lists.rows]
	walked, told = told_walk(lists)
	assert walked == [] and len(told) == 401


def test_what_the_listener_raises_ends_the_walk():
	class Enough(Exception): ...

	def refuse(error: pax8.BadAnswer) -> None:
		raise Enough

	lists = Lists(450)
	lists.rows[3] = {"id": None}
	with lists.client() as client, pytest.raises(Enough):
		list(client.subscriptions(on_unreadable=refuse))


def test_an_unreadable_row_holds_on_to_no_row():
	lists = Lists(3)
	lists.rows[1] = {"id": "s0001", "quantity": "x" * 1000}
	_, (error,) = told_walk(lists)
	assert error.__traceback__ is None and "xxx" not in repr(vars(error))


@pytest.mark.parametrize("walk", ["companies", "products", "subscriptions"])
def test_every_walk_of_the_sync_can_tell_of_unreadable_rows(walk):
	lists = Lists(5)
	lists.rows[1] = {"id": "x" * 141}
	told: list[pax8.BadAnswer] = []
	with lists.client() as client:
		assert len(list(getattr(client, walk)(on_unreadable=told.append))) == 4
	assert [error.record_id for error in told] == [None]


def test_the_connection_is_not_bad_because_one_company_is():
	lists = Lists(3)
	lists.rows = [{"id": None}] * 3
	with lists.client() as client:
		assert client.check().companies == 3
