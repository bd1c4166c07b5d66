"""The webhook at Pax8: set up, watched, tested and removed from Pax8 Settings, with a secret that nobody sees."""

import json
import time

import pytest
from webhook_helpers import DT, KEEPER, jobs, keep_secret, row

from msp_licensing.sandbox import storybook

API = "/api/method/msp_licensing.desk.webhooks."


@pytest.fixture(autouse=True)
def nothing_queued(site):
	site.cache.delete(site.cache.make_key("msp_licensing:webhooks:queued"))


@pytest.fixture
def pax8(sandbox):
	"""A client that looks at the webhooks there are, and makes some of its own."""
	from msp_licensing.pax8 import Pax8Client

	with Pax8Client(
		client_id="sandbox", client_secret="sandbox", base_url=sandbox.url, writes_allowed=True
	) as client:
		yield client


@pytest.fixture
def reached_at(site, server, monkeypatch):
	"""`reached_at(address)`: what the site says its address is; at first that of the running web server."""

	def say(address):
		monkeypatch.setitem(site.local.conf, "host_name", address)

	say(server)
	return say


@pytest.fixture
def desk(server, people):
	"""`desk(user)(function, **arguments)` calls a function of the form over HTTP, as that user, with their page's token."""
	from visitor import Visitor

	visitors = []

	def sign_in(user=None):
		visitor = Visitor(server)
		visitors.append(visitor)
		if user:
			visitor.sign_in(user).page()

		def call(function, **arguments):
			return visitor.post(API + function, arguments)

		return call

	yield sign_in
	for visitor in visitors:
		visitor.http.close()


def change_settings(site, **values):
	from msp_licensing.sync import credentials

	for field, value in values.items():
		site.db.set_single_value("Pax8 Settings", field, value)
		if field == "base_url":
			site.db.set_single_value("Pax8 Settings", "secret_address", credentials.proof(value, "sandbox"))
	site.clear_document_cache("Pax8 Settings", "Pax8 Settings")
	site.db.commit()


def secret_of(site):
	from frappe.utils.password import get_decrypted_password

	site.db.rollback()
	return get_decrypted_password("Pax8 Settings", "Pax8 Settings", "webhook_secret", raise_exception=False)


def next_secret_of(site):
	from frappe.utils.password import get_decrypted_password

	site.db.rollback()
	return get_decrypted_password(
		"Pax8 Settings", "Pax8 Settings", "webhook_next_secret", raise_exception=False
	)


def there(sandbox):
	"""The webhooks at Pax8, secrets and all."""
	return [webhook.wire() for webhook in sandbox.app.events.webhooks.values()]


def told(sandbox):
	"""The secrets that Pax8 has been told, by webhook."""
	return [webhook["authorization"] for webhook in there(sandbox)]


def test_from_setting_up_to_the_row_that_changes(site, sandbox, people, desk):
	from msp_licensing.webhooks import processing

	system_manager = desk(people.system_manager)
	assert system_manager("state").json()["message"]["state"] == "none"
	answer = system_manager("set_up")
	assert answer.status_code == 200 and "SUBSCRIPTION" in answer.json()["message"]
	state = system_manager("state").json()["message"]
	assert (state["state"], state["color"], state["problem"]) == ("active", "green", None)
	assert set(state["topics"]) == {"COMPANY", "INVOICE", "PRODUCT", "PROVISIONING", "SUBSCRIPTION"}
	assert state["notes"] == ["No event has come yet."]

	sandbox.change("subscriptions", KEEPER, quantity=17)
	sandbox.change("companies", storybook.MUELLER_UND_SOEHNE, name="Müller & Töchter")
	assert sandbox.wait_for_deliveries(timeout=30)
	assert {delivery["finalStatus"] for delivery in sandbox.deliveries()} == {"SUCCESS"}
	site.db.rollback()
	assert len(jobs()) == 1
	processing.run()
	assert site.db.get_value("Pax8 Subscription", KEEPER, "quantity") == 17
	company = site.db.get_value("Pax8 Company", storybook.MUELLER_UND_SOEHNE, "company_name")
	assert company == "Müller & Töchter"
	assert set(site.get_all(DT, pluck="status")) == {"Processed"}
	assert "Last event: " in system_manager("state").json()["message"]["notes"][0]


