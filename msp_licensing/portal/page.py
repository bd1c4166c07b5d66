"""What a client gets to read about its licenses, as plain values.

Every function takes plain rows and returns a new dictionary built key by key: a field that is not named here cannot
reach a client, whatever is added to the DocTypes. Texts come out translated and dates formatted, so that templates only
have to escape them. Imports no Frappe: the same functions serve the portal and the preview.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from urllib.parse import quote

from msp_licensing.rules.policy import (
	Policy,
	SubscriptionFacts,
	SubscriptionRule,
	blocked,
	effective_limits,
)
from msp_licensing.rules.words import STATUS_UNKNOWN, STATUS_WORDS, Sentence, client_sentence

Row = Mapping[str, Any]

ENDED_SHOWN = 5
"""How many subscriptions that are over are listed."""

REQUESTS_SHOWN = 20
"""How many requests are listed at once; older ones are a click away."""

SEARCH_FROM = 9
"""From this many subscriptions on there is a box to search them."""


@dataclass(frozen=True, slots=True)
class Formats:
	"""How texts and days are written for the reader.

	Attributes:
		translate: English text in, the reader's language out.
		day: a date in, the reader's way of writing it out.
		money: an amount and the ISO code of its currency in, the reader's way of writing it out.
	"""

	translate: Callable[[str], str]
	day: Callable[[date], str]
	money: Callable[[Any, str], str] = lambda amount, currency: f"{amount:,.2f} {currency}"


def _(text: str) -> str:
	"""Mark a text for the collectors of translatable texts; `Formats.translate` translates it."""
	return text


# Status of a subscription at Pax8: its tone, and whether the subscription is over.
_STATUS: dict[str, tuple[str, bool]] = {
	"Active": ("good", False),
	"Activated": ("good", False),
	"Trial": ("info", False),
	"PendingManual": ("wait", False),
	"PendingAutomated": ("wait", False),
	"PendingActivation": ("wait", False),
	"WaitingForDetails": ("wait", False),
	"PendingCancel": ("wait", False),
	"Cancelled": ("quiet", True),
	"Converted": ("quiet", True),
	"Inactive": ("quiet", True),
	"Deleted": ("quiet", True),
}
_STATUS_UNKNOWN = ("quiet", False)

_BILLING = {
	"Monthly": _("Billed monthly"),
	"Annual": _("Billed yearly"),
	"1-Year": _("Billed yearly"),
	"2-Year": _("Billed for 2 years"),
	"3-Year": _("Billed for 3 years"),
	"5-Year": _("Billed for 5 years"),
	"One-Time": _("Paid once"),
	"Trial": _("Free trial"),
	"Arrears": _("Billed by usage"),
}
# A commitment whose end is not known; of others the client reads the end.
_COMMITMENT = {
	"Monthly": _("1-month commitment"),
	"Annual": _("1-year commitment"),
	"1-Year": _("1-year commitment"),
	"2-Year": _("2-year commitment"),
	"3-Year": _("3-year commitment"),
	"5-Year": _("5-year commitment"),
}

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
_SENT_OTHERWISE = _("Your change is being applied.")
# The same for an approver of the client.
_APPROVED = {
	"Pending Approval": _("Approved. It now waits for your provider."),
	"Scheduled": _("Approved. It is planned for the end of the term."),
}
_APPROVED_OTHERWISE = _("Approved. The change is being applied.")

# What the page's script says by itself; everything else it is told by the server.
_TEXTS = {
	"more": _("{0} more"),
	"fewer": _("{0} fewer"),
	"same": _("no change"),
	"dismiss": _("Close message"),
	"sending": _("Sending…"),
	"withdrawing": _("Withdrawing…"),
	"approve_title": _("Approve this change?"),
	"decline_title": _("Decline this change?"),
	"approve": _("Approve"),
	"decline": _("Decline"),
	"deciding": _("One moment…"),
	"unreachable": _("The server cannot be reached. Please check your connection and try again."),
	"outdated": _("This page is out of date. Please reload it and try again."),
	"failed": _("Something went wrong. Please try again, or contact your provider."),
	"found": _("{0} of {1} shown"),
	"nothing_found": _("No subscription matches your search."),
}


def say(sentence: Sentence, formats: Formats) -> str:
	"""A sentence of `rules.words` for the reader: translated, with dates and a status in the reader's words."""
	values = {name: _value(name, value, formats) for name, value in sentence.values.items()}
	return formats.translate(sentence.msgid).format(**values)


