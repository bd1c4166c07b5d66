"""Real plurals ("1 license", "2 licenses"), and a search that finds names however people type them."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from msp_licensing.portal import wishes
from msp_licensing.portal.words import Formats, folded, searchable
from msp_licensing.rules.plurals import plural

APP = Path(__file__).resolve().parents[2] / "msp_licensing"
FORMATS = Formats(translate=str, day=date.isoformat)

NOUNS = {
	**{f"{noun}s": noun for noun in ("license", "request", "product", "client", "subscription", "day")},
	**{
		f"{noun}s": noun for noun in ("hour", "minute", "change", "attempt", "job", "call", "approved change")
	},
	"companies": "company",
}
COUNTED = re.compile(rf"\{{(\w+)\}} ({'|'.join(NOUNS)})\b")
# Numbers that are never 1: limits of the app, and an example.
NEVER_ONE = (
	"Please choose at most {0} requests at once.",
	"There are more than {0} ",
	"With {0} licenses, every change waits.",
	"Choose 1 to {0} days.",
	"a return window is 1 to {1} days",
	"renewal window for this product: {0} days",
	"At most {0} products at a time.",
	"Only the newest {0} requests",
	"Approve these {0} requests?",
	"{0} featured products",
	"{0} days",
	"within an hour",
)


@pytest.mark.parametrize(
	"path",
	[
		path
		for suffix in ("py", "js", "html")
		for path in sorted(APP.rglob(f"*.{suffix}"))
		if path.relative_to(APP).parts[0] not in ("sandbox", "preview", "pax8")
	],
	ids=lambda path: str(path.relative_to(APP)),
)
def test_what_is_counted_has_a_singular(path):
	text = path.read_text(encoding="utf-8")
	for found in COUNTED.finditer(text):
		line = text[: found.start()].count("\n")
		around = "\n".join(text.splitlines()[max(0, line - 1) : line + 2])
		singular = re.search(rf"(\{{{found.group(1)}\}}|\b1) {NOUNS[found.group(2)]}\b", text)
		assert singular or any(known in around for known in NEVER_ONE), found.group(0)


def test_no_mail_counts_one_license_as_many():
	for path in APP.glob("templates/emails/**/*.html"):
		assert not re.search(r"\}\} (licenses|requests)", path.read_text(encoding="utf-8")), path.name


@pytest.mark.parametrize(("number", "words"), [(0, "0 licenses"), (1, "1 license"), (2, "2 licenses")])
def test_a_number_of_licenses_in_words(number, words):
	assert plural(number, "{0} license", "{0} licenses").format(number) == words
	row = {"workflow_state": "Applied", "requested_quantity": number, "product_name": "Keeper"}
	assert wishes.news(row, FORMATS) == f"Keeper now has {words}."


@pytest.mark.parametrize(("number", "word"), [(0, "0 licenses"), (1, "1 license"), (2, "2 licenses")])
def test_a_mail_about_one_license(number, word):
	jinja2 = pytest.importorskip("jinja2")
	for name in ("client_applied", "staff_pending", "client_scheduled_soon"):
		text = (APP / f"templates/emails/notices/{name}.html").read_text(encoding="utf-8")
		values = dict.fromkeys(("client", "product", "requester"), "X")
		shown = jinja2.Template(text).render(current=7, requested=number, quantity=number, **values)
		assert word in shown and (number != 1 or "1 licenses" not in shown)


FOUND = [
	("Straße", "strasse STRASSE straße STRAẞE"),
	("STRASSE", "straße"),
	("Müller & Söhne GmbH", "muller müller MULLER mueller Müller soehne sohne"),
	("Mu\u0308ller", "müller muller mueller"),
	("İstanbul Iğdır", "istanbul ISTANBUL İstanbul igdir ıstanbul"),
	("Ｆｕｌｌ　Ｗｉｄｔｈ", "full width ｗｉｄｔｈ"),
	("Microsoft 365 Business Premium", "premium 365 MICROSOFT"),
	("Łódź Ørsted Þór Œuvre ﬁle", "lodz orsted thor oeuvre file łódź"),
	("ΟΔΟΣ", "οδος οδοσ"),
	("Café", "cafe CAFÉ cafe\u0301"),
]


@pytest.mark.parametrize(("name", "typed"), FOUND, ids=[name for name, _typed in FOUND])
def test_a_search_finds_a_name_however_it_is_typed(name, typed):
	there = searchable(name)
	for word in typed.split():
		assert folded(word) in there, word
	assert folded("zzz") not in there
