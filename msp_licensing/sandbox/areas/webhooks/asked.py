"""Reading what a call of the webhooks API asks for. Whatever is wrong with it is 400, the file's one refusal."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from msp_licensing.sandbox.errors import ApiError
from msp_licensing.sandbox.topics import OPERATORS, TOPICS
from msp_licensing.sandbox.web import Request
from msp_licensing.sandbox.webhooks import LARGEST_THRESHOLD, Topic, Webhook, why_undeliverable

if TYPE_CHECKING:
	from msp_licensing.sandbox.app import App

R = TypeVar("R")


def webhook_of(app: App, identifier: str) -> Webhook:
	"""The webhook with this id, or 404: the file lists it for reading and deleting one, and forgets it elsewhere."""
	webhook = app.events.webhooks.get(identifier.lower())
	if webhook is None:
		raise ApiError(404, "Webhook not found", [f"There is no webhook {identifier}."])
	return webhook


def body_of(request: Request) -> dict[str, Any]:
	"""The body, which must be a JSON object."""
	value = request.json()
	if not isinstance(value, dict):
		raise ApiError(400, "Invalid request", ["The body must be a JSON object."])
	return value


def refuse(problems: list[str]) -> None:
	"""Raise 400 with all that is wrong, if anything is."""
	if problems:
		raise invalid(problems)


def invalid(problems: list[str]) -> ApiError:
	"""The 400 that names all that is wrong."""
	return ApiError(400, "Invalid request", problems)


def read_configuration(asked: Mapping[str, Any], problems: list[str]) -> dict[str, Any]:
	"""The configuration fields that are given, by the attributes of Webhook they are for."""
	found: dict[str, Any] = {}
	for name, attribute in (
		("displayName", "display_name"),
		("url", "url"),
		("authorization", "authorization"),
		("contactEmail", "contact_email"),
	):
		if name in asked:
			value = asked[name]
			if not isinstance(value, str) or not value.strip():
				problems.append(f"{name} must be a string that is not empty.")
			else:
				found[attribute] = value
	if "url" in found and (why := why_undeliverable(found["url"])):
		problems.append(why)
	# It is sent as a header; anything else in it could not be, or would add headers of its own.
	authorization = found.get("authorization", "")
	if not authorization.isascii() or not authorization.isprintable():
		problems.append("authorization must be of printable ASCII characters.")
	if "errorThreshold" in asked:
		value = asked["errorThreshold"]
		if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST_THRESHOLD:
			problems.append(f"errorThreshold must be a whole number from 0 to {LARGEST_THRESHOLD}.")
		else:
			found["error_threshold"] = value
	return found


def read_topics(value: Any, present: list[Topic], problems: list[str]) -> list[Topic]:
	"""The `webhookTopics` of a body; one that is `present` keeps its id."""
	if not isinstance(value, list):
		problems.append("webhookTopics must be an array.")
		return []
	topics: list[Topic] = []
	for item in value:
		topic = read_topic(item, problems)
		if topic is None:
			continue
		if any(other.topic == topic.topic for other in topics):
			problems.append(f"{topic.topic} is given more than once.")
		topic.id = next((old.id for old in present if old.topic == topic.topic), topic.id)
		topics.append(topic)
	return topics


def read_topic(value: Any, problems: list[str]) -> Topic | None:
	"""One AddWebhookTopic; None, and the reasons in `problems`, where it is not right."""
	if not isinstance(value, dict) or not isinstance(value.get("topic"), str):
		problems.append("A topic must be an object with topic and filters.")
		return None
	name = value["topic"]
	if name not in TOPICS:
		problems.append(f"There is no topic {name}; there are: {', '.join(TOPICS)}.")
		return None
	return Topic(str(uuid.uuid4()), name, read_filters(name, value.get("filters"), problems))


def read_filters(topic: str, value: Any, problems: list[str]) -> list[dict[str, Any]]:
	"""The `filters` of a topic in the spec's shape, without what the spec does not know."""
	if not isinstance(value, list):
		problems.append("filters must be an array.")
		return []
	definition = TOPICS[topic]
	actions = [action for action, _ in definition.actions]
	filters = []
	for item in value:
		if not isinstance(item, dict) or not isinstance(item.get("conditions"), list):
			problems.append("A filter must be an object with action and conditions.")
		elif item.get("action") not in actions:
			problems.append(f"{topic} has the actions {', '.join(actions)} only.")
		else:
			conditions = [_condition(definition.fields, row, problems) for row in item["conditions"]]
			filters.append({"action": item["action"], "conditions": conditions})
	return filters


def _condition(fields: tuple[str, ...], value: Any, problems: list[str]) -> dict[str, Any]:
	if not isinstance(value, dict):
		problems.append("A condition must be an object with field, operator and value.")
		return {}
	if value.get("field") not in fields:
		problems.append(f"A condition's field must be one of {', '.join(fields)}.")
	if value.get("operator") not in OPERATORS:
		problems.append(f"A condition's operator must be one of {', '.join(OPERATORS)}.")
	values = value.get("value")
	if not isinstance(values, list) or not all(isinstance(text, str) for text in values):
		problems.append("A condition's value must be an array of strings.")
	return {name: value.get(name) for name in ("field", "operator", "value")}


def sorted_by(rows: list[R], text: str | None, keys: Mapping[str, Callable[[R], Any]]) -> list[R]:
	"""`rows` by `field:asc` or `field:desc`, as they are where nothing is asked. 400 for any other value."""
	if not text:
		return rows
	name, _, direction = text.partition(":")
	if name not in keys or direction not in ("", "asc", "desc"):
		raise ApiError(
			400, "Invalid sort", [f"'sort' must be one of {', '.join(keys)}, followed by :asc or :desc."]
		)
	return sorted(rows, key=keys[name], reverse=direction == "desc")
