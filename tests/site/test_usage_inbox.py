"""The usage inbox: what is nobody's and why, whose it may be, what people decide, and who may see it."""

import threading

import pytest
from usage_helpers import ACRONIS, ASSIGNMENT, AZURE, GROUP, SENTINEL

from msp_licensing.sandbox import storybook

CEDAR_COMPANY, MUELLER_COMPANY = storybook.CEDAR_AND_PINE, storybook.MUELLER_UND_SOEHNE
BLUE, NORTHWIND = storybook.BLUE_HARBOR_DENTAL, storybook.NORTHWIND_PARTNER
NOBODY, DISPUTED = storybook.SENTINELONE_OF_NOBODY, storybook.SENTINELONE_DISPUTED
LOG = "Notification Log"


@pytest.fixture
def names(site):
	from msp_licensing.setup import demo

	return demo.CEDAR, demo.MUELLER


@pytest.fixture
def door():
	from msp_licensing.desk import usage_inbox

	return usage_inbox


def rows(answer):
	return {row["resource_group"]: row for row in answer["rows"]}


# ------------------------------------------------------------------------------------ what is listed


def test_every_group_of_nobody_is_listed_with_why_amounts_and_age(usage, door):
	usage.clocks.set(usage_time(2027, 3, 12))
	usage.put(NOBODY, currentCharges=40, partnerTotal=30)
	usage.sync()
	usage.clocks.set(usage_time(2027, 3, 14))
	answer = door.load()
	found = rows(answer)
	assert {text: row["why"] for text, row in found.items() if text in _STORY} == _STORY
	assert answer["total"] == answer["counts"]["Unassigned"] == len(found)
	row = found[NOBODY]
	assert (row["this_month_charges"], row["this_month_cost"], row["last_month_charges"]) == (40, 30, None)
	assert (row["days"], row["currency"]) == (2, "USD")
	assert found[storybook.SENTINELONE_TRIAL]["is_trial"] == 1
	assert DISPUTED not in found and storybook.MUELLER_ACRONIS_GROUP not in found


_STORY = {
	storybook.SENTINELONE_OF_CEDAR: "No Company",
	NOBODY: "No Company",
	storybook.SENTINELONE_DEFAULT_SITE: "Your Own Company",
	storybook.SENTINELONE_TRIAL: "Your Own Company",
	storybook.SENTINELONE_OF_BLUE_HARBOR: "Company Not Mapped",
}


def usage_time(*day):
	from datetime import datetime

	return datetime(*day, 12, 0)


def test_amounts_of_an_earlier_month_are_never_shown_as_this_months(usage, door):
	usage.put(NOBODY, currentCharges=40)
	usage.on(2027, 3, 20, 4, 0)
	usage.clocks.set(usage_time(2027, 4, 10))
	row = rows(door.load())[NOBODY]
	assert (row["this_month_charges"], row["last_month_charges"]) == (None, 40)
	assert door.load()["amounts"] == [] and door.unassigned_amount() == "None"
	usage.clocks.set(usage_time(2027, 5, 10))
	row = rows(door.load())[NOBODY]
	assert (row["this_month_charges"], row["last_month_charges"]) == (None, None)


def test_amounts_are_added_up_by_currency_without_trials(usage, door):
	usage.sync()
	before = {row["currency"]: row for row in door.load()["amounts"]}
	usage.put("Zürich", wire={"currencyCode": "CHF"}, currentCharges=10)
	usage.put("Bern", wire={"currencyCode": "CHF"}, currentCharges=5.5)
	usage.put("Trial", isTrial=True, currentCharges=1000)
	usage.put("No amount", absent=["currentCharges", "partnerTotal"])
	usage.on(2027, 3, 15, 4, 0)
	after = {row["currency"]: row for row in door.load()["amounts"]}
	assert after["CHF"]["charges"] == 15.5 and after["CHF"]["groups"] == 2
	assert set(after) == {*before, "CHF"}
	card = door.unassigned_amount()
	assert "15.50" in card and " · " in card, card
	assert rows(door.load(search="no amount"))["No amount"]["this_month_charges"] is None


