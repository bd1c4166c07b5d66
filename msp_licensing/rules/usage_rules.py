"""Rules that assign recurring resource groups: which one fits a group, and what several of them say together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

SHORTEST_TEXT = 3
"""Characters that a rule's text has at least: a shorter one would fit almost everything."""

Client = tuple[str, str]
"""DocType and name of a client record."""


@dataclass(frozen=True, slots=True)
class Rule:
	"""A rule that is enabled. Conditions that are empty always hold; one of them is set.

	Attributes:
		product: id of the product that the group is of.
		sku: what the product's SKU, or the vendor's, begins with. text: what the group's name contains. Case does not count.
		from_date: the first day (UTC) on which the rule's assignments count; None: no limit.
	"""

	name: str
	client: Client
	product: str | None = None
	sku: str | None = None
	text: str | None = None
	from_date: date | None = None


@dataclass(frozen=True, slots=True)
class Group:
	"""What rules look at: the vendor's text, the product, and its SKUs."""

	text: str | None
	product: str | None = None
	skus: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class Verdict:
	"""What the rules that fit a group say.

	Attributes:
		rules: those that fit, as they came; empty: none does.
		client: whose the group is. None with rules: they contradict each other, and nothing follows.
	"""

	rules: tuple[Rule, ...]
	client: Client | None

	@property
	def contradicts(self) -> bool:
		return bool(self.rules) and self.client is None


def has_condition(product: str | None, sku: str | None, text: str | None) -> bool:
	"""Whether a rule has a condition at all: without one it would fit every group."""
	return any((value or "").strip() for value in (product, sku, text))


def fits(rule: Rule, group: Group) -> bool:
	"""Whether all conditions of a rule hold for a group.

	>>> fits(Rule("r", ("MSP Client", "Cedar"), text="cedar"), Group("CEDAR-PINE production"))
	True
	"""
	if not has_condition(rule.product, rule.sku, rule.text):
		return False
	if rule.product and rule.product != group.product:
		return False
	if rule.sku and not any(sku.casefold().startswith(rule.sku.strip().casefold()) for sku in group.skus):
		return False
	return not rule.text or rule.text.strip().casefold() in (group.text or "").casefold()


def judge(rules: Iterable[Rule], group: Group, today: date) -> Verdict:
	"""What the rules say of a group on a day (UTC). Rules that begin later say nothing yet."""
	fitting = tuple(
		rule for rule in rules if (rule.from_date is None or rule.from_date <= today) and fits(rule, group)
	)
	clients = {rule.client for rule in fitting}
	return Verdict(fitting, clients.pop() if len(clients) == 1 else None)
