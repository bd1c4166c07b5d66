"""Access to the portal: given, changed and taken by somebody with licensing rights, and by nothing else."""

import pytest

from msp_licensing.sandbox import storybook

CEDAR = "Cedar & Pine Architects"
MUELLER = "Müller & Söhne GmbH"
NEW = "nora@cedarpine.example"
CEDAR_NOW = "Cedar & 'Pine' \"Ltd\""
DOCTYPE = "Licensing Portal User"


@pytest.fixture
def dt(people):
	from msp_licensing.setup import demo

	return demo.site_client_doctype()


@pytest.fixture
def access_of():
	"""The clients of a user, with may_request and may_approve."""

	def read(user):
		from msp_licensing import permissions

		return {
			record.name: (rights.may_request, rights.may_approve)
			for record, rights in permissions.rights_of(user).items()
		}

	return read


@pytest.fixture
def invite(site, people, dt, as_user):
	from msp_licensing.desk import clients

	def call(client=CEDAR, email=NEW, access="Request changes", **values):
		with as_user(people.manager):
			return clients.invite(dt, client, email, "Nora", "New", access=access, **values)

	yield call
	site.db.rollback()


@pytest.fixture
def record(site):
	def find(user, client=CEDAR):
		return site.get_doc(DOCTYPE, site.db.get_value(DOCTYPE, {"user": user, "client": client}))

	return find


def roles(site, user):
	return set(site.get_all("Has Role", {"parent": user, "parenttype": "User"}, pluck="role"))


def contact(site, dt, *clients, email=None, **values):
	links = [{"link_doctype": dt, "link_name": client} for client in clients]
	emails = [{"email_id": email, "is_primary": 1}] if email else []
	return site.get_doc(
		{"doctype": "Contact", "first_name": "Nora", "links": links, "email_ids": emails, **values}
	)


def test_an_address_book_entry_gives_no_access_whatever_is_done_with_it(
	site, people, dt, invite, access_of, as_user
):
	from msp_licensing import permissions
	from msp_licensing.changes import requests
	from msp_licensing.portal import queries

	entry = contact(site, dt, MUELLER, email=NEW).insert()
	invite(CEDAR)
	# Somebody adds a phone number: Frappe fills in the user by the address.
	entry.reload()
	entry.append("phone_nos", {"phone": "555 0100", "is_primary_phone": 1})
	entry.save()
	assert entry.user == NEW
	assert access_of(NEW) == {CEDAR: (True, False)}
	with as_user(NEW):
		access = permissions.portal_access()
		foreign = site.db.get_value("Pax8 Subscription", {"client": MUELLER})
		with pytest.raises(site.DoesNotExistError):
			requests.submit(foreign, "3", access=access)
		assert queries.page_of(access)["client"] == CEDAR
		with pytest.raises(site.DoesNotExistError):
			queries.page_of(access, f"{dt}:{MUELLER}")
		# The person edits and makes Contacts.
		contact(site, dt, MUELLER, user=NEW).insert()
	# Staff do, too, and one is merged onto another.
	other = contact(site, dt, MUELLER, email="other@cedarpine.example", user=NEW).insert()
	site.rename_doc("Contact", other.name, entry.name, merge=True, show_alert=False)
	assert access_of(NEW) == {CEDAR: (True, False)}
	assert NEW not in permissions.users_of(dt, MUELLER)


def test_a_sign_up_with_a_known_address_gives_no_access(site, people, dt, access_of):
	contact(site, dt, CEDAR, email=NEW).insert()
	site.set_user("Guest")
	user = site.get_doc({"doctype": "User", "email": NEW, "first_name": "Nora", "send_welcome_email": 0})
	user.flags.no_welcome_mail = True
	user.insert(ignore_permissions=True)
	site.set_user("Administrator")
	user.reload()
	user.add_roles("Licensing Client")  # and a role alone opens nothing
	assert access_of(NEW) == {}
	site.db.rollback()


def test_the_record_says_who_gave_what_when(site, people, dt, invite, record):
	invite(access="Only view")
	doc = record(NEW)
	assert (doc.granted_by, doc.source, doc.status) == (people.manager, "Invitation", "Active")
	assert doc.granted_on and doc.client_name == CEDAR and doc.full_name == "Nora New"
	assert site.db.get_value("Contact", doc.contact, "user") == NEW
	invite(access="Request changes")
	assert record(NEW).name == doc.name
	versions = site.get_all("Version", {"ref_doctype": DOCTYPE, "docname": doc.name}, pluck="data")
	assert any("may_request" in data for data in versions)