def test_the_page_is_searched_filtered_sorted_and_paged(usage, door):
	for number in range(30):
		usage.put(f"Extra {number:02d} 50%_", currentCharges=number)
	usage.sync()
	first, second = door.load(search="extra"), door.load(search="extra", start=25)
	assert (first["total"], len(first["rows"]), len(second["rows"])) == (30, 25, 5)
	assert not {row["name"] for row in first["rows"]} & {row["name"] for row in second["rows"]}
	largest = door.load(search="50%", order="amount", page_length=2)["rows"]
	assert [row["this_month_charges"] for row in largest] == [29, 28]
	assert door.load(search="nothing like it 🦷'\\")["total"] == 0
	assert {row["why"] for row in door.load(why="Your Own Company")["rows"]} == {"Your Own Company"}
	assert {row["why"] for row in door.load(why="Company Not Mapped")["rows"]} == {"Company Not Mapped"}
	assert {row["why"] for row in door.load(why="No Company", search="zz_")["rows"]} == {"No Company"}
	assert door.load(section="Nonsense", order="name; drop table")["total"] == door.load()["total"]


def test_any_number_of_groups_takes_the_same_queries(usage, site, door):
	from test_billing_class import queries

	usage.sync()
	door.load()
	with queries(site, most=60) as few:
		door.load(page_length=2)
	for number in range(60):
		usage.put(f"Cedar Pine {number}", currentCharges=number)
	usage.on(2027, 3, 15, 4, 0)
	door.load()
	with queries(site, most=len(few) + 2):
		assert len(door.load(page_length=50)["rows"]) == 50


def test_ten_thousand_groups_take_no_more_work_than_a_page(usage, site, door):
	import time

	from msp_licensing import clock

	usage.sync()
	now = clock.utc_now()
	values = [
		(f"g{number}", f"Group {number} 🦷 <b>", SENTINEL, "Unassigned", "USD", 1, number, now, now.date())
		for number in range(10_000)
	]
	site.db.bulk_insert(
		GROUP,
		[
			*("name", "resource_group", "subscription_id", "placement", "currency"),
			*("has_this_month_charges", "this_month_charges", "first_read_on_utc", "last_day"),
		],
		values,
	)
	site.db.commit()
	# Of this process: how busy the machine is does not count.
	begun = time.process_time()
	assert door.load(page_length=25)["total"] > 10_000
	assert time.process_time() - begun < 2


# ------------------------------------------------------------------------------------ whose it may be


def test_a_client_is_suggested_with_the_reason_in_words(usage, site, people, names, door):
	usage.put("vm.cedarpine.example", currentCharges=1)
	usage.sync()
	found = rows(door.load())
	(best,) = found[storybook.SENTINELONE_OF_CEDAR]["suggestions"]
	assert (best["client"], best["title"]) == (names[0], names[0])
	assert best["reasons"] == ["The name of the resource group is like the client's."]
	assert found[NOBODY]["suggestions"] == []
	(by_domain,) = found["vm.cedarpine.example"]["suggestions"]
	assert by_domain["client"] == names[0] and "vm.cedarpine.example" in by_domain["reasons"][0]


def test_earlier_months_and_the_subscription_speak_for_a_client(usage, names, door):
	usage.sandbox.assign_usage(SENTINEL, NOBODY, MUELLER_COMPANY)
	usage.on(2027, 2, 20, 4, 0)
	usage.sandbox.assign_usage(SENTINEL, NOBODY, None)
	usage.sandbox.assign_usage(ACRONIS, storybook.MUELLER_ACRONIS_GROUP, None)
	usage.on(2027, 3, 20, 4, 0)
	found = rows(door.load())
	(best,) = found[NOBODY]["suggestions"]
	assert best["client"] == names[1] and best["reasons"] == ["It belonged to this client in February 2027."]
	(best,) = found[storybook.MUELLER_ACRONIS_GROUP]["suggestions"]
	assert best["client"] == names[1] and "The subscription belongs to this client." in best["reasons"]


def test_a_disabled_client_is_not_suggested(usage, site, names, door):
	from msp_licensing.setup import demo

	usage.sync()
	site.db.set_value(demo.site_client_doctype(), names[0], "disabled", 1)
	site.db.commit()
	assert rows(door.load())[storybook.SENTINELONE_OF_CEDAR]["suggestions"] == []


