"""A real Chromium against a site with everything running: web server, RQ workers, realtime server, stand-in Pax8.

The tests reach the site only as people and Pax8 do; what they look up in its database goes through a process of its own.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from site_process import SiteProcess

CHROMIUM_OPTIONS = [
	"--no-sandbox",  # tests may run as root
	"--disable-gpu",
	"--disable-quic",
	"--no-first-run",
	"--disable-background-networking",
	"--disable-component-update",
	"--disable-sync",
]

# For anything that is waited for: a busy machine is slow, and what never comes fails all the same.
SECONDS = 60


@pytest.fixture(scope="session")
def site_process(live_site: Any) -> Iterator[SiteProcess]:
	process = SiteProcess()
	yield process
	process.close()


@pytest.fixture
def look(site_process: SiteProcess) -> Callable[[str], Any]:
	"""`look("answer = …")` runs code on the site and returns `answer`."""
	return site_process.run


class SandboxControl:
	"""The control endpoints of the running sandbox."""

	def __init__(self, url: str) -> None:
		self._url = url.removesuffix("/v1") + "/_sandbox"

	def quantity(self, subscription: str) -> int:
		return self.get("state", subscription=subscription)["quantity"]

	def get(self, what: str, **query: str) -> Any:
		return httpx.get(f"{self._url}/{what}", params=query).raise_for_status().json()

	def post(self, what: str, **body: Any) -> Any:
		return httpx.post(f"{self._url}/{what}", json=body).raise_for_status().json()


@pytest.fixture(scope="session")
def pax8(live_site: Any) -> SandboxControl:
	return SandboxControl(live_site.sandbox_url)


@pytest.fixture(scope="session")
def made_site(live_site: Any, pax8: SandboxControl, site_process: SiteProcess) -> Any:
	"""The site as `make demo` leaves it; `live_site` with its people and their password."""
	pax8.post("reset")
	made = site_process.run(
		"import conftest; conftest.clean(frappe)\n"
		"from msp_licensing.setup import demo\n"
		f"demo.make({live_site.sandbox_url!r})\n"
		"answer = [person.email for person in demo.PEOPLE] + [demo.PASSWORD]"
	)
	names = (
		"system_manager",
		"manager",
		"requester",
		"reader",
		"foreign_requester",
		"foreign_reader",
		"approver",
		"password",
	)
	for name, value in zip(names, made, strict=True):
		setattr(live_site, name, value)
	return live_site


@pytest.fixture
def demo_site(made_site: Any, pax8: SandboxControl, site_process: SiteProcess) -> Any:
	"""The same, with no requests and with the quantities of the storybook."""
	pax8.post("reset")
	pax8.post("config", provisioning_seconds=1.0)
	site_process.run(
		"import cleaning; cleaning.clean_requests(frappe)\n"
		"import time\n"
		"from msp_licensing.sync import jobs\n"
		# The workers may be reading a company that was just mapped: then this waits its turn.
		"end = time.monotonic() + 120\n"
		"while not jobs.run('Subscriptions', trigger='Manual') and time.monotonic() < end:\n"
		"	time.sleep(0.3)\n"
	)
	return made_site


@pytest.fixture(scope="session")
def chromium(live_site: Any) -> Iterator[Any]:
	from playwright.sync_api import expect, sync_playwright

	expect.set_options(timeout=SECONDS * 1000)
	with sync_playwright() as playwright:
		browser = playwright.chromium.launch(executable_path=live_site.chromium, args=CHROMIUM_OPTIONS)
		yield browser
		browser.close()


# A dialog that is told to close while it still fades in stays open: here none fades. Faster, too.
STILL = {"reduced_motion": "reduce"}


@pytest.fixture
def sign_in(chromium: Any, demo_site: Any, request: pytest.FixtureRequest) -> Iterator[Callable[..., Any]]:
	"""Opens a browser of one's own, signs in by the login form and goes to a page: sign_in(email, "/licensing")."""
	contexts = []

	def open_page(user: str, path: str, **options: Any) -> Any:
		context = chromium.new_context(base_url=demo_site.url, **STILL, **options)
		context.set_default_timeout(SECONDS * 1000)
		contexts.append(context)
		page = context.new_page()
		page.errors = []
		page.on("pageerror", lambda error: page.errors.append(str(error)))
		page.goto(f"/login?redirect-to={path}")
		page.fill("#login_email", user)
		page.fill("#login_password", demo_site.password)
		page.click("section.for-login button[type=submit]")
		# From Frappe 16 on the desk is at /desk, and /app leads there.
		wanted = {urlsplit(path).path, urlsplit(path).path.replace("/app/", "/desk/", 1)}
		page.wait_for_url(lambda url: urlsplit(url).path in wanted)
		return page

	yield open_page
	failed = getattr(request.node, "failed", False)
	for number, context in enumerate(contexts):
		for page in context.pages:
			if failed:
				page.screenshot(
					path=str(demo_site.logs / f"{request.node.name}-{number}.png"), full_page=True
				)
		context.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo) -> Iterator[None]:
	outcome = yield
	if call.when == "call":
		item.failed = outcome.get_result().failed


@pytest.fixture
def open_dashboard() -> Callable[[Any], None]:
	"""`open_dashboard(page)` shows what a client's form says below its heading: on ERPNext's Customer, that is behind a tab."""

	def show(page: Any) -> None:
		tab = page.locator(".form-tabs .nav-link:visible", has_text=re.compile("Dashboard|Connections"))
		if tab.count():
			tab.click()

	return show
