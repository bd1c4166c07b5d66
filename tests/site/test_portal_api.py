"""The portal's API: who may call what, what comes out, and what never does."""

import json
import time
from contextlib import ExitStack
from datetime import datetime
from decimal import Decimal
from types import SimpleNamespace

import pytest

from msp_licensing.sandbox import storybook

NOWHERE = "50000000-0000-4000-8000-999999999999"

# Every whitelisted function with arguments that concern Cedar's own records.
CALLS = {
	"request_change": lambda world: {"subscription": storybook.CEDAR_KEEPER, "quantity": "11"},
	"withdraw": lambda world: {"request": world.waiting},
	"check": lambda world: {"subscription": storybook.CEDAR_KEEPER, "quantity": "11"},
	"approve": lambda world: {"request": world.asked},
	"decline": lambda world: {"request": world.asked},
	"status": lambda world: {"request": world.waiting},
	"overview": lambda world: {"client": world.cedar_key},
	"usage_csv": lambda world: {"client": world.cedar_key},
}
# What answers with a file and returns nothing; test_usage_portal.py reads the file.
FILES = {"usage_csv"}
ALLOWED_TO = {
	"guest": set(),
	"staff": set(),
	"manager": set(),
	"nobody": set(),
	"foreign_requester": set(),
	"foreign_reader": set(),
	"foreign_approver": set(),
	"reader": {"status", "overview", "usage_csv"},
	"approver": {"approve", "decline", "status", "overview", "usage_csv"},
	"requester": {"request_change", "withdraw", "check", "status", "overview", "usage_csv"},
}
# Who has the right, but no such record: they get the answer of a record that does not exist.
SAME_ROLE = {
	"nobody": "requester",
	"foreign_requester": "requester",
	"foreign_reader": "reader",
	"foreign_approver": "approver",
}


@pytest.fixture(autouse=True)
def fresh_counters(site) -> None:
	for key in site.cache.keys(site.cache.make_key("msp_licensing:portal:*")):
		site.cache.delete(key)


@pytest.fixture
def world(site, people, make_portal_user, as_user):
	"""The demo's people, a waiting request of Cedar's, a user without a client, and one of the staff."""
	from msp_licensing.portal import api
	from msp_licensing.setup import demo

	make_portal_user("nobody@nowhere.example", None, "Licensing Client")
	make_portal_user("staff@msp.example", None, "System Manager")
	with as_user(people.requester):
		waiting = api.request_change(subscription=storybook.CEDAR_SOPHOS, quantity="90")["request"]
	site.db.commit()
	return SimpleNamespace(
		**vars(people),
		guest="Guest",
		nobody="nobody@nowhere.example",
		staff="staff@msp.example",
		waiting=waiting,
		cedar_key=f"{demo.site_client_doctype()}:{demo.CEDAR}",
		mueller_key=f"{demo.site_client_doctype()}:{demo.MUELLER}",
	)


@pytest.fixture
def asked(site, world, make_portal_user, as_user):
	"""The world, with a request of Cedar's that waits for its approver, and an approver of the other client."""
	from msp_licensing.portal import api
	from msp_licensing.setup import demo

	world.foreign_approver = make_portal_user("alma@mueller.example", demo.MUELLER, "Licensing Approver")
	site.db.set_single_value("Licensing Settings", "use_client_approval", 1)
	site.clear_document_cache("Licensing Settings", "Licensing Settings")
	with as_user(world.requester):
		world.asked = api.request_change(subscription=storybook.CEDAR_BUSINESS_PREMIUM, quantity="30")[
			"request"
		]
	site.db.set_single_value("Licensing Settings", "use_client_approval", 0)
	site.clear_document_cache("Licensing Settings", "Licensing Settings")
	site.db.commit()
	return world


def call(site, function, arguments):
	"""Calls a whitelisted function as a request would: with Frappe's check of the arguments."""
	from msp_licensing.portal import api

	return site.call(getattr(api, function), **arguments)


def refusal(site, function, arguments):
	"""Type and message of the refusal; anything but a refusal fails the test."""
	with pytest.raises((site.PermissionError, site.DoesNotExistError, site.ValidationError)) as error:
		call(site, function, arguments)
	site.db.rollback()
	return type(error.value), str(error.value)


