"""What follows from an event: what it names is read from Pax8, once, and nothing that it says is believed."""

import json

import pytest
from webhook_helpers import DT, KEEPER, WEBHOOK, event, jobs, receive, row

from msp_licensing.sandbox import storybook

MUELLER = storybook.MUELLER_UND_SOEHNE
NOBODY = "50000000-0000-4000-8000-00000000dead"


@pytest.fixture(autouse=True)
def nothing_queued(site):
	site.cache.delete(site.cache.make_key("msp_licensing:webhooks:queued"))


@pytest.fixture
def process(site, sandbox):
	"""`process()` does what the job does, with a client that does not wait between tries."""
	from msp_licensing.pax8 import Pax8Client
	from msp_licensing.webhooks import processing

	def act(**options):
		with Pax8Client(
			client_id="sandbox",
			client_secret="sandbox",
			base_url=sandbox.url,
			max_retries=0,
			sleep=lambda seconds: None,
			**options,
		) as pax8:
			return processing.run(pax8)

	return act


@pytest.fixture
def reads(sandbox):
	"""`reads()` is how often a subscription has been read since the test began."""
	before = len(sandbox.calls("findSubscriptionBySubscriptionId"))
	return lambda: len(sandbox.calls("findSubscriptionBySubscriptionId")) - before


def due_again(site, name):
	site.db.set_value(DT, name, "next_attempt_on_utc", "2020-01-01")
	site.db.commit()


def everything(site):
	return {
		doctype: site.db.sql(f"select * from `tab{doctype}` order by name")
		for doctype in ("Pax8 Subscription", "Pax8 Company", "Pax8 Product", "License Change Request")
	}


def test_the_subscription_it_names_is_read_and_stored(site, sandbox, process, reads):
	sandbox.change("subscriptions", KEEPER, quantity=17)
	name = receive(site)
	assert process() == 1 and reads() == 1
	assert site.db.get_value("Pax8 Subscription", KEEPER, "quantity") == 17
	kept = row(site, name)
	assert (kept.status, kept.attempts, kept.error) == ("Processed", 1, None)
	assert "updated" in kept.result and "Keeper" in kept.result and kept.processed_on


def test_nothing_that_it_says_is_believed(site, process):
	before = everything(site)
	data = {
		"action": "CANCELLED",
		"subscriptionId": KEEPER,
		"quantity": 999,
		"status": "Cancelled",
		"price": 0,
		"companyId": MUELLER,
		"vanished": 1,
	}
	name = receive(site, data=data)
	process()
	after = everything(site)
	assert row(site, name).result.endswith("nothing had changed.")
	columns = site.db.get_table_columns("Pax8 Subscription")
	for was, now in zip(before["Pax8 Subscription"], after["Pax8 Subscription"], strict=True):
		for column, old, new in zip(columns, was, now, strict=True):
			allowed = ("modified", "read_on", "vendor_subscription_id", "vendor_sku_id")
			assert old == new or column in allowed, column
	assert before["Pax8 Company"] == after["Pax8 Company"]


def test_what_staff_chose_survives(site, sandbox, process):
	site.get_doc("Pax8 Subscription", KEEPER).update({"self_service": "Deny", "approval": "Always"}).save()
	sandbox.change("subscriptions", KEEPER, quantity=17)
	receive(site)
	process()
	subscription = site.get_doc("Pax8 Subscription", KEEPER)
	assert (subscription.quantity, subscription.self_service, subscription.approval) == (17, "Deny", "Always")


def stored_row(site):
	fingerprint, vendor, pax8_id = site.db.get_value(
		"Pax8 Subscription", KEEPER, ["fingerprint", "vendor", "pax8_id"]
	)
	# What follows is of what Pax8 sent, which only a walk knows.
	return fingerprint[:32], vendor, pax8_id


