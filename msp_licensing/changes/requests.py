"""From a client's wish to a request: submit, check, decide, withdraw."""

from typing import Any

import frappe
from frappe import _
from frappe.utils import add_days, cint, now_datetime

from msp_licensing import permissions
from msp_licensing.changes import decide, notify, states
from msp_licensing.changes.states import APPROVED, DOCTYPE, PENDING
from msp_licensing.rules.policy import Decision, Outcome
from msp_licensing.sync import connection


class ChangeRefused(frappe.ValidationError):
	"""The wish cannot become a request; the message says why, in the words of whoever asked."""

	http_status_code = 417


class AskedAlready(ChangeRefused):
	"""The subscription has an open request."""


# --------------------------------------------------------------------------------------------- clients


def submit(
	subscription: str,
	wanted: Any,
	*,
	access: permissions.PortalAccess,
	seen_quantity: int | None = None,
	note: str | None = None,
) -> Any:
	"""A client asks for `wanted` licenses in all on one of its subscriptions.

	Args:
		subscription: id of a Pax8 Subscription of one of `access.clients`.
		wanted: the total wished for, as typed.
		seen_quantity: the quantity on the page the client looked at; if it has moved since, the client is told.
		note: the client's own words for the provider.

	Returns:
		The License Change Request, `Approved` (auto-approved, on its way) or `Pending Approval`.

	Raises:
		frappe.PermissionError: the user may only look.
		frappe.DoesNotExistError: no such subscription of this user's clients; the same for one of somebody else.
		ChangeRefused: with the reason in the client's words. Nothing has changed.
	"""
	if not access.may_request:
		frappe.throw(_("You can look at your licenses, but not change them."), frappe.PermissionError)
	row = client_subscription(subscription, access)
	_refuse_without_connection()
	# Cheap refusals first: most wishes that cannot be need no call to Pax8.
	_refuse_client(decide.decide_for(row, wanted))
	row = _read_fresh(row, seen_quantity)
	inputs = decide.inputs_for(row, wanted)
	decision = inputs.decide()
	_refuse_client(decision)
	released = decision.outcome == Outcome.RELEASED and row.is_fresh
	doc = _insert(
		row,
		inputs,
		decision,
		source="Portal",
		requested_by=access.user,
		note=(note or "").strip()[:1000] or None,
		decision="Auto-Approved" if released else "Held",
		summary=decide.staff_words(decision)
		if row.is_fresh
		else _("Pax8 could not be asked for the current quantity: {0}").format(row.read_problem),
		rule=decision.rule if row.is_fresh else "not_verified",
	)
	if released:
		states.move(doc.name, APPROVED, expect=(PENDING,), decided_on=now_datetime())
		queue_apply(doc.name)
		doc.reload()
		notify.about("approved_by_itself", doc)
	else:
		notify.about("pending", doc)
	return doc


def withdraw(name: str, *, access: permissions.PortalAccess) -> None:
	"""A client takes back a request that still waits.

	Raises:
		frappe.PermissionError, frappe.DoesNotExistError: as for `submit`.
		ChangeRefused: it has been decided meanwhile.
	"""
	if not access.may_request:
		frappe.throw(_("You can look at your licenses, but not change them."), frappe.PermissionError)
	row = frappe.db.get_value(DOCTYPE, name, ["name", "client_doctype", "client", "source"], as_dict=True)
	if not row or not access.owns(row.client_doctype, row.client):
		raise frappe.DoesNotExistError(_("This request does not exist."))
	if row.source != "Portal":
		raise ChangeRefused(_("Your provider made this request for you. Please ask them to withdraw it."))
	if not states.move(name, states.WITHDRAWN, expect=states.WITHDRAWABLE, decided_on=now_datetime()):
		raise ChangeRefused(_("This request has been decided already and cannot be withdrawn."))


def client_subscription(name: str, access: permissions.PortalAccess) -> Any:
	"""The row of a subscription that `access` may see; somebody else's does not exist for the caller."""
	row = None
	if isinstance(name, str) and name:
		row = frappe.db.get_value("Pax8 Subscription", name, list(decide.FIELDS), as_dict=True)
	if not row or not access.owns(row.client_doctype, row.client) or not is_shown(row):
		raise frappe.DoesNotExistError(_("This subscription does not exist."))
	return row


def is_shown(row: Any) -> bool:
	"""Whether a client may see its subscription `row` at all (show_to_client, product)."""
	if not cint(row.show_to_client):
		return False
	if not frappe.db.get_single_value("Licensing Settings", "hide_subscriptions_of_hidden_products"):
		return True
	return bool(row.product and frappe.db.get_value("Pax8 Product", row.product, "visible"))


