"""What became of a change whose answer was lost, as far as reading Pax8 can tell.

Pure: no database, no clock. What is concluded here decides whether a person may have a change sent again, so nothing
counts as "did not happen" that could still turn out to have happened.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

ACTIVE = "Active"
PROVISIONING = ("PendingManual", "PendingAutomated", "PendingActivation", "WaitingForDetails")

SETTLES_AFTER = timedelta(minutes=30)
"""Until then a call whose answer was lost may still be on its way through Pax8."""

STEADY_FOR = timedelta(minutes=5)
"""How long Pax8 must have shown the same before that counts as its last word."""

ENDS_AFTER = timedelta(days=3)
"""When nothing can be concluded by then, nothing will be..."""

ENDS_AFTER_LOOKS = 12
"""...if it was looked at so often, with the same result: days in which no worker looked tell nothing."""

PROVISIONING_ENDS_AFTER = timedelta(days=14)
"""Provisioning can stay pending at Pax8 for ever, although the service works."""

CLOCKS_DIFFER_BY = timedelta(minutes=10)


class Fate(str, Enum):
	"""What is known of a change."""

	DONE = "Done"
	NOT_DONE = "Not Done"
	"""It provably did not happen: sending it is not sending it twice."""
	LOST = "Lost"
	"""It may have happened, or did and has been undone: it ends here and is never sent again."""
	OPEN = "Open"
	"""To be looked at again."""


class History(str, Enum):
	"""What Pax8's history of a subscription says about a change."""

	SHOWS = "Shows"
	LACKS = "Lacks"
	UNKNOWN = "Unknown"


@dataclass(frozen=True)
class Seen:
	"""What is known when a change is looked at.

	Attributes:
		target: the quantity that was sent.
		quantity, status: what Pax8 shows now; None where it could not be read.
		since_sent: time since the change was sent, or may have been.
		same_for: for how long Pax8 has been seen to show just this.
		looks: how many looks on end showed just this, or could not read it.
		history: what its history says.
		gone: Pax8 says that it has no such subscription.
	"""

	target: int
	quantity: Any
	status: str | None
	since_sent: timedelta
	same_for: timedelta = timedelta()
	looks: int = 1
	history: History = History.UNKNOWN
	gone: bool = False


def judge(seen: Seen) -> tuple[Fate, str]:
	"""Returns the fate of a change, and the reason as a word: what it is told in is not this module's business."""
	if seen.quantity == seen.target and seen.status == ACTIVE:
		return Fate.DONE, "shown"
	if seen.since_sent < SETTLES_AFTER:
		return Fate.OPEN, "too_early"
	if seen.gone:
		return Fate.LOST, "gone"
	over = seen.since_sent >= ENDS_AFTER and seen.looks >= ENDS_AFTER_LOOKS
	if seen.quantity is None:
		return (Fate.LOST if over else Fate.OPEN), "unreadable"
	if seen.status in PROVISIONING:
		# Also with the old quantity: the change that is under way may be ours, whatever the history lacks.
		over = seen.since_sent >= PROVISIONING_ENDS_AFTER
		return (Fate.LOST if over else Fate.OPEN), "provisioning"
	if seen.quantity == seen.target:
		return Fate.LOST, "not_active"
	if seen.history == History.SHOWS:
		return Fate.LOST, "changed_since"
	if seen.history == History.UNKNOWN:
		return (Fate.LOST if over else Fate.OPEN), "no_history"
	if seen.same_for < STEADY_FOR:
		return Fate.OPEN, "not_steady"
	return Fate.NOT_DONE, "never_taken"


def history_of(
	snapshots: Iterable[tuple[datetime | None, Any]], *, target: int, shown: Any, sent: datetime
) -> History:
	"""Whether a history holds a change to `target` that was sent at `sent`.

	Args:
		snapshots: moment and quantity of each, in any order; times and `sent` of one kind (aware, or naive).
		shown: the quantity that Pax8 shows now. A history without it is behind, and proves nothing.
	"""
	snapshots = list(snapshots)
	for moment, quantity in snapshots:
		if quantity == target and (moment is None or moment >= sent - CLOCKS_DIFFER_BY):
			return History.SHOWS
	return History.LACKS if any(quantity == shown for _moment, quantity in snapshots) else History.UNKNOWN
