"""What Pax8 delivers to a webhook, read without believing it.

Pax8 documents the envelope (`webhookId`, `sentAt`, `webhookTopic`, `payloadData`; OpenAPI file "webhooks") and not what
the topics put into `payloadData`. So ids are looked for by the names their keys have everywhere else in Pax8's API,
and nothing but ids is taken from it.
"""

import json
import re
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Literal

Kind = Literal["subscription", "company", "product", "invoice"]

Subject = Kind | Literal["quote"]

KINDS: tuple[Kind, ...] = ("subscription", "company", "product", "invoice")

MAX_IDS = 20
"""Records of one kind that one event may make us read; the schedule comes to the others."""

_MAX_DEPTH = 12
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_SECRET_KEY = re.compile(r"authori[sz]ation|secret|passw|token|api_?key|credential", re.I)
_HIDDEN = "•••"

# Which records a topic is about. Topics are listed by Pax8 with live credentials only: known are names in guides.
_SUBJECTS: tuple[tuple[re.Pattern[str], Subject], ...] = (
	(re.compile(r"SUBSCRIPTION|LINE_?ITEM|PROVISION|ARREARS|USAGE"), "subscription"),
	(re.compile(r"INVOICE"), "invoice"),
	(re.compile(r"QUOTE"), "quote"),
	(re.compile(r"COMPAN|CLIENT|CUSTOMER"), "company"),
	(re.compile(r"PRODUCT"), "product"),
)


class BadDelivery(ValueError):
	"""The body is no JSON object."""


@dataclass(frozen=True)
class Delivery:
	"""One delivery, as far as it is of use.

	Attributes:
		topic, action, webhook_id: shortened text; empty if the delivery names none.
		event_hash: the same for two deliveries of the same event: Pax8 gives events no id, and `sentAt` differs.
		ids: by kind, in the order they were found, each once, at most `MAX_IDS`.
		payload: the whole body as JSON text, without secrets.
		tells_of_usage: usage was posted for the subscriptions it names (`ArrearsUpload`).
	"""

	topic: str
	action: str
	webhook_id: str
	event_hash: str
	payload: str
	tells_of_usage: bool = False
	ids: dict[Kind, tuple[str, ...]] = field(default_factory=dict)


def read(body: bytes, *, secrets: tuple[str, ...] = ()) -> Delivery:
	"""Reads the body of a delivery.

	Args:
		secrets: texts that must not appear in what is kept, wherever they stand.

	Raises:
		BadDelivery: not JSON, or not an object.
	"""
	for secret in secrets:
		body = body.replace(secret.encode(), _HIDDEN.encode())
	try:
		parsed = json.loads(body)
		if not isinstance(parsed, dict):
			raise BadDelivery("not an object")
		topic, data = _topic(parsed), _data(parsed)
		webhook_id = _text(parsed.get("webhookId"))
		same = json.dumps([webhook_id, topic, data], sort_keys=True)
		payload = json.dumps(_without_secrets(parsed), indent=1, ensure_ascii=False)
	except (ValueError, RecursionError) as error:
		raise BadDelivery(type(error).__name__) from None
	return Delivery(
		topic=topic,
		action=_action(parsed, data),
		webhook_id=webhook_id,
		event_hash=sha256(same.encode()).hexdigest(),
		payload=_storable(payload),
		tells_of_usage=_tells_of_usage(topic, data),
		ids=ids_in(data, topic),
	)


