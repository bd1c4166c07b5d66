"""Pax8 is mirrored completely, cheaply, and without touching what staff chose."""

import subprocess
import sys
import threading
import time

import pytest

from msp_licensing.sandbox import storybook


def sync(kind, **options):
	from msp_licensing.sync import jobs

	return jobs.run(kind, trigger="Manual", **options)


def record(site, name):
	return site.get_doc("Pax8 Sync Run", name)


def table(site, doctype):
	return site.db.sql(f"select * from `tab{doctype}` order by name", as_dict=True)


def test_only_mapped_companies_are_copied_the_others_are_counted(site, sandbox):
	run = record(site, site.get_all("Pax8 Sync Run", {"kind": "Subscriptions"}, pluck="name")[0])
	companies = set(site.get_all("Pax8 Subscription", pluck="pax8_company", distinct=True))
	assert companies == {storybook.CEDAR_AND_PINE, storybook.MUELLER_UND_SOEHNE}
	assert run.status == "Completed" and run.rows_unmapped > 0
	assert run.rows_unmapped == sum(site.get_all("Pax8 Company", pluck="unsynced_subscriptions"))
	assert site.db.get_value("Pax8 Company", storybook.BLUE_HARBOR_DENTAL, "unsynced_subscriptions") == 2


@pytest.mark.parametrize("kind", ["Companies", "Subscriptions"])
def test_an_unchanged_sync_writes_no_mirrored_row(site, sandbox, kind):
	doctype = {"Companies": "Pax8 Company", "Subscriptions": "Pax8 Subscription"}[kind]
	before = table(site, doctype)
	run = record(site, sync(kind))
	assert table(site, doctype) == before
	assert (run.status, run.rows_new, run.rows_changed) == ("Completed", 0, 0)
	assert run.rows_unchanged == len(before)


def test_an_unchanged_catalogue_is_not_rewritten_but_for_the_time_of_its_prices(site, sandbox):
	site.db.sql(
		"update `tabPax8 Product` set visible = 1"
	)  # so that all of them have their prices read each time
	sync("Products")
	before = [{**row, "priced_on": None} for row in table(site, "Pax8 Product")]
	prices = table(site, "Pax8 Product Price")
	sync("Products")
	assert [{**row, "priced_on": None} for row in table(site, "Pax8 Product")] == before
	assert table(site, "Pax8 Product Price") == prices


def test_what_changed_is_written_and_only_that(site, sandbox):
	sandbox.change("subscriptions", storybook.CEDAR_KEEPER, quantity=11)
	before = {row.name: row.modified for row in table(site, "Pax8 Subscription")}
	run = record(site, sync("Subscriptions"))
	after = {row.name: row.modified for row in table(site, "Pax8 Subscription")}
	assert run.rows_changed == 1
	assert [name for name in after if after[name] != before[name]] == [storybook.CEDAR_KEEPER]
	assert site.db.get_value("Pax8 Subscription", storybook.CEDAR_KEEPER, "quantity") == 11


def test_what_staff_chose_survives_every_sync(site, sandbox):
	rule = {
		"self_service": "Deny",
		"approval": "Always",
		"override_limits": 1,
		"min_quantity": 3,
		"max_quantity": 9,
	}
	subscription = site.get_doc("Pax8 Subscription", storybook.CEDAR_KEEPER)
	subscription.update({**rule, "show_to_client": 0}).save()
	choice = {"visible": 1, "featured": 1, "category": "Passwords", "usage_class": "Usage"}
	site.get_doc("Pax8 Product", storybook.KEEPER_BUSINESS).update(choice).save()
	sandbox.change("subscriptions", storybook.CEDAR_KEEPER, quantity=11)
	sandbox.change("products", storybook.KEEPER_BUSINESS, name="Keeper Business (new name)")
	for kind in ("Companies", "Subscriptions", "Products"):
		sync(kind)
	row = site.db.get_value(
		"Pax8 Subscription", storybook.CEDAR_KEEPER, [*rule, "show_to_client", "quantity"], as_dict=True
	)
	assert row == {**rule, "show_to_client": 0, "quantity": 11}
	product = site.db.get_value(
		"Pax8 Product", storybook.KEEPER_BUSINESS, [*choice, "product_name"], as_dict=True
	)
	assert product == {**choice, "product_name": "Keeper Business (new name)"}
	assert site.db.get_value("Pax8 Company", storybook.CEDAR_AND_PINE, "client") == "Cedar & Pine Architects"


