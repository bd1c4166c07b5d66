"""Fields that a site adds to the app's DocTypes are the site's: only the app's own fields are locked."""

import pytest
from notice_helpers import ask as asked

from msp_licensing.sandbox import storybook

KEEPER = storybook.CEDAR_KEEPER
DT = "License Change Request"

FIELDS = {
	DT: (
		{"fieldname": "cf_order", "fieldtype": "Data", "label": "Purchase Order"},
		{"fieldname": "cf_team", "fieldtype": "Select", "options": "\nNorth\nSouth", "default": "South"},
		{"fieldname": "cf_computed", "fieldtype": "Int", "read_only": 1},
	),
	"Pax8 Subscription": ({"fieldname": "cf_note", "fieldtype": "Data", "read_only": 1},),
	"Pax8 Company": ({"fieldname": "cf_note", "fieldtype": "Data"},),
	"Pax8 Product": ({"fieldname": "cf_note", "fieldtype": "Data"},),
}


@pytest.fixture(scope="module")
def custom_fields(frappe_site):
	from frappe.custom.doctype.custom_field.custom_field import create_custom_field

	for doctype, fields in FIELDS.items():
		for field in fields:
			create_custom_field(doctype, {"label": field["fieldname"], **field})
	frappe_site.db.commit()
	yield
	frappe_site.set_user("Administrator")  # the columns stay, as Frappe leaves them
	for doctype, fields in FIELDS.items():
		for field in fields:
			frappe_site.delete_doc("Custom Field", f"{doctype}-{field['fieldname']}", force=True)
		frappe_site.clear_cache(doctype=doctype)
	frappe_site.db.commit()


@pytest.fixture
def mandatory(site, custom_fields):
	"""mandatory("cf_order", 1): a field of the request must be filled in; afterwards it need not."""
	changed = []

	def make(field, reqd=1, **values):
		name = f"{DT}-{field}"
		changed.append(name)
		site.db.set_value("Custom Field", name, {"reqd": reqd, **values})
		site.clear_cache(doctype=DT)
		site.db.commit()

	yield make
	for name in changed:
		site.db.set_value("Custom Field", name, "reqd", 0)
	site.clear_cache(doctype=DT)
	site.db.commit()


@pytest.fixture
def property_setter(site, custom_fields):
	from frappe.custom.doctype.property_setter.property_setter import make_property_setter

	made = []

	def make(doctype, field, key, value, kind="Check"):
		made.append(make_property_setter(doctype, field, key, value, kind).name)
		site.clear_cache(doctype=doctype)
		site.db.commit()

	yield make
	site.db.rollback()
	for name in made:
		site.delete_doc("Property Setter", name, force=True)
	site.clear_cache()
	site.db.commit()


STATES = (
	"Pending Approval",
	"Approved",
	"Applying",
	"Scheduled",
	"Needs Review",
	"Applied",
	"Rejected",
	"Failed",
)


@pytest.mark.parametrize("state", STATES)
def test_staff_fill_in_the_sites_own_fields_in_every_state(site, people, custom_fields, as_user, state):
	from msp_licensing.changes.audit import events

	name = asked(site, people.requester).name
	site.db.set_value(DT, name, "workflow_state", state)
	with as_user(people.manager):
		doc = site.get_doc(DT, name)
		assert doc.cf_team == "South", "its default"
		doc.update({"cf_order": f"PO {state}", "cf_computed": 7})
		doc.save()
	assert site.db.get_value(DT, name, ["cf_order", "cf_computed"]) == (f"PO {state}", 7)
	last = events.of([name])[name][-1]
	assert (last.event, last.user) == ("edited", people.manager)
	assert sorted(last.facts["fields"]) == ["cf_computed", "cf_order"]


def test_by_rest_and_in_bulk_too(site, people, custom_fields, as_user):
	from frappe.client import set_value
	from frappe.desk.doctype.bulk_update.bulk_update import submit_cancel_or_update_docs

	name = asked(site, people.requester).name
	with as_user(people.manager):
		set_value(DT, name, "cf_order", "PO 1")
		assert site.db.get_value(DT, name, "cf_order") == "PO 1"
		failed = submit_cancel_or_update_docs(DT, [name], "update", {"cf_order": "PO 2"})
		assert not failed and site.db.get_value(DT, name, "cf_order") == "PO 2"
		for field in ("requested_quantity", "decided_by", "note"):
			with pytest.raises((site.PermissionError, site.ValidationError)):
				set_value(DT, name, field, "12")
			site.db.rollback()
			site.set_user(people.manager)


