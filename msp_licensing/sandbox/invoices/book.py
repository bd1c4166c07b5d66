"""The invoices there are at a moment of the sandbox clock, and what becomes of them.

One invoice has one currency in Pax8's schema, so a partner whose clients are billed in several has one for each of
them a month. Whether Pax8 does it so is not documented.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from msp_licensing.sandbox import storybook
from msp_licensing.sandbox.dates import add_months
from msp_licensing.sandbox.invoices.billing import Month
from msp_licensing.sandbox.invoices.items import Item, cents
from msp_licensing.sandbox.model import Overrides, amount_number
from msp_licensing.sandbox.usage.groups import Group

if TYPE_CHECKING:
	from msp_licensing.sandbox.world import World

VISIBLE_DAY = 4
"""The day of the month (UTC) on which its invoices become visible."""
HISTORY_MONTHS = 4
"""How many months' invoices there are at the start."""
_DUE_DAY = 15
_REISSUED_DAY = 12
_ZERO = Decimal(0)
_CARRIED_SHARE = Decimal("0.1")


@dataclass(slots=True, eq=False)
class Invoice:
	"""An invoice. `settled` is the status that somebody gave it: Paid, Void, Credited; None = as time has it.

	`total` is the sum of the items' `amountDue`.
	"""

	id: str
	month: date
	currency: str
	dated: date
	due: date
	visible_from: datetime
	items: list[Item]
	revision: int = 0
	settled: str | None = None
	settled_from: datetime | None = None
	paid: Decimal = _ZERO
	overrides: Overrides | None = None
	total: Decimal = field(init=False)

	def __post_init__(self) -> None:
		self.total = sum((item.amounts().due for item in self.items), _ZERO)


@dataclass(frozen=True, slots=True)
class View:
	"""An invoice as it stands at a moment."""

	invoice: Invoice
	status: str
	balance: Decimal
	carried: Decimal

	def wire(self) -> dict[str, Any]:
		"""The spec's Invoice, with the `status` that only its examples and filters have.

		`companyId` is the partner's own company: the spec does not say whose it is.
		"""
		invoice = self.invoice
		wire: dict[str, Any] = {
			"id": invoice.id,
			"invoiceDate": invoice.dated.isoformat(),
			"dueDate": invoice.due.isoformat(),
			"balance": amount_number(self.balance),
			"carriedBalance": amount_number(self.carried),
			"total": amount_number(invoice.total),
			"currencyCode": invoice.currency,
			"status": self.status,
			"partnerName": storybook.PARTNER_NAME,
			"companyId": storybook.NORTHWIND_PARTNER,
		}
		return invoice.overrides.apply(wire) if invoice.overrides else wire


