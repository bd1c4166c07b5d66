"""The partner's own companies (Pax8 Settings): no clients, and nothing is mapped to them."""

import pytest

from msp_licensing.sandbox import storybook

OWN, OTHER = storybook.NORTHWIND_PARTNER, storybook.BLUE_HARBOR_DENTAL


def choose(site, text):
	settings = site.get_doc("Pax8 Settings")
	settings.shadow_company_ids = text
	settings.save()
	site.db.commit()


def own(site):
	return site.get_all("Pax8 Company", {"is_own": 1}, pluck="name")


def unmapped(site):
	from frappe.desk.doctype.number_card.number_card import get_result

	card = site.get_doc("Number Card", "Unmapped Pax8 Companies")
	return get_result(card.as_dict(), card.filters_json)


def test_own_companies_are_marked_whoever_comes_first(site, sandbox):
	from msp_licensing.sync import jobs

	assert own(site) == [OWN]
	choose(site, f" {OTHER.upper()}, {OTHER}\n")
	assert own(site) == [OTHER]
	assert site.db.get_single_value("Pax8 Settings", "shadow_company_ids") == OTHER
	choose(site, "")
	assert own(site) == []
	site.db.set_single_value("Pax8 Settings", "shadow_company_ids", OWN)
	site.db.commit()
	assert jobs.run("Companies", trigger="Manual")
	assert own(site) == [OWN]


def test_an_own_company_is_not_unmapped_not_suggested_and_not_mapped(site, sandbox, people, as_user):
	from msp_licensing.desk import mapping
	from msp_licensing.setup import demo

	before = unmapped(site)
	choose(site, f"{OWN}\n{OTHER}")
	assert unmapped(site) == before - 1
	site.db.set_value("Pax8 Company", OTHER, "company_name", demo.CEDAR)
	client = {"client_doctype": demo.site_client_doctype(), "client": demo.CEDAR}
	with as_user(people.manager):
		told = mapping.choices(OTHER)
		assert told["suggestions"] == [] and not told["may_create"]
		with pytest.raises(site.ValidationError, match="your own"):
			mapping.create_client(OTHER, "Blue Harbor")
		with pytest.raises(site.ValidationError, match="your own company"):
			site.get_doc("Pax8 Company", OTHER).update(client).save()
		assert {row["id"]: row["name"] for row in mapping.own_companies(OTHER)} == {OTHER: demo.CEDAR}
		assert mapping.own_companies("00000000-0000-4000-8000-000000000000")[0]["name"] is None


@pytest.mark.parametrize("text", ["Northwind", "1234", f"{OWN}\nx"])
def test_what_is_no_id_is_refused(site, sandbox, text):
	with pytest.raises(site.ValidationError, match="not a Pax8 company ID"):
		choose(site, text)


def test_a_clients_company_cannot_be_an_own_one(site, sandbox):
	with pytest.raises(site.ValidationError, match="is mapped to"):
		choose(site, storybook.CEDAR_AND_PINE)
