"""What can be subscribed to, and the topics of a webhook: add, replace, remove, filter, test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msp_licensing.sandbox.areas.webhooks.asked import (
	body_of,
	invalid,
	read_filters,
	read_topic,
	read_topics,
	refuse,
	sorted_by,
	webhook_of,
)
from msp_licensing.sandbox.errors import ApiError
from msp_licensing.sandbox.paging import page_of
from msp_licensing.sandbox.topics import TOPICS, TopicDefinition
from msp_licensing.sandbox.web import Request, Response, Route
from msp_licensing.sandbox.webhooks import ACCOUNT_ID, Topic, Webhook, why_undeliverable

if TYPE_CHECKING:
	from msp_licensing.sandbox.app import App


def get_topic_definitions(app: App, request: Request) -> dict[str, Any]:
	"""A page of topics, with its totals beside `content` instead of inside `page`."""
	query = request.query
	search, topic = query.get("search", "").casefold(), query.get("topic")
	rows = [
		definition
		for definition in TOPICS.values()
		if topic in (None, definition.topic)
		and any(
			search in text.casefold() for text in (definition.topic, definition.name, definition.description)
		)
	]
	keys = {"topic": lambda definition: definition.topic, "name": lambda definition: definition.name}
	rows = sorted_by(rows, query.get("sort"), keys)

	def wire(definition: TopicDefinition) -> dict[str, Any]:
		return definition.wire(ACCOUNT_ID)

	page = page_of(rows, query, wire)
	return {"content": page["content"], **page["page"]}


def add_topic(app: App, request: Request, id: str) -> dict[str, Any]:
	"""Subscribe a webhook to one more topic; to one that it has already is refused."""
	webhook = webhook_of(app, id)
	problems: list[str] = []
	topic = read_topic(body_of(request), problems)
	if topic and webhook.topic(topic.topic):
		problems.append(f"The webhook has the topic {topic.topic} already.")
	refuse(problems)
	if topic:
		webhook.topics.append(topic)
	return _touched(app, webhook)


def replace_topics(app: App, request: Request, id: str) -> dict[str, Any]:
	"""Subscribe a webhook to these topics and no others."""
	webhook = webhook_of(app, id)
	problems: list[str] = []
	topics = read_topics(body_of(request).get("webhookTopics"), webhook.topics, problems)
	refuse(problems)
	webhook.topics = topics
	return _touched(app, webhook)


def remove_topic(app: App, request: Request, id: str, topicId: str) -> Response:
	"""End one of a webhook's subscriptions."""
	webhook = webhook_of(app, id)
	webhook.topics.remove(_topic_of(webhook, topicId))
	_touched(app, webhook)
	return Response(204)


def configure_topic(app: App, request: Request, id: str, topicId: str) -> dict[str, Any]:
	"""Replace the filters of one of a webhook's subscriptions."""
	webhook = webhook_of(app, id)
	topic = _topic_of(webhook, topicId)
	problems: list[str] = []
	filters = read_filters(topic.topic, body_of(request).get("filters"), problems)
	refuse(problems)
	topic.filters = filters
	return _touched(app, webhook)


def test_topic(app: App, request: Request, id: str, topic: str) -> dict[str, Any]:
	"""Send the topic's sample, from the background as every event; the webhook may be switched off."""
	webhook = webhook_of(app, id)
	problems: list[str] = []
	subscribed = webhook.topic(topic)
	if subscribed is None:
		problems.append(f"The webhook has no topic {topic}.")
	if why := why_undeliverable(webhook.url) if webhook.url else "The webhook has no url.":
		problems.append(why)
	if subscribed is None or problems:
		raise invalid(problems)
	payload = app.events.test(webhook, subscribed, TOPICS[topic].sample)
	return {"url": webhook.url, "webhook": webhook.wire(), "samplePayload": payload}


def _topic_of(webhook: Webhook, identifier: str) -> Topic:
	for topic in webhook.topics:
		if topic.id == identifier.lower():
			return topic
	raise ApiError(404, "Topic not found", [f"The webhook has no topic with the id {identifier}."])


def _touched(app: App, webhook: Webhook) -> dict[str, Any]:
	webhook.updated = app.clock.now()
	return webhook.wire()


ROUTES = (
	# Before /webhooks/{id}, which would take it for an id.
	Route("GET", "/webhooks/topic-definitions", "getTopicDefinitions", get_topic_definitions),
	Route("POST", "/webhooks/{id}/topics", "addWebhookTopic", add_topic),
	Route("PUT", "/webhooks/{id}/topics", "replaceWebhookTopics", replace_topics),
	Route("DELETE", "/webhooks/{id}/topics/{topicId}", "removeWebhookTopic", remove_topic),
	Route(
		"POST",
		"/webhooks/{id}/topics/{topicId}/configuration",
		"updateWebhookTopicConfiguration",
		configure_topic,
	),
	Route("POST", "/webhooks/{id}/topics/{topic}/test", "testWebhookTopic", test_topic),
)
