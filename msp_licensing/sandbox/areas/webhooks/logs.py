"""What was sent to a webhook, and sending it once more."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from msp_licensing.sandbox.areas.webhooks.asked import refuse, sorted_by, webhook_of
from msp_licensing.sandbox.dates import parse_moment
from msp_licensing.sandbox.errors import ApiError
from msp_licensing.sandbox.paging import page_of
from msp_licensing.sandbox.web import Request, Response, Route
from msp_licensing.sandbox.webhooks import Log, Webhook

if TYPE_CHECKING:
	from msp_licensing.sandbox.app import App


def query_logs(app: App, request: Request, webhookId: str) -> dict[str, Any]:
	"""A page of a webhook's logs, newest first. The object `query` that the file requires is not looked at."""
	query = request.query
	topic, status = query.get("topicName"), query.get("status")
	start, end = _moment(query.get("startDate"), "startDate"), _moment(query.get("endDate"), "endDate")
	rows = [
		log
		for log in reversed(app.events.logs_of(webhook_of(app, webhookId)))
		if topic in (None, log.topic)
		and status in (None, log.status)
		and (start is None or log.created >= start)
		and (end is None or log.created <= end)
	]
	keys = {
		"createdAt": lambda log: log.created,
		"finalStatus": lambda log: log.status,
		"webhookName": lambda log: log.webhook_name,
	}
	return page_of(sorted_by(rows, query.get("sort"), keys), query, Log.wire)


def get_log(app: App, request: Request, webhookId: str, id: str) -> dict[str, Any]:
	"""One log, or 404."""
	return _log_of(app, webhook_of(app, webhookId), id).wire()


def retry_delivery(app: App, request: Request, webhookId: str, logId: str) -> Response:
	"""Send an event that failed once more; the attempt is added to its log."""
	webhook = webhook_of(app, webhookId)
	log = _log_of(app, webhook, logId)
	problems: list[str] = []
	if log.status != "FAILED":
		problems.append("Only what failed can be sent again.")
	if not webhook.active:
		problems.append("The webhook is not active.")
	refuse(problems)
	app.events.retry(webhook, log)
	return Response(202)


def _log_of(app: App, webhook: Webhook, identifier: str) -> Log:
	log = app.events.logs.get(identifier.lower())
	if log is None or log.webhook_id != webhook.id:
		raise ApiError(404, "Log not found", [f"The webhook has no log {identifier}."])
	return log


def _moment(text: str | None, name: str) -> datetime | None:
	if text is None:
		return None
	try:
		return parse_moment(text)
	except (ValueError, OverflowError):
		raise ApiError(400, f"Invalid {name}", [f"'{name}' must be a date or date-time."]) from None


ROUTES = (
	Route("GET", "/webhooks/{webhookId}/logs", "WebhookLogs_query", query_logs),
	Route("GET", "/webhooks/{webhookId}/logs/{id}", "WebhookLogs_get", get_log),
	Route("POST", "/webhooks/{webhookId}/logs/{logId}/retry", "retryWebhookDelivery", retry_delivery),
)
