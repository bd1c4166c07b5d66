"""Keeps what was computed from usage until the usage changes.

Totals of a month are made of every resource group, and projections of every group by itself: seconds of work on a site with tens of
thousands of them, for the same answer to everybody who opens a report on that day. The cache has each answer together
with the state of the usage that it is of (`sync.kinds.usage.revision`), the month, and the clients that User Permissions
leave.
"""

import functools
import hashlib
from collections.abc import Callable
from typing import Any, TypeVar

import frappe

from msp_licensing import clock, restrictions
from msp_licensing.sync.kinds.usage import revision
from msp_licensing.sync.kinds.usage.months import first_day

SECONDS = 24 * 60 * 60
_READ = ("Pax8 Usage Month", "Pax8 Usage Snapshot")

Function = TypeVar("Function", bound=Callable[..., Any])


def kept(function: Function) -> Function:
	"""Decorator for functions that read usage for the session's user, of the amounts module or of one like it.

	Their answers depend on their arguments, whose `repr` says all that is in them, on the current month, on usage and on the User
	Permissions of the session's user, and on nothing else. They can be pickled.
	"""

	@functools.wraps(function)
	def read(*args: Any, **kwargs: Any) -> Any:
		key = _key(function, args, kwargs)
		# With `expires` Frappe reads it from Redis: a copy, and nothing that somebody in this request may have changed.
		found = frappe.cache.get_value(key, expires=True)
		if found is None:
			found = (function(*args, **kwargs),)
			frappe.cache.set_value(key, found, expires_in_sec=SECONDS)
			# Frappe 16 would hand out this very object once more.
			frappe.local.cache.pop(frappe.cache.make_key(key), None)
		return found[0]

	return read  # type: ignore[return-value]


def client_changed(doc: Any, method: str | None = None) -> None:
	"""Hook after a client was saved: its name stands in totals."""
	if doc.has_value_changed(doc.meta.get_title_field()):
		revision.changed()


def _key(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
	allowed = [restrictions.manager_clients(frappe.session.user, doctype) for doctype in _READ]
	asked = (
		function.__qualname__,
		first_day(clock.pax8_today()),
		[None if clients is None else sorted(map(repr, clients)) for clients in allowed],
		args,
		sorted(kwargs.items()),
	)
	return f"msp_licensing_usage:{revision.current()}:{hashlib.sha256(repr(asked).encode()).hexdigest()}"