def withdraw_all(filters: dict[str, Any], reason: str) -> int:
	"""Withdraws every waiting request that matches, telling the requesters; returns how many."""
	count = 0
	for name in frappe.get_all(
		DOCTYPE, {**filters, "workflow_state": ("in", states.WITHDRAWABLE)}, pluck="name"
	):
		if states.move(
			name,
			states.WITHDRAWN,
			expect=states.WITHDRAWABLE,
			decided_on=now_datetime(),
			pax8_message=reason,
		):
			notify.about("outcome", frappe.get_doc(DOCTYPE, name))
			count += 1
	return count


def expire_pending() -> int:
	"""Ends requests nobody decided in time (Licensing Settings, "Pending Requests Expire After")."""
	days = cint(frappe.db.get_single_value("Licensing Settings", "pending_expiry_days"))
	if not days:
		return 0
	count = 0
	for name in frappe.get_all(
		DOCTYPE,
		{"workflow_state": PENDING, "requested_on": ("<", add_days(now_datetime(), -days))},
		pluck="name",
	):
		if states.move(name, states.EXPIRED, expect=(PENDING,), decided_on=now_datetime()):
			notify.about("outcome", frappe.get_doc(DOCTYPE, name))
			count += 1
	return count


def _refuse_without_connection() -> None:
	if not connection.is_active():
		raise ChangeRefused(_("Changes are not possible at the moment. Please ask your provider."))


def _refuse_client(decision: Any) -> None:
	if decision.outcome != Outcome.REFUSED:
		return
	message = decide.client_words(decision)
	raise AskedAlready(message) if decision.rule == "open_request" else ChangeRefused(message)


def _read_fresh(row: Any, seen_quantity: int | None) -> Any:
	"""`row` as Pax8 has it now, with nobody else deciding at the same time.

	Where Pax8 cannot be asked, `is_fresh` is False and the request will be held.
	"""
	from msp_licensing.pax8 import Pax8Error
	from msp_licensing.sync import subscriptions

	try:
		# Somebody waits for the page: better held for a person than a minute of retries.
		with connection.client(timeout=10, max_retries=0, priority=True) as pax8:
			remote = pax8.subscription(row.name)
		subscriptions.store_one(remote)
	except Pax8Error as error:
		_wait_for_others(row)
		row.is_fresh, row.read_problem = False, error.message
		return row
	_wait_for_others(row)
	fresh = frappe.db.get_value("Pax8 Subscription", row.name, list(decide.FIELDS), as_dict=True)
	fresh.is_fresh = True
	known = row.quantity if seen_quantity is None else cint(seen_quantity)
	if fresh.quantity != known:
		# What we have just learnt is worth keeping, whatever becomes of the wish.
		frappe.db.commit()  # nosemgrep: the exception below would roll it back
		raise ChangeRefused(
			_("The quantity has changed to {0} meanwhile. Please check and ask again.").format(fresh.quantity)
		)
	return fresh


def _wait_for_others(row: Any) -> None:
	"""Of two requests at once the second waits here, and sees afterwards what the first has become.

	The commit ends this transaction's view of the database: the next one begins after the locks are held. What was
	learnt from Pax8 is worth keeping, whatever becomes of the wish.
	"""
	frappe.db.commit()  # nosemgrep: see above
	if row.client and decide.policy_for(row.client_doctype, row.client).limit_per_month is not None:
		frappe.db.commit()  # nosemgrep: ends the view that reading the policy began
		# The limit counts all subscriptions of the client together.
		frappe.db.get_value(row.client_doctype, row.client, "name", for_update=True)
	frappe.db.get_value("Pax8 Subscription", row.name, "name", for_update=True)


def _insert(
	row: Any, inputs: decide.Inputs, verdict: Decision, *, rule: str, summary: str, **values: Any
) -> Any:
	doc = frappe.get_doc(
		{
			"doctype": DOCTYPE,
			"subscription": row.name,
			"requested_quantity": verdict.numbers["wanted"],
			"decision_rule": rule,
			"decision_summary": summary,
			**decide.record(inputs, verdict),
			**{key: value for key, value in values.items() if value is not None},
		}
	)
	doc.flags.from_portal = True
	try:
		# Portal users have no DocPerm: everything above this line is the permission check.
		return doc.insert(ignore_permissions=True)
	except frappe.UniqueValidationError as error:
		raise AskedAlready(_("There is an open request for this subscription already.")) from error


def queue_apply(name: str) -> None:
	"""Has a worker apply the request once this transaction is committed. Harmless if queued twice."""
	frappe.enqueue("msp_licensing.changes.apply.run", queue="short", enqueue_after_commit=True, request=name)
