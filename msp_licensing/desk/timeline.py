"""What Frappe's timeline tells besides its own: of a subscription, what changed at Pax8; of a request, its chain."""

from itertools import groupby
from typing import Any

import frappe
from frappe import _
from frappe.utils import escape_html, format_datetime, formatdate, get_fullname, get_link_to_form

from msp_licensing.desk import chain
from msp_licensing.sync.recorded import WATCHED

DOCTYPE = "Pax8 Subscription Change"
SHOWN = 60

# On a permission level of their own on the subscription.
_PRICES = {"Price", "Partner Cost"}
_DATES = {"Commitment End", "End Date"}


def changes_at_pax8(doctype: str, name: str) -> list[dict[str, Any]]:
	"""Hook `additional_timeline_content`: an item for each time something was seen, the newest sixty changes.

	Called by Frappe for a document that the user may read; prices are left out for users who may not see them.
	"""
	hidden = set() if 1 in frappe.get_meta(doctype).get_permlevel_access("read") else _PRICES
	rows = frappe.get_all(
		DOCTYPE,
		filters={"subscription": name, "field": ("not in", list(hidden) or [""])},
		fields=["field", "old_value", "new_value", "seen_on", "changed_on", "source", "request", "history"],
		order_by="seen_on_utc desc",
		limit=SHOWN,
	)
	order = list(WATCHED.values())
	rows.sort(key=lambda row: order.index(row.field))
	rows.sort(key=lambda row: row.seen_on, reverse=True)
	return [
		{"icon": "refresh", "creation": seen_on, "content": _item(list(group))}
		for (seen_on, _request), group in groupby(rows, key=lambda row: (row.seen_on, row.request))
	]


def _item(rows: list[Any]) -> str:
	changes = ", ".join(
		_("{0} {1} → {2}").format(
			escape_html(_(row.field)), _shown(row.field, row.old_value), _shown(row.field, row.new_value)
		)
		for row in rows
	)
	if request := rows[0].request:
		link = get_link_to_form("License Change Request", request)
		return _("{0}, made by {1}").format(changes, link)
	text = _("{0}, changed at Pax8 outside of this site").format(changes)
	if changed_on := next((row.changed_on for row in rows if row.changed_on), None):
		text += " · " + _("on {0} by Pax8's history").format(format_datetime(changed_on))
	if history := next((row.history for row in rows if row.history and "\n" in row.history), None):
		text += f'<div class="text-muted small">{"<br>".join(map(escape_html, history.splitlines()))}</div>'
	return text


def _shown(field: str, value: str | None) -> str:
	if not value:
		return _("none") if field != "No Longer at Pax8" else _("No")
	if field in _DATES:
		return formatdate(value)
	if field == "No Longer at Pax8":
		return _("Yes")
	return f"<b>{escape_html(value)}</b>"


# --------------------------------------------------------------------------------------------- requests

_ICONS = {"asked": "message", "decision": "filter", "client": "tick", "step": "branch", "pax8": "refresh"}


def chain_of_request(doctype: str, name: str) -> list[dict[str, Any]]:
	"""Hook `additional_timeline_content`: how a request was decided, sent and proven.

	Called by Frappe for a document that the user may read, so only for staff. Frappe's own lines for Workflow steps are
	left out by the form: they are comments, which anybody may write who may comment.
	"""
	return [
		{"icon": _ICONS[event.kind], "creation": event.on, "content": _told(event)}
		for event in chain.chain_of(name)
	]


def _told(event: chain.Event) -> str:
	head = f"<b>{escape_html(event.what)}</b>"
	if event.who:
		head = _("{0} by {1}").format(head, escape_html(get_fullname(event.who)))
	if event.text:
		head += f": {escape_html(event.text)}"
	if event.reconstructed:
		source = escape_html(_("(from older records)"))
		head += f' <span class="text-muted small">{source}</span>'
	if event.private:
		head += f'<div class="text-muted small">{escape_html(event.private)}</div>'
	return head
