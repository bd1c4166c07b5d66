"""What would have become of past requests under another policy.

Each request is decided again by `policy.decide`, on the facts it was decided on then and in the same order. Only what
the policy itself would have brought about takes the place of what was: the changes it would have released before, since
windows and monthly limits count those. Quantities and prices stay as they were found: had a change waited, the next one
might have started from another number, and nobody can know which.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace
from datetime import date

from msp_licensing.rules.policy import decide
from msp_licensing.rules.prices import amount_change
from msp_licensing.rules.quantity import parse_quantity
from msp_licensing.rules.values import (
	Decision,
	Outcome,
	Policy,
	Release,
	SubscriptionFacts,
	SubscriptionRule,
	Timing,
)


@dataclass(frozen=True, slots=True)
class Asked:
	"""A past request, as it was decided.

	Attributes:
		name: of the request.
		on: the day it was decided on.
		client, subscription: whose it is; changes of one count together.
		wanted: the total asked for.
		rule, facts: the subscription's rule and what was known of it, both of that moment.
		then: what became of it.
		policy: the one to try, as it is for this client.
		timing: when the change was wished for.
		verified: Pax8 could be asked for the current quantity; without that everything waits, whatever the policy.
		possible: nobody knows of a reason why it could not be made. What Pax8 refused counts in no window or limit.
		made: it has been made, or is on its way. Where it would wait now, somebody would approve it, and a person's
			approval ends a window.
	"""

	name: str
	on: date
	client: Hashable
	subscription: Hashable
	wanted: object
	rule: SubscriptionRule | None
	facts: SubscriptionFacts
	then: Outcome
	policy: Policy
	timing: str = Timing.NOW
	verified: bool = True
	possible: bool = True
	made: bool = True


@dataclass(frozen=True, slots=True)
class MadeByStaff:
	"""A change that staff asked for and that was made: nothing to decide, but it ends a window, too."""

	subscription: Hashable


@dataclass(frozen=True, slots=True)
class Replayed:
	"""A past request and what would become of it; `decision` says why."""

	asked: Asked
	decision: Decision

	@property
	def now(self) -> Outcome:
		released = self.decision.outcome is Outcome.RELEASED
		return Outcome.HELD if released and not self.asked.verified else self.decision.outcome

	@property
	def differs(self) -> bool:
		return self.now is not self.asked.then


def replay(history: Iterable[Asked | MadeByStaff], *, since: date) -> list[Replayed]:
	"""Decide past requests again.

	Args:
		history: all that were asked for from `since` on, oldest first.
		since: of what was released without approval, days before this one stay as they were.
	"""
	done: list[Replayed] = []
	of_subscription: defaultdict[Hashable, list[Release]] = defaultdict(list)
	of_client: defaultdict[Hashable, list[Release]] = defaultdict(list)
	ended: set[Hashable] = set()  # subscriptions whose window a person has ended since
	for one in history:
		if isinstance(one, MadeByStaff):
			of_subscription.pop(one.subscription, None)
			ended.add(one.subscription)
			continue
		earlier = () if one.subscription in ended else _before(one.facts.releases, since)
		facts = replace(
			one.facts,
			releases=(*earlier, *of_subscription[one.subscription]),
			client_releases=(*_before(one.facts.client_releases, since), *of_client[one.client]),
		)
		decision = decide(one.policy, one.rule, facts, one.wanted, today=one.on, timing=one.timing)
		result = Replayed(one, decision)
		done.append(result)
		if result.now is Outcome.RELEASED and one.possible:
			release = _release(one)
			of_subscription[one.subscription].append(release)
			of_client[one.client].append(release)
		elif result.now is Outcome.HELD and one.made:
			of_subscription.pop(one.subscription, None)
			ended.add(one.subscription)
	return done


def tally(rows: Iterable[Replayed]) -> dict[tuple[Outcome, Outcome], int]:
	"""How many went from which outcome to which: `(then, now)`, pairs that occur."""
	return dict(Counter((row.asked.then, row.now) for row in rows))


def _before(stored: Iterable[Release], since: date) -> tuple[Release, ...]:
	return tuple(release for release in stored if release.on < since)


def _release(one: Asked) -> Release:
	before, wanted = one.facts.quantity or 0, parse_quantity(one.wanted)
	after = wanted if isinstance(wanted, int) else None
	amount = amount_change(one.facts.unit_price, before, after)
	return Release(one.on, before, amount, one.facts.currency if amount is not None else None, after)