def test_revoking_ends_access_at_once_and_keeps_the_record(
	site, people, dt, invite, record, access_of, as_user
):
	from msp_licensing import permissions
	from msp_licensing.desk import clients

	invite()
	invite(MUELLER, access="Only view")
	first = record(NEW)
	with as_user(people.manager):
		assert clients.decide_access([first.name], "Revoke")[0]["ok"]
	assert access_of(NEW) == {MUELLER: (False, False)}
	assert roles(site, NEW) == {"Licensing Viewer"}, "what only the revoked access asked for"
	first.reload()
	assert (first.status, first.revoked_by) == ("Revoked", people.manager) and first.revoked_on
	with as_user(people.manager):
		again = site.call(clients.decide_access, names=site.as_json([first.name]), action="Revoke")[0]
		assert not again["ok"] and "already" in again["message"]
		clients.decide_access([record(NEW, MUELLER).name], "Revoke")
	assert not roles(site, NEW)
	with pytest.raises(site.PermissionError):
		permissions.portal_access(NEW)
	assert site.db.exists("Contact", {"user": NEW}), "the address book is not a list of access"
	invite(access="Approve changes")
	assert record(NEW).name == first.name and access_of(NEW) == {CEDAR: (False, True)}


def test_only_licensing_rights_make_or_change_a_record(site, people, dt, record, make_portal_user, as_user):
	clerk = make_portal_user(
		"clerk@msp.example", None, "Sales User" if dt == "Customer" else "Report Manager"
	)
	values = {"doctype": DOCTYPE, "user": people.reader, "client_doctype": dt, "client": MUELLER}
	own = record(people.reader)
	for user in (people.system_manager, people.reader, people.approver, clerk, "Guest"):
		for ignore in (False, True):  # a Web Form, or another app's code, ignores permissions
			with as_user(user), pytest.raises(site.PermissionError):
				site.get_doc(values).insert(ignore_permissions=ignore)
			site.db.rollback()
			with as_user(user), pytest.raises(site.PermissionError):
				doc = site.get_doc(DOCTYPE, own.name)
				doc.may_request = 1
				doc.save(ignore_permissions=ignore)
			site.db.rollback()
	with as_user(people.manager):
		given = site.get_doc(
			{**values, "granted_by": "somebody@else.example", "source": "Invitation", "access_key": "x"}
		).insert()
	assert (given.granted_by, given.source) == (people.manager, "Staff")
	with as_user(people.manager), pytest.raises(site.ValidationError):
		given.client = CEDAR
		given.save()
	site.db.rollback()


def test_rest_takes_nothing_from_others(site, people, dt, record, server):
	from visitor import Visitor

	name = record(people.reader).name
	site.db.commit()
	values = {"user": people.reader, "client_doctype": dt, "client": MUELLER}
	for user in (people.system_manager, people.requester):
		visitor = Visitor(server).sign_in(user)
		visitor.page()
		browser = visitor.http
		browser.headers["X-Frappe-CSRF-Token"] = visitor.token
		assert browser.post(f"/api/resource/{DOCTYPE}", json=values).status_code == 403
		assert browser.put(f"/api/resource/{DOCTYPE}/{name}", json={"may_request": 1}).status_code == 403
		assert browser.delete(f"/api/resource/{DOCTYPE}/{name}").status_code == 403
		seen = browser.get(f"/api/resource/{DOCTYPE}/{name}").status_code
		assert seen == (200 if user == people.system_manager else 403)
		browser.close()
	assert site.db.count(DOCTYPE, {"user": people.reader}) == 1


def test_a_record_without_its_role_opens_nothing(site, people, access_of):
	from msp_licensing import permissions
	from msp_licensing.desk import clients
	from msp_licensing.setup import demo

	user = site.get_doc("User", people.requester)
	user.remove_roles("Licensing Client")
	assert access_of(people.requester) == {}
	assert people.requester not in permissions.users_of(demo.site_client_doctype(), CEDAR)
	rows = {row["user"]: row["problem"] for row in clients.portal_people(demo.site_client_doctype(), CEDAR)}
	assert "Licensing Client" in rows[people.requester] and not rows[people.reader]
	site.db.rollback()
	site.clear_cache(user=people.requester)


