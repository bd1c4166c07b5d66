"""Lists of Pax8, walked page by page, several pages at a time, and completely or with an error."""

from __future__ import annotations

import logging
import re
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Generic, Literal, Protocol

from msp_licensing.pax8.answers import R, read_records
from msp_licensing.pax8.errors import BadAnswer, ConfigurationError, IncompleteWalk
from msp_licensing.pax8.models.fields import Record
from msp_licensing.pax8.transport import Area

logger = logging.getLogger("msp_licensing.pax8")

PAGE_SIZE = 200
"""Rows a page, the most Pax8 allows; its default of 10 would cost twenty times the calls."""

MAX_PAGES = 5000
"""A list of more pages is taken for a fault: a million rows is beyond any partner."""

OnUnreadable = Callable[[BadAnswer], None]


class Recogniser(Protocol):
	"""Knows rows that need not be read again, since they come as they came before. Reading is most of a walk's work."""

	def knows(self, row: Mapping[str, Any]) -> bool:
		"""Whether a row, as it came, is known. Asked by the threads that fetch; must not change what it is asked about."""

	def pass_over(self, ids: list[str]) -> None:
		"""Take note of known rows, which are not yielded. Called where the walk is consumed, each id once."""


@dataclass(frozen=True, slots=True)
class Listing(Generic[R]):
	"""A paged list of Pax8, and how it is to be walked.

	Attributes:
		operation, path, params, area, read_timeout: as for any read; the page is added to them.
		model: what the rows are.
		key: the attribute that tells rows apart.
		nameless: rows may come without it; those are told apart by page and place.
		totals: where the page says how many rows there are: `page`; `root`, of the answer itself; `optional`, in `page`,
			and a page without it is the whole list.
		defaults: wire fields for rows that come without them.
		keep: rows for which it is false are dropped, e.g. because Pax8 did not filter.
		recogniser: says which rows need not be read.
		on_unreadable: is told of each row that cannot be read, which then counts as seen; without it the first of them
			is raised.
	"""

	operation: str
	path: str
	model: type[R]
	params: Mapping[str, Any] = field(default_factory=dict)
	area: Area = "partner"
	read_timeout: float = 0.0
	key: str = "id"
	nameless: bool = False
	totals: Literal["page", "root", "optional"] = "page"
	defaults: Mapping[str, Any] = field(default_factory=dict)
	keep: Callable[[R], bool] | None = None
	recogniser: Recogniser | None = None
	on_unreadable: OnUnreadable | None = None


@dataclass(slots=True)
class Page(Generic[R]):
	"""One page of a list, read and checked.

	Attributes:
		number: as asked for, from 0.
		rows: the records, or why one of them cannot be read; `None` for those that need not be.
		keys: of each row what tells it apart: its id, or a number for its page and place.
		total: rows of the whole list, as Pax8 announces them.
		pages: pages of the whole list.
		told_number: the number that the page has by its own account, `None` when it does not say.
	"""

	number: int
	rows: list[R | BadAnswer | None]
	keys: list[str | int]
	total: int
	pages: int
	told_number: int | None


class PageWalker:
	"""Walks paged lists; safe for use by several threads.

	Args:
		read: sends a read, as `Transport.read` does.
		concurrency: pages fetched at the same time.
	"""

	def __init__(self, read: Callable[..., Any], concurrency: int) -> None:
		self._read = read
		self._concurrency = concurrency
		self._guard = threading.Lock()
		self._pool: ThreadPoolExecutor | None = None
		self._closed = False

	def close(self) -> None:
		"""End the threads; walks that are going on end with an error."""
		with self._guard:
			self._closed = True
			pool, self._pool = self._pool, None
		if pool is not None:
			pool.shutdown(wait=False, cancel_futures=True)

	def walk(self, listing: Listing[R]) -> Iterator[R]:
		"""Yield the rows of a paged list as they come, each id once, and raise at the end when it was not complete.

		Pax8 has no cursor: rows added or removed meanwhile push others over the edge of a page. That shows in changed
		totals, repeated rows, or fewer distinct rows than announced; the list is then walked a second time, for the
		rows not seen yet, before `IncompleteWalk` is raised. Rows without an id cannot be recognised a second time: with
		one of them among the rows, `IncompleteWalk` is raised at once.

		What is remembered of a row is its id and the round it came in, about 125 bytes: 25 MB for 200,000 rows.
		"""
		round_of: dict[str | int, int] = {}
		problem, expected, seen = "", 0, 0
		for this_round in (1, 2):
			problem, expected, seen, named = "", -1, 0, True
			for page in self._pages(listing):
				if expected < 0:
					expected = page.total
				elif page.total != expected:
					problem = f"the total changed from {expected} to {page.total} while it was read"
				if page.told_number not in (None, page.number):
					problem = f"page {page.told_number} came when page {page.number} was asked for"
				passed_over: list[str] = []
				for key, row in zip(page.keys, page.rows, strict=True):
					known = round_of.get(key)
					if known == this_round:
						continue
					round_of[key] = this_round
					seen += 1
					if known is not None:
						continue
					if row is None:
						passed_over.append(str(key))
						continue
					if isinstance(row, BadAnswer):
						_report(row, listing)
						continue
					named = named and not isinstance(key, int)
					if listing.keep is None or listing.keep(row):
						yield row
				if passed_over and listing.recogniser:
					listing.recogniser.pass_over(passed_over)
			if not problem and seen != expected:
				problem = f"{expected} rows were announced, and {seen} different ones came"
			if not problem:
				return
			logger.debug("%s is incomplete: %s", listing.path, problem)
			if not named:
				break
		raise IncompleteWalk(
			f"Pax8's list of {listing.operation} could not be read completely: {problem}.",
			expected=expected,
			seen=seen,
			operation=listing.operation,
			path=listing.path,
		)

	def _pages(self, listing: Listing[R]) -> Iterator[Page[R]]:
		"""Yield the pages of a list in order, fetching up to `concurrency` of them at the same time."""
		first = self._page(listing, 0)
		if first.pages > MAX_PAGES:
			raise IncompleteWalk(
				f"Pax8 announces {first.pages} pages of {listing.operation}, more than can be true.",
				expected=first.total,
				operation=listing.operation,
				path=listing.path,
			)
		yield first
		if self._concurrency == 1 or first.pages == 2:
			for number in range(1, first.pages):
				yield self._page(listing, number)
			return
		ahead: deque[Future[Page[R]]] = deque()
		try:
			for number in range(1, first.pages):
				ahead.append(self._threads().submit(self._page, listing, number))
				if len(ahead) >= self._concurrency:
					yield ahead.popleft().result()
			while ahead:
				yield ahead.popleft().result()
		finally:
			for future in ahead:
				future.cancel()

	def _page(self, listing: Listing[R], number: int) -> Page[R]:
		answer = self._read(
			listing.operation,
			listing.path,
			{**listing.params, "page": number, "size": PAGE_SIZE},
			area=listing.area,
			read_timeout=listing.read_timeout,
		)
		return read_page(listing, number, answer)

	def _threads(self) -> ThreadPoolExecutor:
		with self._guard:
			if self._closed:
				raise ConfigurationError("This connection to Pax8 is closed.")
			if self._pool is None:
				self._pool = ThreadPoolExecutor(self._concurrency, thread_name_prefix="pax8")
			return self._pool


