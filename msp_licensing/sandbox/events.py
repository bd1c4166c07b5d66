"""Events and their delivery to webhooks, from a thread of its own.

`emit` is called with the state locked and only notes what is to be sent. The thread takes the lock to pick the
next delivery and lets go of it to send, so nothing leaves before the change that caused it is whole, and a
receiver may call the sandbox from within its answer.
"""

from __future__ import annotations

import contextlib
import copy
import http.client
import json
import ssl
import threading
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from msp_licensing.sandbox.model import Company, Product, Subscription
from msp_licensing.sandbox.webhooks import (
	ACCOUNT_ID,
	Attempt,
	Log,
	Topic,
	Webhook,
	is_loopback,
	why_undeliverable,
)

if TYPE_CHECKING:
	from msp_licensing.sandbox.app import App

_LOGS_KEPT = 10_000
_LONGEST_WAIT = 600.0
# How long the thread sleeps: while a delivery waits for the clock (which a test may move at any moment), while
# a subscription is being provisioned, and otherwise.
_TICK, _PROVISIONING_TICK, _IDLE_TICK = 0.02, 0.1, 0.5


@dataclass(frozen=True, slots=True)
class DeliverySettings:
	"""How deliveries go. Seconds are of the sandbox clock, apart from `timeout_seconds`."""

	delay_seconds: float = 0.0
	"""How late each event is sent. Pax8 says that it may take five minutes."""
	retry_seconds: float = 1.0
	"""How long after a failure the next attempt is made. Pax8 does not say."""
	timeout_seconds: float = 10.0
	"""Real seconds in which a receiver must answer, as Pax8 has it."""
	duplicate: bool = False
	"""Send every event twice, with a log for each."""
	drop: bool = False
	"""Lose every event: nothing is sent, nothing is logged."""
	reorder: bool = False
	"""Of the deliveries that wait, send the newest first. Has an effect with `hold` or `delay_seconds`."""
	hold: bool = False
	"""Send nothing until this is false again."""

	def changed(self, changes: Mapping[str, Any]) -> DeliverySettings:
		"""Return a copy with `changes` applied. Raises ValueError, naming the setting, for what cannot be."""
		for name, value in changes.items():
			if name not in self.__dataclass_fields__:
				known = ", ".join(sorted(self.__dataclass_fields__))
				raise ValueError(f"'{name}' cannot be set here; these can: {known}")
			if name.endswith("_seconds"):
				if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 86400:
					raise ValueError(f"'{name}' must be a number from 0 to 86400")
			elif not isinstance(value, bool):
				raise ValueError(f"'{name}' must be true or false")
		return replace(self, **changes)


@dataclass(slots=True, eq=False)
class _Delivery:
	"""One event on its way to one webhook. `sent` counts the attempts of this round, out of `allowed`."""

	webhook: Webhook
	topic: Topic
	data: dict[str, Any]
	log: Log
	due: float
	allowed: int
	test: bool = False
	sent: int = 0