def test_a_role_without_a_record_is_told_so(site, people, make_portal_user, as_user):
	from msp_licensing.portal import queries

	user = make_portal_user("nobody@nowhere.example", None, "Licensing Viewer")
	with as_user(user):
		page = queries.page_for_session()
	assert page["state"] == "no_client" and "ask your provider to give you access" in page["text"]


def test_a_role_profile_that_is_in_the_way_is_named(site, people, dt, invite, access_of):
	# A name of its own: Frappe's lock is a file, which no rollback takes away.
	name = f"Portal & Only {site.generate_hash(length=6)}"
	profile = site.get_doc({"doctype": "Role Profile", "role_profile": name}).insert()
	user = site.get_doc(
		{"doctype": "User", "email": NEW, "first_name": "Nora", "role_profile_name": profile.name}
	)
	user.flags.no_welcome_mail = True
	user.insert()
	contacts = site.db.count("Contact")
	with pytest.raises(site.ValidationError, match="Role Profile Portal &amp; Only"):
		invite()
	assert not site.db.exists(DOCTYPE, {"user": NEW}) and site.db.count("Contact") == contacts
	profile.unlock()  # Frappe locks it until its users were brought up to date
	profile.append("roles", {"role": "Licensing Client"})
	profile.save()
	profile.unlock()
	invite()
	assert access_of(NEW) == {CEDAR: (True, False)}
	site.db.rollback()


def test_a_renamed_client_keeps_its_people_and_a_new_one_of_the_name_gets_none(site, people, dt, access_of):
	from msp_licensing.setup import demo

	site.rename_doc(dt, CEDAR, CEDAR_NOW, force=True, show_alert=False)
	assert access_of(people.requester) == {CEDAR_NOW: (True, False)}
	assert site.db.get_value(DOCTYPE, {"user": people.requester}, "client_name") == CEDAR_NOW
	demo.make_client(CEDAR)
	assert access_of(people.requester) == {CEDAR_NOW: (True, False)}
	site.db.rollback()


def test_merged_clients_leave_one_record_with_the_rights_that_both_give(site, people, dt, invite, access_of):
	invite(CEDAR, access="Request and approve changes")
	invite(MUELLER, access="Request changes")
	site.rename_doc(dt, MUELLER, CEDAR, merge=True, force=True, show_alert=False)
	assert access_of(NEW) == {CEDAR: (True, False)}
	assert site.db.count(DOCTYPE, {"user": NEW}) == 1
	assert access_of(people.foreign_requester) == {CEDAR: (True, False)}
	site.db.rollback()


def test_a_revoked_record_wins_when_clients_are_merged(site, people, dt, invite, record, access_of):
	invite(CEDAR)
	invite(MUELLER)
	doc = record(NEW, MUELLER)
	doc.status = "Revoked"
	doc.save()
	site.rename_doc(dt, MUELLER, CEDAR, merge=True, force=True, show_alert=False)
	assert access_of(NEW) == {} and not roles(site, NEW)
	site.db.rollback()


def test_a_renamed_user_keeps_access_and_merged_users_gain_none(
	site, people, dt, make_portal_user, access_of
):
	# People of this test alone: from Frappe 15.101 on, renaming a user commits.
	old, twin = "old@cedarpine.example", "twin@cedarpine.example"
	make_portal_user(old, CEDAR, "Licensing Client")
	make_portal_user(twin, CEDAR, "Licensing Viewer")
	new = "new@cedarpine.example"
	site.rename_doc("User", old, new, force=True, show_alert=False)
	assert access_of(new) == {CEDAR: (True, False)} and access_of(old) == {}
	site.rename_doc("User", twin, new, merge=True, force=True, show_alert=False)
	assert access_of(new) == {CEDAR: (False, False)}
	assert site.db.count(DOCTYPE, {"user": new}) == 1
	site.db.commit()


