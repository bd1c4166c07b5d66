"""The portal's whitelisted functions.

Each begins with `permissions.portal_access()`: who the user is and which clients it belongs to come from the session.
A record of somebody else gets the very answer that one gets which does not exist.

There is no `from __future__ import annotations` here: it would switch Frappe's check of the arguments off.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import frappe
from frappe import _

from msp_licensing import permissions, transactions
from msp_licensing.changes import client_approval, decide, planning, requests
from msp_licensing.frappe_version import throw_as_typed
from msp_licensing.overrides import exports
from msp_licensing.portal import asking, queries, throttle, usage_queries, wishes

OVERVIEW = "msp_licensing/templates/portal/overview.html"


@frappe.whitelist(methods=["POST"])
@transactions.repeated
def request_change(
	subscription: str,
	quantity: str | int | float | bool,
	seen_quantity: int | None = None,
	note: str | None = None,
	timing: str | None = None,
) -> dict[str, Any]:
	"""Asks for `quantity` licenses in all on a subscription of the user's clients.

	Args:
		quantity: the wished total, as typed: the rules judge it, not a conversion.
		seen_quantity: the quantity the user saw; if it has moved since, the user is told.
		note: the user's words for the provider.
		timing: "Now", or "End of Term" for a reduction that waits for the end of the commitment.

	Returns:
		`request` (id), `state` in words, `message` for the user, `moving` (worth looking again soon).

	Raises:
		frappe.PermissionError, frappe.DoesNotExistError, throttle.TooOften
		changes.requests.ChangeRefused: with the reason in the client's words. Nothing has changed.
	"""
	with _asked("change", subscription=subscription) as access:
		doc = requests.submit(
			subscription, quantity, access=access, seen_quantity=seen_quantity, note=note, timing=timing
		)
		told = wishes.request(
			doc.as_dict(),
			formats=queries.formats(),
			reader=access.user,
			people={},
			may_ask=access.may_request_for(doc.client_doctype, doc.client),
		)
		return {
			"request": told["id"],
			"state": told["word"],
			"moving": told["moving"],
			"message": wishes.sent(doc.workflow_state, queries.formats()),
		}


@frappe.whitelist(methods=["POST"])
@transactions.repeated
def withdraw(request: str) -> dict[str, Any]:
	"""Takes back a request that still waits; returns `message` for the user.

	Raises:
		frappe.PermissionError, frappe.DoesNotExistError, throttle.TooOften
		changes.requests.ChangeRefused: it has been decided meanwhile.
	"""
	with _asked("change", request=request) as access:
		permissions.require_requester_role(access)
		row = queries.request_of(access, request)
		permissions.require_requester(access, row.client_doctype, row.client)
		requests.withdraw(request, access=access)
		return {"message": _("Your request was withdrawn.")}


@frappe.whitelist(methods=["POST"])
@transactions.repeated
def approve(request: str, seen_quantity: int | None = None, seen_amount: str | None = None) -> dict[str, Any]:
	"""An approver of the client agrees to what a colleague has asked for; then the provider's rules decide.

	Args:
		seen_quantity: the quantity the approver saw as the present one; if it has moved since, the approver is told.
		seen_amount: the same for the amount, as the page has it (`seen_amount` of the request).

	Returns:
		`request` (id), `state` in words, `message` for the user.

	Raises:
		frappe.PermissionError: the user is no approver, or has asked for it.
		frappe.DoesNotExistError, throttle.TooOften
		changes.requests.ChangeRefused: it has been decided meanwhile, or cannot be made any more; why, in the message.
	"""
	with _asked("decide", request=request) as access:
		permissions.require_approver_role(access)
		row = queries.request_of(access, request)
		permissions.require_approver(access, row.client_doctype, row.client)
		doc = client_approval.approve(
			request, access=access, seen_quantity=seen_quantity, seen_amount=seen_amount
		)
		return _decided(doc, access, wishes.approved(doc.workflow_state, queries.formats()))


@frappe.whitelist(methods=["POST"])
@transactions.repeated
def decline(request: str, reason: str | None = None) -> dict[str, Any]:
	"""An approver of the client declines what a colleague has asked for.

	Args:
		reason: optional; the colleague reads it.

	Returns, Raises:
		as `approve`.
	"""
	with _asked("decide", request=request) as access:
		permissions.require_approver_role(access)
		row = queries.request_of(access, request)
		permissions.require_approver(access, row.client_doctype, row.client)
		doc = client_approval.decline(request, reason, access=access)
		return _decided(doc, access, _("The request was declined."))


def _decided(doc: Any, access: permissions.PortalAccess, message: str) -> dict[str, Any]:
	told = wishes.request(
		doc.as_dict(), formats=queries.formats(), reader=access.user, people={}, may_ask=False
	)
	return {"request": told["id"], "state": told["word"], "message": message}


@frappe.whitelist(methods=["POST"])
def check(subscription: str, quantity: str | int | float | bool) -> dict[str, Any]:
	"""What to know about a number while it is typed. Changes nothing, and asks Pax8 nothing.

	Returns:
		`ok`, `message` (why it cannot be), `hint` and `when` (the choice between now and the end of the term, where
		there is one): see `asking.checked`. Whether the change would need approval is not told.

	Raises:
		frappe.PermissionError, frappe.DoesNotExistError, throttle.TooOften
	"""
	with _asked("check", subscription=subscription) as access:
		permissions.require_requester_role(access)
		row = requests.client_subscription(subscription, access)
		permissions.require_requester(access, row.client_doctype, row.client)
		inputs = decide.inputs_for(row, quantity)
		return asking.checked(
			inputs.decide(),
			inputs._replace(timing=planning.AT_TERM_END).decide(),
			inputs.facts,
			inputs.policy,
			today=inputs.today,
			formats=queries.formats(),
		)


@frappe.whitelist(methods=["GET", "POST"])
def status(request: str) -> dict[str, Any]:
	"""How far one request is: `state` in words and its `tone`, `moving` (worth looking again soon), `message`.

	Raises:
		frappe.PermissionError, frappe.DoesNotExistError, throttle.TooOften
	"""
	with _asked("look", request=request) as access:
		row = queries.request_of(access, request)
		told = wishes.request(row, formats=queries.formats(), reader=access.user, people={}, may_ask=False)
		return {
			"state": told["word"],
			"tone": told["tone"],
			"moving": told["moving"],
			"message": wishes.news(row, queries.formats()),
		}


@frappe.whitelist(methods=["GET", "POST"])
def overview(client: str | None = None) -> dict[str, Any]:
	"""The page of one client as data, and as the HTML that the page shows.

	Args:
		client: as in the page's address; may be left out by a user of a single client.

	Raises:
		frappe.PermissionError, frappe.DoesNotExistError, throttle.TooOften
	"""
	with _asked("look") as access:
		told = queries.page_of(access, client)
		data = {name: value for name, value in told.items() if name not in ("texts", "api")}
		return {
			"page": data,
			# nosemgrep: frappe-ssti - a template of this app
			"html": frappe.render_template(OVERVIEW, {"page": told}),
		}


@frappe.whitelist(methods=["GET", "POST"])
def usage_csv(
	client: str | None = None, month: str | None = None, subscription: str | None = None, by: str = "days"
) -> None:
	"""Answers with a file (CSV) of a client's usage: what the usage page shows, without its limits.

	Args:
		client: as in the page's address; may be left out by a user of a single client.
		month: as "2026-11", by default the running one. subscription: Pax8's id, for the usage of that one only.
		by: "days" of the month, or "months".

	Raises:
		frappe.PermissionError, frappe.DoesNotExistError, throttle.TooOften
	"""
	with _asked("look") as access:
		name, rows = usage_queries.file_of(access, client, month, subscription, by)
		exports.send(rows, name, "CSV")


@contextmanager
def _asked(
	what: str, *, subscription: str | None = None, request: str | None = None
) -> Iterator[permissions.PortalAccess]:
	"""One call of a portal user: who it is, counted as `what` (see `throttle`), with errors in plain words.

	Args:
		subscription, request: the record it names, whoever's it is: the calls of a client are counted together.
	"""
	with _plain_errors():
		access = permissions.portal_access()
		client = _client_of(access, "Pax8 Subscription", subscription) or _client_of(
			access, "License Change Request", request
		)
		with throttle.counted(access.user, what, client):
			yield access


def _client_of(
	access: permissions.PortalAccess, doctype: str, name: str | None
) -> permissions.ClientRecord | None:
	if not (isinstance(name, str) and name):
		return None
	row = frappe.db.get_value(doctype, name, ["client_doctype", "client"])
	return permissions.ClientRecord(*row) if row and access.owns(*row) else None


@contextmanager
def _plain_errors() -> Iterator[None]:
	"""Errors reach the client with their message and their HTTP status, and without a traceback."""
	frappe.local.flags.disable_traceback = True
	try:
		yield
	except (requests.ChangeRefused, frappe.DoesNotExistError) as error:
		message = str(error)
		if not message:
			raise
		# `frappe.throw` puts the message into the answer; a bare raise does not.
		frappe.clear_messages()
		throw_as_typed(message, type(error))
