"""Reading what a control call asks for, and changing a record by it. Raises ApiError for what cannot be."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any, TypeVar

from msp_licensing.sandbox.dates import parse_moment
from msp_licensing.sandbox.errors import ApiError
from msp_licensing.sandbox.model import Overrides

Setter = Callable[[Any], None]
R = TypeVar("R")


def known(row: R | None, what: str) -> R:
	"""Return the row that was looked up; 404 when there was none."""
	if row is None:
		raise ApiError(404, f"There is no such {what}")
	return row


def only(asked: Mapping[str, Any], names: set[str]) -> None:
	"""Refuse fields that nothing would be done about."""
	for name in asked:
		if name not in names:
			raise ApiError(400, f"unknown field '{name}'; there are: {', '.join(sorted(names))}")


def text(asked: Mapping[str, Any], name: str) -> str:
	"""Return a string that must be given."""
	value = asked.get(name)
	if not isinstance(value, str) or not value:
		raise ApiError(400, f"'{name}' is required and must be a string")
	return value


def new_id(asked: Mapping[str, Any], taken: Mapping[str, Any]) -> str:
	"""Return the id asked for, or a new one; 409 when it is taken."""
	identifier = asked.get("id") or str(uuid.uuid4())
	if not isinstance(identifier, str):
		raise ApiError(400, "'id' must be a string")
	if identifier in taken:
		raise ApiError(409, f"The id {identifier} is taken")
	return identifier


def moment_of(asked: Mapping[str, Any], name: str) -> datetime | None:
	"""Return a moment, `None` when it is null or not given."""
	value = asked.get(name)
	if value is None:
		return None
	try:
		return parse_moment(value)
	except (ValueError, AttributeError, TypeError, OverflowError):
		raise ApiError(400, f"'{name}' must be a date or date-time such as 2025-01-31T12:00:00Z") from None


def is_number(value: Any) -> bool:
	"""Whether a JSON value is a finite number."""
	return isinstance(value, (int, float)) and not isinstance(value, bool) and value - value == 0


def text_setter(record: Any, attribute: str, required: bool = True) -> Setter:
	"""A setter for a string attribute of `record`; null is taken where it is not `required`."""

	def set_it(value: Any) -> None:
		if not isinstance(value, str) and (required or value is not None):
			raise ApiError(400, f"'{attribute}' must be a string")
		setattr(record, attribute, value)

	return set_it


def moment_setter(
	record: Any, attribute: str, asked: Mapping[str, Any], name: str, required: bool = True
) -> Setter:
	"""A setter for a moment of `record`, which is asked for as `name`; null is taken where it is not `required`."""

	def set_it(value: Any) -> None:
		moment = moment_of(asked, name)
		if required and moment is None:
			raise ApiError(400, f"'{name}' must not be null")
		setattr(record, attribute, moment)

	return set_it


def set_all(asked: Mapping[str, Any], setters: Mapping[str, Setter]) -> None:
	"""Call the setter of every field asked for, in the order of `setters`; refuse fields that have none."""
	only(asked, {*setters, "wire", "absent"})
	for name, setter in setters.items():
		if name in asked:
			setter(asked[name])


def overrides(asked: Mapping[str, Any], present: Overrides | None) -> Overrides | None:
	"""Return what `wire` and `absent` ask for, or what is `present` when neither is given."""
	if "wire" not in asked and "absent" not in asked:
		return present
	values, absent = asked.get("wire") or {}, asked.get("absent") or []
	if not isinstance(values, dict) or not isinstance(absent, list):
		raise ApiError(400, "'wire' must be an object and 'absent' an array of names")
	return Overrides(values, tuple(str(name) for name in absent)) if values or absent else None


def take_over(record: Any, changed: Any) -> None:
	"""Give a record of the sandbox's data all values of its changed copy."""
	for attribute in fields(record):
		setattr(record, attribute.name, getattr(changed, attribute.name))
