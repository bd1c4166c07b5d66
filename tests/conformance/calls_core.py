"""Calls of the token, companies, products and subscriptions."""

from __future__ import annotations

from typing import Any

from openapi_calls import NOWHERE, Call, get

from msp_licensing.sandbox import storybook as story

TOKEN_REQUEST = {
	"client_id": "sandbox",
	"client_secret": "sandbox",
	"audience": "https://api.pax8.com",
	"grant_type": "client_credentials",
}
UPDATE_EXAMPLE = {
	"quantity": 11,
	"startDate": "2000-10-31T01:30:00.000-05:00",
	"endDate": "2001-10-31T01:30:00.000-05:00",
	"price": 15.39,
	"currencyCode": "USD",
	"billingTerm": "Monthly",
	"provisioningDetails": [{"key": "userEmailAddress", "values": ["joeysherp@example.com"]}],
}


def _put(identifier: str, status: int, body: Any) -> Call:
	return Call("PUT", "/subscriptions/{subscriptionId}", status, (identifier,), body=body)


PRICING = "/products/{productId}/pricing"
DEPENDENCIES = "/products/{productId}/dependencies"
HISTORY = "/subscriptions/{subscriptionId}/history"

# Calls as the spec wants them, answered as the spec promises.
SERVED = [
	Call("POST", "/token", 200, body=TOKEN_REQUEST),
	Call("POST", "/token", 200, body={**TOKEN_REQUEST, "audience": "api://p8p.client"}),
	get("/companies", 200),
	get("/companies", 200, page="1", size="7"),
	get("/companies", 200, page="99"),
	get("/companies", 200, size="200", sort="name"),
	get("/companies", 200, sort="city,desc"),
	get("/companies", 200, country="United States"),
	get("/companies", 200, selfServiceAllowed="true", status="Active"),
	get("/companies/{companyId}", 200, story.MUELLER_UND_SOEHNE),
	get("/products", 200),
	get("/products", 200, search="Office 365", sort="vendor"),
	get("/products", 200, vendorName="Microsoft", sort="name,desc", size="200"),
	get("/products/{productId}", 200, story.KEEPER_BUSINESS),
	get(PRICING, 200, story.AZURE_PLAN),
	get(PRICING, 200, story.SOPHOS_INTERCEPT_X, companyId=story.MUELLER_UND_SOEHNE),
	get(PRICING, 200, story.PRODUCT_WITHOUT_PRICES),
	get(PRICING, 200, story.PRODUCT_WITHOUT_PARTNER_PRICE),
	get(DEPENDENCIES, 200, story.M365_BUSINESS_PREMIUM),
	get(DEPENDENCIES, 200, story.TEAMS_PHONE_STANDARD),
	get(DEPENDENCIES, 200, story.KEEPER_BUSINESS),
	get("/subscriptions", 200),
	get("/subscriptions", 200, size="200", sort="price,desc", status="Active", billingTerm="Monthly"),
	get("/subscriptions", 200, companyId=story.CEDAR_AND_PINE, productId=story.KEEPER_BUSINESS),
	get("/subscriptions/{subscriptionId}", 200, story.CEDAR_TEAMS_PHONE),
	get(HISTORY, 200, story.CEDAR_SOPHOS),
	_put(story.CEDAR_KEEPER, 200, {"quantity": 15}),
	_put(story.CEDAR_KEEPER, 200, {"price": 4.2}),
	_put(story.CEDAR_KEEPER, 200, {"billingTerm": "Monthly"}),
	_put(story.CEDAR_KEEPER, 200, {"startDate": "2021-01-01T08:30:00Z"}),
	_put(story.CEDAR_KEEPER, 200, UPDATE_EXAMPLE),
]