def test_new_products_start_hidden_with_a_category_and_a_class(site, sandbox):
	rows = {row.name: row for row in table(site, "Pax8 Product")}
	assert not any(row.visible or row.featured for row in rows.values())
	premium = rows[storybook.M365_BUSINESS_PREMIUM]
	assert (premium.vendor, premium.category, premium.usage_class) == ("Microsoft", "Productivity", "Seat")
	assert premium.retail_price_from > 0 and premium.has_retail_price
	assert rows[storybook.AZURE_PLAN].usage_class == "Usage"


def test_a_missing_price_is_not_zero(site, sandbox):
	for product in (storybook.PRODUCT_WITHOUT_PRICES, storybook.PRODUCT_WITHOUT_PARTNER_PRICE):
		site.db.set_value("Pax8 Product", product, "visible", 1)
	sync("Products")
	nothing = site.get_doc("Pax8 Product", storybook.PRODUCT_WITHOUT_PRICES)
	assert not nothing.prices and not nothing.has_retail_price
	rows = site.get_doc("Pax8 Product", storybook.PRODUCT_WITHOUT_PARTNER_PRICE).prices
	assert rows and not any(row.has_partner_buy_rate for row in rows)
	azure = site.get_doc("Pax8 Product", storybook.AZURE_PLAN)
	assert azure.prices[0].has_suggested_retail_price, "a price of 0 is a price"


def test_everything_has_prices_within_a_week_and_what_matters_every_day(site, sandbox):
	from msp_licensing.sync import prices

	owned = set(site.get_all("Pax8 Subscription", pluck="product", distinct=True))
	everything = set(site.get_all("Pax8 Product", pluck="name"))
	priced: set[str] = set()
	for _day in range(7):
		due = prices.due()
		assert owned <= set(due)
		priced |= set(due)
		for name in due:
			site.db.set_value(
				"Pax8 Product", name, "priced_on", site.utils.now_datetime(), update_modified=False
			)
	assert priced == everything


def test_what_vanished_is_marked_after_a_complete_walk_and_a_second_look(site, sandbox):
	sandbox.vanish("subscriptions", storybook.CEDAR_SOPHOS)
	run = record(site, sync("Subscriptions"))
	assert run.rows_vanished == 1
	assert site.db.get_value("Pax8 Subscription", storybook.CEDAR_SOPHOS, "vanished") == 1
	assert record(site, sync("Subscriptions")).rows_vanished == 0, "told once"


def test_nothing_vanishes_from_an_incomplete_walk(site, sandbox):
	sandbox.faults.add("status", "findSubscriptions", status=500, count=50)
	before = table(site, "Pax8 Subscription")
	run = record(site, sync("Subscriptions", pax8=impatient(sandbox)))
	assert run.status in ("Failed", "Incomplete") and run.error
	assert table(site, "Pax8 Subscription") == before


def impatient(sandbox):
	from msp_licensing.pax8 import Pax8Client

	return Pax8Client(
		client_id="sandbox",
		client_secret="sandbox",
		base_url=sandbox.url,
		max_retries=1,
		sleep=lambda seconds: None,
	)


def test_a_product_whose_prices_cannot_be_read_keeps_them_and_the_run_says_so(site, sandbox):
	sync("Products")
	before = table(site, "Pax8 Product Price")
	sandbox.faults.add("status", "findPricingByProductId", status=500, count=500)
	run = record(site, sync("Products", pax8=impatient(sandbox)))
	assert run.status == "Incomplete" and "Prices of" in run.error
	assert table(site, "Pax8 Product Price") == before