def test_a_renamed_group_says_which_one_it_was_and_suggests_its_client(usage, names, door):
	usage.put("Zeta North", currentCharges=40)
	usage.sync()
	usage.assign(usage.group("Zeta North"), names[1])
	usage.sandbox._control(
		"DELETE", "usage", None, {"subscriptionId": SENTINEL, "resourceGroup": "Zeta North"}
	)
	usage.put("zeta_north", currentCharges=41)
	usage.on(2027, 3, 15, 4, 0)
	row = rows(door.load())["zeta_north"]
	assert row["rename"]["old_text"] == "Zeta North" and row["rename"]["reasons"]
	(best,) = row["suggestions"]
	assert best["client"] == names[1] and "“Zeta North”" in best["reasons"][0]


def test_azure_that_has_not_linked_itself_is_flagged_after_some_days(usage, door):
	text = storybook.CEDAR_AZURE_PRODUCTION
	usage.sandbox.assign_usage(AZURE, text, None)
	usage.on(2027, 3, 12, 4, 0)
	assert rows(door.load())[text]["azure"] == "Waiting"
	usage.on(2027, 3, 16, 4, 0)
	assert rows(door.load())[text]["azure"] == "Overdue"
	usage.sandbox.assign_usage(AZURE, text, BLUE)
	usage.on(2027, 3, 17, 4, 0)
	row = rows(door.load())[text]
	assert (row["azure"], row["why"]) == ("", "Company Not Mapped"), "it has linked itself"
	assert rows(door.load())[NOBODY]["azure"] == ""


# ------------------------------------------------------------------------------------ decisions


def test_several_groups_are_assigned_at_once_each_for_itself(usage, site, people, as_user, names, door):
	usage.sync()
	mine = [usage.group(text).name for text in (NOBODY, storybook.SENTINELONE_OF_CEDAR)]
	with as_user(people.manager):
		answer = door.assign(mine, names[0], reason=" By phone ")
		site.db.commit()
		assert (answer["done"], answer["failed"]) == (2, [])
		again = door.assign([*mine, usage.group("Default site").name], names[1])
		site.db.commit()
	assert again["done"] == 1 and len(again["failed"]) == 2
	assert all("already, by Maya Manager" in row["message"] for row in again["failed"])
	assert {row["group"] for row in again["failed"]} == {NOBODY, storybook.SENTINELONE_OF_CEDAR}
	kept = site.get_all(ASSIGNMENT, ["client", "reason", "given_by"], order_by="client")
	assert [(row.client, row.reason) for row in kept] == [
		(names[0], "By phone"),
		(names[0], "By phone"),
		(names[1], None),
	]
	assert {row.given_by for row in kept} == {people.manager}


def test_of_two_managers_at_once_the_second_reads_what_the_first_did(usage, site, people, names, door):
	usage.sync()
	group, name = usage.group(NOBODY).name, site.local.site
	told, gate = [], threading.Barrier(2)

	def decide(client):
		import frappe

		frappe.init(name, sites_path=".", force=True)
		frappe.connect()
		try:
			frappe.set_user(people.manager)
			gate.wait(20)
			door.assign([group], client)
			frappe.db.commit()
			told.append(None)
		except Exception as error:
			told.append(error)
		finally:
			frappe.destroy()

	threads = [threading.Thread(target=decide, args=(client,)) for client in names]
	for thread in threads:
		thread.start()
	for thread in threads:
		thread.join(60)
	errors = [error for error in told if error]
	assert len(told) == 2 and len(errors) == 1, told
	assert "already, by Maya Manager" in str(errors[0])
	site.db.rollback()
	assert site.db.count(ASSIGNMENT, {"open_key": group}) == 1


def test_ignored_groups_leave_the_inbox_and_come_back(usage, site, people, as_user, door):
	usage.sync()
	group = usage.group(NOBODY).name
	with as_user(people.manager):
		with pytest.raises(site.ValidationError, match="why"):
			door.ignore([group], " ")
		door.ignore([group], "Our <lab>")
		site.db.commit()
		with pytest.raises(site.ValidationError, match="Maya Manager ignored it already"):
			door.ignore([group], "x")
		assert NOBODY not in rows(door.load())
		row = rows(door.load(section="Ignored"))[NOBODY]
		assert (row["ignore_reason"], row["ignored_by"]) == ("Our <lab>", "Maya Manager")
		door.stop_ignoring([group])
		site.db.commit()
		with pytest.raises(site.ValidationError, match="not ignored any more"):
			door.stop_ignoring([group])
		assert NOBODY in rows(door.load())


