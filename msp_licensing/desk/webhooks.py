"""Webhooks in the desk: set up and watched in Pax8 Settings; events processed again.

System Managers set them up, as they do the connection; Licensing Managers may look.
"""

from collections.abc import Callable
from typing import Any

import frappe
from frappe import _
from frappe.utils import escape_html, get_datetime

from msp_licensing import clock, permissions
from msp_licensing.pax8 import NotFound, Pax8Client, Pax8Error, Webhook, WebhookLog
from msp_licensing.sync import connection
from msp_licensing.webhooks import events, registration, secret

FAILED, RETRYING = "FAILED", "RETRYING"


@frappe.whitelist()
def state() -> dict[str, Any]:
	"""What Pax8 delivers to this site, as Pax8 says at this moment.

	Returns:
		`state` (none, active, off, elsewhere, missing, broken, unknown), `message` and `color` (of Frappe's
		indicators), `notes` (further sentences), `topics`, `address`, `may_change`, and `problem`: why nothing can be
		changed now, or None.
	"""
	permissions.require_connection_manager()
	found, webhook, notes = _look()
	message, color = found[1:]
	if event := _newest_event():
		age = clock.ago(event.last_received_on_utc)
		notes.append(
			_("Last event: {0}, {1}, {2}.").format(event.topic or _("no topic"), age, _(event.status))
		)
	elif found[0] in ("active", "off"):
		notes.append(_("No event has come yet."))
	return {
		"state": found[0],
		"message": message,
		"color": color,
		"notes": notes,
		"topics": [topic.topic for topic in webhook.webhook_topics] if webhook else [],
		"address": registration.address(),
		"may_change": permissions.is_system_manager(),
		"problem": registration.problem() or registration.problem_with_address(),
	}


def _look() -> tuple[tuple[str, str, str], Webhook | None, list[str]]:
	identifier = registration.webhook_id()
	if not identifier:
		words = _("Not set up. What changes at Pax8 is seen by the next sync.")
		return ("none", words, "gray"), None, []
	if problem := connection.problem():
		return ("unknown", problem, "orange"), None, []
	try:
		with connection.client(timeout=10, max_retries=0, priority=True) as pax8:
			webhook = pax8.webhook(identifier)
			failure = _last_failure(pax8, webhook)
	except NotFound:
		words = _("Pax8 does not know the webhook any more. Set it up again.")
		return ("missing", words, "red"), None, []
	except Pax8Error as error:
		words = _("Set up. Pax8 could not be asked about it: {0}").format(error.message)
		return ("unknown", words, "orange"), None, []
	return _words(webhook), webhook, [failure] if failure else []


def _words(webhook: Webhook) -> tuple[str, str, str]:
	if not registration.delivers_here(webhook):
		words = _("Set up with another address: Pax8 delivers to {0}.").format(webhook.url or "—")
		return "elsewhere", words, "orange"
	if not secret.accepted():
		words = _("The secret is not here any more, so every event is refused. Set it up again.")
		return "broken", words, "red"
	if not webhook.active:
		return "off", _("Switched off at Pax8. What changes there is seen by the next sync."), "orange"
	return "active", _("Active. What changes at Pax8 is seen here within minutes."), "green"


def _last_failure(pax8: Pax8Client, webhook: Webhook) -> str | None:
	if webhook.last_delivery_status not in (FAILED, RETRYING):
		return None
	log = registration.last_log(pax8, webhook.id, status=webhook.last_delivery_status)
	return _("Pax8's last delivery failed: {0}").format(_reason(log))


def _reason(log: WebhookLog | None) -> str:
	call = log.call_history[-1] if log and log.call_history else None
	if call is None:
		return _("it gives no reason.")
	return " ".join(
		filter(
			None, (f"HTTP {call.http_status_code}" if call.http_status_code else "", call.error_message or "")
		)
	) or _("it gives no reason.")


