"""What has been released without approval so far: what a rolling window and a month's limit count.

A request counts while it is neither taken back nor failed, and as long as no person of the provider has decided it:
`decided_by` is empty then. Staff's own changes are decisions of a person, too.

Days and months are those of Pax8 (UTC), as in the whole of a decision: they stay what they are when the site's clock is
changed.
"""

from datetime import date, datetime, timedelta
from typing import Any

import frappe
from frappe.utils import cint, get_first_day

from msp_licensing.changes import states
from msp_licensing.changes.pricing import decimal
from msp_licensing.changes.states import DOCTYPE
from msp_licensing.rules.policy import Release

# In these a request changes nothing, or nothing yet that a person will not decide on.
NOT_RELEASED = (states.PENDING, states.REJECTED, states.WITHDRAWN, states.EXPIRED, states.FAILED)

# More than fit into any window.
_MOST = 500

_FIELDS = (
	"decision",
	"decided_by",
	"decided_on_utc",
	"applied_on_utc",
	"requested_on_utc",
	"current_quantity",
	"requested_quantity",
	"approved_quantity",
	"amount_change",
	"currency",
)


def of_subscription(subscription: str, *, leave_out: str | None = None) -> tuple[Release, ...]:
	"""Changes of a subscription released without approval, oldest first, since a person last approved one.

	Each on the day it took effect, as far as it has.

	Args:
		leave_out: name of a request that does not count, as it is the one being decided.
	"""
	rows = _rows({"subscription": subscription}, leave_out)
	releases: list[Release] = []
	for row in rows:
		if row.decided_by or row.decision == "Direct":
			releases.clear()
		elif row.decision == "Auto-Approved":
			releases.append(_release(row, row.applied_on_utc or row.decided_on_utc or row.requested_on_utc))
	return tuple(releases)


def of_client(
	client_doctype: str | None, client: str | None, today: date, *, leave_out: str | None = None
) -> tuple[Release, ...]:
	"""Changes of all subscriptions of a client released without approval in the month of `today`, oldest first."""
	if not client:
		return ()
	month = get_first_day(today)
	filters = {"client_doctype": client_doctype, "client": client, "decision": "Auto-Approved"}
	return tuple(
		_release(row, row.decided_on_utc)
		for row in _rows(filters, leave_out, since=month)
		if not row.decided_by and row.decided_on_utc and row.decided_on_utc.date() >= month
	)


def _rows(filters: dict[str, Any], leave_out: str | None, since: date | None = None) -> list[Any]:
	conditions = [
		*([field, "=", value] for field, value in filters.items()),
		["workflow_state", "not in", NOT_RELEASED],
	]
	if leave_out:
		conditions.append(["name", "!=", leave_out])
	if since:
		# What was decided since has been written since; Frappe writes that in the site's time.
		conditions.append(["modified", ">=", since - timedelta(days=1)])
	newest = frappe.get_all(
		DOCTYPE,
		filters=conditions,
		fields=list(_FIELDS),
		order_by="requested_on_utc desc, name desc",
		limit=_MOST,
	)
	return newest[::-1]


def _release(row: Any, on: datetime) -> Release:
	known = bool(row.currency)  # a price that is not known leaves the currency empty
	return Release(
		on=on.date(),
		before=cint(row.current_quantity),
		amount=decimal(row.amount_change) if known else None,
		currency=row.currency if known else None,
		after=cint(row.approved_quantity) or cint(row.requested_quantity),
	)