def test_no_whitelisted_function_is_left_out_of_this_test(site):
	import frappe

	from msp_licensing.portal import api

	exposed = {function.__name__ for function in frappe.whitelisted if function.__module__ == api.__name__}
	assert exposed == set(CALLS)
	from msp_licensing.webhooks import receive  # asks for a secret of its own

	ours = {function for function in frappe.guest_methods if function.__module__.startswith("msp_licensing")}
	assert ours == {receive}


@pytest.mark.parametrize("who", sorted(ALLOWED_TO))
def test_each_function_serves_only_whom_it_should(site, asked, as_user, who):
	world = asked
	for function, arguments in CALLS.items():
		before = site.db.count("License Change Request")
		with as_user(getattr(world, who)):
			if function in ALLOWED_TO[who]:
				assert call(site, function, arguments(world)) or function in FILES, function
				site.db.rollback()
				continue
			if (who, function) == ("nobody", "overview"):
				# A user with a role and no client is told so, whatever client is asked for.
				assert call(site, function, arguments(world))["page"]["state"] == "no_client"
				continue
			kind, _message = refusal(site, function, arguments(world))
		may_call = ALLOWED_TO[SAME_ROLE[who]] if who in SAME_ROLE else set()
		assert kind is (site.DoesNotExistError if function in may_call else site.PermissionError), function
		assert site.db.count("License Change Request") == before, function
		for request, state in ((world.waiting, "Pending Approval"), (world.asked, "Pending Client Approval")):
			assert site.db.get_value("License Change Request", request, "workflow_state") == state


@pytest.mark.parametrize("function", ["request_change", "check"])
def test_somebody_elses_subscription_answers_like_one_that_does_not_exist(site, world, as_user, function):
	with as_user(world.foreign_requester):
		foreign = refusal(site, function, {"subscription": storybook.CEDAR_KEEPER, "quantity": "11"})
		missing = refusal(site, function, {"subscription": NOWHERE, "quantity": "11"})
	assert foreign == missing and foreign[1]


@pytest.mark.parametrize("function", ["withdraw", "status"])
def test_somebody_elses_request_answers_like_one_that_does_not_exist(site, world, as_user, function):
	with as_user(world.foreign_requester):
		foreign = refusal(site, function, {"request": world.waiting})
		missing = refusal(site, function, {"request": "LCR-1999-00001"})
	assert foreign == missing and foreign[1]


def test_somebody_elses_client_answers_like_one_that_does_not_exist(site, world, as_user):
	with as_user(world.requester):
		foreign = refusal(site, "overview", {"client": world.mueller_key})
		missing = refusal(site, "overview", {"client": "MSP Client:Nobody Ltd"})
	assert foreign == missing


@pytest.mark.parametrize(
	("quantity", "state", "message"),
	[
		("15", "Approved", "Your change is approved and will be applied."),
		(" 15 ", "Approved", "Your change is approved and will be applied."),
		(15, "Approved", "Your change is approved and will be applied."),
		("16", "Pending Approval", "Sent to your provider for approval."),
		("5", "Approved", "Your change is approved and will be applied."),
	],
)
def test_a_wish_becomes_a_request_with_the_outcome_in_plain_words(
	site, people, as_user, quantity, state, message
):
	with as_user(people.requester):
		answer = call(site, "request_change", {"subscription": storybook.CEDAR_KEEPER, "quantity": quantity})
	assert answer["message"] == message
	doc = site.get_doc("License Change Request", answer["request"])
	assert (doc.workflow_state, doc.requested_quantity, doc.requested_by) == (
		state,
		int(quantity),
		people.requester,
	)


NUMBERS_THAT_CANNOT_BE = [
	("", "Enter the total number"),
	("ten", "digits only"),
	("10.5", "digits only"),
	("1e1", "digits only"),
	("+5", "digits only"),
	("0", "at least 1"),
	("-3", "at least 1"),
	("10", "You already have 10."),
	("201", "200 at the most"),
	("9" * 5000, "too large"),
	(True, "digits only"),
	(10.5, "digits only"),
]


def test_a_number_that_cannot_be_is_refused_in_the_same_words_while_typing_and_on_sending(
	site, people, as_user
):
	for quantity, words in NUMBERS_THAT_CANNOT_BE:
		arguments = {"subscription": storybook.CEDAR_KEEPER, "quantity": quantity}
		with as_user(people.requester):
			checked = call(site, "check", dict(arguments))
			_kind, message = refusal(site, "request_change", dict(arguments))
		assert not checked["ok"] and checked["message"] == message and words in message, quantity
	assert not site.db.count("License Change Request")


