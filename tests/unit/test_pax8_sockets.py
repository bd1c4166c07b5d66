"""The client against real sockets that misbehave: what an imitation within the process cannot show."""

from __future__ import annotations

import gzip
import json
import socket
import struct
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import h11
import pytest

from msp_licensing import pax8
from msp_licensing.pax8 import Pax8Client
from msp_licensing.pax8 import transport as transport_module

SECRET = "s3cret-of-the-partner"
TOKEN = "t0ken-of-the-day"


def reply(body: bytes, status: str = "200 OK", headers: str = "", length: int | None = None) -> bytes:
	size = len(body) if length is None else length
	return (
		f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {size}\r\n{headers}\r\n".encode()
		+ body
	)


RECORD = json.dumps({"id": "s1", "quantity": 5}).encode()


def reset(connection: socket.socket) -> None:
	connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
	connection.close()


@contextmanager
def listening(behave: Callable[[socket.socket, int], None]) -> Iterator[tuple[str, list[bytes]]]:
	"""Serve tokens properly, and leave every other request to `behave(connection, its number)`."""
	server = socket.create_server(("127.0.0.1", 0))
	requests: list[bytes] = []

	def serve(connection: socket.socket) -> None:
		with connection:
			while True:
				try:
					head = b""
					while b"\r\n\r\n" not in head:
						piece = connection.recv(65536)
						if not piece:
							return
						head += piece
					length = next(
						(
							int(x[15:])
							for x in head.split(b"\r\n")
							if x.lower().startswith(b"content-length:")
						),
						0,
					)
					body = head.split(b"\r\n\r\n", 1)[1]
					while len(body) < length:
						body += connection.recv(65536)
					if b" /v1/token " in head:
						connection.sendall(
							reply(json.dumps({"access_token": TOKEN, "expires_in": 86400}).encode())
						)
						continue
					requests.append(head)
					behave(connection, len(requests))
				except OSError:
					return
				if connection.fileno() < 0:
					return

	def accept() -> None:
		while True:
			try:
				connection, _address = server.accept()
			except OSError:
				return
			threading.Thread(target=serve, args=(connection,), daemon=True).start()

	threading.Thread(target=accept, daemon=True).start()
	try:
		yield f"http://127.0.0.1:{server.getsockname()[1]}/v1", requests
	finally:
		server.close()


def connect(url: str, **options) -> Pax8Client:
	return Pax8Client(
		client_id="c",
		client_secret=SECRET,
		base_url=url,
		sleep=lambda seconds: None,
		**{"writes_allowed": True, "max_retries": 2, **options},
	)


def everything(error: BaseException) -> str:
	shown = [repr(error), str(error), repr(vars(error)), repr(error.__cause__), repr(error.__context__)]
	for frame, _line in traceback.walk_tb(error.__traceback__):
		shown += [
			f"{name}={value!r}"
			for name, value in frame.f_locals.items()
			if frame.f_code.co_filename != __file__
		]
	return "\n".join(shown)


def truncated(connection: socket.socket, number: int) -> None:
	connection.sendall(reply(RECORD[:10], length=len(RECORD)))
	connection.close()


def reset_at_once(connection: socket.socket, number: int) -> None:
	reset(connection)


def closed(connection: socket.socket, number: int) -> None:
	connection.close()


def garbage(connection: socket.socket, number: int) -> None:
	connection.sendall(b"not http at all\r\n\r\n")
	connection.close()


def silent(connection: socket.socket, number: int) -> None:
	time.sleep(0.5)


@pytest.mark.parametrize("behave", [truncated, reset_at_once, closed, garbage, silent])
def test_an_answer_that_is_lost_leaves_a_write_unknown_and_sent_once(behave):
	with listening(behave) as (url, requests), connect(url, timeout=0.2) as client:
		with pytest.raises(pax8.NoAnswer) as caught:
			client.update_quantity("s1", 6)
		assert caught.value.effect == "unknown"
		assert len(requests) == 1
		text = everything(caught.value)
		assert TOKEN not in text and SECRET not in text


@pytest.mark.parametrize("behave", [truncated, reset_at_once, closed, garbage])
def test_an_answer_that_is_lost_makes_a_read_try_again(behave):
	def first_bad(connection: socket.socket, number: int) -> None:
		if number < 3:
			behave(connection, number)
		else:
			connection.sendall(reply(RECORD))

	with listening(first_bad) as (url, requests), connect(url) as client:
		assert client.subscription("s1").quantity == 5
		assert len(requests) == 3


