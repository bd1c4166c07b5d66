"""Answers of Pax8, read as records; what cannot be read is a `BadAnswer`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from msp_licensing.pax8.errors import BadAnswer
from msp_licensing.pax8.models.fields import Record, read_id

R = TypeVar("R", bound=Record)

_UNREADABLE = (ValidationError, ArithmeticError, RecursionError)


def read_record(row: Any, model: type[R], what: str, *, operation: str, path: str, write: bool = False) -> R:
	"""Read one record. Only the names of the fields that cannot be read are told, not what is in them."""
	record_id = None
	if not isinstance(row, dict):
		problem = "it is not an object"
	else:
		try:
			return model.model_validate(row)
		except _UNREADABLE as exc:
			problem = _problem(exc)
		record_id = _id_of(row)
		what = f"{what} (id {record_id[:64]})" if record_id else what
	raise BadAnswer(
		f"Pax8's answer to {operation} cannot be understood: {what}: {problem}.",
		operation=operation,
		path=path,
		write=write,
		record_id=record_id,
	)


def read_records(
	rows: Sequence[Any],
	model: type[R],
	what: str,
	*,
	operation: str,
	path: str,
	places: Sequence[int] | None = None,
) -> list[R | BadAnswer]:
	"""Read the rows of a list, one outcome each.

	Args:
		what: follows `row 7` in the message of a row that cannot be read.
		places: of the rows in their list, from 1; by default one after the other.
	"""
	try:
		# One call for all of them, as long as none is broken: that is the normal case, and lists are long.
		return list(_list_of(model).validate_python(rows))
	except _UNREADABLE:
		pass
	read: list[R | BadAnswer] = []
	for place, row in zip(places or range(1, len(rows) + 1), rows, strict=True):
		try:
			read.append(read_record(row, model, f"row {place}{what}", operation=operation, path=path))
		except BadAnswer as error:
			# It is kept or raised later: without the frames of here, which hold the row.
			read.append(error.with_traceback(None))
	return read


def same_record(record: R, asked: str, *, operation: str, path: str, write: bool = False) -> R:
	"""Make sure that the answer is about the record that was asked for."""
	if (record.id or "").casefold() != asked.strip().casefold():  # type: ignore[attr-defined]
		raise BadAnswer(
			f"Pax8 answered {operation} with another record.", operation=operation, path=path, write=write
		)
	return record


@cache
def _list_of(model: type[R]) -> TypeAdapter[list[R]]:
	return TypeAdapter(list[model])  # type: ignore[valid-type]


def _id_of(row: dict[str, Any]) -> str | None:
	try:
		return read_id(row.get("id"))
	except ValueError:
		return None


def _problem(exc: Exception) -> str:
	if not isinstance(exc, ValidationError):
		return type(exc).__name__
	found = exc.errors(include_url=False, include_context=False, include_input=False)
	return "; ".join(f"{'.'.join(map(str, error['loc'])) or 'record'}: {error['msg']}" for error in found[:5])