def test_arguments_of_another_type_do_not_reach_the_rules(site, people, as_user):
	for quantity in (None, {"a": 1}, ["12"]):
		with as_user(people.requester):
			refusal(site, "request_change", {"subscription": storybook.CEDAR_KEEPER, "quantity": quantity})
	assert not site.db.count("License Change Request")


def test_checking_a_number_leaves_no_trace_and_asks_pax8_nothing(site, people, sandbox, as_user):
	calls = len(sandbox.calls())
	with as_user(people.requester):
		answer = call(site, "check", {"subscription": storybook.CEDAR_KEEPER, "quantity": "15"})
		held = call(site, "check", {"subscription": storybook.CEDAR_KEEPER, "quantity": "150"})
	assert answer == held == {"ok": True, "message": "", "hint": "", "when": None}, (
		"a hold must not be told in advance"
	)
	assert len(sandbox.calls()) == calls
	assert not site.db.count("License Change Request")


def test_an_increase_within_a_commitment_names_its_end(site, people, as_user):
	from frappe.utils import formatdate

	end = site.db.get_value("Pax8 Subscription", storybook.CEDAR_BUSINESS_PREMIUM, "commitment_end")
	with as_user(people.requester):
		more = call(site, "check", {"subscription": storybook.CEDAR_BUSINESS_PREMIUM, "quantity": "30"})
		fewer = call(site, "check", {"subscription": storybook.CEDAR_BUSINESS_PREMIUM, "quantity": "20"})
	assert more["ok"] and formatdate(end) in more["hint"]
	assert fewer["when"]["now"] is False and formatdate(end) in fewer["hint"]


def test_a_second_wish_is_refused_and_a_withdrawn_one_makes_room(site, world, as_user):
	again = {"subscription": storybook.CEDAR_SOPHOS, "quantity": "43"}
	with as_user(world.requester):
		_kind, message = refusal(site, "request_change", again)
		assert "open request" in message
		call(site, "withdraw", {"request": world.waiting})
		assert call(site, "request_change", again)["request"]


def test_a_decided_request_cannot_be_withdrawn(site, world, as_user):
	with as_user(world.manager):
		doc = site.get_doc("License Change Request", world.waiting)
		doc.workflow_state = "Rejected"
		doc.save()
	with as_user(world.requester):
		_kind, message = refusal(site, "withdraw", {"request": world.waiting})
	assert "decided already" in message


def test_a_quantity_that_has_moved_is_told_instead_of_used(site, people, sandbox, as_user):
	sandbox.change("subscriptions", storybook.CEDAR_KEEPER, quantity=12)
	with as_user(people.requester):
		_kind, message = refusal(
			site,
			"request_change",
			{"subscription": storybook.CEDAR_KEEPER, "quantity": "15", "seen_quantity": 10},
		)
	assert "12" in message


def test_one_user_is_slowed_down_and_others_are_not(site, people, make_portal_user, as_user, monkeypatch):
	from msp_licensing.portal import throttle
	from msp_licensing.setup import demo

	other = make_portal_user("second@cedarpine.example", demo.CEDAR, "Licensing Client")
	monkeypatch.setitem(throttle.LIMITS, "check", (3, 3600))
	arguments = {"subscription": storybook.CEDAR_KEEPER, "quantity": "11"}
	with as_user(people.requester):
		for _turn in range(3):
			call(site, "check", arguments)
		kind, message = refusal(site, "check", arguments)
	assert kind is throttle.TooOften and kind.http_status_code == 429 and "try again" in message
	with as_user(other):
		assert call(site, "check", arguments)["ok"]
	keys = site.cache.keys(site.cache.make_key("msp_licensing:portal:*"))
	assert keys and all(site.cache.ttl(key) > 0 for key in keys), "counters must expire"


@pytest.fixture
def limits(site, monkeypatch):
	"""limits(change=(3, 3600), …): other limits, and counters that begin at 0."""
	from msp_licensing.portal import throttle

	def forget():
		for key in site.cache.keys(site.cache.make_key("msp_licensing:portal:*")):
			site.cache.delete(key)

	def choose(refused=None, guessed=None, **values):
		for what, limit in values.items():
			monkeypatch.setitem(throttle.LIMITS, what, limit)
		monkeypatch.setattr(throttle, "REFUSED", refused or throttle.REFUSED)
		monkeypatch.setattr(throttle, "GUESSED", guessed or throttle.GUESSED)

	forget()
	yield choose
	forget()


