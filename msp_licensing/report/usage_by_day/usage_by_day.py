"""Usage by Day: what each day of a month added."""

from typing import Any

from msp_licensing.desk import usage_by_day


def execute(filters: Any = None) -> tuple[Any, ...]:
	"""Columns, rows, message, chart and summary: see `desk.usage_by_day`."""
	return usage_by_day.run(filters)
