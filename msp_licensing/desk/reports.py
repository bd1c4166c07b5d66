"""What the app's reports have in common: columns, charts that stand still, and texts for files."""

from collections.abc import Mapping
from typing import Any

import frappe

from msp_licensing.desk.spreadsheets import plain

# Of a chart that does not move: the library fails where it is drawn anew, or its width changes, while it still moves.
STILL = {"animate": 0, "disableEntryAnimation": 1}

# The one caller that shows cells instead of writing them into a file.
_SCREEN = "frappe.desk.query_report.run"


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


def is_for_screen() -> bool:
	"""Whether Frappe asks for cells to show, and not for a file."""
	return frappe.form_dict.get("cmd") == _SCREEN


def for_file(answer: tuple[Any, ...], named_by: Mapping[str, str] | None = None) -> tuple[Any, ...]:
	"""A report's answer (columns, rows, …) with texts that no spreadsheet carries out, unless Frappe asks for cells to show.

	Args:
		named_by: columns that have another one's value in a file, such as a name instead of an id.
	"""
	if not is_for_screen():
		for row in answer[1]:
			row.update({to: row[source] for to, source in (named_by or {}).items() if row.get(source)})
			row.update({key: plain(value) for key, value in row.items() if isinstance(value, str)})
	return answer
