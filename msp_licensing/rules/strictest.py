"""Several policies for one client, as two clients that are merged leave them: the strictest value of each option counts.

`DIRECTIONS` says for each option of a `Policy` which value is stricter. Three options depend on others:

- *Threshold may release* releases only where every policy that requires approval would release by its threshold.
- A threshold of none is no limit, and so the least strict; 0 % is the strictest.
- Limits in money in several currencies cannot be met by any price: every increase waits, and the client's approver is
  asked for every change. `limit_currency` then names them all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any

from msp_licensing.rules.quantity import as_number
from msp_licensing.rules.values import Policy, vendor_key


def strictest(policies: Sequence[Policy]) -> Policy:
	"""Return one policy with the strictest value of each option.

	Raises:
		ValueError: there is no policy.
	"""
	if not policies:
		raise ValueError("no policy")
	if len(policies) == 1:
		return policies[0]
	return Policy(**{option: choose(policies) for option, (_words, choose) in DIRECTIONS.items()})


def one_currency(policy: Policy) -> bool:
	"""Return whether the limits of a policy are in one currency, or it has none."""
	return SEPARATOR not in (policy.limit_currency or "")


SEPARATOR = ", "


def _each(option: str) -> Callable[[Iterable[Policy]], list[Any]]:
	return lambda policies: [getattr(policy, option) for policy in policies]


def _on(option: str) -> Callable[[Sequence[Policy]], bool]:
	return lambda policies: any(_each(option)(policies))


def _off(option: str) -> Callable[[Sequence[Policy]], bool]:
	return lambda policies: all(_each(option)(policies))


def _lowest(option: str) -> Callable[[Sequence[Policy]], int]:
	return lambda policies: min(_each(option)(policies))


def _highest(option: str) -> Callable[[Sequence[Policy]], int]:
	return lambda policies: max(_each(option)(policies))


def _lowest_limit(option: str) -> Callable[[Sequence[Policy]], Any]:
	"""The lowest; none is no limit. What cannot be read counts as 0, as it does where it is decided."""

	def choose(policies: Sequence[Policy]) -> Any:
		limits = [value for value in _each(option)(policies) if value is not None]
		return min(limits, key=lambda value: as_number(value) or Decimal(0), default=None)

	return choose


def _lowest_maximum(policies: Sequence[Policy]) -> int:
	return min((policy.max_quantity for policy in policies if policy.max_quantity > 0), default=0)


def _may_release(policies: Sequence[Policy]) -> bool:
	requiring = [policy for policy in policies if policy.require_approval]
	if not requiring:  # it says nothing now, and must not once approval is required
		return all(policy.threshold_may_release for policy in policies)
	return all(policy.threshold_may_release and policy.threshold is not None for policy in requiring)


def _currency(policies: Sequence[Policy]) -> str | None:
	codes = {policy.limit_currency or "–" for policy in policies if _uses_currency(policy)}
	return SEPARATOR.join(sorted(codes)) or None


def _uses_currency(policy: Policy) -> bool:
	"""Whether an amount is in the policy's currency: 0 is 0 in every one."""
	return any((policy.limit_per_change, policy.limit_per_month, policy.client_approval_above))


def _all_vendors(policies: Sequence[Policy]) -> tuple[str, ...]:
	found = {vendor_key(name): name for policy in policies for name in policy.vendor_overrides}
	return tuple(sorted(found.values()))


def _shortest_windows(policies: Sequence[Policy]) -> tuple[tuple[str, int], ...]:
	"""A vendor's shortest window; one that is missing in a policy stays, since it is what makes staff look."""
	found: dict[str, tuple[str, int]] = {}
	for policy in policies:
		for vendor, days in policy.return_windows:
			key = vendor_key(vendor)
			if key not in found or days < found[key][1]:
				found[key] = (vendor, days)
	return tuple(found.values())


# option: which value is stricter, and the function that finds it
DIRECTIONS: dict[str, tuple[str, Callable[[Sequence[Policy]], Any]]] = {
	"require_approval": ("on", _on("require_approval")),
	"threshold": ("the lower; none is the highest", _lowest_limit("threshold")),
	"vendor_overrides": ("all vendors of both", _all_vendors),
	"allow_self_service": ("off", _off("allow_self_service")),
	"min_quantity": ("the higher", _highest("min_quantity")),
	"max_quantity": ("the lower; none is the highest", _lowest_maximum),
	"threshold_may_release": ("off", _may_release),
	"decreases_need_approval": ("on", _on("decreases_need_approval")),
	"free_seats": ("the lower", _lowest("free_seats")),
	"window_days": ("the longer", _highest("window_days")),
	"limit_per_change": ("the lower; none is the highest", _lowest_limit("limit_per_change")),
	"limit_per_month": ("the lower; none is the highest", _lowest_limit("limit_per_month")),
	"limit_currency": ("both: no price meets them", _currency),
	"client_approval_above": ("the lower; never is the highest", _lowest_limit("client_approval_above")),
	"return_windows": ("the shorter", _shortest_windows),
}
