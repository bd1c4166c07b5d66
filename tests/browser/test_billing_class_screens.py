"""The billing class in a browser: set in the form, reviewed in the report, taken back."""

import pytest

from msp_licensing.sandbox import storybook

KEEPER, AZURE = storybook.KEEPER_BUSINESS, storybook.AZURE_PLAN


@pytest.fixture
def as_the_app_says(look):
	yield
	look(
		"from msp_licensing.usage import billing_class\n"
		f"billing_class.let_app_decide([{KEEPER!r}, {AZURE!r}])\n"
		f"frappe.db.set_value('Pax8 Product', {AZURE!r}, 'product_name', 'Microsoft Azure Plan')"
	)


def class_of(look, product):
	return look(
		f"answer = frappe.db.get_value('Pax8 Product', {product!r}, ['usage_class', 'usage_class_set_by_staff'])"
	)


def test_a_manager_sees_why_sets_the_class_and_takes_it_back(demo_site, look, sign_in, as_the_app_says):
	from playwright.sync_api import expect

	page = sign_in(demo_site.manager, f"/app/pax8-product/{KEEPER}")
	form = page.locator(".form-page:visible")
	reasons = form.locator("[data-fieldname=usage_class_html]")
	expect(reasons).to_contain_text("The app says Seat:")
	expect(reasons).to_contain_text("It has a price per unit.")
	form.locator("[data-fieldname=usage_class] select").select_option("Usage")
	page.locator(".page-head:visible").get_by_role("button", name="Save").click()
	expect(reasons).to_contain_text("Staff decided: Usage. The app would say Seat:")
	expect(form.locator("[data-fieldname=usage_class_set_by]")).to_contain_text(demo_site.manager)
	assert class_of(look, KEEPER) == ["Usage", 1]
	reasons.get_by_role("button", name="Let the App Decide").click()
	expect(reasons).to_contain_text("The app says Seat:")
	assert class_of(look, KEEPER) == ["Seat", 0]
	reasons.get_by_role("button", name="Keep This Class").click()
	expect(reasons).to_contain_text("Staff decided: Seat. The app says the same:")
	assert class_of(look, KEEPER) == ["Seat", 1]
	assert not page.errors


def test_the_report_sets_the_class_of_what_is_ticked(demo_site, look, sign_in, as_the_app_says):
	from playwright.sync_api import expect

	unknown = {"usage_class": "Unknown", "usage_class_set_by_staff": 1, "product_name": "Azure <b>Plan</b>"}
	look(f"frappe.db.set_value('Pax8 Product', {AZURE!r}, {unknown!r})")
	page = sign_in(demo_site.manager, "/app/msp-licensing")
	page.goto("/app/query-report/Billing Class Review")
	row = page.locator(".dt-row", has=page.locator(".dt-cell__content", has_text="Azure <b>Plan</b>"))
	expect(row.first).to_be_visible()
	expect(row.first).to_contain_text("Unknown with Subscriptions")
	row.first.locator("input[type=checkbox]").check()
	head = page.locator(".page-head:visible")
	head.get_by_role("button", name="Actions").click()
	page.get_by_role("menuitem", name="Set the Class").or_(
		page.locator(".dropdown-menu.show a", has_text="Set the Class")
	).first.click()
	dialog = page.locator(".modal.show")
	dialog.locator("select").select_option("Usage")
	dialog.get_by_role("button", name="Set", exact=True).click()
	expect(row).to_have_count(0)
	assert class_of(look, AZURE) == ["Usage", 1]
	assert not page.errors