def test_mapping_a_company_backfills_it_at_once(site, sandbox):
	from frappe.utils.background_jobs import get_queue

	from msp_licensing.setup import demo

	demo.make_client("Blue Harbor")
	company = site.get_doc("Pax8 Company", storybook.BLUE_HARBOR_DENTAL)
	company.update({"client_doctype": demo.site_client_doctype(), "client": "Blue Harbor"}).save()
	site.db.commit()
	job = get_queue("long").jobs[0].kwargs["kwargs"]
	assert (job["kind"], job["company"]) == ("Subscriptions", storybook.BLUE_HARBOR_DENTAL)
	before = len(sandbox.calls())
	run = record(site, sync("Subscriptions", company=job["company"]))
	assert run.rows_new == 2 and run.pax8_company == storybook.BLUE_HARBOR_DENTAL
	assert all(
		call["query"].get("companyId") == storybook.BLUE_HARBOR_DENTAL
		for call in sandbox.calls("findSubscriptions")
		if sandbox.calls().index(call) >= before
	)
	assert site.db.get_value("Pax8 Company", storybook.BLUE_HARBOR_DENTAL, "unsynced_subscriptions") == 0


def test_a_client_that_loses_a_company_loses_sight_of_it_at_once(site, sandbox, people):
	from msp_licensing import permissions
	from msp_licensing.changes import requests
	from msp_licensing.setup import demo

	access = permissions.portal_access(people.requester)
	request = requests.submit(storybook.CEDAR_KEEPER, "40", access=access)
	site.db.commit()
	company = site.get_doc("Pax8 Company", storybook.CEDAR_AND_PINE)
	company.update({"client": demo.MUELLER}).save()
	assert site.db.get_value("License Change Request", request.name, "workflow_state") == "Withdrawn"
	with pytest.raises(site.DoesNotExistError):
		requests.client_subscription(storybook.CEDAR_KEEPER, access)
	other = permissions.portal_access(people.foreign_requester)
	assert requests.client_subscription(storybook.CEDAR_KEEPER, other).quantity == 10
	company.reload()
	company.update({"client": None}).save()
	with pytest.raises(site.DoesNotExistError):
		requests.client_subscription(storybook.CEDAR_KEEPER, other)


def test_a_mapping_that_changes_while_a_walk_is_under_way_wins(site, sandbox):
	"""The walk read the mapping at its start; nothing may stay with the client of then."""
	from msp_licensing.setup import demo
	from msp_licensing.sync import subscriptions

	site.db.set_value("Pax8 Company", storybook.CEDAR_AND_PINE, "client", demo.MUELLER)
	subscriptions.own_as_mapped()
	assert set(site.get_all("Pax8 Subscription", pluck="client", distinct=True)) == {demo.MUELLER}


def test_a_second_run_of_a_kind_does_not_start_while_one_is_going(site, sandbox):
	import frappe

	name, results = frappe.local.site, []
	site.db.commit()
	sandbox.configure(latency_ms=150)

	def work() -> None:
		frappe.init(name, sites_path=".", force=True)
		frappe.connect()
		try:
			results.append(sync("Subscriptions"))
		finally:
			frappe.destroy()

	threads = [threading.Thread(target=work) for _ in range(2)]
	for thread in threads:
		thread.start()
		time.sleep(0.05)
	for thread in threads:
		thread.join(60)
	sandbox.configure(latency_ms=0)
	assert sorted(result is None for result in results) == [False, True]


def test_a_run_whose_worker_was_killed_is_ended_by_the_next(site, sandbox):
	sandbox.configure(latency_ms=500)
	code = (
		"import frappe, os; frappe.init(os.environ['FRAPPE_TEST_SITE'], sites_path='.'); frappe.connect();"
		"from msp_licensing.sync import jobs, lock; lock.LIFE = 2; jobs.run('Products', trigger='Manual')"
	)
	before = set(site.get_all("Pax8 Sync Run", pluck="name"))
	worker = subprocess.Popen([sys.executable, "-c", code])
	deadline = time.monotonic() + 30
	while time.monotonic() < deadline:
		site.db.rollback()
		if dead := set(site.get_all("Pax8 Sync Run", {"status": "Running"}, pluck="name")) - before:
			break
		time.sleep(0.1)
	worker.kill()
	worker.wait()
	sandbox.configure(latency_ms=0)
	assert sync("Products") is None, "the dead worker's lock lives on for a while"
	time.sleep(2.5)
	site.db.rollback()
	assert record(site, sync("Products")).status == "Completed"
	assert record(site, dead.pop()).status == "Failed"


