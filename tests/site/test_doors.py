# ruff: noqa: F811 (fixtures that are imported are arguments, too)
"""Each door of the table: open without its entry, closed with it."""

import json
import re

import pytest
from asking import ask
from door_people import clerk, foreign, quiet, visitor_of_site  # noqa: F401
from visitor import Visitor

from msp_licensing.frappe_version import MAJOR, NO_OBJECTION
from msp_licensing.sandbox import storybook

REQUEST = "License Change Request"
NEEDLE = "Needle in a bell"


@pytest.fixture
def without(monkeypatch):
	"""`without(function)`: takes an entry out of the table, and the question for names of DocTypes with it."""
	from msp_licensing.doors import gate, table

	def take(function):
		monkeypatch.setattr(gate, "_check_named", lambda called: None)
		monkeypatch.delitem(table.CHECKED, function)

	return take


def by(check):
	from msp_licensing.doors import table

	return sorted(function for function, door in table.CHECKED.items() if door.by in check)


def arguments_for(function, name):
	"""What each function calls the record that it is about."""
	user = "Guest"
	asked = {
		"reference_doctype": REQUEST,
		"reference_name": name,
		"doctype": REQUEST,
		"dt": REQUEST,
		"name": name,
		"docname": name,
		"doc_name": name,
		"dn": name,
		"document": name,
		"docs": json.dumps([name]),
		"names": json.dumps([name]),
		"docnames": json.dumps([name]),
		"user": user,
		"tag": "x",
		"tags": '["x"]',
		"add": "Yes",
		"following": 1,
		"assign_to": '["Guest"]',
		"comment": "x",
		"comment_email": "somebody@else.example",
		"comment_by": "Somebody Else",
		"route": "",
		"reply": "x",
		"title": "x",
		"like": "1",
		"content": "x",
		"action": "Approve",
		"attachments": "[]",
		"filename": "x.txt",
		"filedata": "eA==",
	}
	if function.endswith("document_follow.update_follow"):
		return {"doctype": REQUEST, "doc_name": name, "following": 1}
	return asked


@pytest.mark.parametrize("who", ["clerk", "visitor_of_site"])
def test_what_is_about_a_record_asks_for_the_right_to_it(site, foreign, quiet, without, request, who):
	user = request.getfixturevalue(who)
	for function in by(("reference", "mail", "web_comment", "web_like", "discussion", "upload")):
		closed = ask(site, user, function, arguments_for(function, foreign))
		site.db.rollback()
		assert closed.gate and closed.status == 403, (function, closed.text[:300])
		without(function)
		opened = ask(site, user, function, arguments_for(function, foreign))
		site.db.rollback()
		assert not opened.gate, f"{function}: without the entry, the gate is open"


def test_the_entries_do_what_the_names_of_doctypes_do_not(site, foreign, quiet, without, clerk, monkeypatch):
	"""By the table alone, with the question for names of DocTypes taken away."""
	from msp_licensing.doors import gate

	monkeypatch.setattr(gate, "_check_named", lambda called: None)
	for function in by(("reference", "mail", "web_comment", "web_like", "discussion", "upload")):
		answer = ask(site, clerk, function, arguments_for(function, foreign))
		assert answer.gate and answer.status == 403, (function, answer.text[:300])


def test_a_name_that_is_not_there_is_answered_like_one_that_is(site, foreign, quiet, clerk):
	for function in by(("reference", "web_comment", "web_like", "discussion")):
		there = ask(site, clerk, function, arguments_for(function, foreign))
		missing = ask(site, clerk, function, arguments_for(function, "LCR-1999-00001"))
		said = [re.sub(r"[0-9a-f]{40,}", "", answer.text) for answer in (there, missing)]
		assert there.status == missing.status and said[0] == said[1], function


