"""What all operations are made of: single records, short lists, walks and writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from typing import Any
from urllib.parse import quote

from msp_licensing.pax8.answers import R, read_record, read_records, same_record
from msp_licensing.pax8.errors import BadAnswer
from msp_licensing.pax8.transport import Area, Call, Transport
from msp_licensing.pax8.walk import Listing, PageWalker


class Operations:
	"""The tools of all areas. `Pax8Client` sets the two attributes."""

	_transport: Transport
	_walker: PageWalker

	def _walk(self, listing: Listing[R]) -> Iterator[R]:
		return self._walker.walk(listing)

	def _one(self, operation: str, path: str, asked: str, model: type[R], **how: Any) -> R:
		"""Read one record, and make sure that it is the one that was asked for."""
		answer = self._transport.read(operation, path, **how)
		record = read_record(answer, model, "the answer", operation=operation, path=path)
		return same_record(record, asked, operation=operation, path=path)

	def _rows(
		self,
		operation: str,
		path: str,
		params: Mapping[str, Any],
		model: type[R],
		default_id: str | None = None,
	) -> list[R]:
		"""Read a list that has no pages by the specification: `{"content": [...]}`, or bare as older clients saw it."""
		answer = self._transport.read(operation, path, params)
		rows = answer.get("content") if isinstance(answer, dict) else answer
		if not isinstance(rows, list):
			raise BadAnswer(f"Pax8's answer to {operation} holds no list.", operation=operation, path=path)
		if default_id is not None:
			rows = [
				{**row, "id": default_id} if isinstance(row, dict) and not row.get("id") else row
				for row in rows
			]
		read: list[R] = []
		for row in read_records(rows, model, "", operation=operation, path=path):
			if isinstance(row, BadAnswer):
				raise row
			read.append(row)
		return read

	def _write(
		self,
		operation: str,
		method: str,
		path: str,
		model: type[R],
		*,
		asked: str | None = None,
		body: Callable[[], dict[str, Any]] | None = None,
		**how: Any,
	) -> R:
		"""Send a write once, and read the record it is answered with; `asked` = the id it must have.

		Raises:
			Pax8Error: see `error.effect` for whether Pax8 may have done it.
		"""
		call = Call(operation, method, path, body=body, priority=True, **how)
		record = read_record(self._transport.request(call), model, "the answer", **call.where())
		return record if asked is None else same_record(record, asked, **call.where())

	def _command(
		self,
		operation: str,
		method: str,
		path: str,
		*,
		params: Mapping[str, Any] | None = None,
		area: Area = "partner",
	) -> None:
		"""Send a write once whose answer has no body by the specification; any 2xx is success."""
		self._transport.request(
			Call(operation, method, path, params or {}, area=area, answered=False, priority=True)
		)


def segment(record_id: str) -> str:
	"""Return an id as one segment of a path; it can then reach no other path than its own."""
	text = record_id.strip() if isinstance(record_id, str) else ""
	if not text or text in (".", "..") or len(text) > 200:
		raise ValueError("a Pax8 id is needed")
	return quote(text, safe="")


def true_or_false(value: bool | None) -> str | None:
	"""Return a flag as Pax8's parameters want it, `true` or `false`; `None` stays."""
	if value is None:
		return None
	if not isinstance(value, bool):
		raise TypeError("True, False or None is needed")
	return "true" if value else "false"


def day(value: date | None) -> str | None:
	"""Return a calendar day as Pax8's parameters want it; `None` stays."""
	if value is None:
		return None
	if not isinstance(value, date):
		raise TypeError("a date is needed")
	return (value.date() if isinstance(value, datetime) else value).isoformat()


def sorted_by(sort: str | None, fields: frozenset[str], *, bare: bool = False) -> str | None:
	"""Return a sort order that Pax8 documents, `field,asc` or `field,desc`; `bare` = also the field alone.

	Raises:
		ValueError: anything else; Pax8 would ignore it silently.
	"""
	if sort is None:
		return None
	name, comma, direction = sort.partition(",") if isinstance(sort, str) else ("", "", "")
	if name not in fields or (direction not in ("asc", "desc") if comma else not bare):
		raise ValueError(f"sort must be one of {', '.join(sorted(fields))}, followed by ,asc or ,desc")
	return sort
