"""User Permissions of staff: a manager for one client sees, finds, counts and decides nothing of another's."""

import json

import pytest
from cleaning import forget
from notice_helpers import ask, assigned, bells, mails

from msp_licensing.sandbox import storybook

REQUEST = "License Change Request"
OF_CLIENTS = (
	"Pax8 Company",
	"Pax8 Subscription",
	"Pax8 Subscription Change",
	REQUEST,
	"Licensing Client Policy",
)
OF_REQUESTS = ("License Change Attempt", "License Change Event", "License Change Notice")
CEDAR, MUELLER = "Cedar & Pine Architects", "Müller & Söhne GmbH"
THEIRS, OWN = storybook.CEDAR_KEEPER, storybook.MUELLER_ESET


def key(client):
	from msp_licensing.permissions import ClientRecord
	from msp_licensing.setup import demo

	return ClientRecord(demo.site_client_doctype(), client)


@pytest.fixture
def asked(site, people):
	"""A request of Cedar & Pine and one of Müller & Söhne that wait, with an attempt and a policy each."""
	from msp_licensing import permissions
	from msp_licensing.changes import requests

	cedar = ask(site, people.requester).name
	site.set_user(people.foreign_requester)
	own = requests.submit(OWN, "90", access=permissions.portal_access(people.foreign_requester)).name
	site.set_user("Administrator")
	for name, client in ((cedar, CEDAR), (own, MUELLER)):
		record = key(client)
		# Such rows are written by SQL only.
		site.db.sql(
			"""insert into `tabLicense Change Event` (name, request, event, client_doctype, client)
			values (%s, %s, 'reminded', %s, %s)""",
			(site.generate_hash(length=10), name, record.doctype, client),
		)
		site.get_doc({"doctype": "License Change Attempt", "request": name, "outcome": "Seen"}).insert()
		site.get_doc(
			{"doctype": "Licensing Client Policy", "client_doctype": record.doctype, "client": client}
		).insert()
	for subscription, client in ((THEIRS, CEDAR), (OWN, MUELLER)):
		site.get_doc(
			{
				"doctype": "Pax8 Subscription Change",
				"subscription": subscription,
				"client_doctype": key(client).doctype,
				"client": client,
				"field": "Quantity",
				"seen_on": site.utils.now(),
			}
		).insert()
	site.db.commit()
	return cedar, own


@pytest.fixture
def mueller_only(people, restrict):
	restrict(people.manager, MUELLER)
	return people.manager


class TestWho:
	def test_nobody_is_restricted_without_a_user_permission_for_a_client(self, site, people, restrict):
		from msp_licensing.permissions import manager_clients

		restrict(people.manager, "USD", allow="Currency")
		for user in (people.manager, people.system_manager, "Administrator"):
			assert manager_clients(user) is None, user

	def test_all_clients_that_are_named_count(self, site, people, restrict):
		from msp_licensing.permissions import manager_clients

		restrict(people.manager, MUELLER)
		restrict(people.manager, CEDAR)
		assert manager_clients(people.manager) == {key(CEDAR), key(MUELLER)}

	def test_applicable_for_narrows_it_to_one_doctype(self, site, people, restrict, as_user, asked):
		from msp_licensing.permissions import is_restricted, manager_clients

		restrict(people.manager, MUELLER, applicable_for=REQUEST)
		assert manager_clients(people.manager, REQUEST) == {key(MUELLER)}
		assert manager_clients(people.manager, "Pax8 Subscription") is None
		assert is_restricted(people.manager), "what concerns every client is for others"
		with as_user(people.manager):
			assert site.get_list(REQUEST, pluck="client") == [MUELLER]
			assert site.get_list("License Change Attempt", pluck="request") == [asked[1]]
			assert len(set(site.get_list("Pax8 Subscription", pluck="client", limit_page_length=0))) == 2

	def test_one_for_a_foreign_doctype_restricts_nothing_here(self, site, people, restrict):
		from msp_licensing.permissions import is_restricted

		restrict(people.manager, MUELLER, applicable_for="Contact")
		assert not is_restricted(people.manager)

	@pytest.mark.parametrize("strict", [0, 1])
	def test_what_belongs_to_no_client_is_hidden_strict_or_not(self, site, mueller_only, as_user, strict):
		site.db.set_single_value("System Settings", "apply_strict_user_permissions", strict)
		forget(site)
		try:
			with as_user(mueller_only):
				assert int(site.get_system_settings("apply_strict_user_permissions")) == strict
				assert site.get_list("Pax8 Company", pluck="name") == [storybook.MUELLER_UND_SOEHNE]
				for name in (storybook.BLUE_HARBOR_DENTAL, storybook.CEDAR_AND_PINE):
					assert not site.has_permission("Pax8 Company", "read", name), (
						"unmapped, and a foreign one"
					)
		finally:
			site.db.set_single_value("System Settings", "apply_strict_user_permissions", 0)

	def test_a_client_keeps_its_manager_when_it_is_renamed(self, site, people, restrict):
		from msp_licensing.permissions import ClientRecord, manager_clients

		site.get_doc({"doctype": "MSP Client", "client_name": "Before"}).insert()
		restrict(people.manager, "Before", allow="MSP Client")
		assert manager_clients(people.manager) == {ClientRecord("MSP Client", "Before")}
		site.rename_doc("MSP Client", "Before", "After")
		assert manager_clients(people.manager) == {ClientRecord("MSP Client", "After")}


