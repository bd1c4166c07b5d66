"""Usage by Day: what each day of a month added."""

from typing import Any

from msp_licensing.desk import usage_reports


def execute(filters: Any = None) -> tuple[Any, ...]:
	"""Columns, rows, message, chart and summary: see `usage_reports`."""
	return usage_reports.run_by_day(filters)
