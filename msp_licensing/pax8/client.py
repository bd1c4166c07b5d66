"""The Pax8 partner API, one method per operation.

The operations are in `operations`, one file for each area of the API. How a call is sent is in `transport`, how a list
is walked in `walk`, how an answer is read in `answers`.

Facts about paths, parameters and page sizes are from Pax8's OpenAPI files "partner endpoints" and "webhooks". What is
not in them, or known to differ on the wire, is said where it matters.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager

import httpx
from pydantic import SecretStr

from msp_licensing.pax8.auth import MemoryTokenStore, TokenStore
from msp_licensing.pax8.configuration import (
	AUDIENCE,
	BASE_URL,
	DEFAULT_TIMEOUT,
	checked_credentials,
	checked_timeout,
	checked_url,
	webhooks_url,
)
from msp_licensing.pax8.errors import ConfigurationError
from msp_licensing.pax8.models import Company, ConnectionCheck
from msp_licensing.pax8.operations.companies import CompanyOperations
from msp_licensing.pax8.operations.invoices import InvoiceOperations
from msp_licensing.pax8.operations.orders import OrderOperations
from msp_licensing.pax8.operations.products import ProductOperations
from msp_licensing.pax8.operations.subscriptions import SubscriptionOperations
from msp_licensing.pax8.operations.usage import UsageOperations
from msp_licensing.pax8.operations.webhooks import WebhookOperations
from msp_licensing.pax8.ratelimit import RateLimiter, TokenBucket
from msp_licensing.pax8.transport import CallInfo, Transport, milliseconds_since
from msp_licensing.pax8.walk import Listing, PageWalker, read_page


class Pax8Client(
	CompanyOperations,
	ProductOperations,
	SubscriptionOperations,
	OrderOperations,
	UsageOperations,
	InvoiceOperations,
	WebhookOperations,
):
	"""A connection to Pax8 with one set of credentials. Safe for use by several threads; close it, or use `with`.

	Lists are walked as they are consumed, each row once. With `on_unreadable`, a row that cannot be read does not end
	the walk: the function is called with a `BadAnswer`, whose `record_id` is the row's id where that much could be read,
	and the row counts as seen. Whoever takes rows that way knows less than all: what is missing in such a walk may be
	there. Without it the row's `BadAnswer` is raised.

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
			webhooks_url=webhooks_url(base_url),
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
		self._walker = PageWalker(self._transport.read, concurrency)

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

	def listening(self, on_call: Callable[[CallInfo], None]) -> AbstractContextManager[None]:
		"""`with client.listening(…):` calls the function, too, after every HTTP call that is made meanwhile."""
		return self._transport.listening(on_call)

	def check(self) -> ConnectionCheck:
		"""Try the connection: a token, and a page of one company.

		Returns:
			How many companies the credentials see.

		Raises:
			Pax8Error: as for any read; its `message` can be shown to whoever entered the credentials.
		"""
		calls, started = self._transport.calls, time.monotonic()
		answer = self._transport.read("check", "/companies", {"page": 0, "size": 1})
		# The company itself does not matter here: one that cannot be read would not mean a bad connection.
		listing = Listing("check", "/companies", Company, on_unreadable=lambda error: None)
		page = read_page(listing, 0, answer)
		return ConnectionCheck(
			base_url=self._transport.base_url,
			companies=page.total,
			calls=self._transport.calls - calls,
			milliseconds=milliseconds_since(started),
		)
