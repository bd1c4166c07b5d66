"""Whose usage is: Pax8's word, a local assignment until Pax8 agrees, and a conflict where it says otherwise."""

import threading
from datetime import date

import pytest
from usage_helpers import ACRONIS, ASSIGNMENT, AZURE, GROUP, LINE, MONTH, SENTINEL, SNAPSHOT, TABLES

from msp_licensing.sandbox import storybook

CEDAR_COMPANY, MUELLER_COMPANY = storybook.CEDAR_AND_PINE, storybook.MUELLER_UND_SOEHNE
BLUE, NORTHWIND = storybook.BLUE_HARBOR_DENTAL, storybook.NORTHWIND_PARTNER
NOBODY = storybook.SENTINELONE_OF_NOBODY


@pytest.fixture
def names(site):
	from msp_licensing.setup import demo

	return demo.CEDAR, demo.MUELLER


def the(site, name):
	site.db.rollback()
	return site.get_doc(ASSIGNMENT, name)


def link(usage, company, text=NOBODY):
	usage.sandbox.assign_usage(SENTINEL, text, company)


# ------------------------------------------------------------------------------------ one decision


def test_an_assigned_group_is_the_clients_from_the_first_of_the_month_on(usage, site, names):
	usage.on(2027, 3, 12, 4, 0)
	usage.on(2027, 3, 14, 4, 0)
	group = usage.group(NOBODY)
	name = usage.assign(group, names[0], reason="It says so <b>on site</b>")
	group = usage.group(NOBODY)
	assert (group.placement, group.client, group.client_name, group.conflict) == (
		"Assigned Here",
		names[0],
		names[0],
		0,
	)
	assert group.placed_since == date(2027, 3, 1)
	assert {row.client for row in usage.snapshots(group)} == {names[0]}
	assert usage.months(group)[0].client == names[0]
	given = the(site, name)
	assert (given.from_date, given.to_date, given.given_by) == (date(2027, 3, 1), None, "Administrator")
	assert given.reason == "It says so <b>on site</b>" and given.given_on
	usage.on(2027, 3, 15, 4, 0)
	assert usage.snapshots(usage.group(NOBODY))[-1].client == names[0], "the next sync keeps it"


def test_an_assignment_ends_by_itself_when_pax8_agrees(usage, site, names):
	usage.sync()
	name = usage.assign(usage.group(NOBODY), names[0])
	link(usage, CEDAR_COMPANY)
	usage.on(2027, 3, 16, 4, 0)
	group, ended = usage.group(NOBODY), the(site, name)
	assert (group.placement, group.client, group.conflict) == ("Linked by Pax8", names[0], 0)
	assert (ended.ended_because, ended.to_date, ended.open_key) == ("Pax8 agrees", date(2027, 3, 16), None)
	assert ended.ended_by and ended.ended_on
	assert group.placed_since == date(2027, 3, 1), "it is the same client's"


def test_pax8_saying_otherwise_is_a_conflict_until_a_person_decides(usage, site, names):
	usage.sync()
	name = usage.assign(usage.group(NOBODY), names[0])
	link(usage, MUELLER_COMPANY)
	usage.on(2027, 3, 16, 4, 0)
	group = usage.group(NOBODY)
	assert (group.placement, group.client, group.conflict) == ("Assigned Here", names[0], 1)
	assert group.pax8_company == MUELLER_COMPANY and not the(site, name).ended_because
	link(usage, NORTHWIND)
	usage.on(2027, 3, 17, 4, 0)
	assert not usage.group(NOBODY).conflict, "the partner's own company is nobody"
	link(usage, MUELLER_COMPANY)
	usage.on(2027, 3, 18, 4, 0)
	from msp_licensing.usage import assignments

	assignments.remove(name, reason="Pax8 is right")
	site.db.commit()
	group, ended = usage.group(NOBODY), the(site, name)
	assert (group.placement, group.client, group.conflict) == ("Linked by Pax8", names[1], 0)
	assert (ended.ended_because, ended.to_date, ended.end_reason) == (
		"Removed",
		date(2027, 3, 17),
		"Pax8 is right",
	)
	clients = {row.day.day: row.client for row in usage.snapshots(group)}
	assert clients == {14: names[0], 16: names[0], 17: names[0], 18: names[1]}


