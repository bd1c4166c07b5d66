"""A running sandbox and Pax8's OpenAPI files for the conformance tests."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from pax8_openapi import FILES, SPECS_VARIABLE, Spec, spec_folder

from msp_licensing.sandbox import Sandbox


@pytest.fixture(scope="session")
def spec() -> Spec:
	"""The published files; without them nothing here can be judged, so the tests say how to get them."""
	folder = spec_folder()
	if folder is None:
		pytest.skip(
			f"CONFORMANCE NOT CHECKED: Pax8's OpenAPI files are missing. Put {' and '.join(FILES)} (from Pax8's "
			f"developer portal) in a folder and name it in {SPECS_VARIABLE}, or in ../shared/pax8 beside the checkout."
		)
	return Spec(folder)


@pytest.fixture(scope="session")
def _running() -> Iterator[Sandbox]:
	with Sandbox(seed=7, companies=30, products=230, subscriptions=350, rate_limit=0) as sandbox:
		yield sandbox


@pytest.fixture
def sandbox(_running: Sandbox) -> Iterator[Sandbox]:
	"""The sandbox of the session, put back to its start afterwards."""
	yield _running
	_running.reset()


@pytest.fixture(scope="session")
def _client(_running: Sandbox) -> Iterator[httpx.Client]:
	with httpx.Client(base_url=_running.url, headers=_running.authorization()) as client:
		yield client


@pytest.fixture
def api(_client: httpx.Client, sandbox: Sandbox) -> httpx.Client:
	"""A client with a token, on the sandbox; a new token, for a test that moved the clock may have spent the last."""
	_client.headers.update(sandbox.authorization())
	return _client
