"""Lists of Pax8, walked page by page, several pages at a time, and completely or with an error."""

from __future__ import annotations

import logging
import re
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Generic

from msp_licensing.pax8.answers import R, read_record
from msp_licensing.pax8.errors import BadAnswer, ConfigurationError, IncompleteWalk
from msp_licensing.pax8.models import Record

logger = logging.getLogger("msp_licensing.pax8")

PAGE_SIZE = 200
"""Rows a page, the most Pax8 allows; its default of 10 would cost twenty times the calls."""

MAX_PAGES = 5000
"""A list of more pages is taken for a fault: a million rows is beyond any partner."""


@dataclass(slots=True)
class Page(Generic[R]):
	"""One page of a list, read and checked.

	Attributes:
		number: as asked for, from 0.
		rows: the records.
		total: rows of the whole list, as Pax8 announces them.
		pages: pages of the whole list.
		told_number: the number that the page has by its own account, `None` when it does not say.
	"""

	number: int
	rows: list[R]
	total: int
	pages: int
	told_number: int | None


class PageWalker:
	"""Walks paged lists; safe for use by several threads.

	Args:
		get: sends a read: operation, path and parameters in, parsed JSON out.
		concurrency: pages fetched at the same time.
	"""

	def __init__(self, get: Callable[[str, str, Mapping[str, Any]], Any], concurrency: int) -> None:
		self._get = get
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

	def walk(
		self,
		operation: str,
		path: str,
		params: Mapping[str, Any],
		model: type[R],
		checks: Mapping[str, Any],
	) -> Iterator[R]:
		"""Yield the rows of a paged list as they come, each id once, and raise at the end when it was not complete.

		Pax8 has no cursor: rows added or removed meanwhile push others over the edge of a page. That shows in changed
		totals, repeated rows, or fewer distinct rows than announced; the list is then walked a second time, for the
		rows not seen yet, before `IncompleteWalk` is raised.

		Args:
			operation, path, params: as for any read; the page is added to them.
			model: what the rows are.
			checks: attributes of a row and the values they must have; rows that have others are dropped.
		"""
		yielded: set[str] = set()
		problem, expected, seen = "", 0, 0
		for _attempt in range(2):
			walked: set[str] = set()
			problem, expected = "", -1
			for page in self._pages(operation, path, params, model):
				if expected < 0:
					expected = page.total
				elif page.total != expected:
					problem = f"the total changed from {expected} to {page.total} while it was read"
				if page.told_number not in (None, page.number):
					problem = f"page {page.told_number} came when page {page.number} was asked for"
				for row in page.rows:
					walked.add(row.id)
					if row.id in yielded:
						continue
					yielded.add(row.id)
					if _matches(row, checks):
						yield row
			seen = len(walked)
			if not problem and seen != expected:
				problem = f"{expected} rows were announced, and {seen} different ones came"
			if not problem:
				return
			logger.debug("%s is incomplete: %s", path, problem)
		raise IncompleteWalk(
			f"Pax8's list of {operation} could not be read completely: {problem}.",
			expected=expected,
			seen=seen,
			operation=operation,
			path=path,
		)

	def _pages(
		self, operation: str, path: str, params: Mapping[str, Any], model: type[R]
	) -> Iterator[Page[R]]:
		"""Yield the pages of a list in order, fetching up to `concurrency` of them at the same time."""
		first = self._page(operation, path, params, model, 0)
		if first.pages > MAX_PAGES:
			raise IncompleteWalk(
				f"Pax8 announces {first.pages} pages of {operation}, more than can be true.",
				expected=first.total,
				operation=operation,
				path=path,
			)
		yield first
		if self._concurrency == 1 or first.pages == 2:
			for number in range(1, first.pages):
				yield self._page(operation, path, params, model, number)
			return
		ahead: deque[Future[Page[R]]] = deque()
		try:
			for number in range(1, first.pages):
				ahead.append(self._threads().submit(self._page, operation, path, params, model, number))
				if len(ahead) >= self._concurrency:
					yield ahead.popleft().result()
			while ahead:
				yield ahead.popleft().result()
		finally:
			for future in ahead:
				future.cancel()

	def _page(
		self, operation: str, path: str, params: Mapping[str, Any], model: type[R], number: int
	) -> Page[R]:
		answer = self._get(operation, path, {**params, "page": number, "size": PAGE_SIZE})
		return read_page(operation, path, number, answer, model)

	def _threads(self) -> ThreadPoolExecutor:
		with self._guard:
			if self._closed:
				raise ConfigurationError("This connection to Pax8 is closed.")
			if self._pool is None:
				self._pool = ThreadPoolExecutor(self._concurrency, thread_name_prefix="pax8")
			return self._pool


def read_page(operation: str, path: str, number: int, answer: Any, model: type[R]) -> Page[R]:
	"""Read one page; totals are inside `page`, and a page without them is an error rather than the last one."""
	page = answer.get("page") if isinstance(answer, dict) else None
	total = _natural(page.get("totalElements")) if isinstance(page, dict) else None
	if total is None:
		raise BadAnswer(
			f"Page {number} of Pax8's {operation} does not say how many there are.",
			operation=operation,
			path=path,
		)
	rows = answer.get("content")
	if rows is None and total == 0:
		rows = []
	if not isinstance(rows, list):
		raise BadAnswer(f"Page {number} of Pax8's {operation} holds no list.", operation=operation, path=path)
	pages = _natural(page.get("totalPages"))
	if pages is None:
		pages = -(-total // (_natural(page.get("size")) or PAGE_SIZE))
	read = [
		read_record(row, model, f"row {place} of page {number}", operation=operation, path=path)
		for place, row in enumerate(rows, start=1)
	]
	return Page(number, read, total, pages, _natural(page.get("number")))


def _matches(row: Record, checks: Mapping[str, Any]) -> bool:
	for name, wanted in checks.items():
		value = getattr(row, name)
		if isinstance(value, str) and isinstance(wanted, str):
			value, wanted = value.casefold(), wanted.casefold()
		if value is not None and value != wanted:
			return False
	return True


def _natural(value: object) -> int | None:
	"""Read a count that may come as `237`, `237.0` or `"237"`."""
	if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
		return None
	text = str(value).strip()
	return int(re.split(r"\.", text)[0]) if re.fullmatch(r"\d{1,9}(\.0+)?", text, re.ASCII) else None
