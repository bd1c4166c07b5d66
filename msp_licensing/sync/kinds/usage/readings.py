"""What was read of usage: each summary with the group it belongs to."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import frappe

from msp_licensing.pax8 import UsageSummary
from msp_licensing.rules.resource_groups import Marks, group_key, number_equal_texts
from msp_licensing.sync.kinds.usage.scope import Scoped

Amounts = dict[str, Any]
"""`charges`, `has_charges`, `cost`, `has_cost`: what a row has for two amounts. One that is missing is no 0."""


@dataclass(slots=True)
class Reading:
	"""A summary, and the group whose it is.

	Attributes:
		known: the stored row of the group, None for a new one.
		month: first day of the month it is of; None where that cannot be told now, and it is left alone.
		lines_through: the day (UTC) up to which its lines were read since the totals last changed.
	"""

	name: str
	number: int
	subscription: Scoped
	summary: UsageSummary
	known: Any
	month: date | None = None
	lines_through: date | None = None

	@property
	def amounts(self) -> Amounts:
		return amounts_of(self.summary.current_charges, self.summary.partner_total)


def amounts_of(charges: Decimal | None, cost: Decimal | None) -> Amounts:
	return {
		"charges": Decimal(0) if charges is None else charges,
		"has_charges": int(charges is not None),
		"cost": Decimal(0) if cost is None else cost,
		"has_cost": int(cost is not None),
	}


def are_equal(now: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
	return all(
		now[f"has_{amount}"] == before[f"has_{amount}"] and _stored(now[amount]) == _stored(before[amount])
		for amount in ("charges", "cost")
	)


def is_less(now: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
	"""Whether one of two amounts is less than before. One that is missing is not compared."""
	return any(
		now[f"has_{amount}"] and before[f"has_{amount}"] and _stored(now[amount]) < _stored(before[amount])
		for amount in ("charges", "cost")
	)


def _stored(value: Any) -> Decimal:
	"""An amount with the nine decimals that its column has."""
	return round(Decimal(str(value)), 9)


def recognise(read: Sequence[tuple[Scoped, Sequence[UsageSummary]]]) -> list[Reading]:
	"""Finds the group of each summary of some subscriptions: one query for all of them."""
	stored: dict[tuple[str, str], list[Any]] = defaultdict(list)
	for row in _groups_of([subscription.id for subscription, _summaries in read]):
		stored[row.subscription_id, row.resource_group or ""].append(row)
	found = []
	for subscription, summaries in read:
		by_text: dict[str, list[UsageSummary]] = defaultdict(list)
		for summary in summaries:
			by_text[summary.resource_group or ""].append(summary)
		for text, equal in by_text.items():
			rows = {row.same_text_number: row for row in stored[subscription.id, text]}
			numbers = number_equal_texts(
				[(number, _marks_of_row(row)) for number, row in rows.items()], [*map(_marks, equal)]
			)
			for summary, number in zip(equal, numbers, strict=True):
				name = group_key(subscription.id, text, number)
				found.append(Reading(name, number, subscription, summary, rows.get(number)))
	return found


def _groups_of(subscriptions: Sequence[str]) -> list[Any]:
	if not subscriptions:
		return []
	return frappe.db.sql(
		"""select name, subscription_id, resource_group, same_text_number, summary_id, pax8_company, is_trial, currency,
			this_month, last_day, lines_through, fingerprint,
			cast(this_month_charges as char) as charges, has_this_month_charges as has_charges,
			cast(this_month_cost as char) as cost, has_this_month_cost as has_cost
		from `tabPax8 Resource Group` where subscription_id in %s""",
		(tuple(subscriptions),),
		as_dict=True,
	)


def _marks(summary: UsageSummary) -> Marks:
	return Marks(summary.id, summary.company_id, bool(summary.is_trial), summary.currency_code)


def _marks_of_row(row: Any) -> Marks:
	return Marks(row.summary_id, row.pax8_company, bool(row.is_trial), row.currency)


def reading_begins() -> datetime:
	"""The moment (UTC, by the database's clock) of a read that begins now: later than every one before it."""
	return frappe.db.sql(
		"""select greatest(utc_timestamp(6), coalesce(max(read_on) + interval 1 microsecond, utc_timestamp(6)))
		from `tabPax8 Resource Group`"""
	)[0][0]
