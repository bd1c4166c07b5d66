"""Whatever is typed or sent, by whichever door: a clear sentence comes back, and nothing is changed."""

import math
import re

import pytest

from msp_licensing.sandbox import storybook

KEEPER = storybook.CEDAR_KEEPER
DT = "License Change Request"

# What clients read, or staff.
WHOLE = "digits only|not a whole number"
LEAST = "at least 1"
MUCH = "too large|above 1000000"
SAME = "have 10|10 already"
NONE = "[Ee]nter the total number|no quantity"

# As typed or sent, and what the sentence says. Keeper has 10 licenses.
NUMBERS = (
	("15.5", WHOLE),
	("15,5", WHOLE),
	("15.0", WHOLE),
	("1/2", WHOLE),
	("1e3", WHOLE),
	("+5", WHOLE),
	("0x10", WHOLE),
	("10 000", WHOLE),
	("10.000", WHOLE),
	("fifteen", WHOLE),
	("<b>15</b>", WHOLE),
	("15; drop table", WHOLE),
	("½", WHOLE),
	("²", WHOLE),
	("NaN", WHOLE),
	("Infinity", WHOLE),
	(15.5, WHOLE),
	(math.nan, WHOLE),
	(math.inf, WHOLE),
	(True, WHOLE),
	("-3", LEAST),
	("−3", LEAST),
	(-3, LEAST),
	("0", LEAST),
	("-0", LEAST),
	("00", LEAST),
	("1000001", MUCH),
	("9" * 30, MUCH),
	("9" * 5000, MUCH),
	(10**30, MUCH),
	("10", SAME),
	("010", SAME),
	("", NONE),
	("   ", NONE),
)
# What stops a client and not staff.
LIMITS = (("201", "200 at the most"), ("999999", "200 at the most"))

# Programs send these; Frappe's own check of arguments, or the rules, send them back.
NO_NUMBERS = (None, [], ["15"], {}, {"quantity": 15}, b"15")

TABLES = (
	DT,
	"License Change Attempt",
	"License Change Event",
	"License Change Notice",
	"Notification Log",
	"Email Queue",
	"ToDo",
	"Workflow Action",
	"Comment",
	"Version",
	"Pax8 Subscription",
	"Pax8 Subscription Change",
	"Singles",
)
# That somebody looked at Pax8 is no change.
LOOKED = {"read_on"}


@pytest.fixture(autouse=True)
def fresh_counters(site, monkeypatch):
	from msp_licensing.portal import throttle

	monkeypatch.setitem(throttle.LIMITS, "change", (100_000, 3600))


def everything(site, sandbox, besides=()):
	"""All that a refusal must leave as it is: records, jobs, and Pax8."""
	from frappe.utils.background_jobs import get_queue

	site.db.rollback()
	found = {
		table: [
			{column: value for column, value in row.items() if column not in LOOKED}
			for row in site.db.sql(f"select * from `tab{table}`", as_dict=True)
		]
		for table in TABLES
		if table not in besides
	}
	found["jobs"] = [job.id for name in ("short", "default", "long") for job in get_queue(name).jobs]
	found["writes"] = [
		call for call in sandbox.calls() if call["method"] in ("PUT", "POST", "DELETE", "PATCH")
	]
	found["writes"] = [call for call in found["writes"] if call["operation"] != "createAccessToken"]
	return found


def sentence(message):
	"""A message as people are to read it: whole sentences, no HTML, nothing of the machine."""
	text = re.sub(r"</?(strong|b)>", "", message or "")
	assert text.strip() and text == text.strip(), f"no sentence: {message!r}"
	assert len(text) < 250, f"long: {text}"
	assert text[0].isupper() and text[-1] in ".?!", f"no sentence: {text!r}"
	for machine in ("Traceback", "Error", "invalid literal", "None", "<", "{", "object at", "_"):
		assert machine not in text, f"{machine!r} in {text!r}"
	return text


def by_portal(site, people, wanted, subscription=KEEPER, **options):
	from msp_licensing.portal import api

	site.set_user(options.pop("user", people.requester))
	return site.call(api.request_change, subscription=subscription, quantity=wanted, **options)


def by_desk(site, people, wanted, subscription=KEEPER, **options):
	site.set_user(options.pop("user", people.manager))
	values = {"subscription": subscription, "requested_quantity": wanted, "staff_reason": "By phone"}
	return site.get_doc({"doctype": DT, **values, **options}).insert()