def test_a_change_ends_the_old_one_and_days_follow_the_dates(usage, site, names):
	from msp_licensing.setup import demo
	from msp_licensing.usage import assignments

	for number in (10, 12, 14):
		usage.on(2027, 3, number, 4, 0)
	first = usage.assign(usage.group(NOBODY), names[0])
	second = assignments.change(
		first, demo.site_client_doctype(), names[1], from_date="2027-03-12", reason="Moved"
	)
	site.db.commit()
	group, old = usage.group(NOBODY), the(site, first)
	assert (old.ended_because, old.to_date) == ("Changed", date(2027, 3, 11))
	assert (group.client, group.placed_since) == (names[1], date(2027, 3, 12))
	assert [row.client for row in usage.snapshots(group)] == [names[0], names[1], names[1]]
	with pytest.raises(site.ValidationError, match="has ended already"):
		assignments.change(first, demo.site_client_doctype(), names[0])
	# From its very first day: the second one never counted.
	assignments.change(second, demo.site_client_doctype(), names[0], from_date="2027-03-12")
	site.db.commit()
	never = the(site, second)
	assert never.to_date < never.from_date
	assert {row.client for row in usage.snapshots(group)} == {names[0]}


def test_an_assignment_that_was_a_mistake_can_be_undone_as_if_it_had_never_been(usage, site, names):
	from msp_licensing.usage import assignments

	usage.on(2027, 2, 26, 4, 0)
	usage.on(2027, 3, 14, 4, 0)
	name = usage.assign(usage.group(NOBODY), names[0], from_date="2027-02-01")
	group = usage.group(NOBODY)
	assert {row.client for row in usage.months(group)} == {names[0]}, "the month that is over, too"
	assignments.remove(name, from_date="2027-02-01")
	site.db.commit()
	group = usage.group(NOBODY)
	assert (group.placement, group.client, group.placed_since) == ("Unassigned", None, None)
	assert {row.client for row in [*usage.snapshots(group), *usage.months(group)]} == {None}


def test_a_group_assigned_again_has_no_two_clients_on_one_day(usage, site, names):
	from msp_licensing.usage import assignments

	for number in (10, 12, 14):
		usage.on(2027, 3, number, 4, 0)
	first = usage.assign(usage.group(NOBODY), names[0], from_date="2027-03-01")
	assignments.remove(first)
	site.db.commit()
	usage.assign(usage.group(NOBODY), names[1], from_date="2027-03-11")
	assert the(site, first).to_date == date(2027, 3, 10)
	assert [row.client for row in usage.snapshots(usage.group(NOBODY))] == [names[0], names[1], names[1]]


def test_what_cannot_be_is_refused_with_a_sentence(usage, site, names):
	from msp_licensing.setup import demo
	from msp_licensing.usage import assignments

	usage.sync()
	group, client_doctype = usage.group(NOBODY), demo.site_client_doctype()
	linked = usage.group(storybook.CEDAR_AZURE_PRODUCTION, AZURE)
	with pytest.raises(site.ValidationError, match="Pax8 links it to this client"):
		assignments.assign(linked.name, client_doctype, names[0])
	with pytest.raises(site.ValidationError, match="future"):
		assignments.assign(group.name, client_doctype, names[0], from_date="2027-03-15")
	for wrong in (("User", "Administrator"), (client_doctype, "Nobody & Sons")):
		with pytest.raises(site.DoesNotExistError, match="no client"):
			assignments.assign(group.name, *wrong)
	with pytest.raises(site.DoesNotExistError):
		assignments.assign("no such group", client_doctype, names[0])
	name = usage.assign(group, names[0])
	with pytest.raises(site.ValidationError, match=r"assigned to .* already"):
		assignments.assign(group.name, client_doctype, names[1])
	with pytest.raises(site.ValidationError, match=r"assigned to .* already"):
		assignments.change(name, client_doctype, names[0])
	site.db.rollback()
	assert site.db.count(ASSIGNMENT) == 1


