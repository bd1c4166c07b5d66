"""An approved change reaches Pax8 once, and is called applied only when Pax8 shows it."""

import threading

import pytest

from msp_licensing.sandbox import storybook

KEEPER = storybook.CEDAR_KEEPER
DT = "License Change Request"


@pytest.fixture(autouse=True)
def quick_reads(monkeypatch, site):
	from msp_licensing.changes import apply

	monkeypatch.setattr(apply, "READ_BACK_AFTER", (0, 0.01, 0.02))


@pytest.fixture
def request_for(people, site, sandbox):
	"""Makes a request of Cedar & Pine's requester: request_for("15") is Approved, request_for("40") waits."""
	from msp_licensing import permissions
	from msp_licensing.changes import requests

	def make(wanted, subscription=KEEPER):
		doc = requests.submit(subscription, wanted, access=permissions.portal_access(people.requester))
		site.db.commit()
		return doc

	return make


def run(name):
	from msp_licensing.changes import apply

	apply.run(name)


def state(site, name):
	site.db.rollback()
	return site.db.get_value(DT, name, "workflow_state")


def puts(sandbox):
	return sandbox.calls("updateSubscription")


def mails_to(site, user):
	return site.db.count("Email Queue Recipient", {"recipient": user})


def test_the_whole_way(site, sandbox, people, request_for):
	doc = request_for("15")
	run(doc.name)
	doc.reload()
	assert (doc.workflow_state, doc.quantity_before, doc.quantity_after) == ("Applied", 10, 15)
	assert doc.applied_on and doc.attempts == 1 and not doc.open_subscription
	assert sandbox.subscription(KEEPER)["quantity"] == 15
	assert [call["body"] for call in puts(sandbox)] == [{"quantity": 15}], (
		"the absolute quantity and nothing else"
	)
	assert site.db.get_value("Pax8 Subscription", KEEPER, "quantity") == 15
	assert mails_to(site, people.requester) == 1
	assert site.db.count("Notification Log", {"for_user": people.requester}) == 1


def test_a_job_that_runs_twice_sends_once(site, sandbox, request_for):
	doc = request_for("15")
	run(doc.name)
	run(doc.name)
	assert len(puts(sandbox)) == 1


def test_two_workers_at_once_send_once(site, sandbox, request_for):
	import frappe

	doc = request_for("15")
	name, barrier, errors = frappe.local.site, threading.Barrier(2), []
	sandbox.faults.add("delay", "updateSubscription", seconds=0.3, count=2)

	def work() -> None:
		frappe.init(name, sites_path=".", force=True)
		frappe.connect()
		try:
			barrier.wait(10)
			run(doc.name)
		except Exception as error:
			errors.append(error)
		finally:
			frappe.destroy()

	threads = [threading.Thread(target=work) for _ in range(2)]
	for thread in threads:
		thread.start()
	for thread in threads:
		thread.join(30)
	assert not errors
	assert state(site, doc.name) == "Applied" and len(puts(sandbox)) == 1


@pytest.mark.parametrize("trouble", [None, "NotFound", "Unreachable"])
def test_a_worker_that_lost_its_lock_neither_sends_nor_speaks_after_another(
	site, sandbox, request_for, monkeypatch, trouble
):
	"""The lock lives as long as the database connection; a renewed connection has none.

	What the slow one would say, "nothing was sent", would let a person send it once more.
	"""
	from msp_licensing import clock, pax8
	from msp_licensing.sync import subscriptions

	doc = request_for("15")
	store_one = subscriptions.store_one

	def another_worker_sends_meanwhile(remote):
		store_one(remote)
		site.db.set_value(DT, doc.name, clock.stamp("write_sent_on"))
		site.db.commit()
		if trouble:
			raise getattr(pax8, trouble)("Something else")

	monkeypatch.setattr(subscriptions, "store_one", another_worker_sends_meanwhile)
	run(doc.name)
	assert state(site, doc.name) == "Applying" and not puts(sandbox)


def test_a_lost_answer_is_resolved_by_reading(site, sandbox, request_for):
	doc = request_for("15")
	sandbox.faults.add("drop_after", "updateSubscription")
	run(doc.name)
	assert state(site, doc.name) == "Applied" and len(puts(sandbox)) == 1