def _value(name: str, value: Any, formats: Formats) -> Any:
	if name == "status":
		return formats.translate(STATUS_WORDS.get(str(value), STATUS_UNKNOWN))
	if name in ("commitment_end", "start_date", "end_date") and (day := _day(value)):
		return formats.day(day)
	return value


# --------------------------------------------------------------------------------------------- subscriptions


def is_over(row: Row, today: date) -> bool:
	"""Whether a subscription belongs below "Ended": cancelled, past its own end, or no longer found at Pax8."""
	end = _day(row.get("end_date"))
	_tone, over = _STATUS.get(row.get("status") or "", _STATUS_UNKNOWN)
	return bool(over or row.get("vanished") or (end and end <= today))


def subscription(
	row: Row,
	*,
	facts: SubscriptionFacts,
	rule: SubscriptionRule,
	policy: Policy,
	today: date,
	formats: Formats,
	request: Mapping[str, Any] | None = None,
	company: str | None = None,
	may_ask: bool = True,
) -> dict[str, Any]:
	"""One subscription as a client may read it.

	Args:
		row: name, product_name, vendor, quantity, status, vanished, billing_term, start_date, end_date,
			commitment_term, commitment_end; anything else in it is left out.
		facts, rule, policy: what decides whether a change can be asked for.
		request: the open request of this client, as `request` below gives it.
		company: name of the company, where a client has several.
		may_ask: False where this reader can ask for nothing anyway; then no reason is given either.
	"""
	by_usage = (facts.usage_class or "").casefold() == "usage"
	over = is_over(row, today)
	quantity = int(row.get("quantity") or 0)
	refusal = blocked(policy, rule, facts, today=today) if may_ask and not over else None
	product = row.get("product_name") or formats.translate(_("Unnamed product"))
	return {
		"id": row["name"],
		"product": product,
		"vendor": row.get("vendor") or "",
		"company": company or "",
		"quantity": quantity,
		"by_usage": by_usage,
		"quantity_text": formats.translate(_("By usage")) if by_usage else str(quantity),
		"status": _status(row, over, formats),
		"terms": _terms(row, by_usage, over, today, formats),
		"may_change": may_ask and not over and refusal is None,
		"reason": say(client_sentence(refusal), formats) if refusal and not request else "",
		"limits": _limits(policy, rule, formats),
		"request": request,
		"search": " ".join(filter(None, (product, row.get("vendor"), company))).casefold(),
	}


def _status(row: Row, over: bool, formats: Formats) -> dict[str, str]:
	word = STATUS_WORDS.get(row.get("status") or "", STATUS_UNKNOWN)
	tone, known_as_over = _STATUS.get(row.get("status") or "", _STATUS_UNKNOWN)
	if row.get("vanished") and not known_as_over:
		word, tone = _("No longer listed"), "quiet"
	elif over and not known_as_over:
		word, tone = _("Ended"), "quiet"
	return {"word": formats.translate(word), "tone": tone}


def _terms(row: Row, by_usage: bool, over: bool, today: date, formats: Formats) -> list[str]:
	"""How it is billed, how long it is committed, when it starts or ends: a line each, as far as it is known."""
	t = formats.translate
	start, end = _day(row.get("start_date")), _day(row.get("end_date"))
	if over:
		if end and end <= today:
			return [t(_("Ended on {date}")).format(date=formats.day(end))]
		return []
	term = row.get("billing_term")
	lines = [t(_BILLING.get(term, term))] if term else []
	if by_usage:
		lines = [t(_("Billed by usage"))]
	if line := _commitment(row, today, formats):
		lines.append(line)
	if start and start > today:
		lines.append(t(_("Starts on {date}")).format(date=formats.day(start)))
	if end:
		trial = row.get("status") == "Trial"
		lines.append(
			t(_("Trial ends on {date}") if trial else _("Ends on {date}")).format(date=formats.day(end))
		)
	return lines


