"""The portal over HTTP: the page, its cache and token, what REST gives portal users, and how errors look."""

import json
import re

import pytest

from msp_licensing.frappe_version import desk_path
from msp_licensing.sandbox import storybook

API = "/api/method/msp_licensing.portal.api."


@pytest.fixture(autouse=True)
def fresh_counters(site) -> None:
	for key in site.cache.keys(site.cache.make_key("msp_licensing:portal:*")):
		site.cache.delete(key)


def words(answer) -> str:
	return " ".join(
		json.loads(message)["message"] for message in json.loads(answer.json()["_server_messages"])
	)


# --------------------------------------------------------------------------------------------- the page


def test_a_guest_is_sent_to_sign_in(visit):
	answer = visit().page()
	assert answer.status_code in (301, 302, 303, 307) and "/login?redirect-to=" in answer.headers["Location"]
	assert "Keeper" not in answer.text


def test_the_page_shows_the_clients_subscriptions_in_the_sites_theme(visit, people):
	answer = visit(people.requester).page()
	assert answer.status_code == 200
	assert "Keeper Business" in answer.text and 'data-action="change"' in answer.text
	assert "<nav" in answer.text and 'id="licensing"' in answer.text


def test_one_clients_page_is_never_served_to_another(visit, people, site):
	"""The page cache is on, as on a real site: its key holds no user."""
	assert not site.conf.developer_mode and not site.conf.disable_website_cache
	first, second, again = (
		visit(user).page() for user in (people.requester, people.foreign_requester, people.requester)
	)
	assert "Keeper Business" in first.text and "Exclaimer" not in first.text
	assert "Exclaimer Pro" in second.text and "Keeper" not in second.text
	assert "Keeper Business" in again.text
	for answer in (first, second):
		assert "no-store" in answer.headers.get("Cache-Control", "")
		assert answer.headers.get("X-From-Cache") != "True"
	assert not site.cache.hget("website_page", "licensing")


def test_the_page_makes_a_token_and_mutations_ask_for_it(visit, people, site):
	visitor = visit(people.requester)
	assert len(visitor.token) > 20, "without a token in the session, Frappe checks nothing"
	arguments = {"subscription": storybook.CEDAR_KEEPER, "quantity": "12"}
	for token in ("", "wrong"):
		assert visitor.post(API + "request_change", arguments, token=token).status_code == 400
	site.db.rollback()
	assert not site.db.count("License Change Request")
	answer = visitor.post(API + "request_change", arguments)
	assert (
		answer.status_code == 200
		and answer.json()["message"]["message"] == "Your change is approved and will be applied."
	)


def test_a_session_that_opened_no_page_changes_nothing(visit, people, site):
	"""It has no token, and Frappe compares none then: a page elsewhere could send what it likes."""
	visitor = visit().sign_in(people.requester)
	arguments = {"subscription": storybook.CEDAR_KEEPER, "quantity": "12"}
	ways = [
		visitor.post(API + "request_change", arguments),
		visitor.post(API + "request_change", arguments, token="made-up"),
		visitor.http.post(API + "request_change", data=arguments),
		visitor.http.post(API.replace("/api/", "/api/v2/") + "request_change", json=arguments),
		visitor.http.post("/", data={"cmd": "msp_licensing.portal.api.request_change", **arguments}),
		visitor.http.post(
			"/api/method/frappe.client.insert", json={"doc": {"doctype": "License Change Request"}}
		),
		visitor.http.post(
			"/api/method/frappe.client.insert", data={"doc": '{"doctype": "License\\u0020Change Request"}'}
		),
		visitor.http.put("/api/resource/License Change Request/x", json={"workflow_state": "Approved"}),
	]
	for answer in ways:
		assert answer.status_code == 400, answer.text
		assert "Traceback" not in answer.text
		if "/api/" in str(answer.url):
			assert "no security token" in answer.text
	site.db.rollback()
	assert not site.db.count("License Change Request")
	assert visitor.http.get(API + "overview").status_code == 200, "reading needs none"
	visitor.page()
	assert visitor.post(API + "request_change", arguments).status_code == 200


def test_what_is_not_ours_goes_on_as_frappe_has_it(visit, people):
	visitor = visit().sign_in(people.requester)
	answer = visitor.http.post("/api/method/frappe.auth.get_logged_user")
	assert answer.json()["message"] == people.requester


