"""GET /companies and GET /companies/{companyId}."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from msp_licensing.sandbox.errors import ApiError
from msp_licensing.sandbox.model import Company
from msp_licensing.sandbox.paging import flag, page_of_texts, sort_order
from msp_licensing.sandbox.web import Request, Route

if TYPE_CHECKING:
	from msp_licensing.sandbox.app import App

_SORTS: Mapping[str, Callable[[Company], str]] = {
	"name": lambda company: company.name.casefold(),
	"city": lambda company: company.city.casefold(),
	"country": lambda company: company.country,
	"stateOrProvince": lambda company: company.state.casefold(),
	"postalCode": lambda company: company.postal_code,
}
# The spec's example of the `country` filter is a name, while addresses hold the code: both are understood.
_COUNTRY_NAMES = {
	"united states": "US",
	"canada": "CA",
	"united kingdom": "GB",
	"australia": "AU",
	"germany": "DE",
	"france": "FR",
	"poland": "PL",
	"japan": "JP",
}


def find_companies(app: App, request: Request) -> bytes:
	"""A page of companies, by the filters and sort order of the spec; other parameters are ignored."""
	query = request.query
	texts: dict[str, str] = {
		name: query[name].casefold()
		for name in ("city", "country", "stateOrProvince", "postalCode", "status")
		if name in query
	}
	if "country" in texts:
		texts["country"] = _COUNTRY_NAMES.get(texts["country"], texts["country"]).casefold()
	flags = {
		name: value
		for name in ("selfServiceAllowed", "billOnBehalfOfEnabled", "orderApprovalRequired")
		if (value := flag(query, name)) is not None
	}
	order = sort_order(query, tuple(_SORTS), bare_allowed=True)
	table = app.world.companies
	if not (texts or flags or order):
		return page_of_texts(table.order, query, table.text)

	def make() -> list[Company]:
		rows = [company for company in table.order if _matches(company, texts, flags)]
		if order:
			rows.sort(key=_SORTS[order[0]], reverse=order[1])
		return rows

	key = (tuple(sorted(texts.items())), tuple(sorted(flags.items())), order)
	return page_of_texts(table.view(key, make), query, table.text)


def _matches(company: Company, texts: Mapping[str, str], flags: Mapping[str, bool]) -> bool:
	has = {
		"city": company.city,
		"country": company.country,
		"stateOrProvince": company.state,
		"postalCode": company.postal_code,
		"status": company.status,
	}
	is_so = {
		"selfServiceAllowed": company.self_service,
		"billOnBehalfOfEnabled": company.bill_on_behalf,
		"orderApprovalRequired": company.order_approval,
	}
	return all(has[name].casefold() == text for name, text in texts.items()) and all(
		is_so[name] is value for name, value in flags.items()
	)


def find_company(app: App, request: Request, companyId: str) -> dict[str, Any]:
	"""One company, or 404."""
	company = app.world.companies.get(companyId)
	if company is None:
		raise ApiError(404, "Company not found", [f"There is no company {companyId}."])
	return company.wire()


ROUTES = (
	Route("GET", "/companies", "findCompanies", find_companies),
	# The spec gives this operation no id; this one follows its neighbours'.
	Route("GET", "/companies/{companyId}", "findCompanyByCompanyId", find_company),
)
