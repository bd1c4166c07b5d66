"""A reduction for the end of the term, on a phone and by keyboard, and the manager who schedules it."""

import re

from msp_licensing.sandbox import storybook

PREMIUM = (
	storybook.CEDAR_BUSINESS_PREMIUM
)  # 25 licenses; a year's commitment, and the vendor always needs approval


def test_a_choice_that_nobody_has_seen_is_not_made_for_them(demo_site, look, sign_in):
	"""Typed and sent at once, before the page has heard that this reduction has to wait."""
	from playwright.sync_api import expect

	client = sign_in(demo_site.requester, "/licensing")
	client.locator(f'button[data-action=change][data-subscription="{PREMIUM}"]').click()
	client.fill("#lic-quantity", "20")
	client.keyboard.press("Enter")
	expect(client.locator("[data-ask-when]")).to_be_visible()
	expect(client.locator("[data-ask-when] input:checked")).to_be_focused()
	assert client.locator("[data-ask]").evaluate("dialog => dialog.open")
	assert look("answer = frappe.db.count('License Change Request')") == 0
	# What was chosen stays chosen while another number is typed.
	client.fill("#lic-quantity", "")
	expect(client.locator("[data-ask-when]")).to_be_hidden()
	client.fill("#lic-quantity", "19")
	expect(client.locator("[data-ask-when]")).to_be_visible()
	client.keyboard.press("Enter")
	expect(client.locator(".lic-requests").first).to_contain_text("25")
	kept = look("answer = frappe.get_all('License Change Request', fields=['requested_quantity', 'timing'])")
	assert kept == [{"requested_quantity": 19, "timing": "End of Term"}] and not client.errors


def test_a_reduction_for_the_end_of_the_term_by_keyboard(demo_site, pax8, sign_in):
	from playwright.sync_api import expect

	client = sign_in(
		demo_site.requester, "/licensing", viewport={"width": 360, "height": 740}, has_touch=True
	)
	row = client.locator("li.lic-row", has=client.locator(f"#lic-{PREMIUM}"))
	row.locator("button[data-action=change]").press("Enter")
	client.keyboard.type("20")
	dialog = client.locator("[data-ask]")
	expect(dialog.locator("[data-ask-when]")).to_be_visible()
	expect(dialog.locator("input[value=Now]")).to_be_disabled()
	expect(dialog.locator("input[value='End of Term']")).to_be_checked()
	for option in dialog.locator(".lic-option").all():
		assert option.bounding_box()["height"] >= 44, "large enough for a finger"
	assert client.evaluate("document.documentElement.scrollWidth <= innerWidth")
	client.keyboard.press("Enter")
	expect(row).to_contain_text("For the end of the term", timeout=60_000)
	expect(row).to_contain_text("Waiting for your provider")

	desk = sign_in(demo_site.manager, "/app/license-change-request/view/list")
	desk.locator(".list-row-container", has_text="Business Premium").locator(".list-subject a").first.click()
	expect(desk.locator(".form-message:visible").first).to_contain_text(
		"It is for the end of the term", timeout=60_000
	)
	desk.locator(".actions-btn-group:visible button").first.click()
	menu = desk.locator(".actions-btn-group:visible .dropdown-menu")
	expect(menu.locator("a", has_text=re.compile("^\\s*Approve\\s*$"))).to_have_count(0)
	menu.locator("a", has_text="Schedule").click()
	expect(desk.locator(".page-head .indicator-pill:visible").first).to_have_text("Scheduled", timeout=60_000)

	client.reload()
	expect(row).to_contain_text("Planned for")
	client.locator("button[data-action=withdraw]").first.press("Enter")
	client.locator("[data-withdraw] [data-send]").press("Enter")
	expect(client.locator(".lic-requests").first).to_contain_text("Withdrawn", timeout=60_000)
	assert pax8.quantity(PREMIUM) == 25
	assert not client.errors and not desk.errors
