"""A Licensing Manager assigns a resource group to a client until Pax8 links it to the same client.

Each decision is a *Pax8 Usage Assignment* with its first and last day (UTC). A group has at most one that is in force,
which a unique column ensures. The group and its snapshots of these days get the client at once
(`sync.kinds.usage.placement`).

Functions here change one group in one transaction and do not commit. Whoever calls them for a person runs them in
`transactions.repeated`: of two people at once, one is told what the other did.
"""

from collections.abc import Collection
from datetime import date, timedelta
from typing import Any

import frappe
from frappe import _
from frappe.utils import escape_html, get_fullname, getdate

from msp_licensing import clock, permissions
from msp_licensing.clients import CLIENT_DOCTYPES, client_disabled, client_title
from msp_licensing.sync.kinds.usage import placement, revision
from msp_licensing.sync.kinds.usage.months import first_day
from msp_licensing.sync.kinds.usage.placement import ASSIGNMENT, CHANGED, GROUP, REMOVED


def assign(
	group: str,
	client_doctype: str,
	client: str,
	*,
	from_date: date | str | None = None,
	reason: str | None = None,
) -> str:
	"""Assigns a resource group to a client; returns the name of the assignment.

	Args:
		from_date: first day (UTC) on which it counts, not in the future. By default the first day of this month if nobody
			had the group this month, else today.

	Raises:
		frappe.PermissionError: the user is no Licensing Manager, or may not see the group or the client.
		frappe.ValidationError: the client is disabled or missing, the group is assigned already, or Pax8 links it to
			this client.
	"""
	doc = _locked_group(group)
	_check_client(client_doctype, client)
	# A locking read: it also sees what somebody else has just committed.
	if other := frappe.db.get_value(
		ASSIGNMENT, {"open_key": group}, ["client_name", "given_by"], for_update=True
	):
		frappe.throw(
			_("It is assigned to {0} already, by {1}.").format(
				frappe.bold(escape_html(other[0])), escape_html(get_fullname(other[1]))
			)
		)
	return _give(doc, client_doctype, client, _day(from_date, default=_default_day(doc)), reason)


def assign_by_rule(
	group: Any, client_doctype: str, client: str, *, not_before: date | None, reason: str
) -> str | None:
	"""Assigns a group that is nobody's because a rule says so; returns the name of the assignment.

	The caller holds the rows of the group and of its company.

	Args:
		group: `name`, `pax8_company` and `client` of the group. not_before: the first day (UTC) on which it may count.

	Returns:
		None: somebody has just assigned it.
	"""
	if frappe.db.get_value(ASSIGNMENT, {"open_key": group.name}, for_update=True):
		return None
	day = max(_default_day(group), not_before or date.min)
	return _give(group, client_doctype, client, day, reason)


def change(
	assignment: str,
	client_doctype: str,
	client: str,
	*,
	from_date: date | str | None = None,
	reason: str | None = None,
) -> str:
	"""Assigns the group of an assignment that is in force to another client; returns the name of the new assignment.

	Args:
		from_date: first day (UTC) of the new client, today by default. The old one ends the day before. On or before the
			first day of the old one: the old one never counted.

	Raises:
		frappe.ValidationError: the assignment has ended meanwhile; or as `assign`.
	"""
	doc, old = _locked_assignment(assignment)
	_check_client(client_doctype, client)
	if (old.client_doctype, old.client) == (client_doctype, client):
		frappe.throw(_("It is assigned to {0} already.").format(frappe.bold(escape_html(old.client_name))))
	day = _day(from_date, default=clock.pax8_today())
	placement.end(old, CHANGED, last_day=_day_before(day, old), reason=reason)
	return _give(doc, client_doctype, client, day, reason)


def remove(assignment: str, *, from_date: date | str | None = None, reason: str | None = None) -> None:
	"""Ends an assignment that is in force.

	Args:
		from_date: first day (UTC) on which it no longer counts, today by default. The first day of the assignment, or one
			before it, says that it was a mistake: it never counted.

	Raises:
		frappe.PermissionError, frappe.ValidationError: as `change`.
	"""
	doc, old = _locked_assignment(assignment)
	day = _day(from_date, default=clock.pax8_today())
	placement.end(old, REMOVED, last_day=_day_before(day, old), reason=reason)
	_place(doc.name, since=max(day, getdate(old.from_date)))


