"""Texts that end up in spreadsheets."""

import html
import re

# What a spreadsheet takes for the beginning of a formula (OWASP, "CSV Injection"), full-width forms included.
_FORMULA = frozenset("=+-@\t\r\n＝＋－＠")
_TAG = re.compile(r"<[^>]*>")


def plain(text: str) -> str:
	"""`text` so that no spreadsheet carries it out: a formula gets an apostrophe in front, all else stays as it is.

	Frappe takes markup out of a cell when it writes an Excel file, so what stands behind tags counts as well.

	>>> plain("=HYPERLINK(1)"), plain("<p>=1+1</p>"), plain("Keeper Business")
	("'=HYPERLINK(1)", "'<p>=1+1</p>", 'Keeper Business')
	"""
	seen = _TAG.sub("", html.unescape(text))
	firsts = {text[:1], seen[:1], seen.lstrip()[:1]}
	return f"'{text}" if firsts & _FORMULA else text
