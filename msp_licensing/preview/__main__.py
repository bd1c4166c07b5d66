"""`python -m msp_licensing.preview`: serve the preview until told to stop."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

from msp_licensing.pax8 import Pax8Client, Pax8Error, Unreachable
from msp_licensing.pax8.configuration import AUDIENCE, BASE_URL

# For a sandbox that is being started beside the preview.
_WAIT_FOR_SANDBOX = 15.0


def _parser() -> argparse.ArgumentParser:
	parser = argparse.ArgumentParser(
		prog="python -m msp_licensing.preview",
		description="A client's portal page and the approval policy, without a site. Pax8 is read and never written.",
	)
	parser.add_argument(
		"--host", default="127.0.0.1", help="address to listen on (default: this machine only)"
	)
	parser.add_argument(
		"--port", type=int, default=8090, help="port to listen on, 0 = a free one (default: 8090)"
	)
	parser.add_argument("--pax8", metavar="URL", help=f"base URL of the Pax8 API (default: {BASE_URL})")
	parser.add_argument("--audience", default=AUDIENCE, help="audience of the token request")
	parser.add_argument(
		"--client-id",
		default=os.environ.get("PAX8_CLIENT_ID"),
		help="client ID of a Pax8 API credential, or PAX8_CLIENT_ID; without one, made-up data is shown",
	)
	parser.add_argument(
		"--client-secret",
		help="its secret; better set PAX8_CLIENT_SECRET, since arguments are seen by everybody on the machine",
	)
	parser.add_argument("--company", default="", metavar="ID", help="Pax8 id of the company to show first")
	return parser


def main(arguments: Sequence[str] | None = None) -> int:
	"""Serve until SIGINT or SIGTERM. Returns the exit code: 1 with one line on stderr where that cannot be."""
	given = _parser().parse_args(arguments)
	try:
		from msp_licensing.preview.server import Server
		from msp_licensing.preview.source import Source, UnknownCompany
		from msp_licensing.preview.views import Views
	except ModuleNotFoundError as error:
		if error.name != "jinja2":
			raise
		return _fail(
			"The preview needs Jinja2, which a Frappe site would bring. Install it: pip install jinja2"
		)

	stop = threading.Event()
	for number in (signal.SIGINT, signal.SIGTERM):
		signal.signal(number, lambda *_: stop.set())

	with contextlib.ExitStack() as stack:
		try:
			pax8, where = _connect(given, stack)
			_try(pax8, patient=where.startswith("a stand-in"), stop=stop)
			source = Source(pax8)
			if given.company:
				source.company(given.company)
		except UnknownCompany:
			return _fail(f"Pax8 has no company {given.company}.")
		except (Pax8Error, ValueError) as error:
			return _fail(str(error))
		try:
			server = Server(Views(source, where, first=given.company), given.host, given.port)
		except OSError as error:
			return _fail(f"Cannot listen on {given.host}:{given.port}: {error.strerror or error}")
		with server:
			thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
			thread.start()
			print(
				f"Preview of the client portal on {server.url}, reading {where}. End with Ctrl-C.", flush=True
			)
			# Waiting in pieces lets Python run the signal handlers on every platform.
			while not stop.wait(0.5):
				pass
			server.shutdown()
	return 0


def _connect(given: argparse.Namespace, stack: contextlib.ExitStack) -> tuple[Pax8Client, str]:
	"""A client that cannot write, and what it reads from in words. What it needs is closed by `stack`."""
	secret = given.client_secret or os.environ.get("PAX8_CLIENT_SECRET") or ""
	if given.client_id or given.pax8:
		if not given.client_id or not secret:
			raise ValueError("To read from Pax8, give --client-id and set PAX8_CLIENT_SECRET.")
		url, client_id = given.pax8 or BASE_URL, given.client_id
		where = f"Pax8 at {urlsplit(url).hostname}"
	else:
		url, client_id, secret = _sandbox_url(stack), "sandbox", "sandbox"
		where = "a stand-in Pax8 with made-up data"
	client = Pax8Client(
		client_id=client_id,
		client_secret=secret,
		base_url=url,
		audience=given.audience,
		writes_allowed=False,
		max_retries=1,
	)
	return stack.enter_context(client), where


def _sandbox_url(stack: contextlib.ExitStack) -> str:
	"""A stand-in Pax8 that runs already (MSP_LICENSING_SANDBOX_URL), or one of our own."""
	if url := os.environ.get("MSP_LICENSING_SANDBOX_URL"):
		return url if urlsplit(url).path.strip("/") else url.rstrip("/") + "/v1"
	from msp_licensing.sandbox import Sandbox

	return stack.enter_context(Sandbox(companies=12, products=80, subscriptions=140)).url


def _try(pax8: Pax8Client, *, patient: bool, stop: threading.Event) -> None:
	"""Raises Pax8Error where the connection does not work; `patient` waits for a server that is just starting."""
	until = time.monotonic() + _WAIT_FOR_SANDBOX
	while True:
		try:
			pax8.check()
			return
		except Unreachable:
			if not patient or stop.is_set() or time.monotonic() > until:
				raise
			time.sleep(0.2)


def _fail(message: str) -> int:
	print(message, file=sys.stderr)
	return 1


if __name__ == "__main__":
	sys.exit(main())