class Events:
	"""The webhooks of a sandbox, the deliveries that wait, and the log of all."""

	def __init__(self, app: App) -> None:
		self._app = app
		self._wake = threading.Condition(app.lock)
		self._thread: threading.Thread | None = None
		self._queue: list[_Delivery] = []
		self._sending: _Delivery | None = None
		self.settings = DeliverySettings()
		self.webhooks: dict[str, Webhook] = {}
		self.logs: dict[str, Log] = {}
		self.dropped = 0

	# What happened

	def emit(self, topic: str, payload: Mapping[str, Any]) -> int:
		"""Send an event to every active webhook whose subscription to `topic` wants it; returns how many do.

		`payload` becomes `payloadData`; filters look at its `action` and other fields. May be called with
		the state locked: sending begins when the lock is released.
		"""
		with self._wake:
			receivers = [
				(webhook, subscribed)
				for webhook in self.webhooks.values()
				if webhook.active
				and webhook.url
				and (subscribed := webhook.topic(topic))
				and subscribed.wants(payload)
			]
			if self.settings.drop:
				self.dropped += len(receivers)
				return 0
			for webhook, subscribed in receivers:
				for _ in range(1 + self.settings.duplicate):
					self._enqueue(webhook, subscribed, payload)
			return len(receivers)

	def subscription(self, action: str, row: Subscription) -> None:
		"""A subscription was CREATED, UPDATED or CANCELLED."""
		self.emit("SUBSCRIPTION", {"action": action, **_ids(row)})

	def provisioned(self, row: Subscription) -> None:
		"""A subscription's provisioning is done."""
		self.emit("PROVISIONING", {"action": "COMPLETED", **_ids(row)})

	def company(self, action: str, row: Company) -> None:
		"""A company was CREATED, UPDATED or DELETED."""
		self.emit("COMPANY", {"action": action, "companyId": row.id})

	def product(self, action: str, row: Product) -> None:
		"""A product was CREATED, UPDATED or DELETED."""
		self.emit("PRODUCT", {"action": action, "productId": row.id})

	# Webhooks

	def test(self, webhook: Webhook, topic: Topic, sample: Mapping[str, Any]) -> dict[str, Any]:
		"""Send `sample` to a webhook, active or not, whatever its filters; returns the payload that is sent."""
		with self._wake:
			self._enqueue(webhook, topic, sample, test=True)
			return self._payload(webhook, topic, dict(sample))

	def retry(self, webhook: Webhook, log: Log) -> None:
		"""Send a failed event once more."""
		with self._wake:
			payload = log.attempts[-1].payload
			topic = webhook.topic(log.topic) or Topic(**payload["webhookTopic"])
			log.status = "RETRYING"
			due = self._app.clock.timestamp()
			self._put(_Delivery(webhook, topic, payload["payloadData"], log, due, allowed=1))

	def remove(self, webhook: Webhook) -> None:
		"""Take a webhook out, with its log and what still waits to be sent to it."""
		with self._wake:
			del self.webhooks[webhook.id]
			self.logs = {key: log for key, log in self.logs.items() if log.webhook_id != webhook.id}
			self._queue = [delivery for delivery in self._queue if delivery.webhook is not webhook]
			self._wake.notify_all()

	def logs_of(self, webhook: Webhook) -> list[Log]:
		"""A webhook's logs, oldest first."""
		with self._wake:
			return [log for log in self.logs.values() if log.webhook_id == webhook.id]

	# Steering

	def steer(self, changes: Mapping[str, Any]) -> DeliverySettings:
		"""Change how deliveries go. Raises ValueError for a setting that cannot be."""
		with self._wake:
			self.settings = self.settings.changed(changes)
			self._wake.notify_all()
			return self.settings

	def waiting(self) -> int:
		"""How many deliveries are not done: waiting, being sent, or to be tried again."""
		with self._wake:
			return len(self._queue) + (self._sending is not None)

	def wait(self, timeout: float) -> bool:
		"""Wait until every event so far is delivered or given up; False after `timeout` real seconds.

		What the sandbox clock has made due counts as happened. Deliveries that are held, or wait for a
		clock that stands still, are waited for in vain.
		"""
		with self._wake:
			self._app.settle()
			return self._wake.wait_for(
				lambda: not self._queue and self._sending is None, min(timeout, _LONGEST_WAIT)
			)

	def state(self) -> dict[str, Any]:
		"""Settings, webhooks (without their secrets) and deliveries, for the control endpoint."""
		with self._wake:
			return {
				"settings": asdict(self.settings),
				"waiting": self.waiting(),
				"dropped": self.dropped,
				"webhooks": [
					{name: value for name, value in webhook.wire().items() if name != "authorization"}
					for webhook in self.webhooks.values()
				],
				"deliveries": [{"topic": log.topic, **log.wire()} for log in self.logs.values()],
			}

	def clear(self) -> None:
		"""Forget webhooks, logs, settings and all that waits to be sent."""
		with self._wake:
			self._queue.clear()
			self.webhooks.clear()
			self.logs.clear()
			self.settings = DeliverySettings()
			self.dropped = 0
			self._wake.notify_all()

	def stop(self) -> None:
		"""End the thread; the app's `stopping` must be set. One that is sending is not waited for long."""
		with self._wake:
			self._wake.notify_all()
		if self._thread:
			self._thread.join(1)

	# The thread

	def _enqueue(self, webhook: Webhook, topic: Topic, data: Mapping[str, Any], test: bool = False) -> None:
		now = self._app.clock.now()
		log = Log(str(uuid.uuid4()), webhook.id, webhook.display_name, topic.topic, now)
		self.logs[log.id] = log
		while len(self.logs) > _LOGS_KEPT:
			del self.logs[next(iter(self.logs))]
		webhook.last_status = "PENDING"
		# Not from `now`, which is rounded to microseconds: a clock that stands would never reach it.
		due = self._app.clock.timestamp() + self.settings.delay_seconds
		allowed = 1 if test else webhook.attempts
		# A copy: what is sent is what was so when it happened, filters included.
		frozen = Topic(topic.id, topic.topic, copy.deepcopy(topic.filters))
		self._put(_Delivery(webhook, frozen, copy.deepcopy(dict(data)), log, due, allowed, test))

	def _put(self, delivery: _Delivery) -> None:
		self._queue.append(delivery)
		if self._thread is None:
			self._thread = threading.Thread(target=self._run, name="pax8-sandbox-webhooks", daemon=True)
			self._thread.start()
		self._wake.notify_all()

	def _run(self) -> None:
		while not self._app.stopping.is_set():
			with self._wake:
				self._app.settle()
				delivery = self._next()
				if delivery is None:
					self._wake.wait(self._patience())
					continue
				webhook = delivery.webhook
				payload = self._payload(webhook, delivery.topic, delivery.data)
				refusal = self._refusal(delivery)
				url, authorization = webhook.url or "", webhook.authorization
				timeout = self.settings.timeout_seconds
			status, error = None, refusal
			if refusal is None:
				status, error = _post(url, authorization, payload, timeout)
			with self._wake:
				self._sending = None
				self._finish(delivery, payload, status, error, final=refusal is not None)
				self._wake.notify_all()

	def _next(self) -> _Delivery | None:
		"""The delivery to send now, marked as being sent."""
		if self.settings.hold:
			return None
		now = self._app.clock.timestamp()
		ready = [delivery for delivery in self._queue if delivery.due <= now]
		if not ready:
			return None
		self._sending = ready[-1] if self.settings.reorder else ready[0]
		self._queue.remove(self._sending)
		return self._sending

	def _patience(self) -> float:
		if self._queue and not self.settings.hold:
			return _TICK
		return _PROVISIONING_TICK if self._app.world.unsettled else _IDLE_TICK

	def _payload(self, webhook: Webhook, topic: Topic, data: dict[str, Any]) -> dict[str, Any]:
		"""The spec's WebhookPayload."""
		now = self._app.clock.now().replace(tzinfo=None)
		return {
			"accountId": ACCOUNT_ID,
			"url": webhook.url or "",
			"webhookId": webhook.id,
			"sentAt": f"{now.isoformat(timespec='milliseconds')}Z",
			"webhookTopic": topic.wire(),
			"payloadData": data,
		}

	def _refusal(self, delivery: _Delivery) -> str | None:
		"""Why a delivery is given up unsent."""
		webhook = delivery.webhook
		if not webhook.active and not delivery.test:
			return "The webhook is not active."
		return why_undeliverable(webhook.url or "")

	def _finish(
		self, delivery: _Delivery, payload: dict[str, Any], status: int | None, error: str | None, final: bool
	) -> None:
		now = self._app.clock.now()
		log = delivery.log
		delivery.sent += 1
		log.attempts.append(
			Attempt(str(uuid.uuid4()), now, "FAILED" if error else "SUCCESS", payload, status, error)
		)
		if not error:
			log.status = "SUCCESS"
		elif final or delivery.sent >= delivery.allowed:
			log.status = "FAILED"
		else:
			log.status = "RETRYING"
			delivery.due = self._app.clock.timestamp() + self.settings.retry_seconds
			if delivery.webhook.id in self.webhooks:
				self._queue.append(delivery)
		delivery.webhook.last_status = log.status


