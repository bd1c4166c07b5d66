"""Who may import whom (see ARCHITECTURE.md): the rules that import-linter and ruff cannot hold.

`make lint` holds the others. These need to know which imports run when a module is loaded (import-linter also counts those
within functions), the path by which Frappe finds DocTypes, or what else a module contains.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
APP = ROOT / "msp_licensing"
STDLIB = sys.stdlib_module_names

# The third-party packages that these may import. Which package of the app may import which is import-linter's to hold
# (pyproject.toml); it can forbid third-party packages by name, but not allow a few.
PURE = {"httpx", "pydantic"}
THIRD_PARTY: dict[str, set[str]] = {
	"pax8": PURE,
	"rules": PURE,
	"sandbox": set(),
	"preview": PURE | {"jinja2"},
}
# What a DocType's controller may load while its module is imported: anything else may be missing or broken, and a
# failing import makes `migrate` drop the DocType.
CONTROLLER_MAY_LOAD = {"frappe"}


@dataclass(frozen=True)
class Import:
	"""One imported module.

	`names` are what `from … import` takes from it; `deferred` = within a function; `typing` = under `TYPE_CHECKING`;
	`guarded` = in a `try` that survives its failing.
	"""

	module: str
	names: tuple[str, ...]
	line: int
	deferred: bool
	typing: bool
	guarded: bool

	@property
	def top(self) -> str:
		return self.module.split(".")[0]


def imports_of(source: str, module: str, is_package: bool = False) -> list[Import]:
	"""Return all imports of a source text, relative ones resolved against `module`."""
	return list(_walk(ast.parse(source), module, is_package, deferred=False, typing=False, guarded=False))


def _walk(
	node: ast.AST, module: str, is_package: bool, *, deferred: bool, typing: bool, guarded: bool
) -> Iterator[Import]:
	where = {"deferred": deferred, "typing": typing, "guarded": guarded}
	if isinstance(node, ast.Import):
		for alias in node.names:
			yield Import(alias.name, (), node.lineno, **where)
		return
	if isinstance(node, ast.ImportFrom):
		base = node.module or ""
		if node.level:
			parts = module.split(".")
			parts = parts[: len(parts) - node.level + (1 if is_package else 0)]
			base = ".".join([*parts, *([node.module] if node.module else [])])
		yield Import(base, tuple(alias.name for alias in node.names), node.lineno, **where)
		return
	if isinstance(node, ast.Call) and _called(node) in ("import_module", "__import__"):
		first = node.args[0] if node.args else None
		if isinstance(first, ast.Constant) and isinstance(first.value, str):
			yield Import(first.value, (), node.lineno, **where)
	for name, value in ast.iter_fields(node):
		inside = dict(where)
		if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) and name == "body":
			inside["deferred"] = True
		if isinstance(node, ast.If) and name == "body" and "TYPE_CHECKING" in ast.unparse(node.test):
			inside["typing"] = True
		if isinstance(node, ast.Try) and name == "body" and any(map(_survives, node.handlers)):
			inside["guarded"] = True
		for child in value if isinstance(value, list) else [value]:
			if isinstance(child, ast.AST):
				yield from _walk(child, module, is_package, **inside)


def _called(node: ast.Call) -> str:
	return getattr(node.func, "attr", getattr(node.func, "id", ""))


def _survives(handler: ast.ExceptHandler) -> bool:
	caught = "" if handler.type is None else ast.unparse(handler.type)
	stopped = any(isinstance(step, ast.Raise) for step in handler.body)
	return not stopped and (
		not caught or any(name in caught for name in ("ImportError", "ModuleNotFound", "Exception"))
	)


def module_name(path: Path) -> str:
	parts = path.relative_to(ROOT).with_suffix("").parts
	return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def read(path: Path) -> list[Import]:
	return imports_of(path.read_text(encoding="utf-8"), module_name(path), path.name == "__init__.py")


def files(*packages: str) -> list[Path]:
	return sorted(path for package in packages for path in (APP / package).rglob("*.py"))


def targets(found: Import) -> list[str]:
	"""The modules an import can mean: `from a import b` may mean `a.b`."""
	return [found.module, *(f"{found.module}.{name}" for name in found.names)]


def strangers(found: Import, allowed: set[str]) -> list[str]:
	"""The third-party package that an import reaches and its package may not."""
	known = found.top in STDLIB or found.top == "msp_licensing" or found.top in allowed
	return [] if known else [found.top]


def told(path: Path, found: Import, words: str) -> str:
	return f"{path.relative_to(ROOT)}:{found.line}: {words}"


@pytest.mark.parametrize("package", sorted(THIRD_PARTY))
def test_packages_that_know_no_frappe_import_only_the_third_party_packages_they_may(package):
	paths = files(package)
	assert paths, "there is nothing to look at"
	problems = [
		told(path, found, f"{package} must not import {name}")
		for path in paths
		for found in read(path)
		for name in strangers(found, THIRD_PARTY[package])
	]
	assert not problems, "\n".join(problems)


def is_controller(module: str) -> bool:
	parts = module.split(".")
	return parts[:2] == ["msp_licensing", "doctype"] or parts[:3] == [
		"msp_licensing",
		"msp_licensing",
		"doctype",
	]


def test_nothing_imports_a_controller_by_path():
	problems = []
	for path in [*files("."), *sorted((ROOT / "benchmarks").rglob("*.py"))]:
		for found in read(path):
			if not found.typing and any(is_controller(name) for name in targets(found)):
				problems.append(told(path, found, f"{found.module} is reached through frappe.get_doc"))
	assert not problems, "\n".join(problems)


def dotted_strings(source: str) -> Iterator[tuple[int, str]]:
	for node in ast.walk(ast.parse(source)):
		if isinstance(node, ast.Constant) and isinstance(node.value, str):
			yield node.lineno, node.value


def test_no_dotted_path_leads_through_the_short_way_to_the_doctypes():
	# `msp_licensing.doctype` raises on import: hooks and jobs that name it would fail only when they run.
	problems = [
		f"{path.relative_to(ROOT)}:{line}: {text}"
		for path in files(".")
		if path.parent != APP / "doctype"
		for line, text in dotted_strings(path.read_text(encoding="utf-8"))
		if text.startswith("msp_licensing.doctype.") and " " not in text
	]
	assert not problems, "\n".join(problems)


def source_of(module: str) -> Path | None:
	base = ROOT.joinpath(*module.split("."))
	for path in (base.with_suffix(".py"), base / "__init__.py"):
		if path.is_file():
			return path
	return None


def loaded_by(path: Path, seen: set[str] | None = None) -> Iterator[tuple[str, tuple[str, ...]]]:
	"""Yield what importing a file loads from outside of the app, with the modules of the app that lead there."""
	seen = set() if seen is None else seen
	for found in read(path):
		if found.deferred or found.typing or found.guarded or found.top in STDLIB:
			continue
		if found.top != "msp_licensing":
			yield found.top, ()
			continue
		for name in targets(found):
			# Importing `a.b.c` runs `a` and `a.b` first.
			parts = name.split(".")
			for end in range(1, len(parts) + 1):
				module = ".".join(parts[:end])
				source = source_of(module)
				if source is not None and module not in seen:
					seen.add(module)
					for top, way in loaded_by(source, seen):
						yield top, (module, *way)


def controllers() -> list[Path]:
	return [path for path in files("doctype") if path.stem == path.parent.name]


def test_importing_a_controller_loads_no_third_party_package_however_far_away():
	problems = set()
	for path in controllers():
		for top, way in loaded_by(path):
			if top not in CONTROLLER_MAY_LOAD:
				problems.add(
					f"{path.relative_to(ROOT)} loads {top}" + (f" through {' → '.join(way)}" if way else "")
				)
	assert not problems, "\n".join(sorted(problems))


def test_the_preview_loads_no_frappe_through_the_portal():
	# It imports those modules of the portal that load Frappe within functions only.
	problems = {
		f"{path.relative_to(ROOT)} loads {top} through {' → '.join(way)}"
		for path in files("preview")
		for top, way in loaded_by(path)
		if top in ("frappe", "erpnext")
	}
	assert not problems, "\n".join(sorted(problems))


def test_modules_with_whitelisted_functions_keep_frappes_argument_checks():
	# With annotations as text, Frappe does not convert or check the arguments of a whitelisted function.
	problems = []
	for path in files("."):
		source = path.read_text(encoding="utf-8")
		tree = ast.parse(source)
		exposed = any(
			"whitelist" in ast.unparse(decorator)
			for node in ast.walk(tree)
			if isinstance(node, ast.FunctionDef)
			for decorator in node.decorator_list
		)
		if exposed and any(
			found.module == "__future__" and "annotations" in found.names for found in read(path)
		):
			problems.append(str(path.relative_to(ROOT)))
	assert not problems, "\n".join(problems)


# The reading itself

EXAMPLE = """
import httpx
from typing import TYPE_CHECKING
from . import sibling
from .. import pax8
from ..rules.policy import decide
import importlib
if TYPE_CHECKING:
	import erpnext