def test_deleted_users_contacts_and_clients_take_access_with_them(
	site, people, dt, invite, record, access_of
):
	from msp_licensing.setup import demo

	invite()
	site.delete_doc("Contact", record(NEW).contact)
	assert access_of(NEW) == {CEDAR: (True, False)} and not record(NEW).contact
	site.delete_doc("User", NEW)
	assert not site.db.exists(DOCTYPE, {"user": NEW})
	demo.make_client("Gone")
	invite("Gone")
	site.delete_doc(dt, "Gone")
	assert access_of(NEW) == {} and not roles(site, NEW)
	demo.make_client("Gone")
	assert access_of(NEW) == {}
	site.db.rollback()


def test_long_and_odd_names_do_not_break_an_invitation(site, people, dt, invite, access_of):
	from msp_licensing.setup import demo

	long = ("Société «générale» & Cie " * 6)[:140].strip()
	demo.make_client(long)
	client = site.get_all(dt, {"name": ("like", "Soci%")}, pluck="name")[0]
	invite(client)
	assert access_of(NEW) == {client: (True, False)}
	invite(client, email="noah@cedarpine.example")
	assert access_of("noah@cedarpine.example") == {client: (True, False)}
	from msp_licensing.desk import clients

	clients.invite(dt, CEDAR, "odd@cedarpine.example", "Nora <b>N</b>", 'O\'Hara & "Co"')
	assert access_of("odd@cedarpine.example") == {CEDAR: (False, False)}
	with pytest.raises(site.ValidationError, match="at most 140"):
		clients.invite(dt, CEDAR, "long@cedarpine.example", "N" * 100, "L" * 100)
	site.db.rollback()


@pytest.mark.parametrize("phone", ["+1 (555) 010-0199 ext. 12", "0172/55 01 00", "call reception", "5" * 140])
def test_a_phone_that_frappe_refuses_does_not_keep_a_client_from_being_made(site, people, sandbox, phone):
	from msp_licensing.desk import mapping

	site.db.set_value("Pax8 Company", storybook.BLUE_HARBOR_DENTAL, "phone", phone)
	name = mapping.create_client(storybook.BLUE_HARBOR_DENTAL, "Blue Harbor")
	if site.db.get_value("Pax8 Company", storybook.BLUE_HARBOR_DENTAL, "client_doctype") == "MSP Client":
		assert phone in site.db.get_value("MSP Client", name, "notes")
	site.db.rollback()


class TestPatch:
	"""Links of before: an invitation's become access, all others are listed."""

	@pytest.fixture
	def old_site(self, site, people, dt, make_portal_user):
		"""Contacts and roles as the version before left them, and no record yet."""
		users = {}
		for name in ("invited", "linked", "both", "own"):
			users[name] = make_portal_user(f"{name}@old.example", None, "Licensing Client")
		site.db.delete(DOCTYPE)
		site.db.delete("Contact", {"user": ("in", list(people.__dict__.values()))})
		self.at = site.utils.now_datetime()

		def link(user, client, *, by, seconds, owner=None):
			"""A Contact whose link was written so many seconds before the user's role."""
			name = contact(site, dt, client, user=users[user]).insert().name
			row = site.db.get_value("Dynamic Link", {"parent": name})
			site.db.set_value("Contact", name, "owner", owner or by)
			site.db.set_value(
				"Dynamic Link",
				row,
				{"owner": by, "creation": site.utils.add_to_date(self.at, seconds=-seconds)},
				update_modified=False,
			)

		for user in users.values():
			role = site.db.get_value("Has Role", {"parent": user, "role": "Licensing Client"})
			site.db.set_value(
				"Has Role", role, {"owner": people.manager, "creation": self.at}, update_modified=False
			)
		link("invited", CEDAR, by=people.manager, seconds=2)
		link("invited", MUELLER, by="Administrator", seconds=90)
		link("linked", CEDAR, by=people.system_manager, seconds=1)
		link("both", CEDAR, by=people.manager, seconds=1)
		link("both", MUELLER, by=people.manager, seconds=3)
		link("own", CEDAR, by=users["own"], seconds=1, owner=users["own"])
		yield users
		site.db.rollback()

	def statuses(self, site):
		return {
			(row.user.split("@")[0], row.client): row.status
			for row in site.get_all(DOCTYPE, fields=["user", "client", "status"])
		}

	def test_only_what_an_invitation_made_becomes_access(self, site, people, old_site, access_of, as_user):
		from msp_licensing.desk import clients
		from msp_licensing.patches import portal_users_from_contacts

		expected = {
			("invited", CEDAR): "Active",
			("invited", MUELLER): "To Confirm",
			("linked", CEDAR): "To Confirm",
			("both", CEDAR): "To Confirm",
			("both", MUELLER): "To Confirm",
		}
		for _time in (1, 2):
			portal_users_from_contacts.execute()
			assert self.statuses(site) == expected
		assert access_of(old_site["invited"]) == {CEDAR: (True, False)}
		assert access_of(old_site["linked"]) == access_of(old_site["both"]) == {}
		names = {row.user: row.name for row in site.get_all(DOCTYPE, {"client": CEDAR}, ["user", "name"])}
		with as_user(people.manager):
			told = clients.decide_access([names[old_site["linked"]], names[old_site["invited"]]], "Confirm")
			assert [row["ok"] for row in told] == [True, False]
			assert clients.decide_access([names[old_site["both"]]], "Refuse")[0]["status"] == "Revoked"
		assert access_of(old_site["linked"]) == {CEDAR: (True, False)}
		assert access_of(old_site["both"]) == {}
		portal_users_from_contacts.execute()
		assert self.statuses(site)[("both", CEDAR)] == "Revoked", "a decision is not undone"


