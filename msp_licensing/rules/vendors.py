"""Vendors that have another name at Pax8 than the one they are known by, until a person confirms the new one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from msp_licensing.rules.values import vendor_key

# A name that appears so long before the old one is gone may be the new one: Pax8 need not rename everything in a day.
RENAMED_WITHIN = timedelta(days=30)
# What was there from the first sync on is no new name. A first sync may take hours.
TOGETHER_WITHIN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Change:
	"""Products that were known to be of one vendor, and are of another at Pax8 now.

	Attributes:
		known: the name by which the vendor is known. vendor: the name at Pax8 now; `None` = none.
		products: their ids.
		since: the beginning of the sync that first saw it, in UTC.
		first_seen: when the first of the products appeared here, in UTC.
	"""

	known: str
	vendor: str | None
	products: tuple[str, ...]
	since: datetime
	first_seen: datetime

	@property
	def key(self) -> str:
		"""What tells this change from others."""
		return f"{vendor_key(self.known)}>{vendor_key(self.vendor)}"


def is_renamed(change: Change, first_seen: Mapping[str, datetime]) -> bool:
	"""Return whether the vendor itself seems to have a new name, and not only some products a new vendor.

	It has not where products of the other vendor were known before, unless nothing of the old vendor is left and the
	other one appeared shortly before.

	Args:
		first_seen: by `vendor_key`, when the first of the products appeared (UTC) that are of their vendor without a change.
	"""
	if not vendor_key(change.vendor):
		return False
	seen = first_seen.get(vendor_key(change.vendor))
	if seen is None or seen >= change.since:
		return True
	is_new = seen >= change.since - RENAMED_WITHIN and seen > change.first_seen + TOGETHER_WITHIN
	return is_new and vendor_key(change.known) not in first_seen


def also_known(changes: Iterable[Change], first_seen: Mapping[str, datetime]) -> dict[str, tuple[str, ...]]:
	"""Return the names by which renamed vendors are known, by the `vendor_key` of the present name.

	They count for every product of the vendor, also for those that have appeared since.
	"""
	found: dict[str, list[str]] = {}
	for change in changes:
		if is_renamed(change, first_seen):
			found.setdefault(vendor_key(change.vendor), []).append(change.known)
	return {key: tuple(names) for key, names in found.items()}


def other_names(
	vendor: str | None,
	*,
	at_pax8: str | None,
	known: str | None,
	renamed: Mapping[str, tuple[str, ...]],
) -> tuple[str, ...]:
	"""Return the names by which the vendor of a product is known besides `vendor`, each once.

	Args:
		vendor: the name on the subscription, which may be older than the product's.
		at_pax8, known: the product's present name, and the one it is known by.
		renamed: as `also_known` returns it.
	"""
	candidates = [known, at_pax8]
	for name in (vendor, at_pax8):
		candidates += renamed.get(vendor_key(name), ())
	names = {vendor_key(name): name for name in reversed(candidates) if name and vendor_key(name)}
	names.pop(vendor_key(vendor), None)
	return tuple(reversed(names.values()))
