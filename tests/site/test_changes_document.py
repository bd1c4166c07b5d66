"""Nobody gets around the rules by saving the document: neither the form, nor REST, nor the Workflow."""

import pytest

from msp_licensing.sandbox import storybook

DT = "License Change Request"


@pytest.fixture
def pending(site, people):
	from msp_licensing import permissions
	from msp_licensing.changes import requests

	doc = requests.submit(storybook.CEDAR_KEEPER, "40", access=permissions.portal_access(people.requester))
	site.db.commit()
	return doc.name


@pytest.fixture
def colleague(site, make_portal_user):
	"""A second licensing manager."""
	return make_portal_user("second@msp.example", None, "Licensing Manager")


def workflow(site, name, action):
	from frappe.model.workflow import apply_workflow

	return apply_workflow(site.get_doc(DT, name), action)


def test_a_manager_approves_and_a_job_is_queued_after_the_commit(site, people, pending, as_user):
	from frappe.utils.background_jobs import get_queue

	with as_user(people.manager):
		doc = workflow(site, pending, "Approve")
	assert (doc.workflow_state, doc.decided_by) == ("Approved", people.manager)
	assert not get_queue("short").jobs, "nothing may start before the approval is committed"
	site.db.commit()
	assert [job.kwargs["kwargs"]["request"] for job in get_queue("short").jobs] == [pending]


def test_a_manager_rejects_and_the_client_reads_the_reason(site, people, pending, as_user):
	with as_user(people.manager):
		doc = site.get_doc(DT, pending)
		doc.reject_reason = "Not in this year's budget"
		doc.save()
		doc = workflow(site, pending, "Reject")
	assert doc.workflow_state == "Rejected" and not doc.open_subscription
	mail = site.get_all("Email Queue", {"reference_name": pending}, ["message"], order_by="creation desc")[0]
	assert "budget" in mail.message


def test_the_second_of_two_approvers_changes_nothing(site, people, pending, colleague, as_user):
	from frappe.utils.background_jobs import get_queue

	with as_user(people.manager):
		first = site.get_doc(DT, pending)
	with as_user(colleague):
		second = site.get_doc(DT, pending)
		workflow(site, pending, "Approve")
	site.db.commit()
	with as_user(people.manager):
		with pytest.raises(site.ValidationError, match="Not a valid Workflow Action"):
			workflow(site, pending, "Approve")
		first.workflow_state = "Rejected"
		with pytest.raises(site.TimestampMismatchError):
			first.save()
	site.db.commit()
	assert second and site.db.get_value(DT, pending, ["workflow_state", "decided_by"]) == (
		"Approved",
		colleague,
	)
	assert len(get_queue("short").jobs) == 1


def test_two_approvers_at_the_same_moment_approve_once(site, sandbox, people, pending, colleague):
	import threading

	import frappe
	from frappe.utils.background_jobs import get_queue

	from msp_licensing.changes import apply

	name, barrier, results = frappe.local.site, threading.Barrier(2), []
	site.db.commit()

	def approve(user: str) -> None:
		frappe.init(name, sites_path=".", force=True)
		frappe.connect()
		try:
			frappe.set_user(user)
			barrier.wait(10)
			results.append(workflow(frappe, pending, "Approve").workflow_state)
			frappe.db.commit()
		except frappe.ValidationError as error:  # "not a valid action", or "modified meanwhile"
			frappe.db.rollback()
			results.append(type(error).__name__)
		finally:
			frappe.destroy()

	threads = [threading.Thread(target=approve, args=(user,)) for user in (people.manager, colleague)]
	for thread in threads:
		thread.start()
	for thread in threads:
		thread.join(30)
	site.db.rollback()
	assert len(results) == 2 and results.count("Approved") == 1, results
	assert len(get_queue("short").jobs) == 1
	for _again in range(2):
		apply.run(pending)
	assert site.db.get_value(DT, pending, "workflow_state") == "Applied"
	assert len(sandbox.calls("updateSubscription")) == 1


