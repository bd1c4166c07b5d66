"""A disabled client can look but not change anything; staff decide its open requests. Enabled again, all is as before."""

from datetime import timedelta

import pytest
from notice_helpers import ask, assigned, mails

from msp_licensing.sandbox import storybook

REQUEST = "License Change Request"
CEDAR, MUELLER = "Cedar & Pine Architects", "Müller & Söhne GmbH"
KEEPER = storybook.CEDAR_KEEPER
PAUSED = "Your provider has paused changes"


@pytest.fixture
def switch(site):
	"""switch(disabled, client): disables or enables a client, as staff do it on its form."""
	from msp_licensing.setup import demo

	def save(disabled, client=CEDAR):
		doc = site.get_doc(demo.site_client_doctype(), client)
		doc.disabled = int(disabled)
		doc.save(ignore_permissions=True)
		site.db.commit()

	return save


def access(user):
	from msp_licensing import permissions

	return permissions.portal_access(user)


def state(site, name):
	return site.db.get_value(REQUEST, name, "workflow_state")


def need_approver(site, **values):
	for field, value in {"use_client_approval": 1, "client_approval_above": 0, **values}.items():
		site.db.set_single_value("Licensing Settings", field, value)
	site.clear_document_cache("Licensing Settings", "Licensing Settings")
	site.db.commit()


class TestPortal:
	def test_the_page_shows_what_they_have_and_offers_nothing(self, site, people, as_user, switch):
		from msp_licensing.portal import api

		request = ask(site, people.requester)
		with as_user(people.requester):
			before = api.overview()["page"]
		switch(True)
		with as_user(people.requester):
			answer = api.overview()
		page = answer["page"]
		assert [PAUSED in notice for notice in page["notices"]] == [True]
		assert len(page["subscriptions"]) == len(before["subscriptions"]) and before["may_ask"]
		assert not page["may_ask"] and not any(card["may_change"] for card in page["subscriptions"])
		assert [one["id"] for one in page["requests"]] == [request.name]
		assert not any(one["may_withdraw"] for one in page["requests"])
		assert answer["html"].count(PAUSED) == 1, "said once, and not on every card"

	def test_nothing_is_asked_for_checked_or_taken_back(self, site, people, as_user, switch):
		from msp_licensing.changes.requests import ChangeRefused
		from msp_licensing.portal import api

		waiting = ask(site, people.requester).name
		switch(True)
		with as_user(people.requester):
			for call in (
				lambda: api.request_change(storybook.CEDAR_SOPHOS, "43"),
				lambda: api.withdraw(waiting),
			):
				with pytest.raises(ChangeRefused, match=PAUSED):
					call()
			site.db.rollback()
			assert PAUSED in api.check(storybook.CEDAR_SOPHOS, "43")["message"]
		assert site.db.count(REQUEST) == 1 and state(site, waiting) == "Pending Approval"

	def test_other_clients_go_on(self, site, people, as_user, switch):
		from msp_licensing.portal import api

		switch(True, MUELLER)
		with as_user(people.requester):
			assert api.request_change(KEEPER, "12")["request"]

	def test_enabled_again_all_is_as_before(self, site, people, as_user, switch):
		from msp_licensing.portal import api

		for disabled in (True, False):
			switch(disabled)
		with as_user(people.requester):
			page = api.overview()["page"]
			assert page["may_ask"] and not page["notices"]
			assert api.request_change(KEEPER, "12")["request"]


