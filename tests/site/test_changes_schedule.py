"""Decreases for the end of a term: planned, withdrawn, noticed, decided once more, applied, or handed to staff."""

import json
from datetime import datetime, timedelta, timezone

import pytest

from msp_licensing.sandbox import storybook

DT = "License Change Request"
PREMIUM = (
	storybook.MUELLER_BUSINESS_PREMIUM
)  # 18 licenses, one year, ends in 20 days; windows 0 before, 7 after


@pytest.fixture
def access(people, site):
	from msp_licensing import permissions

	return permissions.portal_access(people.foreign_requester)


@pytest.fixture
def no_overrides(site, sandbox):
	"""The demo's policy without its vendor override: up to 50 % is released."""
	site.db.delete("Licensing Vendor Override")
	site.clear_document_cache("Licensing Settings", "Licensing Settings")
	site.db.commit()


@pytest.fixture
def travel(site, sandbox, monkeypatch):
	"""travel(days): so many days from today, on the site and at Pax8."""
	from msp_licensing import clock
	from msp_licensing.changes import apply, planning

	monkeypatch.setattr(apply, "READ_BACK_AFTER", (0,))
	start, real_today, real_now = sandbox.clock.now(), planning.today(), clock.utc_now

	def go(days):
		monkeypatch.setattr(clock, "utc_now", lambda: real_now() + timedelta(days))
		sandbox.clock.set(start + timedelta(days))
		return real_today + timedelta(days)

	return go


@pytest.fixture
def end(site, sandbox):
	return site.db.get_value("Pax8 Subscription", PREMIUM, "commitment_end")


@pytest.fixture
def planned(site, access, no_overrides):
	"""A decrease from 18 to 12 for the end of the term, released by the policy."""
	doc = submit(access, 12)
	site.db.commit()
	assert doc.workflow_state == "Scheduled"
	return doc


def submit(access, wanted, timing="End of Term", subscription=PREMIUM):
	from msp_licensing.changes import requests

	return requests.submit(subscription, wanted, access=access, timing=timing)


def look(site, name):
	"""As the job does; returns the request afterwards."""
	from msp_licensing.changes import schedule

	schedule.look(name)
	site.db.rollback()
	return site.get_doc(DT, name)


def needing(site):
	from msp_licensing.changes import planning, schedule

	return schedule.needing_a_look(planning.today())


def switch_to(site, mode):
	site.db.set_single_value("Pax8 Settings", "mode", mode)
	site.clear_document_cache("Pax8 Settings", "Pax8 Settings")
	site.db.commit()


def puts(sandbox):
	return sandbox.calls("updateSubscription")


def told(site, event, name):
	return sorted(site.get_all("License Change Notice", {"event": event, "request": name}, pluck="recipient"))


def renew(sandbox, end):
	"""Pax8 shows the next term, as it does once a commitment has renewed."""
	after = datetime(end.year + 1, end.month, end.day, tzinfo=timezone.utc)
	sandbox.change("subscriptions", PREMIUM, commitmentTerm={"term": "1-Year", "endDate": after.isoformat()})


def set_windows(site, before, after):
	"""Pax8 tells of other renewal windows of the product."""
	product = site.db.get_value("Pax8 Subscription", PREMIUM, "product")
	options = json.loads(site.db.get_value("Pax8 Product", product, "commitment_options"))
	for option in options:
		option["renewal_window_days_before_term_end"] = before
		option["renewal_window_days_after_term_end"] = after
	site.db.set_value("Pax8 Product", product, "commitment_options", json.dumps(options))
	site.db.commit()


# --------------------------------------------------------------------------------------------- asking


def test_now_is_refused_with_the_offer_of_the_end_of_the_term(site, sandbox, access, no_overrides):
	from msp_licensing.changes.requests import ChangeRefused

	with pytest.raises(ChangeRefused, match="You can ask for the change at the end of the term"):
		submit(access, 12, "Now")
	assert not site.db.count(DT) and not puts(sandbox)


