"""A change whose answer was lost is only called "not done" when it provably did not happen."""

from datetime import datetime, timedelta
from itertools import product

import pytest

from msp_licensing.rules.fate import (
	ENDS_AFTER,
	ENDS_AFTER_LOOKS,
	PROVISIONING_ENDS_AFTER,
	SETTLES_AFTER,
	STEADY_FOR,
	Fate,
	History,
	Seen,
	history_of,
	judge,
)

MINUTE, SENT = timedelta(minutes=1), datetime(2026, 11, 27, 12)
LONG = SETTLES_AFTER + MINUTE
ALWAYS = PROVISIONING_ENDS_AFTER + ENDS_AFTER


def seen(quantity, status="Active", after=LONG, **values):
	return Seen(target=15, quantity=quantity, status=status, since_sent=after, **values)


@pytest.mark.parametrize(
	("what", "expected"),
	[
		(seen(15, after=timedelta()), (Fate.DONE, "shown")),
		(seen(15, history=History.LACKS), (Fate.DONE, "shown")),
		# A call may still be on its way: whatever is shown, and whatever the history says.
		(
			seen(10, after=SETTLES_AFTER - MINUTE, same_for=LONG, history=History.LACKS),
			(Fate.OPEN, "too_early"),
		),
		(seen(None, None, after=MINUTE, gone=True), (Fate.OPEN, "too_early")),
		(seen(10, same_for=STEADY_FOR, history=History.LACKS), (Fate.NOT_DONE, "never_taken")),
		(seen(10, same_for=STEADY_FOR - MINUTE, history=History.LACKS), (Fate.OPEN, "not_steady")),
		(seen(12, same_for=LONG, history=History.LACKS), (Fate.NOT_DONE, "never_taken")),
		# It happened, and somebody has changed it since: sending it again would be sending it twice.
		(seen(10, same_for=LONG, history=History.SHOWS), (Fate.LOST, "changed_since")),
		# Without a history the old quantity is no proof, however long it stands.
		(seen(10, same_for=LONG), (Fate.OPEN, "no_history")),
		(seen(10, same_for=LONG, looks=12, after=ENDS_AFTER), (Fate.LOST, "no_history")),
		# Nobody has looked for days: the first looks after an outage end nothing.
		(seen(10, same_for=ALWAYS, looks=2, after=ALWAYS), (Fate.OPEN, "no_history")),
		(seen(None, None, after=ALWAYS), (Fate.OPEN, "unreadable")),
		(seen(None, None), (Fate.OPEN, "unreadable")),
		(seen(None, None, looks=12, after=ENDS_AFTER), (Fate.LOST, "unreadable")),
		(seen(None, None, gone=True), (Fate.LOST, "gone")),
		(seen(15, "PendingManual", after=ENDS_AFTER), (Fate.OPEN, "provisioning")),
		(seen(15, "PendingManual", after=PROVISIONING_ENDS_AFTER), (Fate.LOST, "provisioning")),
		(seen(15, "Cancelled"), (Fate.LOST, "not_active")),
		# The old number while something is provisioned proves nothing, in whatever order Pax8 shows things.
		(seen(10, "PendingManual", same_for=LONG, history=History.LACKS), (Fate.OPEN, "provisioning")),
		(seen(10, "PendingManual", history=History.SHOWS), (Fate.OPEN, "provisioning")),
		(seen(10, "PendingManual", after=PROVISIONING_ENDS_AFTER), (Fate.LOST, "provisioning")),
	],
)
def test_what_is_seen_and_what_it_means(what, expected):
	assert judge(what) == expected


EVERYTHING = [
	Seen(15, quantity, status, since, same, looks, history, gone)
	for quantity, status, since, same, looks, history, gone in product(
		(None, 10, 12, 15),
		("Active", "PendingManual", "Cancelled", None),
		(timedelta(), SETTLES_AFTER, ENDS_AFTER, ALWAYS),
		(timedelta(), STEADY_FOR),
		(1, ENDS_AFTER_LOOKS),
		History,
		(False, True),
	)
]


def test_done_and_not_done_are_only_said_with_their_proof():
	for case in EVERYTHING:
		fate, _reason = judge(case)
		if fate == Fate.DONE:
			assert (case.quantity, case.status) == (15, "Active"), case
		if fate == Fate.NOT_DONE:
			assert case.quantity not in (None, 15) and case.history == History.LACKS, case
			assert case.since_sent >= SETTLES_AFTER and case.same_for >= STEADY_FOR and not case.gone, case


def test_every_change_ends():
	for case in EVERYTHING:
		often = case.looks == ENDS_AFTER_LOOKS
		if case.since_sent == ALWAYS and often and (case.same_for or case.history != History.LACKS):
			assert judge(case)[0] != Fate.OPEN, case


@pytest.mark.parametrize(
	("snapshots", "shown", "expected"),
	[
		([(SENT - timedelta(days=9), 10)], 10, History.LACKS),
		([(SENT, 15), (SENT - timedelta(days=9), 10)], 15, History.SHOWS),
		# Changed back since, by whomever.
		([(SENT + 9 * MINUTE, 10), (SENT + MINUTE, 15), (SENT - timedelta(days=9), 10)], 10, History.SHOWS),
		# The clocks of two machines.
		([(SENT - 5 * MINUTE, 15)], 10, History.SHOWS),
		# The same number of last year is not our change.
		([(SENT - timedelta(days=9), 10), (SENT - timedelta(days=300), 15)], 10, History.LACKS),
		# Without a time it may be our change.
		([(SENT - timedelta(days=9), 10), (None, 15)], 10, History.SHOWS),
		# A history that lacks what is shown now is behind.
		([(SENT - timedelta(days=9), 11)], 10, History.UNKNOWN),
		([], 10, History.UNKNOWN),
	],
)
def test_what_a_history_says(snapshots, shown, expected):
	assert history_of(snapshots, target=15, shown=shown, sent=SENT) == expected
