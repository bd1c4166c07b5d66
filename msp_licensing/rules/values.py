"""The plain values that a decision is made from and made of, and how they are stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, NamedTuple
from unicodedata import normalize


class Word(str, Enum):
	"""An enum whose members are their own text, as `enum.StrEnum` (Python 3.11) has it."""

	def __str__(self) -> str:
		return str(self.value)


class SelfService(Word):
	"""May clients ask for changes on this subscription? The subscription wins over the global default."""

	INHERIT = "Inherit"
	ALLOW = "Allow"
	DENY = "Deny"


class ApprovalRule(Word):
	"""A subscription's own say about approval. `NOT_BY_DEFAULT` skips the global toggle and nothing else."""

	INHERIT = "Inherit"
	ALWAYS = "Always"
	NOT_BY_DEFAULT = "Not by default"


class Outcome(Word):
	"""What becomes of the request."""

	REFUSED = "Refused"
	HELD = "Held"
	RELEASED = "Released"


class Verdict(Word):
	"""What one check said."""

	PASSES = "Passes"
	REFUSES = "Refuses"
	HOLDS = "Holds"
	SKIPPED = "Skipped"


class Timing(Word):
	"""When a change is asked for."""

	NOW = "Now"
	AT_TERM_END = "End of Term"


@dataclass(frozen=True, slots=True)
class Policy:
	"""The global rules, as Licensing Settings holds them.

	Attributes:
		require_approval: the toggle; on = every change is held, whatever the threshold (but see
			`threshold_may_release`).
		threshold: percent of the current quantity that a change may reach without approval; `None` = no threshold,
			`Decimal(0)` = everything is held, even with the toggle off.
		vendor_overrides: vendors whose every change is held; compared trimmed and case-folded.
		allow_self_service: the default for subscriptions that inherit.
		min_quantity: seats; values below 1 count as 1.
		max_quantity: seats; 0 or less = no limit.
		threshold_may_release: what is within the threshold is released although approval is required by default.
		decreases_need_approval: every decrease is held.
		free_seats: a change of at most so many seats counts as within the threshold; 0 = none. A threshold of 0 %
			still holds everything.
		window_days: changes released without approval in the last so many days count together with a new one,
			measured from the quantity before the first of them; 0 = each counts by itself. The free seats count
			together as well.
		limit_per_change: the most an increase may add to what the client pays per billing term without approval, in
			`limit_currency`; `None` = no limit.
		limit_per_month: the same for all increases of a client released without approval in a calendar month.
		limit_currency: ISO code; a change in another currency is held where one of the limits is set.
		client_approval_above: increases and decreases that change the client's costs by more than this (in
			`limit_currency`) need the client's own approver first; `None` = never, `Decimal(0)` = always.
		return_windows: vendors that take licenses back inside a commitment, each with the calendar days from purchase
			or renewal; of others it is not known. Compared trimmed and case-folded.
	"""

	require_approval: bool = True
	threshold: Decimal | None = None
	vendor_overrides: frozenset[str] | tuple[str, ...] = ()
	allow_self_service: bool = False
	min_quantity: int = 1
	max_quantity: int = 0
	threshold_may_release: bool = False
	decreases_need_approval: bool = False
	free_seats: int = 0
	window_days: int = 0
	limit_per_change: Decimal | None = None
	limit_per_month: Decimal | None = None
	limit_currency: str | None = None
	client_approval_above: Decimal | None = None
	return_windows: tuple[tuple[str, int], ...] = ()

	def as_dict(self) -> dict[str, Any]:
		"""Return the policy as JSON-able values, to be stored with a decision."""
		stored = {key: plain(value) for key, value in asdict(self).items() if key not in _POLICY_LISTS}
		stored["vendor_overrides"] = sorted(str(vendor) for vendor in self.vendor_overrides)
		stored["return_windows"] = [[vendor, days] for vendor, days in self.return_windows]
		return stored

	@classmethod
	def from_dict(cls, stored: Mapping[str, Any]) -> Policy:
		"""Return the policy that `as_dict` stored; keys of other versions are ignored, missing ones are defaults."""
		known = {one.name: stored[one.name] for one in fields(cls) if one.name in stored}
		known["vendor_overrides"] = tuple(known.get("vendor_overrides") or ())
		known["return_windows"] = tuple((row[0], row[1]) for row in known.get("return_windows") or ())
		for name in _POLICY_AMOUNTS:
			known[name] = _amount(known.get(name))
		return cls(**known)