def test_nobody_listening_means_that_nothing_was_sent():
	with socket.create_server(("127.0.0.1", 0)) as server:
		port = server.getsockname()[1]
	with connect(f"http://127.0.0.1:{port}/v1") as client, pytest.raises(pax8.Unreachable) as caught:
		client.update_quantity("s1", 6)
	assert caught.value.effect == "none"
	assert SECRET not in everything(caught.value)


def test_a_name_that_does_not_resolve_means_that_nothing_was_sent():
	with connect("https://pax8.invalid/v1", max_retries=0) as client, pytest.raises(pax8.Unreachable):
		client.check()


def test_tls_that_fails_means_that_nothing_was_sent():
	with listening(garbage) as (url, _requests):
		secure = connect(url.replace("http:", "https:"), max_retries=0, timeout=2)
		with secure as client, pytest.raises(pax8.Unreachable):
			client.check()


def test_a_refusal_whose_body_breaks_off_is_still_a_refusal():
	def refuse(connection: socket.socket, number: int) -> None:
		connection.sendall(reply(b'{"message": "no', "422 Unprocessable Entity", length=500))
		connection.close()

	with listening(refuse) as (url, _requests), connect(url) as client, pytest.raises(pax8.Refused) as caught:
		client.update_quantity("s1", 6)
	assert caught.value.effect == "none" and caught.value.status == 422


def too_large():
	return pytest.raises(pax8.BadAnswer, match="larger")


def test_an_endless_answer_is_not_read(monkeypatch):
	monkeypatch.setattr(transport_module, "MAX_ANSWER_BYTES", 100_000)

	def flood(connection: socket.socket, number: int) -> None:
		connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
		for _ in range(10_000):
			connection.sendall(b"1000\r\n" + b" " * 4096 + b"\r\n")

	with listening(flood) as (url, _requests), connect(url, max_retries=0) as client, too_large():
		client.subscription("s1")


def test_a_small_answer_that_unpacks_to_a_huge_one_is_not_read(monkeypatch):
	monkeypatch.setattr(transport_module, "MAX_ANSWER_BYTES", 100_000)
	packed = gzip.compress(b" " * 5_000_000)

	def bomb(connection: socket.socket, number: int) -> None:
		connection.sendall(reply(packed, headers="Content-Encoding: gzip\r\n"))

	with listening(bomb) as (url, _requests), connect(url, max_retries=0) as client, too_large():
		client.subscription("s1")


def test_an_answer_that_is_not_packed_as_it_says_is_bad():
	def lie(connection: socket.socket, number: int) -> None:
		connection.sendall(reply(RECORD, headers="Content-Encoding: gzip\r\n"))

	with listening(lie) as (url, _requests), connect(url) as client:
		with pytest.raises(pax8.BadAnswer) as caught:
			client.update_quantity("s1", 6)
		assert caught.value.effect == "unknown"


def test_an_answer_that_trickles_is_given_up(monkeypatch):
	monkeypatch.setattr(transport_module, "MAX_ANSWER_SECONDS", 0.2)

	def trickle(connection: socket.socket, number: int) -> None:
		connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
		for _ in range(100):
			connection.sendall(b" ")
			time.sleep(0.02)

	with listening(trickle) as (url, _requests), connect(url, max_retries=0, timeout=5) as client:
		started = time.monotonic()
		with pytest.raises(pax8.NoAnswer):
			client.subscription("s1")
		assert time.monotonic() - started < 1.5


def test_plain_http_stays_on_this_machine_whatever_proxy_is_set(monkeypatch):
	monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
	monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")

	def answer(connection: socket.socket, number: int) -> None:
		connection.sendall(reply(RECORD))

	with listening(answer) as (url, requests), connect(url, max_retries=0) as client:
		assert client.subscription("s1").id == "s1"
		assert len(requests) == 1


class TimeLimit(Exception):
	"""As a job queue raises it in the middle of anything."""


def test_a_time_limit_while_sending_shows_no_secret(monkeypatch):
	sending = h11.Connection.send

	def interrupted(self: h11.Connection, event: h11.Event) -> bytes | None:
		if TOKEN in repr(event):
			raise TimeLimit
		return sending(self, event)

	monkeypatch.setattr(h11.Connection, "send", interrupted)
	limited = pytest.raises(TimeLimit)
	with listening(silent) as (url, _requests), connect(url) as client, limited as caught:
		client.subscription("s1")
	assert TOKEN not in everything(caught.value)
