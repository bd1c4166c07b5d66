"""Fixtures for the tests of webhooks. `hook` takes the `api` of the module that asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from webhook_receiver import SECRET, Receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
	receiver = Receiver()
	yield receiver
	receiver.stop()


@pytest.fixture
def hook(api: httpx.Client, receiver: Receiver) -> Callable[..., dict[str, Any]]:
	"""Makes an active webhook of the receiver's for the topics given by name or with filters."""

	def make(*topics: str | dict[str, Any], **changes: Any) -> dict[str, Any]:
		body = {
			"displayName": "Licensing",
			"url": receiver.url,
			"authorization": SECRET,
			"active": True,
			"webhookTopics": [
				{"topic": topic, "filters": []} if isinstance(topic, str) else topic for topic in topics
			],
			**changes,
		}
		return api.post("/webhooks", json=body).raise_for_status().json()

	return make
