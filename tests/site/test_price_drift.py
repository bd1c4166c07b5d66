"""The money on a request follows the client's price: what an approver sees is what counts now."""

import pytest

from msp_licensing.sandbox import storybook

DT = "License Change Request"
KEEPER, SOPHOS = storybook.CEDAR_KEEPER, storybook.CEDAR_SOPHOS


@pytest.fixture(autouse=True)
def fresh_counters(site) -> None:
	for key in site.cache.keys(site.cache.make_key("msp_licensing:portal:*")):
		site.cache.delete(key)


@pytest.fixture
def ask(site, people):
	def submit(wanted=40, subscription=KEEPER):
		from msp_licensing import permissions
		from msp_licensing.changes import requests

		doc = requests.submit(subscription, wanted, access=permissions.portal_access(people.requester))
		site.db.commit()
		return doc

	return submit


def setting(site, **values):
	doc = site.get_doc("Licensing Settings").update(values)
	doc.save()
	site.db.commit()


def price(site, amount, currency="USD", subscription=KEEPER):
	site.db.set_value("Pax8 Subscription", subscription, {"client_price": amount, "currency": currency})
	site.db.commit()


def run(site):
	from msp_licensing.changes import price_drift

	count = price_drift.run()
	site.set_user("Administrator")
	return count


def told(site, name, event="price_moved"):
	return sorted(site.get_all("License Change Notice", {"request": name, "event": event}, pluck="recipient"))


def money(doc):
	doc.reload()
	return (doc.currency or "", round(doc.amount_change, 2))


def jobs(site):
	from frappe.utils.background_jobs import get_queue

	return [job.kwargs.get("method") for job in get_queue("short").jobs]


DRIFT = "msp_licensing.changes.price_drift.run"


def test_a_waiting_request_shows_what_it_costs_now_and_is_told_of_once(site, people, ask):
	price(site, 2.62)
	doc = ask()
	assert money(doc) == ("USD", 78.6)
	price(site, 26.2)
	assert run(site) == 1 and run(site) == 0
	assert money(doc) == ("USD", 786.0)
	assert (doc.workflow_state, doc.decision_rule) == ("Pending Approval", "price_moved")
	assert "786" in doc.decision_summary and "78.6" in doc.decision_summary
	assert told(site, doc.name) == sorted([people.manager, people.requester])


def test_a_small_move_is_written_down_and_nobody_is_told(site, ask):
	price(site, 10)
	doc = ask()
	price(site, 10.5)
	assert run(site) == 1
	assert money(doc) == ("USD", 315.0) and doc.decision_rule == "threshold"
	assert told(site, doc.name) == []


@pytest.mark.parametrize(
	("amount", "currency", "shown"), [(0, "USD", ("", 0)), (10, "EUR", ("EUR", 300)), (10, None, ("", 0))]
)
def test_a_price_that_is_gone_or_in_another_currency_and_comes_back(
	site, people, ask, amount, currency, shown
):
	price(site, 10)
	doc = ask()
	price(site, amount, currency)
	run(site)
	assert money(doc) == shown and doc.decision_rule == "price_moved"
	price(site, 10)
	run(site)
	assert money(doc) == ("USD", 300)


def test_an_approval_that_names_an_older_amount_is_refused(site, people, ask, as_user):
	from msp_licensing.changes.requests import ChangeRefused
	from msp_licensing.desk import requests

	price(site, 10)
	doc = ask()
	price(site, 10.1)
	with as_user(people.manager):
		with pytest.raises(ChangeRefused, match="303"):
			requests.approve(doc.name, seen_quantity=10, seen_amount="300 USD")
		(row,) = requests.decide_many(
			[doc.name], "Approve", seen={doc.name: {"quantity": 10, "amount": "303 EUR"}}
		)
		assert not row["ok"] and "303" in row["message"]
		with pytest.raises(ChangeRefused):
			requests.check_seen(doc.name, 10, "")
		requests.check_seen(doc.name, 10, "303.00 USD")
		assert requests.approve(doc.name, seen_quantity=10, seen_amount="303 USD")["state"] == "Approved"
	assert money(doc) == ("USD", 303)


def test_no_door_approves_quite_another_amount(site, people, ask, as_user):
	"""A plain save, Frappe's workflow action, another quantity: each looks at the price of the moment."""
	from frappe.model.workflow import apply_workflow

	from msp_licensing.changes import staff
	from msp_licensing.changes.requests import ChangeRefused

	price(site, 10)
	doc = ask()
	price(site, 100)

	def save():
		row = site.get_doc(DT, doc.name)
		row.workflow_state = "Approved"
		row.save()

	with as_user(people.manager):
		for door in (
			save,
			lambda: apply_workflow(site.get_doc(DT, doc.name).as_dict(), "Approve"),
			lambda: staff.approve_another(doc.name, 20, "Enough", seen_quantity=10, seen_amount="300 USD"),
		):
			with pytest.raises(ChangeRefused, match="amount has changed"):
				door()
			site.db.rollback()
	assert doc.reload().workflow_state == "Pending Approval"


def test_what_staff_approved_at_another_amount_is_decided_afresh(site, people, ask, as_user):
	from msp_licensing.desk import requests

	price(site, 10)
	doc = ask()
	with as_user(people.manager):
		requests.approve(doc.name, 10, "300 USD")
	site.db.commit()
	price(site, 10.5)
	run(site)
	assert doc.reload().workflow_state == "Approved" and money(doc) == ("USD", 315)
	price(site, 30)
	run(site)
	assert (doc.reload().workflow_state, doc.decided_by) == ("Pending Approval", None)
	assert told(site, doc.name) == sorted([people.manager, people.requester])


