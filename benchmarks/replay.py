"""Records of Pax8, read beforehand, and a client that hands them out: what remains is the work of the sync itself."""

import pickle
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from msp_licensing.pax8 import Dependencies, NotFound, Pax8Client, Pricing


class Replay:
	"""Stands in for a `Pax8Client` whose answers have all come and been parsed already.

	Args:
		records: as `collect` gives them.
	"""

	calls = 0

	def __init__(self, records: dict[str, Any]) -> None:
		self._records = records

	def companies(self, **_options: Any) -> Iterator[Any]:
		return iter(self._records["companies"])

	def products(self, **_options: Any) -> Iterator[Any]:
		return iter(self._records["products"])

	def subscriptions(self, **_options: Any) -> Iterator[Any]:
		return iter(self._records["subscriptions"])

	def pricing(self, product_id: str) -> list[Pricing]:
		return self._records["pricing"][product_id]

	def dependencies(self, product_id: str) -> Dependencies:
		return self._records["dependencies"][product_id]


def collect(pax8: Pax8Client, path: str, *, with_prices: bool) -> None:
	"""Reads everything there is and keeps it in a file, for the processes of one run."""
	records: dict[str, Any] = {
		"companies": list(pax8.companies()),
		"products": list(pax8.products()),
		"subscriptions": list(pax8.subscriptions()),
		"pricing": {},
		"dependencies": {},
	}
	if with_prices:
		names = [product.id for product in records["products"]]
		with ThreadPoolExecutor(4) as pool:
			records["pricing"] = dict(
				zip(names, pool.map(lambda n: _or(pax8.pricing, n, []), names), strict=True)
			)
			records["dependencies"] = dict(
				zip(names, pool.map(lambda n: _or(pax8.dependencies, n, Dependencies()), names), strict=True)
			)
	with open(path, "wb") as file:
		pickle.dump(records, file)


def load(path: str) -> dict[str, Any]:
	"""Reads a file that `collect` of this run wrote."""
	with open(path, "rb") as file:
		return pickle.load(file)


def _or(read: Any, name: str, otherwise: Any) -> Any:
	try:
		return read(name)
	except NotFound:
		return otherwise