def by_client_insert(site, people, wanted, subscription=KEEPER, **options):
	"""Frappe's own way for programs, as the form's "Save" takes it."""
	from frappe import client

	site.set_user(options.pop("user", people.manager))
	values = {"subscription": subscription, "requested_quantity": wanted, "staff_reason": "By phone"}
	return client.insert({"doctype": DT, **values, **options})


DOORS = {"portal": by_portal, "desk": by_desk, "client.insert": by_client_insert}


def refused(site, act):
	"""The sentence of a refusal; everything else fails the test."""
	try:
		made = act()
	except (site.ValidationError, site.PermissionError, site.DoesNotExistError) as error:
		return str(error)
	finally:
		site.db.rollback()
		site.set_user("Administrator")
		site.local.message_log = []
	pytest.fail(f"was let through: {made}")


@pytest.mark.parametrize("door", DOORS)
def test_a_number_that_is_none_gets_a_sentence_and_changes_nothing(site, sandbox, people, door):
	numbers = (*NUMBERS, *LIMITS) if door == "portal" else NUMBERS
	before = everything(site, sandbox)
	for wanted, words in numbers:
		message = sentence(refused(site, lambda wanted=wanted: DOORS[door](site, people, wanted)))
		assert re.search(words, message), f"{wanted!r}: {message}"
		assert everything(site, sandbox) == before, f"{wanted!r} left a trace"


@pytest.mark.parametrize("door", DOORS)
def test_what_is_no_number_at_all_changes_nothing(site, sandbox, people, door):
	before = everything(site, sandbox)
	for wanted in NO_NUMBERS:
		assert refused(site, lambda wanted=wanted: DOORS[door](site, people, wanted)), repr(wanted)
		assert everything(site, sandbox) == before, f"{wanted!r} left a trace"


# A subscription that cannot be changed, and what clients and staff read.
UNCHANGEABLE = (
	(storybook.CEDAR_EXCHANGE_CANCELLED, "5", "active"),
	(storybook.CEDAR_ACROBAT_TRIAL, "4", "active"),
	(storybook.CEDAR_DROPSUITE_PENDING, "26", "active"),
	(storybook.CEDAR_AZURE, "2", "usage"),
)


@pytest.mark.parametrize("door", DOORS)
def test_a_subscription_that_cannot_be_changed_says_why(site, sandbox, people, door):
	before = everything(site, sandbox)
	for subscription, wanted, words in UNCHANGEABLE:
		message = refused(
			site,
			lambda wanted=wanted, subscription=subscription: DOORS[door](site, people, wanted, subscription),
		)
		assert re.search(words, sentence(message), re.I), message
		assert everything(site, sandbox) == before, f"{subscription} left a trace"


def test_somebody_elses_subscription_reads_like_none(site, sandbox, people):
	before = everything(site, sandbox)
	told = set()
	for subscription in (
		storybook.MUELLER_EXCLAIMER,
		storybook.BLUE_HARBOR_KEEPER,
		"50000000-0000-4000-8000-999999999999",
		"nonsense",
		"%",
		"' or 1=1 --",
		"",
	):
		told.add(
			sentence(
				refused(site, lambda subscription=subscription: by_portal(site, people, "12", subscription))
			)
		)
		assert everything(site, sandbox) == before, f"{subscription} left a trace"
	assert len(told) == 1, "the answer tells them apart"


# What has changed behind an open page, and what its user reads.
def _minimum(site, sandbox):
	site.db.set_single_value("Licensing Settings", "default_min_quantity", 9)


def _own_minimum(site, sandbox):
	site.db.set_value(
		"Pax8 Subscription", KEEPER, {"override_limits": 1, "min_quantity": 9, "max_quantity": 20}
	)


def _maximum(site, sandbox):
	site.db.set_single_value("Licensing Settings", "default_max_quantity", 11)


def _no_self_service(site, sandbox):
	site.db.set_value("Pax8 Subscription", KEEPER, "self_service", "Deny")


def _usage_based(site, sandbox):
	site.db.set_value("Pax8 Product", storybook.KEEPER_BUSINESS, "usage_class", "Usage")


def _cancelled(site, sandbox):
	sandbox.change("subscriptions", KEEPER, status="Cancelled")


