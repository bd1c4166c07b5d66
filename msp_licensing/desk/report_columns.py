"""Columns of the app's reports."""

from typing import Any


def column(
	fieldname: str, label: str, fieldtype: str, width: int, options: str | None = None
) -> dict[str, Any]:
	"""A column as Frappe's reports take it; `width` in pixels, `label` in the reader's language."""
	return {
		"fieldname": fieldname,
		"label": label,
		"fieldtype": fieldtype,
		"width": width,
		"options": options,
	}
