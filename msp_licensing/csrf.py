"""Requests that change something come from our pages, or from a program with a key of its own.

Frappe compares the token of a request with that of the session only where the session has one, and it gets one when
the desk or a page that asks for it is opened. Whoever has signed in and has opened none of these has no token: a page
of another site could have the browser send what it likes. (Browsers keep the cookie back, `SameSite=Lax`, for other
sites; not for pages of another host under the same domain.)
"""

import json
from typing import Any
from urllib.parse import unquote_plus

import frappe
from frappe import _

APP = "msp_licensing"
CHANGING = ("POST", "PUT", "PATCH", "DELETE")


def require_token() -> None:
	"""Hook before every request: what would change records of this app needs a token in the session.

	It runs when Frappe has compared the tokens of sessions that have one, and before it looks at API keys: who signs in
	with a key or with OAuth has no session here.

	Raises:
		frappe.CSRFTokenError: a session of cookies without a token.
	"""
	request = frappe.local.request
	if request.method not in CHANGING or frappe.conf.ignore_csrf or not _is_session_without_token():
		return
	if not _is_about_us(request):
		return
	frappe.flags.disable_traceback = True
	frappe.throw(
		_(
			"Nothing was changed: your session has no security token yet. Please open the page again and repeat it. Programs sign in with an API key."
		),
		frappe.CSRFTokenError,
	)


def _is_session_without_token() -> bool:
	session = getattr(frappe.local, "session", None)
	return bool(session and session.user not in (None, "", "Guest") and not session.data.csrf_token)


def _is_about_us(request: Any) -> bool:
	"""Whether a request names a function or a DocType of this app, anywhere: sessions without a token are few."""
	asked = [unquote_plus(request.full_path), *_texts(dict(frappe.local.form_dict))]
	names = (APP, *_doctypes())
	return any(name in text for text in asked for name in names)


def _texts(value: Any) -> list[str]:
	"""All texts within a value, also those in texts that are JSON."""
	if isinstance(value, dict):
		return [text for pair in value.items() for one in pair for text in _texts(one)]
	if isinstance(value, list | tuple):
		return [text for one in value for text in _texts(one)]
	if not isinstance(value, str):
		return []
	try:
		inner = json.loads(value) if value.lstrip()[:1] in ("{", "[", '"') else None
	except (ValueError, RecursionError):
		inner = None
	return [value, *(_texts(inner) if inner is not None else [])]


def _doctypes() -> list[str]:
	return frappe.get_all("DocType", {"module": "MSP Licensing", "istable": 0}, pluck="name")