def test_what_pax8_delivers_late_twice_and_out_of_order_ends_right(site, sandbox, people, desk):
	from msp_licensing.webhooks import processing

	desk(people.system_manager)("set_up")
	sandbox.steer_webhooks(duplicate=True, hold=True)
	for quantity in (11, 12, 13, 14):
		sandbox.change("subscriptions", KEEPER, quantity=quantity)
	sandbox.steer_webhooks(reorder=True, hold=False)
	assert sandbox.wait_for_deliveries(timeout=30)
	site.db.rollback()
	before = len(sandbox.calls("findSubscriptionBySubscriptionId"))
	processing.run()
	assert site.db.get_value("Pax8 Subscription", KEEPER, "quantity") == 14
	assert set(site.get_all(DT, pluck="status")) == {"Processed"}
	# One read if nothing comes meanwhile, which the tests of the processing hold. Here a real server is delivered to:
	# where it took longer than Pax8 waits, there are further attempts, and each that comes late is looked at again.
	attempts = [len(delivery["callHistory"]) for delivery in sandbox.deliveries()]
	reads = len(sandbox.calls("findSubscriptionBySubscriptionId")) - before
	assert len(attempts) == 8 and 1 <= reads <= 1 + sum(attempts) - 8
	assert 8 <= sum(site.get_all(DT, pluck="times_received")) <= sum(attempts)


def test_a_lost_event_is_made_good_by_the_next_sync(site, sandbox, people, desk):
	from msp_licensing.sync import jobs as sync_jobs

	desk(people.system_manager)("set_up")
	sandbox.steer_webhooks(drop=True)
	sandbox.change("subscriptions", KEEPER, quantity=17)
	sandbox.wait_for_deliveries(timeout=30)
	site.db.rollback()
	assert not site.db.count(DT)
	sync_jobs.run("Subscriptions")
	assert site.db.get_value("Pax8 Subscription", KEEPER, "quantity") == 17


def test_the_secret_is_one_random_word_that_only_pax8_is_told(site, sandbox, people, desk):
	system_manager = desk(people.system_manager)
	answers = [system_manager("set_up"), system_manager("state"), system_manager("send_test")]
	secret = secret_of(site)
	assert len(secret) >= 40 and secret.isascii() and not set(secret) & set(" \t\n")
	assert told(sandbox) == [secret]
	assert not next_secret_of(site)
	sandbox.wait_for_deliveries(timeout=30)
	site.db.rollback()
	assert site.db.count(DT) == 1
	answers.append(system_manager("new_secret"))
	assert answers[-1].status_code == 200 and secret_of(site) != secret and told(sandbox) == [secret_of(site)]
	secrets = {secret, secret_of(site)}
	for answer in answers:
		assert not any(word in answer.text for word in secrets)
	for table in site.db.sql_list(
		"select table_name from information_schema.tables where table_schema = database()"
	):
		text = str(site.db.sql(f"select * from `{table}`"))
		assert not any(word in text for word in secrets), table


def test_after_a_new_secret_the_old_one_proves_nothing(site, server, sandbox, people, desk):
	import httpx
	from webhook_helpers import PATH, event

	system_manager = desk(people.system_manager)
	system_manager("set_up")
	old = secret_of(site)
	system_manager("new_secret")
	for secret, status in ((old, 401), (secret_of(site), 200)):
		answer = httpx.post(server + PATH, json=event(), headers={"Authorization": secret}, timeout=60)
		assert answer.status_code == status


