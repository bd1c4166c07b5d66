"""The developer commands side by side: whatever runs or is stopped, no two of their servers get the same port."""

import os
import queue
import random
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[2]
DEV = ROOT / "dev"

# `make preview`, with this Python instead of the one that would be installed first.
PREVIEW = """
import pathlib, signal, sys
import demo, env, home
signal.signal(signal.SIGTERM, env.interrupted)
home.ensure()
demo.prepare_plain = lambda: pathlib.Path({plain!r})
sys.exit(demo.preview())
"""
# A command that chooses ports for a bench, says which, and goes on for a while.
CHOOSE = """
import sys, time
import bench, home
home.ensure()
print(*bench.free_ports({count}), flush=True)
time.sleep(30)
"""


@pytest.fixture
def dev(tmp_path: Path) -> Iterator:
	"""dev(code): a process that runs `code` among the developer commands, all with one home folder."""
	running: list[subprocess.Popen[str]] = []

	def start(code: str, **environment: str) -> subprocess.Popen[str]:
		process = subprocess.Popen(
			[sys.executable, "-u", "-c", code],
			cwd=ROOT,
			env={
				**os.environ,
				"PYTHONPATH": f"{DEV}:{ROOT}",
				"MSP_LICENSING_HOME": str(tmp_path / "home"),
				**environment,
			},
			stdout=subprocess.PIPE,
			stderr=subprocess.STDOUT,
			text=True,
		)
		running.append(process)
		return process

	yield start
	# Not SIGINT: what is started in the background of a shell ignores that, and so do its own processes.
	for process in running:
		process.terminate()
	for process in running:
		try:
			process.communicate(timeout=20)
		except subprocess.TimeoutExpired:
			process.kill()


def free_block(count: int) -> int:
	"""The first of some ports in a row that are free at this moment.

	From 32768 on the system takes ports for connections that go out, from 20000 on benches take theirs. Where to look first is
	drawn, as tests of another checkout may look at the same time.
	"""
	blocks = list(range(10000, 20000, count))
	random.shuffle(blocks)
	for first in blocks:
		try:
			for port in range(first, first + count):
				with socket.socket() as s:
					s.bind(("127.0.0.1", port))
		except OSError:
			continue
		return first
	raise AssertionError("no free ports")


def said(process: subprocess.Popen[str], pattern: str, seconds: float = 60) -> re.Match[str]:
	"""The first line of a process that matches."""
	lines: queue.Queue[str] = queue.Queue()
	threading.Thread(target=lambda: [lines.put(line) for line in process.stdout], daemon=True).start()
	seen, end = [], time.monotonic() + seconds
	while time.monotonic() < end:
		try:
			seen.append(lines.get(timeout=0.5))
		except queue.Empty:
			continue
		if found := re.search(pattern, seen[-1]):
			return found
	raise AssertionError("".join(seen))


def test_three_previews_started_at_once_beside_a_demo(dev, tmp_path):
	"""Two of them used to choose one port for both of their servers, or the same as each other."""
	pytest.importorskip("jinja2")
	python = tmp_path / "plain" / "bin" / "python"
	python.parent.mkdir(parents=True)
	python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
	python.chmod(0o755)
	first = free_block(20)
	with socket.socket() as demo:
		demo.bind(("127.0.0.1", first))
		demo.listen()
		ports = {"MSP_LICENSING_SANDBOX_PORT": str(first), "MSP_LICENSING_PREVIEW_PORT": str(first + 2)}
		previews = [dev(PREVIEW.format(plain=str(tmp_path / "plain")), **ports) for _turn in range(3)]
		told = [
			said(process, r"Preview: (http://127.0.0.1:(\d+))\s.*127.0.0.1:(\d+)/v1") for process in previews
		]
		chosen = [int(found[number]) for found in told for number in (2, 3)]
		assert len({first, *chosen}) == 7, chosen
		for found in told:
			assert answers(found[1]) == 200


def answers(url: str) -> int:
	end = time.monotonic() + 90
	while True:
		try:
			return httpx.get(url, timeout=30).status_code
		except httpx.TransportError:
			if time.monotonic() > end:
				raise
			time.sleep(0.3)


def test_benches_that_are_stopped_keep_their_ports(dev, tmp_path, monkeypatch):
	monkeypatch.syspath_prepend(str(DEV))
	monkeypatch.setenv("MSP_LICENSING_HOME", str(tmp_path / "home"))
	import bench

	settings = tmp_path / "home" / "env" / "some-bench" / "etc" / "settings.json"
	settings.parent.mkdir(parents=True)
	settings.write_text('{"ports": {"db": 20001, "web": 20002}}')
	(settings.parents[2] / "broken" / "etc").mkdir(parents=True)
	(settings.parents[2] / "broken" / "etc" / "settings.json").write_text("{")
	monkeypatch.setattr(bench, "PORTS", range(20001, 20006))
	monkeypatch.setattr(bench, "port_free", lambda port: True)
	assert sorted(bench.free_ports(3)) == [20003, 20004, 20005]


def test_two_benches_made_at_once_choose_different_ports(dev):
	code = CHOOSE.format(count=12).replace(
		"home.ensure()", "home.ensure()\nbench.PORTS = range(20000, 20060)"
	)
	chosen = [
		port for process in [dev(code), dev(code), dev(code)] for port in said(process, r"^\d+ .*")[0].split()
	]
	assert len(chosen) == len(set(chosen)) == 36
