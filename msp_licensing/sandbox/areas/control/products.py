"""Changing products from outside, as Pax8 changes its catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from msp_licensing.sandbox.areas.control.asked import (
	known,
	new_id,
	overrides,
	set_all,
	take_over,
	text,
	text_setter,
)
from msp_licensing.sandbox.areas.control.looking import product_state
from msp_licensing.sandbox.errors import ApiError
from msp_licensing.sandbox.model import Product
from msp_licensing.sandbox.web import Request, Response, Route

if TYPE_CHECKING:
	from msp_licensing.sandbox.app import App


def post_product(app: App, request: Request) -> Response:
	"""Add a product: `name` and `vendorName` are required; without `pricing` it has no price."""
	asked = request.json_object()
	name, vendor = text(asked, "name"), text(asked, "vendorName")
	identifier = new_id(asked, app.world.products.rows)
	product = Product(
		id=identifier,
		name=name,
		vendor=vendor,
		short=f"{name} by {vendor}.",
		sku=f"NEW-{identifier[:8]}",
		vendor_sku=identifier[:8],
		shape="monthly",
	)
	_set_product(product, asked)
	app.world.products.add(product)
	app.events.product("CREATED", product)
	return Response(201, product_state(product))


def change_product(app: App, request: Request, identifier: str) -> dict[str, Any]:
	"""Change a product; `pricing` (rows) and `dependencies` (object) replace what the API answers; null restores."""
	product = known(app.world.products.get(identifier), "product")
	asked = request.json_object()
	scratch = replace(product)
	_set_product(scratch, asked)
	take_over(product, scratch)
	app.world.products.changed(product)
	app.events.product("UPDATED", product)
	return product_state(product)


def delete_product(app: App, request: Request, identifier: str) -> Response:
	"""Take a product off the catalogue; subscriptions to it stay, as with a retired product."""
	product = known(app.world.products.get(identifier), "product")
	app.world.products.remove(product.id)
	app.events.product("DELETED", product)
	return Response(204)


def _set_product(product: Product, asked: Mapping[str, Any]) -> None:
	def set_pricing(value: Any) -> None:
		if value is not None and not (
			isinstance(value, list) and all(isinstance(row, dict) for row in value)
		):
			raise ApiError(400, "'pricing' must be null or an array of objects")
		product.pricing_override = value

	def set_dependencies(value: Any) -> None:
		if value is not None and not isinstance(value, dict):
			raise ApiError(400, "'dependencies' must be null or an object")
		product.dependencies_override = value

	set_all(
		asked,
		{
			"id": lambda value: None,
			"name": text_setter(product, "name"),
			"vendorName": text_setter(product, "vendor"),
			"shortDescription": text_setter(product, "short"),
			"sku": text_setter(product, "sku"),
			"vendorSku": text_setter(product, "vendor_sku"),
			"pricing": set_pricing,
			"dependencies": set_dependencies,
		},
	)
	product.overrides = overrides(asked, product.overrides)


ROUTES = (
	Route("POST", "/products", "products", post_product),
	Route("POST", "/products/{identifier}", "products", change_product),
	Route("DELETE", "/products/{identifier}", "products", delete_product),
)
