"""What a client may do by status and billing term: one table, for decisions, the portal and the docs."""

import json
import os
from datetime import date
from pathlib import Path

import pytest

from msp_licensing.portal import page, words
from msp_licensing.rules.policy import Outcome, Policy, SubscriptionFacts, SubscriptionRule, blocked, decide
from msp_licensing.rules.statuses import STATUSES, TERMS, UNKNOWN_STATUS, status_rule, term_rule
from msp_licensing.rules.words import client_sentence, staff_sentence

ROOT = Path(__file__).resolve().parents[2]
TODAY = date(2026, 11, 29)
POLICY = Policy(require_approval=False, allow_self_service=True)
FORMATS = words.Formats(translate=lambda text: text, day=str)


def facts(**values):
	return SubscriptionFacts(
		**{"status": "Active", "quantity": 10, "vendor": "Keeper", "usage_class": "Seat", **values}
	)


def table(heads, rows):
	lines = [heads, ["---"] * len(heads), *rows]
	return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def test_the_docs_show_the_table_of_statuses():
	rows = [
		[name, rule.word, "yes" if rule.may_change else "no", rule.reason or ""]
		for name, rule in STATUSES.items()
	]
	rows.append(["another", UNKNOWN_STATUS.word, "no", UNKNOWN_STATUS.reason])
	heads = ["Status at Pax8", "The client reads", "Changes", "Why not, in the client's words"]
	assert table(heads, rows) in (ROOT / "docs/user/change-requests.md").read_text(encoding="utf-8")


def test_the_docs_show_the_table_of_billing_terms():
	rows = [
		[name, rule.word, "yes" if rule.may_change else "no", rule.reason or ""]
		for name, rule in TERMS.items()
	]
	rows.append(["another", "Pax8's word", "you decide", ""])
	heads = ["Billing term at Pax8", "The client reads", "Changes", "Why not, in the client's words"]
	assert table(heads, rows) in (ROOT / "docs/user/change-requests.md").read_text(encoding="utf-8")


def test_every_status_and_term_of_pax8s_specification_has_a_row():
	folder = Path(os.environ.get("MSP_LICENSING_PAX8_SPECS") or ROOT.parent / "shared" / "pax8")
	file = folder / "pax8-openapi-partner-endpoints.json"
	if not file.exists():
		pytest.skip(
			f"Pax8's OpenAPI files are missing: put {file.name} in a folder and name it in MSP_LICENSING_PAX8_SPECS"
		)
	schema = json.loads(file.read_text(encoding="utf-8"))["components"]["schemas"]["Subscription"]
	assert set(schema["properties"]["status"]["enum"]) <= set(STATUSES)
	assert set(schema["properties"]["billingTerm"]["enum"]) <= set(TERMS)


@pytest.mark.parametrize("status", [*STATUSES, "Paused", None, ""])
def test_a_status_is_decided_and_told_as_the_table_says(status):
	rule = status_rule(status)
	decision = decide(POLICY, None, facts(status=status), 11, today=TODAY)
	assert (decision.outcome is Outcome.RELEASED) is rule.may_change is (status == "Active")
	refusal = blocked(POLICY, None, facts(status=status), today=TODAY)
	if rule.may_change:
		assert refusal is None
		return
	assert decision.rule == "not_active" and str(client_sentence(refusal)) == rule.reason
	card = _card(status=status)
	assert card["status"]["word"] == rule.word and not card["may_change"]
	assert card["reason"] == ("" if rule.over else rule.reason)


def test_activated_is_not_told_as_active():
	assert status_rule("Activated").word != status_rule("Active").word
	assert "active" not in (status_rule("Activated").reason or "").casefold()


@pytest.mark.parametrize("term", list(TERMS))
def test_a_billing_term_is_decided_and_told_as_the_table_says(term):
	rule = term_rule(term)
	decision = decide(POLICY, None, facts(billing_term=term), 11, today=TODAY)
	card = _card(billing_term=term)
	assert card["terms"][0] == rule.word
	assert card["may_change"] is rule.may_change is (decision.outcome is Outcome.RELEASED)
	if not rule.may_change:
		assert decision.rule == "billing_term" and term in str(staff_sentence(decision))
		assert str(client_sentence(decision)) == card["reason"] == rule.reason


def test_a_term_that_pax8_may_add_is_for_staff_and_none_is_not_held():
	held = decide(POLICY, None, facts(billing_term="Weekly"), 11, today=TODAY)
	assert (held.outcome, held.rule) == (Outcome.HELD, "unknown_term")
	assert "Weekly" in str(staff_sentence(held))
	for term in (None, ""):
		assert decide(POLICY, None, facts(billing_term=term), 11, today=TODAY).outcome is Outcome.RELEASED


def test_spelling_makes_no_other_status_or_term():
	assert status_rule(" active ").may_change and term_rule("ONE-TIME") is TERMS["One-Time"]


def _card(**values):
	row = {"name": "s", "product_name": "P", "quantity": 10, "status": "Active", **values}
	return page.subscription(
		row,
		facts=facts(**values),
		rule=SubscriptionRule(),
		policy=POLICY,
		today=TODAY,
		formats=FORMATS,
	)