def test_usage_that_needs_no_client_is_ignored_with_a_reason_and_taken_back(usage, site, names):
	from msp_licensing.usage import assignments

	usage.sync()
	group = usage.group(NOBODY)
	with pytest.raises(site.ValidationError, match="why"):
		assignments.ignore(group.name, "  ")
	with pytest.raises(site.ValidationError, match="belongs to"):
		assignments.ignore(usage.group(storybook.CEDAR_AZURE_PRODUCTION, AZURE).name, "x")
	assignments.ignore(group.name, "Our own lab")
	site.db.commit()
	usage.put(NOBODY, currentCharges=1)
	usage.on(2027, 3, 15, 4, 0)
	group = usage.group(NOBODY)
	assert (group.placement, group.ignore_reason, group.ignored_by) == (
		"Ignored",
		"Our own lab",
		"Administrator",
	)
	link(usage, CEDAR_COMPANY)
	usage.on(2027, 3, 16, 4, 0)
	assert usage.group(NOBODY).placement == "Linked by Pax8"
	link(usage, None)
	usage.on(2027, 3, 17, 4, 0)
	assert usage.group(NOBODY).placement == "Ignored"
	assignments.stop_ignoring(group.name)
	site.db.commit()
	assert usage.group(NOBODY).placement == "Unassigned"


# ------------------------------------------------------------------------------------ what changes around it


def test_a_group_that_moves_in_mid_month_leaves_its_history_where_it_was(usage, names):
	link(usage, CEDAR_COMPANY)
	usage.sync()
	link(usage, MUELLER_COMPANY)
	usage.on(2027, 3, 20, 4, 0)
	group = usage.group(NOBODY)
	assert [row.client for row in usage.snapshots(group)] == [names[0], names[1]]
	assert (group.client, group.placed_since, usage.months(group)[0].client) == (
		names[1],
		date(2027, 3, 20),
		names[1],
	)


def test_a_mapping_moves_the_groups_of_its_company_at_once(usage, site, names):
	usage.sync()
	azure = usage.group(storybook.CEDAR_AZURE_PRODUCTION, AZURE)
	assert azure.client == names[0]
	company = site.get_doc("Pax8 Company", CEDAR_COMPANY)
	company.update({"client": names[1]}).save()
	site.db.commit()
	azure = usage.group(storybook.CEDAR_AZURE_PRODUCTION, AZURE)
	assert (azure.client, usage.months(azure)[0].client) == (names[1], names[1])
	company.reload()
	company.update({"client": None}).save()
	site.db.commit()
	azure = usage.group(storybook.CEDAR_AZURE_PRODUCTION, AZURE)
	assert (azure.client, azure.placement, azure.placed_since) == (None, "Unassigned", None)
	assert usage.snapshots(azure)[-1].client is None


def test_mapping_the_company_that_pax8_names_ends_an_assignment_to_the_same_client(usage, site, names):
	from msp_licensing.setup import demo

	usage.sync()
	group = usage.group(storybook.SENTINELONE_OF_BLUE_HARBOR)
	demo.make_client("Blue Harbor")
	site.db.commit()
	name = usage.assign(group, "Blue Harbor")
	company = site.get_doc("Pax8 Company", BLUE)
	company.update({"client_doctype": demo.site_client_doctype(), "client": "Blue Harbor"}).save()
	site.db.commit()
	assert the(site, name).ended_because == "Pax8 agrees"
	assert usage.group(storybook.SENTINELONE_OF_BLUE_HARBOR).placement == "Linked by Pax8"


