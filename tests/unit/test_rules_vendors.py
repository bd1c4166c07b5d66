"""Vendors with another name than the one they are known by: held, limited and named by all their names."""

from datetime import date, datetime, timedelta

import pytest

from msp_licensing.rules.policy import Outcome, Policy, SubscriptionFacts, decide, vendor_key
from msp_licensing.rules.vendors import Change, also_known, other_names
from msp_licensing.rules.words import commitment_sentence, staff_sentence

TODAY = date(2026, 11, 29)
SINCE = datetime(2026, 11, 28, 3)
POLICY = Policy(
	require_approval=False,
	allow_self_service=True,
	vendor_overrides=("Microsoft",),
	return_windows=(("Microsoft", 7),),
)


def facts(**values):
	return SubscriptionFacts(**{"status": "Active", "quantity": 10, "usage_class": "Seat", **values})


def outcome(policy, known, wanted=12):
	return decide(policy, None, known, wanted, today=TODAY)


@pytest.mark.parametrize(
	"name",
	["MICROSOFT", " micro soft ", "Microsoft.", "\u200bMicrosoft", "Ｍicrosoft", "Micro-Soft"],
)
def test_case_blanks_and_punctuation_make_no_other_vendor(name):
	assert vendor_key(name) == vendor_key("Microsoft")


@pytest.mark.parametrize("name", ["", "  ", "—", None, 5])
def test_a_name_without_letters_is_none(name):
	assert vendor_key(name) == ""


@pytest.mark.parametrize("now", ["Microsoft CSP", None, "Keeper"])
def test_a_vendor_known_by_a_held_name_is_held_whatever_it_is_called_now(now):
	decision = outcome(POLICY, facts(vendor=now, known_vendors=("Microsoft",)))
	assert (decision.outcome, decision.rule) == (Outcome.HELD, "vendor_override")
	assert decision.numbers["vendor"] == "Microsoft" and decision.numbers["now"] == now
	words = str(staff_sentence(decision))
	assert "every change of Microsoft needs approval" in words and (now or "no vendor") in words


def test_the_present_name_holds_as_well_and_is_named_alone():
	decision = outcome(POLICY, facts(vendor="Microsoft", known_vendors=("Keeper",)))
	assert decision.rule == "vendor_override" and "now" not in decision.numbers
	assert str(staff_sentence(decision)) == "Held: every change of Microsoft needs approval."


def test_without_a_known_vendor_a_rename_would_release_the_change():
	"""What the known vendor is for."""
	assert outcome(POLICY, facts(vendor="Microsoft CSP")).outcome is Outcome.RELEASED


FREE = Policy(
	require_approval=False,
	allow_self_service=True,
	return_windows=(("Microsoft", 7), ("Adobe", 14), ("Adobe Inc. (US)", 5)),
)


def decrease(vendor, *known, days=3, **values):
	"""A decrease by 2, so many days after the purchase; Pax8 shows no commitment."""
	start = TODAY - timedelta(days=days)
	return outcome(FREE, facts(vendor=vendor, known_vendors=known, start_date=start, **values), 8)


def test_a_return_window_is_not_lost_with_the_name():
	assert decrease("Microsoft", days=30).rule == "commitment_unknown"
	assert decrease("Microsoft CSP", days=30).outcome is Outcome.RELEASED
	held = decrease("Microsoft CSP", "Microsoft", days=30)
	assert (held.outcome, held.rule) == (Outcome.HELD, "commitment_unknown")
	assert "return windows" in str(commitment_sentence(held.numbers["reason"], held.numbers))


def test_the_shorter_of_two_return_windows_counts():
	assert decrease("Adobe", days=10).outcome is Outcome.RELEASED
	assert decrease("Adobe Inc. (US)", "Adobe", days=10).outcome is Outcome.HELD
	within_both = decrease("Adobe Inc. (US)", "Adobe", days=3)
	assert within_both.outcome is Outcome.RELEASED
	step = next(step for step in within_both.trace if step.rule == "committed_until")
	assert step.numbers["until"] == (TODAY + timedelta(days=1)).isoformat()


def test_inside_a_commitment_names_that_differ_leave_it_to_staff():
	locked = {
		"commitment_end": date(2027, 6, 1),
		"commitment_months": 12,
		"decrease_allowed_in_commitment": False,
	}
	assert decrease("Microsoft CSP", **locked).outcome is Outcome.REFUSED
	assert decrease("Microsoft", **locked).outcome is Outcome.RELEASED
	assert decrease("Microsoft CSP", "Microsoft", **locked).outcome is Outcome.HELD


def test_facts_are_stored_with_all_names():
	known = facts(vendor="B", known_vendors=("A",), billing_term="Monthly")
	assert SubscriptionFacts.from_dict(known.as_dict()) == known
	assert SubscriptionFacts.from_dict({"status": "Active", "quantity": 1}).known_vendors == ()


# --------------------------------------------------------------------------------------------- which names


def change(known, vendor, *products):
	return Change(known, vendor, products or ("p1",), SINCE, first_seen=SINCE - timedelta(days=200))


def test_a_new_name_counts_for_products_that_were_never_known_by_the_old_one():
	later = SINCE + timedelta(hours=1)
	for first_seen in ({}, {vendor_key("Microsoft CSP"): later}):
		assert also_known([change("Microsoft", "Microsoft CSP")], first_seen) == {
			vendor_key("Microsoft CSP"): ("Microsoft",)
		}


def test_products_that_move_to_a_vendor_known_before_take_no_others_with_them():
	first_seen = {vendor_key("Keeper"): SINCE - timedelta(days=2), vendor_key("Microsoft"): SINCE}
	assert also_known([change("Microsoft", "Keeper")], first_seen) == {}


def test_a_rename_that_took_pax8_some_days_is_one():
	first_seen = {vendor_key("Microsoft CSP"): SINCE - timedelta(days=2)}
	assert also_known([change("Microsoft", "Microsoft CSP")], first_seen)
	long_ago = {vendor_key("Keeper"): SINCE - timedelta(days=100)}
	assert also_known([change("Microsoft", "Keeper")], long_ago) == {}


def test_vendors_that_came_with_the_first_sync_are_not_each_others_new_names():
	first_sync = SINCE - timedelta(days=2)
	moved = Change("Keeper", "Sophos", ("p1",), SINCE, first_seen=first_sync)
	assert also_known([moved], {vendor_key("Sophos"): first_sync + timedelta(minutes=5)}) == {}


def test_a_vendor_that_is_gone_renames_nothing():
	assert also_known([change("Microsoft", None)], {}) == {}


def test_the_names_of_a_product_are_told_once_each():
	renamed = {vendor_key("Microsoft CSP"): ("Microsoft",)}

	def names(vendor, at_pax8, known):
		return other_names(vendor, at_pax8=at_pax8, known=known, renamed=renamed)

	assert names("Microsoft", "Microsoft", "MICROSOFT") == ()
	assert names("Microsoft", "Microsoft CSP", "Microsoft") == ("Microsoft CSP",)
	assert names("Microsoft CSP", "Microsoft CSP", "Microsoft") == ("Microsoft",)
	assert names("Microsoft CSP", "Microsoft CSP", "Microsoft CSP") == ("Microsoft",)
	assert names(None, None, "Keeper") == ("Keeper",)
	assert names(None, None, None) == ()
