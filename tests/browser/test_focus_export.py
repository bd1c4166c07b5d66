"""Usage is exported as a FOCUS file from the form of a client and from the list of months."""

import csv
from pathlib import Path
from urllib.parse import quote

import pytest


@pytest.fixture
def with_usage(demo_site, look):
	look("from msp_licensing.sync import jobs\nanswer = jobs.run('Usage', trigger='Manual')")
	return demo_site


def rows_of(download):
	with Path(download.path()).open(encoding="utf-8", newline="") as file:
		return list(csv.DictReader(file))


def test_a_manager_exports_the_usage_of_a_client_and_sees_what_it_holds(with_usage, look, sign_in):
	from playwright.sync_api import expect

	doctype, client = look(
		"from msp_licensing.setup import demo\nanswer = [demo.site_client_doctype(), demo.CEDAR]"
	)
	page = sign_in(with_usage.manager, "/app/msp-licensing")
	page.goto(f"/app/{doctype.lower().replace(' ', '-')}/{quote(client)}")
	head = page.locator(".page-head:visible")
	head.locator(".inner-group-button", has_text="Actions").locator("button").click()
	head.locator(".dropdown-menu.show").get_by_text("Export Usage (FOCUS)").click()
	dialog = page.locator(".modal.show")
	expect(dialog.locator("[data-fieldname=preview] [role=status]")).to_contain_text("of the running month")
	with page.expect_download() as download:
		dialog.get_by_role("button", name="Export", exact=True).click()
	rows = rows_of(download.value)
	assert rows and {row["x_ClientName"] for row in rows} == {client}
	assert "x_CustomerCharges" not in rows[0]
	assert not page.errors


def test_the_list_of_months_exports_costs_of_all_and_asks_for_a_client_otherwise(with_usage, sign_in):
	from playwright.sync_api import expect

	page = sign_in(with_usage.manager, "/app/pax8-usage-month")
	page.locator(".page-head:visible").get_by_role("button", name="Export (FOCUS)").click()
	dialog = page.locator(".modal.show")
	status, export = (
		dialog.locator("[data-fieldname=preview] [role=status]"),
		dialog.get_by_role("button", name="Export", exact=True),
	)
	expect(status).to_contain_text("Choose a client.")
	expect(export).to_be_disabled()
	dialog.locator("[data-fieldname=amounts] select").select_option("cost")
	expect(status).to_contain_text("of the running month")
	with page.expect_download() as download:
		export.click()
	rows = rows_of(download.value)
	assert {row["ProviderName"] for row in rows} == {"Pax8"} and "" in {row["x_ClientName"] for row in rows}
	assert not page.errors
