"""The client against an imitation of Pax8 in the same process. Network faults are in test_pax8_sockets.py."""

from __future__ import annotations

import email.utils
import json
import logging
import pickle
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal

import httpx
import pytest

from msp_licensing import pax8
from msp_licensing.pax8 import Pax8Client, Pax8Error, Token
from msp_licensing.pax8.errors import error_class, words_of

SECRET = "s3cret/with+signs and blanks"
ENVELOPE = {
	"type": "BAD_REQUEST",
	"message": None,
	"instance": "/public/v1/subscriptions/s1",
	"status": 422,
	"details": [{"message": "Quantity cannot be decreased until renewal."}, {"message": "Second reason."}],
}


class Pax8:
	"""Answers like Pax8. `script` holds answers for the next API calls; after that, `answer` decides."""

	def __init__(self) -> None:
		self.requests: list[httpx.Request] = []
		self.script: list[httpx.Response | Exception] = []
		self.token_script: list[httpx.Response | Exception] = []
		self.tokens = 0
		self.valid_tokens: set[str] = set()
		self.answer: Callable[[httpx.Request], httpx.Response] = lambda request: httpx.Response(
			200, json={"id": "s1", "quantity": 10}
		)
		self.lock = threading.Lock()

	def __call__(self, request: httpx.Request) -> httpx.Response:
		request.read()
		with self.lock:
			if request.url.path == "/v1/token":
				self.tokens += 1
				if self.token_script:
					return self.play(self.token_script.pop(0))
				token = f"token-{self.tokens}"
				self.valid_tokens = {token}
				return httpx.Response(
					200, json={"access_token": token, "expires_in": 86400, "token_type": "Bearer"}
				)
			self.requests.append(request)
			scheme, _, token = request.headers.get("Authorization", "").partition(" ")
			if scheme != "Bearer" or token not in self.valid_tokens:
				return httpx.Response(
					401, json={"error": "access_denied", "error_description": "Unauthorized"}
				)
			if self.script:
				return self.play(self.script.pop(0))
		return self.answer(request)

	@staticmethod
	def play(item: httpx.Response | Exception) -> httpx.Response:
		if isinstance(item, Exception):
			raise item
		return item


class NoLimit:
	def __init__(self) -> None:
		self.penalties: list[float] = []
		self.acquired: list[bool] = []

	def acquire(self, priority: bool = False) -> None:
		self.acquired.append(priority)

	def penalize(self, seconds: float) -> None:
		self.penalties.append(seconds)


@pytest.fixture
def server() -> Pax8:
	return Pax8()


@pytest.fixture
def naps() -> list[float]:
	return []


@pytest.fixture
def connect(server, naps) -> Iterator[Callable[..., Pax8Client]]:
	opened = []

	def make(**options) -> Pax8Client:
		options = {
			"client_id": "client",
			"client_secret": SECRET,
			"transport": httpx.MockTransport(server),
			"limiter": NoLimit(),
			"sleep": naps.append,
			**options,
		}
		opened.append(Pax8Client(**options))
		return opened[-1]

	yield make
	for client in opened:
		client.close()


@pytest.fixture
def client(connect) -> Pax8Client:
	return connect(writes_allowed=True)


def status(code: int, body: object = None, **headers: str) -> httpx.Response:
	names = {name.replace("_", "-"): value for name, value in headers.items()}
	return httpx.Response(code, json=ENVELOPE if body is None else body, headers=names)


def raised(call: Callable[[], object]) -> Pax8Error:
	with pytest.raises(Pax8Error) as caught:
		call()
	return caught.value


# Tokens


def test_the_token_request_is_json_with_the_four_fields_of_the_specification(connect):
	seen = []

	def handler(request: httpx.Request) -> httpx.Response:
		if request.url.path == "/v1/token":
			seen.append(request)
			return httpx.Response(200, json={"access_token": "t", "expires_in": 86400})
		return httpx.Response(200, json={"id": "s1"})

	connect(transport=httpx.MockTransport(handler)).subscription("s1")
	assert seen[0].headers["Content-Type"] == "application/json"
	assert "Authorization" not in seen[0].headers
	assert json.loads(seen[0].content) == {
		"client_id": "client",
		"client_secret": SECRET,
		"audience": "https://api.pax8.com",
		"grant_type": "client_credentials",
	}


