"""Runs what the site has set up for License Change Requests after the steps that the app takes by SQL.

A step of the system is one conditional statement on a locked row (`states.move`), so that exactly one mover wins. Frappe
knows nothing of it, and Assignment Rules, Notifications, Webhooks, Server Scripts and other apps' hooks would not run.
Here they do, once for each step, as after a save: with the document as the step left it, and the one before it.

They run right after the commit of the step, each in a transaction of its own. Nothing that fails here stops, repeats or
undoes the step; it is in the Error Log. Steps that are a save (a person approves, rejects, retries) run them by
themselves, as every save does.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import frappe
from frappe.core.doctype.server_script.server_script_utils import run_server_script_for_doc_event
from frappe.integrations.doctype.webhook import run_webhooks
from frappe.utils import CallbackManager, cint
from rq.timeouts import BaseTimeoutException

from msp_licensing.frappe_version import each_notification

DOCTYPE = "License Change Request"

# A step that writes one of these is one that people see, and that a site may react to.
WATCHED = (
	"workflow_state",
	"current_quantity",
	"amount_change",
	"scheduled_for",
	"term_end",
	"handed_over_on",
)

AFTER_SAVE = ("on_update", "on_change")
AFTER_INSERT = ("after_insert", *AFTER_SAVE)

# `states.move` has done this already, in the transaction of the step.
_DONE = {"frappe.workflow.doctype.workflow_action.workflow_action.process_workflow_actions"}


def after_move(before: Any, after: Any) -> None:
	"""Has the site's automation run once this transaction is committed; nothing, if nothing of note has changed.

	Args:
		before, after: the document as it was, and as it is now.
	"""
	if any(before.get(field) != after.get(field) for field in WATCHED):
		after._doc_before_save = before
		frappe.db.after_commit.add(partial(_run, after, AFTER_SAVE))


def after_insert(doc: Any) -> None:
	"""The same for a request that was made in the session of a client: what is set up for staff does not run as one."""
	frappe.db.after_commit.add(partial(_run, doc, AFTER_INSERT))


def _run(doc: Any, methods: tuple[str, ...]) -> None:
	if frappe.flags.in_migrate or frappe.flags.in_patch or frappe.flags.in_install:
		return
	# This runs in the midst of a commit: what others have put off until then is not lost, whatever is rolled back here.
	waiting, frappe.db.after_commit = frappe.db.after_commit, CallbackManager()
	try:
		with _as_system():
			step = frappe.db.get_value(DOCTYPE, doc.name, "step")
			if step is not None and cint(step) >= cint(doc.step):  # else it was taken back to a savepoint
				_run_all(doc, methods)
			_safely(doc, frappe.db.commit)
	finally:
		frappe.db.after_commit = waiting


def _run_all(doc: Any, methods: tuple[str, ...]) -> None:
	doc.flags.in_insert = methods is AFTER_INSERT
	doc.flags.notifications_executed = []
	for method in methods:
		for handler in _hooks(method):
			_safely(doc, lambda handler=handler, method=method: frappe.get_attr(handler)(doc, method))
		_run_notifications(doc, method)
		_safely(doc, lambda method=method: run_webhooks(doc, method))
		_safely(doc, lambda method=method: run_server_script_for_doc_event(doc, method))
	doc.flags.in_insert = False


def _hooks(method: str) -> list[str]:
	hooks = frappe.get_doc_hooks()
	found = [*hooks.get(DOCTYPE, {}).get(method, []), *hooks.get("*", {}).get(method, [])]
	return [handler for handler in found if handler not in _DONE]


def _run_notifications(doc: Any, method: str) -> None:
	"""Each by itself: one that is broken keeps none of the others from being sent."""
	for send in each_notification(doc, method):
		_safely(doc, send)


def _safely(doc: Any, act: Callable[[], Any]) -> None:
	"""Does one thing in a transaction of its own, and logs what goes wrong."""
	shown = list(frappe.local.message_log)
	try:
		act()
		if frappe.db.transaction_writes:
			frappe.db.commit()  # nosemgrep: frappe-manual-commit - what comes next may fail
	except BaseTimeoutException:
		frappe.db.rollback()
		raise  # the job's time is up
	except Exception:
		frappe.db.rollback()
		frappe.log_error(
			title=f"Automation of {doc.name} ({doc.workflow_state})",
			reference_doctype=DOCTYPE,
			reference_name=doc.name,
		)
		frappe.db.commit()  # nosemgrep: frappe-manual-commit - keeps the log
	finally:
		frappe.local.message_log = shown


@contextmanager
def _as_system() -> Iterator[None]:
	"""Acts as Administrator, and gives the session back as it was."""
	if frappe.session.user == "Administrator":
		yield
		return
	session, form = dict(frappe.local.session), frappe.local.form_dict
	frappe.set_user("Administrator")
	try:
		yield
	finally:
		frappe.set_user(session["user"])
		frappe.local.session.update(session)
		frappe.local.form_dict = form
