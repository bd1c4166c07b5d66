"""The numbers of a request and of the rules: which may be typed or saved, and which range counts."""

from __future__ import annotations

import math
from decimal import Decimal, InvalidOperation

from msp_licensing.rules.values import Limits, Policy, SubscriptionRule

MAX_QUANTITY = 1_000_000
"""The largest quantity a client may type, in seats. Pax8 publishes no limit; this one catches slips of the keyboard."""

MAX_THRESHOLD = Decimal(1_000_000)
"""The largest threshold that can be saved, in percent."""

MAX_WINDOW = 366
"""The longest time in which changes count together, in days."""


def parse_quantity(wanted: object) -> int | str:
	"""Read the total quantity a person asked for.

	Text must be digits and nothing else, of any script, with blanks around it allowed. `10,000` and `10.000` are two
	numbers depending on who reads them, `+5` is more likely meant as a difference than as a total, and `1e3` is a slip:
	none of them is guessed at. Numbers (int, float, Decimal) must be whole.

	Returns:
		The quantity, 1 to `MAX_QUANTITY`, or the code of the refusal: `missing`, `not_whole`, `below_one`, `too_large`.
	"""
	if wanted is None:
		return "missing"
	if isinstance(wanted, bool):
		return "not_whole"
	if isinstance(wanted, str):
		return _parse_text(wanted.strip())
	if isinstance(wanted, float):
		if not math.isfinite(wanted) or wanted != math.floor(wanted):
			return "not_whole"
	elif isinstance(wanted, Decimal):
		if not wanted.is_finite():
			return "not_whole"
		# Before asking whether it is whole: an exponent of a million digits would be written out.
		if wanted > MAX_QUANTITY:
			return "too_large"
		if wanted <= 0:
			return "below_one"
		if wanted != int(wanted):
			return "not_whole"
	elif not isinstance(wanted, int):
		return "not_whole"
	return _in_range(int(wanted))


def _parse_text(text: str) -> int | str:
	if not text:
		return "missing"
	negative = text[0] in "-−"
	digits = text[1:] if negative else text
	if not digits.isdecimal():
		return "not_whole"
	if negative:
		return "below_one"
	# Before int(): Python refuses to read numbers of several thousand digits.
	if len(digits) > 64:
		return "too_large"
	return _in_range(int(digits))


def _in_range(quantity: int) -> int | str:
	if quantity < 1:
		return "below_one"
	return quantity if quantity <= MAX_QUANTITY else "too_large"


def effective_limits(policy: Policy, rule: SubscriptionRule | None = None) -> Limits:
	"""Return the range that counts for a subscription: its own with `override_limits`, else the global one."""
	source = rule if rule is not None and rule.override_limits else policy
	return Limits(max(1, as_whole(source.min_quantity)), max(0, as_whole(source.max_quantity)))


def validate_limits(min_quantity: object, max_quantity: object) -> str | None:
	"""Check a pair of limits before it is saved.

	Returns:
		`None` when they are fine, else `limit_not_whole`, `limit_negative`, `limit_too_large` or `min_above_max`.
		An empty value counts as 0, a minimum of 0 as 1, a maximum of 0 as no limit.
	"""
	for value in (min_quantity, max_quantity):
		if value in (None, ""):
			continue
		if isinstance(value, bool) or not isinstance(value, int):
			return "limit_not_whole"
		if value < 0:
			return "limit_negative"
		if value > MAX_QUANTITY:
			return "limit_too_large"
	minimum, maximum = max(1, as_whole(min_quantity)), as_whole(max_quantity)
	return "min_above_max" if 0 < maximum < minimum else None


def validate_rule_limits(policy: Policy, rule: SubscriptionRule) -> str | None:
	"""Check the limits a subscription ends up with after inheriting; returns as `validate_limits` does."""
	if rule.override_limits:
		problem = validate_limits(rule.min_quantity, rule.max_quantity)
		if problem:
			return problem
	return validate_limits(*effective_limits(policy, rule))


def validate_threshold(threshold: object) -> str | None:
	"""Check a threshold before it is saved.

	Returns:
		`None` when it is fine (`None`, or 0 to `MAX_THRESHOLD` percent), else `threshold_not_number`,
		`threshold_negative` or `threshold_too_large`.
	"""
	if threshold is None:
		return None
	number = as_number(threshold)
	if number is None:
		return "threshold_not_number"
	if number < 0:
		return "threshold_negative"
	return "threshold_too_large" if number > MAX_THRESHOLD else None


def validate_options(policy: Policy) -> str | None:
	"""Check the options of a policy that its threshold and limits of quantity leave out.

	Returns:
		`None` when they are fine, else `free_seats_wrong`, `window_wrong`, `amount_negative` or `currency_missing`.
	"""
	for code, value, most in (
		("free_seats_wrong", policy.free_seats, MAX_QUANTITY),
		("window_wrong", policy.window_days, MAX_WINDOW),
	):
		if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
			return code
	amounts = [
		amount
		for amount in (policy.limit_per_change, policy.limit_per_month, policy.client_approval_above)
		if amount is not None
	]
	numbers = [as_number(amount) for amount in amounts]
	if any(number is None or number < 0 for number in numbers):
		return "amount_negative"
	# 0 is a limit in every currency.
	return "currency_missing" if any(numbers) and not policy.limit_currency else None


def as_number(value: object) -> Decimal | None:
	"""Read a finite number, also from text; `None` when it is none."""
	if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
		return None
	try:
		number = value if isinstance(value, Decimal) else Decimal(str(value).strip())
	except (InvalidOperation, ValueError):
		return None
	return number if number.is_finite() else None


def as_whole(value: object) -> int:
	"""Read a limit in seats, cut to a whole number of at most `MAX_QUANTITY` either way; 0 when it is no number."""
	number = as_number(value)
	if number is None:
		return 0
	return int(max(Decimal(-MAX_QUANTITY), min(Decimal(MAX_QUANTITY), number)))
