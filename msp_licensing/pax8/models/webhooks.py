"""Webhooks: what Pax8 tells, to whom, and whether it arrived.

The secret of a webhook (`authorization`, which Pax8 sends back in the header of each delivery) is in none of these
records, although Pax8's answers hold it: only who made it up needs it.
"""

from __future__ import annotations

from typing import Annotated

from msp_licensing.pax8.models.fields import (
	Count,
	Flag,
	Id,
	Instant,
	JsonObject,
	LongText,
	NoneIsEmpty,
	OptionalId,
	Record,
	Status,
	Text,
	Texts,
)


class FilterCondition(Record):
	"""One condition of a filter. `operator` is `EQUALS`, `NOT_EQUALS`, `IN`, … by the specification."""

	field: Text = None
	operator: Text = None
	value: Texts = ()


class WebhookFilter(Record):
	"""A filter of a subscribed topic; all its conditions must hold for an event to be sent."""

	action: Text = None
	conditions: Annotated[tuple[FilterCondition, ...], NoneIsEmpty] = ()


class WebhookTopic(Record):
	"""A topic that a webhook has subscribed to. Its `id` is what `remove_webhook_topic` wants."""

	id: OptionalId = None
	topic: Id
	filters: Annotated[tuple[WebhookFilter, ...], NoneIsEmpty] = ()


class Webhook(Record):
	"""A webhook of the partner's account (`GET /webhooks`).

	`error_threshold` is the number of tries after which Pax8 gives a delivery up and mails `contact_email`;
	`last_delivery_status` is `PENDING`, `SUCCESS`, `FAILED` or `RETRYING`.
	"""

	id: Id
	account_id: OptionalId = None
	display_name: Text = None
	url: Text = None
	active: Flag = None
	contact_email: Text = None
	error_threshold: Count = None
	integration_id: OptionalId = None
	webhook_topics: Annotated[tuple[WebhookTopic, ...], NoneIsEmpty] = ()
	last_delivery_status: Status = None
	created_at: Instant = None
	updated_at: Instant = None

	def topic(self, name: str) -> WebhookTopic | None:
		"""Return the subscription to a topic, whatever the case of its letters; `None` when there is none."""
		for topic in self.webhook_topics:
			if topic.topic.casefold() == name.strip().casefold():
				return topic
		return None


class FilterConditionDefinition(Record):
	"""A condition that the filters of a topic may use; `value` is an example."""

	field: Text = None
	operator: Texts = ()
	data_type: Text = None
	description: LongText = None
	value: LongText = None


class WebhookFilterDefinition(Record):
	"""A filter that a topic offers; `action` is what happened, e.g. `CREATED`."""

	action: Text = None
	action_display_name: Text = None
	description: LongText = None
	conditions: Annotated[tuple[FilterConditionDefinition, ...], NoneIsEmpty] = ()


class TopicDefinition(Record):
	"""A topic that can be subscribed to (`GET /webhooks/topic-definitions`, the only complete list of them).

	`sample_payload` is a whole delivery as JSON, the event under `payloadData`.
	"""

	topic: Id
	name: Text = None
	description: LongText = None
	available_filters: Annotated[tuple[WebhookFilterDefinition, ...], NoneIsEmpty] = ()
	sample_payload: JsonObject = None


class WebhookTest(Record):
	"""The answer to a test delivery: the URL that was called, the webhook, and the event that was sent."""

	url: Text = None
	webhook: Webhook | None = None
	sample_payload: JsonObject = None


class WebhookCall(Record):
	"""One try to deliver. `http_status_code` is what the receiver answered, `None` when it did not."""

	id: OptionalId = None
	timestamp: Instant = None
	status: Status = None
	error_message: LongText = None
	http_status_code: Count = None
	payload: JsonObject = None


class WebhookLog(Record):
	"""One delivery and its tries, in Pax8's order."""

	id: Id
	webhook_id: OptionalId = None
	webhook_name: Text = None
	final_status: Status = None
	call_history: Annotated[tuple[WebhookCall, ...], NoneIsEmpty] = ()
	created_at: Instant = None
