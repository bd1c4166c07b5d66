"""Webhooks: subscribing to events of Pax8, and looking at what became of their delivery.

They live under a base URL of their own (`configuration.webhooks_url`). Facts are from Pax8's OpenAPI file "webhooks"
and its guide: a delivery carries the webhook's `authorization` verbatim in its `Authorization` header, which is the
only documented proof that it comes from Pax8; events that the credentials may not see are silently left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import httpx
from pydantic import SecretStr

from msp_licensing.pax8.configuration import is_loopback
from msp_licensing.pax8.models import (
	TopicDefinition,
	Webhook,
	WebhookLog,
	WebhookTest,
	normalise_status,
)
from msp_licensing.pax8.operations.base import Operations, segment, true_or_false
from msp_licensing.pax8.walk import Listing, matching

MAX_ERROR_THRESHOLD = 20
"""The most tries of a delivery that Pax8 takes; its default is 3."""

MIN_SECRET_CHARS = 16
"""A shorter secret could be guessed; and redacting it would redact half of the text."""


class WebhookOperations(Operations):
	"""Operations on webhooks."""

	def webhook_topics(self) -> Iterator[TopicDefinition]:
		"""Walk the topics that can be subscribed to: the only complete list of them.

		Raises:
			Pax8Error: while walking; `IncompleteWalk` at the end when topics are missing.
		"""
		# The one list of Pax8 that has its totals beside the rows.
		return self._walk(
			Listing(
				"webhook_topics",
				"/webhooks/topic-definitions",
				TopicDefinition,
				area="webhooks",
				key="topic",
				totals="root",
			)
		)

	def webhooks(self, *, topic: str | None = None, active: bool | None = None) -> Iterator[Webhook]:
		"""Walk the webhooks of the account.

		Args:
			topic: only those that have subscribed to it.
			active: only those that are switched on, or off.

		Raises:
			Pax8Error: while walking; `IncompleteWalk` at the end when rows are missing.
		"""

		def wanted(row: Webhook) -> bool:
			return (not topic or row.topic(topic) is not None) and (
				active is None or row.active in (None, active)
			)

		params = {"topic": topic or None, "active": true_or_false(active)}
		return self._walk(
			Listing("webhooks", "/webhooks", Webhook, params=params, area="webhooks", keep=wanted)
		)

	def webhook(self, webhook_id: str) -> Webhook:
		"""Return one webhook. Raises `NotFound`, or any other `Pax8Error` of a read."""
		return self._one("webhook", _path(webhook_id), webhook_id, Webhook, area="webhooks")

	def create_webhook(
		self,
		*,
		display_name: str,
		url: str,
		authorization: SecretStr,
		topics: Sequence[str],
		active: bool = True,
		contact_email: str | None = None,
		error_threshold: int | None = None,
	) -> Webhook:
		"""Subscribe to topics. Sent once; after an unknown effect look for it in `webhooks()`.

		Args:
			display_name: as it is shown at Pax8.
			url: where events are to be posted; `https`, but for this machine.
			authorization: what every delivery carries as its `Authorization` header: a random text of at least 16
				printable ASCII characters without blanks (Frappe refuses headers of two words before any code of an
				app runs).
			topics: names out of `webhook_topics()`, each once; without filters.
			active: whether deliveries start at once; Pax8's own default is not.
			contact_email: whom Pax8 tells when deliveries fail.
			error_threshold: tries after which it does, at most 20; `None` = Pax8's default of 3.

		Raises:
			TypeError, ValueError: an argument that cannot be meant; nothing was sent.
			Pax8Error: see `error.effect` for whether Pax8 may have done it.
		"""
		told = self._told(display_name, url, authorization, contact_email, error_threshold)
		entries, on = _entries(topics), _flag(active)
		return self._change(
			"create_webhook",
			"POST",
			"/webhooks",
			body=lambda: {
				**told,
				"authorization": authorization.get_secret_value(),
				"active": on,
				"webhookTopics": entries,
			},
		)

	def configure_webhook(
		self,
		webhook_id: str,
		*,
		display_name: str,
		url: str,
		authorization: SecretStr,
		contact_email: str | None = None,
		error_threshold: int | None = None,
	) -> Webhook:
		"""Replace name, URL, secret, contact and threshold of a webhook. Arguments and errors as `create_webhook`.

		Whether Pax8 keeps what is not given is not documented.
		"""
		told = self._told(display_name, url, authorization, contact_email, error_threshold)
		return self._change(
			"configure_webhook",
			"POST",
			_path(webhook_id, "configuration"),
			asked=webhook_id,
			body=lambda: {**told, "authorization": authorization.get_secret_value()},
		)

	def set_webhook_active(self, webhook_id: str, active: bool) -> Webhook:
		"""Switch a webhook on or off. Raises `Pax8Error`; see `error.effect` for whether Pax8 may have done it."""
		on = _flag(active)
		path = _path(webhook_id, "status")
		return self._change("set_webhook_active", "POST", path, asked=webhook_id, body=lambda: {"active": on})

	def add_webhook_topic(self, webhook_id: str, topic: str) -> Webhook:
		"""Subscribe a webhook to one more topic; Pax8 refuses one that it has already.

		Raises `Pax8Error`; see `error.effect` for whether Pax8 may have done it.
		"""
		(entry,) = _entries([topic])
		path = _path(webhook_id, "topics")
		return self._change("add_webhook_topic", "POST", path, asked=webhook_id, body=lambda: entry)

	def replace_webhook_topics(self, webhook_id: str, topics: Sequence[str]) -> Webhook:
		"""Make `topics` all that a webhook has subscribed to; filters of the old ones are gone with them.

		Raises `Pax8Error`; see `error.effect` for whether Pax8 may have done it.
		"""
		entries = _entries(topics)
		path = _path(webhook_id, "topics")
		return self._change(
			"replace_webhook_topics", "PUT", path, asked=webhook_id, body=lambda: {"webhookTopics": entries}
		)

	def remove_webhook_topic(self, webhook_id: str, topic_id: str) -> None:
		"""End the subscription to a topic; `topic_id` is that of the webhook's topic, not the topic's name.

		Raises `Pax8Error`; see `error.effect` for whether Pax8 may have done it.
		"""
		path = _path(webhook_id, "topics", topic_id)
		self._command("remove_webhook_topic", "DELETE", path, area="webhooks")

	def delete_webhook(self, webhook_id: str) -> None:
		"""Delete a webhook. Raises `Pax8Error`; see `error.effect` for whether Pax8 may have done it."""
		self._command("delete_webhook", "DELETE", _path(webhook_id), area="webhooks")

	def test_webhook_topic(self, webhook_id: str, topic: str) -> WebhookTest:
		"""Have Pax8 send a sample event of a topic to the webhook's URL, and return what it sent.

		Raises `Pax8Error`; see `error.effect` for whether Pax8 may have done it.
		"""
		path = _path(webhook_id, "topics", topic, "test")
		return self._write("test_webhook_topic", "POST", path, WebhookTest, area="webhooks")

	def webhook_logs(
		self, webhook_id: str, *, topic: str | None = None, status: str | None = None
	) -> Iterator[WebhookLog]:
		"""Walk the deliveries of a webhook.

		Args:
			webhook_id: Pax8's id.
			topic: only deliveries of this topic, as far as Pax8 filters: its logs do not name their topic.
			status: `PENDING`, `SUCCESS`, `FAILED` or `RETRYING`.

		Raises:
			Pax8Error: while walking; `IncompleteWalk` at the end when rows are missing.
		"""
		status = normalise_status(status) if status else None
		# The specification also wants an object named `query`: a slip of its generator, by all appearance.
		params = {"topicName": topic or None, "status": status}
		return self._walk(
			Listing(
				"webhook_logs",
				_path(webhook_id, "logs"),
				WebhookLog,
				params=params,
				area="webhooks",
				keep=matching(final_status=status),
			)
		)

	def webhook_log(self, webhook_id: str, log_id: str) -> WebhookLog:
		"""Return one delivery. Raises `NotFound`, or any other `Pax8Error` of a read."""
		return self._one(
			"webhook_log", _path(webhook_id, "logs", log_id), log_id, WebhookLog, area="webhooks"
		)

	def retry_webhook_log(self, webhook_id: str, log_id: str) -> None:
		"""Have Pax8 try a delivery again; it says yes at once and does it later.

		Raises `Pax8Error`; see `error.effect` for whether Pax8 may have done it.
		"""
		path = _path(webhook_id, "logs", log_id, "retry")
		self._command("retry_webhook_log", "POST", path, area="webhooks")

	def _change(
		self,
		operation: str,
		method: str,
		path: str,
		*,
		body: Callable[[], dict[str, Any]],
		asked: str | None = None,
	) -> Webhook:
		return self._write(operation, method, path, Webhook, asked=asked, body=body, area="webhooks")

	def _told(
		self,
		display_name: str,
		url: str,
		authorization: SecretStr,
		contact_email: str | None,
		error_threshold: int | None,
	) -> dict[str, Any]:
		"""Return the checked settings of a webhook as JSON, but for the secret, which is redacted from here on."""
		if not isinstance(display_name, str) or not display_name.strip():
			raise ValueError("display_name is missing")
		if not isinstance(authorization, SecretStr):
			raise TypeError("authorization must be a SecretStr")
		if not re.fullmatch(rf"[\x21-\x7e]{{{MIN_SECRET_CHARS},}}", authorization.get_secret_value()):
			raise ValueError(
				f"authorization must be at least {MIN_SECRET_CHARS} printable ASCII characters without blanks"
			)
		self._transport.hide(authorization)
		if error_threshold is not None and (
			isinstance(error_threshold, bool)
			or not isinstance(error_threshold, int)
			or not 0 <= error_threshold <= MAX_ERROR_THRESHOLD
		):
			raise ValueError(f"error_threshold must be a whole number from 0 to {MAX_ERROR_THRESHOLD}")
		told = {
			"displayName": display_name.strip(),
			"url": _checked_receiver(url),
			"contactEmail": (contact_email or "").strip() or None,
			"errorThreshold": error_threshold,
		}
		return {name: value for name, value in told.items() if value is not None}


def _path(webhook_id: str, *more: str) -> str:
	return "/webhooks/" + "/".join(segment(part) for part in (webhook_id, *more))


def _flag(active: bool) -> bool:
	if not isinstance(active, bool):
		raise TypeError("active must be True or False")
	return active


def _entries(topics: Sequence[str]) -> list[dict[str, Any]]:
	"""Return topics as Pax8 takes them. The specification demands `filters`; an empty list filters nothing."""
	if isinstance(topics, str):
		raise TypeError("topics must be a list of names")
	names = [topic.strip() if isinstance(topic, str) else "" for topic in topics]
	if not all(names):
		raise ValueError("a topic needs a name")
	# Pax8 takes each topic once a webhook.
	return [{"topic": name, "filters": []} for name in dict.fromkeys(names)]


def _checked_receiver(text: str) -> str:
	"""Return the URL that events are posted to: with the secret, hence over https but on this machine."""
	text = text.strip() if isinstance(text, str) else ""
	try:
		url = httpx.URL(text)
	except httpx.InvalidURL:
		url = httpx.URL("")
	if url.scheme not in ("http", "https") or not url.host or url.userinfo or re.search(r"[\s\\]", text):
		raise ValueError("url must be an address like https://erp.example.com/…")
	if url.scheme == "http" and not is_loopback(url.raw_host.decode("ascii").rstrip(".").casefold()):
		raise ValueError("url must use https, since deliveries carry the secret")
	return text
