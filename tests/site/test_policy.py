"""The policy's options on a real site: from the settings through `submit` to what is stored and shown."""

import json
import threading

import pytest

from msp_licensing.sandbox import storybook

KEEPER, SOPHOS = storybook.CEDAR_KEEPER, storybook.CEDAR_SOPHOS
REQUEST = "License Change Request"


@pytest.fixture
def requester(people):
	from msp_licensing import permissions

	return permissions.portal_access(people.requester)


@pytest.fixture
def policy(site):
	"""policy(window_days=30, …): saves Licensing Settings with these values."""

	def save(**values):
		doc = site.get_doc("Licensing Settings").update(values)
		doc.save()
		site.db.commit()
		return doc

	return save


def submit(access, wanted, subscription=KEEPER):
	import frappe

	from msp_licensing.changes import requests

	doc = requests.submit(subscription, wanted, access=access)
	frappe.db.commit()
	return doc


def apply(doc):
	from msp_licensing.changes import apply

	apply.run(doc.name)
	return doc.reload()


def approve(site, people, doc):
	from frappe.model.workflow import apply_workflow

	site.set_user(people.manager)
	apply_workflow(site.get_doc(REQUEST, doc.name).as_dict(), "Approve")
	site.set_user("Administrator")
	site.db.commit()
	return apply(doc)


def price(site, subscription, amount, currency="USD"):
	site.db.set_value("Pax8 Subscription", subscription, {"client_price": amount, "currency": currency})
	site.db.commit()


# The window


def test_small_changes_in_a_row_are_held_until_staff_approve_one(site, sandbox, people, requester, policy):
	policy(window_days=30)
	assert apply(submit(requester, 15)).workflow_state == "Applied"
	held = submit(requester, 22)
	assert (held.workflow_state, held.decision_rule) == ("Pending Approval", "threshold_window")
	assert "10 → 22 is a change of 120 %" in held.decision_summary
	assert approve(site, people, held).workflow_state == "Applied"
	# 50 % of the 22 that staff approved.
	assert submit(requester, 33).decision == "Auto-Approved"


def test_a_release_that_failed_or_was_decided_by_staff_does_not_count(site, sandbox, requester, policy):
	policy(window_days=30)
	first = submit(requester, 15)
	from msp_licensing.changes import releases

	assert [release.before for release in releases.of_subscription(KEEPER)] == [10]
	assert not releases.of_subscription(KEEPER, leave_out=first.name)
	for state in releases.NOT_RELEASED:
		site.db.set_value(REQUEST, first.name, "workflow_state", state)
		assert not releases.of_subscription(KEEPER), state
	site.db.set_value(REQUEST, first.name, {"workflow_state": "Applied", "decided_by": "Administrator"})
	assert not releases.of_subscription(KEEPER)


# Money


def test_a_limit_per_change_is_in_the_clients_own_price(site, sandbox, requester, policy):
	policy(limit_per_change=50, limit_currency="USD")
	price(site, KEEPER, 12.5)
	released = submit(requester, 14)
	assert (released.decision, released.unit_price, released.amount_change, released.currency) == (
		"Auto-Approved",
		12.5,
		50,
		"USD",
	)
	apply(released)
	held = submit(requester, 19)
	assert (held.decision_rule, held.amount_change) == ("amount_per_change", 62.5)
	assert "62.50 USD" in held.decision_summary


def test_a_price_that_is_not_known_holds_where_it_matters_and_is_not_stored_as_0(
	site, sandbox, requester, policy
):
	released = submit(requester, 43, SOPHOS)
	assert (released.decision, released.currency) == ("Auto-Approved", None)
	policy(limit_per_change=50, limit_currency="USD")
	held = submit(requester, 11)
	assert (held.decision_rule, held.currency) == ("amount_unknown", None)


def test_the_price_comes_from_where_the_settings_say(site, sandbox, policy):
	from msp_licensing.changes import pricing

	row = site.get_all(
		"Pax8 Product Price",
		{"parent": storybook.KEEPER_BUSINESS, "billing_term": "Monthly"},
		["suggested_retail_price", "partner_buy_rate"],
	)[0]
	cost = site.db.get_value("Pax8 Subscription", KEEPER, "partner_cost") or row.partner_buy_rate
	for source, expected in (
		("Own Prices Only", None),
		("Suggested Retail Price", row.suggested_retail_price),
		("Partner Cost plus Markup", round(cost * 1.2, 4)),
	):
		found = pricing.price_of(
			KEEPER, 10, 11, settings=policy(client_price_from=source, client_price_markup=20)
		)
		assert (found and float(found.amount)) == (expected and pytest.approx(expected)), source