_POLICY_LISTS = ("vendor_overrides", "return_windows")
_POLICY_AMOUNTS = ("threshold", "limit_per_change", "limit_per_month", "client_approval_above")


@dataclass(frozen=True, slots=True)
class SubscriptionRule:
	"""One subscription's own rule. Its limits count only with `override_limits`, and then both of them do."""

	self_service: SelfService | str = SelfService.INHERIT
	approval: ApprovalRule | str = ApprovalRule.INHERIT
	override_limits: bool = False
	min_quantity: int = 1
	max_quantity: int = 0

	def as_dict(self) -> dict[str, Any]:
		"""Return the rule as JSON-able values, to be stored with a decision."""
		return {key: plain(value) for key, value in asdict(self).items()}

	@classmethod
	def from_dict(cls, stored: Mapping[str, Any]) -> SubscriptionRule:
		"""Return the rule that `as_dict` stored; keys of other versions are ignored, missing ones are defaults."""
		return cls(**{one.name: stored[one.name] for one in fields(cls) if one.name in stored})


class Release(NamedTuple):
	"""A change that was released without approval.

	Attributes:
		on: the day, in the site's time zone.
		before: seats before the change.
		amount: what it added to what the client pays per billing term, in `currency`; negative for decreases,
			`None` = not known.
		after: seats after the change; `None` = not known.
	"""

	on: date
	before: int
	amount: Decimal | None = None
	currency: str | None = None
	after: int | None = None


class Added(NamedTuple):
	"""A change of quantity seen at Pax8, whoever made it.

	Attributes:
		on: the day. seats: how many more; negative for a decrease.
		dated: the day is that of the change, not only the day on which it was seen.
	"""

	on: date
	seats: int
	dated: bool = True


