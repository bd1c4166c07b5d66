"""Everything that can be called, by everybody who must not see it, with marks planted into every row of the app.

The ordinary run takes the functions that name a DocType, for two roles and one record: a minute or two. The whole
sweep (all functions, all roles, several records) takes much longer:
`MSP_LICENSING_DRILLS=all make test ARGS=tests/drills`.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import guessing
import marks as planting
import pytest
from asking import Answer, ask

from msp_licensing.frappe_version import NO_OBJECTION

WHOLE = os.environ.get("MSP_LICENSING_DRILLS") == "all"
PORTAL = ("requester", "reader", "approver")
ROLES = ("guest", *PORTAL, "portal_and_more", "clerk") if WHOLE else ("portal_and_more", "clerk")
# What refers to records, and must not refer to one that its writer may not read.
STORES = (
	*("Comment", "ToDo", "File", "Communication", "Tag Link", "DocShare", "Document Follow", "Event"),
	*("Energy Point Log", "Discussion Topic", "Reminder", "Email Queue", "Notification Log", "Access Log"),
)
WRITES = re.compile(r"^\s*(insert|update|delete|replace|truncate|alter)\b", re.IGNORECASE)


@pytest.fixture
def roles(site: Any, people: Any, make_portal_user: Any) -> dict[str, str]:
	"""A user for every role of the sweep."""
	site.get_doc({"doctype": "Role", "role_name": "Visitor of a Site", "desk_access": 0}).insert(
		ignore_if_duplicate=True
	)
	from msp_licensing.setup import demo

	more = make_portal_user("more@cedarpine.example", demo.CEDAR, "Licensing Client")
	user = site.get_doc("User", more)
	user.append("roles", {"role": "Visitor of a Site"})
	user.save()
	clerk = site.get_doc(
		{
			"doctype": "User",
			"email": "clerk@msp.example",
			"first_name": "Clerk",
			"send_welcome_email": 0,
			"roles": [{"role": "Desk User"}, {"role": "Report Manager"}],
		}
	).insert(ignore_permissions=True)
	site.db.commit()
	return {
		"guest": "Guest",
		"requester": people.requester,
		"reader": people.reader,
		"approver": people.approver,
		"portal_and_more": more,
		"clerk": clerk.name,
	}


@pytest.fixture
def waiting(site: Any, people: Any) -> str:
	"""A request of the other client. There is usage of both clients, and of nobody."""
	from msp_licensing import permissions
	from msp_licensing.changes import requests
	from msp_licensing.sandbox import storybook
	from msp_licensing.sync import jobs

	assert jobs.run("Usage", trigger="Manual")
	site.set_user(people.foreign_requester)
	doc = requests.submit(
		storybook.MUELLER_EXCLAIMER, 150, access=permissions.portal_access(people.foreign_requester)
	)
	site.set_user("Administrator")
	site.db.commit()
	return doc.name


@contextmanager
def nothing_leaves(site: Any, monkeypatch: Any) -> Iterator[list[str]]:
	"""No commit, no job, no mail; gives the list of what is written."""
	written: list[str] = []
	run = site.db.sql

	back = site.db.rollback

	def sql(query: Any, values: Any = (), *arguments: Any, **options: Any) -> Any:
		if WRITES.match(text := str(query)):
			written.append(f"{text} {values}")
			if text.strip()[:5].casefold() in ("alter", "trunc"):
				raise site.PermissionError("No rollback takes back a change of a table")
		return run(query, values, *arguments, **options)

	def rollback(*arguments: Any, save_point: str | None = None, **options: Any) -> None:
		"""A function that takes everything back takes back its own call."""
		back(save_point=save_point or "one_call")

	monkeypatch.setattr(site.db, "rollback", rollback)
	monkeypatch.setattr(site.db, "sql", sql)
	monkeypatch.setattr(site.db, "commit", lambda *arguments, **options: None)
	monkeypatch.setattr(site, "enqueue", lambda *arguments, **options: None)
	monkeypatch.setattr("frappe.utils.background_jobs.enqueue", lambda *arguments, **options: None)
	monkeypatch.setattr(
		site, "sendmail", lambda *arguments, **options: written.append(f"insert `tabEmail Queue` {options}")
	)
	monkeypatch.setattr(site, "publish_realtime", lambda *arguments, **options: None)
	yield written


def about(site: Any, waiting: str, people: Any, planted: dict[str, str]) -> list[tuple[str, str]]:
	"""The records that functions are asked about."""
	subscription = site.db.get_value("License Change Request", waiting, "subscription")
	some = [
		("License Change Request", waiting),
		("Pax8 Subscription", subscription),
		("Notification Log", planted["Notification Log"]),
	]
	if WHOLE:
		some += [
			("Pax8 Settings", "Pax8 Settings"),
			("MSP Client", site.db.get_value("License Change Request", waiting, "client")),
			("ToDo", planted["ToDo"]),
			("File", planted["File"]),
			("Comment", planted["Comment"]),
			("Communication", planted["Communication"]),
		]
	return some


def foreign(written: list[str], names: list[str], own_tables: tuple[str, ...]) -> list[str]:
	"""What was written into the app's tables, or refers to a record that is not the writer's."""
	found = []
	for query in written:
		if (
			any(f"`tab{table}`" in query for table in own_tables)
			or ("`tabSingles`" in query and "Pax8" in query)
			or (
				any(f"`tab{store}`" in query for store in STORES)
				and any(f"'{name}'" in query for name in names)
			)
		):
			found.append(query[:300])
	return found


@pytest.mark.parametrize("role", ROLES)
def test_nobody_is_shown_or_changes_what_is_not_theirs(site, people, roles, waiting, monkeypatch, role):
	from msp_licensing.doors import asked
	from msp_licensing.setup import demo

	user = roles[role]
	functions = guessing.functions(site)
	assert len(functions) > (350 if WHOLE else 300)
	own_tables = asked.own_doctypes()
	marks = planting.plant(site, demo.CEDAR)
	planted = planting.plant_about(site, "License Change Request", waiting, people.manager)
	targets = about(site, waiting, people, planted)
	names = [name for _, name in targets if name != "Pax8 Settings"]
	client = user != "Guest" and role != "clerk"
	problems: list[str] = []
	calls = 0

	def look(what: str, answer: Answer, written: list[str]) -> None:
		if shown := marks.shown(answer.text, client=client):
			problems.append(f"{what} shows {shown}: {answer.text[:200]}")
		if answer.status < 400 and (changed := foreign(written, names, own_tables)):
			problems.append(f"{what} writes {changed[:2]}")

	with nothing_leaves(site, monkeypatch) as written:
		for doctype, name in targets:
			for verb, address, arguments in guessing.addresses(doctype, name):
				written.clear()
				site.db.savepoint("one_call")
				look(f"{verb} {address}", ask(site, user, address, arguments, verb=verb), written)
				site.db.rollback(save_point="one_call")
				calls += 1
			for path, function in functions.items():
				if not WHOLE and not guessing.takes_a_doctype(function):
					continue
				verbs = site.allowed_http_methods_for_whitelisted_func[function]
				arguments = guessing.arguments(function, doctype, name, user, _column(doctype))
				written.clear()
				site.db.savepoint("one_call")
				answer = ask(site, user, path, arguments, verb="POST" if "POST" in verbs else "GET")
				look(f"{path} {arguments}", answer, written)
				try:
					site.db.rollback(save_point="one_call")
				except Exception as problem:  # a function that begins a transaction of its own
					problems.append(f"{path} ends the transaction: {problem}")
					raise
				calls += 1
	assert calls > 100
	assert not problems, f"{len(problems)} of {calls} calls as {role}:\n" + "\n".join(problems[:40])


def _column(doctype: str) -> str:
	"""The column that tells most of a record."""
	return {"Notification Log": "subject", "ToDo": "description", "File": "file_url"}.get(
		doctype, "product_name"
	)


def test_the_sweep_would_find_a_door(site, people, roles, waiting, monkeypatch):
	"""The same calls with an open gate: what the sweep is for."""
	from msp_licensing.doors import gate

	planting.plant(site, "nobody")
	planted = planting.plant_about(site, "License Change Request", waiting, people.manager)
	monkeypatch.setattr(gate, "check", lambda: None)
	monkeypatch.setattr(site, "override_whitelisted_method", lambda path: path, raising=False)
	asking = {
		"doctype": "Notification Log",
		"filters": f'{{"name": "{planted["Notification Log"]}"}}',
	}
	monkeypatch.setattr(
		"msp_licensing.doors.records.own_bell_entry", lambda *arguments, **options: NO_OBJECTION
	)
	answer = ask(site, roles["portal_and_more"], "frappe.client.get", asking)
	assert planting.OTHERS in answer.text


def test_what_the_portal_says_of_usage_is_the_clients_own(site, people, roles, waiting, monkeypatch):
	"""The ordinary run leaves out functions that name no DocType: these say most to a client."""
	from msp_licensing.portal import usage_queries
	from msp_licensing.setup import demo

	site.db.set_single_value("Licensing Settings", "client_price_from", "Suggested Retail Price")
	marks = planting.plant(site, demo.CEDAR)
	foreign = f"{demo.site_client_doctype()}:{demo.MUELLER}"
	with nothing_leaves(site, monkeypatch):
		for role in (*PORTAL, "portal_and_more", "clerk", "guest"):
			for arguments in ({}, {"by": "months"}, {"client": foreign}, {"subscription": "%"}):
				for function in ("usage_csv", "overview"):
					answer = ask(site, roles[role], f"msp_licensing.portal.api.{function}", arguments)
					client = role in (*PORTAL, "portal_and_more")
					assert not marks.shown(answer.text, client=client), (role, function, arguments)
					assert (answer.status < 400) == (
						client and "client" not in arguments
					) or function == "overview"
			site.set_user(roles[role])
			page = usage_queries.page_for_session(foreign)
			assert not marks.shown(str(page), client=page["state"] == "usage"), role
			site.set_user("Administrator")
