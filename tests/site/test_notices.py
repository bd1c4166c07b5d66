"""Who is told what: the right people, once for one event, and nothing that a client must not read."""

import ast
import threading
from pathlib import Path

import notice_helpers
import pytest
from notice_helpers import DT, NOTICE, about, assigned, bells, mails

from msp_licensing.frappe_version import desk_path

CEDAR = "Cedar & Pine Architects"
SECRETS = ("SECRET-RULE", "SECRET-ANSWER", "SECRET-REASON")


@pytest.fixture
def ask(site, sandbox, people):
	"""ask(wanted): the requester asks; the request, committed."""
	return lambda wanted="40": notice_helpers.ask(site, people.requester, wanted)


@pytest.fixture
def choose(site):
	return lambda **values: notice_helpers.choose(site, **values)


# ------------------------------------------------------------------------------------ the table


def test_every_event_that_the_code_tells_of_is_in_the_table(site):
	import msp_licensing
	from msp_licensing.changes import notices, requests

	called = set()
	for path in Path(msp_licensing.__file__).parent.rglob("*.py"):
		for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
			if isinstance(node, ast.Call) and ast.unparse(node.func) in ("notify.about", "about"):
				called |= {one.value for one in ast.walk(node.args[0]) if isinstance(one, ast.Constant)}
	called |= set(requests._NEWS.values())
	assert {"pending", "quantity_moved", "outcome"} <= called <= set(notices.NOTICES)


def test_texts_use_only_what_their_readers_may_read(site):
	from jinja2 import meta

	from msp_licensing.changes import notices, wording

	used = {notice.text for rows in notices.NOTICES.values() for notice in rows}
	assert used | {"staff_digest"} == set(notices.TEXTS)
	for text in notices.TEXTS:
		for part in wording.shipped(text):
			known = meta.find_undeclared_variables(site.utils.jinja.get_jenv().parse(part))
			assert known <= set(wording.names(text)), text
	assert not set(wording.FOR_ALL) & {"why", "result", "rule", "vendor"}


@pytest.mark.parametrize("client_reads", [True, False])
def test_no_text_gets_more_values_than_it_says(site, ask, client_reads):
	from msp_licensing.changes import wording

	values = wording.values(ask(), for_staff=not client_reads)
	assert set(values) == set(wording.names("client_applied" if client_reads else "staff_pending"))


def test_no_mail_to_a_client_says_why_it_was_held_or_what_pax8_answered(site, sandbox, people, ask, choose):
	from msp_licensing.changes import notices

	choose(tell_other_contacts=1)
	doc = ask()
	doc.decision_summary, doc.pax8_message, doc.staff_reason = SECRETS
	doc.decision_rule, doc.decided_by = "threshold", people.manager
	site.db.delete("Email Queue Recipient")
	told = set()
	for event, rows in notices.NOTICES.items():
		for state in {row.state for row in rows}:
			doc.workflow_state = state or "Pending Approval"
			about(event, doc, key=f"{state}", what="Something happened.")
	for user in (people.requester, people.reader, people.approver):
		for mail in mails(site, user):
			told.add(user)
			assert "/licensing" in mail and "Keeper" in mail, mail
			assert "{{" not in mail and "None" not in mail, mail
			for secret in (*SECRETS, "threshold", "Why it waits", "app/license-change-request"):
				assert secret not in mail, mail
	assert told == {people.requester, people.reader, people.approver}
	assert any(SECRETS[0] in mail for mail in mails(site, people.manager))
	assert not mails(site, people.foreign_requester) and not bells(site, people.foreign_requester)
	assert not site.db.count("Error Log")


# ------------------------------------------------------------------------------------ once for one event


def test_a_job_that_runs_again_tells_nobody_again_but_a_second_wait_is_told(site, people, ask):
	from msp_licensing.changes import states

	doc = ask()
	for _ in range(2):
		about("pending", doc)
	assert mails(site) == [people.manager] and bells(site) == [people.manager]
	assert assigned(site, doc.name) == [people.manager]

	assert states.move(doc.name, "Approved", expect=("Pending Approval",))
	assert assigned(site, doc.name) == [], "nobody has to act any more"
	assert states.move(doc.name, "Pending Approval", expect=("Approved",), current_quantity=12)
	doc.reload()
	for _ in range(2):
		about("quantity_moved", doc)
	assert len(mails(site, people.manager)) == 2 and len(mails(site, people.requester)) == 1
	assert assigned(site, doc.name) == [people.manager]
	# The same numbers once more are another event all the same.
	for state in ("Approved", "Pending Approval"):
		states.move(doc.name, state, expect=states.OPEN)
	about("quantity_moved", doc)
	assert len(mails(site, people.manager)) == 3 and len(mails(site, people.requester)) == 2
	about("reminder", doc)
	about("reminder", doc)
	about("reminder", doc, key="a second one")
	assert len(mails(site, people.manager)) == 5