@dataclass(frozen=True, slots=True)
class SubscriptionFacts:
	"""What is known of a subscription at the moment of deciding.

	Attributes:
		status: Pax8's word; only `Active` may be changed.
		quantity: seats now; `None` when Pax8 does not say.
		vendor: the product's vendor (a Pax8 subscription carries none); `None` or blank = unknown.
		known_vendors: other names by which the product's vendor is known, until a person confirms the present one;
			what is held or limited by any of these names is so by all of them.
		usage_class: `Seat`, `Usage`, `Unknown` or `None`; anything but the first two counts as unknown.
		start_date, end_date: the subscription's own dates. Pax8 refuses changes before the start; a subscription
			past its end may still read `Active`.
		commitment_end: last day of the running commitment, `None` without one.
		has_commitment: a commitment is known to exist; matters only while its end is not known.
		decrease_allowed_in_commitment: the product's `allowForQuantityDecrease`; `None` = not known.
		increase_allowed_in_commitment: the product's `allowForQuantityIncrease`; `None` counts as allowed, which is
			the rule among vendors.
		commitment_months: length of the commitment's term; `None` = not known.
		renewal_days_before, renewal_days_after: the product's `renewalWindowDays…TermEnd`; `None` = not known.
		renews: the product's `autoRenew`; `None` = not known.
		renewed_on: the end of the term before the running one, where this site has seen it renew.
		client_disabled: the client's record is disabled: its people change nothing.
		added: how the quantity changed lately; matters inside a commitment whose vendor takes licenses back.
		has_open_request: another request on this subscription is not finished yet.
		parent_id: Pax8's `parentSubscriptionId` of an add-on.
		follows_parent: the add-on's quantity is set by its parent.
		vanished: a complete sync no longer found it.
		always_held: staff hold every change of the product.
		unit_price: what the client pays per seat and billing term; `None` = not known.
		currency: ISO code of `unit_price`.
		billing_term: Pax8's word for how it is billed; `None` = not known.
		releases: changes of this subscription that were released without approval and not undone, oldest first, since
			a person last approved one.
		client_releases: the same for all subscriptions of the client, whatever a person approved between; what counts
			of them is up to the policy.
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
	always_held: bool = False
	unit_price: Decimal | None = None
	currency: str | None = None
	releases: tuple[Release, ...] = ()
	client_releases: tuple[Release, ...] = ()
	commitment_months: int | None = None
	renewal_days_before: int | None = None
	renewal_days_after: int | None = None
	renews: bool | None = None
	renewed_on: date | None = None
	added: tuple[Added, ...] = ()
	known_vendors: tuple[str, ...] = ()
	billing_term: str | None = None
	client_disabled: bool = False

	@property
	def vendor_names(self) -> tuple[str, ...]:
		"""All names of the vendor that count, those it was known by first; none of them twice or empty."""
		names = {vendor_key(name): name for name in (*self.known_vendors, self.vendor) if vendor_key(name)}
		return tuple(str(name) for name in names.values())

	def as_dict(self) -> dict[str, Any]:
		"""Return the facts as JSON-able values (dates in ISO form), to be stored with a decision."""
		stored = {key: plain(value) for key, value in asdict(self).items() if key not in _FACT_ROWS}
		stored["known_vendors"] = [plain(name) for name in self.known_vendors]
		for key in _FACT_ROWS:
			stored[key] = [[plain(value) for value in row] for row in getattr(self, key)]
		return stored

	@classmethod
	def from_dict(cls, stored: Mapping[str, Any]) -> SubscriptionFacts:
		"""Return the facts that `as_dict` stored; keys of other versions are ignored, missing ones are unknown."""
		known: dict[str, Any] = {name: stored.get(name) for name in ("status", "quantity")}
		for name, default in _FACT_DEFAULTS.items():
			value = stored.get(name, default)
			if name in _FACT_DATES:
				value = as_day(value)
			elif name == "unit_price":
				value = _amount(value)
			elif name in _FACT_ROWS:
				value = tuple(_FACT_ROWS[name](row) for row in value or ())
			elif name == "known_vendors":
				value = tuple(value or ())
			known[name] = value
		return cls(**known)


_FACT_DATES = ("start_date", "end_date", "commitment_end", "renewed_on")
_FACT_DEFAULTS: dict[str, Any] = {
	each.name: each.default for each in fields(SubscriptionFacts) if each.name not in ("status", "quantity")
}


def _release(row: Any) -> Release:
	on, before, amount, currency, after = (*row, None, None, None)[:5]
	# A day that cannot be read counts as within every window.
	return Release(
		as_day(on) or date.max, int(before), _amount(amount), currency, None if after is None else int(after)
	)


def _added(row: Any) -> Added:
	on, seats, dated = row
	return Added(as_day(on) or date.min, int(seats), bool(dated))


_FACT_ROWS: dict[str, Callable[[Any], Any]] = {
	"releases": _release,
	"client_releases": _release,
	"added": _added,
}


def _amount(value: Any) -> Decimal | None:
	return None if value is None else Decimal(str(value))


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


def vendor_key(vendor: object) -> str:
	"""Return the form in which vendor names are compared: letters and digits only, case folded; `""` = unknown.

	>>> vendor_key("Acronis, Inc.") == vendor_key("ACRONIS  Inc")
	True
	"""
	if not isinstance(vendor, str):
		return ""
	return "".join(character for character in normalize("NFKC", vendor).casefold() if character.isalnum())


def as_day(value: object) -> date | None:
	"""Read a date, a moment or its ISO form; `None` when it is none of them."""
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


def plain(value: object) -> Any:
	"""Return the JSON-able form of a fact."""
	if value is None or isinstance(value, bool):
		return value
	if isinstance(value, Enum):
		return plain(value.value)
	if isinstance(value, int):
		return int(value)
	if isinstance(value, date):
		return value.isoformat()
	return str(value)