@pytest.mark.parametrize("doctype", [REQUEST, "Pax8 Settings", "MSP Client", "User", "Contact"])
def test_guests_cannot_tell_names_that_are_there_from_others(site, foreign, quiet, doctype):
	there = (
		site.get_all(doctype, pluck="name", limit_page_length=1)
		if doctype not in ("Pax8 Settings",)
		else [doctype]
	)
	for function in (
		"frappe.templates.includes.likes.likes.like",
		"frappe.templates.includes.comments.comments.add_comment",
		"frappe.website.doctype.web_form.web_form.get_form_data",
		"frappe.www.list.get_list_data",
		"frappe.utils.print_format.download_pdf",
	):
		if doctype in ("User", "Contact") and "comments" not in function and "likes" not in function:
			continue  # not the app's, and no function for records
		answers = set()
		for name in (*there, "nothing of this name"):
			arguments = {**arguments_for(function, name), "doctype": doctype, "reference_doctype": doctype}
			answers.add(ask(site, "Guest", function, arguments).status)
			site.db.rollback()
		assert len(answers) == 1, (function, doctype, answers)


def test_people_who_may_read_it_are_not_kept_from_it(site, foreign, quiet, people):
	for function in ("frappe.desk.like.toggle_like", "frappe.desk.doctype.tag.tag.add_tag"):
		answer = ask(site, people.manager, function, {**arguments_for(function, foreign), "add": "Yes"})
		assert answer.status == 200, (function, answer.text[:300])
	site.db.rollback()


# ------------------------------------------------------------------------------------ functions that are replaced


def chart(**values):
	return {
		"chart_type": "Sum",
		"type": "Heatmap",
		"document_type": "Pax8 Subscription",
		"value_based_on": "partner_cost",
		"based_on": "creation",
		"heatmap_year": "2026",
		"timespan": "Last Year",
		"time_interval": "Daily",
		"filters_json": "[]",
		**values,
	}


CHART = "frappe.desk.doctype.dashboard_chart.dashboard_chart.get"


@pytest.mark.parametrize(
	"question",
	[
		chart(),
		chart(type="Line"),
		chart(chart_type="Average", type="Bar"),
		chart(
			chart_type="Group By",
			group_by_type="Sum",
			group_by_based_on="client",
			aggregate_function_based_on="partner_cost",
		),
		chart(
			chart_type="Count", type="Heatmap", filters_json='[["Pax8 Subscription", "partner_cost", ">", 1]]'
		),
		chart(
			document_type="Pax8 Product Price",
			value_based_on="partner_buy_rate",
			parent_document_type="Pax8 Product",
		),
	],
)
def test_charts_of_the_apps_records_are_for_those_who_read_them(
	site, people, clerk, visitor_of_site, as_user, question
):
	from frappe.desk.doctype.dashboard_chart import dashboard_chart

	year = site.utils.now_datetime().year
	question["heatmap_year"] = str(year)
	site.db.sql("update `tabPax8 Subscription` set partner_cost = 7654321")
	for user in (clerk, visitor_of_site):
		answer = ask(site, user, CHART, {"chart": json.dumps(question), "no_cache": 1})
		assert answer.status == 403 and "7654321" not in answer.text
	# From 16 on, Frappe's own function makes no heatmap any more: its field is a function in a text.
	if question["type"] == "Heatmap" and question["chart_type"] == "Sum" and MAJOR < 16:
		with as_user(clerk):
			told = dashboard_chart.get_heatmap_chart_config(site._dict(question), [], str(year))
		assert any(told["dataPoints"].values()), "Frappe's own function tells it"
	site.db.rollback()


def test_a_stored_chart_is_no_way_around(site, people, clerk):
	name = site.get_all("Dashboard Chart", {"document_type": ("like", "%License%")}, pluck="name")[0]
	assert ask(site, clerk, CHART, {"chart_name": name}).status == 403
	assert ask(site, people.manager, CHART, {"chart_name": name}).status == 200


