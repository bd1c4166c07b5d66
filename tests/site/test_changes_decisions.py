"""Staff decide: through the API, in bulk, over REST and by assignment, always by the same rules."""

import json

import pytest

from msp_licensing.sandbox import storybook

DT = "License Change Request"
OTHERS = (storybook.CEDAR_SOPHOS, storybook.CEDAR_BUSINESS_PREMIUM)


@pytest.fixture
def ask(site, people):
	def submit(subscription=storybook.CEDAR_KEEPER, wanted=40):
		from msp_licensing import permissions
		from msp_licensing.changes import requests

		doc = requests.submit(subscription, wanted, access=permissions.portal_access(people.requester))
		site.db.commit()
		return doc.name

	return submit


@pytest.fixture
def colleague(site, make_portal_user):
	"""A second licensing manager."""
	return make_portal_user("second@msp.example", None, "Licensing Manager")


def own_request(site, subscription=storybook.CEDAR_SOPHOS, wanted=90):
	return site.get_doc(
		{"doctype": DT, "subscription": subscription, "requested_quantity": wanted, "timing": "Now"}
	).insert()


def state(site, name):
	return site.db.get_value(DT, name, "workflow_state")


# --------------------------------------------------------------------------------------------- one


def test_approve_and_reject_by_the_api(site, people, ask, as_user):
	from msp_licensing.desk import requests as api

	first, second = ask(), ask(storybook.CEDAR_SOPHOS, 90)
	with as_user(people.manager):
		assert api.approve(first) == {"request": first, "state": "Approved"}
		assert api.reject(second, " Not now ") == {"request": second, "state": "Rejected"}
	assert site.db.get_value(DT, first, "decided_by") == people.manager
	assert site.db.get_value(DT, second, "reject_reason") == "Not now"
	from msp_licensing.changes.audit import events

	told = events.of([first, second])
	assert (told[first][-1].event, told[first][-1].user) == ("approved", people.manager)
	assert (told[second][-1].event, told[second][-1].detail) == ("rejected", "Not now")


def test_who_comes_second_is_told_who_was_first(site, people, colleague, ask, as_user):
	from msp_licensing.changes.requests import ChangeRefused
	from msp_licensing.desk import requests as api

	name = ask()
	with as_user(people.manager):
		api.approve(name)
	with as_user(colleague):
		for act in (api.approve, api.reject):
			with pytest.raises(ChangeRefused, match="already, decided by Maya"):
				act(name)


def test_the_administrators_own_conditions_in_the_workflow_hold_for_the_api(site, people, ask, as_user):
	from msp_licensing.changes.requests import ChangeRefused
	from msp_licensing.desk import requests as api

	name = ask()
	workflow = site.get_doc("Workflow", "License Change Approval")
	approve = next(row for row in workflow.transitions if row.action == "Approve")
	shipped, approve.condition = approve.condition, "doc.requested_quantity < 20"
	workflow.save()
	try:
		with as_user(people.manager), pytest.raises(ChangeRefused, match="Workflow"):
			api.approve(name)
	finally:
		approve.condition = shipped
		workflow.save()
		site.db.commit()


def test_nobody_approves_or_schedules_their_own_but_may_take_it_back(site, people, as_user):
	from msp_licensing.desk import requests as api

	with as_user(people.manager):
		doc = own_request(site)
		site.db.commit()
		for target in ("Approved", "Scheduled"):
			if target == "Scheduled":
				site.db.set_value(DT, doc.name, "timing", "End of Term")
			with pytest.raises(site.PermissionError, match="another Licensing Manager"):
				api.approve(doc.name)
			site.db.rollback()
		assert api.reject(doc.name)["state"] == "Rejected"


def test_a_failed_request_of_ones_own_is_retried_by_somebody_else(site, people, colleague, as_user):
	from frappe.model.workflow import apply_workflow

	from msp_licensing.changes import states

	with as_user(people.manager):
		doc = own_request(site)
	states.move(doc.name, "Failed", expect=("Pending Approval",))
	_provably_not_made(site, doc.name)
	with as_user(people.manager), pytest.raises(site.PermissionError, match="another Licensing Manager"):
		apply_workflow(site.get_doc(DT, doc.name), "Retry")
	site.db.rollback()


def _provably_not_made(site, name):
	if site.get_meta(DT).has_field("retryable"):
		site.db.set_value(DT, name, "retryable", 1)
	site.db.commit()


# --------------------------------------------------------------------------------------------- many


