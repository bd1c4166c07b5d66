"""The whole chain as people see it: a client asks, the policy decides, a manager approves, Pax8 changes, all are told."""

import re

import pytest

from msp_licensing.sandbox import storybook

KEEPER = storybook.CEDAR_KEEPER


def ask(page, wanted: str) -> None:
	page.locator(f'button[data-action=change][data-subscription="{KEEPER}"]').click()
	page.fill("#lic-quantity", wanted)
	page.locator("[data-ask] [data-send]").click()


def row(page):
	return page.locator("li.lic-row", has=page.locator(f"#lic-{KEEPER}"))


def mails_to(look, user: str) -> list[str]:
	return look(
		"answer = [frappe.db.get_value('Email Queue', row.parent, 'message') for row in"
		f" frappe.get_all('Email Queue Recipient', {{'recipient': {user!r}}}, ['parent'])]"
	)


def test_from_wish_to_proven_change(demo_site, pax8, sign_in, look):
	from playwright.sync_api import expect

	client = sign_in(demo_site.requester, "/licensing")
	expect(row(client)).to_contain_text("Keeper Business")

	# 10 → 15 is within 50 %: applied at once, by the worker, while the page watches.
	ask(client, "15")
	expect(client.locator(".lic-requests").first).to_contain_text("Applied", timeout=60_000)
	expect(row(client).locator(".lic-quantity")).to_contain_text("15")
	assert pax8.quantity(KEEPER) == 15

	# 10 → 40 waits. (Somebody at Pax8 sets it back to 10, and a sync sees that.)
	pax8.post(f"subscriptions/{KEEPER}", quantity=10)
	look("from msp_licensing.sync import jobs; jobs.run('Subscriptions', trigger='Manual')")
	client.reload()
	ask(client, "40")
	expect(row(client)).to_contain_text("Waiting for your provider")
	assert pax8.quantity(KEEPER) == 10
	assert len(mails_to(look, demo_site.manager)) == 1

	# The manager finds it in the desk and approves it.
	desk = sign_in(demo_site.manager, "/app/license-change-request/view/list")
	desk.locator(".list-row-container", has_text="Keeper Business").filter(has_text="Pending").first.locator(
		".list-subject a"
	).first.click()
	expect(desk.locator(".form-page")).to_contain_text("Keeper Business")
	desk.locator(".actions-btn-group:visible button").first.click()
	desk.locator(".actions-btn-group:visible .dropdown-menu a", has_text="Approve").click()
	expect(desk.locator(".page-head .indicator-pill:visible").first).to_have_text(
		re.compile("Applied"), timeout=60_000
	)
	assert pax8.quantity(KEEPER) == 40

	# The client sees it and gets a mail; nobody was shown an error.
	client.reload()
	expect(client.locator(".lic-requests").first).to_contain_text("Applied")
	expect(row(client).locator(".lic-quantity")).to_contain_text("40")
	assert any("40" in mail for mail in mails_to(look, demo_site.requester))
	assert not client.errors and not desk.errors


def test_a_manager_rejects_with_a_reason_and_the_client_reads_it(demo_site, pax8, sign_in, look):
	from playwright.sync_api import expect

	client = sign_in(demo_site.requester, "/licensing")
	ask(client, "40")
	expect(row(client)).to_contain_text("Waiting for your provider")
	name = look("answer = frappe.get_all('License Change Request', pluck='name')[0]")
	desk = sign_in(demo_site.manager, f"/app/license-change-request/{name}")
	desk.locator(".actions-btn-group:visible button").first.click()
	desk.locator(".actions-btn-group:visible .dropdown-menu a", has_text="Reject").click()
	desk.locator(".modal.show textarea, .modal.show input[type=text]").first.fill("Not in this year's budget")
	desk.locator(".modal.show").get_by_role("button", name="Reject").click()
	expect(desk.locator(".page-head .indicator-pill:visible").first).to_have_text(re.compile("Rejected"))
	client.reload()
	expect(client.locator(".lic-requests").first).to_contain_text("Not in this year's budget")
	assert pax8.quantity(KEEPER) == 10


def test_a_client_withdraws(demo_site, sign_in):
	from playwright.sync_api import expect

	page = sign_in(demo_site.requester, "/licensing")
	ask(page, "40")
	page.locator(".lic-requests button[data-action=withdraw]").first.click()
	page.locator("dialog[data-withdraw] [data-send]").click()
	expect(page.locator(".lic-requests").first).to_contain_text("Withdrawn")
	expect(page.locator(f'button[data-action=change][data-subscription="{KEEPER}"]')).to_be_visible()


@pytest.mark.parametrize(
	("typed", "words"),
	[
		("10", "already have 10"),
		("0", "at least 1"),
		("12.5", "whole number"),
		("abc", "whole number"),
		("201", "200 at the most"),
	],
)
def test_a_number_that_cannot_be_is_told_while_it_is_typed(demo_site, sign_in, look, typed, words):
	from playwright.sync_api import expect

	page = sign_in(demo_site.requester, "/licensing")
	ask(page, typed)
	expect(page.locator("[data-ask-error]")).to_contain_text(words)
	expect(page.locator("dialog[data-ask]")).to_be_visible()
	assert look("answer = frappe.db.count('License Change Request')") == 0


def test_a_phone_shows_everything_without_scrolling_sideways(demo_site, sign_in):
	page = sign_in(
		demo_site.requester,
		"/licensing",
		viewport={"width": 375, "height": 720},
		has_touch=True,
		is_mobile=True,
	)
	assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
	button = page.locator(f'button[data-action=change][data-subscription="{KEEPER}"]')
	assert button.bounding_box()["height"] >= 44
	button.tap()
	box = page.locator("dialog[data-ask]").bounding_box()
	assert box["x"] >= 0 and box["x"] + box["width"] <= 375
	assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_change_can_be_asked_for_with_the_keyboard_alone(demo_site, sign_in, look):
	from playwright.sync_api import expect

	page = sign_in(demo_site.requester, "/licensing")
	page.locator(f'button[data-action=change][data-subscription="{KEEPER}"]').focus()
	page.keyboard.press("Enter")
	expect(page.locator("#lic-quantity")).to_be_focused()
	page.keyboard.press("ControlOrMeta+a")
	page.keyboard.type("40")
	page.keyboard.press("Enter")
	expect(row(page)).to_contain_text("Waiting for your provider")
	assert look("answer = frappe.db.count('License Change Request')") == 1


def test_a_reader_sees_and_is_offered_nothing_to_change(demo_site, sign_in):
	from playwright.sync_api import expect

	page = sign_in(demo_site.reader, "/licensing")
	expect(row(page)).to_contain_text("Keeper Business")
	assert page.locator("button[data-action=change]").count() == 0
	assert "Müller" not in page.content()


def test_the_portal_asks_guests_to_sign_in(chromium, demo_site):
	page = chromium.new_page(base_url=demo_site.url)
	page.goto("/licensing")
	assert "/login" in page.url
	page.close()
