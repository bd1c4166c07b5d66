"""The client's own approver: who is asked, who may answer, and that a yes is not the provider's."""

import pytest

from msp_licensing.sandbox import storybook

DT = "License Change Request"
KEEPER = storybook.CEDAR_KEEPER


@pytest.fixture(autouse=True)
def fresh_counters(site) -> None:
	for key in site.cache.keys(site.cache.make_key("msp_licensing:portal:*")):
		site.cache.delete(key)


@pytest.fixture
def asked_first(site, people):
	"""The client's approver is asked for every change."""
	setting(site, use_client_approval=1, client_approval_above=0)


def setting(site, **values):
	for field, value in values.items():
		site.db.set_single_value("Licensing Settings", field, value)
	site.clear_document_cache("Licensing Settings", "Licensing Settings")
	site.db.commit()


@pytest.fixture
def ask(site, people):
	def submit(wanted=15, user=None, subscription=KEEPER):
		from msp_licensing import permissions
		from msp_licensing.changes import requests

		doc = requests.submit(
			subscription, wanted, access=permissions.portal_access(user or people.requester)
		)
		site.db.commit()
		return doc

	return submit


@pytest.fixture
def answer(site, people, as_user):
	"""answer("approve" or "decline", request, user=…, …): as the portal's API is called."""
	from msp_licensing.portal import api

	def call(function, request, user=None, **arguments):
		with as_user(user or people.approver):
			told = site.call(getattr(api, function), request=request, **arguments)
		site.db.commit()
		return told

	return call


def trace(site, name):
	import json

	return [
		(step["rule"], step["verdict"]) for step in json.loads(site.db.get_value(DT, name, "decision_trace"))
	]


def told(site, name):
	return set(site.get_all("Notification Log", {"document_name": name}, pluck="for_user"))


def test_the_approver_is_asked_before_the_provider_knows(site, people, asked_first, ask):
	doc = ask(40)
	assert (doc.workflow_state, doc.decision_rule) == ("Pending Client Approval", "client_approval")
	assert told(site, doc.name) == {people.approver}
	assert trace(site, doc.name)[0] == ("client_approval", "Holds")
	assert doc.open_subscription == KEEPER and doc.expires_on
	assert not site.db.count("ToDo", {"reference_name": doc.name, "status": "Open"})


@pytest.mark.parametrize(
	("wanted", "state", "words"),
	[(15, "Approved", "will be applied"), (40, "Pending Approval", "waits for your provider")],
)
def test_after_a_yes_the_policy_decides(site, people, asked_first, ask, answer, wanted, state, words):
	from frappe.utils.background_jobs import get_queue

	doc = ask(wanted)
	said = answer("approve", doc.name, seen_quantity=10)
	doc.reload()
	assert (doc.workflow_state, doc.client_approved_by) == (state, people.approver)
	assert words in said["message"]
	assert trace(site, doc.name)[0] == ("client_approved", "Passes")
	assert (doc.decision == "Auto-Approved") == (state == "Approved")
	jobs = [job.kwargs["kwargs"].get("request") for job in get_queue("short").jobs]
	assert jobs.count(doc.name) == (1 if state == "Approved" else 0)
	assert (people.manager in told(site, doc.name)) == (state == "Pending Approval")
	open_actions = site.db.count("Workflow Action", {"reference_name": doc.name, "status": "Open"})
	assert open_actions == (1 if state == "Pending Approval" else 0)


def test_the_policy_is_that_of_the_moment_of_the_yes(site, asked_first, ask, answer):
	doc = ask(15)
	setting(site, require_approval_by_default=1)
	answer("approve", doc.name)
	assert site.db.get_value(DT, doc.name, ["workflow_state", "decision_rule"]) == (
		"Pending Approval",
		"require_approval",
	)


def test_a_quantity_that_moved_is_shown_before_anything_is_approved(site, sandbox, asked_first, ask, answer):
	from msp_licensing.changes.requests import ChangeRefused

	doc = ask(15)
	sandbox.change("subscriptions", KEEPER, quantity=12)
	with pytest.raises(ChangeRefused, match="changed to 12"):
		answer("approve", doc.name, seen_quantity=10)
	site.db.rollback()
	doc.reload()
	assert (doc.workflow_state, doc.current_quantity, doc.quantity_change) == (
		"Pending Client Approval",
		12,
		3,
	)
	answer("approve", doc.name, seen_quantity=12)
	assert site.db.get_value(DT, doc.name, "workflow_state") == "Approved"


