"""Is a product sold by the seat, or billed by its usage?

Pax8 has no flag for it. Its guide "Understanding Usage Products" gives a heuristic: all rates are 0 in `/pricing`, judged
together with the unit of measurement and the product's context. Trials, NCE promotions and add-ons cost 0 too, a
container such as Azure Plan has the same unit (`Each`) as a seat, and products metered by user or seat exist. So:

1. What a person has chosen stands.
2. Evidence proves `Usage`: usage summaries, or `Arrears` lines on an invoice.
3. Pax8's own mark of arrears in the SKU (`AZR-ARR-…`) or the billing term says `Usage`, whatever the prices are.
4. Otherwise prices, unit and name decide. `Usage` needs rates of 0 and a sign of a meter, and no other reason for a rate
   of 0. `Seat` needs a price, and no sign of a meter. Everything else is `Unknown`.

Quantity self-service is refused for `Usage` and held for `Unknown`. `tests/usage_class_figures.py` measures the rules.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Any, NamedTuple, Protocol


class UsageClass(str, Enum):
	"""How a product is billed. Members are their own text."""

	SEAT = "Seat"
	USAGE = "Usage"
	UNKNOWN = "Unknown"

	def __str__(self) -> str:
		return str(self.value)


class RateLike(Protocol):
	"""One rate of a plan; prices per unit in the account's currency, `None` = Pax8 gave none."""

	@property
	def partner_buy_rate(self) -> Decimal | None: ...
	@property
	def suggested_retail_price(self) -> Decimal | None: ...


class PlanLike(Protocol):
	"""One pricing plan of a product, in Pax8's words. `msp_licensing.pax8.Pricing` is one."""

	@property
	def billing_term(self) -> str | None: ...
	@property
	def type(self) -> str | None: ...
	@property
	def unit_of_measurement(self) -> str | None: ...
	@property
	def rates(self) -> Sequence[RateLike]: ...


@dataclass(frozen=True, slots=True)
class PlanRate:
	"""A `RateLike` for callers that hold rows instead of Pax8's answer."""

	partner_buy_rate: Decimal | None = None
	suggested_retail_price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Plan:
	"""A `PlanLike` for callers that hold rows instead of Pax8's answer."""

	billing_term: str | None = None
	type: str | None = None
	unit_of_measurement: str | None = None
	rates: tuple[PlanRate, ...] = ()


class Reason(NamedTuple):
	"""Why: a stable code (see `msp_licensing.rules.words.usage_sentence`) and JSON-able values for its sentence."""

	code: str
	values: dict[str, Any]


# The reasons that are no heuristic.
EVIDENCE_CODES = frozenset({"usage_summaries", "arrears_lines"})


@dataclass(frozen=True, slots=True)
class Classification:
	"""The class of a product, and why.

	Attributes:
		usage_class: the class that counts.
		by_rules: the class without a person's choice; the same where nobody has chosen.
		reasons: for `by_rules`, the strongest first.
		proven: whether evidence was seen; `by_rules` is `Usage` then.
	"""

	usage_class: UsageClass
	reasons: tuple[Reason, ...]
	by_rules: UsageClass
	proven: bool = False

	@property
	def contradicts_evidence(self) -> bool:
		"""Whether a person has chosen another class than the evidence proves."""
		return self.proven and self.usage_class is not self.by_rules


@dataclass(frozen=True, slots=True)
class Evidence:
	"""What has been seen of a product's usage.

	Attributes:
		usage_summaries: number of resource groups for which Pax8 has reported usage.
		arrears_lines: number of invoice lines with the term `Arrears`.
	"""

	usage_summaries: int = 0
	arrears_lines: int = 0

	def __bool__(self) -> bool:
		return self.usage_summaries > 0 or self.arrears_lines > 0


class UnitKind(str, Enum):
	"""What a unit of measurement counts."""

	COUNTED = "counted"  # seats, devices, tenants: what somebody buys a number of
	MEASURED = "measured"  # GB, minutes, requests: what a meter shows
	CREDIT = "credit"  # credits and points: bought in advance as often as metered
	OTHER = "other"  # anything else, such as "Policy": it says nothing


