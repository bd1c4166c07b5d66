from __future__ import annotations

import ast
import re
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from msp_licensing.rules import commitments, holds, policy, quantity, usage_class, words
from msp_licensing.rules.policy import Policy, SubscriptionFacts, SubscriptionRule, Verdict, decide

TODAY = date(2026, 3, 15)
FACTS = SubscriptionFacts(status="Active", quantity=10, vendor="Contoso", usage_class="Seat")
OPEN = Policy(require_approval=False, allow_self_service=True)


def codes_in(module) -> set[str]:
	"""The codes that appear as literals where a check or reason is made."""
	found = set()
	for node in ast.walk(ast.parse(Path(module.__file__).read_text())):
		if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("check", "Step", "Reason"):
			first = node.args[0]
			if isinstance(first, ast.Constant):
				found.add(first.value)
	return found


HELD_CODES = codes_in(holds) | {"commitment_unknown"}
REFUSED_CODES = (
	codes_in(policy)
	| {code for code, verdict in policy._ANSWERS.values() if verdict is Verdict.REFUSES}
	| {"missing", "not_whole", "below_one", "too_large"}
)


def test_every_refusal_and_hold_has_words_for_client_and_staff():
	assert len(HELD_CODES) > 12 and len(REFUSED_CODES) > 15, "the codes are not found any more"
	assert set(words._STAFF) >= HELD_CODES | REFUSED_CODES, "codes without words for staff"
	assert set(words._CLIENT_REFUSALS) == REFUSED_CODES, "refusals without words for clients"
	assert not set(words._CLIENT_REFUSALS) & HELD_CODES, "words that tell a client what held"
	assert codes_in(usage_class) <= set(words._USAGE)


def test_every_check_has_a_name_where_its_trace_is_shown():
	# The desk's list of checks needs Frappe to be imported: it is read here.
	desk = ast.parse((Path(policy.__file__).parents[1] / "desk" / "requests.py").read_text())
	named = next(
		{key.value for key in node.value.keys}
		for node in desk.body
		if isinstance(node, ast.Assign) and node.targets[0].id == "CHECKS"
	)
	assert named >= HELD_CODES | REFUSED_CODES


def test_every_code_that_a_validator_returns_has_words():
	source = Path(quantity.__file__).read_text()
	returned = set(re.findall(r'"((?:limit|threshold|min|free|window|amount|currency)_[a-z_]+)"', source))
	fields = {"min_quantity", "max_quantity"}
	assert len(returned) > 8 and returned - fields <= set(words._LIMITS)


def test_a_client_never_learns_which_rule_held():
	seen = set()
	for held in (
		decide(Policy(True, None, (), True), None, FACTS, 12, today=TODAY),
		decide(Policy(False, Decimal(0), (), True), None, FACTS, 12, today=TODAY),
		decide(Policy(False, None, ("contoso",), True), None, FACTS, 12, today=TODAY),
		decide(OPEN, SubscriptionRule(approval="Always"), FACTS, 12, today=TODAY),
	):
		seen.add((str(words.client_sentence(held)), tuple(words.client_sentence(held).values)))
	assert seen == {("Waiting for your provider", ())}


def test_refusals_tell_the_client_the_numbers():
	limited = Policy(False, None, (), True, 5, 20)
	low = decide(limited, None, FACTS, 3, today=TODAY)
	assert str(words.client_sentence(low)) == (
		"You can reduce this subscription to 5 at the lowest; you asked for 3."
	)
	high = decide(limited, None, FACTS, 30, today=TODAY)
	assert "20" in str(words.client_sentence(high)) and "30" in str(words.client_sentence(high))
	facts = SubscriptionFacts(
		status="Active",
		quantity=10,
		vendor="Contoso",
		usage_class="Seat",
		commitment_end=TODAY + timedelta(days=30),
		decrease_allowed_in_commitment=False,
	)
	committed = words.client_sentence(decide(OPEN, None, facts, 3, today=TODAY))
	assert committed.values == {"commitment_end": "2026-04-14"}


def test_staff_read_the_rule_and_its_numbers():
	held = decide(Policy(False, Decimal(50), (), True), None, FACTS, 16, today=TODAY)
	assert (
		str(words.staff_sentence(held)) == "Held: 10 → 16 is a change of 60 %, above the threshold of 50 %."
	)


def test_staff_are_told_of_no_end_that_pax8_does_not_show():
	held = decide(OPEN, None, FACTS, 12, today=TODAY)
	held = replace(held, rule="commitment_unknown", numbers={"commitment_end": None})
	said = words.staff_sentence(held)
	assert "?" not in str(said) and "shows no end" in said.msgid
	known = replace(held, numbers={"commitment_end": "2026-04-01"})
	assert words.staff_sentence(known).values == {"commitment_end": "2026-04-01"}


def test_typed_text_with_braces_does_not_break_a_sentence():
	refused = decide(OPEN, None, FACTS, "{current} {0} {", today=TODAY)
	assert "{current} {0} {" in str(words.staff_sentence(refused))
	str(words.client_sentence(refused))


def test_every_answer_of_a_commitment_has_words_for_staff():
	returned = set(re.findall(r'When\.[A-Z_]+, "([a-z_]+)"', Path(commitments.__file__).read_text()))
	returned |= {"allowed", "no_commitment", "renewal_window", "return_window"}
	assert returned == set(words._COMMITMENT)
	for reason in returned:
		assert words.commitment_sentence(reason, {"commitment_end": "2026-03-31", "until": None})
