"""When a change is to be made: now, or on a day around the end of the commitment."""

from datetime import date
from typing import Any

import frappe
from frappe import _

from msp_licensing import clock
from msp_licensing.changes import states
from msp_licensing.rules.commitments import Plan, plan
from msp_licensing.rules.values import SubscriptionFacts, Timing

NOW, AT_TERM_END = str(Timing.NOW), str(Timing.AT_TERM_END)


def today() -> date:
	"""The day that ends of terms, windows and starts are compared with: Pax8's, not the site's."""
	return clock.pax8_today()


def read_timing(timing: object) -> str:
	"""The timing a caller asked for; nothing is "Now".

	Raises frappe.ValidationError for what is neither "Now" nor "End of Term".
	"""
	if timing in (None, "", NOW):
		return NOW
	if timing != AT_TERM_END:
		frappe.throw(_("Choose whether the change is to be made now or at the end of the term."))
	return AT_TERM_END


def plan_of(facts: SubscriptionFacts, term_end: date | None = None) -> Plan | None:
	"""When a decrease for the end of the term is made, or None without a term whose end is known.

	Args:
		term_end: the end that counts, where Pax8 shows the next one already.
	"""
	end = term_end or facts.commitment_end
	return plan(end, facts.renewal_days_before, facts.renewal_days_after) if end else None


def fields_of(facts: SubscriptionFacts, timing: str) -> dict[str, Any]:
	"""The fields of a request that say when it is to be made."""
	planned = plan_of(facts) if timing == AT_TERM_END else None
	return {
		"timing": timing,
		"term_end": facts.commitment_end if planned else None,
		"scheduled_for": planned.due if planned else None,
	}


def state_of_release(timing: str | None) -> str:
	"""Where a request goes that needs nobody's approval any more."""
	return states.SCHEDULED if timing == AT_TERM_END else states.APPROVED