def test_programs_sign_in_with_a_key_and_need_no_token(server, people, site):
	import httpx

	secret = site.generate_hash(length=15)
	user = site.get_doc("User", people.requester)
	user.api_key, user.api_secret = site.generate_hash(length=15), secret
	user.save(ignore_permissions=True)
	site.db.commit()
	headers = {"Authorization": f"token {user.api_key}:{secret}"}
	arguments = {"subscription": storybook.CEDAR_KEEPER, "quantity": "12"}
	answer = httpx.post(server + API + "request_change", json=arguments, headers=headers, timeout=60)
	assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("function", ["request_change", "withdraw", "check"])
def test_a_link_changes_nothing(visit, people, site, function):
	visitor = visit(people.requester)
	answer = visitor.http.get(
		API + function, params={"subscription": storybook.CEDAR_KEEPER, "quantity": "12", "request": "x"}
	)
	assert answer.status_code == 403
	site.db.rollback()
	assert not site.db.count("License Change Request")


def test_names_that_look_like_html_stay_text(visit, people, site):
	evil = '"><script>alert(1)</script><img src=x onerror=alert(2)>'
	site.db.set_value("Pax8 Subscription", storybook.CEDAR_KEEPER, {"product_name": evil, "vendor": evil})
	site.db.set_value("Pax8 Company", storybook.CEDAR_AND_PINE, "company_name", evil)
	site.db.commit()
	visitor = visit(people.requester)
	visitor.post(
		API + "request_change", {"subscription": storybook.CEDAR_KEEPER, "quantity": "99", "note": evil}
	)
	site.db.rollback()
	site.db.sql("update `tabLicense Change Request` set note = %s, product_name = %s", (evil, evil))
	site.db.commit()
	html = visitor.page().text + json.loads(visitor.http.get(API + "overview").text)["message"]["html"]
	assert html.count("&lt;script&gt;alert(1)") >= 4
	assert "<script>alert" not in html and "<img src=x" not in html


def test_the_clients_name_stays_text(visit, people, site, make_portal_user):
	from msp_licensing.setup import demo

	title = "Evil <script>alert(1)</script> Ltd"
	field = site.get_meta(demo.site_client_doctype()).get_title_field()
	if field == "name":
		field = "client_name"
	site.db.set_value(demo.site_client_doctype(), demo.CEDAR, field, title)
	site.db.commit()
	both = make_portal_user("both@consultant.example", demo.CEDAR, "Licensing Client")
	make_portal_user(both, demo.MUELLER, "Licensing Client")
	for user in (people.requester, both):
		text = visit(user).page().text
		assert "<script>alert" not in text
	key = f"{demo.site_client_doctype()}:{demo.CEDAR}"
	assert "<script>alert" not in visit(both).page("?client=" + key).text


def test_an_address_made_up_by_the_visitor_is_not_echoed_nor_obeyed(visit, people):
	evil = "MSP%20Client:%22%3E%3Cscript%3Ealert(1)%3C/script%3E"
	for query in (
		f"?client={evil}",
		"?client=MSP%20Client:M%C3%BCller%20%26%20S%C3%B6hne%20GmbH",
		"?client=",
	):
		answer = visit(people.requester).page(query)
		assert answer.status_code == 200 and "Keeper Business" in answer.text
		assert "<script>alert" not in answer.text and "Exclaimer" not in answer.text


def test_no_cost_is_in_the_page(visit, people, site):
	site.db.sql("update `tabPax8 Subscription` set price = 7321.19, partner_cost = 6113.37")
	site.db.sql(
		"update `tabPax8 Product Price` set partner_buy_rate = 5119.23, suggested_retail_price = 8123.71"
	)
	site.db.commit()
	visitor = visit(people.requester)
	text = re.sub(r"(?s)<svg.*?</svg>", "", visitor.page().text) + visitor.http.get(API + "overview").text
	for number in ("7321", "6113", "5119", "8123"):
		assert number not in text


def test_staff_are_told_that_the_page_is_for_clients(visit, people):
	answer = visit(people.manager).page()
	assert (
		answer.status_code == 403
		and "for your clients" in answer.text
		and desk_path("msp-licensing") in answer.text
	)


def test_a_user_without_a_client_is_told_what_to_do(visit, make_portal_user):
	user = make_portal_user("nobody@nowhere.example", None, "Licensing Viewer")
	answer = visit(user).page()
	assert answer.status_code == 200 and "ask your provider to give you access" in answer.text


