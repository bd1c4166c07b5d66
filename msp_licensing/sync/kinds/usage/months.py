"""Months of usage are months of UTC. Which month is a summary of?

A summary does not say. Pax8's API shows the current calendar month; in which time zone, and when exactly it changes, is
not documented. Vendors post for a month until the 2nd of the next one, 00:00 UTC. So:

- **From the 5th on** a summary is of the current month (UTC).
- **On the 1st to 4th** one is in doubt if it has the id that its group had in an earlier month, or if its group is new
  here. Then its lines are asked for. A line with a day of the new month proves the new month. Else a line of the last
  day of the old month proves the old one; its total is kept as the old month's last snapshot. If no line proves
  anything, an unchanged total is left alone until the 5th, and a changed one is the new month's: a total that is
  wrong for some days is put right by the next one, but a lost end of a month would not be.
- **In the last minutes of a month** a total that fell, or a summary with a new id, may be the next month's already, as
  two clocks never quite agree. It is left alone; the run of the next day reads it.

Summaries with new ids need no proof where their group is known: Pax8 gave them for a new month.
"""

from datetime import date, datetime, timedelta

import frappe

from msp_licensing import clock
from msp_licensing.pax8 import NotFound, Pax8Client

USAGE_MONTH = "Pax8 Usage Month"
RUNNING, PROVISIONAL = "Running", "Provisional"

DAYS_IN_DOUBT = 4
CLOSING = timedelta(minutes=10)


def first_day(day: date) -> date:
	"""The first day of a day's month."""
	return day.replace(day=1)


def month_before(month: date) -> date:
	"""The first day of the month before one."""
	return first_day(first_day(month) - timedelta(days=1))


def month_after(month: date) -> date:
	"""The first day of the month after one."""
	return first_day(first_day(month) + timedelta(days=31))


def last_day(month: date) -> date:
	return month_after(month) - timedelta(days=1)


def oldest_month(today: date) -> date:
	"""The first day of the oldest month that Pax8 may show today."""
	month = first_day(today)
	return month_before(month) if today.day <= DAYS_IN_DOUBT else month


def is_closing(now: datetime) -> bool:
	"""Whether a month (UTC) ends within minutes."""
	return first_day(now.date()) != first_day((now + CLOSING).date())


def close(today: date | None = None) -> None:
	"""Marks the months that are over as provisional, whether or not their last day was read; does not commit."""
	frappe.db.sql(
		"""update `tabPax8 Usage Month` set status = %(provisional)s
		where status = %(running)s and month < %(month)s""",
		{
			"provisional": PROVISIONAL,
			"running": RUNNING,
			"month": first_day(today or clock.pax8_today()),
		},
	)


def prove(pax8: Pax8Client, summary_id: str, today: date) -> date | None:
	"""The month that a summary is of, as its lines prove it: at most one call a day since the 1st, and one more.

	Returns:
		The first day of the month; None: its lines prove nothing.

	Raises:
		msp_licensing.pax8.Pax8Error: they could not be read.
	"""
	month = first_day(today)
	days = [today - timedelta(days=back) for back in range(today.day)]
	for day in [*days, month - timedelta(days=1)]:
		try:
			lines = pax8.usage_lines(summary_id, day, on_unreadable=lambda error: None)
		except NotFound:
			return None
		if any(line.usage_date == day for line in lines):
			return first_day(day)
	return None
