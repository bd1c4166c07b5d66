"""A site from installing the app to removing it, with developer mode on and off: what is left, and what differs."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).parents[2]
APP = "msp_licensing"
WHOLE = os.environ.get("MSP_LICENSING_DRILLS") == "all"
# Frappe writes these, whatever apps there are; of a removed app it keeps which patches ran.
WRITTEN_BY_FRAPPE = {
	"tabDefaultValue",
	"tabDeleted Document",
	"tabInstalled Application",
	"tabPatch Log",
	"tabPermission Log",
	"tabScheduled Job Type",
	"tabSeries",
	"tabSessions",
	"tabSingles",
	"tabVersion",
	"__Auth",
	"__global_search",
}
TIMES = {"creation", "modified", "modified_by", "idx"}

# Run inside a site: every row of every table, without the times of writing and the random names of rows of a record (two
# apps that both have a DocType write it anew at each migration), and the app's own single values.
PICTURE = """
import hashlib, json, sys, frappe
frappe.init(site=sys.argv[1], sites_path="."); frappe.connect()
tables = {}
for (table,) in frappe.db.sql("show tables"):
	columns = [c[0] for c in frappe.db.sql(f"show columns from `{table}`")]
	kept = [c for c in columns if c not in %(times)r and not (c == "name" and "parent" in columns)]
	rows = frappe.db.sql(f"select {', '.join('`' + c + '`' for c in kept)} from `{table}`")
	tables[table] = [columns, sorted(hashlib.sha256(repr(r).encode()).hexdigest() for r in rows)]
tables["singles of the app"] = [[], sorted(map(repr, frappe.db.sql(
	"select doctype, field, value from tabSingles where doctype in ('Pax8 Settings', 'Licensing Settings')"
	" and field not in ('modified', 'creation')")))]
json.dump(tables, open(sys.argv[2], "w"))
"""


@pytest.fixture(scope="module")
def dev() -> Iterator[Any]:
	"""The modules of the developer commands."""
	sys.path.insert(0, str(CHECKOUT / "dev"))
	try:
		import bench
		import config
		import prepare
		import programs
		import template
	finally:
		sys.path.remove(str(CHECKOUT / "dev"))
	yield type("Dev", (), {"bench": bench, "config": config, "prepare": prepare, "programs": programs,
		"template": template, "toolchain": prepare.prepare_site()})  # fmt: skip


@pytest.fixture(
	params=[
		pytest.param(1, id="developer mode on"),
		pytest.param(
			0,
			id="developer mode off",
			marks=pytest.mark.skipif(not WHOLE, reason="Run it with MSP_LICENSING_DRILLS=all."),
		),
	]
)
def fresh(dev: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
	"""A running site of its own, without the app."""
	name = f"life-{request.param}-{os.getpid()}"
	made = dev.bench.Bench(dev.config.home() / "runs" / name, dev.toolchain)
	try:
		dev.template.copy(dev.template.template(dev.toolchain), made, f"life{request.param}.localhost")
		file = made.sites / "common_site_config.json"
		file.write_text(json.dumps({**json.loads(file.read_text()), "developer_mode": request.param}))
		made.without_assets()
		made.start()
		yield made
	finally:
		made.destroy()


def picture(made: Any) -> dict[str, Any]:
	script, answer = made.etc / "picture.py", made.etc / "picture.json"
	script.write_text(PICTURE % {"times": TIMES})
	subprocess.run(
		[made.toolchain.python, script, made.site, answer],
		cwd=made.sites,
		env=made.environment(),
		check=True,
	)
	return json.loads(answer.read_text())


def checkout_status() -> str:
	command = ["git", "-C", str(CHECKOUT), "status", "--porcelain"]
	with contextlib.suppress(FileNotFoundError):
		return subprocess.run(command, capture_output=True, text=True).stdout
	return ""


def test_a_site_is_the_same_after_a_second_migration_and_free_of_the_app_after_its_removal(fresh):
	files = checkout_status()
	# What the other apps do at a migration is none of ours.
	fresh.frappe("migrate the site", "migrate", "--skip-search-index")
	before = picture(fresh)
	fresh.frappe("install the app", "install-app", APP)
	assert APP in fresh.installed_apps()
	fresh.frappe("migrate", "migrate", "--skip-search-index")
	once = picture(fresh)
	fresh.frappe("migrate again", "migrate", "--skip-search-index")
	twice = picture(fresh)
	assert {t for t in once.keys() | twice.keys() if once.get(t) != twice.get(t)} <= WRITTEN_BY_FRAPPE
	assert checkout_status() == files, "installing and migrating wrote into the app's own folder"

	fresh.frappe("remove the app", "uninstall-app", APP, "--yes", "--no-backup")
	assert APP not in fresh.installed_apps()
	after = picture(fresh)
	ours = {t for t in once if t.startswith(("tabPax8", "tabLicens", "tabMSP"))}
	assert ours and not ours & after.keys(), "tables of the app stay"
	left = {t for t in before if before[t][1] != after[t][1]} - WRITTEN_BY_FRAPPE
	columns = {t for t in before if before[t][0] != after[t][0]}
	assert not after["singles of the app"][1]
	assert (left, columns) == (set(), set())
	assert checkout_status() == files
