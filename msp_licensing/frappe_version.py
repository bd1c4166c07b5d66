"""All differences between Frappe 15 and 16 that the app has to know. No other module checks Frappe's version."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import frappe

MAJOR = int(frappe.__version__.split(".")[0])


def count_as(name: str) -> Any:
	"""Returns the field of `frappe.get_list` that counts rows. Frappe 16 refuses SQL functions in strings."""
	return {"COUNT": "name", "as": name} if MAJOR >= 16 else f"count(name) as {name}"


def sum_as(fieldname: str, name: str) -> Any:
	"""Returns the field of `frappe.get_list` that adds up a column of numbers."""
	return {"SUM": fieldname, "as": name} if MAJOR >= 16 else f"sum({fieldname}) as {name}"


def rows_from(start: int, count: int) -> dict[str, int]:
	"""Returns the arguments of `frappe.get_list` for `count` rows after the first `start` rows."""
	return {"offset" if MAJOR >= 16 else "start": start, "limit": count}


def contains(text: str) -> str:
	"""A pattern for "like" in a list of Frappe that finds `text` anywhere; the wildcards of SQL in it stand for one character.

	An escaped wildcard would be right in Frappe 16 only: Frappe 15 escapes it once more and finds nothing.

	>>> contains("50 % off")
	'%50 _ off%'
	"""
	return f"%{text.translate(_ONE_CHARACTER)}%"


_ONE_CHARACTER = str.maketrans(dict.fromkeys("%\\", "_"))


def desk_path(path: str = "") -> str:
	"""Returns the path of a desk screen: `/desk/…` on Frappe 16, `/app/…` on 15."""
	return ("/desk/" if MAJOR >= 16 else "/app/") + path.lstrip("/")


def each_notification(doc: Any, method: str) -> Iterator[Callable[[], None]]:
	"""Yields one function for each enabled Notification of the document's DocType; it sends what is due for `method`.

	`doc.run_notifications(method)` of either version ends at the first Notification that is broken.
	"""
	names = frappe.get_all("Notification", {"enabled": 1, "document_type": doc.doctype}, pluck="name")
	for name in names:
		executed = list(doc.flags.notifications_executed or [])
		if name in executed:
			continue
		# Both versions leave out what was executed. Frappe 15 keeps its list of Notifications on the document.
		doc.flags.notifications = None
		doc.flags.notifications_executed = [other for other in names if other != name]
		yield lambda: doc.run_notifications(method)
		if name in doc.flags.notifications_executed:
			executed.append(name)
		doc.flags.notifications_executed = executed


def throw_as_typed(message: str, kind: type[Exception]) -> NoReturn:
	"""Raises the error with a message that its reader shows as plain text. Frappe 16 would remove from it what looks like
	markup."""
	frappe.throw(message, kind, **({"allow_dangerous_html": True} if MAJOR >= 16 else {}))


PDF_PROGRAMS = "wkhtmltopdf / Chromium" if MAJOR >= 16 else "wkhtmltopdf"


def pdf_maker() -> Callable[[str], bytes] | None:
	"""Returns the function that makes a PDF (portrait) of an HTML page on this server: wkhtmltopdf, or on Frappe 16 the
	Chromium that the bench has set up. None if there is neither. It never downloads Chromium, as Frappe itself would.
	"""
	from frappe.utils.pdf import get_pdf, get_wkhtmltopdf_version

	options = {"orientation": "Portrait"}
	if get_wkhtmltopdf_version() != "0":
		return lambda html: get_pdf(html, options)
	if MAJOR >= 16 and _has_chromium():
		from frappe.utils.pdf import get_chrome_pdf

		return lambda html: get_chrome_pdf(None, html, options, None, pdf_generator="chrome")
	return None


def _has_chromium() -> bool:
	from frappe.utils.print_utils import EXECUTABLE_PATHS

	config = frappe.get_common_site_config()
	in_bench = Path(frappe.utils.get_bench_path(), "chromium", *EXECUTABLE_PATHS["linux"])
	return bool(
		config.get("chromium_websocket_url")
		or shutil.which(config.get("chromium_path") or "")
		or in_bench.exists()
	)


# The return value of a `has_permission` hook that does not object. Frappe 15 asks the hooks of a DocType from the last to
# the first and stops at the first answer that is not None, so True would skip Frappe's own hook of File. On Frappe 16
# every hook must return True.
NO_OBJECTION = True if MAJOR >= 16 else None