def ask_and_take_back(site, wanted="11"):
	"""Two things that succeed."""
	answer = call(site, "request_change", {"subscription": storybook.CEDAR_KEEPER, "quantity": wanted})
	site.db.set_value(
		"License Change Request",
		answer["request"],
		{"workflow_state": "Withdrawn", "open_subscription": None},
	)


def test_refused_tries_take_nothing_from_a_yearly_true_up(site, people, as_user, limits):
	"""Thirty changes, with a slip now and then: it used to stop at the thirty-first try."""
	keeper = {"subscription": storybook.CEDAR_KEEPER}
	with as_user(people.requester):
		for turn in range(40):
			if turn % 2:
				refusal(site, "request_change", {**keeper, "quantity": "10"})
			ask_and_take_back(site)


def test_what_succeeds_is_counted_and_the_user_reads_when_to_go_on(site, people, as_user, limits):
	from msp_licensing.portal import throttle

	limits(change=(3, 3600))
	arguments = {"subscription": storybook.CEDAR_KEEPER, "quantity": "11"}
	with as_user(people.requester):
		for _turn in range(3):
			ask_and_take_back(site)
		kind, message = refusal(site, "request_change", arguments)
		assert kind is throttle.TooOften
		assert message == "You have made 3 changes within an hour. Please try again in 60 minutes."
		assert call(site, "check", arguments)["ok"], "looking goes on"


def test_a_client_is_counted_as_a_whole(site, people, make_portal_user, as_user, limits, monkeypatch):
	from msp_licensing.portal import throttle
	from msp_licensing.setup import demo

	limits(change=(2, 3600))
	monkeypatch.setitem(throttle.TOGETHER, "change", 1.5)
	other = make_portal_user("second@cedarpine.example", demo.CEDAR, "Licensing Client")
	arguments = {"subscription": storybook.CEDAR_KEEPER, "quantity": "11"}
	with as_user(people.requester):
		ask_and_take_back(site)
		ask_and_take_back(site)
	with as_user(other):
		ask_and_take_back(site)
		kind, message = refusal(site, "request_change", arguments)
	assert kind is throttle.TooOften and message.startswith("Your company has made 3")
	with as_user(people.foreign_requester):
		call(site, "request_change", {"subscription": storybook.MUELLER_ESET, "quantity": "31"})


def test_guessing_is_slowed_down_by_itself_and_longer_each_time(site, people, as_user, limits):
	from msp_licensing.portal import throttle

	limits(guessed=(3, 3600, 60, 3600))
	foreign = {"subscription": storybook.MUELLER_ESET, "quantity": "31"}
	own = {"subscription": storybook.CEDAR_KEEPER, "quantity": "11"}
	with as_user(people.requester):
		waits = []
		for _turn in range(3):
			assert refusal(site, "request_change", foreign)[0] is site.DoesNotExistError
		for _turn in range(3):
			assert refusal(site, "check", foreign)[0] is site.DoesNotExistError
			kind, message = refusal(site, "request_change", own)
			assert kind is throttle.TooOften and "try again in" in message
			key = throttle._key("guessed:wait", people.requester)
			waits.append(site.cache.ttl(key))
			site.cache.delete(key)  # the wait is over
	assert [round(wait / 60) for wait in waits] == [1, 2, 4]
	with as_user(people.foreign_requester):
		assert call(site, "check", foreign)["ok"]


def test_many_refused_tries_wait_and_reading_goes_on(site, people, as_user, limits):
	from msp_licensing.portal import throttle

	limits(refused=(2, 600, 30, 900))
	same = {"subscription": storybook.CEDAR_KEEPER, "quantity": "10"}
	with as_user(people.requester):
		for _turn in range(3):
			assert refusal(site, "request_change", same)[0] is not throttle.TooOften
		kind, message = refusal(site, "request_change", same)
		assert kind is throttle.TooOften and message.endswith("Please try again in 1 minute.")
		assert call(site, "overview", {})["page"]


def test_two_tabs_at_once_do_not_get_past_the_limit(site, people, limits):
	from msp_licensing.portal import throttle

	limits(change=(5, 3600))
	with pytest.raises(throttle.TooOften), ExitStack() as stack:
		for _tab in range(6):
			stack.enter_context(throttle.counted(people.requester, "change"))