@pytest.mark.parametrize(
	("wanted", "timing", "subscription", "words"),
	[
		(20, "End of Term", PREMIUM, "Only a reduction can wait"),
		(20, "End of Term", storybook.MUELLER_EXCLAIMER, "no running term"),
		(7, "End of Term", storybook.MUELLER_BUSINESS_BASIC, "no running term"),
		(12, "Whenever", PREMIUM, "now or at the end of the term"),
	],
)
def test_what_cannot_wait_is_refused(site, sandbox, access, wanted, timing, subscription, words):
	with pytest.raises(site.ValidationError, match=words):
		submit(access, wanted, timing, subscription)
	assert not site.db.count(DT)


def test_what_the_policy_releases_is_scheduled_at_once(site, sandbox, planned, end, people):
	assert (planned.decision, planned.decision_rule) == ("Auto-Approved", "within_threshold")
	assert (planned.term_end, planned.scheduled_for) == (end, end + timedelta(1))
	assert planned.open_subscription == PREMIUM and not puts(sandbox)
	assert told(site, "scheduled", planned.name) == [people.foreign_requester]
	assert json.loads(planned.decision_facts)["timing"] == "End of Term"


def test_what_the_policy_holds_is_approved_by_scheduling_it(site, sandbox, access, people, as_user, end):
	from frappe.model.workflow import apply_workflow

	doc = submit(access, 12)
	assert (doc.workflow_state, doc.decision_rule, doc.term_end) == (
		"Pending Approval",
		"vendor_override",
		end,
	)
	site.db.commit()
	with as_user(people.manager):
		with pytest.raises(site.ValidationError, match="schedule it"):
			doc = site.get_doc(DT, doc.name)
			doc.workflow_state = "Approved"
			doc.save()
		site.db.rollback()
		doc = apply_workflow(site.get_doc(DT, doc.name), "Schedule")
	assert (doc.workflow_state, doc.decided_by) == ("Scheduled", people.manager)
	assert told(site, "scheduled", doc.name) == [people.foreign_requester]


def test_staff_may_schedule_another_quantity_and_that_one_is_made(
	site, sandbox, access, people, as_user, travel
):
	from msp_licensing.changes import apply, staff

	doc = submit(access, 12)
	site.db.commit()
	with as_user(people.manager):
		doc = staff.approve_another(doc.name, 14, "Two are still in use", seen_quantity=18)
	assert (doc.workflow_state, doc.approved_quantity) == ("Scheduled", 14)
	site.db.commit()
	travel(21)
	look(site, doc.name)
	apply.run(doc.name)
	site.db.rollback()
	assert site.db.get_value(DT, doc.name, "workflow_state") == "Applied"
	assert sandbox.subscription(PREMIUM)["quantity"] == 14


def test_a_change_for_now_cannot_be_scheduled(site, sandbox, access, people, as_user):
	doc = submit(access, 28, "Now")
	site.db.commit()
	with as_user(people.manager), pytest.raises(site.ValidationError, match="cannot be scheduled"):
		doc = site.get_doc(DT, doc.name)
		doc.workflow_state = "Scheduled"
		doc.save()


def test_staff_can_ask_for_the_end_of_the_term_too(site, sandbox, people, as_user, end):
	from msp_licensing.desk import requests as desk

	with as_user(people.manager):
		assert "End of Term" in desk.preview(PREMIUM, "12", "Now")["refused"]
		assert desk.preview(PREMIUM, "12", "End of Term")["refused"] is None
		doc = site.get_doc(
			{"doctype": DT, "subscription": PREMIUM, "requested_quantity": 12, "timing": "End of Term"}
		).insert()
	assert (doc.workflow_state, doc.scheduled_for) == ("Pending Approval", end + timedelta(1))


def test_a_scheduled_change_can_be_withdrawn_and_leaves_no_trace_at_pax8(
	site, sandbox, planned, access, travel
):
	from msp_licensing.changes import requests

	requests.withdraw(planned.name, access=access)
	site.db.commit()
	travel(30)
	assert look(site, planned.name).workflow_state == "Withdrawn" and not puts(sandbox)


# --------------------------------------------------------------------------------------------- due