def test_a_new_subscription_of_a_mapped_company_comes_with_its_client_and_product(site, sandbox, process):
	from msp_licensing.setup import demo

	subscription = site.get_doc("Pax8 Subscription", KEEPER)
	before = stored_row(site)
	for doctype, name in (("Pax8 Subscription", KEEPER), ("Pax8 Product", subscription.product)):
		site.db.delete(doctype, {"name": name})
	site.db.commit()
	name = receive(site)
	process()
	new = site.get_doc("Pax8 Subscription", KEEPER)
	assert (new.client_doctype, new.client) == (demo.site_client_doctype(), demo.CEDAR)
	assert stored_row(site) == before
	product = site.get_doc("Pax8 Product", subscription.product)
	assert product.product_name and not product.visible
	assert "new here" in row(site, name).result
	from msp_licensing.sync import jobs as sync_jobs

	run = site.get_doc("Pax8 Sync Run", sync_jobs.run("Subscriptions"))
	assert (run.rows_new, run.rows_changed) == (0, 0), "a walk would have stored just that"


def test_a_subscription_of_an_unmapped_company_is_not_stored(site, sandbox, process):
	from msp_licensing.pax8 import Pax8Client

	with Pax8Client(client_id="sandbox", client_secret="sandbox", base_url=sandbox.url) as pax8:
		theirs = next(pax8.subscriptions(company_id=storybook.BLUE_HARBOR_DENTAL)).id
	before = everything(site)
	name = receive(site, data={"subscriptionId": theirs})
	process()
	assert everything(site) == before
	assert row(site, name).status == "Ignored" and "not mapped" in row(site, name).result


def test_what_pax8_no_longer_knows_is_marked_as_a_sync_does(site, sandbox, process):
	sandbox.vanish("subscriptions", KEEPER)
	name = receive(site)
	process()
	assert site.db.get_value("Pax8 Subscription", KEEPER, ["vanished", "quantity"]) == (1, 10)
	assert row(site, name).status == "Processed" and "marked here" in row(site, name).result


def test_what_comes_back_is_there_again(site, sandbox, process):
	site.db.set_value("Pax8 Subscription", KEEPER, {"vanished": 1, "fingerprint": None})
	receive(site)
	process()
	assert not site.db.get_value("Pax8 Subscription", KEEPER, "vanished")


def test_an_id_that_differs_in_case_marks_nothing(site, sandbox, process):
	"""The database finds names without looking at case; Pax8 says "not found"."""
	name = "5A000000-0000-4000-8000-00000000ABCD"
	site.db.sql("update `tabPax8 Subscription` set name = %s where name = %s", (name.lower(), KEEPER))
	site.db.commit()
	kept = receive(site, data={"subscriptionId": name})
	process()
	assert not site.db.get_value("Pax8 Subscription", name.lower(), "vanished")
	assert row(site, kept).status == "Ignored"


def test_ids_that_nobody_knows_store_nothing(site, process):
	before = everything(site)
	ids = dict.fromkeys(("id", "subscriptionId", "companyId", "productId"), NOBODY)
	for topic in ("SUBSCRIPTION", "COMPANY", "PRODUCT", "COMPLETED_LINE_ITEM", "PROVISIONING"):
		name = receive(site, topic=topic, data=ids)
		process()
		assert row(site, name).status == "Ignored" and "neither" in row(site, name).result, topic
	assert everything(site) == before


def test_a_company_is_read_again_and_keeps_its_mapping(site, sandbox, process):
	sandbox.change("companies", MUELLER, name="Müller & Töchter GmbH")
	client = site.db.get_value("Pax8 Company", MUELLER, ["client", "unsynced_subscriptions"])
	name = receive(site, topic="COMPANY", data={"id": MUELLER, "name": "Evil"})
	process()
	assert site.db.get_value("Pax8 Company", MUELLER, "company_name") == "Müller & Töchter GmbH"
	assert site.db.get_value("Pax8 Company", MUELLER, ["client", "unsynced_subscriptions"]) == client
	assert row(site, name).company_id == MUELLER
	from msp_licensing.sync import jobs as sync_jobs

	assert site.get_doc("Pax8 Sync Run", sync_jobs.run("Companies")).rows_changed == 0


def test_a_new_company_appears_unmapped(site, sandbox, process):
	site.db.delete("Pax8 Company", {"name": storybook.BLUE_HARBOR_DENTAL})
	site.db.commit()
	receive(site, topic="COMPANY", data={"companyId": storybook.BLUE_HARBOR_DENTAL})
	process()
	company = site.get_doc("Pax8 Company", storybook.BLUE_HARBOR_DENTAL)
	assert company.pax8_id == company.name and not company.client


