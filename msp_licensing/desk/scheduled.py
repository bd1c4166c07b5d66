"""What staff read about a change for the end of a term: when it is made, and by whom."""

from typing import Any

import frappe
from frappe import _
from frappe.utils import formatdate, getdate

from msp_licensing.changes import decide, planning, states
from msp_licensing.changes.schedule import HAND_OVER_DAYS
from msp_licensing.rules.plurals import plural


def notices(doc: Any) -> list[str]:
	"""Sentences for the form of a License Change Request; none for a change that is made at once, or that has ended."""
	if doc.timing != planning.AT_TERM_END or doc.workflow_state not in states.WITHDRAWABLE:
		return []
	row = frappe.db.get_value("Pax8 Subscription", doc.subscription, list(decide.FIELDS), as_dict=True)
	plan = planning.plan_of(decide.facts_of(row), getdate(doc.term_end)) if row and doc.term_end else None
	if not plan:
		return []
	said = []
	if doc.workflow_state == states.PENDING:
		said.append(
			_('It is for the end of the term, {0}: "Schedule" approves it.').format(formatdate(doc.term_end))
		)
	if doc.handed_over_on:
		said.append(doc.pax8_message or _("To be made by hand at Pax8."))
		said.append(
			plural(
				states.target_of(doc),
				_("Once Pax8 shows {0} license, the request ends by itself."),
				_("Once Pax8 shows {0} licenses, the request ends by itself."),
			).format(states.target_of(doc))
		)
	elif plan.by_hand:
		said.append(
			_(
				"Pax8 gives no renewal window for this product: {0} days before the end of the term "
				"this becomes a task for staff."
			).format(HAND_OVER_DAYS)
		)
	else:
		said.append(
			_(
				"It is read and decided once more and sent on {0}; the renewal window closes after {1}."
			).format(formatdate(doc.scheduled_for or plan.due), formatdate(plan.last))
		)
	return said
