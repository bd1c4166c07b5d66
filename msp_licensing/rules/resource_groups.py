"""Resource groups of usage: what tells them apart, and when one is probably another one with a new name.

A resource group is a text that a vendor makes. It has no id: Pax8 gives ids to its usage summaries only, and does not
promise to keep them from month to month. So a group is known by its subscription and its exact text.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from difflib import SequenceMatcher
from hashlib import sha256

KEY_LENGTH = 20

LONGEST_GAP = timedelta(days=10)
"""Days between the last snapshot of a group and the first of the one that may follow it."""

SIMILAR_FROM = 0.6
"""Likeness (0–1) from which two texts are called similar."""


def key_of(*parts: object) -> str:
	"""A short name for a record that is told apart by several values."""
	text = "\0".join("" if part is None else str(part) for part in parts)
	return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:KEY_LENGTH]


def group_key(subscription_id: str, text: str | None, number: int = 1) -> str:
	"""The name of a resource group's record.

	Args:
		subscription_id: Pax8's id.
		text: the vendor's text, exactly; empty where the vendor sends none.
		number: 1, or more where a subscription has several summaries of the same text at once.
	"""
	return key_of(subscription_id, text, *([number] if number > 1 else []))


@dataclass(frozen=True, slots=True)
class Marks:
	"""What tells summaries apart whose texts are equal."""

	summary_id: str | None
	company_id: str | None = None
	is_trial: bool = False
	currency: str | None = None

	def likeness(self, other: Marks) -> tuple[bool, int]:
		same = (
			self.company_id == other.company_id,
			self.is_trial == other.is_trial,
			self.currency == other.currency,
		)
		return self.summary_id == other.summary_id, sum(same)


def number_equal_texts(stored: Sequence[tuple[int, Marks]], read: Sequence[Marks]) -> list[int]:
	"""Which stored group each of some summaries is that have one subscription and one text.

	The same summary id decides. Without it, as in a new month, those that are most alike belong together. What is left
	gets numbers that no stored group has.

	Args:
		stored: number and marks of the groups that are stored.
		read: the summaries of one answer.

	Returns:
		A number for each of `read`, all different.
	"""
	pairs = sorted(
		(
			(marks.likeness(old), -number, -place)
			for place, marks in enumerate(read)
			for number, old in stored
		),
		reverse=True,
	)
	numbers: dict[int, int] = {}
	taken: set[int] = set()
	for _likeness, number, place in pairs:
		if -place not in numbers and -number not in taken:
			numbers[-place] = -number
			taken.add(-number)
	used = {number for number, _old in stored}
	following = (number for number in range(1, len(used) + len(read) + 1) if number not in used)
	for place in sorted(
		set(range(len(read))) - numbers.keys(), key=lambda place: read[place].summary_id or ""
	):
		numbers[place] = next(following)
	return [numbers[place] for place in range(len(read))]


# --------------------------------------------------------------------------------------------- new names


@dataclass(frozen=True, slots=True)
class Group:
	"""What is known of a group, for `same_group`. Days are days of UTC on which there was a snapshot."""

	name: str
	subscription_id: str
	text: str
	company_id: str | None
	first_day: date
	last_day: date


@dataclass(frozen=True, slots=True)
class Suggestion:
	"""`new` is probably `old` under a new name.

	Attributes:
		gap: days between the last snapshot of `old` and the first of `new`.
		likeness: of the texts, in percent.
		same_company: Pax8 named the same company for both.
	"""

	old: str
	new: str
	gap: int
	likeness: int
	same_company: bool

	@property
	def score(self) -> int:
		"""The likelier, the higher: 0 to 100."""
		return round(self.likeness * 0.6) + (30 if self.same_company else 0) + max(0, 10 - self.gap)


def plain(text: str | None) -> str:
	"""A group's text for comparison: without case, signs, and long numbers or codes, which vendors change.

	>>> plain("LEGGAH PRODUCTS - CSP - 9AD72B41"), plain("leggah-products_csp")
	('leggah products csp', 'leggah products csp')
	"""
	words = re.findall(r"[^\W_]+", (text or "").casefold())
	named = [word for word in words if not (len(word) >= 5 and any(letter.isdigit() for letter in word))]
	return " ".join(named or words)


def likeness(one: str | None, other: str | None) -> float:
	"""How alike two texts are, 0 to 1."""
	return SequenceMatcher(None, plain(one), plain(other), autojunk=False).ratio()


def same_group(old: Group, new: Group) -> Suggestion | None:
	"""Whether a new group is probably an old one under a new name; None: there is no reason to think so.

	It has to be the same subscription, and the old one has to have stopped when the new one began. Besides, the texts
	are similar, or Pax8 names the same company for both.
	"""
	if old.name == new.name or old.subscription_id != new.subscription_id or old.last_day >= new.first_day:
		return None
	gap = new.first_day - old.last_day
	if gap > LONGEST_GAP:
		return None
	like = likeness(old.text, new.text)
	same_company = bool(old.company_id) and old.company_id == new.company_id
	if like < SIMILAR_FROM and not same_company:
		return None
	return Suggestion(old.name, new.name, gap.days, round(like * 100), same_company)


def suggestions(groups: Iterable[Group], among: Collection[str] | None = None) -> list[Suggestion]:
	"""All pairs of `same_group`, the likeliest first.

	Args:
		among: only pairs whose new group has one of these names. Time grows with their number times that of the groups.
	"""
	by_subscription: dict[str, list[Group]] = {}
	for group in groups:
		by_subscription.setdefault(group.subscription_id, []).append(group)
	found = [
		suggestion
		for some in by_subscription.values()
		for new in some
		if among is None or new.name in among
		for old in some
		if (suggestion := same_group(old, new))
	]
	return sorted(found, key=lambda one: (-one.score, one.old, one.new))