def test_a_product_is_read_again_and_staff_keep_their_choice(site, sandbox, process):
	product = storybook.KEEPER_BUSINESS
	site.get_doc("Pax8 Product", product).update({"visible": 1, "category": "Passwords"}).save()
	sandbox.change("products", product, name="Keeper, renamed")
	receive(site, topic="PRODUCT", data={"id": product})
	process()
	assert site.db.get_value("Pax8 Product", product, ["product_name", "visible", "category"]) == (
		"Keeper, renamed",
		1,
		"Passwords",
	)
	sandbox.vanish("products", product)
	receive(site, topic="PRODUCT", data={"id": product})
	process()
	assert site.db.get_value("Pax8 Product", product, ["discontinued", "visible"]) == (1, 1)


def test_what_concerns_nothing_here_is_left_with_a_sentence(site, sandbox, process):
	before = len(sandbox.calls())
	for topic, data, words in (
		("INVOICE", {"invoiceId": "i1", "items": [{"subscriptionId": KEEPER}]}, "Nothing here follows"),
		("QUOTE", {"id": "q1", "subscriptionId": KEEPER}, "Nothing here follows"),
		("PROVISIONING", {"status": "Done"}, "names no subscription"),
		("SUBSCRIPTION", {"subscriptionId": {"$ne": 1}}, "names no subscription"),
		("SUBSCRIPTION", {"subscriptionId": "../companies"}, "names no subscription"),
		("SUBSCRIPTION", {"subscriptionId": KEEPER + "?x=1"}, "names no subscription"),
		("SUBSCRIPTION", {"subscriptionId": "x" * 65}, "names no subscription"),
		("SUBSCRIPTION", [], "names no subscription"),
		("SUBSCRIPTION", None, "names no subscription"),
		("COMPANY", {"name": "x"}, "names no company"),
		("PRODUCT", "text", "names no product"),
		("WEATHER", {"id": KEEPER}, "names no subscription"),
		("", {}, "names no subscription"),
	):
		name = receive(site, topic=topic, payloadData=data)
		process()
		kept = row(site, name)
		assert kept.status == "Ignored" and words in kept.result, (topic, data)
	assert len(sandbox.calls()) == before


@pytest.mark.parametrize(
	"data",
	[
		{"subscriptionId": KEEPER},
		{"subscription_id": KEEPER},
		{"SubscriptionID": KEEPER},
		{"subscriptionIds": [KEEPER]},
		{"id": "line-item-1", "subscriptionId": KEEPER},
		{"id": KEEPER},
		{"subscription": {"id": KEEPER, "product": {"id": "p1"}}},
		{"subscriptions": [{"id": KEEPER}]},
		{"lineItems": [{"id": "line-1", "details": {"subscriptionId": KEEPER}}]},
	],
)
def test_a_subscription_is_found_however_it_is_named(data):
	from msp_licensing.webhooks.delivery import ids_in

	assert ids_in(data, "SUBSCRIPTION")["subscription"] == (KEEPER,)


def test_ids_are_found_in_reason_and_are_not_without_end():
	from msp_licensing.webhooks.delivery import MAX_IDS, ids_in

	many = {"subscriptionIds": [f"s{number}" for number in range(500)]}
	assert len(ids_in(many, "X")["subscription"]) == MAX_IDS
	deep: dict = {"subscriptionId": "s"}
	for _level in range(50):
		deep = {"x": deep}
	assert not ids_in(deep, "X")
	assert ids_in({"client": {"id": "c"}, "invoiceId": "i", "parentId": "x"}, "X") == {
		"company": ("c",),
		"invoice": ("i",),
	}


@pytest.mark.parametrize(
	("topic", "subject"),
	[
		("SUBSCRIPTION", "subscription"),
		("subscription.updated", "subscription"),
		("CompletedLineItems", "subscription"),
		("PROVISIONING", "subscription"),
		("INVOICE", "invoice"),
		("QUOTE", "quote"),
		("COMPANIES", "company"),
		("CLIENT", "company"),
		("PRODUCT", "product"),
		("", None),
	],
)
def test_topics_are_understood_by_what_is_in_their_names(topic, subject):
	from msp_licensing.webhooks.delivery import subject_of

	assert subject_of(topic) == subject


