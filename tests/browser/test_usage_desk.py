"""Usage on the desk in a browser: the charts on a client's form, the reports, and what an alert leads to."""

import pytest


@pytest.fixture
def with_usage(demo_site, look):
	"""The demo's history with today's usage, and a budget that is used up."""
	return look(
		"from msp_licensing.setup import demo\n"
		"from msp_licensing.sync import jobs\n"
		"name = frappe.db.get_value('Licensing Client Policy', {'client': demo.CEDAR})\n"
		"policy = frappe.get_doc('Licensing Client Policy', name) if name else frappe.get_doc({'doctype':"
		" 'Licensing Client Policy', 'client_doctype': demo.site_client_doctype(), 'client': demo.CEDAR})\n"
		"policy.set('usage_budgets', [{'currency': 'USD', 'amount': 1}])\n"
		"policy.save()\n"
		"frappe.db.commit()\n"
		"jobs.run('Usage', trigger='Manual')\n"
		"answer = [demo.site_client_doctype().lower().replace(' ', '-'), demo.CEDAR]"
	)


def test_a_client_shows_its_usage_by_day_and_by_month(with_usage, demo_site, sign_in, open_dashboard):
	from playwright.sync_api import expect

	doctype, client = with_usage
	page = sign_in(demo_site.manager, "/app/msp-licensing")
	page.goto(f"/app/{doctype}/{client}")
	usage = page.locator(".usage-trend")
	usage.wait_for(state="attached")
	open_dashboard(page)
	expect(usage).to_contain_text("So Far")
	expect(usage).to_contain_text("Partner cost:")
	expect(usage.locator(".usage-chart svg").first).to_be_visible()
	expect(usage.get_by_role("button", name="By Day").first).to_have_attribute("aria-pressed", "true")
	usage.get_by_role("button", name="By Month").first.click()
	usage.get_by_text("The chart as a table").first.click()
	rows = usage.locator(".usage-table").first.locator("tbody tr")
	expect(rows).to_have_count(12)
	expect(rows.last).to_contain_text("USD")
	usage.get_by_role("link", name="Usage by Resource Group").click()
	expect(page.locator(".dt-cell__content", has_text="cedar-pine-production").first).to_be_visible()
	expect(page.locator(".dt-cell__content", has_text="Müller")).to_have_count(0)
	assert not page.errors


def test_a_report_says_what_is_projected_and_follows_its_filters(with_usage, demo_site, sign_in):
	from playwright.sync_api import expect

	page = sign_in(demo_site.manager, "/app/msp-licensing")
	page.goto("/app/query-report/Usage by Client?currency=EUR")
	report = page.locator(".page-container:visible")
	expect(report).to_contain_text("A projection is no promise")
	expect(report.locator(".dt-cell__content", has_text="Müller").first).to_be_visible()
	expect(report.locator(".dt-cell__content", has_text="Cedar")).to_have_count(0)
	expect(report.locator("svg.frappe-chart")).to_be_visible()
	assert not page.errors


def test_an_alert_shows_what_it_tells_of(with_usage, demo_site, sign_in, look):
	from playwright.sync_api import expect

	alert = look("answer = frappe.db.get_value('Pax8 Usage Alert', {'kind': 'Budget'})")
	page = sign_in(demo_site.manager, "/app/msp-licensing")
	page.goto(f"/app/pax8-usage-alert/{alert}")
	expect(page.locator(".page-head:visible .indicator-pill").first).to_have_text("Budget")
	expect(page.locator(".usage-trend .usage-chart svg").first).to_be_visible()
	assert not page.errors


def test_a_manager_gives_a_client_a_budget_in_a_currency(with_usage, demo_site, sign_in, look):
	from playwright.sync_api import expect

	policy = look(
		"from msp_licensing.setup import demo\n"
		"answer = frappe.db.get_value('Licensing Client Policy', {'client': demo.CEDAR})"
	)
	page = sign_in(demo_site.manager, "/app/msp-licensing")
	page.goto(f"/app/licensing-client-policy/{policy}")
	budgets = page.locator(".frappe-control[data-fieldname=usage_budgets]")
	budgets.get_by_role("button", name="Add Row").click()
	row = budgets.locator(".grid-body .grid-row").last
	row.locator("[data-fieldname=currency]").first.click()
	row.locator("[data-fieldname=currency] input").fill("eu")
	page.locator("li:visible", has_text="EUR").last.click()
	row.locator("[data-fieldname=amount]").first.click()
	row.locator("[data-fieldname=amount] input").fill("250")
	row.locator("[data-fieldname=amount] input").blur()  # the Tab key would begin another row
	expect(page.locator(".page-head:visible")).to_contain_text("Not Saved")
	page.locator(".page-head:visible").get_by_role("button", name="Save").click()
	expect(page.locator(".page-head:visible")).not_to_contain_text("Not Saved")
	kept = look(
		f"answer = [[row.currency, row.amount] for row in frappe.get_doc('Licensing Client Policy', {policy!r}).usage_budgets]"
	)
	assert kept == [["USD", 1.0], ["EUR", 250.0]] and not page.errors
