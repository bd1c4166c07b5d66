"""Somebody who is here for the portal only may call a short list of functions, and nothing besides."""

import json

import pytest

METHOD = "/api/method/"


def calls(http, headers):
	"""Ways to Frappe that a client has no use for."""
	todo = {"doctype": "ToDo", "description": "x"}
	yield from (
		http.get(METHOD + "frappe.client.get_list", params={"doctype": "ToDo"}),
		http.get("/api/v2/method/frappe.client.get_list", params={"doctype": "ToDo"}),
		http.get("/api/v1/method/frappe.client.get_list", params={"doctype": "ToDo"}),
		http.get("/", params={"cmd": "frappe.client.get_list", "doctype": "ToDo"}),
		http.get("/licensing", params={"cmd": "frappe.client.get_list", "doctype": "ToDo"}),
		http.post("/", data={"cmd": "frappe.client.get_list", "doctype": "ToDo"}, headers=headers),
		http.get("/api/resource/ToDo"),
		http.get("/api/resource/Notification Log", params={"fields": '["*"]'}),
		http.post("/api/resource/ToDo", json=todo, headers=headers),
		http.get("/api/v2/document/ToDo"),
		http.get("/api/v2/doctype/ToDo/meta"),
		http.get("/api/v2/doctype/ToDo/count"),
		http.get(METHOD + "run_doc_method", params={"dt": "User", "dn": "x", "method": "y"}),
		http.post("/api/v2/method/run_doc_method", json={"document": todo, "method": "y"}, headers=headers),
		http.post(METHOD + "frappe.client.insert", json={"doc": todo}, headers=headers),
		http.get(METHOD + "frappe.utils.print_format.download_pdf", params={"doctype": "ToDo", "name": "x"}),
		http.get("/printview", params={"doctype": "ToDo", "name": "x"}),
		http.get("/app/todo"),
		http.get("/backups/x.sql.gz"),
		http.get(METHOD + "frappe.desk.search.search_link", params={"doctype": "User", "txt": ""}),
		http.get(METHOD + "frappe.realtime.can_subscribe_doc", params={"doctype": "ToDo", "docname": "x"}),
		http.get(METHOD + "frappe.no.such_function"),
		http.get(METHOD + "frappe.www.list.get_list_data", params={"doctype": "Notification Log"}),
	)


@pytest.mark.parametrize("who", ["requester", "reader", "approver"])
def test_nothing_but_the_list_can_be_called(visit, people, who):
	visitor = visit(getattr(people, who))
	for answer in calls(visitor.http, {"X-Frappe-CSRF-Token": visitor.token}):
		assert answer.status_code == 403, (str(answer.url), answer.status_code, answer.text[:300])
		if "/api/" in str(answer.url):  # a page says it in Frappe's words
			assert "Your account opens the licensing portal only." in answer.text, str(answer.url)


def test_what_the_portal_and_the_pages_need_goes_on_working(visit, people, site):
	visitor = visit(people.requester)
	http, headers = visitor.http, {"X-Frappe-CSRF-Token": visitor.token}
	for path in ("/licensing", "/me", "/contact", "/about", "/update-password", "/update-profile"):
		assert http.get(path, follow_redirects=True).status_code in (200, 404), path
	assert http.get(METHOD + "msp_licensing.portal.api.overview").status_code == 200
	assert http.get(METHOD + "frappe.auth.get_logged_user").json()["message"] == people.requester
	assert http.get(METHOD + "frappe.translate.get_all_languages").status_code == 200
	assert http.get(METHOD + "ping").json()["message"] == "pong"
	answer = http.post(
		METHOD + "frappe.core.doctype.user.user.update_password",
		json={"new_password": "A new one: 7fK2m", "old_password": "wrong"},
		headers=headers,
	)
	assert answer.status_code != 403
	answer = http.post(METHOD + "upload_file", files={"file": ("me.txt", b"hello")}, headers=headers)
	assert answer.status_code == 200, answer.text
	site.db.rollback()
	mine = site.get_last_doc("File", {"owner": people.requester})
	assert http.get(METHOD + "download_file", params={"file_url": mine.file_url}).content == b"hello"
	mine.delete()
	site.db.commit()
	assert http.post(METHOD + "logout", headers=headers).status_code == 200
	assert http.get("/licensing").status_code in (301, 302, 303, 307)


def test_an_api_key_is_held_to_the_same_list(server, people, site):
	import httpx

	user = site.get_doc("User", people.requester)
	user.api_key, user.api_secret = "key-of-a-client", "secret-of-a-client"
	user.save()
	site.db.commit()
	try:
		http = httpx.Client(
			base_url=server, headers={"Authorization": "token key-of-a-client:secret-of-a-client"}, timeout=60
		)
		assert http.get(METHOD + "frappe.auth.get_logged_user").json()["message"] == people.requester
		assert http.get("/api/resource/ToDo").status_code == 403
	finally:
		user.reload()
		user.db_set({"api_key": None, "api_secret": None})
		site.db.commit()


