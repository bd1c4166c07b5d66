"""The words of a notice: Email Templates that an MSP rewords and translates, in the language of whoever reads them.

For a reader whose language is `pt-BR` the first of these that exists is taken: the Email Template "… (pt-BR)",
"… (pt)", the one without a language, and the text the app ships (`templates/emails/notices`). A template that cannot
be rendered is logged and the shipped text taken instead, so that a slip in a template keeps nobody from being told.

What a template can use are plain values (`values`), already escaped. A text for clients gets none that says why a
request was held or what Pax8 answered.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import frappe
from frappe import _
from frappe.utils import cint, format_date, get_fullname
from frappe.utils.jinja import get_jenv
from markupsafe import Markup

from msp_licensing import links
from msp_licensing.changes import states
from msp_licensing.changes.notices import TEXTS
from msp_licensing.clients import client_title
from msp_licensing.plain_text import as_html

FOLDER = Path(__file__).parents[1] / "templates" / "emails" / "notices"
PORTAL = "/licensing"


def write(text: str, values: dict[str, Any]) -> tuple[str, str]:
	"""Subject (plain text, one line) and message (HTML) of a notice, in the language of `frappe.local.lang`.

	Args:
		text: a key of TEXTS. values: plain text, numbers, or lists of such rows; escaped here for the message.
	"""
	for template in _templates(TEXTS[text]):
		try:
			return _render(*template, values)
		except Exception:
			frappe.log_error(title=f"Email Template cannot be used: {TEXTS[text]}")
	return _render(*shipped(text), values)


def _render(subject: str, message: str, values: dict[str, Any]) -> tuple[str, str]:
	# `frappe.render_template` takes some texts for paths, and shows its errors to whoever is signed in.
	jinja = get_jenv()
	return (
		" ".join(jinja.from_string(subject).render(values).split())[:255],
		jinja.from_string(message).render(escaped(values)).strip(),
	)


def escaped(value: Any) -> Any:
	"""Texts, also in lists and rows, so that a template can put them into a mail: as HTML, and with no address in them that
	Frappe would complete."""
	if isinstance(value, dict):
		return {key: escaped(one) for key, one in value.items()}
	if isinstance(value, list | tuple):
		return [escaped(one) for one in value]
	if not isinstance(value, str):
		return value
	# Frappe looks for src= and href= in a finished mail, in texts as well, and puts the site's address behind them.
	return Markup(as_html(value).replace("=", "&#61;"))


def _templates(name: str) -> Iterator[tuple[str, str]]:
	language = frappe.local.lang or ""
	variants = dict.fromkeys([f"{name} ({language})", f"{name} ({language.split('-')[0]})", name])
	rows = {
		row.name: row
		for row in frappe.get_all(
			"Email Template",
			filters={"name": ("in", list(variants))},
			fields=["name", "subject", "use_html", "response", "response_html"],
		)
	}
	for variant in variants:
		row = rows.get(variant)
		message = row and (row.response_html if row.use_html else row.response)
		if row and row.subject and message:
			yield row.subject, message


@cache
def shipped(text: str) -> tuple[str, str]:
	"""Subject and message of a text as the app ships it: the first line of its file, and the rest."""
	subject, message = (FOLDER / f"{text}.html").read_text(encoding="utf-8").split("\n", 1)
	return subject.removeprefix("Subject: "), message.strip() + "\n"


# --------------------------------------------------------------------------------------------- values

# What a text can use: all of them, those for staff, the digest.
FOR_ALL = (
	*("client", "product", "current", "requested", "quantity", "requester"),
	*("note", "reason", "quantity_reason", "state", "date", "what", "link"),
)
FOR_STAFF = ("why", "result", "vendor", "staff_reason", "request")
IN_DIGEST = ("waiting", "released", "decided", "counts", "more", "link")


def names(text: str) -> tuple[str, ...]:
	"""The values that a text can use."""
	if text == "staff_digest":
		return IN_DIGEST
	return (*FOR_ALL, *FOR_STAFF) if text.startswith("staff_") else FOR_ALL


def values(doc: Any, *, for_staff: bool, **context: Any) -> dict[str, Any]:
	"""What a text can use, in the language of `frappe.local.lang`.

	Args:
		for_staff: whether the text may say why a request was held and what Pax8 answered; its link leads to the desk,
			that of a client to the portal.
		context: `what` and `date`, as `notify.about` got them; `what` may be a function.
	"""
	quantity = cint(doc.approved_quantity) or cint(doc.requested_quantity)
	found = {
		"client": client_title(doc.client_doctype, doc.client),
		"product": doc.product_name or "",
		"current": cint(doc.current_quantity),
		"requested": cint(doc.requested_quantity),
		"quantity": quantity,
		"requester": get_fullname(doc.requested_by) if doc.requested_by else "",
		"note": doc.note or "",
		"reason": (doc.reject_reason or "") if doc.workflow_state == states.REJECTED else "",
		"quantity_reason": (doc.quantity_reason or "") if quantity != doc.requested_quantity else "",
		"state": _(doc.workflow_state),
		"date": format_date(context.get("date") or doc.scheduled_for),
		"what": _said(context.get("what")),
		"link": links.form(states.DOCTYPE, doc.name) if for_staff else links.page(PORTAL),
	}
	if for_staff:
		found |= {
			"why": doc.decision_summary or "",
			"result": doc.pax8_message or "",
			"vendor": doc.vendor or "",
			"staff_reason": doc.staff_reason or "",
			"request": doc.name,
		}
	return found


def _said(what: Any) -> str:
	return str((what() if callable(what) else what) or "")


def language_of(user: str) -> str:
	return frappe.db.get_value("User", user, "language") or frappe.db.get_default("lang") or "en"


@contextmanager
def in_language(language: str) -> Iterator[None]:
	"""Texts are in `language` within; Frappe's own `print_language` forgets to switch back after an error."""
	before = frappe.local.lang, frappe.local.jenv
	frappe.local.lang, frappe.local.jenv = language, None
	try:
		yield
	finally:
		frappe.local.lang, frappe.local.jenv = before
