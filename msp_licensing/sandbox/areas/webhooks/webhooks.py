"""Webhooks: list, create, read, delete, configure, switch on and off."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from msp_licensing.sandbox.areas.webhooks.asked import (
	body_of,
	read_configuration,
	read_topics,
	refuse,
	sorted_by,
	webhook_of,
)
from msp_licensing.sandbox.errors import ApiError
from msp_licensing.sandbox.paging import flag, page_of
from msp_licensing.sandbox.web import Request, Response, Route
from msp_licensing.sandbox.webhooks import ACCOUNT_ID, DEFAULT_THRESHOLD, Webhook

if TYPE_CHECKING:
	from msp_licensing.sandbox.app import App

_SORTS: Mapping[str, Callable[[Webhook], Any]] = {
	"displayName": lambda webhook: webhook.display_name.casefold(),
	"active": lambda webhook: webhook.active,
	"url": lambda webhook: webhook.url or "",
	"createdAt": lambda webhook: webhook.created,
	"updatedAt": lambda webhook: webhook.updated,
}


def query_webhooks(app: App, request: Request) -> dict[str, Any]:
	"""A page of webhooks, oldest first; `query` looks for a text in name and url."""
	query = request.query
	words = query.get("query", "").casefold()
	active, topic, status = flag(query, "active"), query.get("topic"), query.get("status")
	account = query.get("accountId")
	if account is not None:
		try:
			account = str(uuid.UUID(account))
		except ValueError:
			raise ApiError(400, "Invalid accountId", ["'accountId' must be a UUID."]) from None
	rows = [
		webhook
		for webhook in app.events.webhooks.values()
		if (words in webhook.display_name.casefold() or words in (webhook.url or "").casefold())
		and active in (None, webhook.active)
		and (topic is None or webhook.topic(topic))
		and status in (None, webhook.last_status)
		and account in (None, ACCOUNT_ID)
	]
	return page_of(sorted_by(rows, query.get("sort"), _SORTS), query, Webhook.wire)


def create_webhook(app: App, request: Request) -> dict[str, Any]:
	"""A new webhook, switched off unless `active` is true; only `displayName` is required."""
	asked = body_of(request)
	problems: list[str] = []
	if "displayName" not in asked:
		problems.append("displayName is required.")
	settings = read_configuration(asked, problems)
	active = asked.get("active", False)
	if not isinstance(active, bool):
		problems.append("active must be true or false.")
	elif active and not asked.get("url"):
		problems.append("A webhook without a url cannot be active.")
	topics = read_topics(asked.get("webhookTopics", []), [], problems)
	integration = asked.get("integrationId")
	if "integrationId" in asked:
		try:
			integration = str(uuid.UUID(integration))
		except (ValueError, AttributeError, TypeError):
			problems.append("integrationId must be a UUID.")
	refuse(problems)
	now = app.clock.now()
	webhook = Webhook(
		id=str(uuid.uuid4()),
		created=now,
		updated=now,
		active=active,
		topics=topics,
		integration_id=integration,
		**settings,
	)
	app.events.webhooks[webhook.id] = webhook
	return webhook.wire()


def get_webhook(app: App, request: Request, id: str) -> dict[str, Any]:
	"""One webhook, or 404."""
	return webhook_of(app, id).wire()


def delete_webhook(app: App, request: Request, id: str) -> Response:
	"""Delete a webhook with its logs; what still waits to be sent to it is not sent."""
	app.events.remove(webhook_of(app, id))
	return Response(204)


def update_configuration(app: App, request: Request, id: str) -> dict[str, Any]:
	"""Replace the configuration: what is not given is emptied, but for the name, which a webhook must have."""
	webhook = webhook_of(app, id)
	problems: list[str] = []
	settings = read_configuration(body_of(request), problems)
	if webhook.active and "url" not in settings:
		problems.append("An active webhook needs a url.")
	refuse(problems)
	webhook.display_name = settings.get("display_name", webhook.display_name)
	webhook.url = settings.get("url")
	webhook.authorization = settings.get("authorization")
	webhook.contact_email = settings.get("contact_email")
	webhook.error_threshold = settings.get("error_threshold", DEFAULT_THRESHOLD)
	webhook.updated = app.clock.now()
	return webhook.wire()


def update_status(app: App, request: Request, id: str) -> dict[str, Any]:
	"""Switch a webhook on or off."""
	webhook = webhook_of(app, id)
	active = body_of(request).get("active")
	problems: list[str] = []
	if not isinstance(active, bool):
		problems.append("active must be true or false.")
	elif active and not webhook.url:
		problems.append("A webhook without a url cannot be active.")
	refuse(problems)
	webhook.active = bool(active)
	webhook.updated = app.clock.now()
	return webhook.wire()


ROUTES = (
	Route("GET", "/webhooks", "Webhooks_query", query_webhooks),
	Route("POST", "/webhooks", "Webhooks_create", create_webhook),
	Route("GET", "/webhooks/{id}", "Webhooks_get", get_webhook),
	Route("DELETE", "/webhooks/{id}", "Webhooks_delete", delete_webhook),
	Route("POST", "/webhooks/{id}/configuration", "updateConfiguration", update_configuration),
	Route("POST", "/webhooks/{id}/status", "updateStatus", update_status),
)
