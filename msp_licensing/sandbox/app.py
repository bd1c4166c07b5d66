"""The sandbox without its socket: takes a Request, gives a Response."""

from __future__ import annotations

import json
import threading
import time
import traceback
from dataclasses import replace
from typing import Any

from msp_licensing.sandbox.areas import API_ROUTES, CONTROL_ROUTES, WEBHOOK_ROUTES
from msp_licensing.sandbox.calls import Calls
from msp_licensing.sandbox.clock import SandboxClock
from msp_licensing.sandbox.config import ON_RESET, WHILE_RUNNING, SandboxConfig
from msp_licensing.sandbox.dates import as_utc
from msp_licensing.sandbox.errors import ApiError, envelope
from msp_licensing.sandbox.events import Events
from msp_licensing.sandbox.faults import Fault, Faults, Trouble
from msp_licensing.sandbox.generate import make_world
from msp_licensing.sandbox.limits import RateLimit, Tokens
from msp_licensing.sandbox.paging import DEFAULT_SIZE, MAX_SIZE
from msp_licensing.sandbox.rewrites import Situation, rewrite
from msp_licensing.sandbox.web import Request, Response, Route, Router, json_text, respond
from msp_licensing.sandbox.world import World

API_PREFIX = "/v1"
WEBHOOKS_PREFIX = "/api/v2"
CONTROL_PREFIX = "/_sandbox"
_LOOPBACK = ("127.", "::1", "::ffff:127.")
_ERROR_PAGE = (
	b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n"
	b"<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n"
)


