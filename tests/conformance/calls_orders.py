"""Calls of orders and provisioning questions, and the one that cancels a subscription."""

from __future__ import annotations

from typing import Any

from openapi_calls import NOWHERE, Call, ask, get

from msp_licensing.sandbox import Sandbox
from msp_licensing.sandbox import storybook as story
from msp_licensing.sandbox.catalogue import commitments_of
from msp_licensing.sandbox.provisioning import ACKNOWLEDGED, NEW_CUSTOMER

DETAILS = "/products/{productId}/provision-details"
SUBSCRIPTION = "/subscriptions/{subscriptionId}"
ORDER = "/orders/{orderId}"

PREMIUM_COMMITMENTS = {
	option.term: option.id for option in commitments_of("nce", story.M365_BUSINESS_PREMIUM)
}
ANSWERS = {
	"msCustExists": NEW_CUSTOMER,
	"msDomain": "vfc-network-inc-liberty",
	"mca2020FirstName": "Oliver",
	"mca2020LastName": "Harrison",
	"mca2020Email": "oharrison@example.com",
	"mca2020EffectiveDate": "2020-02-01",
	"microsoftCancelPolicyAcknowledgement": ACKNOWLEDGED,
}


def details(answers: dict[str, str]) -> list[dict[str, Any]]:
	"""Answers as an order carries them."""
	return [{"key": key, "values": [value]} for key, value in answers.items()]


KEEPER = {
	"productId": story.KEEPER_BUSINESS,
	"lineItemNumber": 1,
	"billingTerm": "Monthly",
	"quantity": 5,
	"provisioningDetails": details({"userEmailAddress": "admin@example.com"}),
}
PREMIUM = {
	"productId": story.M365_BUSINESS_PREMIUM,
	"lineItemNumber": 2,
	"billingTerm": "Annual",
	"commitmentTermId": PREMIUM_COMMITMENTS["1-Year"],
	"quantity": 5,
	"provisioningDetails": details(ANSWERS),
}


def order(*lines: dict[str, Any], **changes: Any) -> dict[str, Any]:
	"""An order of Cedar & Pine's."""
	return {"companyId": story.CEDAR_AND_PINE, "lineItems": list(lines), **changes}


def an_order(sandbox: Sandbox) -> tuple[str]:
	"""An order that was placed."""
	return (ask(sandbox, "POST", f"{sandbox.url}/orders", order(KEEPER, PREMIUM))["id"],)


def _post(status: int, body: Any, **query: str) -> Call:
	return Call("POST", "/orders", status, query=query, body=body)


def _line(status: int, **changes: Any) -> Call:
	return _post(status, order({**KEEPER, **changes}))


def _premium(status: int, **changes: Any) -> Call:
	return _post(status, order({**PREMIUM, **changes}))


def _without(line: dict[str, Any], name: str) -> dict[str, Any]:
	return {key: value for key, value in line.items() if key != name}


def _cancel(status: int, identifier: str, **query: str) -> Call:
	return Call("DELETE", SUBSCRIPTION, status, (identifier,), query)


SERVED = [
	get(DETAILS, 200, story.M365_BUSINESS_PREMIUM),
	get(DETAILS, 200, story.AZURE_PLAN),
	get(DETAILS, 200, story.KEEPER_BUSINESS),
	get(DETAILS, 200, story.ESET_PROTECT_ENTRY),
	get("/orders", 200),
	Call("GET", "/orders", 200, query={"companyId": story.CEDAR_AND_PINE, "size": "200"}, given=an_order),
	Call("GET", "/orders", 200, query={"page": "0", "size": "1"}, given=an_order),
	_post(200, order(KEEPER)),
	_post(200, order(KEEPER, PREMIUM), isMock="true"),
	_post(200, order(PREMIUM, orderedBy="Customer", orderedByUserEmail="me@example.com"), isMock="false"),
	_premium(200, billingTerm="Monthly", commitmentTermId=PREMIUM_COMMITMENTS["3-Year"]),
	_line(200, provisionStartDate="2000-10-31T01:30:00.000-05:00"),
	Call("GET", ORDER, 200, given=an_order),
	_cancel(204, story.CEDAR_KEEPER),
	_cancel(204, story.CEDAR_KEEPER, cancelDate="2090-01-31T00:00:00Z"),
	_cancel(204, story.CEDAR_BUSINESS_PREMIUM, cancelDate="2090-01-31T00:00:00.000-05:00"),
]

REFUSED = [
	get(DETAILS, 404, NOWHERE),
	get("/orders", 404, companyId=NOWHERE),
	get(ORDER, 404, NOWHERE),
	_post(422, order(KEEPER, companyId=NOWHERE)),
	_post(422, order()),
	_post(422, order(KEEPER, KEEPER)),
	_line(422, productId=NOWHERE),
	_line(422, quantity=0),
	_line(422, quantity=2.5),
	_line(422, billingTerm="3-Year"),
	_line(422, commitmentTermId=NOWHERE),
	_line(422, parentSubscriptionId=NOWHERE),
	_line(422, parentLineItemNumber=9),
	_line(422, provisionStartDate="2090-01-01T00:00:00Z"),
	_post(422, order(_without(PREMIUM, "commitmentTermId")), isMock="true"),
	_premium(422, commitmentTermId=PREMIUM_COMMITMENTS["Monthly"]),
	_cancel(404, NOWHERE),
]

REFUSED_BEYOND_THE_FILE = [
	_line(400, provisioningDetails=[]),
	_premium(400, provisioningDetails=details(ANSWERS | {"msCustExists": "Perhaps"})),
	_post(400, order(_without(PREMIUM, "provisioningDetails")), isMock="true"),
	_cancel(422, story.CEDAR_BUSINESS_PREMIUM),
	_cancel(422, story.CEDAR_EXCHANGE_CANCELLED),
	_cancel(422, story.CEDAR_KEEPER, cancelDate="2000-10-31T01:30:00.000-05:00"),
]

INVALID = [
	get("/orders", 400, size="0"),
	get("/orders", 404, companyId="not-an-id"),
	_post(400, order(KEEPER), isMock="perhaps"),
	_post(422, []),
	_post(422, {"lineItems": [KEEPER]}),
	_post(422, {"companyId": story.CEDAR_AND_PINE}),
	_post(422, order(KEEPER, companyId="not-an-id")),
	_post(422, order(KEEPER, lineItems={})),
	_post(422, order(KEEPER, orderedBy="Somebody")),
	_post(422, order(KEEPER, orderedByUserEmail="me")),
	*(_post(422, order(_without(KEEPER, name))) for name in ("productId", "lineItemNumber", "quantity")),
	_post(422, order(_without(KEEPER, "billingTerm"))),
	_post(422, {"companyId": story.CEDAR_AND_PINE, "lineItems": ["Keeper"]}),
	_line(422, productId="not-an-id"),
	_line(422, quantity="5"),
	_line(422, billingTerm="Weekly"),
	_line(422, commitmentTermId=5),
	_line(422, provisionStartDate="tomorrow"),
	_line(422, provisioningDetails={"userEmailAddress": "admin@example.com"}),
	_cancel(400, story.CEDAR_KEEPER, cancelDate="tomorrow"),
]

FOUND_NOTHING: list[Call] = []