@pytest.mark.parametrize("wrong", ["", "[]", "{}", "[1]", "not json", '["no such group"]'])
def test_groups_that_are_none_are_refused(usage, site, door, names, wrong):
	with pytest.raises((site.ValidationError, site.DoesNotExistError)):
		door.assign(wrong, names[0])
	with pytest.raises(site.ValidationError, match="500"):
		door.assign([str(number) for number in range(501)], names[0])


# ------------------------------------------------------------------------------------ conflicts


@pytest.fixture
def conflict(usage, names):
	"""A group that is assigned to Cedar & Pine while Pax8 links it to Müller & Söhne; the assignment."""
	usage.sync()
	return usage.assign(usage.group(DISPUTED), names[0], reason="Olivia said so")


def test_a_conflict_says_what_both_say_and_can_be_ended_for_pax8(
	usage, site, people, as_user, names, conflict, door
):
	answer = door.load(section="Conflicts")
	assert answer["counts"]["Conflicts"] == answer["total"] == 1
	row = rows(answer)[DISPUTED]
	assert (row["pax8_client"], row["assignment"]["client"]) == (names[1], names[0])
	assert (row["assignment"]["by"], row["assignment"]["reason"]) == ("Administrator", "Olivia said so")
	with as_user(people.manager):
		door.remove(conflict, reason="Pax8 is right")
		site.db.commit()
	assert usage.group(DISPUTED).client == names[1]
	assert door.load(section="Conflicts")["total"] == 0
	with pytest.raises(site.ValidationError, match="ended already"):
		door.change(conflict, names[1])


def test_the_form_shows_who_decided_what_when_and_why(usage, site, names, conflict, door):
	from msp_licensing.setup import demo

	demo.make_client("Blue Harbor")
	newer = door.change(conflict, "Blue Harbor", reason="Moved")
	site.db.commit()
	given = door.group(usage.group(DISPUTED).name)["assignments"]
	assert [(row["name"], row["in_force"]) for row in given] == [(newer, True), (conflict, False)]
	assert (given[1]["ended_because"], given[1]["ended"]) == ("Changed", "Administrator")
	assert given[0]["reason"] == "Moved" and given[0]["by"] == "Administrator"
	assert door.group(usage.group(DISPUTED).name)["linked"]["pax8_client"] == names[1]
	assert door.group(usage.group(NOBODY).name)["linked"] is None


# ------------------------------------------------------------------------------------ who may see it


def test_a_manager_of_some_clients_sees_no_usage_of_nobody_and_no_other_clients_name(
	usage, site, people, as_user, restrict, names, conflict, door
):
	group = usage.group(NOBODY).name
	restrict(people.manager, names[0])
	with as_user(people.manager):
		answer = door.load()
		assert (answer["rows"], answer["total"], answer["amounts"], answer["restricted"]) == ([], 0, [], True)
		assert door.unassigned_amount() == "—"
		conflicts = door.load(section="Conflicts")
		row = rows(conflicts)[DISPUTED]
		assert row["assignment"]["client"] == names[0]
		assert (row["pax8_client"], row["pax8_company"], row["pax8_company_name"]) == (None, None, None)
		assert "Müller" not in str(conflicts)
		assert not rows(door.load(section="Conflicts", search="Müller")), "not by what is found, either"
		assert set(door.group(usage.group(DISPUTED).name)["linked"].values()) == {None}
		listed = site.get_list("Pax8 Resource Group", fields=["*"])
		assert DISPUTED in str(listed) and "Müller" not in str(listed)
		for call in (
			lambda: door.assign([group], names[0]),
			lambda: door.assign([group], names[1]),
			lambda: door.ignore([group], "x"),
			lambda: door.group(group),
			lambda: door.change(conflict, names[1]),
			lambda: door.preview_rule({}),
		):
			with pytest.raises(site.PermissionError):
				call()
			site.db.rollback()
		both = door.assign([group, usage.group("Default site").name], names[0])
		assert both["done"] == 0 and len(both["failed"]) == 2
		assert NOBODY not in str(both), "not even its name"
		door.remove(conflict)
	site.db.rollback()


