"""Drills use the site tests' fixtures: a site, synced, with the people of the demo."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

_SITE = Path(__file__).parents[1] / "site"
sys.path.insert(0, str(_SITE))
_spec = importlib.util.spec_from_file_location("fixtures_of_site_tests", _SITE / "conftest.py")
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
globals().update({name: value for name, value in vars(_module).items() if not name.startswith("_")})


@pytest.fixture(scope="session")
def frappe_site() -> Iterator[Any]:
	"""The connection that the site tests have made in this session, or one of our own."""
	import frappe

	if getattr(frappe.local, "site", None) and frappe.local.db:
		yield frappe
	else:
		yield from _module.connected()
