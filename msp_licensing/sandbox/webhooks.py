"""Webhooks, their topics and filters, and the log of their deliveries."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import ip_address
from typing import Any, Literal
from urllib.parse import urlsplit

from msp_licensing.sandbox.dates import as_utc

DeliveryStatus = Literal["PENDING", "SUCCESS", "FAILED", "RETRYING"]

ACCOUNT_ID = "a0000000-0000-4000-8000-000000000001"
"""The partner's own account, which owns every webhook."""
DEFAULT_THRESHOLD, LARGEST_THRESHOLD = 3, 20
MOST_ATTEMPTS = 3
"""Pax8's changelog: automatic attempts are capped at three in all, or at a lower errorThreshold."""


@dataclass(slots=True, eq=False)
class Topic:
	"""One subscription of a webhook; `filters` in the spec's shape, checked when they came in."""

	id: str
	topic: str
	filters: list[dict[str, Any]] = field(default_factory=list)

	def wire(self) -> dict[str, Any]:
		"""The spec's WebhookTopic."""
		return {"id": self.id, "topic": self.topic, "filters": copy.deepcopy(self.filters)}

	def wants(self, payload: Mapping[str, Any]) -> bool:
		"""Whether an event passes: no filter lets all pass, else one filter must hold with all its conditions."""
		return not self.filters or any(
			one["action"] == payload.get("action")
			and all(holds(condition, payload) for condition in one["conditions"])
			for one in self.filters
		)


@dataclass(slots=True, eq=False)
class Webhook:
	"""A webhook. Its `authorization` is a secret of the receiver's: it leaves in deliveries and in `wire` only."""

	id: str
	display_name: str
	created: datetime
	updated: datetime
	url: str | None = None
	authorization: str | None = field(default=None, repr=False)
	active: bool = False
	contact_email: str | None = None
	error_threshold: int = DEFAULT_THRESHOLD
	integration_id: str | None = None
	topics: list[Topic] = field(default_factory=list)
	last_status: DeliveryStatus | None = None

	@property
	def attempts(self) -> int:
		"""How often an event is sent at most before it counts as failed."""
		return max(1, min(MOST_ATTEMPTS, self.error_threshold))

	def topic(self, name: str) -> Topic | None:
		"""The subscription to a topic; a webhook has at most one of each."""
		return next((topic for topic in self.topics if topic.topic == name), None)

	def wire(self) -> dict[str, Any]:
		"""The spec's Webhook, which declares `authorization`."""
		wire: dict[str, Any] = {
			"id": self.id,
			"accountId": ACCOUNT_ID,
			"displayName": self.display_name,
			"url": self.url,
			"authorization": self.authorization,
			"active": self.active,
			"contactEmail": self.contact_email,
			"errorThreshold": self.error_threshold,
			"integrationId": self.integration_id,
			"webhookTopics": [topic.wire() for topic in self.topics],
			"lastDeliveryStatus": self.last_status,
			"createdAt": as_utc(self.created),
			"updatedAt": as_utc(self.updated),
		}
		return {name: value for name, value in wire.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Attempt:
	"""One POST to the receiver and what came of it."""

	id: str
	at: datetime
	status: DeliveryStatus
	payload: dict[str, Any]
	http_status: int | None = None
	error: str | None = None

	def wire(self) -> dict[str, Any]:
		"""The spec's WebhookCall."""
		wire: dict[str, Any] = {
			"id": self.id,
			"timestamp": as_utc(self.at),
			"status": self.status,
			"errorMessage": self.error,
			"httpStatusCode": self.http_status,
			"payload": self.payload,
		}
		return {name: value for name, value in wire.items() if value is not None}


@dataclass(slots=True, eq=False)
class Log:
	"""One event for one webhook: its attempts, and where they have led so far."""

	id: str
	webhook_id: str
	webhook_name: str
	topic: str
	created: datetime
	status: DeliveryStatus = "PENDING"
	attempts: list[Attempt] = field(default_factory=list)

	def wire(self) -> dict[str, Any]:
		"""The spec's WebhookLog."""
		return {
			"id": self.id,
			"webhookId": self.webhook_id,
			"webhookName": self.webhook_name,
			"finalStatus": self.status,
			"callHistory": [attempt.wire() for attempt in self.attempts],
			"createdAt": as_utc(self.created),
		}


def holds(condition: Mapping[str, Any], payload: Mapping[str, Any]) -> bool:
	"""Whether a filter's condition is true of an event's data. A field that is not there equals nothing.

	The spec gives every operator an array of strings; one that compares with a single value takes any of them.
	"""
	found: Any = payload
	for part in condition["field"].split("."):
		found = found.get(part) if isinstance(found, Mapping) else None
	operator, values = condition["operator"], condition["value"]
	if operator in ("NOT_EQUALS", "NOT_IN"):
		return found is None or _text(found) not in values
	if found is None:
		return False
	if operator in ("EQUALS", "IN"):
		return _text(found) in values
	if operator == "CONTAINS":
		texts = [_text(item) for item in found] if isinstance(found, list) else _text(found)
		return any(value in texts for value in values)
	return any(_beyond(found, value, operator == "GREATER_THAN") for value in values)


def _text(value: Any) -> str:
	return str(value).lower() if isinstance(value, bool) else str(value)


def _beyond(found: Any, value: str, greater: bool) -> bool:
	try:
		one, other = float(found), float(value)
	except (TypeError, ValueError):
		# Dates are compared as the texts they are.
		return _text(found) > value if greater else _text(found) < value
	return one > other if greater else one < other


def is_loopback(host: str) -> bool:
	"""Whether a host name is this machine's own by its spelling alone; `*.localhost` is (RFC 6761)."""
	if host == "localhost" or host.endswith(".localhost"):
		return True
	try:
		return ip_address(host).is_loopback
	except ValueError:
		return False


def why_undeliverable(url: str) -> str | None:
	"""What keeps events from being sent to `url`, or None: https anywhere, plain http on this machine only."""
	try:
		parts = urlsplit(url)
		host, _port = parts.hostname or "", parts.port
	except ValueError:
		return "The url cannot be read."
	if parts.scheme not in ("http", "https") or not host:
		return "The url must be an https address."
	if parts.username is not None or parts.password is not None:
		return "The url must hold no credentials."
	if any(ord(character) <= 32 or ord(character) > 126 for character in url):
		return "The url must be spelled in plain characters."
	if parts.scheme == "http" and not is_loopback(host):
		return "The url must be an https address; plain http is for this machine only."
	return None
