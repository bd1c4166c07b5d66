"""A call of the API, as the lists of calls by area (`calls_*.py`) write them down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
from pax8_openapi import Operation, Verdict

from msp_licensing.sandbox import Sandbox

NOWHERE = "00000000-0000-4000-8000-000000000000"


@dataclass(frozen=True)
class Call:
	"""A call and the status it must get. `path` is the spec's; `ids` fill its braces.

	`given` makes what the call needs and returns ids that come after those; what has no brace is left.
	"""

	method: str
	path: str
	status: int
	ids: tuple[str, ...] = ()
	query: dict[str, str] = field(default_factory=dict)
	body: Any = None
	authorized: bool = True
	given: Callable[[Sandbox], tuple[str, ...]] | None = None

	def __str__(self) -> str:
		return f"{self.method} {self.path} {self.query or ''} {self.body or ''} {self.status}".replace(
			"  ", " "
		)

	def make(self, api: httpx.Client, sandbox: Sandbox) -> httpx.Response:
		"""Send it to the base that its area has in Pax8's files."""
		url = (sandbox.webhooks_url if self.path.startswith("/webhooks") else sandbox.url) + self.path
		for identifier in (*self.ids, *(self.given(sandbox) if self.given else ())):
			head, brace, tail = url.partition("{")
			url = f"{head}{identifier}{tail.partition('}')[2]}" if brace else url
		headers = {} if self.authorized else {"Authorization": "Bearer nonsense"}
		return api.request(
			self.method, url, params=self.query or None, json=self.body, headers=headers or None
		)


def get(path: str, status: int, /, *ids: str, **query: str) -> Call:
	"""A call to read something."""
	return Call("GET", path, status, ids, query)


def judged(operation: Operation, response: httpx.Response) -> Verdict:
	"""What the spec says to an answer."""
	return operation.judge_response(response)


def asked(operation: Operation, response: httpx.Response) -> Verdict:
	"""What the spec says to the call that was answered so."""
	return operation.judge_request(response.request)


def ask(sandbox: Sandbox, method: str, url: str, body: Any = None) -> Any:
	"""Call the API for a test's own preparation; returns the answer's body."""
	response = httpx.request(method, url, json=body, headers=sandbox.authorization(), verify=False)
	assert response.status_code in (200, 204), response.text
	return response.json() if response.content else None
