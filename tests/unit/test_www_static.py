"""Pages, hooks and whitelisted functions, held to their rules by reading the files. Needs no Frappe."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

jinja2 = pytest.importorskip("jinja2")
from jinja2 import nodes  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
APP = ROOT / "msp_licensing"
TEMPLATES = sorted(
	file
	for folder in ("www", "templates/portal", "templates/desk", "preview")
	for file in APP.glob(f"{folder}/**/*.html")
)

# Values that are markup on purpose: files of the app, and fragments rendered from templates that are read here too.
MARKUP = {
	"preview/templates/frame.html": {"style", "script", "frame_style", "frame_script", "decision"},
	"preview/templates/problem.html": {"frame_style"},
}
ESCAPING = {"e", "escape", "tojson"}


# --------------------------------------------------------------------------------------------- templates


def unescaped(source: str, markup: set[str]) -> list[str]:
	"""The outputs of a template that could carry markup: everything but literals, escaped values and own macros."""
	tree = jinja2.Environment().parse(source)
	macros = {macro.name for macro in tree.find_all(nodes.Macro)}
	found = []
	for output in tree.find_all(nodes.Output):
		for value in output.nodes:
			if not _is_safe(value, macros, markup):
				found.append(f"line {value.lineno}: {type(value).__name__} {getattr(value, 'name', '')}")
	return found


def _is_safe(value: nodes.Node, macros: set[str], markup: set[str]) -> bool:
	if isinstance(value, nodes.TemplateData | nodes.Const):
		return True
	if isinstance(value, nodes.Filter):
		return value.name in ESCAPING
	if isinstance(value, nodes.CondExpr):
		return _is_safe(value.expr1, macros, markup) and (
			value.expr2 is None or _is_safe(value.expr2, macros, markup)
		)
	if isinstance(value, nodes.Call) and isinstance(value.node, nodes.Name):
		return value.node.name in macros
	return isinstance(value, nodes.Name) and value.name in markup


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(APP)))
def test_every_value_in_a_template_is_escaped(path):
	# Frappe's templates do not escape by themselves, and names from Pax8 are written by others.
	assert not unescaped(path.read_text(encoding="utf-8"), MARKUP.get(str(path.relative_to(APP)), set()))


def test_there_are_templates_to_read():
	names = {path.name for path in TEMPLATES}
	assert {"index.html", "overview.html", "frame.html"} <= names


@pytest.mark.parametrize(
	"source",
	[
		"{{ name }}",
		"{{ name | upper }}",
		"{{ a or b | e }}",
		"{{ a if b else c | e }}",
		"{{ name | e | safe }}",
		"<a title='{{ _('x') }}'>",
		"{{ unknown(name) }}",
		"{% macro m(x) %}{{ x }}{% endmacro %}",
	],
)
def test_an_unescaped_value_is_seen(source):
	assert unescaped(source, set())


@pytest.mark.parametrize(
	"source",
	[
		"plain",
		"{{ name | e }}",
		"{{ (a or b) | e }}",
		"{{ 'x' if a else '' }}",
		"{{ rows | tojson }}",
		"{% macro m(x) %}{{ x | e }}{% endmacro %}{{ m(name) }}",
		"{{ _('Text') | e }}",
	],
)
def test_an_escaped_value_is_accepted(source):
	assert not unescaped(source, set())


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(APP)))
def test_templates_have_no_inline_handlers_and_no_style_block_of_their_own(path):
	text = path.read_text(encoding="utf-8")
	assert not re.search(r"\son[a-z]+\s*=", text)
	if "www" in path.parts:
		# Frappe puts index.css and index.js into the page only where the template has no such blocks.
		assert not re.search(r"block (style|script)\b", text)


def test_pages_do_not_run_into_frappes_own_markers():
	# Frappe replaces these anywhere in a finished page, scripts and styles included.
	for path in [*APP.glob("www/**/*.*"), *APP.glob("templates/portal/*")]:
		if path.suffix in (".html", ".js", ".css"):
			text = path.read_text(encoding="utf-8")
			assert "{index}" not in text and "{next}" not in text, path
			if path.suffix == ".js":
				assert "</script" not in text


@pytest.mark.parametrize("path", sorted(APP.glob("www/**/*.js")) + sorted(APP.glob("preview/**/*.js")))
def test_scripts_put_values_in_as_text(path):
	allowed = {"overview.innerHTML = answer.html;", "box.innerHTML = event.detail.staff;"}
	for line in path.read_text(encoding="utf-8").splitlines():
		if re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\.html\(", line):
			assert line.strip() in allowed, line


# --------------------------------------------------------------------------------------------- pages


def pages() -> list[Path]:
	return [path for path in sorted(APP.glob("www/**/*.py")) if path.name != "__init__.py"]


@pytest.mark.parametrize("path", pages(), ids=lambda path: str(path.relative_to(APP)))
def test_pages_are_not_cached_need_a_user_and_make_a_token(path):
	tree = ast.parse(path.read_text(encoding="utf-8"))
	assigned = {
		target.id: statement.value
		for statement in tree.body
		if isinstance(statement, ast.Assign)
		for target in statement.targets
		if isinstance(target, ast.Name)
	}
	no_cache = assigned.get("no_cache")
	assert isinstance(no_cache, ast.Constant) and no_cache.value == 1, "the page cache knows no users"
	code = ast.unparse(tree)
	assert "'Guest'" in code and "frappe.Redirect" in code
	assert code.index("get_csrf_token()") < code.index("frappe.db.commit()")


def test_there_is_a_page():
	assert APP / "www" / "licensing" / "index.py" in pages()


# --------------------------------------------------------------------------------------------- whitelisted functions

# Calls that change something, by the name of what is called.
CHANGES = {
	"save",
	"insert",
	"set_value",
	"set_single_value",
	"db_set",
	"delete",
	"delete_doc",
	"enqueue",
	"submit",
	"withdraw",
	"approve",
	"reject",
	"decline",
	"many",
	"commit",
	"move",
}


@cache
def tree_of(path: Path) -> ast.Module:
	return ast.parse(path.read_text(encoding="utf-8"))


def whitelisted() -> Iterator[tuple[Path, ast.FunctionDef, list[str] | None]]:
	"""Every whitelisted function with the HTTP methods it names, None where it names none."""
	for path in sorted(APP.rglob("*.py")):
		for node in ast.walk(tree_of(path)):
			if not isinstance(node, ast.FunctionDef):
				continue
			for decorator in node.decorator_list:
				call = decorator if isinstance(decorator, ast.Call) else None
				if ast.unparse(call.func if call else decorator) != "frappe.whitelist":
					continue
				methods = next((k.value for k in call.keywords if k.arg == "methods"), None) if call else None
				yield path, node, ast.literal_eval(methods) if methods else None


def changes_something(function: ast.FunctionDef) -> set[str]:
	called = {
		node.func.attr
		for node in ast.walk(function)
		if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
	}
	return called & CHANGES


def test_functions_that_change_something_take_posts_only():
	# A GET is checked for no token: a link in a mail would do it in the name of whoever clicks.
	problems = [
		f"{path.relative_to(ROOT)}: {function.name} calls {', '.join(sorted(changes_something(function)))}"
		for path, function, methods in whitelisted()
		if changes_something(function) and methods != ["POST"]
	]
	assert not problems, "\n".join(problems)


def test_the_portals_mutations_are_known_to_the_test_above():
	found = {
		function.name: methods for path, function, methods in whitelisted() if path.parent.name == "portal"
	}
	for name in ("request_change", "withdraw", "check", "approve", "decline"):
		assert found[name] == ["POST"], name


def test_whitelisted_functions_live_where_their_access_is_tested():
	# test_desk_access.py and test_portal_api.py have every function of the first two; the others have tests by name.
	elsewhere = {
		f"{path.relative_to(APP)}: {function.name}"
		for path, function, _methods in whitelisted()
		if path.parent != APP / "desk" and path != APP / "portal" / "api.py"
	}
	assert elsewhere == {
		"doors/replaced.py: get_chart",
		"doors/replaced.py: get_count",
		"doors/replaced.py: get_goals",
		"doors/replaced.py: get_group_by_count",
		"doors/replaced.py: get_link_title",
		"doors/replaced.py: get_workflow_state_count",
		"overrides/connections.py: get_open_count",
		"overrides/exports.py: download_template",
		"overrides/exports.py: export_data",
		"overrides/exports.py: export_list",
		"overrides/exports.py: export_report",
		"overrides/search.py: search_everywhere",
		"overrides/search.py: search_link",
		"overrides/search.py: search_widget",
		"webhooks/endpoint.py: receive",
	}


def test_no_whitelisted_function_is_open_to_guests_but_the_one_that_pax8_calls():
	opened = [path for path in sorted(APP.rglob("*.py")) if "allow_guest" in path.read_text(encoding="utf-8")]
	assert opened == [APP / "webhooks" / "endpoint.py"], (
		"it asks for a secret of its own before anything else"
	)
	assert opened[0].read_text(encoding="utf-8").count("allow_guest") == 1


def test_arguments_of_whitelisted_functions_have_types_that_frappe_can_check():
	problems = []
	for path, function, _methods in whitelisted():
		if any(
			isinstance(node, ast.ImportFrom) and node.module == "__future__" for node in tree_of(path).body
		):
			problems.append(f"{path.relative_to(ROOT)}: annotations as text switch the checks off")
		for argument in [*function.args.args, *function.args.kwonlyargs]:
			if argument.annotation is None and argument.arg not in ("self", "doc"):
				problems.append(f"{path.relative_to(ROOT)}: {function.name}({argument.arg})")
	assert not problems, "\n".join(problems)


# --------------------------------------------------------------------------------------------- dotted paths


def resolves(dotted: str) -> bool:
	"""Whether `msp_licensing.a.b.c` is a function or class of a module of the app."""
	module, _, name = dotted.rpartition(".")
	path = ROOT.joinpath(*module.split("."))
	for file in (path.with_suffix(".py"), path / "__init__.py"):
		if file.is_file():
			return any(
				isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name
				for node in tree_of(file).body
			)
	return False


def dotted_paths(text: str) -> set[str]:
	return set(re.findall(r"""["'`](msp_licensing(?:\.\w+){2,})["'`]""", text))


def test_every_path_in_hooks_exists():
	# Frappe looks them up when they are needed, a nightly job in the night.
	paths = dotted_paths((APP / "hooks.py").read_text(encoding="utf-8"))
	assert len(paths) > 10
	assert not [path for path in sorted(paths) if not resolves(path)]


def test_every_path_in_enqueued_jobs_exists():
	enqueued = {}
	for path in sorted(APP.rglob("*.py")):
		for node in ast.walk(tree_of(path)):
			if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("enqueue"):
				values = [
					*node.args,
					*(keyword.value for keyword in node.keywords if keyword.arg == "method"),
				]
				for value in values:
					if isinstance(value, ast.Constant) and str(value.value).startswith("msp_licensing."):
						enqueued[value.value] = path
	assert enqueued
	missing = [
		f"{path.relative_to(ROOT)}: {dotted}" for dotted, path in enqueued.items() if not resolves(dotted)
	]
	assert not missing


def test_every_patch_exists():
	for line in (APP / "patches.txt").read_text(encoding="utf-8").splitlines():
		entry = line.split("#")[0].strip()
		if not entry or entry.startswith("["):
			continue
		assert not entry.startswith("execute:"), "a patch is a module, so that it can be tested"
		module = ROOT.joinpath(*entry.split(".")).with_suffix(".py")
		assert module.is_file(), entry
		assert any(isinstance(n, ast.FunctionDef) and n.name == "execute" for n in tree_of(module).body), (
			entry
		)


def scripts() -> list[Path]:
	return [
		path
		for path in sorted(APP.rglob("*.js"))
		if "node_modules" not in path.parts and "dist" not in path.parts
	]


def methods_called(text: str) -> set[str]:
	"""Dotted paths in a script, written out or behind a constant: `${API}.name` with `const API = "msp_licensing.desk"`."""
	prefixes = dict(re.findall(r'\bconst (\w+) = "(msp_licensing[\w.]*)";', text))
	behind = {
		f"{prefixes[name]}.{rest}"
		for name, rest in re.findall(r"`\$\{(\w+)\}\.([\w.]+)`", text)
		if name in prefixes
	}
	return (dotted_paths(text) - set(prefixes.values())) | behind


def test_every_method_called_by_a_script_exists_and_is_whitelisted():
	exposed = {
		".".join([*path.relative_to(ROOT).with_suffix("").parts, function.name]).replace(".__init__.", ".")
		for path, function, _methods in whitelisted()
	}
	called = {}
	for path in [*scripts(), *APP.rglob("*.html")]:
		for dotted in methods_called(path.read_text(encoding="utf-8")):
			called.setdefault(dotted, path)
	assert len(called) > 10
	problems = [
		f"{path.relative_to(ROOT)}: {dotted}" for dotted, path in called.items() if dotted not in exposed
	]
	assert not problems, "\n".join(problems)


def test_a_method_behind_a_constant_is_found():
	text = (
		'const API = "msp_licensing.desk"; frappe.xcall(`${API}.rules.all`); frappe.call("msp_licensing.a.b")'
	)
	assert methods_called(text) == {"msp_licensing.desk.rules.all", "msp_licensing.a.b"}


def test_every_method_the_portals_script_calls_exists():
	script = (APP / "www" / "licensing" / "index.js").read_text(encoding="utf-8")
	called = set(re.findall(r'\bcall\("(\w+)"', script))
	exposed = {function.name for path, function, _m in whitelisted() if path == APP / "portal" / "api.py"}
	# Files are downloaded by links.
	assert called == exposed - {"usage_csv"}
	base = 'api": "/api/method/msp_licensing.portal.api."'
	assert base in (APP / "portal" / "page.py").read_text(encoding="utf-8")


def test_every_text_the_portals_script_uses_is_sent_with_the_page():
	from msp_licensing.portal import page

	script = (APP / "www" / "licensing" / "index.js").read_text(encoding="utf-8")
	assert set(re.findall(r"\btexts\.(\w+)", script)) <= set(page._TEXTS)