def _ids(row: Subscription) -> dict[str, str]:
	return {"subscriptionId": row.id, "companyId": row.company_id, "productId": row.product_id}


def _post(
	url: str, authorization: str | None, payload: dict[str, Any], timeout: float
) -> tuple[int | None, str | None]:
	"""POST to a receiver; returns (HTTP status, None), or the status as far as known and what went wrong.

	No redirect is followed and no proxy asked.
	"""
	parts = urlsplit(url)
	host = parts.hostname or ""
	# Names under .localhost are this machine's, whether or not its resolver knows that.
	address = "127.0.0.1" if host.endswith(".localhost") and is_loopback(host) else host
	headers = {"Content-Type": "application/json", "Accept": "application/json", "Host": parts.netloc}
	if authorization is not None:
		headers["Authorization"] = authorization
	connection: http.client.HTTPConnection
	if parts.scheme == "https":
		connection = http.client.HTTPSConnection(
			address, parts.port, timeout=timeout, context=ssl.create_default_context()
		)
	else:
		connection = http.client.HTTPConnection(address, parts.port, timeout=timeout)
	try:
		with contextlib.closing(connection):
			path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
			connection.request("POST", path, json.dumps(payload, ensure_ascii=False).encode(), headers)
			status = connection.getresponse().status
	except TimeoutError:
		return None, f"No answer within {timeout:g} seconds."
	except (OSError, ValueError, http.client.HTTPException) as error:
		return None, f"{type(error).__name__}: {error}"
	return status, None if 200 <= status < 300 else f"The receiver answered {status}."
