"""The portal's choice between now and the end of the term: the API, and the renewed part of the page."""

from datetime import timedelta

import pytest

from msp_licensing.sandbox import storybook

PREMIUM = storybook.MUELLER_BUSINESS_PREMIUM  # 18 licenses; a year's commitment that ends in 20 days


@pytest.fixture(autouse=True)
def released(site, sandbox):
	"""The demo's policy without its vendor override, and no counted calls."""
	site.db.delete("Licensing Vendor Override")
	site.clear_document_cache("Licensing Settings", "Licensing Settings")
	site.db.commit()
	for key in site.cache.keys(site.cache.make_key("msp_licensing:portal:*")):
		site.cache.delete(key)


@pytest.fixture
def ask(site, people, as_user):
	"""ask(function, …): calls the API as Müller's requester, with Frappe's check of the arguments."""
	from msp_licensing.portal import api

	def call(function, **arguments):
		with as_user(people.foreign_requester):
			return site.call(getattr(api, function), **arguments)

	return call


def shown(site, day):
	from frappe.utils import formatdate

	return formatdate(day)


def test_typing_a_reduction_offers_the_end_of_the_term_with_its_date(site, ask):
	end = site.db.get_value("Pax8 Subscription", PREMIUM, "commitment_end")
	answer = ask("check", subscription=PREMIUM, quantity="12")
	assert (answer["ok"], answer["message"]) == (True, "")
	assert shown(site, end) in answer["hint"] and "when the term ends" in answer["hint"]
	assert answer["when"]["now"] is False
	assert shown(site, end) in answer["when"]["end"]
	assert shown(site, end + timedelta(1)) in answer["when"]["end_hint"]
	assert ask("check", subscription=PREMIUM, quantity="20")["when"] is None
	assert ask("check", subscription=storybook.MUELLER_EXCLAIMER, quantity="20")["when"] is None


def test_asking_for_the_end_of_the_term_says_so_shows_the_date_and_can_be_withdrawn(site, ask, sandbox):
	end = site.db.get_value("Pax8 Subscription", PREMIUM, "commitment_end")
	with pytest.raises(site.ValidationError, match="You can ask for the change at the end of the term"):
		ask("request_change", subscription=PREMIUM, quantity="12", seen_quantity=18)
	site.db.rollback()
	answer = ask(
		"request_change", subscription=PREMIUM, quantity="12", seen_quantity=18, timing="End of Term"
	)
	assert (answer["message"], answer["moving"]) == ("Your change is planned for the end of the term.", False)

	told = ask("overview")
	request = next(item for item in told["page"]["requests"] if item["id"] == answer["request"])
	assert request["planned"] == f"Planned for {shown(site, end + timedelta(1))}" and request["may_withdraw"]
	assert told["html"].count(request["planned"]) == 2, "in the list of requests, and beside the subscription"
	assert f'data-request="{answer["request"]}"' in told["html"]

	ask("withdraw", request=answer["request"])
	assert "Planned for" not in ask("overview")["html"] and not sandbox.calls("updateSubscription")


def test_while_it_waits_for_the_provider_the_end_of_the_term_is_shown(site, ask):
	site.db.set_single_value("Licensing Settings", "require_approval_by_default", 1)
	site.clear_document_cache("Licensing Settings", "Licensing Settings")
	ask("request_change", subscription=PREMIUM, quantity="12", timing="End of Term")
	end = site.db.get_value("Pax8 Subscription", PREMIUM, "commitment_end")
	assert f"For the end of the term, {shown(site, end)}" in ask("overview")["html"]


def test_another_timing_is_refused(site, ask):
	with pytest.raises(site.ValidationError, match="now or at the end of the term"):
		ask("request_change", subscription=PREMIUM, quantity="12", timing="Tomorrow")
	assert not site.db.count("License Change Request")
