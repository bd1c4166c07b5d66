"""What Frappe leaves open to every signed-in user, closed for portal users; and pages that no cache keeps.

Two whitelisted functions of Frappe v15 ask for no permission. `frappe.client.get_count` counts the records of any
DocType by any filter, so that a partner cost can be found by a few dozen guesses. `dashboard_chart.get` returns sums of
any field of any DocType for a chart that the caller describes itself. Both are replaced by hooks.py.
"""

from typing import Any

import frappe
from frappe import _

from msp_licensing.permissions import is_website_user

MODULE = "MSP Licensing"


@frappe.whitelist()
def get_count(doctype: str, filters: Any = None, debug: bool = False, cache: bool = False) -> int:
	"""`frappe.client.get_count`, for DocTypes of this app with the right to read them.

	Raises:
		frappe.PermissionError: the user may not read records of `doctype`.
	"""
	from frappe.client import get_count as count

	if frappe.db.get_value("DocType", doctype, "module") == MODULE:
		frappe.has_permission(doctype, "read", throw=True)
	return count(doctype, filters, debug, cache)


@frappe.whitelist()
def get_chart(
	chart_name: Any = None,
	chart: Any = None,
	no_cache: Any = None,
	filters: Any = None,
	from_date: Any = None,
	to_date: Any = None,
	timespan: Any = None,
	time_interval: Any = None,
	heatmap_year: Any = None,
	refresh: Any = None,
) -> Any:
	"""`frappe.desk.doctype.dashboard_chart.dashboard_chart.get`, for users of the desk.

	Raises:
		frappe.PermissionError: a portal user, who has no dashboards.
	"""
	from frappe.desk.doctype.dashboard_chart import dashboard_chart

	if is_website_user(frappe.session.user):
		frappe.throw(_("Only users of the desk can do this."), frappe.PermissionError)
	return dashboard_chart.get(
		chart_name=chart_name,
		chart=chart,
		no_cache=no_cache,
		filters=filters,
		from_date=from_date,
		to_date=to_date,
		timespan=timespan,
		time_interval=time_interval,
		heatmap_year=heatmap_year,
		refresh=refresh,
	)


PRIVATE = ("/licensing", "/api/method/msp_licensing.portal.")


def keep_private(response: Any = None, request: Any = None) -> None:
	"""Hook after every request: no browser and no proxy keeps what a client reads, not even for "back" after logout."""
	if response is not None and request is not None and request.path.startswith(PRIVATE):
		response.headers["Cache-Control"] = "no-store, private"