def test_a_clock_that_is_set_back_keeps_nobody_waiting(site, people, limits, monkeypatch):
	"""The counters lapse by Redis' own timers, and know no clock of this machine."""
	from msp_licensing import clock
	from msp_licensing.portal import throttle

	limits(change=(1, 2))
	with throttle.counted(people.requester, "change"):
		pass
	monkeypatch.setattr(time, "time", lambda: 0.0)
	monkeypatch.setattr(clock, "utc_now", lambda: datetime(2020, 1, 1))
	with pytest.raises(throttle.TooOften), throttle.counted(people.requester, "change"):
		pass
	time.sleep(2.2)
	with throttle.counted(people.requester, "change"):
		pass


def test_staff_are_not_slowed_down(site, people, limits):
	from msp_licensing.portal import throttle

	limits(change=(0, 3600))
	with throttle.counted(people.manager, "change"):
		pass


# --------------------------------------------------------------------------------------------- what comes out

CARD = {
	"id",
	"product",
	"vendor",
	"company",
	"quantity",
	"by_usage",
	"quantity_text",
	"status",
	"terms",
	"may_change",
	"reason",
	"limits",
	"request",
	"usage",
	"search",
}
REQUEST = {
	"id",
	"product",
	"current",
	"wanted",
	"change",
	"word",
	"tone",
	"moving",
	"asked",
	"approved",
	"ended",
	"reason",
	"reason_from",
	"note",
	"may_withdraw",
	"may_decide",
	"amount",
	"seen_amount",
	"planned",
	"history",
}


def overview(site, as_user, user, client=None):
	with as_user(user):
		return call(site, "overview", {"client": client})


def test_only_the_listed_fields_come_out(site, world, as_user):
	page = overview(site, as_user, world.requester)["page"]
	assert {key for card in page["subscriptions"] + page["ended"] for key in card} == CARD
	assert {key for request in page["requests"] for key in request} == REQUEST


def test_no_price_no_cost_no_rule_and_no_other_client_comes_out(site, world, as_user):
	site.db.sql(
		"update `tabPax8 Subscription` set price = 7321.19, partner_cost = 6113.37, has_price = 1, has_partner_cost = 1"
	)
	site.db.sql(
		"update `tabPax8 Product Price` set partner_buy_rate = 5119.23, suggested_retail_price = 8123.71"
	)
	site.db.set_value("License Change Request", world.waiting, "pax8_message", "Pax8 said zebra")
	site.db.commit()
	text = json.dumps(overview(site, as_user, world.requester), default=str)
	for number in (7321, 6113, 5119, 8123):
		assert str(Decimal(number)) not in text
	for secret in ("zebra", "threshold", "within_threshold", "Exclaimer", "Müller", "ESET", "decision"):
		assert secret not in text, secret


def test_the_list_shows_what_the_client_has_with_its_state_in_words(site, people, as_user):
	page = overview(site, as_user, people.requester)["page"]
	cards = {card["id"]: card for card in page["subscriptions"]}
	assert (
		cards[storybook.CEDAR_KEEPER]["quantity_text"] == "10" and cards[storybook.CEDAR_KEEPER]["may_change"]
	)
	azure = cards[storybook.CEDAR_AZURE]
	assert azure["quantity_text"] == "By usage" and not azure["may_change"] and "usage" in azure["reason"]
	assert cards[storybook.CEDAR_ACROBAT_TRIAL]["status"]["word"] == "Trial"
	assert cards[storybook.CEDAR_DROPSUITE_PENDING]["status"]["word"] == "Being set up"
	assert "being set up" in cards[storybook.CEDAR_DROPSUITE_PENDING]["reason"]
	assert storybook.CEDAR_EXCHANGE_CANCELLED not in cards
	assert [card["id"] for card in page["ended"]] == [storybook.CEDAR_EXCHANGE_CANCELLED]
	assert page["ended"][0]["terms"][0].startswith("Ended on")


def test_an_open_request_stands_in_for_the_button(site, world, as_user):
	page = overview(site, as_user, world.requester)["page"]
	card = next(card for card in page["subscriptions"] if card["id"] == storybook.CEDAR_SOPHOS)
	assert not card["may_change"] and card["request"]["word"] == "Waiting for your provider"
	assert page["requests"][0]["may_withdraw"]


def test_a_reader_is_offered_nothing_to_press(site, world, as_user):
	page = overview(site, as_user, world.reader)["page"]
	assert not page["may_ask"] and page["notices"]
	assert not any(card["may_change"] or card["reason"] for card in page["subscriptions"])
	assert not any(request["may_withdraw"] for request in page["requests"])


