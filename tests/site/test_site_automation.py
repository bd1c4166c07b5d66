"""What a site has set up for License Change Requests sees every step, once: also those that the app takes by SQL."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace

import pytest
from notice_helpers import ask as asked
from notice_helpers import assigned

from msp_licensing.sandbox import storybook

KEEPER = storybook.CEDAR_KEEPER
DT = "License Change Request"

MADE = ("Assignment Rule", "Notification", "Webhook", "Server Script")


@pytest.fixture
def set_up(site, monkeypatch):
	"""set_up(doctype, name, **values): a document of the site's own automation; gone after the test."""
	monkeypatch.setattr("frappe.core.doctype.server_script.server_script.is_safe_exec_enabled", lambda: True)
	monkeypatch.setattr("frappe.utils.safe_exec.is_safe_exec_enabled", lambda: True)
	made = []

	def make(doctype, name, **values):
		doc = site.get_doc({"doctype": doctype, "name": name, "__newname": name, **values})
		doc.insert(set_name=name)
		made.append((doctype, doc.name))
		site.db.commit()
		return doc

	yield make
	site.db.rollback()
	site.set_user("Administrator")
	for doctype, name in made:
		site.delete_doc(doctype, name, force=True, ignore_permissions=True)
	site.db.commit()


@pytest.fixture
def rule(set_up, people):
	return set_up(
		"Assignment Rule",
		"Who decides",
		document_type=DT,
		description="Decide {{ name }}",
		assign_condition='workflow_state == "Pending Approval"',
		unassign_condition='workflow_state != "Pending Approval"',
		rule="Round Robin",
		users=[{"user": people.manager}],
		assignment_days=[
			{"day": day}
			for day in ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
		],
	)


@pytest.fixture
def watched(site, set_up, people):
	"""Notifications that tell the manager of each state; `watched()` returns what they have told since the last time."""

	def notification(name, **values):
		set_up(
			"Notification",
			name,
			channel="System Notification",
			document_type=DT,
			recipients=[{"receiver_by_role": "Licensing Manager"}],
			message="x",
			**values,
		)

	notification(
		"Changed",
		event="Value Change",
		value_changed="workflow_state",
		subject="changed to {{ doc.workflow_state }}",
	)
	notification(
		"Saved",
		event="Save",
		condition='doc.workflow_state in ("Pending Approval", "Failed")',
		subject="saved as {{ doc.workflow_state }}",
	)
	notification("Made", event="New", subject="made as {{ doc.workflow_state }}")
	set_up(
		"Server Script",
		"Keeps a log",
		script_type="DocType Event",
		reference_doctype=DT,
		doctype_event="After Save",
		script='frappe.log_error("script " + doc.workflow_state)',
	)
	seen = set()

	def told():
		site.db.rollback()
		work_off(site, "make_notification_logs")
		bell = site.get_all(
			"Notification Log", {"for_user": people.manager}, ["name", "subject"], order_by="creation, name"
		)
		logs = site.get_all("Error Log", {}, ["name", "method as subject"], order_by="creation, name")
		new = [row for row in (*bell, *logs) if row.name not in seen]
		seen.update(row.name for row in new)
		return [
			row.subject
			for row in new
			if row.subject.split()[0] in ("changed", "saved", "made", "script", "Automation")
		]

	return told


@pytest.fixture(autouse=True)
def quick_reads(monkeypatch, site):
	from msp_licensing.changes import apply

	monkeypatch.setattr(apply, "READ_BACK_AFTER", (0, 0))


def act(site, user, action, name):
	from frappe.model.workflow import apply_workflow

	site.set_user(user)
	apply_workflow(site.get_doc(DT, name), action)
	site.set_user("Administrator")
	site.db.commit()


def move(site, name, to, **values):
	from msp_licensing.changes import states

	before = site.db.get_value(DT, name, "workflow_state")
	assert states.move(name, to, expect=(before,), **values)
	site.db.commit()


def run(name):
	from msp_licensing.changes import apply

	apply.run(name)


# --------------------------------------------------------------------------------------------- each step, once


def test_a_held_request_that_is_approved_and_applied(site, sandbox, people, watched):
	name = asked(site, people.requester).name
	assert watched() == ["made as Pending Approval", "saved as Pending Approval", "script Pending Approval"]
	act(site, people.manager, "Approve", name)
	assert watched() == ["changed to Approved", "script Approved"]
	run(name)
	assert watched() == ["changed to Applying", "changed to Applied", "script Applying", "script Applied"]