_COUNTED = re.compile(
	r"\b(each|ea|users?|seats?|licen[sc]es?|devices?|mailbox(es)?|endpoints?|computers?|workstations?|servers?"
	r"|accounts?|person|people|employees?|units?|items?|subscriptions?|domains?|sites?|tenants?|compan(y|ies)"
	r"|agents?|nodes?|packs?|bundles?|environments?|flat|qty|quantity|n/a)\b"
)
_MEASURED = re.compile(
	r"\b([kmgtp]i?bs?|(mega|giga|tera|peta)bytes?|instances?|hours?|hrs?|minutes?|mins?|seconds?|messages?"
	r"|transactions?|requests?|calls?|tokens?|events?|pages?|v?cpus?|v?cores?|operations?)\b"
)
_CREDIT = re.compile(r"\b(credits?|points?)\b")

# Words in a name that give a rate of 0 another reason than usage.
_FREE_WORDS = re.compile(
	r"\b(v?trials?|promos?|promotions?|promotional|free|nfr|not\s+for\s+resale|internal[\s-]use|add[\s-]?ons?"
	r"|evaluation|eval|demo|pilot|poc|proof\s+of\s+concept|sandbox|developer|exploratory|viral|preview"
	r"|included|bundled|complimentary|bonus|spiff|waived|offers?|on\s+us|community|entitlement"
	r"|support|onboarding|set-?up|implementation|training|migration)\b",
	re.I,
)
# Words that say that something is billed after use. With a price they are believed only together with another sign,
# except for the first: "arrears" is Pax8's own word.
_ARREARS_WORD = re.compile(r"\barrears\b", re.I)
_METER_WORDS = re.compile(
	r"\b(pay[\s-]as[\s-]you[\s-]go|payg|metered|overages?|consumption|consumed|usage|billed\s+after\s+use|flex)\b",
	re.I,
)
# What usage of many kinds is billed under. A container has nothing after its name but a variant ("- Government", "for
# Education", "(EU)"): "Azure Plan Support Retainer" is none.
_CONTAINERS = re.compile(
	r"\b(azure\s+plan|microsoft\s+azure|amazon\s+web\s+services|aws\s+account|google\s+cloud\s+platform"
	r"|msp(\s+connect)?\s+flex)(?=\s*([-–(:].*|for\s.*)?$)",
	re.I,
)
# Families whose amounts are metered, every one of them.
_METERED_FAMILIES = re.compile(r"\bacronis\s+cyber\s+(protect|backup)\s+cloud\b", re.I)
# A commitment to use something: neither a seat nor a meter.
_RESERVATIONS = re.compile(
	r"\b(reserved\s+(vm\s+)?(instances?|capacity)|reservations?|savings?\s+plans?)\b", re.I
)
_RESERVATION_SKU = re.compile(r"^MST-ARI", re.I)
# A fixed amount in a name ("500 GB") is sold or given away as such; a meter has none.
_AMOUNT = re.compile(
	r"\b\d[\d.,]*\s*[km]?\s*([kmgtp]i?b|minutes?|mins?|hours?|messages?|transactions?|requests?|calls?)\b",
	re.I,
)

# SKUs at Pax8 begin with three letters for the vendor; `-ARR-` after them marks a product that is billed in arrears.
_ARREARS_SKU = re.compile(r"^[A-Z0-9]{3}-ARR(-|$)", re.I)
# These are billed in arrears without that mark: Azure, and Nerdio's fee for what runs on it. Believed only where Pax8
# gives no price, or one of 0.
_USAGE_SKU = re.compile(r"^(AZR-|MST-AZR|NIO-INF)", re.I)

# Terms of plans whose rate of 0 says nothing about the product.
_FREE_TERMS = ("trial", "onetime", "activation")


def unit_kind(unit: str | None) -> UnitKind:
	"""Return what a unit of measurement counts. `GB per user` is measured; a blank one is counted, as `Each` is."""
	text = (unit or "").strip().casefold().replace("_", " ")
	if _MEASURED.search(text):
		return UnitKind.MEASURED
	if _CREDIT.search(text):
		return UnitKind.CREDIT
	return UnitKind.COUNTED if not text or _COUNTED.search(text) else UnitKind.OTHER


