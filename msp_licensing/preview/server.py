"""The preview's web server: standard library, one page, and the few calls the page's script makes."""

from __future__ import annotations

import json
import logging
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

from msp_licensing.pax8 import Pax8Error
from msp_licensing.preview.choices import Choices
from msp_licensing.preview.source import UnknownCompany
from msp_licensing.preview.views import Refused, UnknownSubscription, Views

logger = logging.getLogger("msp_licensing.preview")

_LARGEST_BODY = 64 * 1024
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_SAFE = {
	"Cache-Control": "no-store",
	"X-Content-Type-Options": "nosniff",
	"X-Frame-Options": "DENY",
	"Referrer-Policy": "same-origin",
	"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
	"connect-src 'self'; form-action 'self'; base-uri 'none'",
}


class Server(ThreadingHTTPServer):
	"""Serves `views` at `host`:`port` (0 = a free port). Raises OSError where that cannot be."""

	daemon_threads = True
	block_on_close = False

	def __init__(self, views: Views, host: str = "127.0.0.1", port: int = 8090) -> None:
		if ":" in host:
			import socket

			self.address_family = socket.AF_INET6
		self.views = views
		self.only_loopback = host in _LOOPBACK
		super().__init__((host, port), _Handler)

	@property
	def url(self) -> str:
		host, port = self.server_address[:2]
		return f"http://[{host}]:{port}" if ":" in str(host) else f"http://{host}:{port}"

	def handle_error(self, request: Any, client_address: Any) -> None:
		if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
			logger.exception("The preview failed to answer")


class _Handler(BaseHTTPRequestHandler):
	protocol_version = "HTTP/1.1"
	timeout = 120
	server: Server

	def do_GET(self) -> None:
		if not self._is_for_us():
			return
		parts = urlsplit(self.path)
		if parts.path != "/":
			return self._page(404, *_NOT_FOUND)
		if "again=1" in parts.query.split("&"):
			self.server.views.source.forget()
			return self._redirect("/?" + Choices.from_query(parts.query).query())
		try:
			self._send(
				200, "text/html; charset=utf-8", self.server.views.page(Choices.from_query(parts.query))
			)
		except UnknownCompany as error:
			if str(error):
				self._page(404, "There is no such company", "Choose one from the list on the first page.")
			else:
				self._page(200, "There are no companies", "This Pax8 account has no client companies yet.")
		except Pax8Error as error:
			self._page(502, "Pax8 could not be read", error.message)

	do_HEAD = do_GET

	def do_POST(self) -> None:
		if not self._is_for_us():
			return
		length = int(self.headers.get("Content-Length") or 0)
		# Only a script of this page can send JSON here: a form of another site cannot.
		if length > _LARGEST_BODY or not (self.headers.get("Content-Type") or "").startswith(
			"application/json"
		):
			self.close_connection = True
			return self._refusal(417, "The preview takes JSON.")
		parts = urlsplit(self.path).path.strip("/").split("/")
		functions = {
			"check": self.server.views.check,
			"request_change": self.server.views.request_change,
			"overview": self.server.views.overview,
		}
		try:
			arguments = json.loads(self.rfile.read(length) or b"{}")
			if (
				len(parts) != 3
				or parts[0] != "api"
				or parts[2] not in functions
				or not isinstance(arguments, dict)
			):
				return self._refusal(404, "There is no such function.")
			choices = Choices.from_query(unquote(parts[1]))
			answer = functions[parts[2]](choices, **{str(name): value for name, value in arguments.items()})
		except Refused as error:
			return self._refusal(417, str(error))
		except (UnknownCompany, UnknownSubscription):
			return self._refusal(404, "This subscription does not exist.")
		except Pax8Error as error:
			return self._refusal(502, error.message)
		except (ValueError, TypeError):
			return self._refusal(417, "The preview did not understand that.")
		self._send(200, "application/json", json.dumps({"message": answer}, default=str))

	def _is_for_us(self) -> bool:
		"""Names that another site lets point to this machine get no data out of it."""
		host = urlsplit("//" + (self.headers.get("Host") or "")).hostname
		if not self.server.only_loopback or host in _LOOPBACK:
			return True
		self.close_connection = True
		self._page(421, "Wrong address", "Open the preview under the address it printed.")
		return False

	def _page(self, status: int, heading: str, message: str) -> None:
		self._send(status, "text/html; charset=utf-8", self.server.views.problem(heading, message))

	def _refusal(self, status: int, message: str) -> None:
		"""An error in the form in which Frappe answers, which the page's script reads."""
		body = json.dumps({"_server_messages": json.dumps([json.dumps({"message": message})])})
		self._send(status, "application/json", body)

	def _redirect(self, to: str) -> None:
		self.send_response(303)
		self.send_header("Location", to)
		self.send_header("Content-Length", "0")
		self.end_headers()

	def _send(self, status: int, kind: str, body: str) -> None:
		content = body.encode()
		self.send_response(status)
		for name, value in {"Content-Type": kind, "Content-Length": str(len(content)), **_SAFE}.items():
			self.send_header(name, value)
		if self.close_connection:
			self.send_header(
				"Connection", "close"
			)  # else a browser sends its next request into a closed door
		self.end_headers()
		if self.command != "HEAD":
			self.wfile.write(content)

	def log_message(self, format: str, *args: Any) -> None:
		logger.debug(format, *args)


_NOT_FOUND = ("There is nothing here", "The preview is a single page, at the address it printed.")
