"""Deciding a client's quantity change: refused, held for a person, or released.

Everything the decision depends on comes in as plain values, so that the same function decides a real request, answers
the portal while somebody types, and replays old requests against a policy that has not been saved yet.

A decision has two halves, each in a fixed order; the first check that speaks is recorded as the reason, and the trace
lists every check that was looked at:

1. **Eligibility**, in this order: `client_disabled` (in the trace only where it is so), `self_service_off`, `vanished`,
   `not_active`, `ended`, `future_start`, `usage_based`, `billing_term`, `follows_parent`, the number itself (`missing`,
   `not_whole`, `below_one`, `too_large`), `same_quantity`,
   `below_minimum` / `above_maximum`, `open_request`, `committed_until` / `commitment_no_increase`, or, for a change at the
   end of the term, `no_decrease` / `no_term_end`. Anything here refuses.
2. **Holds**: what a person has to approve, in the order of `rules.holds`.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from msp_licensing.rules import commitments
from msp_licensing.rules.checks import check, current_quantity, percent, usage_class_of
from msp_licensing.rules.commitments import When
from msp_licensing.rules.holds import hold_steps
from msp_licensing.rules.quantity import (
	MAX_QUANTITY,
	MAX_THRESHOLD,
	MAX_WINDOW,
	effective_limits,
	parse_quantity,
	validate_limits,
	validate_options,
	validate_rule_limits,
	validate_threshold,
)
from msp_licensing.rules.statuses import status_rule, term_rule
from msp_licensing.rules.values import (
	ApprovalRule,
	Decision,
	Limits,
	Outcome,
	Policy,
	Release,
	SelfService,
	Step,
	SubscriptionFacts,
	SubscriptionRule,
	Timing,
	Verdict,
	as_day,
	plain,
	vendor_key,
)

# What a caller needs to ask for a decision comes from here, wherever in the package it is written.
__all__ = [
	"MAX_QUANTITY",
	"MAX_THRESHOLD",
	"MAX_WINDOW",
	"ApprovalRule",
	"Decision",
	"Limits",
	"Outcome",
	"Policy",
	"Release",
	"SelfService",
	"Step",
	"SubscriptionFacts",
	"SubscriptionRule",
	"Timing",
	"Verdict",
	"blocked",
	"decide",
	"effective_limits",
	"parse_quantity",
	"self_service_allowed",
	"validate_limits",
	"validate_options",
	"validate_rule_limits",
	"validate_threshold",
	"vendor_key",
]


def self_service_allowed(policy: Policy, rule: SubscriptionRule | None = None) -> bool:
	"""Return whether clients may ask for changes: the subscription's rule, or else the global default."""
	if rule is not None and rule.self_service == SelfService.ALLOW:
		return True
	if rule is not None and rule.self_service == SelfService.DENY:
		return False
	return bool(policy.allow_self_service)


def blocked(
	policy: Policy, rule: SubscriptionRule | None, facts: SubscriptionFacts, *, today: date
) -> Decision | None:
	"""Return why no number at all would be accepted on this subscription, or `None` when one may be asked for.

	For the portal, which shows a button or the reason why there is none.
	"""
	steps = [*_standing_steps(policy, rule, facts, today), _open_request(facts)]
	return _refusal(steps, _baseline(facts, None))


def decide(
	policy: Policy,
	rule: SubscriptionRule | None,
	facts: SubscriptionFacts,
	wanted: object,
	*,
	today: date,
	timing: Timing | str = Timing.NOW,
) -> Decision:
	"""Decide a client's wish for a new total quantity.

	Args:
		policy: the rules for the client: the global ones, or its own.
		rule: the subscription's own rule; `None` = inherits everything.
		facts: what is known of the subscription now; `facts.quantity` should be a fresh read.
		wanted: the new total, as typed; see `parse_quantity`.
		today: the day of the decision, as Pax8 counts days (UTC); a commitment that ends today is over.
		timing: when the change is wished for. At the end of the term: only a decrease, only while a term is running
			whose end is known; everything else is decided as for a change now.

	Returns:
		The decision. Never raises for anything a person can type or a record can hold.
	"""
	quantity = parse_quantity(wanted)
	number = quantity if isinstance(quantity, int) else None
	baseline = _baseline(facts, number)
	if number is None:
		baseline["wanted"] = _typed(wanted)

	steps = _standing_steps(policy, rule, facts, today)
	if number is None:
		steps.append(Step(str(quantity), Verdict.REFUSES, {"wanted": _typed(wanted), "limit": MAX_QUANTITY}))
	else:
		steps.extend(_number_steps(policy, rule, facts, number))
	steps.append(_open_request(facts))
	commitment = _commitment_step(policy, facts, number, today, at_term_end=timing == Timing.AT_TERM_END)
	if commitment.verdict is not Verdict.HOLDS:
		steps.append(commitment)
	refusal = _refusal(steps, baseline)
	if refusal or number is None:
		return refusal or Decision(Outcome.REFUSED, str(quantity), baseline, tuple(steps))

	steps.extend(hold_steps(policy, rule, facts, number, commitment, today=today))
	for step in steps:
		if step.verdict is Verdict.HOLDS:
			return Decision(Outcome.HELD, step.rule, {**baseline, **step.numbers}, tuple(steps))
	threshold = next(step for step in steps if step.rule == "threshold")
	return Decision(
		Outcome.RELEASED, _released_by(threshold), {**baseline, **threshold.numbers}, tuple(steps)
	)