def test_an_event_is_told_by_webhook_topic_and_data_not_by_when_it_was_sent():
	from msp_licensing.webhooks.delivery import read

	def print_of(**changes):
		return read(json.dumps({**event(), **changes}).encode()).event_hash

	assert print_of() == print_of(sentAt="later") == print_of(url="elsewhere")
	assert (
		len({print_of(), print_of(webhookId="other"), print_of(payloadData={}), print_of(webhookTopic="X")})
		== 4
	)
	assert read(json.dumps(event(data={"a": 1, "b": 2})).encode()).event_hash == (
		read(json.dumps(event(data={"b": 2, "a": 1})).encode()).event_hash
	)


# --------------------------------------------------------------------------------------------- again, often, never


def test_many_events_of_one_subscription_lead_to_one_read(site, sandbox, process, reads):
	sandbox.change("subscriptions", KEEPER, quantity=17)
	names = [receive(site, data={"subscriptionId": KEEPER, "n": n}) for n in range(30)]
	names.append(receive(site, topic="PROVISIONING", data={"subscriptionId": KEEPER}))
	assert process() == 31 and reads() == 1
	assert {row(site, name).status for name in names} == {"Processed"}


def test_a_replay_is_read_again_once_and_changes_nothing(site, process, reads):
	name = receive(site)
	process()
	assert process() == 0 and reads() == 1
	assert receive(site, sent_at="2026-11-22T11:00:00Z") == name
	assert row(site, name).status == "Received"
	process()
	kept = row(site, name)
	assert reads() == 2 and (kept.status, kept.times_received, kept.attempts) == ("Processed", 2, 1)


def test_an_event_delivered_again_before_it_was_processed_is_read_once(site, process, reads):
	name = receive(site)
	assert receive(site) == name
	assert process() == 1 and reads() == 1
	assert (row(site, name).status, row(site, name).times_received) == ("Processed", 2)


def test_an_event_delivered_again_while_it_is_processed_has_another_turn(
	site, sandbox, process, reads, monkeypatch
):
	"""What the first turn read is older than what the second delivery tells of."""
	from msp_licensing.sync import single, subscriptions

	taken_in = subscriptions.take_in

	def meanwhile(pax8, subscription):
		monkeypatch.undo()
		stored = taken_in(pax8, subscription)
		sandbox.change("subscriptions", KEEPER, quantity=23)
		receive(site)
		return stored

	monkeypatch.setattr(single.subscriptions, "take_in", meanwhile)
	name = receive(site)
	assert process() == 2 and reads() == 2
	assert site.db.get_value("Pax8 Subscription", KEEPER, "quantity") == 23
	assert row(site, name).status == "Processed"


@pytest.mark.parametrize("status", [500, 429])
def test_trouble_that_passes_is_waited_for(site, sandbox, process, status):
	from msp_licensing import clock

	sandbox.change("subscriptions", KEEPER, quantity=17)
	sandbox.faults.add("status", "findSubscriptionBySubscriptionId", count=1, status=status)
	name = receive(site)
	process()
	kept = row(site, name)
	assert kept.status == "Received" and str(status) in kept.error
	assert kept.attempts == 1 and kept.next_attempt_on_utc > clock.utc_now()
	assert process() == 0, "not before its time"
	due_again(site, name)
	process()
	kept = row(site, name)
	assert (kept.status, kept.attempts, kept.error, kept.next_attempt_on_utc) == ("Processed", 2, None, None)
	assert site.db.get_value("Pax8 Subscription", KEEPER, "quantity") == 17


def test_an_unreachable_pax8_is_asked_once_and_every_event_waits(site, sandbox):
	from msp_licensing.pax8 import Pax8Client
	from msp_licensing.webhooks import processing

	names = [
		receive(site),
		receive(site, topic="COMPANY", data={"id": MUELLER}),
		receive(site, topic="PRODUCT", data={"id": storybook.KEEPER_BUSINESS}),
	]
	calls = []
	with Pax8Client(
		client_id="sandbox",
		client_secret="sandbox",
		base_url="http://127.0.0.1:9/v1",
		max_retries=0,
		on_call=calls.append,
	) as nowhere:
		assert processing.run(nowhere) == 3
	assert len(calls) == 1
	assert {row(site, name).status for name in names} == {"Received"}
	assert all(row(site, name).error for name in names)