def test_nothing_is_assigned_to_a_disabled_client_and_what_was_stays(usage, site, names):
	from msp_licensing.setup import demo
	from msp_licensing.usage import assignments

	usage.sync()
	demo.make_client("Blue Harbor")
	site.db.commit()
	name = usage.assign(usage.group(NOBODY), "Blue Harbor")
	site.get_doc(demo.site_client_doctype(), "Blue Harbor").update({"disabled": 1}).save()
	site.db.commit()
	usage.on(2027, 3, 15, 4, 0)
	assert usage.group(NOBODY).client == "Blue Harbor", "it was used by nobody else"
	other = usage.group(storybook.SENTINELONE_OF_CEDAR)
	for call in (
		lambda: assignments.assign(other.name, demo.site_client_doctype(), "Blue Harbor"),
		lambda: assignments.change(usage.assign(other, names[0]), demo.site_client_doctype(), "Blue Harbor"),
	):
		with pytest.raises(site.ValidationError, match="disabled"):
			call()
	assert not the(site, name).ended_because


def test_a_client_that_is_renamed_or_merged_takes_its_usage_along(usage, site, names):
	from msp_licensing.setup import demo

	usage.sync()
	demo.make_client("Blue Harbor")
	site.db.commit()
	name = usage.assign(usage.group(NOBODY), "Blue Harbor")
	link(usage, CEDAR_COMPANY)
	usage.on(2027, 3, 15, 4, 0)
	assert usage.group(NOBODY).conflict
	site.rename_doc(demo.site_client_doctype(), "Blue Harbor", "Blue Harbour Ltd")
	site.db.commit()
	group = usage.group(NOBODY)
	assert (group.client, the(site, name).client) == ("Blue Harbour Ltd", "Blue Harbour Ltd")
	assert {row.client for row in usage.snapshots(group)} == {"Blue Harbour Ltd"}
	site.rename_doc(demo.site_client_doctype(), "Blue Harbour Ltd", names[0], merge=True)
	site.db.commit()
	group, ended = usage.group(NOBODY), the(site, name)
	assert (group.client, group.client_name, group.conflict) == (names[0], names[0], 0)
	assert ended.ended_because == "Pax8 agrees" and group.placement == "Linked by Pax8"


def test_a_client_that_is_deleted_by_force_leaves_its_usage_to_nobody(usage, site):
	from msp_licensing.setup import demo

	usage.sync()
	demo.make_client("Blue Harbor")
	site.db.commit()
	name = usage.assign(usage.group(NOBODY), "Blue Harbor")
	with pytest.raises(site.LinkExistsError):
		site.delete_doc(demo.site_client_doctype(), "Blue Harbor")
	site.db.rollback()
	site.delete_doc(demo.site_client_doctype(), "Blue Harbor", force=True)
	site.db.commit()
	group, ended = usage.group(NOBODY), the(site, name)
	assert (group.client, group.placement) == (None, "Unassigned")
	assert (ended.ended_because, ended.open_key) == ("Removed", None)
	assert usage.on(2027, 3, 15, 4, 0).status == "Completed"


def test_of_two_managers_at_once_one_assigns_and_the_other_is_told(usage, site, names):
	import frappe

	from msp_licensing import transactions
	from msp_licensing.setup import demo
	from msp_licensing.usage import assignments

	usage.sync()
	group, name, told = usage.group(NOBODY).name, frappe.local.site, []
	gate, client_doctype = threading.Barrier(2), demo.site_client_doctype()

	def work(client):
		frappe.init(name, sites_path=".", force=True)
		frappe.connect()
		try:
			gate.wait(20)
			transactions.repeated(assignments.assign)(group, client_doctype, client)
			frappe.db.commit()
			told.append("assigned")
		except frappe.ValidationError as error:
			told.append(f"{type(error).__name__}: {error}")
		finally:
			frappe.destroy()

	threads = [threading.Thread(target=work, args=(client,)) for client in names]
	for thread in threads:
		thread.start()
	for thread in threads:
		thread.join(60)
	assert sorted(words == "assigned" for words in told) == [False, True], told
	assert any("already" in words for words in told), told
	site.db.rollback()
	(only,) = site.get_all(ASSIGNMENT, fields=["client", "open_key"])
	assert site.db.get_value(GROUP, group, "client") == only.client