class TestWithERPNext:
	"""ERPNext's own ways to make customers, contacts and users work, and give no access."""

	@pytest.fixture(autouse=True)
	def needed(self, site, people):
		if "erpnext" not in site.get_installed_apps():
			pytest.skip("ERPNext is not installed on this site; run: WITH_ERPNEXT=1 make test")
		yield
		site.db.rollback()

	def test_create_party_contact_works_and_gives_nothing(self, site, people, access_of, as_user):
		from erpnext.portal.utils import create_party_contact

		with as_user(people.foreign_reader):
			create_party_contact("Customer", "Lars", people.foreign_reader, CEDAR)
		assert site.db.exists("Dynamic Link", {"link_name": CEDAR, "parent": ("like", "Lars%")})
		assert access_of(people.foreign_reader) == {MUELLER: (False, False)}

	def test_a_customer_made_by_a_public_web_form_gives_nothing(self, site, people, access_of):
		form = site.get_doc(
			{
				"doctype": "Web Form",
				"title": "Become a Customer",
				"route": "become-a-customer",
				"doc_type": "Customer",
				"module": "Selling",
				"login_required": 0,
				"anonymous": 1,
				"published": 1,
				"web_form_fields": [
					{"fieldname": name, "fieldtype": "Data", "label": name}
					for name in ("customer_name", "email_id", "mobile_no")
				],
			}
		).insert(ignore_mandatory=True)
		from frappe.website.doctype.web_form.web_form import accept

		site.set_user("Guest")
		site.local.form_dict.web_form = form.name
		accept(
			form.name,
			site.as_json(
				{
					"doctype": "Customer",
					"customer_name": "Fresh",
					"customer_type": "Company",
					"email_id": people.foreign_reader,
				}
			),
		)
		site.set_user("Administrator")
		assert site.db.exists("Customer", {"customer_name": "Fresh"})
		assert access_of(people.foreign_reader) == {MUELLER: (False, False)}

	def test_an_invitation_shows_erpnexts_portal_only_where_it_says_so(self, site, people, invite, as_user):
		site.flags.setting_role = False
		invite()
		assert roles(site, NEW) == {"Licensing Client"}
		user = site.get_doc("User", NEW)
		user.first_name = "Nora Maria"
		user.save()
		assert "Customer" not in roles(site, NEW), "nor does ERPNext add it later"
		invite(orders=True)
		assert "Customer" in roles(site, NEW)
		assert site.db.exists("Portal User", {"user": NEW, "parent": CEDAR})

	def test_a_role_given_by_hand_and_other_users_are_left_alone(self, site, people, dt, invite):
		invite()
		site.get_doc("User", NEW).add_roles("Customer")
		invite(MUELLER)
		assert "Customer" in roles(site, NEW)
		site.flags.setting_role = False  # a request begins so; ERPNext itself leaves it set
		contact(site, dt, CEDAR, email="other@cedarpine.example").insert()
		other = site.get_doc({"doctype": "User", "email": "other@cedarpine.example", "first_name": "Other"})
		other.flags.no_welcome_mail = True
		other.insert()
		assert "Customer" in roles(site, other.name)
