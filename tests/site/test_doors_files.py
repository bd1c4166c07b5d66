# ruff: noqa: F811 (fixtures that are imported are arguments, too)
"""Private files: nobody takes one by naming it."""

import json

import pytest
from asking import ask
from door_people import clerk, foreign, quiet, visitor_of_site  # noqa: F401

from msp_licensing.frappe_version import NO_OBJECTION

SECRET = b"a private paper of the provider"
WHO = ("requester", "clerk", "visitor_of_site")


@pytest.fixture
def paper(site, people):
	"""A private file of a manager, and its address."""
	made = []
	doc = site.get_doc(
		{"doctype": "File", "file_name": "paper.txt", "is_private": 1, "content": SECRET}
	).insert()
	doc.db_set("owner", people.manager)
	site.db.commit()
	made.append(doc.name)
	yield doc
	site.db.rollback()
	for name in site.get_all("File", {"file_url": doc.file_url}, pluck="name"):
		site.delete_doc("File", name, force=True, ignore_permissions=True)
	site.db.commit()


def user_of(who, people, request):
	return people.requester if who == "requester" else request.getfixturevalue(who)


def names(paper):
	"""Files that name the paper in one way or another."""
	url, name = paper.file_url, paper.file_url.rsplit("/", 1)[-1]
	yield from (
		{"file_url": url},
		{"file_url": url, "is_private": 1},
		{"file_url": url, "file_name": "mine.txt"},
		{"file_url": url, "content": "brought"},
		{"file_url": url.replace("paper", "%70aper")},
		{"file_url": url.replace("/private/files/", "/private/files/./")},
		{"file_url": url.replace("/private/files/", "/private/files//")},
		{"file_url": url.replace("/private/files/", "//private/files/")},
		{"file_url": url.replace("/private/files/", "/private/files/x/../")},
		{"file_url": url.replace("/private/files/", "/files/../private/files/")},
		{"file_url": "http://another.example" + url},
		{"file_name": name, "is_private": 1},
		{"file_name": name, "is_private": 1, "file_url": ""},
		{"file_url": "/private/files/nobody-has-a-file-for-this.txt"},
	)


@pytest.mark.parametrize("who", WHO)
def test_a_file_does_not_name_what_its_maker_may_not_read(site, people, paper, request, as_user, who):
	user = user_of(who, people, request)
	for values in names(paper):
		with as_user(user), pytest.raises((site.PermissionError, site.ValidationError, OSError)) as refused:
			site.get_doc({"doctype": "File", **values}).insert()
		if values.get("file_url") == paper.file_url and "content" not in values:
			assert refused.type is site.PermissionError, values
		site.db.rollback()
		assert not site.get_all("File", {"owner": user}), values


def test_without_the_entry_the_file_is_taken(site, people, paper, as_user, monkeypatch):
	from frappe.core.doctype.file.utils import find_file_by_url

	from msp_licensing.doors import files

	with as_user(people.requester):
		assert not find_file_by_url(paper.file_url)
		monkeypatch.setattr(files, "may_create", lambda *arguments, **options: NO_OBJECTION)
		site.get_doc({"doctype": "File", "file_url": paper.file_url}).insert()
		assert find_file_by_url(paper.file_url).get_content() == SECRET.decode()
	site.db.rollback()


@pytest.mark.parametrize("who", WHO)
def test_a_file_of_ones_own_is_not_turned_into_another(site, people, paper, request, as_user, who):
	user = user_of(who, people, request)
	changes = [*names(paper), {"thumbnail_url": paper.file_url}, {"content_hash": paper.content_hash}]
	for values in changes:
		values = {key: value for key, value in values.items() if key != "content"}
		if set(values) == {"file_name", "is_private"}:
			continue  # Frappe keeps to the address
		with as_user(user):
			own = site.get_doc(
				{"doctype": "File", "file_name": "own.txt", "is_private": 1, "content": "own"}
			).insert()
			own = site.get_doc("File", own.name)
			own.update(values)
			with pytest.raises((site.PermissionError, site.ValidationError, OSError)):
				own.save()
		site.db.rollback()


