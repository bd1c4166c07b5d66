"""How texts, days and amounts are written for a client who reads them. Imports no Frappe."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from msp_licensing.rules.words import Sentence

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Formats:
	"""How texts and days are written for the reader.

	Attributes:
		translate: English text in, the reader's language out.
		day: a date in, the reader's way of writing it out.
		money: an amount and the ISO code of its currency in, the reader's way of writing it out.
		month: a day in, its month and year out, as in "November 2026".
		number: a quantity in, the reader's way of writing it out.
	"""

	translate: Callable[[str], str]
	day: Callable[[date], str]
	money: Callable[[Any, str], str] = lambda amount, currency: f"{amount:,.2f} {currency}"
	month: Callable[[date], str] = lambda day: f"{day:%B %Y}"
	number: Callable[[Any], str] = lambda number: f"{round(number, 3):,}"


def _(text: str) -> str:
	"""Mark a text for the collectors of translatable texts; `Formats.translate` translates it."""
	return text


MORE, FEWER, SAME = _("{0} more"), _("{0} fewer"), _("no change")


def say(sentence: Sentence, formats: Formats) -> str:
	"""A sentence of `rules.words` for the reader: translated, with dates in the reader's form."""
	values = {name: _value(name, value, formats) for name, value in sentence.values.items()}
	return formats.translate(sentence.msgid).format(**values)


def _value(name: str, value: Any, formats: Formats) -> Any:
	if name in ("commitment_end", "start_date", "end_date") and (day := day_of(value)):
		return formats.day(day)
	return value


# Letters that are another one with a stroke, and no accent; the page's script has the same (`index.js`).
_LETTERS = str.maketrans(
	{"ı": "i", "ł": "l", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ς": "σ"}
)
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})


def folded(text: str) -> str:
	"""A text as people search for it: no matter which case, accents, width or form of letters.

	>>> folded("STRAẞE"), folded("Müller"), folded("İstanbul")
	('strasse', 'muller', 'istanbul')
	"""
	return _without_marks(_without_marks(text).casefold()).translate(_LETTERS)


def searchable(text: str) -> str:
	"""What a search is held against: the text as `folded` gives it, and with umlauts written out ("mueller")."""
	written_out = unicodedata.normalize("NFC", text).casefold().translate(_UMLAUTS)
	return " ".join(dict.fromkeys((folded(text), folded(written_out))))


def _without_marks(text: str) -> str:
	return "".join(
		sign for sign in unicodedata.normalize("NFKD", text) if unicodedata.category(sign)[0] != "M"
	)


def difference(change: int, formats: Formats) -> str:
	"""A change of quantity in words: "5 more", "2 fewer", "no change"."""
	if not change:
		return formats.translate(SAME)
	return formats.translate(MORE if change > 0 else FEWER).format(abs(change))


def day_of(value: Any) -> date | None:
	"""A date, a moment or its ISO form as a date; None when it is none of them."""
	if isinstance(value, datetime):
		return value.date()
	if isinstance(value, date):
		return value
	if isinstance(value, str) and value:
		try:
			return date.fromisoformat(value[:10])
		except ValueError:
			return None
	return None
