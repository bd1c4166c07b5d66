"""Usage by Client: what each client used in a month, beside the month before."""

from typing import Any

from msp_licensing.desk import usage_reports


def execute(filters: Any = None) -> tuple[Any, ...]:
	"""Columns, rows, message, chart and summary: see `usage_reports`."""
	return usage_reports.run(filters, usage_reports.BY_CLIENT)
