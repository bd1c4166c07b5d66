"""Deciding a client's quantity change: refused, held for a person, or released.

Everything the decision depends on comes in as plain values, so that the same function decides a real request, answers
the portal while somebody types, and replays old requests against a policy that has not been saved yet.

A decision has two halves, each in a fixed order; the first check that speaks is recorded as the reason, and the trace
lists every check that was looked at:

1. **Eligibility**, in this order: `self_service_off`, `vanished`, `not_active`, `ended`, `future_start`, `usage_based`,
   `follows_parent`, the number itself (`missing`, `not_whole`, `below_one`, `too_large`), `same_quantity`,
   `below_minimum` / `above_maximum`, `open_request`, `committed_until` / `commitment_no_increase`. Anything here refuses.
2. **Holds**, in this order: `vendor_override`, `unknown_vendor`, `subscription_always`, `require_approval`,
   `unknown_usage_class`, `unknown_quantity`, `zero_quantity`, `commitment_unknown`, `threshold`.

What is not known holds: an unknown vendor stands next to the vendor override, because it might be one of those vendors;
the other unknowns stand before the threshold, because a percentage released on unknown ground would prove nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from decimal import MAX_EMAX, MIN_EMIN, ROUND_DOWN, Context, Decimal, InvalidOperation
from enum import Enum
from typing import Any, NamedTuple

MAX_QUANTITY = 1_000_000
"""The largest quantity a client may type, in seats. Pax8 publishes no limit; this one catches slips of the keyboard."""

MAX_THRESHOLD = Decimal(1_000_000)
"""The largest threshold that can be saved, in percent."""

# Wide enough that the product of any threshold and any quantity is exact; rounding down could only ever hold more.
_EXACT = Context(prec=120, rounding=ROUND_DOWN, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[])


class _Word(str, Enum):
	"""An enum whose members are their own text, as `enum.StrEnum` (Python 3.11) has it."""

	def __str__(self) -> str:
		return str(self.value)


class SelfService(_Word):
	"""May clients ask for changes on this subscription? The subscription wins over the global default."""

	INHERIT = "Inherit"
	ALLOW = "Allow"
	DENY = "Deny"


class ApprovalRule(_Word):
	"""A subscription's own say about approval. `NOT_BY_DEFAULT` skips the global toggle and nothing else."""

	INHERIT = "Inherit"
	ALWAYS = "Always"
	NOT_BY_DEFAULT = "Not by default"


class Outcome(_Word):
	"""What becomes of the request."""

	REFUSED = "Refused"
	HELD = "Held"
	RELEASED = "Released"


class Verdict(_Word):
	"""What one check said."""

	PASSES = "Passes"
	REFUSES = "Refuses"
	HOLDS = "Holds"
	SKIPPED = "Skipped"


@dataclass(frozen=True, slots=True)
class Policy:
	"""The global rules, as Licensing Settings holds them.

	Attributes:
		require_approval: the toggle; on = every change is held, whatever the threshold.
		threshold: percent of the current quantity that a change may reach without approval; `None` = no threshold,
			`Decimal(0)` = everything is held, even with the toggle off.
		vendor_overrides: vendors whose every change is held; compared trimmed and case-folded.
		allow_self_service: the default for subscriptions that inherit.
		min_quantity: seats; values below 1 count as 1.
		max_quantity: seats; 0 or less = no limit.
	"""

	require_approval: bool = True
	threshold: Decimal | None = None
	vendor_overrides: frozenset[str] | tuple[str, ...] = ()
	allow_self_service: bool = False
	min_quantity: int = 1
	max_quantity: int = 0


@dataclass(frozen=True, slots=True)
class SubscriptionRule:
	"""One subscription's own rule. Its limits count only with `override_limits`, and then both of them do."""

	self_service: SelfService | str = SelfService.INHERIT
	approval: ApprovalRule | str = ApprovalRule.INHERIT
	override_limits: bool = False
	min_quantity: int = 1
	max_quantity: int = 0


