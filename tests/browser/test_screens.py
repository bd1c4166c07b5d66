"""Every screen of the desk opens without an error of its scripts; a new request is filled in and made at once."""

import pytest

from msp_licensing.frappe_version import MAJOR
from msp_licensing.sandbox import storybook

KEEPER = storybook.CEDAR_KEEPER

DOCTYPES = (
	"License Change Request",
	"Licensing Client Policy",
	"MSP Client",
	"Pax8 Company",
	"Pax8 Product",
	"Pax8 Resource Group",
	"Pax8 Subscription",
	"Pax8 Subscription Change",
	"Pax8 Sync Run",
	"Pax8 Sync Warning",
	"Pax8 Usage Alert",
	"Pax8 Usage Assignment",
	"Pax8 Usage Line",
	"Pax8 Usage Month",
	"Pax8 Usage Rule",
	"Pax8 Usage Snapshot",
	"Pax8 Webhook Event",
)
# What a manager may make by hand; all else comes from Pax8 or from what happens.
MADE_BY_HAND = ("License Change Request", "Licensing Client Policy", "MSP Client", "Pax8 Usage Rule")
# With ERPNext its Customers are the clients; the other two come of trouble and of webhooks.
MAY_BE_NONE = {
	"MSP Client",
	"Pax8 Sync Warning",
	"Pax8 Usage Alert",
	"Pax8 Usage Assignment",
	"Pax8 Usage Rule",
	"Pax8 Webhook Event",
}
SETTINGS = ("Licensing Settings", "Pax8 Settings")
REPORTS = (
	"License Changes",
	"Billing Class Review",
	"Usage by Client",
	"Usage by Vendor",
	"Usage by Resource Group",
	"Usage by Day",
	"Usage Products",
)


def route(doctype: str) -> str:
	return "/app/" + doctype.lower().replace(" ", "-")


@pytest.fixture
def one_of_each(demo_site, pax8, look):
	"""The name of one record of each DocType, made where the demo has none."""
	pax8.post(f"subscriptions/{KEEPER}", quantity=11)
	return look(
		"from msp_licensing.sync import jobs; jobs.run('Subscriptions', trigger='Manual')\n"
		"from msp_licensing import permissions; from msp_licensing.changes import requests\n"
		f"requests.submit({KEEPER!r}, 40, access=permissions.portal_access({demo_site.requester!r}))\n"
		"from msp_licensing.setup import demo\n"
		"if not frappe.db.count('Licensing Client Policy'):\n"
		"	frappe.get_doc({'doctype': 'Licensing Client Policy', 'client_doctype': demo.site_client_doctype(),"
		" 'client': demo.CEDAR}).insert()\n"
		f"answer = {{doctype: frappe.db.get_value(doctype, {{}}, 'name') for doctype in {DOCTYPES!r}}}"
	)


def test_no_screen_shows_an_error(demo_site, sign_in, one_of_each):
	page = sign_in(demo_site.manager, "/app/msp-licensing")
	assert {doctype for doctype, name in one_of_each.items() if not name} <= MAY_BE_NONE
	screens = [
		"/app/msp-licensing",
		"/app/usage-inbox",
		*map(route, DOCTYPES),
		*(f"{route(doctype)}/new" for doctype in MADE_BY_HAND),
		*(f"{route(doctype)}/{name}" for doctype, name in one_of_each.items() if name),
		*map(route, SETTINGS),
		*(f"/app/query-report/{name}" for name in REPORTS),
	]
	failed = {}
	for screen in screens:
		page.goto(screen)
		page.wait_for_function("window.frappe && frappe.get_route && cur_page && cur_page.page")
		page.wait_for_load_state("networkidle")
		told = page.locator(".msgprint-dialog:visible, .modal.show .msgprint").all_inner_texts()
		if page.errors or told:
			failed[screen] = [*page.errors, *told]
		page.errors.clear()
	assert not failed


