"""One record, read because Pax8 spoke of it, and stored as a walk would store it."""

from typing import Literal

import frappe
from frappe import _

from msp_licensing.pax8 import BadAnswer, NotFound, Pax8Client
from msp_licensing.sync import companies, products, subscriptions
from msp_licensing.sync.kinds import usage as usage_kind
from msp_licensing.sync.mirror import fingerprint, upsert

Stored = Literal["new", "changed", "unchanged", "unmapped", "gone", "unknown"]
"""What became of a record; `unmapped`: left out, as its company has no client here; `gone`: Pax8 does not know it any
more, and it is marked; `unknown`: neither Pax8 nor this site knows it."""


def subscription(pax8: Pax8Client, name: str) -> Stored:
	"""Reads one subscription; a new one is stored if its company is mapped. The caller commits.

	Raises:
		msp_licensing.pax8.Pax8Error: it could not be read, or cannot be stored; nothing was.
	"""
	try:
		remote = pax8.subscription(name)
	except NotFound:
		if not _is_known(subscriptions.DOCTYPE, name):
			return "unknown"
		subscriptions.mark_as_gone(name)
		return "gone"
	before = _fingerprint(subscriptions.DOCTYPE, name)
	try:
		if not subscriptions.take_in(pax8, remote):
			return "unmapped"
	except ValueError as error:
		raise _unusable(name, error) from error
	if before is None:
		return "new"
	return "unchanged" if before == _fingerprint(subscriptions.DOCTYPE, name) else "changed"


def usage(pax8: Pax8Client, name: str) -> Stored:
	"""Reads the usage of one subscription. The caller commits. Raises as `subscription` does."""
	try:
		return usage_kind.read_subscription(pax8, name)
	except ValueError as error:
		raise _unusable(name, error) from error


def company(pax8: Pax8Client, name: str) -> Stored:
	"""Reads one company, mapped or not. The caller commits. Raises as `subscription` does."""
	try:
		remote = pax8.company(name)
	except NotFound:
		return _mark_as_gone(companies.DOCTYPE, name, "vanished")
	before = _fingerprint(companies.DOCTYPE, name)
	if before == fingerprint(companies.row_of(remote)):
		return "unchanged"
	try:
		companies.store_one(remote)
	except ValueError as error:
		raise _unusable(name, error) from error
	return "new" if before is None else "changed"


def product(pax8: Pax8Client, name: str) -> Stored:
	"""Reads one product, without its prices. The caller commits. Raises as `subscription` does."""
	try:
		remote = pax8.product(name)
	except NotFound:
		return _mark_as_gone(products.DOCTYPE, name, "discontinued")
	before = _fingerprint(products.DOCTYPE, name)
	if before == fingerprint(products.row_of(remote)):
		return "unchanged"
	try:
		products.store_one(remote)
	except ValueError as error:
		raise _unusable(name, error) from error
	frappe.clear_document_cache(products.DOCTYPE, name)
	return "new" if before is None else "changed"


def _fingerprint(doctype: str, name: str) -> str | None:
	"""None if there is no such row; empty if it shall be looked at afresh."""
	row = frappe.db.get_value(doctype, name, ["fingerprint"], as_dict=True)
	return (row.fingerprint or "") if row else None


def _is_known(doctype: str, name: str) -> bool:
	# The database compares names without case; Pax8, which has just said "not found", need not.
	return frappe.db.get_value(doctype, name, "name") == name


def _mark_as_gone(doctype: str, name: str, field: str) -> Stored:
	if not _is_known(doctype, name):
		return "unknown"
	if not frappe.db.get_value(doctype, name, field):
		# The fingerprint goes, so that a row that comes back is written again.
		upsert(doctype, [(name, {field: 1, "fingerprint": None})])
		frappe.clear_document_cache(doctype, name)
	return "gone"


def _unusable(name: str, error: ValueError) -> BadAnswer:
	return BadAnswer(_("{0} cannot be used: {1}").format(name, error))
