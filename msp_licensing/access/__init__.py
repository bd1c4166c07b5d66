"""Who may use the portal for which client: records of decisions (Licensing Portal User), and what follows from them.

`permissions.py` reads the records; this package writes them. Nothing else in the site gives a client's people access.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import frappe


@contextmanager
def whole() -> Iterator[None]:
	"""Whatever is written within stays as a whole, or not at all where an error ends it; the error goes on."""
	savepoint = "whole_" + frappe.generate_hash(length=10)
	frappe.db.savepoint(savepoint)
	try:
		yield
	except Exception:
		frappe.db.rollback(save_point=savepoint)
		raise