def subject_of(topic: str) -> Subject | None:
	"""What a topic is about; None for topics nobody told us of.

	>>> subject_of("SUBSCRIPTION_UPDATED"), subject_of("QUOTE"), subject_of("WEATHER")
	('subscription', 'quote', None)
	"""
	name = re.sub(r"[^A-Z]+", "_", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", topic).upper())
	return next((subject for pattern, subject in _SUBJECTS if pattern.search(name)), None)


def ids_in(data: Any, topic: str) -> dict[Kind, tuple[str, ...]]:
	"""The ids in an event's data, by kind, wherever they are and however their keys are spelled.

	`subscriptionId`, `subscription_id`, `subscription: {id}` and `subscriptions: [{id}]` all name a subscription. A bare
	`id` at the top is that of the topic's subject, unless such an id is named in full: a line item has an id of its own.
	"""
	found: dict[Kind, dict[str, None]] = {kind: {} for kind in KINDS}
	waiting: list[tuple[Any, Kind | None, int]] = [(data, None, 0)]
	for (
		value,
		within,
		depth,
	) in waiting:  # grows while it is walked: breadth first, what is nearer the top counts
		if depth > _MAX_DEPTH:
			continue
		if isinstance(value, list):
			waiting += [(item, within, depth + 1) for item in value]
		elif isinstance(value, dict):
			for key, item in value.items():
				name = re.sub(r"[^a-z]", "", key.lower())
				kind = _KEYS.get(name)
				if kind and name.endswith(("id", "ids")):
					_take(found[kind], item)
				elif name == "id" and within:
					_take(found[within], item)
				else:
					waiting.append((item, kind, depth + 1))
	subject = subject_of(topic)
	if subject in found and isinstance(data, dict) and not found[subject]:
		_take(found[subject], data.get("id"))
	return {kind: tuple(ids)[:MAX_IDS] for kind, ids in found.items() if ids}


# By the letters of a key, in small.
_KEYS: dict[str, Kind] = {
	stem + ending: kind
	for stem, endings, kind in (
		("subscription", ("", "s", "id", "ids"), "subscription"),
		("company", ("", "id", "ids"), "company"),
		("companies", ("",), "company"),
		("client", ("", "s", "id", "ids"), "company"),
		("product", ("", "s", "id", "ids"), "product"),
		("invoice", ("", "s", "id", "ids"), "invoice"),
	)
	for ending in endings
}


def _take(ids: dict[str, None], value: Any) -> None:
	for item in value if isinstance(value, list) else [value]:
		if isinstance(item, str) and _ID.fullmatch(item):
			ids[item] = None


def _tells_of_usage(topic: str, data: Any) -> bool:
	"""Whether `ArrearsUpload`, the type of a line item, is the topic or stands anywhere in the data, however spelled."""
	waiting: list[tuple[Any, int]] = [(topic, 0), (data, 0)]
	for value, depth in waiting:
		if isinstance(value, str):
			if re.sub(r"[^a-z]", "", value[:60].lower()) == "arrearsupload":
				return True
		elif depth <= _MAX_DEPTH and isinstance(value, dict | list):
			items = value.values() if isinstance(value, dict) else value
			waiting += [(item, depth + 1) for item in items]
	return False


def _topic(body: dict[str, Any]) -> str:
	topic = body.get("webhookTopic")
	return _text(topic.get("topic") if isinstance(topic, dict) else topic or body.get("topic"))


def _data(body: dict[str, Any]) -> Any:
	if "payloadData" in body:
		return body["payloadData"]
	return {key: value for key, value in body.items() if key != "sentAt"}


def _action(body: dict[str, Any], data: Any) -> str:
	for place in (data, body):
		if isinstance(place, dict):
			for key in ("action", "eventType", "event", "type"):
				if isinstance(place.get(key), str):
					return _text(place[key])
	return ""


def _text(value: Any) -> str:
	"""A name as it is shown in lists and titles; none that is meant well looks like HTML."""
	return _storable(re.sub(r"[<>]", "", value).strip()[:140]) if isinstance(value, str) else ""


def _storable(text: str) -> str:
	"""`text` without halves of surrogate pairs, which JSON can hold and no database takes."""
	return text.encode("utf-8", "replace").decode("utf-8")


def _without_secrets(value: Any, depth: int = 0) -> Any:
	if depth > _MAX_DEPTH and isinstance(value, list | dict):
		return "…"
	if isinstance(value, list):
		return [_without_secrets(item, depth + 1) for item in value]
	if isinstance(value, dict):
		return {
			key: _HIDDEN if _SECRET_KEY.search(key) and item else _without_secrets(item, depth + 1)
			for key, item in value.items()
		}
	return value