class TestRecords:
	def test_lists_show_the_one_client(self, site, mueller_only, as_user, asked):
		with as_user(mueller_only):
			for doctype in OF_CLIENTS:
				found = site.get_list(doctype, fields=["client"], limit_page_length=0)
				assert {row.client for row in found} == {MUELLER}, doctype
			for doctype in OF_REQUESTS:
				assert set(site.get_list(doctype, pluck="request", limit_page_length=0)) == {asked[1]}, (
					doctype
				)
			if key("").doctype == "MSP Client":
				assert site.get_list("MSP Client", pluck="name") == [MUELLER]
			assert site.get_list("Pax8 Product"), "products are nobody's"

	def test_reportview_counts_and_exports_the_one_client(self, site, mueller_only, as_user, asked):
		from frappe.desk import reportview

		with as_user(mueller_only):
			site.local.form_dict = site._dict(doctype="Pax8 Subscription", fields='["name"]', filters="[]")
			everything = reportview.get_count()
			rows = site.get_list("Pax8 Subscription", limit_page_length=0)
			assert everything == len(rows)
			from msp_licensing.doors.replaced import get_count, get_group_by_count

			assert get_count("Pax8 Subscription") == len(rows)
			assert get_count("Pax8 Subscription", {"client": CEDAR}) == 0
			assert {row.name for row in get_group_by_count("Pax8 Subscription", "[]", "client")} == {MUELLER}

	def test_to_dos_beside_the_list_are_those_of_what_it_shows(self, site, people, as_user, asked, restrict):
		from msp_licensing.doors.replaced import get_group_by_count

		restrict(people.manager, MUELLER)
		with as_user(people.manager):
			assert [(row.name, row["count"]) for row in get_group_by_count(REQUEST, "[]", "assigned_to")] == [
				(people.manager, 1)
			]

	def test_every_right_ends_at_the_client(self, site, people, mueller_only, as_user, asked):
		rights = ("read", "write", "delete", "print", "email", "report", "export", "share")
		for user in (mueller_only,):
			for doctype in (*OF_CLIENTS, *OF_REQUESTS, "MSP Client"):
				field = (
					"name" if doctype == "MSP Client" else "request" if doctype in OF_REQUESTS else "client"
				)
				foreign = site.db.get_value(doctype, {field: asked[0] if field == "request" else CEDAR})
				for right in rights:
					if foreign:
						assert not site.has_permission(doctype, right, foreign, user=user), (doctype, right)
		own = site.db.get_value("Pax8 Subscription", {"client": MUELLER})
		assert site.has_permission("Pax8 Subscription", "write", own, user=mueller_only)

	def test_system_managers_are_restricted_likewise(self, site, people, restrict, as_user, asked):
		restrict(people.system_manager, MUELLER)
		with as_user(people.system_manager):
			for doctype in OF_CLIENTS:
				assert set(site.get_list(doctype, pluck="client", limit_page_length=0)) == {MUELLER}, doctype
				assert not site.has_permission(doctype, "read", site.db.get_value(doctype, {"client": CEDAR}))

	def test_a_foreign_record_is_not_made_ones_own_by_the_save_itself(self, site, mueller_only, as_user):
		record = key(MUELLER)
		for company in (storybook.CEDAR_AND_PINE, storybook.BLUE_HARBOR_DENTAL):
			with as_user(mueller_only), pytest.raises(site.PermissionError):
				doc = site.get_doc("Pax8 Company", company)
				doc.update({"client_doctype": record.doctype, "client": MUELLER})
				doc.save()
			site.db.rollback()
		with as_user(mueller_only), pytest.raises(site.PermissionError):
			doc = site.get_doc("Pax8 Company", storybook.MUELLER_UND_SOEHNE)
			doc.client = None
			doc.save()

	def test_requests_and_policies_are_made_for_the_one_client(self, site, mueller_only, as_user):
		def request(subscription, **values):
			return {"doctype": REQUEST, "subscription": subscription, "requested_quantity": 12, **values}

		record = key(MUELLER)
		own = {"client_doctype": record.doctype, "client": MUELLER}
		with as_user(mueller_only):
			for values in ({}, own):
				with pytest.raises(site.PermissionError):
					site.get_doc(request(THEIRS, **values)).insert()
			with pytest.raises(site.PermissionError):
				site.get_doc({"doctype": "Licensing Client Policy", **own, "client": CEDAR}).insert()
			site.get_doc({"doctype": "Licensing Client Policy", **own}).insert()
			assert site.get_doc(request(OWN)).insert().client == MUELLER

	def test_a_share_opens_nothing(self, site, mueller_only, as_user, asked):
		import frappe.share

		for doctype, name in ((REQUEST, asked[0]), ("Pax8 Subscription", THEIRS)):
			frappe.share.add(doctype, name, mueller_only, write=1, share=1)
			frappe.share.add(doctype, name, everyone=1)
			with as_user(mueller_only):
				assert not site.has_permission(doctype, "read", name)
				assert name not in site.get_list(doctype, pluck="name", limit_page_length=0)

	def test_shares_from_before_are_taken_away(self, site, mueller_only, asked):
		from msp_licensing.patches import remove_shares

		site.get_doc(
			{
				"doctype": "DocShare",
				"user": mueller_only,
				"share_doctype": REQUEST,
				"share_name": asked[0],
				"read": 1,
			}
		).db_insert()
		for _time in range(2):
			remove_shares.execute()
		assert not site.has_permission(REQUEST, "read", asked[0], user=mueller_only)

	def test_the_logs_and_settings_of_all_clients(self, site, mueller_only, as_user, ran):
		run = ran("Subscriptions", hours=1)
		settings = site.get_doc("Licensing Settings")
		product = site.get_doc("Pax8 Product", storybook.KEEPER_BUSINESS)
		with as_user(mueller_only):
			assert not site.get_list("Pax8 Sync Run") and not site.has_permission(
				"Pax8 Sync Run", "read", run
			)
			assert settings.has_permission("read") and not settings.has_permission("write")
			assert product.has_permission("read") and not product.has_permission("write")