def classify(
	plans: Iterable[PlanLike] | None,
	*,
	product_name: str | None = None,
	vendor_name: str | None = None,
	sku: str | None = None,
	evidence: Evidence | None = None,
	staff_choice: UsageClass | str | None = None,
) -> Classification:
	"""Say how a product is billed, and why.

	Args:
		plans: the product's pricing plans; `None` or none at all = no price known.
		product_name: Pax8's name of the product, searched for words such as "trial" or "Azure Plan".
		vendor_name: the vendor, named in the reasons.
		sku: Pax8's SKU, not that of the vendor.
		evidence: what has been seen of its usage; any of it proves `Usage`.
		staff_choice: what a person set; `None`, blank or no class = nothing was set.

	Returns:
		The class, what the rules say, and the reasons for that. Never raises for anything Pax8 can answer.
	"""
	proof = _proof(evidence or Evidence())
	if proof:
		by_rules, reasons = UsageClass.USAGE, proof
	else:
		product = _Product(list(plans or ()), product_name or "", vendor_name or "", (sku or "").strip())
		by_rules, reasons = _by_marks(product) or _by_price(product)
	return Classification(class_of(staff_choice) or by_rules, reasons, by_rules, bool(proof))


def class_of(text: UsageClass | str | None) -> UsageClass | None:
	"""Return the class that a text names, in whatever case; None where it names none."""
	wanted = str(text or "").strip().casefold()
	return next((known for known in UsageClass if known.value.casefold() == wanted), None)


def dump_reasons(reasons: Iterable[Reason]) -> str:
	"""Return reasons as JSON, to be kept: the sentences are made when they are shown, in the reader's language."""
	return json.dumps([[reason.code, reason.values] for reason in reasons], ensure_ascii=False, default=str)


def load_reasons(text: str | None) -> tuple[Reason, ...]:
	"""Return what `dump_reasons` has kept; anything else is no reason."""
	try:
		return tuple(Reason(str(code), dict(values)) for code, values in json.loads(text or "[]"))
	except (TypeError, ValueError):
		return ()


def is_proven(reasons: Iterable[Reason]) -> bool:
	"""Return whether evidence of usage is among the reasons."""
	return any(reason.code in EVIDENCE_CODES for reason in reasons)


_Answer = tuple[UsageClass, tuple[Reason, ...]]


@dataclass(frozen=True, slots=True)
class _Product:
	"""What is known of a product; texts are never None."""

	plans: list[PlanLike]
	name: str
	vendor: str
	sku: str

	def units(self, kind: UnitKind | None = None) -> list[str]:
		"""The units of its plans, in order, each once; only those of one kind where one is given."""
		units = sorted({plan.unit_of_measurement for plan in self.plans if plan.unit_of_measurement})
		return [unit for unit in units if kind is None or unit_kind(unit) is kind]


def _proof(evidence: Evidence) -> tuple[Reason, ...]:
	reasons = []
	if evidence.usage_summaries > 0:
		reasons.append(Reason("usage_summaries", {"count": evidence.usage_summaries}))
	if evidence.arrears_lines > 0:
		reasons.append(Reason("arrears_lines", {"count": evidence.arrears_lines}))
	return tuple(reasons)


def _by_marks(product: _Product) -> _Answer | None:
	"""What Pax8's own marks say, whatever the prices are."""
	if _ARREARS_SKU.search(product.sku):
		return UsageClass.USAGE, (Reason("arrears_sku", {"sku": product.sku}),)
	if any(_same(plan.billing_term, "arrears") for plan in product.plans):
		return UsageClass.USAGE, (Reason("arrears_term", {}),)
	word = _RESERVATIONS.search(product.name)
	if word or _RESERVATION_SKU.search(product.sku):
		return _unknown(Reason("reservation", {"word": word.group(0) if word else product.sku}))
	return None