@pytest.mark.parametrize(
	"change",
	[
		{"requested_quantity": 400},
		{"requested_quantity": 400, "workflow_state": "Approved"},
		{"current_quantity": 39},
		{"subscription": storybook.CEDAR_SOPHOS},
		{"client": "Müller & Söhne GmbH"},
		{"requested_by": "Administrator"},
		{"decision": "Auto-Approved"},
		{"write_sent_on": "2026-01-01"},
		{"open_subscription": None},
		{"workflow_state": "Applied"},
		{"workflow_state": "Applying"},
		{"workflow_state": "Withdrawn"},
	],
)
def test_a_plain_save_changes_neither_the_wish_nor_jumps_a_state(site, people, pending, as_user, change):
	with as_user(people.manager):
		doc = site.get_doc(DT, pending)
		doc.update(change)
		with pytest.raises((site.PermissionError, site.ValidationError)):
			doc.save()
	site.db.rollback()
	row = site.db.get_value(DT, pending, list(change), as_dict=True)
	assert all(str(row[field]) != str(value) for field, value in change.items())


def staff_request(site, wanted=40, **values):
	return site.get_doc(
		{"doctype": DT, "subscription": storybook.CEDAR_KEEPER, "requested_quantity": wanted, **values}
	).insert()


def test_staff_requests_wait_for_another_manager(site, people, colleague, as_user):
	with as_user(people.manager):
		doc = staff_request(site)
		assert (doc.workflow_state, doc.source, doc.requested_by) == (
			"Pending Approval",
			"Desk",
			people.manager,
		)
		site.db.commit()
		with pytest.raises(site.PermissionError, match="another Licensing Manager"):
			workflow(site, doc.name, "Approve")
		site.db.rollback()
		# The trap: Frappe looks at self-approval only in its own action, not on a save.
		doc = site.get_doc(DT, doc.name)
		doc.workflow_state = "Approved"
		with pytest.raises(site.PermissionError, match="another Licensing Manager"):
			doc.save()
		site.db.rollback()
	with as_user(colleague):
		assert workflow(site, doc.name, "Approve").workflow_state == "Approved"


def test_one_person_msps_can_allow_self_approval(site, people, as_user):
	site.db.set_single_value("Licensing Settings", "allow_self_approval", 1)
	with as_user(people.manager):
		doc = staff_request(site)
		assert workflow(site, doc.name, "Approve").workflow_state == "Approved"


def test_the_server_says_who_asked_whatever_the_form_sends(site, people, as_user):
	with as_user(people.manager):
		doc = staff_request(
			site,
			next_attempt_on="2099-01-01",
			requested_by="Administrator",
			source="Portal",
			decision="Auto-Approved",
			workflow_state="Approved",
		)
	assert (doc.requested_by, doc.source, doc.decision, doc.workflow_state) == (
		people.manager,
		"Desk",
		"Held",
		"Pending Approval",
	)
	assert not doc.next_attempt_on


def test_staff_exceed_the_limits_only_with_a_reason(site, people, as_user):
	from msp_licensing.changes.requests import ChangeRefused

	with as_user(people.manager):
		with pytest.raises(ChangeRefused, match="reason"):
			staff_request(site, 250)
		assert staff_request(site, 250, staff_reason="Agreed by phone").requested_quantity == 250


@pytest.mark.parametrize("wanted", [0, -1, 10])
def test_staff_cannot_ask_for_nonsense_either(site, people, as_user, wanted):
	from msp_licensing.changes.requests import ChangeRefused

	with as_user(people.manager), pytest.raises(ChangeRefused):
		staff_request(site, wanted, staff_reason="because")


def test_nobody_without_the_role_makes_or_decides_requests(site, people, pending, make_portal_user, as_user):
	from frappe.model.workflow import WorkflowTransitionError

	make_portal_user("clerk@msp.example", None, "Report Manager")
	for user in ("clerk@msp.example", people.requester, people.reader, "Guest"):
		with as_user(user):
			with pytest.raises(site.PermissionError):
				staff_request(site)
			with pytest.raises((site.PermissionError, WorkflowTransitionError)):
				workflow(site, pending, "Approve")
			doc = site.get_doc(DT, pending)
			doc.workflow_state = "Approved"
			with pytest.raises(site.PermissionError):
				doc.save()
		site.db.rollback()
	assert site.db.get_value(DT, pending, "workflow_state") == "Pending Approval"
	assert site.db.count(DT) == 1


def test_requests_are_kept(site, people, pending, as_user):
	for user in (people.manager, "Administrator"):
		with as_user(user), pytest.raises(site.PermissionError):
			site.delete_doc(DT, pending)


def test_a_request_cannot_be_retried_while_another_is_open(site, people, pending, as_user):
	from msp_licensing.changes import states
	from msp_licensing.changes.requests import AskedAlready

	states.move(pending, "Failed", expect=("Pending Approval",), retryable=1)
	with as_user(people.manager):
		staff_request(site, 12)
		with pytest.raises(AskedAlready):
			workflow(site, pending, "Retry")
