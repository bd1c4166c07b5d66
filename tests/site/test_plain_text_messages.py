"""Messages of the desk are HTML: what people outside write is escaped in them, and stays plain where no HTML is shown."""

import sys
from pathlib import Path

import pytest

from msp_licensing.sandbox import storybook

sys.path.insert(0, str(Path(__file__).parents[1]))
from texts import NASTY

DT = "License Change Request"
KEEPER = storybook.CEDAR_KEEPER
CEDAR = "Cedar & Pine Architects"
HARM = "<img src=x onerror=1>"
ESCAPED = "&lt;img src=x onerror=1&gt;"


def plant(site, doctype, name, **values):
	site.db.set_value(doctype, name, values, update_modified=False)
	site.clear_document_cache(doctype, name)


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


@pytest.fixture
def moved_away(site, people):
	"""A waiting request whose subscription belongs to another client now; its own has a name full of markup."""
	from msp_licensing import permissions
	from msp_licensing.changes import requests
	from msp_licensing.setup import demo

	name = requests.submit(KEEPER, 40, access=permissions.portal_access(people.requester)).name
	clients = demo.site_client_doctype()
	plant(site, clients, CEDAR, **{site.get_meta(clients).get_title_field(): HARM})
	other = site.db.get_value(clients, {"name": ("!=", CEDAR)}, "name")
	plant(site, "Pax8 Subscription", KEEPER, client=other)
	site.db.commit()
	return name


def test_a_refusal_in_the_desk_is_shown_with_names_as_typed(site, people, moved_away, as_user):
	from msp_licensing.changes import decisions
	from msp_licensing.changes.requests import ChangeRefused
	from msp_licensing.desk import requests

	with as_user(people.manager):
		said, dialog = refused(site, decisions.approve, moved_away, kind=ChangeRefused)
		assert HARM in said
		# Raised without a message, a refusal would be silent in the desk.
		assert len(dialog) == 1 and ESCAPED in dialog[0] and HARM not in dialog[0]
		# The list of results is told as plain text, and escaped by the script.
		[row] = requests.decide_many([moved_away], "Approve")
		assert not row["ok"] and HARM in row["message"] and not told(site)


def test_a_refusal_in_the_portal_is_plain_text(site):
	from msp_licensing.changes import requests
	from msp_licensing.portal import api

	def ask():
		with api._plain_errors():
			requests.refuse(HARM, requests.AskedAlready)

	assert refused(site, ask, kind=requests.AskedAlready) == (HARM, [HARM])


def test_a_refused_request_tells_staff_why(site, people, sandbox, as_user):
	from msp_licensing.changes.requests import ChangeRefused

	now = site.db.get_value("Pax8 Subscription", KEEPER, "quantity")
	doc = site.get_doc({"doctype": DT, "subscription": KEEPER, "requested_quantity": now})
	with as_user(people.manager):
		said, dialog = refused(site, doc.insert, kind=ChangeRefused)
	assert said and dialog == [said]


@pytest.mark.parametrize("days", [0, 7])
def test_a_vendor_in_a_message_of_the_settings_is_as_typed(site, days):
	settings = site.get_doc("Licensing Settings")
	settings.return_windows = []
	for _twice in range(2):
		settings.append("return_windows", {"vendor": HARM, "days": days})
	_said, dialog = refused(site, settings.save)
	assert ESCAPED in dialog[-1] and HARM not in dialog[-1]


def test_names_in_messages_about_own_companies_are_as_typed(site, sandbox):
	from msp_licensing.sync import own_companies

	company = storybook.BLUE_HARBOR_DENTAL
	plant(site, "Pax8 Company", company, company_name=HARM, client=HARM)
	_said, dialog = refused(site, own_companies.check, [company])
	assert dialog[-1].count(ESCAPED) == 2 and HARM not in dialog[-1]


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
