"""The events received: kept, counted, and handed to the next worker."""

import frappe
from redis.exceptions import RedisError

from msp_licensing import clock, transactions
from msp_licensing.webhooks.delivery import Delivery

DOCTYPE = "Pax8 Webhook Event"
RECEIVED, PROCESSED, IGNORED, FAILED = "Received", "Processed", "Ignored", "Failed"

# One queued job takes all events that wait. The mark is gone before the job looks, so what comes later queues another.
QUEUED_FOR_SECONDS = 300
TRIES = 3


def keep(delivery: Delivery, *, status: str = RECEIVED, result: str | None = None) -> None:
	"""Keeps an event and commits. A deadlock with another delivery's is tried again.

	One that is known already is counted, and waits to be processed again: Pax8 says the same twice when it happens
	twice.
	"""

	def store() -> None:
		_store(delivery, status, result)
		frappe.db.commit()  # nosemgrep: frappe-manual-commit - kept before it is acknowledged

	transactions.repeat(store, tries=TRIES, when=transactions.is_busy)


def _store(delivery: Delivery, status: str, result: str | None) -> None:
	"""One statement, so that two deliveries of one event at the same moment are one row with a count of two."""
	now, user = clock.site_now(), frappe.session.user
	first = {kind: ids[0] for kind, ids in delivery.ids.items()}
	row = {
		"name": frappe.generate_hash(length=10),
		"creation": now,
		"modified": now,
		"owner": user,
		"modified_by": user,
		"event_hash": delivery.event_hash,
		"topic": delivery.topic,
		"action": delivery.action,
		"webhook_id": delivery.webhook_id,
		"subscription_id": first.get("subscription"),
		"company_id": first.get("company"),
		"product_id": first.get("product"),
		"invoice_id": first.get("invoice"),
		"payload": delivery.payload,
		"received_on": now,
		**clock.stamp("last_received_on"),
		"times_received": 1,
		"status": status,
		"result": result,
		"attempts": 0,
	}
	# Column names come from this code, values are parameters.
	frappe.db.sql(  # nosemgrep: frappe-sql-format-injection - names come from this code, values are parameters
		f"""insert into `tab{DOCTYPE}` ({", ".join(f"`{column}`" for column in row)})
		values ({", ".join(["%s"] * len(row))})
		on duplicate key update times_received = times_received + 1, last_received_on = values(last_received_on),
			last_received_on_utc = values(last_received_on_utc),
			modified = values(modified), status = values(status), result = values(result),
			attempts = 0, next_attempt_on = null, next_attempt_on_utc = null, error = null""",
		list(row.values()),
	)


def take_up_again(name: str) -> None:
	"""Lets an event wait for processing as if it had just come; the caller commits, then queues."""
	frappe.db.set_value(
		DOCTYPE, name, {"status": RECEIVED, "attempts": 0, "error": None, **clock.no_stamp("next_attempt_on")}
	)


def queue_processing() -> None:
	"""Queues one job for all events that wait, unless one is queued already; after the commit of what it shall find.

	Without Redis the events wait for the scheduler: they are in the database.
	"""
	mark = _queued_mark()
	try:
		# nosemgrep: frappe-cache-breaks-multitenancy - the mark names the site
		if not frappe.cache.set(mark, 1, nx=True, ex=QUEUED_FOR_SECONDS):
			return
		try:
			frappe.enqueue("msp_licensing.webhooks.processing.run", queue="short", timeout=600)
		except BaseException:
			frappe.cache.delete(mark)
			raise
	except RedisError:
		frappe.logger("msp_licensing").warning("Redis is away: Pax8 webhook events wait for the scheduler.")


def job_has_started() -> None:
	"""From now on a new event queues another job: this one may not see it any more."""
	frappe.cache.delete(_queued_mark())


def _queued_mark() -> bytes:
	return frappe.cache.make_key("msp_licensing:webhooks:queued")


def follow_up() -> None:
	"""The schedule: events whose job was lost, whose worker died, or that wait for Pax8."""
	if frappe.db.exists(DOCTYPE, {"status": RECEIVED}):
		queue_processing()