class InvoiceBook:
	"""The invoices of a world, made when they are first looked at and the same from then on."""

	def __init__(self, world: World, now: datetime) -> None:
		self._world = world
		newest = _newest_month(now)
		self._first = add_months(newest, 1 - HISTORY_MONTHS)
		# The story of a credited invoice: dollars, the month before the newest.
		self._credited = add_months(newest, -1)
		self._issued: dict[date, list[Invoice]] = {}
		self._announced = newest

	def visible(self, now: datetime) -> list[View]:
		"""The invoices that the API shows at `now`, newest first."""
		self._issue(_newest_month(now))
		shown = [
			invoice for issued in self._issued.values() for invoice in issued if invoice.visible_from <= now
		]
		shown.sort(key=lambda invoice: (invoice.dated, invoice.revision), reverse=True)
		return [self._view(invoice, shown, now) for invoice in shown]

	def find(self, invoice_id: str, now: datetime) -> View | None:
		"""The invoice with this id, where it is visible at `now`."""
		invoice_id = invoice_id.lower()
		return next((view for view in self.visible(now) if view.invoice.id == invoice_id), None)

	def newly_visible(self, now: datetime, wanted: bool) -> list[Invoice]:
		"""The invoices that became visible since the last call. Cheap until the month changes.

		Nothing is made, and nothing returned, unless `wanted`.
		"""
		newest = _newest_month(now)
		if newest <= self._announced:
			return []
		since, self._announced = self._announced, newest
		if not wanted:
			return []
		self._issue(newest)
		return [
			invoice
			for month, issued in self._issued.items()
			if since < month <= newest
			for invoice in issued
			if not invoice.revision
		]

	def draft(self, now: datetime, offset: int, company_id: str | None) -> list[Item]:
		"""What this month's (`offset` 0) or next month's (1) invoices will hold, as things stand.

		Without usage in arrears, as the spec says, nor credits and rebates. This month's is empty once its
		invoices are visible.
		"""
		today = now.date()
		month = add_months(today.replace(day=1), offset)
		if month <= _newest_month(now):
			return []
		table = self._world.subscriptions
		held = table.order if company_id is None else self._world.subscriptions_of(company_id)
		key = ("draft items", month, company_id)
		return table.view(key, lambda: list(Month(self._world, month).charges(held)))  # type: ignore[arg-type, return-value]

	def reissue(self, invoice: Invoice, items: Iterable[Item], now: datetime) -> Invoice:
		"""Credit an invoice and issue `items` under a new number, dated the day of `now`."""
		invoice.settled, invoice.settled_from = "Credited", now
		issued = self._issued[invoice.month]
		revision = 1 + max(one.revision for one in issued if one.currency == invoice.currency)
		new = Invoice(
			storybook.invoice_id(invoice.month, invoice.currency, revision),
			invoice.month,
			invoice.currency,
			now.date(),
			now.date() + timedelta(days=14),
			now,
			list(items),
			revision,
		)
		issued.append(new)
		return new

	def _issue(self, newest: date) -> None:
		month = self._first
		groups: dict[str, list[Group]] = {}
		while month <= newest:
			if month not in self._issued:
				self._issued[month] = []
				self._make(month, groups)
			month = add_months(month, 1)

	def _make(self, month: date, groups: dict[str, list[Group]]) -> None:
		charges = Month(self._world, month, groups)
		by_currency: dict[str, list[Item]] = {}
		for item in _all_of(charges, self._world):
			by_currency.setdefault(item.currency, []).append(item)
		for currency, items in by_currency.items():
			items.extend(charges.extras(currency))
			items = sorted(items, key=lambda item: item.payer.name.casefold())
			credited = month == self._credited and currency == "USD"
			original = Invoice(
				storybook.invoice_id(month, currency),
				month,
				currency,
				month,
				month.replace(day=_DUE_DAY),
				_at(month, VISIBLE_DAY),
				_wrong(items) if credited else items,
			)
			self._issued[month].append(original)
			if credited:
				self.reissue(original, items, _at(month, _REISSUED_DAY))

	def _view(self, invoice: Invoice, shown: list[Invoice], now: datetime) -> View:
		before = add_months(invoice.month, -1)
		carried = sum(
			(
				self._carried_over(one)
				for one in shown
				if one.month == before and one.currency == invoice.currency and one.settled is None
			),
			_ZERO,
		)
		if invoice.settled and invoice.settled_from and invoice.settled_from <= now:
			return View(invoice, invoice.settled, _ZERO, carried)
		if invoice.total <= 0:
			return View(invoice, "Nothing Due", _ZERO, carried)
		balance = invoice.total - invoice.paid
		if balance <= 0:
			return View(invoice, "Paid", _ZERO, carried)
		if _newest_month(now) <= invoice.month:
			return View(invoice, "Unpaid", balance, carried)
		# The partner pays when the next invoice comes, of some not all.
		left = min(balance, self._carried_over(invoice))
		return View(invoice, "Carried" if left else "Paid", left, carried)

	def _carried_over(self, invoice: Invoice) -> Decimal:
		"""What of an invoice is left open for the next to carry: of every third in euros, a tenth."""
		if (
			invoice.currency != "EUR"
			or (invoice.month.year * 12 + invoice.month.month) % 3
			or invoice.total <= 0
		):
			return _ZERO
		return cents(invoice.total * _CARRIED_SHARE)


def _all_of(charges: Month, world: World) -> Iterator[Item]:
	yield from charges.charges(world.subscriptions.order)
	yield from charges.arrears()


def _wrong(items: list[Item]) -> list[Item]:
	"""The items of the invoice that is credited: the demonstration's Keeper seats are charged twice over."""
	return [
		replace(item, quantity=item.quantity * 2)
		if item.subscription_id == storybook.CEDAR_KEEPER and item.type == "subscription"
		else item
		for item in items
	]


def _newest_month(now: datetime) -> date:
	"""The first day of the newest month whose invoices are visible at `now`."""
	this = now.date().replace(day=1)
	return this if now.day >= VISIBLE_DAY else add_months(this, -1)


def _at(month: date, day: int) -> datetime:
	return datetime.combine(month.replace(day=day), time(), timezone.utc)
