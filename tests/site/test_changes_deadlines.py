"""Requests that wait: reminded of once, ended in time, counted in business days."""

from datetime import datetime, timedelta

import pytest

from msp_licensing.sandbox import storybook

DT = "License Change Request"


@pytest.fixture
def waiting(site, people):
	from msp_licensing import permissions
	from msp_licensing.changes import requests

	doc = requests.submit(storybook.CEDAR_KEEPER, "40", access=permissions.portal_access(people.requester))
	site.db.commit()
	return doc.name


@pytest.fixture
def on(site, monkeypatch):
	"""on(datetime): the nightly job runs then. Returns what it did."""
	from msp_licensing import clock
	from msp_licensing.changes import deadlines

	def run(moment: datetime) -> dict[str, int]:
		monkeypatch.setattr(clock, "utc_now", lambda: clock.to_utc(moment))
		return {what: count for what, count in deadlines.run().items() if count}

	return run


def since(site, name, moment):
	from msp_licensing import clock

	site.db.set_value(DT, name, {"waiting_since": clock.to_utc(moment), "expires_on": None})
	site.db.commit()


def mails(site, name):
	return site.db.count("Email Queue", {"reference_name": name})


FRIDAY = datetime(2026, 11, 27, 16, 30)


def test_managers_are_reminded_once_after_three_business_days(site, people, waiting, on):
	since(site, waiting, FRIDAY)
	before = mails(site, waiting)
	# Friday + 3 business days is Wednesday, not Monday.
	assert not on(FRIDAY + timedelta(days=3)) and not on(FRIDAY + timedelta(days=4))
	assert on(FRIDAY + timedelta(days=5)) == {"reminded": 1}
	assert not on(FRIDAY + timedelta(days=5)) and not on(FRIDAY + timedelta(days=6))
	assert mails(site, waiting) == before + 1


def test_a_request_nobody_decides_expires_and_the_requester_is_told(site, people, waiting, on):
	from frappe.utils import getdate

	site.db.set_single_value("Licensing Settings", "pending_expiry_days", 5)
	site.db.set_single_value("Licensing Settings", "reminder_days", 0)
	since(site, waiting, FRIDAY)
	last_day = FRIDAY + timedelta(days=7)
	assert not on(last_day)
	assert site.db.get_value(DT, waiting, "expires_on") == getdate(last_day)
	assert on(last_day + timedelta(days=1)) == {"expired": 1}
	row = site.db.get_value(DT, waiting, ["workflow_state", "open_subscription", "expires_on"])
	assert row == ("Expired", None, None)
	assert people.requester in site.get_all("Email Queue Recipient", pluck="recipient")
	assert not site.db.count("Workflow Action", {"status": "Open"})
	assert not on(last_day + timedelta(days=2))


def test_never_is_a_choice(site, waiting, on):
	for field in ("pending_expiry_days", "reminder_days"):
		site.db.set_single_value("Licensing Settings", field, 0)
	since(site, waiting, FRIDAY)
	assert not on(FRIDAY + timedelta(days=4000))
	assert site.db.get_value(DT, waiting, "workflow_state") == "Pending Approval"


def test_the_week_is_the_sites(site, waiting, on):
	site.db.set_single_value("Licensing Settings", "business_week", "Every Day")
	since(site, waiting, FRIDAY)
	assert on(FRIDAY + timedelta(days=3)) == {"reminded": 1}


def test_a_request_of_an_older_version_counts_from_when_it_was_made(site, waiting, on):
	site.db.set_value(DT, waiting, {"waiting_since": None, "requested_on_utc": FRIDAY, "expires_on": None})
	site.db.commit()
	assert on(FRIDAY + timedelta(days=5)) == {"reminded": 1}


def test_what_comes_back_for_a_decision_waits_anew(site, waiting, on):
	from msp_licensing.changes import states

	since(site, waiting, FRIDAY)
	on(FRIDAY + timedelta(days=5))
	states.move(waiting, "Applying", expect=("Pending Approval",))
	assert site.db.get_value(DT, waiting, ["waiting_since", "expires_on"]) == (None, None)
	states.move(waiting, "Pending Approval", expect=("Applying",))
	row = site.db.get_value(DT, waiting, ["waiting_since", "expires_on", "reminded_on"], as_dict=True)
	assert row.waiting_since and row.expires_on and not row.reminded_on
	# And staff find it in their list again: Frappe makes an action of a state only once by itself.
	assert site.db.count("Workflow Action", {"reference_name": waiting, "status": "Open"}) == 1


def test_one_that_fails_does_not_stop_the_others(site, people, waiting, on, monkeypatch):
	from msp_licensing import permissions
	from msp_licensing.changes import notify, requests

	other = requests.submit(storybook.CEDAR_SOPHOS, "90", access=permissions.portal_access(people.requester))
	for name in (waiting, other.name):
		since(site, name, FRIDAY)
	about = notify.about

	def fail(event, doc, **context):
		if doc.name == waiting:
			raise RuntimeError("zebra")
		about(event, doc, **context)

	monkeypatch.setattr(notify, "about", fail)
	assert on(FRIDAY + timedelta(days=5)) == {"reminded": 1}
	assert site.db.exists("Error Log", {"reference_name": waiting})
	assert not site.db.get_value(DT, waiting, "reminded_on") and site.db.get_value(
		DT, other.name, "reminded_on"
	)


def test_an_open_form_of_yesterday_can_still_be_saved(site, people, waiting, on, as_user):
	"""The job writes deadlines without a new `modified`: nobody's save may stumble over them, or change them."""
	since(site, waiting, FRIDAY)
	with as_user(people.manager):
		form = site.get_doc(DT, waiting)
		on(FRIDAY + timedelta(days=1))
		form.expires_on = "2099-01-01"
		form.reject_reason = "No"
		form.workflow_state = "Rejected"
		form.save()
	assert site.db.get_value(DT, waiting, ["workflow_state", "expires_on"]) == ("Rejected", None)


def test_the_holidays_of_erpnexts_company_do_not_count(site):
	from msp_licensing.changes import business_days

	if "erpnext" not in site.get_installed_apps():
		# Frappe alone knows none, and nothing is looked for.
		assert business_days.after(FRIDAY, 1).isoformat() == "2026-11-30"
		return
	company = site.db.get_single_value("Global Defaults", "default_company")
	before = site.db.get_value("Company", company, "default_holiday_list")
	days = site.get_doc(
		{
			"doctype": "Holiday List",
			"holiday_list_name": "Licensing Test",
			"from_date": "2026-11-01",
			"to_date": "2026-12-31",
			"holidays": [{"holiday_date": "2026-11-30", "description": "A day off"}],
		}
	).insert()
	site.db.set_value("Company", company, "default_holiday_list", days.name)
	try:
		assert business_days.after(FRIDAY, 1).isoformat() == "2026-12-01"
	finally:
		site.db.set_value("Company", company, "default_holiday_list", before)
		days.delete()
