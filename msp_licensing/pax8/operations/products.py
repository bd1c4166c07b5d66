"""Products, their prices, and what ordering them asks for."""

from __future__ import annotations

from collections.abc import Iterator

from msp_licensing.pax8.answers import read_record
from msp_licensing.pax8.models import Dependencies, Pricing, Product, ProductDetail, ProvisionQuestion
from msp_licensing.pax8.operations.base import Operations, segment
from msp_licensing.pax8.walk import Listing, OnUnreadable


class ProductOperations(Operations):
	"""Operations on products."""

	def products(
		self,
		*,
		search: str | None = None,
		vendor_name: str | None = None,
		on_unreadable: OnUnreadable | None = None,
	) -> Iterator[Product]:
		"""Walk the catalogue. Consume it to the end before concluding anything from what is not in it.

		Args:
			search: looks in name, vendor, SKU and id; reported to work with a single word only.
			vendor_name: the vendor's name as Pax8 writes it.
			on_unreadable: see `Pax8Client`.

		Raises:
			Pax8Error: while walking; `IncompleteWalk` at the end when rows are missing.
		"""
		params = {"search": search or None, "vendorName": vendor_name or None}
		return self._walk(
			Listing("products", "/products", Product, params=params, on_unreadable=on_unreadable)
		)

	def product(self, product_id: str) -> ProductDetail:
		"""Return one product with its long description. Raises `NotFound`, or any other `Pax8Error` of a read."""
		return self._one("product", f"/products/{segment(product_id)}", product_id, ProductDetail)

	def pricing(self, product_id: str, company_id: str | None = None) -> list[Pricing]:
		"""Return the pricing plans of a product: general ones, or those of one company.

		Raises `NotFound`, or any other `Pax8Error` of a read.
		"""
		path = f"/products/{segment(product_id)}/pricing"
		return self._rows("pricing", path, {"companyId": company_id or None}, Pricing)

	def dependencies(self, product_id: str) -> Dependencies:
		"""Return the commitment options of a product, and the products it depends on.

		Raises `NotFound`, or any other `Pax8Error` of a read.
		"""
		path = f"/products/{segment(product_id)}/dependencies"
		answer = self._transport.read("dependencies", path)
		return read_record(answer, Dependencies, "the answer", operation="dependencies", path=path)

	def provision_details(self, product_id: str) -> list[ProvisionQuestion]:
		"""Return the questions that are asked when the product is ordered.

		Pax8 asks for them to be read when they are needed, not kept. Which of them must be answered only a mock order
		tells.

		Raises `NotFound`, or any other `Pax8Error` of a read.
		"""
		path = f"/products/{segment(product_id)}/provision-details"
		return self._rows("provision_details", path, {}, ProvisionQuestion)