def test_an_account_without_a_portal_role_reads_nothing(visit, site, make_portal_user):
	from msp_licensing.setup import demo

	user = make_portal_user("former@cedarpine.example", demo.CEDAR, "Licensing Viewer")
	site.db.delete("Has Role", {"parent": user})
	site.clear_cache(user=user)
	site.db.commit()
	answer = visit(user).page()
	assert answer.status_code == 403 and "no access" in answer.text and "Keeper" not in answer.text


def test_a_client_with_nothing_sees_an_empty_state(visit, people, site):
	site.db.sql("delete from `tabPax8 Subscription`")
	site.db.commit()
	text = visit(people.requester).page().text
	assert "There are no active subscriptions" in text and "No changes have been requested yet" in text


def test_the_search_box_comes_with_many_rows_only(visit, people):
	assert "data-search-box>" in visit(people.requester).page().text
	assert "data-search-box>" not in visit(people.foreign_requester).page().text


# --------------------------------------------------------------------------------------------- errors


def test_errors_have_a_fitting_status_words_and_no_traceback(visit, people, site, monkeypatch):
	from msp_licensing.portal import throttle

	assert site.get_system_settings("allow_error_traceback"), "else this test shows nothing"
	requester, reader = visit(people.requester), visit(people.reader)
	keeper = {"subscription": storybook.CEDAR_KEEPER, "quantity": "12"}
	foreign = {"subscription": storybook.MUELLER_ESET, "quantity": "31"}
	answers = [
		(403, reader.post(API + "request_change", keeper)),
		(404, requester.post(API + "request_change", foreign)),
		(404, requester.post(API + "withdraw", {"request": "LCR-1999-00001"})),
		(417, requester.post(API + "request_change", {**keeper, "quantity": "10"})),
		(417, requester.post(API + "request_change", {**keeper, "quantity": "ten"})),
	]
	monkeypatch.setitem(throttle.LIMITS, "check", (0, 60))
	answers.append((429, requester.post(API + "check", keeper)))
	for status, answer in answers:
		assert answer.status_code == status, answer.text
		assert words(answer), answer.text
		assert "Traceback" not in answer.text and "exc" not in answer.json(), answer.text


def test_staff_still_count_and_chart(visit, people, site):
	"""Frappe's functions that are closed to portal users go on working where they belong."""
	visitor = visit(people.manager)
	answer = visitor.http.get("/api/method/frappe.client.get_count", params={"doctype": "Pax8 Subscription"})
	assert answer.json()["message"] == site.db.count("Pax8 Subscription")
	chart = {
		"chart_type": "Count",
		"document_type": "Pax8 Subscription",
		"based_on": "creation",
		"timespan": "Last Month",
		"time_interval": "Weekly",
		"filters_json": "[]",
	}
	path = "/api/method/frappe.desk.doctype.dashboard_chart.dashboard_chart.get"
	answer = visitor.http.get(path, params={"chart": json.dumps(chart), "no_cache": 1})
	assert answer.status_code == 200 and answer.json()["message"]["datasets"], answer.text[:500]
	visitor = visit(people.requester)
	answer = visitor.http.get("/api/method/frappe.client.get_count", params={"doctype": "ToDo"})
	assert answer.status_code == 403, "somebody who is here for the portal only counts nothing"


@pytest.mark.parametrize("who", ["requester", "reader"])
def test_tables_that_belong_to_no_screen_of_a_client_are_not_counted(
	visit, people, site, make_portal_user, who
):
	"""The markup, what staff were told, and all secrets' places could be guessed by counting."""
	visitor = visit(getattr(people, who))
	for table in ("Singles", "__Auth", "Version", "Email Queue", "DocField", "Has Role"):
		for path in ("frappe.client.get_count", "frappe.desk.listview.get_group_by_count"):
			answer = visitor.http.get(
				f"/api/method/{path}",
				params={"doctype": table, "filters": "{}", "current_filters": "[]", "field": "assigned_to"},
			)
			assert answer.status_code >= 400, (path, table, answer.text[:300])
	# Of what everybody has some of, only one's own is counted.
	visit(people.requester).post(
		API + "request_change", {"subscription": storybook.CEDAR_KEEPER, "quantity": "99"}
	)
	site.db.rollback()
	assert site.db.count("Notification Log", {"for_user": people.manager})
	also = make_portal_user(f"also-{who}@cedarpine.example", None, "Report Manager")
	site.get_doc("User", also).add_roles(*site.get_roles(getattr(people, who)))
	site.db.delete("Has Role", {"parent": also, "role": ("in", ("Licensing Manager", "System Manager"))})
	site.db.set_value("User", also, "user_type", "Website User")
	site.clear_cache(user=also)
	site.db.commit()
	answer = visit(also).http.get(
		"/api/method/frappe.client.get_count", params={"doctype": "Notification Log"}
	)
	assert answer.json()["message"] == site.db.count("Notification Log", {"for_user": also})


