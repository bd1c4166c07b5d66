"""Resource groups that are probably the same one under a new name. They are suggested, and never merged by themselves."""

from collections.abc import Collection, Iterable
from datetime import timedelta
from typing import Any

import frappe
from frappe import _

from msp_licensing import clock
from msp_licensing.rules import resource_groups
from msp_licensing.rules.plurals import plural

GROUP = "Pax8 Resource Group"

# Groups that are older are known for what they are.
NEW_FOR = timedelta(days=45)


def suggestions(group: str | None = None, *, among: Collection[str] | None = None) -> list[dict[str, Any]]:
	"""Which new groups are probably old ones under a new name, the likeliest first.

	A new group is suggested as an old one of the same subscription that stopped when it began, if their names are similar
	or Pax8 names the same company for both. Only groups that the session's user may see. Two queries.

	Args:
		group: only suggestions that this group is a part of. By default those of all groups that are new.
		among: only new groups with these names.

	Returns:
		Rows with `old`, `new` (names of Pax8 Resource Group), `old_text`, `new_text`, `old_client` (DocType and name; None:
		it was nobody's), `score` (0–100) and `reasons` (sentences).
	"""
	since = clock.pax8_today() - NEW_FOR
	filters = (
		{"name": group}
		if group
		else {"first_read_on_utc": (">=", f"{since} 00:00:00"), "last_day": (">=", since)}
	)
	if among is not None:
		filters["name"] = ("in", list(among) or [""])
	subscriptions = frappe.get_list(GROUP, filters=filters, pluck="subscription_id", distinct=True, limit=0)
	if not subscriptions:
		return []
	rows = {
		row.name: row
		for row in frappe.get_list(
			GROUP,
			filters={
				"subscription_id": ("in", subscriptions),
				"last_day": (">=", since - resource_groups.LONGEST_GAP),
			},
			# Groups that are still there were not renamed, and may be thousands.
			or_filters=[["last_day", "<", clock.pax8_today()], ["name", "in", list(among) or [""]]]
			if among is not None
			else None,
			fields=[
				*("name", "subscription_id", "resource_group", "pax8_company", "pax8_company_name"),
				*("first_read_on_utc", "last_day", "this_month", "client_doctype", "client"),
			],
			limit=0,
		)
	}
	found = resource_groups.suggestions(map(_group, rows.values()), among)
	return [
		_told(one, rows[one.old], rows[one.new])
		for one in found
		if (group in (one.old, one.new) if group else rows[one.new].first_read_on_utc.date() >= since)
	]


def _group(row: Any) -> resource_groups.Group:
	# A group that was first read after its month had ended began in that month.
	first = min(row.first_read_on_utc.date(), row.last_day)
	return resource_groups.Group(
		row.name, row.subscription_id, row.resource_group or "", row.pax8_company, first, row.last_day
	)


def _told(one: resource_groups.Suggestion, old: Any, new: Any) -> dict[str, Any]:
	return {
		"old": one.old,
		"new": one.new,
		"old_text": old.resource_group,
		"new_text": new.resource_group,
		"old_client": (old.client_doctype, old.client) if old.client else None,
		"score": one.score,
		"reasons": list(_reasons(one, old, new)),
	}


def _reasons(one: resource_groups.Suggestion, old: Any, new: Any) -> Iterable[str]:
	yield _("Both belong to the same subscription.")
	yield plural(
		one.gap,
		_("The old group was last seen on {1}, {0} day before the new one appeared."),
		_("The old group was last seen on {1}, {0} days before the new one appeared."),
	).format(one.gap, old.last_day)
	if one.likeness >= resource_groups.SIMILAR_FROM * 100:
		yield _("Their names are {0} % alike.").format(one.likeness)
	if one.same_company:
		yield _("Pax8 names the same company for both: {0}.").format(
			new.pax8_company_name or new.pax8_company
		)
