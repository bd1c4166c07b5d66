"""What people outside write, on every screen that shows it: nothing of it runs, and it reads as it was typed."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from msp_licensing.frappe_version import MAJOR
from msp_licensing.sandbox import storybook

sys.path.insert(0, str(Path(__file__).parents[1]))
from texts import NASTY

KEEPER, SOPHOS = storybook.CEDAR_KEEPER, storybook.CEDAR_SOPHOS
HARM = NASTY["image"] + NASTY["attribute"] + NASTY["link"]
TITLE = 'A & B "C" <D> <img src=x onerror="window.hit=1"> &lt;b&gt;'
PIXEL = '<img src="http://planted.invalid/pixel.png">'
LINES = f"{HARM}\n\n{NASTY['pre']}\n{NASTY['template']} {NASTY['entities']} {NASTY['svg']} {PIXEL}"
VENDOR = 'Ven <img src=x onerror="window.hit=1">'

PLANT = f"""
import json
from msp_licensing import permissions
from msp_licensing.changes import requests
title, lines, vendor = json.loads({json.dumps(json.dumps([TITLE, LINES, VENDOR]))})
name = requests.submit({KEEPER!r}, 40, note=lines, access=permissions.portal_access(REQUESTER)).name
company = frappe.db.get_value("Pax8 Subscription", {KEEPER!r}, "pax8_company")
product = frappe.db.get_value("Pax8 Subscription", {KEEPER!r}, "product")
put = lambda doctype, name, **values: frappe.db.set_value(doctype, name, values, update_modified=False)
put("License Change Request", name, product_name=title, vendor=vendor, staff_reason=lines, reject_reason=lines,
	pax8_message=lines, quantity_reason=lines, decision_summary=lines)
put("Pax8 Subscription", {KEEPER!r}, product_name=title, vendor=vendor)
put("Pax8 Product", product, product_name=title, vendor=vendor, short_description=lines)
put("Pax8 Company", company, company_name=title, city=vendor)
client = "Cedar & Pine Architects"
client = client if frappe.db.exists("MSP Client", client) else None
for notes in (lines, lines + "!") if client else ():
	doc = frappe.get_doc("MSP Client", client)
	doc.notes = notes
	doc.save()
from frappe.desk.doctype.notification_log.notification_log import get_title, get_title_html, make_notification_logs
subject = "Assigned to you: " + get_title_html(get_title("License Change Request", name))
make_notification_logs(
	frappe._dict(type="Assignment", document_type="License Change Request", document_name=name, subject=subject,
		from_user="Administrator"), [MANAGER])
