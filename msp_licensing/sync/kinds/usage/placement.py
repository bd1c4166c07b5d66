"""Which client the usage of a resource group belongs to.

Pax8 names a company for each group. Where that company is mapped to a client, the group is the client's. The partner's own
companies, unmapped companies and no company at all mean: nobody's. A person may then assign the group to a client
(`usage.assignments`). The assignment ends by itself when Pax8 names the same client. When Pax8 names another one, the
assignment stays in force and the group is marked as a conflict: a person decides.

Locks are taken in this order, here and by all callers: companies, subscriptions, groups, assignments.
"""

from collections.abc import Collection
from typing import Any

import frappe

from msp_licensing import clock
from msp_licensing.sync.kinds.usage import revision
from msp_licensing.sync.kinds.usage.months import RUNNING, first_day

GROUP, ASSIGNMENT = "Pax8 Resource Group", "Pax8 Usage Assignment"
LINKED, ASSIGNED, UNASSIGNED, IGNORED = "Linked by Pax8", "Assigned Here", "Unassigned", "Ignored"
AGREED, CHANGED, REMOVED = "Pax8 agrees", "Changed", "Removed"

# What a group's row says of whose it is.
COLUMNS = ("client_doctype", "client", "client_name", "placed_since", "placement", "pax8_company_name")

# The mapped company that Pax8 names (c), and the assignment in force (a).
_SOURCES = """
	left join `tabPax8 Company` c on c.name = g.pax8_company and c.is_own = 0 and ifnull(c.client, '') != ''
	left join `tabPax8 Usage Assignment` a on a.open_key = g.name
"""


def settle(*, groups: Collection[str] | None = None, company: str | None = None) -> None:
	"""Writes which client each group belongs to. To be called after a mapping, an assignment or a company changed. Does not
	commit.

	A number of statements that does not depend on how many groups there are, and a save for each assignment that ends.

	Args:
		groups: only these; the caller holds their rows and those of their companies.
		company: only the groups of this Pax8 company; the caller holds its row. By default all groups.
	"""
	if groups is not None and not groups:
		return
	where, values = "", {"today": clock.pax8_today(), "running": RUNNING}
	values["month"] = first_day(values["today"])
	if groups is not None:
		where, values["groups"] = "and g.name in %(groups)s", tuple(groups)
	elif company is not None:
		where, values["company"] = "and g.pax8_company = %(company)s", company
	else:
		frappe.db.sql("select name from `tabPax8 Company` order by name lock in share mode")
	_end_what_pax8_agrees_to(where, values)
	_place(where, values)
	_let_history_follow(where, values)
	revision.changed()


def locked_companies(names: Collection[str | None]) -> dict[str | None, Any]:
	"""Holds the rows of companies until the end of the transaction, and returns those that are known here by name."""
	wanted = tuple(name for name in names if name)
	if not wanted:
		return {}
	rows = frappe.db.sql(
		"""select name, company_name, is_own, client_doctype, client, client_name
		from `tabPax8 Company` where name in %s order by name lock in share mode""",
		(wanted,),
		as_dict=True,
	)
	return {row.name: row for row in rows}


def of_new_group(company: Any) -> dict[str, Any]:
	"""The COLUMNS of a new group, which `settle` would write: so it has nothing left to do with most of them.

	Args:
		company: the company that Pax8 names, as `locked_companies` gives it; None: no company that is known here.
	"""
	linked = company is not None and not company.is_own and bool(company.client)
	return {
		"client_doctype": company.client_doctype if linked else None,
		"client": company.client if linked else None,
		"client_name": company.client_name if linked else None,
		"placed_since": clock.pax8_today() if linked else None,
		"placement": LINKED if linked else UNASSIGNED,
		"pax8_company_name": company.company_name if company is not None else None,
	}


