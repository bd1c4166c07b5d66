"""Writes what differs between rows read from Pax8 and rows stored, and nothing else.

`doc.save()` costs milliseconds a row, a multi-row upsert hundredths of one. Each row carries a fingerprint of what
Pax8 said; the stored ones are read once, as a map. Columns that staff own are never part of an update.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timezone
from decimal import Decimal
from hashlib import sha256
from typing import Any

import frappe
from frappe.utils import convert_utc_to_system_timezone, now_datetime
from frappe.utils.html_utils import sanitize_html

BATCH = 500

Row = dict[str, Any]


def fingerprint(values: Mapping[str, Any]) -> str:
	return sha256(json.dumps(values, sort_keys=True, default=str).encode()).hexdigest()[:40]


def upsert(doctype: str, rows: Iterable[tuple[str, Row]], *, insert_only: Iterable[str] = ()) -> None:
	"""Inserts or updates rows of `doctype` in multi-row statements; the caller commits.

	Args:
		rows: (name, values); all with the same columns.
		insert_only: columns written to new rows only, left alone in existing ones.
	"""
	rows = list(rows)
	if not rows:
		return
	insert_only = set(insert_only)
	columns = list(rows[0][1])
	standard = ["name", "creation", "modified", "owner", "modified_by"]
	# Column names come from this app's code, values are parameters.
	names = ", ".join(f"`{column}`" for column in standard + columns)
	updates = ", ".join(
		f"`{column}` = values(`{column}`)"
		for column in [*columns, "modified", "modified_by"]
		if column not in insert_only
	)
	now, user = now_datetime(), frappe.session.user
	for start in range(0, len(rows), BATCH):
		part = rows[start : start + BATCH]
		values: list[Any] = []
		for name, row in part:
			values += [name, now, now, user, user]
			values += [_storable(row[column]) for column in columns]
		group = "(" + ", ".join(["%s"] * (len(standard) + len(columns))) + ")"
		frappe.db.sql(
			f"insert into `tab{doctype}` ({names}) values {', '.join([group] * len(part))}"
			f" on duplicate key update {updates}",
			values,
		)


class Mirror:
	"""One walk over the rows of a DocType: counts what it sees, writes in batches, knows what it did not see.

	Args:
		counts: an object with the attributes rows_read, rows_new, rows_changed, rows_unchanged to count in.
	"""

	def __init__(self, doctype: str, counts: Any) -> None:
		self.doctype = doctype
		self.counts = counts
		self.known: dict[str, str | None] = dict(
			frappe.db.sql(f"select name, fingerprint from `tab{doctype}`", as_list=True)
		)
		self.seen: set[str] = set()
		self._waiting: list[tuple[str, Row]] = []

	def add(self, name: str, values: Row, insert_only: Mapping[str, Any] | None = None) -> bool:
		"""Takes one row; returns whether it is new or changed. `insert_only`: values for a new row, left alone later."""
		if name in self.seen:
			return False
		self.seen.add(name)
		self.counts.rows_read += 1
		print_of_row = fingerprint(values)
		if name in self.known and self.known[name] == print_of_row:
			self.counts.rows_unchanged += 1
			return False
		if name in self.known:
			self.counts.rows_changed += 1
		else:
			self.counts.rows_new += 1
		self._waiting.append(
			(
				name,
				{
					**values,
					"pax8_id": name,
					"fingerprint": print_of_row,
					**(insert_only or {}),
				},
			)
		)
		self.insert_only_columns = {"pax8_id", *(insert_only or {})}
		if len(self._waiting) >= BATCH:
			self.flush()
		return True

	def flush(self) -> None:
		if not self._waiting:
			return
		upsert(self.doctype, self._waiting, insert_only=self.insert_only_columns)
		self._waiting = []
		frappe.db.commit()  # nosemgrep: batch by batch, so that a killed run keeps what it has

	def missing(self) -> set[str]:
		"""Names stored and not seen; means something only after a complete walk."""
		return set(self.known) - self.seen


def _storable(value: Any) -> Any:
	"""`value` as its column takes it. Strings are cleaned as a save would: Pax8's names are other people's input."""
	if isinstance(value, str):
		return sanitize_html(value, always_sanitize=True) if "<" in value and ">" in value else value
	if isinstance(value, bool):
		return int(value)
	if isinstance(value, datetime | date | int | float | Decimal) or value is None:
		return value
	return json.dumps(value, default=str)


def site_datetime(value: datetime | None) -> datetime | None:
	"""A time of Pax8 (aware) as Frappe stores it: naive, in the site's time zone."""
	if value is None:
		return None
	if value.tzinfo is None:
		return value
	return convert_utc_to_system_timezone(value.astimezone(timezone.utc).replace(tzinfo=None)).replace(
		tzinfo=None
	)
