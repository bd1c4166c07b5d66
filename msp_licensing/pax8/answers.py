"""Answers of Pax8, read as records; what cannot be read is a `BadAnswer`."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import ValidationError

from msp_licensing.pax8.errors import BadAnswer
from msp_licensing.pax8.models import Record

R = TypeVar("R", bound=Record)


def read_record(row: Any, model: type[R], what: str, *, operation: str, path: str, write: bool = False) -> R:
	"""Read one record. Only the names of the fields that cannot be read are told, not what is in them."""
	if not isinstance(row, dict):
		problem = "it is not an object"
	else:
		try:
			return model.model_validate(row)
		except (ValidationError, ArithmeticError, RecursionError) as exc:
			problem = _problem(exc)
		name = row.get("id")
		what = f"{what} (id {name[:64]})" if isinstance(name, str) and name else what
	raise BadAnswer(
		f"Pax8's answer to {operation} cannot be understood: {what}: {problem}.",
		operation=operation,
		path=path,
		write=write,
	)


def same_record(record: R, asked: str, *, operation: str, path: str, write: bool = False) -> R:
	"""Make sure that the answer is about the record that was asked for."""
	if record.id.casefold() != asked.strip().casefold():  # type: ignore[attr-defined]
		raise BadAnswer(
			f"Pax8 answered {operation} with another record.", operation=operation, path=path, write=write
		)
	return record


def _problem(exc: Exception) -> str:
	if not isinstance(exc, ValidationError):
		return type(exc).__name__
	found = exc.errors(include_url=False, include_context=False, include_input=False)
	return "; ".join(f"{'.'.join(map(str, error['loc'])) or 'record'}: {error['msg']}" for error in found[:5])