@pytest.mark.parametrize(
	"path",
	[
		"frappe.desk.doctype.dashboard_chart.dashboard_chart.frappe.client.get_count",
		"frappe.desk.form.load.frappe.client.get_count",
	],
)
def test_a_function_that_is_replaced_has_one_path(site, people, path):
	assert ask(site, people.manager, path, {"doctype": "ToDo"}).status in (403, 417, 500)


def test_the_original_is_not_reached_through_a_module_that_imports_it(site, people, monkeypatch):
	import frappe.client
	import frappe.desk.like

	monkeypatch.setattr(frappe.desk.like, "get_count", frappe.client.get_count, raising=False)
	answer = ask(site, people.manager, "frappe.desk.like.get_count", {"doctype": "ToDo"})
	assert answer.gate and answer.status == 403


@pytest.fixture
def bell_of_manager(site, people, foreign):
	[name] = site.get_all("Notification Log", {"for_user": people.manager}, pluck="name", limit_page_length=1)
	site.db.set_value("Notification Log", name, "subject", NEEDLE)
	site.db.commit()
	return name


STATES = "frappe.workflow.doctype.workflow.workflow.get_workflow_state_count"


def test_states_are_counted_of_what_one_may_read(site, people, clerk, visitor_of_site, bell_of_manager):
	from frappe.workflow.doctype.workflow import workflow

	question = {"doctype": "Notification Log", "workflow_state_field": "subject", "states": "[]"}
	for user in (clerk, visitor_of_site, people.requester):
		answer = ask(site, user, STATES, question)
		assert NEEDLE not in answer.text
		site.set_user(user)
		assert NEEDLE in str(workflow.get_workflow_state_count(**question)), "Frappe's own"
		site.set_user("Administrator")
	assert NEEDLE in ask(site, people.manager, STATES, question).text
	for doctype, column in (
		("ToDo", "description"),
		("Contact", "email_id"),
		("File", "file_url"),
		("Tag Link", "document_name"),
	):
		answer = ask(
			site,
			visitor_of_site,
			STATES,
			{"doctype": doctype, "workflow_state_field": column, "states": "[]"},
		)
		assert answer.status == 403, doctype


def test_the_states_of_requests_are_still_counted_for_managers(site, people, foreign):
	question = {"doctype": REQUEST, "workflow_state_field": "workflow_state", "states": '["Applied"]'}
	answer = ask(site, people.manager, STATES, question)
	assert "Pending Approval" in answer.text and answer.status == 200, answer.text


def test_a_title_is_told_to_those_who_may_read_the_record(site, people, clerk, visitor_of_site):
	from frappe.desk.search import get_link_title

	question = {"doctype": "Pax8 Subscription", "docname": storybook.MUELLER_EXCLAIMER}
	for user in (clerk, visitor_of_site):
		answer = ask(site, user, "frappe.desk.search.get_link_title", question)
		assert answer.status == 200 and question["docname"] in answer.text and "Exclaimer" not in answer.text
		site.set_user(user)
		assert get_link_title(**question) == "Exclaimer Pro", "Frappe's own"
		site.set_user("Administrator")
	assert "Exclaimer Pro" in ask(site, people.manager, "frappe.desk.search.get_link_title", question).text


