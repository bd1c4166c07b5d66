"""The topics a webhook can subscribe to.

Pax8's OpenAPI file names no topic and documents no payload; the live list comes from its topic-definitions
call only. INVOICE, PRODUCT, QUOTE and PROVISIONING are named in its guides. SUBSCRIPTION and COMPANY, all
actions but INVOICE's CREATED, and every field of `payloadData` are this sandbox's own choice, which a client
should take for a hint to read the record, and for nothing more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

OPERATORS = ("EQUALS", "NOT_EQUALS", "GREATER_THAN", "LESS_THAN", "IN", "NOT_IN", "CONTAINS")
_FOR_IDS = ("EQUALS", "NOT_EQUALS", "IN", "NOT_IN")


@dataclass(frozen=True, slots=True)
class TopicDefinition:
	"""What can be subscribed to: its actions (name, words for people) and its payload by example."""

	topic: str
	name: str
	description: str
	actions: tuple[tuple[str, str], ...]
	sample: Mapping[str, str]
	"""An example of `payloadData`, with the action; its other fields are those that filters may name."""

	@property
	def fields(self) -> tuple[str, ...]:
		"""The fields of `payloadData` that a filter's conditions may name."""
		return tuple(name for name in self.sample if name != "action")

	def wire(self, account_id: str) -> dict[str, Any]:
		"""The spec's TopicDefinition."""
		return {
			"topic": self.topic,
			"name": self.name,
			"description": self.description,
			"availableFilters": [
				{
					"action": action,
					"actionDisplayName": shown,
					"description": f"{self.name}: {shown.lower()}",
					"conditions": [
						{
							"field": name,
							"operator": list(_FOR_IDS),
							"dataType": "string",
							"description": f"The {name} of the event",
							"value": self.sample[name],
						}
						for name in self.fields
					],
				}
				for action, shown in self.actions
			],
			"samplePayload": {
				"accountId": account_id,
				"url": "https://example.com/pax8-webhook",
				"webhookId": "b0000000-0000-4000-8000-000000000001",
				"sentAt": "2025-01-31T12:00:00Z",
				"webhookTopic": {
					"id": "b0000000-0000-4000-8000-000000000002",
					"topic": self.topic,
					"filters": [],
				},
				"payloadData": dict(self.sample),
			},
		}


_CREATED, _UPDATED, _DELETED = ("CREATED", "Created"), ("UPDATED", "Updated"), ("DELETED", "Deleted")
_SUBSCRIPTION_IDS = {
	"subscriptionId": "50000000-0000-4000-8000-000000000001",
	"companyId": "c0000000-0000-4000-8000-000000000001",
	"productId": "d0000000-0000-4000-8000-000000000001",
}

TOPICS: Mapping[str, TopicDefinition] = {
	definition.topic: definition
	for definition in (
		TopicDefinition(
			"COMPANY",
			"Company",
			"A company was added, changed or removed.",
			(_CREATED, _UPDATED, _DELETED),
			{"action": "UPDATED", "companyId": _SUBSCRIPTION_IDS["companyId"]},
		),
		TopicDefinition(
			"INVOICE",
			"Invoice",
			"An invoice was approved.",
			(_CREATED,),
			{"action": "CREATED", "invoiceId": "e0000000-0000-4000-8000-000000000001"},
		),
		TopicDefinition(
			"PRODUCT",
			"Product",
			"A product was added to the catalogue, changed or taken off.",
			(_CREATED, _UPDATED, _DELETED),
			{"action": "UPDATED", "productId": _SUBSCRIPTION_IDS["productId"]},
		),
		TopicDefinition(
			"PROVISIONING",
			"Provisioning",
			"A subscription was provisioned.",
			(("COMPLETED", "Completed"),),
			{"action": "COMPLETED", **_SUBSCRIPTION_IDS},
		),
		TopicDefinition(
			"QUOTE",
			"Quote",
			"A quote was answered by the client.",
			(("ACCEPTED", "Accepted"), ("DECLINED", "Declined")),
			{"action": "ACCEPTED", "quoteId": "f0000000-0000-4000-8000-000000000001"},
		),
		TopicDefinition(
			"SUBSCRIPTION",
			"Subscription",
			"A subscription was added, changed or cancelled.",
			(_CREATED, _UPDATED, ("CANCELLED", "Cancelled")),
			{"action": "UPDATED", **_SUBSCRIPTION_IDS},
		),
	)
}