def test_what_cannot_be_made_any_more_is_told_and_can_still_be_declined(
	site, sandbox, asked_first, ask, answer
):
	from msp_licensing.changes.requests import ChangeRefused

	doc = ask(15)
	setting(site, default_max_quantity=14)
	with pytest.raises(ChangeRefused, match="14 at the most"):
		answer("approve", doc.name)
	site.db.rollback()
	answer("decline", doc.name)
	assert site.db.get_value(DT, doc.name, "workflow_state") == "Rejected"


def test_while_pax8_cannot_be_asked_staff_decide(site, sandbox, asked_first, ask, answer):
	doc = ask(15)
	sandbox.faults.add("status", "read", status=503, count=5)
	answer("approve", doc.name)
	assert site.db.get_value(DT, doc.name, ["workflow_state", "decision_rule"]) == (
		"Pending Approval",
		"not_verified",
	)


def test_a_no_ends_it_and_the_colleague_reads_why(site, people, asked_first, ask, answer, as_user):
	from msp_licensing.portal import queries

	doc = ask(40)
	answer("decline", doc.name, reason="  Not this <b>year</b> ")
	doc.reload()
	assert (doc.workflow_state, doc.client_declined, doc.decided_by) == ("Rejected", 1, people.approver)
	assert not doc.open_subscription
	assert people.requester in told(site, doc.name) and people.manager not in told(site, doc.name)
	with as_user(people.requester):
		shown = queries.page_for_session()["requests"][0]
	assert shown["reason"] == "Not this <b>year</b>"
	assert "Paula" in shown["reason_from"] and "Paula" in shown["ended"]


def test_the_second_answer_changes_nothing(site, asked_first, ask, answer):
	from msp_licensing.changes.requests import ChangeRefused

	doc = ask(40)
	answer("approve", doc.name)
	for again in ("approve", "decline"):
		with pytest.raises(ChangeRefused, match="any more"):
			answer(again, doc.name)
		site.db.rollback()
	assert site.db.get_value(DT, doc.name, "workflow_state") == "Pending Approval"


def test_nobody_approves_what_they_asked_themselves(site, people, asked_first, ask, answer, make_portal_user):
	"""Whatever the option for one-person MSPs says: that one is about staff."""
	from msp_licensing.setup import demo

	setting(site, allow_self_approval=1)
	both = make_portal_user("both@cedarpine.example", demo.CEDAR, "Licensing Client")
	make_portal_user(both, demo.CEDAR, "Licensing Approver")
	doc = ask(40, user=both)
	assert doc.workflow_state == "Pending Client Approval" and told(site, doc.name) == {people.approver}
	for function in ("approve", "decline"):
		with pytest.raises(site.PermissionError, match="yourself"):
			answer(function, doc.name, user=both)
		site.db.rollback()
	answer("approve", doc.name)


def test_a_client_whose_only_approver_asks_has_none_and_the_trace_says_so(
	site, people, asked_first, ask, make_portal_user
):
	site.db.delete("Has Role", {"parent": people.approver})
	site.clear_cache(user=people.approver)
	from msp_licensing.setup import demo

	both = make_portal_user("both@cedarpine.example", demo.CEDAR, "Licensing Client")
	make_portal_user(both, demo.CEDAR, "Licensing Approver")
	doc = ask(40, user=both)
	assert doc.workflow_state == "Pending Approval"
	assert trace(site, doc.name)[0] == ("no_client_approver", "Skipped")
	# A colleague's wish finds the approver.
	other = ask(60, subscription=storybook.CEDAR_SOPHOS)
	assert other.workflow_state == "Pending Client Approval"


@pytest.mark.parametrize("gone", ["disabled", "revoked"])
def test_somebody_who_cannot_sign_in_or_belongs_elsewhere_is_no_approver(
	site, people, asked_first, ask, gone
):
	if gone == "disabled":
		site.db.set_value("User", people.approver, "enabled", 0)
	else:
		site.db.set_value("Licensing Portal User", {"user": people.approver}, "status", "Revoked")
	try:
		assert ask(40).workflow_state == "Pending Approval"
	finally:
		site.db.set_value("User", people.approver, "enabled", 1)
		site.db.commit()


