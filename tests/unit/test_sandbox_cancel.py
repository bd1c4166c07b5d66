"""Cancelling at the sandbox: now, on a date, inside a commitment, and what the clock makes of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest

from msp_licensing.sandbox import Sandbox
from msp_licensing.sandbox import storybook as story
from msp_licensing.sandbox.dates import as_utc, parse_moment

DAY = 86400


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
	with Sandbox(seed=3, companies=4, products=16, subscriptions=18, rate_limit=0) as sandbox:
		yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Iterator[Sandbox]:
	running.clock.freeze()
	yield running
	running.reset()


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[httpx.Client]:
	with httpx.Client(base_url=sandbox.url, headers=sandbox.authorization(), verify=False) as client:
		yield client


def _cancel(api: httpx.Client, identifier: str, date: str | None = None) -> httpx.Response:
	return api.delete(f"/subscriptions/{identifier}", params={"cancelDate": date} if date else {})


def _in(sandbox: Sandbox, days: int) -> str:
	return as_utc(sandbox.clock.now() + timedelta(days=days))


def _reason(response: httpx.Response) -> str:
	assert response.status_code == 422, response.text
	return response.json()["details"][0]["message"]


def _status(sandbox: Sandbox, identifier: str) -> str:
	return sandbox.subscription(identifier)["status"]


def test_cancelled_now_it_is_pending_and_then_gone(sandbox: Sandbox, api: httpx.Client) -> None:
	response = _cancel(api, story.CEDAR_KEEPER)
	assert (response.status_code, response.content) == (204, b"")
	subscription = sandbox.subscription(story.CEDAR_KEEPER)
	assert subscription["status"] == "PendingCancel"
	assert parse_moment(subscription["endDate"]).date() == sandbox.clock.now().date()
	sandbox.clock.advance(3)
	assert _status(sandbox, story.CEDAR_KEEPER) == "Cancelled"
	states = [row["status"] for row in sandbox.subscription(story.CEDAR_KEEPER)["history"]]
	assert states[:2] == ["Cancelled", "Active"]


def test_without_provisioning_time_it_is_cancelled_at_once(sandbox: Sandbox, api: httpx.Client) -> None:
	sandbox.configure(provisioning_seconds=0)
	_cancel(api, story.CEDAR_KEEPER)
	assert _status(sandbox, story.CEDAR_KEEPER) == "Cancelled"


def test_cancelled_on_a_date_it_stays_active_with_that_end(sandbox: Sandbox, api: httpx.Client) -> None:
	date = _in(sandbox, 10)
	assert _cancel(api, story.CEDAR_KEEPER, date).status_code == 204
	sandbox.clock.advance(10 * DAY - 1)
	subscription = sandbox.subscription(story.CEDAR_KEEPER)
	assert subscription["status"] == "Active"
	assert subscription["endDate"][:10] == date[:10]
	sandbox.clock.advance(1)
	assert _status(sandbox, story.CEDAR_KEEPER) == "PendingCancel"
	sandbox.clock.advance(3)
	assert _status(sandbox, story.CEDAR_KEEPER) == "Cancelled"


def test_a_clock_that_leaps_over_both_steps_ends_with_the_last(sandbox: Sandbox, api: httpx.Client) -> None:
	_cancel(api, story.CEDAR_KEEPER, _in(sandbox, 10))
	sandbox.clock.advance(11 * DAY)
	assert _status(sandbox, story.CEDAR_KEEPER) == "Cancelled"


def test_a_later_call_moves_the_date(sandbox: Sandbox, api: httpx.Client) -> None:
	_cancel(api, story.CEDAR_KEEPER, _in(sandbox, 10))
	_cancel(api, story.CEDAR_KEEPER, _in(sandbox, 20))
	sandbox.clock.advance(15 * DAY)
	assert _status(sandbox, story.CEDAR_KEEPER) == "Active"
	sandbox.clock.advance(6 * DAY)
	assert _status(sandbox, story.CEDAR_KEEPER) == "Cancelled"


def test_the_quantity_can_change_until_then_and_the_end_stays(sandbox: Sandbox, api: httpx.Client) -> None:
	_cancel(api, story.CEDAR_KEEPER, _in(sandbox, 10))
	api.put(f"/subscriptions/{story.CEDAR_KEEPER}", json={"quantity": 12}).raise_for_status()
	sandbox.clock.advance(3)
	assert _status(sandbox, story.CEDAR_KEEPER) == "Active"
	sandbox.clock.advance(10 * DAY)
	assert _status(sandbox, story.CEDAR_KEEPER) == "Cancelled"


def test_what_was_being_provisioned_does_not_come_back(sandbox: Sandbox, api: httpx.Client) -> None:
	sandbox.configure(provisioning_seconds=100)
	api.put(f"/subscriptions/{story.CEDAR_KEEPER}", json={"quantity": 12}).raise_for_status()
	sandbox.configure(provisioning_seconds=1)
	assert _cancel(api, story.CEDAR_KEEPER).status_code == 204
	sandbox.clock.advance(101)
	assert _status(sandbox, story.CEDAR_KEEPER) == "Cancelled"


def test_a_status_set_from_outside_ends_the_cancellation(sandbox: Sandbox, api: httpx.Client) -> None:
	_cancel(api, story.CEDAR_KEEPER)
	sandbox.change("subscriptions", story.CEDAR_KEEPER, status="Active", endDate=None)
	sandbox.clock.advance(10)
	assert _status(sandbox, story.CEDAR_KEEPER) == "Active"


def test_inside_a_commitment_only_its_end_or_later_will_do(sandbox: Sandbox, api: httpx.Client) -> None:
	end = sandbox.subscription(story.CEDAR_BUSINESS_PREMIUM)["commitmentTerm"]["endDate"]
	reason = _reason(_cancel(api, story.CEDAR_BUSINESS_PREMIUM))
	assert "1-Year commitment ends on " + end[:10] in reason
	assert "commitment ends" in _reason(_cancel(api, story.CEDAR_BUSINESS_PREMIUM, _in(sandbox, 151)))
	assert _cancel(api, story.CEDAR_BUSINESS_PREMIUM, end).status_code == 204
	assert _status(sandbox, story.CEDAR_BUSINESS_PREMIUM) == "Active"
	sandbox.clock.advance(153 * DAY)
	assert _status(sandbox, story.CEDAR_BUSINESS_PREMIUM) == "Cancelled"


def test_the_end_as_a_bare_date_will_do_too(sandbox: Sandbox, api: httpx.Client) -> None:
	end = sandbox.subscription(story.CEDAR_BUSINESS_PREMIUM)["commitmentTerm"]["endDate"]
	assert _cancel(api, story.CEDAR_BUSINESS_PREMIUM, end[:10]).status_code == 204


def test_a_commitment_that_permits_it_can_be_left_early(sandbox: Sandbox, api: httpx.Client) -> None:
	commitment = sandbox.subscription(story.CEDAR_BUSINESS_PREMIUM)["commitmentTerm"]
	row = {"id": commitment["id"], "term": "1-Year", "allowForEarlyCancellation": True}
	sandbox.change("products", story.M365_BUSINESS_PREMIUM, dependencies={"commitmentDependencies": [row]})
	assert _cancel(api, story.CEDAR_BUSINESS_PREMIUM).status_code == 204


def test_after_the_commitment_nothing_holds(sandbox: Sandbox, api: httpx.Client) -> None:
	assert _cancel(api, story.MUELLER_BUSINESS_BASIC).status_code == 204


@pytest.mark.parametrize("identifier", [story.CEDAR_EXCHANGE_CANCELLED, story.CEDAR_KEEPER])
def test_what_is_cancelled_or_being_cancelled_is_not_cancelled_again(
	sandbox: Sandbox, api: httpx.Client, identifier: str
) -> None:
	if identifier == story.CEDAR_KEEPER:
		_cancel(api, identifier)
	assert "cancelled" in _reason(_cancel(api, identifier))


def test_the_past_is_refused_and_today_is_now(sandbox: Sandbox, api: httpx.Client) -> None:
	assert "past" in _reason(_cancel(api, story.CEDAR_KEEPER, _in(sandbox, -1)))
	assert _cancel(api, story.CEDAR_KEEPER, _in(sandbox, 0)[:10]).status_code == 204
	assert _status(sandbox, story.CEDAR_KEEPER) == "PendingCancel"


def test_an_offset_whose_plus_became_a_blank_is_understood(sandbox: Sandbox, api: httpx.Client) -> None:
	response = api.delete(f"/subscriptions/{story.CEDAR_KEEPER}?cancelDate=2090-01-31T00:00:00+02:00")
	assert response.status_code == 204
	assert sandbox.world.subscriptions.rows[story.CEDAR_KEEPER].end.isoformat() == "2090-01-30T22:00:00+00:00"
