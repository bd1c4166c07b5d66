"""Contacts of a company."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import model_validator

from msp_licensing.pax8.models.fields import Day, Flag, Id, NoneIsEmpty, Record, Text


class ContactType(Record):
	"""What a contact is for: `type` is `Admin`, `Billing` or `Technical`, and `primary` whether it is the first for that.

	A company becomes Active, and can order, once each type has a primary contact; one contact may be all three.
	"""

	type: Text = None
	primary: Flag = None


class Contact(Record):
	"""A contact of a company (`GET /companies/{id}/contacts`)."""

	id: Id
	first_name: Text = None
	last_name: Text = None
	email: Text = None
	phone: Text = None
	created_date: Day = None
	types: Annotated[tuple[ContactType, ...], NoneIsEmpty] = ()

	@model_validator(mode="before")
	@classmethod
	def _either_phone(cls, data: Any) -> Any:
		"""Read `phone`, or `phoneNumber` with its `phoneCountryCode` as an older client saw them."""
		if not isinstance(data, dict) or data.get("phone") or not data.get("phoneNumber"):
			return data
		parts = (data.get("phoneCountryCode"), data["phoneNumber"])
		return {**data, "phone": " ".join(part.strip() for part in parts if isinstance(part, str))}

	def is_primary(self, kind: str) -> bool:
		"""Return whether this is the primary contact for `Admin`, `Billing` or `Technical`."""
		return any(entry.primary and (entry.type or "").casefold() == kind.casefold() for entry in self.types)
