"""Who may ask for the time, and which kind of it, held by reading the code (see msp_licensing/clock.py)."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

APP = Path(__file__).resolve().parents[2] / "msp_licensing"

# The stand-in server and the preview know no site, and so no time zone of one.
OUTSIDE = ("sandbox", "preview")

# Functions that give the time in the site's or the machine's zone, or compare two such times.
FORBIDDEN = {
	"now_datetime",
	"nowdate",
	"nowtime",
	"now",
	"today",
	"utcnow",
	"add_to_date",
	"time_diff",
	"time_diff_in_seconds",
	"time_diff_in_hours",
	"pretty_date",
	"Now",
	"CurDate",
	"CurTimestamp",
	"convert_utc_to_system_timezone",
	"get_system_timezone",
	"fromtimestamp",
	"utcfromtimestamp",
}
# file: what it may use of these, and why.
ALLOWED = {
	"clock.py": {"now", "get_system_timezone"},  # the one place
	"sync/mirror.py": {"get_system_timezone"},  # times of Pax8 that are only shown
	"desk/evidence.py": {"get_system_timezone"},  # names the zone
	"rules/replay.py": {"now"},  # a method of its own
}
# Seconds since 1970 know no zone. Rate limits and the life of tokens need no more.
EPOCH_ALLOWED = {"pax8/auth.py", "pax8/transport.py", "sync/connection.py"}

# These write no records: a dict of theirs is something to show.
READERS = ("desk", "portal", "report")

_SQL_CLOCK = re.compile(r"\b(now|curdate|curtime|current_timestamp|sysdate|localtime)\s*\(", re.I)


def files() -> Iterator[Path]:
	for path in sorted(APP.rglob("*.py")):
		if path.relative_to(APP).parts[0] not in OUTSIDE:
			yield path


def asked(path: Path) -> Iterator[tuple[int, str]]:
	"""Line and name of everything in a file that asks for the time."""
	where = str(path.relative_to(APP))
	for node in ast.walk(ast.parse(path.read_text())):
		if isinstance(node, ast.Call):
			function = node.func
			name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
			module = getattr(getattr(function, "value", None), "id", "")
			if name in FORBIDDEN and module not in ("clock", "planning"):
				yield node.lineno, name
			if (module, name) == ("time", "time") and where not in EPOCH_ALLOWED:
				yield node.lineno, "time.time"
			# `getdate()` and `get_datetime()` without a value are the site's today and now.
			if name in ("getdate", "get_datetime") and not node.args and not node.keywords:
				yield node.lineno, f"{name}()"
		elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("frappe"):
			yield from ((node.lineno, alias.name) for alias in node.names if alias.name in FORBIDDEN)
		elif isinstance(node, ast.Constant) and isinstance(node.value, str) and _is_sql(node.value):
			yield from ((node.lineno, f"SQL {found.group(1)}") for found in _SQL_CLOCK.finditer(node.value))


def _is_sql(text: str) -> bool:
	return bool(re.match(r"\s*(select|update|insert|delete|set|replace)\b", text, re.I))


def test_only_the_clock_asks_for_the_time():
	found = [
		f"{path.relative_to(APP)}:{line}: {name}"
		for path in files()
		for line, name in asked(path)
		if name not in ALLOWED.get(str(path.relative_to(APP)), set())
	]
	assert not found, "use msp_licensing.clock"


@pytest.mark.parametrize(
	"code",
	[
		"from frappe.utils import now_datetime",
		"x = frappe.utils.now_datetime() - y",
		"datetime.now()",
		"date.today()",
		"getdate()",
		"frappe.utils.get_datetime()",
		"time.time()",
		"frappe.db.sql('select now(6)')",
		"x < (Now() - Interval(days=1))",
		"pretty_date(row.modified)",
	],
)
def test_the_judge_sees_it(tmp_path, monkeypatch, code):
	monkeypatch.setitem(globals(), "APP", tmp_path)
	(tmp_path / "x.py").write_text(code)
	assert list(asked(tmp_path / "x.py"))


# --------------------------------------------------------------------------------------------- columns


def twins() -> set[str]:
	"""Columns that have a twin in UTC, and nowhere hold UTC themselves."""
	found: set[str] = set()
	for path in sorted((APP / "doctype").glob("*/*.json")):
		names = {field["fieldname"] for field in json.loads(path.read_text())["fields"]}
		found |= {name for name in names if f"{name}_utc" in names}
	return found - {"next_attempt_on"}  # hidden in a request, shown of a webhook event


def test_columns_of_moments_are_hidden_and_nobody_writes_them_by_hand():
	for path in sorted((APP / "doctype").glob("*/*.json")):
		for field in json.loads(path.read_text())["fields"]:
			if field["fieldname"].endswith("_utc"):
				assert (field["fieldtype"], field.get("hidden"), field.get("read_only")) == ("Datetime", 1, 1)


def test_a_column_and_its_twin_are_written_together():
	"""`decided_on=…` by itself would leave the moment that is compared behind: `clock.stamp`, `no_stamp`, `at` write both."""
	found = []
	for path in files():
		if path.name == "clock.py":
			continue
		for node in ast.walk(ast.parse(path.read_text())):
			names = []
			if isinstance(node, ast.Call):
				names = [keyword.arg for keyword in node.keywords]
			elif isinstance(node, ast.Dict) and path.relative_to(APP).parts[0] not in READERS:
				names = [key.value for key in node.keys if isinstance(key, ast.Constant)]
			elif isinstance(node, ast.Assign):
				names = [target.attr for target in node.targets if isinstance(target, ast.Attribute)]
			found += [f"{path.relative_to(APP)}:{node.lineno}: {name}" for name in names if name in twins()]
	assert not found, "written without its twin"


def test_nothing_is_ordered_or_subtracted_by_a_column_that_has_a_twin():
	shown = "|".join(twins())
	ordered = re.compile(rf"(order[_ ]by\s*=?\s*\"?[^\"\n]*\b({shown})\b(?!_utc))")
	subtracted = re.compile(rf"(-\s*[\w.]+\.({shown})\b|\.({shown})\s*(-|<|>)\s*\w)")
	found = []
	for path in files():
		for number, line in enumerate(path.read_text().splitlines(), 1):
			if ordered.search(line) or subtracted.search(line):
				found.append(f"{path.relative_to(APP)}:{number}: {line.strip()}")
	assert not found