def test_cost_is_shown_to_those_only_who_may_read_it(usage, site, people, as_user, door):
	from frappe.permissions import setup_custom_perms

	usage.sync()
	with as_user(people.manager):
		assert door.load()["cost"] and "this_month_cost" in door.load()["rows"][0]
	setup_custom_perms(GROUP)
	try:
		site.db.delete("Custom DocPerm", {"parent": GROUP, "permlevel": 1, "role": "Licensing Manager"})
		site.clear_cache(doctype=GROUP)
		with as_user(people.manager):
			for section in ("Unassigned", "Conflicts"):
				answer = door.load(section=section)
				assert not answer["cost"] and "cost" not in str(answer["rows"] + answer["amounts"])
	finally:
		site.db.delete("Custom DocPerm", {"parent": GROUP})
		site.clear_cache(doctype=GROUP)
		site.db.commit()


# ------------------------------------------------------------------------------------ managers are told


def bells(site):
	return site.get_all(LOG, ["for_user", "subject", "link", "email_content"], {"document_type": GROUP})


def test_managers_are_told_once_a_run_of_all_that_is_new_without_names_in_the_bell(usage, site, people):
	for doctype in (LOG, "Email Queue"):
		site.db.delete(doctype)
	usage.sync()
	(bell,) = site.get_all(LOG, ["for_user", "subject", "link"], {"document_type": GROUP})
	assert bell.for_user == people.manager and bell.link.endswith("/usage-inbox")
	assert bell.subject == "New usage belongs to no client."
	(mail,) = site.get_all("Email Queue", ["message"], {"reference_doctype": GROUP})
	assert "resource groups" in mail.message
	usage.on(2027, 3, 15, 4, 0)
	assert site.db.count(LOG, {"document_type": GROUP}) == 1, "nothing new"
	usage.put("Brand new", currentCharges=1)
	usage.put("Brand new 2", currentCharges=1)
	usage.on(2027, 3, 16, 4, 0)
	assert site.db.count(LOG, {"document_type": GROUP}) == 2, "one message for both"
	assert not site.get_all(GROUP, {"placement": "Unassigned", "announced_on": ("is", "not set")})


def test_a_manager_of_some_clients_is_not_told_of_usage_of_nobody(usage, site, people, restrict, names):
	restrict(people.manager, names[0])
	usage.sync()
	assert people.manager not in site.get_all(LOG, {"document_type": GROUP}, pluck="for_user")


def test_what_was_linked_at_first_is_told_of_nobody(usage, site, people):
	usage.sync()
	linked = usage.group(storybook.MUELLER_ACRONIS_GROUP, ACRONIS)
	assert linked.announced_on is None and usage.group(NOBODY).announced_on


# ------------------------------------------------------------------------------------ a company that was just mapped


def test_usage_of_a_company_is_read_when_it_is_mapped(usage, site, people, names):
	from cleaning import empty_queues
	from faulty import client

	from msp_licensing.setup import demo
	from msp_licensing.sync import jobs

	company = site.get_doc("Pax8 Company", MUELLER_COMPANY)
	company.update({"client": None, "client_doctype": None}).save()
	site.db.delete("Pax8 Subscription", {"pax8_company": MUELLER_COMPANY})
	site.db.commit()
	company.reload()
	company.update({"client_doctype": demo.site_client_doctype(), "client": names[1]}).save()
	site.db.commit()
	empty_queues(site)
	with client(usage.sandbox) as pax8:
		jobs.run("Subscriptions", trigger="Mapping", company=MUELLER_COMPANY, pax8=pax8)
		queued = queued_jobs()
		assert [(job["kind"], job["company"]) for job in queued] == [("Usage", MUELLER_COMPANY)]
		jobs.run("Usage", trigger="Mapping", company=MUELLER_COMPANY, pax8=pax8)
	assert usage.group(storybook.MUELLER_ACRONIS_GROUP, ACRONIS).client == names[1]
	assert not usage.groups(subscription=AZURE), "only of this company"
	empty_queues(site)
	with client(usage.sandbox) as pax8:
		jobs.run("Subscriptions", trigger="Mapping", company=BLUE, pax8=pax8)
	assert queued_jobs() == [], "no usage, no run"


def queued_jobs():
	from frappe.utils.background_jobs import get_queue

	return [
		job.kwargs["kwargs"]
		for job in get_queue("long").get_jobs()
		if job.kwargs.get("kwargs", {}).get("kind")
	]