def ignore(group: str, reason: str) -> None:
	"""Marks a group that is nobody's as one that needs no client, such as a test tenant. Pax8 may link it all the same.

	Raises:
		frappe.PermissionError: as `assign`.
		frappe.ValidationError: there is no reason, or the group is somebody's.
	"""
	doc = _locked_group(group)
	if not (reason or "").strip():
		frappe.throw(_("Please say why this usage can be ignored."))
	if doc.client:
		frappe.throw(_("This usage belongs to {0}.").format(frappe.bold(escape_html(doc.client_name))))
	if doc.ignored:
		frappe.throw(
			_("{0} ignored it already: {1}").format(
				escape_html(get_fullname(doc.ignored_by)), escape_html(doc.ignore_reason)
			)
		)
	_write_ignored(group, 1, reason.strip(), frappe.session.user)


def stop_ignoring(group: str) -> None:
	"""Takes `ignore` back. Raises as `assign`."""
	if not _locked_group(group).ignored:
		frappe.throw(_("It is not ignored any more."))
	_write_ignored(group, 0, None, None)


def _write_ignored(group: str, ignored: int, reason: str | None, user: str | None) -> None:
	values = {"ignored": ignored, "ignore_reason": reason, "ignored_by": user}
	frappe.db.set_value(GROUP, group, values, update_modified=False)
	placement.settle(groups=[group])
	frappe.clear_document_cache(GROUP, group)


# --------------------------------------------------------------------------------------------- checks


def lock(groups: Collection[str]) -> None:
	"""Locks the companies of some groups and then the groups, each in the order of their names."""
	names = tuple(groups) or ("",)
	companies = frappe.get_all(
		GROUP, {"name": ("in", names), "pax8_company": ("is", "set")}, pluck="pax8_company", distinct=True
	)
	if companies:
		frappe.db.sql(
			"select name from `tabPax8 Company` where name in %s order by name lock in share mode",
			(tuple(companies),),
		)
	frappe.db.sql(
		"select name from `tabPax8 Resource Group` where name in %s order by name for update", (names,)
	)


def _locked_group(group: str) -> Any:
	"""Locks the company and then the group, and returns the group. The user must be a manager who may see it.

	Raises:
		frappe.PermissionError, frappe.DoesNotExistError.
	"""
	permissions.require_manager()
	company = frappe.db.get_value(GROUP, group, "pax8_company")
	if company:
		frappe.db.sql("select name from `tabPax8 Company` where name = %s lock in share mode", company)
	doc = frappe.get_doc(GROUP, group, for_update=True)
	doc.check_permission("read")
	return doc


def _locked_assignment(name: str) -> tuple[Any, Any]:
	group = frappe.db.get_value(ASSIGNMENT, name, "resource_group")
	if not group:
		frappe.throw(_("There is no such assignment."), frappe.DoesNotExistError)
	doc = _locked_group(group)
	assignment = frappe.get_doc(ASSIGNMENT, name, for_update=True)
	if not assignment.open_key:
		frappe.throw(_("This assignment has ended already."), frappe.ValidationError)
	return doc, assignment


def _check_client(client_doctype: str, client: str) -> None:
	if client_doctype not in CLIENT_DOCTYPES or not frappe.db.exists(client_doctype, client):
		frappe.throw(
			_("There is no client {0}.").format(frappe.bold(escape_html(client))), frappe.DoesNotExistError
		)
	permissions.require_client(client_doctype, client)
	if client_disabled(client_doctype, client):
		frappe.throw(
			_("{0} is disabled. Choose another client, or enable it first.").format(
				frappe.bold(escape_html(client_title(client_doctype, client)))
			)
		)


def _day(given: date | str | None, *, default: date) -> date:
	day = getdate(given) if given else default
	if day > clock.pax8_today():
		frappe.throw(_("An assignment cannot begin or end in the future."))
	return day


def _day_before(day: date, assignment: Any) -> date:
	"""The last day of an assignment that ends on `day`; the day before its first one where it never counts."""
	return max(day, getdate(assignment.from_date)) - timedelta(days=1)


def _default_day(group: Any) -> date:
	month = first_day(clock.pax8_today())
	had = group.client or frappe.db.exists(
		"Pax8 Usage Snapshot",
		{"resource_group": group.name, "day": (">=", month), "client": ("is", "set")},
	)
	return clock.pax8_today() if had else month


# --------------------------------------------------------------------------------------------- what follows


