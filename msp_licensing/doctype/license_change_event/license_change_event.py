from typing import NoReturn

import frappe
from frappe import _

from msp_licensing.plain_text import PlainTextDocument


class LicenseChangeEvent(PlainTextDocument):
	"""A row of `changes.audit.events.record`, which writes it by SQL: every other way of writing ends here."""

	def validate(self) -> None:
		_refuse()

	def before_change(self) -> None:
		_refuse()  # `db_set` asks nobody else

	def db_insert(self, *args, **kwargs) -> NoReturn:
		_refuse()

	def db_update(self, *args, **kwargs) -> NoReturn:
		_refuse()

	def before_rename(self, *args) -> None:
		_refuse()

	def on_trash(self) -> None:
		if not frappe.flags.in_uninstall:
			_refuse()


def _refuse() -> NoReturn:
	frappe.throw(
		_("What happened to a request is kept as it was written: nobody can add, change or delete it."),
		frappe.PermissionError,
	)


def on_doctype_update() -> None:
	frappe.db.add_index("License Change Event", ["request", "number"], "request_number")
