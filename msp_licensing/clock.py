"""Times, in two kinds that are never mixed.

- **UTC** (naive, `utc_now`): all that is compared, subtracted or waited for. Columns of this kind are hidden; they are
  named `…_utc` where a column beside them is shown to people.
- **The site's time** (naive, `site_now`): what people read. Frappe expects it in every Datetime column it shows.

A site's clock says the same hour twice on one night of the year and leaves one out on another, and a System Manager may
choose another time zone: two of its times say nothing of how much time lies between them. Calendar days are something
else: deadlines, months of a limit and "at 7:00" are days of the site (`site_today`), terms are days of Pax8
(`pax8_today`).

`tests/unit/test_clock_rules.py` lists the few places that may ask Frappe for the time.
"""

from datetime import date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import frappe
from frappe.utils import get_datetime, get_system_timezone

TWIN = "_utc"


def utc_now() -> datetime:
	"""The moment, in UTC, without a time zone: as columns that are compared hold it."""
	return datetime.now(timezone.utc).replace(tzinfo=None)


def site_now() -> datetime:
	"""The moment as the site's clock shows it: for columns that people read, never for a comparison."""
	return to_site(utc_now())


def site_today() -> date:
	"""The calendar day in the site's time zone."""
	return site_now().date()


def pax8_today() -> date:
	"""The calendar day that Pax8's dates (ends of terms, starts, windows) are counted in: that of UTC.

	Pax8 sends them as midnights, mostly with a "Z"; which zone they mean it does not say.
	"""
	return utc_now().date()


def to_site(utc: datetime) -> datetime:
	"""A moment (UTC, naive or aware) on the site's clock.

	Raises OverflowError for the last hours of the year 9999.
	"""
	aware = utc if utc.tzinfo else utc.replace(tzinfo=timezone.utc)
	return aware.astimezone(ZoneInfo(get_system_timezone())).replace(tzinfo=None)


def to_utc(site: datetime | date | str) -> datetime:
	"""The moment at which the site's clock shows `site`, in UTC.

	Of the two moments of an hour that comes twice it is the later one, and so it is for an hour that is left out:
	whoever waits rather waits too long. Meant for times that Frappe writes, and for those of before.
	"""
	zone, value = ZoneInfo(get_system_timezone()), get_datetime(site)
	readings = (value.replace(tzinfo=zone, fold=fold).astimezone(timezone.utc) for fold in (0, 1))
	return max(readings).replace(tzinfo=None)


def of_pax8(moment: datetime) -> datetime:
	"""A moment of Pax8 (aware; a naive one is taken for UTC) in UTC, naive."""
	return moment.astimezone(timezone.utc).replace(tzinfo=None) if moment.tzinfo else moment


def stamp(*fields: str) -> dict[str, datetime]:
	"""The values of columns that say "now", each with its twin in UTC: `stamp("decided_on")`."""
	now = utc_now()
	shown = to_site(now)
	return {field: shown for field in fields} | {field + TWIN: now for field in fields}


def no_stamp(*fields: str) -> dict[str, None]:
	"""Empties such columns and their twins."""
	return dict.fromkeys([*fields, *(field + TWIN for field in fields)])


def at(field: str, utc: datetime) -> dict[str, datetime]:
	"""The values of such a column and its twin for another moment than now."""
	return {field: to_site(utc), field + TWIN: utc}


def after(**delta: float) -> datetime:
	"""The moment so many `seconds`, `minutes`, `hours`, `days` from now, in UTC."""
	return utc_now() + timedelta(**delta)


def before(**delta: float) -> datetime:
	"""The moment so long ago, in UTC."""
	return utc_now() - timedelta(**delta)


def passed(since: datetime | str | None) -> timedelta:
	"""How much time has passed since a moment (UTC): nothing, without one, or where a clock has been set back."""
	return max(timedelta(), utc_now() - get_datetime(since)) if since else timedelta()


def seconds_between(begin: Any, end: Any) -> float | None:
	"""Seconds from one moment (UTC) to another, never less than 0; None where one is not known."""
	if not begin or not end:
		return None
	return max(0.0, (get_datetime(end) - get_datetime(begin)).total_seconds())


def site_days_ago(days: int) -> datetime:
	"""So many days before now on the site's clock: for `creation` and `modified`, which Frappe writes so.

	Only where an hour more or less is nothing, such as the clearing of logs.
	"""
	return site_now() - timedelta(days=days)


def ago(utc: datetime | None) -> str:
	"""A moment in words of the reader's language, such as "2 hours ago"."""
	if not utc:
		return ""
	from babel.dates import format_timedelta

	language = (frappe.local.lang or "en").replace("-", "_")
	return format_timedelta(get_datetime(utc) - utc_now(), add_direction=True, locale=language)
