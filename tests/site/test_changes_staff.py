"""Staff approve another quantity, or change one at once; what moved while a request waited is decided afresh."""

import pytest

from msp_licensing.sandbox import storybook

KEEPER = storybook.CEDAR_KEEPER
DT = "License Change Request"


@pytest.fixture(autouse=True)
def quick_reads(monkeypatch, site):
	from msp_licensing.changes import apply

	monkeypatch.setattr(apply, "READ_BACK_AFTER", (0, 0))


@pytest.fixture
def pending(site, people, sandbox):
	from msp_licensing import permissions
	from msp_licensing.changes import requests

	doc = requests.submit(KEEPER, "40", access=permissions.portal_access(people.requester))
	site.db.commit()
	return doc.name


def run(name):
	from msp_licensing.changes import apply

	apply.run(name)


def look(site, name):
	site.db.rollback()
	return site.get_doc(DT, name)


def bodies(sandbox):
	return [call["body"] for call in sandbox.calls("updateSubscription")]


def approve_another(name, quantity, reason="Only so many are free", seen=10):
	from msp_licensing.desk import applying

	return applying.approve_another(name, quantity, reason, seen)


def change_now(quantity, reason="Asked for by phone", seen=10):
	from msp_licensing.desk import applying

	return applying.change_now(KEEPER, quantity, reason, seen)


# --------------------------------------------------------------------------------------------- another quantity


def test_another_quantity_is_applied_and_both_are_kept(site, sandbox, people, pending, as_user):
	from msp_licensing import permissions
	from msp_licensing.portal import queries

	with as_user(people.manager):
		assert approve_another(pending, 12) == "Approved"
	site.db.commit()
	run(pending)
	doc = look(site, pending)
	assert (doc.workflow_state, doc.requested_quantity, doc.approved_quantity, doc.quantity_after) == (
		"Applied",
		40,
		12,
		12,
	)
	assert (doc.quantity_change, doc.decided_by) == (2, people.manager)
	assert bodies(sandbox) == [{"quantity": 12}]
	change = site.get_all(
		"Pax8 Subscription Change", {"field": "Quantity"}, ["new_value", "source", "request"]
	)
	assert change == [{"new_value": "12", "source": "Request", "request": pending}], (
		"our own, not an outside change"
	)
	page = queries.page_of(permissions.portal_access(people.requester))
	told = next(row for row in page["requests"] if row["id"] == pending)
	assert (told["wanted"], told["reason"]) == (12, "12 instead of 40. Only so many are free")


@pytest.mark.parametrize("quantity", [0, -3, "", "12.5", "1e2", "many", 10, 40, 10**9])
def test_another_quantity_that_cannot_be_leaves_the_request_waiting(site, people, pending, as_user, quantity):
	with as_user(people.manager), pytest.raises(site.ValidationError):
		approve_another(pending, quantity)
	doc = look(site, pending)
	assert (doc.workflow_state, doc.approved_quantity, doc.decided_by) == ("Pending Approval", 0, None)


def test_another_quantity_needs_a_reason_and_eyes_on_the_present_one(site, people, pending, as_user):
	with as_user(people.manager):
		for reason, seen in (("", 10), ("   ", 10), ("because", 9)):
			with pytest.raises(site.ValidationError):
				approve_another(pending, 12, reason, seen)
			assert look(site, pending).workflow_state == "Pending Approval"


@pytest.mark.parametrize(
	"change",
	[
		{"approved_quantity": 12, "quantity_reason": "because"},
		{"approved_quantity": 12, "workflow_state": "Approved"},
		{"approved_quantity": 0.5, "quantity_reason": "because", "workflow_state": "Approved"},
		{"approved_quantity": 12, "quantity_reason": "because", "workflow_state": "Rejected"},
	],
)
def test_a_plain_save_meets_the_same_rules(site, people, pending, as_user, change):
	with as_user(people.manager):
		doc = site.get_doc(DT, pending)
		doc.update(change)
		with pytest.raises((site.PermissionError, site.ValidationError)):
			doc.save()
	doc = look(site, pending)
	assert (doc.workflow_state, doc.approved_quantity) == ("Pending Approval", 0)


def test_another_quantity_is_fixed_once_approved(site, people, pending, as_user):
	with as_user(people.manager):
		approve_another(pending, 12)
		site.db.commit()
		doc = site.get_doc(DT, pending)
		doc.approved_quantity = 40
		with pytest.raises(site.PermissionError):
			doc.save()


# --------------------------------------------------------------------------------------------- at once


