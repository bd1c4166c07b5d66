"""The socket side: HTTP/1.1 with connections kept open, a thread each, one write per answer."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import sys
import threading
from dataclasses import fields
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from msp_licensing.sandbox.app import API_PREFIX, CONTROL_PREFIX, WEBHOOKS_PREFIX, App
from msp_licensing.sandbox.areas.control.looking import product_state, subscription_state
from msp_licensing.sandbox.areas.control.usage import usage_state
from msp_licensing.sandbox.clock import SandboxClock
from msp_licensing.sandbox.config import SandboxConfig
from msp_licensing.sandbox.contacts import contacts_of
from msp_licensing.sandbox.errors import envelope
from msp_licensing.sandbox.faults import Faults
from msp_licensing.sandbox.web import Request, Response
from msp_licensing.sandbox.world import World

_LARGEST_BODY = 10 * 1024 * 1024
_SLOW_PIECES = 10
# Seconds for what was sent to arrive: a reset takes along what is still under way.
_BEFORE_RESET = 0.05
_PHRASES = {status.value: status.phrase for status in HTTPStatus}


class _Server(ThreadingHTTPServer):
	daemon_threads = True
	block_on_close = False
	request_queue_size = 128
	allow_reuse_address = True

	def __init__(self, address: tuple[str, int], app: App, quiet: bool) -> None:
		self.app = app
		self.quiet = quiet
		self._open: set[socket.socket] = set()
		self._open_lock = threading.Lock()
		if ":" in address[0]:
			self.address_family = socket.AF_INET6
		super().__init__(address, _Handler)

	def process_request(self, request: Any, client_address: Any) -> None:
		with self._open_lock:
			self._open.add(request)
		super().process_request(request, client_address)

	def shutdown_request(self, request: Any) -> None:
		with self._open_lock:
			self._open.discard(request)
		super().shutdown_request(request)

	def close_connections(self) -> None:
		"""End the connections that clients keep open, so that their threads end too."""
		with self._open_lock:
			still_open = list(self._open)
		for connection in still_open:
			with contextlib.suppress(OSError):
				connection.shutdown(socket.SHUT_RDWR)

	def handle_error(self, request: Any, client_address: Any) -> None:
		# A client that goes away in the middle is nothing to report; anything else is.
		if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
			super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
	protocol_version = "HTTP/1.1"
	# Answers leave in one write; without this a client that keeps its connection waits 40 ms for each.
	disable_nagle_algorithm = True
	timeout = 300
	server: _Server

	def _serve(self) -> None:
		parts = urlsplit(self.path)
		body = self._body()
		if body is None:
			return
		request = Request(
			method=self.command,
			path=unquote(parts.path),
			query=dict(parse_qsl(parts.query, keep_blank_values=True)),
			headers=self.headers,  # type: ignore[arg-type]
			body=body,
			peer=self.client_address[0],
		)
		response = self.server.app.handle(request)
		if not self.server.quiet:
			shown = response.status if response.answers else "dropped"
			print(f"{self.command} {self.path} {shown}", file=sys.stderr, flush=True)
		self._send(response)

	do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = _serve

	def _body(self) -> bytes | None:
		"""The request's body, or None where it was refused and answered."""
		if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
			return self._chunks()
		length = self.headers.get("Content-Length", "0")
		if not length.isdigit() or int(length) > _LARGEST_BODY:
			self._refuse(413 if length.isdigit() else 400)
			return None
		return self.rfile.read(int(length))

	def _chunks(self) -> bytes | None:
		body = bytearray()
		while True:
			size_line = self.rfile.readline(1024).split(b";")[0].strip()
			try:
				size = int(size_line, 16)
			except ValueError:
				self._refuse(400)
				return None
			if size < 0 or len(body) + size > _LARGEST_BODY:
				self._refuse(413)
				return None
			body += self.rfile.read(size)
			if size == 0:
				while self.rfile.readline(1024).strip():  # trailers
					pass
				return bytes(body)
			self.rfile.readline(16)

	def _refuse(self, status: int) -> None:
		self.close_connection = True
		message = "The request's body cannot be read" if status == 400 else "The request's body is too large"
		self._send(Response(status, envelope(status, message, self.path)))

	def _send(self, response: Response) -> None:
		if response.delivery == "none":
			self.close_connection = True
			return
		if response.delivery == "reset":
			self._reset()
			return
		body = response.payload()
		headers = {"Content-Type": "application/json", **response.headers}
		if not body:
			headers.pop("Content-Type", None)
		if response.delivery == "truncated":
			self.close_connection = True
		bodyless = response.status in (204, 304) or response.status < 200
		lines = [
			f"HTTP/1.1 {response.status} {_PHRASES.get(response.status, 'Unknown')}",
			f"Date: {formatdate(usegmt=True)}",
			*(f"{name}: {value}" for name, value in headers.items()),
		]
		if not bodyless:
			lines.append(f"Content-Length: {len(body)}")
		if self.close_connection:
			lines.append("Connection: close")
		head = "\r\n".join((*lines, "", "")).encode("latin-1", "replace")
		if bodyless or self.command == "HEAD":
			body = b""
		if response.delivery == "truncated":
			self.wfile.write(head + body[: len(body) // 2])
		elif response.delivery == "reset_midway":
			self.wfile.write(head + body[: len(body) // 2])
			self.server.app.pause(_BEFORE_RESET)
			self._reset()
		elif response.delivery == "slow":
			self._send_slowly(head, body, response.seconds, response.piece)
		else:
			self.wfile.write(head + body)

	def _reset(self) -> None:
		"""End the connection with RST in place of FIN, as a firewall or a dying process does."""
		self.close_connection = True
		linger = struct.pack("ii", 1, 0)
		self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
		# Past Python's own closing, which would send FIN first; the server finds it closed and goes on.
		os.close(self.connection.detach())

	def _send_slowly(self, head: bytes, body: bytes, seconds: float, piece: int) -> None:
		step = piece or max(1, -(-len(body) // _SLOW_PIECES))
		pieces = [body[start : start + step] for start in range(0, len(body), step)]
		self.wfile.write(head)
		for each in pieces:
			self.server.app.pause(seconds / len(pieces))
			self.wfile.write(each)

	def log_message(self, format: str, *args: Any) -> None:
		"""Only what http.server itself refuses comes here: malformed requests."""
		if not self.server.quiet:
			print(format % args, file=sys.stderr, flush=True)


class Sandbox:
	"""A running stand-in Pax8, for tests and demonstrations.

	with Sandbox(seed=1, companies=5, products=30, subscriptions=60) as sandbox:
		httpx.get(f"{sandbox.url}/companies", headers=sandbox.authorization())

	Settings are SandboxConfig's fields. `port` 0 takes a free one. It listens from the moment it is made;
	`stop()` or the end of the `with` block ends it.
	"""

	def __init__(
		self,
		config: SandboxConfig | None = None,
		*,
		host: str = "127.0.0.1",
		port: int = 0,
		quiet: bool = True,
		open_control: bool = False,
		**settings: Any,
	) -> None:
		if config is not None and settings:
			raise TypeError("give a config or settings, not both")
		unknown = set(settings) - {field.name for field in fields(SandboxConfig)}
		if unknown:
			raise TypeError(f"unknown settings: {', '.join(sorted(unknown))}")
		self.app = App(config or SandboxConfig(**settings), open_control)
		self._server = _Server((host, port), self.app, quiet)
		self.host, self.port = host, int(self._server.server_address[1])
		self._thread = threading.Thread(
			target=self._server.serve_forever,
			kwargs={"poll_interval": 0.02},
			name="pax8-sandbox",
			daemon=True,
		)
		self._thread.start()

	@property
	def origin(self) -> str:
		"""`http://host:port`."""
		host = f"[{self.host}]" if ":" in self.host else self.host
		return f"http://{host}:{self.port}"

	@property
	def url(self) -> str:
		"""The base URL to give a client in place of `https://api.pax8.com/v1`."""
		return self.origin + API_PREFIX

	@property
	def webhooks_url(self) -> str:
		"""The base URL of the webhooks API, in place of `https://api.pax8.com/api/v2`."""
		return self.origin + WEBHOOKS_PREFIX

	@property
	def control_url(self) -> str:
		"""The base URL of the control endpoints."""
		return self.origin + CONTROL_PREFIX

	@property
	def config(self) -> SandboxConfig:
		"""The settings in force."""
		return self.app.config

	@property
	def clock(self) -> SandboxClock:
		"""The sandbox clock: `clock.advance(seconds)`, `clock.set(moment)`, `clock.freeze()`."""
		return self.app.clock

	@property
	def faults(self) -> Faults:
		"""Order troubles: `faults.add("drop_after", "updateSubscription", count=1)`."""
		return self.app.faults

	@property
	def world(self) -> World:
		"""The records themselves; take `sandbox.app.lock` around changes."""
		return self.app.world

	def authorization(self) -> dict[str, str]:
		"""Headers with a fresh token, for tests that are not about tokens."""
		return {"Authorization": f"Bearer {self.app.tokens.issue(self.clock.timestamp())}"}

	def calls(self, operation: str | None = None) -> list[dict[str, Any]]:
		"""The calls of the API so far, oldest first: all, or those of one operation."""
		with self.app.lock:
			return self.app.calls.list(operation)

	def subscription(self, identifier: str) -> dict[str, Any]:
		"""A subscription on the wire with its history, as it stands. Raises KeyError where there is none."""
		with self.app.lock:
			self.app.settle()
			return subscription_state(self.world.subscriptions.rows[identifier])

	def product(self, identifier: str) -> dict[str, Any]:
		"""A product on the wire with its pricing and commitments. Raises KeyError where there is none."""
		with self.app.lock:
			return product_state(self.world.products.rows[identifier])

	def usage(self, subscription: str) -> list[dict[str, Any]]:
		"""This month's usage summaries of a subscription. Raises KeyError where there is none."""
		with self.app.lock:
			return usage_state(self.app, self.world.subscriptions.rows[subscription])

	def set_usage(self, subscription: str, resource_group: str, **changes: Any) -> list[dict[str, Any]]:
		"""Set or add a usage summary: `companyId`, `isTrial`, `currentCharges`, `partnerTotal`, `monthlyCharges`.

		Returns the subscription's summaries. Raises ValueError saying what is wrong.
		"""
		return self._usage("usage", subscription, resource_group, changes)

	def assign_usage(
		self, subscription: str, resource_group: str, company: str | None
	) -> list[dict[str, Any]]:
		"""Link a resource group to a company (None = to nobody), as is done by hand in Pax8's portal."""
		return self._usage("usage/assign", subscription, resource_group, {"companyId": company})

	def spike_usage(self, subscription: str, resource_group: str, factor: float = 10) -> list[dict[str, Any]]:
		"""Add so many average days' usage to a resource group's total from today on."""
		return self._usage("usage/spike", subscription, resource_group, {"factor": factor})

	def _usage(
		self, path: str, subscription: str, resource_group: str, changes: dict[str, Any]
	) -> list[dict[str, Any]]:
		named = {"subscriptionId": subscription, "resourceGroup": resource_group}
		summaries: list[dict[str, Any]] = self._control("POST", path, None, {**named, **changes})["summaries"]
		return summaries

	def company(self, identifier: str) -> dict[str, Any]:
		"""A company on the wire, with its contacts, oldest first. Raises KeyError where there is none."""
		with self.app.lock:
			company = self.world.companies.rows[identifier]
			contacts = [contact.wire() for contact in contacts_of(self.world, company)]
			return {**company.wire(), "contacts": contacts}

	def orders(self) -> list[dict[str, Any]]:
		"""The orders placed so far, oldest first; mock orders are not among them."""
		with self.app.lock:
			return [order.wire() for order in self.world.orders]

	def invoices(self) -> list[dict[str, Any]]:
		"""The invoices that are visible now, newest first, as the API shows them."""
		with self.app.lock:
			return [view.wire() for view in self.world.invoices.visible(self.clock.now())]

	def pay_invoice(self, invoice: str, amount: float | None = None) -> dict[str, Any]:
		"""Pay an invoice, or `amount` of it; returns it. Raises ValueError where nothing of it is open."""
		return self._control("POST", f"invoices/{invoice}/pay", None, {"amount": amount})

	def void_invoice(self, invoice: str) -> dict[str, Any]:
		"""Make an invoice void; returns it. Raises ValueError where it is void or credited."""
		return self._control("POST", f"invoices/{invoice}/void", None, {})

	def reissue_invoice(self, invoice: str, **correction: Any) -> dict[str, Any]:
		"""Credit an invoice and issue it anew; returns the new one. Raises ValueError where that cannot be.

		`subscriptionId` leaves that subscription's items out, with `quantity` they get that quantity.
		"""
		answer = self._control("POST", f"invoices/{invoice}/credit-and-reissue", None, correction)
		reissued: dict[str, Any] = answer["reissued"]
		return reissued

	def change(self, kind: str, identifier: str | None = None, /, **changes: Any) -> dict[str, Any]:
		"""Change a record from outside, or add one where `identifier` is None.

		`kind` is "subscriptions", "companies" or "products"; `changes` are the spec's field names.
		Raises ValueError saying what is wrong.
		"""
		return self._control("POST", kind, identifier, changes)

	def vanish(self, kind: str, identifier: str) -> None:
		"""Take a record out, as if it had never been. Raises ValueError where there is none."""
		self._control("DELETE", kind, identifier, {})

	def emit(self, topic: str, **payload: Any) -> int:
		"""Send an event (`action="UPDATED"`, ...) to the webhooks that want it; returns how many do."""
		return self.app.events.emit(topic, payload)

	def steer_webhooks(self, **settings: Any) -> None:
		"""Change how events are delivered; `settings` are DeliverySettings' fields. Raises ValueError."""
		self.app.events.steer(settings)

	def wait_for_deliveries(self, timeout: float = 15.0) -> bool:
		"""Wait until every event so far is delivered or given up; False after `timeout` real seconds."""
		return self.app.events.wait(timeout)

	def deliveries(self, topic: str | None = None) -> list[dict[str, Any]]:
		"""The logs of deliveries, oldest first: the spec's WebhookLog and the topic. All, or of one topic."""
		found = self.app.events.state()["deliveries"]
		return [log for log in found if topic in (None, log["topic"])]

	def configure(self, **changes: Any) -> None:
		"""Change settings of the running sandbox."""
		self.app.configure(changes)

	def reset(self, **changes: Any) -> None:
		"""Back to the start; see App.reset."""
		self.app.reset(changes)

	def stop(self) -> None:
		"""Stop serving and close all connections. A second call does nothing."""
		if self.app.stopping.is_set():
			return
		self.app.stopping.set()
		self.app.events.stop()
		self._server.shutdown()
		self._server.server_close()
		self._server.close_connections()
		self._thread.join(5)

	def __enter__(self) -> Sandbox:
		return self

	def __exit__(self, *exception: object) -> None:
		self.stop()

	def _control(
		self, method: str, kind: str, identifier: str | None, changes: dict[str, Any]
	) -> dict[str, Any]:
		path = f"{CONTROL_PREFIX}/{kind}" + (f"/{identifier}" if identifier else "")
		body = Response(content=changes).payload()
		response = self.app.handle(Request(method, path, body=body))
		if response.status >= 400:
			raise ValueError(str(response.content))
		return response.content if isinstance(response.content, dict) else {}
