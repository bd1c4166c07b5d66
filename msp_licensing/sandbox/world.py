"""The state of a sandbox: tables that page quickly, and the changes that are still being provisioned."""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from datetime import datetime, timezone
from typing import Generic, TypeVar

from msp_licensing.sandbox.contacts import Contact
from msp_licensing.sandbox.invoices.book import InvoiceBook
from msp_licensing.sandbox.model import Company, Product, Subscription
from msp_licensing.sandbox.orders import Order
from msp_licensing.sandbox.usage.book import UsageBook
from msp_licensing.sandbox.web import json_text

R = TypeVar("R", Company, Product, Subscription)

# Filtered or sorted lists that are kept so that walking their pages costs a page each.
_VIEWS_KEPT = 16


class Table(Generic[R]):
	"""Records by id and in listing order."""

	def __init__(self) -> None:
		self.rows: dict[str, R] = {}
		self.order: list[R] = []
		self._views: OrderedDict[Hashable, list[R]] = OrderedDict()
		self._texts: dict[str, bytes] = {}

	def __len__(self) -> int:
		return len(self.order)

	def get(self, identifier: str) -> R | None:
		"""The record with this id, in any letter case."""
		return self.rows.get(identifier) or self.rows.get(identifier.lower())

	def add(self, row: R) -> None:
		"""Add at the end. Raises KeyError where the id is taken."""
		if row.id in self.rows:
			raise KeyError(row.id)
		self.rows[row.id] = row
		self.order.append(row)
		self._views.clear()

	def remove(self, identifier: str) -> R:
		"""Take a record out. Raises KeyError where there is none."""
		row = self.rows.pop(identifier)
		self.order.remove(row)
		self._views.clear()
		self._texts.pop(identifier, None)
		return row

	def changed(self, row: R | None = None) -> None:
		"""To be called after `row` (None = any) changed: lists, and its text on the wire, are made anew."""
		self._views.clear()
		if row is None:
			self._texts.clear()
		else:
			self._texts.pop(row.id, None)

	def text(self, row: R) -> bytes:
		"""The row as JSON, as lists show it; kept until it changes.

		Making it is most of what a page of 200 rows costs.
		"""
		text = self._texts.get(row.id)
		if text is None:
			text = self._texts[row.id] = json_text(row.wire())
		return text

	def view(self, key: Hashable, make: Callable[[], list[R]]) -> list[R]:
		"""The list that `make` gives for `key`, kept until a record changes."""
		rows = self._views.get(key)
		if rows is None:
			rows = self._views[key] = make()
			if len(self._views) > _VIEWS_KEPT:
				self._views.popitem(last=False)
		else:
			self._views.move_to_end(key)
		return rows


class World:
	"""Everything the sandbox knows. Not locked: the app does that."""

	def __init__(self, seed: int, now: datetime) -> None:
		self.seed = seed
		self.companies: Table[Company] = Table()
		self.products: Table[Product] = Table()
		self.subscriptions: Table[Subscription] = Table()
		self.usage = UsageBook(self)
		self.contacts: dict[str, list[Contact]] = {}
		"""By company, oldest first; to be read by `contacts_of`, which makes up what nobody has looked at yet."""
		self.orders: list[Order] = []
		self.invoices = InvoiceBook(self, now)
		self._by_company: dict[str, list[Subscription]] = {}
		# (due at, running number, subscription, status): who gets which status when. Only the last number given
		# to a subscription for a status counts: it may be set Active from outside and change again before the
		# first is due.
		self._steps: list[tuple[float, int, Subscription, str]] = []
		self._last_number: dict[tuple[str, str], int] = {}
		self._running_number = 0

	def add_subscription(self, subscription: Subscription) -> None:
		"""Add a subscription at the end. Raises KeyError where the id is taken."""
		self.subscriptions.add(subscription)
		self._by_company.setdefault(subscription.company_id, []).append(subscription)

	def remove_subscription(self, identifier: str) -> None:
		"""Take a subscription out. Raises KeyError where there is none."""
		subscription = self.subscriptions.remove(identifier)
		self._by_company[subscription.company_id].remove(subscription)

	def move_subscription(self, subscription: Subscription, company_id: str) -> None:
		"""Give a subscription to another company."""
		self._by_company[subscription.company_id].remove(subscription)
		subscription.company_id = company_id
		self.subscriptions.changed(subscription)
		self._by_company.setdefault(company_id, []).append(subscription)

	def remove_company(self, identifier: str) -> None:
		"""Take a company and its subscriptions out. Raises KeyError where there is none."""
		self.companies.remove(identifier)
		self.contacts.pop(identifier, None)
		for subscription in self._by_company.pop(identifier, []):
			self.subscriptions.remove(subscription.id)

	def subscriptions_of(self, company_id: str) -> list[Subscription]:
		"""A company's subscriptions in listing order."""
		return self._by_company.get(company_id, [])

	def provision(self, subscription: Subscription, due: float, status: str = "Active") -> None:
		"""Show `subscription` as PendingAutomated until the clock reads `due` (seconds since the epoch)."""
		subscription.status = "PendingAutomated"
		self.subscriptions.changed(subscription)
		self._plan(due, subscription, status)

	def cancel(self, subscription: Subscription, end: float, seconds: float) -> None:
		"""Make `subscription` PendingCancel when the clock reads `end`, and Cancelled `seconds` later.

		`end` in seconds since the epoch. An earlier cancellation is replaced.
		"""
		if subscription.status != "PendingCancel":
			self._plan(end, subscription, "PendingCancel")
		self._plan(end + seconds, subscription, "Cancelled")

	def leave_as_it_is(self, subscription: Subscription) -> None:
		"""Forget what was to become of `subscription`: its status was set by somebody else."""
		for status in ("Active", "Trial", "PendingCancel", "Cancelled"):
			self._last_number.pop((subscription.id, status), None)

	@property
	def unsettled(self) -> bool:
		"""Whether time alone will change a subscription."""
		return bool(self._steps)

	def settle(self, now: datetime) -> list[tuple[Subscription, str]]:
		"""Give each subscription the status it has by `now`; returns the steps. Cheap where nothing is due."""
		steps = []
		for due, subscription, status in self._due(now.timestamp()):
			subscription.status = status
			# When it happened, however late somebody looks: invoices go by it.
			subscription.updated = datetime.fromtimestamp(due, timezone.utc)
			self.subscriptions.changed(subscription)
			steps.append((subscription, status))
		return steps

	def _plan(self, due: float, subscription: Subscription, status: str) -> None:
		self._running_number += 1
		self._last_number[subscription.id, status] = self._running_number
		heapq.heappush(self._steps, (due, self._running_number, subscription, status))

	def _due(self, timestamp: float) -> Iterator[tuple[float, Subscription, str]]:
		while self._steps and self._steps[0][0] <= timestamp:
			due, number, subscription, status = heapq.heappop(self._steps)
			if self._last_number.get((subscription.id, status)) != number:
				continue
			del self._last_number[subscription.id, status]
			if status == "PendingCancel":
				for provisioned in ("Active", "Trial"):
					self._last_number.pop((subscription.id, provisioned), None)
			if self.subscriptions.rows.get(subscription.id) is subscription:
				yield due, subscription, status
