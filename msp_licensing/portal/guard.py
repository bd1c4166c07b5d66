"""What Frappe leaves open to every signed-in user, closed for portal users; and pages that no cache keeps.

Some whitelisted functions of Frappe v15 ask for no permission. `frappe.client.get_count` counts the records of any
DocType, and the rows of any table, by any filter, so that a partner cost can be found by a few dozen guesses;
`listview.get_group_by_count` tells the same by counting to-dos. `dashboard_chart.get` and
`goal.get_monthly_goal_graph_data` return sums of any field of any DocType. All are replaced by hooks.py.
"""

from typing import Any

import frappe
from frappe import _

from msp_licensing.permissions import is_website_user

MODULE = "MSP Licensing"


@frappe.whitelist()
def get_count(doctype: str, filters: Any = None, debug: bool = False, cache: bool = False) -> int:
	"""`frappe.client.get_count`, with the right to read what is counted.

	Raises:
		frappe.PermissionError: the user may not read records of `doctype`, or it is no DocType at all.
	"""
	from frappe.client import get_count as count

	_check_read(doctype)
	if is_website_user(frappe.session.user):
		# Of what is there, a portal user may read a part: only that is counted.
		chosen = frappe.parse_json(filters) if isinstance(filters, str) else filters
		return frappe.get_list(doctype, filters=chosen, fields=["count(name) as count"])[0].count
	return count(doctype, filters, debug, cache)


@frappe.whitelist()
def get_group_by_count(doctype: str, current_filters: str, field: str) -> list[dict[str, Any]]:
	"""`frappe.desk.listview.get_group_by_count`, for users of the desk who may read what is counted.

	Raises:
		frappe.PermissionError: anybody else.
	"""
	from frappe.desk.listview import get_group_by_count as count

	_check_desk_user()
	_check_read(doctype)
	return count(doctype, current_filters, field)


def _check_read(doctype: str) -> None:
	found = frappe.db.get_value("DocType", doctype, ["module", "istable"], as_dict=True)
	if not found:
		frappe.throw(_("There is no DocType {0}.").format(doctype), frappe.PermissionError)
	# Rights to a child table are those to its parents: Frappe's desk counts such rows, a portal has no reason to.
	if found.module == MODULE or not found.istable or is_website_user(frappe.session.user):
		frappe.has_permission(doctype, "read", throw=True)


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

	_check_desk_user()
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


@frappe.whitelist()
def get_goals(
	title: str,
	doctype: str,
	docname: str,
	goal_value_field: str,
	goal_total_field: str,
	goal_history_field: str,
	goal_doctype: str,
	goal_doctype_link: str,
	goal_field: str,
	date_field: str,
	aggregation: str = "sum",
	filters: str | dict | None = None,
) -> dict[str, Any]:
	"""`frappe.utils.goal.get_monthly_goal_graph_data`, for users of the desk who may read what is summed up.

	Raises:
		frappe.PermissionError: anybody else.
	"""
	from frappe.utils.goal import get_monthly_goal_graph_data

	_check_desk_user()
	_check_read(goal_doctype)
	return get_monthly_goal_graph_data(
		title,
		doctype,
		docname,
		goal_value_field,
		goal_total_field,
		goal_history_field,
		goal_doctype,
		goal_doctype_link,
		goal_field,
		date_field,
		aggregation,
		filters,
	)


def _check_desk_user() -> None:
	if is_website_user(frappe.session.user):
		frappe.throw(_("Only users of the desk can do this."), frappe.PermissionError)


PRIVATE = ("/licensing", "/api/method/msp_licensing.portal.")


def keep_private(response: Any = None, request: Any = None) -> None:
	"""Hook after every request: no browser and no proxy keeps what a client reads, not even for "back" after logout."""
	if response is not None and request is not None and request.path.startswith(PRIVATE):
		response.headers["Cache-Control"] = "no-store, private"