def test_a_manager_fills_in_a_new_request_and_makes_the_change_at_once(demo_site, pax8, look, sign_in):
	from playwright.sync_api import expect

	page = sign_in(demo_site.manager, "/app/license-change-request/new")
	form = page.locator(".form-page:visible")
	expect(form.locator("[data-fieldname=timing] select")).to_have_value("Now")
	link = form.locator("[data-fieldname=subscription] input")
	link.fill("Keeper")
	page.locator("[data-fieldname=subscription] [role=option]", has_text="Cedar").first.click()
	expect(form.locator("[data-fieldname=current_quantity]")).to_contain_text("10")
	form.locator("[data-fieldname=requested_quantity] input").fill("30")
	page.keyboard.press("Tab")
	page.locator(".page-head:visible").get_by_role("button", name="Change at Once").click()
	dialog = page.locator(".modal.show")
	expect(dialog).to_contain_text("10 → 30")
	dialog.locator("textarea").fill("Asked for on the telephone")
	dialog.get_by_role("button", name="Change at Once").click()
	expect(page.locator(".page-head .indicator-pill:visible").first).to_have_text("Applied")
	assert pax8.quantity(KEEPER) == 30
	kept = look(
		"answer = frappe.get_all('License Change Request', fields=['decision', 'timing', 'staff_reason'])"
	)
	assert kept == [{"decision": "Direct", "timing": "Now", "staff_reason": "Asked for on the telephone"}]
	assert not page.errors


def test_a_manager_saves_a_request_for_a_client_that_is_disabled(demo_site, look, sign_in):
	from playwright.sync_api import expect

	switch = (
		"from msp_licensing.setup import demo\n"
		"doc = frappe.get_doc(demo.site_client_doctype(), demo.CEDAR)\n"
		"doc.disabled = {0}\n"
		"doc.save(ignore_permissions=True)"
	)
	look(switch.format(1))
	try:
		page = sign_in(demo_site.manager, "/app/license-change-request/new")
		form = page.locator(".form-page:visible")
		form.locator("[data-fieldname=subscription] input").fill("Keeper")
		page.locator("[data-fieldname=subscription] [role=option]", has_text="Cedar").first.click()
		expect(form.locator("[data-fieldname=current_quantity]")).to_contain_text("10")
		expect(form.locator("[data-fieldname=client_name]")).to_contain_text("Cedar & Pine Architects")
		form.locator("[data-fieldname=requested_quantity] input").fill("30")
		page.keyboard.press("Tab")
		expect(page.get_by_text("the client is disabled").first).to_be_visible()
		form.locator("[data-fieldname=staff_reason] textarea").fill("They are leaving")
		page.keyboard.press("Tab")  # Frappe 16 loses a click on Save while a field is being left
		page.locator(".page-head:visible").get_by_role("button", name="Save").click()
		page.wait_for_function("cur_frm.doc.name.startsWith('LCR-')")
	finally:
		look(switch.format(0))
	[kept] = look("answer = frappe.get_all('License Change Request', fields=['client', 'client_name'])")
	assert kept == {"client": "Cedar & Pine Architects", "client_name": "Cedar & Pine Architects"}
	assert not page.errors


ONLY_16 = pytest.mark.skipif(
	MAJOR < 16, reason="Frappe 15 has no sidebar of an app. Run this with FRAPPE_BRANCH=version-16."
)


@ONLY_16
@pytest.mark.parametrize(
	("path", "entry"),
	[
		("/desk/license-change-request", "Change Requests"),
		("/desk/pax8-subscription", "Subscriptions"),
		("/desk/query-report/License Changes", "License Changes"),
	],
)
def test_the_sidebar_lights_the_screen_that_is_open(demo_site, sign_in, path, entry):
	from playwright.sync_api import expect

	page = sign_in(demo_site.manager, "/desk/msp-licensing")
	page.goto(path)
	expect(page.locator(".body-sidebar .active-sidebar")).to_have_count(1)
	expect(page.locator(".body-sidebar .active-sidebar")).to_contain_text(entry)
	assert not page.errors


@ONLY_16
def test_a_new_manager_is_shown_the_first_steps_and_each_leads_to_its_screen(demo_site, sign_in, look):
	from playwright.sync_api import expect

	steps = look(
		"answer = [step.step for step in frappe.get_doc('Module Onboarding', 'MSP Licensing').steps]"
	)
	done = [("Module Onboarding", "MSP Licensing"), *(("Onboarding Step", step) for step in steps)]
	mark = "for doctype, name in {}: frappe.db.set_value(doctype, name, 'is_complete', {})"
	look(mark.format(done, 0))
	try:
		page = sign_in(demo_site.manager, "/desk/msp-licensing")
		panel = page.locator(".onb-panel")
		expect(panel).to_contain_text("Let clients manage their licenses")
		expect(panel.locator(".onb-step-left")).to_have_count(len(steps))
		panel.get_by_text("Open Pax8 Settings").click()
		page.wait_for_url("**/desk/pax8-settings**")
		assert not page.errors
	finally:
		look(mark.format(done, 1))