def test_guests_call_nothing(visit):
	visitor = visit()
	for function in ("request_change", "withdraw", "check", "status", "overview"):
		answer = visitor.post(
			API + function, {"subscription": storybook.CEDAR_KEEPER, "quantity": "12", "request": "x"}
		)
		assert answer.status_code in (401, 403), answer.text


# --------------------------------------------------------------------------------------------- everything else is closed


def names_of(site) -> dict[str, str]:
	"""Every DocType of the app, with the name of a record; for Cedar's own where it has one."""
	own = {
		"Pax8 Subscription": storybook.CEDAR_KEEPER,
		"Pax8 Company": storybook.CEDAR_AND_PINE,
		"Pax8 Product": storybook.KEEPER_BUSINESS,
	}
	names = {}
	for doctype in site.get_all("DocType", {"module": "MSP Licensing"}, pluck="name"):
		single = site.get_meta(doctype).issingle
		names[doctype] = (
			doctype if single else own.get(doctype) or site.db.get_value(doctype, {}, "name") or "x"
		)
	assert len(names) >= 10
	return names


@pytest.mark.parametrize("who", ["requester", "reader"])
def test_rest_gives_portal_users_nothing_of_the_apps_doctypes(visit, people, site, who):
	from urllib.parse import quote

	visitor = visit(getattr(people, who))
	# A request of the client's own, the record it comes closest to.
	visit(people.requester).post(
		API + "request_change", {"subscription": storybook.CEDAR_KEEPER, "quantity": "99"}
	)
	site.db.rollback()
	for doctype, name in names_of(site).items():
		kind, record = quote(doctype), quote(name)
		filters = json.dumps({"name": name})
		heatmap = json.dumps(
			{
				"chart_type": "Sum",
				"type": "Heatmap",
				"document_type": doctype,
				"based_on": "creation",
				"value_based_on": "idx",
				"filters_json": "[]",
			}
		)
		reads = [
			visitor.http.get(f"/api/resource/{kind}", params={"fields": '["*"]'}),
			visitor.http.get(f"/api/resource/{kind}/{record}"),
			visitor.http.get(f"/api/v2/document/{kind}/{record}"),
			visitor.http.get(f"/api/v2/document/{kind}"),
			*(
				visitor.http.get(f"/api/method/{method}", params=arguments)
				for method, arguments in (
					("frappe.client.get", {"doctype": doctype, "name": name}),
					("frappe.client.get_list", {"doctype": doctype, "fields": '["*"]'}),
					(
						"frappe.client.get_value",
						{"doctype": doctype, "fieldname": "name", "filters": filters},
					),
					("frappe.client.get_single_value", {"doctype": doctype, "field": "mode"}),
					("frappe.client.get_count", {"doctype": doctype}),
					("frappe.desk.reportview.get", {"doctype": doctype, "fields": '["*"]'}),
					("frappe.desk.reportview.get_count", {"doctype": doctype}),
					("frappe.desk.form.load.getdoc", {"doctype": doctype, "name": name}),
					("frappe.desk.search.search_link", {"doctype": doctype, "txt": ""}),
				)
			),
			visitor.http.get(
				"/api/method/frappe.desk.doctype.dashboard_chart.dashboard_chart.get",
				params={"chart": heatmap},
			),
			visitor.http.get("/", params={"cmd": "frappe.client.get_count", "doctype": doctype}),
			visitor.http.get(
				"/api/method/frappe.desk.listview.get_group_by_count",
				params={"doctype": doctype, "current_filters": "[]", "field": "assigned_to"},
			),
			visitor.http.get(
				"/api/method/frappe.utils.goal.get_monthly_goal_graph_data",
				params={
					"title": "x",
					"doctype": "User",
					"docname": getattr(people, who),
					"goal_value_field": "idx",
					"goal_total_field": "idx",
					"goal_history_field": "none",
					"goal_doctype": doctype,
					"goal_doctype_link": "idx",
					"goal_field": "name",
					"date_field": "creation",
					"aggregation": "count",
				},
			),
		]
		for answer in reads:
			assert _says_nothing(answer, doctype), (
				doctype,
				str(answer.url),
				answer.status_code,
				answer.text[:500],
			)
		writes = [
			visitor.post(f"/api/resource/{kind}", {"name": "new"}),
			visitor.http.put(
				f"/api/resource/{kind}/{record}",
				json={"show_to_client": 1, "workflow_state": "Approved"},
				headers={"X-Frappe-CSRF-Token": visitor.token},
			),
			visitor.http.delete(
				f"/api/resource/{kind}/{record}", headers={"X-Frappe-CSRF-Token": visitor.token}
			),
			visitor.post(
				"/api/method/frappe.client.set_value",
				{"doctype": doctype, "name": name, "fieldname": "status", "value": "x"},
			),
			visitor.post("/api/method/frappe.client.insert", {"doc": {"doctype": doctype, "name": "new"}}),
			visitor.post(
				"/api/method/frappe.model.workflow.apply_workflow",
				{"doc": json.dumps({"doctype": doctype, "name": name}), "action": "Approve"},
			),
		]
		for answer in writes:
			assert answer.status_code in (400, 403, 404, 405, 417, 500), (doctype, answer.text[:500])
			assert answer.status_code != 500 or "PermissionError" in answer.text, (
				doctype,
				str(answer.url),
				answer.text[:500],
			)
	site.db.rollback()
	assert site.db.get_value("License Change Request", {}, "workflow_state") == "Pending Approval"
	assert site.db.count("License Change Request") == 1


