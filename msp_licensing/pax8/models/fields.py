"""How a field of a record is read: normalised words, dates, numbers, and the types made of them."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Annotated, NoReturn

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainValidator
from pydantic.alias_generators import to_camel

MAX_ID_CHARS = 140
"""A longer id is none: Pax8's are 36 characters long, and a row that has one cannot be read."""

MAX_TEXT_CHARS = 1000
"""Longer names, numbers and words are cut, with an ellipsis as the last character: they are for showing only."""

MAX_LONG_TEXT_CHARS = 20_000
"""The same for descriptions, instructions and error messages."""


def compact(text: str) -> str:
	"""Return a word without case, blanks and separators, to compare spellings."""
	return re.sub(r"[\W_]+", "", text.casefold())


_TERMS = {
	"monthly": "Monthly",
	"annual": "Annual",
	"1year": "1-Year",
	"2year": "2-Year",
	"3year": "3-Year",
	"5year": "5-Year",
	"onetime": "One-Time",
	"trial": "Trial",
	"activation": "Activation",
	"arrears": "Arrears",
	"rebate": "Rebate",
}
_STATUSES = {
	compact(name): name
	for name in (
		# of subscriptions
		"Active",
		"Cancelled",
		"PendingManual",
		"PendingAutomated",
		"PendingCancel",
		"WaitingForDetails",
		"Trial",
		"Converted",
		"PendingActivation",
		"Activated",
		# of companies, besides Active
		"Inactive",
		"Deleted",
		# of invoices
		"Unpaid",
		"Paid",
		"Void",
		"Carried",
		"Nothing Due",
		"Credited",
		# of a webhook's deliveries
		"PENDING",
		"SUCCESS",
		"FAILED",
		"RETRYING",
	)
}
_RATE_TYPES = {"markup": "Mark-Up", "single": "Flat", "flat": "Flat", "volume": "Volume", "tiered": "Tiered"}
_CHARGE_TYPES = {"flat": "Flat Rate", "flatrate": "Flat Rate", "per": "Per Unit", "perunit": "Per Unit"}
# Dates and words that were read are kept for the rows that follow; longer texts are no dates, and not kept.
_LONGEST_WORD = 64
_KEPT_DATES, _KEPT_WORDS = 4096, 512
# Tuples made once: `isinstance(x, int | str)` puts its union together each time, at a hundred thousand rows.
_NUMBERS = (int, float, Decimal)
_NUMERIC = (int, float, Decimal, str)
_INSTANT = re.compile(
	r"(\d{4})-(\d\d)-(\d\d)"
	r"(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,18}))?)?\s*([Zz]|[+-]\d\d(?::?\d\d)?)?)?"
)


def normalise_term(text: str) -> str:
	"""Return a billing or commitment term in Pax8's main spelling: `2 Year` → `2-Year`, `One-time` → `One-Time`.

	Unknown terms come back as they are, trimmed. Fact: subscriptions say `2-Year`, invoice items `2 Year`, and invoice
	items say both `One-Time` and `One-time`.
	"""
	return _TERMS.get(compact(text).replace("years", "year"), text.strip())


def normalise_status(text: str) -> str:
	"""Return a status in the specification's spelling; unknown ones come back trimmed."""
	return _STATUSES.get(compact(text), text.strip())


def normalise_rate_type(text: str) -> str:
	"""Return a rate type as price lists spell it: `Flat`, `Volume`, `Tiered`, `Mark-Up`; unknown ones come back trimmed.

	Fact: invoice items say `single` and `flat` for the same thing, and the specification's own words for their types
	carry an explanation in brackets.
	"""
	return _RATE_TYPES.get(compact(text.partition("(")[0]), text.strip())


def normalise_charge_type(text: str) -> str:
	"""Return a charge type as price lists spell it, `Per Unit` or `Flat Rate`; invoice items say `per` and `flat`."""
	return _CHARGE_TYPES.get(compact(text), text.strip())


