"""The stand-in Pax8, in a process of its own, so that it takes no time from what is measured but that of a core."""

import json
import subprocess
import sys
import urllib.request
from typing import Any


class Control:
	"""The sandbox's own controls, for whoever knows the address of its API."""

	def __init__(self, url: str) -> None:
		self._control = url.removesuffix("/v1") + "/_sandbox"

	def configure(self, **values: Any) -> None:
		self._send("POST", "/config", values)

	def forget_calls(self) -> None:
		self._send("DELETE", "/calls")

	def list_calls(self) -> list[dict[str, Any]]:
		"""Calls since they were last forgotten, oldest first; `ms` is what the sandbox took to answer."""
		return self._send("GET", "/calls?limit=1000")["calls"]

	def _send(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
		request = urllib.request.Request(
			self._control + path,
			method=method,
			data=None if body is None else json.dumps(body).encode(),
			headers={"Content-Type": "application/json"},
		)
		with urllib.request.urlopen(request, timeout=60) as answer:
			return json.load(answer)


class Pax8(Control):
	"""A running sandbox; `with` ends it.

	Args:
		companies, products, subscriptions: how many of each it holds.
		now: where its clock starts (ISO 8601); None: it is what it is.

	Attributes:
		url: base address for the client.
	"""

	def __init__(self, *, companies: int, products: int, subscriptions: int, now: str | None = None) -> None:
		self.holds = {"companies": companies, "products": products, "subscriptions": subscriptions}
		numbers = [text for name, number in self.holds.items() for text in (f"--{name}", str(number))]
		command = [
			sys.executable,
			"-m",
			"msp_licensing.sandbox",
			"--port",
			"0",
			"--rate-limit",
			"0",
			"--quiet",
			*(["--now", now] if now else []),
		]
		# nosemgrep: frappe-subprocess-exec - a command for developers, with arguments of its own
		self._process = subprocess.Popen([*command, *numbers], stdout=subprocess.PIPE, text=True)
		# The first line says where it listens; it comes when all records are made.
		line = self._process.stdout.readline() if self._process.stdout else ""
		if "http://" not in line:
			self.close()
			raise SystemExit("The sandbox did not start.")
		self.url = "http://" + line.split("http://")[1].split()[0]
		super().__init__(self.url)

	def __enter__(self) -> "Pax8":
		return self

	def __exit__(self, *exc_info: object) -> None:
		self.close()

	def close(self) -> None:
		self._process.terminate()
		try:
			self._process.wait(10)
		except subprocess.TimeoutExpired:
			self._process.kill()
			self._process.wait()

	def limit(self, calls_per_minute: int) -> None:
		"""How many calls a minute are accepted from now on; 0 = any number."""
		self.configure(rate_limit=calls_per_minute)

	def calls(self) -> dict[str, Any]:
		"""Calls since they were last forgotten: `by_operation` and `by_status`."""
		answer = self._send("GET", "/calls?limit=0")
		return {name: answer[name] for name in ("total", "by_operation", "by_status")}