class TestClientApprovers:
	def test_what_waits_for_them_waits_for_staff(self, site, people, as_user, switch):
		from msp_licensing.changes.requests import ChangeRefused
		from msp_licensing.portal import api

		need_approver(site)
		name = ask(site, people.requester).name
		assert state(site, name) == "Pending Client Approval"
		switch(True)
		assert state(site, name) == "Pending Approval" and assigned(site, name) == [people.manager]
		assert "disabled" in site.db.get_value(REQUEST, name, "decision_summary")
		with as_user(people.approver):
			for call in (api.approve, api.decline):
				with pytest.raises(ChangeRefused):
					call(name)

	def test_a_client_disabled_behind_our_back_decides_nothing_either(self, site, people, as_user, switch):
		from msp_licensing.changes import deadlines
		from msp_licensing.changes.requests import ChangeRefused
		from msp_licensing.portal import api
		from msp_licensing.setup import demo

		need_approver(site)
		name = ask(site, people.requester).name
		site.db.set_value(demo.site_client_doctype(), CEDAR, "disabled", 1)
		site.db.commit()
		with as_user(people.approver):
			for call in (api.approve, api.decline):
				with pytest.raises(ChangeRefused, match=PAUSED):
					call(name)
		site.db.rollback()
		assert deadlines.run()["handed_over"] == 1 and state(site, name) == "Pending Approval"


class TestStaff:
	def test_they_are_warned_and_decide_what_waits(self, site, people, as_user, switch):
		from msp_licensing.desk import requests

		name = ask(site, people.requester).name
		switch(True)
		with as_user(people.manager):
			told = requests.trace(name)
			assert told["client_disabled"] and any("disabled" in notice for notice in told["notices"])
			assert requests.disabled_among([name]) == [CEDAR]
			requests.reject(name)
		assert state(site, name) == "Rejected"
		assert mails(site, people.requester), "who asked learns what became of it"

	def test_they_may_change_something_themselves_with_a_reason(self, site, people, as_user, switch):
		from msp_licensing.changes.requests import ChangeRefused
		from msp_licensing.desk import applying, requests

		switch(True)
		new = {"doctype": REQUEST, "subscription": KEEPER, "requested_quantity": 12}
		with as_user(people.manager):
			assert "disabled" in requests.preview(KEEPER, "12")["needs_reason"]
			with pytest.raises(ChangeRefused, match="client is disabled"):
				site.get_doc(new).insert()
			site.db.rollback()
			site.get_doc({**new, "staff_reason": "They are leaving"}).insert()
			assert applying.change_now(storybook.CEDAR_SOPHOS, "43", "They are leaving")

	def test_nobody_is_invited(self, site, people, as_user, switch):
		from msp_licensing.desk import clients
		from msp_licensing.setup import demo

		switch(True)
		with as_user(people.manager), pytest.raises(site.ValidationError, match="is disabled"):
			clients.invite(demo.site_client_doctype(), CEDAR, "new@cedarpine.example", "New")

	def test_other_contacts_are_not_written_to(self, site, people, switch):
		from msp_licensing.changes import people as groups

		need_approver(site, use_client_approval=0, tell_other_contacts=1)
		doc = ask(site, people.requester)
		assert people.reader in groups.contacts(doc)
		switch(True)
		assert groups.contacts(doc) == [] and groups.approvers(doc) == []
		assert groups.requester(doc) == [people.requester]


class TestWhatWasApproved:
	def apply(self, name):
		from msp_licensing.changes import apply

		apply.run(name)

	def test_what_only_the_rules_approved_is_held(self, site, people, sandbox, switch):
		name = ask(site, people.requester, "12").name
		assert state(site, name) == "Approved"
		switch(True)
		self.apply(name)
		assert state(site, name) == "Pending Approval" and assigned(site, name) == [people.manager]
		row = site.db.get_value(REQUEST, name, ["decision_rule", "write_sent_on"], as_dict=True)
		assert row.decision_rule == "client_disabled" and not row.write_sent_on

	def test_what_a_manager_approved_is_made(self, site, people, as_user, switch):
		from msp_licensing.desk import requests

		name = ask(site, people.requester).name
		with as_user(people.manager):
			requests.approve(name)
		site.db.commit()
		switch(True)
		self.apply(name)
		assert state(site, name) == "Applied"


