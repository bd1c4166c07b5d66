"""A receiver of webhooks, for the tests of what the sandbox sends."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECRET = "s3cret-of-the-receiver"
Hook = Callable[..., dict[str, Any]]
"""What the fixture `hook` is: makes a webhook of the receiver's and returns it."""


def a_filter(field: str, operator: str, *values: str, action: str = "UPDATED") -> dict[str, Any]:
	"""A filter of one condition."""
	condition = {"field": field, "operator": operator, "value": list(values)}
	return {"action": action, "conditions": [condition]}


class Receiver:
	"""An HTTP server that keeps what it gets. `answers` are given in turn, then 200."""

	def __init__(self) -> None:
		self.got: list[dict[str, Any]] = []
		self.headers: list[dict[str, str]] = []
		self.answers: list[int] = []
		self.before_answering: Callable[[], None] = lambda: None
		receiver = self

		class Handler(BaseHTTPRequestHandler):
			def do_POST(self) -> None:
				body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
				receiver.headers.append({"path": self.path, **self.headers})
				receiver.got.append(body)
				receiver.before_answering()
				self.send_response(receiver.answers.pop(0) if receiver.answers else 200)
				self.send_header("Location", "/elsewhere")
				self.end_headers()

			def log_message(self, *args: Any) -> None:
				pass

		self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
		self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hook?site=one"
		self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
		self._thread.start()

	@property
	def data(self) -> list[dict[str, Any]]:
		return [body["payloadData"] for body in self.got]

	def stop(self) -> None:
		self._server.shutdown()
		self._server.server_close()
		self._thread.join()