class TestScreens:
	def test_report_and_its_export(self, site, mueller_only, as_user, asked):
		from frappe.desk import query_report

		with as_user(mueller_only):
			answer = query_report.run("License Changes", filters={})
			assert {row["client"] for row in answer["result"] if isinstance(row, dict)} == {MUELLER}
			assert CEDAR not in json.dumps(answer, default=str)

	def test_number_cards_and_charts(self, site, mueller_only, as_user, asked):
		from frappe.desk.doctype.number_card import number_card

		from msp_licensing.doors.replaced import get_chart

		card = site.get_doc("Number Card", "Pending License Requests")
		chart = site.get_all("Dashboard Chart", {"document_type": REQUEST}, pluck="name")[0]
		assert number_card.get_result(card, json.loads(card.filters_json)) == 2
		assert sum(get_chart(chart_name=chart, refresh=1)["datasets"][0]["values"]) == 2
		with as_user(mueller_only):
			assert number_card.get_result(card, json.loads(card.filters_json)) == 1
			assert sum(get_chart(chart_name=chart, refresh=1)["datasets"][0]["values"]) == 1
			heatmap = {
				"type": "Heatmap",
				"chart_type": "Sum",
				"document_type": "Pax8 Subscription",
				"based_on": "creation",
				"value_based_on": "partner_cost",
				"filters_json": "[]",
				"name": "Mine",
			}
			with pytest.raises(site.PermissionError, match="all clients"):
				get_chart(chart=json.dumps(heatmap))

	def test_sums_for_goals(self, site, mueller_only, as_user):
		from msp_licensing.doors.replaced import get_goals

		with as_user(mueller_only), pytest.raises(site.PermissionError):
			get_goals(
				"Cost", "Pax8 Product", storybook.KEEPER_BUSINESS, "name", "name", "name",
				"Pax8 Subscription", "product", "partner_cost", "creation",
			)  # fmt: skip

	def test_connections_of_a_product(self, site, mueller_only, as_user):
		from msp_licensing.overrides.connections import get_open_count

		def subscriptions(product):
			found = get_open_count("Pax8 Product", product)["count"]["external_links_found"]
			return next(row["count"] for row in found if row["doctype"] == "Pax8 Subscription")

		assert subscriptions(storybook.KEEPER_BUSINESS)
		with as_user(mueller_only):
			assert not subscriptions(storybook.KEEPER_BUSINESS), "Müller & Söhne have none"

	def test_searches(self, site, mueller_only, as_user, monkeypatch):
		from frappe.desk.doctype.global_search_settings import global_search_settings as settings
		from frappe.desk.search import search_widget
		from frappe.utils import global_search

		from msp_licensing.overrides.search import search_everywhere as search

		monkeypatch.setattr(settings, "get_doctypes_for_global_search", lambda: ["Pax8 Company"])
		for company in site.get_all("Pax8 Company", pluck="name"):
			global_search.update_global_search(site.get_doc("Pax8 Company", company))
		global_search.sync_global_search()
		site.db.commit()
		assert search("Cedar")
		with as_user(mueller_only):
			assert not search("Cedar")
			assert [row.name for row in search("Müller") if row.doctype == "Pax8 Company"] == [
				storybook.MUELLER_UND_SOEHNE
			]
			found = search_widget("Pax8 Subscription", "", page_length=100)
			assert found and THEIRS not in str(found)

	def test_frappes_own_api(self, site, mueller_only, as_user, asked):
		from frappe import client

		with as_user(mueller_only):
			assert not client.get_value(REQUEST, "client", {"name": asked[0]})
			with pytest.raises(site.PermissionError):
				client.get(REQUEST, asked[0])
			with pytest.raises(site.PermissionError):
				client.set_value("Pax8 Subscription", THEIRS, "show_to_client", 0)
			with pytest.raises(site.PermissionError):
				client.get_value("Pax8 Subscription", "client", THEIRS) or client.get(
					"Pax8 Subscription", THEIRS
				)
			from frappe.desk.form.load import getdoc

			with pytest.raises(site.PermissionError):
				getdoc("Pax8 Subscription", THEIRS)

	def test_workflow_actions(self, site, mueller_only, as_user, asked):
		with as_user(mueller_only):
			assert site.get_list("Workflow Action", pluck="reference_name") == [asked[1]]

	def test_suggestions_name_no_other_client(self, site, mueller_only, as_user):
		from msp_licensing.sync import mapping

		company = storybook.CEDAR_AND_PINE
		assert [row["client"] for row in mapping.suggestions(company)] == [CEDAR]
		with as_user(mueller_only):
			assert not mapping.suggestions(company)

	def test_problems_of_a_sync_are_not_told(self, site, mueller_only, as_user, ran):
		from msp_licensing.desk import sync

		ran("Companies", hours=0, status="Failed", error="Company Cedar & Pine Architects: no")
		assert "Cedar" in str(sync.status()) and "Cedar" in str(sync.overview())
		with as_user(mueller_only):
			assert "Cedar" not in str(sync.status()) + str(sync.overview())