def test_without_a_connection_the_page_is_read_only_and_says_so(site, people, as_user):
	site.db.set_single_value("Pax8 Settings", "mode", "Off")
	site.clear_document_cache("Pax8 Settings")
	site.db.commit()
	page = overview(site, as_user, people.requester)["page"]
	assert page["subscriptions"] and not any(card["may_change"] for card in page["subscriptions"])
	assert "not possible at the moment" in page["notices"][0]
	with as_user(people.requester):
		_kind, message = refusal(
			site, "request_change", {"subscription": storybook.CEDAR_KEEPER, "quantity": "11"}
		)
	assert "provider" in message


def test_without_credentials_a_client_reads_nothing_about_the_set_up(site, people, as_user):
	site.db.set_single_value("Pax8 Settings", "client_id", "")
	site.clear_document_cache("Pax8 Settings")
	site.db.commit()
	with as_user(people.requester):
		_kind, message = refusal(
			site, "request_change", {"subscription": storybook.CEDAR_KEEPER, "quantity": "11"}
		)
	assert "client ID" not in message and "Pax8" not in message


def test_a_hidden_subscription_is_neither_seen_nor_changed(site, world, as_user):
	site.db.set_value("Pax8 Subscription", storybook.CEDAR_KEEPER, "show_to_client", 0)
	site.db.commit()
	assert storybook.CEDAR_KEEPER not in json.dumps(overview(site, as_user, world.requester)["page"])
	with as_user(world.requester):
		kind, _message = refusal(
			site, "request_change", {"subscription": storybook.CEDAR_KEEPER, "quantity": "11"}
		)
	assert kind is site.DoesNotExistError


def test_a_request_by_staff_is_shown_as_the_providers_and_hides_with_its_subscription(site, world, as_user):
	with as_user(world.manager):
		doc = site.get_doc(
			{
				"doctype": "License Change Request",
				"subscription": storybook.CEDAR_KEEPER,
				"requested_quantity": 12,
				"staff_reason": "zebra crossing",
			}
		).insert()
	site.db.commit()
	answer = overview(site, as_user, world.requester)
	shown = next(request for request in answer["page"]["requests"] if request["id"] == doc.name)
	assert "your provider" in shown["asked"] and not shown["may_withdraw"]
	assert "zebra" not in json.dumps(answer)
	site.db.set_value("Pax8 Subscription", storybook.CEDAR_KEEPER, "show_to_client", 0)
	site.db.commit()
	assert doc.name not in json.dumps(overview(site, as_user, world.requester))
	with as_user(world.requester):
		for function in ("status", "withdraw"):
			assert refusal(site, function, {"request": doc.name})[0] is site.DoesNotExistError


def test_a_reason_of_rejection_is_shown_and_only_that(site, world, as_user):
	with as_user(world.manager):
		doc = site.get_doc("License Change Request", world.waiting)
		doc.reject_reason = "Please order a <b>new</b> office first"
		doc.workflow_state = "Rejected"
		doc.save()
	site.db.commit()
	answer = overview(site, as_user, world.requester)
	shown = answer["page"]["requests"][0]
	assert shown["word"] == "Not approved" and "office first" in shown["reason"]
	assert "<b>new" not in answer["html"]


def test_a_company_given_to_another_client_is_gone_at_once(site, world, as_user):
	from msp_licensing.setup import demo

	company = site.get_doc("Pax8 Company", storybook.CEDAR_AND_PINE)
	company.client = demo.MUELLER
	company.save()
	site.db.commit()
	page = overview(site, as_user, world.requester)["page"]
	assert not page["subscriptions"] and not page["ended"]
	assert page["requests"][0]["word"] == "Withdrawn", "its own history stays with the old client"
	theirs = overview(site, as_user, world.foreign_requester)["page"]
	assert storybook.CEDAR_KEEPER in {card["id"] for card in theirs["subscriptions"]}
	assert {card["company"] for card in theirs["subscriptions"]} == {demo.CEDAR, demo.MUELLER}
	assert not theirs["requests"], "requests of another client are nobody else's business"


