"""Steering webhooks: how events are delivered, what was, and events that nothing in the data causes."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from msp_licensing.sandbox.areas.control.asked import only, text
from msp_licensing.sandbox.errors import ApiError
from msp_licensing.sandbox.web import Request, Response, Route

if TYPE_CHECKING:
	from msp_licensing.sandbox.app import App


def get_webhooks(app: App, request: Request) -> dict[str, Any]:
	"""Settings, webhooks and deliveries; `?wait=5` first waits so many real seconds for all to be done."""
	if wait := request.query.get("wait"):
		if not wait.isdigit():
			raise ApiError(400, "'wait' must be a whole number of seconds")
		app.events.wait(int(wait))
	return app.events.state()


def post_webhooks(app: App, request: Request) -> dict[str, Any]:
	"""Change `delay_seconds`, `retry_seconds`, `timeout_seconds`, `duplicate`, `drop`, `reorder` or `hold`."""
	return asdict(app.events.steer(request.json_object()))


def post_event(app: App, request: Request) -> Response:
	"""`{"topic": "SUBSCRIPTION", "payload": {"action": "UPDATED", ...}}` to the webhooks that want it."""
	asked = request.json_object()
	only(asked, {"topic", "payload"})
	payload = asked.get("payload", {})
	if not isinstance(payload, dict):
		raise ApiError(400, "'payload' must be an object")
	return Response(202, {"webhooks": app.events.emit(text(asked, "topic"), payload)})


ROUTES = (
	Route("GET", "/webhooks", "webhooks", get_webhooks),
	Route("POST", "/webhooks", "webhooks", post_webhooks),
	Route("POST", "/events", "events", post_event),
)