@pytest.mark.parametrize(
	("above", "price", "wanted", "state"),
	[
		(50, 10, 15, "Approved"),  # 5 × 10 is not more than 50
		(49, 10, 15, "Pending Client Approval"),
		(49, 10, 5, "Pending Client Approval"),  # less is a change of the costs, too
		(50, 0, 11, "Pending Client Approval"),  # not known: might be more
	],
)
def test_an_amount_says_whether_the_approver_is_needed(site, people, ask, above, price, wanted, state):
	currency = site.db.get_value("Pax8 Subscription", KEEPER, "currency")
	site.db.set_value("Pax8 Subscription", KEEPER, "client_price", price)
	setting(site, use_client_approval=1, client_approval_above=above, limit_currency=currency)
	assert ask(wanted).workflow_state == state


def test_an_approver_sees_what_waits_first_with_what_it_costs(site, people, asked_first, ask, as_user):
	from msp_licensing.portal import api

	site.db.set_value("Pax8 Subscription", KEEPER, "client_price", 7.5)
	doc = ask(40)
	with as_user(people.approver):
		answer = api.overview()
	page = answer["page"]
	assert [item["id"] for item in page["to_decide"]] == [doc.name] and page["requests"] == []
	assert "225" in page["to_decide"][0]["amount"]
	assert answer["html"].index('data-action="approve"') < answer["html"].index('id="lic-subscriptions"')
	for who in (people.requester, people.reader):
		with as_user(who):
			answer = api.overview()
		assert "to_decide" not in answer["page"] or not answer["page"]["to_decide"]
		assert 'data-action="approve"' not in answer["html"] and "225" not in answer["html"]


def test_staff_may_reject_what_waits_for_the_client_but_not_approve_it(
	site, people, asked_first, ask, as_user
):
	from msp_licensing.changes import decisions
	from msp_licensing.changes.requests import ChangeRefused

	doc = ask(40)
	with as_user(people.manager):
		with pytest.raises(ChangeRefused, match="approver first"):
			decisions.approve(doc.name)
		fresh = site.get_doc(DT, doc.name)
		fresh.workflow_state = "Approved"
		with pytest.raises((site.PermissionError, site.ValidationError)):
			fresh.save()
		site.db.rollback()
		assert decisions.reject(doc.name, "Contract ends").workflow_state == "Rejected"
	assert not site.db.get_value(DT, doc.name, "client_declined")


def test_whoever_agreed_for_the_client_does_not_decide_for_the_provider(
	site, people, asked_first, ask, as_user, make_portal_user
):
	"""Somebody with both hats would be both pairs of eyes."""
	from msp_licensing.changes import decisions, states

	doc = ask(40)
	states.move(
		doc.name, "Pending Approval", expect=("Pending Client Approval",), client_approved_by=people.manager
	)
	with as_user(people.manager), pytest.raises(site.PermissionError, match="for the client"):
		decisions.approve(doc.name)


def test_a_waiting_request_can_be_withdrawn_and_goes_with_its_company(site, people, asked_first, ask):
	from msp_licensing import permissions
	from msp_licensing.changes import requests
	from msp_licensing.setup import demo

	first = ask(40)
	requests.withdraw(first.name, access=permissions.portal_access(people.requester))
	assert site.db.get_value(DT, first.name, "workflow_state") == "Withdrawn"
	second = ask(41)
	company = site.get_doc("Pax8 Company", storybook.CEDAR_AND_PINE)
	company.client = demo.MUELLER
	company.save()
	assert site.db.get_value(DT, second.name, "workflow_state") == "Withdrawn"


def test_a_request_whose_approvers_are_gone_is_handed_to_staff(site, people, asked_first, ask):
	from msp_licensing.changes import deadlines

	doc = ask(15)
	site.db.delete("Has Role", {"parent": people.approver})
	site.db.commit()
	site.clear_cache(user=people.approver)
	assert deadlines.run()["handed_over"] == 1
	assert site.db.get_value(DT, doc.name, ["workflow_state", "decision_rule"]) == (
		"Pending Approval",
		"no_client_approver",
	)
	assert people.manager in told(site, doc.name)
