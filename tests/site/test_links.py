"""Links that are sent lead to the site's own address, whatever name a request called the site by."""

import pytest
from notice_helpers import ask

EVIL = "evil.example"


@pytest.fixture
def called_evil(site, monkeypatch):
	"""As within a request whose Host header names somebody else's machine; the site has no `host_name`."""
	from werkzeug.test import EnvironBuilder
	from werkzeug.wrappers import Request

	for key in ("host_name", "hostname"):
		monkeypatch.delitem(site.local.conf, key, raising=False)
	request = Request(EnvironBuilder(path="/", base_url=f"http://{EVIL}/", method="POST").get_environ())
	monkeypatch.setattr(site.local, "request", request, raising=False)
	assert EVIL in site.utils.get_url(), "Frappe follows the header"


def sent(site):
	return site.get_all("Email Queue", pluck="message", order_by="creation desc", limit=20)


def told(site):
	return site.get_all("Notification Log", pluck="email_content", order_by="creation desc", limit=20)


@pytest.fixture
def nothing_sent(site, people):
	for doctype in ("Email Queue", "Email Queue Recipient", "Notification Log"):
		site.db.delete(doctype)
	site.db.commit()


def test_notices_to_staff_and_clients(site, people, nothing_sent, called_evil):
	from msp_licensing.changes import states

	doc = ask(site, people.requester)
	states.move(doc.name, "Rejected", expect=("Pending Approval",))
	from msp_licensing.changes import notify

	notify.about("outcome", site.get_doc(doc.doctype, doc.name))
	mails = sent(site)
	assert len(mails) >= 2
	assert not [text for text in (*mails, *filter(None, told(site))) if EVIL in text]
	assert any(site.local.site in text for text in mails)


def test_warnings_and_the_digest(site, people, nothing_sent, called_evil):
	from msp_licensing import links
	from msp_licensing.changes import delivery

	for url in (
		links.form("Pax8 Settings", "Pax8 Settings"),
		links.listing("ToDo"),
		links.page("/licensing"),
	):
		assert EVIL not in url and site.local.site in url
	delivery.tell(
		[people.manager], doctype="Pax8 Settings", name="Pax8 Settings", subject="x", message="<p>y</p>"
	)
	assert not [text for text in sent(site) if EVIL in text]
	assert EVIL in site.utils.get_url(), "only what is sent"


def test_an_invitation(site, people, nothing_sent, called_evil, as_user):
	from msp_licensing.desk import clients
	from msp_licensing.setup import demo

	with as_user(people.manager):
		clients.invite(
			demo.site_client_doctype(),
			demo.CEDAR,
			"nora.new@cedarpine.example",
			"Nora",
			"New",
			access="Only view",
		)
	mails = sent(site)
	assert mails and not [text for text in mails if EVIL in text]
	assert any("update-password" in text for text in mails), "the link with the key"
	site.db.rollback()


def test_the_configured_address_counts(site, monkeypatch, called_evil):
	from msp_licensing import links

	monkeypatch.setitem(site.local.conf, "host_name", "https://licenses.msp.example")
	assert links.page("/licensing").startswith("https://licenses.msp.example")
	with links.to_the_site():
		assert site.local.conf.host_name == "https://licenses.msp.example"
	assert site.local.conf.host_name == "https://licenses.msp.example"


def test_no_module_makes_such_a_link_by_itself():
	"""Links in answers to the one who asks may follow the request; those that are sent may not."""
	from pathlib import Path

	import msp_licensing

	app = Path(msp_licensing.__file__).parent
	allowed = {
		"links.py",
		"desk/timeline.py",  # shown to whoever asked, in the page of the same address
		"doctype/licensing_client_policy/licensing_client_policy.py",  # so is this message
		"webhooks/registration.py",  # shown before it is used; must be https, and reachable
	}
	found = {
		str(path.relative_to(app))
		for path in app.rglob("*.py")
		if any(name in path.read_text() for name in ("get_url", "get_link_to_form"))
	}
	assert found <= allowed


def test_a_job_that_makes_a_link_has_no_request_afterwards(site):
	"""Frappe asks whether there is one, not what it is: a job that prints a document later would end in an error."""
	from msp_licensing import links

	assert not hasattr(site.local, "request")
	links.site_address()
	assert not hasattr(site.local, "request")
