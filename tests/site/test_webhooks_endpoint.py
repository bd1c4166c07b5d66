"""The address that Pax8 delivers to, over HTTP: nobody but Pax8 gets past it, and nothing is done in the request."""

import hmac
import json
import re
import threading

import pytest
from webhook_helpers import DT, KEEPER, PATH, SECRET, event, jobs, keep_secret

from msp_licensing.frappe_version import MAJOR
from msp_licensing.sandbox import storybook

RECEIVED = {"message": "received"}


@pytest.fixture(autouse=True)
def nothing_queued(site):
	site.cache.delete(site.cache.make_key("msp_licensing:webhooks:queued"))


@pytest.fixture
def deliver(server, sandbox, site):
	"""`deliver(body, secret=…)` posts as Pax8 would. The site is connected, and has a secret."""
	import httpx

	keep_secret(site)
	with httpx.Client(base_url=server, timeout=60) as http:

		def post(body=None, *, secret=SECRET, content=None, path=PATH, method="POST", headers=None):
			headers = {"Content-Type": "application/json", **(headers or {})}
			if secret is not None:
				headers["Authorization"] = secret
			content = content if content is not None else json.dumps(event() if body is None else body)
			answer = http.request(method, path, content=content, headers=headers)
			site.db.rollback()
			return answer

		yield post


def logged(site):
	"""Errors told of, also those that wait to be written."""
	return site.db.count("Error Log") + site.cache.llen(site.cache.make_key("insert_queue_for_Error Log"))


def is_short(answer):
	return len(answer.content) < 60 and set(answer.json()) == {"message"} and "Traceback" not in answer.text


def test_an_event_is_kept_and_queued_and_pax8_is_not_called(deliver, sandbox, site):
	before = len(sandbox.calls())
	answer = deliver()
	assert (answer.status_code, answer.json()) == (200, RECEIVED)
	kept = site.get_last_doc(DT)
	assert (kept.status, kept.topic, kept.action) == ("Received", "SUBSCRIPTION", "UPDATED")
	assert (kept.subscription_id, kept.times_received, kept.attempts) == (KEEPER, 1, 0)
	assert json.loads(kept.payload) == event()
	assert [job.kwargs["method"] for job in jobs()] == ["msp_licensing.webhooks.processing.run"]
	assert len(sandbox.calls()) == before


def test_without_the_secret_nothing_is_kept_and_nothing_is_told(deliver, site):
	before = logged(site)
	for secret in (
		None,
		"",
		"wrong",
		SECRET[:-1],
		SECRET + "x",
		SECRET.swapcase(),
		"*" * len(SECRET),
		f"Bearer {SECRET}",
		f"token {SECRET}",
		f"Basic {SECRET}",
		f"{SECRET} {SECRET}",
		f"{SECRET} a b",
		"é" * 20,
	):
		answer = deliver(secret=secret.encode() if secret else secret)
		assert answer.status_code == 401 and is_short(answer), secret
		assert answer.json()["message"] == "unauthorized"
	assert not site.db.count(DT) and not jobs()
	assert logged(site) == before


def test_without_a_webhook_no_secret_is_right(deliver, site):
	site.db.delete("__Auth", {"doctype": "Pax8 Settings", "fieldname": "webhook_secret"})
	site.db.commit()
	for secret in (None, "", SECRET, "None"):
		assert deliver(secret=secret).status_code == 401
	assert not site.db.count(DT)


def test_the_secret_is_looked_at_before_the_body(deliver):
	for content in ("x" * (300 * 1024), "[1]", "{}", "no json"):
		for content_type in ("text/plain", "application/json"):
			answer = deliver(content=content, secret="wrong", headers={"Content-Type": content_type})
			assert answer.status_code == 401 and is_short(answer)


def test_secrets_are_compared_in_constant_time(site, monkeypatch):
	from msp_licensing.webhooks import secret

	keep_secret(site)
	keep_secret(site, "next-one", "webhook_next_secret")
	compared = []
	real = hmac.compare_digest
	monkeypatch.setattr(secret.hmac, "compare_digest", lambda a, b: compared.append((a, b)) or real(a, b))
	assert secret.is_right(SECRET) and secret.is_right("next-one") and not secret.is_right(None)
	every = [SECRET.encode(), b"next-one"]
	assert [b for _a, b in compared] == every * 3, "each time with both, whether the first was right or not"


def test_a_site_with_another_encryption_key_refuses_without_noise(deliver, site):
	before = logged(site)
	site.db.sql(
		"update `__Auth` set password = 'gAAAAABnotours' where doctype = 'Pax8 Settings' and fieldname = 'webhook_secret'"
	)
	site.db.commit()
	assert deliver().status_code == 401
	assert logged(site) == before


def test_while_the_secret_is_exchanged_both_count(deliver, site):
	keep_secret(site, "next-secret-of-the-webhook", "webhook_next_secret")
	assert deliver(secret="next-secret-of-the-webhook").status_code == 200
	assert deliver().status_code == 200