def test_one_token_serves_many_calls_and_all_clients_of_a_store(connect, server):
	store = pax8.MemoryTokenStore()
	one, two = connect(token_store=store), connect(token_store=store)
	for client in (one, two, one):
		client.subscription("s1")
	assert server.tokens == 1
	assert (one.calls, two.calls) == (3, 1)


def test_a_token_is_renewed_shortly_before_it_expires():
	day = Token(pax8.client.SecretStr("x"), expires_at=86400, lifetime=86400)
	assert day.usable(86400 - 61) and not day.usable(86400 - 60)
	short = Token(pax8.client.SecretStr("x"), expires_at=100, lifetime=100)
	assert short.usable(89) and not short.usable(90)
	shortest = Token(pax8.client.SecretStr("x"), expires_at=5, lifetime=5)
	assert shortest.usable(3.9) and not shortest.usable(4)


def test_an_expired_token_in_the_store_is_not_used(connect, server):
	store = pax8.MemoryTokenStore()
	store.set(Token(pax8.client.SecretStr("old"), expires_at=time.time() + 30, lifetime=86400))
	connect(token_store=store).subscription("s1")
	assert server.tokens == 1 and store.get().value.get_secret_value() == "token-1"


def test_a_token_that_pax8_forgot_is_renewed_once_and_the_call_repeated(connect, server):
	client = connect()
	client.subscription("s1")
	server.valid_tokens = set()
	client.subscription("s1")
	assert server.tokens == 2
	assert [r.headers["Authorization"] for r in server.requests][-2:] == ["Bearer token-1", "Bearer token-2"]


def test_a_second_401_is_final(client, server):
	server.script = [status(401), status(401), status(401)]
	error = raised(lambda: client.subscription("s1"))
	assert isinstance(error, pax8.AuthenticationFailed) and len(server.requests) == 2


def test_a_write_is_repeated_after_a_401_because_that_says_it_was_not_processed(client, server):
	client.subscription("s1")
	server.valid_tokens = set()
	assert client.update_quantity("s1", 10).quantity == 10
	assert [r.method for r in server.requests] == ["GET", "PUT", "PUT"]


@pytest.mark.parametrize("code", [400, 401, 403])
def test_wrong_credentials_are_told_as_such(connect, server, code):
	body = {"error": "access_denied", "error_description": "Unauthorized"}
	server.token_script = [status(code, body)]
	error = raised(connect().check)
	assert isinstance(error, pax8.AuthenticationFailed)
	assert error.status == code and error.operation == "token"
	assert error.details == ["Unauthorized", "access_denied"]
	assert "Unauthorized" in error.message


def test_trouble_with_the_token_before_a_write_has_no_effect(client, server):
	server.token_script = [httpx.ReadTimeout("slow")] * 9
	error = raised(lambda: client.update_quantity("s1", 10))
	assert isinstance(error, pax8.NoAnswer) and error.effect == "none"
	assert not server.requests


def test_a_token_request_is_tried_again_like_a_read(connect, server):
	server.token_script = [status(503), httpx.ConnectError("no route")]
	connect().subscription("s1")
	assert server.tokens == 3


@pytest.mark.parametrize(
	"answer", [{}, {"access_token": ""}, {"access_token": "a b"}, {"access_token": "ä\n"}, [], 7]
)
def test_a_token_that_fits_in_no_header_is_not_put_in_one(connect, server, answer):
	server.token_script = [httpx.Response(200, json=answer)]
	error = raised(connect().check)
	assert isinstance(error, pax8.BadAnswer) and "a b" not in str(error)


ODD_LIVES = [None, "soon", "", "1", -1, 0, 0.001, 1, 59, 1e12, "9" * 400, "NaN", "inf", True, False, [], {}]


@pytest.mark.parametrize("life", ODD_LIVES)
def test_a_senseless_lifetime_neither_fails_nor_keeps_a_token_for_ever(connect, server, life):
	server.token_script = [httpx.Response(200, json={"access_token": "t", "expires_in": life})]
	server.valid_tokens = {"t"}
	store = pax8.MemoryTokenStore()
	connect(token_store=store).subscription("s1")
	assert store.get().expires_at < time.time() + 3601


@pytest.mark.parametrize("life", ODD_LIVES)
def test_a_senseless_lifetime_does_not_cost_a_token_request_for_each_call(connect, server, life):
	server.token_script = [httpx.Response(200, json={"access_token": "t", "expires_in": life})]
	server.valid_tokens = {"t"}
	client = connect()
	for _ in range(5):
		client.subscription("s1")
	assert server.tokens == 1