def test_an_auto_approved_request_is_never_told_as_one_that_waits(site, sandbox, people, watched):
	name = asked(site, people.requester, "15").name
	assert watched() == ["made as Approved", "script Approved"]
	run(name)
	assert watched() == ["changed to Applying", "changed to Applied", "script Applying", "script Applied"]


def test_a_quantity_that_moved_brings_the_request_back_to_whoever_decides(
	site, sandbox, people, watched, rule
):
	name = asked(site, people.requester).name
	assert assigned(site, name) == [people.manager]
	act(site, people.manager, "Approve", name)
	assert assigned(site, name) == []
	watched()
	sandbox.change("subscriptions", KEEPER, quantity=12)
	run(name)
	assert site.db.get_value(DT, name, "workflow_state") == "Pending Approval"
	assert assigned(site, name) == [people.manager], "nobody is asked to decide it"
	assert [one for one in watched() if not one.startswith("script")] == [
		"changed to Applying",
		"saved as Pending Approval",
		"changed to Pending Approval",
	]


def test_the_yes_of_the_clients_approver_assigns_it_to_whoever_decides(site, sandbox, people, watched, rule):
	from msp_licensing import permissions
	from msp_licensing.changes import client_approval

	site.db.set_single_value("Licensing Settings", {"use_client_approval": 1, "client_approval_above": 0})
	site.clear_document_cache("Licensing Settings", "Licensing Settings")
	name = asked(site, people.requester).name
	assert "made as Pending Client Approval" in watched() and assigned(site, name) == []
	site.set_user(people.approver)
	client_approval.approve(name, access=permissions.portal_access(people.approver))
	assert site.session.user == people.approver
	site.db.commit()
	assert site.session.user == people.approver, "the session is given back"
	site.set_user("Administrator")
	assert assigned(site, name) == [people.manager]
	todo = site.get_all("ToDo", {"reference_name": name}, ["assigned_by", "owner"])[-1]
	assert (todo.assigned_by, todo.owner) == ("Administrator", "Administrator")
	assert watched() == [
		"saved as Pending Approval",
		"changed to Pending Approval",
		"script Pending Approval",
	]


@pytest.mark.parametrize("to", ["Failed", "Needs Review", "Expired", "Withdrawn", "Scheduled"])
def test_every_other_step_of_the_system_is_told_once(site, sandbox, people, watched, rule, to):
	name = asked(site, people.requester).name
	watched()
	move(site, name, to)
	saved = ["saved as Failed"] if to == "Failed" else []
	assert watched() == [*saved, f"changed to {to}", f"script {to}"]
	assert assigned(site, name) == []
	if to == "Failed":
		site.db.set_value(DT, name, "retryable", 1)
		site.db.commit()
		act(site, people.manager, "Retry", name)
		assert watched() == ["changed to Approved", "script Approved"]
	if to == "Scheduled":
		move(site, name, "Approved", event="due")
		assert watched() == ["changed to Approved", "script Approved"]


def test_a_mere_look_is_no_step(site, sandbox, people, watched):
	name = asked(site, people.requester).name
	move(site, name, "Scheduled")
	watched()
	move(site, name, "Scheduled", next_attempt_on="2030-01-01")
	assert watched() == []
	move(site, name, "Scheduled", handed_over_on="2030-01-01")
	assert watched() == ["script Scheduled"]


def test_a_step_that_is_taken_back_is_told_nobody(site, sandbox, people, watched):
	from msp_licensing.changes import states

	name = asked(site, people.requester).name
	watched()
	assert states.move(name, "Expired", expect=("Pending Approval",))
	site.db.rollback()
	site.db.savepoint("here")
	assert states.move(name, "Expired", expect=("Pending Approval",))
	site.db.rollback(save_point="here")
	site.db.commit()
	assert watched() == []