@dataclass(frozen=True, slots=True)
class SubscriptionFacts:
	"""What is known of a subscription at the moment of deciding.

	Attributes:
		status: Pax8's word; only `Active` may be changed.
		quantity: seats now; `None` when Pax8 does not say.
		vendor: the product's vendor (a Pax8 subscription carries none); `None` or blank = unknown.
		usage_class: `Seat`, `Usage`, `Unknown` or `None`; anything but the first two counts as unknown.
		start_date, end_date: the subscription's own dates. Pax8 refuses changes before the start; a subscription
			past its end may still read `Active`.
		commitment_end: last day of the running commitment, `None` without one.
		has_commitment: a commitment is known to exist; matters only while its end is not known.
		decrease_allowed_in_commitment: the product's `allowForQuantityDecrease`; `None` = not known.
		increase_allowed_in_commitment: the product's `allowForQuantityIncrease`; `None` counts as allowed, which is
			the rule among vendors.
		has_open_request: another request on this subscription is not finished yet.
		parent_id: Pax8's `parentSubscriptionId` of an add-on.
		follows_parent: the add-on's quantity is set by its parent.
		vanished: a complete sync no longer found it.
	"""

	status: str | None
	quantity: int | None
	vendor: str | None = None
	usage_class: str | None = None
	start_date: date | None = None
	end_date: date | None = None
	commitment_end: date | None = None
	decrease_allowed_in_commitment: bool | None = None
	increase_allowed_in_commitment: bool | None = None
	has_commitment: bool = False
	has_open_request: bool = False
	parent_id: str | None = None
	follows_parent: bool = False
	vanished: bool = False

	def as_dict(self) -> dict[str, Any]:
		"""Return the facts as JSON-able values (dates in ISO form), to be stored with a decision."""
		return {key: _plain(value) for key, value in asdict(self).items()}

	@classmethod
	def from_dict(cls, stored: Mapping[str, Any]) -> SubscriptionFacts:
		"""Return the facts that `as_dict` stored; keys of other versions are ignored, missing ones are unknown."""
		known = {name: stored.get(name) for name in ("status", "quantity")}
		for name, default in _FACT_DEFAULTS.items():
			value = stored.get(name, default)
			known[name] = _day(value) if name in _FACT_DATES else value
		return cls(**known)


_FACT_DATES = ("start_date", "end_date", "commitment_end")
_FACT_DEFAULTS: dict[str, Any] = {
	"vendor": None,
	"usage_class": None,
	"start_date": None,
	"end_date": None,
	"commitment_end": None,
	"decrease_allowed_in_commitment": None,
	"increase_allowed_in_commitment": None,
	"has_commitment": False,
	"has_open_request": False,
	"parent_id": None,
	"follows_parent": False,
	"vanished": False,
}


class Limits(NamedTuple):
	"""The range that counts: `minimum` in seats, at least 1; `maximum` in seats, 0 = no limit."""

	minimum: int
	maximum: int


class Step(NamedTuple):
	"""One check of a decision: the rule's code, what it said, and the numbers it looked at (JSON-able)."""

	rule: str
	verdict: Verdict
	numbers: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Decision:
	"""The outcome of `decide`.

	Attributes:
		outcome: refused, held or released.
		rule: code of the check that decided; `within_threshold` or `no_approval_needed` when released.
		numbers: JSON-able: `current`, `wanted` (an int, or the text as typed), `change`, `change_percent` (text,
			signed, at most four decimals) as far as they are known, and what the deciding check looked at.
		trace: every check that was looked at, in order.
	"""

	outcome: Outcome
	rule: str
	numbers: dict[str, Any] = field(default_factory=dict)
	trace: tuple[Step, ...] = ()

	def as_dict(self) -> dict[str, Any]:
		"""Return the decision as JSON-able values, to be stored with a request."""
		return {
			"outcome": str(self.outcome),
			"rule": self.rule,
			"numbers": dict(self.numbers),
			"trace": [
				{"rule": step.rule, "verdict": str(step.verdict), "numbers": dict(step.numbers)}
				for step in self.trace
			],
		}

	@classmethod
	def from_dict(cls, stored: Mapping[str, Any]) -> Decision:
		"""Return the decision that `as_dict` stored.

		Raises:
			KeyError, ValueError: `stored` is not such a record.
		"""
		return cls(
			outcome=Outcome(stored["outcome"]),
			rule=stored["rule"],
			numbers=dict(stored["numbers"]),
			trace=tuple(
				Step(step["rule"], Verdict(step["verdict"]), dict(step["numbers"]))
				for step in stored["trace"]
			),
		)


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
	return Limits(max(1, _whole(source.min_quantity)), max(0, _whole(source.max_quantity)))


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
	minimum, maximum = max(1, _whole(min_quantity)), _whole(max_quantity)
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
	number = _number(threshold)
	if number is None:
		return "threshold_not_number"
	if number < 0:
		return "threshold_negative"
	return "threshold_too_large" if number > MAX_THRESHOLD else None


