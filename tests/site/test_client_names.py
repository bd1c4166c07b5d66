"""Staff read the client's name, not its id: a record may be named by a series, and hold any sign."""

import pytest
from notice_helpers import ask, mails

from msp_licensing.sandbox import storybook

REQUEST = "License Change Request"
CEDAR = "Cedar & Pine Architects"
ODD = 'A & B "C" <D>'


@pytest.fixture
def by_series(site, people):
	"""Cedar & Pine's record is named by a series, as ERPNext can name Customers; returns its id."""
	from msp_licensing.setup import demo

	doctype, name = demo.site_client_doctype(), "CUST-2026-00002"
	site.rename_doc(doctype, CEDAR, name, force=True)
	rename_title(site, name, CEDAR)
	yield name
	site.set_user("Administrator")
	site.db.rollback()
	site.rename_doc(doctype, name, CEDAR, force=True)
	rename_title(site, CEDAR, CEDAR)
	site.db.commit()


def rename_title(site, name, title):
	from msp_licensing.setup import demo

	doc = site.get_doc(demo.site_client_doctype(), name)
	doc.set(doc.meta.get_title_field(), title)
	doc.flags.ignore_permissions = True
	doc.save()
	site.db.commit()


def names(site, client):
	from msp_licensing.clients import NAMED

	found = {table: set(site.get_all(table, {"client": client}, pluck="client_name")) for table in NAMED}
	return {table: values for table, values in found.items() if values}


def test_records_carry_the_name_and_follow_it(site, by_series, people):
	from msp_licensing.setup import demo

	name = ask(site, people.requester).name
	site.get_doc(
		{
			"doctype": "Licensing Client Policy",
			"client_doctype": demo.site_client_doctype(),
			"client": by_series,
		}
	).insert()
	site.db.commit()
	kept = names(site, by_series)
	assert {"Pax8 Company", "Pax8 Subscription", REQUEST, "Licensing Client Policy"} <= set(kept)
	assert set(map(tuple, kept.values())) == {(CEDAR,)}
	rename_title(site, by_series, "Cedar Group")
	assert set(map(tuple, names(site, by_series).values())) == {("Cedar Group",)}
	assert site.db.get_value(REQUEST, name, "client_name") == "Cedar Group"
	rename_title(site, by_series, CEDAR)


def test_a_sync_and_a_mapping_write_the_name(site, by_series, sandbox):
	from msp_licensing.sync import jobs

	site.db.sql("update `tabPax8 Subscription` set client_name = 'old'")
	sandbox.change("subscriptions", storybook.CEDAR_KEEPER, quantity=11)
	site.db.commit()
	assert jobs.run("Subscriptions", trigger="Manual")
	assert set(site.get_all("Pax8 Subscription", {"client": by_series}, pluck="client_name")) == {CEDAR}
	assert site.get_all(
		"Pax8 Subscription Change", {"subscription": storybook.CEDAR_KEEPER}, pluck="client_name"
	) == [CEDAR]
	company = site.get_doc("Pax8 Company", storybook.CEDAR_AND_PINE)
	company.client = None
	company.save()
	assert company.client_name is None
	assert not site.get_all("Pax8 Subscription", {"client_name": CEDAR})
	company.client = by_series
	company.save()
	assert site.db.get_value("Pax8 Subscription", storybook.CEDAR_KEEPER, "client_name") == CEDAR


def test_an_open_form_with_the_old_name_can_be_saved(site, by_series, people, as_user):
	doc = site.get_doc("Pax8 Subscription", storybook.CEDAR_KEEPER)
	request = site.get_doc(REQUEST, ask(site, people.requester).name)
	rename_title(site, by_series, "Cedar Group")
	with as_user(people.manager):
		doc.reload()
		doc.client_name = CEDAR
		doc.save()
		request.reject_reason = "No"
		request.save()
	assert site.db.get_value(REQUEST, request.name, "client_name") == "Cedar Group"
	rename_title(site, by_series, CEDAR)


def test_names_of_before_are_filled_in_once(site, by_series):
	from msp_licensing.patches import add_client_names

	site.db.sql("update `tabPax8 Company` set client_name = null")
	for _time in range(2):
		add_client_names.execute()
	assert site.db.get_value("Pax8 Company", storybook.CEDAR_AND_PINE, "client_name") == CEDAR
	assert not site.get_all("Pax8 Company", {"client": ("is", "not set"), "client_name": ("is", "set")})


def test_screens_and_mails_say_the_name(site, by_series, people, as_user):
	from frappe.desk.search import search_widget

	from msp_licensing.desk import clients, evidence, requests, rules, whatif
	from msp_licensing.report.license_changes import license_changes
	from msp_licensing.setup import demo

	name = ask(site, people.requester).name
	doctype = demo.site_client_doctype()
	with as_user(people.manager):
		assert {"value": by_series, "label": CEDAR} in rules.clients()
		assert {row.client_name for row in rules.subscriptions(client=by_series)["rows"]} == {CEDAR}
		assert rules.subscriptions(search="Cedar & Pine")["total"]
		assert requests.preview(storybook.CEDAR_SOPHOS)["facts"]["client"] == CEDAR
		assert CEDAR in whatif.simulate(storybook.CEDAR_SOPHOS, "43")["notes"][0]
		assert [row["client_name"] for row in license_changes.execute({})[1]] == [CEDAR]
		found = evidence._collect(doctype, by_series, "2020-01-01", "2090-01-01")
		page = evidence._html(found)
		assert "Cedar &amp; Pine Architects" in page and by_series not in page
		assert storybook.CEDAR_KEEPER in str(
			search_widget("Pax8 Subscription", "Cedar & Pine", page_length=50)
		)
		[row] = requests.decide_many([name], "Reject")
		assert row["client"] == CEDAR
		invited = clients.invite(doctype, by_series, "new@cedarpine.example", "New")
	assert CEDAR in invited["message"] and by_series not in invited["message"]
	assert all(by_series not in text for text in mails(site, people.manager))


def test_odd_names_are_text(site, by_series, people, as_user):
	from msp_licensing.clients import client_title, client_titles
	from msp_licensing.desk import evidence
	from msp_licensing.setup import demo

	doctype = demo.site_client_doctype()
	site.db.set_value(doctype, by_series, site.get_meta(doctype).get_title_field(), ODD)
	site.db.commit()
	assert client_title(doctype, by_series) == ODD
	asked = [(doctype, by_series), (doctype, "gone"), (None, None), ("User", "Administrator")]
	assert list(client_titles(asked).values()) == [ODD, "gone", "", "Administrator"]
	with as_user(people.manager):
		page = evidence._html(evidence._collect(doctype, by_series, "2020-01-01", "2090-01-01"))
	assert ODD not in page and "A &amp; B" in page and "&lt;D&gt;" in page
	site.db.set_value(doctype, by_series, site.get_meta(doctype).get_title_field(), CEDAR)
	site.db.commit()


def test_many_names_cost_a_query(site, sandbox):
	from msp_licensing.clients import client_titles
	from msp_licensing.setup import demo

	asked = [
		(demo.site_client_doctype(), CEDAR),
		*((demo.site_client_doctype(), f"No {n}") for n in range(50)),
	]
	client_titles(asked)
	queries = []
	run = site.db.sql
	try:
		site.db.sql = lambda *args, **values: queries.append(args) or run(*args, **values)
		client_titles(asked)
	finally:
		site.db.sql = run
	assert len(queries) == 1
