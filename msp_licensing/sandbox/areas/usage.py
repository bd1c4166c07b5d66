"""GET usage summaries of a subscription, one of them, and its lines of a day.

Where the spec is silent, the sandbox takes the reading that asks most of a client:

* Summaries are those of the current calendar month in UTC. On the 1st all of them, their ids and their lines are
  gone at once, and new ones begin. Pax8 documents that its API keeps only the current month; it does not say in
  which time zone a month ends, nor whether last month's lines can still be read by a summary's id.
* Lines are paged like every list, ten at a time unless `size` says otherwise, although the spec gives the
  operation no such parameters: its answer does have a page object.
* Lines of a day are the running totals of the month up to that day, as vendors post them. For Azure the setting
  `azure_usage_lines` makes them the day's own amounts: what Pax8 does there is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from msp_licensing.sandbox.errors import ApiError
from msp_licensing.sandbox.model import amount_number
from msp_licensing.sandbox.paging import day_of, page_of, sort_order
from msp_licensing.sandbox.usage.amounts import Amount
from msp_licensing.sandbox.usage.book import Summary
from msp_licensing.sandbox.usage.groups import is_azure
from msp_licensing.sandbox.web import Request, Route

if TYPE_CHECKING:
	from msp_licensing.sandbox.app import App

_SORTS: Mapping[str, Callable[[Summary], Any]] = {
	"resourceGroup": lambda summary: summary.group.name.casefold(),
	"currentCharges": lambda summary: summary.charges,
	"partnerTotal": lambda summary: summary.partner,
}


def find_usage_summaries(app: App, request: Request, subscriptionId: str) -> dict[str, Any]:
	"""A page of this month's summaries of a subscription; none where it is not charged by usage.

	404 for an unknown subscription or company, as the spec has it.
	"""
	subscription = app.world.subscriptions.get(subscriptionId)
	if subscription is None:
		raise ApiError(404, "Subscription not found", [f"There is no subscription {subscriptionId}."])
	query = request.query
	order = sort_order(query, tuple(_SORTS), bare_allowed=True)
	company_id = query.get("companyId")
	if company_id is not None and app.world.companies.get(company_id) is None:
		raise ApiError(404, "Company not found", [f"There is no company {company_id}."])
	group = query.get("resourceGroup")
	rows = [
		summary
		for summary in app.world.usage.summaries(subscription, _today(app))
		if (group is None or summary.group.name == group)
		and (company_id is None or summary.group.company_id == company_id.lower())
	]
	if order:
		rows.sort(key=_SORTS[order[0]], reverse=order[1])
	return page_of(rows, query, Summary.wire)


def find_usage_summary(app: App, request: Request, usageSummaryId: str) -> dict[str, Any]:
	"""One summary of this month, or 404."""
	return _summary(app, usageSummaryId).wire()


def find_usage_lines(app: App, request: Request, usageSummaryId: str) -> dict[str, Any]:
	"""A page of a summary's lines of the day `usageDate`; none for a day without usage, ahead or of another month."""
	query = request.query
	if "usageDate" not in query:
		raise ApiError(400, "Missing usageDate", ["'usageDate' is required, such as 2025-01-31."])
	day = day_of(query, "usageDate")
	assert day is not None
	summary = _summary(app, usageSummaryId)
	today = _today(app)
	amounts: list[Amount] = []
	if day <= today:
		product = app.world.products.rows.get(summary.subscription.product_id)
		daily = app.config.azure_usage_lines == "daily" and is_azure(product)
		amounts = app.world.usage.lines(summary, day, daily)
	product_id = query.get("productId")
	if product_id is not None:
		amounts = [amount for amount in amounts if amount.component.product_id == product_id.lower()]
	return page_of(amounts, query, lambda amount: line_wire(summary, day, amount))


def _today(app: App) -> date:
	return app.clock.now().date()


def _summary(app: App, usage_summary_id: str) -> Summary:
	summary = app.world.usage.find(usage_summary_id, _today(app))
	if summary is None:
		raise ApiError(404, "Usage summary not found", [f"There is no usage summary {usage_summary_id}."])
	return summary


def line_wire(summary: Summary, day: date, amount: Amount) -> dict[str, Any]:
	"""The spec's UsageLine. It has no id of its own."""
	return {
		"usageSummaryId": summary.id,
		"usageDate": day.isoformat(),
		"productName": amount.component.name,
		"productId": amount.component.product_id,
		"unitOfMeasure": amount.component.unit,
		"quantity": amount_number(amount.quantity),
		"currentCharges": amount_number(amount.charges),
		"currentProfit": amount_number(amount.charges - amount.partner),
		"partnerTotal": amount_number(amount.partner),
		"unitPrice": amount_number(amount.component.price),
		"currencyCode": summary.group.currency,
		"isTrial": summary.group.trial,
	}


ROUTES = (
	Route(
		"GET",
		"/subscriptions/{subscriptionId}/usage-summaries",
		"findSubscriptionUsageSummaries",
		find_usage_summaries,
	),
	Route("GET", "/usage-summaries/{usageSummaryId}", "findSubscriptionUsageSummary", find_usage_summary),
	Route("GET", "/usage-summaries/{usageSummaryId}/usage-lines", "findUsageLines", find_usage_lines),
)
