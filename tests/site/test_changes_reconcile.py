"""What nobody can tell is found out by reading, and never by sending again; every request ends."""

from datetime import datetime, timezone

import pytest
from frappe.model.workflow import WorkflowTransitionError, apply_workflow
from moving_clock import MovingClock

from msp_licensing.rules.fate import ENDS_AFTER_LOOKS
from msp_licensing.sandbox import storybook

KEEPER = storybook.CEDAR_KEEPER
DT = "License Change Request"
READ = "findSubscriptionBySubscriptionId"


@pytest.fixture
def clock(monkeypatch, site):
	return MovingClock(monkeypatch)


@pytest.fixture
def unknown(people, site, sandbox, monkeypatch):
	"""A request from 10 to 15 that needs review: unknown() was never done by Pax8, unknown(done=True) was.

	`then`: what somebody else makes of the quantity before it is read back.
	"""
	from msp_licensing import permissions
	from msp_licensing.changes import apply, requests

	monkeypatch.setattr(apply, "READ_BACK_AFTER", (0,))
	# A reset takes the sandbox's clock back to the start of the tests; histories are compared with the site's time.
	sandbox.clock.set(datetime.now(timezone.utc))

	def make(done=False, then=None):
		doc = requests.submit(KEEPER, "15", access=permissions.portal_access(people.requester))
		site.db.commit()
		sandbox.faults.add("drop_after" if done else "drop_before", "updateSubscription")
		if then is not None:
			change = {"method": "POST", "path": f"/subscriptions/{KEEPER}", "body": {"quantity": then}}
			sandbox.faults.add("meanwhile", READ, skip=1, calls=[change])
		apply.run(doc.name)
		assert look(site, doc.name).workflow_state == "Needs Review"
		return doc.name

	return make


def look(site, name):
	site.db.rollback()
	return site.get_doc(DT, name)


def reconcile(name):
	from msp_licensing.changes import reconcile

	reconcile.run(name)


def settle(clock, name):
	"""Two looks, five minutes apart, once nothing can be on its way any more."""
	clock.forward(minutes=31)
	reconcile(name)
	clock.forward(minutes=6)
	reconcile(name)


def puts(sandbox):
	return len(sandbox.calls("updateSubscription"))


def retry(site, name):
	site.set_user("Administrator")
	apply_workflow(site.get_doc(DT, name), "Retry")
	site.db.commit()


def test_what_was_never_done_can_be_sent_again_by_a_person(site, sandbox, clock, unknown):
	from msp_licensing.changes import apply

	name = unknown()
	reconcile(name)
	doc = look(site, name)
	assert doc.workflow_state == "Needs Review" and "half an hour" in doc.pax8_message, "it may be on its way"
	clock.forward(minutes=31)
	assert apply.follow_up() == 1, "the follow-up looks by itself"
	reconcile(name)
	doc = look(site, name)
	assert doc.workflow_state == "Failed" and doc.retryable and not doc.open_subscription
	assert "10 (Active)" in doc.pax8_message and "15" in doc.pax8_message
	apply.follow_up()
	apply.run(name)
	assert puts(sandbox) == 1, "nobody has decided to send it again"
	retry(site, name)
	apply.run(name)
	assert look(site, name).workflow_state == "Applied" and puts(sandbox) == 2


def test_what_was_done_and_seen_late_is_applied(site, sandbox, clock, unknown):
	name = unknown()
	sandbox.change("subscriptions", KEEPER, quantity=15)
	reconcile(name)
	doc = look(site, name)
	assert (doc.workflow_state, doc.quantity_after) == ("Applied", 15) and puts(sandbox) == 1


def test_what_was_done_and_undone_since_is_never_sent_again(site, sandbox, people, clock, unknown, as_user):
	name = unknown(done=True, then=10)
	settle(clock, name)
	doc = look(site, name)
	assert doc.workflow_state == "Failed" and not doc.retryable
	assert "had taken the change from 10 to 15" in doc.pax8_message and "10 (Active)" in doc.pax8_message
	with pytest.raises(WorkflowTransitionError):
		retry(site, name)
	# Nor past the Workflow.
	site.db.rollback()
	doc = look(site, name)
	doc.workflow_state = "Approved"
	with pytest.raises(site.ValidationError):
		doc.save()
	site.db.rollback()
	assert puts(sandbox) == 1


def test_another_quantity_by_somebody_else_ends_with_all_numbers(site, sandbox, clock, unknown):
	from msp_licensing.changes import apply

	name = unknown(then=12)
	clock.forward(minutes=31)
	reconcile(name)
	assert look(site, name).workflow_state == "Needs Review", "seen once is not steady"
	clock.forward(minutes=6)
	reconcile(name)
	doc = look(site, name)
	assert doc.workflow_state == "Failed" and doc.retryable
	assert all(number in doc.pax8_message for number in ("10", "12", "15"))
	# Sent again it would be decided on another quantity: a person decides afresh.
	retry(site, name)
	apply.run(name)
	doc = look(site, name)
	assert (doc.workflow_state, doc.current_quantity) == ("Pending Approval", 12) and puts(sandbox) == 1


def test_without_a_history_the_old_quantity_proves_nothing(site, sandbox, clock, unknown):
	name = unknown()
	sandbox.faults.add("status", "findSubscriptionHistoryBySubscriptionId", status=403, count=None)
	settle(clock, name)
	assert look(site, name).workflow_state == "Needs Review"
	clock.forward(days=3)
	reconcile(name)
	assert look(site, name).workflow_state == "Needs Review", (
		"nobody has looked for days: that proves nothing"
	)
	for _hour in range(ENDS_AFTER_LOOKS):
		clock.forward(hours=1)
		reconcile(name)
	doc = look(site, name)
	assert doc.workflow_state == "Failed" and not doc.retryable


def test_a_subscription_that_is_gone_or_cannot_be_read_ends_the_wait(site, sandbox, clock, unknown):
	name = unknown()
	sandbox.faults.add("status", READ, status=403, count=None)
	settle(clock, name)
	assert look(site, name).workflow_state == "Needs Review"
	sandbox.faults.clear()
	sandbox.vanish("subscriptions", KEEPER)
	reconcile(name)
	doc = look(site, name)
	assert doc.workflow_state == "Failed" and not doc.retryable and "no such subscription" in doc.pax8_message


def test_staff_who_look_are_held_to_the_same_proof(site, sandbox, people, clock, unknown, as_user):
	from msp_licensing.desk import requests

	name = unknown()
	with as_user(people.manager):
		for _impatience in range(3):
			assert requests.check_again(name) == "Needs Review"
		clock.forward(minutes=31)
		assert requests.check_again(name) == "Failed"
	assert look(site, name).retryable and puts(sandbox) == 1


def test_observing_is_enough_to_find_out(site, sandbox, clock, unknown):
	from msp_licensing.changes import apply

	name = unknown(done=True, then=10)
	sandbox.change("subscriptions", KEEPER, quantity=15)
	site.db.set_single_value("Pax8 Settings", "mode", "Observe")
	site.clear_document_cache("Pax8 Settings", "Pax8 Settings")
	site.db.commit()
	clock.forward(minutes=6)
	assert apply.follow_up() == 1
	reconcile(name)
	assert look(site, name).workflow_state == "Applied"
