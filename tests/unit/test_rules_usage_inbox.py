"""Suggested clients of unassigned usage, and the rules that assign it. Needs no Frappe."""

from __future__ import annotations

from datetime import date

import pytest

from msp_licensing.rules import usage_rules
from msp_licensing.rules.usage_rules import Rule, judge
from msp_licensing.rules.usage_suggestions import Client, Clients, Group, Why, domains_in, words_of

CEDAR, MUELLER, DENTAL, OTHER = (("MSP Client", name) for name in ("Cedar", "Müller", "Blue", "North"))
TODAY = date(2027, 3, 14)


@pytest.fixture
def clients():
	return Clients(
		[
			Client(CEDAR, ("Cedar & Pine Architects",), frozenset({"cedarpine.example", "gmail.com"})),
			Client(MUELLER, ("Müller & Söhne GmbH",), frozenset({"mueller.example"})),
			Client(DENTAL, ("Blue Harbor", "Blue Harbor Dental")),
			Client(OTHER, ("North Harbor Dental",)),
		]
	)


def first(clients, *args, **values):
	found = clients.suggest(Group(*args, **values))
	return (found[0].key, [why for why, _what in found[0].reasons]) if found else None


@pytest.mark.parametrize(
	("text", "key"),
	[
		("Cedar and Pine Architects LLC (8841207)", CEDAR),
		("cedar-pine-production", CEDAR),
		("8841207_CEDARPINEARCHITECTS", CEDAR),
		("Mueller & Soehne GmbH (EU-204417)", MUELLER),
		("MULLER SOHNE", MUELLER),
		("4471 - BLUE HARBOR DENTAL", DENTAL),
	],
)
def test_a_name_is_found_however_the_vendor_spells_it(clients, text, key):
	assert first(clients, text) == (key, [Why.NAME])


@pytest.mark.parametrize(
	"text", [None, "", "zz_migrated_0093", "Default site", "Dental", "🦷" * 300, "<b>x</b>"]
)
def test_a_text_that_names_nobody_suggests_nobody(clients, text):
	assert clients.suggest(Group(text)) == []


def test_a_tenants_domain_names_its_client_and_a_free_mail_domain_names_nobody(clients):
	assert first(clients, "sub 9f (cedarpine.onmicrosoft.com)") == (CEDAR, [Why.DOMAIN])
	assert first(clients, "vm01.mueller.example") == (MUELLER, [Why.DOMAIN])
	assert clients.suggest(Group("somebody@gmail.com")) == []
	assert clients.suggest(Group("evilmueller.example")) == []


def test_earlier_months_outrank_a_name_and_all_reasons_are_told(clients):
	found = clients.suggest(Group("Blue Harbor Dental", earlier=CEDAR, subscription=CEDAR))
	assert (found[0].key, [why for why, _what in found[0].reasons]) == (
		CEDAR,
		[Why.EARLIER, Why.SUBSCRIPTION],
	)
	assert found[1].key == DENTAL, "two that come close are both told"


def test_lines_and_the_unmapped_company_speak_too(clients):
	assert first(clients, "x", lines=("Backup for Cedar Pine Architects",)) == (CEDAR, [Why.LINES])
	assert first(clients, "x", company="Müller und Söhne") == (MUELLER, [Why.COMPANY])
	assert first(clients, "x", renamed=MUELLER) == (MUELLER, [Why.RENAMED])


def test_a_client_that_is_not_offered_is_never_suggested(clients):
	assert clients.suggest(Group("x", earlier=("MSP Client", "Gone"))) == []


def test_words_and_domains():
	assert words_of("Straße 12 GmbH & Co. KG") == ["strasse"]
	assert domains_in("a@b.example https://WWW.B.example") == ["b.example"]


# --------------------------------------------------------------------------------------------- rules


def rule(name="r", client=CEDAR, **values):
	return Rule(name, client, **values)


GROUP = usage_rules.Group("CEDAR 🏠 north", "p1", frozenset({"SEN-ARR-CPL", "x"}))


@pytest.mark.parametrize(
	("values", "expected"),
	[
		({"text": "cedar"}, True),
		({"text": " 🏠 NORTH "}, True),
		({"text": "south"}, False),
		({"product": "p1"}, True),
		({"product": "p2", "text": "cedar"}, False),
		({"sku": "sen-arr-"}, True),
		({"sku": "ARR"}, False),
		({"sku": "SEN", "product": "p1", "text": "north"}, True),
		({}, False),
		({"text": "  "}, False),
	],
)
def test_a_rule_fits_where_all_its_conditions_hold_and_an_empty_one_never(values, expected):
	assert usage_rules.fits(rule(**values), GROUP) is expected


def test_rules_that_agree_assign_and_rules_that_contradict_assign_nothing():
	one, same, other = rule("a", text="cedar"), rule("b", product="p1"), rule("c", MUELLER, text="north")
	assert judge([one, same], GROUP, TODAY).client == CEDAR
	verdict = judge([one, other], GROUP, TODAY)
	assert verdict.contradicts and verdict.rules == (one, other)
	assert not judge([], GROUP, TODAY).contradicts


def test_a_rule_of_the_future_says_nothing_yet():
	later = rule("a", text="cedar", from_date=date(2027, 3, 15))
	assert judge([later], GROUP, TODAY).client is None
	assert judge([later], GROUP, date(2027, 3, 15)).client == CEDAR
