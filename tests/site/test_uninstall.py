"""What `bench uninstall-app` leaves to the app. The rest (DocTypes, tables, workspace, cards) is Frappe's part.

The removal is not committed: this site is used by other tests.
"""

import pytest

from msp_licensing.sandbox import storybook


@pytest.fixture
def used_site(site, people, sandbox):
	"""A site on which people have worked with the app."""
	from msp_licensing import permissions
	from msp_licensing.changes import requests

	access = permissions.portal_access(people.requester)
	request = requests.submit(storybook.CEDAR_KEEPER, "40", access=access)
	request.add_comment("Comment", "Is that many needed?")
	request.add_tag("urgent")
	assert site.db.exists("Workflow Action", {"reference_name": request.name})
	site.db.commit()
	yield site
	site.db.rollback()
	site.clear_cache()


def test_nothing_speaks_of_the_app_any_more(used_site):
	from msp_licensing.setup import install, uninstall, workflow

	site = used_site
	doctypes = site.get_all("DocType", {"module": uninstall.MODULE}, pluck="name")
	steps = uninstall._onboarding_steps()
	jobs = {"method": ("like", "msp_licensing.%")}
	assert (
		doctypes
		and site.db.count("Scheduled Job Type", jobs)
		and all(site.db.exists("Onboarding Step", s) for s in steps)
	)

	copy = site.copy_doc(site.get_doc("Email Template", "License Change to Client: Applied"))
	copy.insert(set_name="License Change to Client: Applied (de)")
	site.copy_doc(copy).insert(set_name="License Change to Client: Applied in our own way")

	uninstall.before_uninstall()

	assert site.get_all("Email Template", {"name": ("like", "License Change to %")}, pluck="name") == [
		"License Change to Client: Applied in our own way"
	]
	for table, column in uninstall.REFERENCES.items():
		found = site.db.sql(
			f"select count(*) from `{table if table.startswith('__') else 'tab' + table}` where `{column}` in %s",
			[doctypes],
		)
		assert found == ((0,),), table
	for table in ("Has Role", "Custom DocPerm", "DocPerm", "Workflow Action Permitted Role"):
		assert not site.db.count(table, {"role": ("in", list(install.ROLES))}), table
	assert not site.db.count("Role", {"name": ("in", list(install.ROLES))})
	assert not site.db.exists("Workflow", workflow.WORKFLOW)
	assert not site.db.count("Scheduled Job Type", jobs)
	assert steps and not site.db.count("Onboarding Step", {"name": ("in", steps)})
	assert not site.db.count("Portal Menu Item", {"route": "/licensing"})
	for table in ("Singles", "__Auth"):
		assert not site.db.count(table, {"doctype": ("in", ("Pax8 Settings", "Licensing Settings"))}), table
	assert not site.db.count("Series", {"name": ("like", "LCR-%")})


def test_what_was_there_before_the_app_stays(used_site, people):
	from msp_licensing.setup import uninstall, workflow

	site = used_site
	site.get_doc(
		{
			"doctype": "Workflow",
			"workflow_name": "Somebody else's",
			"document_type": "ToDo",
			"workflow_state_field": "workflow_state",
			"is_active": 0,
			"states": [
				{"state": state, "doc_status": "0", "allow_edit": "All"} for state in ("Scheduled", "Applied")
			],
			"transitions": [
				{"state": "Scheduled", "action": "Retry", "next_state": "Applied", "allowed": "All"}
			],
		}
	).db_insert()
	for table, field, values in (
		("Workflow Document State", "state", ("Scheduled", "Applied")),
		("Workflow Transition", "next_state", ("Applied",)),
	):
		for value in values:
			row = site.get_doc(
				{"doctype": table, field: value, "action": "Retry", "parent": "Somebody else's"}
			)
			row.name = site.generate_hash()
			row.db_insert()

	uninstall.before_uninstall()

	states = set(site.get_all("Workflow State", pluck="name"))
	assert {"Pending", "Approved", "Rejected", "Scheduled", "Applied"} <= states
	assert not states & (set(workflow.STATES) - {"Approved", "Rejected", "Scheduled", "Applied"})
	assert {"Approve", "Reject", "Review", "Retry"} <= set(
		site.get_all("Workflow Action Master", pluck="name")
	)
	assert site.db.exists("User", people.requester) and site.db.exists("Contact", {"user": people.requester})
	site.get_doc("Contact", {"user": people.requester}).save()
