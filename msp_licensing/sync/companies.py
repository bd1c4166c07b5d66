"""Companies: every company of the partner, mapped or not."""

from typing import Any

from msp_licensing.pax8 import Company, NotFound, Pax8Client
from msp_licensing.sync.mirror import Mirror, Row, site_datetime, upsert

DOCTYPE = "Pax8 Company"


def sync(pax8: Pax8Client, run: Any) -> None:
	"""Walks all companies. Mapping is left as staff chose it.

	Raises:
		msp_licensing.pax8.Pax8Error: the walk did not come to its end; nothing is concluded from it.
	"""
	mirror = Mirror(DOCTYPE, run)
	for company in pax8.companies():
		mirror.add(company.id, row_of(company))
		run.progress(mirror)
	mirror.flush()
	mark_vanished(DOCTYPE, mirror, run, reread=lambda name: _reread(pax8, mirror, name))


def row_of(company: Company) -> Row:
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
		"pax8_updated_on": site_datetime(company.updated_date),
	}


def _reread(pax8: Pax8Client, mirror: Mirror, name: str) -> bool:
	try:
		company = pax8.company(name)
	except NotFound:
		return False
	mirror.add(company.id, row_of(company))
	return True


def mark_vanished(doctype: str, mirror: Mirror, run: Any, *, reread: Any, field: str = "vanished") -> None:
	"""After a complete walk: what is stored and was not seen is read once more by its id, then marked, never deleted.

	Args:
		reread: takes a name; stores the row and returns True if Pax8 still has it.
		field: the Check that marks it; rows already marked are not read again.
	"""
	import frappe

	missing = mirror.missing() - set(frappe.get_all(doctype, {field: 1}, pluck="name"))
	gone = [name for name in sorted(missing) if not reread(name)]
	mirror.flush()
	run.rows_vanished += len(gone)
	# The fingerprint goes, so that a row that comes back is written again.
	upsert(doctype, [(name, {field: 1, "fingerprint": None}) for name in gone])
	frappe.db.commit()  # nosemgrep: end of the walk