# Calls of the right shape that are refused, as the spec says for each.
REFUSED = [
	Call("POST", "/token", 401, body={**TOKEN_REQUEST, "client_secret": "wrong"}),
	Call("POST", "/token", 401, body={**TOKEN_REQUEST, "audience": "api://usage"}),
	get("/companies/{companyId}", 404, NOWHERE),
	get("/companies/{companyId}", 404, "not-an-id"),
	get("/products/{productId}", 404, NOWHERE),
	get(PRICING, 404, NOWHERE),
	get(PRICING, 404, story.AZURE_PLAN, companyId=NOWHERE),
	get(DEPENDENCIES, 404, NOWHERE),
	get("/subscriptions", 403, companyId=NOWHERE),
	get("/subscriptions/{subscriptionId}", 404, NOWHERE),
	get(HISTORY, 404, NOWHERE),
	_put(NOWHERE, 404, {"quantity": 2}),
	_put(story.CEDAR_BUSINESS_PREMIUM, 422, {"quantity": 20}),
	_put(story.CEDAR_KEEPER, 422, {"quantity": 0}),
	_put(story.CEDAR_KEEPER, 422, {"quantity": 2.5}),
	_put(story.CEDAR_KEEPER, 422, {"billingTerm": "3-Year"}),
	_put(story.CEDAR_EXCHANGE_CANCELLED, 422, {"quantity": 5}),
	_put(story.CEDAR_ACROBAT_TRIAL, 422, {"quantity": 5}),
	_put(story.BLUE_HARBOR_BUSINESS_PREMIUM, 422, {"quantity": 10}),
]

# Calls that the spec itself rules out.
INVALID = [
	Call("POST", "/token", 401, body={name: TOKEN_REQUEST[name] for name in ("client_id", "client_secret")}),
	Call("POST", "/token", 401, body={**TOKEN_REQUEST, "grant_type": "password"}),
	Call("POST", "/token", 401, body={**TOKEN_REQUEST, "audience": "https://elsewhere.example"}),
	Call("POST", "/token", 401, body={**TOKEN_REQUEST, "client_id": 5}),
	get("/companies", 400, size="0"),
	get("/companies", 400, size="201"),
	get("/companies", 400, page="first"),
	get("/companies", 400, sort="turnover"),
	get("/companies", 400, selfServiceAllowed="maybe"),
	get("/products", 400, size="1000"),
	get("/products", 400, sort="price"),
	get(PRICING, 404, story.AZURE_PLAN, companyId="not-an-id"),
	get("/subscriptions", 400, size="201"),
	get("/subscriptions", 400, sort="quantity"),
	get("/subscriptions", 403, companyId="not-an-id"),
	_put(story.CEDAR_KEEPER, 422, {}),
	_put(story.CEDAR_KEEPER, 422, []),
	_put(story.CEDAR_KEEPER, 422, {"endDate": "2030-01-01T00:00:00Z"}),
	_put(story.CEDAR_KEEPER, 422, {"quantity": "15"}),
	_put(story.CEDAR_KEEPER, 422, {"quantity": None}),
	_put(story.CEDAR_KEEPER, 422, {"quantity": True}),
	_put(story.CEDAR_KEEPER, 422, {"price": "4.20"}),
	_put(story.CEDAR_KEEPER, 422, {"billingTerm": "Weekly"}),
	_put(story.CEDAR_KEEPER, 422, {"startDate": "tomorrow"}),
	_put(story.CEDAR_KEEPER, 422, {"quantity": 15, "currencyCode": 978}),
	_put(story.CEDAR_KEEPER, 422, {"quantity": 15, "partnerCost": "1"}),
	_put(story.CEDAR_KEEPER, 422, {"quantity": 15, "provisioningDetails": {"key": "value"}}),
]

# Calls that the spec rules out and that Pax8 nevertheless answers: an unknown value of a filter finds nothing.
FOUND_NOTHING = [
	get("/companies", 200, status="Dormant"),
	get("/subscriptions", 200, status="Canceled"),
	get("/subscriptions", 200, billingTerm="Weekly"),
	get("/subscriptions", 200, productId="not-an-id"),
]
