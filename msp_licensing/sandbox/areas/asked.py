"""Reading bodies of the API: what is wrong goes to a list, so that all of it is said at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from msp_licensing.sandbox.errors import ApiError
from msp_licensing.sandbox.web import Request

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def is_number(value: Any) -> bool:
	"""Whether a JSON value is a finite number."""
	return (
		isinstance(value, (int, float)) and not isinstance(value, bool) and value - value == 0
	)  # the last excludes NaN and infinity, which Python's JSON reader accepts


def are_details(value: Any) -> bool:
	"""Whether a value is an array of provisioning details: objects with `key` and `values`."""
	return isinstance(value, list) and all(
		isinstance(detail, dict)
		and isinstance(detail.get("key"), str)
		and isinstance(detail.get("values", []), list)
		and all(isinstance(text, str) for text in detail.get("values", []))
		for detail in value
	)


def is_email(value: Any) -> bool:
	"""Whether a value looks like an address."""
	return isinstance(value, str) and _EMAIL.fullmatch(value) is not None


def is_uuid(value: Any) -> bool:
	"""Whether a value is a UUID as the spec spells it."""
	try:
		return isinstance(value, str) and str(UUID(value)) == value.lower()
	except ValueError:
		return False


def object_of(request: Request, message: str) -> dict[str, Any]:
	"""The body, which must be a JSON object: 422 with `message` for any other JSON, 400 for what is none."""
	value = request.json()
	if not isinstance(value, dict):
		raise ApiError(422, message, ["The body must be a JSON object."])
	return value


def texts(asked: Mapping[str, Any], names: Mapping[str, str], problems: list[str]) -> dict[str, str]:
	"""The strings that are given, of `names` (wire name to attribute), by attribute; empty ones are none."""
	found = {}
	for name, attribute in names.items():
		if name in asked:
			if isinstance(asked[name], str) and asked[name].strip():
				found[attribute] = asked[name]
			else:
				problems.append(f"{name} must be a string that is not empty.")
	return found


def require(asked: Mapping[str, Any], names: tuple[str, ...], problems: list[str]) -> None:
	"""Note which of `names` are not given."""
	problems.extend(f"{name} is required." for name in names if name not in asked)