def test_each_of_many_has_its_own_result(site, people, ask, as_user):
	from frappe.utils.background_jobs import get_queue

	from msp_licensing.desk import requests as api

	good, decided = ask(), ask(storybook.CEDAR_SOPHOS, 90)
	with as_user(people.manager):
		mine = own_request(site, storybook.CEDAR_BUSINESS_PREMIUM, 30).name
		site.db.commit()
		api.reject(decided)
		site.db.commit()
		results = {
			row["request"]: row
			for row in api.decide_many([mine, decided, "LCR-1999-00001", good, good], "Approve")
		}
	site.db.rollback()  # what was decided is committed already
	assert list(results) == [mine, decided, "LCR-1999-00001", good]
	assert [row["ok"] for row in results.values()] == [False, False, False, True]
	assert "yourself" in results[mine]["message"] and "already" in results[decided]["message"]
	assert results[good]["state"] == "Approved" and results[good]["client"] == "Cedar & Pine Architects"
	assert results[decided]["product_name"], "a row that failed still says what it was about"
	assert (state(site, good), state(site, mine)) == ("Approved", "Pending Approval")
	assert [job.kwargs["kwargs"]["request"] for job in get_queue("short").jobs].count(good) == 1
	assert not site.local.message_log, "results are in the answer, not in a pile of dialogs"


def test_what_is_approved_is_what_was_seen(site, people, ask, as_user):
	"""10 → 40 was on the screen; 40 would now be a reduction."""
	from msp_licensing.changes.requests import ChangeRefused
	from msp_licensing.desk import requests as api

	name = ask()
	site.db.set_value("License Change Request", name, "current_quantity", 100)
	site.db.commit()
	with as_user(people.manager):
		(result,) = api.decide_many([name], "Approve", seen={name: 10})
		assert not result["ok"] and "from 10 to 100" in result["message"]
		with pytest.raises(ChangeRefused, match="from 10 to 100"):
			api.approve(name, seen_quantity=10)
		assert state(site, name) == "Pending Approval"
		assert api.approve(name, seen_quantity=100)["state"] == "Approved"


def test_many_are_rejected_with_one_reason(site, people, ask, as_user):
	from msp_licensing.desk import requests as api

	names = [ask(), ask(storybook.CEDAR_SOPHOS, 90)]
	with as_user(people.manager):
		results = api.decide_many(json.dumps(names), "Reject", "No budget")
	assert all(row["ok"] for row in results)
	assert {site.db.get_value(DT, name, "reject_reason") for name in names} == {"No budget"}


@pytest.mark.parametrize(
	("names", "action"),
	[
		([], "Approve"),
		("{}", "Approve"),
		([1], "Approve"),
		(["x"] * 3, "Apply"),
		([f"x{n}" for n in range(201)], "Reject"),
	],
)
def test_nonsense_is_refused_before_anything_is_decided(site, people, as_user, names, action):
	from msp_licensing.desk import requests as api

	with as_user(people.manager), pytest.raises(site.ValidationError):
		api.decide_many(names, action)


def test_a_fault_in_one_is_logged_and_the_others_are_decided(site, people, ask, as_user, monkeypatch):
	from msp_licensing.changes import decisions
	from msp_licensing.desk import requests as api

	first, second = ask(), ask(storybook.CEDAR_SOPHOS, 90)
	approve = decisions.approve

	def fail(name, *seen):
		if name == first:
			raise RuntimeError("zebra")
		return approve(name, *seen)

	monkeypatch.setattr(decisions, "approve", fail)
	with as_user(people.manager):
		results = api.decide_many([first, second], "Approve")
	assert [row["ok"] for row in results] == [False, True]
	assert "zebra" not in results[0]["message"] and site.db.exists("Error Log", {"reference_name": first})


# --------------------------------------------------------------------------------------------- REST


@pytest.fixture
def rest(site, server, people):
	"""rest(user): Frappe's REST API with that user's own key."""
	import httpx

	opened = []

	def client(user):
		secret = site.generate_hash(length=15)
		doc = site.get_doc("User", user)
		doc.api_key, doc.api_secret = doc.api_key or site.generate_hash(length=15), secret
		doc.save(ignore_permissions=True)
		site.db.commit()
		headers = {"Authorization": f"token {doc.api_key}:{secret}", "Accept": "application/json"}
		opened.append(httpx.Client(base_url=server, timeout=60, headers=headers))
		return opened[-1]

	yield client
	for one in opened:
		one.close()


