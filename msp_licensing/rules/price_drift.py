"""What a change costs now, against what was shown to whoever decides: the same, a little else, or a large move."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from msp_licensing.rules.quantity import as_number

# A move by more than so many percent of what was shown is a large one.
LARGE_PERCENT = 10

_SMALLEST = Decimal("0.00001")


class Money(NamedTuple):
	"""What a change adds to what the client pays per billing term; `amount` or `currency` `None`: not known."""

	amount: Decimal | None
	currency: str | None

	@property
	def known(self) -> bool:
		return self.amount is not None and bool(self.currency)

	def __str__(self) -> str:
		"""The form in which an approval names the amount that was seen: `78.6 USD`, or nothing if it is not known."""
		if self.amount is None or not self.currency:
			return ""
		number = f"{self.amount:f}"
		return f"{number.rstrip('0').rstrip('.') if '.' in number else number} {self.currency}"


def read(text: str) -> Money | None:
	"""Read what `str(Money)` wrote, from whatever screen; nothing is "not known".

	Returns:
		`None` where it is no such text.
	"""
	parts = text.split()
	if not parts:
		return Money(None, None)
	number = as_number(parts[0])
	return Money(number, parts[1].upper()) if len(parts) == 2 and number is not None else None


def is_same(one: Money, other: Money) -> bool:
	"""Return whether two amounts are the same, to what is stored of them."""
	if not one.known or not other.known:
		return one.known == other.known
	return one.currency == other.currency and abs(_difference(one, other)) < _SMALLEST


def is_large(before: Money, now: Money) -> bool:
	"""Return whether somebody who saw `before` has to look again.

	So where the currency is another, where the amount has become known or unknown, and where it has moved by more than
	`LARGE_PERCENT` either way.
	"""
	if is_same(before, now):
		return False
	if not before.known or not now.known or before.currency != now.currency:
		return True
	return abs(_difference(before, now)) * 100 > LARGE_PERCENT * abs(before.amount or Decimal(0))


def _difference(one: Money, other: Money) -> Decimal:
	return (one.amount or Decimal(0)) - (other.amount or Decimal(0))
