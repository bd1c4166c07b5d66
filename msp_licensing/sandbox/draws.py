"""Chance that follows from names alone: the same names draw the same numbers, in any order and at any time."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import TypeVar

T = TypeVar("T")


class Draws:
	"""Some forty draws from what the names spell. Much cheaper to begin than `random.Random`."""

	__slots__ = ("_bits",)

	def __init__(self, *names: object) -> None:
		self._bits = int.from_bytes(blake2b("\0".join(map(str, names)).encode()).digest(), "big")

	def below(self, limit: int) -> int:
		"""A whole number from 0 to `limit` - 1."""
		self._bits, drawn = divmod(self._bits, limit)
		return drawn

	def between(self, low: int, high: int) -> int:
		"""A whole number from `low` to `high`, both included."""
		return low + self.below(high - low + 1)

	def one_in(self, chances: int) -> bool:
		"""True once in so many."""
		return self.below(chances) == 0

	def choice(self, options: Sequence[T]) -> T:
		"""One of `options`."""
		return options[self.below(len(options))]