frappe.clear_cache()
answer = {{"request": name, "company": company, "product": product, "client": client}}
"""


PLANTED = """() => [...document.querySelectorAll(
	'img[src="x"], [src*="planted.invalid"], a[href^="javascript:window"], svg[onload], [onmouseover*=hit], [onerror*=hit]'
)].map((element) => element.outerHTML + " in " + element.parentElement?.outerHTML.slice(0, 300))"""


def check(page, where):
	assert not page.evaluate("window.hit"), f"ran: {where}"
	assert not page.evaluate(PLANTED), where


def plant(look, demo_site):
	return look(
		PLANT.replace("REQUESTER", repr(demo_site.requester)).replace("MANAGER", repr(demo_site.manager))
	)


@pytest.fixture
def desk(demo_site, look, sign_in):
	"""The browser of a manager; `open` goes to a screen and waits until each of `shown` reads as it was typed."""
	from playwright.sync_api import expect

	planted = plant(look, demo_site)
	page = sign_in(demo_site.manager, "/app/msp-licensing")
	page.asked, page.dialogs = [], []
	page.on("request", lambda request: page.asked.append(request.url))
	page.on("dialog", lambda dialog: (page.dialogs.append(dialog.message), dialog.dismiss()))

	def open_screen(path, shown=()):
		page.goto(path)
		for selector, text in dict(shown).items():
			expect(page.locator(selector, has_text="onerror").first).to_contain_text(
				text, use_inner_text=True
			)
		page.wait_for_load_state("networkidle")
		check(page, path)

	return SimpleNamespace(page=page, open=open_screen, expect=expect, **planted)


def fine(page):
	assert not page.errors and not page.dialogs
	assert not [url for url in page.asked if "planted.invalid" in url or url.endswith("/x")]


def test_lists_forms_and_timelines_show_texts_as_typed(desk):
	form = ".form-page:visible"
	desk.open("/app/msp-licensing")
	desk.open("/app/license-change-request", {".list-row-container": TITLE})
	desk.open("/app/pax8-company", {".list-row-container": TITLE})
	desk.open(
		f"/app/license-change-request/{desk.request}",
		{
			".page-title:visible .title-text": TITLE,
			f"{form} [data-fieldname=note] .control-value": LINES,
			f"{form} [data-fieldname=pax8_message] .control-value": LINES,
			".form-message:visible": TITLE,
		},
	)
	desk.page.locator(".new-timeline .timeline-item").first.wait_for()
	check(desk.page, "timeline")
	desk.open(f"/app/pax8-company/{desk.company}", {".page-title:visible .title-text": TITLE})
	if desk.client:
		desk.open(f"/app/msp-client/{desk.client}", {".timeline-item": NASTY["image"]})
	bell = desk.page.locator(".dropdown-notifications")
	opener = ".sidebar-notification:visible" if MAJOR >= 16 else ".dropdown-notifications .nav-link"
	desk.page.locator(opener).first.click()
	# Frappe cuts long titles there.
	desk.expect(bell.locator(".subject-title", has_text="onerror").first).to_contain_text(TITLE[:40])
	check(desk.page, "bell")
	fine(desk.page)


def test_reports_prints_and_settings_show_texts_as_typed(desk):
	page = desk.page
	desk.open("/app/query-report/License Changes", {".dt-row-0 .dt-cell__content": TITLE})
	vendor = page.locator(".page-form [data-fieldname=vendor]")
	vendor.locator("input").click()
	vendor.locator("input").fill("Ven")
	offered = vendor.locator("li", has_text="onerror").first
	desk.expect(offered).to_have_text(VENDOR)
	offered.click()
	desk.expect(vendor.locator("input")).to_have_value(VENDOR)
	check(page, "filter of the report")
	desk.open(f"/printview?doctype=License Change Request&name={desk.request}", {".print-format": TITLE})
	desk.open("/app/licensing-settings", {"[data-fieldname=vendor_badges_html]": VENDOR})
	page.wait_for_function("cur_frm.catalog?.$search && cur_frm.rules?.$search")
	for table, field in (("catalog", "catalog_html"), ("rules", "rules_html")):
		page.evaluate("(table) => { cur_frm[table].$search.val('onerror'); cur_frm[table].filter(); }", table)
		desk.expect(
			page.locator(f"[data-fieldname={field}] tbody tr", has_text="onerror").first
		).to_contain_text(TITLE)
	check(page, "settings")
	fine(page)


def test_the_portal_shows_texts_as_typed_and_finds_them_however_they_are_typed(demo_site, look, sign_in):
	plant(look, demo_site)
	page = sign_in(demo_site.requester, "/licensing")
	check(page, "portal")
	assert TITLE in page.locator("body").inner_text()
	# The script folds what is typed as the server folds what is there.
	from msp_licensing.portal.words import folded

	typed = [
		"Straße STRAẞE",
		"MÜLLER mu\u0308ller",
		"İstanbul ıĞ",
		"Ｆｕｌｌ",
		"Łódź Ørsted Œuvre ﬁ",
		"ΟΔΟΣ οδος",
	]
	source = (Path(__file__).parents[2] / "msp_licensing/www/licensing/index.js").read_text(encoding="utf-8")
	begin, end = source.index("const letters"), source.index("function search()")
	shown = page.evaluate(
		"([code, typed]) => new Function('typed', code + '; return typed.map(folded)')(typed)",
		[source[begin:end], typed],
	)
	assert shown == [folded(text) for text in typed]
