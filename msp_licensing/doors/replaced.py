"""Functions of Frappe that are replaced (`table.REPLACED`): they ask for the right to what they tell of."""

from typing import Any

import frappe
from frappe import _
from frappe.utils import escape_html

from msp_licensing import staff_guard
from msp_licensing.doors import asked, gate, references
from msp_licensing.frappe_version import count_as
from msp_licensing.permissions import is_website_user


@frappe.whitelist()
def get_count(doctype: str, filters: Any = None, debug: bool = False, cache: bool = False) -> int:
	"""`frappe.client.get_count`, with the right to read what is counted.

	Raises:
		frappe.PermissionError: the user may not read records of `doctype`, or it is no DocType at all.
	"""
	from frappe.client import get_count as count

	_check_read(doctype)
	# Of what is there, a portal user may read a part, and so may staff with User Permissions: only that is counted.
	if is_website_user(frappe.session.user) or staff_guard.is_own(doctype):
		return staff_guard.count(doctype, filters)
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
	if field == "assigned_to" and staff_guard.is_own(doctype):
		return staff_guard.assigned(doctype, current_filters)
	return count(doctype, current_filters, field)


def _check_read(doctype: str) -> None:
	found = frappe.db.get_value("DocType", doctype, ["module", "istable"], as_dict=True)
	if not found:
		frappe.throw(_("There is no DocType {0}.").format(escape_html(doctype)), frappe.PermissionError)
	# Rights to a child table are those to its parents: Frappe's desk counts such rows, a portal has no reason to.
	if found.module == asked.MODULE or not found.istable or is_website_user(frappe.session.user):
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
	"""`frappe.desk.doctype.dashboard_chart.dashboard_chart.get`, for users of the desk who may read what is summed up.

	Raises:
		frappe.PermissionError: anybody else.
	"""
	from frappe.desk.doctype.dashboard_chart import dashboard_chart

	_check_desk_user()
	asked_for = (
		frappe.get_doc("Dashboard Chart", chart_name).as_dict() if chart_name else frappe.parse_json(chart)
	)
	_check_sums({**(asked_for or {}), "more": filters})
	if (asked_for or {}).get("type") == "Heatmap":
		staff_guard.refuse_sums(asked_for.get("document_type"))
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
	_check_sums(
		{"of": goal_doctype, "fields": [goal_field, date_field, goal_doctype_link], "filters": filters}
	)
	staff_guard.refuse_sums(goal_doctype)
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


def _check_sums(question: dict[str, Any]) -> None:
	"""Sums and counts of the app's records are for those who may read all that is in them."""
	for doctype in asked.named_doctypes(question, in_documents=True):
		if not gate.may_read(doctype) or gate.hidden_fields(doctype):
			frappe.throw(_("You may not read records of this kind."), frappe.PermissionError)
	if (doctype := question.get("document_type")) and frappe.db.exists("DocType", doctype):
		_check_read(doctype)


@frappe.whitelist()
def get_workflow_state_count(
	doctype: str, workflow_state_field: str, states: Any
) -> list[dict[str, Any]] | None:
	"""`frappe.workflow.doctype.workflow.workflow.get_workflow_state_count`, of the rows that the user may read.

	Raises:
		frappe.PermissionError: a portal user, or somebody who may not read the DocType or the field.
	"""
	_check_desk_user()
	frappe.has_permission(doctype, "read", throw=True)
	meta = frappe.get_meta(doctype)
	if workflow_state_field not in meta.get_valid_columns():
		return None
	field = meta.get_field(workflow_state_field)
	if not field or field.permlevel not in meta.get_permlevel_access("read"):
		frappe.throw(_("You may not read this field."), frappe.PermissionError)
	rows = frappe.get_list(
		doctype,
		fields=[workflow_state_field, count_as("count")],
		filters={workflow_state_field: ("not in", frappe.parse_json(states))},
		group_by=workflow_state_field,
		order_by=workflow_state_field,
	)
	return [row for row in rows if row[workflow_state_field]]


@frappe.whitelist()
def get_link_title(doctype: str, docname: str) -> str | None:
	"""`frappe.desk.search.get_link_title`; the name itself for who may not read one of the app's records."""
	from frappe.desk.search import get_link_title as title

	hidden = doctype in asked.own_doctypes() or is_website_user(frappe.session.user)
	if hidden and not references.may_read(doctype, docname):
		return docname
	return title(doctype, docname)
