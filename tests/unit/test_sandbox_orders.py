"""Orders at the sandbox: what is refused and how, what a mock leaves behind, and what an order makes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from msp_licensing.sandbox import Sandbox
from msp_licensing.sandbox import storybook as story
from msp_licensing.sandbox.dates import add_months
from msp_licensing.sandbox.provisioning import ACKNOWLEDGED, KNOWN_CUSTOMER, NEW_CUSTOMER

NOWHERE = "00000000-0000-4000-8000-000000000000"
KEEPER = {
	"productId": story.KEEPER_BUSINESS,
	"lineItemNumber": 1,
	"billingTerm": "Monthly",
	"quantity": 5,
	"provisioningDetails": [{"key": "userEmailAddress", "values": ["admin@example.com"]}],
}
MICROSOFT = [
	{"key": "msCustExists", "values": [KNOWN_CUSTOMER]},
	{"key": "msTenantId", "values": ["5d1c2a1e-tenant"]},
	{"key": "microsoftCancelPolicyAcknowledgement", "values": [ACKNOWLEDGED]},
]


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


def _order(
	api: httpx.Client, *lines: dict[str, Any], company: str = story.CEDAR_AND_PINE, **query: str
) -> httpx.Response:
	return api.post("/orders", json={"companyId": company, "lineItems": list(lines)}, params=query)


def _reasons(response: httpx.Response, status: int = 422) -> str:
	assert response.status_code == status, response.text
	return "\n".join(detail["message"] for detail in response.json()["details"])


def _premium(sandbox: Sandbox, term: str | None = "1-Year", **changes: Any) -> dict[str, Any]:
	line = {
		"productId": story.M365_BUSINESS_PREMIUM,
		"lineItemNumber": 1,
		"billingTerm": "Annual",
		"quantity": 5,
		"provisioningDetails": MICROSOFT,
	}
	if term:
		options = sandbox.product(story.M365_BUSINESS_PREMIUM)["commitments"]
		line["commitmentTermId"] = next(option["id"] for option in options if option["term"] == term)
	return {**line, **changes}


def test_an_order_makes_a_subscription_that_is_provisioned_in_its_time(
	sandbox: Sandbox, api: httpx.Client
) -> None:
	order = _order(api, KEEPER).raise_for_status().json()
	[line] = order["lineItems"]
	made = sandbox.subscription(line["subscriptionId"])
	assert (made["status"], made["quantity"], made["companyId"]) == (
		"PendingAutomated",
		5,
		story.CEDAR_AND_PINE,
	)
	assert (
		made["price"]
		== sandbox.product(story.KEEPER_BUSINESS)["pricing"][0]["rates"][0]["suggestedRetailPrice"]
	)
	sandbox.clock.advance(3)
	assert sandbox.subscription(line["subscriptionId"])["status"] == "Active"
	listed = api.get("/subscriptions", params={"companyId": story.CEDAR_AND_PINE, "size": 200}).json()
	assert line["subscriptionId"] in [row["id"] for row in listed["content"]]


def test_an_order_stays_and_can_be_found_by_its_company(sandbox: Sandbox, api: httpx.Client) -> None:
	first = _order(api, KEEPER).json()
	second = _order(api, KEEPER, company=story.BLUE_HARBOR_DENTAL).json()
	assert api.get(f"/orders/{first['id']}").json() == first
	assert api.get("/orders").json()["content"] == [first, second] == sandbox.orders()
	found = api.get("/orders", params={"companyId": story.BLUE_HARBOR_DENTAL}).json()
	assert (found["content"], found["page"]["totalElements"]) == ([second], 1)


def test_a_mock_order_is_checked_and_leaves_nothing_behind(sandbox: Sandbox, api: httpx.Client) -> None:
	def state() -> Any:
		with httpx.Client(base_url=sandbox.control_url, verify=False) as control:
			whole = control.get("/state", params={"records": "true"}).json()
		return {name: whole[name] for name in ("counts", "subscriptions", "orders")}

	before = state()
	mock = _order(api, KEEPER, isMock="true").raise_for_status().json()
	assert "id" not in mock
	assert "subscriptionId" not in mock["lineItems"][0]
	assert "not sold" in _reasons(_order(api, {**KEEPER, "billingTerm": "3-Year"}, isMock="true"))
	assert state() == before


def test_only_an_active_company_can_order(sandbox: Sandbox, api: httpx.Client) -> None:
	assert "There is no company" in _reasons(_order(api, KEEPER, company=NOWHERE))
	for status in ("Inactive", "Deleted"):
		sandbox.change("companies", story.BLUE_HARBOR_DENTAL, status=status)
		assert status.lower() in _reasons(_order(api, KEEPER, company=story.BLUE_HARBOR_DENTAL))


def test_a_product_that_requires_a_commitment_is_not_sold_without(
	sandbox: Sandbox, api: httpx.Client
) -> None:
	assert "commitmentTermId is missing" in _reasons(_order(api, _premium(sandbox, None)))
	assert "has no commitment" in _reasons(_order(api, _premium(sandbox, commitmentTermId=NOWHERE)))


def test_a_commitment_of_another_product_is_refused(sandbox: Sandbox, api: httpx.Client) -> None:
	other = sandbox.product(story.M365_BUSINESS_BASIC)["commitments"][1]["id"]
	assert "has no commitment" in _reasons(_order(api, _premium(sandbox, commitmentTermId=other)))


def test_a_plan_with_a_commitment_asks_for_it_even_where_the_product_does_not(
	api: httpx.Client,
) -> None:
	line = {**KEEPER, "productId": story.ADOBE_ACROBAT_PRO}
	assert "commitmentTermId is missing" in _reasons(_order(api, {**line, "billingTerm": "Annual"}))
	assert _order(api, {**line, "billingTerm": "Trial"}).status_code == 200


@pytest.mark.parametrize(
	("term", "billing", "accepted"),
	[
		("Monthly", "Annual", False),
		("1-Year", "3-Year", False),
		("Monthly", "Monthly", True),
		("1-Year", "Monthly", True),
		("3-Year", "Annual", True),
	],
)
def test_a_commitment_is_at_least_as_long_as_the_billing_term(
	sandbox: Sandbox, api: httpx.Client, term: str, billing: str, accepted: bool
) -> None:
	response = _order(api, _premium(sandbox, term, billingTerm=billing))
	if accepted:
		assert response.status_code == 200, response.text
	else:
		assert "shorter than the billing term" in _reasons(response)


def test_a_commitment_is_held_by_the_subscription_to_its_end(sandbox: Sandbox, api: httpx.Client) -> None:
	line = _order(api, _premium(sandbox, "3-Year")).json()["lineItems"][0]
	made = sandbox.subscription(line["subscriptionId"])
	end = add_months(sandbox.clock.now().date(), 36)
	assert made["commitmentTerm"]["id"] == line["commitmentTermId"]
	assert made["commitmentTerm"]["endDate"] == f"{end.isoformat()}T00:00:00Z"
	sandbox.clock.advance(8 * 86400)
	api.headers.update(sandbox.authorization())
	refused = api.put(f"/subscriptions/{line['subscriptionId']}", json={"quantity": 4})
	assert "cannot be decreased" in _reasons(refused)


def test_what_was_just_bought_can_be_given_back_for_seven_days(sandbox: Sandbox, api: httpx.Client) -> None:
	line = _order(api, _premium(sandbox, "3-Year")).json()["lineItems"][0]
	sandbox.clock.advance(3)
	assert api.put(f"/subscriptions/{line['subscriptionId']}", json={"quantity": 4}).status_code == 200


def test_commitments_set_from_outside_are_the_ones_to_order_by(sandbox: Sandbox, api: httpx.Client) -> None:
	sandbox.change(
		"products",
		story.M365_BUSINESS_PREMIUM,
		dependencies={"commitmentDependencies": [{"id": NOWHERE, "term": "1-Year"}]},
	)
	assert "has no commitment" in _reasons(_order(api, _premium(sandbox)))
	assert _order(api, _premium(sandbox, commitmentTermId=NOWHERE)).status_code == 200


def test_missing_answers_are_named_question_by_question(sandbox: Sandbox, api: httpx.Client) -> None:
	response = _order(api, {**KEEPER, "provisioningDetails": []})
	body = response.json()
	assert (body["type"], body["message"]) == ("BAD_REQUEST", None)
	assert _reasons(response, 400).split("\n") == [
		"Errors with provisioningDetails",
		"Administrator email address: This field is required.",
	]


def test_which_answers_are_needed_depends_on_the_answers(sandbox: Sandbox, api: httpx.Client) -> None:
	def missing(*answers: tuple[str, str]) -> str:
		details = [{"key": key, "values": [value]} for key, value in answers]
		return _reasons(_order(api, _premium(sandbox, provisioningDetails=details), isMock="true"), 400)

	assert "existing Microsoft account" in missing()
	new, known = missing(("msCustExists", NEW_CUSTOMER)), missing(("msCustExists", KNOWN_CUSTOMER))
	assert "Customer Domain Prefix: This field is required." in new
	assert "Tenant ID" not in new
	assert "Tenant ID: This field is required." in known
	assert "Customer Domain Prefix" not in known


def test_an_answer_must_be_one_of_the_possible_values(api: httpx.Client) -> None:
	answers = [*KEEPER["provisioningDetails"], {"key": "serviceRegions", "values": ["The Moon"]}]
	assert "not one of the possible values" in _reasons(
		_order(api, {**KEEPER, "provisioningDetails": answers}), 400
	)
	answers[1]["values"] = ["Europe", "Asia Pacific"]
	assert _order(api, {**KEEPER, "provisioningDetails": answers}).status_code == 200


def test_a_question_of_one_value_takes_no_more(sandbox: Sandbox, api: httpx.Client) -> None:
	details = [{"key": "userEmailAddress", "values": ["a@example.com", "b@example.com"]}]
	assert "Only one value" in _reasons(_order(api, {**KEEPER, "provisioningDetails": details}), 400)


def test_questions_are_not_shown_as_required_or_not(api: httpx.Client) -> None:
	questions = api.get(f"/products/{story.M365_BUSINESS_PREMIUM}/provision-details").json()["content"]
	assert {"msCustExists", "msDomain", "msTenantId", "mca2020EffectiveDate"} <= {q["key"] for q in questions}
	assert {name for question in questions for name in question} <= {
		"label",
		"key",
		"description",
		"valueType",
		"possibleValues",
	}
	assert api.get(f"/products/{story.ESET_PROTECT_ENTRY}/provision-details").json() == {"content": []}


def test_an_add_on_needs_what_it_requires(sandbox: Sandbox, api: httpx.Client) -> None:
	options = sandbox.product(story.TEAMS_PHONE_STANDARD)["commitments"]
	phone = _premium(
		sandbox,
		None,
		productId=story.TEAMS_PHONE_STANDARD,
		commitmentTermId=options[1]["id"],
		lineItemNumber=2,
	)
	without = _order(api, phone, company=story.NORTHWIND_PARTNER)
	assert "requires Microsoft 365 Business Premium" in _reasons(without)
	assert _order(api, phone).status_code == 200  # Cedar & Pine has it
	wrong = {**phone, "parentSubscriptionId": story.CEDAR_KEEPER}
	assert "requires" in _reasons(_order(api, wrong))


def test_an_add_on_in_the_same_order_gets_its_parent_even_if_it_stands_before_it(
	sandbox: Sandbox, api: httpx.Client
) -> None:
	options = sandbox.product(story.TEAMS_PHONE_STANDARD)["commitments"]
	phone = _premium(
		sandbox,
		None,
		productId=story.TEAMS_PHONE_STANDARD,
		commitmentTermId=options[1]["id"],
		lineItemNumber=2,
		parentLineItemNumber=1,
	)
	order = _order(api, phone, _premium(sandbox), company=story.NORTHWIND_PARTNER).raise_for_status().json()
	add_on, parent = (line["subscriptionId"] for line in order["lineItems"])
	assert sandbox.subscription(add_on)["parentSubscriptionId"] == parent


def test_a_line_that_is_its_own_parent_is_refused(api: httpx.Client) -> None:
	assert "no other line" in _reasons(_order(api, {**KEEPER, "parentLineItemNumber": 1}))


def test_an_order_for_the_future_is_refused(sandbox: Sandbox, api: httpx.Client) -> None:
	line = {**KEEPER, "provisionStartDate": "2090-01-01T00:00:00Z"}
	assert "not supported" in _reasons(_order(api, line))


def test_all_that_is_wrong_is_said_at_once_and_nothing_is_ordered(
	sandbox: Sandbox, api: httpx.Client
) -> None:
	reasons = _reasons(
		_order(api, KEEPER, {**KEEPER, "lineItemNumber": 2, "productId": NOWHERE}, {**KEEPER, "quantity": 0})
	)
	assert "quantity must be" in reasons
	reasons = _reasons(_order(api, KEEPER, {**KEEPER, "lineItemNumber": 2, "productId": NOWHERE}))
	assert "There is no product" in reasons
	assert sandbox.orders() == []


def test_a_trial_becomes_a_trial_with_an_end(sandbox: Sandbox, api: httpx.Client) -> None:
	line = {**KEEPER, "productId": story.ADOBE_ACROBAT_PRO, "billingTerm": "Trial"}
	made = _order(api, line).raise_for_status().json()["lineItems"][0]["subscriptionId"]
	sandbox.clock.advance(3)
	subscription = sandbox.subscription(made)
	assert subscription["status"] == "Trial"
	assert subscription["endDate"]


def test_prices_are_in_the_currency_of_the_company(sandbox: Sandbox, api: httpx.Client) -> None:
	made = _order(api, KEEPER, company=story.MUELLER_UND_SOEHNE).json()["lineItems"][0]["subscriptionId"]
	dollars = sandbox.product(story.KEEPER_BUSINESS)["pricing"][0]["rates"][0]["suggestedRetailPrice"]
	subscription = sandbox.subscription(made)
	assert subscription["currencyCode"] == "EUR"
	assert subscription["price"] == pytest.approx(dollars * 0.92, abs=0.01)


def test_a_lost_answer_leaves_the_order_behind(sandbox: Sandbox, api: httpx.Client) -> None:
	sandbox.faults.add("drop_after", "createOrder")
	with pytest.raises(httpx.RemoteProtocolError):
		_order(api, KEEPER)
	assert len(sandbox.orders()) == 1
