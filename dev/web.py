"""Run inside the venv: one site's web server, on 127.0.0.1, as production has it but for nginx.

`bench serve` would listen on every interface, with a debugger that runs code for whoever reaches it. This one has no
debugger and no reloader, serves assets and files, and hands /socket.io to the realtime server under the same address,
which is what nginx does and what the desk expects outside of developer mode.

Arguments: site, sites folder, port, port of the realtime server.
"""

import http.client
import logging
import os
import select
import socket
import sys
from collections.abc import Callable, Iterable
from typing import NoReturn

import frappe.app
from werkzeug.serving import WSGIRequestHandler, run_simple

# Long polling holds a request open for up to 25 seconds.
REALTIME_TIMEOUT = 60


class Realtime:
	"""Passes /socket.io on: long polling as requests, a WebSocket as a tunnel."""

	def __init__(self, application: Callable, site: str, port: int):
		self.application = application
		self.site = site
		self.port = port

	def __call__(self, environ: dict, start_response: Callable) -> Iterable[bytes]:
		if not environ["PATH_INFO"].startswith("/socket.io"):
			return self.application(environ, start_response)
		host = environ.get("HTTP_HOST", "localhost")
		# The same headers as in bench's nginx configuration: the realtime server tells the site by them.
		headers = {"Host": host, "Origin": f"http://{host}", "X-Frappe-Site-Name": self.site}
		headers["Cookie"] = environ.get("HTTP_COOKIE", "")
		if environ.get("HTTP_UPGRADE"):
			self.tunnel(environ, headers)
		headers["Content-Type"] = environ.get("CONTENT_TYPE") or "text/plain;charset=UTF-8"
		body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
		upstream = http.client.HTTPConnection("127.0.0.1", self.port, timeout=REALTIME_TIMEOUT)
		try:
			path = f"{environ['PATH_INFO']}?{environ.get('QUERY_STRING', '')}"
			upstream.request(environ["REQUEST_METHOD"], path, body, headers)
			answer = upstream.getresponse()
			content = answer.read()
		except OSError:
			start_response("502 Bad Gateway", [("Content-Type", "text/plain")])
			return [b"the realtime server does not answer"]
		finally:
			upstream.close()
		drop = {"connection", "transfer-encoding", "keep-alive", "content-length"}
		kept = [(k, v) for k, v in answer.getheaders() if k.lower() not in drop]
		start_response(f"{answer.status} {answer.reason}", [*kept, ("Content-Length", str(len(content)))])
		return [content]

	def tunnel(self, environ: dict, headers: dict[str, str]) -> NoReturn:
		"""Carries bytes both ways until one side ends. WSGI has no answer for that, so it ends as a dropped
		connection, which the server takes quietly."""
		headers |= {"Upgrade": "websocket", "Connection": "Upgrade"}
		names = ("KEY", "VERSION", "EXTENSIONS", "PROTOCOL")
		headers |= {
			f"Sec-WebSocket-{name}": environ[f"HTTP_SEC_WEBSOCKET_{name}"]
			for name in names
			if f"HTTP_SEC_WEBSOCKET_{name}" in environ
		}
		client = environ["werkzeug.socket"]
		lines = [f"GET {environ['PATH_INFO']}?{environ.get('QUERY_STRING', '')} HTTP/1.1"]
		lines += [f"{name}: {value}" for name, value in headers.items()]
		with socket.create_connection(("127.0.0.1", self.port)) as upstream:
			upstream.sendall(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
			other = {client: upstream, upstream: client}
			while True:
				for ready in select.select([client, upstream], [], [])[0]:
					data = ready.recv(65536)
					if not data:
						raise ConnectionAbortedError
					other[ready].sendall(data)


class Handler(WSGIRequestHandler):
	"""Logs what went wrong, not every request."""

	def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
		if str(code) >= "500":
			super().log_request(code, size)


def main(site: str, sites: str, port: str, realtime_port: str) -> None:
	os.chdir(sites)
	frappe.app._site, frappe.app._sites_path = site, "."
	application = Realtime(frappe.app.application_with_statics(), site, int(realtime_port))
	logging.getLogger("werkzeug").setLevel(logging.WARNING)
	run_simple("127.0.0.1", int(port), application, threaded=True, request_handler=Handler)


if __name__ == "__main__":
	main(*sys.argv[1:])
