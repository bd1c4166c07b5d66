"""Webhooks in Pax8 Settings as a System Manager sets them up, and what follows at Pax8 and on the site."""

import re
import time

from msp_licensing.sandbox import storybook

KEEPER = storybook.CEDAR_KEEPER
SECTION = '[data-fieldname="webhooks_section"]'


def press(page, label: str, *, confirm: bool = False) -> None:
	page.locator(f"{SECTION} button", has_text=re.compile(f"^{label}$")).click()
	if confirm:
		page.locator(".modal.show .btn-primary", has_text="Yes").click()
		page.locator(".modal.show").wait_for(state="detached")


def test_set_up_in_the_form_a_change_at_pax8_arrives_by_itself(demo_site, pax8, sign_in, look):
	from playwright.sync_api import expect

	page = sign_in(demo_site.system_manager, "/app/pax8-settings")
	section = page.locator(SECTION)
	press(page, "Set Up")
	expect(section).to_contain_text("Active.")
	expect(section).to_contain_text("SUBSCRIPTION")

	pax8.post(f"subscriptions/{KEEPER}", quantity=17)
	quantity = f"answer = frappe.db.get_value('Pax8 Subscription', {KEEPER!r}, 'quantity')"
	end = time.monotonic() + 60
	while look(quantity) != 17 and time.monotonic() < end:
		time.sleep(0.5)
	assert look(quantity) == 17

	press(page, "Send Test")
	expect(section.locator("[role=status]")).to_contain_text("Received after")
	expect(section).to_contain_text("Last event: SUBSCRIPTION")
	pax8.post("webhooks", hold=True)
	press(page, "Send Test")
	expect(section.locator("[role=status]")).to_contain_text("It has not come yet", timeout=60_000)
	pax8.post("webhooks", hold=False)

	press(page, "New Secret", confirm=True)
	expect(page.locator("#alert-container")).to_contain_text("Pax8 has a new secret")
	press(page, "Switch Off")
	expect(section).to_contain_text("Switched off at Pax8")
	assert [webhook["active"] for webhook in pax8.get("webhooks")["webhooks"]] == [False]
	press(page, "Remove", confirm=True)
	expect(section).to_contain_text("Not set up")
	assert not pax8.get("webhooks")["webhooks"]
	assert not page.errors


def test_what_cannot_be_done_in_the_form_says_why(demo_site, pax8, sign_in, look):
	from playwright.sync_api import expect

	look("frappe.db.set_single_value('Pax8 Settings', 'mode', 'Observe'); frappe.clear_cache()")
	try:
		page = sign_in(demo_site.system_manager, "/app/pax8-settings")
		expect(page.locator(f"{SECTION} button", has_text="Set Up")).to_be_disabled()
		expect(page.locator(SECTION)).to_contain_text("in mode Observe nothing is changed there")
		manager = sign_in(demo_site.manager, "/app/pax8-settings")
		expect(manager.locator(SECTION)).to_contain_text("Not set up")
		expect(manager.locator(f"{SECTION} button")).to_have_count(0)
	finally:
		look("frappe.db.set_single_value('Pax8 Settings', 'mode', 'Live'); frappe.clear_cache()")
	assert not page.errors and not manager.errors


def test_events_are_listed_and_processed_again(demo_site, pax8, sign_in, look):
	from playwright.sync_api import expect

	look(
		"frappe.db.delete('Pax8 Webhook Event')\n"
		"from webhook_helpers import receive, KEEPER\n"
		"receive(frappe, topic='<b>SUBSCRIPTION</b>')\n"
		"receive(frappe, topic='INVOICE', data={'invoiceId': '1'})\n"
		"from msp_licensing.webhooks import processing; processing.run()"
	)
	page = sign_in(demo_site.manager, "/app/pax8-webhook-event")
	row = page.locator(".list-row-container", has_text="UPDATED")
	expect(row).to_contain_text("SUBSCRIPTION")
	expect(row).to_contain_text("Processed")
	expect(page.locator(".list-row-container", has_text="INVOICE")).to_contain_text("Ignored")
	row.locator(".list-subject a").first.click()
	expect(page.locator(".form-page")).to_contain_text("Keeper Business")
	page.locator(".page-actions button:visible", has_text="Process Again").click()
	expect(page.locator("#alert-container")).to_contain_text("Queued")
	attempts = "answer = frappe.get_all('Pax8 Webhook Event', {'action': 'UPDATED'}, ['status', 'attempts'])"
	end = time.monotonic() + 60
	while look(attempts)[0]["status"] != "Processed" and time.monotonic() < end:
		time.sleep(0.5)
	assert look(attempts) == [{"status": "Processed", "attempts": 1}]
	assert not page.errors