@pytest.mark.parametrize("who", WHO)
def test_a_field_that_attaches_gives_no_file(site, people, paper, request, as_user, who):
	"""Frappe attaches what such a field names to its document, whoever has it."""
	user = user_of(who, people, request)
	with as_user(user):
		contact = site.get_doc({"doctype": "Contact", "first_name": "Me", "image": paper.file_url})
		with pytest.raises(site.PermissionError):
			contact.insert()
	site.db.rollback()
	assert not site.db.get_value("File", paper.name, "attached_to_name")
	with as_user(user):
		contact = site.get_doc({"doctype": "Contact", "first_name": "Me"}).insert()
		contact.image = paper.file_url
		with pytest.raises(site.PermissionError):
			contact.save()
	site.db.rollback()


def test_what_somebody_brings_and_what_they_may_read_works_as_ever(site, people, paper, clerk, as_user):
	for user in (people.requester, clerk):
		with as_user(user):
			own = site.get_doc(
				{"doctype": "File", "file_name": "own.txt", "is_private": 1, "content": "own " + user}
			).insert()
			again = site.get_doc({"doctype": "File", "file_url": own.file_url}).insert()
			assert again.get_content() == "own " + user
			# Who has the same content has brought it.
			same = site.get_doc(
				{"doctype": "File", "file_name": "same.txt", "is_private": 1, "content": SECRET}
			).insert()
			assert same.get_content() in (SECRET, SECRET.decode())
			contact = site.get_doc({"doctype": "Contact", "first_name": "Me", "image": own.file_url}).insert()
			contact.first_name = "Myself"
			contact.save()
		site.db.rollback()
	with as_user(people.manager):
		site.get_doc({"doctype": "File", "file_url": paper.file_url}).insert()
	site.db.rollback()


def test_a_shared_file_is_not_made_public_by_one_of_its_owners(site, people, paper, as_user):
	with as_user(people.requester):
		same = site.get_doc(
			{"doctype": "File", "file_name": "same.txt", "is_private": 1, "content": SECRET}
		).insert()
		assert same.file_url == paper.file_url
		same = site.get_doc("File", same.name)
		same.is_private = 0
		with pytest.raises(site.PermissionError):
			same.save()
	site.db.rollback()
	assert site.get_doc("File", paper.name).exists_on_disk()


def test_uploads_and_mails_name_no_file_of_others(
	site, people, paper, foreign, clerk, visitor_of_site, quiet
):
	for user in (people.requester, clerk, visitor_of_site):
		for function, arguments in (
			("upload_file", {"file_url": paper.file_url}),
			("upload_file", {"library_file_name": paper.name}),
			("frappe.client.insert", {"doc": json.dumps({"doctype": "File", "file_url": paper.file_url})}),
			(
				"frappe.utils.file_manager.add_attachments",
				{"doctype": "User", "name": user, "attachments": json.dumps([paper.name])},
			),
			(
				"frappe.core.doctype.communication.email.make",
				{
					"doctype": "User",
					"name": user,
					"recipients": "x@example.com",
					"content": "x",
					"attachments": json.dumps([paper.name]),
				},
			),
			(
				"frappe.core.doctype.communication.email.make",
				{
					"doctype": "User",
					"name": user,
					"recipients": "x@example.com",
					"content": "x",
					"attachments": json.dumps([{"file_url": paper.file_url}]),
				},
			),
		):
			answer = ask(site, user, function, arguments)
			assert answer.status in (403, 500) and not site.get_all("File", {"owner": user}), (
				function,
				answer.text[:300],
			)
			site.db.rollback()


def test_evidence_and_exports_are_no_files(site, people, foreign):
	"""What the app makes is sent, and kept nowhere."""
	assert not site.get_all("File", {"attached_to_doctype": ("in", ("License Change Request", "MSP Client"))})
	assert not site.get_all("Report", {"module": "MSP Licensing", "prepared_report": 1})
