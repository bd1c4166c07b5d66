"""The usage of all subscriptions: what is made up, and what was changed from outside."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from msp_licensing.sandbox import storybook
from msp_licensing.sandbox.dates import add_months
from msp_licensing.sandbox.model import Overrides, Subscription, amount_number
from msp_licensing.sandbox.usage.amounts import Amount, Window, running_total, sums, window
from msp_licensing.sandbox.usage.groups import Component, Group, added, is_usage, made_up

if TYPE_CHECKING:
	from msp_licensing.sandbox.world import World

_NAMESPACE = uuid.UUID("7d0d2b5e-91c4-4a7c-8a52-0f8ce9f5a6b1")
# Vendors post for a month until this day of the next.
_LAST_POSTS = 2
# Statuses that have not begun to be used. All others are used from start to end.
_NOT_USED = frozenset({"PendingManual", "WaitingForDetails", "PendingActivation", "Trial"})


@dataclass(slots=True)
class Edit:
	"""What was changed from outside about one resource group of a subscription."""

	group: Group | None = None
	"""The group itself, where it was added from outside."""
	owners: list[tuple[date, str | None]] = field(default_factory=list)
	"""From which day on the group is which company's (None = nobody's), in the order in which it was said."""
	trial: bool | None = None
	removed: bool = False
	fixed: dict[date, tuple[date, Decimal, Decimal]] = field(default_factory=dict)
	"""By month: from which day on the customer's charges and the partner's total are these."""
	spikes: dict[date, Decimal] = field(default_factory=dict)
	"""By day: so many average days' usage on top."""
	overrides: Overrides | None = None


@dataclass(frozen=True, slots=True)
class Summary:
	"""A group's usage in one month, up to a day."""

	id: str
	subscription: Subscription
	group: Group
	vendor: str | None
	within: Window
	charges: Decimal
	partner: Decimal
	overrides: Overrides | None = None

	def wire(self) -> dict[str, Any]:
		"""The spec's UsageSummary.

		`companyId` is absent where nobody is linked. `subscriptionId` is in the spec's example, not in its
		schema: every other subscription shows it.
		"""
		wire: dict[str, Any] = {
			"id": self.id,
			"companyId": self.group.company_id,
			"subscriptionId": self.subscription.id,
			"productId": self.subscription.product_id,
			"resourceGroup": self.group.name,
			"vendorName": self.vendor,
			"currentCharges": amount_number(self.charges),
			"currencyCode": self.group.currency,
			"partnerTotal": amount_number(self.partner),
			"isTrial": self.group.trial,
		}
		if self.subscription.id[-1] in "02468ace":
			del wire["subscriptionId"]
		for name in ("companyId", "vendorName"):
			if wire[name] is None:
				del wire[name]
		return self.overrides.apply(wire) if self.overrides else wire