class App:
	"""One stand-in Pax8: its data, clock, faults and log, and how a call is served.

	Handlers run with `lock` held, so the effect of a call is whole or not at all. Code that looks at or
	changes `world` from another thread takes the lock too.
	"""

	def __init__(self, config: SandboxConfig, open_control: bool = False) -> None:
		self.lock = threading.RLock()
		self.stopping = threading.Event()
		self.initial_config = config
		self.config = config
		self.open_control = open_control
		self.clock = SandboxClock(config.now)
		self.tokens = Tokens()
		self.rate = RateLimit()
		self.calls = Calls()
		self._api = Router(API_PREFIX, API_ROUTES)
		self._webhooks = Router(WEBHOOKS_PREFIX, WEBHOOK_ROUTES)
		self._control = Router(CONTROL_PREFIX, CONTROL_ROUTES)
		self.faults = Faults(frozenset(route.operation for route in (*API_ROUTES, *WEBHOOK_ROUTES)))
		self.world = make_world(config, self.clock.now())
		self.events = Events(self)

	@property
	def routes(self) -> tuple[Route, ...]:
		"""The operations of the API under /v1 that are served, with paths relative to it."""
		return self._api.routes

	def configure(self, changes: dict[str, Any]) -> SandboxConfig:
		"""Change settings of the running sandbox. Raises ValueError for one that cannot be."""
		with self.lock:
			self.config = self.config.changed(changes, WHILE_RUNNING)
			return self.config

	def reset(self, changes: dict[str, Any] | None = None) -> SandboxConfig:
		"""Back to the start: data, clock, settings, webhooks, faults, log, rate window; issued tokens stay valid.

		`changes` to the settings hold from now on. Raises ValueError for one that cannot be made.
		"""
		config = self.initial_config.changed(changes or {}, ON_RESET)
		with self.lock:
			self.clock.reset()
			self.world = make_world(config, self.clock.now())
			self.initial_config = self.config = config
			self.events.clear()
			self.faults.clear()
			self.calls = Calls()
			self.rate.clear()
			return config

	def handle(self, request: Request) -> Response:
		"""Serve one call. Raises nothing: whatever goes wrong is a Response."""
		try:
			if request.path == CONTROL_PREFIX or request.path.startswith(CONTROL_PREFIX + "/"):
				return self._serve_control(request)
			return self._serve_api(request)
		except Exception as error:  # a defect of the sandbox must be told from Pax8's refusals
			traceback.print_exc()
			message = f"Defect in the sandbox: {type(error).__name__}: {error}"
			return Response(500, envelope(500, message, request.path))

	def settle(self) -> None:
		"""Let happen what the clock has made due, and tell the webhooks of it."""
		with self.lock:
			for subscription, status in self.world.settle(self.clock.now()):
				if status in ("Active", "Trial"):
					self.events.provisioned(subscription)
				self.events.subscription("CANCELLED" if status == "Cancelled" else "UPDATED", subscription)
			for invoice in self.world.invoices.newly_visible(self.clock.now(), bool(self.events.webhooks)):
				self.events.emit("INVOICE", {"action": "CREATED", "invoiceId": invoice.id})

	def pause(self, seconds: float) -> None:
		"""Wait in real time, at most until the sandbox stops."""
		if seconds > 0:
			self.stopping.wait(seconds)

	def _serve_control(self, request: Request) -> Response:
		if not (self.open_control or request.peer.startswith(_LOOPBACK)):
			return Response(403, {"error": "The control endpoints answer on this machine only."})
		route, names, methods = self._control.find(request.method, request.path)
		if route is None:
			if methods:
				return Response(405, {"error": f"Use {' or '.join(methods)}."}, {"Allow": ", ".join(methods)})
			paths = sorted({CONTROL_PREFIX + known.path for known in self._control.routes})
			return Response(404, {"error": "No such control endpoint.", "endpoints": paths})
		try:
			with self.lock:
				self.settle()
				return respond(self, route, request, names)
		except ApiError as error:
			return Response(error.status, {"error": "; ".join((error.message or "", *error.details))})
		except ValueError as error:
			return Response(400, {"error": str(error)})

	def _serve_api(self, request: Request) -> Response:
		started = time.perf_counter()
		with self.lock:
			called_at, world, calls = as_utc(self.clock.now()), self.world, self.calls
		self.pause(self.config.latency_ms / 1000)
		router = self._webhooks if request.path.startswith(WEBHOOKS_PREFIX + "/") else self._api
		route, names, methods = router.find(request.method, request.path)
		operation = route.operation if route else None
		with self.lock:
			if self.world is not world:  # it waited in the latency while there was a reset
				return Response(delivery="none")
			trouble = self.faults.take(operation, request, router.prefix)
			for fault in trouble.meanwhile:
				self._carry_out(fault)
		response = self._serve_troubled(trouble, route, request, names, methods, world)
		with self.lock:
			calls.add(  # a log that nobody sees any more, if there was a reset meanwhile
				called_at,
				operation,
				request,
				response,
				trouble.kinds,
				(time.perf_counter() - started) * 1000,
			)
		return response

	def _answer(
		self, route: Route | None, request: Request, names: dict[str, str], methods: list[str], world: World
	) -> Response:
		"""Serve a call. One that came before a reset has no effect on the data after it, and gets no answer."""
		try:
			with self.lock:
				if self.world is not world:
					return Response(delivery="none")
				self.settle()
				self._admit(route, request)
				if route is None:
					if methods:
						raise ApiError(
							405,
							"Method not allowed",
							[f"{request.method} is not served here."],
							{"Allow": ", ".join(methods)},
						)
					raise ApiError(404, "Not found", [f"There is no {request.path}."])
				response = respond(self, route, request, names)
				response.done = True
		except ApiError as error:
			body = envelope(error.status, error.message, request.path, error.details)
			return Response(error.status, body, error.headers)
		# Frozen here, outside the lock: a page of 200 rows takes a while to write.
		response.content = response.payload() or None
		response.headers.setdefault("Content-Type", "application/json")
		return response

	def _admit(self, route: Route | None, request: Request) -> None:
		"""Ask for a valid token, then count the call against the limit. Raises ApiError 401 or 429."""
		if route is not None and route.public:
			return
		now = self.clock.timestamp()
		scheme, _, token = request.headers.get("Authorization", "").partition(" ")
		if scheme.lower() != "bearer" or not self.tokens.valid(token.strip(), now):
			raise ApiError(
				401,
				"Unauthorized",
				["The access token is missing, unknown or expired."],
				{"WWW-Authenticate": "Bearer"},
			)
		seconds = self.rate.wait_for(self.config.rate_limit, now)
		if seconds:
			raise ApiError(
				429,
				"Too many requests",
				[f"No more than {self.config.rate_limit} calls a minute are accepted."],
				{"Retry-After": str(seconds)} if self.config.retry_after else {},
			)

	def _carry_out(self, fault: Fault) -> None:
		"""Make the control calls of a `meanwhile`; the caller holds the lock. A refused one is kept as its `problem`."""
		for call in fault.calls:
			body = Response(content=call.get("body", {})).payload()
			done = self._serve_control(Request(call["method"], CONTROL_PREFIX + call["path"], body=body))
			if done.status >= 400:
				fault.problem = f"{call['method']} {call['path']}: {done.status} {done.payload().decode()}"

	def _serve_troubled(
		self,
		trouble: Trouble,
		route: Route | None,
		request: Request,
		names: dict[str, str],
		methods: list[str],
		world: World,
	) -> Response:
		fault = trouble.fault
		if fault and not fault.after:
			self.pause(fault.seconds)
		served = None
		if fault is None or fault.serves:
			served = self._answer(route, request, names, methods, world)
			self._rewrite(served, trouble, route, request, names)
		if fault is None:
			assert served is not None
			return served
		if fault.after and fault.kind not in ("slow", "trickle"):
			self.pause(fault.seconds)
		spoiled = self._spoil(fault, served, request)
		spoiled.done = served is not None and served.done
		return spoiled

	def _rewrite(
		self, served: Response, trouble: Trouble, route: Route | None, request: Request, names: dict[str, str]
	) -> None:
		"""Alter an answer as its rewrites say. Refusals are left as they are, and the orders wait for another answer."""

		def number(name: str, default: int) -> int:
			return int(float(request.query.get(name, default)))

		def whole_list() -> list[Any]:
			assert route is not None
			rows: list[Any] = []
			with self.lock:
				while True:
					page = {"page": str(len(rows) // MAX_SIZE), "size": str(MAX_SIZE)}
					asked = replace(request, query={**request.query, **page})
					body = json.loads(respond(self, route, asked, names).payload())
					rows += body["content"]
					if "page" not in body or len(body["content"]) < MAX_SIZE:
						return rows

		for fault, rng in trouble.rewrites:
			if not 200 <= served.status < 300 or not isinstance(served.content, bytes):
				with self.lock:
					self.faults.give_back(fault)
				continue
			size = number("size", DEFAULT_SIZE)
			situation = Situation(rng, number("page", 0) * size, size, whole_list)
			# As text at once: null is a body here, and not the absence of one.
			served.content = json_text(rewrite(json.loads(served.content), fault.rewrites, situation))

	def _spoil(self, fault: Fault, served: Response | None, request: Request) -> Response:
		"""What the caller gets of `served` (None: nothing was served) under a fault."""
		given = fault.body.encode() if isinstance(fault.body, str) else fault.body
		if fault.kind == "html":
			page = given if isinstance(given, bytes) else _ERROR_PAGE
			return Response(fault.status, page, {"Content-Type": "text/html; charset=utf-8", **fault.headers})
		if fault.kind == "status":
			if given is None:
				message = f"The sandbox was told to answer {fault.status}."
				given = envelope(fault.status, message, request.path) if fault.status != 204 else None
			return Response(fault.status, given, {"Content-Type": "application/json", **fault.headers})
		if served is None:
			return Response(delivery="reset" if fault.kind == "reset_before" else "none")
		served.headers.update(fault.headers)
		if fault.kind == "drop_after":
			served.delivery = "none"
		elif fault.kind in ("reset_after", "reset_midway"):
			served.delivery = "reset" if fault.kind == "reset_after" else "reset_midway"
		elif fault.kind == "broken_body":
			body = served.payload()
			served.content = given if isinstance(given, bytes) else body[: max(1, len(body) // 2)]
		elif fault.kind == "empty":
			served.content = None
		elif fault.kind == "truncated":
			served.delivery = "truncated"
		elif fault.kind in ("slow", "trickle"):
			served.delivery, served.seconds = "slow", fault.seconds
			served.piece = fault.piece if fault.kind == "trickle" else 0
		return served