@pytest.mark.parametrize(
	("field", "value"), [("decided_by", "Administrator"), ("current_quantity", 39), ("unit_price", 1)]
)
def test_a_field_of_ours_stays_locked_whatever_the_site_makes_of_it(
	site, people, property_setter, as_user, field, value
):
	name = asked(site, people.requester).name
	property_setter(DT, field, "read_only", 0)
	property_setter(DT, field, "hidden", 0)
	with as_user(people.manager):
		doc = site.get_doc(DT, name)
		doc.set(field, value)
		with pytest.raises(site.PermissionError):
			doc.save()
		made = site.get_doc(
			{"doctype": DT, "subscription": storybook.CEDAR_SOPHOS, "requested_quantity": 90, field: value}
		).insert()
	assert str(made.get(field)) != str(value), "nor is it taken from who makes a request"


# --------------------------------------------------------------------------------------------- mandatory fields


def test_a_mandatory_field_stops_no_client_and_no_step_of_the_system(
	site, sandbox, people, mandatory, as_user, property_setter
):
	from msp_licensing.changes import apply
	from msp_licensing.portal import api

	mandatory("cf_order")
	mandatory("cf_team")
	property_setter(DT, "note", "reqd", 1)
	with as_user(people.requester):
		told = site.call(api.request_change, subscription=KEEPER, quantity="15", seen_quantity=10)
	site.db.commit()
	assert "cf_" not in str(told)
	name = site.get_all(DT, pluck="name")[0]
	assert site.db.get_value(DT, name, ["cf_team", "cf_order"]) == ("South", None)
	apply.run(name)
	assert site.db.get_value(DT, name, "workflow_state") == "Applied"


def test_nor_what_staff_ask_for_through_the_api(site, people, mandatory, as_user):
	from msp_licensing.changes import staff

	site.db.set_single_value("Licensing Settings", "allow_direct_changes", 1)
	mandatory("cf_order")
	with as_user(people.manager):
		assert staff.change_now(KEEPER, 12, "Agreed by phone").workflow_state == "Approved"
		made = site.get_doc(
			{"doctype": DT, "subscription": storybook.CEDAR_SOPHOS, "requested_quantity": 90}
		).insert()
		assert made.workflow_state == "Pending Approval"
		with pytest.raises(site.ValidationError):
			site.get_doc({"doctype": DT, "requested_quantity": 9}).insert()


def test_whoever_decides_is_asked_for_it_in_words(site, people, mandatory, as_user):
	from msp_licensing.changes.requests import ChangeRefused
	from msp_licensing.desk import requests as api

	name = asked(site, people.requester).name
	mandatory("cf_order")
	with as_user(people.manager):
		with pytest.raises(ChangeRefused, match="fill in: Purchase Order"):
			api.approve(name)
		site.db.rollback()
		site.set_user(people.manager)
		told = api.decide_many([name], "Approve")
		assert told[0]["message"].endswith("fill in: Purchase Order")
		doc = site.get_doc(DT, name)
		with pytest.raises(site.MandatoryError):
			doc.save()
		doc = site.get_doc(DT, name)
		doc.cf_order = "PO 9"
		doc.save()
		assert api.approve(name)["state"] == "Approved"


def test_a_workflow_of_the_site_may_fill_in_its_own_field(site, people, custom_fields, as_user):
	from frappe.model.workflow import apply_workflow

	row = site.db.get_value(
		"Workflow Document State", {"parent": "License Change Approval", "state": "Approved"}
	)
	site.db.set_value("Workflow Document State", row, {"update_field": "cf_team", "update_value": "North"})
	site.clear_cache(doctype="Workflow")
	site.clear_cache()
	try:
		name = asked(site, people.requester).name
		with as_user(people.manager):
			assert apply_workflow(site.get_doc(DT, name), "Approve").cf_team == "North"
	finally:
		site.db.rollback()
		site.set_user("Administrator")
		site.db.set_value("Workflow Document State", row, {"update_field": None, "update_value": None})
		site.clear_cache()
		site.db.commit()


# --------------------------------------------------------------------------------------------- mirrored records


@pytest.mark.parametrize(
	("doctype", "ours", "value"),
	[
		("Pax8 Subscription", "quantity", 99),
		("Pax8 Company", "company_name", "Other"),
		("Pax8 Product", "product_name", "Other"),
	],
)
def test_on_mirrored_records_only_what_is_mirrored_is_locked(
	site, people, property_setter, as_user, doctype, ours, value
):
	name = site.get_all(doctype, pluck="name")[0]
	property_setter(doctype, ours, "read_only", 0)
	doc = site.get_doc(doctype, name)
	doc.cf_note = "The site's own"
	doc.save(ignore_permissions=True)
	assert site.db.get_value(doctype, name, "cf_note") == "The site's own"
	doc.set(ours, value)
	with pytest.raises(site.PermissionError):
		doc.save(ignore_permissions=True)
	site.db.rollback()
