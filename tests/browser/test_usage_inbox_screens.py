"""The usage inbox in a browser: from a vendor's new group to Pax8's link, several at once, conflicts, and a rule."""

import pytest

from msp_licensing.sandbox import storybook

SENTINEL = storybook.NORTHWIND_SENTINELONE_USAGE
GROUP, ASSIGNMENT = "Pax8 Resource Group", "Pax8 Usage Assignment"
NEW = "Cedar & Pine - new <site> 🏠"
CEDAR = "Cedar & Pine Architects"


@pytest.fixture
def sync(look):
	"""Reads usage; waits for one that is going."""
	return lambda: look("from msp_licensing.setup import demo; demo._sync('Usage')")


@pytest.fixture
def inbox(demo_site, look, sync, sign_in):
	"""The inbox with what the storybook's groups bring; decisions of other tests are gone."""
	look(
		f"frappe.db.delete({ASSIGNMENT!r}, {{'reason': ('!=', 'Their new site, said Olivia')}})\n"
		"frappe.db.delete('Pax8 Usage Rule')\n"
		"frappe.db.sql('update `tabPax8 Resource Group` set ignored = 0')"
	)
	sync()

	def open_it(**options):
		page = sign_in(demo_site.manager, "/app/usage-inbox", **options)
		page.wait_for_selector(".usage-row")
		return page

	return open_it


def row_of(page, text):
	return page.locator(".usage-row", has=page.locator(".usage-name a", has_text=text))


def placed(look, text):
	return look(
		f"answer = frappe.db.get_value({GROUP!r}, {{'resource_group': {text!r}}},"
		" ['placement', 'client', 'conflict'])"
	)


def test_a_new_group_is_found_assigned_linked_by_pax8_and_its_assignment_ends(
	demo_site, pax8, look, sync, inbox
):
	from playwright.sync_api import expect

	pax8.post("usage", subscriptionId=SENTINEL, resourceGroup=NEW, monthlyCharges=300)
	sync()
	page = inbox()
	row = row_of(page, NEW)
	expect(row).to_contain_text("Pax8 names no company")
	expect(row).to_contain_text(f"Suggested: {CEDAR}")
	expect(row).to_contain_text("first seen today")
	row.get_by_role("button", name="Assign").click()
	dialog = page.locator(".modal.show")
	expect(dialog).to_contain_text(NEW)
	expect(dialog.locator("[data-fieldname=client] input")).to_have_value(CEDAR)
	dialog.locator("[data-fieldname=reason] textarea").fill("By <b>telephone</b>")
	dialog.get_by_role("button", name="Assign", exact=True).click()
	expect(row).to_have_count(0)
	assert placed(look, NEW) == ["Assigned Here", CEDAR, 0]

	# The form of the group says who, when and why.
	name = look(f"answer = frappe.db.get_value({GROUP!r}, {{'resource_group': {NEW!r}}})")
	page.goto(f"/app/pax8-resource-group/{name}")
	given = page.locator("[data-fieldname=assignments_html]:visible")
	expect(given).to_contain_text("By <b>telephone</b>")
	expect(given).to_contain_text("Maya Manager")
	expect(given).to_contain_text("In Force")

	pax8.post("usage/assign", subscriptionId=SENTINEL, resourceGroup=NEW, companyId=storybook.CEDAR_AND_PINE)
	sync()
	assert placed(look, NEW) == ["Linked by Pax8", CEDAR, 0]
	page.reload()
	expect(given).to_contain_text("Pax8 agrees")
	assert not page.errors