class TestWhatWasPlanned:
	"""A decrease for the end of a term, and the client is disabled before it is due."""

	@pytest.fixture
	def due(self, site, sandbox, monkeypatch):
		"""due(request): looks at it on the day after the end of its term; returns the request afterwards."""
		from msp_licensing import clock
		from msp_licensing.changes import schedule

		real, start = clock.utc_now, sandbox.clock.now()

		def look(name):
			monkeypatch.setattr(clock, "utc_now", lambda: real() + timedelta(21))
			sandbox.clock.set(start + timedelta(21))
			schedule.look(name)
			site.db.rollback()
			return site.get_doc(REQUEST, name)

		return look

	def plan(self, site, people):
		from msp_licensing import permissions
		from msp_licensing.changes import requests

		access = permissions.portal_access(people.foreign_requester)
		doc = requests.submit(storybook.MUELLER_BUSINESS_PREMIUM, 12, access=access, timing="End of Term")
		site.db.commit()
		return doc

	@pytest.mark.parametrize("behind_our_back", [True, False])
	def test_what_only_the_rules_approved_is_held(self, site, sandbox, people, switch, due, behind_our_back):
		from msp_licensing.setup import demo

		site.db.delete("Licensing Vendor Override")
		site.clear_document_cache("Licensing Settings", "Licensing Settings")
		doc = self.plan(site, people)
		assert (doc.workflow_state, doc.decided_by) == ("Scheduled", None)
		if behind_our_back:
			site.db.set_value(demo.site_client_doctype(), MUELLER, "disabled", 1)
			site.db.commit()
		else:
			switch(True, MUELLER)
		doc = due(doc.name)
		assert (doc.workflow_state, doc.decision, doc.decision_rule, doc.decided_on) == (
			"Pending Approval",
			"Held",
			"client_disabled",
			None,
		)
		assert doc.decision_summary == "Held: the client has been disabled. Nothing was sent."
		event = site.get_all(
			"License Change Event",
			{"request": doc.name, "to_state": "Pending Approval"},
			pluck="event",
		)
		assert event == ["client_disabled"] and assigned(site, doc.name) == [people.manager]
		assert not [call for call in sandbox.calls() if call["method"] == "PUT"]

	def test_it_waits_for_nobody_once_the_client_is_enabled_again(self, site, sandbox, people, switch, due):
		site.db.delete("Licensing Vendor Override")
		site.clear_document_cache("Licensing Settings", "Licensing Settings")
		name = self.plan(site, people).name
		for disabled in (True, False):
			switch(disabled, MUELLER)
		assert due(name).workflow_state == "Approved"

	def test_what_a_manager_approved_is_made(self, site, sandbox, people, as_user, switch, due, monkeypatch):
		from msp_licensing.changes import apply, decisions

		monkeypatch.setattr(apply, "READ_BACK_AFTER", (0,))
		name = self.plan(site, people).name
		with as_user(people.manager):
			decisions.approve(name)
		site.db.commit()
		switch(True, MUELLER)
		assert due(name).workflow_state == "Approved"
		apply.run(name)
		assert state(site, name) == "Applied"
		assert sandbox.subscription(storybook.MUELLER_BUSINESS_PREMIUM)["quantity"] == 12

	def test_what_staff_planned_themselves_is_made_once_approved(
		self, site, sandbox, people, make_portal_user, as_user, switch, due
	):
		from msp_licensing.changes import decisions

		second = make_portal_user("second@msp.example", None, "Licensing Manager")
		switch(True, MUELLER)
		new = {
			"doctype": REQUEST,
			"subscription": storybook.MUELLER_BUSINESS_PREMIUM,
			"timing": "End of Term",
		}
		with as_user(second):
			new |= {"requested_quantity": 12, "staff_reason": "They are leaving"}
			name = site.get_doc(new).insert().name
		with as_user(people.manager):
			decisions.approve(name)
		site.db.commit()
		assert due(name).workflow_state == "Approved"
