"""Entries in the history of records that are written by SQL, many at once; `doc.save()` writes its own."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import frappe

from msp_licensing import clock

# A column, what was in it, and what is in it now.
Change = tuple[str, Any, Any]


def record(doctype: str, changes: Mapping[str, Sequence[Change]]) -> None:
	"""Writes one Version per record in a single statement; the caller commits.

	Args:
		changes: what changed, by the record's name.
	"""
	if not changes:
		return
	now, user = clock.site_now(), frappe.session.user
	frappe.db.bulk_insert(
		"Version",
		["name", "creation", "modified", "owner", "modified_by", "ref_doctype", "docname", "data"],
		[
			(frappe.generate_hash(length=10), now, now, user, user, doctype, name, _data(changed))
			for name, changed in changes.items()
		],
	)


def _data(changed: Sequence[Change]) -> str:
	return json.dumps({"added": [], "changed": list(changed), "removed": [], "row_changed": []}, default=str)