def test_after_five_attempts_it_is_left_to_the_schedule(site, sandbox, process):
	sandbox.faults.add("status", "findSubscriptionBySubscriptionId", status=500, count=50)
	name = receive(site)
	for attempt in range(1, 6):
		assert row(site, name).status == "Received" and row(site, name).attempts == attempt - 1
		process()
		due_again(site, name)
	assert row(site, name).status == "Failed" and "500" in row(site, name).error
	assert process() == 0
	# Delivered again, it has its attempts again.
	sandbox.faults.clear()
	receive(site)
	process()
	assert row(site, name).status == "Processed"


def test_what_pax8_refuses_is_not_asked_again(site, sandbox, process):
	sandbox.faults.add("status", "findSubscriptionBySubscriptionId", status=403, count=1)
	name = receive(site)
	process()
	kept = row(site, name)
	assert kept.status == "Failed" and "403" in kept.error and process() == 0


def test_a_subscription_that_cannot_be_understood_fails_alone(site, sandbox, process):
	sandbox.change("subscriptions", KEEPER, quantity=1.5)
	bad = receive(site)
	good = receive(site, topic="COMPANY", data={"id": MUELLER})
	process()
	assert row(site, bad).status == "Failed" and "whole number" in row(site, bad).error
	assert row(site, good).status == "Processed"
	assert site.db.get_value("Pax8 Subscription", KEEPER, "quantity") == 10


def test_an_error_of_our_own_fails_one_event_and_is_told_of_once(site, process, monkeypatch):
	from msp_licensing.sync import single

	def broken(*args):
		raise RuntimeError("a mistake")

	monkeypatch.setattr(single.companies, "row_of", broken)
	bad = receive(site, topic="COMPANY", data={"id": MUELLER})
	good = receive(site)
	process()
	assert row(site, bad).status == "Failed" and "a mistake" in row(site, bad).error
	assert row(site, good).status == "Processed"
	assert site.db.count("Error Log", {"reference_name": bad}) == 1


def test_a_record_that_the_database_holds_is_come_back_to(site, process, monkeypatch):
	from msp_licensing.sync import single

	def held(*args):
		monkeypatch.undo()
		raise site.QueryDeadlockError("a deadlock")

	monkeypatch.setattr(single.subscriptions, "take_in", held)
	name = receive(site)
	process()
	assert row(site, name).status == "Received" and "busy" in row(site, name).error
	due_again(site, name)
	process()
	assert row(site, name).status == "Processed" and not site.db.count("Error Log")


def test_a_worker_whose_time_is_up_blames_no_event(site, process, monkeypatch):
	from rq.timeouts import JobTimeoutException

	from msp_licensing.webhooks import processing

	def too_long(*args):
		raise JobTimeoutException("time is up")

	monkeypatch.setitem(processing._READERS, "subscription", too_long)
	name = receive(site)
	with pytest.raises(JobTimeoutException):
		process()
	assert row(site, name).status == "Received"


def test_a_killed_worker_loses_nothing_and_does_not_try_for_ever(site, process, monkeypatch):
	from frappe.utils.background_jobs import get_queue

	from msp_licensing.sync import single
	from msp_licensing.webhooks import events, processing

	def killed(*args):
		raise SystemExit("the worker is gone")

	name = receive(site)
	for attempt in range(1, 6):
		monkeypatch.setitem(processing._READERS, "subscription", killed)
		with pytest.raises(SystemExit):
			process()
		site.db.rollback()
		assert (row(site, name).status, row(site, name).attempts) == ("Received", attempt)
		get_queue("short").empty()
		events.follow_up()
		assert len(jobs()) == 1, "the schedule takes it up"
	monkeypatch.setitem(processing._READERS, "subscription", single.subscription)
	process()
	assert row(site, name).status == "Failed" and "stopped" in row(site, name).error


def test_after_a_real_worker_was_killed_the_schedule_takes_the_event_up(site, sandbox):
	from frappe.utils.background_jobs import get_redis_conn
	from test_worker import Worker, wait_for

	from msp_licensing.sync.lock import RunLock
	from msp_licensing.webhooks import events

	sandbox.change("subscriptions", KEEPER, quantity=17)
	sandbox.faults.add("delay", "findSubscriptionBySubscriptionId", seconds=5)
	name = receive(site)
	events.queue_processing()
	workers = [Worker()]
	try:
		wait_for(site, lambda: row(site, name).attempts, "taken up")
		wait_for(site, lambda: not sandbox.faults.list() or sandbox.faults.list()[0]["hits"], "asked")
		workers[0].kill()
		assert row(site, name).status == "Received"
		get_redis_conn().delete(RunLock("Webhooks").key)  # lapses by itself within half a minute
		events.follow_up()
		workers.append(Worker())
		wait_for(site, lambda: row(site, name).status == "Processed", "processed after the restart")
	finally:
		for worker in workers:
			worker.stop()
	assert site.db.get_value("Pax8 Subscription", KEEPER, "quantity") == 17


