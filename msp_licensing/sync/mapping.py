"""What follows from mapping a Pax8 company to a client, and which client it probably is."""

import re
from difflib import SequenceMatcher
from typing import Any

import frappe

from msp_licensing import permissions
from msp_licensing.clients import site_client_doctype
from msp_licensing.sync import connection, jobs, subscriptions
from msp_licensing.sync.kinds.usage import placement


def after_change(company: Any) -> None:
	"""A company was mapped, moved to another client, or unmapped.

	The old client loses sight of its subscriptions in the same transaction; its waiting requests are withdrawn. The
	new one gets them at once, as far as they were copied before, and the rest by a sync of just this company. Resource
	groups of usage go with the company.
	"""
	from msp_licensing.changes import requests

	# First the subscriptions: whoever is just asking for a change of one holds its row, and is waited for.
	subscriptions.own_as_mapped(company.name)
	owned = frappe.get_all("Pax8 Subscription", {"pax8_company": company.name}, pluck="name")
	requests.withdraw_of_others(owned, lock=True)
	placement.settle(company=company.name)
	if company.client and connection.is_active():
		jobs.enqueue("Subscriptions", trigger="Mapping", company=company.name)


def suggestions(company: str, limit: int = 5) -> list[dict[str, Any]]:
	"""Client records that a Pax8 company may be, the likeliest first.

	Only clients that the session's user may see. Returns:
		Rows with `client`, `title` and `score` (0–100, percent of likeness of the names). Clients under 50 are left
		out; an identical Pax8 "external id" counts as 100.
	"""
	row = frappe.db.get_value("Pax8 Company", company, ["company_name", "external_id"], as_dict=True)
	doctype = site_client_doctype()
	title = {"Customer": "customer_name", "MSP Client": "client_name"}[doctype]
	wanted = normalize(row.company_name)
	found = []
	filters: dict[str, Any] = {"disabled": 0}
	if (allowed := permissions.manager_clients()) is not None:
		filters["name"] = ("in", [record.name for record in allowed if record.doctype == doctype] or [""])
	for client in frappe.get_all(doctype, filters=filters, fields=["name", f"{title} as title"]):
		score = round(SequenceMatcher(None, wanted, normalize(client.title)).ratio() * 100)
		if row.external_id and row.external_id in (client.name, client.title):
			score = 100
		if score >= 50:
			found.append({"client": client.name, "title": client.title, "score": score})
	return sorted(found, key=lambda match: (-match["score"], match["title"]))[:limit]


_LEGAL_FORMS = re.compile(
	r"\b(inc|incorporated|llc|ltd|limited|gmbh|ag|kg|co|corp|corporation|company|plc|bv|nv|sarl|sas|srl|spa|oy|ab|as|pty)\b"
)


def normalize(name: str | None) -> str:
	"""A company's name without case, punctuation and legal form, for comparison.

	>>> normalize("Cedar & Pine Architects, Inc.")
	'cedar pine architects'
	"""
	text = re.sub(r"[^\w\s]", " ", (name or "").casefold())
	return " ".join(_LEGAL_FORMS.sub(" ", text).split())
