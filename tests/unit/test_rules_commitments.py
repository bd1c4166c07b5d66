"""When a change may be made: every combination of what can be known of a commitment."""

from __future__ import annotations

import dataclasses
import itertools
import json
from datetime import date, timedelta

import pytest

from msp_licensing.rules import commitments
from msp_licensing.rules.commitments import Answer, Terms, When, may_change, plan, term_start
from msp_licensing.rules.policy import Policy, SubscriptionFacts, Verdict, decide
from msp_licensing.rules.values import Added

TODAY = date(2026, 3, 15)
END = date(2026, 9, 1)
NCE = Terms(
	committed=True,
	end=END,
	start=date(2025, 9, 1),
	months=12,
	decrease=False,
	increase=True,
	after=7,
	renews=True,
)
MICROSOFT = dataclasses.replace(NCE, return_days=7)


def day(offset: int) -> date:
	return TODAY + timedelta(offset)


def answer(
	terms: Terms, wanted: int = 8, current: int | None = 10, today: date | None = TODAY, **changes
) -> Answer:
	return may_change(dataclasses.replace(terms, **changes), current, wanted, today)


def when(terms: Terms, wanted: int = 8, **changes) -> When:
	return answer(terms, wanted, **changes).when


ENDS = {"none": None, "over": day(-1), "today": TODAY, "running": day(90)}


@pytest.mark.parametrize(
	("committed", "end", "decrease", "listed", "direction"),
	list(itertools.product((False, True), ENDS, (None, False, True), (False, True), ("down", "unknown"))),
)
def test_a_decrease_outside_of_every_window(committed, end, decrease, listed, direction):
	"""The whole table: what Pax8 says of the commitment, what the product allows, whether the vendor is listed."""
	terms = Terms(
		committed=committed,
		end=ENDS[end],
		start=day(-400),
		months=12,
		decrease=decrease,
		return_days=7 if listed else None,
	)
	got = answer(terms, 8, current=10 if direction == "down" else None).when
	if decrease is True or end in ("over", "today"):
		assert got is When.NOW
	elif end == "none" and not committed:
		# Nothing shows a commitment; a vendor that takes licenses back for days only may have a hidden one.
		assert got is (When.STAFF if listed else When.NOW)
	elif end == "running" and decrease is False and direction == "down":
		assert got is When.AT_TERM_END
	else:
		assert got is When.STAFF


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("increase", [None, True, False])
def test_an_increase_waits_only_where_the_running_commitment_bars_it(end, increase):
	got = answer(Terms(committed=True, end=ENDS[end], increase=increase), 12)
	barred = end == "running" and increase is False
	assert got.when is (When.AT_TERM_END if barred else When.NOW)


@pytest.mark.parametrize(
	("passed", "expected"),
	[(0, When.NOW), (6, When.NOW), (7, When.STAFF), (8, When.AT_TERM_END), (-1, When.AT_TERM_END)],
)
@pytest.mark.parametrize("began_by", ["purchase", "renewal", "renewal seen"])
def test_the_vendors_window_counts_from_purchase_and_from_renewal(passed, expected, began_by):
	"""The last day belongs to nobody: of the vendor's 168 hours, the calendar does not tell the hour."""
	began = day(-passed)
	end = date(began.year + 1, began.month, began.day)
	if began_by == "purchase":
		terms = dataclasses.replace(MICROSOFT, start=began, end=end)
	elif began_by == "renewal":
		terms = dataclasses.replace(MICROSOFT, start=date(2020, 1, 1), end=end, after=0)
	else:
		# The length of the term is not known, but the end of the term before has been seen.
		terms = dataclasses.replace(
			MICROSOFT, start=date(2020, 1, 1), end=end, months=None, renewed=began, after=0
		)
		if expected is When.AT_TERM_END and passed < 0:
			return  # a renewal that is to come has not been seen
	assert answer(terms).when is expected


