"""Answers that arrive whole and are wrong: named ways of altering a body, to be combined in a `rewrite` fault.

A rewrite is `{"name": ..., parameters}`. Those of rows and fields take the rows of a list (`content`), or the body itself
where it is none: a single record, a token. What is not named is picked at random, by the fault's seed.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Body = Any
HUGE = 10_000_000
# Fields that hold one of a few words by the spec.
WORDS = (
	"status",
	"billingTerm",
	"commitmentTerm",
	"commitmentTerm.term",
	"type",
	"rates.0.chargeType",
	"unitOfMeasurement",
)
_PAGE_NAMES = ("totalElements", "totalPages", "number", "size")
_PAGE_CHANGES = ("add", "jitter", "value", "as_text", "absent")


@dataclass(frozen=True, slots=True)
class Situation:
	"""What a rewrite may look at besides the body.

	`rng` is chance for this call; `first` and `size` say which rows of a list the page is meant to show, and
	`whole_list` gives all rows of that list, as they go over the wire.
	"""

	rng: random.Random
	first: int
	size: int
	whole_list: Callable[[], list[Any]]


@dataclass(frozen=True, slots=True)
class _Kind:
	apply: Callable[[Body, Situation, Mapping[str, Any]], Body]
	params: frozenset[str]
	required: frozenset[str] = frozenset()


def rewrite(body: Body, orders: list[dict[str, Any]], situation: Situation) -> Body:
	"""The body after all `orders`, one after the other. What an order does not find in it stays as it is."""
	body = copy.deepcopy(body)
	for order in orders:
		body = KINDS[order["name"]].apply(body, situation, order)
	return body


def check_rewrite(order: Any) -> None:
	"""Raises ValueError saying what is wrong with an order."""
	if not isinstance(order, dict) or order.get("name") not in KINDS:
		raise ValueError(f"a rewrite is an object whose name is one of {', '.join(KINDS)}")
	name, kind = order["name"], KINDS[order["name"]]
	given = set(order) - {"name"}
	for param in sorted(given - kind.params - kind.required):
		known = ", ".join(sorted(kind.params | kind.required))
		raise ValueError(f"rewrite '{name}' has no '{param}'; there are: {known}")
	for param in sorted(kind.required - given):
		raise ValueError(f"rewrite '{name}' needs '{param}'")
	if name == "totals":
		_check_totals(order, given)
		return
	for param, test, wanted in (
		("field", lambda value: isinstance(value, str) and value, "a name, or names joined by dots"),
		("path", lambda value: isinstance(value, str) and value, "a name, or names joined by dots"),
		("id", lambda value: isinstance(value, str), "a string"),
		("row", _is_whole, "a whole number"),
		("by", _is_whole, "a whole number"),
		(
			"rows",
			lambda value: value == "all" or (_is_whole(value) and value > 0),
			'"all" or a number above 0',
		),
		("size", lambda value: _is_whole(value) and 0 <= value <= 64_000_000, "from 0 to 64000000"),
		("in_place", lambda value: isinstance(value, bool), "true or false"),
	):
		if param in order and not test(order[param]):
			raise ValueError(f"'{param}' of rewrite '{name}' must be {wanted}")


def _check_totals(order: Mapping[str, Any], names: set[str]) -> None:
	for name in sorted(names):
		change = order[name]
		if not isinstance(change, dict) or len(change) != 1 or not set(change) <= set(_PAGE_CHANGES):
			raise ValueError(
				f"'{name}' of rewrite 'totals' must be an object of one of {', '.join(_PAGE_CHANGES)}"
			)
		if not _is_whole(change.get("add", 0)):
			raise ValueError(f"'add' of '{name}' of rewrite 'totals' must be a whole number")
		if not (_is_whole(change.get("jitter", 1)) and change.get("jitter", 1) > 0):
			raise ValueError(f"'jitter' of '{name}' of rewrite 'totals' must be a whole number above 0")


def _is_whole(value: Any) -> bool:
	return isinstance(value, int) and not isinstance(value, bool)


# ------------------------------------------------------------------------------------------ rows and fields


def _rows_of(body: Body) -> list[Any] | None:
	rows = body.get("content") if isinstance(body, dict) else None
	return rows if isinstance(rows, list) else None


def _chosen(body: Body, situation: Situation, order: Mapping[str, Any]) -> list[dict[str, Any]]:
	"""The rows that `id`, `row` (a place, from the end where negative) or `rows` name; without any of them, one."""
	rows = _rows_of(body)
	if rows is None:
		rows = [body]
	rows = [row for row in rows if isinstance(row, dict)]
	if "id" in order:
		return [row for row in rows if row.get("id") == order["id"]]
	if "row" in order:
		return rows[order["row"] :][:1]
	wanted = order.get("rows", 1)
	return rows if wanted == "all" else situation.rng.sample(rows, min(wanted, len(rows)))


def _fields(row: dict[str, Any], prefix: str = "") -> list[str]:
	"""Names of all fields, those of inner objects joined by dots."""
	found = []
	for name, value in row.items():
		found.append(prefix + name)
		if isinstance(value, dict):
			found += _fields(value, f"{prefix}{name}.")
	return found


def _holder(record: Any, path: str) -> tuple[Any, str | int] | None:
	"""The object or array that holds the last name of `path`, and that name as its key; None where it is not there."""
	*way, last = path.split(".")
	for name in way:
		record = _get(record, name)
	if isinstance(record, dict):
		return record, last
	if isinstance(record, list) and last.isdigit() and int(last) < len(record):
		return record, int(last)
	return None


def _get(record: Any, name: str) -> Any:
	if isinstance(record, dict):
		return record.get(name)
	if isinstance(record, list) and name.isdigit() and int(name) < len(record):
		return record[int(name)]
	return None


def _per_field(
	change: Callable[[Any, Situation, Mapping[str, Any]], Any],
	candidates: Callable[[dict[str, Any]], list[str]] = _fields,
	create: bool = False,
) -> Callable[[Body, Situation, Mapping[str, Any]], Body]:
	"""A rewrite that gives one field of each chosen row the value that `change` makes of the old one."""

	def apply(body: Body, situation: Situation, order: Mapping[str, Any]) -> Body:
		for row in _chosen(body, situation, order):
			path = order.get("field")
			if path is None:
				names = [name for name in candidates(row) if name != "id"]
				if not names:
					continue
				path = situation.rng.choice(names)
			if found := _holder(row, path):
				holder, key = found
				there = isinstance(key, int) or key in holder
				if create or there:
					holder[key] = change(holder[key] if there else None, situation, order)
		return body

	return apply


def _remove_field(body: Body, situation: Situation, order: Mapping[str, Any]) -> Body:
	for row in _chosen(body, situation, order):
		path = order.get("field") or situation.rng.choice([name for name in _fields(row) if name != "id"])
		if found := _holder(row, path):
			holder, key = found
			if isinstance(key, int) or key in holder:
				del holder[key]
	return body


def _of_another_type(value: Any, situation: Situation, order: Mapping[str, Any]) -> Any:
	others: list[Any] = ["seven", 7, 7.5, True, ["seven"], {"seven": 7}]
	return situation.rng.choice([other for other in others if type(other) is not type(value)])


def _huge(value: Any, situation: Situation, order: Mapping[str, Any]) -> str:
	# Not one letter repeated: that would compress, and be taken for padding by a column that trims.
	text = value if isinstance(value, str) and value.strip() else "Pax8 "
	size: int = order.get("size", HUGE)
	return (text * (size // len(text) + 1))[:size]


def _texts(row: dict[str, Any]) -> list[str]:
	return [name for name in _fields(row) if isinstance(_value(row, name), str)]


def _words(row: dict[str, Any]) -> list[str]:
	return [name for name in WORDS if isinstance(_value(row, name), str)]


def _value(row: dict[str, Any], path: str) -> Any:
	found = _holder(row, path)
	return _get(found[0], str(found[1])) if found else None


# ----------------------------------------------------------------------------------------------- whole pages


def _duplicate(body: Body, situation: Situation, order: Mapping[str, Any]) -> Body:
	"""Rows come twice: after the others, or (`in_place`) where others should be, so that the numbers still fit."""
	rows = _rows_of(body)
	if not rows:
		return body
	if order.get("in_place"):
		for kept, lost in _pairs(rows, situation, order):
			rows[lost] = copy.deepcopy(rows[kept])
	else:
		rows.extend(copy.deepcopy(_chosen(body, situation, order)))
	return body


def _pairs(rows: list[Any], situation: Situation, order: Mapping[str, Any]) -> list[tuple[int, int]]:
	wanted = order.get("rows", 1)
	count = len(rows) // 2 if wanted == "all" else min(wanted, len(rows) // 2)
	places = situation.rng.sample(range(len(rows)), 2 * count)
	return list(zip(places[:count], places[count:], strict=True))


def _leave_out(body: Body, situation: Situation, order: Mapping[str, Any]) -> Body:
	rows = _rows_of(body)
	if rows is not None:
		gone = list(map(id, _chosen(body, situation, order)))
		body["content"] = [row for row in rows if id(row) not in gone]
	return body


def _shift(body: Body, situation: Situation, order: Mapping[str, Any]) -> Body:
	"""The page as it were if `by` rows before it had gone (negative: come), with the totals as they are."""
	if _rows_of(body) is not None:
		first = situation.first + order.get("by", 1)
		body["content"] = situation.whole_list()[max(first, 0) : max(first + situation.size, 0)]
	return body


def _totals(body: Body, situation: Situation, order: Mapping[str, Any]) -> Body:
	page = body.get("page") if isinstance(body, dict) else None
	if not isinstance(page, dict):
		return body
	for name in _PAGE_NAMES:
		change = order.get(name, {})
		if "absent" in change:
			page.pop(name, None)
		elif "value" in change:
			page[name] = change["value"]
		elif name in page:
			if "add" in change:
				page[name] += change["add"]
			elif "jitter" in change:
				page[name] += situation.rng.choice(
					[n for n in range(-change["jitter"], change["jitter"] + 1) if n]
				)
			elif "as_text" in change:
				page[name] = str(page[name])
	return body


def _set_body(body: Body, situation: Situation, order: Mapping[str, Any]) -> Body:
	if "path" not in order:
		return order["value"]
	if found := _holder(body, order["path"]):
		found[0][found[1]] = order["value"]
	return body


_WHICH = frozenset({"id", "row", "rows"})
_FIELD = _WHICH | {"field"}

KINDS: dict[str, _Kind] = {
	# a field of some rows
	"set_field": _Kind(
		_per_field(lambda old, situation, order: order["value"], create=True),
		_WHICH,
		frozenset({"field", "value"}),
	),
	"null_field": _Kind(_per_field(lambda old, situation, order: None), _FIELD),
	"remove_field": _Kind(_remove_field, _FIELD),
	"wrong_type": _Kind(_per_field(_of_another_type), _FIELD),
	"unknown_word": _Kind(
		_per_field(lambda old, situation, order: order.get("value", "Hibernating"), _words),
		_FIELD | {"value"},
	),
	"huge_text": _Kind(_per_field(_huge, _texts), _FIELD | {"size"}),
	# rows of a page
	"duplicate_rows": _Kind(_duplicate, _WHICH | {"in_place"}),
	"leave_out_rows": _Kind(_leave_out, _WHICH),
	"shift": _Kind(_shift, frozenset({"by"})),
	# the page itself
	"totals": _Kind(_totals, frozenset(_PAGE_NAMES)),
	"set_body": _Kind(_set_body, frozenset({"path"}), frozenset({"value"})),
}