@pytest.mark.parametrize("expires_at", [0, 1, "2001-01-01T00:00:00Z", 4e9, "soon", -1, None, []])
def test_what_time_it_is_at_pax8_does_not_matter(connect, server, expires_at):
	answer = {"access_token": "t", "expires_in": 7200, "expires_at": expires_at}
	server.token_script = [httpx.Response(200, json=answer)]
	server.valid_tokens = {"t"}
	store = pax8.MemoryTokenStore()
	client = connect(token_store=store)
	for _ in range(3):
		client.subscription("s1")
	assert server.tokens == 1
	assert 7100 < store.get().expires_at - time.time() < 7201


def test_a_token_that_dies_earlier_than_it_said_is_renewed_by_the_calls_that_find_out(connect, server):
	client = connect(writes_allowed=True)

	def answer_and_forget(request: httpx.Request) -> httpx.Response:
		server.valid_tokens = set()
		return httpx.Response(200, json={"id": "s1", "quantity": 10})

	server.answer = answer_and_forget
	for _ in range(20):
		client.subscription("s1")
	client.update_quantity("s1", 10)
	assert server.tokens == 21 and len(server.requests) == 1 + 20 * 2


@pytest.mark.parametrize(("concurrency", "every"), [(1, 1), (4, 60)])
def test_a_long_walk_lives_through_many_forgotten_tokens(connect, server, concurrency, every):
	calls = 0

	def page(request: httpx.Request) -> httpx.Response:
		nonlocal calls
		number = int(request.url.params["page"])
		with server.lock:
			calls += 1
			if calls % every == every // 2:
				server.valid_tokens = set()
		rows = [{"id": f"s{number}-{place}"} for place in range(50)]
		totals = {"size": 50, "totalElements": 3000, "totalPages": 60, "number": number}
		return httpx.Response(200, json={"content": rows, "page": totals})

	server.answer = page
	client = connect(concurrency=concurrency, max_retries=0)
	for _walk in range(3):
		assert sum(1 for _ in client.subscriptions()) == 3000
	assert server.tokens >= 180 // every


def test_a_store_that_does_not_forget_does_not_keep_a_dead_token_in_use(connect, server):
	class Stubborn(pax8.MemoryTokenStore):
		def clear(self, token: Token) -> None: ...

	store = Stubborn()
	store.set(Token(pax8.client.SecretStr("dead"), expires_at=time.time() + 9e9, lifetime=9e9))
	client = connect(token_store=store)
	client.subscription("s1")
	client.subscription("s1")
	assert server.tokens == 1 and store.get().value.get_secret_value() == "token-1"


def test_many_threads_fetch_one_token(connect, server):
	client = connect()
	threads = [threading.Thread(target=client.subscription, args=("s1",)) for _ in range(8)]
	for thread in threads:
		thread.start()
	for thread in threads:
		thread.join()
	assert server.tokens == 1 and client.calls == 9


def test_threads_whose_token_was_forgotten_renew_it_once(connect, server):
	client = connect()
	client.subscription("s1")
	server.valid_tokens = set()
	threads = [threading.Thread(target=client.subscription, args=("s1",)) for _ in range(6)]
	for thread in threads:
		thread.start()
	for thread in threads:
		thread.join()
	assert server.tokens == 2


def test_a_token_that_another_worker_renewed_meanwhile_is_not_thrown_away():
	old, new = (Token(pax8.client.SecretStr(text), 10.0, 10.0) for text in ("old", "new"))
	store = pax8.MemoryTokenStore()
	store.set(new)
	store.clear(old)
	assert store.get() == new
	store.clear(new)
	assert store.get() is None


def test_a_stored_token_survives_the_way_through_a_store_outside():
	token = Token(pax8.client.SecretStr("abc"), 10.5, 86400.0)
	assert Token.load(json.loads(json.dumps(token.dump()))) == token
	assert Token.load(None) is None and Token.load({"value": "x"}) is None
	assert "abc" not in repr(token)


# Writing


def test_a_client_that_only_observes_sends_no_write_whatever_calls_it(connect, server):
	client = connect()
	error = raised(lambda: client.update_quantity("s1", 11))
	assert isinstance(error, pax8.WritesDisabled) and error.effect == "none"
	for method in ("PUT", "POST", "PATCH", "DELETE", "put"):
		call = pax8.transport.Call("anything", method, "/subscriptions/s1")
		assert isinstance(raised(lambda call=call: client._transport.request(call)), pax8.WritesDisabled)
	assert client.calls == 0 and not server.requests and server.tokens == 0