def _released_by(threshold: Step) -> str:
	if threshold.verdict is Verdict.SKIPPED:
		return "no_approval_needed"
	return "free_seats" if threshold.numbers.get("by_free_seats") else "within_threshold"


def _refusal(steps: list[Step], baseline: dict[str, Any]) -> Decision | None:
	for step in steps:
		if step.verdict is Verdict.REFUSES:
			return Decision(Outcome.REFUSED, step.rule, {**baseline, **step.numbers}, tuple(steps))
	return None


def _standing_steps(
	policy: Policy, rule: SubscriptionRule | None, facts: SubscriptionFacts, today: date
) -> list[Step]:
	"""The checks that do not depend on the number asked for."""
	now, start, end = as_day(today), as_day(facts.start_date), as_day(facts.end_date)
	status = facts.status.strip() if isinstance(facts.status, str) else facts.status
	term = term_rule(facts.billing_term)
	chosen = rule.self_service if rule is not None else SelfService.INHERIT
	return [
		*([check("client_disabled", True)] if facts.client_disabled else []),
		check(
			"self_service_off",
			not self_service_allowed(policy, rule),
			default=bool(policy.allow_self_service),
			subscription=plain(chosen),
		),
		check("vanished", bool(facts.vanished)),
		check("not_active", not status_rule(status).may_change, status=plain(status)),
		check("ended", bool(end and now and end <= now), end_date=plain(end)),
		check("future_start", bool(start and now and start > now), start_date=plain(start)),
		check("usage_based", usage_class_of(facts) == "usage", usage_class=plain(facts.usage_class)),
		check("billing_term", bool(term and not term.may_change), billing_term=plain(facts.billing_term)),
		check("follows_parent", bool(facts.follows_parent), parent_id=plain(facts.parent_id)),
	]


def _number_steps(
	policy: Policy, rule: SubscriptionRule | None, facts: SubscriptionFacts, wanted: int
) -> list[Step]:
	current = current_quantity(facts)
	limits = effective_limits(policy, rule)
	# With the current quantity unknown, so is the direction: both ends of the range count then.
	up = current is None or wanted > current
	down = current is None or wanted < current
	return [
		check("same_quantity", wanted == current, current=current, wanted=wanted),
		check("below_minimum", down and wanted < limits.minimum, minimum=limits.minimum, wanted=wanted),
		check("above_maximum", up and 0 < limits.maximum < wanted, maximum=limits.maximum, wanted=wanted),
	]


def _open_request(facts: SubscriptionFacts) -> Step:
	return check("open_request", bool(facts.has_open_request))


# What the commitment's answer to a decrease is called in a trace.
_ANSWERS = {
	When.NOW: ("committed_until", Verdict.PASSES),
	When.AT_TERM_END: ("committed_until", Verdict.REFUSES),
	When.STAFF: ("commitment_unknown", Verdict.HOLDS),
}


def _commitment_step(
	policy: Policy, facts: SubscriptionFacts, wanted: int | None, today: date, *, at_term_end: bool
) -> Step:
	"""The commitment's say: it may refuse, hold (not known) or pass; only one of its codes appears in a trace."""
	current, now = current_quantity(facts), as_day(today)
	terms = commitments.terms_of(facts, policy.return_windows)
	numbers = {"commitment_end": plain(terms.end)}
	if wanted is None:
		return Step("committed_until", Verdict.PASSES, numbers)
	increase = current is not None and wanted >= current
	if at_term_end:
		if increase:
			return Step("no_decrease", Verdict.REFUSES, numbers)
		possible = commitments.running(terms, now)
		return Step("no_term_end", Verdict.PASSES if possible else Verdict.REFUSES, numbers)
	answer = commitments.answer_for(facts, policy.return_windows, current, wanted, now)
	numbers |= {"reason": answer.reason, "until": plain(answer.until)}
	if increase and commitments.running(terms, now):
		barred = answer.when is not When.NOW
		return Step("commitment_no_increase", Verdict.REFUSES if barred else Verdict.PASSES, numbers)
	return Step(*_ANSWERS[answer.when], numbers)


def _baseline(facts: SubscriptionFacts, wanted: int | None) -> dict[str, Any]:
	current = current_quantity(facts)
	numbers: dict[str, Any] = {"current": current, "wanted": wanted}
	if wanted is not None and current is not None:
		numbers["change"] = wanted - current
		numbers["change_percent"] = percent(wanted - current, current) if current > 0 else None
	return numbers


def _typed(wanted: object) -> str | None:
	"""What was typed, short enough to be stored and shown."""
	if wanted is None:
		return None
	text = wanted if isinstance(wanted, str) else type(wanted).__name__
	if isinstance(wanted, int | float | Decimal):
		try:
			text = str(wanted)
		except ValueError:
			text = "…"
	return text if len(text) <= 40 else text[:39] + "…"
