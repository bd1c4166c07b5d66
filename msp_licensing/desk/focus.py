"""Usage as a file in the format FOCUS 1.2: for programs by REST, for people from a dialog. docs/api/exports.md has an example."""

import codecs
import csv
import re
import tempfile
from typing import IO, Any

import frappe
from frappe import _
from frappe.core.doctype.access_log.access_log import make_access_log
from frappe.utils import getdate
from werkzeug.wrappers import Response
from werkzeug.wsgi import FileWrapper

from msp_licensing import permissions
from msp_licensing.clients import client_title
from msp_licensing.desk.spreadsheets import plain
from msp_licensing.permissions import ClientRecord
from msp_licensing.rules import focus
from msp_licensing.rules.focus import Amounts
from msp_licensing.rules.plurals import plural
from msp_licensing.sync.kinds.usage.months import USAGE_MONTH
from msp_licensing.usage.focus import NO_AMOUNT, NO_CURRENCY, Export

# A larger file waits on the disk, and not in memory, until it is sent.
IN_MEMORY = 2**20


@frappe.whitelist()
def export(
	from_date: str,
	to_date: str,
	client_doctype: str | None = None,
	client: str | None = None,
	amounts: str = "charges",
) -> Response:
	"""Answers with the charges of a period as a CSV file with the columns of FOCUS 1.2.

	Args:
		from_date, to_date: days; the months (UTC) that they are in are exported as a whole.
		client_doctype, client: whose charges. Without a client, those of all clients that the user may see and of nobody;
			only with `amounts` "cost".
		amounts: "charges": what Pax8 reports as charged to the customer. "cost": what Pax8 charges the partner; for users
			who may read costs (permission level 1 of Pax8 Usage Month).

	Returns:
		CSV (UTF-8). The headers `X-Focus-Rows` and `X-Focus-Left-Out` say how many rows there are, and how many totals of
		months could be none.
	"""
	wanted = _export(from_date, to_date, client_doctype, client, amounts)
	file = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - closed by the response
	rows = _write(file, wanted)
	make_access_log(
		doctype=USAGE_MONTH,
		file_type="CSV",
		method="FOCUS",
		filters=f"{client_doctype or ''} {client or ''}, {wanted.begin} – {wanted.end}, {wanted.amounts.value}",
	)
	size = file.tell()
	file.seek(0)
	response = Response(FileWrapper(file), content_type="text/csv; charset=utf-8")
	response.content_length = size
	response.headers["Content-Disposition"] = f'attachment; filename="{_name(wanted)}"'
	response.headers["X-Focus-Rows"] = str(rows)
	response.headers["X-Focus-Left-Out"] = str(wanted.left_out.total())
	return response


@frappe.whitelist()
def preview(
	from_date: str,
	to_date: str,
	client_doctype: str | None = None,
	client: str | None = None,
	amounts: str = "charges",
) -> dict[str, Any]:
	"""What a file would hold; arguments as for `export`.

	Returns:
		`rows`: how many. `running`: how many of a month that is not over. `sentences`: what is left out, and what to know.
	"""
	wanted = _export(from_date, to_date, client_doctype, client, amounts)
	rows = running = 0
	for charge in wanted.charges():
		rows += 1
		running += charge.month_status == "Running"
	return {"rows": rows, "running": running, "sentences": _sentences(rows, running, wanted.left_out)}


@frappe.whitelist()
def choices() -> dict[str, bool]:
	"""What the dialog offers: `cost`: whether the user may export costs."""
	_require_reader()
	return {"cost": _may_read_cost()}


# --------------------------------------------------------------------------------------------- who may


def _require_reader() -> None:
	permissions.require_connection_manager()
	frappe.has_permission(USAGE_MONTH, "export", throw=True)


def _may_read_cost() -> bool:
	return 1 in frappe.get_meta(USAGE_MONTH).get_permlevel_access("read")


def _export(
	from_date: str, to_date: str, client_doctype: str | None, client: str | None, amounts: str
) -> Export:
	_require_reader()
	begin, end = getdate(from_date), getdate(to_date)
	if not begin or not end or begin > end:
		frappe.throw(_("The period ends before it begins."))
	if amounts not in {one.value for one in Amounts}:
		frappe.throw(_("Choose which amounts to export: charges or cost."))
	chosen = Amounts(amounts)
	if chosen == Amounts.COST and not _may_read_cost():
		frappe.throw(_("You may not read costs."), frappe.PermissionError)
	if not client:
		if chosen != Amounts.COST:
			frappe.throw(_("Choose a client: these are the charges of one client."))
		return Export(begin, end, chosen)
	if client_doctype not in permissions.CLIENT_DOCTYPES:
		frappe.throw(_("This client does not exist."), frappe.DoesNotExistError)
	permissions.require_client(client_doctype, client)
	if not frappe.db.exists(client_doctype, client):
		frappe.throw(_("This client does not exist."), frappe.DoesNotExistError)
	return Export(begin, end, chosen, ClientRecord(client_doctype, client))


# --------------------------------------------------------------------------------------------- the file


def _write(file: IO[bytes], wanted: Export) -> int:
	"""Writes the file row by row; returns how many there are."""
	names = focus.columns(wanted.amounts)
	texts = [name in focus.FREE_TEXTS for name in names]
	# No io.TextIOWrapper: before Python 3.11 it takes no SpooledTemporaryFile.
	writer = csv.writer(codecs.getwriter("utf-8")(file), lineterminator="\r\n")
	writer.writerow(names)
	rows = 0
	for row in focus.rows(wanted.charges(), wanted.account_of, wanted.amounts):
		writer.writerow(
			plain(_writable(cell)) if is_text else cell for cell, is_text in zip(row, texts, strict=True)
		)
		rows += 1
	return rows


def _writable(text: str) -> str:
	"""A text without halves of surrogate pairs, which UTF-8 does not have."""
	return text.encode("utf-8", "replace").decode()


def _name(wanted: Export) -> str:
	who = client_title(wanted.client.doctype, wanted.client.name) if wanted.client else "all"
	who = re.sub(r"[^A-Za-z0-9]+", "-", who).strip("-")[:60] or "client"
	return f"focus-{wanted.amounts.value}-{who}-{wanted.begin:%Y-%m}-{wanted.end:%Y-%m}.csv"


def _sentences(rows: int, running: int, left_out: dict[str, int]) -> list[str]:
	told = [plural(rows, _("{0} row."), _("{0} rows.")).format(rows)]
	if running:
		told.append(
			plural(
				running,
				_("{0} row is of the running month: its total is not final."),
				_("{0} rows are of the running month: their totals are not final."),
			).format(running)
		)
	if number := left_out.get(NO_AMOUNT):
		told.append(
			plural(
				number,
				_("{0} total is left out: Pax8 gives no such amount for it."),
				_("{0} totals are left out: Pax8 gives no such amount for them."),
			).format(number)
		)
	if number := left_out.get(NO_CURRENCY):
		told.append(
			plural(
				number,
				_("{0} total is left out: its currency is no code of ISO 4217."),
				_("{0} totals are left out: their currency is no code of ISO 4217."),
			).format(number)
		)
	return told
