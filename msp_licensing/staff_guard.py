"""Where Frappe counts, sums up or finds records without asking which ones the user may see.

A right to read a DocType is all that these functions of Frappe look at. For the app's DocTypes that is not enough:
staff with User Permissions see some clients only (`restrictions`). `doors` does the same for portal users.
"""

from typing import Any

import frappe
from frappe import _

from msp_licensing.frappe_version import count_as
from msp_licensing.permissions import is_restricted

MODULE = "MSP Licensing"


def is_own(doctype: str | None) -> bool:
	"""Whether a DocType is one of the app's."""
	return bool(doctype) and frappe.db.get_value("DocType", doctype, "module", cache=True) == MODULE


def count(doctype: str, filters: Any) -> int:
	"""How many records there are that the user may see."""
	chosen = frappe.parse_json(filters) if isinstance(filters, str) else filters
	return frappe.get_list(doctype, filters=chosen, fields=[count_as("count")], order_by=None)[0].count


def assigned(doctype: str, filters: Any) -> list[dict[str, Any]]:
	"""How many of the records that the user may see are assigned to whom, as Frappe's list shows it beside itself."""
	seen = frappe.get_list(
		doctype,
		filters=frappe.parse_json(filters),
		fields=["name"],
		order_by=None,
		run=False,
	)
	return frappe.db.sql(  # nosemgrep: frappe-sql-format-injection - names come from this code, values are parameters
		f"""select t.allocated_to as name, count(*) as count from `tabToDo` t
		join `tabUser` u on t.allocated_to = u.name
		where t.status != 'Cancelled' and u.user_type = 'System User'
		and t.reference_type = {frappe.db.escape(doctype, percent=False)} and t.reference_name in ({seen})
		group by t.allocated_to order by count desc limit 50""",
		as_dict=True,
	)


def refuse_sums(doctype: str | None) -> None:
	"""For sums over all records of a DocType, which cannot be made of some of them.

	Raises:
		frappe.PermissionError: they are the app's, and the user may see some clients only.
	"""
	if is_own(doctype) and is_restricted():
		frappe.throw(
			_("These numbers are of all clients. Your User Permissions restrict you to some of them."),
			frappe.PermissionError,
		)


def only_seen(found: list[Any]) -> list[Any]:
	"""Of what the search of the whole site has found, what the user may see of the app's records."""
	if not is_restricted():
		return found
	names: dict[str, list[str]] = {}
	for row in found:
		if is_own(row.doctype):
			names.setdefault(row.doctype, []).append(row.name)
	seen = {
		(own, name)
		for own, wanted in names.items()
		for name in frappe.get_list(own, {"name": ("in", wanted)}, pluck="name")
	}
	return [row for row in found if row.doctype not in names or (row.doctype, row.name) in seen]
