"""Invoices of the partner, their items, and the draft of the next one.

Pax8 makes an invoice about the 4th of a month and shows it once it is approved. An approved one does not change; a
correction is the old one `Credited` and a new one beside it (Pax8's guide).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from typing import Literal

from msp_licensing.pax8.models import Invoice, InvoiceItem, normalise_status
from msp_licensing.pax8.models.fields import parse_day
from msp_licensing.pax8.operations.base import Operations, day, segment, sorted_by
from msp_licensing.pax8.walk import Listing, OnUnreadable, matching

_SORT_FIELDS = frozenset(
	{"invoiceDate", "dueDate", "status", "partnerName", "total", "balance", "carriedBalance"}
)


class InvoiceOperations(Operations):
	"""Operations on invoices."""

	def invoices(
		self,
		*,
		status: str | None = None,
		invoice_date: date | None = None,
		from_date: date | None = None,
		to_date: date | None = None,
		due_date: date | None = None,
		sort: str | None = None,
		on_unreadable: OnUnreadable | None = None,
	) -> Iterator[Invoice]:
		"""Walk the invoices. Rows that do not match a filter are dropped here too; a row that does not say is kept.

		Args:
			status: `Unpaid`, `Paid`, `Void`, `Carried`, `Nothing Due` or `Credited`.
			invoice_date: exactly this one.
			from_date, to_date: bounds of the invoice date, both included.
			due_date: exactly this one.
			sort: `invoiceDate`, `dueDate`, `status`, `partnerName`, `total`, `balance` or `carriedBalance`, alone or with
				`,asc` or `,desc`.
			on_unreadable: see `Pax8Client`.

		Raises:
			TypeError, ValueError: no date, or a sort order that Pax8 does not document; nothing was sent.
			Pax8Error: while walking; `IncompleteWalk` at the end when rows are missing.
		"""
		status = normalise_status(status) if status else None
		params = {
			"status": status,
			"invoiceDate": day(invoice_date),
			"invoiceDateRangeStart": day(from_date),
			"invoiceDateRangeEnd": day(to_date),
			"dueDate": day(due_date),
			"sort": sorted_by(sort, _SORT_FIELDS, bare=True),
		}
		return self._walk(
			Listing(
				"invoices",
				"/invoices",
				Invoice,
				params=params,
				keep=_wanted(status, invoice_date, from_date, to_date, due_date),
				on_unreadable=on_unreadable,
			)
		)

	def invoice(self, invoice_id: str) -> Invoice:
		"""Return one invoice. Raises `NotFound`, or any other `Pax8Error` of a read."""
		return self._one("invoice", f"/invoices/{segment(invoice_id)}", invoice_id, Invoice)

	def invoice_items(
		self, invoice_id: str, *, on_unreadable: OnUnreadable | None = None
	) -> Iterator[InvoiceItem]:
		"""Walk the items of an invoice.

		Items may come without an id. They are then told apart by page and place, and a list that changes meanwhile is
		`IncompleteWalk` at once: take the items of a walk only when it has come to its end.

		Args:
			invoice_id: Pax8's id.
			on_unreadable: see `Pax8Client`.

		Raises:
			NotFound: there is no such invoice.
			Pax8Error: while walking; `IncompleteWalk` at the end when rows are missing.
		"""
		return self._walk(
			Listing(
				"invoice_items",
				f"/invoices/{segment(invoice_id)}/items",
				InvoiceItem,
				nameless=True,
				on_unreadable=on_unreadable,
			)
		)

	def draft_items(
		self,
		*,
		month_offset: Literal[0, 1],
		company_id: str | None = None,
		on_unreadable: OnUnreadable | None = None,
	) -> Iterator[InvoiceItem]:
		"""Walk what would be on the invoice of a month, as of now: without usage in arrears, and with estimated taxes.

		Args:
			month_offset: 0 = this month, 1 = the next one.
			company_id: `None` = of all companies.
			on_unreadable: see `Pax8Client`.

		Raises:
			ValueError: another month; nothing was sent.
			Pax8Error: as `invoice_items`; `NoAnswer` also for Pax8's own 408 here.
		"""
		if type(month_offset) is not int or month_offset not in (0, 1):
			raise ValueError("month_offset must be 0 or 1")
		company_id = company_id or None
		return self._walk(
			Listing(
				"draft_items",
				"/invoices/draftItems",
				InvoiceItem,
				params={"monthOffset": month_offset, "companyId": company_id},
				nameless=True,
				keep=matching(company_id=company_id),
				on_unreadable=on_unreadable,
			)
		)


def _wanted(
	status: str | None,
	invoice_date: date | None,
	from_date: date | None,
	to_date: date | None,
	due_date: date | None,
) -> Callable[[Invoice], bool]:
	same = matching(status=status, invoice_date=parse_day(invoice_date), due_date=parse_day(due_date))
	first, last = parse_day(from_date) or date.min, parse_day(to_date) or date.max

	def wanted(row: Invoice) -> bool:
		if same is not None and not same(row):
			return False
		return row.invoice_date is None or first <= row.invoice_date <= last

	return wanted
