"""What the checks of a decision are made of: the step itself, the quantity it starts from, and exact figures."""

from __future__ import annotations

from decimal import MAX_EMAX, MIN_EMIN, ROUND_DOWN, Context, Decimal
from typing import Any

from msp_licensing.rules.quantity import as_number
from msp_licensing.rules.values import Step, SubscriptionFacts, Verdict

# Wide enough that the product of any threshold and any quantity is exact; rounding down could only ever hold more.
EXACT = Context(prec=120, rounding=ROUND_DOWN, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[])


def check(rule: str, speaks: bool, verdict: Verdict = Verdict.REFUSES, **numbers: Any) -> Step:
	"""Return the step of a check that says `verdict` if it `speaks`, and passes otherwise."""
	return Step(rule, verdict if speaks else Verdict.PASSES, numbers)


def current_quantity(facts: SubscriptionFacts) -> int | None:
	"""The current quantity as a whole number; a fraction of a seat is as good as not known."""
	quantity = facts.quantity
	if quantity is None or isinstance(quantity, bool):
		return None
	number = as_number(quantity)
	if number is None or number.adjusted() > 15 or number != int(number):
		return None
	return int(number)


def usage_class_of(facts: SubscriptionFacts) -> str:
	return facts.usage_class.strip().casefold() if isinstance(facts.usage_class, str) else ""


def percent(change: int, current: int) -> str:
	"""The change as percent of `current`, signed, for reading.

	With as many decimals (four at most) as `current` has digits: then no change beside a threshold in whole percent
	reads as if it met it, since it differs by 1/`current` at least.
	"""
	return short(EXACT.divide(Decimal(change * 100), Decimal(current)), len(str(abs(current))))


def short(number: Decimal, decimals: int = 4) -> str:
	"""At most so many (never above four) decimals, no exponent, no trailing zeros; for reading, never for comparing."""
	if number.adjusted() > 30:
		return str(number)
	if number.adjusted() < -30:
		return "0"
	text = f"{number:.{min(decimals, 4)}f}"
	return text.rstrip("0").rstrip(".") if "." in text else text