def test_nothing_is_sent_at_another_price_than_was_approved(site, sandbox, people, ask, as_user):
	from msp_licensing.changes import apply
	from msp_licensing.desk import requests

	price(site, 10)
	doc = ask()
	with as_user(people.manager):
		requests.approve(doc.name, 10, "300 USD")
	site.db.commit()
	price(site, 30)
	apply.run(doc.name)
	site.set_user("Administrator")
	assert doc.reload().workflow_state == "Pending Approval"
	assert not sandbox.calls("updateSubscription")


def test_what_the_policy_released_is_held_if_it_would_not_release_it_now(site, ask):
	setting(site, limit_per_change=100, limit_currency="USD")
	price(site, 10)
	doc = ask(15)
	assert (doc.workflow_state, doc.decision) == ("Approved", "Auto-Approved")
	price(site, 15)
	run(site)
	assert doc.reload().workflow_state == "Approved" and money(doc) == ("USD", 75)
	price(site, 25)
	run(site)
	assert (doc.reload().workflow_state, doc.decision) == ("Pending Approval", "Held")


def test_the_clients_approver_is_asked_again_for_another_amount(site, people, ask, as_user):
	from msp_licensing.changes.requests import ChangeRefused
	from msp_licensing.portal import api, queries

	setting(site, use_client_approval=1, client_approval_above=100, limit_currency="USD")
	price(site, 10)
	doc = ask()
	assert doc.workflow_state == "Pending Client Approval"
	price(site, 11)
	with as_user(people.approver), pytest.raises(ChangeRefused, match="330"):
		site.call(api.approve, request=doc.name, seen_quantity=10, seen_amount="300 USD")
	with as_user(people.approver):
		(shown,) = queries.page_for_session()["to_decide"]
		assert shown["seen_amount"] == "330 USD"
		site.call(api.approve, request=doc.name, seen_quantity=10, seen_amount=shown["seen_amount"])
	site.db.commit()
	assert (doc.reload().workflow_state, doc.client_approved_by) == ("Pending Approval", people.approver)
	price(site, 110)
	run(site)
	assert (doc.reload().workflow_state, doc.client_approved_by) == ("Pending Client Approval", None)
	assert people.approver in told(site, doc.name)


def test_a_request_that_needed_no_approver_of_the_client_needs_one_now(site, people, ask):
	setting(site, use_client_approval=1, client_approval_above=400, limit_currency="USD")
	price(site, 10)
	doc = ask()
	assert doc.workflow_state == "Pending Approval"
	price(site, 20)
	run(site)
	assert doc.reload().workflow_state == "Pending Client Approval"
	assert people.approver in told(site, doc.name)


def test_a_planned_change_that_staff_approved_comes_back(site, people, sandbox, as_user):
	from msp_licensing import permissions
	from msp_licensing.changes import requests
	from msp_licensing.desk import requests as desk

	subscription = storybook.CEDAR_BUSINESS_PREMIUM
	price(site, 10, subscription=subscription)
	doc = requests.submit(
		subscription, 20, access=permissions.portal_access(people.requester), timing="End of Term"
	)
	site.db.commit()
	with as_user(people.manager):
		assert desk.approve(doc.name)["state"] == "Scheduled"
	site.db.commit()
	price(site, 30, subscription=subscription)
	run(site)
	assert doc.reload().workflow_state == "Pending Approval" and money(doc) == ("USD", -150)


def test_a_failed_request_shows_the_price_of_a_retry(site, ask):
	price(site, 10)
	doc = ask()
	site.db.set_value(DT, doc.name, {"workflow_state": "Failed", "open_subscription": None, "retryable": 1})
	price(site, 30)
	run(site)
	assert doc.reload().workflow_state == "Failed" and money(doc) == ("USD", 900)
	assert told(site, doc.name) == []


def test_settings_prices_and_syncs_have_the_open_requests_looked_at(site, sandbox, ask):
	from msp_licensing.changes import price_drift

	def queued(act):
		from cleaning import empty_queues

		empty_queues(site)
		act()
		site.db.commit()
		return DRIFT in str(jobs(site))

	price(site, 0)
	ask()
	assert queued(lambda: setting(site, client_price_from="Partner Cost plus Markup", client_price_markup=10))
	assert queued(lambda: setting(site, client_price_markup=20))
	assert not queued(lambda: setting(site, window_days=3))
	assert queued(lambda: site.get_doc("Pax8 Subscription", KEEPER).update({"client_price": 7}).save())
	assert queued(lambda: price_drift.notice(products=[storybook.KEEPER_BUSINESS]))
	assert not queued(lambda: price_drift.notice(products=["another"], subscriptions=[SOPHOS]))

	def cost():
		from msp_licensing.sync import jobs as syncs

		sandbox.change("subscriptions", KEEPER, partnerCost=99)
		syncs.run("Subscriptions", trigger="Manual")
		site.set_user("Administrator")

	assert queued(cost)


def test_the_number_of_queries_does_not_grow_with_the_requests(site, ask):
	from msp_licensing.changes import price_drift

	def queries():
		seen = []
		before = site.db.sql
		site.db.sql = lambda *args, **kwargs: (seen.append(args[0]), before(*args, **kwargs))[1]
		try:
			assert price_drift.drifted() == []
		finally:
			site.db.sql = before
		return len(seen)

	setting(site, client_price_from="Suggested Retail Price")
	doc = ask()
	price_drift.drifted()
	one = queries()
	for number in range(20):
		copy = site.get_doc(DT, doc.name)
		copy.name, copy.open_subscription = f"LCR-COPY-{number}", None
		copy.db_insert()
	assert queries() == one
