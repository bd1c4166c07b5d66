"""What holds a change for a person: the second half of a decision, in its fixed order.

`vendor_override`, `product_always`, `unknown_vendor`, `subscription_always`, `decreases_need_approval`,
`unknown_term`, `require_approval`, `unknown_usage_class`, `unknown_quantity`, `zero_quantity`, `commitment_unknown`, `amount_unknown`,
`amount_per_change`, `month_unknown`, `amount_per_month`, `threshold`, `threshold_window`.

What is not known holds: an unknown vendor stands next to the vendor override, because it might be one of those vendors;
the other unknowns stand before the threshold, because a percentage released on unknown ground would prove nothing.
Options that are off leave no step behind.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from msp_licensing.rules.checks import EXACT, check, current_quantity, percent, short, usage_class_of
from msp_licensing.rules.quantity import MAX_QUANTITY, MAX_WINDOW, as_number, as_whole
from msp_licensing.rules.statuses import term_rule
from msp_licensing.rules.values import (
	ApprovalRule,
	Policy,
	Release,
	Step,
	SubscriptionFacts,
	SubscriptionRule,
	Verdict,
	as_day,
	plain,
	vendor_key,
)


def hold_steps(
	policy: Policy,
	rule: SubscriptionRule | None,
	facts: SubscriptionFacts,
	wanted: int,
	commitment: Step,
	*,
	today: date,
) -> list[Step]:
	"""Return every check that can hold, in order; `commitment` is the commitment's say, listed where it holds."""
	current = current_quantity(facts)
	approval = rule.approval if rule is not None else ApprovalRule.INHERIT
	steps = [
		_vendor_step(policy, facts),
		check("product_always", bool(facts.always_held), Verdict.HOLDS),
		check("unknown_vendor", not vendor_key(facts.vendor), Verdict.HOLDS),
		check("subscription_always", approval == ApprovalRule.ALWAYS, Verdict.HOLDS),
	]
	if policy.decreases_need_approval:
		down = current is None or wanted < current
		steps.append(check("decreases_need_approval", down, Verdict.HOLDS, current=current, wanted=wanted))
	known_class = usage_class_of(facts) in ("seat", "usage")
	if facts.billing_term and term_rule(facts.billing_term) is None:
		steps.append(Step("unknown_term", Verdict.HOLDS, {"billing_term": plain(facts.billing_term)}))
	steps += [
		_toggle_step(policy, approval),
		check("unknown_usage_class", not known_class, Verdict.HOLDS, usage_class=plain(facts.usage_class)),
		check("unknown_quantity", current is None, Verdict.HOLDS),
		check("zero_quantity", current is not None and current <= 0, Verdict.HOLDS, current=current),
	]
	if commitment.verdict is Verdict.HOLDS:
		steps.append(commitment)
	steps += _amount_steps(policy, facts, current, wanted, today)
	steps.append(_threshold_step(policy, current, wanted))
	if window := _window_step(policy, facts, current, wanted, today):
		steps.append(window)
	return steps


def _vendor_step(policy: Policy, facts: SubscriptionFacts) -> Step:
	"""Whether a name of the vendor is one that always needs approval: the present one, or one it was known by."""
	held = _vendors(policy)
	name = next((name for name in facts.vendor_names if vendor_key(name) in held), None)
	numbers = {"vendor": plain(facts.vendor if name is None else name)}
	if name is not None and vendor_key(name) != vendor_key(facts.vendor):
		numbers["now"] = plain(facts.vendor)
	return Step("vendor_override", Verdict.PASSES if name is None else Verdict.HOLDS, numbers)


def _toggle_step(policy: Policy, approval: ApprovalRule | str) -> Step:
	toggle = bool(policy.require_approval)
	if approval == ApprovalRule.NOT_BY_DEFAULT:
		return Step("require_approval", Verdict.SKIPPED, {"toggle": toggle})
	if toggle and policy.threshold_may_release and policy.threshold is not None:
		# The threshold holds what it does not release, and says by how much.
		return Step("require_approval", Verdict.SKIPPED, {"toggle": toggle, "threshold_may_release": True})
	return check("require_approval", toggle, Verdict.HOLDS, toggle=toggle)


# --------------------------------------------------------------------------------------------- money


def _amount_steps(
	policy: Policy, facts: SubscriptionFacts, current: int | None, wanted: int, today: date
) -> list[Step]:
	"""The limits in money, on what an increase adds to what the client pays per billing term."""
	chosen = {
		"amount_per_change": _limit(policy.limit_per_change),
		"amount_per_month": _limit(policy.limit_per_month),
	}
	limits = {name: limit for name, limit in chosen.items() if limit is not None}
	if not limits or current is None:
		return []
	if wanted <= current:
		return [Step(name, Verdict.SKIPPED, {"most": short(limit)}) for name, limit in limits.items()]
	currency = _currency(policy.limit_currency)
	price = as_number(facts.unit_price)
	known = price is not None and price >= 0 and bool(currency) and _currency(facts.currency) == currency
	steps = [check("amount_unknown", not known, Verdict.HOLDS, currency=currency or None)]
	if price is None or not known:
		return steps
	amount = EXACT.multiply(price, Decimal(wanted - current))
	if (most := limits.get("amount_per_change")) is not None:
		numbers = {"amount": short(amount), "most": short(most), "currency": currency}
		steps.append(check("amount_per_change", amount > most, Verdict.HOLDS, **numbers))
	if (most := limits.get("amount_per_month")) is not None:
		steps += _month_steps(facts, amount, most, currency, today)
	return steps


