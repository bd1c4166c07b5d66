"""Usage that belongs to nobody, and usage of which Pax8 says something else than an assignment here: read for people.

All of it is what the session's user may see. Usage that is nobody's is seen by staff whom no User Permission restricts to
some clients. The number of queries does not depend on how many groups there are.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from typing import Any

import frappe
from frappe.utils import cint, get_fullname

from msp_licensing import clock, permissions
from msp_licensing.frappe_version import contains, count_as, rows_from, sum_as
from msp_licensing.sync import own_companies
from msp_licensing.sync.kinds.usage.months import first_day, month_before
from msp_licensing.sync.kinds.usage.placement import ASSIGNMENT, GROUP, IGNORED, UNASSIGNED
from msp_licensing.usage import inbox_suggestions

COMPANY = "Pax8 Company"

# Sections of the inbox.
CONFLICTS = "Conflicts"
SECTIONS = {
	UNASSIGNED: {"placement": UNASSIGNED},
	CONFLICTS: {"conflict": 1},
	IGNORED: {"placement": IGNORED},
}

# Why a group is nobody's.
NO_COMPANY, NOT_MAPPED, OWN = "No Company", "Company Not Mapped", "Your Own Company"

# Microsoft's usage is linked by the tenant: it takes a few days at most.
AZURE_DAYS = 3

ORDERS = {
	"newest": "first_read_on_utc desc, name asc",
	"oldest": "first_read_on_utc asc, name asc",
	"amount": "currency asc, this_month_charges desc, name asc",
}
MAX_PAGE = 100

FIELDS = (
	*("name", "resource_group", "vendor", "product", "product_name", "subscription", "subscription_id"),
	*("placement", "conflict", "client_doctype", "client", "client_name", "placed_since"),
	*("pax8_company", "pax8_company_name", "ignore_reason", "ignored_by", "is_trial", "currency"),
	*("this_month", "last_day", "first_read_on", "first_read_on_utc"),
	*("this_month_charges", "has_this_month_charges", "last_month_charges", "has_last_month_charges"),
)
_COSTS = ("this_month_cost", "has_this_month_cost", "last_month_cost", "has_last_month_cost")


def sees_cost() -> bool:
	"""Whether the session's user may read partner costs of usage (permlevel 1)."""
	return 1 in frappe.get_meta(GROUP).get_permlevel_access("read")


# --------------------------------------------------------------------------------------------- amounts


def amounts(today: date | None = None) -> list[dict[str, Any]]:
	"""What is unassigned this month (UTC), by currency; trials and groups without usage this month are left out.

	Returns:
		Rows with `currency`, `charges`, `groups`, and `cost` for those who may read it.
	"""
	fields: list[Any] = ["currency", count_as("groups"), sum_as("this_month_charges", "charges")]
	if sees_cost():
		fields.append(sum_as("this_month_cost", "cost"))
	rows = frappe.get_list(
		GROUP,
		filters={
			"placement": UNASSIGNED,
			"is_trial": 0,
			"this_month": first_day(today or clock.pax8_today()),
			"currency": ("is", "set"),
		},
		fields=fields,
		group_by="currency",
		order_by="currency",
		limit=0,
	)
	return [dict(row) for row in rows]


def counts() -> dict[str, int]:
	"""How many groups each section has."""
	return {
		section: frappe.get_list(GROUP, filters=filters, fields=[count_as("n")], order_by=None)[0].n
		for section, filters in SECTIONS.items()
	}


# --------------------------------------------------------------------------------------------- one page


def page(
	section: str = UNASSIGNED,
	*,
	search: str = "",
	why: str = "",
	order: str = "newest",
	start: int = 0,
	page_length: int = 25,
) -> dict[str, Any]:
	"""One page of a section.

	Args:
		section: UNASSIGNED, CONFLICTS or IGNORED. search: in the group's name, product, vendor and company.
		why: NO_COMPANY, NOT_MAPPED, OWN, or "" for all. order: a key of ORDERS.

	Returns:
		`rows` (see `shown`, and what the section adds), and `total`: how many match in all.
	"""
	own = _own_companies()
	filters: list[list[Any]] = [[GROUP, field, "=", value] for field, value in SECTIONS[section].items()]
	filters += _filters_of(why, own)
	or_filters = []
	if search := search.strip():
		fields = ("resource_group", "product_name", "vendor", "pax8_company_name", "client_name")
		or_filters = [[GROUP, field, "like", contains(search)] for field in fields]
	with_cost = sees_cost()
	rows = frappe.get_list(
		GROUP,
		filters=filters,
		or_filters=or_filters,
		fields=[*FIELDS, *(_COSTS if with_cost else ())],
		order_by=ORDERS.get(order, ORDERS["newest"]),
		**rows_from(max(0, start), min(max(1, page_length), MAX_PAGE)),
	)
	total = frappe.get_list(
		GROUP, filters=filters, or_filters=or_filters, fields=[count_as("n")], order_by=None
	)[0].n
	today = clock.pax8_today()
	found = [shown(row, today, own, with_cost) for row in rows]
	if section == UNASSIGNED:
		inbox_suggestions.add_to(rows, found)
	elif section == CONFLICTS:
		_add_conflicts(rows, found)
	return {"rows": found, "total": total}


def _own_companies() -> set[str]:
	return {*own_companies.known_ids(), *frappe.get_all(COMPANY, {"is_own": 1}, pluck="name")}