def _give(group: Any, client_doctype: str, client: str, from_date: date, reason: str | None) -> str:
	linked = frappe.db.get_value(
		"Pax8 Company",
		{"name": group.pax8_company or "", "is_own": 0},
		["client_doctype", "client"],
		as_dict=True,
	)
	if linked and (linked.client_doctype, linked.client) == (client_doctype, client):
		frappe.throw(_("Pax8 links it to this client already."))
	_make_room(group.name, from_date)
	doc = frappe.get_doc(
		{
			"doctype": ASSIGNMENT,
			"resource_group": group.name,
			"client_doctype": client_doctype,
			"client": client,
			"client_name": client_title(client_doctype, client),
			"from_date": from_date,
			"given_by": frappe.session.user,
			"given_on": clock.site_now(),
			"reason": reason,
			"open_key": group.name,
		}
	)
	doc.flags.by_app = True
	doc.insert(ignore_permissions=True)
	_place(group.name, since=from_date)
	return doc.name


def _make_room(group: str, from_date: date) -> None:
	"""Shortens assignments that have ended, but would count on the same days as one that begins on `from_date`."""
	overlapping = {"resource_group": group, "open_key": ("is", "not set"), "to_date": (">=", from_date)}
	for name in frappe.get_all(ASSIGNMENT, overlapping, pluck="name", order_by="name"):
		old = frappe.get_doc(ASSIGNMENT, name, for_update=True)
		placement.end(old, old.ended_because, last_day=_day_before(from_date, old))


# The assignment of a day (a), and the mapped company that Pax8 named then (c).
_OF_A_DAY = """
	left join `tabPax8 Usage Assignment` a on a.resource_group = s.resource_group
		and s.day >= a.from_date and (a.to_date is null or s.day <= a.to_date)
	left join `tabPax8 Company` c on c.name = s.pax8_company and c.is_own = 0 and ifnull(c.client, '') != ''
"""


def _place(group: str, since: date) -> None:
	"""Places a group, its snapshots from a day on, and the months whose last snapshot is among them."""
	placement.settle(groups=[group])
	values = {"group": group, "since": since}
	frappe.db.sql(  # nosemgrep: frappe-sql-format-injection - a text of this module, values are parameters
		f"""update `tabPax8 Usage Snapshot` s {_OF_A_DAY}
		set s.client_doctype = coalesce(a.client_doctype, c.client_doctype), s.client = coalesce(a.client, c.client)
		where s.resource_group = %(group)s and s.day >= %(since)s""",
		values,
	)
	frappe.db.sql(  # nosemgrep: frappe-sql-format-injection - a text of this module, values are parameters
		f"""update `tabPax8 Usage Month` m
		join `tabPax8 Usage Snapshot` s on s.resource_group = m.resource_group and s.day = m.last_day
			and s.currency = m.currency and s.is_trial = m.is_trial {_OF_A_DAY}
		set m.client_doctype = s.client_doctype, m.client = s.client,
			m.client_name = coalesce(a.client_name, c.client_name)
		where m.resource_group = %(group)s and m.last_day >= %(since)s and m.status != 'Running'""",
		values,
	)
	revision.changed()
	frappe.clear_document_cache(GROUP, group)


# --------------------------------------------------------------------------------------------- clients


def client_renamed(doc: Any, method: str | None, old: str, new: str, merge: bool = False) -> None:
	"""Hook after a client was renamed or, with `merge`, merged into another one: Pax8 may agree now."""
	revision.changed()
	if not merge:
		return
	_settle_all_of({"client_doctype": doc.doctype, "client": new})


def client_deleted(doc: Any, method: str | None = None) -> None:
	"""Hook after a client was deleted, by force where it still had usage: it is nobody's then."""
	of_client = {"client_doctype": doc.doctype, "client": doc.name}
	groups = frappe.get_all(
		ASSIGNMENT,
		{**of_client, "open_key": ("is", "set")},
		["name", "resource_group"],
		order_by="resource_group",
	)
	for row in groups:
		assignment = frappe.get_doc(ASSIGNMENT, row.name, for_update=True)
		assignment.flags.ignore_links = True
		placement.end(
			assignment,
			REMOVED,
			last_day=max(clock.pax8_today(), getdate(assignment.from_date)),
			reason=_("The client was deleted."),
		)
	revision.changed()
	_settle_all_of(of_client)


def _settle_all_of(client: dict[str, str]) -> None:
	companies = frappe.get_all(
		GROUP, {**client, "pax8_company": ("is", "set")}, pluck="pax8_company", distinct=True
	)
	if companies:
		frappe.db.sql(
			"select name from `tabPax8 Company` where name in %s order by name lock in share mode",
			(tuple(companies),),
		)
	placement.settle(groups=frappe.get_all(GROUP, client, pluck="name", order_by="name"))
