"""Requests that wait: reminded of once, and ended when nobody decides them in time.

Both are counted in business days of the site from the day the request began to wait; what waits again after something has moved
starts anew. Settings of today count, also for requests of yesterday.
"""

from collections.abc import Callable
from typing import Any

import frappe

from msp_licensing import clock, permissions, transactions
from msp_licensing.changes import business_days, client_approval, notify, states
from msp_licensing.changes.audit import events
from msp_licensing.changes.states import CLIENT_PENDING, DOCTYPE, EXPIRED, WAITING


def run() -> dict[str, int]:
	"""Looks at every request that waits. Commits after each; one that fails is logged and does not stop the others.

	Returns:
		How many were `reminded` of, `expired`, and `handed_over` to staff because the client's approvers are gone.
	"""
	done = {"reminded": 0, "expired": 0, "handed_over": 0}
	for name in frappe.get_all(DOCTYPE, {"workflow_state": ("in", WAITING)}, pluck="name"):
		if what := _safely(name, _look_at):
			done[what] += 1
	return done


def _safely(name: str, step: Callable[[Any], str | None]) -> str | None:
	def take() -> str | None:
		row = frappe.db.get_value(DOCTYPE, name, FIELDS, as_dict=True, for_update=True)
		what = step(row) if row.workflow_state in WAITING else None
		frappe.db.commit()  # nosemgrep: frappe-manual-commit - each request by itself
		return what

	try:
		return transactions.repeat(take)
	except Exception:
		frappe.db.rollback()
		frappe.log_error(title="Deadline of a request", reference_doctype=DOCTYPE, reference_name=name)
		frappe.db.commit()  # nosemgrep: keeps the log
		return None


FIELDS = (
	"name",
	"workflow_state",
	"client_doctype",
	"client",
	"requested_by",
	"requested_on_utc",
	"waiting_since",
	"expires_on",
	"reminded_on",
)


def _look_at(row: Any) -> str | None:
	today, since = clock.site_today(), clock.to_site(row.waiting_since or row.requested_on_utc)
	last_day = business_days.after(since, _setting("pending_expiry_days"))
	if last_day != row.expires_on:
		frappe.db.set_value(DOCTYPE, row.name, "expires_on", last_day, update_modified=False)
	if last_day and today > last_day:
		states.move(row.name, EXPIRED, expect=WAITING, **clock.stamp("decided_on"))
		notify.about("outcome", frappe.get_doc(DOCTYPE, row.name))
		return "expired"
	if row.workflow_state == CLIENT_PENDING and not permissions.client_approvers(
		row.client_doctype, row.client, besides=row.requested_by
	):
		return "handed_over" if client_approval.hand_over(row.name) else None
	reminder = business_days.after(since, _setting("reminder_days"))
	if reminder and today >= reminder and not row.reminded_on:
		frappe.db.set_value(DOCTYPE, row.name, "reminded_on", clock.utc_now(), update_modified=False)
		events.record(row.name, "reminded")
		notify.about("reminder", frappe.get_doc(DOCTYPE, row.name))
		return "reminded"
	return None


def _setting(field: str) -> Any:
	return frappe.db.get_single_value("Licensing Settings", field)
