"""Pax8 Settings: what state the connection is in, a test of it, how fresh the data is, and syncs on demand."""

from datetime import datetime
from typing import Any

import frappe
from croniter import croniter
from frappe import _
from frappe.utils import escape_html, now_datetime, pretty_date

from msp_licensing import permissions
from msp_licensing.pax8 import Pax8Error
from msp_licensing.sync import connection, jobs

DOCTYPE = "Pax8 Sync Run"

# Where hooks.py says when a kind of data is synced.
_TASKS = {
	"Companies": "msp_licensing.tasks.sync_pax8_companies",
	"Subscriptions": "msp_licensing.tasks.sync_pax8_subscriptions",
	"Products": "msp_licensing.tasks.sync_pax8_products",
}


@frappe.whitelist()
def state() -> dict[str, Any]:
	"""The connection as it is saved, in words.

	Returns:
		`mode`, `message`, `color` (of Frappe's indicators), and `may_edit`: whether the user may change it.
	"""
	permissions.require_connection_manager()
	message, color = _state_words()
	return {
		"mode": connection.mode(),
		"message": message,
		"color": color,
		"may_edit": bool(frappe.has_permission("Pax8 Settings", "write")),
	}


def _state_words() -> tuple[str, str]:
	if problem := connection.problem():
		return problem, "orange"
	if connection.is_live():
		return _("Live: data is read from Pax8, and approved changes are applied there."), "green"
	return _("Observe: data is read from Pax8. Approved changes wait until the mode is Live."), "blue"


@frappe.whitelist(methods=["POST"])
def test(
	client_id: str | None = None,
	client_secret: str | None = None,
	base_url: str | None = None,
	audience: str | None = None,
) -> dict[str, Any]:
	"""Tries the connection: a token, and one company. Nothing is saved.

	Args:
		client_id, client_secret, base_url, audience: as typed in the form and perhaps not saved yet; they count only
			for users who may change the settings. A secret that is not typed is the saved one, and that goes to the
			saved address only.

	Returns:
		`ok` and `message`: the number of companies the credentials see, or what went wrong in Pax8's own words.
	"""
	permissions.require_connection_manager()
	settings = frappe.get_doc("Pax8 Settings")
	if frappe.has_permission("Pax8 Settings", "write"):
		_take_unsaved(settings, client_id, client_secret, base_url, audience)
	try:
		with connection.client(settings=settings, timeout=15, max_retries=0, priority=True) as pax8:
			found = pax8.check()
	except Pax8Error as error:
		return {"ok": False, "message": error.message}
	return {
		"ok": True,
		"message": _("Connected: {0} companies, answered in {1} ms.").format(
			found.companies, found.milliseconds
		),
	}


def _take_unsaved(
	settings: Any,
	client_id: str | None,
	client_secret: str | None,
	base_url: str | None,
	audience: str | None,
) -> None:
	"""Puts what was typed into `settings`, without ever sending the saved secret to an address that is not saved."""
	typed = (client_secret or "").strip()
	has_new_secret = bool(typed) and not settings.is_dummy_password(typed)
	for field, value in (("base_url", base_url), ("audience", audience), ("client_id", client_id)):
		value = (value or "").strip()
		if not value or value.rstrip("/") == (settings.get(field) or "").rstrip("/"):
			continue
		if field == "base_url" and not has_new_secret and settings.client_secret:
			frappe.throw(_("To test another address, type the client secret again."))
		settings.set(field, value)
	if has_new_secret:
		settings.client_secret = typed


# --------------------------------------------------------------------------------------------- freshness


@frappe.whitelist()
def sync_status() -> dict[str, Any]:
	"""How fresh each kind of data is.

	Returns:
		`may_sync`, `problem` (why nothing can be synced, or None), `scheduler_stopped`, and `kinds`: a row per kind of
		data with its last complete run, the newest run, and when the schedule comes to it next.
	"""
	permissions.require_connection_manager()
	from frappe.utils.scheduler import is_scheduler_inactive

	return {
		"may_sync": permissions.is_manager(),
		"problem": connection.problem(),
		"scheduler_stopped": bool(is_scheduler_inactive()),
		"kinds": [_status_of(kind) for kind in jobs.WALKS],
	}


def _status_of(kind: str) -> dict[str, Any]:
	complete = _newest(kind, {"status": "Completed"})
	newest = _newest(kind, {})
	trouble = newest if newest and newest.status in ("Failed", "Incomplete") else None
	return {
		"kind": kind,
		"label": _(kind),
		"complete": complete and {**complete, "age": pretty_date(complete.finished_on)},
		"newest": newest,
		"running": bool(newest and newest.status == "Running"),
		"problem": trouble and (trouble.error or "").split("\n", 1)[0],
		"next": _next(kind) if connection.is_active() else None,
	}


def _newest(kind: str, filters: dict[str, Any]) -> Any:
	"""The newest walk over all of `kind`; those of a single company say nothing about the others."""
	rows = frappe.get_all(
		DOCTYPE,
		filters={"kind": kind, "company": ("is", "not set"), **filters},
		fields=[
			"name",
			"status",
			"started_on",
			"finished_on",
			"rows_read",
			"rows_new",
			"rows_changed",
			"error",
		],
		order_by="started_on desc",
		limit=1,
	)
	return rows[0] if rows else None


def _next(kind: str) -> datetime | None:
	"""When the schedule comes to `kind` next, in the site's time zone; None for what is not scheduled."""
	for cron, methods in (
		frappe.get_hooks("scheduler_events", app_name="msp_licensing").get("cron", {}).items()
	):
		if _TASKS.get(kind) in methods:
			return croniter(cron, now_datetime()).get_next(datetime)
	return None


@frappe.whitelist(methods=["POST"])
def sync_now(kind: str) -> None:
	"""Queues a run of `kind` ("Companies", "Subscriptions", "Products"); whoever asked is shown its progress."""
	permissions.require_manager()
	if kind not in jobs.WALKS:
		frappe.throw(_("{0} cannot be synced.").format(escape_html(kind)))
	if problem := connection.problem():
		frappe.throw(problem)
	jobs.enqueue(kind, trigger="Manual")
