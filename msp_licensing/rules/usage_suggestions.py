"""Which client an unassigned resource group probably belongs to, and why.

Vendors write a customer's name into the text of a group, or a domain of its tenant, in spellings of their own: "MUELLER-SOEHNE
(5520310)", "cedarpine.onmicrosoft.com". A word counts the more, the fewer clients have it in their names.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from msp_licensing.rules.values import Word

Key = tuple[str, str]
"""DocType and name of a client record."""

LIKE_FROM = 0.6
"""Share of a client's name (0–1) from which a text is called like it."""

COMMON_FROM = 3
"""A word that more clients have in their names is a common one."""

MOST = 3
"""Clients that are suggested for one group."""


class Why(Word):
	"""What speaks for a client."""

	NAME = "Name"
	COMPANY = "Company"
	DOMAIN = "Domain"
	EARLIER = "Earlier Months"
	RENAMED = "Renamed"
	LINES = "Lines"
	SUBSCRIPTION = "Subscription"


# Points of a reason by itself. For names: where the whole name is found.
POINTS = {
	Why.EARLIER: 95,
	Why.COMPANY: 95,
	Why.NAME: 92,
	Why.DOMAIN: 90,
	Why.RENAMED: 90,
	Why.LINES: 80,
	Why.SUBSCRIPTION: 60,
}
_FOR_EACH_MORE = 3


@dataclass(frozen=True, slots=True)
class Client:
	"""A client: `names` are its own and those of its companies at Pax8, `domains` those of its web site and its people."""

	key: Key
	names: tuple[str, ...]
	domains: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Group:
	"""What is known of a group.

	Attributes:
		company: the name of the company that Pax8 names and nobody has mapped.
		lines: product names of its usage lines.
		earlier: whose it was in an earlier month. renamed: whose the group was that it probably is under a new name.
		subscription: whose the subscription is.
	"""

	text: str | None
	company: str | None = None
	lines: tuple[str, ...] = ()
	earlier: Key | None = None
	renamed: Key | None = None
	subscription: Key | None = None


@dataclass(frozen=True, slots=True)
class Suggestion:
	"""`reasons`, the strongest first: what was found, such as the domain; "" where there is nothing to name."""

	key: Key
	score: int
	reasons: tuple[tuple[Why, str], ...]


# --------------------------------------------------------------------------------------------- words

