"""Texts of this app's records are plain text: stored as typed, and escaped once, where they are shown.

They come from outside: notes and reasons of clients, names and messages of Pax8 and of vendors. So:

- every text field of the app's DocTypes has `ignore_xss_filter`: Frappe's sanitizer, which makes markup of them and
  does not leave its own output alone, never touches them, whichever way they are written;
- forms, lists, reports, boards and the timeline of the desk learn it from `public/js/plain_text.js`;
- prints learn it here: the controllers are `PlainTextDocument`s;
- what Frappe writes into the bell is made here, search results in `overrides/search.py`, files in `overrides/exports.py`;
- messages of `frappe.throw` and `frappe.msgprint` are HTML: what is put into them is escaped there (`changes.requests.refuse`
  does so for refusals, which the portal shows as plain text), and `from_html` makes plain text of them;
- pages, mails and dialogs of the app escape by themselves (`| e`, `escape_html`, `textContent`).
"""

import html
from typing import Any

import frappe
from frappe.model.document import Document
from frappe.utils import cstr, escape_html, strip_html

from msp_licensing import transactions

MODULE = "MSP Licensing"
# Kept facts (JSON) hold such texts as well.
TEXTS = ("Data", "Small Text", "Text", "Long Text", "JSON", "Code")
LINKS = ("Link", "Dynamic Link")


def is_own(doctype: str | None) -> bool:
	"""Whether the records of `doctype` hold plain text."""
	return bool(doctype) and frappe.get_cached_value("DocType", doctype, "module") == MODULE


def as_html(text: Any) -> str:
	"""Plain text as HTML that shows it as it was typed, line by line."""
	return "<br>".join(map(escape_html, cstr(text).splitlines()))


def from_html(message: str) -> str:
	"""What a message says that is meant for a dialog of the desk, such as that of an error, as plain text.

	>>> from_html("<b>Smith &amp; &lt;Sons&gt;</b> is disabled.")
	'Smith & <Sons> is disabled.'
	"""
	return html.unescape(strip_html(message))


def document_name(title: str) -> str:
	"""A title as the name of a record: Frappe takes no `<` and `>` there, so signs that look like them stand instead.

	>>> document_name("Smith & <Sons>")
	'Smith & ‹Sons›'
	"""
	return title.strip().replace("<", "‹").replace(">", "›")


class PlainTextDocument(Document):
	"""A record whose texts are plain text, in print as well.

	If two people save it at the same moment, the second one is told so in words, in the desk and by REST.
	"""

	def insert(self, *args: Any, **kwargs: Any) -> Any:
		with transactions.told_in_words():
			return super().insert(*args, **kwargs)

	def _save(self, *args: Any, **kwargs: Any) -> Any:
		with transactions.told_in_words():
			return super()._save(*args, **kwargs)

	def get_formatted(self, fieldname: str, *args: Any, **kwargs: Any) -> Any:
		"""A value as HTML, for print formats and web views; texts are not translated: they are somebody's own words."""
		field = self.meta.get_field(fieldname)
		if field and field.fieldtype in TEXTS:
			return as_html(self.get(fieldname))
		shown = super().get_formatted(fieldname, *args, **kwargs)
		return escape_html(cstr(shown)) if field and field.fieldtype in LINKS else shown


def escape_title_in_bell(notification: Any, method: str | None = None) -> None:
	"""Hook before a Notification Log is stored: Frappe puts the title of a record into its subject as it is.

	Of assignments, shares and mentions; the notices of this app have no title of Frappe's.
	"""
	from frappe.desk.doctype.notification_log.notification_log import get_title, get_title_html

	if not (notification.subject and notification.document_name and is_own(notification.document_type)):
		return
	title = get_title(notification.document_type, notification.document_name)
	if title and escape_html(title) != title:
		notification.subject = notification.subject.replace(
			get_title_html(title), get_title_html(escape_html(title))
		)
