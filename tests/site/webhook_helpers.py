"""What Pax8 would deliver, and a site that expects it."""

import json
from typing import Any

from msp_licensing.sandbox import storybook

PATH = "/api/method/msp_licensing.webhooks.receive"
DT = "Pax8 Webhook Event"
SECRET = "wh-7Qm2xVnT0cYd4kLpZr8sBf6hJ1uGe3Wa"
WEBHOOK = "b0000000-0000-4000-8000-000000000001"
KEEPER = storybook.CEDAR_KEEPER


def keep_secret(site: Any, secret: str = SECRET, field: str = "webhook_secret") -> None:
	"""As if the webhook had been set up with this secret."""
	site.db.rollback()
	settings = site.get_doc("Pax8 Settings")
	settings.set(field, secret)
	settings.save()
	site.db.commit()


def event(
	topic: str = "SUBSCRIPTION", data: Any = None, sent_at: str = "2026-11-22T10:00:00Z", **others: Any
) -> dict:
	return {
		"accountId": "a0000000-0000-4000-8000-000000000001",
		"url": "https://msp.example" + PATH,
		"webhookId": WEBHOOK,
		"sentAt": sent_at,
		"webhookTopic": {"id": "70000000-0000-4000-8000-000000000001", "topic": topic, "filters": []},
		"payloadData": {"action": "UPDATED", "subscriptionId": KEEPER} if data is None else data,
		**others,
	}


def receive(site: Any, **options: Any) -> str:
	"""Keeps an event as the endpoint does, without HTTP; returns its name."""
	from msp_licensing.webhooks import delivery, events

	read = delivery.read(json.dumps(event(**options)).encode())
	events.keep(read)
	return site.db.get_value(DT, {"event_hash": read.event_hash})


def row(site: Any, name: str) -> Any:
	site.db.rollback()
	return site.db.get_value(DT, name, "*", as_dict=True)


def jobs(queue: str = "short") -> list[Any]:
	from frappe.utils.background_jobs import get_queue

	return [job for job in get_queue(queue).jobs if "webhooks" in str(job.kwargs["method"])]