# ------------------------------------------------------------------------------------ who may


def test_portal_users_and_strangers_read_nothing_of_usage(usage, site, people, make_portal_user, as_user):
	usage.sync()
	usage.assign(usage.group(NOBODY), "Cedar & Pine Architects")
	stranger = make_portal_user("clerk@msp.example", None, "Report Manager")
	for user in (people.requester, people.reader, people.approver, people.foreign_requester, stranger):
		with as_user(user):
			for doctype in TABLES:
				for right in ("read", "write", "create", "delete", "report", "export", "select", "print"):
					assert not site.has_permission(doctype, right), (user, doctype, right)
				with pytest.raises(site.PermissionError):
					site.get_list(doctype)


def test_nobody_writes_what_comes_from_pax8_or_was_decided(usage, site, people, as_user, names):
	usage.sync()
	name = usage.assign(usage.group(NOBODY), names[0])
	with as_user(people.manager):
		for doctype in TABLES:
			assert site.has_permission(doctype, "read")
			for right in ("write", "create", "delete", "share"):
				assert not site.has_permission(doctype, right), (doctype, right)
	for doctype in (GROUP, SNAPSHOT, MONTH, LINE, ASSIGNMENT):
		doc = site.get_doc(doctype, site.get_all(doctype, pluck="name", limit=1)[0])
		field = "client_name" if doctype == ASSIGNMENT else "currency"
		doc.set(field, "XXX")
		with pytest.raises(site.PermissionError):
			doc.save(ignore_permissions=True)
		with pytest.raises(site.PermissionError):
			site.get_doc({"doctype": doctype, "resource_group": doc.get("resource_group")}).insert()
	with pytest.raises(site.PermissionError):
		site.delete_doc(ASSIGNMENT, name, force=True)


def test_costs_are_on_a_level_of_their_own(usage, site):
	for doctype in (GROUP, SNAPSHOT, MONTH, LINE):
		meta = site.get_meta(doctype)
		costs = [field.fieldname for field in meta.fields if "cost" in field.fieldname]
		assert len(costs) >= 2 and all(meta.get_field(field).permlevel == 1 for field in costs)
		assert not any(field.permlevel for field in meta.fields if "charges" in field.fieldname)


def test_a_manager_of_some_clients_sees_and_assigns_only_theirs(
	usage, site, people, as_user, restrict, names
):
	from msp_licensing.setup import demo
	from msp_licensing.usage import assignments, renames

	usage.sync()
	mine = usage.assign(usage.group(storybook.SENTINELONE_OF_CEDAR), names[1])
	group = usage.group(NOBODY)
	restrict(people.manager, names[1])
	with as_user(people.manager):
		for doctype in (GROUP, SNAPSHOT, MONTH):
			found = site.get_list(doctype, fields=["client"], limit_page_length=0)
			assert {row.client for row in found} == {names[1]}, doctype
		groups = set(site.get_list(GROUP, pluck="name", limit_page_length=0))
		assert set(site.get_list(LINE, pluck="resource_group", limit_page_length=0)) <= groups
		assert site.get_list(LINE, limit_page_length=1)
		line = site.get_all(LINE, {"resource_group": ("not in", list(groups))}, pluck="name", limit=1)[0]
		assert not site.has_permission(LINE, "read", line)
		assert not site.has_permission(GROUP, "read", group.name)
		for call in (
			lambda: assignments.assign(group.name, demo.site_client_doctype(), names[1]),
			lambda: assignments.change(mine, demo.site_client_doctype(), names[0]),
			lambda: assignments.ignore(group.name, "x"),
		):
			with pytest.raises(site.PermissionError):
				call()
		assignments.remove(mine)
		assert renames.suggestions() == []
	site.db.rollback()