def test_a_quantity_change_sends_the_quantity_and_nothing_else(client, server):
	server.script = [httpx.Response(200, json={"id": "s1", "quantity": 15, "status": "PendingAutomated"})]
	changed = client.update_quantity("s1", 15)
	(request,) = server.requests
	assert (request.method, str(request.url)) == ("PUT", "https://api.pax8.com/v1/subscriptions/s1")
	assert json.loads(request.content) == {"quantity": 15}
	assert (changed.quantity, changed.status) == (15, "PendingAutomated")


@pytest.mark.parametrize("quantity", [0, -1, True, 1.0, "5", None, Decimal(5)])
def test_a_quantity_that_is_none_is_not_sent(client, server, quantity):
	with pytest.raises(ValueError):
		client.update_quantity("s1", quantity)
	assert not server.requests


FAULTS = [
	(400, pax8.Refused, "none"),
	(401, pax8.AuthenticationFailed, "none"),
	(403, pax8.Forbidden, "none"),
	(404, pax8.NotFound, "none"),
	(405, pax8.Refused, "none"),
	(408, pax8.NoAnswer, "unknown"),
	(409, pax8.Refused, "none"),
	(422, pax8.Refused, "none"),
	(429, pax8.RateLimited, "none"),
	(500, pax8.ServerFault, "unknown"),
	(502, pax8.ServerFault, "unknown"),
	(503, pax8.ServerFault, "unknown"),
	(504, pax8.ServerFault, "unknown"),
	(599, pax8.ServerFault, "unknown"),
	(302, pax8.BadAnswer, "unknown"),
	(304, pax8.BadAnswer, "unknown"),
]


@pytest.mark.parametrize(("code", "kind", "effect"), FAULTS)
def test_a_write_is_sent_once_and_its_error_says_whether_it_may_have_been_done(
	client, server, code, kind, effect
):
	server.answer = lambda request: status(code)
	error = raised(lambda: client.update_quantity("s1", 11))
	assert type(error) is kind and error.effect == effect and error.status == code
	assert len(server.requests) == (2 if code == 401 else 1)
	assert error.operation == "update_quantity" and error.path == "/subscriptions/s1"
	assert error.details == ["Quantity cannot be decreased until renewal.", "Second reason."]


@pytest.mark.parametrize(("code", "kind", "effect"), FAULTS)
def test_a_read_has_no_effect_whatever_happens(client, server, code, kind, effect):
	server.answer = lambda request: status(code)
	error = raised(lambda: client.subscription("s1"))
	assert type(error) is kind and error.effect == "none"


@pytest.mark.parametrize(
	("fault", "kind", "effect"),
	[
		(httpx.ConnectError("refused"), pax8.Unreachable, "none"),
		(httpx.ConnectTimeout("slow"), pax8.Unreachable, "none"),
		(httpx.PoolTimeout("busy"), pax8.Unreachable, "none"),
		(httpx.ProxyError("no"), pax8.Unreachable, "none"),
		(httpx.ReadTimeout("slow"), pax8.NoAnswer, "unknown"),
		(httpx.WriteTimeout("slow"), pax8.NoAnswer, "unknown"),
		(httpx.ReadError("reset"), pax8.NoAnswer, "unknown"),
		(httpx.WriteError("reset"), pax8.NoAnswer, "unknown"),
		(httpx.RemoteProtocolError("gone"), pax8.NoAnswer, "unknown"),
		(httpx.Response(200, text="<html>"), pax8.BadAnswer, "unknown"),
		(httpx.Response(200, text=""), pax8.BadAnswer, "unknown"),
		(httpx.Response(204), pax8.BadAnswer, "unknown"),
		(httpx.Response(200, json=[]), pax8.BadAnswer, "unknown"),
		(httpx.Response(200, json={"quantity": 5}), pax8.BadAnswer, "unknown"),
		(httpx.Response(200, json={"id": "another", "quantity": 11}), pax8.BadAnswer, "unknown"),
	],
)
def test_a_write_whose_answer_is_lost_or_unreadable_is_neither_repeated_nor_called_done(
	client, server, fault, kind, effect
):
	server.script = [fault]
	error = raised(lambda: client.update_quantity("s1", 11))
	assert type(error) is kind and error.effect == effect
	assert len(server.requests) == 1


