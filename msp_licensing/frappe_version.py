"""All differences between Frappe 15 and 16 that the app has to know. No other module checks Frappe's version."""

from typing import Any

import frappe

MAJOR = int(frappe.__version__.split(".")[0])


def count_as(name: str) -> Any:
	"""Returns the field of `frappe.get_list` that counts rows. Frappe 16 refuses SQL functions in strings."""
	return {"COUNT": "name", "as": name} if MAJOR >= 16 else f"count(name) as {name}"


def rows_from(start: int, count: int) -> dict[str, int]:
	"""Returns the arguments of `frappe.get_list` for `count` rows after the first `start` rows."""
	return {"offset" if MAJOR >= 16 else "start": start, "limit": count}


def desk_path(path: str = "") -> str:
	"""Returns the path of a desk screen: `/desk/…` on Frappe 16, `/app/…` on 15."""
	return ("/desk/" if MAJOR >= 16 else "/app/") + path.lstrip("/")


# The return value of a `has_permission` hook that does not object. Frappe 15 asks the hooks of a DocType from the last to
# the first and stops at the first answer that is not None, so True would skip Frappe's own hook of File. On Frappe 16
# every hook must return True.
NO_OBJECTION = True if MAJOR >= 16 else None