def vendor_key(vendor: object) -> str:
	"""Return the form in which vendor names are compared: blanks collapsed, case folded; `""` = unknown."""
	return " ".join(vendor.split()).casefold() if isinstance(vendor, str) else ""


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
) -> Decision:
	"""Decide a client's wish for a new total quantity.

	Args:
		policy: the global rules.
		rule: the subscription's own rule; `None` = inherits everything.
		facts: what is known of the subscription now; `facts.quantity` should be a fresh read.
		wanted: the new total, as typed; see `parse_quantity`.
		today: the date of the decision in the site's time zone; a commitment that ends today is over.

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
	commitment = _commitment_step(facts, number, today)
	if commitment.verdict is not Verdict.HOLDS:
		steps.append(commitment)
	refusal = _refusal(steps, baseline)
	if refusal or number is None:
		return refusal or Decision(Outcome.REFUSED, str(quantity), baseline, tuple(steps))

	steps.extend(_hold_steps(policy, rule, facts, number, commitment))
	for step in steps:
		if step.verdict is Verdict.HOLDS:
			return Decision(Outcome.HELD, step.rule, {**baseline, **step.numbers}, tuple(steps))
	last = steps[-1]
	released = "no_approval_needed" if last.verdict is Verdict.SKIPPED else "within_threshold"
	return Decision(Outcome.RELEASED, released, {**baseline, **last.numbers}, tuple(steps))


def _refusal(steps: list[Step], baseline: dict[str, Any]) -> Decision | None:
	for step in steps:
		if step.verdict is Verdict.REFUSES:
			return Decision(Outcome.REFUSED, step.rule, {**baseline, **step.numbers}, tuple(steps))
	return None


def _standing_steps(
	policy: Policy, rule: SubscriptionRule | None, facts: SubscriptionFacts, today: date
) -> list[Step]:
	"""The checks that do not depend on the number asked for."""
	now, start, end = _day(today), _day(facts.start_date), _day(facts.end_date)
	status = facts.status.strip() if isinstance(facts.status, str) else facts.status
	active = isinstance(status, str) and status.casefold() == "active"
	chosen = rule.self_service if rule is not None else SelfService.INHERIT
	return [
		_check(
			"self_service_off",
			not self_service_allowed(policy, rule),
			default=bool(policy.allow_self_service),
			subscription=_plain(chosen),
		),
		_check("vanished", bool(facts.vanished)),
		_check("not_active", not active, status=_plain(status)),
		_check("ended", bool(end and now and end <= now), end_date=_plain(end)),
		_check("future_start", bool(start and now and start > now), start_date=_plain(start)),
		_check("usage_based", _usage_class(facts) == "usage", usage_class=_plain(facts.usage_class)),
		_check("follows_parent", bool(facts.follows_parent), parent_id=_plain(facts.parent_id)),
	]


def _number_steps(
	policy: Policy, rule: SubscriptionRule | None, facts: SubscriptionFacts, wanted: int
) -> list[Step]:
	current = _current(facts)
	limits = effective_limits(policy, rule)
	# With the current quantity unknown, so is the direction: both ends of the range count then.
	up = current is None or wanted > current
	down = current is None or wanted < current
	return [
		_check("same_quantity", wanted == current, current=current, wanted=wanted),
		_check("below_minimum", down and wanted < limits.minimum, minimum=limits.minimum, wanted=wanted),
		_check("above_maximum", up and 0 < limits.maximum < wanted, maximum=limits.maximum, wanted=wanted),
	]


def _open_request(facts: SubscriptionFacts) -> Step:
	return _check("open_request", bool(facts.has_open_request))


def _commitment_step(facts: SubscriptionFacts, wanted: int | None, today: date) -> Step:
	"""The commitment's say: it may refuse, hold (not known) or pass; only one of its codes appears in a trace."""
	current, end, now = _current(facts), _day(facts.commitment_end), _day(today)
	numbers = {"commitment_end": _plain(end)}
	running = end is not None and (now is None or end > now)
	undated = end is None and bool(facts.has_commitment)
	if wanted is None or not (running or undated):
		return Step("committed_until", Verdict.PASSES, numbers)
	if current is not None and wanted >= current:
		barred = facts.increase_allowed_in_commitment is False and running
		return Step("commitment_no_increase", Verdict.REFUSES if barred else Verdict.PASSES, numbers)
	if facts.decrease_allowed_in_commitment is True:
		return Step("committed_until", Verdict.PASSES, numbers)
	# "Not allowed" is final only for a decrease inside a term whose end is known.
	if facts.decrease_allowed_in_commitment is False and running and current is not None:
		return Step("committed_until", Verdict.REFUSES, numbers)
	return Step("commitment_unknown", Verdict.HOLDS, numbers)


