"""Evidence of a client's license changes in a period: a page to print, and the same as a PDF.

It can be handed to the client and to auditors: it names who decided, but neither rules, limits, costs nor notes of staff.
"""

import json
import re
from datetime import date
from hashlib import sha256
from typing import Any

import frappe
from frappe import _
from frappe.core.doctype.access_log.access_log import make_access_log
from frappe.utils import (
	format_datetime,
	formatdate,
	get_fullname,
	get_system_timezone,
	getdate,
)

from msp_licensing import clock, permissions
from msp_licensing.changes import states
from msp_licensing.changes.states import DOCTYPE
from msp_licensing.clients import client_title
from msp_licensing.desk import chain
from msp_licensing.frappe_version import PDF_PROGRAMS, pdf_maker

TEMPLATE = "msp_licensing/templates/desk/evidence.html"
REPORT = "License Changes"

FIELDS = (
	"name",
	"product_name",
	"vendor",
	"subscription",
	"workflow_state",
	"current_quantity",
	"requested_quantity",
	"approved_quantity",
)

# More would be no page that anybody reads, and minutes of work for a web worker.
MOST = 1000


@frappe.whitelist()
def make(client_doctype: str, client: str, from_date: str, to_date: str) -> None:
	"""Answers with the evidence: a PDF by Frappe's own way of making them, or, where the server cannot, the same page
	for the browser to print, with a sentence that says why.
	"""
	found = _collect(client_doctype, client, from_date, to_date)
	problem, content, page = "", None, _html(found)
	if make_pdf := pdf_maker():
		try:
			content = make_pdf(page)
		except Exception:  # wkhtmltopdf raises OSError; Chromium whatever its connection raises
			frappe.log_error("Evidence could not be made into a PDF")
			problem = _("This server could not make a PDF; its Error Log says why.")
	else:
		problem = _("This server cannot make PDFs: {0} is not installed.").format(PDF_PROGRAMS)
	make_access_log(
		doctype=DOCTYPE,
		report_name=REPORT,
		file_type="HTML" if problem else "PDF",
		method="Print",
		filters=f"{client_doctype} {client}, {found['from_date']} – {found['to_date']}",
	)
	name = re.sub(r"[^A-Za-z0-9]+", "-", found["client_name"]).strip("-")[:60] or "client"
	name = f"license-changes-{name}-{found['from_date']}-{found['to_date']}"
	response = frappe.local.response
	if problem:
		response.update(
			type="download",
			filename=f"{name}.html",
			display_content_as="inline",
			content_type="text/html; charset=utf-8",
			filecontent=_html(found, problem),
		)
	else:
		response.update(type="pdf", filename=f"{name}.pdf", filecontent=content)


# --------------------------------------------------------------------------------------------- what is in it


def _collect(client_doctype: str, client: str, from_date: str, to_date: str) -> dict[str, Any]:
	"""Everything the page shows, read with the permissions of whoever asks."""
	permissions.require_connection_manager()
	frappe.has_permission(DOCTYPE, "print", throw=True)
	permissions.require_client(client_doctype, client)
	begin, end = _period(from_date, to_date)
	if client_doctype not in permissions.CLIENT_DOCTYPES or not frappe.db.exists(client_doctype, client):
		frappe.throw(_("This client does not exist."), frappe.DoesNotExistError)
	whose = {"client_doctype": client_doctype, "client": client}
	within = ("between", [begin, end])
	rows = frappe.get_list(
		DOCTYPE,
		filters=whose,
		# Asked for in the period, or made in it: a decrease may have waited for the end of its term.
		or_filters=[["requested_on", *within], ["applied_on", *within]],
		fields=list(FIELDS),
		order_by="requested_on_utc, name",
		limit=MOST + 1,
	)
	if len(rows) > MOST:
		frappe.throw(_("There are more than {0} requests: please choose a shorter period.").format(MOST))
	events = chain.chains(row.name for row in rows)
	elsewhere = frappe.get_list(
		"Pax8 Subscription Change",
		filters={**whose, "field": "Quantity", "source": "Outside", "seen_on": within},
		fields=["product_name", "subscription", "old_value", "new_value", "seen_on", "changed_on"],
		order_by="seen_on_utc, name",
		limit=MOST + 1,
	)
	if len(elsewhere) > MOST:
		frappe.throw(_("There are more than {0} changes: please choose a shorter period.").format(MOST))
	return {
		**whose,
		"client_name": client_title(client_doctype, client),
		"from_date": begin,
		"to_date": end,
		"requests": [{"row": row, "events": events[row.name]} for row in rows],
		"elsewhere": elsewhere,
	}


def _period(from_date: str, to_date: str) -> tuple[date, date]:
	begin, end = getdate(from_date), getdate(to_date)
	if not begin or not end or begin > end:
		frappe.throw(_("The period ends before it begins."))
	return begin, end


def _html(found: dict[str, Any], problem: str | None = None) -> str:
	requests = [_shown(**one) for one in found["requests"]]
	counts: dict[str, int] = {}
	for one in found["requests"]:
		counts[one["row"].workflow_state] = counts.get(one["row"].workflow_state, 0) + 1
	elsewhere = [
		{
			"product": row.product_name or row.subscription,
			"change": f"{row.old_value or 0} → {row.new_value or 0}",
			"seen_on": format_datetime(row.seen_on),
			"changed_on": format_datetime(row.changed_on) if row.changed_on else "",
		}
		for row in found["elsewhere"]
	]
	return frappe.render_template(  # nosemgrep: frappe-ssti - a template of this app
		TEMPLATE,
		{
			"problem": problem,
			"language": frappe.local.lang or "en",
			"client": found["client_name"],
			"period": f"{formatdate(found['from_date'])} – {formatdate(found['to_date'])}",
			"counts": [(_(state), number) for state, number in counts.items()],
			"requests": requests,
			"elsewhere": elsewhere,
			"made": _("Made on {0} by {1} from the records of {2}. Times are those of {3}.").format(
				format_datetime(clock.site_now()),
				get_fullname(frappe.session.user),
				frappe.local.site,
				get_system_timezone(),
			),
			"print_of_records": _fingerprint(found),
		},
	)


def _shown(row: Any, events: list[chain.Event]) -> dict[str, Any]:
	target = row.approved_quantity or row.requested_quantity
	return {
		"name": row.name,
		"product": row.product_name or row.subscription,
		"vendor": row.vendor or "",
		"subscription": row.subscription,
		"change": f"{row.current_quantity} → {target}",
		"state": _(row.workflow_state),
		"is_applied": row.workflow_state == states.APPLIED,
		"events": [
			{
				"on": format_datetime(event.on),
				"what": " ".join(
					[event.what, _("(from older records)")] if event.reconstructed else [event.what]
				),
				"who": get_fullname(event.who) if event.who else "",
				"text": event.text,
			}
			for event in events
		],
	}


def _fingerprint(found: dict[str, Any]) -> str:
	"""Two prints with the same one show the same records, in whatever language they are."""
	records = [
		[one["row"], [(event.on, event.key, event.who) for event in one["events"]]]
		for one in found["requests"]
	]
	return sha256(json.dumps([records, found["elsewhere"]], sort_keys=True, default=str).encode()).hexdigest()
