"""Staff decide: one request, or many with a result for each. Desk, list and REST come through here.

A decision is a save of the document as a transition of the Workflow, so that the rules of `changes.document` and an
administrator's own conditions hold, exactly as for a plain save or Frappe's own workflow action.
"""

from collections.abc import Callable, Iterable
from typing import Any

import frappe
from frappe import _
from frappe.model.workflow import get_transitions, get_workflow, get_workflow_name, has_approval_access
from frappe.utils import cint, get_fullname

from msp_licensing import transactions
from msp_licensing.changes import price_drift, states
from msp_licensing.changes.requests import ChangeRefused, refuse
from msp_licensing.changes.states import APPROVED, CLIENT_PENDING, DOCTYPE, PENDING, REJECTED, SCHEDULED
from msp_licensing.plain_text import from_html

MOST_AT_ONCE = 200


def approve(name: str, seen_quantity: int | None = None, seen_amount: str | None = None) -> Any:
	"""Approves a request that waits for staff; a change for the end of the term is scheduled instead of sent.

	Args:
		seen_quantity: the current quantity that the user saw.
		seen_amount: the amount that the user saw, with its currency ("78.6 USD"); "" = not known.

	Returns:
		The License Change Request, saved and not committed.

	Raises:
		frappe.PermissionError: the user may not decide this request, or it is the user's own.
		frappe.DoesNotExistError
		ChangeRefused: it does not wait for staff, or the quantity or the amount is not the one the user saw; the message
			says what became of it.
	"""
	doc = _waiting(name, (PENDING,))
	check_seen(name, seen_quantity, seen_amount)
	doc.reload()
	return _take(doc, states.GRANTED, usual=SCHEDULED if doc.timing == "End of Term" else APPROVED)


def check_seen(name: str, seen_quantity: int | None, seen_amount: str | None) -> None:
	"""Raises ChangeRefused if a request that waits for staff is not any more what a user saw of it; see `approve`."""
	quantity = frappe.db.get_value(DOCTYPE, name, "current_quantity")
	if seen_quantity is not None and cint(seen_quantity) != quantity:
		refuse(
			_("The quantity has changed from {0} to {1} meanwhile. Please look at the request again.").format(
				cint(seen_quantity), quantity
			)
		)
	price_drift.check_seen(name, seen_amount, expect=(PENDING,))


def reject(name: str, reason: str | None = None) -> Any:
	"""Rejects a request that waits or is scheduled, also one that waits for the client's own approver.

	Args:
		reason: the client reads it; at most 1000 characters are kept.

	Returns, Raises:
		as `approve`. A user may reject a request of their own: that is taking it back.
	"""
	doc = _waiting(name, states.REJECTABLE)
	if (reason or "").strip():
		doc.reject_reason = reason.strip()[:1000]
	return _take(doc, (REJECTED,), usual=REJECTED)


def many(names: Iterable[str], decide: Callable[[str], Any]) -> list[dict[str, Any]]:
	"""Decides each request by itself: one that cannot be decided stops none of the others. Commits after each.

	Args:
		names: of requests; doubles are left out.
		decide: called with each; returns the document.

	Returns:
		Rows with `request`, `ok`, `state` (of those that were decided, in words), `message` (why not), `client` and
		`product_name` (of those the user may read).

	Raises:
		ChangeRefused: none, or more than `MOST_AT_ONCE`.
	"""
	wanted = list(dict.fromkeys(names))
	if not wanted:
		refuse(_("Please choose at least one request."))
	if len(wanted) > MOST_AT_ONCE:
		refuse(_("Please choose at most {0} requests at once.").format(MOST_AT_ONCE))
	return [_one_of_many(name, decide) for name in wanted]


def _one_of_many(name: str, decide: Callable[[str], Any]) -> dict[str, Any]:
	result = {"request": name, "ok": False, "state": "", "message": "", "client": "", "product_name": ""}

	def decided() -> Any:
		doc = decide(name)
		frappe.db.commit()  # nosemgrep: frappe-manual-commit - each by itself
		return doc

	try:
		doc = transactions.repeat(decided)
		result.update(
			ok=True, state=_(doc.workflow_state), client=doc.client_name, product_name=doc.product_name
		)
		return result
	except (frappe.ValidationError, frappe.PermissionError, frappe.DoesNotExistError) as error:
		frappe.db.rollback()
		result["message"] = _words_of(error) or _("You may not decide this request.")
	except Exception:
		frappe.db.rollback()
		frappe.log_error(title="Decision of a request", reference_doctype=DOCTYPE, reference_name=name)
		frappe.db.commit()  # nosemgrep: keeps the log
		result["message"] = _("Something went wrong. It is in the Error Log.")
	frappe.clear_messages()  # said in the result; the next one has its own
	if frappe.db.exists(DOCTYPE, name) and frappe.has_permission(DOCTYPE, "read", name):
		result.update(
			frappe.db.get_value(DOCTYPE, name, ["client_name as client", "product_name"], as_dict=True)
		)
	return result


def _words_of(error: Exception) -> str:
	"""What an error says, as plain text: a refusal is, and what `frappe.throw` says is HTML."""
	return str(error) if isinstance(error, ChangeRefused) else from_html(str(error))


def _waiting(name: str, expected: tuple[str, ...]) -> Any:
	# Of two who decide at once, the second waits here and is then told, instead of being asked to reload.
	doc = frappe.get_doc(DOCTYPE, name, for_update=True)
	doc.check_permission("write")
	if doc.workflow_state in expected:
		return doc
	if doc.workflow_state == CLIENT_PENDING:
		refuse(_("This request waits for the client's own approver first."))
	if doc.decided_by:
		refuse(
			_("This request is {0} already, decided by {1}.").format(
				_(doc.workflow_state), get_fullname(doc.decided_by)
			)
		)
	refuse(_("This request is {0} already.").format(_(doc.workflow_state)))


def _take(doc: Any, targets: tuple[str, ...], *, usual: str) -> Any:
	"""Saves the document in the one of `targets` that the Workflow leads to; `usual` where there is no Workflow."""
	if missing := doc._get_missing_mandatory_fields():
		labels = ", ".join(_(doc.meta.get_label(field)) for field, _message in missing)
		refuse(_("Please open the request and fill in: {0}").format(labels))
	if not get_workflow_name(DOCTYPE):
		doc.workflow_state = usual
		return doc.save()
	step = next((step for step in get_transitions(doc) if step.next_state in targets), None)
	if step is None:
		refuse(_("The Workflow of requests does not let you do this."))
	if not has_approval_access(frappe.session.user, doc, step):
		frappe.throw(_("Self approval is not allowed"), frappe.PermissionError)
	doc.workflow_state = step.next_state
	state = next(row for row in get_workflow(DOCTYPE).states if row.state == step.next_state)
	if state.update_field:
		doc.set(state.update_field, state.update_value)
	return doc.save()
