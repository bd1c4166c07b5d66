"""Rows of a walk that need not be read, as they come just as they came before."""

import httpx
import pytest

from msp_licensing import pax8
from msp_licensing.pax8 import Pax8Client


class NoLimit:
	def acquire(self, priority=False): ...

	def penalize(self, seconds): ...


class Knows:
	"""Knows rows by their ids, and remembers what it was asked and told."""

	def __init__(self, *ids):
		self.ids = set(ids)
		self.asked = []
		self.passed_over = []

	def knows(self, row):
		self.asked.append(row["id"])
		return row["id"] in self.ids

	def pass_over(self, ids):
		self.passed_over += ids


def walk(pages, recogniser, told=None):
	"""Walks `pages`, lists of rows, of which a second round shows the last again; returns the ids that were yielded."""
	total = len({row["id"] if isinstance(row, dict) else row for page in pages for row in page})

	def answer(request):
		if request.url.path.endswith("/token"):
			return httpx.Response(200, json={"access_token": "t", "expires_in": 86400})
		number = int(request.url.params["page"])
		page = {"size": 200, "totalElements": total, "totalPages": len(pages), "number": number}
		return httpx.Response(200, json={"content": pages[number], "page": page})

	with Pax8Client(
		client_id="c", client_secret="s3cret", limiter=NoLimit(), transport=httpx.MockTransport(answer)
	) as client:
		on_unreadable = None if told is None else told.append
		rows = client.subscriptions(recogniser=recogniser, on_unreadable=on_unreadable)
		return [row.id for row in rows]


def rows(*ids, **more):
	return [{"id": name, "quantity": 1, **more} for name in ids]


def test_known_rows_are_passed_over_and_count_as_seen():
	recogniser = Knows("a", "c", "f")
	assert walk([rows("a", "b", "c"), rows("d"), rows("e", "f")], recogniser) == ["b", "d", "e"]
	assert recogniser.passed_over == ["a", "c", "f"]


def test_a_list_of_nothing_but_known_rows_is_complete():
	recogniser = Knows("a", "b")
	assert walk([rows("a", "b")], recogniser) == []
	assert recogniser.passed_over == ["a", "b"]


def test_known_rows_are_not_read():
	recogniser = Knows("a")
	assert walk([rows("a", quantity="many") + rows("b")], recogniser) == ["b"]


def test_a_row_that_comes_twice_is_passed_over_once():
	recogniser = Knows("a", "b", "c")
	assert walk([rows("a", "b"), rows("b", "c")], recogniser) == []
	assert recogniser.passed_over == ["a", "b", "c"]


def test_known_rows_do_not_hide_that_others_are_missing():
	recogniser = Knows("a", "b")
	pages = [rows("a"), rows("a", "b")]

	def with_more_announced(request):
		if request.url.path.endswith("/token"):
			return httpx.Response(200, json={"access_token": "t", "expires_in": 86400})
		number = int(request.url.params["page"])
		page = {"size": 200, "totalElements": 3, "totalPages": 2, "number": number}
		return httpx.Response(200, json={"content": pages[number], "page": page})

	client = Pax8Client(
		client_id="c",
		client_secret="s",
		limiter=NoLimit(),
		transport=httpx.MockTransport(with_more_announced),
	)
	with client, pytest.raises(pax8.IncompleteWalk) as caught:
		list(client.subscriptions(recogniser=recogniser))
	assert (caught.value.seen, caught.value.expected) == (2, 3)
	assert recogniser.passed_over == ["a", "b"], "once each, though the list was walked twice"


def test_unreadable_rows_keep_their_places_and_what_is_no_row_is_not_asked_about():
	told = []
	recogniser = Knows("a")
	assert walk([[*rows("a"), *rows("b", quantity="many"), "row", *rows("c")]], recogniser, told) == ["c"]
	assert ["row 2 of page 0" in told[0].message, "row 3 of page 0" in told[1].message] == [True, True]
	assert recogniser.asked == ["a", "b", "c"]
