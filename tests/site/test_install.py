"""What the app makes on a site is there once, stays as the administrator left it, and goes with the app."""

import pytest

from msp_licensing.sandbox import storybook


def test_installing_again_changes_nothing(site):
	from msp_licensing.setup import install

	def picture():
		return {
			table: site.db.sql(f"select * from `tab{table}` order by name")
			for table in (
				"Role",
				"Workflow",
				"Workflow Document State",
				"Workflow Transition",
				"Workflow State",
			)
		}, site.db.sql(
			"select * from tabSingles where doctype in ('Pax8 Settings', 'Licensing Settings') order by doctype, field"
		)

	before = picture()
	install.after_migrate()
	assert picture() == before


def test_an_administrators_workflow_is_not_overwritten(site):
	from msp_licensing.setup import install, workflow

	doc = site.get_doc("Workflow", workflow.WORKFLOW)
	doc.append(
		"transitions",
		{"state": "Failed", "action": "Reject", "next_state": "Rejected", "allowed": "System Manager"},
	)
	doc.save()
	install.after_migrate()
	assert len(site.get_doc("Workflow", workflow.WORKFLOW).transitions) == len(workflow.TRANSITIONS) + 1
	site.db.rollback()
	site.clear_cache(doctype="Workflow")
	site.cache.hdel("workflow", workflow.DOCTYPE)


def test_a_fresh_site_asks_for_approval_and_lets_clients_do_nothing(site):
	settings = site.get_doc("Licensing Settings")
	assert settings.require_approval_by_default and not settings.use_auto_approve_threshold
	assert not settings.allow_self_service_by_default
	assert settings.default_min_quantity == 1 and settings.default_max_quantity == 0
	assert site.get_doc("Pax8 Settings").mode == "Off"


def test_roles_lead_to_the_desk_or_to_the_portal(site, people):
	assert site.db.get_value("User", people.manager, "user_type") == "System User"
	for user in (people.requester, people.reader):
		assert site.db.get_value("User", user, "user_type") == "Website User"


@pytest.mark.parametrize(
	("values", "words"),
	[
		({"default_min_quantity": 20, "default_max_quantity": 10}, "inimum"),
		({"default_min_quantity": -1}, "egative"),
		({"use_auto_approve_threshold": 1, "auto_approve_threshold": -5}, "egative"),
		({"client_doctype": "User"}, "Client records"),
	],
)
def test_settings_that_make_no_sense_are_refused(site, values, words):
	doc = site.get_doc("Licensing Settings").update(values)
	with pytest.raises(site.ValidationError, match=words):
		doc.save()


def test_a_threshold_of_nothing_and_no_threshold_are_two_things(site):
	from msp_licensing.changes import decide

	doc = site.get_doc("Licensing Settings").update(
		{"use_auto_approve_threshold": 1, "auto_approve_threshold": 0}
	)
	assert decide.current_policy(doc).threshold == 0
	doc.use_auto_approve_threshold = 0
	assert decide.current_policy(doc).threshold is None


def test_a_vendor_is_listed_once_and_stays_listed(site, sandbox):
	doc = site.get_doc("Licensing Settings")
	doc.append("vendor_overrides", {"vendor": " microsoft "})
	doc.append("vendor_overrides", {"vendor": "A vendor nobody syncs"})
	doc.save()
	assert [row.vendor for row in doc.vendor_overrides] == ["Microsoft", "A vendor nobody syncs"]


@pytest.mark.parametrize(
	("values", "words"),
	[
		({"base_url": "http://api.pax8.com/v1"}, "https"),
		({"base_url": "https://user:pw@api.pax8.com/v1"}, "user name"),
		({"base_url": "nonsense"}, "must look like"),
		({"mode": "Live", "client_id": ""}, "client ID"),
	],
)
def test_a_connection_that_cannot_work_is_refused(site, values, words):
	doc = site.get_doc("Pax8 Settings").update(values)
	with pytest.raises(site.ValidationError, match=words):
		doc.save()


def test_limits_of_a_subscription_are_checked(site, sandbox):
	doc = site.get_doc("Pax8 Subscription", storybook.CEDAR_KEEPER)
	doc.update({"override_limits": 1, "min_quantity": 20, "max_quantity": 10})
	with pytest.raises(site.ValidationError):
		doc.save()


def test_controllers_live_under_the_long_path_only():
	import importlib

	assert importlib.import_module(
		"msp_licensing.msp_licensing.doctype.pax8_company.pax8_company"
	).Pax8Company
	with pytest.raises(ImportError, match=r"msp_licensing\.msp_licensing\.doctype"):
		importlib.import_module("msp_licensing.doctype")
