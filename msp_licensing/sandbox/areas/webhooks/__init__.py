"""Pax8's webhooks API, under /api/v2: webhooks, their topics, and the logs of what was sent."""

from msp_licensing.sandbox.areas.webhooks import logs, topics, webhooks
from msp_licensing.sandbox.web import Route

ROUTES: tuple[Route, ...] = (*topics.ROUTES, *webhooks.ROUTES, *logs.ROUTES)
