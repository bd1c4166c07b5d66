"""What a visitor has chosen: a company, a policy, and perhaps a quantity to try. It lives in the address alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from urllib.parse import parse_qs, urlencode

from msp_licensing.rules.policy import Policy, validate_limits, validate_threshold
from msp_licensing.rules.words import problem_sentence

START = Policy(require_approval=False, threshold=Decimal(50), allow_self_service=True)
"""A visitor's first policy: one that lets something be seen. A fresh site is stricter: it holds everything."""


@dataclass(frozen=True, slots=True)
class Choices:
	"""A visitor's choices.

	Attributes:
		company: id of a Pax8 company, blank = the first one.
		policy: what Licensing Settings would hold.
		tried, quantity: a subscription's id and the total typed for it, blank = nothing tried.
		problems: what was typed and could not be used, in words; the default stands in for it.
	"""

	company: str = ""
	policy: Policy = START
	tried: str = ""
	quantity: str = ""
	problems: tuple[str, ...] = field(default=())

	@classmethod
	def from_query(cls, query: str) -> Choices:
		"""Read the query of an address. Never raises: what makes no sense becomes one of `problems`."""
		given = parse_qs(query, keep_blank_values=True, max_num_fields=200)

		def one(name: str) -> str:
			return (given.get(name) or [""])[-1].strip()

		company, tried, quantity = one("company"), one("try"), one("quantity")
		if one("policy") != "1":
			return cls(company=company, tried=tried, quantity=quantity)
		problems: list[str] = []
		limits = _limits(one("min"), one("max"), problems)
		policy = Policy(
			require_approval=one("approval") == "1",
			threshold=_threshold(one("threshold"), problems) if one("use_threshold") == "1" else None,
			vendor_overrides=_vendors(given.get("vendor") or [], one("vendors")),
			allow_self_service=one("self_service") == "1",
			min_quantity=limits[0],
			max_quantity=limits[1],
		)
		return cls(company, policy, tried, quantity, tuple(problems))

	def query(self, **changes: str) -> str:
		"""The query of an address with these choices; `changes` replace company, tried or quantity."""
		policy = self.policy
		pairs: list[tuple[str, str]] = [
			("company", changes.get("company", self.company)),
			("policy", "1"),
			("approval", "1" if policy.require_approval else "0"),
			("use_threshold", "0" if policy.threshold is None else "1"),
			("threshold", "" if policy.threshold is None else str(policy.threshold)),
			*(("vendor", vendor) for vendor in policy.vendor_overrides),
			("self_service", "1" if policy.allow_self_service else "0"),
			("min", str(policy.min_quantity)),
			("max", str(policy.max_quantity)),
			("try", changes.get("tried", self.tried)),
			("quantity", changes.get("quantity", self.quantity)),
		]
		return urlencode([pair for pair in pairs if pair[1] != ""])


def _threshold(text: str, problems: list[str]) -> Decimal | None:
	try:
		threshold = Decimal(text.replace(",", "."))
	except InvalidOperation:
		problems.append(str(problem_sentence("threshold_not_number")))
		return START.threshold
	if problem := validate_threshold(threshold):
		problems.append(str(problem_sentence(problem)))
		return START.threshold
	return threshold


def _limits(minimum: str, maximum: str, problems: list[str]) -> tuple[int, int]:
	try:
		limits = (int(minimum[:20] or 1), int(maximum[:20] or 0))
	except ValueError:
		problems.append(str(problem_sentence("limit_not_whole")))
		return START.min_quantity, START.max_quantity
	if problem := validate_limits(*limits):
		problems.append(str(problem_sentence(problem)))
		return START.min_quantity, START.max_quantity
	return limits


def _vendors(ticked: Sequence[str], typed: str) -> tuple[str, ...]:
	names = [*ticked, *typed.split(",")]
	return tuple(dict.fromkeys(name.strip()[:140] for name in names if name.strip()))
