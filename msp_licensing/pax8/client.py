"""The Pax8 partner API, one method per operation.

Every call goes through `Pax8Client._request`: it alone checks whether writing is allowed, waits for the rate limit, puts
the token on, tries reads again, and turns whatever comes back into a value or one of `msp_licensing.pax8.errors`.

Facts about paths, parameters and page sizes are from Pax8's OpenAPI file "partner endpoints". What is not in it, or
known to differ on the wire, is said where it matters.
"""

from __future__ import annotations

import email.utils
import ipaddress
import json
import logging
import random
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
from pydantic import SecretStr, ValidationError

from msp_licensing.pax8 import errors
from msp_licensing.pax8.auth import BearerAuth, Credentials, MemoryTokenStore, Token, TokenStore, token_from
from msp_licensing.pax8.errors import (
	BadAnswer,
	ConfigurationError,
	IncompleteWalk,
	NoAnswer,
	Pax8Error,
	RateLimited,
	ServerFault,
	Unreachable,
	WritesDisabled,
)
from msp_licensing.pax8.models import (
	Company,
	ConnectionCheck,
	Dependencies,
	Pricing,
	Product,
	ProductDetail,
	Record,
	Subscription,
	normalise_status,
	normalise_term,
)
from msp_licensing.pax8.ratelimit import RateLimiter, TokenBucket

logger = logging.getLogger("msp_licensing.pax8")

BASE_URL = "https://api.pax8.com/v1"
AUDIENCE = "https://api.pax8.com"
PAGE_SIZE = 200
"""Rows a page, the most Pax8 allows; its default of 10 would cost twenty times the calls."""

MAX_PAGES = 5000
"""A list of more pages is taken for a fault: a million rows is beyond any partner."""

MAX_ANSWER_BYTES = 32 * 1024 * 1024
"""A larger answer is not read to its end; 200 rows are some 200 KB."""

MAX_ANSWER_SECONDS = 300.0
"""An answer that trickles in for longer counts as lost: read timeouts only bound the pause between two pieces."""

MAX_RETRY_AFTER = 120.0
"""The longest wait in seconds that a `Retry-After` can impose."""

DEFAULT_TIMEOUT = httpx.Timeout(connect=10, read=90, write=30, pool=90)
"""Pax8's lists are known to take more than 30 s for large partners."""

_BACKOFF_FIRST, _BACKOFF_LONGEST = 0.5, 30.0
_RETRIED_STATUS = frozenset({500, 502, 503, 504})
_NOT_SENT = (
	httpx.ConnectError,
	httpx.ConnectTimeout,
	httpx.PoolTimeout,
	httpx.ProxyError,
	httpx.UnsupportedProtocol,
)
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
_TOKEN_SHAPES = re.compile(
	r"eyJ[\w-]+\.[\w-]+\.[\w-]*|(?<=Bearer )[^\s\"',]+|(?<=\"access_token\":)\s*\"[^\"]*\"?|(?<=\"client_secret\":)\s*\"[^\"]*\"?",
	re.I,
)

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True)
class CallInfo:
	"""One HTTP call, for whoever keeps count of them.

	Attributes:
		operation: the client's method, `token` for the token endpoint.
		method, path: as sent, without query and without base URL.
		attempt: 1 for the first try.
		status: HTTP status, `None` when no answer came.
		milliseconds: from sending to the end of the answer, waiting for the rate limit not included.
		error: name of the error class, `None` when the call succeeded.
	"""

	operation: str
	method: str
	path: str
	attempt: int
	status: int | None
	milliseconds: int
	error: str | None


@dataclass(frozen=True, slots=True)
class _Call:
	"""What is to be sent. `body` builds the JSON at the last moment, so that no local variable holds a secret."""

	operation: str
	method: str
	path: str
	params: Mapping[str, Any] = field(default_factory=dict)
	body: Callable[[], dict[str, Any]] | None = field(default=None, repr=False)
	for_token: bool = False
	priority: bool = False

	@property
	def write(self) -> bool:
		return self.method != "GET" and not self.for_token

	def where(self) -> dict[str, Any]:
		return {"operation": self.operation, "path": self.path, "write": self.write}


