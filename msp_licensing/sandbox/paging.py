"""Page, size and sort, as the list operations of the spec define them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, TypeVar

from msp_licensing.sandbox.errors import ApiError
from msp_licensing.sandbox.web import json_text

DEFAULT_SIZE = 10
MAX_SIZE = 200
# What the spec's int32 of a page's number holds.
MAX_PAGE = 2**31 - 1

T = TypeVar("T")


def _whole(query: Mapping[str, str], name: str, default: int) -> int:
	text = query.get(name)
	if text is None:
		return default
	# The spec types both as "number"; 2.0 is then as good as 2, while 2.5 names no page.
	try:
		value = float(text)
		if value != int(value):
			raise ValueError
	except (ValueError, OverflowError):
		raise ApiError(400, f"Invalid {name}", [f"'{name}' must be a whole number, not '{text}'."]) from None
	return int(value)


def page_of(
	rows: Sequence[T], query: Mapping[str, str], wire: Callable[[T], dict[str, Any]]
) -> dict[str, Any]:
	"""The `{"content": [...], "page": {...}}` that `query` asks for; a page past the end is empty.

	Raises ApiError 400 for a page below 0 or beyond an int32, or a size outside 1 to 200.
	"""
	shown, page = _cut(rows, query)
	return {"content": [wire(row) for row in shown], "page": page}


def page_of_texts(rows: Sequence[T], query: Mapping[str, str], text: Callable[[T], bytes]) -> bytes:
	"""The same as JSON, from rows that are at hand as JSON."""
	shown, page = _cut(rows, query)
	return b'{"content":[%b],"page":%b}' % (b",".join(map(text, shown)), json_text(page))


def _cut(rows: Sequence[T], query: Mapping[str, str]) -> tuple[Sequence[T], dict[str, int]]:
	number = _whole(query, "page", 0)
	size = _whole(query, "size", DEFAULT_SIZE)
	if not 0 <= number <= MAX_PAGE:
		raise ApiError(400, "Invalid page", [f"'page' must be between 0 and {MAX_PAGE}."])
	if not 1 <= size <= MAX_SIZE:
		raise ApiError(400, "Invalid size", [f"'size' must be between 1 and {MAX_SIZE}."])
	first = number * size
	return rows[first : first + size], {
		"size": size,
		"totalElements": len(rows),
		"totalPages": -(-len(rows) // size),
		"number": number,
	}


def sort_order(
	query: Mapping[str, str], fields: Sequence[str], bare_allowed: bool
) -> tuple[str, bool] | None:
	"""Read `sort=field,direction` and return (field, descending), or None where nothing is asked.

	`bare_allowed`: the spec lists the bare field names for companies and products, and only the pairs for
	subscriptions. Raises ApiError 400 for any other value.
	"""
	text = query.get("sort")
	if not text:
		return None
	field, _, direction = (part.strip() for part in text.partition(","))
	if field not in fields or direction not in (("", "asc", "desc") if bare_allowed else ("asc", "desc")):
		raise ApiError(
			400, "Invalid sort", [f"'sort' must be one of {', '.join(fields)}, followed by ,asc or ,desc."]
		)
	return field, direction == "desc"


def day_of(query: Mapping[str, str], name: str) -> date | None:
	"""Read a day such as 2025-01-31; None where it is not given. Raises ApiError 400 for anything else."""
	text = query.get(name)
	if text is None:
		return None
	try:
		if len(text) != len("2025-01-31"):
			raise ValueError
		return date.fromisoformat(text)
	except ValueError:
		raise ApiError(
			400, f"Invalid {name}", [f"'{name}' must be a date such as 2025-01-31, not '{text}'."]
		) from None


def flag(query: Mapping[str, str], name: str) -> bool | None:
	"""Read a boolean filter; None where it is not given. Raises ApiError 400 for anything but true or false."""
	text = query.get(name)
	if text is None:
		return None
	if text not in ("true", "false"):
		raise ApiError(400, f"Invalid {name}", [f"'{name}' must be true or false, not '{text}'."])
	return text == "true"
