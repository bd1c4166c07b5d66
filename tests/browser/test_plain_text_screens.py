"""What people outside write, on every screen that shows it: nothing of it runs, and it reads as it was typed."""

import json
import sys
from pathlib import Path

from msp_licensing.sandbox import storybook

sys.path.insert(0, str(Path(__file__).parents[1]))
from texts import NASTY

KEEPER, SOPHOS = storybook.CEDAR_KEEPER, storybook.CEDAR_SOPHOS
HARM = NASTY["image"] + NASTY["attribute"] + NASTY["link"]
TITLE = 'A & B "C" <D> <img src=x onerror="window.hit=1"> &lt;b&gt;'
LINES = f"{HARM}\n\n{NASTY['pre']}\n{NASTY['template']} {NASTY['entities']} {NASTY['svg']}"
VENDOR = 'Ven <img src=x onerror="window.hit=1">'

PLANT = f"""
import json
from msp_licensing import permissions
from msp_licensing.changes import requests
title, lines, vendor = json.loads({json.dumps(json.dumps([TITLE, LINES, VENDOR]))})
name = requests.submit({KEEPER!r}, 40, note=lines, access=permissions.portal_access(REQUESTER)).name
company = frappe.db.get_value("Pax8 Subscription", {KEEPER!r}, "company")
product = frappe.db.get_value("Pax8 Subscription", {KEEPER!r}, "product")
put = lambda doctype, name, **values: frappe.db.set_value(doctype, name, values, update_modified=False)
put("License Change Request", name, product_name=title, vendor=vendor, staff_reason=lines, reject_reason=lines,
	pax8_message=lines, quantity_reason=lines, decision_summary=lines)
put("Pax8 Subscription", {KEEPER!r}, product_name=title, vendor=vendor)
put("Pax8 Product", product, product_name=title, vendor=vendor, short_description=lines)
put("Pax8 Company", company, company_name=title, city=vendor)
doc = frappe.get_doc("MSP Client", "Cedar & Pine Architects")
doc.notes = lines
doc.save()
doc.notes = lines + " "
doc.save()
frappe.clear_cache()
answer = {{"request": name, "company": company, "product": product}}
"""


def check(page, where):
	assert not page.evaluate("window.hit"), f"ran: {where}"
	planted = page.evaluate(
		"""() => [...document.querySelectorAll('img[src="x"], a[href^="javascript:window"], svg[onload], [onmouseover*=hit], [onerror]')]
			.map((e) => e.outerHTML + ' in ' + e.parentElement?.outerHTML.slice(0, 300))"""
	)
	assert not planted, f"{where}: {planted}"


def test_the_portal_shows_texts_as_typed_and_finds_them_however_they_are_typed(demo_site, look, sign_in):
	look(PLANT.replace("REQUESTER", repr(demo_site.requester)))
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
