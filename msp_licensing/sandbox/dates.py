"""Dates as Pax8 spells them.

The spec declares RFC 3339 date-times, yet its own examples use three spellings: `2020-12-03`,
`2021-01-01T08:30:00Z` and `2023-08-11T11:33:12.314-0600` (an offset without a colon). The sandbox uses
all three, so that a client which reads only one of them fails here first.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone

_MOMENT = re.compile(
	r"(\d{4})-(\d{2})-(\d{2})"
	r"(?:[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?(?:([Zz])|([+-])(\d{2}):?(\d{2}))?)?"
)
_OFFSETS = tuple(timezone(timedelta(hours=hours)) for hours in (-6, -7, -3))


def parse_moment(text: str) -> datetime:
	"""Read a date or date-time in any of the spellings above; without an offset it is UTC.

	Returns an aware UTC datetime. Raises ValueError for anything else.
	"""
	match = _MOMENT.fullmatch(text.strip())
	if not match:
		raise ValueError(f"'{text}' is not a date or date-time")
	year, month, day, hour, minute, second, fraction, _zulu, sign, offset_hours, offset_minutes = (
		match.groups()
	)
	offset = timedelta(hours=int(offset_hours or 0), minutes=int(offset_minutes or 0))
	moment = datetime(
		int(year),
		int(month),
		int(day),
		int(hour or 0),
		int(minute or 0),
		int(second or 0),
		int((fraction or "0")[:6].ljust(6, "0")),
		timezone(-offset if sign == "-" else offset),
	)
	return moment.astimezone(timezone.utc)


def as_date(moment: datetime | date) -> str:
	"""`2020-12-03`: the UTC day."""
	return moment.date().isoformat() if isinstance(moment, datetime) else moment.isoformat()


def as_utc(moment: datetime) -> str:
	"""`2021-01-01T08:30:00Z`."""
	return f"{moment.replace(microsecond=0, tzinfo=None).isoformat()}Z"


def as_offset(moment: datetime, which: int = 0) -> str:
	"""`2023-08-11T11:33:12.314-0600`: milliseconds and an offset without a colon; `which` picks the offset."""
	zone = _OFFSETS[which % len(_OFFSETS)]
	spelled = moment.astimezone(zone).isoformat(timespec="milliseconds")
	return spelled[:-3] + spelled[-2:]


def add_months(day: date, months: int) -> date:
	"""`day` moved by calendar months, held to the target month's last day."""
	index = day.year * 12 + day.month - 1 + months
	year, month = divmod(index, 12)
	first_of_next = date(year + (month == 11), (month + 1) % 12 + 1, 1)
	last_day = (first_of_next - timedelta(days=1)).day
	return date(year, month + 1, min(day.day, last_day))
