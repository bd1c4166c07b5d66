"""What a client reads while typing a number inside a commitment."""

from __future__ import annotations

import dataclasses
from datetime import date, timedelta
from decimal import Decimal

import pytest

from msp_licensing.portal import asking, words
from msp_licensing.rules.policy import Policy, SubscriptionFacts, Timing, decide
from msp_licensing.rules.values import Added

TODAY = date(2026, 3, 15)
END = date(2026, 9, 1)
FORMATS = words.Formats(translate=lambda text: text, day=lambda day: f"{day:%d.%m.%Y}")
OPEN = Policy(require_approval=False, allow_self_service=True, return_windows=(("Microsoft", 7),))
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
CHOICE = {
	"now": True,
	"end": "At the end of the term, 01.09.2026",
	"end_hint": "It would be made on 02.09.2026, and can be withdrawn before.",
}


def told(wanted, policy: Policy = OPEN, **changes) -> dict:
	facts = dataclasses.replace(FACTS, **changes)
	now, late = (decide(policy, None, facts, wanted, today=TODAY, timing=timing) for timing in Timing)
	return asking.checked(now, late, facts, policy, today=TODAY, formats=FORMATS)


def test_a_decrease_that_must_wait_is_offered_for_the_end_of_the_term():
	assert told(8) == {
		"ok": True,
		"message": "",
		"hint": "This subscription is committed until 01.09.2026. It can be reduced when the term ends.",
		"when": {**CHOICE, "now": False},
	}


def test_what_pax8_may_refuse_is_said_and_can_be_asked_for():
	answer = told(8, decrease_allowed_in_commitment=None)
	assert answer["hint"] == "The supplier may refuse this before 01.09.2026: your provider decides."
	assert answer["when"] == CHOICE


def test_what_can_be_given_back_says_until_when():
	answer = told(8, added=(Added(TODAY - timedelta(1), 3),))
	assert answer["hint"] == (
		"The supplier takes these licenses back until 20.03.2026; after that only when the term ends."
	)
	assert answer["when"] == CHOICE


def test_a_decrease_that_is_allowed_inside_the_term_may_still_wait_for_its_end():
	answer = told(8, decrease_allowed_in_commitment=True)
	assert (answer["hint"], answer["when"]) == ("", CHOICE)


@pytest.mark.parametrize(
	"changes", [{"commitment_end": None, "has_commitment": False}, {"commitment_end": TODAY}]
)
def test_without_a_running_term_there_is_nothing_to_choose(changes):
	assert told(8, vendor="Contoso", **changes) == {"ok": True, "message": "", "hint": "", "when": None}


def test_an_increase_says_what_it_commits_to():
	assert told(12)["when"] is None
	assert "can be given back within 7 days, and then not before" in told(12)["hint"]
	assert "cannot be given back before" in told(12, vendor="Contoso")["hint"]
	loose = told(12, decrease_allowed_in_commitment=True)["hint"]
	assert loose == "This subscription is committed until 01.09.2026."


def test_an_increase_that_the_commitment_bars_is_refused_without_a_choice():
	answer = told(12, increase_allowed_in_commitment=False)
	assert (answer["ok"], answer["when"]) == (False, None)
	assert "cannot be increased before" in answer["message"]


def test_a_refusal_that_holds_at_any_time_leaves_no_choice():
	answer = told(3, dataclasses.replace(OPEN, min_quantity=5))
	assert (answer["ok"], answer["when"]) == (False, None)
	assert "to 5 at the lowest" in answer["message"]


def test_whether_a_change_would_be_held_is_not_told():
	held = dataclasses.replace(
		OPEN, require_approval=True, threshold=Decimal(0), vendor_overrides=("Microsoft",)
	)
	assert told(8) == told(8, held) and told(12) == told(12, held)