def read_page(listing: Listing[R], number: int, answer: Any) -> Page[R]:
	"""Read one page; a page that does not say how many rows there are is an error rather than the last one.

	Raises:
		BadAnswer: the page cannot be read, or a row of it and nobody wants to be told.
	"""
	where = {"operation": listing.operation, "path": listing.path}
	page, rows = _parts(listing, answer)
	total = _natural(page.get("totalElements"))
	if total is None:
		raise BadAnswer(
			f"Page {number} of Pax8's {listing.operation} does not say how many there are.", **where
		)
	if rows is None and total == 0:
		rows = []
	if not isinstance(rows, list):
		raise BadAnswer(f"Page {number} of Pax8's {listing.operation} holds no list.", **where)
	pages = _natural(page.get("totalPages"))
	if pages is None:
		pages = -(-total // (_natural(page.get("size")) or PAGE_SIZE))
	if listing.defaults:
		rows = [_filled(row, listing.defaults) for row in rows]
	what = f" of page {number}"
	recogniser = listing.recogniser
	known = [recogniser is not None and isinstance(row, dict) and recogniser.knows(row) for row in rows]
	places = [place for place, passed_over in enumerate(known, start=1) if not passed_over]
	read: list[R | BadAnswer | None] = [None] * len(rows)
	for place, record in zip(
		places,
		read_records([rows[place - 1] for place in places], listing.model, what, places=places, **where),
		strict=True,
	):
		read[place - 1] = record
	keys: list[str | int] = []
	for place, row in enumerate(read, start=1):
		if row is None:
			key = rows[place - 1]["id"]
		elif isinstance(row, BadAnswer):
			key = row.record_id
		else:
			key = getattr(row, listing.key, None)
			if key is None and not listing.nameless:
				row = read[place - 1] = BadAnswer(
					f"Pax8's answer to {listing.operation} cannot be understood: row {place}{what}: no id.",
					**where,
				)
		if isinstance(row, BadAnswer) and listing.on_unreadable is None:
			raise row
		keys.append(key if key is not None else number * 100_000 + place)
	return Page(number, read, keys, total, pages, _natural(page.get("number")))


def _parts(listing: Listing[R], answer: Any) -> tuple[Mapping[str, Any], Any]:
	"""Return what says how many there are, and the rows, as far as they are there."""
	if listing.totals == "optional" and isinstance(answer, list):
		answer = {"content": answer}
	if not isinstance(answer, dict):
		return {}, None
	page, rows = answer.get("page"), answer.get("content")
	if listing.totals == "root" and not isinstance(page, dict):
		page = answer
	# A full page that does not say how many follow may be the first of many.
	if listing.totals == "optional" and page is None and isinstance(rows, list) and len(rows) != PAGE_SIZE:
		page = {"totalElements": len(rows), "totalPages": 1}
	return page if isinstance(page, dict) else {}, rows


def _filled(row: Any, defaults: Mapping[str, Any]) -> Any:
	if not isinstance(row, dict):
		return row
	return {**row, **{name: value for name, value in defaults.items() if not row.get(name)}}


def _report(row: BadAnswer, listing: Listing[Any]) -> None:
	if listing.on_unreadable is not None:
		listing.on_unreadable(row)


def matching(**wanted: Any) -> Callable[[Record], bool] | None:
	"""Return a check of a row's attributes against values, for `Listing.keep`; `None` when nothing is wanted.

	Wanted values of `None` are not checked, and neither are attributes that are `None`: a row that does not say is kept.
	"""
	checks = {name: value for name, value in wanted.items() if value is not None}

	def matches(row: Record) -> bool:
		for name, wish in checks.items():
			value = getattr(row, name)
			if isinstance(value, str) and isinstance(wish, str):
				value, wish = value.casefold(), wish.casefold()
			if value is not None and value != wish:
				return False
		return True

	return matches if checks else None


def _natural(value: object) -> int | None:
	"""Read a count that may come as `237`, `237.0` or `"237"`."""
	if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
		return None
	text = str(value).strip()
	return int(re.split(r"\.", text)[0]) if re.fullmatch(r"\d{1,9}(\.0+)?", text, re.ASCII) else None
