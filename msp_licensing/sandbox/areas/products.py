"""GET /products, and a product's details, pricing, dependencies and provisioning questions."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from msp_licensing.sandbox.errors import ApiError
from msp_licensing.sandbox.model import Product
from msp_licensing.sandbox.paging import page_of_texts, sort_order
from msp_licensing.sandbox.provisioning import details_of
from msp_licensing.sandbox.web import Request, Route

if TYPE_CHECKING:
	from msp_licensing.sandbox.app import App


def find_all_products(app: App, request: Request) -> bytes:
	"""A page of products; `search` looks for the whole phrase in name, vendor, SKUs and id."""
	query = request.query
	search = query.get("search", "").strip().casefold()
	vendor = query.get("vendorName", "").casefold()
	order = sort_order(query, ("name", "vendor"), bare_allowed=True)
	table = app.world.products
	if not (search or vendor or order):
		return page_of_texts(table.order, query, table.text)

	def make() -> list[Product]:
		rows = [
			product
			for product in table.order
			if (not vendor or product.vendor.casefold() == vendor) and (not search or _found(product, search))
		]
		if order:
			by_name = order[0] == "name"
			rows.sort(
				key=lambda product: (product.name if by_name else product.vendor).casefold(), reverse=order[1]
			)
		return rows

	return page_of_texts(table.view((search, vendor, order), make), query, table.text)


def _found(product: Product, search: str) -> bool:
	return any(
		search in text.casefold()
		for text in (product.name, product.vendor, product.sku, product.vendor_sku, product.id)
	)


def _product(app: App, product_id: str) -> Product:
	product = app.world.products.get(product_id)
	if product is None:
		raise ApiError(404, "Product not found", [f"There is no product {product_id}."])
	return product


def find_product(app: App, request: Request, productId: str) -> dict[str, Any]:
	"""One product with its long description, or 404."""
	return _product(app, productId).wire(detail=True)


def find_pricing(app: App, request: Request, productId: str) -> dict[str, Any]:
	"""A product's plans: in general, or those of `companyId`. 404 where either is not there."""
	product = _product(app, productId)
	company = None
	if company_id := request.query.get("companyId"):
		company = app.world.companies.get(company_id)
		if company is None:
			raise ApiError(404, "Company not found", [f"There is no company {company_id}."])
	return {"content": product.pricing(company)}


def find_dependencies(app: App, request: Request, productId: str) -> dict[str, Any]:
	"""A product's commitments and the products it needs: an object of its own, not inside `content`."""
	product = _product(app, productId)
	if product.dependencies_override is not None:
		return copy.deepcopy(product.dependencies_override)
	needed = [app.world.products.get(identifier) for identifier in product.requires]
	return {
		"commitmentDependencies": [option.wire() for option in product.commitments],
		"productDependencies": [
			{"name": "Requires", "products": [other.wire() for other in needed if other is not None]}
		]
		if product.requires
		else [],
	}


def find_provision_details(app: App, request: Request, productId: str) -> dict[str, Any]:
	"""What must or may be answered when the product is ordered; which of both is not said. No page object."""
	return {"content": details_of(_product(app, productId))}


ROUTES = (
	Route("GET", "/products", "findAllProducts", find_all_products),
	Route("GET", "/products/{productId}", "findProductByProductId", find_product),
	Route("GET", "/products/{productId}/pricing", "findPricingByProductId", find_pricing),
	Route(
		"GET", "/products/{productId}/dependencies", "findProductDependenciesByProductId", find_dependencies
	),
	Route(
		"GET",
		"/products/{productId}/provision-details",
		"findProvisionDetailsByProductId",
		find_provision_details,
	),
)
