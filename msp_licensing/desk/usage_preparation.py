"""Computes what the reports of usage show first before somebody opens one: see `usage.kept`."""

import frappe

from msp_licensing.desk import usage_by_day, usage_charts
from msp_licensing.desk.usage_reports import BY_CLIENT, BY_GROUP, BY_VENDOR, MOST_GROUPS, Asked
from msp_licensing.usage import amounts, group_months


def prepare_soon() -> None:
	"""Hook after usage was read."""
	frappe.enqueue(
		"msp_licensing.desk.usage_preparation.prepare",
		queue="long",
		enqueue_after_commit=True,
		job_id="msp_licensing.prepare_usage_reports",
		deduplicate=True,
	)


def prepare() -> None:
	"""Asks what the reports ask without filters, as somebody who may see every client and cost."""
	frappe.set_user("Administrator")
	asked, cost = Asked({}), amounts.sees_cost()
	months = amounts.months_until(asked.month, asked.chart_months)
	for rows_of in (BY_CLIENT, BY_VENDOR, BY_GROUP):
		usage_charts.by_month(asked.scope, months, rows_of.split, rows_of.label)
	for rows_of in (BY_CLIENT, BY_VENDOR):
		group_months.totals(asked.scope, asked.month, rows_of.split, cost=cost)
	group_months.highest(asked.scope, asked.month, MOST_GROUPS, cost=cost)
	usage_by_day.run({})