def _says_nothing(answer, doctype: str) -> bool:
	if answer.status_code in (400, 403, 404, 417):
		return "Keeper" not in answer.text and "partner_cost" not in answer.text
	if answer.status_code == 200:
		body = answer.json()
		said = body.get("message", body.get("data", body.get("docs", body.get("results"))))
		return not said or said == {"keys": [], "values": []}
	# Tables of other DocTypes cannot be listed without naming the parent.
	return "PermissionError" in answer.text or "Parent" in answer.text


@pytest.mark.parametrize("who", ["requester", "reader"])
def test_the_staff_screens_api_is_closed_to_portal_users(visit, people, who):
	"""Every whitelisted function of the app outside of the portal, whatever it takes."""
	import importlib
	import inspect
	import pkgutil

	import frappe

	import msp_licensing.desk

	for module in pkgutil.iter_modules(msp_licensing.desk.__path__, "msp_licensing.desk."):
		importlib.import_module(module.name)
	visitor = visit(getattr(people, who))
	functions = [
		function
		for function in frappe.whitelisted
		if function.__module__.startswith("msp_licensing.") and ".portal." not in function.__module__
	]
	assert len(functions) > 10
	samples = {str: "x", int: 1, bool: True, float: 1.0, dict: {}, list: []}
	for function in functions:
		arguments = {}
		for parameter in inspect.signature(function).parameters.values():
			kinds = getattr(parameter.annotation, "__args__", (parameter.annotation,))
			kind = next(
				(getattr(k, "__origin__", k) for k in kinds if getattr(k, "__origin__", k) in samples), str
			)
			arguments[parameter.name] = samples[kind]
		answer = visitor.post(f"/api/method/{function.__module__}.{function.__name__}", arguments)
		# The only one that is open to the world asks for a secret.
		refusal = 401 if function.__name__ == "receive" else 403
		assert answer.status_code == refusal, (function.__module__, function.__name__, answer.text[:300])


def test_the_page_lets_choose_between_now_and_the_end_of_the_term(visit, people):
	html = visit(people.foreign_requester).page().text
	choice = re.search(r'(?s)<fieldset class="lic-when" data-ask-when hidden>(.*?)</fieldset>', html).group(1)
	assert "<legend" in choice
	# One group of radio buttons, each in a label of its own: arrow keys go through them, and fingers find them.
	labels = re.findall(
		r'<label class="lic-option"><input type="radio" name="lic-timing" value="([^"]+)"', choice
	)
	assert labels == ["Now", "End of Term"]
