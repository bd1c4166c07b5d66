"""What differs between the versions of Frappe that the app runs on. Nothing else asks for the version."""

from typing import Any

import frappe

MAJOR = int(frappe.__version__.split(".")[0])


def count_as(name: str) -> Any:
	"""The field of `frappe.get_list` that counts rows: {"COUNT": …} from 16 on, which refuses functions in texts."""
	return {"COUNT": "name", "as": name} if MAJOR >= 16 else f"count(name) as {name}"


def rows_from(start: int, count: int) -> dict[str, int]:
	"""The arguments of `frappe.get_list` for `count` rows, the first `start` left out."""
	return {"offset" if MAJOR >= 16 else "start": start, "limit": count}


def desk_path(path: str = "") -> str:
	"""The address of a screen of the desk below the site's own: `/desk/…` from 16 on, `/app/…` before."""
	return ("/desk/" if MAJOR >= 16 else "/app/") + path.lstrip("/")


# What a hook of `has_permission` returns that has no objection. Up to 15, Frappe asks the hooks of a DocType from the last
# to the first and takes the first answer that is not None: True would keep it from asking its own hook of File. From 16
# on every hook has to say True.
NO_OBJECTION = True if MAJOR >= 16 else None
