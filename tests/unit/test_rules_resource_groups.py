"""What tells resource groups apart, and when a new one is suggested as an old one."""

from __future__ import annotations

from datetime import date

import pytest

from msp_licensing.rules.resource_groups import (
	Group,
	Marks,
	group_key,
	likeness,
	number_equal_texts,
	plain,
	same_group,
	suggestions,
)

SUBSCRIPTION = "50000000-0000-4000-8000-000000000041"


def test_a_key_is_made_of_the_subscription_and_the_exact_text() -> None:
	texts = ["Default", "default", "Default ", "", None, "💾", "n" * 300, "a\0b", "\ud800"]
	keys = [group_key(subscription, text) for subscription in ("s", "t") for text in texts]
	assert len(set(keys)) == len(keys) - 2, "no text and an empty one are the same"
	assert all(len(key) == 20 for key in keys)
	assert group_key("s", "x", 1) == group_key("s", "x") != group_key("s", "x", 2)


def test_a_single_summary_is_the_stored_group_whatever_has_changed_about_it() -> None:
	stored = [(1, Marks("march", "one", False, "USD"))]
	assert number_equal_texts(stored, [Marks("april", "other", True, "EUR")]) == [1]
	assert number_equal_texts([], [Marks("april")]) == [1]


def test_equal_texts_keep_their_numbers_by_id_then_by_what_they_are_like() -> None:
	stored = [(1, Marks("a", "one", False, "USD")), (2, Marks("b", "two", False, "USD"))]
	assert number_equal_texts(stored, [Marks("b", "one"), Marks("a", "two")]) == [2, 1]
	new_ids = [Marks("c", "two", False, "USD"), Marks("d", "one", False, "USD")]
	assert number_equal_texts(stored, new_ids) == [2, 1]
	assert number_equal_texts(stored, new_ids[::-1]) == [1, 2]
	assert number_equal_texts(stored, [*new_ids, Marks("e", "three"), Marks("f")]) == [2, 1, 3, 4]


def test_numbers_do_not_depend_on_the_order_of_an_answer() -> None:
	read = [Marks("c"), Marks("a"), Marks("b")]
	assert number_equal_texts([], read) == [3, 1, 2]
	assert number_equal_texts([], read[::-1]) == [2, 1, 3]


@pytest.mark.parametrize(
	("one", "other", "alike"),
	[
		("LEGGAH PRODUCTS - CSP - 9AD72B41", "leggah-products_csp (77120034)", True),
		("Cedar and Pine Architects LLC (8841207)", "8841299 - CEDAR AND PINE ARCHITECTS LLC", True),
		("Default site", "zz_migrated_0093", False),
		("12345678", "87654321", False),
		("", "Default", False),
	],
)
def test_numbers_case_and_signs_do_not_count(one: str, other: str, alike: bool) -> None:
	assert (likeness(one, other) >= 0.6) == alike, (plain(one), plain(other))


def group(name: str, text: str, first: int, last: int, **values: object) -> Group:
	known = {"subscription_id": SUBSCRIPTION, "company_id": None, **values}
	return Group(name=name, text=text, first_day=date(2027, 3, first), last_day=date(2027, 3, last), **known)


OLD = group("old", "ACME North", 1, 14)


@pytest.mark.parametrize(
	("new", "found"),
	[
		(group("new", "acme_north", 15, 20), True),
		(group("new", "acme_north", 14, 20), False),  # both on one day
		(group("new", "acme_north", 26, 28), False),  # long after
		(group("new", "acme_north", 15, 20, subscription_id="other"), False),
		(group("new", "Somebody else", 15, 20), False),
		(group("old", "ACME North", 15, 20), False),
	],
)
def test_what_has_to_be_true_of_a_group_with_a_new_name(new: Group, found: bool) -> None:
	assert bool(same_group(OLD, new)) == found


def test_the_same_company_is_a_reason_where_the_names_are_not() -> None:
	old = group("old", "ACME North", 1, 14, company_id="c")
	new = group("new", "zz_1", 15, 20, company_id="c")
	told = same_group(old, new)
	assert told and told.same_company and told.gap == 1 and told.likeness < 60
	assert same_group(old, group("new", "zz_1", 15, 20, company_id="d")) is None


def test_the_likeliest_comes_first() -> None:
	new = group("new", "ACME Nord", 15, 20)
	found = suggestions([group("other", "ACME North East", 1, 14), OLD, new])
	assert [one.old for one in found] == ["old", "other"]
	assert all(0 <= one.score <= 100 for one in found)