def ways_to_approve(name, row):
	"""Every way that Frappe's own API has to change a document."""
	document = {**row, "doctype": DT, "name": name, "workflow_state": "Approved"}
	return {
		"put": ("PUT", f"/api/resource/{DT}/{name}", {"workflow_state": "Approved"}),
		"ours": ("POST", "/api/method/msp_licensing.desk.requests.approve", {"request": name}),
		"set_value": (
			"POST",
			"/api/method/frappe.client.set_value",
			{"doctype": DT, "name": name, "fieldname": "workflow_state", "value": "Approved"},
		),
		"save": ("POST", "/api/method/frappe.client.save", {"doc": json.dumps(document)}),
		"workflow": (
			"POST",
			"/api/method/frappe.model.workflow.apply_workflow",
			{"doc": json.dumps({"doctype": DT, "name": name}), "action": "Approve"},
		),
		"savedocs": (
			"POST",
			"/api/method/frappe.desk.form.save.savedocs",
			{"doc": json.dumps(document), "action": "Save"},
		),
		"bulk_update": (
			"POST",
			"/api/method/frappe.client.bulk_update",
			{"docs": json.dumps([{"doctype": DT, "docname": name, "workflow_state": "Approved"}])},
		),
		"submit": (
			"POST",
			"/api/method/run_doc_method",
			{"docs": json.dumps(document), "method": "submit"},
		),
	}


def row_of(site, name):
	return json.loads(site.as_json(site.get_doc(DT, name).as_dict()))


def test_no_way_through_rest_approves_ones_own_request_or_one_of_nobodys_business(
	site, people, rest, as_user, ask
):
	with as_user(people.manager):
		mine = own_request(site).name
		site.db.commit()
	theirs = ask()
	for user, name in ((people.manager, mine), (people.system_manager, theirs), (people.approver, theirs)):
		api = rest(user)
		for way, (method, path, arguments) in ways_to_approve(name, row_of(site, name)).items():
			answer = api.request(method, path, json=arguments)
			site.db.rollback()
			assert state(site, name) == "Pending Approval", (user, way)
			if way != "bulk_update":  # answers 200 with a list of what failed
				assert answer.status_code in (403, 404, 417), (user, way, answer.text[:300])


@pytest.mark.parametrize("way", ["put", "ours", "set_value", "save", "workflow", "savedocs"])
def test_every_way_through_rest_approves_what_may_be_approved(site, people, rest, ask, way):
	name = ask()
	method, path, arguments = ways_to_approve(name, row_of(site, name))[way]
	answer = rest(people.manager).request(method, path, json=arguments)
	assert answer.status_code == 200, answer.text[:500]
	site.db.rollback()
	assert site.db.get_value(DT, name, ["workflow_state", "decided_by"]) == ("Approved", people.manager)


def test_a_wish_is_not_changed_together_with_the_yes(site, people, rest, ask):
	name = ask()
	api = rest(people.manager)
	for values in ({"requested_quantity": 400}, {"docstatus": 1}, {"client_approved_by": people.manager}):
		answer = api.put(f"/api/resource/{DT}/{name}", json={"workflow_state": "Approved", **values})
		assert answer.status_code in (403, 417), (values, answer.text[:300])
		site.db.rollback()
		assert state(site, name) == "Pending Approval"


def test_a_rejection_through_rest_carries_its_reason(site, people, rest, ask):
	name = ask()
	answer = rest(people.manager).put(
		f"/api/resource/{DT}/{name}", json={"workflow_state": "Rejected", "reject_reason": "No budget"}
	)
	assert answer.status_code == 200
	site.db.rollback()
	assert site.db.get_value(DT, name, ["workflow_state", "reject_reason"]) == ("Rejected", "No budget")


# --------------------------------------------------------------------------------------------- delegation


def test_a_manager_hands_a_request_to_another_who_then_decides(site, people, colleague, ask, as_user):
	from frappe.desk.form import assign_to

	from msp_licensing.desk import requests as api

	name = ask()
	site.db.delete("ToDo", {"reference_name": name})
	with as_user(people.manager):
		assign_to.add({"doctype": DT, "name": name, "assign_to": [colleague], "description": "Please decide"})
	assert colleague in json.loads(site.db.get_value(DT, name, "_assign"))
	with as_user(colleague):
		assert site.get_list("ToDo", {"reference_name": name}), "the colleague sees the assignment"
		assert site.get_list("Workflow Action", {"reference_name": name}), "and what the role has to decide"
		assert api.approve(name)["state"] == "Approved"
	assert not site.db.count("ToDo", {"reference_name": name, "status": "Open"})


def test_an_assignment_gives_no_right_to_somebody_without_the_role(
	site, people, ask, as_user, make_portal_user
):
	from frappe.desk.form import assign_to

	from msp_licensing.desk import requests as api

	clerk = make_portal_user("clerk@msp.example", None, "Report Manager")
	name = ask()
	with as_user(people.manager), pytest.raises(site.PermissionError):
		assign_to.add({"doctype": DT, "name": name, "assign_to": [clerk]})
	site.db.rollback()
	assert not site.db.exists("DocShare", {"share_name": name})
	with as_user(clerk), pytest.raises(site.PermissionError):
		api.approve(name)