def _filters_of(why: str, own: Collection[str]) -> list[list[Any]]:
	if why == NO_COMPANY:
		return [[GROUP, "pax8_company", "is", "not set"]]
	if why == OWN:
		return [[GROUP, "pax8_company", "in", sorted(own) or [""]]]
	if why == NOT_MAPPED:
		return [[GROUP, "pax8_company", "is", "set"], [GROUP, "pax8_company", "not in", sorted(own) or [""]]]
	return []


def shown(row: Any, today: date, own: Collection[str], with_cost: bool) -> dict[str, Any]:
	"""A group as the inbox shows it: `this_month` and `last_month` are those of today, and an amount that is not known is None."""
	kinds = ("charges", "cost") if with_cost else ("charges",)
	values = {**_months(row, today, kinds), "why": _why(row, own)}
	for field in ("name", "resource_group", "vendor", "product", "product_name", "subscription_id"):
		values[field] = row[field]
	days = max(0, (today - row.first_read_on_utc.date()).days) if row.first_read_on_utc else 0
	return {
		**values,
		"pax8_company": row.pax8_company,
		"pax8_company_name": row.pax8_company_name,
		"client": row.client,
		"client_name": row.client_name,
		"currency": row.currency,
		"is_trial": cint(row.is_trial),
		"last_day": row.last_day,
		"first_seen": row.first_read_on,
		"days": days,
		"azure": _azure(row, days, own),
		"ignore_reason": row.ignore_reason,
		"ignored_by": get_fullname(row.ignored_by) if row.ignored_by else None,
	}


def _months(row: Any, today: date, kinds: Iterable[str]) -> dict[str, Any]:
	"""Amounts of the current month and of the one before. The newest totals of a group may be of an earlier month."""
	month = first_day(today)
	found: dict[str, Any] = {}
	for kind in kinds:
		newest = row[f"this_month_{kind}"] if row[f"has_this_month_{kind}"] else None
		before = row[f"last_month_{kind}"] if row[f"has_last_month_{kind}"] else None
		if row.this_month == month:
			now, last = newest, before
		else:
			now, last = None, newest if row.this_month == month_before(month) else None
		found[f"this_month_{kind}"], found[f"last_month_{kind}"] = now, last
	return found


def _why(row: Any, own: Collection[str]) -> str:
	if not row.pax8_company:
		return NO_COMPANY
	return OWN if row.pax8_company.lower() in own or row.pax8_company in own else NOT_MAPPED


def _azure(row: Any, days: int, own: Collection[str]) -> str:
	"""For Azure, whose usage Pax8 links by the tenant: "Waiting" in the first days, then "Overdue"; "" for all else."""
	words = f"{row.vendor or ''} {row.product_name or ''}".casefold()
	if "azure" not in words or _why(row, own) == NOT_MAPPED:
		return ""
	return "Waiting" if days < AZURE_DAYS else "Overdue"


# --------------------------------------------------------------------------------------------- conflicts


def _add_conflicts(rows: Sequence[Any], found: Sequence[dict[str, Any]]) -> None:
	"""Adds the `assignment` that is in force and what `linked_by_pax8` says."""
	given = {row.resource_group: row for row in assignments_of([row.name for row in rows], in_force=True)}
	linked = linked_by_pax8([row.pax8_company for row in rows])
	for row, values in zip(rows, found, strict=True):
		values.update(linked[row.pax8_company], assignment=given.get(row.name))


def linked_by_pax8(companies: Collection[str | None]) -> dict[str | None, dict[str, Any]]:
	"""Whose usage Pax8 says it is: `pax8_client` (None: nobody's), `pax8_company` and `pax8_company_name` for each company.

	All three are None where the user may not see that client.
	"""
	rows = frappe.get_all(
		COMPANY,
		{"name": ("in", [name for name in companies if name] or [""])},
		["name", "company_name", "client_doctype", "client", "client_name"],
	)
	known, allowed = {row.name: row for row in rows}, permissions.manager_clients()
	found = {}
	for name in companies:
		row = known.get(name, frappe._dict())
		record = permissions.ClientRecord(row.client_doctype or "", row.client or "")
		may_see = allowed is None or record in allowed
		found[name] = {
			"pax8_client": (row.client_name or row.client) if may_see else None,
			"pax8_company": name if may_see else None,
			"pax8_company_name": row.company_name if may_see else None,
		}
	return found


def assignments_of(groups: Collection[str], *, in_force: bool = False) -> list[Any]:
	"""The assignments of some groups that the user may see, the newest first, with `by` and `ended`: who, by name."""
	filters: dict[str, Any] = {"resource_group": ("in", list(groups) or [""])}
	if in_force:
		filters["open_key"] = ("is", "set")
	rows = frappe.get_list(
		ASSIGNMENT,
		filters=filters,
		fields=[
			*("name", "resource_group", "client_doctype", "client", "client_name", "from_date", "to_date"),
			*(
				"given_by",
				"given_on",
				"reason",
				"ended_because",
				"ended_by",
				"ended_on",
				"end_reason",
				"open_key",
			),
		],
		order_by="given_on desc, creation desc, name",
		limit=0,
	)
	for row in rows:
		row["in_force"] = bool(row.pop("open_key"))
		row["by"] = get_fullname(row.given_by) if row.given_by else ""
		row["ended"] = get_fullname(row.ended_by) if row.ended_by else ""
		row["never"] = bool(row.to_date and row.to_date < row.from_date)
	return rows
