"""Columns and charts of the app's reports."""

from typing import Any

# Of a chart that does not move: the library fails where it is drawn anew, or its width changes, while it still moves.
STILL = {"animate": 0, "disableEntryAnimation": 1}


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
