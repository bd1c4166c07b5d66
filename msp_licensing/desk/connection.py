"""Pax8 Settings: what state the connection is in, and a test of it."""

from typing import Any

import frappe
from frappe import _

from msp_licensing import permissions, stored_secrets
from msp_licensing.pax8 import Pax8Error
from msp_licensing.rules.plurals import plural
from msp_licensing.sync import connection


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
	typed = False
	if frappe.has_permission("Pax8 Settings", "write"):
		typed = _take_unsaved(settings, client_id, client_secret, base_url, audience)
	try:
		saved = None if typed else stored_secrets.of(settings, "client_secret")
	except stored_secrets.UnreadableSecret as error:
		return {"ok": False, "message": str(error)}
	if saved and (problem := connection.problem_with_address(settings, saved)):
		return {"ok": False, "message": problem}
	try:
		with connection.client(settings=settings, timeout=15, max_retries=0, priority=True) as pax8:
			found = pax8.check()
	except Pax8Error as error:
		return {"ok": False, "message": error.message}
	return {
		"ok": True,
		"message": plural(
			found.companies,
			_("Connected: {0} company, answered in {1} ms."),
			_("Connected: {0} companies, answered in {1} ms."),
		).format(found.companies, found.milliseconds),
	}


def _take_unsaved(
	settings: Any,
	client_id: str | None,
	client_secret: str | None,
	base_url: str | None,
	audience: str | None,
) -> bool:
	"""Puts what was typed into `settings`, without ever sending the saved secret to an address that is not saved.

	Returns whether a secret was typed.
	"""
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
	return has_new_secret