def _hold_steps(
	policy: Policy, rule: SubscriptionRule | None, facts: SubscriptionFacts, wanted: int, commitment: Step
) -> list[Step]:
	current = _current(facts)
	vendor = vendor_key(facts.vendor)
	approval = rule.approval if rule is not None else ApprovalRule.INHERIT
	steps = [
		_check("vendor_override", vendor in _vendors(policy), Verdict.HOLDS, vendor=_plain(facts.vendor)),
		_check("unknown_vendor", not vendor, Verdict.HOLDS),
		_check("subscription_always", approval == ApprovalRule.ALWAYS, Verdict.HOLDS),
	]
	if approval == ApprovalRule.NOT_BY_DEFAULT:
		steps.append(Step("require_approval", Verdict.SKIPPED, {"toggle": bool(policy.require_approval)}))
	else:
		toggle = bool(policy.require_approval)
		steps.append(_check("require_approval", toggle, Verdict.HOLDS, toggle=toggle))
	known_class = _usage_class(facts) in ("seat", "usage")
	steps += [
		_check("unknown_usage_class", not known_class, Verdict.HOLDS, usage_class=_plain(facts.usage_class)),
		_check("unknown_quantity", current is None, Verdict.HOLDS),
		_check("zero_quantity", current is not None and current <= 0, Verdict.HOLDS, current=current),
	]
	if commitment.verdict is Verdict.HOLDS:
		steps.append(commitment)
	steps.append(_threshold_step(policy, current, wanted))
	return steps


def _threshold_step(policy: Policy, current: int | None, wanted: int) -> Step:
	if policy.threshold is None:
		return Step("threshold", Verdict.SKIPPED, {"threshold": None})
	number = _number(policy.threshold)
	# A threshold that cannot be read must not release anything: it counts as 0.
	threshold = number if number is not None and number > 0 else Decimal(0)
	numbers = {"threshold": _short(threshold)}
	if current is None or current <= 0:
		return Step("threshold", Verdict.HOLDS, numbers)
	allowed = _EXACT.multiply(threshold, Decimal(current))
	exceeded = _EXACT.compare(Decimal(abs(wanted - current) * 100), allowed) > 0
	limit = _EXACT.divide(allowed, Decimal(100))
	# The largest change that passes, in seats; what a client can reach is bounded anyway.
	numbers["limit"] = int(min(limit, Decimal(MAX_QUANTITY)))
	return Step("threshold", Verdict.HOLDS if exceeded else Verdict.PASSES, numbers)


def _check(rule: str, speaks: bool, verdict: Verdict = Verdict.REFUSES, **numbers: Any) -> Step:
	return Step(rule, verdict if speaks else Verdict.PASSES, numbers)


def _baseline(facts: SubscriptionFacts, wanted: int | None) -> dict[str, Any]:
	current = _current(facts)
	numbers: dict[str, Any] = {"current": current, "wanted": wanted}
	if wanted is not None and current is not None:
		numbers["change"] = wanted - current
		numbers["change_percent"] = _percent(wanted - current, current) if current > 0 else None
	return numbers


def _percent(change: int, current: int) -> str:
	return _short(_EXACT.divide(Decimal(change * 100), Decimal(current)))


def _short(number: Decimal) -> str:
	"""At most four decimals, no exponent, no trailing zeros; for reading, never for comparing."""
	if number.adjusted() > 30:
		return str(number)
	if number.adjusted() < -30:
		return "0"
	text = f"{number:.4f}"
	return text.rstrip("0").rstrip(".") if "." in text else text


def _vendors(policy: Policy) -> set[str]:
	overrides = policy.vendor_overrides
	names: Iterable[object] = (overrides,) if isinstance(overrides, str) else overrides or ()
	return {key for key in map(vendor_key, names) if key}


def _usage_class(facts: SubscriptionFacts) -> str:
	return facts.usage_class.strip().casefold() if isinstance(facts.usage_class, str) else ""


def _current(facts: SubscriptionFacts) -> int | None:
	"""The current quantity as a whole number; a fraction of a seat is as good as not known."""
	quantity = facts.quantity
	if quantity is None or isinstance(quantity, bool):
		return None
	number = _number(quantity)
	if number is None or number.adjusted() > 15 or number != int(number):
		return None
	return int(number)


def _number(value: object) -> Decimal | None:
	if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
		return None
	try:
		number = value if isinstance(value, Decimal) else Decimal(str(value).strip())
	except (InvalidOperation, ValueError):
		return None
	return number if number.is_finite() else None


def _whole(value: object) -> int:
	number = _number(value)
	if number is None:
		return 0
	return int(max(Decimal(-MAX_QUANTITY), min(Decimal(MAX_QUANTITY), number)))


def _day(value: object) -> date | None:
	if isinstance(value, datetime):
		return value.date()
	if isinstance(value, date):
		return value
	if isinstance(value, str):
		try:
			return date.fromisoformat(value[:10])
		except ValueError:
			return None
	return None


def _plain(value: object) -> Any:
	"""The JSON-able form of a fact."""
	if value is None or isinstance(value, bool):
		return value
	if isinstance(value, Enum):
		return _plain(value.value)
	if isinstance(value, int):
		return int(value)
	if isinstance(value, date):
		return value.isoformat()
	return str(value)


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