@pytest.mark.parametrize(
	("passed", "expected"), [(0, When.NOW), (6, When.NOW), (7, When.STAFF), (8, When.AT_TERM_END)]
)
def test_the_renewal_window_after_the_end_counts_where_the_vendor_has_no_other(passed, expected):
	renewed = dataclasses.replace(NCE, start=date(2020, 1, 1), end=day(365 - passed))
	assert answer(renewed).when is expected
	bought = dataclasses.replace(NCE, start=day(-passed), end=day(365 - passed))
	assert answer(bought).when is When.AT_TERM_END, "a purchase is no renewal"


@pytest.mark.parametrize(("left", "expected"), [(31, When.AT_TERM_END), (30, When.NOW), (1, When.NOW)])
def test_the_renewal_window_before_the_end(left, expected):
	assert when(NCE, end=day(left), before=30) is expected


@pytest.mark.parametrize(
	("added", "wanted", "expected"),
	[
		([(-3, 4)], 6, When.NOW),
		([(-3, 4)], 5, When.AT_TERM_END),  # one of them is older
		([(-7, 4)], 6, When.STAFF),
		([(-8, 4)], 6, When.AT_TERM_END),
		([(-3, 4), (-2, -3)], 9, When.NOW),
		([(-3, 4), (-2, -3)], 8, When.AT_TERM_END),  # three of the four have been given back already
		([(-3, -4), (-2, 4)], 6, When.NOW),
		([(-7, 2), (-1, 2)], 8, When.NOW),
		([(-7, 2), (-1, 2)], 6, When.STAFF),
		([], 9, When.AT_TERM_END),
	],
)
def test_only_licenses_just_added_can_be_given_back(added, wanted, expected):
	batches = tuple(Added(day(offset), seats) for offset, seats in added)
	assert when(MICROSOFT, wanted, added=batches) is expected
	assert when(NCE, wanted, added=batches) is When.AT_TERM_END, "of this vendor no window is known"


def test_a_change_that_was_only_seen_and_not_dated_is_for_staff():
	assert when(MICROSOFT, 9, added=(Added(day(-1), 4, dated=False),)) is When.STAFF


def test_a_commitment_that_may_have_renewed_unseen_is_for_staff():
	assert when(NCE, end=day(-6)) is When.NOW
	assert when(NCE, end=day(-7)) is When.STAFF
	assert when(NCE, end=day(-7), renews=False) is When.NOW
	assert when(NCE, end=TODAY, after=None) is When.NOW
	assert when(NCE, end=day(-1), after=None) is When.STAFF


def test_a_term_of_unknown_length_with_a_listed_vendor_is_for_staff():
	assert when(MICROSOFT, months=None) is When.STAFF
	assert when(MICROSOFT, months=None, start=day(-2)) is When.NOW, "the purchase is known"


def test_a_day_that_is_not_known_is_in_no_window():
	assert answer(MICROSOFT, today=None).when is When.AT_TERM_END


@pytest.mark.parametrize(
	("end", "months", "start", "began"),
	[
		(date(2026, 9, 1), 12, date(2023, 9, 1), date(2025, 9, 1)),
		(date(2026, 9, 1), 12, date(2026, 1, 10), date(2026, 1, 10)),
		(date(2026, 3, 31), 1, date(2020, 1, 1), date(2026, 2, 28)),
		(date(2028, 2, 29), 12, date(2020, 1, 1), date(2027, 2, 28)),
		(date(2026, 9, 1), None, date(2023, 9, 1), None),
		(None, 12, date(2023, 9, 1), date(2023, 9, 1)),
	],
)
def test_the_start_of_a_term(end, months, start, began):
	assert term_start(Terms(committed=True, end=end, months=months, start=start)) == began


@pytest.mark.parametrize(
	("before", "after", "due", "last"),
	[
		(0, 7, 1, 6),
		(30, 7, 1, 6),
		(None, 2, 1, 1),
		(0, 1, 0, 0),
		(30, 0, -30, -1),
		(1, None, -1, -1),
		(0, 0, 0, None),
		(None, None, 0, None),
		(-5, -5, 0, None),
	],
)
def test_a_change_for_the_end_of_the_term_is_made_inside_the_window_and_never_in_its_last_day(
	before, after, due, last
):
	made = plan(END, before, after)
	assert made.due == END + timedelta(due)
	assert made.last == (None if last is None else END + timedelta(last))
	assert made.by_hand is (last is None)


