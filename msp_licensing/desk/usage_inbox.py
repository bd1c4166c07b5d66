"""The usage inbox: usage that belongs to nobody, what people decide about it, and what Pax8 says otherwise."""

import json
from collections.abc import Callable
from typing import Any

import frappe
from frappe import _
from frappe.utils import fmt_money

from msp_licensing import permissions, transactions
from msp_licensing.access import whole
from msp_licensing.clients import site_client_doctype
from msp_licensing.plain_text import from_html
from msp_licensing.rules.plurals import plural
from msp_licensing.sync.kinds.usage.placement import GROUP
from msp_licensing.usage import assignments, inbox, rule_preview

MAX_GROUPS = 500


@frappe.whitelist()
def load(
	section: str = "Unassigned",
	search: str = "",
	why: str = "",
	order: str = "newest",
	start: int = 0,
	page_length: int = 25,
) -> dict[str, Any]:
	"""One page of the inbox with what stands above it.

	Args:
		section: "Unassigned", "Conflicts" or "Ignored"; the others as `usage.inbox.page`.

	Returns:
		`rows` and `total` of the page; `counts` of the sections; `amounts` that are unassigned, by currency; `cost`: whether
		there are partner costs; `restricted`: the user may see some clients only, so nothing that is nobody's.
	"""
	permissions.require_connection_manager()
	if section not in inbox.SECTIONS:
		section = "Unassigned"
	found = inbox.page(section, search=search, why=why, order=order, start=start, page_length=page_length)
	return {
		**found,
		"counts": inbox.counts(),
		"amounts": inbox.amounts(),
		"cost": inbox.sees_cost(),
		"restricted": permissions.is_restricted(),
		"client_doctype": site_client_doctype(),
	}


@frappe.whitelist()
def group(name: str) -> dict[str, Any]:
	"""What has been decided about one resource group, for its form.

	Returns:
		`assignments`: see `usage.inbox.assignments_of`; `renames`: see `usage.renames.suggestions`; `client_doctype`;
		`linked`: see `usage.inbox.linked_by_pax8`, only where that is in conflict with an assignment.
	"""
	permissions.require_connection_manager()
	doc = frappe.get_doc(GROUP, name)
	doc.check_permission("read")
	from msp_licensing.usage import renames

	return {
		"assignments": inbox.assignments_of([name]),
		"renames": renames.suggestions(name),
		"linked": inbox.linked_by_pax8([doc.pax8_company])[doc.pax8_company] if doc.conflict else None,
		"client_doctype": site_client_doctype(),
	}


@frappe.whitelist()
def preview_rule(rule: str | dict) -> dict[str, Any]:
	"""What a rule would assign that is typed in its form and not saved; see `usage.rule_preview.preview`."""
	permissions.require_manager()
	permissions.require_all_clients()
	try:
		values = json.loads(rule) if isinstance(rule, str) else rule
	except ValueError:
		values = None
	if not isinstance(values, dict):
		frappe.throw(_("This is no rule."))
	return rule_preview.preview(values)


@frappe.whitelist()
def unassigned_amount(filters: str | list | dict | None = None) -> str:
	"""What belongs to nobody this month, an amount for each currency; for a number card, which passes its `filters`."""
	permissions.require_connection_manager()
	if permissions.is_restricted():
		return "—"
	rows = inbox.amounts()
	if not rows:
		return _("None")
	return " · ".join(fmt_money(row["charges"] or 0, currency=row["currency"]) for row in rows)


# --------------------------------------------------------------------------------------------- decisions