@pytest.mark.parametrize("renewed", [True, False])
def test_when_due_it_is_read_decided_once_more_and_applied(site, sandbox, planned, end, travel, renewed):
	"""Pax8 may show the renewal already, or still the term that has ended."""
	from msp_licensing.changes import apply

	travel(20)
	assert look(site, planned.name).workflow_state == "Scheduled", "the day of the end is not over everywhere"
	travel(21)
	if renewed:
		renew(sandbox, end)
	assert needing(site) == [planned.name]
	assert look(site, planned.name).workflow_state == "Approved"
	apply.run(planned.name)
	site.db.rollback()
	doc = site.get_doc(DT, planned.name)
	assert (doc.workflow_state, doc.quantity_after) == ("Applied", 12)
	assert sandbox.subscription(PREMIUM)["quantity"] == 12
	assert [call["body"] for call in puts(sandbox)] == [{"quantity": 12}]


def test_two_looks_at_once_send_once(site, sandbox, planned, travel):
	from msp_licensing.changes import apply

	travel(21)
	for _again in range(2):
		look(site, planned.name)
		apply.run(planned.name)
	assert len(puts(sandbox)) == 1


def test_a_policy_that_holds_by_now_has_it_decided_by_staff(site, sandbox, planned, travel, people):
	site.db.set_single_value("Licensing Settings", "require_approval_by_default", 1)
	site.clear_document_cache("Licensing Settings", "Licensing Settings")
	site.db.commit()
	travel(21)
	doc = look(site, planned.name)
	assert (doc.workflow_state, doc.decision, doc.decision_rule) == (
		"Pending Approval",
		"Held",
		"require_approval",
	)
	assert told(site, "pending", doc.name) == [people.manager] and not puts(sandbox)


def test_what_staff_have_approved_is_not_held_again(site, sandbox, access, people, as_user, travel):
	from msp_licensing.changes import decisions

	doc = submit(access, 12)  # held by the vendor override, which is still there when it is due
	site.db.commit()
	with as_user(people.manager):
		decisions.approve(doc.name)
	site.db.commit()
	travel(21)
	assert look(site, doc.name).workflow_state == "Approved"


def test_observe_sends_nothing_and_hands_it_over_when_the_window_closes(
	site, sandbox, planned, travel, people
):
	switch_to(site, "Observe")
	travel(21)
	assert look(site, planned.name).workflow_state == "Scheduled"
	travel(26)
	doc = look(site, planned.name)
	assert doc.workflow_state == "Scheduled" and "not Live" in doc.pax8_message
	assert told(site, "by_hand", doc.name) == [people.manager] and not puts(sandbox)


def test_without_a_connection_it_is_handed_over_before_the_window_closes_and_not_announced(
	site, sandbox, planned, travel, people
):
	from msp_licensing.changes import schedule

	switch_to(site, "Off")
	travel(14)
	assert schedule.remind() == 0, "what is not sent is not announced"
	travel(21)
	assert schedule.watch() == 1
	assert look(site, planned.name).handed_over_on is None, "somebody may connect it in time"
	travel(27)
	doc = look(site, planned.name)
	assert doc.workflow_state == "Scheduled" and "mode is Off" in doc.pax8_message
	assert told(site, "by_hand", doc.name) == [people.manager] and not sandbox.calls("updateSubscription")


def test_without_a_connection_and_a_known_window_staff_are_told_in_time_and_not_months_before(
	site, sandbox, access, no_overrides, travel, people
):
	set_windows(site, 0, 0)
	doc = submit(access, 12)
	site.db.commit()
	switch_to(site, "Off")
	assert look(site, doc.name).handed_over_on is None, "whatever it is looked at for"
	travel(13)
	assert look(site, doc.name).handed_over_on and told(site, "by_hand", doc.name) == [people.manager]


def test_a_renewal_seen_on_the_evening_before_is_no_other_term(site, sandbox, planned, end, travel):
	"""Pax8's days are those of UTC: in America a term renews on the evening before its last day is over."""
	day = travel(19)
	assert day == end - timedelta(1)
	renew(sandbox, end)
	doc = look(site, planned.name)
	assert (doc.term_end, doc.scheduled_for) == (end, end + timedelta(1)) and not needing(site)
	travel(21)
	assert look(site, planned.name).workflow_state == "Approved"


# --------------------------------------------------------------------------------------------- noticing


