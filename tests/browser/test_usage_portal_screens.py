"""A client looks at its usage in a real browser: from the card to the chart, months, files; on a phone; without scripts."""

import csv
import re

import pytest

from msp_licensing.sandbox import storybook

PHONE = {"width": 375, "height": 812}


def test_a_client_goes_from_the_card_to_its_usage_the_months_before_and_a_file(demo_site, sign_in):
	from playwright.sync_api import expect

	page = sign_in(demo_site.requester, "/licensing")
	card = page.locator(".lic-row", has_text="Microsoft Azure Plan")
	expect(card).to_contain_text(re.compile(r"\$ [\d,.]+ so far this month, not final"))
	so_far = re.search(r"\$ [\d,.]+\d", card.inner_text()).group()
	card.get_by_role("link", name="See usage: Microsoft Azure Plan").press("Enter")
	expect(page.get_by_role("heading", level=1)).to_have_text("Usage")
	expect(page.locator(".lic-amounts")).to_contain_text(so_far)
	expect(page.get_by_text("So far, not final")).to_be_visible()
	bars = page.locator("[data-usage-chart] svg .bar, [data-usage-chart] svg rect")
	expect(bars.first).to_be_visible()
	expect(page.locator(".lic-key li")).to_have_text(
		[
			storybook.CEDAR_AZURE_PRODUCTION,
			storybook.CEDAR_AZURE_BACKUP,
			storybook.CEDAR_AZURE_DEV_TEST,
		][: page.locator(".lic-key li").count()]
	)
	page.get_by_text("Show the days as a table").click()
	expect(page.locator("[data-usage-days] tbody tr").first).to_contain_text(so_far)
	months = page.locator("section[aria-labelledby=lic-history] tbody tr")
	assert months.count() >= 13
	expect(months.nth(1)).to_contain_text("Provisional")
	before = months.nth(1).get_by_role("link").inner_text()
	page.get_by_label("Month (UTC)").select_option(label=before)
	page.get_by_role("button", name="Show").click()
	expect(page.locator("#lic-month")).to_contain_text(before)
	expect(page.locator("#lic-month")).to_contain_text("Provisional")
	with page.expect_download() as started:
		page.get_by_role("link", name=f"Days of {before} (CSV)").click()
	file = started.value
	assert re.fullmatch(r"usage-cedar-pine-architects-\d{4}-\d\d-days\.csv", file.suggested_filename)
	with open(file.path(), encoding="utf-8-sig", newline="") as opened:
		rows = list(csv.reader(opened))
	assert len(rows) > 60 and {row[4] for row in rows[1:]} >= {storybook.CEDAR_AZURE_PRODUCTION}
	assert not page.errors


def test_the_chart_can_show_units(demo_site, sign_in):
	from playwright.sync_api import expect

	page = sign_in(demo_site.reader, "/licensing/usage")
	# The month before: on the first day of a month no units have been read yet.
	page.get_by_label("Month (UTC)").select_option(index=1)
	page.get_by_role("button", name="Show").click()
	choice = page.get_by_label("Chart shows")
	what = choice.locator("option", has_text="Azure DNS").inner_text()
	choice.select_option(label=what)
	page.get_by_role("button", name="Show").click()
	expect(page.get_by_label("Chart shows").locator("option:checked")).to_have_text(what)
	expect(page.locator("[data-usage-chart]")).to_have_attribute("aria-label", re.compile("^Azure DNS"))
	expect(page.locator("[data-usage-chart] svg").first).to_be_visible()
	assert not page.errors


@pytest.mark.parametrize("path", ["/licensing", "/licensing/usage"])
def test_nothing_scrolls_sideways_on_a_phone(demo_site, sign_in, path):
	page = sign_in(demo_site.foreign_requester, path, viewport=PHONE)
	page.wait_for_load_state("networkidle")
	for summary in page.locator("summary:visible").all():
		summary.click()
	assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
	assert not page.errors


def test_without_scripts_the_table_has_what_the_chart_shows(demo_site, sign_in, chromium):
	from playwright.sync_api import expect

	signed_in = sign_in(demo_site.requester, "/licensing")
	context = chromium.new_context(
		base_url=demo_site.url, storage_state=signed_in.context.storage_state(), java_script_enabled=False
	)
	try:
		page = context.new_page()
		page.goto("/licensing/usage")
		expect(page.locator("[data-usage-chart]")).to_be_hidden()
		page.get_by_text("Show the days as a table").click()
		expect(page.locator("[data-usage-days] tbody tr").first).to_be_visible()
		page.get_by_label("Month (UTC)").select_option(index=1)
		page.get_by_role("button", name="Show").click()
		expect(page.locator("#lic-month")).to_contain_text("Provisional")
	finally:
		context.close()


def test_a_group_that_is_assigned_appears_to_the_client_and_goes_with_the_assignment(
	demo_site, sign_in, look
):
	from playwright.sync_api import expect

	group = look(
		"answer = frappe.db.get_value('Pax8 Resource Group', "
		f"{{'resource_group': {storybook.SENTINELONE_OF_NOBODY!r}}})"
	)
	page = sign_in(demo_site.requester, "/licensing/usage")
	groups = page.locator("section[aria-labelledby=lic-groups]")
	expect(groups).not_to_contain_text(storybook.SENTINELONE_OF_NOBODY)
	name = look(
		"from msp_licensing.setup import demo\n"
		"from msp_licensing.usage import assignments\n"
		f"answer = assignments.assign({group!r}, demo.site_client_doctype(), demo.CEDAR)"
	)
	try:
		page.goto("/licensing")
		more = page.locator("section[aria-labelledby=lic-other-usage]")
		expect(more).to_contain_text("SentinelOne")
		more.get_by_role("link", name="See usage").click()
		expect(groups).to_contain_text(storybook.SENTINELONE_OF_NOBODY)
	finally:
		look(
			"from msp_licensing.usage import assignments\n"
			"from msp_licensing import clock\n"
			f"assignments.remove({name!r}, from_date=clock.pax8_today().replace(day=1))"
		)
	page.goto("/licensing/usage")
	expect(groups).to_be_visible()
	expect(groups).not_to_contain_text(storybook.SENTINELONE_OF_NOBODY)
	assert not page.errors
