"""License Changes: every request with its decision, its approver, what was sent to Pax8, and the proof."""

from collections.abc import Iterable
from datetime import date, timedelta
from statistics import median
from typing import Any

import frappe
from frappe import _, _lt
from frappe.utils import add_days, cint, format_duration, formatdate, getdate

from msp_licensing import clock, permissions
from msp_licensing.changes import states
from msp_licensing.changes.audit import events
from msp_licensing.changes.states import DOCTYPE
from msp_licensing.desk.reports import STILL, column, for_file

# Compared, and not shown.
MOMENTS = ("requested_on_utc",)

FIELDS = (
	"name",
	"requested_on",
	"client_doctype",
	"client",
	"client_name",
	"product_name",
	"vendor",
	"current_quantity",
	"requested_quantity",
	"approved_quantity",
	"quantity_change",
	"currency",
	"unit_price",
	"amount_change",
	"workflow_state",
	"timing",
	"source",
	"requested_by",
	"decision",
	"decision_summary",
	"quantity_after",
	"attempts",
	"pax8_message",
)

# How requests ended, for the chart: label, colour, states.
GROUPS = (
	(_lt("Applied"), "green", {states.APPLIED}),
	(_lt("Under Way"), "blue", set(states.OPEN) - {states.NEEDS_REVIEW}),
	(_lt("Not Made"), "grey", {states.REJECTED, states.WITHDRAWN, states.EXPIRED}),
	(_lt("Failed or Unclear"), "red", {states.FAILED, states.NEEDS_REVIEW}),
)


def execute(filters: Any = None) -> tuple[Any, ...]:
	"""Columns, rows, message, chart and summary, as Frappe's reports give them.

	Frappe checks the report's roles before; hooks that hide records from portal users are not asked for reports, so
	the rows come from a list with permissions.
	"""
	permissions.require_connection_manager()
	rows = _rows(frappe._dict(filters or {}))
	return for_file((columns(), rows, None, chart(rows), summary(rows)))


def _rows(filters: Any) -> list[Any]:
	rows = frappe.get_list(
		DOCTYPE,
		filters=_conditions(filters),
		fields=[*FIELDS, *MOMENTS],
		order_by="requested_on_utc desc, name desc",
	)
	told = events.of((row.name for row in rows), only=_STEPS)
	for row in rows:
		requested = row.pop("requested_on_utc")
		steps = _steps(told[row.name])
		decided, applied = steps.pop("decided"), steps.pop("applied")
		row.update(steps)
		target = row.approved_quantity or row.requested_quantity
		row.update(
			state=row.workflow_state,
			change=target - row.current_quantity,
			approved_quantity=row.approved_quantity or None,
			amount_change=row.amount_change if row.unit_price else None,
			quantity_after=row.quantity_after if row.applied_on or row.quantity_after else None,
			waited=cint(_seconds(requested, decided)) if row.decided_by else None,
			took=_seconds(decided or requested, applied),
		)
	return rows


# The events that the columns of people and times are made of.
_DECIDED = {"released", "direct", "approved", "scheduled", "retried", "rejected", "client_declined"}
_ENDED = {"withdrawn", "expired", "dropped"}
_UNDECIDED = {"quantity_moved", "price_moved", "held_when_due"}
_APPLIED = {"applied", "applied_after_all", "found_done"}
_STEPS = (*_DECIDED, *_ENDED, *_UNDECIDED, *_APPLIED, "client_approved", "sent", "not_done")


def _steps(rows: list[Any]) -> dict[str, Any]:
	"""Who took the last steps of a request, and when: what was decided again does not count any more.

	`decided` and `applied` are UTC, for comparison; all others are the site's time.
	"""
	found = dict.fromkeys(
		(
			"client_approved_by",
			"client_approved_on",
			"decided_by",
			"decided_on",
			"write_sent_on",
			"applied_on",
			"decided",
			"applied",
		)
	)
	for row in rows:
		on = clock.to_site(row.happened_at)
		if row.event == "client_approved":
			found |= {"client_approved_by": row.user, "client_approved_on": on}
		elif row.event in _DECIDED or row.event in _ENDED:
			found |= {"decided_by": row.user if row.event in _DECIDED else None, "decided_on": on}
			found["decided"] = row.happened_at
		elif row.event in _UNDECIDED:
			found |= {"decided_by": None, "decided_on": None, "decided": None}
		elif row.event in _APPLIED:
			found |= {"applied_on": on, "applied": row.happened_at}
		if row.event in ("sent", "retried", "not_done"):
			found["write_sent_on"] = on if row.event == "sent" else None
	return found


def _conditions(filters: Any) -> list[list[Any]]:
	found = [
		[field, "=", filters[field]]
		for field in ("client", "vendor", "product", "decision")
		if filters.get(field)
	]
	if wanted := filters.get("state"):
		found.append(["workflow_state", "in", [wanted] if isinstance(wanted, str) else list(wanted)])
	if filters.get("from_date"):
		found.append(["requested_on", ">=", getdate(filters.from_date)])
	if filters.get("to_date"):
		found.append(["requested_on", "<", add_days(getdate(filters.to_date), 1)])
	return found


