"""What changed on a subscription at Pax8, recorded in the transaction that writes the row.

An entry (`Pax8 Subscription Change`) says what was stored before, what is now, when it was seen, and whether one of
our own requests made it or somebody outside. Pax8's own history is read afterwards for changes of quantity from outside:
it may tell when it happened, and what lay between.
"""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import frappe

from msp_licensing import clock
from msp_licensing.changes import moved as changes
from msp_licensing.changes import price_drift, states
from msp_licensing.pax8 import NotFound, Pax8Client, Pax8Error, Subscription
from msp_licensing.sync.mirror import Row, upsert

SUBSCRIPTION = "Pax8 Subscription"
DOCTYPE = "Pax8 Subscription Change"

# Fields whose changes are recorded, by the names that entries have for them.
WATCHED: dict[str, str] = {
	"quantity": "Quantity",
	"status": "Status",
	"billing_term": "Billing Term",
	"commitment_term": "Commitment Term",
	"commitment_end": "Commitment End",
	"end_date": "End Date",
	"price": "Price",
	"partner_cost": "Partner Cost",
	"currency": "Currency",
	"pax8_company": "Pax8 Company",
	"vanished": "No Longer at Pax8",
}

# What says whether there is a price at all: a missing one is stored as 0.
FLAGS = {"price": "has_price", "partner_cost": "has_partner_cost"}

# What the client's price depends on (rules/prices.py).
PRICING = {"partner_cost", "currency", "billing_term", "commitment_term"}

# How long after a request was sent a change of quantity to its number is taken for its effect.
OWN_FOR = timedelta(days=2)

# The statuses a change goes through by itself at Pax8, and how long one that follows our own is taken for it.
PROVISIONING = {"Active", "PendingManual", "PendingAutomated"}
PROVISIONED_WITHIN = timedelta(days=1)

HISTORY_ASKED_FOR = timedelta(days=3)

OUTSIDE, REQUEST = "Outside", "Request"


def stored(names: Iterable[str]) -> dict[str, Any]:
	"""The rows as they are, locked until the end of the transaction: what differs from them is recorded once."""
	names = tuple(names)
	if not names:
		return {}
	columns = ["name", "read_on", "product_name", *WATCHED, *FLAGS.values()]
	rows = frappe.db.sql(  # nosemgrep: frappe-sql-format-injection - names come from this code, values are parameters
		f"""select {", ".join(f"`{column}`" for column in columns)} from `tabPax8 Subscription`
		where name in ({", ".join(["%s"] * len(names))}) order by name for update""",
		names,
		as_dict=True,
	)
	return {row.name: row for row in rows}


def record(before: Mapping[str, Any], rows: list[tuple[str, Row]]) -> None:
	"""Records how `rows`, just written, differ from what was stored. New rows are no changes."""
	found = {
		name: differences
		for name, row in rows
		if name in before and (differences := _diff(before[name], row))
	}
	if not found:
		return
	requests = _own_requests(found)
	owners = _owners(found)
	now = clock.stamp("seen_on")
	entries, moved = [], []
	for name, differences in found.items():
		request = _cause(differences, requests.get(name, []))
		if differences.keys() & {"quantity", "status", "pax8_company"}:
			moved.append(name)
		for field, (old, new) in differences.items():
			entries.append(
				(
					frappe.generate_hash(length=10),
					{
						"subscription": name,
						"product_name": before[name].product_name,
						**owners[name],
						"field": WATCHED[field],
						"old_value": _text(field, old),
						"new_value": _text(field, new),
						**now,
						"source": REQUEST if request else OUTSIDE,
						"request": request,
						"history_due": int(field == "quantity" and not request),
					},
				)
			)
	upsert(DOCTYPE, entries)
	changes.notice(moved)
	price_drift.notice(
		subscriptions=[name for name, differences in found.items() if differences.keys() & PRICING]
	)


def _diff(old: Any, row: Row) -> dict[str, tuple[Any, Any]]:
	found = {}
	for field in WATCHED.keys() & row.keys():
		before, after = old[field], row[field]
		if flag := FLAGS.get(field):
			before, after = before if old[flag] else None, after if row[flag] else None
		if before != after and _comparable(before) != _comparable(after):
			found[field] = (before, after)
	return found


def _comparable(value: Any) -> Any:
	# Prices are stored with nine decimals.
	return round(Decimal(value), 9) if isinstance(value, Decimal | float) else value or None