def _month_steps(
	facts: SubscriptionFacts, amount: Decimal, most: Decimal, currency: str, today: date
) -> list[Step]:
	earlier = [
		release for release in facts.client_releases if release.on >= today.replace(day=1) and _adds(release)
	]
	known = [r.amount for r in earlier if r.amount is not None and _currency(r.currency) == currency]
	uncounted = len(earlier) - len(known)
	total = amount
	for one in known:
		total = EXACT.add(total, one)
	numbers = {"amount": short(amount), "total": short(total), "most": short(most), "currency": currency}
	return [
		check("month_unknown", uncounted > 0, Verdict.HOLDS, uncounted=uncounted, currency=currency),
		check("amount_per_month", total > most, Verdict.HOLDS, **numbers),
	]


def _adds(release: Release) -> bool:
	"""Whether a release counts towards a month: all but decreases. One of which nothing is known counts."""
	if release.after is not None:
		return release.after > release.before
	return release.amount is None or release.amount >= 0


def _limit(value: object) -> Decimal | None:
	if value is None:
		return None
	number = as_number(value)
	# A limit that cannot be read must not release anything: it counts as 0.
	return number if number is not None and number > 0 else Decimal(0)


def _currency(code: object) -> str:
	return code.strip().upper() if isinstance(code, str) else ""


# --------------------------------------------------------------------------------------------- threshold


def _threshold_step(policy: Policy, current: int | None, wanted: int) -> Step:
	threshold = _threshold(policy)
	if threshold is None:
		return Step("threshold", Verdict.SKIPPED, {"threshold": None})
	numbers: dict[str, Any] = {"threshold": short(threshold)}
	if current is None or current <= 0:
		return Step("threshold", Verdict.HOLDS, numbers)
	free = _free_seats(policy, threshold)
	limit = EXACT.divide(EXACT.multiply(threshold, Decimal(current)), Decimal(100))
	# The largest change that passes, in seats; what a client can reach is bounded anyway.
	numbers["limit"] = max(int(min(limit, Decimal(MAX_QUANTITY))), free)
	exceeded = _exceeds(threshold, current, wanted)
	if free:
		numbers["free_seats"] = free
		numbers["by_free_seats"] = exceeded and abs(wanted - current) <= free
		exceeded = exceeded and not numbers["by_free_seats"]
	return Step("threshold", Verdict.HOLDS if exceeded else Verdict.PASSES, numbers)


def _window_step(
	policy: Policy, facts: SubscriptionFacts, current: int | None, wanted: int, today: date
) -> Step | None:
	"""The change together with those released without approval before it; None where the option has no say."""
	threshold, days = _threshold(policy), min(as_whole(policy.window_days), MAX_WINDOW)
	if threshold is None or days <= 0 or current is None or current <= 0:
		return None
	begin = (as_day(today) or date.max) - timedelta(days=days)
	first = next((release for release in facts.releases if release.on >= begin), None)
	numbers: dict[str, Any] = {"window_days": days, "threshold": short(threshold)}
	if first is None:
		return Step("threshold_window", Verdict.PASSES, {**numbers, "base": current, "since": None})
	numbers |= {"base": first.before, "since": plain(first.on), "wanted": wanted}
	if first.before <= 0:
		return Step("threshold_window", Verdict.HOLDS, {**numbers, "together_percent": None})
	exceeded = _exceeds(threshold, first.before, wanted)
	if abs(wanted - first.before) <= _free_seats(policy, threshold):
		exceeded = False
	numbers["together_percent"] = percent(wanted - first.before, first.before)
	return Step("threshold_window", Verdict.HOLDS if exceeded else Verdict.PASSES, numbers)


def _threshold(policy: Policy) -> Decimal | None:
	if policy.threshold is None:
		return None
	number = as_number(policy.threshold)
	# A threshold that cannot be read must not release anything: it counts as 0.
	return number if number is not None and number > 0 else Decimal(0)


def _free_seats(policy: Policy, threshold: Decimal) -> int:
	"""Seats that are always fine; none at 0 %, which holds everything."""
	return max(0, as_whole(policy.free_seats)) if threshold > 0 else 0


def _exceeds(threshold: Decimal, base: int, wanted: int) -> bool:
	allowed = EXACT.multiply(threshold, Decimal(base))
	return EXACT.compare(Decimal(abs(wanted - base) * 100), allowed) > 0


def _vendors(policy: Policy) -> set[str]:
	overrides = policy.vendor_overrides
	names: Iterable[object] = (overrides,) if isinstance(overrides, str) else overrides or ()
	return {key for key in map(vendor_key, names) if key}
