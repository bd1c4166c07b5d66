"""The Pax8 partner API, one method per operation.

How a call is sent is in `transport`, how a list is walked in `walk`, how an answer is read in `answers`.

Facts about paths, parameters and page sizes are from Pax8's OpenAPI file "partner endpoints". What is not in it, or
known to differ on the wire, is said where it matters.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

import httpx
from pydantic import SecretStr

from msp_licensing.pax8.answers import R, read_record, same_record
from msp_licensing.pax8.auth import MemoryTokenStore, TokenStore
from msp_licensing.pax8.configuration import (
	AUDIENCE,
	BASE_URL,
	DEFAULT_TIMEOUT,
	checked_credentials,
	checked_timeout,
	checked_url,
)
from msp_licensing.pax8.errors import BadAnswer, ConfigurationError
from msp_licensing.pax8.models import (
	Company,
	ConnectionCheck,
	Dependencies,
	Pricing,
	Product,
	ProductDetail,
	Subscription,
	normalise_status,
	normalise_term,
)
from msp_licensing.pax8.ratelimit import RateLimiter, TokenBucket
from msp_licensing.pax8.transport import Call, CallInfo, Transport, milliseconds_since
from msp_licensing.pax8.walk import PageWalker, read_page

# The listed filters of `GET /companies`, but for `country`: its samples contradict the format of addresses.
_COMPANY_FILTERS = {
	"city": "city",
	"state_or_province": "stateOrProvince",
	"postal_code": "postalCode",
	"self_service_allowed": "selfServiceAllowed",
	"bill_on_behalf_of_enabled": "billOnBehalfOfEnabled",
	"order_approval_required": "orderApprovalRequired",
	"status": "status",
}


class Pax8Client:
	"""A connection to Pax8 with one set of credentials. Safe for use by several threads; close it, or use `with`.

	Args:
		client_id, client_secret: an API credential of the partner.
		base_url: `https` only, but for loopback hosts.
		audience: as the token endpoint wants it.
		token_store: where the token is kept; by default in this process. It must belong to these credentials alone.
		limiter: what keeps the calls below Pax8's limit; by default 1000 a minute for this process.
		writes_allowed: `False` = only observe: every write raises `WritesDisabled`, whatever calls it.
		timeout: seconds, or an `httpx.Timeout`; every part of it must be bounded.
		max_retries: how often a read is tried again. Writes are never sent twice, but for a 401, which says that
			the first one was not processed.
		concurrency: pages of a list fetched at the same time.
		transport: replaces the network, for tests.
		on_call: called after every HTTP call with a `CallInfo`; what it raises is logged and dropped, since an
			answer of Pax8 must not get lost over it.
		sleep: called with seconds between two tries.
		priority: all calls of this client may use the room the limiter keeps for callers somebody waits for.

	Raises:
		ConfigurationError: the settings are unusable.
	"""

	def __init__(
		self,
		*,
		client_id: str,
		client_secret: str | SecretStr,
		base_url: str = BASE_URL,
		audience: str = AUDIENCE,
		token_store: TokenStore | None = None,
		limiter: RateLimiter | None = None,
		writes_allowed: bool = False,
		timeout: httpx.Timeout | float = DEFAULT_TIMEOUT,
		max_retries: int = 4,
		concurrency: int = 4,
		transport: httpx.BaseTransport | None = None,
		on_call: Callable[[CallInfo], None] | None = None,
		sleep: Callable[[float], None] = time.sleep,
		priority: bool = False,
	) -> None:
		if isinstance(client_secret, str):
			client_secret = SecretStr(client_secret)
		credentials = checked_credentials(client_id, client_secret, audience)
		base_url = checked_url(base_url)
		if max_retries < 0 or concurrency < 1:
			raise ConfigurationError("max_retries must be at least 0, and concurrency at least 1.")
		self._transport = Transport(
			credentials=credentials,
			base_url=base_url,
			timeout=checked_timeout(timeout),
			store=token_store if token_store is not None else MemoryTokenStore(),
			limiter=limiter if limiter is not None else TokenBucket(),
			writes_allowed=bool(writes_allowed),
			max_retries=max_retries,
			connections=concurrency + 4,
			network=transport,
			on_call=on_call,
			sleep=sleep,
			priority=priority,
		)
		self._walker = PageWalker(self._transport.get, concurrency)

	def __repr__(self) -> str:
		# A client whose settings were refused has no transport, and may still be shown in a traceback.
		transport = getattr(self, "_transport", None)
		if transport is None:
			return "<Pax8Client not set up>"
		return f"<Pax8Client {transport.base_url} {'live' if transport.writes_allowed else 'observing'}>"

	def __enter__(self) -> Pax8Client:
		return self

	def __exit__(self, *exc_info: object) -> None:
		self.close()

	def close(self) -> None:
		"""Close connections and threads; walks that are going on end with an error."""
		self._walker.close()
		self._transport.close()

	@property
	def calls(self) -> int:
		"""HTTP calls made so far, token requests and repeated tries included."""
		return self._transport.calls

	@property
	def writes_allowed(self) -> bool:
		"""Whether this client may change anything at Pax8."""
		return self._transport.writes_allowed

	# Operations

	def check(self) -> ConnectionCheck:
		"""Try the connection: a token, and a page of one company.

		Returns:
			How many companies the credentials see.

		Raises:
			Pax8Error: as for any read; its `message` can be shown to whoever entered the credentials.
		"""
		calls, started = self._transport.calls, time.monotonic()
		answer = self._transport.get("check", "/companies", {"page": 0, "size": 1})
		page = read_page("check", "/companies", 0, answer, Company)
		return ConnectionCheck(
			base_url=self._transport.base_url,
			companies=page.total,
			calls=self._transport.calls - calls,
			milliseconds=milliseconds_since(started),
		)

	def companies(self, **filters: str | bool | None) -> Iterator[Company]:
		"""Walk the companies. Consume it to the end before concluding anything from what is not in it.

		Args:
			filters: `city`, `state_or_province`, `postal_code`, `self_service_allowed`, `bill_on_behalf_of_enabled`,
				`order_approval_required`, `status`; `None` = not filtered.

		Raises:
			TypeError: a filter that Pax8 does not document; it would ignore it silently.
			Pax8Error: while walking; `IncompleteWalk` at the end when rows are missing.
		"""
		unknown = set(filters) - set(_COMPANY_FILTERS)
		if unknown:
			raise TypeError(f"unknown filter of companies: {', '.join(sorted(unknown))}")
		wanted = {name: value for name, value in filters.items() if value is not None}
		params = {
			_COMPANY_FILTERS[name]: str(value).lower() if isinstance(value, bool) else value
			for name, value in wanted.items()
		}
		checks = {
			name: value
			for name, value in wanted.items()
			if name not in ("city", "state_or_province", "postal_code")
		}
		if isinstance(checks.get("status"), str):
			checks["status"] = normalise_status(str(checks["status"]))
		return self._walker.walk("companies", "/companies", params, Company, checks)

	def company(self, company_id: str) -> Company:
		"""Return one company. Raises `NotFound`, or any other `Pax8Error` of a read."""
		return self._one("company", f"/companies/{_segment(company_id)}", company_id, Company)

	def products(self, *, search: str | None = None, vendor_name: str | None = None) -> Iterator[Product]:
		"""Walk the catalogue. Consume it to the end before concluding anything from what is not in it.

		Args:
			search: looks in name, vendor, SKU and id; reported to work with a single word only.
			vendor_name: the vendor's name as Pax8 writes it.

		Raises:
			Pax8Error: while walking; `IncompleteWalk` at the end when rows are missing.
		"""
		params = {"search": search or None, "vendorName": vendor_name or None}
		return self._walker.walk("products", "/products", params, Product, {})

	def product(self, product_id: str) -> ProductDetail:
		"""Return one product with its long description. Raises `NotFound`, or any other `Pax8Error` of a read."""
		return self._one("product", f"/products/{_segment(product_id)}", product_id, ProductDetail)

	def pricing(self, product_id: str, company_id: str | None = None) -> list[Pricing]:
		"""Return the pricing plans of a product: general ones, or those of one company.

		Raises `NotFound`, or any other `Pax8Error` of a read.
		"""
		path = f"/products/{_segment(product_id)}/pricing"
		return self._rows("pricing", path, {"companyId": company_id or None}, Pricing)

	def dependencies(self, product_id: str) -> Dependencies:
		"""Return the commitment options of a product, and the products it depends on.

		Raises `NotFound`, or any other `Pax8Error` of a read.
		"""
		path = f"/products/{_segment(product_id)}/dependencies"
		answer = self._transport.get("dependencies", path)
		return read_record(answer, Dependencies, "the answer", operation="dependencies", path=path)

	def subscriptions(
		self,
		*,
		company_id: str | None = None,
		product_id: str | None = None,
		status: str | None = None,
		billing_term: str | None = None,
	) -> Iterator[Subscription]:
		"""Walk the subscriptions. Consume it to the end before concluding anything from what is not in it.

		Pax8 has no "changed since" filter. Rows that do not match a filter are dropped here too, because Pax8 is known to
		ignore values it does not understand.

		Raises:
			Forbidden: also for a company id that Pax8 does not accept.
			Pax8Error: while walking; `IncompleteWalk` at the end when rows are missing.
		"""
		checks = {
			"company_id": company_id or None,
			"product_id": product_id or None,
			"status": normalise_status(status) if status else None,
			"billing_term": normalise_term(billing_term) if billing_term else None,
		}
		names = {"company_id": "companyId", "product_id": "productId", "billing_term": "billingTerm"}
		params = {names.get(name, name): value for name, value in checks.items()}
		checks = {name: value for name, value in checks.items() if value is not None}
		return self._walker.walk("subscriptions", "/subscriptions", params, Subscription, checks)

	def subscription(self, subscription_id: str) -> Subscription:
		"""Return one subscription as it is now. Raises `NotFound`, or any other `Pax8Error` of a read."""
		path = f"/subscriptions/{_segment(subscription_id)}"
		return self._one("subscription", path, subscription_id, Subscription)

	def history(self, subscription_id: str) -> list[Subscription]:
		"""Return the snapshots of a subscription in Pax8's order (newest first in its sample).

		Raises `NotFound`, or any other `Pax8Error` of a read.
		"""
		path = f"/subscriptions/{_segment(subscription_id)}/history"
		return self._rows("history", path, {}, Subscription, default_id=subscription_id)

	def update_quantity(self, subscription_id: str, quantity: int) -> Subscription:
		"""Set the total quantity of a subscription, now. Sends `{"quantity": n}` and nothing else, once.

		Everything else that Pax8 lets be written in the same call (price, billing term, start date) stays out of it on
		purpose. Whether the answer already shows the new quantity is not documented: read again before saying that it
		is done.

		Args:
			subscription_id: Pax8's id.
			quantity: the new total in seats, at least 1; 0 would not be a cancellation.

		Raises:
			ValueError: `quantity` is not a whole number of at least 1; nothing was sent.
			Pax8Error: see `error.effect` for whether Pax8 may have done it.
		"""
		if isinstance(quantity, bool) or not isinstance(quantity, int) or quantity < 1:
			raise ValueError("quantity must be a whole number of at least 1")
		path = f"/subscriptions/{_segment(subscription_id)}"
		call = Call("update_quantity", "PUT", path, body=lambda: {"quantity": quantity}, priority=True)
		answer = self._transport.request(call)
		record = read_record(answer, Subscription, "the answer", **call.where())
		return same_record(record, subscription_id, **call.where())

	# Reading

	def _one(self, operation: str, path: str, asked: str, model: type[R]) -> R:
		answer = self._transport.get(operation, path)
		record = read_record(answer, model, "the answer", operation=operation, path=path)
		return same_record(record, asked, operation=operation, path=path)

	def _rows(
		self,
		operation: str,
		path: str,
		params: Mapping[str, Any],
		model: type[R],
		default_id: str | None = None,
	) -> list[R]:
		"""Read a list that has no pages by the specification: `{"content": [...]}`, or bare as older clients saw it."""
		answer = self._transport.get(operation, path, params)
		rows = answer.get("content") if isinstance(answer, dict) else answer
		if not isinstance(rows, list):
			raise BadAnswer(f"Pax8's answer to {operation} holds no list.", operation=operation, path=path)
		read = []
		for place, row in enumerate(rows, start=1):
			if default_id is not None and isinstance(row, dict) and not row.get("id"):
				row = {**row, "id": default_id}
			read.append(read_record(row, model, f"row {place}", operation=operation, path=path))
		return read


def _segment(record_id: str) -> str:
	"""Return an id as one segment of a path; it can then reach no other path than its own."""
	text = record_id.strip() if isinstance(record_id, str) else ""
	if not text or text in (".", "..") or len(text) > 200:
		raise ValueError("a Pax8 id is needed")
	return quote(text, safe="")