class TestDecisions:
	def test_bulk_decisions_decide_the_own_ones(self, site, mueller_only, as_user, asked):
		from msp_licensing.desk.requests import decide_many

		with as_user(mueller_only):
			cedar, own = decide_many(list(asked), "Reject")
		assert own["ok"] and not cedar["ok"]
		assert CEDAR not in str(cedar) and "Keeper" not in str(cedar)
		assert site.db.get_value(REQUEST, asked[0], "workflow_state") == "Pending Approval"

	def test_frappes_own_workflow_decides_nothing_foreign(self, site, mueller_only, as_user, asked):
		from frappe.model.workflow import apply_workflow

		with as_user(mueller_only):
			for action in ("Approve", "Reject"):
				with pytest.raises(site.PermissionError):
					apply_workflow(site.get_doc(REQUEST, asked[0]), action)


class TestNotices:
	@pytest.fixture
	def second(self, make_portal_user):
		return make_portal_user("second@msp.example", None, "Licensing Manager")

	def test_only_who_may_see_the_client_is_told_and_assigned(self, site, people, restrict, second):
		restrict(people.manager, MUELLER)
		doc = ask(site, people.requester)
		assert assigned(site, doc.name) == [second]
		assert bells(site) == [second] and mails(site) == [second]

	def test_where_nobody_may_system_managers_are_told(self, site, people, restrict):
		restrict(people.manager, MUELLER)
		doc = ask(site, people.requester)
		assert assigned(site, doc.name) == bells(site) == [people.system_manager]

	def test_where_nobody_at_all_may_administrator_is_told(self, site, people, restrict):
		for user in (people.manager, people.system_manager):
			restrict(user, MUELLER)
		doc = ask(site, people.requester)
		assert assigned(site, doc.name) == ["Administrator"]

	def test_user_permissions_that_frappe_applies_count_as_well(self, site, people, restrict, second):
		"""A manager for one Pax8 company is not told of requests of another."""
		restrict(people.manager, storybook.MUELLER_UND_SOEHNE, allow="Pax8 Company")
		assert assigned(site, ask(site, people.requester).name) == [second]

	def test_a_digest_tells_of_what_may_be_seen_when_it_is_sent(self, site, people, restrict):
		from notice_helpers import choose

		from msp_licensing.changes import digest

		choose(site, pending_notice="Daily Digest")
		ask(site, people.requester)
		restrict(people.manager, MUELLER)
		digest.send()
		assert not mails(site, people.manager)

	def test_warnings_of_a_sync_go_to_those_who_may_see_all(self, site, people, restrict, second):
		from msp_licensing.changes import people as groups

		restrict(people.manager, MUELLER)
		assert groups.who_see_all_clients([people.manager, second]) == [second]
		assert groups.who_see_all_clients([people.manager]) == ["Administrator"]

	@pytest.mark.parametrize("of", [CEDAR, "Cedar (old)"])
	def test_merged_policies_are_told_to_who_may_see_the_client(self, site, people, restrict, second, of):
		"""Also to somebody who was restricted to the record that went: the User Permission goes along."""
		from frappe.core.doctype.user_permission.user_permission import get_user_permissions

		from msp_licensing.setup import demo

		demo.make_client("Cedar (old)")
		restrict(second, of)
		restrict(people.manager, MUELLER)
		for client in (CEDAR, "Cedar (old)"):
			record = key(client)
			site.get_doc(
				{"doctype": "Licensing Client Policy", "client_doctype": record.doctype, "client": client}
			).insert()
		site.db.commit()
		get_user_permissions(second)  # as a request of theirs has left it in the cache
		site.rename_doc(demo.site_client_doctype(), "Cedar (old)", CEDAR, merge=True)
		site.db.commit()
		assert bells(site) == mails(site) == [second]

	def test_a_moved_price_is_told_to_who_may_see_the_client(self, site, people, restrict, second):
		from msp_licensing.changes import price_drift

		def price(amount):
			site.db.set_value("Pax8 Subscription", THEIRS, {"client_price": amount, "currency": "USD"})
			site.db.commit()

		price(10)
		doc = ask(site, people.requester)
		restrict(people.manager, MUELLER)
		for told in ("Notification Log", "Email Queue Recipient"):
			site.db.delete(told)
		site.db.commit()
		price(100)
		assert price_drift.run() == 1
		site.set_user("Administrator")
		of_staff = {people.manager, second, people.system_manager, "Administrator"}
		assert of_staff.intersection(bells(site)) == of_staff.intersection(mails(site)) == {second}
		notices = {"request": doc.name, "event": "price_moved"}
		assert people.manager not in site.get_all("License Change Notice", notices, pluck="recipient")

	def test_a_renamed_vendor_is_told_to_who_may_see_all_clients(
		self, site, sandbox, people, restrict, second
	):
		from msp_licensing.sync import jobs

		restrict(people.manager, MUELLER)
		sandbox.change("products", storybook.KEEPER_BUSINESS, vendorName="Keeper CSP")
		assert jobs.run("Products", trigger="Manual")
		site.set_user("Administrator")
		assert bells(site) == mails(site) == [second]