@pytest.mark.parametrize(("before", "after"), [(0, 7), (30, 7), (0, 2), (30, 0), (1, 0), (0, 1)])
@pytest.mark.parametrize("noticed", [False, True])
def test_what_is_planned_is_possible_on_every_day_of_the_plan(before, after, noticed):
	"""Else a planned change would come due and then be called impossible. Pax8 may show the renewal, or not yet."""
	made = plan(END, before, after)
	terms = dataclasses.replace(NCE, before=before, after=after)
	today = made.due
	while today <= made.last:
		now = terms
		if noticed and today >= END:
			now = dataclasses.replace(terms, end=date(2027, 9, 1))
		assert answer(now, today=today).when is When.NOW, today
		today += timedelta(1)


def test_return_windows_are_found_however_the_vendor_is_written():
	windows = (("Microsoft", 7), ("Adobe", 0))
	assert commitments.return_days(windows, "  microsoft ") == 7
	assert commitments.return_days(windows, "Adobe") is None
	assert commitments.return_days(windows, "") is None
	assert commitments.return_days((), None) is None


# The same in a decision

FACTS = SubscriptionFacts(
	status="Active",
	quantity=10,
	vendor="Microsoft",
	usage_class="Seat",
	start_date=date(2023, 9, 1),
	commitment_end=END,
	has_commitment=True,
	decrease_allowed_in_commitment=False,
	commitment_months=12,
	renewal_days_after=7,
)
OPEN = Policy(require_approval=False, allow_self_service=True, return_windows=(("Microsoft", 7),))


def decided(wanted: int, timing: str = "Now", policy: Policy = OPEN, **facts) -> tuple[str, str]:
	decision = decide(policy, None, dataclasses.replace(FACTS, **facts), wanted, today=TODAY, timing=timing)
	return str(decision.outcome), decision.rule


def test_a_decrease_that_must_wait_is_refused_now_and_decided_by_the_policy_for_the_end_of_the_term():
	assert decided(8) == ("Refused", "committed_until")
	assert decided(8, "End of Term") == ("Released", "no_approval_needed")
	held = dataclasses.replace(OPEN, require_approval=True)
	assert decided(8, "End of Term", held) == ("Held", "require_approval")
	limited = dataclasses.replace(OPEN, min_quantity=9)
	assert decided(8, "End of Term", limited) == ("Refused", "below_minimum")


def test_pax8_may_refuse_holds_now_and_not_at_the_end_of_the_term():
	assert decided(8, decrease_allowed_in_commitment=None) == ("Held", "commitment_unknown")
	assert decided(8, "End of Term", decrease_allowed_in_commitment=None)[0] == "Released"


@pytest.mark.parametrize("end", [None, TODAY, day(-10)])
def test_without_a_running_term_there_is_nothing_to_wait_for(end):
	assert decided(8, "End of Term", commitment_end=end) == ("Refused", "no_term_end")


def test_an_increase_does_not_wait():
	assert decided(12, "End of Term") == ("Refused", "no_decrease")
	assert decided(12)[0] == "Released"


def test_the_trace_says_why_a_decrease_is_possible_now():
	just_added = dataclasses.replace(FACTS, added=(Added(day(-1), 3),))
	trace = decide(OPEN, None, just_added, 8, today=TODAY).trace
	step = next(step for step in trace if step.rule == "committed_until")
	assert step.verdict is Verdict.PASSES
	assert step.numbers == {"commitment_end": "2026-09-01", "reason": "return_window", "until": "2026-03-20"}


def test_facts_of_a_commitment_survive_being_stored():
	facts = dataclasses.replace(
		FACTS,
		added=(Added(day(-1), 3, False),),
		renewed_on=date(2025, 9, 1),
		renewal_days_before=30,
		renews=True,
	)
	stored = SubscriptionFacts.from_dict(json.loads(json.dumps(facts.as_dict())))
	assert stored == facts
	assert decide(OPEN, None, stored, 8, today=TODAY) == decide(OPEN, None, facts, 8, today=TODAY)