class UsageBook:
	"""Summaries and lines of usage, as they stand on a day (UTC)."""

	def __init__(self, world: World) -> None:
		self._world = world
		self._edits: dict[str, dict[str, Edit]] = {}
		# Summaries by id, as they become known: (subscription, group name, month).
		self._known: dict[str, tuple[str, str, date]] = {}
		self._all_known: tuple[date, int] | None = None

	def groups(
		self, subscription: Subscription, by: date = date.max, kept: dict[str, list[Group]] | None = None
	) -> list[Group]:
		"""The subscription's resource groups, each the company's to which it was linked `by` a day.

		`kept` holds what was made up, by subscription, for a caller who asks for several days in a row.
		"""
		edits = self._edits.get(subscription.id)
		groups = kept.get(subscription.id) if kept is not None else None
		if groups is None:
			groups = made_up(self._world, subscription)
			if kept is not None:
				kept[subscription.id] = groups
		if not edits:
			return groups
		present = [group for group in groups if not (edit := edits.get(group.name)) or not edit.removed]
		present += [edit.group for edit in edits.values() if edit.group is not None]
		return [_edited(group, edits.get(group.name), by) for group in present]

	def candidates(self) -> Iterator[Subscription]:
		"""The subscriptions that may have resource groups: those of usage, and those given any from outside."""
		usage = {product.id for product in self._world.products.order if is_usage(product)}
		for subscription in self._world.subscriptions.order:
			if subscription.product_id in usage or subscription.id in self._edits:
				yield subscription

	def edit(self, subscription: Subscription, name: str) -> Edit:
		"""The changes to a group, to be changed further."""
		return self._edits.setdefault(subscription.id, {}).setdefault(name, Edit())

	def add(
		self, subscription: Subscription, name: str, company_id: str | None, monthly: Decimal, trial: bool
	) -> None:
		"""Add a resource group that costs the customer about `monthly` (the subscription's currency) a month."""
		self._edits.setdefault(subscription.id, {})[name] = Edit(
			group=added(self._world, subscription, name, company_id, monthly, trial)
		)

	def remove(self, subscription: Subscription, name: str) -> None:
		"""Take a resource group and its usage out."""
		self._edits.setdefault(subscription.id, {})[name] = Edit(removed=True)

	def summaries(self, subscription: Subscription, today: date) -> list[Summary]:
		"""The summaries of the month of `today`, each with its total of that day."""
		month = today.replace(day=1)
		found = []
		for group in self.groups(subscription):
			within = self._window(subscription, group, month)
			# A group shows from its first usage on.
			if within is None or today.day < within.first:
				continue
			summary = self._summary(subscription, group, within, today.day)
			self._known[summary.id] = (subscription.id, group.name, month)
			found.append(summary)
		return found

	def finals(
		self, subscription: Subscription, month: date, kept: dict[str, list[Group]] | None = None
	) -> Iterator[tuple[Group, Decimal, Decimal]]:
		"""What each group comes to for `month` (its first day) after the vendors' last posts.

		A group that was linked after those, on the 3rd of the next month, is still whose it was before.
		"""
		for group in self.groups(subscription, add_months(month, 1).replace(day=_LAST_POSTS), kept):
			if within := self._window(subscription, group, month):
				yield group, *self._totals(subscription, group, within, within.last, final=True)

	def find(self, summary_id: str, today: date) -> Summary | None:
		"""The summary with this id, where it is one of this month's."""
		summary_id = summary_id.lower()
		if summary_id not in self._known:
			self._know_all(today)
		subscription_id, name, month = self._known.get(summary_id, ("", "", today))
		subscription = self._world.subscriptions.rows.get(subscription_id)
		if subscription is None or month != today.replace(day=1):
			return None
		return next((one for one in self.summaries(subscription, today) if one.group.name == name), None)

	def lines(self, summary: Summary, day: date, daily: bool) -> list[Amount]:
		"""A summary's amounts on a day of its month: its totals so far, or where `daily` that day's alone."""
		within = summary.within
		if day.replace(day=1) != within.month or not within.first <= day.day <= within.last:
			return []
		now = self._amounts(summary.subscription, summary.group, within, day.day)
		if not daily:
			return now
		before = {
			amount.component: amount
			for amount in self._amounts(summary.subscription, summary.group, within, day.day - 1)
		}
		on_this_day = [amount.since(before.get(amount.component)) for amount in now]
		return [amount for amount in on_this_day if amount.quantity or amount.charges or amount.partner]

	def _know_all(self, today: date) -> None:
		"""Note the ids of all of today's summaries: for a caller who kept an id from before a restart."""
		as_of = (today, len(self._world.subscriptions))
		if self._all_known != as_of:
			self._all_known = as_of
			for subscription in self.candidates():
				self.summaries(subscription, today)

	def _window(self, subscription: Subscription, group: Group, month: date) -> Window | None:
		if subscription.status in _NOT_USED:
			return None
		end = subscription.end
		if end is not None:
			# An end at midnight is the end of the day before.
			last = (end - timedelta(microseconds=1)).date()
			return window(month, subscription.start.date(), last, group.first_day)
		return window(month, subscription.start.date(), None, group.first_day)

	def _amounts(
		self, subscription: Subscription, group: Group, within: Window, day: int, final: bool = False
	) -> list[Amount]:
		edit = self._edits.get(subscription.id, {}).get(group.name)
		spikes = None
		if edit:
			held = edit.fixed.get(within.month)
			if held and held[0].day <= day:
				_since, charges, partner = held
				return [_fixed(subscription, charges, partner)]
			spikes = {at.day: size for at, size in edit.spikes.items() if at.replace(day=1) == within.month}
		key = f"{subscription.id} {group.name}"
		# The storybook is the same whatever the seed.
		seed = 0 if group.number else self._world.seed
		return running_total(seed, key, group, within, day, spikes, final)

	def _totals(
		self, subscription: Subscription, group: Group, within: Window, day: int, final: bool = False
	) -> tuple[Decimal, Decimal]:
		return sums(self._amounts(subscription, group, within, day, final))

	def _summary(self, subscription: Subscription, group: Group, within: Window, day: int) -> Summary:
		if group.number:
			identifier = storybook.usage_summary_id(group.number, within.month)
		else:
			named = f"{self._world.seed} {subscription.id} {group.name} {within.month:%Y-%m}"
			identifier = str(uuid.uuid5(_NAMESPACE, named))
		product = self._world.products.rows.get(subscription.product_id)
		edit = self._edits.get(subscription.id, {}).get(group.name)
		charges, partner = self._totals(subscription, group, within, day)
		return Summary(
			identifier,
			subscription,
			group,
			product.vendor if product else None,
			within,
			charges,
			partner,
			edit.overrides if edit else None,
		)


def _edited(group: Group, edit: Edit | None, by: date) -> Group:
	if edit is None:
		return group
	owner = group.company_id
	for since, company_id in edit.owners:
		if since <= by:
			owner = company_id
	return replace(group, company_id=owner, trial=group.trial if edit.trial is None else edit.trial)


def _fixed(subscription: Subscription, charges: Decimal, partner: Decimal) -> Amount:
	component = Component(
		subscription.product_id, subscription.product_name, "Each", charges, partner, Decimal(1)
	)
	return Amount(component, Decimal(1), charges, partner)
