"""The client records of a site: which DocTypes they are, what a client is called, and whether it is disabled."""

from collections.abc import Iterable
from dataclasses import dataclass

import frappe
from frappe.utils import cint

# DocTypes that can be client records (product decision: ERPNext's Customer, or the app's own MSP Client).
CLIENT_DOCTYPES = ("MSP Client", "Customer")

Key = tuple[str | None, str | None]


@dataclass(frozen=True)
class ClientRecord:
	"""The record a client is on this site: `doctype` is "MSP Client" or "Customer"."""

	doctype: str
	name: str


def site_client_doctype() -> str:
	"""The DocType of this site's clients, as Licensing Settings have it."""
	return frappe.db.get_single_value("Licensing Settings", "client_doctype") or CLIENT_DOCTYPES[0]


def client_title(client_doctype: str | None, client: str | None) -> str:
	"""The name of a client as people know it, as plain text: a Customer's id may be a number of a series."""
	return client_titles([(client_doctype, client)])[client_doctype, client]


def client_titles(clients: Iterable[Key]) -> dict[Key, str]:
	"""The same for many: one query for each DocType of clients.

	Args:
		clients: (client_doctype, client); either may be empty.

	Returns:
		A title for each of them: the id where the record is gone or has no title, "" where there is no client.
	"""
	found: dict[Key, str] = {key: key[1] or "" for key in clients}
	for doctype, names in _by_doctype(found).items():
		field = frappe.get_meta(doctype).get_title_field()
		if field == "name":
			continue
		for name, title in frappe.get_all(doctype, {"name": ("in", names)}, ["name", field], as_list=True):
			found[doctype, name] = title or name
	return found


def client_disabled(client_doctype: str | None, client: str | None) -> bool:
	"""Whether a client is disabled: its people look and change nothing, and staff decide what waits."""
	return bool(disabled_clients([(client_doctype, client)]))


def disabled_clients(clients: Iterable[Key]) -> set[Key]:
	"""Those of some clients (client_doctype, client) that are disabled: one query for each DocType of clients."""
	found: set[Key] = set()
	for doctype, names in _by_doctype(clients).items():
		rows = frappe.get_all(doctype, {"name": ("in", names)}, ["name", "disabled"])
		found |= {(doctype, row.name) for row in rows if cint(row.disabled)}
	return found


def _by_doctype(clients: Iterable[Key]) -> dict[str, list[str]]:
	"""The names by DocType, as far as the DocType is one of clients and exists: ERPNext may have been removed."""
	found: dict[str, list[str]] = {}
	for doctype, name in dict.fromkeys(clients):
		if name and doctype in CLIENT_DOCTYPES and frappe.db.table_exists(doctype):
			found.setdefault(doctype, []).append(name)
	return found


# --------------------------------------------------------------------------------------------- names, kept on records

# Records that carry their client's name, so that lists can show it, sort by it and find by it.
NAMED = (
	"License Change Request",
	"Licensing Client Policy",
	"Pax8 Company",
	"Pax8 Resource Group",
	"Pax8 Subscription",
	"Pax8 Subscription Change",
	"Pax8 Usage Alert",
	"Pax8 Usage Assignment",
	"Pax8 Usage Month",
	"Pax8 Usage Rule",
)


def keep_names(client_doctype: str | None = None, client: str | None = None) -> None:
	"""Writes the clients' names of today onto the records that carry them; the caller commits.

	Args:
		client_doctype, client: only those of one client. By default all.
	"""
	for doctype in CLIENT_DOCTYPES:
		if client_doctype not in (None, doctype) or not frappe.db.table_exists(doctype):
			continue
		title = frappe.get_meta(doctype).get_title_field()
		for table in NAMED:
			frappe.db.sql(  # nosemgrep: frappe-sql-format-injection - names come from this code, values are parameters
				f"""update `tab{table}` r join `tab{doctype}` c on r.client = c.name
				set r.client_name = ifnull(nullif(c.`{title}`, ''), c.name)
				where r.client_doctype = %(doctype)s {"and c.name = %(client)s" if client else ""}
				and not (binary r.client_name <=> binary ifnull(nullif(c.`{title}`, ''), c.name))""",
				{"doctype": doctype, "client": client},
			)
