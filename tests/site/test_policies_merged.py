"""Clients are merged, and each had a policy: the stricter value of each option counts until a person makes one."""

import os
import threading

import pytest

from msp_licensing.sandbox import storybook
from msp_licensing.setup import demo

KEEPER, SOPHOS = storybook.CEDAR_KEEPER, storybook.CEDAR_SOPHOS
POLICY, CEDAR, OTHER = "Licensing Client Policy", demo.CEDAR, "Cedar and Pine (old)"


@pytest.fixture
def access(site, people):
	from msp_licensing import permissions

	return permissions.portal_access(people.requester)


@pytest.fixture
def other(site, sandbox):
	"""A second record of the same client."""
	demo.make_client(OTHER)
	site.db.commit()
	return OTHER


def policy(site, client, **values):
	doc = site.get_doc(
		{"doctype": POLICY, "client_doctype": demo.site_client_doctype(), "client": client, **values}
	).insert()
	site.db.commit()
	return doc


def threshold(site, client, percent, **values):
	return policy(site, client, threshold_mode="Own", threshold=percent, **values)


def merge(site, old, new):
	site.rename_doc(demo.site_client_doctype(), old, new, merge=True)
	site.db.commit()


def submit(access, wanted, subscription=KEEPER):
	import frappe

	from msp_licensing.changes import requests

	doc = requests.submit(subscription, wanted, access=access)
	frappe.db.commit()
	return doc


def told(site, user):
	return site.get_all(
		"Notification Log", {"for_user": user, "document_type": POLICY}, pluck="document_name"
	)


def in_effect(site):
	return site.get_all(POLICY, {"client": CEDAR, "disabled": 0}, pluck="name")


@pytest.mark.parametrize("strict_first", [True, False])
@pytest.mark.parametrize("strict_survives", [True, False])
def test_the_stricter_policy_counts_whoever_is_older_and_whoever_survives(
	site, people, access, other, strict_first, strict_survives
):
	of_strict, of_loose = (CEDAR, other) if strict_survives else (other, CEDAR)
	make = [lambda: threshold(site, of_strict, 0), lambda: threshold(site, of_loose, 300)]
	for one in make if strict_first else make[::-1]:
		one()
	merge(site, other, CEDAR)
	assert len(in_effect(site)) == 2
	doc = submit(access, 11)
	assert (doc.workflow_state, doc.decision_rule) == ("Pending Approval", "threshold")
	assert len(told(site, people.manager)) == 1, "managers are told, once"
	from msp_licensing.changes import decide

	row = site.db.get_value("Pax8 Subscription", KEEPER, list(decide.FIELDS), as_dict=True)
	assert decide.policies_for([row])[row.client_doctype, row.client] == decide.policy_for(
		row.client_doctype, row.client
	)


def test_each_of_both_can_be_saved_and_one_is_made_of_them(site, people, access, other, as_user):
	from msp_licensing.desk import policies, settings

	kept = threshold(site, CEDAR, 300, override_limits=1, min_quantity=2, max_quantity=50)
	threshold(
		site, other, 20, decreases_need_approval="On", override_limits=1, min_quantity=1, max_quantity=14
	)
	merge(site, other, CEDAR)
	for name in in_effect(site):
		site.get_doc(POLICY, name).save()
	with as_user(people.manager):
		shown = policies.duplicates(kept.name)
		assert shown["policies"][0] == kept.name and len(shown["policies"]) == 2
		assert {row["label"] for row in shown["rows"]} >= {"Threshold (%)", "Max Quantity"}
		form = site.get_doc(POLICY, kept.name).as_dict()
		assert any("2 policies" in line for line in settings.explain_client(site.as_json(form)))
		assert "1 other was disabled" in policies.make_one(kept.name)
		assert policies.duplicates(kept.name) is None
	kept.reload()
	assert (kept.threshold, kept.decreases_need_approval) == (20, "On")
	assert (kept.min_quantity, kept.max_quantity, kept.require_approval) == (2, 14, "Inherit")
	assert in_effect(site) == [kept.name]
	assert submit(access, 12).decision == "Auto-Approved"
	assert site.db.count("Version", {"ref_doctype": POLICY})


def test_one_is_kept_and_the_other_disabled(site, people, access, other, as_user):
	from msp_licensing.desk import policies

	loose = threshold(site, other, 300)
	threshold(site, CEDAR, 0)
	merge(site, other, CEDAR)
	with as_user(people.manager):
		policies.keep(loose.name)
	assert in_effect(site) == [loose.name]
	assert submit(access, 40).decision == "Auto-Approved"


def test_limits_in_two_currencies_are_left_to_people(site, people, access, other, as_user):
	from msp_licensing.desk import policies

	first = policy(site, CEDAR, override_amounts=1, limit_currency="USD", limit_per_change=1000)
	policy(site, other, override_amounts=1, limit_currency="EUR", limit_per_change=1000)
	merge(site, other, CEDAR)
	site.db.set_value("Pax8 Subscription", KEEPER, {"client_price": 1, "currency": "USD"})
	assert submit(access, 11).decision_rule == "amount_unknown"
	with as_user(people.manager), pytest.raises(site.ValidationError, match="different currencies"):
		policies.make_one(first.name)