def test_a_month_counts_all_subscriptions_of_the_client(site, sandbox, requester, policy):
	policy(limit_per_month=100, limit_currency="USD")
	price(site, KEEPER, 20)
	price(site, SOPHOS, 10)
	assert submit(requester, 14).decision == "Auto-Approved"  # 80
	held = submit(requester, 45, SOPHOS)  # 30 more
	assert held.decision_rule == "amount_per_month"
	assert "110.00 USD" in held.decision_summary


def test_two_increases_at_once_do_not_pass_the_months_limit_together(site, sandbox, requester, policy):
	import frappe

	policy(limit_per_month=100, limit_currency="USD")
	price(site, KEEPER, 20)
	price(site, SOPHOS, 20)
	barrier, results, name = threading.Barrier(2), [], frappe.local.site

	def ask(subscription, wanted):
		frappe.init(name, sites_path=".", force=True)
		frappe.connect()
		try:
			frappe.db.count(REQUEST)  # both have a view of the database from before
			barrier.wait(10)
			results.append(submit(requester, wanted, subscription).decision)
		except Exception as error:
			frappe.db.rollback()
			results.append(repr(error))
		finally:
			frappe.destroy()

	threads = [threading.Thread(target=ask, args=args) for args in ((KEEPER, 14), (SOPHOS, 46))]
	for thread in threads:
		thread.start()
	for thread in threads:
		thread.join(30)
	assert sorted(results) == ["Auto-Approved", "Held"]


# A client's own policy


def own_policy(site, **values):
	from msp_licensing.setup import demo

	doc = site.get_doc(
		{
			"doctype": "Licensing Client Policy",
			"client_doctype": demo.site_client_doctype(),
			"client": demo.CEDAR,
			**values,
		}
	).insert()
	site.db.commit()
	return doc


def test_a_clients_own_policy_counts_for_it_alone_and_inherits_the_rest(site, sandbox, people, requester):
	from msp_licensing import permissions

	foreign = permissions.portal_access(people.foreign_requester)
	doc = own_policy(site, threshold_mode="Own", threshold=20)
	assert submit(requester, 13).decision_rule == "threshold"
	assert submit(foreign, 40, storybook.MUELLER_ESET).decision_rule == "within_threshold"
	# Vendors that always need approval do so here as well.
	assert submit(requester, 26, storybook.CEDAR_BUSINESS_PREMIUM).decision_rule == "vendor_override"
	doc.disabled = 1
	doc.save()
	assert submit(requester, 50, SOPHOS).decision_rule == "within_threshold"


def test_each_option_can_be_a_clients_own(site, sandbox):
	from msp_licensing.changes import decide

	row = site.db.get_value("Pax8 Subscription", KEEPER, list(decide.FIELDS), as_dict=True)
	doc = own_policy(site)
	for values, wanted, rule in (
		({"require_approval": "On"}, 11, "require_approval"),
		({"require_approval": "On", "threshold_may_release": "On"}, 11, "within_threshold"),
		({"threshold_mode": "None"}, 200, "no_approval_needed"),
		({"decreases_need_approval": "On"}, 9, "decreases_need_approval"),
		({"override_free_seats": 1, "free_seats": 7}, 17, "free_seats"),
		({"override_amounts": 1, "limit_per_change": 1, "limit_currency": "EUR"}, 11, "amount_unknown"),
		({"override_limits": 1, "min_quantity": 8, "max_quantity": 12}, 13, "above_maximum"),
		({"self_service": "Deny"}, 11, "self_service_off"),
		({}, 11, "within_threshold"),
	):
		site.db.delete("Licensing Client Policy", {"name": doc.name})
		doc = own_policy(site, **values)
		assert decide.decide_for(row, wanted).rule == rule, values
		assert decide.policies_for([row])[row.client_doctype, row.client] == decide.policy_for(
			row.client_doctype, row.client
		)


def test_a_client_policy_that_makes_no_sense_is_refused(site, sandbox):
	for values, words in (
		({"threshold_mode": "Own", "threshold": -1}, "negative"),
		({"override_limits": 1, "min_quantity": 9, "max_quantity": 5}, "minimum is above the maximum"),
		({"override_window": 1, "window_days": 400}, "366 days"),
		({"client_approval": "Needed", "client_approval_above": 10}, "currency"),
		({"client": "Nobody"}, "Nobody"),
		({"client_doctype": "User", "client": "Administrator"}, "one of"),
	):
		with pytest.raises(site.ValidationError, match=words):
			own_policy(site, **values)
	own_policy(site)
	with pytest.raises(site.DuplicateEntryError, match="has a policy already"):
		own_policy(site)


# Products that always wait