def _newest_event() -> Any:
	rows = frappe.get_all(
		events.DOCTYPE,
		fields=["topic", "status", "last_received_on_utc"],
		order_by="last_received_on_utc desc",
		limit=1,
	)
	return rows[0] if rows else None


# --------------------------------------------------------------------------------------------- changes


@frappe.whitelist(methods=["POST"])
def set_up(move: bool = False) -> str:
	"""Makes the webhook at Pax8, or repairs the one there is; returns what is so now.

	Args:
		move: also one that delivers to another address, which then gets nothing any more.
	"""
	permissions.require_system_manager()
	webhook = _in_words(lambda: registration.set_up(move=move))
	topics = ", ".join(topic.topic for topic in webhook.webhook_topics)
	return _("Set up. Pax8 delivers: {0}").format(topics)


@frappe.whitelist(methods=["POST"])
def switch(active: bool) -> None:
	"""Switches the webhook on or off at Pax8."""
	permissions.require_system_manager()
	_in_words(lambda: registration.switch(active))


@frappe.whitelist(methods=["POST"])
def new_secret() -> None:
	"""Gives Pax8 a new secret; nobody sees it."""
	permissions.require_system_manager()
	_in_words(registration.renew_secret)


@frappe.whitelist(methods=["POST"])
def remove() -> None:
	"""Deletes the webhook at Pax8. The events received stay."""
	permissions.require_system_manager()
	_in_words(registration.remove)


@frappe.whitelist(methods=["POST"])
def send_test() -> dict[str, Any]:
	"""Has Pax8 send a sample event. The caller looks for it with `test_result`: no web worker waits here.

	Returns:
		`topic` of the event, and `since`: the moment (UTC) before it was asked for.
	"""
	permissions.require_system_manager()
	since = clock.utc_now()
	return {"topic": _in_words(registration.send_test), "since": str(since)}


@frappe.whitelist()
def test_result(topic: str, since: str, ask_pax8: bool = False) -> dict[str, Any]:
	"""Whether the sample event has come.

	Args:
		topic, since: from `send_test`.
		ask_pax8: if it has not come, say what Pax8's record of the delivery says.

	Returns:
		`received`, and `message` where there is something to say.
	"""
	permissions.require_system_manager()
	found = frappe.get_all(
		events.DOCTYPE,
		filters={
			"webhook_id": registration.webhook_id() or "",
			"topic": topic,
			"last_received_on_utc": (">=", get_datetime(since)),
		},
		fields=["last_received_on_utc"],
		limit=1,
	)
	if found:
		seconds = clock.seconds_between(since, found[0].last_received_on_utc)
		return {"received": True, "message": _("Received after {0} s.").format(round(seconds, 1))}
	return {"received": False, "message": _in_words(lambda: _what_pax8_says(topic)) if ask_pax8 else None}


def _what_pax8_says(topic: str) -> str:
	identifier = registration.webhook_id()
	if not identifier:
		return _("No webhook is set up.")
	with connection.client(timeout=10, max_retries=0, priority=True) as pax8:
		log = registration.last_log(pax8, identifier, topic=topic)
	if log is None or log.final_status not in (FAILED, RETRYING):
		return _("It has not come yet. Pax8 may take up to five minutes; it will be among the events.")
	return _("It has not come. Pax8 says: {0}").format(_reason(log))


def _in_words(act: Callable[[], Any]) -> Any:
	try:
		return act()
	except Pax8Error as error:
		frappe.throw(escape_html(error.message))


# --------------------------------------------------------------------------------------------- events


@frappe.whitelist(methods=["POST"])
def process_again(event: str) -> None:
	"""Has what a Pax8 Webhook Event names read from Pax8 once more."""
	permissions.require_manager()
	frappe.has_permission(events.DOCTYPE, "read", event, throw=True)
	if problem := connection.problem():
		frappe.throw(problem)
	events.take_up_again(event)
	frappe.db.after_commit.add(events.queue_processing)