def _own_requests(names: Iterable[str]) -> dict[str, list[Any]]:
	"""Requests that were sent to Pax8 lately, the newest first, by subscription."""
	found: dict[str, list[Any]] = {}
	for row in frappe.get_all(
		"License Change Request",
		filters={
			"subscription": ("in", list(names)),
			"write_sent_on_utc": (">", clock.utc_now() - OWN_FOR),
		},
		fields=["name", "subscription", "requested_quantity", "approved_quantity", "write_sent_on_utc"],
		order_by="write_sent_on_utc desc",
	):
		found.setdefault(row.subscription, []).append(row)
	return found


def _cause(differences: Mapping[str, tuple[Any, Any]], requests: list[Any]) -> str | None:
	"""The request of ours that made a change: the newest that asked for this quantity, or is being provisioned."""
	if "quantity" in differences:
		wanted = differences["quantity"][1]
		return next((row.name for row in requests if states.target_of(row) == wanted), None)
	if set(differences) == {"status"} and set(differences["status"]) <= PROVISIONING:
		since = clock.utc_now() - PROVISIONED_WITHIN
		return next((row.name for row in requests if row.write_sent_on_utc > since), None)
	return None


def _owners(names: Iterable[str]) -> dict[str, Row]:
	return {
		row.name: {
			"pax8_company": row.pax8_company,
			"client_doctype": row.client_doctype,
			"client": row.client,
			"client_name": row.client_name,
		}
		for row in frappe.get_all(
			SUBSCRIPTION,
			filters={"name": ("in", list(names))},
			fields=["name", "pax8_company", "client_doctype", "client", "client_name"],
		)
	}


def _text(field: str, value: Any) -> str | None:
	if value is None or value == "":
		return None
	if isinstance(value, int) and field == "vanished":
		return "1" if value else None
	if isinstance(value, Decimal | float):
		# Stored amounts are read as floats: 12.0 is told as 12, like the new one.
		return f"{Decimal(str(value)).normalize():f}"
	return value.isoformat() if isinstance(value, date) else str(value)[:140]


# --------------------------------------------------------------------------------------------- Pax8's history


def read_histories(pax8: Pax8Client, *, most: int) -> None:
	"""Asks Pax8 for the history of subscriptions whose quantity changed outside, at most `most` of them.

	What Pax8 does not answer now is asked again after the next walk, for some days: a history is a help, and its
	absence leaves no data incomplete.
	"""
	due = frappe.get_all(
		DOCTYPE,
		filters={"history_due": 1, "seen_on_utc": (">", clock.utc_now() - HISTORY_ASKED_FOR)},
		fields=["name", "subscription", "old_value", "new_value"],
		order_by="seen_on_utc desc",
		limit=most,
	)
	for entry in due:
		values: Row = {"history_due": 0}
		try:
			values |= told(pax8.history(entry.subscription), entry.old_value, entry.new_value)
		except NotFound:
			pass
		except Pax8Error:
			return
		frappe.db.set_value(DOCTYPE, entry.name, values, update_modified=False)
		frappe.db.commit()  # nosemgrep: frappe-manual-commit - an entry at a time, each after its call


def told(history: list[Subscription], old: str | None, new: str | None) -> Row:
	"""What the snapshots of a history say about a change of quantity from `old` to `new`.

	Fact: a history holds whole snapshots, newest first in Pax8's sample, without actor or reason (Pax8 specification).

	Returns:
		`changed_on` (when the new quantity first shows, in the site's time) and `history` (each step, in words), as
		far as the snapshots tell.
	"""
	steps = sorted(
		(
			(moment, snapshot.quantity, snapshot.status)
			for snapshot in history
			if (moment := snapshot.updated_date or snapshot.start_date) and snapshot.quantity is not None
		),
		key=lambda step: step[0],
	)
	# Only what followed the last snapshot with the old quantity belongs to this change.
	since = max((place for place, step in enumerate(steps) if str(step[1]) == old), default=-1)
	found: list[tuple[Any, Any, Any, Any]] = []
	last: Any = old
	for moment, quantity, status in steps[since + 1 :]:
		if str(quantity) != str(last):
			found.append((moment, last, quantity, status))
			last = quantity
	if not found or str(last) != new:
		return {}
	try:
		moments = [clock.to_site(step[0]) for step in found]
	except OverflowError:
		return {}
	lines = [
		f"{moment:%Y-%m-%d %H:%M}: {before} → {after} ({status})"
		for moment, (_moment, before, after, status) in zip(moments, found, strict=True)
	]
	return {**clock.at("changed_on", clock.of_pax8(found[-1][0])), "history": "\n".join(lines)[:2000]}