@pytest.mark.parametrize(
	"fault",
	[
		{"kind": "drop_before"},
		{"kind": "status", "status": 500},
		{"kind": "status", "status": 503},
	],
)
def test_an_answer_lost_without_effect_is_never_sent_again_by_itself(
	site, sandbox, people, request_for, fault
):
	from msp_licensing.changes import apply

	doc = request_for("15")
	sandbox.faults.add(operation="updateSubscription", **fault)
	run(doc.name)
	assert state(site, doc.name) == "Needs Review"
	run(doc.name)
	apply.follow_up()
	assert len(puts(sandbox)) == 1
	assert mails_to(site, people.manager) == 1, "somebody has to look"
	assert site.db.get_value(DT, doc.name, "open_subscription") == KEEPER, "no other request meanwhile"


def test_an_answer_that_cannot_be_understood_counts_as_lost(site, sandbox, request_for):
	doc = request_for("15")
	sandbox.faults.add("html", "updateSubscription")
	run(doc.name)
	assert state(site, doc.name) in ("Applied", "Needs Review")
	assert len(puts(sandbox)) == 1


def test_a_refusal_is_final_and_keeps_pax8s_words_for_staff_only(site, sandbox, people, request_for):
	doc = request_for("15")
	words = "Quantity exceeds the limit of this agreement."
	sandbox.faults.add(
		"status",
		"updateSubscription",
		status=422,
		body={"type": "UNPROCESSABLE", "message": None, "status": 422, "details": [{"message": words}]},
	)
	run(doc.name)
	doc.reload()
	assert doc.workflow_state == "Failed" and words in doc.pax8_message
	mails = {
		row.recipient: site.db.get_value("Email Queue", row.parent, "message")
		for row in site.get_all("Email Queue Recipient", fields=["recipient", "parent"])
	}
	assert words not in mails[people.requester] and set(mails) == {people.requester, people.manager}
	assert sandbox.subscription(KEEPER)["quantity"] == 10


def test_too_many_calls_means_later_not_failed(site, sandbox, request_for):
	from msp_licensing.changes import apply

	doc = request_for("15")
	sandbox.faults.add("status", "updateSubscription", status=429, headers={"Retry-After": "0"})
	run(doc.name)
	doc.reload()
	assert doc.workflow_state == "Approved" and doc.next_attempt_on and not doc.write_sent_on
	assert apply.follow_up() == 0, "not due yet"
	site.db.set_value(DT, doc.name, "next_attempt_on", "2020-01-01")
	assert apply.follow_up() == 1
	run(doc.name)
	assert state(site, doc.name) == "Applied"
	assert sandbox.subscription(KEEPER)["quantity"] == 15


def test_pax8_out_of_reach_means_later_and_in_the_end_failed(site, sandbox, request_for, monkeypatch):
	from msp_licensing.changes import apply
	from msp_licensing.pax8 import Pax8Client

	doc = request_for("15")
	with Pax8Client(
		client_id="sandbox",
		client_secret="sandbox",
		base_url="http://127.0.0.1:9/v1",
		writes_allowed=True,
		max_retries=0,
	) as nobody:
		apply.run(doc.name, pax8=nobody)
		assert state(site, doc.name) == "Approved"
		monkeypatch.setattr(apply, "MAX_ATTEMPTS", 2)
		apply.run(doc.name, pax8=nobody)
	assert state(site, doc.name) == "Failed" and site.db.get_value(DT, doc.name, "retryable")
	assert "Nothing was sent" in site.db.get_value(DT, doc.name, "pax8_message")


def test_a_quantity_that_moved_before_applying_goes_back_for_a_decision(site, sandbox, people, request_for):
	doc = request_for("15")
	sandbox.change("subscriptions", KEEPER, quantity=30)
	run(doc.name)
	doc.reload()
	assert (doc.workflow_state, doc.decision_rule) == ("Pending Approval", "quantity_moved")
	assert (doc.current_quantity, doc.requested_quantity, doc.quantity_change) == (30, 15, -15)
	assert "10" in doc.decision_summary and "30" in doc.decision_summary
	assert not puts(sandbox) and mails_to(site, people.manager) == 1