def test_a_later_increase_is_noticed_and_the_requester_told(site, sandbox, planned, people):
	sandbox.change("subscriptions", PREMIUM, quantity=20)
	doc = look(site, planned.name)
	assert (doc.workflow_state, doc.current_quantity, doc.quantity_change) == ("Scheduled", 20, -8)
	assert people.foreign_requester in told(site, "scheduled_changed", doc.name)
	before = site.db.count("License Change Notice")
	look(site, planned.name)
	assert site.db.count("License Change Notice") == before and not needing(site), "told once"


def test_what_staff_approved_counts_for_no_other_quantity(site, sandbox, planned, people):
	"""Or else a policy that holds it when it is due would find it approved."""
	site.db.set_value(
		"License Change Request", planned.name, {"decision": "Held", "decided_by": people.manager}
	)
	site.db.commit()
	sandbox.change("subscriptions", PREMIUM, quantity=20)
	doc = look(site, planned.name)
	assert (doc.workflow_state, doc.current_quantity) == ("Scheduled", 20)
	assert (doc.decision, doc.decided_by) == ("Auto-Approved", None)


def test_an_increase_that_makes_it_too_large_a_change_asks_staff_again(site, sandbox, planned, people):
	sandbox.change("subscriptions", PREMIUM, quantity=40)
	doc = look(site, planned.name)
	assert (doc.workflow_state, doc.decision_rule) == ("Pending Approval", "quantity_moved")
	assert "18" in doc.decision_summary and "40" in doc.decision_summary and doc.timing == "End of Term"
	assert set(told(site, "quantity_moved", doc.name)) == {people.manager, people.foreign_requester}


@pytest.mark.parametrize(
	("changes", "state"),
	[
		({"status": "Cancelled", "endDate": "2026-01-01"}, "Withdrawn"),
		({"quantity": 10}, "Withdrawn"),
		({"quantity": 12}, "Applied"),
	],
)
def test_what_makes_it_needless_ends_it_and_sends_nothing(site, sandbox, planned, people, changes, state):
	sandbox.change("subscriptions", PREMIUM, **changes)
	doc = look(site, planned.name)
	assert (doc.workflow_state, doc.open_subscription) == (state, None)
	event = "outcome" if state == "Applied" else "scheduled_changed"
	assert people.foreign_requester in told(site, event, doc.name) and not puts(sandbox)


def test_a_subscription_that_is_gone_ends_it(site, sandbox, planned):
	sandbox.vanish("subscriptions", PREMIUM)
	assert look(site, planned.name).workflow_state == "Withdrawn"


def test_a_term_that_is_moved_takes_the_change_with_it(site, sandbox, planned, end, people, travel):
	later = end + timedelta(40)
	moment = datetime(later.year, later.month, later.day, tzinfo=timezone.utc)
	sandbox.change("subscriptions", PREMIUM, commitmentTerm={"term": "1-Year", "endDate": moment.isoformat()})
	doc = look(site, planned.name)
	assert (doc.term_end, doc.scheduled_for) == (later, later + timedelta(1))
	assert people.foreign_requester in told(site, "scheduled_changed", doc.name)
	travel(21)
	assert look(site, planned.name).workflow_state == "Scheduled", "the old day means nothing any more"


def test_the_watch_finds_what_has_changed_and_what_is_due_and_nothing_else(site, sandbox, planned, travel):
	assert needing(site) == []
	for field, value in (("quantity", 20), ("vanished", 1), ("status", "Cancelled")):
		before = site.db.get_value("Pax8 Subscription", PREMIUM, field)
		site.db.set_value("Pax8 Subscription", PREMIUM, field, value)
		assert needing(site) == [planned.name], field
		site.db.set_value("Pax8 Subscription", PREMIUM, field, before)
	travel(14)
	assert needing(site) == [planned.name]
	site.db.commit()
	look(site, planned.name)
	assert needing(site) == [], "once a day is enough"
	travel(15)
	assert needing(site) == [planned.name]


def test_people_are_told_once_that_it_will_be_made_soon(site, sandbox, planned, travel, people):
	from msp_licensing.changes import schedule

	assert schedule.remind() == 0
	travel(14)
	schedule.remind()
	schedule.remind()
	assert told(site, "scheduled_soon", planned.name) == sorted([people.manager, people.foreign_requester])


# --------------------------------------------------------------------------------------------- by hand


