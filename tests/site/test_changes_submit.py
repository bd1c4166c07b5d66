"""A client's wish becomes a request, or is refused and changes nothing."""

import threading

import pytest

from msp_licensing.sandbox import storybook

KEEPER = storybook.CEDAR_KEEPER


@pytest.fixture
def access(people, site):
	from msp_licensing import permissions

	return {
		name: permissions.portal_access(getattr(people, name))
		for name in ("requester", "reader", "foreign_requester")
	}


def submit(access, wanted, subscription=KEEPER, **options):
	from msp_licensing.changes import requests

	return requests.submit(subscription, wanted, access=access, **options)


def puts(sandbox):
	return sandbox.calls("updateSubscription")


def no_trace(site, sandbox):
	return site.db.count("License Change Request") == 0 and not puts(sandbox)


def test_a_change_within_the_threshold_is_approved_at_once(site, sandbox, access):
	doc = submit(access["requester"], "15", seen_quantity=10, note="Two new colleagues")
	assert (doc.workflow_state, doc.decision, doc.decision_rule) == (
		"Approved",
		"Auto-Approved",
		"within_threshold",
	)
	assert (doc.current_quantity, doc.requested_quantity, doc.quantity_change) == (10, 15, 5)
	assert doc.requested_by == "olivia@cedarpine.example"
	told = site.get_all(
		"License Change Event", {"request": doc.name}, ["event", "user", "to_state"], order_by="number"
	)
	assert told == [
		{"event": "requested", "user": doc.requested_by, "to_state": None},
		{"event": "released", "user": None, "to_state": "Approved"},
	], "the timeline does not say that Olivia approved it"
	assert not puts(sandbox), "Pax8 is called by the job, not by the request"


def test_a_change_beyond_the_threshold_waits_and_the_managers_are_told(site, sandbox, access, people):
	doc = submit(access["requester"], "40")
	assert (doc.workflow_state, doc.decision_rule) == ("Pending Approval", "threshold")
	assert site.get_all("Notification Log", {"document_name": doc.name}, pluck="for_user") == [people.manager]
	assert site.get_all("Email Queue Recipient", pluck="recipient") == [people.manager]
	assert site.db.count("Workflow Action", {"reference_name": doc.name, "status": "Open"}) == 1


@pytest.mark.parametrize(
	("wanted", "state"),
	[(15, "Approved"), (16, "Pending Approval"), (5, "Approved"), (4, "Pending Approval")],
)
def test_the_edges_of_the_threshold_are_those_of_the_brief(site, sandbox, access, wanted, state):
	assert submit(access["requester"], wanted).workflow_state == state


def test_a_vendor_override_holds_what_the_threshold_would_release(site, sandbox, access):
	doc = submit(access["requester"], "26", storybook.CEDAR_BUSINESS_PREMIUM)
	assert (doc.workflow_state, doc.decision_rule) == ("Pending Approval", "vendor_override")


@pytest.mark.parametrize(
	("wanted", "words"),
	[
		("10", "already have 10"),
		("", "Enter the total number"),
		("15.5", "whole number"),
		("fifteen", "whole number"),
		("-3", "at least 1"),
		("0", "at least 1"),
		("201", "200 at the most"),
		("99999999999", "too large"),
	],
)
def test_bad_input_gets_a_clear_sentence_and_changes_nothing(site, sandbox, access, wanted, words):
	from msp_licensing.changes.requests import ChangeRefused

	with pytest.raises(ChangeRefused, match=words):
		submit(access["requester"], wanted)
	assert no_trace(site, sandbox)


@pytest.mark.parametrize(
	("subscription", "wanted", "words"),
	[
		(storybook.CEDAR_BUSINESS_PREMIUM, "20", "committed until"),
		(storybook.CEDAR_AZURE, "2", "billed by usage"),
		(storybook.CEDAR_ACROBAT_TRIAL, "4", "Only an active"),
		(storybook.CEDAR_DROPSUITE_PENDING, "26", "Only an active"),
		(storybook.CEDAR_EXCHANGE_CANCELLED, "5", "Only an active"),
	],
)
def test_what_cannot_be_changed_is_refused_with_the_reason(
	site, sandbox, access, subscription, wanted, words
):
	from msp_licensing.changes.requests import ChangeRefused

	with pytest.raises(ChangeRefused, match=words):
		submit(access["requester"], wanted, subscription)
	assert no_trace(site, sandbox)


