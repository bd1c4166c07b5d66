"""Fixtures of the tests of doors: people, and a request that is not theirs."""

import pytest

from msp_licensing.sandbox import storybook


@pytest.fixture
def clerk(site):
	"""Somebody with a desk and without a role of ours."""
	user = site.get_doc(
		{
			"doctype": "User",
			"email": "clerk@msp.example",
			"first_name": "Clerk",
			"send_welcome_email": 0,
			"roles": [{"role": "Desk User"}],
		}
	).insert(ignore_permissions=True)
	site.db.commit()
	return user.name


@pytest.fixture
def visitor_of_site(site, make_portal_user):
	"""A client's requester who has a role of the site besides: the list of the portal does not hold them."""
	from msp_licensing.setup import demo

	site.get_doc({"doctype": "Role", "role_name": "Visitor of a Site", "desk_access": 0}).insert(
		ignore_if_duplicate=True
	)
	name = make_portal_user("more@cedarpine.example", demo.CEDAR, "Licensing Client")
	user = site.get_doc("User", name)
	user.append("roles", {"role": "Visitor of a Site"})
	user.save()
	site.db.commit()
	return name


@pytest.fixture
def foreign(site, people):
	"""A request of the other client."""
	from msp_licensing import permissions
	from msp_licensing.changes import requests

	site.set_user(people.foreign_requester)
	doc = requests.submit(
		storybook.MUELLER_EXCLAIMER, 150, access=permissions.portal_access(people.foreign_requester)
	)
	site.set_user("Administrator")
	site.db.commit()
	return doc.name


@pytest.fixture
def quiet(site, monkeypatch):
	"""Nothing is committed or mailed."""
	monkeypatch.setattr(site.db, "commit", lambda *arguments, **options: None)
	monkeypatch.setattr(site, "sendmail", lambda *arguments, **options: None)
	monkeypatch.setattr(site, "enqueue", lambda *arguments, **options: None)