def parse_instant(value: object) -> datetime | None:
	"""Read a point in time: with `Z`, with an offset with or without colon, with fractions, or a date alone.

	Returns:
		An aware `datetime` in UTC; without an offset the text is taken for UTC. `None` for null or blank.

	Raises:
		ValueError: there is something, and it is not a date.
	"""
	if value is None:
		return None
	if isinstance(value, str):
		return _instant(value) if len(value) <= _LONGEST_WORD else _no_date()
	if isinstance(value, datetime):
		return _utc(value)
	if isinstance(value, date):
		return datetime(value.year, value.month, value.day, tzinfo=timezone.utc)
	return _no_date()


@lru_cache(maxsize=_KEPT_DATES)
def _instant(text: str) -> datetime | None:
	match = _match_instant(text)
	if match is None:
		return None
	year, month, day, hour, minute, second, fraction, offset = match.groups()
	micro = int((fraction or "0")[:6].ljust(6, "0"))
	zone = _zone(offset)
	return _utc(
		datetime(
			int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), micro, zone
		)
	)


def parse_day(value: object) -> date | None:
	"""Read a calendar day as it is written, whatever time and offset follow; `None` for null or blank.

	Raises:
		ValueError: there is something, and it is not a date.
	"""
	if value is None:
		return None
	if isinstance(value, str):
		return _day(value) if len(value) <= _LONGEST_WORD else _no_date()
	if isinstance(value, datetime):
		return value.date()
	return value if isinstance(value, date) else _no_date()


@lru_cache(maxsize=_KEPT_DATES)
def _day(text: str) -> date | None:
	match = _match_instant(text)
	return None if match is None else date(int(match[1]), int(match[2]), int(match[3]))


def wire_instant(value: datetime | date | None) -> str | None:
	"""Return a point in time as Pax8's parameters want it, in whole seconds: `2026-05-01T00:00:00Z`.

	A date alone counts as its midnight UTC, as it does in Pax8's answers.

	Raises:
		ValueError: a time without a time zone, which is ambiguous.
	"""
	if value is None:
		return None
	if isinstance(value, datetime) and value.tzinfo is None:
		raise ValueError("a time without a time zone is ambiguous")
	moment = parse_instant(value)
	return moment.replace(tzinfo=None).isoformat(timespec="seconds") + "Z" if moment else None


def _no_date() -> NoReturn:
	raise ValueError("not a date")


def _match_instant(text: str) -> re.Match[str] | None:
	text = text.strip()
	if not text:
		return None
	return _INSTANT.fullmatch(text) or _no_date()


def _zone(offset: str | None) -> timezone:
	if not offset or offset in "Zz":
		return timezone.utc
	minutes = int(offset[1:3]) * 60 + int(offset[-2:] if len(offset) > 3 else 0)
	return timezone(timedelta(minutes=-minutes if offset[0] == "-" else minutes))


def _utc(moment: datetime) -> datetime:
	if moment.tzinfo is None:
		return moment.replace(tzinfo=timezone.utc)
	try:
		return moment.astimezone(timezone.utc)
	except OverflowError:
		# "Forever" (31 December 9999) in a western zone lies outside of what a datetime can hold.
		return moment.replace(tzinfo=timezone.utc)


def _id(value: object) -> str:
	read = read_id(value)
	if read is None:
		raise ValueError("no id")
	return read


def read_id(value: object) -> str | None:
	"""Return an id as text, `None` for null or blank. Raises `ValueError` for what is no id, or too long a one."""
	if value is None:
		return None
	if not isinstance(value, str):
		if isinstance(value, bool) or not isinstance(value, int):
			raise ValueError("not an id")
		value = str(value)
	text = value.strip()
	if len(text) > MAX_ID_CHARS:
		raise ValueError(f"longer than {MAX_ID_CHARS} characters")
	if not text.isprintable():
		raise ValueError("not an id")
	return text or None


def _text(value: object) -> str | None:
	return _shown(value, MAX_TEXT_CHARS)


def _long_text(value: object) -> str | None:
	return _shown(value, MAX_LONG_TEXT_CHARS)


def _shown(value: object, longest: int) -> str | None:
	if value is None:
		return None
	if not isinstance(value, str):
		if isinstance(value, bool) or not isinstance(value, _NUMBERS):
			raise ValueError("not a text")
		value = str(value)
	text = value.strip()
	if len(text) > longest:
		text = text[: longest - 1] + "…"
	if not text.isascii():
		# Half a surrogate pair is valid JSON, and no database would take it.
		text = text.encode("utf-8", "replace").decode("utf-8")
	return text or None