def test_a_subscription_that_is_no_longer_active_fails_without_sending(site, sandbox, request_for):
	doc = request_for("15")
	sandbox.change("subscriptions", KEEPER, status="Cancelled")
	run(doc.name)
	assert state(site, doc.name) == "Failed" and not puts(sandbox)


def test_a_quantity_that_makes_no_sense_is_never_acted_on(site, sandbox, request_for, people):
	from msp_licensing import permissions
	from msp_licensing.changes import requests

	doc = request_for("15")
	sandbox.change("subscriptions", KEEPER, wire={"quantity": 10.5})
	run(doc.name)
	assert state(site, doc.name) == "Approved" and not puts(sandbox)
	assert "whole number" in site.db.get_value(DT, doc.name, "pax8_message")
	sandbox.change("subscriptions", storybook.CEDAR_SOPHOS, wire={"quantity": None})
	held = requests.submit(storybook.CEDAR_SOPHOS, "43", access=permissions.portal_access(people.requester))
	assert (held.workflow_state, held.decision_rule) == ("Pending Approval", "not_verified")


def test_a_request_that_ends_its_workers_ends_too(site, sandbox, request_for, monkeypatch):
	from msp_licensing.changes import apply
	from msp_licensing.sync import subscriptions

	doc = request_for("15")
	monkeypatch.setattr(apply, "MAX_ATTEMPTS", 3)
	monkeypatch.setattr(subscriptions, "store_one", lambda remote: 1 / 0)
	for _worker in range(3):
		with pytest.raises(ZeroDivisionError):
			run(doc.name)
		assert state(site, doc.name) == "Applying"
	run(doc.name)
	assert state(site, doc.name) == "Failed" and not puts(sandbox)
	assert "3 attempts" in site.db.get_value(DT, doc.name, "pax8_message")


def test_a_change_waits_while_pax8_is_provisioning_an_earlier_one(site, sandbox, request_for):
	doc = request_for("15")
	sandbox.change("subscriptions", KEEPER, status="PendingAutomated")
	run(doc.name)
	assert state(site, doc.name) == "Approved" and not puts(sandbox)
	sandbox.change("subscriptions", KEEPER, status="Active")
	run(doc.name)
	assert state(site, doc.name) == "Applied" and len(puts(sandbox)) == 1


def test_what_pax8_already_has_is_not_sent(site, sandbox, request_for):
	doc = request_for("15")
	sandbox.change("subscriptions", KEEPER, quantity=15)
	run(doc.name)
	assert state(site, doc.name) == "Applied" and not puts(sandbox)


def test_nothing_is_called_applied_while_pax8_is_still_provisioning(site, sandbox, request_for):
	from msp_licensing.changes import apply

	doc = request_for("15")
	sandbox.configure(provisioning_seconds=3600.0)
	run(doc.name)
	assert state(site, doc.name) == "Applying"
	sandbox.clock.advance(3601)
	site.db.set_value(DT, doc.name, "next_attempt_on", "2020-01-01")
	assert apply.follow_up() == 1
	run(doc.name)
	assert state(site, doc.name) == "Applied" and len(puts(sandbox)) == 1


def test_provisioning_that_never_ends_is_reported_once_and_given_to_a_person(
	site, sandbox, people, request_for, monkeypatch
):
	from moving_clock import MovingClock

	from msp_licensing.changes import reconcile

	clock = MovingClock(monkeypatch)
	doc = request_for("15")
	sandbox.configure(provisioning_seconds=1e9)
	run(doc.name)
	assert state(site, doc.name) == "Applying" and not mails_to(site, people.manager)
	for _look in range(2):
		clock.forward(hours=5)
		run(doc.name)
		assert state(site, doc.name) == "Applying"
		assert mails_to(site, people.manager) == 1, "told once that it is slow"
	clock.forward(days=7)
	run(doc.name)
	assert state(site, doc.name) == "Needs Review"
	reconcile.run(doc.name)
	assert state(site, doc.name) == "Needs Review", "Pax8 shows the quantity: it is still waited for"
	clock.forward(days=7)
	reconcile.run(doc.name)
	assert state(site, doc.name) == "Failed" and len(puts(sandbox)) == 1
	assert not site.db.get_value(DT, doc.name, "retryable"), "it was made: sending it again would be twice"


