"""Whose the resource groups of the usage inbox may be: suggestions with their reasons, in words."""

from collections.abc import Sequence
from typing import Any

import frappe
from frappe import _

from msp_licensing import clock, permissions
from msp_licensing.clients import client_titles, site_client_doctype
from msp_licensing.rules import usage_suggestions
from msp_licensing.rules.usage_suggestions import Suggestion, Why
from msp_licensing.sync.kinds.usage.months import USAGE_MONTH, first_day
from msp_licensing.usage import renames, rules

COMPANY, LINE, PRODUCT, SUBSCRIPTION = "Pax8 Company", "Pax8 Usage Line", "Pax8 Product", "Pax8 Subscription"
# Product names of lines that are looked through for one page.
MAX_LINES = 2000


def add_to(rows: Sequence[Any], shown: Sequence[dict[str, Any]]) -> None:
	"""Adds `suggestions`, `rename` and `rules` to the groups of a page.

	Args:
		rows: the groups as they are stored. shown: the same as the inbox shows them, in the same order.
	"""
	if not rows:
		return
	names = [row.name for row in rows]
	known = _clients()
	renamed = {}
	for one in renames.suggestions(among=names):
		renamed.setdefault(one["new"], one)
	earlier, lines, subscriptions = _earlier(names), _lines(names), _owners_of_subscriptions(rows)
	found: dict[str, list[Suggestion]] = {}
	for row in rows:
		rename = renamed.get(row.name)
		found[row.name] = known.suggest(
			usage_suggestions.Group(
				row.resource_group,
				row.pax8_company_name if row.pax8_company else None,
				tuple(lines.get(row.name, ())),
				earlier[row.name][0] if row.name in earlier else None,
				rename["old_client"] if rename else None,
				subscriptions.get(row.subscription),
			)
		)
	titles = client_titles(one.key for some in found.values() for one in some)
	verdicts = _verdicts(rows)
	told = rules.told(verdicts)
	for row, values in zip(rows, shown, strict=True):
		rename = renamed.get(row.name)
		values["suggestions"] = [
			{
				"client_doctype": one.key[0],
				"client": one.key[1],
				"title": titles[one.key],
				"score": one.score,
				"reasons": [_in_words(why, what, row, earlier, rename) for why, what in one.reasons],
			}
			for one in found[row.name]
		]
		values["rename"] = (
			{key: rename[key] for key in ("old", "old_text", "score", "reasons")} if rename else None
		)
		values["rules"] = told.get(row.name)


def _in_words(why: Why, what: str, row: Any, earlier: dict[str, Any], rename: Any) -> str:
	"""A reason as a sentence, plain text."""
	if why == Why.NAME:
		return _("The name of the resource group is like the client's.")
	if why == Why.COMPANY:
		return _("The company that Pax8 names has a similar name: {0}.").format(row.pax8_company_name)
	if why == Why.DOMAIN:
		return _("The name has a domain of this client: {0}.").format(what)
	if why == Why.EARLIER:
		return _("It belonged to this client in {0}.").format(earlier[row.name][1])
	if why == Why.RENAMED:
		return _("It is probably “{0}” under a new name, which belongs to this client.").format(
			(rename["old_text"] or _("(no name)"))[:140]
		)
	if why == Why.LINES:
		return _("A usage line names it: {0}.").format(what[:140])
	return _("The subscription belongs to this client.")


def _clients() -> usage_suggestions.Clients:
	"""The clients that the user may see and that are not disabled, with their names and domains."""
	doctype = site_client_doctype()
	title, mail = {"Customer": ("customer_name", "email_id"), "MSP Client": ("client_name", "email")}[doctype]
	fields = ["name", f"{title} as title"]
	if frappe.get_meta(doctype).has_field(mail):
		fields.append(f"{mail} as mail")
	filters: dict[str, Any] = {"disabled": 0}
	if (allowed := permissions.manager_clients()) is not None:
		filters["name"] = ("in", [one.name for one in allowed if one.doctype == doctype] or [""])
	names: dict[tuple[str, str], list[str]] = {}
	domains: dict[tuple[str, str], set[str]] = {}
	for row in frappe.get_all(doctype, filters=filters, fields=fields):
		key = (doctype, row.name)
		names[key] = [row.title or row.name]
		domains[key] = set(usage_suggestions.domains_in(row.get("mail")))
	for row in frappe.get_all(
		COMPANY,
		{"client_doctype": doctype, "client": ("is", "set"), "is_own": 0},
		["client", "company_name", "website"],
	):
		if (key := (doctype, row.client)) in names:
			names[key].append(row.company_name or "")
			domains[key] |= set(usage_suggestions.domains_in(row.website))
	for row in frappe.get_all(
		permissions.PORTAL_USER,
		{"client_doctype": doctype, "status": permissions.ACTIVE},
		["client", "user"],
		distinct=True,
	):
		if (key := (doctype, row.client)) in names:
			domains[key] |= set(usage_suggestions.domains_in((row.user or "").rpartition("@")[2]))
	return usage_suggestions.Clients(
		usage_suggestions.Client(key, tuple(some), frozenset(domains[key])) for key, some in names.items()
	)


def _earlier(names: Sequence[str]) -> dict[str, tuple[tuple[str, str], str]]:
	"""The client that each group last had in a month before this one, with that month in words."""
	rows = frappe.get_list(
		USAGE_MONTH,
		filters={
			"resource_group": ("in", names),
			"client": ("is", "set"),
			"month": ("<", first_day(clock.pax8_today())),
		},
		fields=["resource_group", "client_doctype", "client", "month"],
		order_by="month asc, name asc",
		limit=0,
	)
	return {
		row.resource_group: (
			(row.client_doctype, row.client),
			frappe.utils.format_date(row.month, "MMMM yyyy"),
		)
		for row in rows
	}


def _lines(names: Sequence[str]) -> dict[str, list[str]]:
	rows = frappe.get_list(
		LINE,
		filters={"resource_group": ("in", names), "product_name": ("is", "set")},
		fields=["resource_group", "product_name"],
		distinct=True,
		order_by="resource_group asc, product_name asc",
		limit=MAX_LINES,
	)
	found: dict[str, list[str]] = {}
	for row in rows:
		found.setdefault(row.resource_group, []).append(row.product_name)
	return found


def _owners_of_subscriptions(rows: Sequence[Any]) -> dict[str, tuple[str, str]]:
	found = frappe.get_list(
		SUBSCRIPTION,
		filters={
			"name": ("in", [row.subscription for row in rows if row.subscription] or [""]),
			"client": ("is", "set"),
		},
		fields=["name", "client_doctype", "client"],
		limit=0,
	)
	return {row.name: (row.client_doctype, row.client) for row in found}


def _verdicts(rows: Sequence[Any]) -> dict[str, Any]:
	"""What the rules say of groups that they have not assigned: they contradict each other, or could not do it."""
	enabled = rules.enabled()
	if not enabled:
		return {}
	skus = {
		row.name: row
		for row in frappe.get_all(
			PRODUCT,
			{"name": ("in", [row.product for row in rows if row.product] or [""])},
			["name", "sku", "vendor_sku"],
		)
	}
	found = {}
	for row in rows:
		product = skus.get(row.product, frappe._dict())
		verdict = rules.judge(enabled, frappe._dict(row, sku=product.sku, vendor_sku=product.vendor_sku))
		if verdict.rules:
			found[row.name] = verdict
	return found