@frappe.whitelist(methods=["POST"])
@transactions.repeated
def assign(
	groups: str | list,
	client: str,
	client_doctype: str = "",
	from_date: str | None = None,
	reason: str | None = None,
) -> dict[str, Any]:
	"""Assigns resource groups to a client, each for itself.

	Args:
		groups: names as a list or as JSON, at most 500. client_doctype: by default that of this site's clients.
		from_date: first day (UTC) on which it counts; by default as `usage.assignments.assign`.

	Returns:
		`done`: how many; `failed`: rows with `name`, `group` and `message` (why not, plain text); `message` in words.

	Raises:
		frappe.PermissionError: no Licensing Manager, or the client or the only group is none of the user's.
		frappe.ValidationError: nothing is chosen, or the only group cannot be assigned.
	"""
	permissions.require_manager()
	doctype = client_doctype or site_client_doctype()
	permissions.require_client(doctype, client)

	def act(name: str) -> None:
		assignments.assign(
			name, doctype, client, from_date=from_date or None, reason=(reason or "").strip() or None
		)

	return _each(groups, act, _assigned)


@frappe.whitelist(methods=["POST"])
@transactions.repeated
def ignore(groups: str | list, reason: str) -> dict[str, Any]:
	"""Marks resource groups as ones that need no client. Arguments and answer as `assign`."""
	permissions.require_manager()
	return _each(groups, lambda name: assignments.ignore(name, reason), _ignored)


@frappe.whitelist(methods=["POST"])
@transactions.repeated
def stop_ignoring(groups: str | list) -> dict[str, Any]:
	"""Takes `ignore` back. Answer as `assign`."""
	permissions.require_manager()
	return _each(groups, assignments.stop_ignoring, _back)


@frappe.whitelist(methods=["POST"])
@transactions.repeated
def change(
	assignment: str,
	client: str,
	client_doctype: str = "",
	from_date: str | None = None,
	reason: str | None = None,
) -> str:
	"""Gives the group of an assignment to another client; see `usage.assignments.change`. Returns the new assignment."""
	permissions.require_manager()
	return assignments.change(
		assignment,
		client_doctype or site_client_doctype(),
		client,
		from_date=from_date or None,
		reason=(reason or "").strip() or None,
	)


@frappe.whitelist(methods=["POST"])
@transactions.repeated
def remove(assignment: str, from_date: str | None = None, reason: str | None = None) -> None:
	"""Ends an assignment; see `usage.assignments.remove`."""
	permissions.require_manager()
	assignments.remove(assignment, from_date=from_date or None, reason=(reason or "").strip() or None)


def _assigned(done: int) -> str:
	return plural(done, _("{0} resource group assigned."), _("{0} resource groups assigned.")).format(done)


def _ignored(done: int) -> str:
	return plural(done, _("{0} resource group ignored."), _("{0} resource groups ignored.")).format(done)


def _back(done: int) -> str:
	return plural(
		done, _("{0} resource group is in the inbox again."), _("{0} resource groups are in the inbox again.")
	).format(done)


def _each(groups: str | list, act: Callable[[str], None], words: Callable[[int], str]) -> dict[str, Any]:
	"""Does the same with several groups; what cannot be done with one stops no other. Of a single one the error is raised."""
	names = _chosen(groups)
	if len(names) == 1:
		act(names[0])
		return {"done": 1, "failed": [], "message": words(1)}
	assignments.lock(names)
	failed = []
	for name in names:
		try:
			with whole():
				act(name)
		except (frappe.ValidationError, frappe.PermissionError, frappe.DoesNotExistError) as error:
			if transactions.lost_race(error):
				raise
			frappe.clear_messages()
			failed.append({"name": name, "message": from_html(str(error)) or _("This is not possible.")})
	texts = dict(
		frappe.get_list(
			GROUP,
			filters={"name": ("in", [row["name"] for row in failed] or [""])},
			fields=["name", "resource_group"],
			as_list=True,
			limit=0,
		)
	)
	for row in failed:
		row["group"] = texts.get(row["name"]) or _("(no name)")
	return {"done": len(names) - len(failed), "failed": failed, "message": words(len(names) - len(failed))}


def _chosen(groups: str | list) -> list[str]:
	try:
		names = json.loads(groups) if isinstance(groups, str) else groups
	except ValueError:
		names = None
	if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
		frappe.throw(_("Please choose resource groups."))
	if len(names) > MAX_GROUPS:
		frappe.throw(_("At most {0} resource groups at a time.").format(MAX_GROUPS))
	return sorted(dict.fromkeys(names))
