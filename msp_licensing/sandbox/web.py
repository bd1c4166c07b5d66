"""Requests, responses and the route table: what lies between the socket and the areas."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from msp_licensing.sandbox.errors import ApiError

if TYPE_CHECKING:
	from msp_licensing.sandbox.app import App

Delivery = Literal["whole", "none", "reset", "reset_midway", "truncated", "slow"]


def json_text(value: Any) -> bytes:
	"""A value as JSON, as it goes over the wire."""
	return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


@dataclass(slots=True)
class Request:
	"""One call as it came in. `path` is without the query; of a repeated parameter the last value counts."""

	method: str
	path: str
	query: dict[str, str] = field(default_factory=dict)
	headers: Mapping[str, str] = field(default_factory=dict)
	body: bytes = b""
	peer: str = "127.0.0.1"

	def json(self) -> Any:
		"""The body as JSON. Raises ApiError 400 for an empty or malformed one."""
		try:
			return json.loads(self.body)
		except ValueError as error:
			raise ApiError(400, "Malformed JSON request", [f"The body is not JSON: {error}"]) from error

	def json_object(self) -> dict[str, Any]:
		"""The body as a JSON object; an empty body is an empty object. Raises ApiError 400 otherwise."""
		if not self.body.strip():
			return {}
		value = self.json()
		if not isinstance(value, dict):
			raise ApiError(400, "Malformed JSON request", ["The body must be a JSON object."])
		return value


@dataclass(slots=True)
class Response:
	"""One answer. `content` is JSON-able, or bytes sent as they are, or None for an empty body.

	`delivery` says how it reaches the caller: whole, not at all (the connection is closed, or reset), cut short
	although Content-Length promises all of it, or slowly over `seconds`, perhaps only `piece` bytes at a time.
	`done` says whether what was asked for was carried out, whatever the caller gets to see.
	"""

	status: int = 200
	content: Any = None
	headers: dict[str, str] = field(default_factory=dict)
	delivery: Delivery = "whole"
	seconds: float = 0.0
	piece: int = 0
	done: bool = False

	@property
	def answers(self) -> bool:
		"""Whether the caller gets to see the status."""
		return self.delivery not in ("none", "reset")

	def payload(self) -> bytes:
		"""The body's bytes."""
		if self.content is None:
			return b""
		if isinstance(self.content, bytes):
			return self.content
		return json_text(self.content)


Handler = Callable[..., "Response | Any"]


@dataclass(frozen=True, slots=True)
class Route:
	"""One operation: `path` has `{names}`, which reach the handler as keyword arguments.

	`operation` is the spec's operationId where it has one. A handler is called as
	`handler(app, request, **names)` with the state locked, and returns a Response or the content of a 200.
	"""

	method: str
	path: str
	operation: str
	handler: Callable[..., Any]
	public: bool = False
	"""True where no bearer token is asked for."""


class Router:
	"""Finds the route of a call."""

	def __init__(self, prefix: str, routes: Iterable[Route]) -> None:
		self.prefix = prefix
		self.routes = tuple(routes)
		self._by_length: dict[int, list[tuple[tuple[str, ...], Route]]] = {}
		for route in self.routes:
			parts = tuple((prefix + route.path).strip("/").split("/"))
			self._by_length.setdefault(len(parts), []).append((parts, route))

	def find(self, method: str, path: str) -> tuple[Route | None, dict[str, str], list[str]]:
		"""Return (route, path parameters, methods that the path has).

		The route is None when the path is unknown (no methods) or has no such method.
		"""
		given = path.strip("/").split("/")
		allowed: list[str] = []
		for parts, route in self._by_length.get(len(given), ()):
			names: dict[str, str] = {}
			for part, value in zip(parts, given, strict=True):
				if part.startswith("{"):
					names[part[1:-1]] = value
				elif part != value:
					break
			else:
				if route.method == method:
					return route, names, [method]
				allowed.append(route.method)
		return None, {}, allowed


def respond(app: App, route: Route, request: Request, names: dict[str, str]) -> Response:
	"""Run a route's handler and make its result a Response."""
	result = route.handler(app, request, **names)
	return result if isinstance(result, Response) else Response(200, result)
