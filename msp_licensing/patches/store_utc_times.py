"""Times that are compared are stored in UTC: the rows of before get theirs, read in the site's present time zone.

May run any number of times: only what has no such time yet is written.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

import frappe

from msp_licensing import clock

REQUEST, SETTINGS = "License Change Request", "Pax8 Settings"

# Columns that people read, by DocType; each has a twin in UTC.
SHOWN = {
	REQUEST: ("decided_on", "applied_on", "write_sent_on", "requested_on"),
	"License Change Attempt": ("happened_on", "last_on"),
	"Pax8 Sync Run": ("started_on", "finished_on"),
	"Pax8 Subscription Change": ("seen_on", "changed_on"),
	"Pax8 Webhook Event": ("last_received_on", "next_attempt_on"),
}
# Columns of requests that nobody reads: they hold UTC themselves from now on.
HIDDEN = ("waiting_since", "reminded_on", "next_attempt_on")


def execute() -> None:
	for column in HIDDEN:
		# A request without its first twin is one of before.
		_convert(REQUEST, column, column, f"`requested_on{clock.TWIN}` is null")
	for doctype, columns in SHOWN.items():
		for column in columns:
			_convert(doctype, column, column + clock.TWIN, f"`{column}{clock.TWIN}` is null")
	_convert_connected_on()
	# Written by the database's clock in its own time zone. Only one that seems to lie ahead could keep a walk off.
	frappe.db.sql("update `tabPax8 Subscription` set read_on = null where read_on > utc_timestamp(6)")


def _convert(doctype: str, source: str, target: str, condition: str) -> None:
	first, last = (
		frappe.db.sql(  # nosemgrep: frappe-sql-format-injection - names come from this code, values are parameters
			f"select min(`{source}`), max(`{source}`) from `tab{doctype}` where {condition}"
		)[0]
	)
	if not first:
		return
	# One statement: a time that is changed in its own column must not be met a second time.
	cases, values = [], []
	for end, distance in stretches(first, last):
		cases.append(f"when `{source}` < %s then `{source}` - interval %s second")
		values += [end, int(distance.total_seconds())]
	frappe.db.sql(  # nosemgrep: frappe-sql-format-injection - names come from this code, values are parameters
		f"update `tab{doctype}` set `{target}` = case {' '.join(cases)} end where {condition}", values
	)


def stretches(first: datetime, last: datetime) -> Iterator[tuple[datetime, timedelta]]:
	"""Stretches of the site's time in which its distance from UTC stays the same: the end of each, and the distance."""
	day = first
	while day <= last:
		following = day + timedelta(days=1)
		if _distance(day) != _distance(following):
			change = day
			while _distance(change) == _distance(day):
				change += timedelta(minutes=1)
			yield change.replace(second=0, microsecond=0), _distance(day)
		day = following
	yield last + timedelta(seconds=1), _distance(last)


def _distance(moment: datetime) -> timedelta:
	return moment - clock.to_utc(moment)


def _convert_connected_on() -> None:
	old = {"doctype": SETTINGS, "field": "connected_on"}
	new = {**old, "field": "connected_on" + clock.TWIN}
	before, after = (frappe.db.get_value("Singles", one, "value", order_by=None) for one in (old, new))
	if before and not after:
		frappe.db.set_single_value(SETTINGS, new["field"], clock.to_utc(before), update_modified=False)
	frappe.db.delete("Singles", old)
