"""Entry points of the scheduler (hooks.py). They only enqueue: cron jobs run on a queue with a short time limit."""

import frappe

from msp_licensing import clock
from msp_licensing.sync import connection, jobs
from msp_licensing.sync.kinds.usage.months import last_day
from msp_licensing.webhooks import events


def sync_pax8_companies() -> None:
	_sync("Companies")


def sync_pax8_subscriptions() -> None:
	_sync("Subscriptions")


def sync_pax8_products() -> None:
	_sync("Products")


def sync_pax8_usage() -> None:
	_sync("Usage")


def sync_pax8_usage_at_month_end() -> None:
	"""Run hourly. Once more in the last hour of a month (UTC), since Pax8 shows nothing of it afterwards."""
	now = clock.utc_now()
	if now.hour == 23 and now.date() == last_day(now.date()):
		_sync("Usage")


def _sync(kind: str) -> None:
	if connection.is_active():
		jobs.enqueue(kind, trigger="Schedule")


def follow_up_license_changes() -> None:
	"""Takes up requests whose job was lost, whose worker died, that wait for Pax8, or whose quantity or price has moved."""
	frappe.enqueue("msp_licensing.changes.apply.follow_up", queue="short", enqueue_after_commit=True)
	frappe.enqueue("msp_licensing.changes.moved.run", queue="short", enqueue_after_commit=True)
	frappe.enqueue("msp_licensing.changes.price_drift.run", queue="short", enqueue_after_commit=True)


def watch_scheduled_changes() -> None:
	"""Takes up changes for the end of a term that are due, or whose subscription is not what it was."""
	frappe.enqueue("msp_licensing.changes.schedule.watch", queue="short", enqueue_after_commit=True)


def remind_of_scheduled_changes() -> None:
	frappe.enqueue("msp_licensing.changes.schedule.remind", queue="short", enqueue_after_commit=True)


def follow_up_pax8_webhooks() -> None:
	"""Takes up webhook events whose job was lost, whose worker died, or that wait for Pax8."""
	events.follow_up()


def check_license_change_deadlines() -> None:
	"""Reminds of requests that wait, and ends those that nobody decided in time."""
	frappe.enqueue("msp_licensing.changes.deadlines.run", queue="short", enqueue_after_commit=True)


def send_license_change_digest() -> None:
	"""The mails of those who chose one a day, before the day begins."""
	frappe.enqueue("msp_licensing.changes.digest.send", queue="short", enqueue_after_commit=True)


def watch_sync_health() -> None:
	"""Tells people of data that has become too old; twenty minutes past, when the runs of the hour have ended."""
	frappe.enqueue("msp_licensing.sync.watch.check", queue="short", enqueue_after_commit=True)