@pytest.mark.parametrize("sent", [False, True])
def test_a_worker_that_died_while_applying_is_followed_up_by_what_it_had_written_down(
	site, sandbox, request_for, sent
):
	from msp_licensing import clock
	from msp_licensing.changes import apply

	doc = request_for("15")
	site.db.set_value(
		DT,
		doc.name,
		{
			"workflow_state": "Applying",
			"claimed_on": clock.site_now(),
			**(clock.stamp if sent else clock.no_stamp)("write_sent_on"),
			"attempts": 1,
			"modified": "2020-01-01",
		},
		update_modified=False,
	)
	site.db.commit()
	assert apply.follow_up() == 1
	run(doc.name)
	if sent:
		# It may have been sent: only a person may decide to send again.
		assert state(site, doc.name) == "Needs Review" and not puts(sandbox)
	else:
		assert state(site, doc.name) == "Applied" and len(puts(sandbox)) == 1


def test_a_lost_job_is_followed_up(site, sandbox, request_for):
	from msp_licensing.changes import apply

	doc = request_for("15")
	assert apply.follow_up() == 0, "its own job is under way"
	site.db.set_value(DT, doc.name, "modified", "2020-01-01", update_modified=False)
	assert apply.follow_up() == 1


@pytest.mark.parametrize("mode", ["Observe", "Off"])
def test_nothing_is_sent_unless_the_connection_is_live(site, sandbox, request_for, mode):
	doc = request_for("15")
	site.db.set_single_value("Pax8 Settings", "mode", mode)
	site.clear_document_cache("Pax8 Settings", "Pax8 Settings")
	site.db.commit()
	run(doc.name)
	assert state(site, doc.name) == "Approved" and not puts(sandbox)


def test_a_client_that_only_observes_sends_nothing_even_if_asked_to_apply(site, sandbox, request_for):
	from msp_licensing.changes import apply
	from msp_licensing.pax8 import Pax8Client

	doc = request_for("15")
	with Pax8Client(client_id="sandbox", client_secret="sandbox", base_url=sandbox.url) as observer:
		apply.run(doc.name, pax8=observer)
	assert state(site, doc.name) == "Approved" and not puts(sandbox)


def test_a_commitment_that_pax8_enforces_is_reported_in_its_words(site, sandbox, people, request_for):
	"""The site does not know the option, so staff decide; Pax8 has the last word."""
	site.db.set_value("Pax8 Product", storybook.M365_BUSINESS_PREMIUM, "commitment_options", "[]")
	doc = request_for("20", storybook.CEDAR_BUSINESS_PREMIUM)
	assert doc.workflow_state == "Pending Approval"
	from frappe.model.workflow import apply_workflow

	site.set_user(people.manager)
	apply_workflow(site.get_doc(DT, doc.name), "Approve")
	site.db.commit()
	site.set_user("Administrator")
	run(doc.name)
	doc.reload()
	assert doc.workflow_state == "Failed" and "commit" in doc.pax8_message.lower()


def test_a_notice_that_cannot_be_sent_does_not_undo_the_change(site, sandbox, request_for, monkeypatch):
	doc = request_for("15")
	monkeypatch.setattr("frappe.sendmail", lambda **options: 1 / 0)
	run(doc.name)
	assert state(site, doc.name) == "Applied"
	assert site.db.count("Error Log", {"reference_name": doc.name}) == 1


def test_a_mode_that_was_switched_off_while_a_worker_waited_is_heeded(request_for, site, sandbox):
	"""The worker's client was made while the mode was Live: what counts is what is saved when it is about to send."""
	from msp_licensing.changes import apply

	name = request_for("15").name
	site.get_cached_doc("Pax8 Settings")
	site.db.sql("update tabSingles set value = 'Observe' where doctype = 'Pax8 Settings' and field = 'mode'")
	site.db.commit()
	apply.run(name)
	site.db.rollback()
	assert site.db.get_value("License Change Request", name, ["workflow_state", "write_sent_on"]) == (
		"Approved",
		None,
	)
	assert not sandbox.calls("updateSubscription")