@dataclass(slots=True)
class _Page:
	"""One page of a list, read and checked."""

	number: int
	rows: list[Any]
	total: int
	pages: int
	told_number: int | None


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

	# So that a client whose settings were refused can still be shown in a traceback.
	_base_url = "not set up"
	_writes_allowed = False

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
		self._credentials = _credentials(client_id, client_secret, audience)
		self._base_url = checked_url(base_url)
		if max_retries < 0 or concurrency < 1:
			raise ConfigurationError("max_retries must be at least 0, and concurrency at least 1.")
		self._store: TokenStore = token_store if token_store is not None else MemoryTokenStore()
		self._limiter: RateLimiter = limiter if limiter is not None else TokenBucket()
		self._writes_allowed = bool(writes_allowed)
		self._max_retries = max_retries
		self._concurrency = concurrency
		self._on_call = on_call
		self._sleep = sleep
		self._priority = priority
		self._calls = 0
		self._guard = threading.Lock()
		self._pool: ThreadPoolExecutor | None = None
		self._closed = False
		self._http = httpx.Client(
			headers={"Accept": "application/json", "User-Agent": "msp-licensing"},
			timeout=_checked_timeout(timeout),
			limits=httpx.Limits(max_connections=concurrency + 4, max_keepalive_connections=concurrency + 4),
			follow_redirects=False,
			transport=transport,
			# Proxies come from the environment, but plain http stays on this machine: no proxy gets to see it.
			trust_env=self._base_url.startswith("https:"),
		)

	def __repr__(self) -> str:
		return f"<Pax8Client {self._base_url} {'live' if self._writes_allowed else 'observing'}>"

	def __enter__(self) -> Pax8Client:
		return self

	def __exit__(self, *exc_info: object) -> None:
		self.close()

	def close(self) -> None:
		"""Close connections and threads; walks that are going on end with an error."""
		with self._guard:
			self._closed = True
			pool, self._pool = self._pool, None
		if pool is not None:
			pool.shutdown(wait=False, cancel_futures=True)
		self._http.close()

	@property
	def calls(self) -> int:
		"""HTTP calls made so far, token requests and repeated tries included."""
		return self._calls

	@property
	def writes_allowed(self) -> bool:
		"""Whether this client may change anything at Pax8."""
		return self._writes_allowed

	# Operations

	def check(self) -> ConnectionCheck:
		"""Try the connection: a token, and a page of one company.

		Returns:
			How many companies the credentials see.

		Raises:
			Pax8Error: as for any read; its `message` can be shown to whoever entered the credentials.
		"""
		calls, started = self._calls, time.monotonic()
		answer = self._get("check", "/companies", {"page": 0, "size": 1})
		page = _read_page("check", "/companies", 0, answer, Company)
		return ConnectionCheck(
			base_url=self._base_url,
			companies=page.total,
			calls=self._calls - calls,
			milliseconds=_milliseconds(started),
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
		return self._walk("companies", "/companies", params, Company, checks)

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
		return self._walk("products", "/products", params, Product, {})

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
		return _model("dependencies", path, self._get("dependencies", path), Dependencies, "the answer")

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
		return self._walk("subscriptions", "/subscriptions", params, Subscription, checks)

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
		call = _Call("update_quantity", "PUT", path, body=lambda: {"quantity": quantity}, priority=True)
		answer = self._request(call)
		return _own(
			_model("update_quantity", path, answer, Subscription, "the answer", write=True),
			subscription_id,
			call,
		)

	# Reading

	def _get(self, operation: str, path: str, params: Mapping[str, Any] | None = None) -> Any:
		return self._request(_Call(operation, "GET", path, _given(params or {}), priority=self._priority))

	def _one(self, operation: str, path: str, asked: str, model: type[R]) -> R:
		record = _model(operation, path, self._get(operation, path), model, "the answer")
		return _own(record, asked, _Call(operation, "GET", path))

	def _rows(
		self,
		operation: str,
		path: str,
		params: Mapping[str, Any],
		model: type[R],
		default_id: str | None = None,
	) -> list[R]:
		"""Read a list that has no pages by the specification: `{"content": [...]}`, or bare as older clients saw it."""
		answer = self._get(operation, path, params)
		rows = answer.get("content") if isinstance(answer, dict) else answer
		if not isinstance(rows, list):
			raise BadAnswer(f"Pax8's answer to {operation} holds no list.", operation=operation, path=path)
		read = []
		for place, row in enumerate(rows, start=1):
			if default_id is not None and isinstance(row, dict) and not row.get("id"):
				row = {**row, "id": default_id}
			read.append(_model(operation, path, row, model, f"row {place}"))
		return read

	# Walking lists

	def _walk(
		self,
		operation: str,
		path: str,
		params: Mapping[str, Any],
		model: type[R],
		checks: Mapping[str, Any],
	) -> Iterator[R]:
		"""Yield the rows of a paged list as they come, each id once, and raise at the end when it was not complete.

		Pax8 has no cursor: rows added or removed meanwhile push others over the edge of a page. That shows in changed
		totals, repeated rows, or fewer distinct rows than announced; the list is then walked a second time, for the
		rows not seen yet, before `IncompleteWalk` is raised.
		"""
		yielded: set[str] = set()
		problem, expected, seen = "", 0, 0
		for _attempt in range(2):
			walked: set[str] = set()
			problem, expected = "", -1
			for page in self._pages(operation, path, params, model):
				if expected < 0:
					expected = page.total
				elif page.total != expected:
					problem = f"the total changed from {expected} to {page.total} while it was read"
				if page.told_number not in (None, page.number):
					problem = f"page {page.told_number} came when page {page.number} was asked for"
				for row in page.rows:
					walked.add(row.id)
					if row.id in yielded:
						continue
					yielded.add(row.id)
					if _matches(row, checks):
						yield row
			seen = len(walked)
			if not problem and seen != expected:
				problem = f"{expected} rows were announced, and {seen} different ones came"
			if not problem:
				return
			logger.debug("%s is incomplete: %s", path, problem)
		raise IncompleteWalk(
			f"Pax8's list of {operation} could not be read completely: {problem}.",
			expected=expected,
			seen=seen,
			operation=operation,
			path=path,
		)

	def _pages(self, operation: str, path: str, params: Mapping[str, Any], model: type[R]) -> Iterator[_Page]:
		"""Yield the pages of a list in order, fetching up to `concurrency` of them at the same time."""
		first = self._page(operation, path, params, model, 0)
		if first.pages > MAX_PAGES:
			raise IncompleteWalk(
				f"Pax8 announces {first.pages} pages of {operation}, more than can be true.",
				expected=first.total,
				operation=operation,
				path=path,
			)
		yield first
		if self._concurrency == 1 or first.pages == 2:
			for number in range(1, first.pages):
				yield self._page(operation, path, params, model, number)
			return
		ahead: deque[Future[_Page]] = deque()
		try:
			for number in range(1, first.pages):
				ahead.append(self._threads().submit(self._page, operation, path, params, model, number))
				if len(ahead) >= self._concurrency:
					yield ahead.popleft().result()
			while ahead:
				yield ahead.popleft().result()
		finally:
			for future in ahead:
				future.cancel()

	def _page(
		self, operation: str, path: str, params: Mapping[str, Any], model: type[R], number: int
	) -> _Page:
		answer = self._get(operation, path, {**params, "page": number, "size": PAGE_SIZE})
		return _read_page(operation, path, number, answer, model)

	def _threads(self) -> ThreadPoolExecutor:
		with self._guard:
			if self._closed:
				raise ConfigurationError("This connection to Pax8 is closed.")
			if self._pool is None:
				self._pool = ThreadPoolExecutor(self._concurrency, thread_name_prefix="pax8")
			return self._pool

	# The one way out

	def _request(self, call: _Call) -> Any:
		"""Send a call, and return the parsed JSON of the answer (numbers with decimals as `Decimal`).

		Raises:
			WritesDisabled: a write, on a client that only observes. Nothing was sent.
			Pax8Error: see `msp_licensing.pax8.errors`.
		"""
		if call.write and not self._writes_allowed:
			raise WritesDisabled(
				"Pax8 is only observed here: nothing was changed. Changes need the mode Live.", **call.where()
			)
		attempt, renewed = 0, False
		while True:
			if self._closed:
				raise ConfigurationError("This connection to Pax8 is closed.", **call.where())
			token = None if call.for_token else self._token()
			attempt += 1
			value, error = self._send(call, token, attempt)
			if error is None:
				return value
			if token is not None and not renewed and error.status == 401:
				renewed = True
				self._store.clear(token)
				continue
			if call.write or attempt > self._max_retries or not _transient(error):
				raise error
			self._pause(error, attempt)

	def _token(self) -> Token:
		"""Return a usable token, from the store or from Pax8; several workers at once fetch a single one."""
		token = self._store.get()
		if token is not None and token.usable():
			return token
		with self._store.lock():
			token = self._store.get()
			if token is not None and token.usable():
				return token
			call = _Call(
				"token",
				"POST",
				"/token",
				body=self._credentials.token_request,
				for_token=True,
				priority=self._priority,
			)
			token = token_from(self._request(call), time.time())
			if token is None:
				raise BadAnswer("Pax8's answer to the token request holds no usable token.", **call.where())
			self._store.set(token)
			return token

	def _pause(self, error: Pax8Error, attempt: int) -> None:
		delay = random.uniform(0, min(_BACKOFF_LONGEST, _BACKOFF_FIRST * 2 ** (attempt - 1)))
		# The pause Pax8 asked for is a minimum; the jitter on top keeps workers from coming back together.
		delay += min(MAX_RETRY_AFTER, error.retry_after or 0.0)
		if isinstance(error, RateLimited):
			self._limiter.penalize(delay)
		self._sleep(delay)

	def _send(self, call: _Call, token: Token | None, attempt: int) -> tuple[Any, Pax8Error | None]:
		"""Send a call once; return the parsed answer, or the error to raise.

		Errors are returned so that they are raised from a frame that never saw the HTTP library's objects.
		"""
		self._limiter.acquire(priority=call.priority)
		with self._guard:
			self._calls += 1
		started = time.monotonic()
		status, headers, body, broken = self._exchange(call, token)
		value, error = None, None
		if status is None or (broken and status < 400):
			error = self._lost(call, broken, status)
		elif 200 <= status < 300:
			value, error = self._understood(call, status, body)
		else:
			error = self._failed(call, token, status, headers, body)
		info = CallInfo(
			operation=call.operation,
			method=call.method,
			path=call.path,
			attempt=attempt,
			status=status,
			milliseconds=_milliseconds(started),
			error=type(error).__name__ if error else None,
		)
		self._tell(info)
		return value, error

	def _exchange(
		self, call: _Call, token: Token | None
	) -> tuple[int | None, httpx.Headers, bytes, Exception | None]:
		"""Talk HTTP: return status, headers and body as far as they came, and what broke on the way."""
		status, headers, broken = None, httpx.Headers(), None
		pieces: list[bytes] = []
		try:
			request = self._http.build_request(
				call.method,
				self._base_url + call.path,
				params=call.params or None,
				json=call.body() if call.body else None,
			)
			response = self._http.send(
				request, auth=BearerAuth(token) if token else None, stream=True, follow_redirects=False
			)
			try:
				status, headers = response.status_code, response.headers
				_read_into(pieces, response)
			finally:
				response.close()
		except (httpx.HTTPError, httpx.InvalidURL, _TooMuch) as exc:
			broken = exc
		except BaseException as exc:
			# A worker's time limit, say. It goes on without the library's frames: those hold the request's headers.
			exc.__context__ = exc.__cause__ = None
			raise exc.with_traceback(None) from None
		return status, headers, b"".join(pieces), broken

	def _understood(self, call: _Call, status: int, body: bytes) -> tuple[Any, Pax8Error | None]:
		try:
			return json.loads(body, parse_float=Decimal, parse_constant=_no_constant), None
		except (ValueError, ArithmeticError, RecursionError):
			# Not kept: what cannot be read may be anything, a token included.
			pass
		said = "an empty body" if not body.strip() else "something that is not JSON"
		return None, BadAnswer(f"Pax8 answered {call.operation} with {said}.", status=status, **call.where())

	def _lost(self, call: _Call, broken: Exception | None, status: int | None) -> Pax8Error:
		if isinstance(broken, _TooMuch | httpx.DecodingError):
			text = str(broken) if isinstance(broken, _TooMuch) else "it is not compressed as it says"
			return BadAnswer(f"Pax8's answer cannot be read: {text}.", status=status, **call.where())
		why = self._redacted(f"{type(broken).__name__}: {broken}", None)[:300]
		if isinstance(broken, (*_NOT_SENT, httpx.InvalidURL)):
			return Unreachable(f"Pax8 cannot be reached ({why}).", **call.where())
		return NoAnswer(f"The answer of Pax8 was lost ({why}).", status=status, **call.where())

	def _failed(
		self, call: _Call, token: Token | None, status: int, headers: httpx.Headers, body: bytes
	) -> Pax8Error:
		kind = errors.error_class(status, for_token=call.for_token)
		text = self._redacted(body[: 64 * 1024].decode("utf-8", "replace"), token)
		details = errors.words_of(text)
		return kind(
			errors.sentence(kind, status, details),
			status=status,
			details=details,
			body=text[: errors.MAX_BODY_CHARS],
			retry_after=_retry_after(headers.get("Retry-After")),
			**call.where(),
		)

	def _redacted(self, text: str, token: Token | None) -> str:
		for secret in (self._credentials.client_secret, token.value if token else None):
			if secret is not None:
				for form in _forms(secret):
					text = text.replace(form, "***")
		return _TOKEN_SHAPES.sub("***", text)

	def _tell(self, info: CallInfo) -> None:
		logger.debug("%s %s %s %d ms", info.method, info.path, info.status or info.error, info.milliseconds)
		if self._on_call is None:
			return
		try:
			self._on_call(info)
		except Exception:
			logger.warning("The listener for calls to Pax8 failed", exc_info=True)


class _TooMuch(Exception):
	"""The answer is too large."""


def _read_into(pieces: list[bytes], response: httpx.Response) -> None:
	size, deadline = 0, time.monotonic() + MAX_ANSWER_SECONDS
	for piece in response.iter_bytes():
		size += len(piece)
		if size > MAX_ANSWER_BYTES:
			raise _TooMuch(f"it is larger than {MAX_ANSWER_BYTES} bytes")
		if time.monotonic() > deadline:
			raise httpx.ReadTimeout(f"the answer took longer than {MAX_ANSWER_SECONDS:.0f} s")
		pieces.append(piece)


def _read_page(operation: str, path: str, number: int, answer: Any, model: type[R]) -> _Page:
	"""Read one page; totals are inside `page`, and a page without them is an error rather than the last one."""
	page = answer.get("page") if isinstance(answer, dict) else None
	total = _natural(page.get("totalElements")) if isinstance(page, dict) else None
	if total is None:
		raise BadAnswer(
			f"Page {number} of Pax8's {operation} does not say how many there are.",
			operation=operation,
			path=path,
		)
	rows = answer.get("content")
	if rows is None and total == 0:
		rows = []
	if not isinstance(rows, list):
		raise BadAnswer(f"Page {number} of Pax8's {operation} holds no list.", operation=operation, path=path)
	pages = _natural(page.get("totalPages"))
	if pages is None:
		pages = -(-total // (_natural(page.get("size")) or PAGE_SIZE))
	read = [
		_model(operation, path, row, model, f"row {place} of page {number}")
		for place, row in enumerate(rows, start=1)
	]
	return _Page(number, read, total, pages, _natural(page.get("number")))


def _model(operation: str, path: str, row: Any, model: type[R], what: str, write: bool = False) -> R:
	"""Read one record. Only the names of the fields that cannot be read are told, not what is in them."""
	if not isinstance(row, dict):
		problem = "it is not an object"
	else:
		try:
			return model.model_validate(row)
		except (ValidationError, ArithmeticError, RecursionError) as exc:
			problem = _problem(exc)
		name = row.get("id")
		what = f"{what} (id {name[:64]})" if isinstance(name, str) and name else what
	raise BadAnswer(
		f"Pax8's answer to {operation} cannot be understood: {what}: {problem}.",
		operation=operation,
		path=path,
		write=write,
	)


def _problem(exc: Exception) -> str:
	if not isinstance(exc, ValidationError):
		return type(exc).__name__
	found = exc.errors(include_url=False, include_context=False, include_input=False)
	return "; ".join(f"{'.'.join(map(str, error['loc'])) or 'record'}: {error['msg']}" for error in found[:5])


def _own(record: R, asked: str, call: _Call) -> R:
	"""Make sure that the answer is about the record that was asked for."""
	if record.id.casefold() != asked.strip().casefold():  # type: ignore[attr-defined]
		raise BadAnswer(f"Pax8 answered {call.operation} with another record.", **call.where())
	return record


def _matches(row: Record, checks: Mapping[str, Any]) -> bool:
	for name, wanted in checks.items():
		value = getattr(row, name)
		if isinstance(value, str) and isinstance(wanted, str):
			value, wanted = value.casefold(), wanted.casefold()
		if value is not None and value != wanted:
			return False
	return True


def _transient(error: Pax8Error) -> bool:
	"""Whether a read is worth trying again."""
	if isinstance(error, ServerFault):
		return error.status in _RETRIED_STATUS
	if isinstance(error, BadAnswer):
		# A body that broke on the way; a redirect stays one.
		return error.status is not None and error.status < 300
	return isinstance(error, Unreachable | NoAnswer | RateLimited)


def _retry_after(text: str | None) -> float | None:
	"""Read `Retry-After`: seconds, or an HTTP date; `None` when it is neither. Never negative."""
	if not text:
		return None
	text = text.strip()
	if re.fullmatch(r"\d{1,9}(\.\d{1,6})?", text, re.ASCII):
		return float(text)
	try:
		moment = email.utils.parsedate_to_datetime(text)
		return max(0.0, moment.timestamp() - time.time())
	except (TypeError, ValueError, IndexError, OverflowError):
		return None


def _credentials(client_id: str, client_secret: SecretStr, audience: str) -> Credentials:
	client_id = (client_id or "").strip()
	if not client_id:
		raise ConfigurationError("The client id of the Pax8 credential is missing.")
	# Blanks around a secret come from copying it.
	client_secret = SecretStr(client_secret.get_secret_value().strip()) if client_secret else SecretStr("")
	if not client_secret.get_secret_value():
		raise ConfigurationError("The client secret of the Pax8 credential is missing.")
	if not (audience or "").strip():
		raise ConfigurationError("The audience for Pax8's token endpoint is missing.")
	return Credentials(client_id, client_secret, audience.strip())


def checked_url(text: str) -> str:
	"""Return a base URL without a slash at its end, for settings that check before they save.

	Plain http is allowed for loopback hosts only (127.0.0.0/8, ::1, localhost and names below it).

	Raises:
		ConfigurationError: with one sentence that says what is wrong.
	"""
	text = (text or "").strip()
	try:
		url = httpx.URL(text)
		host = url.raw_host.decode("ascii").rstrip(".").casefold()
	except (httpx.InvalidURL, ValueError, TypeError):
		url, host = None, ""
	if url is not None and re.match(r"[a-z]+:/*[^/?#]*@", text, re.I):
		raise ConfigurationError("The base URL must not hold a user name or password.")
	if url is None or url.scheme not in ("http", "https") or not re.fullmatch(r"[\w.:-]+", host, re.ASCII):
		raise ConfigurationError(f"The base URL must look like {BASE_URL}.")
	if re.search(r"[\s\\]", text):
		raise ConfigurationError(f"The base URL must look like {BASE_URL}.")
	if url.query or url.fragment or "?" in text or "#" in text:
		raise ConfigurationError("The base URL must not hold a query or a fragment.")
	if url.scheme == "http" and not _is_loopback(host):
		raise ConfigurationError("The base URL must use https, since it carries credentials.")
	return str(url).rstrip("/")


def _is_loopback(host: str) -> bool:
	if host == "localhost" or host.endswith(".localhost"):
		return True
	try:
		address = ipaddress.ip_address(host.strip("[]"))
	except ValueError:
		return False
	# An IPv4 address in IPv6 clothes counts as not loopback here: nobody needs it, and systems differ on it.
	return address.is_loopback if address.version == 4 else address == ipaddress.ip_address("::1")


def _checked_timeout(timeout: httpx.Timeout | float) -> httpx.Timeout:
	bounded = httpx.Timeout(timeout)
	for seconds in bounded.as_dict().values():
		if seconds is None or not 0 < seconds < float("inf"):
			raise ConfigurationError("Every part of the timeout must be a number of seconds above 0.")
	return bounded


def _segment(record_id: str) -> str:
	"""Return an id as one segment of a path; it can then reach no other path than its own."""
	text = record_id.strip() if isinstance(record_id, str) else ""
	if not text or text in (".", "..") or len(text) > 200:
		raise ValueError("a Pax8 id is needed")
	return quote(text, safe="")


def _given(params: Mapping[str, Any]) -> dict[str, Any]:
	return {name: value for name, value in params.items() if value is not None}


def _forms(secret: SecretStr) -> list[str]:
	"""The ways a secret may be written in a body, longest first; too short ones would redact half of the text."""
	plain = secret.get_secret_value()
	forms = {plain, json.dumps(plain)[1:-1], quote(plain, safe=""), quote(plain)}
	return sorted((form for form in forms if len(form) >= 4), key=len, reverse=True)


def _natural(value: object) -> int | None:
	"""Read a count that may come as `237`, `237.0` or `"237"`."""
	if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
		return None
	text = str(value).strip()
	return int(re.split(r"\.", text)[0]) if re.fullmatch(r"\d{1,9}(\.0+)?", text, re.ASCII) else None


def _no_constant(name: str) -> Any:
	raise ValueError(f"{name} is no JSON")


def _milliseconds(started: float) -> int:
	return round((time.monotonic() - started) * 1000)