def test_setting_up_again_repairs_and_makes_no_second_one(site, sandbox, people, desk, pax8):
	system_manager = desk(people.system_manager)
	system_manager("set_up")
	(webhook,) = pax8.webhooks()
	first = secret_of(site)
	pax8.replace_webhook_topics(webhook.id, ["QUOTE"])
	pax8.set_webhook_active(webhook.id, False)
	assert system_manager("state").json()["message"]["state"] == "off"
	assert system_manager("set_up").status_code == 200
	(again,) = pax8.webhooks()
	assert (
		again.id == webhook.id and again.active and again.topic("SUBSCRIPTION") and not again.topic("QUOTE")
	)
	assert told(sandbox) == [secret_of(site)] != [first]


def test_a_webhook_whose_id_got_lost_is_found_by_its_address(site, sandbox, people, desk, pax8):
	system_manager = desk(people.system_manager)
	system_manager("set_up")
	(webhook,) = pax8.webhooks()
	change_settings(site, webhook_id=None)
	assert system_manager("state").json()["message"]["state"] == "none"
	system_manager("set_up")
	assert [found.id for found in pax8.webhooks()] == [webhook.id]
	assert site.db.get_single_value("Pax8 Settings", "webhook_id", cache=False) == webhook.id


def test_a_webhook_that_pax8_has_lost_is_made_anew(site, sandbox, people, desk, pax8):
	system_manager = desk(people.system_manager)
	system_manager("set_up")
	(webhook,) = pax8.webhooks()
	pax8.delete_webhook(webhook.id)
	assert system_manager("state").json()["message"]["state"] == "missing"
	assert system_manager("set_up").status_code == 200
	(new,) = pax8.webhooks()
	assert new.id != webhook.id and system_manager("state").json()["message"]["state"] == "active"


def test_other_peoples_webhooks_are_left_alone(site, sandbox, people, desk, pax8):
	from pydantic import SecretStr

	theirs = pax8.create_webhook(
		display_name="Theirs",
		url="http://127.0.0.1:9/elsewhere",
		authorization=SecretStr("somebody-elses-secret"),
		topics=["INVOICE"],
		active=False,
	)
	system_manager = desk(people.system_manager)
	for function in ("set_up", "set_up", "new_secret", "remove"):
		assert system_manager(function).status_code == 200
	assert list(pax8.webhooks()) == [theirs]
	assert told(sandbox) == ["somebody-elses-secret"]


def test_a_webhook_is_only_moved_here_when_that_is_meant(site, sandbox, people, as_user, reached_at, pax8):
	"""This site may be a copy of the one that the webhook belongs to."""
	from msp_licensing.desk import webhooks

	with as_user(people.system_manager):
		webhooks.set_up()
		(webhook,) = pax8.webhooks()
		before = secret_of(site)
		reached_at("http://moved.localhost:8001")
		state = webhooks.state()
		assert state["state"] == "elsewhere" and webhook.url in state["message"]
		for act in (webhooks.set_up, webhooks.new_secret):
			with pytest.raises(site.ValidationError, match="delivers to"):
				act()
		assert list(pax8.webhooks()) == [webhook] and secret_of(site) == before
		webhooks.set_up(move=True)
		assert webhooks.state()["state"] == "active"
	(moved,) = pax8.webhooks()
	assert moved.id == webhook.id and moved.url.startswith("http://moved.localhost:8001/api/method/")


def test_switched_off_and_on(site, sandbox, people, desk, pax8):
	system_manager = desk(people.system_manager)
	system_manager("set_up")
	for active, state in ((False, "off"), (True, "active")):
		assert system_manager("switch", active=active).status_code == 200
		(webhook,) = pax8.webhooks()
		assert webhook.active is active and system_manager("state").json()["message"]["state"] == state


def test_removed_it_is_gone_there_and_here(site, server, sandbox, people, desk, pax8):
	import httpx
	from webhook_helpers import PATH, event

	system_manager = desk(people.system_manager)
	system_manager("set_up")
	secret = secret_of(site)
	assert system_manager("remove").status_code == 200
	assert not list(pax8.webhooks()) and not secret_of(site)
	assert not site.db.get_single_value("Pax8 Settings", "webhook_id", cache=False)
	answer = httpx.post(server + PATH, json=event(), headers={"Authorization": secret}, timeout=60)
	assert answer.status_code == 401
	assert "No webhook is set up" in system_manager("remove").text


