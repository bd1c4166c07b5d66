"""What happened to a client's requests, as the client may read it: only what `events.EVENTS` has words for clients for."""

from collections.abc import Iterable, Mapping
from typing import Any

from frappe import _

from msp_licensing import clock
from msp_licensing.changes.audit import events
from msp_licensing.portal.words import Formats

# All others say why a request was held, what staff did with it, and what Pax8 answered.
TOLD = tuple(key for key, kind in events.EVENTS.items() if kind.client is not None)


def read(names: Iterable[str]) -> dict[str, list[Any]]:
	"""The events of requests that clients are told of: one query."""
	return events.of(names, only=TOLD)


def told(
	rows: Iterable[Any], formats: Formats, reader: str, people: Mapping[str, str]
) -> list[dict[str, str]]:
	"""The events of one request in words, oldest first: `on` (a day), `what`, and `who`, if it was one of the client's own.

	Args:
		rows: as `read` gives them. people: full names by user.
	"""
	found: list[dict[str, str]] = []
	for row in rows:
		what = str(events.EVENTS[row.event].client)
		who = ""
		if row.actor == events.CLIENT and row.user:
			who = _("you") if row.user == reader else people.get(row.user, "")
		if not found or found[-1]["what"] != what:  # "Being applied" is one thing, however often it is tried
			found.append({"on": formats.day(clock.to_site(row.happened_at).date()), "what": what, "who": who})
	return found