def test_writes_and_checks_that_somebody_waits_for_use_the_room_kept_for_them(connect):
	limiter = NoLimit()
	client = connect(limiter=limiter, writes_allowed=True)
	client.subscription("s1")
	client.update_quantity("s1", 10)
	assert limiter.acquired == [False, False, True]
	limiter = NoLimit()
	connect(limiter=limiter, priority=True).subscription("s1")
	assert limiter.acquired == [True, True]


# Trying again


@pytest.mark.parametrize(
	"fault",
	[
		httpx.ConnectError("x"),
		httpx.ReadTimeout("x"),
		httpx.RemoteProtocolError("x"),
		*[status(code) for code in (408, 429, 500, 502, 503, 504)],
		httpx.Response(200, text='{"id": "s1", "qua'),
		httpx.Response(200, text=""),
		httpx.Response(200, text='{"id": NaN}'),
		httpx.Response(200, content=b"\xff\xfe\x00bad"),
	],
	ids=lambda fault: str(getattr(fault, "status_code", type(fault).__name__)),
)
def test_a_read_is_tried_again_after_what_may_pass(client, server, naps, fault):
	server.script = [fault, fault]
	assert client.subscription("s1").quantity == 10
	assert len(server.requests) == 3 and len(naps) == 2


@pytest.mark.parametrize("code", [400, 403, 404, 422, 501, 301])
def test_a_read_is_not_tried_again_after_what_will_not_pass(client, server, naps, code):
	server.script = [status(code)]
	raised(lambda: client.subscription("s1"))
	assert len(server.requests) == 1 and not naps


def test_trying_again_ends(connect, server, naps):
	server.answer = lambda request: status(503)
	raised(lambda: connect(max_retries=2).subscription("s1"))
	assert len(server.requests) == 3
	raised(lambda: connect(max_retries=0).subscription("s1"))
	assert len(server.requests) == 4


def test_pauses_grow_up_to_a_bound_and_differ(client, server, naps):
	server.answer = lambda request: status(503)
	with_many = Counter()
	for _ in range(30):
		naps.clear()
		raised(lambda: client.subscription("s1"))
		assert all(0 <= nap <= 0.5 * 2**step for step, nap in enumerate(naps))
		with_many[naps[-1]] += 1
	assert len(with_many) > 20, "without jitter all workers would come back together"


@pytest.mark.parametrize(
	("asked", "least", "most"), [("7", 7, 7.5), ("99999", 120, 120.5), ("-3", 0, 0.5), ("x", 0, 0.5)]
)
def test_retry_after_is_honoured_and_capped(connect, server, naps, asked, least, most):
	limiter = NoLimit()
	server.script = [status(429, Retry_After=asked)]
	connect(limiter=limiter).subscription("s1")
	assert least <= naps[0] <= most
	assert limiter.penalties == naps, "the other workers have to wait too"


def test_retry_after_may_be_a_date(connect, server, naps):
	server.script = [status(503, Retry_After=email.utils.formatdate(time.time() + 20, usegmt=True))]
	connect().subscription("s1")
	assert 17 <= naps[0] <= 21
	server.script = [status(503, Retry_After="Wed, 21 Oct 2015 07:28:00 GMT")]
	connect().subscription("s1")
	assert naps[1] <= 0.5


def test_a_rate_limited_write_tells_how_long_to_wait(client, server):
	server.script = [status(429, Retry_After="30")]
	assert raised(lambda: client.update_quantity("s1", 11)).retry_after == 30


def test_redirects_are_not_followed_with_the_token(client, server):
	server.script = [status(307, Location="https://evil.example/v1/subscriptions/s1")]
	assert isinstance(raised(lambda: client.subscription("s1")), pax8.BadAnswer)
	assert len(server.requests) == 1


# Pax8's words


@pytest.mark.parametrize(
	("body", "words"),
	[
		(json.dumps(ENVELOPE), ["Quantity cannot be decreased until renewal.", "Second reason."]),
		(json.dumps({"message": "Top", "details": None}), ["Top"]),
		(json.dumps({"errors": ["One", "Two", "One"]}), ["One", "Two"]),
		(json.dumps({"errors": [{"message": "One"}]}), ["One"]),
		(json.dumps({"errors": {"quantity": ["too low"]}}), ["too low"]),
		(json.dumps({"error": "invalid", "error_description": "Said so"}), ["Said so", "invalid"]),
		(json.dumps(["One"]), ["One"]),
		(json.dumps("One"), ["One"]),
		(json.dumps({"status": 422}), []),
		("null", []),
		("", []),
		(
			"<html><head><title>502 Bad &amp; Gateway</title></head><body>x</body></html>",
			["502 Bad & Gateway"],
		),
		("<p>Service <b>down</b></p>", ["Service down"]),
		("Plain  text\n", ["Plain text"]),
		("[" * 100000, ["[" * 200]),
	],
)
def test_pax8s_own_words_are_found_in_every_form_it_uses(body, words):
	assert words_of(body) == words