def test_a_row_that_cannot_be_shown_rightly_is_left_alone_and_reported(site, sandbox):
	sandbox.change("subscriptions", storybook.CEDAR_KEEPER, wire={"quantity": 10.5})
	run = record(site, sync("Subscriptions"))
	assert (run.status, run.rows_refused) == ("Incomplete", 1) and storybook.CEDAR_KEEPER in run.error
	assert site.db.get_value("Pax8 Subscription", storybook.CEDAR_KEEPER, "vanished") == 0


def test_names_with_markup_are_stored_as_pax8_has_them(site, empty_sandbox):
	title = "Evil <script>alert(1)</script> Ltd"
	empty_sandbox.change("companies", storybook.BLUE_HARBOR_DENTAL, name=title)
	sync("Companies")
	assert site.db.get_value("Pax8 Company", storybook.BLUE_HARBOR_DENTAL, "company_name") == title


@pytest.mark.parametrize(
	("doctype", "name", "field", "value"),
	[
		("Pax8 Subscription", storybook.CEDAR_KEEPER, "quantity", 99),
		("Pax8 Subscription", storybook.CEDAR_KEEPER, "client", "Müller & Söhne GmbH"),
		("Pax8 Subscription", storybook.CEDAR_KEEPER, "price", 1),
		("Pax8 Product", storybook.KEEPER_BUSINESS, "product_name", "Mine"),
		("Pax8 Company", storybook.CEDAR_AND_PINE, "company_name", "Mine"),
	],
)
def test_mirrored_fields_cannot_be_written_by_a_save(
	site, sandbox, people, as_user, doctype, name, field, value
):
	with as_user(people.manager):
		doc = site.get_doc(doctype, name)
		doc.set(field, value)
		# A price is on a level of its own: Frappe itself puts the old value back.
		if doc.meta.get_field(field).permlevel:
			doc.save()
			assert site.db.get_value(doctype, name, field) != value
		else:
			with pytest.raises(site.PermissionError):
				doc.save()


def test_mirrored_records_cannot_be_made_by_hand(site, sandbox):
	with pytest.raises(site.PermissionError):
		site.get_doc({"doctype": "Pax8 Company", "pax8_id": "x", "company_name": "X"}).insert()


def test_the_scheduler_only_enqueues_and_only_with_a_connection(site, sandbox):
	from frappe.utils.background_jobs import get_queue

	from msp_licensing import tasks

	calls = len(sandbox.calls())
	for task in (tasks.sync_pax8_companies, tasks.sync_pax8_subscriptions, tasks.sync_pax8_products):
		task()
	site.db.commit()
	assert [job.kwargs["kwargs"]["kind"] for job in get_queue("long").jobs] == [
		"Companies",
		"Subscriptions",
		"Products",
	]
	assert len(sandbox.calls()) == calls
	get_queue("long").empty()
	site.db.set_single_value("Pax8 Settings", "mode", "Off")
	site.clear_document_cache("Pax8 Settings", "Pax8 Settings")
	tasks.sync_pax8_companies()
	site.db.commit()
	assert not get_queue("long").jobs


def test_the_schedule_is_the_briefs(site):
	rows = {
		row.method: row.cron_format
		for row in site.get_all(
			"Scheduled Job Type", {"method": ("like", "msp_licensing.%")}, ["method", "cron_format"]
		)
	}
	assert rows["msp_licensing.tasks.sync_pax8_companies"] == "0 */4 * * *"
	assert rows["msp_licensing.tasks.sync_pax8_subscriptions"] == "0 * * * *"
	assert rows["msp_licensing.tasks.sync_pax8_products"] == "0 3 * * *"


def test_the_token_is_shared_kept_out_of_the_database_and_renewed_once(site, sandbox):
	from msp_licensing.sync import connection

	def tokens():
		return len([call for call in sandbox.calls() if call["path"].endswith("/token")])

	with connection.client() as pax8:
		pax8.check()
	with connection.client() as pax8:
		pax8.check()
	before = tokens()
	for _again in range(3):
		with connection.client() as pax8:
			pax8.check()
	assert tokens() == before <= 1, "the stored token is used"
	assert not site.db.sql(
		"select * from tabSingles where value like '%%Bearer%%' or value like 'sandbox-token%%'"
	)
	stored = site.db.sql(
		"select value from tabSingles where doctype = 'Pax8 Settings' and field = 'client_secret'"
	)
	assert all(set(value or "") <= {"*"} for (value,) in stored), "the secret is encrypted elsewhere"