def test_a_failure_after_a_retry_is_told_again(site, people, ask, as_user):
	from frappe.model.workflow import apply_workflow

	from msp_licensing.changes import states

	doc = ask("15")
	for _ in range(2):
		states.move(doc.name, "Failed", expect=("Approved",), retryable=1)
		doc.reload()
		about("outcome", doc)
		about("outcome", doc)
		with as_user(people.manager):
			apply_workflow(doc, "Retry")
	assert len(mails(site, people.manager)) == len(mails(site, people.requester)) == 2


def test_a_faster_job_that_has_told_already_shows_no_error(site, people, ask, monkeypatch):
	doc = ask()
	exists = site.db.exists
	monkeypatch.setattr(site.db, "exists", lambda dt, *a, **k: None if dt == NOTICE else exists(dt, *a, **k))
	about("pending", doc)
	assert mails(site) == [people.manager] and bells(site) == [people.manager]
	assert not site.local.message_log and not site.db.count("Error Log")


def test_of_two_jobs_at_the_same_moment_one_tells(site, people, ask):
	import frappe

	doc, name, barrier, errors = ask(), site.local.site, threading.Barrier(2), []

	def work() -> None:
		frappe.init(name, sites_path=".", force=True)
		frappe.connect()
		try:
			# Each from a view of the database in which nothing is told yet.
			mine = frappe.get_doc(DT, doc.name)
			barrier.wait(20)
			about("reminder", mine)
			frappe.db.commit()
		except Exception as error:
			errors.append(error)
		finally:
			frappe.destroy()

	threads = [threading.Thread(target=work) for _ in range(2)]
	for thread in threads:
		thread.start()
	for thread in threads:
		thread.join(60)
	site.db.rollback()
	assert not errors and not site.db.count("Error Log")
	assert len(mails(site, people.manager)) == len(bells(site, people.manager)) == 2, (
		"pending, and one reminder"
	)


def test_what_is_rolled_back_is_told_to_nobody(site, people, ask):
	from msp_licensing.changes import states

	doc = ask("15")
	states.move(doc.name, "Failed", expect=("Approved",))
	doc.reload()
	about("outcome", doc)
	assert mails(site, people.requester)
	site.db.rollback()
	for doctype in ("Email Queue", "Notification Log", NOTICE):
		assert not site.db.count(doctype), doctype


# ------------------------------------------------------------------------------------ whom


def test_the_disabled_and_those_without_an_address_or_a_wish_for_mails_get_none(
	site, people, ask, make_portal_user
):
	users = {
		name: make_portal_user(f"{name}@msp.example", None, "Licensing Manager")
		for name in ("gone", "addressless", "quiet", "silent")
	}
	site.db.set_value("User", users["gone"], "enabled", 0)
	site.db.set_value("User", users["addressless"], "email", "")
	site.db.set_value("Notification Settings", users["quiet"], "enable_email_notifications", 0)
	site.db.set_value("Notification Settings", users["silent"], {"enabled": 0})
	doc = ask()
	assert mails(site) == sorted([people.manager, users["silent"]])
	assert sorted(bells(site)) == sorted([people.manager, users["addressless"], users["quiet"]])
	assert assigned(site, doc.name) == sorted(
		[people.manager, users["addressless"], users["quiet"], users["silent"]]
	)


def test_other_contacts_are_told_where_the_settings_say_so_or_the_requester_is_gone(
	site, people, ask, choose, make_portal_user
):
	from msp_licensing.changes import people as groups
	from msp_licensing.changes import states

	colleague = make_portal_user("cora@cedarpine.example", CEDAR, "Licensing Client")
	doc = ask("15")
	states.move(doc.name, "Applied", expect=("Approved",))
	doc.reload()
	assert groups.contacts(doc) == []
	choose(tell_other_contacts=1)
	about("outcome", doc)
	assert mails(site) == sorted([people.requester, people.reader, people.approver, colleague])
	made_here = site.copy_doc(doc).update({"source": "Desk", "requested_by": people.manager})
	made_here.workflow_state = "Rejected"
	assert groups.contacts(made_here) == [], "what staff asked for is told once it is applied"
	made_here.workflow_state = "Applied"
	assert groups.contacts(made_here) == [colleague, people.requester, people.approver, people.reader]
	choose(tell_other_contacts=0)
	site.db.set_value("Licensing Portal User", {"user": people.requester}, "status", "Revoked")
	assert groups.requester(doc) == [], "not of this client any more"
	assert groups.contacts(doc) == [colleague], "who may ask, not who may only look"


def test_staff_who_asked_read_which_client_it_was_for(site, people, ask):
	doc = ask()
	doc.source, doc.requested_by, doc.workflow_state = "Desk", people.manager, "Applied"
	about("outcome", doc, key="desk")
	assert mails(site, people.manager)[-1].startswith(
		"Applied: Cedar & Pine Architects, Keeper Business 10 → 40\n"
	)
	assert desk_path(f"license-change-request/{doc.name}") in mails(site, people.manager)[-1]
	assert not mails(site, people.requester)
	doc.workflow_state, doc.decided_by = "Rejected", people.manager
	about("outcome", doc, key="taken back")
	assert len(mails(site, people.manager)) == 2, "of what they did themselves they are not told"


