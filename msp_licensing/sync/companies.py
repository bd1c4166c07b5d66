"""Companies: every company of the partner, mapped or not."""

from collections.abc import Callable
from typing import Any

import frappe

from msp_licensing.pax8 import Company, NotFound, Pax8Client, Pax8Error
from msp_licensing.sync import own_companies
from msp_licensing.sync.mirror import Mirror, Row, fingerprint, fitting, upsert

DOCTYPE = "Pax8 Company"

# After so many failures in a row it is Pax8 that has trouble, and not a record.
FAILURES_IN_A_ROW = 5


def sync(pax8: Pax8Client, run: Any) -> None:
	"""Walks all companies. Mapping is left as staff chose it.

	Raises:
		msp_licensing.pax8.Pax8Error: the walk did not come to its end; nothing is concluded from it.
	"""
	mirror = Mirror(DOCTYPE, run)
	with mirror:
		for company in pax8.companies(on_unreadable=mirror.refuse):
			mirror.add(company.id, row_of(company))
			run.progress(mirror)
	mark_vanished(mirror, run, reread=lambda name: _reread(pax8, mirror, name))
	own_companies.mark()
	frappe.db.commit()  # nosemgrep: frappe-manual-commit - end of the walk


def row_of(company: Company) -> Row:
	"""The mirrored columns of a company."""
	address = company.address
	return {
		"company_name": company.name,
		"status": company.status,
		"vanished": 0,
		"street": ", ".join(part for part in (address.street, address.street2) if part) if address else None,
		"postal_code": address.postal_code if address else None,
		"city": address.city if address else None,
		"state_or_province": address.state_or_province if address else None,
		"country": address.country if address else None,
		"phone": company.phone,
		"website": company.website,
		"external_id": company.external_id,
		"self_service_allowed": int(bool(company.self_service_allowed)),
		"order_approval_required": int(bool(company.order_approval_required)),
		"bill_on_behalf_of_enabled": int(bool(company.bill_on_behalf_of_enabled)),
		"pax8_updated_on": company.updated_date,
	}


def store_one(company: Company) -> None:
	"""Stores what a read of one company just told, known or not; the caller commits.

	Raises:
		ValueError: something in it cannot be stored.
	"""
	row = row_of(company)
	values = fitting(DOCTYPE)({"pax8_id": company.id, **row})
	upsert(
		DOCTYPE,
		[(company.id, {**values, "fingerprint": fingerprint(row)})],
		insert_only=["pax8_id"],
	)
	own_companies.mark()
	frappe.clear_document_cache(DOCTYPE, company.id)


def _reread(pax8: Pax8Client, mirror: Mirror, name: str) -> bool:
	try:
		company = pax8.company(name)
	except NotFound:
		return False
	mirror.add(name, row_of(company))
	return True


def mark_vanished(
	mirror: Mirror, run: Any, *, reread: Callable[[str], bool], field: str = "vanished"
) -> None:
	"""After a complete walk: what is stored and was not seen is read once more by its id, then marked, never deleted.

	A record that cannot be read now is left as it is, and the run says so.

	Args:
		reread: takes a name; adds the row to the mirror and returns True if Pax8 still has it.
		field: the Check that marks it; rows already marked are not read again.

	Raises:
		msp_licensing.pax8.Pax8Error: several records in a row could not be read.
	"""
	gone: list[str] = []
	failures = 0
	try:
		for name in sorted(mirror.missing() - set(frappe.get_all(mirror.doctype, {field: 1}, pluck="name"))):
			try:
				if not reread(name):
					gone.append(name)
				failures = 0
			except ValueError as error:
				run.refuse_row(name, error)
			except Pax8Error as error:
				failures += 1
				if failures >= FAILURES_IN_A_ROW:
					raise
				run.problem(f"{name}: {error.message}")
	finally:
		mirror.flush()
		for name in gone:
			mirror.mark(name, {field: 1})
		mirror.flush()
		run.rows_vanished += len(gone)
