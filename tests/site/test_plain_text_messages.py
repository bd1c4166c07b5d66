"""Messages of the desk are HTML: what people outside write is escaped in them, and stays plain where no HTML is shown."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from texts import NASTY

HARM = "<img src=x onerror=1>"
ESCAPED = "&lt;img src=x onerror=1&gt;"


def told(site):
	"""The messages that the desk would show, as HTML."""
	messages = [row["message"] for row in site.get_message_log()]
	site.clear_messages()
	return messages


def refused(site, act, *arguments, kind=None):
	"""What the error says, and the dialog of the desk."""
	site.clear_messages()
	with pytest.raises(kind or site.ValidationError) as error:
		act(*arguments)
	return str(error.value), told(site)


def test_a_refusal_in_the_portal_is_plain_text(site):
	from msp_licensing.changes import requests
	from msp_licensing.portal import api

	def ask():
		with api._plain_errors():
			requests.refuse(HARM, requests.AskedAlready)

	assert refused(site, ask, kind=requests.AskedAlready) == (HARM, [HARM])


@pytest.mark.parametrize("days", [0, 7])
def test_a_vendor_in_a_message_of_the_settings_is_as_typed(site, days):
	settings = site.get_doc("Licensing Settings")
	settings.return_windows = []
	for _twice in range(2):
		settings.append("return_windows", {"vendor": HARM, "days": days})
	_said, dialog = refused(site, settings.save)
	assert ESCAPED in dialog[-1] and HARM not in dialog[-1]


def test_a_typed_company_id_is_as_typed_in_a_message(site):
	settings = site.get_doc("Pax8 Settings")
	settings.shadow_company_ids = HARM
	_said, dialog = refused(site, settings.save)
	assert "&lt;img" in dialog[-1] and HARM not in dialog[-1]


def test_what_a_message_says_can_be_had_as_plain_text():
	from frappe.utils import escape_html

	from msp_licensing.plain_text import from_html

	for text in NASTY.values():
		assert from_html(f"<b>{escape_html(text)}</b> is disabled.") == f"{text} is disabled."
