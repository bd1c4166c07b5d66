"""What the policy allows, said once more in the words of the brief: the model's own judge of a client's wish."""

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

REFUSED, HELD, RELEASED = "refused", "held", "released"
ASKED = "asked"
"""It waits for the client's own approver."""


class Facts(NamedTuple):
	"""A subscription as it stands, by Pax8 or by the site's copy."""

	quantity: int
	status: str
	vendor: str
	commitment_end: date | None
	may_decrease: bool | None
	"""Inside a commitment; None: that depends on windows that the model does not know."""
	price: float | None = None
	currency: str = "USD"
	product_held: bool = False


class Past(NamedTuple):
	"""What was released without an approval before: it may count."""

	before: int | None = None
	"""The quantity before the first such change of the window."""
	spent: float = 0
	"""What such increases of this month add to what the client pays."""


def verdicts(
	policy: dict[str, Any],
	rule: dict[str, Any],
	facts: Facts,
	wanted: int,
	*,
	today: date,
	open_: bool,
	at_term_end: bool = False,
	past: Sequence[Past] = (Past(),),
) -> set[str]:
	"""What may become of the wish of a client who asks for `wanted` licenses now.

	Args:
		at_term_end: asked for the end of the running commitment, which only decreases can be.
		past: more than one where it is a matter of reading which earlier changes still count.
	"""
	if _refused(policy, rule, facts, wanted) or open_:
		return {REFUSED}
	held = {_held(policy, rule, facts, wanted, one) for one in past}
	allowed = {HELD if one else RELEASED for one in held}
	down = wanted < facts.quantity
	running = facts.commitment_end is not None and facts.commitment_end > today
	if at_term_end:
		return allowed if down and running else {REFUSED}
	if down and facts.commitment_end and facts.may_decrease is not True:
		return {REFUSED} if running and facts.may_decrease is False else {REFUSED, HELD} | allowed
	return allowed


def _refused(policy: dict[str, Any], rule: dict[str, Any], facts: Facts, wanted: int) -> bool:
	allowed = {"Allow": True, "Deny": False}.get(
		rule["self_service"], bool(policy["allow_self_service_by_default"])
	)
	own = {"min_quantity": policy["default_min_quantity"], "max_quantity": policy["default_max_quantity"]}
	limits = rule if rule["override_limits"] else own
	lowest, highest = max(1, limits["min_quantity"]), limits["max_quantity"]
	up, down = wanted > facts.quantity, wanted < facts.quantity
	return (
		not allowed
		or facts.status != "Active"
		or not (up or down)
		or wanted < 1
		or (down and wanted < lowest)
		or (up and 0 < highest < wanted)
	)


def _held(policy: dict[str, Any], rule: dict[str, Any], facts: Facts, wanted: int, past: Past) -> bool:
	vendors = {vendor.casefold() for vendor in policy["vendors"]}
	small = _within_threshold(policy, facts, wanted, past)
	asked_for = policy["require_approval_by_default"] and rule["approval"] != "Not by default"
	return bool(
		facts.vendor.casefold() in vendors
		or facts.product_held
		or rule["approval"] == "Always"
		or (policy["decreases_need_approval"] and wanted < facts.quantity)
		or (asked_for and not (policy["threshold_may_release"] and small))
		or _too_much_money(policy, facts, wanted, past)
		or small is False
	)


def _within_threshold(policy: dict[str, Any], facts: Facts, wanted: int, past: Past) -> bool | None:
	"""None: there is no threshold."""
	if not policy["use_auto_approve_threshold"]:
		return None
	percent, bases = policy["auto_approve_threshold"], [facts.quantity]
	if policy["window_days"] and past.before:
		bases.append(past.before)
	return bool(percent) and all(
		abs(wanted - base) <= policy["free_seats"] or abs(wanted - base) * 100 <= percent * base
		for base in bases
	)


def _too_much_money(policy: dict[str, Any], facts: Facts, wanted: int, past: Past) -> bool:
	each, monthly = policy["limit_per_change"], policy["limit_per_month"]
	if not (each or monthly) or wanted < facts.quantity:
		return False
	if facts.price is None or facts.currency != "USD":
		return True
	adds = (wanted - facts.quantity) * facts.price
	return bool((each and adds > each) or (monthly and past.spent + adds > monthly))