def test_long_answers_are_shortened(client, server):
	server.script = [status(422, {"errors": ["x" * 10000] + [f"reason {i}" for i in range(100)]})]
	error = raised(lambda: client.update_quantity("s1", 11))
	assert len(error.details) == 20 and len(error.details[0]) == 500 and len(error.body) == 4000


def test_a_refusal_reads_as_a_sentence(client, server):
	server.script = [status(422, {"errors": ["Seats cannot be reduced before 2026-05-01"]})]
	error = raised(lambda: client.update_quantity("s1", 11))
	assert str(error) == error.message == "Pax8 refused (422): Seats cannot be reduced before 2026-05-01"


def test_errors_survive_a_job_queue():
	more = {pax8.BadAnswer: {"record_id": "s1"}, pax8.IncompleteWalk: {"expected": 9, "seen": 7}}
	for kind in (pax8.Refused, pax8.RateLimited, pax8.IncompleteWalk, pax8.BadAnswer):
		error = kind("words", status=422, details=["a"], write=True, retry_after=3.0, **more.get(kind, {}))
		copy = pickle.loads(pickle.dumps(error))
		assert type(copy) is kind and copy.__dict__ == error.__dict__ and str(copy) == "words"


def test_the_table_of_statuses_knows_no_gap():
	for code in [*range(100, 200), *range(300, 600)]:
		assert issubclass(error_class(code), Pax8Error)


# Secrets


@contextmanager
def everything_told(caplog) -> Iterator[list[str]]:
	told: list[str] = []
	with caplog.at_level(logging.DEBUG):
		yield told
	told.extend(record.getMessage() for record in caplog.records)


def all_of(error: BaseException) -> str:
	"""Everything a log of an error with its local variables could show, along the whole chain."""
	shown, seen = [], set()
	current: BaseException | None = error
	while current is not None and id(current) not in seen:
		seen.add(id(current))
		shown += [repr(current), str(current), repr(current.args), repr(vars(current))]
		for frame, _line in traceback.walk_tb(current.__traceback__):
			if "test_pax8" not in frame.f_code.co_filename:
				shown += [f"{name}={value!r}" for name, value in frame.f_locals.items()]
		current = current.__cause__ or current.__context__
	return "\n".join(shown)


@pytest.mark.parametrize(
	"fault",
	[
		httpx.Response(422, text=f'{{"message": "you sent Bearer token-1 and {SECRET}"}}'),
		httpx.Response(
			500, text="token-1 " + SECRET.replace("/", "%2F").replace("+", "%2B").replace(" ", "%20")
		),
		httpx.Response(403, json={"access_token": "token-1", "client_secret": SECRET}),
		httpx.Response(200, text="token-1 " + SECRET),
		httpx.ReadTimeout("while sending Bearer token-1"),
		httpx.LocalProtocolError("Illegal header value b'Bearer token-1'"),
	],
	ids=["422", "500", "403", "200", "timeout", "protocol"],
)
def test_no_error_and_no_log_holds_a_secret(connect, server, fault, caplog):
	client = connect(max_retries=0)
	server.script = [fault]
	with everything_told(caplog) as told:
		error = raised(lambda: client.subscription("s1"))
	text = all_of(error) + "\n".join(told) + repr(client)
	assert "token-1" not in text
	assert SECRET not in text and "%2Bsigns" not in text
	assert error.__cause__ is None and error.__context__ is None


def test_a_refused_token_request_shows_no_secret(connect, server):
	server.token_script = [
		httpx.Response(401, text=f"bad secret {SECRET}"),
		httpx.Response(200, text=f"broken {SECRET}"),
	]
	client = connect(max_retries=0)
	assert SECRET not in all_of(raised(client.check))
	assert SECRET not in all_of(raised(client.check))
	server.token_script = [httpx.Response(200, json={"access_token": "un usable"})]
	assert "un usable" not in all_of(raised(client.check))


