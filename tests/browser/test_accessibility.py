"""axe, a checker of accessibility, finds nothing on the app's own screens."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

PHONE = {"width": 375, "height": 812}
DESKTOP = {"width": 1280, "height": 900}


def problems(page: Any, *own: str) -> list[str]:
	"""What axe finds within the elements `own`; what Frappe draws around them is not looked at."""
	page.wait_for_load_state("networkidle")
	for selector in own:
		page.locator(selector).first.wait_for(state="visible")
	found = Axe().run(page, context={"include": [[selector] for selector in own]}).response["violations"]
	return [
		f"{rule['id']}: {node['target'][-1]} – {node['failureSummary']}"
		for rule in found
		for node in rule["nodes"]
	]


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("path", ["/licensing", "/licensing/usage"])
def test_the_portal(demo_site, sign_in, path, size):
	page = sign_in(demo_site.requester, path, viewport=size)
	for summary in page.locator("main summary:visible").all():
		summary.click()
	assert problems(page, "main") == []


def test_the_usage_inbox_and_its_dialogs(demo_site, sign_in):
	page = sign_in(demo_site.manager, "/app/usage-inbox", viewport=DESKTOP)
	page.locator(".usage-row").first.wait_for()
	page.locator(".usage-help summary").click()
	assert problems(page, ".usage-inbox") == []
	for button, field in (("Assign", "about"), ("Link in Pax8", "steps")):
		page.locator(".usage-row").first.get_by_role("button", name=button).click()
		assert problems(page, f".modal.show [data-fieldname={field}]") == []
		page.locator(".modal.show .btn-modal-close").click()
		page.locator(".modal.show").wait_for(state="detached")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_usage_on_forms_and_the_table_of_syncs(demo_site, sign_in, look, theme):
	group = look(
		"answer = frappe.get_all('Pax8 Resource Group', filters={'client': ('is', 'set')}, pluck='name', limit=1)[0]"
	)
	page = sign_in(demo_site.manager, f"/app/pax8-resource-group/{group}", viewport=DESKTOP)
	page.evaluate(f"document.documentElement.setAttribute('data-theme', '{theme}')")
	assert problems(page, ".usage-trend") == []
	page.goto("/app/pax8-settings")
	page.evaluate(f"document.documentElement.setAttribute('data-theme', '{theme}')")
	page.locator("[data-fieldname=sync_html] table").wait_for()
	assert problems(page, "[data-fieldname=sync_html]") == []
