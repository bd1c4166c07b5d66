"""Reads a client's subscriptions and requests from the site, for `portal.page` to put into words.

Portal users have no DocPerm on any DocType of this app. Everything here is given a `PortalAccess`, which the server has
made itself, and reads rows of its clients only.
"""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import frappe
from frappe import _
from frappe.utils import fmt_money, formatdate

from msp_licensing import clock, permissions
from msp_licensing.changes import decide
from msp_licensing.changes.audit import events
from msp_licensing.changes.requests import is_shown
from msp_licensing.changes.states import DOCTYPE, OPEN
from msp_licensing.clients import client_title, client_titles
from msp_licensing.frappe_version import desk_path
from msp_licensing.permissions import ClientRecord, ClientRights, PortalAccess
from msp_licensing.portal import history, page, wishes, words
from msp_licensing.sync import connection, vendors

REQUEST_FIELDS = (
	"name",
	"subscription",
	"product_name",
	"current_quantity",
	"requested_quantity",
	"approved_quantity",
	"quantity_reason",
	"workflow_state",
	"source",
	"requested_by",
	"requested_on",
	"timing",
	"scheduled_for",
	"term_end",
	"handed_over_on",
	"client_approved_by",
	"client_approved_on",
	"client_declined",
	"decided_by",
	"decided_on",
	"applied_on",
	"reject_reason",
	"note",
	"amount_change",
	"currency",
)
REQUESTS_READ = 100


def formats() -> words.Formats:
	"""Texts in the reader's language, dates as the site writes them."""
	return words.Formats(
		translate=_,
		day=formatdate,
		money=lambda amount, currency: fmt_money(amount, currency=currency),
		month=lambda day: formatdate(day, "MMMM yyyy"),
		number=_number,
	)


def _number(number: Decimal) -> str:
	"""A quantity with up to three decimals, as many as it has."""
	rounded = round(number, 3).normalize()
	return fmt_money(rounded, precision=max(0, -int(rounded.as_tuple().exponent)))


def page_for_session(client: str | None = None) -> dict[str, Any]:
	"""The page of the session's user, whoever it is: a reader without access gets a page that says so.

	Args:
		client: `page.client_key` of the client to show; anything that is not one of the reader's own is ignored.
	"""
	try:
		access = permissions.portal_access()
	except frappe.PermissionError:
		frappe.clear_messages()
		return page.closed(
			"no_access", formats(), desk=desk_path("msp-licensing") if permissions.may_open_app() else ""
		)
	return page_of(access, client, strict=False)


def page_of(access: PortalAccess, client: str | None = None, *, strict: bool = True) -> dict[str, Any]:
	"""The page for `access`.

	Args:
		client: `page.client_key` of one of its clients; needed where it has several.
		strict: whether a client that is not one of them is an error.

	Raises:
		frappe.DoesNotExistError: `strict`, and no such client of this user.
	"""
	if not access.clients:
		return page.closed("no_client", formats())
	chosen = client_of(access, client, strict=strict)
	links = _links(access, chosen)
	if chosen is None:
		return page.choice(links, formats())
	return _overview(access, chosen, links)


def client_of(access: PortalAccess, client: str | None, *, strict: bool = True) -> ClientRecord | None:
	"""The client of `access` that is meant; None: it has several, and none of them is chosen.

	Args, Raises:
		as `page_of`.
	"""
	for record in access.clients:
		if isinstance(client, str) and page.client_key(record.doctype, record.name) == client:
			return record
	if client and strict:
		raise frappe.DoesNotExistError(_("This client does not exist."))
	return access.clients[0] if len(access.clients) == 1 else None


def _links(access: PortalAccess, chosen: ClientRecord | None) -> list[dict[str, Any]]:
	key = page.client_key(chosen.doctype, chosen.name) if chosen else None
	titles = client_titles((record.doctype, record.name) for record in access.clients)
	links = [
		page.client_link(
			page.client_key(record.doctype, record.name), titles[record.doctype, record.name], key
		)
		for record in access.clients
	]
	return sorted(links, key=lambda link: link["title"].casefold())


def title_of(record: ClientRecord) -> str:
	"""The client's name as people know it; a Customer's id may be a number."""
	return client_title(record.doctype, record.name)


def _overview(access: PortalAccess, client: ClientRecord, links: list[dict[str, Any]]) -> dict[str, Any]:
	# It reads by functions of this module.
	from msp_licensing.portal import usage_queries

	connected, paused = connection.is_active(), permissions.client_disabled(client.doctype, client.name)
	if paused:
		access = replace(access, rights=dict.fromkeys(access.rights, ClientRights()))
	may_request = access.may_request_for(client.doctype, client.name)
	may_approve = access.may_approve_for(client.doctype, client.name)
	may_ask = may_request and connected
	rows = subscriptions_of(client)
	shown = {row.name for row in rows}
	requests = requests_of(client, shown)
	told = _tell_requests(access, client, requests, {row.name: row.billing_term for row in rows})
	open_requests = {row.subscription: told[row.name] for row in requests if row.workflow_state in OPEN}
	key = page.client_key(client.doctype, client.name)
	cards = _cards(rows, open_requests, may_ask)
	usage = usage_queries.this_month(client)
	for row in rows:
		cards[row.name]["usage"] = page.usage(
			key, row.name, usage.pop(row.name, None), by_usage=cards[row.name]["by_usage"]
		)
	today = clock.pax8_today()
	over = [row for row in rows if page.is_over(row, today)]
	over.sort(key=lambda row: str(row.end_date or ""), reverse=True)
	return page.overview(
		key=key,
		title=title_of(client),
		clients=links,
		subscriptions=[cards[row.name] for row in rows if not page.is_over(row, today)],
		ended=[cards[row.name] for row in over],
		requests=[told[row.name] for row in requests],
		other_usage=[
			page.other_usage(key, subscription, some, formats()) for subscription, some in usage.items()
		],
		may_request=may_request,
		may_approve=may_approve,
		connected=connected,
		paused=paused,
		formats=formats(),
	)


