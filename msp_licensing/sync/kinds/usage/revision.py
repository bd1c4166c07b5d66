"""Which state the stored usage is in. As long as that is the same, so is whatever was computed from it.

Each transaction that changes amounts, or whose they are, adds a row with a name of its own to Frappe's table of counters. Rows are
added and never written again: of two transactions that count up the same row, the database refuses one (see
`transactions`). A reader sees the rows of those transactions whose usage it sees, and of no others, so what it computes
belongs to the state that it has read.
"""

import hashlib
import secrets

import frappe

_PREFIX = "Usage of MSP Licensing: "


def current() -> str:
	"""A name of the state that the current transaction sees."""
	names = frappe.db.sql(
		"select name from `tabSeries` where name like %s order by name", f"{_PREFIX}%", pluck=True
	)
	return hashlib.sha256("".join(names).encode()).hexdigest()[:20]


def changed() -> None:
	"""To be called after usage was changed, or whose it is, in the same transaction."""
	frappe.db.sql(
		"insert into `tabSeries` (name, current) values (%s, 0)", f"{_PREFIX}{secrets.token_hex(10)}"
	)


def start_anew() -> None:
	"""Leaves one row of all. Whoever adds one at the same time may be refused by the database, or refuse this."""
	forget()
	changed()


def forget() -> None:
	"""Removes all rows: the app is being uninstalled."""
	frappe.db.sql("delete from `tabSeries` where name like %s", f"{_PREFIX}%")