def _seconds(begin: Any, end: Any) -> float | None:
	seconds = clock.seconds_between(begin, end)
	return None if seconds is None else round(seconds, 1)


def columns() -> list[dict[str, Any]]:
	"""Links only to what every reader of the report may read: Frappe refuses the whole report otherwise."""
	return [
		column("name", _("Request"), "Link", 130, DOCTYPE),
		column("requested_on", _("Requested On"), "Datetime", 155),
		column("client_name", _("Client"), "Data", 170),
		column("client", _("Client ID"), "Dynamic Link", 120, "client_doctype"),
		column("product_name", _("Product"), "Data", 200),
		column("vendor", _("Vendor"), "Data", 110),
		column("current_quantity", _("From"), "Int", 70),
		column("requested_quantity", _("Asked For"), "Int", 90),
		column("approved_quantity", _("Approved"), "Int", 90),
		column("change", _("Change"), "Int", 80),
		column("amount_change", _("Change of the Amount"), "Currency", 120, "currency"),
		column("state", _("State"), "Data", 130),
		column("source", _("Source"), "Data", 80),
		column("requested_by", _("Requested By"), "Data", 150),
		column("decision", _("Decision"), "Data", 110),
		column("decision_summary", _("Why"), "Data", 260),
		column("client_approved_by", _("Approved for the Client By"), "Data", 150),
		column("client_approved_on", _("Approved for the Client On"), "Datetime", 155),
		column("decided_by", _("Decided By"), "Data", 150),
		column("decided_on", _("Decided On"), "Datetime", 155),
		column("waited", _("Waited for the Decision"), "Duration", 120),
		column("write_sent_on", _("Sent to Pax8 On"), "Datetime", 155),
		column("applied_on", _("Confirmed On"), "Datetime", 155),
		column("took", _("Approval to Confirmation (s)"), "Float", 120),
		column("quantity_after", _("Read Back"), "Int", 90),
		column("attempts", _("Attempts"), "Int", 80),
		column("pax8_message", _("Result"), "Data", 260),
		{"fieldname": "currency", "label": _("Currency"), "fieldtype": "Data", "hidden": 1},
		{"fieldname": "client_doctype", "label": _("Client Type"), "fieldtype": "Data", "hidden": 1},
	]


# --------------------------------------------------------------------------------------------- chart, summary


def chart(rows: list[Any]) -> dict[str, Any] | None:
	"""Requests over time, by how they ended."""
	if not rows:
		return None
	begins = periods([getdate(row.requested_on) for row in rows])
	counts = {str(label): [0] * len(begins) for label, _color, _states in GROUPS}
	for row in rows:
		at = max(i for i, begin in enumerate(begins) if begin <= getdate(row.requested_on))
		for label, _color, members in GROUPS:
			if row.state in members:
				counts[str(label)][at] += 1
	return {
		"data": {
			"labels": [formatdate(begin) for begin in begins],
			"datasets": [{"name": label, "values": values} for label, values in counts.items()],
		},
		"type": "bar",
		"colors": [color for _label, color, _states in GROUPS],
		"barOptions": {"stacked": 1},
		**STILL,
	}


def periods(days: Iterable[date]) -> list[date]:
	"""First days of the days, weeks or months from the earliest to the latest: as many as a chart can show."""
	days = sorted(days)
	first, last = days[0], days[-1]
	span = (last - first).days
	if span <= 31:
		return [first + timedelta(days=n) for n in range(span + 1)]
	if span <= 26 * 7:
		monday = first - timedelta(days=first.weekday())
		return [monday + timedelta(weeks=n) for n in range((last - monday).days // 7 + 1)]
	months = (last.year - first.year) * 12 + last.month - first.month
	return [
		date(first.year + (first.month - 1 + n) // 12, (first.month - 1 + n) % 12 + 1, 1)
		for n in range(months + 1)
	]


def summary(rows: list[Any]) -> list[dict[str, Any]]:
	applied = [row for row in rows if row.state == states.APPLIED]
	decided = [row for row in rows if row.decision in ("Auto-Approved", "Held") and row.source == "Portal"]
	by_itself = sum(row.decision == "Auto-Approved" for row in decided)
	found = [
		{"label": _("Requests"), "value": len(rows), "datatype": "Int"},
		{"label": _("Applied"), "value": len(applied), "datatype": "Int", "indicator": "Green"},
		{
			"label": _("Licenses, Net"),
			"value": sum(cint(row.change) for row in applied),
			"datatype": "Int",
		},
	]
	if decided:
		share = round(100 * by_itself / len(decided))
		found.append({"label": _("Released Without Approval"), "value": f"{share} %", "datatype": "Data"})
	for label, times in (
		(_("Waited for a Decision (Median)"), [row.waited for row in rows if row.waited is not None]),
		(
			_("Approval to Confirmation (Median)"),
			[row.took for row in applied if row.took is not None and row.timing != "End of Term"],
		),
	):
		if times:
			found.append({"label": label, "value": _time(median(times)), "datatype": "Data"})
	return found


def _time(seconds: float) -> str:
	return format_duration(round(seconds)) if seconds >= 60 else _("{0} s").format(round(seconds, 1))