def test_a_site_adds_functions_of_its_own(visit, people, monkeypatch):
	from msp_licensing.doors import allowed

	visitor = visit(people.requester)
	function = "frappe.geo.country_info.get_country_timezone_info"
	assert visitor.http.get(METHOD + function).status_code == 403
	monkeypatch.setattr(allowed, "FUNCTIONS", allowed.FUNCTIONS | {function})
	assert visitor.http.get(METHOD + function).status_code == 200


def test_the_hook_of_a_site_is_read(site, monkeypatch):
	from msp_licensing.doors import allowed

	before = site.get_hooks

	def hooks(hook=None, *arguments, **others):
		return ["their.own.function"] if hook == allowed.HOOK else before(hook, *arguments, **others)

	monkeypatch.setattr(site, "get_hooks", hooks)
	assert allowed.function("their.own.function", {}) and not allowed.function("another.function", {})


def test_who_has_more_than_our_roles_is_not_held_to_the_list(visit, people, site):
	from msp_licensing.doors import gate

	user = site.get_doc("User", people.reader)
	assert gate.is_portal_only(user.name)
	site.get_doc({"doctype": "Role", "role_name": "Visitor of a Site", "desk_access": 0}).insert(
		ignore_if_duplicate=True
	)
	user.append("roles", {"role": "Visitor of a Site"})
	user.save()
	site.db.commit()
	try:
		assert not gate.is_portal_only(user.name)
		visitor = visit(user.name)
		assert visitor.http.get("/api/resource/ToDo").json()["data"] == []
		# Even so, the app's records are named by nobody who may not read them.
		answer = visitor.http.get(
			METHOD + "frappe.desk.form.load.get_docinfo",
			params={"doctype": "Pax8 Subscription", "name": "x"},
		)
		assert answer.status_code == 403
	finally:
		site.db.rollback()
		user.reload()
		user.roles = [row for row in user.roles if row.role not in ("Visitor of a Site", "Customer")]
		user.save()
		site.db.commit()


def test_guests_and_staff_are_not_held_to_the_list(visit, people, site):
	from msp_licensing.doors import gate

	for user in ("Guest", "Administrator", people.manager, people.system_manager):
		assert not gate.is_portal_only(user)
	assert visit(people.manager).http.get("/api/resource/ToDo").status_code == 200


def test_a_name_is_found_however_it_is_written(site):
	from msp_licensing.doors import asked

	for values in (
		{"doctype": "Pax8 Subscription"},
		{"doctype": " pax8 subscription "},
		{"filters": '[["Pax8 Subscription", "name", "=", "x"]]'},
		{"chart": json.dumps({"filters_json": json.dumps([["Pax8 Subscription", "x"]])})},
		{"fields": "`tabPax8 Subscription`.price"},
		{"chart": '{"document_type": "Pax8\\u0020Subscription"}'},
		{"chart": '{"document_type": "Pax8 Subscription", "x": "' + "x" * 1_000_001 + '"}'},
		{"doc": '{"doctype": "Pax8 Subscription"}'},
		{"docs": '[{"doctype": "Pax8 Subscription"}]'},
	):
		assert asked.named_doctypes(values) == {"Pax8 Subscription"}, values
	for values in (
		{"subject": "Pax8 Subscription"},
		{"doc": '{"doctype": "Contact", "links": [{"link_doctype": "MSP Client"}]}'},
		{"x": None, "y": 3},
	):
		assert not asked.named_doctypes(values), values


def test_a_function_is_known_however_it_is_decorated(site, monkeypatch):
	"""A decorator without `functools.wraps` hides a function's name; an alias of a function is no other function."""
	import frappe.desk.like

	from msp_licensing.doors import asked

	path = "frappe.desk.like.toggle_like"
	assert asked._resolve(path) == path
	assert asked._resolve("upload_file") == "frappe.handler.upload_file"
	real = frappe.desk.like.toggle_like

	def wrapper_fn(*args, **kwargs):
		return real(*args, **kwargs)

	monkeypatch.setattr(frappe.desk.like, "toggle_like", wrapper_fn)
	monkeypatch.setattr(site.handler, "of_another_module", wrapper_fn, raising=False)
	asked._hidden_names.cache_clear()
	try:
		assert asked._resolve(path) == path
		assert asked._resolve("frappe.handler.of_another_module") == path
	finally:
		monkeypatch.undo()
		asked._hidden_names.cache_clear()


def test_what_a_signed_in_person_is_shown_is_kept_in_no_cache_of_pages(site, visit, people):
	from frappe.website.utils import clear_cache

	client, guest = visit(people.requester).http, visit().http
	clear_cache("about")
	seen = [http.get("/about").headers["X-From-Cache"] for http in (client, client, guest, guest)]
	assert seen == ["False", "False", "False", "True"]
