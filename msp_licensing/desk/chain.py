"""The chain of a request, from the wish to the proof: what happened, when, and who did it.

The events of the request (`changes.audit.events`) in words, made in the language of the reader when they are shown. The
timeline and the evidence show the same chain.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

import frappe
from frappe import _
from frappe.utils import format_datetime, formatdate

from msp_licensing import clock
from msp_licensing.changes import attempts as kept
from msp_licensing.changes.audit import events
from msp_licensing.desk.applying import OUTCOMES
from msp_licensing.rules.plurals import plural


class Event(NamedTuple):
	"""One link of the chain.

	Attributes:
		on: when, in the site's time zone.
		what: in a word or two, translated.
		who: user; None = nobody, it went by itself.
		text: plain text that a client may read, too; may be empty.
		private: plain text for staff only: rules, limits, and what Pax8 said.
		kind: see `events.Kind.icon`.
		key: of the event, see `events.EVENTS`.
		reconstructed: put together later, from what older versions kept.
	"""

	on: datetime
	what: str
	who: str | None
	text: str = ""
	private: str = ""
	kind: str = "step"
	key: str = ""
	reconstructed: bool = False


def chains(names: Iterable[str]) -> dict[str, list[Event]]:
	"""The chains of requests, by name, in the order of what happened: two queries.

	Whoever calls has made sure that the reader may see the requests.
	"""
	rows = events.of(names)
	attempts = _attempts({row.attempt for of_one in rows.values() for row in of_one if row.attempt})
	return {name: [_event(row, attempts.get(row.attempt)) for row in of_one] for name, of_one in rows.items()}


def chain_of(name: str) -> list[Event]:
	return chains([name])[name]


def _attempts(names: set[str]) -> dict[str, Any]:
	if not names:
		return {}
	fields = ["name", "outcome", "has_quantity", "quantity", "pax8_status", "http_status", "answer"]
	rows = frappe.get_all(
		kept.DOCTYPE, filters={"name": ("in", list(names))}, fields=[*fields, "times", "last_on"]
	)
	return {row.name: row for row in rows}


def _event(row: Any, attempt: Any) -> Event:
	kind = events.EVENTS.get(row.event)
	at_pax8 = attempt if kind and kind.icon == "pax8" else None
	private = row.private_detail or (
		at_pax8.answer if at_pax8 and row.event not in ("sent", "observed") else ""
	)
	return Event(
		on=clock.to_site(row.happened_at),
		what=str(kind.staff) if kind else row.event,
		who=row.user if row.actor in (events.CLIENT, events.STAFF) else None,
		text=" · ".join(part for part in (_text(row), _seen(row, at_pax8)) if part),
		private=private or "",
		kind=kind.icon if kind else "step",
		key=row.event,
		reconstructed=bool(row.reconstructed),
	)


# --------------------------------------------------------------------------------------------- what it says


def _text(row: Any) -> str:
	"""What an event says besides its name: its numbers, its day, and what a person wrote."""
	said = row.detail or ""
	numbers = _numbers(row)
	return f"{numbers}: “{said}”" if numbers and said else numbers or said


def _numbers(row: Any) -> str:
	facts = row.facts
	if row.event in ("requested", "requested_by_staff"):
		return _wish(row)
	if row.event == "sent":
		return _("{0} → {1}").format(row.current_quantity, row.quantity)
	if row.event in ("applied", "applied_after_all", "found_done"):
		return plural(row.quantity, _("Pax8 shows {0} license"), _("Pax8 shows {0} licenses")).format(
			row.quantity
		)
	if row.event in ("quantity_moved", "still_scheduled") and row.has_quantity:
		return _("{0} → {1} at Pax8").format(facts.get("before", "?"), row.quantity)
	if row.event == "term_moved":
		return _("{0} → {1}").format(formatdate(facts.get("before")), formatdate(facts.get("now")))
	if row.event == "handed_over":
		return _("by {0}").format(formatdate(facts.get("by"))) if facts.get("by") else ""
	if row.event == "edited":
		return _labels(facts.get("fields") or [])
	parts = []
	if row.event in ("approved", "scheduled") and row.approved_quantity not in (0, row.requested_quantity):
		parts.append(
			plural(
				row.approved_quantity, _("{0} license instead of {1}"), _("{0} licenses instead of {1}")
			).format(row.approved_quantity, row.requested_quantity)
		)
	if row.to_state == "Scheduled" and facts.get("scheduled_for"):
		parts.append(_("for {0}").format(formatdate(facts["scheduled_for"])))
	return " · ".join(parts)


def _wish(row: Any) -> str:
	text = plural(row.requested_quantity, _("{0} → {1} license"), _("{0} → {1} licenses")).format(
		row.current_quantity, row.requested_quantity
	)
	if row.facts.get("timing") != "End of Term":
		return text
	if day := row.facts.get("scheduled_for"):
		return f"{text}, " + _("at the end of the term, {0}").format(formatdate(day))
	return f"{text}, " + _("at the end of the term")


def _labels(fields: list[str]) -> str:
	meta = frappe.get_meta(events.REQUEST)
	return ", ".join(_(meta.get_label(field) or field) for field in fields)


def _seen(row: Any, attempt: Any) -> str:
	"""What Pax8 showed or answered, as the attempt has kept it."""
	if not attempt:
		return ""
	if row.event == "sent":
		return str(OUTCOMES[kept.SENDING][0]) if attempt.outcome == kept.SENDING else ""
	outcome, _color = OUTCOMES.get(attempt.outcome, (attempt.outcome or "", ""))
	quantity = str(attempt.quantity) if attempt.has_quantity else ""
	if attempt.pax8_status:
		quantity = f"{quantity} ({attempt.pax8_status})".strip()
	parts = [str(outcome), quantity, _("HTTP {0}").format(attempt.http_status) if attempt.http_status else ""]
	if attempt.times > 1:
		parts.append(_("{0} times, last on {1}").format(attempt.times, format_datetime(attempt.last_on)))
	return " · ".join(part for part in parts if part)