def test_removing_one_that_pax8_has_lost_forgets_it(site, sandbox, people, desk, pax8):
	system_manager = desk(people.system_manager)
	system_manager("set_up")
	(webhook,) = pax8.webhooks()
	pax8.delete_webhook(webhook.id)
	assert system_manager("remove").status_code == 200
	assert system_manager("state").json()["message"]["state"] == "none"


def test_a_test_arrives_and_is_told_of(site, sandbox, people, desk):
	system_manager = desk(people.system_manager)
	system_manager("set_up")
	sent = system_manager("send_test").json()["message"]
	assert sent["topic"] == "SUBSCRIPTION"
	sandbox.wait_for_deliveries(timeout=30)
	answer = system_manager("test_result", topic=sent["topic"], since=sent["since"]).json()["message"]
	assert answer["received"] and answer["message"].startswith("Received after ")
	again = system_manager("send_test").json()["message"]
	sandbox.wait_for_deliveries(timeout=30)
	assert system_manager("test_result", **again).json()["message"]["received"], "the same event once more"


def test_a_test_that_does_not_arrive_is_explained_by_pax8(site, sandbox, people, desk, pax8):
	system_manager = desk(people.system_manager)
	system_manager("set_up")
	keep_secret(site, "not-what-pax8-was-told")
	sent = system_manager("send_test").json()["message"]
	sandbox.clock.advance(60)
	sandbox.wait_for_deliveries(timeout=30)
	waiting = system_manager("test_result", **sent).json()["message"]
	assert waiting == {"received": False, "message": None}
	answer = system_manager("test_result", **sent, ask_pax8=True).json()["message"]
	assert not answer["received"] and "HTTP 401" in answer["message"]
	assert any("HTTP 401" in note for note in system_manager("state").json()["message"]["notes"])


def test_a_secret_that_is_gone_here_is_told_of(site, sandbox, people, desk):
	system_manager = desk(people.system_manager)
	system_manager("set_up")
	site.db.delete("__Auth", {"doctype": "Pax8 Settings", "fieldname": "webhook_secret"})
	site.db.commit()
	state = system_manager("state").json()["message"]
	assert state["state"] == "broken" and "Set it up again" in state["message"]
	system_manager("set_up")
	assert system_manager("state").json()["message"]["state"] == "active"


@pytest.mark.parametrize("mode", ["Observe", "Off"])
def test_nothing_is_changed_at_pax8_unless_live(site, sandbox, people, desk, mode):
	system_manager = desk(people.system_manager)
	system_manager("set_up")
	before = there(sandbox)
	change_settings(site, mode=mode)
	for function, arguments in (
		("set_up", {}),
		("send_test", {}),
		("new_secret", {}),
		("switch", {"active": False}),
		("remove", {}),
	):
		answer = system_manager(function, **arguments)
		assert answer.status_code == 417 and mode in answer.text, function
	assert there(sandbox) == before
	state = system_manager("state").json()["message"]
	assert mode in state["problem"]
	assert state["state"] == ("active" if mode == "Observe" else "unknown")


@pytest.mark.parametrize(
	("address", "base_url", "words"),
	[
		("http://erp.example.com", None, "https"),
		("http://localhost:8000", "https://api.pax8.com/v1", "only this machine"),
		("https://127.0.0.1", "https://api.pax8.com/v1", "only this machine"),
		("https://site.localhost", "https://api.pax8.com/v1", "only this machine"),
		("https://192.168.1.5", None, "from the internet"),
		("https://erp", None, "from the internet"),
		("https://erp.example.com", None, None),
		("https://8.8.8.8", None, None),
		("http://localhost:8000", None, None),
	],
)
def test_an_address_that_pax8_cannot_reach_is_said_before_anything_is_made(
	site, sandbox, people, as_user, reached_at, address, base_url, words
):
	from msp_licensing.desk import webhooks
	from msp_licensing.webhooks import registration

	reached_at(address)
	if base_url:
		change_settings(site, base_url=base_url)
	problem = registration.problem_with_address()
	assert (words in problem) if words else problem is None
	if words:
		with as_user(people.system_manager), pytest.raises(site.ValidationError, match=words):
			webhooks.set_up()
		assert not there(sandbox) and not secret_of(site) and not next_secret_of(site)


