"""What a client gets to read about its licenses, as plain values.

Every function takes plain rows and returns a new dictionary built key by key: a field that is not named here cannot
reach a client, whatever is added to the DocTypes. Texts come out translated and dates formatted, so that templates only
have to escape them. Imports no Frappe: the same functions serve the portal and the preview.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any
from urllib.parse import quote

from msp_licensing.portal.usage_page import link
from msp_licensing.portal.usage_records import UsedProduct
from msp_licensing.portal.words import FEWER, MORE, Formats, Row, _, day_of, say, searchable
from msp_licensing.rules.policy import (
	Policy,
	SubscriptionFacts,
	SubscriptionRule,
	blocked,
	effective_limits,
)
from msp_licensing.rules.statuses import status_rule, term_rule
from msp_licensing.rules.words import client_sentence

ENDED_SHOWN = 5
"""How many subscriptions that are over are listed."""

REQUESTS_SHOWN = 20
"""How many requests are listed at once; older ones are a click away."""

SEARCH_FROM = 9
"""From this many subscriptions on there is a box to search them."""


# A commitment whose end is not known; of others the client reads the end.
_COMMITMENT = {
	"Monthly": _("1-month commitment"),
	"Annual": _("1-year commitment"),
	"1-Year": _("1-year commitment"),
	"2-Year": _("2-year commitment"),
	"3-Year": _("3-year commitment"),
	"5-Year": _("5-year commitment"),
}

# What the page's script says by itself; everything else it is told by the server.
_TEXTS = {
	"more": MORE,
	"fewer": FEWER,
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


# --------------------------------------------------------------------------------------------- subscriptions


def is_over(row: Row, today: date) -> bool:
	"""Whether a subscription belongs below "Ended": cancelled, past its own end, or no longer found at Pax8."""
	end = day_of(row.get("end_date"))
	return bool(status_rule(row.get("status")).over or row.get("vanished") or (end and end <= today))


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
		"usage": None,
		"search": searchable(" ".join(filter(None, (product, row.get("vendor"), company)))),
	}


def usage(key: str, subscription: str, used: UsedProduct | None, *, by_usage: bool) -> dict[str, Any] | None:
	"""This month's usage of a subscription, with the address of its page; None: it is not billed by usage.

	Args:
		key: of the client. used: None where no usage has been read.
	"""
	if not used and not by_usage:
		return None
	return {
		"lines": list(used.lines) if used else [],
		"url": link(key, subscription=subscription if used else ""),
	}


def other_usage(key: str, subscription: str, used: UsedProduct, formats: Formats) -> dict[str, Any]:
	"""The same for usage whose subscription the client does not see: it is one of the provider's own."""
	return {
		"id": subscription,
		"product": used.product or formats.translate(_("Unnamed product")),
		"vendor": used.vendor,
		"lines": list(used.lines),
		"url": link(key, subscription=subscription),
	}


def _status(row: Row, over: bool, formats: Formats) -> dict[str, str]:
	rule = status_rule(row.get("status"))
	word, tone = rule.word, rule.tone
	if row.get("vanished") and not rule.over:
		word, tone = _("No longer listed"), "quiet"
	elif over and not rule.over:
		word, tone = _("Ended"), "quiet"
	return {"word": formats.translate(word), "tone": tone}


def _terms(row: Row, by_usage: bool, over: bool, today: date, formats: Formats) -> list[str]:
	"""How it is billed, how long it is committed, when it starts or ends: a line each, as far as it is known."""
	t = formats.translate
	start, end = day_of(row.get("start_date")), day_of(row.get("end_date"))
	if over:
		if end and end <= today:
			return [t(_("Ended on {date}")).format(date=formats.day(end))]
		return []
	term = row.get("billing_term")
	rule = term_rule(term)
	lines = [t(rule.word) if rule else term] if term else []
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
	end, term = day_of(row.get("commitment_end")), row.get("commitment_term")
	if end and end > today:
		return formats.translate(_("Committed until {date}")).format(date=formats.day(end))
	if end:
		return formats.translate(_("Commitment ended on {date}")).format(date=formats.day(end))
	return formats.translate(_COMMITMENT.get(term, _("Commitment"))) if term else ""


def _limits(policy: Policy, rule: SubscriptionRule, formats: Formats) -> str:
	minimum, maximum = effective_limits(policy, rule)
	if 0 < maximum < minimum:  # the limits of two policies
		return ""
	if maximum and minimum > 1:
		return formats.translate(_("You can ask for {0} to {1}.")).format(minimum, maximum)
	if maximum:
		return formats.translate(_("You can ask for up to {0}.")).format(maximum)
	return formats.translate(_("You can ask for {0} or more.")).format(minimum) if minimum > 1 else ""


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


def closed(state: str, formats: Formats, *, desk: str = "") -> dict[str, Any]:
	"""The page for a reader with nothing to read: `state` is "no_access" or "no_client".

	Args:
		desk: the address of the desk, for staff who came here by mistake.
	"""
	t = formats.translate
	if state == "no_client":
		heading = t(_("Your account has no access to a company's licenses"))
		text = t(
			_(
				"Please ask your provider to give you access to your company's licenses. "
				"They are shown here as soon as that is done."
			)
		)
	elif desk:
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
	return {**_frame(state, formats), "heading": heading, "text": text, "desk": desk}


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
	paused: bool = False,
	other_usage: Iterable[Mapping[str, Any]] = (),
) -> dict[str, Any]:
	"""The page of one client.

	Args:
		key, title: of the client; `clients` are the links to choose between where there are several.
		subscriptions, ended: as `subscription` gives them.
		requests: as `request` gives them, newest first. Those that wait for the reader stand apart, oldest first.
		may_request: whether the reader may ask for changes of this client.
		may_approve: whether the reader decides for this client.
		connected: whether changes can be asked for at all at the moment.
		paused: whether the client is disabled: its people look, and change nothing.
		other_usage: as `other_usage` gives it.
	"""
	t = formats.translate
	current = list(subscriptions)
	notices = []
	if paused:
		notices.append(
			t(
				_(
					"Your provider has paused changes for your company. You can look at your subscriptions and "
					"requests. To change something, please contact your provider."
				)
			)
		)
	elif not connected:
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
		"may_ask": may_request and connected and not paused,
		"subscriptions": current,
		"search": len(current) >= SEARCH_FROM,
		"ended": list(ended)[:ENDED_SHOWN],
		"other_usage": list(other_usage),
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
