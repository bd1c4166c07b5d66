"""Where Pax8 may only be observed: what would be sent for an approved request, looked at and kept as an attempt."""

from datetime import timedelta
from typing import Any

from frappe import _

from msp_licensing import clock
from msp_licensing.changes import attempts, states
from msp_licensing.changes.attempts import READ, Attempts
from msp_licensing.pax8 import Pax8Error
from msp_licensing.rules.fate import ACTIVE
from msp_licensing.sync import subscriptions

# How often a waiting request is looked at.
AGAIN_AFTER = timedelta(hours=1)

WOULD_SEND = "Would Be Sent"
ALREADY_THERE = "Nothing to Send"
WOULD_ASK = "Would Be Decided Again"
WOULD_FAIL = "Could Not Be Sent"


def look(row: Any, calls: Attempts) -> None:
	"""Reads what the change would meet, and keeps what would be done. Sends nothing, decides nothing, commits nothing.

	Args:
		row: of the request: subscription, current_quantity, requested_quantity, approved_quantity.
	"""
	_look(row, calls)
	calls.tell()


def _look(row: Any, calls: Attempts) -> None:
	try:
		remote = calls.read(READ, row.subscription)
		subscriptions.store_one(remote)
	except Pax8Error:
		return calls.observed(WOULD_FAIL)
	target = states.target_of(row)
	if remote.quantity == target and remote.status == ACTIVE:
		return calls.observed(ALREADY_THERE)
	if remote.quantity != row.current_quantity:
		return calls.observed(WOULD_ASK)
	if remote.status != ACTIVE:
		return calls.observed(WOULD_FAIL)
	return calls.observed(WOULD_SEND, target)


def is_due(request: str) -> bool:
	last = attempts.last_observed(request)
	return not last or clock.passed(last.last_on_utc) >= AGAIN_AFTER


def words(request: str) -> str | None:
	"""What the last look found, in words for staff; None: there was none."""
	last = attempts.last_observed(request)
	if not last:
		return None
	sentence = {
		WOULD_SEND: _("If the mode were Live, this would be sent to Pax8: {0}"),
		ALREADY_THERE: _("If the mode were Live, nothing would be sent: Pax8 has this quantity already."),
		WOULD_ASK: _("If the mode were Live, this would be decided again: Pax8 has another quantity by now."),
		WOULD_FAIL: _("If the mode were Live, this could not be sent at the moment."),
	}.get(last.outcome)
	return sentence.format(attempts.sent_as(last.quantity)) if sentence else None