@pytest.mark.parametrize("who", ["requester", "system_manager"])
def test_only_managers_decide(usage, site, people, as_user, names, who):
	from msp_licensing.setup import demo
	from msp_licensing.usage import assignments

	usage.sync()
	group = usage.group(NOBODY)
	name = usage.assign(usage.group(storybook.SENTINELONE_OF_CEDAR), names[0])
	with as_user(getattr(people, who)):
		for call in (
			lambda: assignments.assign(group.name, demo.site_client_doctype(), names[0]),
			lambda: assignments.change(name, demo.site_client_doctype(), names[1]),
			lambda: assignments.remove(name),
			lambda: assignments.ignore(group.name, "x"),
			lambda: assignments.stop_ignoring(group.name),
		):
			with pytest.raises(site.PermissionError):
				call()


# ------------------------------------------------------------------------------------ new names


def renamed(usage, old, new, **values):
	usage.sandbox._control("DELETE", "usage", None, {"subscriptionId": SENTINEL, "resourceGroup": old})
	usage.put(new, **values)


def test_a_group_with_a_new_name_is_suggested_as_the_old_one_with_reasons_and_never_merged(usage, names):
	from msp_licensing.usage import renames

	usage.put("ACME North - 4411027", companyId=CEDAR_COMPANY, currentCharges=40)
	usage.put("Something else", currentCharges=5)
	usage.sync()
	assert renames.suggestions() == [], "all of them are there"
	old = usage.group("ACME North - 4411027")
	renamed(usage, "ACME North - 4411027", "acme_north (9920113)", companyId=CEDAR_COMPANY, currentCharges=41)
	usage.on(2027, 3, 15, 4, 0)
	new = usage.group("acme_north (9920113)")
	(told,) = renames.suggestions()
	assert (told["old"], told["new"]) == (old.name, new.name) and told["score"] > 90
	assert len(told["reasons"]) == 4 and "1 day before" in told["reasons"][1]
	assert [row["new"] for row in renames.suggestions(old.name)] == [new.name]
	assert usage.group("ACME North - 4411027").last_day == date(2027, 3, 14)
	assert len(usage.snapshots(new)) == 1


def test_a_new_group_that_is_like_no_old_one_is_suggested_as_none(usage):
	from msp_licensing.usage import renames

	usage.put("ACME North", currentCharges=40)
	usage.put("Still here", currentCharges=4)
	usage.sync()
	renamed(usage, "ACME North", "zz_migrated_1", companyId=CEDAR_COMPANY, currentCharges=41)
	usage.put("Still here too", currentCharges=4)
	usage.on(2027, 3, 15, 4, 0)
	assert renames.suggestions() == []


# ------------------------------------------------------------------------------------ events


def test_usage_that_was_posted_is_read_when_the_event_names_its_subscription(usage, site):
	from faulty import client
	from webhook_helpers import receive, row

	from msp_licensing.webhooks import processing

	site.cache.delete(site.cache.make_key("msp_licensing:webhooks:queued"))
	usage.put("x", ACRONIS, companyId=MUELLER_COMPANY, currentCharges=40)
	name = receive(
		site,
		topic="LINE_ITEM_COMPLETED",
		data={"action": "Finished", "lineItems": [{"type": "ArrearsUpload", "subscriptionId": ACRONIS}]},
	)
	own = receive(site, topic="ArrearsUpload", data={"subscriptionId": SENTINEL})
	other = receive(site, topic="SUBSCRIPTION", data={"action": "ArrearsUpload"})
	with client(usage.sandbox) as pax8:
		processing.run(pax8)
	kept = row(site, name)
	assert kept.status == "Processed" and "Usage of Acronis" in kept.result, (kept.result, kept.error)
	assert usage.group("x", ACRONIS).this_month_charges == 40
	assert row(site, own).status == "Processed" and usage.groups(NOBODY)
	assert row(site, other).status == "Ignored"
	assert not site.db.count(LINE), "lines come with the schedule"
	with client(usage.sandbox) as pax8:
		receive(site, topic="ArrearsUpload", data={"subscriptionId": SENTINEL, "again": 1})
		processing.run(pax8)
	run = usage.sync()
	assert run.status == "Completed" and site.db.count(LINE)
