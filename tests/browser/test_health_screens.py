"""What a Licensing Manager sees of the health of the syncs: on the workspace and in Pax8 Settings."""

import re

import pytest

FRESH = """
from msp_licensing import clock
for kind in ("Companies", "Products", "Usage"):
	frappe.db.set_value("Pax8 Sync Run", {"kind": kind}, clock.stamp("finished_on", "started_on"))
"""
STALE = """
from msp_licensing import clock
long_ago = clock.before(days=9)
frappe.db.set_value("Pax8 Sync Run", {"kind": "Companies"}, clock.at("finished_on", long_ago) | clock.at("started_on", long_ago))
frappe.db.set_single_value("Pax8 Settings", "connected_on_utc", clock.before(days=30))
frappe.db.set_single_value("System Settings", "enable_scheduler", 0)
"""


@pytest.fixture
def scheduler_back(look):
	yield
	look("frappe.db.set_single_value('System Settings', 'enable_scheduler', 1)")
	look(FRESH)


def test_the_workspace_says_that_all_is_fresh_and_then_what_is_not_and_why(
	demo_site, sign_in, look, scheduler_back
):
	from playwright.sync_api import expect

	look(FRESH)
	page = sign_in(demo_site.manager, "/app/msp-licensing")
	health = page.locator(".health")
	expect(health.locator(".title")).to_have_text("Everything is up to date")
	expect(health.locator(".kind")).to_have_count(4)

	look(STALE)
	page.reload()
	expect(health.locator(".title")).to_have_text("Out of date: Companies")
	expect(health.locator(".notes")).to_contain_text("scheduler of this site is disabled")
	expect(health.locator('.kind[data-kind="Companies"]')).to_contain_text("1 week ago")

	health.get_by_role("button", name="Open Pax8 Settings").click()
	page.wait_for_url(re.compile("/(app|desk)/pax8-settings"))
	reason = page.locator('tr.reason[data-kind="Companies"]')
	expect(reason).to_contain_text("Out of date")
	expect(reason).to_contain_text("scheduler of this site is disabled")
	expect(page.locator('tr.reason[data-kind="Subscriptions"]')).to_have_count(0)
	assert not page.errors