def _by_price(product: _Product) -> _Answer:
	prices = [
		price
		for plan in product.plans
		for rate in plan.rates or ()
		for price in (rate.partner_buy_rate, rate.suggested_retail_price)
	]
	known = [price for price in prices if price is not None]
	if not known:
		if _USAGE_SKU.search(product.sku):
			return UsageClass.USAGE, (Reason("usage_sku", {"sku": product.sku}),)
		return _unknown(Reason("no_price", {}))
	if any(known):
		return _priced(product)
	if len(known) < len(prices):
		return _unknown(Reason("price_incomplete", {}))
	return _zero_priced(product)


def _priced(product: _Product) -> _Answer:
	# A mark-up's rate is a percentage: it says nothing about how the product is counted.
	if all(_same(plan.type, "markup") for plan in product.plans):
		return _unknown(Reason("markup_only", {}))
	if word := _ARREARS_WORD.search(product.name):
		return UsageClass.USAGE, (Reason("meter_word", {"word": word.group(0)}),)
	measured = product.units(UnitKind.MEASURED)
	word = _METER_WORDS.search(product.name)
	if word and measured:
		reasons = (Reason("meter_word", {"word": word.group(0)}), Reason("metered_unit", _listed(measured)))
		return UsageClass.USAGE, reasons
	if word:
		return _unknown(Reason("priced_meter_word", {"word": word.group(0)}))
	if unclear := measured or product.units(UnitKind.CREDIT):
		# A price per GB may be a prepaid pack or a meter: a person has to say.
		return _unknown(Reason("priced_meter", _listed(unclear)))
	if any(_has_free_rate(plan) for plan in product.plans):
		return _unknown(Reason("some_rates_zero", {}))
	return UsageClass.SEAT, (Reason("priced", _listed(product.units())),)


def _has_free_rate(plan: PlanLike) -> bool:
	"""Whether some quantity of a plan is free: an allowance, after which either seats or usage may be charged."""
	if any(_same(plan.billing_term, term) for term in _FREE_TERMS):
		return False
	known = [
		[price for price in (rate.partner_buy_rate, rate.suggested_retail_price) if price is not None]
		for rate in plan.rates or ()
	]
	return any(prices and not any(prices) for prices in known)


def _zero_priced(product: _Product) -> _Answer:
	zero = Reason("zero_rates", {})
	if free := _FREE_WORDS.search(product.name):
		return _unknown(zero, Reason("free_context", {"word": free.group(0)}))
	for term in _FREE_TERMS:
		if all(_same(plan.billing_term, term) for plan in product.plans):
			return _unknown(zero, Reason("free_context", {"word": product.plans[0].billing_term}))
	if container := _CONTAINERS.search(product.name):
		values = {"word": container.group(0), "vendor": product.vendor}
		return UsageClass.USAGE, (zero, Reason("usage_container", values))
	if word := _ARREARS_WORD.search(product.name) or _METER_WORDS.search(product.name):
		return UsageClass.USAGE, (zero, Reason("meter_word", {"word": word.group(0)}))
	if _USAGE_SKU.search(product.sku):
		return UsageClass.USAGE, (zero, Reason("usage_sku", {"sku": product.sku}))
	if measured := product.units(UnitKind.MEASURED):
		unit = Reason("metered_unit", _listed(measured))
		if amount := _AMOUNT.search(product.name):
			return _unknown(zero, Reason("amount_in_name", {"amount": amount.group(0)}))
		if family := _METERED_FAMILIES.search(product.name):
			return UsageClass.USAGE, (zero, unit, Reason("metered_family", {"word": family.group(0)}))
		# Trials, promotions and what is included in another product are measured and free, too, under more words than a
		# list can hold.
		return _unknown(zero, unit, Reason("nothing_metered", {}))
	if other := product.units(UnitKind.OTHER) or product.units(UnitKind.CREDIT):
		return _unknown(zero, Reason("other_unit", _listed(other)))
	return _unknown(zero, Reason("plain_unit", _listed(product.units())))


def _listed(units: list[str]) -> dict[str, str]:
	return {"units": ", ".join(units)}


def _unknown(*reasons: Reason) -> _Answer:
	return UsageClass.UNKNOWN, reasons


def _same(text: str | None, word: str) -> bool:
	"""Compare as Pax8's own spellings require: `Mark-Up`, `markup` and `mark_up` are one word."""
	return re.sub(r"[\W_]+", "", (text or "").casefold()) == word