_IGNORED = frozenset(
	[
		*("and", "und", "the", "of", "for", "von", "der", "die", "das", "et", "y"),
		*("inc", "incorporated", "llc", "ltd", "limited", "gmbh", "ag", "kg", "co", "corp", "corporation"),
		*("company", "plc", "bv", "nv", "sarl", "sas", "srl", "spa", "oy", "ab", "as", "pty", "ug", "ev"),
	]
)
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}")
_TENANT = ".onmicrosoft.com"
FREE_MAIL = frozenset(
	[
		*("gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "live.com", "yahoo.com", "icloud.com"),
		*("gmx.de", "gmx.net", "web.de", "aol.com", "proton.me", "protonmail.com", "t-online.de", "msn.com"),
	]
)


def words_of(text: str | None) -> list[str]:
	"""The words of a name for comparison: no accents, no legal forms, no numbers and codes.

	>>> words_of("Müller & Söhne GmbH") == words_of("4411 MUELLER_SOEHNE (EU-204417)")
	True
	"""
	plain = unicodedata.normalize("NFKD", (text or "").casefold().replace("ß", "ss"))
	plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
	found = []
	for word in re.findall(r"[^\W_]+", plain):
		if word in _IGNORED or any(letter.isdigit() for letter in word):
			continue
		# "ü" is written "ue" or "u".
		word = re.sub(r"([aou])e", r"\1", word)
		if len(word) > 2:
			found.append(word)
	return found


def domains_in(text: str | None) -> list[str]:
	"""The domains in a text, such as a web address or a tenant's, each once.

	>>> domains_in("Tenant cedarpine.onmicrosoft.com, https://www.cedarpine.example/about")
	['cedarpine.onmicrosoft.com', 'cedarpine.example']
	"""
	found = (one.removeprefix("www.") for one in _DOMAIN.findall((text or "").casefold()))
	return list(dict.fromkeys(found))


# --------------------------------------------------------------------------------------------- clients


@dataclass(slots=True)
class Clients:
	"""The clients that may be suggested, ready to be looked through for many groups."""

	clients: Iterable[Client]
	_keys: set[Key] = field(default_factory=set)
	_names: list[tuple[Key, frozenset[str], str]] = field(default_factory=list)
	_by_word: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
	_owners: dict[str, set[Key]] = field(default_factory=lambda: defaultdict(set))
	_by_domain: dict[str, set[Key]] = field(default_factory=lambda: defaultdict(set))

	def __post_init__(self) -> None:
		for client in self.clients:
			self._keys.add(client.key)
			for name in client.names:
				words = words_of(name)
				if not words:
					continue
				for word in words:
					self._by_word[word].add(len(self._names))
					self._owners[word].add(client.key)
				self._names.append((client.key, frozenset(words), "".join(words)))
			for domain in client.domains - FREE_MAIL:
				self._by_domain[domain].add(client.key)

	def suggest(self, group: Group) -> list[Suggestion]:
		"""The clients that a group may be of, the likeliest first; several only where more than one comes close."""
		found: dict[Key, dict[Why, tuple[int, str]]] = defaultdict(dict)

		def note(key: Key, why: Why, share: float = 1.0, what: str = "") -> None:
			points = round(POINTS[why] * share)
			if key in self._keys and points > found[key].get(why, (0, ""))[0]:
				found[key][why] = (points, what)

		for why, owner in (
			(Why.EARLIER, group.earlier),
			(Why.RENAMED, group.renamed),
			(Why.SUBSCRIPTION, group.subscription),
		):
			if owner:
				note(owner, why)
		for why, text in ((Why.NAME, group.text), (Why.COMPANY, group.company)):
			for key, share in self._alike(text).items():
				note(key, why, share)
		for line in group.lines:
			for key, share in self._alike(line).items():
				note(key, Why.LINES, share, line)
		for domain in domains_in(group.text):
			for key in self._of_domain(domain):
				note(key, Why.DOMAIN, what=domain)
		return _best(found)

	def _alike(self, text: str | None) -> dict[Key, float]:
		"""How much of a client's name is in a text, from LIKE_FROM on."""
		words = set(words_of(text))
		joined = "".join(words_of(text))
		found: dict[Key, float] = {}
		for place in {place for word in words for place in self._by_word.get(word, ())}:
			key, named, _whole = self._names[place]
			# At least one word that is no common one: "Dental" alone is no name.
			if not any(len(self._owners[word]) <= COMMON_FROM for word in named & words):
				continue
			share = self._weight(named & words) / self._weight(named)
			if share >= LIKE_FROM:
				found[key] = max(share, found.get(key, 0))
		for key, _named, whole in self._names:
			if len(whole) >= 6 and whole in joined:
				found[key] = 1.0
		return found

	def _weight(self, words: Iterable[str]) -> float:
		return sum(1 / len(self._owners[word]) for word in words)

	def _of_domain(self, domain: str) -> set[Key]:
		if domain.endswith(_TENANT):
			label = domain.removesuffix(_TENANT).rsplit(".", 1)[-1]
			return {
				key
				for known, keys in self._by_domain.items()
				if label in (known.split(".")[0], known.removesuffix(_TENANT))
				for key in keys
			}
		return {
			key
			for known, keys in self._by_domain.items()
			if domain == known or domain.endswith("." + known)
			for key in keys
		}


def _best(found: Mapping[Key, Mapping[Why, tuple[int, str]]]) -> list[Suggestion]:
	suggestions = []
	for key, reasons in found.items():
		if not reasons:
			continue
		ordered = sorted(reasons.items(), key=lambda one: (-one[1][0], str(one[0])))
		score = min(99, ordered[0][1][0] + _FOR_EACH_MORE * (len(ordered) - 1))
		suggestions.append(Suggestion(key, score, tuple((why, what) for why, (_points, what) in ordered)))
	suggestions.sort(key=lambda one: (-one.score, one.key))
	return [one for one in suggestions if one.score >= suggestions[0].score - 15][:MOST]
