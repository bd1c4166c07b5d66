"""Deciding, as people do it: the client's approver on a phone and by keyboard, staff many at once from the list."""

import re

import pytest

from msp_licensing.sandbox import storybook

KEEPER, SOPHOS = storybook.CEDAR_KEEPER, storybook.CEDAR_SOPHOS

SET = (
	"frappe.db.set_single_value('Licensing Settings', 'use_client_approval', {0});"
	" frappe.clear_document_cache('Licensing Settings', 'Licensing Settings')"
)


@pytest.fixture
def asked_first(demo_site, look):
	"""The client's approver is asked for every change."""
	look(SET.format(1))
	yield
	look(SET.format(0))


def submit(look, user: str, subscription: str, wanted: int) -> str:
	return look(
		"from msp_licensing import permissions; from msp_licensing.changes import requests\n"
		f"answer = requests.submit({subscription!r}, {wanted}, access=permissions.portal_access({user!r})).name"
	)


def state(look, name: str) -> str:
	return look(f"answer = frappe.db.get_value('License Change Request', {name!r}, 'workflow_state')")


def test_an_approver_agrees_on_a_phone_and_the_change_is_made(demo_site, pax8, look, asked_first, sign_in):
	from playwright.sync_api import expect

	submit(look, demo_site.requester, KEEPER, 15)
	page = sign_in(
		demo_site.approver,
		"/licensing",
		viewport={"width": 375, "height": 720},
		has_touch=True,
		is_mobile=True,
	)
	assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
	button = page.locator(".lic-to-decide button[data-action=approve]")
	assert button.bounding_box()["height"] >= 44
	assert button.bounding_box()["y"] < 720, "what waits for the reader stands first"
	button.tap()
	box = page.locator("dialog[data-decide]").bounding_box()
	assert box["x"] >= 0 and box["x"] + box["width"] <= 375
	expect(page.locator("dialog[data-decide]")).to_contain_text("10 → 15")
	page.locator("dialog[data-decide] [data-send]").tap()
	expect(page.locator("[data-flash]")).to_contain_text("Approved")
	expect(page.locator(".lic-requests").first).to_contain_text("Applied", timeout=60_000)
	assert pax8.quantity(KEEPER) == 15 and not page.errors


def test_an_approver_declines_with_the_keyboard_and_the_colleague_reads_why(
	demo_site, look, asked_first, sign_in
):
	from playwright.sync_api import expect

	name = submit(look, demo_site.requester, KEEPER, 40)
	page = sign_in(demo_site.approver, "/licensing")
	page.locator(".lic-to-decide button[data-action=decline]").focus()
	page.keyboard.press("Enter")
	expect(page.locator("#lic-reason")).to_be_focused()
	page.keyboard.press("Escape")
	expect(page.locator(".lic-to-decide button[data-action=approve]")).to_be_focused()
	assert state(look, name) == "Pending Client Approval", "closing the dialog decides nothing"
	page.keyboard.press("Tab")
	page.keyboard.press("Enter")
	page.keyboard.type("Not this year")
	page.keyboard.press("Tab")
	page.keyboard.press("Tab")
	page.keyboard.press("Enter")
	expect(page.locator("[data-flash]")).to_contain_text("declined")
	assert state(look, name) == "Rejected"
	client = sign_in(demo_site.requester, "/licensing")
	expect(client.locator(".lic-requests").first).to_contain_text("Paula Partner says: Not this year")
	assert client.locator("button[data-action=approve]").count() == 0


def test_a_manager_decides_many_and_sees_the_result_of_each(demo_site, look, sign_in):
	from playwright.sync_api import expect

	names = [
		submit(look, demo_site.requester, KEEPER, 40),
		submit(look, demo_site.requester, SOPHOS, 90),
	]
	desk = sign_in(demo_site.manager, "/app/license-change-request/view/list")
	for name in names:
		desk.locator(f'.list-row-checkbox[data-name="{name}"]').check()
	look(
		"from msp_licensing.changes import states\n"
		f"states.move({names[1]!r}, 'Withdrawn', expect=('Pending Approval',))"
	)
	desk.locator(".actions-btn-group:visible button").first.click()
	items = desk.locator(".actions-btn-group:visible .dropdown-menu .dropdown-item:visible")
	# The list draws its menu anew when it hears of the request that has just ended.
	reject = items.filter(has_text=re.compile(r"^\s*Reject\s*$"))
	expect(reject).to_have_count(1)
	reject.click()
	desk.locator(".modal.show textarea, .modal.show input[type=text]").first.fill("Not in this year's budget")
	desk.locator(".modal.show").get_by_role("button", name="Reject").click()
	result = desk.locator(".modal.show .modal-body", has_text="Keeper Business")
	expect(result).to_contain_text("Rejected")
	expect(result).to_contain_text("Withdrawn already")
	assert state(look, names[0]) == "Rejected" and not desk.errors


def test_a_manager_whose_form_shows_an_old_quantity_looks_again_first(demo_site, look, sign_in):
	"""As on a site without live updates: Frappe itself would approve what is stored and not what is shown."""
	from playwright.sync_api import expect

	name = submit(look, demo_site.requester, KEEPER, 40)
	desk = sign_in(demo_site.manager, f"/app/license-change-request/{name}")
	expect(desk.locator(".form-page:visible")).to_contain_text("Keeper Business")
	desk.evaluate("frappe.realtime.socket && frappe.realtime.socket.disconnect()")
	look(f"frappe.db.set_value('License Change Request', {name!r}, 'current_quantity', 60)")
	desk.locator(".actions-btn-group:visible button").first.click()
	desk.locator(".actions-btn-group:visible .dropdown-menu a", has_text="Approve").first.click()
	expect(desk.locator(".modal.show")).to_contain_text("from 10 to 60")
	expect(desk.locator(".form-page:visible [data-fieldname=current_quantity]")).to_contain_text("60")
	assert state(look, name) == "Pending Approval"