def test_without_a_known_window_it_becomes_a_dated_task_and_what_staff_do_ends_it(
	site, sandbox, access, no_overrides, end, people, travel
):
	set_windows(site, 0, 0)
	doc = submit(access, 12)
	site.db.commit()
	assert doc.scheduled_for == end
	travel(12)
	assert look(site, doc.name).handed_over_on is None
	travel(13)
	doc = look(site, doc.name)
	assert doc.workflow_state == "Scheduled" and doc.handed_over_on
	task = {"reference_name": doc.name, "allocated_to": people.manager}
	assert site.db.get_value("ToDo", task, ["status", "date"]) == ("Open", end)
	look(site, doc.name)
	assert site.db.count("ToDo", task) == 1, "handed over once"
	sandbox.change("subscriptions", PREMIUM, quantity=12)
	assert look(site, doc.name).workflow_state == "Applied"
	assert site.db.get_value("ToDo", task, "status") == "Closed" and not puts(sandbox)


def test_a_task_whose_term_was_moved_is_given_again_with_the_new_date(
	site, sandbox, access, no_overrides, end, people, travel
):
	set_windows(site, 0, 0)
	doc = submit(access, 12)
	site.db.commit()
	travel(13)
	assert look(site, doc.name).handed_over_on
	later = end + timedelta(40)
	moment = datetime(later.year, later.month, later.day, tzinfo=timezone.utc)
	sandbox.change("subscriptions", PREMIUM, commitmentTerm={"term": "1-Year", "endDate": moment.isoformat()})
	assert look(site, doc.name).handed_over_on is None
	task = {"reference_name": doc.name, "allocated_to": people.manager, "status": "Open"}
	assert not site.db.exists("ToDo", task), "its date was that of the old term"
	travel(55)
	assert look(site, doc.name).handed_over_on
	assert site.db.get_value("ToDo", task, "date") == later
	assert told(site, "by_hand", doc.name) == [people.manager] * 2


def test_a_window_that_passed_while_pax8_was_out_of_reach_goes_to_staff_and_then_ends(
	site, sandbox, planned, end, people, travel
):
	sandbox.faults.add("status", "read", status=503, count=500)
	travel(21)
	doc = look(site, planned.name)
	assert (doc.workflow_state, doc.handed_over_on) == ("Scheduled", None)
	travel(30)
	doc = look(site, planned.name)
	assert doc.handed_over_on and told(site, "by_hand", doc.name) == [people.manager]
	sandbox.faults.clear()
	renew(sandbox, end)
	assert look(site, planned.name).workflow_state == "Scheduled", (
		"the next term runs, and its window is over"
	)
	travel(51)
	doc = look(site, planned.name)
	assert (doc.workflow_state, doc.open_subscription) == ("Expired", None) and not puts(sandbox)
	assert people.foreign_requester in told(site, "scheduled_changed", doc.name)


# --------------------------------------------------------------------------------------------- return windows


def test_licenses_just_added_can_be_given_back_now(site, sandbox, access, no_overrides, travel):
	from msp_licensing.changes import apply
	from msp_licensing.changes.requests import ChangeRefused

	added = submit(access, 21, "Now")
	site.db.commit()
	travel(0)
	apply.run(added.name)
	site.db.rollback()
	assert site.db.get_value(DT, added.name, "workflow_state") == "Applied"
	with pytest.raises(ChangeRefused, match="committed until"):
		submit(access, 17, "Now")
	back = submit(access, 18, "Now")
	assert back.workflow_state == "Approved"
	site.db.commit()
	apply.run(back.name)
	site.db.rollback()
	assert sandbox.subscription(PREMIUM)["quantity"] == 18


def test_the_table_of_return_windows_begins_with_microsoft_and_is_the_msps_own(
	site, sandbox, access, no_overrides
):
	settings = site.get_doc("Licensing Settings")
	assert [(row.vendor, row.days) for row in settings.return_windows] == [("Microsoft", 7)]
	settings.append("return_windows", {"vendor": " microsoft ", "days": 3})
	with pytest.raises(site.ValidationError, match="twice"):
		settings.save()
	settings.reload()
	settings.return_windows[0].days = 0
	with pytest.raises(site.ValidationError, match="1 to"):
		settings.save()
