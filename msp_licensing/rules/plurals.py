"""Real plurals: "1 license", "2 licenses"."""

from __future__ import annotations


def plural(number: int, one: str, more: str) -> str:
	"""The text for `number`: `one` where it is 1, else `more`. Both are literals where this is called, to be extracted.

	>>> plural(1, "{0} license", "{0} licenses").format(1), plural(0, "{0} license", "{0} licenses").format(0)
	('1 license', '0 licenses')
	"""
	return one if number == 1 else more