def _commitment(row: Row, today: date, formats: Formats) -> str:
	end, term = _day(row.get("commitment_end")), row.get("commitment_term")
	if end and end > today:
		return formats.translate(_("Committed until {date}")).format(date=formats.day(end))
	if end:
		return formats.translate(_("Commitment ended on {date}")).format(date=formats.day(end))
	return formats.translate(_COMMITMENT.get(term, _("Commitment"))) if term else ""


def _limits(policy: Policy, rule: SubscriptionRule, formats: Formats) -> str:
	minimum, maximum = effective_limits(policy, rule)
	if maximum and minimum > 1:
		return formats.translate(_("You can ask for {0} to {1}.")).format(minimum, maximum)
	if maximum:
		return formats.translate(_("You can ask for up to {0}.")).format(maximum)
	return formats.translate(_("You can ask for {0} or more.")).format(minimum) if minimum > 1 else ""


# --------------------------------------------------------------------------------------------- requests


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
	ended = _day(row.get("applied_on")) or _day(row.get("decided_on"))
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
			date=formats.day(_day(row.get("requested_on")) or date.min), person=asked_by
		)
		if _day(row.get("requested_on"))
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
	}


def _person(user: str | None, reader: str, people: Mapping[str, str], t: Callable[[str], str]) -> str:
	if user and user == reader:
		return t(_("you"))
	return people.get(user or "") or t(_("a colleague"))


def _planned(row: Row, formats: Formats) -> str:
	"""When a change that waits for the end of its term is made."""
	state, due, end = row.get("workflow_state"), _day(row.get("scheduled_for")), _day(row.get("term_end"))
	if state == "Scheduled" and row.get("handed_over_on"):
		return formats.translate(_("Your provider makes this change"))
	if state == "Scheduled" and due:
		return formats.translate(_("Planned for {date}")).format(date=formats.day(due))
	if state in WITHDRAWABLE and row.get("timing") == "End of Term" and end:
		return formats.translate(_("For the end of the term, {date}")).format(date=formats.day(end))
	return ""


def _approved(row: Row, reader: str, people: Mapping[str, str], formats: Formats) -> str:
	day = _day(row.get("client_approved_on"))
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


def difference(change: int, formats: Formats) -> str:
	"""A change of quantity in words: "5 more", "2 fewer", "no change"."""
	if not change:
		return formats.translate(_TEXTS["same"])
	return formats.translate(_TEXTS["more"] if change > 0 else _TEXTS["fewer"]).format(abs(change))


def sent(state: str, formats: Formats) -> str:
	"""What the client reads right after asking for a change that went to `state`."""
	return formats.translate(_SENT.get(state, _SENT_OTHERWISE))


def approved(state: str, formats: Formats) -> str:
	"""What an approver of the client reads right after agreeing to a change that went to `state`."""
	return formats.translate(_APPROVED.get(state, _APPROVED_OTHERWISE))


def news(row: Row, formats: Formats) -> str:
	"""What the client reads when a request it is looking at has got to its present state."""
	if row.get("workflow_state") == "Applied":
		return formats.translate(_("{product} now has {quantity} licenses.")).format(
			product=row.get("product_name"), quantity=_target(row)
		)
	word, _tone, _moving = _REQUEST.get(row.get("workflow_state") or "", _REQUEST_UNKNOWN)
	return f"{row.get('product_name')}: {formats.translate(word)}"


# --------------------------------------------------------------------------------------------- the page


def client_key(doctype: str, name: str) -> str:
	"""How a client is named in the page's address. It is only ever looked up among the reader's own clients."""
	return f"{doctype}:{name}"


