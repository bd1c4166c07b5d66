"""License Change Requests as a client may read them: never why one was held, nor what Pax8 said. Imports no Frappe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from msp_licensing.portal.words import Formats, Row, _, day_of, difference
from msp_licensing.rules.plurals import plural
from msp_licensing.rules.price_drift import Money
from msp_licensing.rules.quantity import as_number

# State of a License Change Request: the client's word for it, its tone, and whether the page should keep looking.
_REQUEST: dict[str, tuple[str, str, bool]] = {
	"Pending Client Approval": (_("Waiting for an approver of your company"), "wait", False),
	"Pending Approval": (_("Waiting for your provider"), "wait", False),
	"Approved": (_("About to be applied"), "info", True),
	"Applying": (_("Being applied"), "info", True),
	"Scheduled": (_("Planned for the end of the term"), "info", False),
	"Needs Review": (_("Being checked by your provider"), "wait", False),
	"Applied": (_("Applied"), "good", False),
	"Rejected": (_("Not approved"), "bad", False),
	"Withdrawn": (_("Withdrawn"), "quiet", False),
	"Expired": (_("Expired without a decision"), "quiet", False),
	"Failed": (_("Not made yet: your provider is looking at it"), "bad", False),
}
_REQUEST_UNKNOWN = (_("Being checked by your provider"), "wait", False)
REQUEST_STATES = frozenset(_REQUEST)
CLIENT_PENDING = "Pending Client Approval"
WITHDRAWABLE = (CLIENT_PENDING, "Pending Approval", "Scheduled")

_SENT = {
	"Pending Client Approval": _("Sent to an approver of your company."),
	"Pending Approval": _("Sent to your provider for approval."),
	"Scheduled": _("Your change is planned for the end of the term."),
	"Applied": _("Your change was applied."),
}
_SENT_OTHERWISE = _("Your change is approved and will be applied.")
# The same for an approver of the client.
_APPROVED = {
	"Pending Approval": _("Approved. It now waits for your provider."),
	"Scheduled": _("Approved. It is planned for the end of the term."),
}
_APPROVED_OTHERWISE = _("Approved. The change will be applied.")


def request(
	row: Row,
	*,
	formats: Formats,
	reader: str,
	people: Mapping[str, str],
	may_ask: bool,
	may_approve: bool = False,
) -> dict[str, Any]:
	"""One License Change Request as a client may read it: never why it was held, nor what Pax8 said.

	Args:
		row: name, product_name, current_quantity, requested_quantity, approved_quantity, quantity_reason,
			workflow_state, source, requested_by, requested_on, timing, scheduled_for, term_end, handed_over_on,
			client_approved_by, client_approved_on, client_declined, decided_by, decided_on, applied_on,
			reject_reason, note; for an approver also amount_change, currency, billing_term. Anything else in it is
			left out.
		reader: the user who reads it.
		people: full names by user; of the client's own people.
		may_approve: whether the reader is an approver of this client.
	"""
	t = formats.translate
	state = row.get("workflow_state") or ""
	word, tone, moving = _REQUEST.get(state, _REQUEST_UNKNOWN)
	current, asked = int(row.get("current_quantity") or 0), int(row.get("requested_quantity") or 0)
	wanted = _target(row)
	by_client = row.get("source") == "Portal"
	asked_by = _person(row.get("requested_by"), reader, people, t) if by_client else t(_("your provider"))
	may_decide = bool(
		may_approve and by_client and state == CLIENT_PENDING and row.get("requested_by") != reader
	)
	declined = bool(state == "Rejected" and row.get("client_declined"))
	decider = _person(row.get("decided_by"), reader, people, t) if declined else ""
	ended = day_of(row.get("applied_on")) or day_of(row.get("decided_on"))
	return {
		"id": row["name"],
		"product": row.get("product_name") or "",
		"current": current,
		"wanted": wanted,
		"change": difference(wanted - current, formats),
		"word": t(word),
		"tone": tone,
		"moving": moving,
		"asked": t(_("Asked on {date} by {person}")).format(
			date=formats.day(day_of(row.get("requested_on")) or date.min), person=asked_by
		)
		if day_of(row.get("requested_on"))
		else "",
		"planned": _planned(row, formats),
		"approved": _approved(row, reader, people, formats),
		"ended": t(_("Declined on {date} by {person}")).format(date=formats.day(ended), person=decider)
		if declined and ended
		else _ended(state, ended, formats),
		"reason": _reason(row, state, asked, wanted, formats),
		"reason_from": t(_("{person} says:")).format(person=decider)
		if declined and row.get("decided_by") != reader
		else t(_("Reason:") if declined else _("Your provider says:")),
		"note": (row.get("note") or "") if by_client else "",
		"may_withdraw": bool(may_ask and by_client and state in WITHDRAWABLE),
		"may_decide": may_decide,
		"amount": _amount(row, formats) if may_decide else "",
		"seen_amount": _seen_amount(row) if may_decide else "",
	}


def _person(user: str | None, reader: str, people: Mapping[str, str], t: Callable[[str], str]) -> str:
	if user and user == reader:
		return t(_("you"))
	return people.get(user or "") or t(_("a colleague"))


def _planned(row: Row, formats: Formats) -> str:
	"""When a change that waits for the end of its term is made."""
	state, due, end = row.get("workflow_state"), day_of(row.get("scheduled_for")), day_of(row.get("term_end"))
	if state == "Scheduled" and row.get("handed_over_on"):
		return formats.translate(_("Your provider makes this change"))
	if state == "Scheduled" and due:
		return formats.translate(_("Planned for {date}")).format(date=formats.day(due))
	if state in WITHDRAWABLE and row.get("timing") == "End of Term" and end:
		return formats.translate(_("For the end of the term, {date}")).format(date=formats.day(end))
	return ""


def _approved(row: Row, reader: str, people: Mapping[str, str], formats: Formats) -> str:
	day = day_of(row.get("client_approved_on"))
	if not day or not row.get("client_approved_by"):
		return ""
	return formats.translate(_("Approved on {date} by {person}")).format(
		date=formats.day(day),
		person=_person(row.get("client_approved_by"), reader, people, formats.translate),
	)


# By billing term: what a change adds to or takes from what the client pays.
_MORE = {
	"Monthly": _("{amount} more per month"),
	"Annual": _("{amount} more per year"),
	"1-Year": _("{amount} more per year"),
}
_LESS = {
	"Monthly": _("{amount} less per month"),
	"Annual": _("{amount} less per year"),
	"1-Year": _("{amount} less per year"),
}


def _amount(row: Row, formats: Formats) -> str:
	"""The change of the client's costs, at the client's own price; empty where that is not known."""
	amount, currency = row.get("amount_change"), row.get("currency")
	if not amount or not currency:
		return ""
	if amount > 0:
		words = _MORE.get(row.get("billing_term") or "", _("{amount} more per billing term"))
	else:
		words = _LESS.get(row.get("billing_term") or "", _("{amount} less per billing term"))
	return formats.translate(words).format(amount=formats.money(abs(amount), currency))


def _seen_amount(row: Row) -> str:
	"""The amount as an approval names it, to be compared with what the change costs by then."""
	amount, currency = as_number(row.get("amount_change")), row.get("currency")
	return str(Money(amount, currency)) if currency else ""


def _target(row: Row) -> int:
	"""The quantity that is applied: the one the provider approved instead, else the one asked for."""
	return int(row.get("approved_quantity") or 0) or int(row.get("requested_quantity") or 0)


def _reason(row: Row, state: str, asked: int, wanted: int, formats: Formats) -> str:
	"""What the provider said to a request."""
	if state == "Rejected":
		return row.get("reject_reason") or ""
	if wanted == asked:
		return ""
	instead = formats.translate(_("{approved} instead of {asked}.")).format(approved=wanted, asked=asked)
	return f"{instead} {row.get('quantity_reason') or ''}".strip()


_ENDINGS = {
	"Applied": _("Applied on {date}"),
	"Rejected": _("Decided on {date}"),
	"Withdrawn": _("Withdrawn on {date}"),
	"Expired": _("Expired on {date}"),
}


def _ended(state: str, day: date | None, formats: Formats) -> str:
	if not day or state not in _ENDINGS:
		return ""
	return formats.translate(_ENDINGS[state]).format(date=formats.day(day))


def sent(state: str, formats: Formats) -> str:
	"""What the client reads right after asking for a change that went to `state`."""
	return formats.translate(_SENT.get(state, _SENT_OTHERWISE))


def approved(state: str, formats: Formats) -> str:
	"""What an approver of the client reads right after agreeing to a change that went to `state`."""
	return formats.translate(_APPROVED.get(state, _APPROVED_OTHERWISE))


def news(row: Row, formats: Formats) -> str:
	"""What the client reads when a request it is looking at has got to its present state."""
	if row.get("workflow_state") == "Applied":
		return formats.translate(
			plural(
				_target(row),
				_("{product} now has {quantity} license."),
				_("{product} now has {quantity} licenses."),
			)
		).format(product=row.get("product_name"), quantity=_target(row))
	word, _tone, _moving = _REQUEST.get(row.get("workflow_state") or "", _REQUEST_UNKNOWN)
	return f"{row.get('product_name')}: {formats.translate(word)}"