@lru_cache(maxsize=_KEPT_WORDS)
def _known_term(text: str) -> str:
	return normalise_term(text)


@lru_cache(maxsize=_KEPT_WORDS)
def _known_status(text: str) -> str:
	return normalise_status(text)


def _term(value: object) -> str | None:
	text = _text(value)
	if text is None:
		return None
	return _known_term(text) if len(text) <= _LONGEST_WORD else text


def _status(value: object) -> str | None:
	text = _text(value)
	if text is None:
		return None
	return _known_status(text) if len(text) <= _LONGEST_WORD else text


def _rate_type(value: object) -> str | None:
	text = _text(value)
	return normalise_rate_type(text) if text else None


def _charge_type(value: object) -> str | None:
	text = _text(value)
	return normalise_charge_type(text) if text else None


def _currency(value: object) -> str | None:
	text = _text(value)
	return text.upper() if text else None


def _decimal(value: object) -> Decimal | None:
	if value is None:
		return None
	if isinstance(value, Decimal):
		number = value
	else:
		if isinstance(value, bool) or not isinstance(value, _NUMERIC):
			raise ValueError("not a number")
		text = str(value).strip()
		if not text:
			return None
		try:
			number = Decimal(text)
		except InvalidOperation:
			raise ValueError("not a number") from None
	# The bounds keep `int()` and arithmetic on hostile exponents from writing out a billion digits.
	if not number.is_finite() or not -30 <= number.adjusted() <= 15 or len(str(number)) > 50:
		raise ValueError("not a sensible number")
	return number


def _count(value: object) -> int | Decimal | None:
	if type(value) is int and -(10**15) < value < 10**15:
		return value
	number = _decimal(value)
	if number is None:
		return None
	return int(number) if number == int(number) else number


def _start(value: object) -> int | Decimal:
	return _count(value) or 0


def _flag(value: object) -> bool | None:
	if value is None or isinstance(value, bool):
		return value
	word = str(value).strip().casefold() if isinstance(value, _NUMERIC) else "?"
	if word in ("true", "1", "yes"):
		return True
	if word in ("false", "0", "no"):
		return False
	if not word:
		return None
	raise ValueError("not true or false")


def _none_is_empty(value: object) -> object:
	return () if value is None else value


def _texts(value: object) -> tuple[str, ...]:
	if value is None:
		return ()
	if not isinstance(value, list | tuple):
		value = (value,)
	return tuple(text for text in map(_long_text, value) if text is not None)


def _json_object(value: object) -> dict[str, object] | None:
	if value is None or isinstance(value, dict):
		return value
	raise ValueError("not an object")


# The validators return the finished value, so that nothing is checked twice: a sync reads some hundred thousand rows.
Id = Annotated[str, PlainValidator(_id)]
OptionalId = Annotated[str | None, PlainValidator(read_id)]
Text = Annotated[str | None, PlainValidator(_text)]
LongText = Annotated[str | None, PlainValidator(_long_text)]
Texts = Annotated[tuple[str, ...], PlainValidator(_texts)]
Term = Annotated[str | None, PlainValidator(_term)]
Status = Annotated[str | None, PlainValidator(_status)]
RateType = Annotated[str | None, PlainValidator(_rate_type)]
ChargeType = Annotated[str | None, PlainValidator(_charge_type)]
Currency = Annotated[str | None, PlainValidator(_currency)]
Money = Annotated[Decimal | None, PlainValidator(_decimal)]
Count = Annotated[int | Decimal | None, PlainValidator(_count)]
Start = Annotated[int | Decimal, PlainValidator(_start)]
Flag = Annotated[bool | None, PlainValidator(_flag)]
Instant = Annotated[datetime | None, PlainValidator(parse_instant)]
Day = Annotated[date | None, PlainValidator(parse_day)]
JsonObject = Annotated[dict[str, object] | None, PlainValidator(_json_object)]
NoneIsEmpty = BeforeValidator(_none_is_empty)
"""For lists of records, which Pax8 also sends as null."""


class Record(BaseModel):
	"""What all records have in common: frozen, read by wire name or attribute name, unknown fields ignored."""

	model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True)