class TimeLimit(Exception):
	"""As a job queue raises it in the middle of anything."""


def test_a_time_limit_in_the_middle_of_a_call_shows_no_secret(connect):
	def handler(request: httpx.Request) -> httpx.Response:
		if request.url.path == "/v1/token":
			return httpx.Response(200, json={"access_token": "token-1", "expires_in": 86400})
		header = request.headers["Authorization"]
		raise TimeLimit if header else AssertionError

	client = connect(transport=httpx.MockTransport(handler))
	with pytest.raises(TimeLimit) as caught:
		client.subscription("s1")
	assert "token-1" not in all_of(caught.value)


def test_secrets_are_in_no_representation(connect):
	client = connect(client_secret=pax8.client.SecretStr(SECRET))
	client.subscription("s1")
	held = {**vars(client), **vars(client._transport)}
	assert SECRET not in repr(held) and "token-1" not in repr(held)
	assert "token-1" not in repr(vars(client._transport._store))


# Settings


@pytest.mark.parametrize(
	"url",
	[
		"https://api.pax8.com/v1/",
		"http://localhost:8080/v1",
		"http://pax8.localhost:1",
		"http://127.0.0.1:9/v1",
		"http://127.8.8.8",
		"http://[::1]:8080/v1",
	],
)
def test_urls_that_carry_credentials_safely_are_taken(url):
	assert pax8.checked_url(url) == url.rstrip("/")


@pytest.mark.parametrize(
	"url",
	[
		"",
		None,
		"api.pax8.com",
		"ftp://api.pax8.com",
		"http://api.pax8.com/v1",
		"http://127.0.0.1.evil.example",
		"http://localhost.evil.example",
		"http://127.0.0.1@evil.example/",
		"http://[::ffff:127.0.0.1]/",
		"http://10.0.0.1",
		"http://0.0.0.0",
		"https://user:secret@api.pax8.com/v1",
		"https://@api.pax8.com/v1",
		"https://api.pax8.com/v1?x=1",
		"https://api.pax8.com/v1#x",
		"https://api.pax8.com/v1 evil",
		"https://api.pax8.com\\@evil.example",
		"https:///v1",
		"https://[broken/v1",
	],
)
def test_urls_that_do_not_are_refused_in_words(url):
	error = raised(lambda: pax8.checked_url(url))
	assert isinstance(error, pax8.ConfigurationError) and error.message.endswith(".")
	assert "secret" not in error.message


@pytest.mark.parametrize(
	"options",
	[
		{"client_id": " "},
		{"client_secret": ""},
		{"client_secret": None},
		{"audience": ""},
		{"timeout": None},
		{"timeout": httpx.Timeout(10, read=None)},
		{"timeout": 0},
		{"timeout": float("inf")},
		{"concurrency": 0},
		{"max_retries": -1},
	],
)
def test_settings_that_cannot_work_are_refused_before_anything_is_sent(connect, options):
	assert isinstance(raised(lambda: connect(**options)), pax8.ConfigurationError)


def test_settings_that_are_refused_show_no_secret(connect):
	for options in ({"base_url": "http://api.pax8.com"}, {"audience": ""}, {"timeout": 0}, {"client_id": ""}):
		assert SECRET not in all_of(raised(lambda options=options: connect(**options)))


def test_pasted_blanks_around_credentials_do_no_harm(connect, server):
	client = connect(client_id=" client\n", client_secret=f"\t{SECRET}\n")
	assert client._transport._credentials.client_id == "client"
	assert client._transport._credentials.client_secret.get_secret_value() == SECRET


def test_reads_may_take_as_long_as_pax8_is_known_to_take():
	assert pax8.client.DEFAULT_TIMEOUT.read >= 60
	assert None not in pax8.client.DEFAULT_TIMEOUT.as_dict().values()


@pytest.mark.parametrize("bad", ["", " ", ".", "..", None, 7, "x" * 300])
def test_an_id_that_is_none_reaches_no_other_path(client, server, bad):
	for call in (client.subscription, client.company, client.product, client.history, client.pricing):
		with pytest.raises(ValueError):
			call(bad)
	assert not server.requests


def test_an_id_stays_one_segment_of_the_path(client, server):
	server.answer = lambda request: httpx.Response(200, json={"id": "../token?x#y"})
	client.subscription("../token?x#y")
	assert server.requests[0].url.raw_path == b"/v1/subscriptions/..%2Ftoken%3Fx%23y"


