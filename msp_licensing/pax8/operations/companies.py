"""Companies and their contacts."""

from __future__ import annotations

from collections.abc import Iterator

from msp_licensing.pax8.models import Company, Contact, normalise_status
from msp_licensing.pax8.operations.base import Operations, segment, true_or_false
from msp_licensing.pax8.walk import Listing, OnUnreadable, matching

# The listed filters of `GET /companies`, but for `country`: its samples contradict the format of addresses.
_COMPANY_FILTERS = {
	"city": "city",
	"state_or_province": "stateOrProvince",
	"postal_code": "postalCode",
	"self_service_allowed": "selfServiceAllowed",
	"bill_on_behalf_of_enabled": "billOnBehalfOfEnabled",
	"order_approval_required": "orderApprovalRequired",
	"status": "status",
}


class CompanyOperations(Operations):
	"""Operations on companies and contacts."""

	def companies(
		self, *, on_unreadable: OnUnreadable | None = None, **filters: str | bool | None
	) -> Iterator[Company]:
		"""Walk the companies. Consume it to the end before concluding anything from what is not in it.

		Args:
			filters: `city`, `state_or_province`, `postal_code`, `self_service_allowed`, `bill_on_behalf_of_enabled`,
				`order_approval_required`, `status`; `None` = not filtered.
			on_unreadable: see `Pax8Client`.

		Raises:
			TypeError: a filter that Pax8 does not document; it would ignore it silently.
			Pax8Error: while walking; `IncompleteWalk` at the end when rows are missing.
		"""
		unknown = set(filters) - set(_COMPANY_FILTERS)
		if unknown:
			raise TypeError(f"unknown filter of companies: {', '.join(sorted(unknown))}")
		wanted = {name: value for name, value in filters.items() if value is not None}
		if isinstance(wanted.get("status"), str):
			wanted["status"] = normalise_status(str(wanted["status"]))
		params = {
			_COMPANY_FILTERS[name]: true_or_false(value) if isinstance(value, bool) else value
			for name, value in wanted.items()
		}
		checks = {
			name: value
			for name, value in wanted.items()
			if name not in ("city", "state_or_province", "postal_code")
		}
		return self._walk(
			Listing(
				"companies",
				"/companies",
				Company,
				params=params,
				keep=matching(**checks),
				on_unreadable=on_unreadable,
			)
		)

	def company(self, company_id: str) -> Company:
		"""Return one company. Raises `NotFound`, or any other `Pax8Error` of a read."""
		return self._one("company", f"/companies/{segment(company_id)}", company_id, Company)

	def contacts(self, company_id: str) -> Iterator[Contact]:
		"""Walk the contacts of a company, newest first.

		Raises:
			NotFound: there is no such company.
			Pax8Error: while walking; `IncompleteWalk` at the end when rows are missing.
		"""
		return self._walk(Listing("contacts", f"/companies/{segment(company_id)}/contacts", Contact))

	def contact(self, company_id: str, contact_id: str) -> Contact:
		"""Return one contact of a company. Raises `NotFound`, or any other `Pax8Error` of a read."""
		path = f"/companies/{segment(company_id)}/contacts/{segment(contact_id)}"
		return self._one("contact", path, contact_id, Contact)