def test_a_product_chosen_in_the_catalog_always_waits(site, sandbox, requester):
	from msp_licensing.desk import catalog, rules

	assert catalog.act([storybook.KEEPER_BUSINESS], "Always Require Approval")["changed"] == 1
	assert [row.name for row in catalog.products(visibility="Always requires approval")["rows"]] == [
		storybook.KEEPER_BUSINESS
	]
	site.db.commit()
	assert rules.describe(KEEPER)["rule"]["approval"]["text"] == "Always, as this product"
	held = submit(requester, 11)
	assert held.decision_rule == "product_always"


# What is kept and shown


def test_a_decision_is_kept_so_that_it_can_be_made_again(site, sandbox, requester, policy):
	from msp_licensing.changes import decide

	policy(window_days=30, limit_per_change=500, limit_per_month=900, limit_currency="USD", free_seats=1)
	price(site, KEEPER, 12.5)
	apply(submit(requester, 15))
	doc = submit(requester, 22)
	inputs = decide.stored_facts(doc)
	again = inputs.decide()
	assert again.rule == doc.decision_rule == "threshold_window"
	assert decide.trace_of(again) == doc.decision_trace
	assert [release.before for release in inputs.facts.releases] == [10]
	assert decide.stored_facts(site._dict(decision_facts=None)) is None


def test_staff_read_the_trace_in_words_and_the_client_reads_none_of_it(
	site, sandbox, people, requester, policy, as_user
):
	from msp_licensing.desk import requests
	from msp_licensing.portal import api

	policy(window_days=30, limit_per_change=500, limit_per_month=900, limit_currency="USD", free_seats=1)
	price(site, KEEPER, 12.5)
	apply(submit(requester, 15))
	doc = submit(requester, 22)
	with as_user(people.manager):
		steps = {step["check"]: step for step in requests.trace(doc.name)["steps"]}
	assert steps["Together with earlier changes within the threshold"]["decided"]
	assert "10 → 22" in steps["Together with earlier changes within the threshold"]["detail"]
	assert "87.50 of 500.00 USD" in steps["Within the limit per change"]["detail"]
	assert "a change by up to 1" in steps["Within the threshold"]["detail"]
	assert not [step for step in steps.values() if "{" in step["detail"]]
	with as_user(people.requester):
		told = json.dumps(api.status(doc.name), default=str)
	assert "threshold" not in told and "87.5" not in told and "120" not in told


def test_options_that_make_no_sense_are_refused(site, policy):
	for values, words in (
		({"window_days": 367}, "366 days"),
		({"window_days": -1}, "0 to 366"),
		({"limit_per_change": 5, "limit_currency": None}, "currency of the limits"),
		({"use_client_approval": 1, "client_approval_above": 5}, "currency of the limits"),
		({"free_seats": 2_000_000}, "always fine"),
		({"limit_currency": "Taler <b>"}, "There is no currency Taler &lt;b&gt;"),
		({"spike_minimums": [{"currency": "Taler", "amount": 5}]}, "There is no currency Taler"),
	):
		with pytest.raises(site.ValidationError, match=words):
			policy(**values)


def test_the_settings_say_what_the_options_together_mean(site, sandbox):
	from msp_licensing.desk import settings

	price(site, KEEPER, 12.5)
	for values, said in (
		(
			{"require_approval_by_default": 1, "threshold_may_release": 1},
			["10 → 15 is applied at once, 10 → 16 waits"],
		),
		({"decreases_need_approval": 1}, ["10 → 15 is applied at once", "Every decrease waits"]),
		({"free_seats": 2}, ["A change by up to 2 is always fine: 1 → 3 is applied at once"]),
		({"window_days": 30}, ["within 30 days count together: after 10 → 15, 15 → 16 waits"]),
		(
			{"limit_per_change": 50, "limit_per_month": 900, "limit_currency": "USD"},
			["more than 50.00 USD", "may add 900.00 USD", "known in USD for 1 of"],
		),
		({"use_client_approval": 1, "client_approval_above": 0}, ["agrees to every change"]),
		({"limit_per_change": 50, "limit_currency": ""}, ["choose the currency"]),
	):
		text = " ".join(settings.explain(json.dumps(values)))
		assert all(words in text for words in said), text
	told = " ".join(
		settings.explain_client(
			json.dumps({"threshold_mode": "Own", "threshold": 20, "self_service": "Deny"})
		)
	)
	assert "10 → 12 is applied at once, 10 → 13 waits" in told
	assert "only where a subscription allows it" in told


def test_a_currency_is_stored_as_the_site_has_it(site, policy):
	policy(limit_currency=" usd", spike_minimums=[{"currency": "eur ", "amount": 5}])
	settings = site.get_doc("Licensing Settings")
	assert (settings.limit_currency, settings.spike_minimums[0].currency) == ("USD", "EUR")