def test_a_user_of_two_clients_chooses_and_sees_one_at_a_time(site, world, make_portal_user, as_user):
	from msp_licensing.setup import demo

	user = make_portal_user("both@consultant.example", demo.CEDAR, "Licensing Client")
	make_portal_user(user, demo.MUELLER, "Licensing Client")
	unchosen = overview(site, as_user, user)["page"]
	assert unchosen["state"] == "choose_client" and len(unchosen["clients"]) == 2
	assert "subscriptions" not in unchosen
	for key, has, has_not in (
		(world.cedar_key, storybook.CEDAR_KEEPER, storybook.MUELLER_ESET),
		(world.mueller_key, storybook.MUELLER_ESET, storybook.CEDAR_KEEPER),
	):
		ids = {card["id"] for card in overview(site, as_user, user, key)["page"]["subscriptions"]}
		assert has in ids and has_not not in ids


def test_a_contact_made_by_the_user_itself_opens_nothing(site, world, as_user):
	from msp_licensing.portal import queries
	from msp_licensing.setup import demo

	with as_user(world.nobody):
		contact = site.get_doc({"doctype": "Contact", "first_name": "Nobody", "user": world.nobody})
		contact.append("links", {"link_doctype": demo.site_client_doctype(), "link_name": demo.CEDAR})
		contact.insert()
	site.db.commit()
	with as_user(world.nobody):
		assert queries.page_for_session()["state"] == "no_client"


def test_status_follows_a_change_until_it_is_applied(site, people, as_user):
	from msp_licensing.changes import apply

	with as_user(people.requester):
		name = call(site, "request_change", {"subscription": storybook.CEDAR_KEEPER, "quantity": "12"})[
			"request"
		]
		assert call(site, "status", {"request": name})["moving"]
	site.db.commit()
	apply.run(name)
	with as_user(people.reader):
		answer = call(site, "status", {"request": name})
	assert answer["state"] == "Applied" and not answer["moving"] and "12 licenses" in answer["message"]


def test_every_state_of_a_request_has_words_for_the_client(site):
	from msp_licensing.changes import states
	from msp_licensing.portal import wishes

	assert set(wishes.REQUEST_STATES) == {*states.OPEN, *states.CLOSED}


def test_an_addon_whose_quantity_follows_its_parent_is_refused_with_the_reason(
	site, people, sandbox, as_user
):
	"""Staff know it and Pax8 does not say it; a subscription of the product without a parent can be changed."""
	from msp_licensing.portal import queries

	addon = storybook.CEDAR_TEAMS_PHONE
	product = site.db.get_value("Pax8 Subscription", addon, "product")
	arguments = {"subscription": addon, "quantity": "7"}
	with as_user(people.requester):
		assert call(site, "check", arguments)["ok"]
	with as_user(people.manager):
		doc = site.get_doc("Pax8 Product", product)
		doc.follows_parent = 1
		doc.save()
	site.db.commit()
	with as_user(people.requester):
		_kind, message = refusal(site, "request_change", arguments)
		assert "follows the subscription it belongs to" in message
		card = next(card for card in queries.page_for_session()["subscriptions"] if card["id"] == addon)
		assert not card["may_change"] and "follows the subscription" in card["reason"]
	with as_user(people.manager), pytest.raises(site.ValidationError, match="follows the parent"):
		site.get_doc(
			{"doctype": "License Change Request", "subscription": addon, "requested_quantity": 7}
		).insert()
	site.db.set_value("Pax8 Subscription", addon, "parent_subscription", None)
	site.db.commit()
	with as_user(people.requester):
		assert call(site, "check", arguments)["ok"]


@pytest.mark.parametrize(
	("values", "words"),
	[
		({"status": "Activated"}, "go through your provider"),
		({"billing_term": "One-Time"}, "bought once"),
		({"status": "PendingManual"}, "being set up"),
	],
)
def test_what_the_table_of_statuses_bars_has_no_button_and_the_reason(
	site, people, sandbox, as_user, values, words
):
	from msp_licensing.desk import rules
	from msp_licensing.portal import queries

	name = storybook.CEDAR_SOPHOS
	site.db.set_value("Pax8 Subscription", name, values)
	site.db.commit()
	with as_user(people.requester):
		card = next(card for card in queries.page_for_session()["subscriptions"] if card["id"] == name)
		assert not card["may_change"] and words in card["reason"]
		_kind, message = refusal(site, "request_change", {"subscription": name, "quantity": "43"})
		assert message == card["reason"]
	with as_user(people.manager):
		told = rules.describe(name)
		assert words in told["blocked"] and words in told["barred"]