def test_somebody_elses_subscription_does_not_exist(site, sandbox, access):
	for subscription in (storybook.MUELLER_EXCLAIMER, storybook.BLUE_HARBOR_KEEPER, "nonsense", "", None):
		with pytest.raises(site.DoesNotExistError):
			submit(access["requester"], "12", subscription)
	with pytest.raises(site.DoesNotExistError):
		submit(access["foreign_requester"], "12")
	assert no_trace(site, sandbox)


def test_a_reader_can_ask_for_nothing_and_withdraw_nothing(site, sandbox, access):
	from msp_licensing.changes import requests

	doc = submit(access["requester"], "40")
	for act in (
		lambda: submit(access["reader"], "12", storybook.CEDAR_SOPHOS),
		lambda: requests.withdraw(doc.name, access=access["reader"]),
	):
		with pytest.raises(site.PermissionError):
			act()


def test_a_subscription_that_is_not_shown_cannot_be_changed(site, sandbox, access):
	site.db.set_value("Pax8 Subscription", KEEPER, "show_to_client", 0)
	with pytest.raises(site.DoesNotExistError):
		submit(access["requester"], "12")


def test_hidden_products_hide_their_subscriptions_only_where_the_setting_says_so(site, sandbox, access):
	site.db.set_value("Pax8 Product", storybook.KEEPER_BUSINESS, "visible", 0)
	assert submit(access["requester"], "40").name
	site.db.set_single_value("Licensing Settings", "hide_subscriptions_of_hidden_products", 1)
	with pytest.raises(site.DoesNotExistError):
		submit(access["requester"], "41")


def test_one_open_request_per_subscription(site, sandbox, access):
	from msp_licensing.changes import requests

	first = submit(access["requester"], "40")
	with pytest.raises(requests.AskedAlready):
		submit(access["requester"], "41")
	requests.withdraw(first.name, access=access["requester"])
	assert site.db.get_value("License Change Request", first.name, "workflow_state") == "Withdrawn"
	assert submit(access["requester"], "41").name != first.name


def test_two_requests_at_the_same_moment_leave_one(site, sandbox, access):
	import frappe

	barrier, results = threading.Barrier(2), []
	site.db.commit()
	name = frappe.local.site

	def ask() -> None:
		frappe.init(name, sites_path=".", force=True)
		frappe.connect()
		try:
			barrier.wait(10)
			results.append(submit(access["requester"], "40").name)
			frappe.db.commit()
		except Exception as error:
			frappe.db.rollback()
			results.append(type(error).__name__)
		finally:
			frappe.destroy()

	threads = [threading.Thread(target=ask) for _ in range(2)]
	for thread in threads:
		thread.start()
	for thread in threads:
		thread.join(30)
	site.db.rollback()
	assert site.db.count("License Change Request") == 1, results
	assert sorted(result.startswith("LCR-") for result in results) == [False, True], results


def test_a_quantity_that_moved_at_pax8_is_shown_and_nothing_is_asked(site, sandbox, access):
	from msp_licensing.changes.requests import ChangeRefused

	sandbox.change("subscriptions", KEEPER, quantity=12)
	with pytest.raises(ChangeRefused, match="changed to 12"):
		submit(access["requester"], "15", seen_quantity=10)
	site.db.rollback()
	assert site.db.get_value("Pax8 Subscription", KEEPER, "quantity") == 12
	assert no_trace(site, sandbox)
	assert submit(access["requester"], "15", seen_quantity=12).current_quantity == 12


def test_while_pax8_cannot_be_asked_a_wish_is_held_not_lost(site, sandbox, access):
	sandbox.faults.add("status", "read", status=503, count=5)
	doc = submit(access["requester"], "12")
	assert (doc.workflow_state, doc.decision_rule) == ("Pending Approval", "not_verified")


def test_without_a_connection_nothing_can_be_asked(site, sandbox, access):
	from msp_licensing.changes.requests import ChangeRefused

	site.db.set_single_value("Pax8 Settings", "mode", "Off")
	site.clear_document_cache("Pax8 Settings", "Pax8 Settings")
	with pytest.raises(ChangeRefused, match="not possible at the moment"):
		submit(access["requester"], "12")


def test_a_decided_request_cannot_be_withdrawn(site, sandbox, access):
	from msp_licensing.changes import requests

	doc = submit(access["requester"], "15")
	with pytest.raises(requests.ChangeRefused, match="decided already"):
		requests.withdraw(doc.name, access=access["requester"])
	with pytest.raises(site.DoesNotExistError):
		requests.withdraw(doc.name, access=access["foreign_requester"])