def test_several_are_assigned_and_ignored_with_the_keyboard_alone(look, inbox):
	from playwright.sync_api import expect

	page = inbox()
	first = row_of(page, storybook.SENTINELONE_DEFAULT_SITE).locator(".tick")
	second = row_of(page, storybook.SENTINELONE_TRIAL).locator(".tick")
	first.focus()
	page.keyboard.press("Space")
	second.focus()
	page.keyboard.press("Space")
	expect(page.get_by_text("2 selected")).to_be_visible()
	page.get_by_role("button", name="Ignore Selected").press("Enter")
	dialog = page.locator(".modal.show")
	expect(dialog.locator("textarea")).to_be_focused()  # it is still being faded in before, and stays then
	dialog.locator("textarea").fill("Our own")
	dialog.get_by_role("button", name="Ignore", exact=True).press("Enter")
	expect(row_of(page, storybook.SENTINELONE_TRIAL)).to_have_count(0)
	expect(dialog).to_have_count(0)
	assert placed(look, storybook.SENTINELONE_TRIAL)[0] == "Ignored"
	page.locator(".usage-sections").get_by_role("button", name="Ignored").click()
	expect(row_of(page, storybook.SENTINELONE_TRIAL)).to_contain_text("Ignored by Maya Manager: Our own")
	row_of(page, storybook.SENTINELONE_TRIAL).get_by_role("button", name="Stop Ignoring").click()
	expect(row_of(page, storybook.SENTINELONE_TRIAL)).to_have_count(0)
	assert placed(look, storybook.SENTINELONE_TRIAL)[0] == "Unassigned"
	# From row to row, and Enter assigns.
	page.locator(".usage-sections").get_by_role("button", name="Unassigned").click()
	expect(row_of(page, storybook.SENTINELONE_TRIAL)).to_be_visible()
	page.locator(".tick").first.focus()
	page.keyboard.press("ArrowDown")
	expect(page.locator(".tick").nth(1)).to_be_focused()
	page.keyboard.press("Enter")
	expect(page.locator(".modal.show")).to_contain_text("Assign Usage")
	assert not page.errors


def test_a_conflict_says_what_both_say_and_the_help_how_to_link(inbox):
	from playwright.sync_api import expect

	page = inbox(viewport={"width": 375, "height": 800})
	help_text = page.locator(".usage-help")
	expect(help_text.get_by_text("three dots")).to_be_hidden()
	help_text.locator("summary").click()
	expect(help_text.get_by_text("three dots")).to_be_visible()
	page.locator(".usage-sections").get_by_role("button", name="Pax8 Says Otherwise").click()
	row = row_of(page, storybook.SENTINELONE_DISPUTED)
	expect(row).to_contain_text("Pax8 links it to Müller & Söhne GmbH.")
	expect(row).to_contain_text(f"Assigned here to {CEDAR}")
	row.get_by_role("button", name="Link in Pax8").click()
	expect(page.locator(".modal.show code")).to_have_text(SENTINEL)
	assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "nothing is cut off"
	assert not page.errors


def test_a_rule_made_from_a_group_shows_what_it_would_assign_and_does_it(look, inbox):
	from playwright.sync_api import expect

	page = inbox()
	text = storybook.SENTINELONE_OF_CEDAR
	row_of(page, text).get_by_role("button", name="Make a Rule").click()
	form = page.locator(".form-page:visible")
	preview = form.locator("[data-fieldname=preview_html]")
	expect(preview).to_contain_text("1 resource group would be assigned.")
	expect(preview).to_contain_text(text)
	form.locator("[data-fieldname=text_contains] input").fill("no such text")
	page.keyboard.press("Tab")
	expect(preview).to_contain_text("0 resource groups would be assigned.")
	form.locator("[data-fieldname=text_contains] input").fill("cedar and pine")
	page.keyboard.press("Tab")
	expect(preview).to_contain_text("1 resource group would be assigned.")
	page.locator(".page-head:visible").get_by_role("button", name="Save").click()
	page.wait_for_function("!cur_frm.is_new()")
	page.wait_for_timeout(500)
	look("from msp_licensing.usage import rules; rules.apply_all()")
	assert placed(look, text) == ["Assigned Here", CEDAR, 0]
	reason = look(f"answer = frappe.get_all({ASSIGNMENT!r}, {{'ended_because': ''}}, pluck='reason')")
	assert f"Rule: {text}" in reason
	assert not page.errors


def test_the_workspace_shows_the_amount_and_leads_to_the_inbox(demo_site, inbox):
	from playwright.sync_api import expect

	page = inbox()
	page.goto("/app/msp-licensing")
	card = page.locator(".number-widget-box", has_text="Unassigned Usage")
	expect(card.locator(".number")).to_contain_text("$")
	page.locator(".shortcut-widget-box", has_text="Usage Inbox").click()
	page.wait_for_selector(".usage-row")
	assert not page.errors