try:
	import erpnext.accounts
except ImportError:
	erpnext = None
try:
	import stripe
except ImportError:
	raise
def later():
	import frappe
	importlib.import_module("msp_licensing.sandbox.server")
class Body:
	import requests
"""


def test_the_reader_finds_imports_wherever_they_hide():
	found = {i.module: i for i in imports_of(EXAMPLE, "msp_licensing.sync.jobs")}
	assert found["httpx"] == Import("httpx", (), 2, False, False, False)
	assert found["msp_licensing.sync"].names == ("sibling",)
	assert found["msp_licensing"].names == ("pax8",)
	assert found["msp_licensing.rules.policy"].names == ("decide",)
	assert found["erpnext"].typing and found["erpnext.accounts"].guarded and not found["stripe"].guarded
	assert found["frappe"].deferred and found["msp_licensing.sandbox.server"].deferred
	assert not found["requests"].deferred
	inside = imports_of("from . import x\nfrom .. import y", "msp_licensing.sync", is_package=True)
	assert [i.module for i in inside] == ["msp_licensing.sync", "msp_licensing"]


@pytest.mark.parametrize(
	("line", "problem"),
	[
		("import frappe", ["frappe"]),
		("from frappe.utils import now", ["frappe"]),
		("import requests", ["requests"]),
		("from msp_licensing.rules import policy", []),
		("from .errors import Pax8Error", []),
		("import json, httpx", []),
		("from pydantic import BaseModel", []),
	],
)
def test_a_forbidden_import_is_seen(line, problem):
	read_back = imports_of(line, "msp_licensing.pax8.client")
	assert [name for found in read_back for name in strangers(found, THIRD_PARTY["pax8"])] == problem


@pytest.mark.parametrize(
	"line",
	[
		"import msp_licensing.doctype.pax8_company.pax8_company",
		"from msp_licensing.msp_licensing.doctype.pax8_company.pax8_company import Pax8Company",
		"from msp_licensing.msp_licensing import doctype",
		"from msp_licensing import doctype",
	],
)
def test_an_imported_controller_is_seen(line):
	assert any(is_controller(name) for found in imports_of(line, "x") for name in targets(found))


def test_what_is_loaded_far_away_is_seen():
	ways = [way for top, way in loaded_by(APP / "sync" / "jobs.py") if top == "httpx"]
	assert "msp_licensing.pax8.auth" in {way[-1] for way in ways}, "sync loads httpx through pax8"
	assert {top for top, _way in loaded_by(APP / "rules" / "words.py")} == set()
