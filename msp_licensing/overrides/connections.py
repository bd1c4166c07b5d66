"""The numbers on the connections of a form: of the app's records, those that the user may see."""

from typing import Any

import frappe

from msp_licensing import staff_guard
from msp_licensing.permissions import is_restricted


@frappe.whitelist()
def get_open_count(doctype: str, name: str, items: Any = None) -> dict[str, Any]:
	"""`frappe.desk.notifications.get_open_count`, the numbers on the connections of a form.

	Raises:
		frappe.PermissionError: the user may not read the document.
	"""
	from frappe.desk import notifications

	found = notifications.get_open_count(doctype, name, items)
	if not is_restricted() or not isinstance(found.get("count"), dict):
		return found
	links = frappe.get_meta(doctype).get_dashboard_data()
	for row in found["count"].get("external_links_found") or ():
		if not staff_guard.is_own(row["doctype"]):
			continue
		field = links.get("non_standard_fieldnames", {}).get(row["doctype"], links.get("fieldname"))
		filters = {
			field: name,
			**(notifications.get_dynamic_link_filters(row["doctype"], links, field) or {}),
		}
		may_read = frappe.has_permission(row["doctype"], "read")
		row.update(count=staff_guard.count(row["doctype"], filters) if may_read else 0, open_count=0)
	return found