def test_when_pax8_refuses_nothing_is_left_behind(site, sandbox, people, desk):
	sandbox.faults.add("status", "Webhooks_create", status=400, count=1)
	system_manager = desk(people.system_manager)
	answer = system_manager("set_up")
	assert answer.status_code == 417 and "refused" in answer.text
	assert not secret_of(site) and not next_secret_of(site)
	assert not site.db.get_single_value("Pax8 Settings", "webhook_id", cache=False)


def test_when_the_answer_is_lost_deliveries_are_accepted_and_the_next_try_mends_it(
	site, sandbox, people, desk, pax8
):
	"""Pax8 has made the webhook, and nobody here knows its id."""
	sandbox.faults.add("drop_after", "Webhooks_create", count=1)
	system_manager = desk(people.system_manager)
	assert system_manager("set_up").status_code == 417
	assert told(sandbox) == [next_secret_of(site)]
	sandbox.change("subscriptions", KEEPER, quantity=17)
	sandbox.wait_for_deliveries(timeout=30)
	assert {delivery["finalStatus"] for delivery in sandbox.deliveries()} == {"SUCCESS"}
	assert system_manager("set_up").status_code == 200
	assert len(list(pax8.webhooks())) == 1 and told(sandbox) == [secret_of(site)]
	assert not next_secret_of(site)


def test_when_the_answer_to_a_new_secret_is_lost_both_count_until_the_next_try(site, sandbox, people, desk):
	system_manager = desk(people.system_manager)
	system_manager("set_up")
	old = secret_of(site)
	sandbox.faults.add("drop_after", "updateConfiguration", count=1)
	assert system_manager("new_secret").status_code == 417
	assert secret_of(site) == old and told(sandbox) == [next_secret_of(site)]
	sandbox.change("subscriptions", KEEPER, quantity=17)
	sandbox.wait_for_deliveries(timeout=30)
	assert {delivery["finalStatus"] for delivery in sandbox.deliveries()} == {"SUCCESS"}
	system_manager("new_secret")
	assert told(sandbox) == [secret_of(site)] and not next_secret_of(site)


def test_two_who_set_it_up_at_the_same_moment_make_one(site, sandbox, people, as_user, reached_at, pax8):
	from msp_licensing.desk import webhooks
	from msp_licensing.sync.lock import RunLock

	other = RunLock("Webhook")
	assert other.acquire()
	try:
		with as_user(people.system_manager), pytest.raises(site.ValidationError, match="at this moment"):
			webhooks.set_up()
	finally:
		other.release()
	assert not list(pax8.webhooks())


def test_saving_the_form_keeps_the_secret(site, sandbox, people, desk, as_user):
	desk(people.system_manager)("set_up")
	before = secret_of(site)
	with as_user(people.system_manager):
		settings = site.get_doc("Pax8 Settings")
		settings.calls_per_minute = 900
		settings.save()
	site.db.commit()
	assert secret_of(site) == before


def test_pax8_is_told_whom_to_write_to(site, sandbox, people, desk, pax8):
	desk(people.system_manager)("set_up")
	(webhook,) = pax8.webhooks()
	assert webhook.contact_email == people.system_manager and site.local.site in webhook.display_name


def test_a_manager_sees_how_it_is_and_no_button(site, sandbox, people, desk):
	desk(people.system_manager)("set_up")
	state = desk(people.manager)("state").json()["message"]
	assert state["state"] == "active" and state["may_change"] is False


