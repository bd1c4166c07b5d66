"""Invitations: a person gets access to one client, with one set of rights, and nothing else."""

import pytest

CEDAR = "Cedar & Pine Architects"
MUELLER = "Müller & Söhne GmbH"
NEW = "nora@cedarpine.example"


@pytest.fixture
def invite(site, people):
	from msp_licensing.desk import clients
	from msp_licensing.setup import demo

	def call(client=CEDAR, email=NEW, access="Only view", **values):
		site.set_user(people.manager)
		try:
			return clients.invite(
				demo.site_client_doctype(), client, email, "Nora", "New", access=access, **values
			)
		finally:
			site.set_user("Administrator")
			site.db.commit()

	return call


def clients_of(user):
	from msp_licensing import permissions

	return [client.name for client in permissions.clients_of(user)]


def may(user, client=CEDAR):
	"""Whether the user may request and may approve for a client."""
	from msp_licensing import permissions
	from msp_licensing.setup import demo

	access = permissions.portal_access(user)
	client = demo.site_client_doctype(), client
	return access.may_request_for(*client), access.may_approve_for(*client)


def roles(site, user):
	return set(site.get_all("Has Role", {"parent": user, "parenttype": "User"}, pluck="role"))


def test_an_invitation_makes_a_portal_user_of_that_client_only(site, invite):
	answer = invite()
	assert answer["new_user"] and answer["mailed"] and NEW in answer["message"]
	user = site.get_doc("User", NEW)
	assert (user.user_type, user.full_name, user.enabled) == ("Website User", "Nora New", 1)
	assert roles(site, NEW) == {"Licensing Viewer"}
	assert clients_of(NEW) == [CEDAR]
	assert site.db.exists("Email Queue Recipient", {"recipient": NEW}), "Frappe's welcome mail"


def test_the_right_to_ask_is_given_only_when_chosen(site, invite):
	invite()
	assert may(NEW) == (False, False)
	invite(access="Request changes")
	assert may(NEW) == (True, False)
	invite(access="Only view")
	assert may(NEW) == (False, False)
	assert roles(site, NEW) == {"Licensing Viewer"}


def test_the_right_to_approve_goes_with_or_without_the_right_to_ask(site, invite):
	invite(access="Approve changes")
	assert may(NEW) == (False, True)
	invite(access="Request and approve changes")
	assert may(NEW) == (True, True)
	assert roles(site, NEW) == {"Licensing Client", "Licensing Approver"}
	invite(access="Request changes")
	assert roles(site, NEW) == {"Licensing Client"}, "what is not given any more is taken"


def test_inviting_twice_makes_nothing_twice(site, invite):
	invite()
	again = invite()
	assert not again["new_user"] and not again["mailed"]
	assert site.db.count("Contact", {"user": NEW}) == 1
	assert clients_of(NEW) == [CEDAR]


def test_a_contact_of_another_client_is_not_opened_by_an_invitation(site, invite):
	from msp_licensing.setup import demo

	site.get_doc(
		{
			"doctype": "Contact",
			"first_name": "Nora",
			"email_ids": [{"email_id": NEW, "is_primary": 1}],
			"links": [
				{"link_doctype": demo.site_client_doctype(), "link_name": MUELLER},
				{"link_doctype": demo.site_client_doctype(), "link_name": CEDAR},
			],
		}
	).insert()
	invite()
	assert clients_of(NEW) == [CEDAR]


def test_a_person_may_have_other_rights_for_another_client(site, invite, people):
	invite(client=CEDAR, email=people.foreign_requester, access="Approve changes")
	assert may(people.foreign_requester, CEDAR) == (False, True)
	assert may(people.foreign_requester, MUELLER) == (True, False)
	invite(client=CEDAR, email=people.foreign_requester, access="Only view")
	assert may(people.foreign_requester, CEDAR) == (False, False)
	assert may(people.foreign_requester, MUELLER) == (True, False), "another client's decision is not touched"
	assert roles(site, people.foreign_requester) == {"Licensing Client"}


def test_staff_and_disabled_people_are_not_invited(site, invite, people):
	with pytest.raises(site.ValidationError, match="works in the desk"):
		invite(email=people.manager)
	invite()
	site.db.set_value("User", NEW, "enabled", 0)
	with pytest.raises(site.ValidationError, match="disabled"):
		invite()


@pytest.mark.parametrize(
	"values", [{"client": "Nobody"}, {"email": "not an address"}, {"access": "Everything"}, {"access": ""}]
)
def test_an_invitation_that_makes_no_sense_leaves_nothing(site, invite, values):
	users, contacts = site.db.count("User"), site.db.count("Contact")
	with pytest.raises((site.ValidationError, site.DoesNotExistError, site.PermissionError)):
		invite(**values)
	assert (site.db.count("User"), site.db.count("Contact")) == (users, contacts)


def test_only_client_records_take_portal_users(site, people):
	from msp_licensing.desk import clients

	site.set_user(people.manager)
	with pytest.raises(site.ValidationError):
		clients.invite("User", people.manager, NEW, "Nora")


def test_the_people_of_a_client_are_listed_with_their_rights(site, people):
	from msp_licensing.desk import clients
	from msp_licensing.setup import demo

	site.set_user(people.manager)
	rows = {
		row["user"]: (row["may_request"], row["may_approve"])
		for row in clients.portal_people(demo.site_client_doctype(), CEDAR)
	}
	assert rows == {
		people.requester: (True, False),
		people.reader: (False, False),
		people.approver: (False, True),
	}


def test_without_a_mail_account_the_manager_is_told(site, invite, monkeypatch):
	from msp_licensing.access import invitations

	monkeypatch.setattr(invitations, "has_outgoing_account", lambda: False)
	answer = invite()
	assert not answer["mailed"] and "sends no mail" in answer["message"]
	assert not site.db.exists("Email Queue Recipient", {"recipient": NEW})