def _moved(site, sandbox):
	sandbox.change("subscriptions", KEEPER, quantity=12)


def _gone(site, sandbox):
	site.db.set_value("Pax8 Subscription", KEEPER, "vanished", 1)


def _hidden(site, sandbox):
	site.db.set_value("Pax8 Subscription", KEEPER, "show_to_client", 0)


def _another_clients(site, sandbox):
	from msp_licensing.setup import demo

	doc = site.get_doc("Pax8 Company", storybook.CEDAR_AND_PINE)
	doc.update({"client_doctype": demo.site_client_doctype(), "client": demo.MUELLER})
	doc.save()


def _switched_off(site, sandbox):
	site.db.set_single_value("Pax8 Settings", "mode", "Off")


MEANWHILE = (
	(_minimum, "8", "9"),
	(_own_minimum, "8", "9"),
	(_maximum, "12", "11"),
	(_no_self_service, "12", "provider"),
	(_usage_based, "12", "usage"),
	(_cancelled, "12", "active"),
	(_moved, "15", "changed to 12"),
	(_gone, "12", ""),
	(_hidden, "12", "not exist"),
	(_another_clients, "12", "not exist"),
	(_switched_off, "12", "not possible at the moment"),
)


@pytest.mark.parametrize("meanwhile", MEANWHILE, ids=lambda case: case[0].__name__.strip("_"))
def test_a_page_that_has_grown_old_is_told_what_is_so_now(site, sandbox, people, meanwhile):
	from cleaning import empty_queues

	change, wanted, words = meanwhile
	change(site, sandbox)
	for doctype in ("Pax8 Settings", "Licensing Settings"):
		site.clear_document_cache(doctype, doctype)
	site.db.commit()
	empty_queues(site)
	# What Pax8 has just told is kept; of wishes there is no trace.
	told = ("Pax8 Subscription", "Pax8 Subscription Change")
	before = everything(site, sandbox, besides=told)
	message = sentence(refused(site, lambda: by_portal(site, people, wanted, seen_quantity=10)))
	assert re.search(words, message, re.I), message
	assert everything(site, sandbox, besides=told) == before
	# And once more, from a page that knows what is so.
	assert refused(site, lambda: by_portal(site, people, wanted, seen_quantity=10))


@pytest.mark.parametrize("door", DOORS)
def test_a_second_click_is_told_that_there_is_a_request(site, sandbox, people, door):
	made = DOORS[door](site, people, "40")
	site.db.commit()
	site.set_user("Administrator")
	assert made
	before = everything(site, sandbox)
	for again in DOORS:
		message = sentence(refused(site, lambda again=again: DOORS[again](site, people, "40")))
		assert re.search("open request|request on this subscription is open", message), message
		assert everything(site, sandbox) == before
	assert site.db.count(DT) == 1


def test_what_a_request_says_of_itself_counts_for_nothing(site, sandbox, people):
	"""Fields that the server fills: sent along, they are replaced and never believed."""
	from msp_licensing.setup import demo

	lies = {
		"workflow_state": "Approved",
		"decision": "Auto-Approved",
		"decided_by": people.manager,
		"approved_quantity": 400,
		"current_quantity": 11,
		"client": "Müller & Söhne GmbH",
		"requested_by": people.requester,
		"source": "Portal",
		"open_subscription": "free",
		"write_sent_on": "2020-01-01",
		"decision_facts": "{}",
	}
	for door in (by_desk, by_client_insert):
		made = door(site, people, "40", client_doctype=demo.site_client_doctype(), **lies)
		site.set_user("Administrator")
		row = site.db.get_value(DT, made.get("name"), list(lies), as_dict=True)
		believed = [name for name, value in lies.items() if str(row[name]) == str(value)]
		assert not believed, f"{door.__name__}: believed {believed}"
		site.db.rollback()


@pytest.mark.parametrize("who", ["reader", "foreign_requester", "foreign_reader", "system_manager"])
def test_people_who_may_not_ask_get_a_sentence_and_change_nothing(site, sandbox, people, who):
	before = everything(site, sandbox)
	for door in DOORS:
		message = refused(site, lambda door=door: DOORS[door](site, people, "12", user=getattr(people, who)))
		# Frappe itself says nothing to those who have no business with a DocType.
		assert door != "portal" or sentence(message)
		assert everything(site, sandbox) == before, door