def test_while_one_worker_is_at_it_no_other_stores_an_older_answer(site, process, monkeypatch):
	from msp_licensing.sync.lock import RunLock
	from msp_licensing.webhooks import processing

	monkeypatch.setattr(processing, "SECONDS_TO_WAIT_FOR_OTHER_JOB", 0)
	name = receive(site)
	other = RunLock("Webhooks")
	assert other.acquire()
	try:
		assert process() == 0 and row(site, name).attempts == 0
	finally:
		other.release()
	assert process() == 1


def test_switched_off_meanwhile_the_waiting_ones_are_left(site, sandbox):
	from msp_licensing.webhooks import processing

	name = receive(site)
	site.db.set_single_value("Pax8 Settings", "mode", "Off")
	site.clear_document_cache("Pax8 Settings", "Pax8 Settings")
	site.db.commit()
	before = len(sandbox.calls())
	processing.run()
	assert row(site, name).status == "Ignored" and len(sandbox.calls()) == before


def test_the_job_uses_the_sites_own_connection_and_acts_as_the_system(site, sandbox, as_user):
	from msp_licensing.webhooks import processing

	sandbox.change("subscriptions", KEEPER, quantity=17)
	receive(site)
	with as_user("Guest"):
		processing.run()
	assert site.db.get_value("Pax8 Subscription", KEEPER, ["quantity", "modified_by"]) == (
		17,
		"Administrator",
	)


def test_a_job_whose_time_is_up_leaves_the_rest_to_another(site, process, monkeypatch):
	from msp_licensing.webhooks import processing

	names = [receive(site, data={"subscriptionId": KEEPER, "n": n}) for n in range(3)]
	monkeypatch.setattr(processing, "SECONDS_PER_JOB", -1)
	assert process() == 0
	assert len(jobs()) == 1 and {row(site, name).attempts for name in names} == {0}


def test_an_event_that_follows_from_our_own_change_does_no_harm(site, sandbox, people, process):
	from msp_licensing import permissions
	from msp_licensing.changes import apply, requests

	request = requests.submit(KEEPER, "15", access=permissions.portal_access(people.requester))
	site.db.commit()
	receive(site, data={"subscriptionId": KEEPER, "quantity": 10})
	process()
	apply.run(request.name)
	receive(site, data={"subscriptionId": KEEPER, "quantity": 15})
	process()
	site.db.rollback()
	assert site.db.get_value("License Change Request", request.name, "workflow_state") == "Applied"
	assert site.db.get_value("Pax8 Subscription", KEEPER, "quantity") == 15
	assert len(sandbox.calls("updateSubscription")) == 1


def test_the_ids_found_are_shown(site):
	name = receive(
		site,
		data={"subscriptionId": KEEPER, "companyId": MUELLER, "product": {"id": "p-1"}, "invoiceId": "i-1"},
	)
	kept = row(site, name)
	assert (kept.subscription_id, kept.company_id, kept.product_id, kept.invoice_id) == (
		KEEPER,
		MUELLER,
		"p-1",
		"i-1",
	)
	assert kept.webhook_id == WEBHOOK


def test_staff_have_an_event_processed_again(site, sandbox, people, as_user, process, reads):
	from msp_licensing.desk import webhooks

	sandbox.faults.add("status", "findSubscriptionBySubscriptionId", status=403, count=1)
	name = receive(site)
	process()
	assert row(site, name).status == "Failed"
	with as_user(people.manager):
		webhooks.process_again(name)
	site.db.commit()
	assert len(jobs()) == 1 and row(site, name).status == "Received"
	process()
	assert row(site, name).status == "Processed" and reads() == 2
	with as_user(people.system_manager), pytest.raises(site.PermissionError):
		webhooks.process_again(name)
