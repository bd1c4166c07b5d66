"""With ERPNext: who is shown orders and invoices as well uses ERPNext's portal as ever, and sees nobody else's."""

import json

import pytest

METHOD = "/api/method/"


@pytest.fixture(autouse=True)
def with_erpnext(site):
	if "erpnext" not in site.get_installed_apps():
		pytest.skip("ERPNext is not installed on this site; run: WITH_ERPNEXT=1 make test")


def sell(site, doctype, customer, **values):
	"""A document of sale that is submitted. Returns its name."""
	item = "Support Hour"
	if not site.db.exists("Item", item):
		group = site.get_all("Item Group", {"is_group": 0}, pluck="name")[0]
		site.get_doc(
			{
				"doctype": "Item",
				"item_code": item,
				"item_group": group,
				"stock_uom": "Nos",
				"is_stock_item": 0,
			}
		).insert()
	today = site.utils.today()
	dates = {
		"Sales Order": {"delivery_date": today, "transaction_date": today},
		"Sales Invoice": {"due_date": today},
		"Quotation": {"quotation_to": "Customer", "party_name": customer, "valid_till": today},
	}[doctype]
	doc = site.get_doc(
		{
			"doctype": doctype,
			"customer": customer,
			"company": "Example MSP",
			"items": [{"item_code": item, "qty": 2, "rate": 90, "delivery_date": today}],
			**dates,
			**values,
		}
	)
	doc.insert()
	doc.submit()
	return doc.name


@pytest.fixture
def sold(site, people):
	"""Orders, invoices and quotations of two clients; the first one's requester sees them in the portal of ERPNext."""
	from msp_licensing.access import erpnext
	from msp_licensing.clients import ClientRecord
	from msp_licensing.setup import demo

	for person, client in ((people.requester, demo.CEDAR), (people.foreign_requester, demo.MUELLER)):
		erpnext.show_orders(person, ClientRecord("Customer", client))
	kinds = ("Sales Order", "Sales Invoice", "Quotation")
	made = {
		client: {kind: sell(site, kind, client) for kind in kinds} for client in (demo.CEDAR, demo.MUELLER)
	}
	site.db.commit()
	yield made[demo.CEDAR], made[demo.MUELLER]
	site.db.rollback()
	for kind in kinds:
		for table in (kind, f"{kind} Item"):
			site.db.sql(f"delete from `tab{table}`")
	for table in ("GL Entry", "Payment Ledger Entry", "Issue"):
		site.db.sql(f"delete from `tab{table}`")
	site.db.delete("Has Role", {"role": "Customer", "parent": ("like", "%.example")})
	site.db.delete("Portal User", {"user": ("like", "%.example")})
	site.db.commit()


def test_orders_invoices_and_quotations_are_listed_shown_and_printed(sold, people, visit):
	mine, others = sold
	http, stranger = visit(people.requester).http, visit(people.foreign_requester).http
	for kind, route in (
		("Sales Order", "orders"),
		("Sales Invoice", "invoices"),
		("Quotation", "quotations"),
	):
		page = http.get(f"/{route}")
		assert page.status_code == 200 and mine[kind] in page.text, kind
		assert others[kind] not in page.text, kind
		page = stranger.get(f"/{route}")
		assert page.status_code == 200 and others[kind] in page.text and mine[kind] not in page.text, kind
		page = http.get(f"/{route}/{mine[kind]}")
		assert page.status_code == 200 and "Support Hour" in page.text, kind
		assert "Support Hour" not in http.get(f"/{route}/{others[kind]}").text, kind
		page = http.get("/printview", params={"doctype": kind, "name": mine[kind]})
		assert page.status_code == 200 and "Support Hour" in page.text, kind
		assert (
			"Support Hour" not in http.get("/printview", params={"doctype": kind, "name": others[kind]}).text
		)
		more = http.get(METHOD + "frappe.www.list.get_list_data", params={"doctype": kind})
		assert more.status_code == 200 and mine[kind] in more.text and others[kind] not in more.text, kind


def test_an_issue_and_an_address_are_made_by_their_forms(site, sold, people, visit):
	visitor = visit(people.requester)
	for form, route, values in (
		(
			"issues",
			"issues",
			{"doctype": "Issue", "subject": "The printer is on fire", "description": "Help"},
		),
		(
			"addresses",
			"address",
			{
				"doctype": "Address",
				"address_title": "Cedar",
				"address_type": "Office",
				"address_line1": "1 Pine Street",
				"city": "Portland",
				"country": "United States",
			},
		),
	):
		assert visitor.http.get(f"/{route}/new").status_code == 200
		answer = visitor.post(
			METHOD + "frappe.website.doctype.web_form.web_form.accept",
			{"web_form": form, "data": json.dumps(values)},
		)
		assert answer.status_code == 200, answer.text
		made = answer.json()["message"]
		site.db.rollback()
		assert site.db.get_value(values["doctype"], made["name"], "owner") == people.requester
		listed = visitor.http.get(f"/{route}/list")
		assert listed.status_code == 200
		seen = visitor.http.get(
			METHOD + "frappe.www.list.get_list_data",
			params={"doctype": values["doctype"], "web_form_name": form},
		)
		assert seen.status_code == 200 and made["name"] in seen.text, seen.text
		foreign = visit(people.foreign_requester).http.get(
			METHOD + "frappe.www.list.get_list_data",
			params={"doctype": values["doctype"], "web_form_name": form},
		)
		assert made["name"] not in foreign.text
	addresses = site.get_all("Address", {"owner": people.requester}, pluck="name")
	site.db.delete("Dynamic Link", {"parenttype": "Address", "parent": ("in", addresses)})
	site.db.delete("Address", {"name": ("in", addresses)})
	site.db.commit()


def test_both_portals_are_open_to_the_same_person(sold, people, visit):
	visitor = visit(people.requester)
	assert visitor.http.get("/licensing").status_code == 200
	assert visitor.http.get(METHOD + "msp_licensing.portal.api.overview").status_code == 200
	assert visitor.http.get("/orders").status_code == 200
	for doctype in (
		"License Change Request",
		"Pax8 Subscription",
		"Notification Log",
		"Licensing Portal User",
	):
		answer = visitor.http.get(METHOD + "frappe.client.get_list", params={"doctype": doctype})
		assert answer.status_code in (403, 417) or answer.json()["message"] == [], doctype


def test_who_was_invited_for_licenses_only_finds_no_orders(sold, people, visit):
	mine, _others = sold
	http = visit(people.reader).http
	for route in ("orders", "invoices", "quotations"):
		page = http.get(f"/{route}")
		assert not any(name in page.text for name in mine.values()), route