def _end_what_pax8_agrees_to(where: str, values: dict[str, Any]) -> None:
	agreed = frappe.db.sql(  # nosemgrep: frappe-sql-format-injection - conditions of this module, values are parameters
		f"""select a.name from `tabPax8 Resource Group` g {_SOURCES}
		where a.client_doctype = c.client_doctype and a.client = c.client {where} order by a.name
		lock in share mode""",
		values,
		pluck=True,
	)
	for name in agreed:
		end(frappe.get_doc(ASSIGNMENT, name, for_update=True), AGREED, last_day=values["today"])


def end(assignment: Any, because: str, *, last_day: Any, reason: str | None = None) -> None:
	"""Ends an assignment that is in force, or shortens one that has ended; does not place the group anew.

	Args:
		because: AGREED, CHANGED or REMOVED.
		last_day: the last day (UTC) on which it counts. The day before its first one: it never counts.
	"""
	assignment.to_date = last_day
	if assignment.open_key:
		assignment.update(
			{
				"open_key": None,
				"ended_because": because,
				"ended_by": frappe.session.user,
				"ended_on": clock.site_now(),
				"end_reason": reason,
			}
		)
	assignment.flags.by_app = True
	assignment.save(ignore_permissions=True)


def _place(where: str, values: dict[str, Any]) -> None:
	client_doctype = "coalesce(a.client_doctype, c.client_doctype)"
	client = "coalesce(a.client, c.client)"
	client_name = "coalesce(a.client_name, c.client_name)"
	frappe.db.sql(  # nosemgrep: frappe-sql-format-injection - conditions of this module, values are parameters
		f"""update `tabPax8 Resource Group` g {_SOURCES}
		set g.placed_since = if({client} is null, null, coalesce(a.from_date, %(today)s))
		where not (g.client_doctype <=> {client_doctype} and g.client <=> {client}) {where}""",
		values,
	)
	placement = f"""case when a.name is not null then '{ASSIGNED}' when c.name is not null then '{LINKED}'
		when g.ignored then '{IGNORED}' else '{UNASSIGNED}' end"""
	conflict = """(a.name is not null and c.name is not null
		and not (a.client_doctype = c.client_doctype and a.client = c.client))"""
	columns = {
		"client_doctype": client_doctype,
		"client": client,
		"client_name": client_name,
		"placement": placement,
		"conflict": conflict,
		# Another client's company: whoever may see this client only must not read its name.
		"pax8_company_name": f"if({conflict}, null, n.company_name)",
	}
	frappe.db.sql(  # nosemgrep: frappe-sql-format-injection - conditions of this module, values are parameters
		f"""update `tabPax8 Resource Group` g {_SOURCES} left join `tabPax8 Company` n on n.name = g.pax8_company
		set {", ".join(f"g.{column} = {value}" for column, value in columns.items())}
		where not ({" and ".join(f"g.{column} <=> {value}" for column, value in columns.items())}) {where}""",
		values,
	)


def _let_history_follow(where: str, values: dict[str, Any]) -> None:
	"""Gives today's snapshots and the running month the client of the group. Earlier days stay as they were."""
	frappe.db.sql(  # nosemgrep: frappe-sql-format-injection - conditions of this module, values are parameters
		f"""update `tabPax8 Resource Group` g
		join `tabPax8 Usage Snapshot` s on s.resource_group = g.name and s.day = %(today)s
		set s.client_doctype = g.client_doctype, s.client = g.client
		where not (s.client_doctype <=> g.client_doctype and s.client <=> g.client) {where}""",
		values,
	)
	frappe.db.sql(  # nosemgrep: frappe-sql-format-injection - conditions of this module, values are parameters
		f"""update `tabPax8 Resource Group` g
		join `tabPax8 Usage Month` m on m.resource_group = g.name and m.month = %(month)s and m.status = %(running)s
		set m.client_doctype = g.client_doctype, m.client = g.client, m.client_name = g.client_name
		where not (
			m.client_doctype <=> g.client_doctype and m.client <=> g.client and m.client_name <=> g.client_name
		) {where}""",
		values,
	)