@pytest.mark.parametrize("survivor_has_it", [True, False])
def test_a_client_without_a_policy_brings_the_settings_along(
	site, people, access, other, as_user, survivor_has_it
):
	"""What went by the settings (50 %) must not go by the other client's 300 % because records were merged."""
	from msp_licensing.desk import policies

	loose = threshold(site, CEDAR if survivor_has_it else other, 300)
	merge(site, other, CEDAR)
	assert submit(access, 16).decision_rule == "threshold"
	assert told(site, people.manager) == [loose.name]
	with as_user(people.manager):
		assert policies.duplicates(loose.name)["settings"]
		policies.keep(loose.name)
		assert policies.duplicates(loose.name) is None
	assert submit(access, 60, SOPHOS).decision == "Auto-Approved"


def test_how_usage_is_watched_is_compared_too(site, people, access, other, as_user):
	from msp_licensing.desk import policies

	budget = [{"currency": "USD", "amount": 500}, {"currency": "EUR", "amount": 20}]
	kept = threshold(site, CEDAR, 20, usage_alerts="Own", spike_factor=3, usage_budgets=budget)
	threshold(site, other, 20, usage_alerts="Never", usage_budgets=budget[:1])
	merge(site, other, CEDAR)
	with as_user(people.manager):
		shown = {row["label"]: row["values"] for row in policies.duplicates(kept.name)["rows"]}
	assert shown["Unusual Days"] == ["Own", "Never"]
	assert shown["Budgets per Month"] == ["$ 500.00, € 20.00", "$ 500.00"]
	assert "Threshold (%)" not in shown, "the same in both"


def test_disabled_policies_are_no_duplicates(site, people, access, other):
	disabled = threshold(site, CEDAR, 0, disabled=1)
	threshold(site, CEDAR, 300, disabled=1)
	counting = threshold(site, CEDAR, 300)
	threshold(site, other, 0, disabled=1)
	threshold(site, other, 300)
	merge(site, other, CEDAR)
	assert submit(access, 30).decision == "Auto-Approved"
	disabled.reload().disabled = 0
	with pytest.raises(site.DuplicateEntryError, match="has a policy already"):
		disabled.save()
	counting.reload().disabled = 1
	counting.save()


def test_a_second_policy_is_refused_where_nothing_was_merged(site, sandbox):
	threshold(site, CEDAR, 10)
	with pytest.raises(site.DuplicateEntryError, match="has a policy already"):
		threshold(site, CEDAR, 300)


def test_of_two_that_are_made_at_once_one_is_refused(site, sandbox):
	import frappe

	results, ready = [], threading.Barrier(2)

	def make(percent):
		frappe.init(os.environ["FRAPPE_TEST_SITE"], sites_path=".")
		frappe.connect()
		try:
			doc = frappe.get_doc(
				{
					"doctype": POLICY,
					"client_doctype": demo.site_client_doctype(),
					"client": CEDAR,
					"threshold_mode": "Own",
					"threshold": percent,
				}
			)
			frappe.db.get_value(POLICY, {"client": CEDAR})  # the view of the database begins before
			ready.wait(20)
			doc.insert()
			frappe.db.commit()
			results.append("made")
		except (frappe.DuplicateEntryError, frappe.TimestampMismatchError):  # the latter on MariaDB 11.8
			results.append("refused")
		finally:
			frappe.destroy()

	threads = [threading.Thread(target=make, args=(percent,)) for percent in (0, 300)]
	for thread in threads:
		thread.start()
	for thread in threads:
		thread.join(60)
	site.db.commit()
	assert sorted(results) == ["made", "refused"]
	assert len(in_effect(site)) == 1


def test_a_renamed_client_keeps_its_policy_and_a_deleted_one_is_refused(site, people, access, sandbox):
	threshold(site, CEDAR, 0)
	site.rename_doc(demo.site_client_doctype(), CEDAR, "Cedar Renamed")
	try:
		assert site.db.get_value(POLICY, {"threshold": 0}, "client") == "Cedar Renamed"
		assert not told(site, people.manager)
		with pytest.raises(site.LinkExistsError):
			site.delete_doc(demo.site_client_doctype(), "Cedar Renamed")
	finally:
		site.db.rollback()


def test_a_request_that_waits_during_the_merge_is_decided_by_the_stricter_policy(
	site, people, access, other, as_user
):
	from msp_licensing.portal import api

	threshold(site, CEDAR, 300, client_approval="Needed")
	threshold(site, other, 0)
	doc = submit(access, 11)
	assert doc.workflow_state == "Pending Client Approval"
	merge(site, other, CEDAR)
	with as_user(people.approver):
		site.call(api.approve, request=doc.name)
	doc.reload()
	assert (doc.workflow_state, doc.decision_rule) == ("Pending Approval", "threshold")


def test_what_if_tries_the_form_together_with_the_others(site, people, other, as_user):
	from msp_licensing.desk import whatif

	threshold(site, CEDAR, 0)
	loose = threshold(site, other, 300)
	merge(site, other, CEDAR)
	with as_user(people.manager):
		form = {**site.get_doc(POLICY, loose.name).as_dict(), "threshold": 400}
		assert whatif.simulate(KEEPER, "11", client_policy=site.as_json(form))["outcome"] == "Held"
