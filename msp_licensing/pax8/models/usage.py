"""Usage of the current month, which Pax8 keeps no longer than that."""

from __future__ import annotations

from msp_licensing.pax8.models.fields import (
	Count,
	Currency,
	Day,
	Flag,
	Id,
	Money,
	OptionalId,
	Record,
	Text,
)


class UsageSummary(Record):
	"""The usage of a resource group in the current month (`GET /subscriptions/{id}/usage-summaries`).

	`current_charges` is the client's side, `partner_total` the partner's, both running totals of the month in
	`currency_code`: a later read replaces an earlier one, they are never added up. A `company_id` of `None`, or of the
	partner itself, means that nobody has assigned the resource group.
	"""

	id: Id
	company_id: OptionalId = None
	subscription_id: OptionalId = None
	product_id: OptionalId = None
	resource_group: Text = None
	vendor_name: Text = None
	current_charges: Money = None
	partner_total: Money = None
	currency_code: Currency = None
	is_trial: Flag = None


class UsageLine(Record):
	"""A line of a usage summary for one day (`GET /usage-summaries/{id}/usage-lines`). Lines have no id.

	`unit_price` and `current_charges` are the client's side, `partner_total` the partner's, `current_profit` the
	difference. Many vendors report totals of the month so far, day by day: lines of several days must not be added up.
	"""

	usage_summary_id: OptionalId = None
	usage_date: Day = None
	product_id: OptionalId = None
	product_name: Text = None
	unit_of_measure: Text = None
	quantity: Count = None
	unit_price: Money = None
	current_charges: Money = None
	partner_total: Money = None
	current_profit: Money = None
	currency_code: Currency = None
	is_trial: Flag = None
