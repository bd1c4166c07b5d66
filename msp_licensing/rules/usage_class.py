"""Is a product sold by the seat, or billed by its usage?

Pax8 has no flag for it. Its guide "Understanding Usage Products" gives a heuristic: all rates 0 in `/pricing`, judged
together with the unit of measurement and the product's context, because trials, NCE promotions and add-ons cost 0 too,
and a container such as Azure Plan has the same unit (`Each`) as a seat. Proof beats the heuristic: usage summaries, or
`Arrears` lines on an invoice. A person's choice beats both.

Quantity self-service is refused for `Usage` and held for `Unknown`, so `Seat` is said only where a price is seen.
"""

from __future__ import annotations

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


@dataclass(frozen=True, slots=True)
class Classification:
	"""The class and the reasons for it, the strongest first."""

	usage_class: UsageClass
	reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
	"""What has been seen of a product's usage.

	Attributes:
		usage_summaries: number of non-empty usage summaries of its subscriptions.
		arrears_lines: number of invoice lines with the term `Arrears`.
	"""

	usage_summaries: int = 0
	arrears_lines: int = 0


# Units in which seats and devices are counted, and units that measure. A named unit that is neither counts as a meter
# where the price is 0 (Pax8: "specific units"), and as a seat where there is a price.
_COUNTED = re.compile(
	r"\b(each|ea|users?|seats?|licen[sc]es?|devices?|mailbox(es)?|endpoints?|computers?|workstations?|servers?"
	r"|accounts?|person|people|employees?|units?|items?|subscriptions?|domains?|sites?|tenants?|compan(y|ies)"
	r"|flat|qty|quantity|n/a)\b"
)
_MEASURED = re.compile(
	r"\b([kmgtp]i?bs?|(mega|giga|tera|peta)bytes?|instances?|hours?|hrs?|minutes?|mins?|seconds?|credits?|messages?"
	r"|transactions?|requests?|calls?|tokens?|events?|pages?|points?|v?cpus?|v?cores?|operations?)\b"
)
_FREE_WORDS = re.compile(
	r"\b(trials?|promo(?:s|tion|tional)?|free|nfr|add[\s-]?ons?|evaluation|demo)\b", re.I
)
_METER_WORDS = re.compile(
	r"\b(azure\s+plan|usage|arrears|consumption|metered|pay[\s-]as[\s-]you[\s-]go|payg|overage|reserved\s+usage)\b",
	re.I,
)


def is_metered_unit(unit: str | None) -> bool:
	"""Return whether a unit of measurement names an amount of something (`GB`, `Instance`) and not a seat or device."""
	text = (unit or "").strip().casefold().replace("_", " ")
	return bool(text) and (bool(_MEASURED.search(text)) or not _COUNTED.search(text))


def classify(
	plans: Iterable[PlanLike] | None,
	*,
	product_name: str | None = None,
	vendor_name: str | None = None,
	evidence: Evidence | None = None,
	staff_choice: UsageClass | str | None = None,
) -> Classification:
	"""Say how a product is billed, and why.

	Args:
		plans: the product's pricing plans; `None` or none at all = no price known.
		product_name: Pax8's name of the product, searched for words such as "trial" or "Azure Plan".
		vendor_name: the vendor, named in the reasons.
		evidence: what has been seen of its usage; any of it proves `Usage`.
		staff_choice: what a person set; `None` or blank = nothing was set.

	Returns:
		The class and its reasons. Never raises for anything Pax8 can answer.
	"""
	if staff_choice:
		for known in UsageClass:
			if str(staff_choice).strip().casefold() == known.value.casefold():
				return Classification(known, (Reason("set_by_staff", {}),))
	proof = _proof(evidence or Evidence())
	if proof:
		return Classification(UsageClass.USAGE, proof)
	return _by_price(list(plans or ()), product_name or "", vendor_name or "")


def _proof(evidence: Evidence) -> tuple[Reason, ...]:
	reasons = []
	if evidence.usage_summaries > 0:
		reasons.append(Reason("usage_summaries", {"count": evidence.usage_summaries}))
	if evidence.arrears_lines > 0:
		reasons.append(Reason("arrears_lines", {"count": evidence.arrears_lines}))
	return tuple(reasons)


def _by_price(plans: list[PlanLike], product_name: str, vendor_name: str) -> Classification:
	prices = [
		price
		for plan in plans
		for rate in plan.rates or ()
		for price in (rate.partner_buy_rate, rate.suggested_retail_price)
	]
	known = [price for price in prices if price is not None]
	if not known:
		return _unknown(Reason("no_price", {}))
	units = sorted({plan.unit_of_measurement for plan in plans if plan.unit_of_measurement})
	metered = [unit for unit in units if is_metered_unit(unit)]
	if any(known):
		return _priced(plans, metered, units)
	if len(known) < len(prices):
		return _unknown(Reason("price_incomplete", {}))
	return _zero_priced(plans, product_name, vendor_name, metered, units)


def _priced(plans: list[PlanLike], metered: list[str], units: list[str]) -> Classification:
	# A mark-up's rate is a percentage: it says nothing about how the product is counted.
	if all(_same(plan.type, "markup") for plan in plans):
		return _unknown(Reason("markup_only", {}))
	measured = [unit for unit in metered if _MEASURED.search(unit.casefold().replace("_", " "))]
	if measured:
		# A price per GB may be a prepaid pack or a meter: a person has to say.
		return _unknown(Reason("priced_meter", {"units": ", ".join(measured)}))
	return Classification(UsageClass.SEAT, (Reason("priced", {"units": ", ".join(units)}),))


def _zero_priced(
	plans: list[PlanLike], product_name: str, vendor_name: str, metered: list[str], units: list[str]
) -> Classification:
	zero = Reason("zero_rates", {})
	free = _FREE_WORDS.search(product_name)
	if free:
		return _unknown(zero, Reason("free_context", {"word": free.group(0)}))
	for term in ("trial", "onetime", "activation"):
		if all(_same(plan.billing_term, term) for plan in plans):
			return _unknown(zero, Reason("free_context", {"word": plans[0].billing_term}))
	if metered:
		return Classification(UsageClass.USAGE, (zero, Reason("metered_unit", {"units": ", ".join(metered)})))
	named = _METER_WORDS.search(product_name)
	if named:
		reasons = (zero, Reason("usage_container", {"word": named.group(0), "vendor": vendor_name}))
		return Classification(UsageClass.USAGE, reasons)
	return _unknown(zero, Reason("plain_unit", {"units": ", ".join(units)}))


def _unknown(*reasons: Reason) -> Classification:
	return Classification(UsageClass.UNKNOWN, reasons)


def _same(text: str | None, word: str) -> bool:
	"""Compare as Pax8's own spellings require: `Mark-Up`, `markup` and `mark_up` are one word."""
	return re.sub(r"[\W_]+", "", (text or "").casefold()) == word