def subscriptions_of(client: ClientRecord) -> list[Any]:
	"""The subscriptions of a client that it may see, by product."""
	rows = frappe.get_all(
		"Pax8 Subscription",
		filters={"client_doctype": client.doctype, "client": client.name, "show_to_client": 1},
		fields=list(decide.FIELDS),
		order_by="product_name asc, name asc",
	)
	return [row for row in rows if is_shown(row)]


def _cards(
	rows: list[Any], open_requests: dict[str, dict[str, Any]], may_ask: bool
) -> dict[str, dict[str, Any]]:
	policies, today, how = decide.policies_for(rows), clock.pax8_today(), formats()
	products = _by_name(
		frappe.get_all(
			"Pax8 Product",
			filters={"name": ("in", _distinct(row.product for row in rows))},
			fields=["name", *decide.PRODUCT_FIELDS],
		)
	)
	# Whoever asked: a subscription with an open request takes no other.
	busy = set(
		frappe.get_all(
			DOCTYPE,
			filters={
				"subscription": ("in", _distinct(row.name for row in rows)),
				"workflow_state": ("in", OPEN),
			},
			pluck="subscription",
		)
	)
	companies = _company_names(rows)
	unknown, renamed = frappe._dict(), vendors.renamed()
	return {
		row.name: page.subscription(
			row,
			facts=decide.facts_of(
				row,
				product=products.get(row.product, unknown),
				has_open_request=row.name in busy,
				renamed=renamed,
				client_disabled=False,  # said once, above all of them
			),
			rule=decide.rule_of(row),
			policy=policies[row.client_doctype, row.client],
			today=today,
			formats=how,
			request=open_requests.get(row.name),
			company=companies.get(row.pax8_company),
			may_ask=may_ask,
		)
		for row in rows
	}


def _company_names(rows: list[Any]) -> dict[str, str]:
	"""Names of the companies the rows belong to, where they belong to several."""
	names = _distinct(row.pax8_company for row in rows)
	if len(names) < 2:
		return {}
	found = frappe.get_all("Pax8 Company", filters={"name": ("in", names)}, fields=["name", "company_name"])
	return {row.name: row.company_name for row in found}


def requests_of(client: ClientRecord, shown: set[str]) -> list[Any]:
	"""The requests of a client, newest first. Those staff made on a subscription it may not see are left out."""
	rows = frappe.get_all(
		DOCTYPE,
		filters={"client_doctype": client.doctype, "client": client.name},
		fields=list(REQUEST_FIELDS),
		order_by="requested_on_utc desc, name desc",
		limit=REQUESTS_READ,
	)
	if len(rows) == REQUESTS_READ:
		# What waits, and what is planned for the end of a term, must not drop out of sight, however old it is.
		rows += frappe.get_all(
			DOCTYPE,
			filters={
				"client_doctype": client.doctype,
				"client": client.name,
				"workflow_state": ("in", OPEN),
				"name": ("not in", [row.name for row in rows]),
			},
			fields=list(REQUEST_FIELDS),
			order_by="requested_on_utc desc, name desc",
		)
	return [row for row in rows if row.source == "Portal" or row.subscription in shown]


def request_of(access: PortalAccess, name: str) -> Any:
	"""One request of a client of `access`.

	Raises:
		frappe.DoesNotExistError: there is none of this user's clients; the same for one of somebody else.
	"""
	row = None
	if isinstance(name, str) and name:
		row = frappe.db.get_value(DOCTYPE, name, [*REQUEST_FIELDS, "client_doctype", "client"], as_dict=True)
	if not row or not access.owns(row.client_doctype, row.client) or not _may_see(row):
		raise frappe.DoesNotExistError(_("This request does not exist."))
	return row


def _may_see(request: Any) -> bool:
	if request.source == "Portal":
		return True
	row = frappe.db.get_value(
		"Pax8 Subscription", request.subscription, ["show_to_client", "product"], as_dict=True
	)
	return bool(row and is_shown(row))


def _tell_requests(
	access: PortalAccess, client: ClientRecord, rows: list[Any], terms: dict[str, str | None]
) -> dict[str, dict[str, Any]]:
	"""Requests in words; `terms` are the billing terms by subscription."""
	told = history.read(row.name for row in rows)
	# Of those who decided, only the client's own people have a name here.
	users = _distinct(
		[
			user
			for row in rows
			for user in (
				row.requested_by,
				row.client_approved_by,
				row.decided_by if row.client_declined else None,
			)
		]
		+ [event.user for of_one in told.values() for event in of_one if event.actor == events.CLIENT]
	)
	people = dict(
		frappe.get_all("User", filters={"name": ("in", users)}, fields=["name", "full_name"], as_list=True)
	)
	how = formats()
	return {
		row.name: wishes.request(
			{**row, "billing_term": terms.get(row.subscription)},
			formats=how,
			reader=access.user,
			people=people,
			may_ask=access.may_request_for(client.doctype, client.name),
			may_approve=access.may_approve_for(client.doctype, client.name),
		)
		| {"history": history.told(told[row.name], how, access.user, people)}
		for row in rows
	}


def _distinct(values: Iterable[str | None]) -> list[str]:
	return sorted({value for value in values if value})


def _by_name(rows: list[Any]) -> dict[str, Any]:
	return {row.name: row for row in rows}