def test_a_rule_without_an_end_reopens_what_it_assigned_and_ours_leave_it_alone(site, people, set_up):
	set_up(
		"Assignment Rule",
		"Stays",
		document_type=DT,
		description="x",
		assign_condition='workflow_state == "Pending Approval"',
		close_condition='workflow_state in ("Withdrawn", "Applied")',
		rule="Round Robin",
		users=[{"user": people.manager}],
		assignment_days=[
			{"day": day}
			for day in ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
		],
	)
	name = asked(site, people.requester).name
	assert assigned(site, name) == [people.manager]
	move(site, name, "Withdrawn")
	assert assigned(site, name) == []


# --------------------------------------------------------------------------------------------- webhooks


@pytest.fixture
def receiver():
	"""A server on the loopback that keeps what is posted to it."""
	got = []

	class Handler(BaseHTTPRequestHandler):
		def do_POST(self):
			got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
			self.send_response(200)
			self.end_headers()

		def log_message(self, *args):
			pass

	server = HTTPServer(("127.0.0.1", 0), Handler)
	threading.Thread(target=server.serve_forever, daemon=True).start()
	yield SimpleNamespace(url=f"http://127.0.0.1:{server.server_port}/", got=got)
	server.shutdown()
	server.server_close()


def work_off(site, function):
	"""Does the jobs of one kind in the default queue, as a worker would."""
	from frappe.utils.background_jobs import get_queue

	queue = get_queue("default")
	for job in queue.jobs:
		method = job.kwargs["method"]
		if function in str(method):
			(site.get_attr(method) if isinstance(method, str) else method)(**job.kwargs["kwargs"])
	queue.empty()
	site.db.commit()


@pytest.mark.parametrize("event", ["on_update", "on_change"])
def test_a_webhook_is_called_for_each_step(site, sandbox, people, set_up, receiver, event):
	set_up(
		"Webhook",
		f"Hook {event}",
		webhook_doctype=DT,
		webhook_docevent=event,
		request_url=receiver.url,
		request_method="POST",
		request_structure="JSON",
		webhook_json='{"state": "{{ doc.workflow_state }}"}',
		enabled=1,
	)
	name = asked(site, people.requester, "15").name
	run(name)
	work_off(site, "enqueue_webhook")
	made = [{"state": "Approved"}] if event == "on_update" else []
	assert receiver.got == [*made, {"state": "Applying"}, {"state": "Applied"}]
	assert len(sandbox.calls("updateSubscription")) == 1


# --------------------------------------------------------------------------------------------- what is broken


def test_what_is_broken_stops_and_repeats_nothing(site, sandbox, people, watched, set_up):
	set_up(
		"Notification",
		"Broken",
		channel="System Notification",
		document_type=DT,
		event="Value Change",
		value_changed="workflow_state",
		subject="{{ doc.nothing.at.all }}",
		message="{{ doc.nothing.at.all }}",
		recipients=[{"receiver_by_role": "Licensing Manager"}],
	)
	set_up(
		"Server Script",
		"Broken too",
		script_type="DocType Event",
		reference_doctype=DT,
		doctype_event="After Save",
		script='frappe.throw("Not with me")',
	)
	name = asked(site, people.requester, "15").name
	run(name)
	run(name)
	assert site.db.get_value(DT, name, "workflow_state") == "Applied"
	assert len(sandbox.calls("updateSubscription")) == 1
	assert not site.local.message_log
	told = watched()
	assert {"changed to Applying", "changed to Applied"} <= set(told), "the others are told all the same"
	assert any(one.startswith("Automation of") for one in told), "and it is in the Error Log"


def test_a_hook_that_rolls_back_takes_nothing_with_it(site, sandbox, people, monkeypatch):
	"""Neither the step, nor the job that was to follow its commit."""
	import frappe
	from frappe.utils.background_jobs import get_queue

	from msp_licensing.changes import site_automation

	name = asked(site, people.requester).name
	get_queue("short").empty()
	monkeypatch.setattr(site_automation, "_hooks", lambda method: ["frappe.db.rollback"])
	real = site.get_attr
	monkeypatch.setattr(
		site,
		"get_attr",
		lambda path: (lambda *_args: frappe.db.rollback()) if path == "frappe.db.rollback" else real(path),
	)
	from msp_licensing.changes import requests, states

	assert states.move(name, "Approved", expect=("Pending Approval",))
	requests.queue_apply(name)
	site.db.commit()
	site.db.rollback()
	assert site.db.get_value(DT, name, "workflow_state") == "Approved"
	assert len(get_queue("short").jobs) == 1