def test_costs_are_not_found_by_filters_sums_or_order(site, people, clerk):
	"""Somebody who may read subscriptions, and not their costs."""
	from frappe.permissions import add_permission

	add_permission("Pax8 Subscription", "Desk User")
	try:
		site.clear_cache(user=clerk)
		for function, question in (
			("frappe.client.get_list", {"fields": '["sum(partner_cost) as x"]'}),
			("frappe.client.get_list", {"fields": '["name"]', "order_by": "partner_cost desc"}),
			("frappe.client.get_list", {"filters": '[["partner_cost", ">", 5]]'}),
			("frappe.client.get_value", {"fieldname": '["price", "partner_cost"]', "filters": "{}"}),
			("frappe.client.get_count", {"filters": '[["Pax8 Subscription", "partner_cost", ">", 5]]'}),
			("frappe.desk.reportview.get", {"fields": '["`tabPax8 Subscription`.`partner_cost`"]'}),
			("frappe.desk.reportview.get_stats", {"stats": '["partner_cost"]'}),
			("frappe.desk.listview.get_group_by_count", {"current_filters": "[]", "field": "partner_cost"}),
			(
				"frappe.desk.doctype.number_card.number_card.get_result",
				{
					"doc": json.dumps(
						{
							"document_type": "Pax8 Subscription",
							"function": "Sum",
							"aggregate_function_based_on": "partner_cost",
						}
					),
					"filters": "[]",
				},
			),
			(CHART, {"chart": json.dumps(chart(type="Line"))}),
		):
			answer = ask(site, clerk, function, {"doctype": "Pax8 Subscription", **question})
			assert answer.status == 403, (function, question, answer.text[:300])
		assert ask(site, clerk, "frappe.client.get_list", {"doctype": "Pax8 Subscription"}).status == 200
	finally:
		site.db.delete("Custom DocPerm", {"parent": "Pax8 Subscription"})
		site.clear_cache(doctype="Pax8 Subscription")
		site.db.commit()


# ------------------------------------------------------------------------------------ bell entries


def ways_to_a_bell_entry(http, name, request, reader):
	filters = json.dumps({"document_name": request, "for_user": reader})
	yield from (
		http.get("/api/method/frappe.client.get", params={"doctype": "Notification Log", "filters": filters}),
		http.get("/api/method/frappe.client.get", params={"doctype": "Notification Log", "name": name}),
		http.get(
			"/api/method/frappe.client.get_value",
			params={"doctype": "Notification Log", "fieldname": "subject", "filters": filters},
		),
		http.get(
			"/api/method/frappe.client.get_list", params={"doctype": "Notification Log", "fields": '["*"]'}
		),
		http.get(f"/api/resource/Notification Log/{name}"),
		http.get(f"/api/v2/document/Notification Log/{name}"),
		http.get("/printview", params={"doctype": "Notification Log", "name": name}),
		http.get(
			"/api/method/frappe.desk.form.load.getdoc", params={"doctype": "Notification Log", "name": name}
		),
		http.get(
			"/api/method/frappe.desk.reportview.get",
			params={"doctype": "Notification Log", "fields": '["*"]'},
		),
	)


def test_a_bell_entry_is_read_by_nobody_but_its_reader(
	site, server, people, foreign, bell_of_manager, clerk, visitor_of_site, monkeypatch
):
	from frappe.utils.password import update_password

	from msp_licensing.doors import records
	from msp_licensing.setup.demo import PASSWORD

	for user in (clerk, visitor_of_site):
		update_password(user, PASSWORD)
	site.db.commit()
	for user in (clerk, visitor_of_site):
		http = Visitor(server).sign_in(user).http
		for answer in ways_to_a_bell_entry(http, bell_of_manager, foreign, people.manager):
			assert NEEDLE not in answer.text, str(answer.url)
	http = Visitor(server).sign_in(people.manager).http
	assert any(
		NEEDLE in answer.text
		for answer in ways_to_a_bell_entry(http, bell_of_manager, foreign, people.manager)
	)
	monkeypatch.setattr(records, "own_bell_entry", lambda *arguments, **options: NO_OBJECTION)
	http = Visitor(server).sign_in(visitor_of_site).http
	found = [
		answer
		for answer in ways_to_a_bell_entry(http, bell_of_manager, foreign, people.manager)
		if NEEDLE in answer.text
	]
	assert found, "without the entry, Frappe shows it"


def test_nobody_marks_the_bell_entries_of_others_as_read(site, people, clerk, bell_of_manager):
	function = "frappe.desk.doctype.notification_log.notification_log.mark_as_read"
	assert ask(site, clerk, function, {"docname": bell_of_manager}).status == 403
	assert ask(site, people.manager, function, {"docname": bell_of_manager}).status == 200