def test_the_clients_approvers_are_told_in_the_portal_and_never_of_their_own(site, people, ask):
	from msp_licensing.changes import states

	approver = people.approver
	doc = ask()
	states.move(doc.name, "Pending Client Approval", expect=("Pending Approval",))
	doc.reload()
	about("client_pending", doc)
	about("reminder", doc)
	assert [mail.split("\n")[0] for mail in mails(site, approver)] == [
		"Olivia Office asks for 40 licenses of Keeper Business",
		"Still waiting for you: 40 licenses of Keeper Business",
	]
	assert len(mails(site, people.manager)) == 1, "of the request as it was before"
	doc.requested_by = approver
	about("client_pending", doc, key="own")
	assert len(mails(site, approver)) == 2
	doc.workflow_state, doc.client_declined = "Rejected", 1
	doc.requested_by = people.requester
	about("outcome", doc)
	assert "declined in your company" in mails(site, people.requester)[0]


def test_assignments_are_the_staffs_and_an_assignment_rule_comes_first(site, people, ask, as_user):
	from msp_licensing.changes import assignments

	doc = ask()
	with as_user(people.requester):
		assert site.get_list("ToDo") == [], "not even what their own request has caused"
	rule = site.get_doc(
		{
			"doctype": "Assignment Rule",
			"document_type": DT,
			"assign_condition": "0",
			"description": "x",
			"rule": "Round Robin",
		}
	)
	rule.name = "Ours"
	rule.db_insert()
	assignments.close(doc.name)
	assignments.assign(doc, people.manager, "Decide")
	assert assigned(site, doc.name) == []
	site.db.rollback()


def test_work_by_hand_is_assigned_with_its_day(site, people, ask):
	doc = ask()
	site.db.delete("ToDo")
	about("by_hand", doc, date="2027-03-01", what=lambda: "Pax8 takes it by <phone> only.")
	todo = site.get_doc("ToDo", {"reference_name": doc.name})
	assert (todo.allocated_to, str(todo.date)) == (people.manager, "2027-03-01")
	assert todo.description == "A license change is to be made by hand."
	assert "To do by hand" in mails(site, people.manager)[-1]
	assert "by &lt;phone&gt; only" in mails(site, people.manager)[-1]


def test_the_bell_and_todos_name_no_client_product_number_or_reason(site, people, ask):
	from msp_licensing.changes import notices

	doc = ask()
	doc.staff_reason, doc.note, doc.reject_reason = "Staffreason", "Clientnote", "Rejectreason"
	for event, rows in notices.NOTICES.items():
		for state in {row.state for row in rows if row.state} or {doc.workflow_state}:
			doc.workflow_state = state
			about(event, doc, key=f"again {event} {state}", what=lambda: "Whathappened", date="2027-03-01")
	told = [
		*site.get_all("Notification Log", fields=["subject", "email_content", "link", "attached_file"]),
		*site.get_all("ToDo", fields=["description"]),
	]
	assert len(told) > 15
	secrets = (
		*("Keeper", "Cedar", "Olivia", "Staffreason", "Clientnote", "Rejectreason", "Whathappened", "2027"),
		*("10", "40", "300", "approval up to", doc.decision_summary),
	)
	for row in told:
		said = " ".join(str(value) for key, value in row.items() if value and key != "link")
		assert said and not [secret for secret in secrets if secret and secret in said], said
	assert set(site.get_all("Notification Log", pluck="document_name")) == {doc.name}, (
		"they lead to the request"
	)


def test_every_text_has_a_sentence_for_the_bell(site):
	from msp_licensing.changes import bell, notices

	sentences = [bell.sentence(text) for text in notices.TEXTS]
	assert bell.something() not in sentences and bell.sentence("of somebody else") == bell.something()


def test_bells_and_todos_of_before_are_emptied(site, people, ask):
	from msp_licensing.changes import bell
	from msp_licensing.patches import empty_bells

	doc = ask()
	[log] = site.get_all("Notification Log", pluck="name")
	[todo] = site.get_all("ToDo", pluck="name")
	other = site.get_doc(
		{"doctype": "ToDo", "description": "Of a person", "allocated_to": people.manager}
	).insert()
	site.db.set_value("Notification Log", log, {"subject": "Cedar asks", "email_content": "for 40"})
	site.db.set_value("ToDo", todo, "description", "Cedar asks for 40")
	for _ in range(2):
		empty_bells.execute()
		row = site.db.get_value("Notification Log", log, ["subject", "email_content", "document_name"])
		assert row == (bell.something(), None, doc.name)
		assert (
			site.db.get_value("ToDo", todo, "description") == "A license change request waits for a decision."
		)
		assert site.db.get_value("ToDo", other.name, "description") == "Of a person"
