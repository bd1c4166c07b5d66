"""What a client reads of an amount of usage: the amount in the client's price, or none.

Pax8 names two amounts for usage: the charges, at the price for clients, and what the partner pays. Where the provider
has a rule for the client's price, one of them leads to it. Otherwise a client reads units only.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from msp_licensing.rules.prices import PriceFrom

_FOUR_DECIMALS = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class UsagePrice:
	"""How amounts of usage become the client's.

	Attributes:
		source: where the client's price comes from for what has no price of its own.
		markup: percent on the partner cost.
	"""

	source: PriceFrom | str = PriceFrom.OWN
	markup: Decimal = Decimal(0)

	@property
	def is_known(self) -> bool:
		"""Whether there is a rule. A markup of 0 % is none here: the amount would be the partner cost."""
		return self.source == PriceFrom.RETAIL or (self.source == PriceFrom.COST and self.markup > 0)

	def amount(self, charges: Decimal | None, cost: Decimal | None) -> Decimal | None:
		"""The client's amount, in the currency of both; None: there is no rule, or Pax8 does not give the amount.

		Args:
			charges: Pax8's amount at the price for clients. cost: what the partner pays.
		"""
		if not self.is_known:
			return None
		if self.source == PriceFrom.RETAIL:
			return charges
		if cost is None:
			return None
		return (cost * (100 + self.markup) / 100).quantize(_FOUR_DECIMALS, ROUND_HALF_UP)