def test_over_http_nobody_else_gets_in(site, sandbox, people, desk):
	calls = {
		"state": {},
		"set_up": {},
		"switch": {"active": True},
		"new_secret": {},
		"remove": {},
		"send_test": {},
		"test_result": {"topic": "X", "since": "2026-01-01"},
		"process_again": {"event": "x"},
	}
	for user in (None, people.requester, people.reader):
		call = desk(user)
		for function, arguments in calls.items():
			assert call(function, **arguments).status_code == 403, (user, function)
	manager = desk(people.manager)
	for function in ("set_up", "switch", "new_secret", "remove", "send_test", "test_result"):
		assert manager(function, **calls[function]).status_code == 403, function
	assert not there(sandbox)


def test_topics_are_chosen_by_what_they_say(site):
	from msp_licensing.pax8 import TopicDefinition
	from msp_licensing.webhooks.registration import topics_of_interest

	definitions = [
		TopicDefinition.model_validate({"topic": topic, "name": name, "description": description})
		for topic, name, description in (
			("SUBSCRIPTION_COMPLETED_LINE_ITEM", "Completed line items", ""),
			("E17", "Subscriptions", ""),
			("E18", "", "Tells of changes of a subscription"),
			("QUOTE", "Quote", "A quote for a subscription"),
			("WEATHER", "Weather", "Rain"),
			("CLIENT", "Client", ""),
		)
	]
	assert topics_of_interest(definitions) == ["SUBSCRIPTION_COMPLETED_LINE_ITEM", "E17", "E18", "CLIENT"]


def test_a_pax8_that_cannot_be_asked_is_told_of_without_an_error(site, sandbox, people, desk):
	system_manager = desk(people.system_manager)
	system_manager("set_up")
	sandbox.faults.add("status", "Webhooks_get", status=500, count=50)
	answer = system_manager("state")
	assert answer.status_code == 200 and answer.json()["message"]["state"] == "unknown"


def test_the_real_worker_takes_it_from_there(site, sandbox, people, desk):
	"""Delivered over HTTP, queued, and processed by the worker of the queue."""
	import subprocess
	import sys

	desk(people.system_manager)("set_up")
	sandbox.change("subscriptions", KEEPER, quantity=17)
	sandbox.wait_for_deliveries(timeout=30)
	subprocess.run(
		[
			sys.executable,
			"-m",
			"frappe.utils.bench_helper",
			"frappe",
			"worker",
			"--queue",
			"short",
			"--burst",
		],
		check=True,
		capture_output=True,
		timeout=120,
	)
	site.db.rollback()
	assert site.db.get_value("Pax8 Subscription", KEEPER, "quantity") == 17
	(name,) = site.get_all(DT, pluck="name")
	kept = row(site, name)
	assert kept.status == "Processed" and json.loads(kept.payload)["payloadData"]["subscriptionId"] == KEEPER
	assert time.strptime(str(kept.processed_on)[:19], "%Y-%m-%d %H:%M:%S")


def test_what_somebody_saves_in_the_form_meanwhile_is_kept(
	site, server, sandbox, people, as_user, reached_at, monkeypatch
):
	from visitor import Visitor

	from msp_licensing.desk import webhooks
	from msp_licensing.pax8 import Pax8Client

	create = Pax8Client.create_webhook

	def meanwhile(self, **options):
		made = create(self, **options)
		visitor = Visitor(server).sign_in(people.system_manager)
		visitor.page()
		visitor.http.headers["X-Frappe-CSRF-Token"] = visitor.token
		saved = visitor.http.put("/api/resource/Pax8 Settings/Pax8 Settings", json={"calls_per_minute": 777})
		assert saved.status_code == 200
		visitor.http.close()
		return made

	monkeypatch.setattr(Pax8Client, "create_webhook", meanwhile)
	with as_user(people.system_manager):
		webhooks.set_up()
	site.db.rollback()
	assert site.db.get_single_value("Pax8 Settings", "calls_per_minute", cache=False) == 777
	assert told(sandbox) == [secret_of(site)]