def test_a_closed_client_sends_nothing(connect, server):
	client = connect()
	client.close()
	client.close()
	assert isinstance(raised(lambda: client.subscription("s1")), pax8.ConfigurationError)
	assert isinstance(raised(lambda: list(client.companies())), pax8.ConfigurationError)
	assert not server.requests


# Listening


def test_every_call_is_told_to_the_listener(connect, server):
	told: list[pax8.CallInfo] = []
	client = connect(on_call=told.append)
	server.script = [status(503)]
	client.subscription("s1")
	assert [(i.operation, i.attempt, i.status, i.error) for i in told] == [
		("token", 1, 200, None),
		("subscription", 1, 503, "ServerFault"),
		("subscription", 2, 200, None),
	]
	assert client.calls == 3 and all(info.milliseconds >= 0 for info in told)


def test_somebody_may_listen_to_some_calls_only(connect, server):
	always: list[str] = []
	sometimes: list[str] = []
	client = connect(on_call=lambda info: always.append(info.operation))
	with client.listening(lambda info: sometimes.append(info.operation)):
		client.subscription("s1")
	client.subscription("s1")
	assert sometimes == ["token", "subscription"]
	assert always == ["token", "subscription", "subscription"]


def test_a_listener_that_fails_does_not_lose_the_answer_to_a_write(connect, caplog):
	def fail(info: pax8.CallInfo) -> None:
		raise RuntimeError("listener")

	assert connect(on_call=fail, writes_allowed=True).update_quantity("s1", 10).quantity == 10
	assert "listener" in caplog.text


# Single records and short lists


def test_check_counts_the_companies_with_a_page_of_one(connect, server):
	page = {
		"content": [{"id": "c"}],
		"page": {"size": 1, "totalElements": 237, "totalPages": 237, "number": 0},
	}
	server.script = [httpx.Response(200, json=page)]
	found = connect().check()
	assert (found.companies, found.calls, found.base_url) == (237, 2, "https://api.pax8.com/v1")
	assert dict(server.requests[0].url.params) == {"page": "0", "size": "1"}


def test_money_never_passes_through_a_float(client, server):
	server.script = [
		httpx.Response(
			200, text='{"id":"s1","quantity":5.0,"price":86.456000000000000001,"partnerCost":null}'
		)
	]
	read = client.subscription("s1")
	assert str(read.price) == "86.456000000000000001"
	assert read.partner_cost is None and read.quantity == 5 and isinstance(read.quantity, int)


def test_prices_come_with_or_without_a_company(client, server):
	plan = {"billingTerm": "Monthly", "rates": [{"partnerBuyRate": 0}]}
	server.answer = lambda request: httpx.Response(200, json={"content": [plan]})
	(read,) = client.pricing("p1", "c1")
	assert read.rates[0].partner_buy_rate == 0 and read.rates[0].suggested_retail_price is None
	client.pricing("p1")
	assert [dict(r.url.params) for r in server.requests] == [{"companyId": "c1"}, {}]


def test_history_is_read_in_both_shapes_it_was_seen_in(client, server):
	server.script = [
		httpx.Response(200, json={"content": [{"id": "s1", "quantity": 5}, {"quantity": 2}]}),
		httpx.Response(200, json=[{"id": "s1", "quantity": 5}]),
		httpx.Response(200, json={"items": []}),
	]
	assert [(s.id, s.quantity) for s in client.history("s1")] == [("s1", 5), ("s1", 2)]
	assert len(client.history("s1")) == 1
	assert isinstance(raised(lambda: client.history("s1")), pax8.BadAnswer)


def test_dependencies_come_without_an_envelope(client, server):
	option = {"id": "k1", "term": "1 Year", "allowForQuantityDecrease": False}
	server.script = [
		httpx.Response(200, json={"commitmentDependencies": [option], "productDependencies": None}),
		httpx.Response(200, json={}),
	]
	assert client.dependencies("p1").commitment_dependencies[0].allow_for_quantity_decrease is False
	assert client.dependencies("p1").commitment_dependencies == ()


def test_a_record_of_another_id_is_not_taken_for_the_one_asked_for(client, server):
	server.answer = lambda request: httpx.Response(200, json={"id": "other"})
	for call in (client.subscription, client.company, client.product):
		assert isinstance(raised(lambda call=call: call("s1")), pax8.BadAnswer)
	server.answer = lambda request: httpx.Response(200, json={"id": "ABC"})
	assert client.company("abc").id == "ABC"
