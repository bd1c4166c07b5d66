"""Tells managers once of usage that belongs to nobody: one message for all that a run has found."""

from collections.abc import Sequence
from typing import Any

import frappe
from frappe import _
from frappe.utils import fmt_money

from msp_licensing import clock, links
from msp_licensing.changes import delivery, notify, people, wording
from msp_licensing.frappe_version import desk_path
from msp_licensing.rules.plurals import plural
from msp_licensing.sync.kinds.usage.placement import GROUP, UNASSIGNED

# More groups than this are counted in a mail, not listed.
LISTED = 10


def tell_managers() -> None:
	"""Tells of the groups that are nobody's and that nobody has been told of. The caller commits.

	That somebody was told is written in the same transaction as the notice, so no group is told of twice.
	"""
	rows = frappe.get_all(
		GROUP,
		{"placement": UNASSIGNED, "announced_on": ("is", "not set")},
		[
			*("name", "resource_group", "vendor", "product_name", "currency", "is_trial"),
			*("this_month_charges", "has_this_month_charges"),
		],
		order_by="this_month_charges desc, name",
	)
	if not rows:
		return
	frappe.db.set_value(
		GROUP,
		{"name": ("in", [row.name for row in rows])},
		"announced_on",
		clock.site_now(),
		update_modified=False,
	)
	for user in people.who_see_all_clients(notify.managers()):
		with wording.in_language(wording.language_of(user)):
			_tell(user, rows)


def _tell(user: str, rows: Sequence[Any]) -> None:
	subject = plural(
		len(rows),
		_("Usage that belongs to nobody: {0} new resource group"),
		_("Usage that belongs to nobody: {0} new resource groups"),
	).format(len(rows))
	link = links.page(desk_path("usage-inbox"))
	delivery.tell(
		[user],
		doctype=GROUP,
		name=rows[0].name,
		subject=subject,
		bell_says=_("New usage belongs to no client."),
		link=link,
		message=lambda: frappe.render_template(  # nosemgrep: frappe-ssti - a template of this app
			"msp_licensing/templates/emails/usage_unassigned.html",
			{
				"subject": subject,
				"groups": [_words(row) for row in rows[:LISTED]],
				"more": max(0, len(rows) - LISTED),
				"link": link,
			},
		),
	)


def _words(row: Any) -> dict[str, str]:
	amount = (
		fmt_money(row.this_month_charges, currency=row.currency)
		if row.has_this_month_charges and row.currency
		else "—"
	)
	return {
		"name": (row.resource_group or _("(no name)"))[:140],
		"product": row.product_name or row.vendor or "",
		"amount": _("{0}, trial").format(amount) if row.is_trial else amount,
	}