def test_bodies_that_are_no_event_are_refused_in_two_words(deliver, site):
	for content, status in (
		("", 400),
		("not json", 400),
		('{"half": ', 400),
		("[1, 2]", 400),
		("null", 400),
		("5", 400),
		('"text"', 400),
		("[" * 20000, 400),
		(b"\xff\xfe{}", 400),
		("1" * 5000, 400),
		('{"a": "' + "x" * (256 * 1024) + '"}', 413),
		("x" * (256 * 1024 + 1), 413),
	):
		for content_type in ("application/json", "text/plain"):
			answer = deliver(content=content, headers={"Content-Type": content_type})
			assert answer.status_code == status and is_short(answer), (content[:20], answer.text)
	assert not site.db.count(DT)


def test_what_frappe_takes_for_a_command_is_not_obeyed(deliver, site):
	answer = deliver({**event(), "doctype": "User", "method": "x", "data": "y", "sid": "z"})
	assert answer.json() == RECEIVED


@pytest.fixture
def slowly(server, deliver):
	"""slowly(secret, length): a connection that has announced a body of so many bytes, and sends none yet."""
	import socket
	from urllib.parse import urlsplit

	opened = []

	def connect(secret, length):
		url = urlsplit(server)
		opened.append(socket.create_connection((url.hostname, url.port), timeout=20))
		opened[-1].sendall(
			f"POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: {secret}\r\nContent-Type: application/json\r\n"
			f"Content-Length: {length}\r\n\r\n".encode()
		)
		return opened[-1]

	yield connect
	for one in opened:
		one.close()


def test_a_stranger_is_sent_away_as_soon_as_frappe_lets_us(slowly, site):
	"""Frappe reads a body before it asks any app, up to 25 MB; then a stranger costs no more than a look at the secret."""
	connection = slowly("wrong", 10)
	connection.settimeout(1)
	with pytest.raises(TimeoutError):
		connection.recv(1)  # the part that only a web server in front of Frappe can do better
	connection.settimeout(20)
	connection.sendall(b'{"a": "b"}')
	answer = connection.recv(4096).decode()
	assert " 401 " in answer.splitlines()[0]
	assert not re.search("sid=(?!Guest;)", answer), "a session is opened for a stranger"
	site.db.rollback()
	assert not site.db.count(DT)


def test_a_body_that_frappe_would_never_take_is_not_waited_for(slowly):
	# 413 by Frappe 15 itself; Frappe 16 leaves it to the app, which looks at the secret first.
	status = slowly("wrong", 30 * 1024 * 1024).recv(4096).split()[1]
	assert status in (b"413", b"401")


def test_strangers_reach_nothing_of_frappe(deliver, site, monkeypatch):
	import frappe.app

	monkeypatch.setattr(frappe.app, "validate_auth", lambda: 1 / 0)
	for path in (PATH, PATH.replace("/api/", "/api/v2/"), PATH + "/"):
		answer = deliver(secret="wrong", path=path)
		assert answer.status_code == 401 and is_short(answer)


def test_only_post_is_taken(deliver, site):
	for method in ("GET", "PUT", "DELETE"):
		answer = deliver(method=method)
		assert answer.status_code == 403 and is_short(answer), method
	assert not site.db.count(DT)


def test_text_that_no_database_takes_is_kept_as_far_as_it_can(deliver, site):
	data = {"subscriptionId": KEEPER, "name": "half \ud800 a pair, 🙂, Müller, \x00", "action": "\udfff"}
	content = json.dumps(event(topic="SUB\ud800SCRIPTION", data=data))
	if MAJOR >= 16:  # Frappe refuses it before any app is asked; 500 would have Pax8 send it again and again
		assert deliver(content=content).status_code == 400 and not site.db.count(DT)
		return
	assert deliver(content=content).status_code == 200
	assert site.get_last_doc(DT).subscription_id == KEEPER


def test_names_that_look_like_html_do_not_stay_that(deliver, site):
	evil = "<img src=x onerror=alert(1)>"
	deliver(event(topic=evil, data={"action": evil, "subscriptionId": evil}))
	kept = site.get_last_doc(DT)
	assert (kept.topic, kept.action) == ("img src=x onerror=alert(1)",) * 2 and not kept.subscription_id


def test_an_empty_object_is_an_event_about_nothing(deliver, site):
	assert deliver({}).json() == RECEIVED
	assert not site.get_last_doc(DT).topic


def test_the_same_event_again_is_counted_not_kept_twice_and_answered_alike(deliver, site):
	answers = [deliver(event(sent_at=f"2026-11-22T10:00:0{number}Z")) for number in range(3)]
	assert {answer.content for answer in answers} == {answers[0].content}
	assert site.db.count(DT) == 1
	assert site.get_last_doc(DT).times_received == 3
	assert deliver(event(data={"subscriptionId": KEEPER, "quantity": 11})) and site.db.count(DT) == 2


def test_the_same_event_at_the_same_moment_is_one_row(deliver, server, site):
	import httpx

	def post():
		httpx.post(
			server + PATH, json=event(), headers={"Authorization": SECRET}, timeout=60
		).raise_for_status()

	threads = [threading.Thread(target=post) for _ in range(8)]
	for thread in threads:
		thread.start()
	for thread in threads:
		thread.join()
	site.db.rollback()
	assert site.db.count(DT) == 1 and site.get_last_doc(DT).times_received == 8
	assert len(jobs()) == 1


