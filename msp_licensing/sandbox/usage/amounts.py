"""What a resource group has run up: month-to-date totals that vendors post anew each day.

A total grows as the month goes by, with days that post little and, now and then, a correction downwards. Vendors
post for a month until the 2nd of the next, so its final total differs a little from that of its last day.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from msp_licensing.sandbox.draws import Draws
from msp_licensing.sandbox.usage.groups import Component, Group

_CENT = Decimal("0.01")
_MILL = Decimal("0.001")


@dataclass(frozen=True, slots=True)
class Amount:
	"""What one component comes to: quantity, customer's charge and partner's, in the group's currency."""

	component: Component
	quantity: Decimal
	charges: Decimal
	partner: Decimal

	def since(self, earlier: Amount | None) -> Amount:
		"""What came on top of `earlier`."""
		if earlier is None:
			return self
		return Amount(
			self.component,
			self.quantity - earlier.quantity,
			self.charges - earlier.charges,
			self.partner - earlier.partner,
		)


@dataclass(frozen=True, slots=True)
class Window:
	"""The days of a month on which a group can use something: from `first` to `last`, days of the month."""

	month: date
	first: int
	last: int


def window(month: date, start: date, end: date | None, first_day: int = 1) -> Window | None:
	"""The days of `month` (its first day) between `start` and `end` (its last day of use); None = no day."""
	days = monthrange(month.year, month.month)[1]
	first, last = first_day, days
	if start > month:
		first = max(first, (start - month).days + 1)
	if end is not None and end < month.replace(day=days):
		last = (end - month).days + 1
	return Window(month, first, last) if first <= last else None


def running_total(
	seed: int,
	key: str,
	group: Group,
	within: Window,
	day: int,
	spikes: Mapping[int, Decimal] | None = None,
	final: bool = False,
) -> list[Amount]:
	"""The month-to-date amounts on `day` of the month, one per component that was used.

	`key` tells the group from all others; `spikes` adds so many average days' usage on a day of the month;
	`final` is what the month comes to after the last posts.
	"""
	day = min(day, within.last)
	if day < within.first:
		return []
	days = monthrange(within.month.year, within.month.month)[1]
	month_draws = Draws(seed, "month", key, within.month)
	level = month_draws.between(82, 124)
	late = month_draws.choice((0, -4, 3, 8, 15, 24, 31)) if final else 0
	day_draws = Draws(seed, "day", key, within.month, day)
	jumped = sum((size for at, size in (spikes or {}).items() if at <= day), Decimal(0))
	elapsed = Decimal(day - within.first + 1)
	amounts = []
	for component in group.components:
		unsteady = 1000 + day_draws.between(-40, 40)
		spent = elapsed * level * unsteady / 100_000 + jumped
		quantity = component.monthly / days * spent * (1000 + late) / 1000
		quantity = quantity.quantize(Decimal(1) if component.counted else _MILL, ROUND_HALF_UP)
		if quantity:
			amounts.append(
				Amount(
					component,
					quantity,
					(quantity * component.price).quantize(_CENT, ROUND_HALF_UP),
					(quantity * component.cost).quantize(_MILL, ROUND_HALF_UP),
				)
			)
	return amounts


def sums(amounts: Iterable[Amount]) -> tuple[Decimal, Decimal]:
	"""The customer's charges and the partner's total of all `amounts`."""
	charges = partner = Decimal(0)
	for amount in amounts:
		charges += amount.charges
		partner += amount.partner
	return charges, partner
