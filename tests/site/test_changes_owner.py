"""A change that somebody asked for is made only while the subscription belongs to their client."""

import pytest
from frappe.model.workflow import apply_workflow

from msp_licensing.sandbox import storybook

KEEPER = storybook.CEDAR_KEEPER
DT = "License Change Request"


@pytest.fixture
def ask(people, site, sandbox):
	"""ask("15") is Approved, ask("40") waits."""
	from msp_licensing import permissions
	from msp_licensing.changes import requests

	def make(wanted):
		name = requests.submit(KEEPER, wanted, access=permissions.portal_access(people.requester)).name
		site.db.commit()
		return name

	return make


@pytest.fixture
def give_to_mueller(site):
	"""The company becomes another client's on this site."""
	from msp_licensing.setup import demo

	def give():
		company = site.get_doc("Pax8 Company", storybook.CEDAR_AND_PINE)
		company.update({"client": demo.MUELLER}).save()
		site.db.commit()

	return give


def state(site, name):
	site.db.rollback()
	return site.db.get_value(DT, name, "workflow_state")


def puts(sandbox):
	return [call for call in sandbox.calls("updateSubscription") if call["method"] == "PUT"]


def test_what_was_approved_for_one_client_is_not_sent_for_another(site, sandbox, ask, give_to_mueller):
	from msp_licensing.changes import apply

	name = ask("15")
	give_to_mueller()
	assert state(site, name) == "Approved"
	apply.run(name)
	assert state(site, name) == "Withdrawn" and not puts(sandbox)
	assert "another client" in site.db.get_value(DT, name, "pax8_message")


def test_what_pax8_moves_between_approval_and_sending_is_not_sent(site, sandbox, ask):
	from msp_licensing.changes import apply

	name = ask("15")
	sandbox.change("subscriptions", KEEPER, companyId=storybook.MUELLER_UND_SOEHNE)
	apply.run(name)
	assert state(site, name) == "Withdrawn" and not puts(sandbox)


def test_a_failed_change_is_not_retried_for_another_client(
	site, sandbox, people, ask, give_to_mueller, as_user
):
	from msp_licensing.changes import apply
	from msp_licensing.changes.requests import ChangeRefused

	name = ask("15")
	sandbox.faults.add("status", "updateSubscription", status=422)
	apply.run(name)
	assert state(site, name) == "Failed"
	give_to_mueller()
	with as_user(people.manager), pytest.raises(ChangeRefused, match="does not belong to Cedar"):
		apply_workflow(site.get_doc(DT, name), "Retry")
	assert state(site, name) == "Failed" and len(puts(sandbox)) == 1


def test_a_wish_is_withdrawn_once_a_sync_sees_that_pax8_moved_the_subscription(site, sandbox, people, ask):
	from msp_licensing import permissions
	from msp_licensing.changes import moved, requests
	from msp_licensing.sync import jobs

	name = ask("40")
	sandbox.change("subscriptions", KEEPER, companyId=storybook.MUELLER_UND_SOEHNE)
	assert jobs.run("Subscriptions", trigger="Manual")
	assert state(site, name) == "Pending Approval"
	moved.run([KEEPER])
	assert state(site, name) == "Withdrawn"
	# Its new owner is not kept waiting by what somebody else asked for.
	other = permissions.portal_access(people.foreign_requester)
	assert requests.submit(KEEPER, "12", access=other).workflow_state == "Approved"
