"""Which tests can run here. Tests that need a site or a browser say so loudly when they are left out.

`make test` sets the environment up and demands that everything runs (MSP_LICENSING_REQUIRE_SITE,
MSP_LICENSING_REQUIRE_BROWSER); plain `pytest` runs what it can.
"""

import json
import os
import shlex
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest

TESTS = Path(__file__).parent
ORDER = ("unit", "conformance", "site", "drills", "browser")
ON_A_SITE = ("site", "drills", "browser")
SITE_VARIABLES = ("FRAPPE_SITES_PATH", "FRAPPE_TEST_SITE")
BROWSER_VARIABLES = ("MSP_LICENSING_CHROMIUM", "MSP_LICENSING_TEST_SUPERVISOR")

not_run: dict[str, set[str]] = {}


def pytest_configure(config: pytest.Config) -> None:
	"""Of several processes of pytest-xdist, each has a site of its own: databases, Redis, ports and logs."""
	if worker := os.environ.get("PYTEST_XDIST_WORKER"):
		sites = json.loads(os.environ.get("MSP_LICENSING_TEST_SITES") or "[]")
		if sites:
			os.environ.update(sites[int(worker.removeprefix("gw"))])


def kind_of(path: Path) -> str:
	"""unit, conformance, site, drills, browser: the folder below tests/."""
	try:
		return path.relative_to(TESTS).parts[0]
	except (ValueError, IndexError):
		return ""


def missing(kind: str) -> str:
	"""Why tests of this kind cannot run here; empty if they can."""
	if kind not in ON_A_SITE:
		return ""
	if reason := os.environ.get("MSP_LICENSING_NO_SITE"):
		return reason
	if not all(map(os.environ.get, SITE_VARIABLES)):
		return 'no Frappe site is set up in this shell. Fix: make test, or eval "$(dev/run test-env up)".'
	if kind == "browser":
		if reason := os.environ.get("MSP_LICENSING_NO_BROWSER"):
			return reason
		if not all(map(os.environ.get, BROWSER_VARIABLES)):
			return "no Chromium is set up in this shell. Fix: make test."
	return ""


def required(kind: str) -> bool:
	kind = "site" if kind == "drills" else kind
	return os.environ.get(f"MSP_LICENSING_REQUIRE_{kind.upper()}") == "1"


class NotRun(pytest.Module):
	"""Stands in for a test file that cannot even be imported here, since Frappe is missing."""

	def collect(self) -> Iterator[pytest.Item]:
		yield NotRunItem.from_parent(self, name="not-run")


class NotRunItem(pytest.Item):
	def runtest(self) -> None:
		kind = kind_of(self.path)
		reason = missing(kind)
		if required(kind):
			pytest.fail(f"these tests must run: {reason}", pytrace=False)
		pytest.skip(f"NOT RUN: {reason}")


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
	kind = kind_of(module_path)
	if reason := missing(kind):
		not_run.setdefault(reason, set()).add(str(module_path.relative_to(TESTS)))
		return NotRun.from_parent(parent, path=module_path)
	return None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
	for item in items:
		if (kind := kind_of(item.path)) in ON_A_SITE:
			item.add_marker(kind)
	# The quickest first, the running site last: its processes would take the jobs that site tests enqueue.
	items.sort(key=lambda item: ORDER.index(kind) if (kind := kind_of(item.path)) in ORDER else len(ORDER))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
	for reason, files in not_run.items():
		kinds = " and ".join(f"tests/{k}" for k in ORDER if any(f.startswith(k + "/") for f in files))
		count = f"{len(files)} file{'s' if len(files) != 1 else ''}"
		terminalreporter.write_line(f"!!! NOT RUN: {kinds} ({count}): {reason}", red=True, bold=True)


@pytest.fixture(scope="session")
def live_site() -> Iterator[SimpleNamespace]:
	"""The site with everything running: web server, workers, realtime server and the stand-in Pax8.

	Gives `site`, `url`, `sandbox_url`, `chromium` (path of the browser) and `logs` (folder).
	"""
	if reason := missing("browser"):
		pytest.fail(reason, pytrace=False) if required("browser") else pytest.skip(reason)
	control = shlex.split(os.environ["MSP_LICENSING_TEST_SUPERVISOR"])
	wanted = ["sandbox", "web", "worker", "worker_long", "socketio"]
	status = subprocess.run([*control, "status"], capture_output=True, text=True).stdout
	programs = [name for name in wanted if any(line.split()[0] == name for line in status.splitlines())]
	each(control, "start", programs)
	site = SimpleNamespace(
		site=os.environ["FRAPPE_TEST_SITE"],
		url=os.environ["MSP_LICENSING_TEST_URL"],
		sandbox_url=os.environ["MSP_LICENSING_SANDBOX_URL"],
		chromium=os.environ["MSP_LICENSING_CHROMIUM"],
		logs=Path(os.environ["MSP_LICENSING_LOGS"]),
	)
	try:
		for program, url in (("web", site.url), ("sandbox", site.sandbox_url)):
			wait_for(program, url, site.logs)
		yield site
	finally:
		each(control, "stop", programs)


def each(control: list[str], action: str, programs: list[str]) -> None:
	"""All at once: supervisorctl itself waits for one program before it turns to the next."""
	running = [
		subprocess.Popen([*control, action, name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
		for name in programs
	]
	for process in running:
		process.wait()


def wait_for(program: str, url: str, logs: Path, seconds: float = 60) -> None:
	end = time.monotonic() + seconds
	address = ("127.0.0.1", urlsplit(url).port)
	while time.monotonic() < end:
		with socket.socket() as s:
			s.settimeout(1)
			if s.connect_ex(address) == 0:
				return
		time.sleep(0.2)
	log = logs / f"{program}.log"
	words = log.read_text(errors="replace")[-2000:] if log.exists() else "no log"
	pytest.fail(f"{program} does not answer on {url}:\n{words}", pytrace=False)