def test_a_deadlock_of_two_deliveries_is_tried_again(deliver, site, monkeypatch):
	from msp_licensing.webhooks import events

	store, deadlocks = events._store, [1, 2]

	def deadlocked(*args):
		if deadlocks:
			deadlocks.pop()
			raise site.QueryDeadlockError("a deadlock")
		store(*args)

	monkeypatch.setattr(events, "_store", deadlocked)
	assert deliver().json() == RECEIVED and not deadlocks
	assert site.get_last_doc(DT).times_received == 1


def test_a_burst_queues_one_job(deliver, site):
	for number in range(10):
		deliver(event(data={"subscriptionId": KEEPER, "number": number}))
	assert site.db.count(DT) == 10 and len(jobs()) == 1


def test_an_event_that_comes_while_a_job_runs_queues_another(deliver, site):
	from msp_licensing.webhooks import events

	deliver()
	events.job_has_started()
	deliver()
	assert len(jobs()) == 2


def test_with_the_queue_away_the_event_is_kept_for_the_schedule(deliver, site, monkeypatch):
	import frappe
	from redis.exceptions import ConnectionError

	from msp_licensing import tasks

	def away(*args, **kwargs):
		raise ConnectionError("no Redis")

	monkeypatch.setattr(frappe, "enqueue", away)
	assert deliver().status_code == 200
	assert site.get_last_doc(DT).status == "Received" and not jobs()
	monkeypatch.undo()
	tasks.follow_up_pax8_webhooks()
	assert len(jobs()) == 1


def test_the_schedule_queues_nothing_when_nothing_waits(site):
	from msp_licensing import tasks

	tasks.follow_up_pax8_webhooks()
	assert not jobs()


def test_without_a_connection_the_event_is_kept_and_left(deliver, site):
	site.db.set_single_value("Pax8 Settings", "mode", "Off")
	site.clear_document_cache("Pax8 Settings", "Pax8 Settings")
	site.db.commit()
	assert deliver().json() == RECEIVED
	kept = site.get_last_doc(DT)
	assert kept.status == "Ignored" and "Off" in kept.result and not jobs()


def test_the_secret_is_kept_nowhere_else(deliver, site):
	body = event(
		data={"subscriptionId": KEEPER, "note": f"sent with {SECRET}", "apiToken": "abc123"},
		webhook={"authorization": "something else", "url": "https://msp.example"},
	)
	body[f"key {SECRET}"] = 1
	assert deliver(body).status_code == 200
	tables = site.db.sql_list(
		"select table_name from information_schema.tables where table_schema = database()"
	)
	assert f"tab{DT}" in tables and "tabError Log" in tables
	for table in tables:
		assert SECRET not in str(site.db.sql(f"select * from `{table}`")), table
	kept = json.loads(site.get_last_doc(DT).payload)
	assert kept["payloadData"]["apiToken"] == kept["webhook"]["authorization"] == "•••"
	assert kept["payloadData"]["subscriptionId"] == KEEPER


def test_a_form_never_gets_the_secret(deliver, server, site, people):
	import httpx

	from msp_licensing.setup.demo import PASSWORD

	with httpx.Client(base_url=server, timeout=60) as http:
		http.post("/api/method/login", data={"usr": people.system_manager, "pwd": PASSWORD})
		for path in (
			"/api/resource/Pax8 Settings/Pax8 Settings",
			"/api/method/frappe.desk.form.load.getdoc?doctype=Pax8 Settings&name=Pax8 Settings",
		):
			answer = http.get(path)
			assert answer.status_code == 200 and SECRET not in answer.text


def test_nobody_makes_or_edits_events_by_hand(deliver, site, people, as_user):
	deliver()
	name = site.get_last_doc(DT).name
	for user in (people.manager, people.system_manager):
		with as_user(user):
			assert site.has_permission(DT, "read") and not site.has_permission(DT, "create")
			doc = site.get_doc(DT, name)
			doc.status = "Processed"
			with pytest.raises(site.PermissionError):
				doc.save()
			with pytest.raises(site.PermissionError):
				site.get_doc({"doctype": DT, "topic": "X"}).insert()
	for user in (people.requester, people.reader, "Guest"):
		with as_user(user):
			assert not site.has_permission(DT, "read")
			with pytest.raises(site.PermissionError):
				site.get_list(DT)


def test_old_events_go_by_the_sites_log_settings(deliver, site):
	deliver()
	deliver(event(topic="PRODUCT", data={"id": storybook.KEEPER_BUSINESS}))
	site.db.sql(f"update `tab{DT}` set last_received_on_utc = '2020-01-01' where topic = 'PRODUCT'")
	assert site.get_hooks("default_log_clearing_doctypes")[DT] == [30]
	site.get_meta(DT)
	from frappe.model.base_document import get_controller

	get_controller(DT).clear_old_logs(days=30)
	assert site.get_all(DT, pluck="topic") == ["SUBSCRIPTION"]