def client_link(key: str, title: str, chosen: str | None, base: str = "/licensing") -> dict[str, Any]:
	return {
		"key": key,
		"title": title,
		"url": f"{base}?client={quote(key, safe='')}",
		"chosen": key == chosen,
	}


def closed(state: str, formats: Formats, *, staff: bool = False) -> dict[str, Any]:
	"""The page for a reader with nothing to read: `state` is "no_access" or "no_client"."""
	t = formats.translate
	if state == "no_client":
		heading = t(_("Your account is not linked to a company yet"))
		text = t(
			_(
				"Please ask your provider to link your contact to your company. "
				"Your subscriptions are shown here as soon as that is done."
			)
		)
	elif staff:
		heading = t(_("This page is for your clients"))
		text = t(
			_(
				"They see their subscriptions here and ask for changes. "
				"You look after companies, requests and rules in the desk."
			)
		)
	else:
		heading = t(_("Your account has no access to licensing"))
		text = t(_("If you need it, please ask your provider for it."))
	return {**_frame(state, formats), "heading": heading, "text": text, "staff": staff}


def choice(clients: Sequence[Mapping[str, Any]], formats: Formats) -> dict[str, Any]:
	"""The page for a reader of several clients who has not chosen one."""
	return {
		**_frame("choose_client", formats),
		"heading": formats.translate(_("Which company would you like to see?")),
		"clients": list(clients),
	}


def overview(
	*,
	key: str,
	title: str,
	clients: Sequence[Mapping[str, Any]],
	subscriptions: Iterable[Mapping[str, Any]],
	ended: Iterable[Mapping[str, Any]],
	requests: Sequence[Mapping[str, Any]],
	may_request: bool,
	connected: bool,
	formats: Formats,
	may_approve: bool = False,
) -> dict[str, Any]:
	"""The page of one client.

	Args:
		key, title: of the client; `clients` are the links to choose between where there are several.
		subscriptions, ended: as `subscription` gives them.
		requests: as `request` gives them, newest first. Those that wait for the reader stand apart, oldest first.
		may_request: whether the reader's role allows asking for changes.
		may_approve: whether the reader's role allows deciding for the client.
		connected: whether changes can be asked for at all at the moment.
	"""
	t = formats.translate
	current = list(subscriptions)
	notices = []
	if not connected:
		notices.append(
			t(
				_(
					"Changes are not possible at the moment. You see your subscriptions as they were last known."
				)
			)
		)
	elif not may_request and may_approve:
		notices.append(
			t(
				_(
					"You decide what your colleagues ask for. To ask for changes yourself, contact your provider."
				)
			)
		)
	elif not may_request:
		notices.append(
			t(_("You can look at the subscriptions. To ask for changes, please contact your provider."))
		)
	to_decide = [item for item in requests if item["may_decide"]][::-1]
	others = [item for item in requests if not item["may_decide"]]
	return {
		**_frame("licenses", formats),
		"key": key,
		"client": title,
		"clients": list(clients) if len(clients) > 1 else [],
		"notices": notices,
		"may_ask": may_request and connected,
		"subscriptions": current,
		"search": len(current) >= SEARCH_FROM,
		"ended": list(ended)[:ENDED_SHOWN],
		"may_approve": may_approve,
		"to_decide": to_decide,
		"requests": others[:REQUESTS_SHOWN],
		"older_requests": others[REQUESTS_SHOWN:],
	}


def _frame(state: str, formats: Formats) -> dict[str, Any]:
	return {
		"state": state,
		"title": formats.translate(_("Licenses")),
		"api": "/api/method/msp_licensing.portal.api.",
		"texts": {name: formats.translate(text) for name, text in _TEXTS.items()},
	}


def _day(value: Any) -> date | None:
	if isinstance(value, datetime):
		return value.date()
	if isinstance(value, date):
		return value
	if isinstance(value, str) and value:
		try:
			return date.fromisoformat(value[:10])
		except ValueError:
			return None
	return None
