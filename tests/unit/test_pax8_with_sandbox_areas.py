"""Usage, webhooks, orders, contacts and cancelling against the stand-in server."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pydantic import SecretStr

from msp_licensing import pax8
from msp_licensing.pax8 import OrderLine, Pax8Client, TokenBucket
from msp_licensing.sandbox import Sandbox, storybook

# In the middle of a month: usage begins anew on the 1st, invoices are visible from the 4th.
NOON = datetime(2025, 3, 17, 12, tzinfo=timezone.utc)


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
	with Sandbox(seed=3, companies=5, products=30, subscriptions=60, rate_limit=0, now=NOON) as sandbox:
		yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
	running.reset()
	return running


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[Pax8Client]:
	with Pax8Client(
		client_id="sandbox",
		client_secret="sandbox",
		base_url=sandbox.url,
		writes_allowed=True,
		limiter=TokenBucket(100_000),
		sleep=lambda seconds: None,
	) as client:
		yield client


# Usage


def test_usage_is_read_to_the_line(client, sandbox):
	rows = list(client.usage_summaries(storybook.NORTHWIND_SENTINELONE_USAGE))
	assert len(rows) == 7 and None in {row.company_id for row in rows}
	assert {row.subscription_id for row in rows} == {storybook.NORTHWIND_SENTINELONE_USAGE}
	for row in rows:
		assert row.current_charges is not None and row.partner_total is not None
		again = client.usage_summary(row.id)
		assert (again.resource_group, again.currency_code) == (row.resource_group, row.currency_code)
	(named,) = client.usage_summaries(
		storybook.NORTHWIND_SENTINELONE_USAGE, resource_group=rows[2].resource_group
	)
	assert named.id == rows[2].id
	today = sandbox.clock.now().date()
	lines = [line for row in rows for line in client.usage_lines(row.id, today)]
	assert lines and {line.usage_date for line in lines} == {today}
	assert {line.usage_summary_id for line in lines} == {row.id for row in rows}
	first = lines[0]
	assert client.usage_lines(first.usage_summary_id, today, first.product_id)[0] == first


def test_a_subscription_of_seats_has_no_usage(client):
	assert list(client.usage_summaries(storybook.DEMO_SUBSCRIPTION)) == []
	with pytest.raises(pax8.NotFound):
		list(client.usage_summaries("00000000-0000-0000-0000-000000000000"))


# Webhooks

HOOK_SECRET = SecretStr("a-secret-of-this-test-0123456789")


@pytest.fixture
def receiver() -> Iterator[tuple[str, list[tuple[str, dict]]]]:
	"""An address, and what was posted to it: the Authorization header and the body."""
	received: list[tuple[str, dict]] = []

	class Receiver(BaseHTTPRequestHandler):
		def do_POST(self) -> None:
			body = self.rfile.read(int(self.headers["Content-Length"]))
			received.append((self.headers["Authorization"], json.loads(body)))
			self.send_response(200)
			self.end_headers()

		def log_message(self, *args: object) -> None: ...

	server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
	threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
	yield f"http://127.0.0.1:{server.server_port}/receive", received
	server.shutdown()
	server.server_close()


def test_a_webhook_is_made_changed_and_deleted(client, sandbox):
	topics = [definition.topic for definition in client.webhook_topics()]
	assert {"SUBSCRIPTION", "INVOICE", "PRODUCT"} <= set(topics)
	made = client.create_webhook(
		display_name="ERP",
		url="https://erp.example.com/receive",
		authorization=HOOK_SECRET,
		topics=["SUBSCRIPTION", "INVOICE"],
		active=False,
		contact_email="ops@example.com",
		error_threshold=2,
	)
	assert (made.active, made.error_threshold, made.contact_email) == (False, 2, "ops@example.com")
	assert [row.id for row in client.webhooks()] == [row.id for row in client.webhooks(topic="INVOICE")]
	assert list(client.webhooks(active=True)) == []
	assert client.set_webhook_active(made.id, True).active is True
	assert client.add_webhook_topic(made.id, "PRODUCT").topic("PRODUCT") is not None
	with pytest.raises(pax8.Refused):
		client.add_webhook_topic(made.id, "PRODUCT")
	invoice = client.webhook(made.id).topic("INVOICE")
	assert client.remove_webhook_topic(made.id, invoice.id) is None
	assert client.webhook(made.id).topic("INVOICE") is None
	replaced = client.replace_webhook_topics(made.id, ["COMPANY"])
	assert [topic.topic for topic in replaced.webhook_topics] == ["COMPANY"]
	configured = client.configure_webhook(
		made.id, display_name="ERP 2", url="https://erp.example.com/2", authorization=HOOK_SECRET
	)
	assert (configured.display_name, configured.url) == ("ERP 2", "https://erp.example.com/2")
	assert client.delete_webhook(made.id) is None
	with pytest.raises(pax8.NotFound):
		client.webhook(made.id)


def test_deliveries_carry_the_secret_and_can_be_looked_at_and_repeated(client, sandbox, receiver):
	url, received = receiver
	made = client.create_webhook(
		display_name="ERP", url=url, authorization=HOOK_SECRET, topics=["SUBSCRIPTION"]
	)
	tested = client.test_webhook_topic(made.id, "SUBSCRIPTION")
	assert tested.url == url and tested.webhook.id == made.id
	client.update_quantity(storybook.DEMO_SUBSCRIPTION, 12)
	assert sandbox.wait_for_deliveries(timeout=10)
	assert len(received) == 2
	assert {authorization for authorization, _body in received} == {HOOK_SECRET.get_secret_value()}
	assert {body["webhookTopic"]["topic"] for _authorization, body in received} == {"SUBSCRIPTION"}
	logs = list(client.webhook_logs(made.id, topic="SUBSCRIPTION", status="SUCCESS"))
	assert len(logs) == 2 and list(client.webhook_logs(made.id, status="FAILED")) == []
	assert logs[0].call_history[0].http_status_code == 200
	assert client.webhook_log(made.id, logs[0].id).final_status == "SUCCESS"
	assert HOOK_SECRET.get_secret_value() not in repr((made, tested, logs))


def test_a_failed_delivery_can_be_repeated(client, sandbox, receiver):
	url, received = receiver
	made = client.create_webhook(
		display_name="ERP",
		url="http://127.0.0.1:9/nobody",
		authorization=HOOK_SECRET,
		topics=["SUBSCRIPTION"],
		error_threshold=1,
	)
	sandbox.emit("SUBSCRIPTION", action="UPDATED", subscriptionId=storybook.DEMO_SUBSCRIPTION)
	assert sandbox.wait_for_deliveries(timeout=10)
	(log,) = client.webhook_logs(made.id, status="FAILED")
	client.configure_webhook(made.id, display_name="ERP", url=url, authorization=HOOK_SECRET)
	assert client.retry_webhook_log(made.id, log.id) is None
	assert sandbox.wait_for_deliveries(timeout=10)
	assert len(received) == 1 and client.webhook_log(made.id, log.id).final_status == "SUCCESS"


def test_only_observing_makes_no_webhook(sandbox):
	observing = Pax8Client(client_id="sandbox", client_secret="sandbox", base_url=sandbox.url)
	with observing as client:
		with pytest.raises(pax8.WritesDisabled):
			client.create_webhook(
				display_name="ERP", url="https://x.example.com", authorization=HOOK_SECRET, topics=[]
			)
		assert list(client.webhooks()) == []


# Orders, cancellations, contacts


def test_contacts_of_a_company_are_read(client):
	found = list(client.contacts(storybook.CEDAR_AND_PINE))
	assert found and all(contact.email and contact.created_date for contact in found)
	for kind in ("Admin", "Billing", "Technical"):
		assert any(contact.is_primary(kind) for contact in found)
	assert client.contact(storybook.CEDAR_AND_PINE, found[0].id) == found[0]
	with pytest.raises(pax8.NotFound):
		list(client.contacts("00000000-0000-0000-0000-000000000000"))


def keeper(client: Pax8Client, quantity: int = 3) -> OrderLine:
	answers = {
		question.key: (question.possible_values or ("dana@example.com",))[0]
		for question in client.provision_details(storybook.KEEPER_BUSINESS)
	}
	return OrderLine(
		product_id=storybook.KEEPER_BUSINESS,
		quantity=quantity,
		billing_term="Monthly",
		provisioning_details=answers,
	)


def test_an_order_for_show_leaves_nothing_behind(client):
	order = client.create_order(storybook.CEDAR_AND_PINE, [keeper(client)], mock=True)
	assert order.company_id == storybook.CEDAR_AND_PINE and order.line_items[0].quantity == 3
	assert list(client.orders()) == []


def test_an_order_becomes_a_subscription(client, sandbox):
	order = client.create_order(
		storybook.CEDAR_AND_PINE,
		[keeper(client)],
		mock=False,
		ordered_by="Customer",
		ordered_by_user_email="dana@example.com",
	)
	(line,) = order.line_items
	made = client.subscription(line.subscription_id)
	assert (made.quantity, made.product_id, made.status) == (3, storybook.KEEPER_BUSINESS, "PendingAutomated")
	assert client.order(order.id) == order
	assert [row.id for row in client.orders(storybook.CEDAR_AND_PINE)] == [order.id]
	assert list(client.orders(storybook.MUELLER_UND_SOEHNE)) == []
	assert (order.ordered_by, order.ordered_by_user_email) == ("Customer", "dana@example.com")


def microsoft_line(client: Pax8Client, **more: object) -> OrderLine:
	subscription = client.subscription(storybook.CEDAR_BUSINESS_PREMIUM)
	return OrderLine(
		product_id=subscription.product_id,
		quantity=2,
		billing_term=subscription.billing_term,
		commitment_term_id=subscription.commitment_term.id,
		**more,
	)


def test_which_questions_must_be_answered_an_order_for_show_tells(client):
	line = microsoft_line(client)
	questions = {question.label: question for question in client.provision_details(line.product_id)}
	assert questions and {question.value_type for question in questions.values()} <= {
		"Input",
		"Single-Value",
		"Multi-Value",
	}
	answers: dict[str, str] = {}
	for _round in range(len(questions)):
		try:
			client.create_order(
				storybook.CEDAR_AND_PINE, [microsoft_line(client, provisioning_details=answers)], mock=True
			)
			break
		except pax8.Refused as refused:
			assert refused.status == 400 and refused.details[0] == "Errors with provisioningDetails"
			for told in refused.details[1:]:
				question = questions[told.removesuffix(": This field is required.")]
				answers[question.key] = (question.possible_values or ("2025-01-31",))[0]
	order = client.create_order(
		storybook.CEDAR_AND_PINE, [microsoft_line(client, provisioning_details=answers)], mock=False
	)
	assert answers and order.line_items[0].subscription_id


def test_an_order_that_breaks_a_rule_is_refused_in_pax8s_words(client):
	with pytest.raises(pax8.Refused) as caught:
		client.create_order(storybook.CEDAR_AND_PINE, [keeper(client, 5_000_000)], mock=False)
	assert caught.value.status == 422 and caught.value.effect == "none" and caught.value.details
	assert list(client.orders()) == []


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "broken_body", "empty", "status"])
def test_an_order_whose_answer_is_lost_is_not_sent_again(client, sandbox, kind):
	sandbox.faults.add(kind, "createOrder")
	with pytest.raises(pax8.Pax8Error) as caught:
		client.create_order(storybook.CEDAR_AND_PINE, [keeper(client)], mock=False)
	assert caught.value.effect == "unknown"
	assert len(sandbox.calls("createOrder")) == 1
	assert len(list(client.orders(storybook.CEDAR_AND_PINE))) == (
		kind in ("drop_after", "broken_body", "empty")
	)


def test_a_subscription_is_cancelled_at_once(client):
	assert client.cancel(storybook.CEDAR_KEEPER) is None
	cancelled = client.subscription(storybook.CEDAR_KEEPER)
	assert cancelled.status == "PendingCancel" and cancelled.end_date is not None


def test_a_subscription_is_cancelled_on_a_day_to_come(client, sandbox):
	end = client.subscription(storybook.CEDAR_BUSINESS_PREMIUM).commitment_term.end_date
	with pytest.raises(pax8.Refused) as caught:
		client.cancel(storybook.CEDAR_BUSINESS_PREMIUM, sandbox.clock.now().date() + timedelta(days=1))
	assert caught.value.effect == "none"
	client.cancel(storybook.CEDAR_BUSINESS_PREMIUM, end)
	cancelled = client.subscription(storybook.CEDAR_BUSINESS_PREMIUM)
	assert (cancelled.status, cancelled.end_date) == ("Active", end)


def test_nothing_is_ordered_or_cancelled_while_only_observing(client, sandbox):
	line = keeper(client)
	observing = Pax8Client(client_id="sandbox", client_secret="sandbox", base_url=sandbox.url)
	for write in (
		lambda: observing.create_order(storybook.CEDAR_AND_PINE, [line], mock=True),
		lambda: observing.create_order(storybook.CEDAR_AND_PINE, [line], mock=False),
		lambda: observing.cancel(storybook.CEDAR_KEEPER),
	):
		with pytest.raises(pax8.WritesDisabled):
			write()
	observing.close()
	assert sandbox.calls("createOrder") == [] and list(client.orders()) == []


# Invoices


def test_invoices_are_read_to_the_item(client):
	invoices = list(client.invoices(sort="invoiceDate,desc"))
	assert invoices and [row.invoice_date for row in invoices] == sorted(
		(row.invoice_date for row in invoices), reverse=True
	)
	newest = client.invoice(invoices[0].id)
	assert (newest.total, newest.currency_code) == (invoices[0].total, invoices[0].currency_code)
	items = list(client.invoice_items(newest.id))
	assert items and sum(item.amount_due for item in items) == newest.total
	for item in items:
		assert item.term in (
			None,
			"Monthly",
			"Annual",
			"2-Year",
			"3-Year",
			"One-Time",
			"Arrears",
			"Trial",
			"Rebate",
			"Activation",
		)
		assert item.charge_type in (None, "Per Unit", "Flat Rate")
		assert item.rate_type in (None, "Flat", "Volume", "Tiered", "Mark-Up")
	assert "Arrears" in {item.term for row in invoices for item in client.invoice_items(row.id)}


def test_invoices_of_a_span_of_time_are_those_within_it(client):
	days = sorted({row.invoice_date for row in client.invoices()})
	assert len(days) > 2
	within = {row.invoice_date for row in client.invoices(from_date=days[1], to_date=days[-2])}
	assert within == set(days[1:-1])
	assert {row.invoice_date for row in client.invoices(invoice_date=days[0])} == {days[0]}
	assert {row.status for row in client.invoices(status="paid")} == {"Paid"}


@pytest.mark.parametrize("month", [0, 1])
def test_the_draft_of_an_invoice_leaves_out_arrears(client, month):
	items = list(client.draft_items(month_offset=month))
	assert "Arrears" not in {item.term for item in items}
	mine = list(client.draft_items(month_offset=month, company_id=storybook.CEDAR_AND_PINE))
	assert {item.company_id for item in mine} <= {storybook.CEDAR_AND_PINE}
	assert len(mine) == sum(item.company_id == storybook.CEDAR_AND_PINE for item in items)
	assert month == 0 or mine


def test_an_item_that_cannot_be_read_does_not_hide_the_others(client, sandbox):
	(invoice, *_rest) = client.invoices()
	count = len(list(client.invoice_items(invoice.id)))
	bad = {"name": "set_field", "row": 1, "field": "amountDue", "value": "much"}
	sandbox.faults.add("rewrite", "findPartnerInvoiceItems", count=None, rewrites=[bad])
	told: list[pax8.BadAnswer] = []
	read = list(client.invoice_items(invoice.id, on_unreadable=told.append))
	assert told and len(read) + len(told) == count