def test_a_change_at_once_goes_the_way_of_every_change(site, sandbox, people, as_user):
	from frappe.utils.background_jobs import get_queue

	with as_user(people.manager):
		name = change_now("60")
	site.db.commit()
	assert [job.kwargs["kwargs"]["request"] for job in get_queue("short").jobs] == [name]
	run(name)
	doc = look(site, name)
	assert (doc.workflow_state, doc.decision, doc.requested_by, doc.decided_by, doc.staff_reason) == (
		"Applied",
		"Direct",
		people.manager,
		people.manager,
		"Asked for by phone",
	)
	assert bodies(sandbox) == [{"quantity": 60}]
	assert not site.db.count("ToDo", {"reference_name": name}), "nobody has to approve it"


def test_a_change_at_once_is_refused_with_nothing_changed(site, sandbox, people, pending, as_user):
	with as_user(people.manager):
		with pytest.raises(site.ValidationError, match="open"):
			change_now(12)
		site.db.rollback()
		site.db.set_value(DT, pending, {"workflow_state": "Rejected", "open_subscription": None})
		site.db.commit()
		for quantity, reason, seen in (
			(0, "x", 10),
			("1.5", "x", 10),
			(10, "x", 10),
			(12, " ", 10),
			(12, "x", 9),
		):
			with pytest.raises(site.ValidationError):
				change_now(quantity, reason, seen)
			site.db.rollback()
		site.db.set_single_value("Licensing Settings", "allow_direct_changes", 0)
		with pytest.raises(site.PermissionError):
			change_now(12)
	site.db.rollback()
	assert site.db.count(DT) == 1 and not bodies(sandbox)


def test_nobody_makes_a_change_at_once_by_saving_a_document(site, people, sandbox, as_user):
	with as_user(people.manager):
		doc = site.get_doc(
			{
				"doctype": DT,
				"subscription": KEEPER,
				"requested_quantity": 12,
				"decision": "Direct",
				"approved_quantity": 99,
				"flags": {"at_once": True},
				"workflow_state": "Approved",
			}
		).insert()
	assert (doc.workflow_state, doc.decision) == ("Pending Approval", "Held") and not doc.approved_quantity


# --------------------------------------------------------------------------------------------- moved while waiting


def test_a_quantity_that_moves_while_a_request_waits_is_shown_and_decided_afresh(
	site, sandbox, people, pending, as_user
):
	from frappe.model.workflow import apply_workflow
	from frappe.utils.background_jobs import get_queue

	from msp_licensing.changes import moved
	from msp_licensing.sync import jobs

	with as_user(people.manager):
		opened = site.get_doc(DT, pending)
	sandbox.change("subscriptions", KEEPER, quantity=12)
	assert jobs.run("Subscriptions", trigger="Manual")
	site.db.commit()
	queued = [
		job.kwargs
		for job in get_queue("short").jobs
		if job.kwargs["method"] == "msp_licensing.changes.moved.run"
	]
	assert [job["kwargs"]["subscriptions"] for job in queued] == [[KEEPER]]
	assert moved.run(queued[0]["kwargs"]["subscriptions"]) == 1 and moved.run() == 0
	doc = look(site, pending)
	assert (doc.workflow_state, doc.current_quantity, doc.requested_quantity, doc.quantity_change) == (
		"Pending Approval",
		12,
		40,
		28,
	)
	assert (
		doc.decision_rule == "quantity_moved"
		and "10" in doc.decision_summary
		and "12" in doc.decision_summary
	)
	with as_user(people.manager):
		opened.workflow_state = "Approved"
		with pytest.raises(site.TimestampMismatchError):
			opened.save()
		site.db.rollback()
		# Decided on 12, it is not sent back for having been 10.
		apply_workflow(site.get_doc(DT, pending), "Approve")
	site.db.commit()
	run(pending)
	assert look(site, pending).workflow_state == "Applied" and bodies(sandbox) == [{"quantity": 40}]


def test_another_quantity_is_decided_again_when_the_present_one_has_moved(
	site, sandbox, people, pending, as_user
):
	with as_user(people.manager):
		approve_another(pending, 12)
	site.db.commit()
	sandbox.change("subscriptions", KEEPER, quantity=14)
	run(pending)
	doc = look(site, pending)
	assert (doc.workflow_state, doc.current_quantity, doc.approved_quantity) == ("Pending Approval", 14, 0)
	assert doc.requested_quantity == 40 and not doc.quantity_reason and not bodies(sandbox)
