"""Every text that people read can be extracted for translation. Held by reading the files; needs no Frappe.

Frappe's extractor finds literals in calls of `_`, `_lt` (Python, templates) and `__` (scripts), and nothing else.
"""

from __future__ import annotations

import ast
import io
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

extract = pytest.importorskip("babel.messages.extract")

ROOT = Path(__file__).resolve().parents[2]
APP = ROOT / "msp_licensing"
NOT_TRANSLATED = {"sandbox", "preview", "pax8", "patches"}
MODULES = sorted(path for path in APP.rglob("*.py") if path.relative_to(APP).parts[0] not in NOT_TRANSLATED)
SCRIPTS = sorted(path for path in APP.rglob("*.js") if path.relative_to(APP).parts[0] not in NOT_TRANSLATED)
PAGES = sorted(path for path in APP.rglob("*.html") if path.relative_to(APP).parts[0] not in NOT_TRANSLATED)

MARKERS = {"_", "_lt"}
# `translate` and `t` translate what a marker has marked; `str` what `_lt` has.
TRANSLATORS = {"_", "t", "translate"}

# Calls that translate something else than a literal, a table of this app or a word of a DocType (`doc.status`), which
# Frappe extracts from its JSON: by name of what is translated, why that has been extracted.
EXTRACTED_ELSEWHERE = {
	"message": "a sentence of rules.words",
	"sentence.msgid": "a sentence of rules.words",
	"why.msgid": "a sentence of rules.words",
	"words": "chosen between marked texts of the same module",
	"word": "chosen between marked texts of the same module",
	"term": "a term of Pax8 that has no text of its own",
	"state": "an option of a DocType",
	"status": "an option of a DocType",
	"value": "an option of a DocType",
	"kind": "an option of a DocType",
	"step[0]": "an option of a DocType",
	"step[1]": "an option of a DocType",
	"site_client_doctype()": "the name of a DocType",
	"connection.mode()": "an option of a DocType",
	"doc.meta.get_label(field)": "a label of a DocType",
	"meta.get_label(field) or field": "a label of a DocType",
	"field.label or field.fieldname": "a label of a DocType",
	"role": "the name of a role",
	"text": "each value of a table that the same call names",
}


@cache
def tree(path: Path) -> ast.Module:
	return ast.parse(path.read_text(encoding="utf-8"))


def name_of(call: ast.AST) -> str:
	if not isinstance(call, ast.Call):
		return ""
	return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def calls(path: Path, names: set[str]) -> Iterator[ast.Call]:
	for node in ast.walk(tree(path)):
		if name_of(node) in names and node.args:
			yield node


def found_by_the_extractor(path: Path) -> set[str]:
	"""What Frappe's extractor finds in a module: it hands these very keywords to babel."""
	rows = extract.extract_python(io.BytesIO(path.read_bytes()), ["_", "_lt"], (), {})
	return {texts[0] if isinstance(texts, tuple) else texts for _line, _name, texts, _comments in rows}


def tables(path: Path) -> dict[str, ast.expr]:
	"""The module's own names, and what they are made of."""
	found: dict[str, ast.expr] = {}
	for node in tree(path).body:
		if isinstance(node, ast.Assign) and len(node.targets) == 1:
			target, value = node.targets[0], node.value
			pairs = (
				zip(target.elts, value.elts, strict=True)
				if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple)
				else [(target, value)]
			)
			found |= {ast.unparse(one): made for one, made in pairs}
		elif isinstance(node, ast.AnnAssign) and node.value:
			found[ast.unparse(node.target)] = node.value
	return found


def table(path: Path, name: str) -> ast.expr | None:
	"""What a name of this module, or of the one it is imported from, is made of."""
	module, _dot, attribute = name.rpartition(".")
	for node in ast.walk(tree(path)):
		if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("msp_licensing"):
			continue
		for alias in node.names:
			shown = alias.asname or alias.name
			source = (
				node.module if shown == name else f"{node.module}.{alias.name}" if shown == module else None
			)
			if source:
				file = ROOT / (source.replace(".", "/") + ".py")
				return tables(file).get(attribute or alias.name) if file.exists() else None
	return tables(path).get(name)


def unmarked(made: ast.expr) -> list[str]:
	"""Texts in a table that no marker marks; the keys of a dict are codes."""
	if name_of(made) in MARKERS or name_of(made) == "maketrans":  # letters are no texts
		return []
	if isinstance(made, ast.Constant):
		return [made.value] if isinstance(made.value, str) and made.value else []
	if isinstance(made, ast.Dict):
		return [text for value in made.values for text in unmarked(value)]
	if isinstance(made, ast.Call) and not made.keywords:  # a marker by another name marks nothing
		return [text for value in made.args for text in unmarked(value)]
	if isinstance(made, ast.Tuple | ast.List):
		return [text for value in made.elts for text in unmarked(value)]
	return []


def problem_with(path: Path, text: ast.expr) -> str | None:
	"""What keeps the extractor from finding a text that is translated; None when nothing does."""
	if isinstance(text, ast.Constant):
		return None if isinstance(text.value, str) and text.value.strip() else "is no text"
	if isinstance(text, ast.JoinedStr):
		return "is an f-string"
	if name_of(text) in MARKERS:
		return None
	if isinstance(text, ast.IfExp):
		return problem_with(path, text.body) or problem_with(path, text.orelse)
	if ast.unparse(text) in EXTRACTED_ELSEWHERE:
		return None
	if name_of(text) == "plural":
		return problem_with(path, text.args[1]) or problem_with(path, text.args[2])
	if name_of(text) == "get" and len(text.args) > 1:
		return problem_with(path, text.func.value) or problem_with(path, text.args[1])
	if isinstance(text, ast.Subscript):
		return problem_with(path, text.value)
	if isinstance(text, ast.Name | ast.Attribute):
		made = table(path, ast.unparse(text))
		if made is not None:
			left = unmarked(made)
			return f"has texts that are not marked: {left[:3]}" if left else None
		# A column of a record: an option or a label of a DocType.
		return None if isinstance(text, ast.Attribute) else "is not known to be extracted"
	return "is made when it is shown"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(APP)))
def test_every_translated_text_is_found_by_the_extractor(path):
	found = found_by_the_extractor(path)
	problems = []
	for call in calls(path, TRANSLATORS | {"_lt"}):
		if name_of(call) == "t" and not isinstance(call.func, ast.Name):
			continue
		text = call.args[0]
		why = problem_with(path, text)
		if (
			not why
			and isinstance(text, ast.Constant)
			and name_of(call) in MARKERS
			and text.value not in found
		):
			why = "is not found by the extractor"
		if why:
			problems.append(f"line {call.lineno}: {ast.unparse(text)[:80]} {why}")
	assert not problems


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(APP)))
def test_no_module_marks_texts_by_a_name_that_the_extractor_does_not_know(path):
	# A function that gives back its only argument marks it; one by another name than `_` marks it for nobody.
	for node in ast.walk(tree(path)):
		if isinstance(node, ast.FunctionDef) and len(node.args.args) == 1 and node.args.args[0].arg != "self":
			if node.name in MARKERS:
				continue
			last = node.body[-1]
			gives_back = isinstance(last, ast.Return) and isinstance(last.value, ast.Name)
			plain = gives_back and last.value.id == node.args.args[0].arg
			assert not (plain and len(node.body) <= 2), f"{node.name} in line {node.lineno}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(APP)))
def test_tables_that_mark_some_texts_mark_all_that_read_like_one(path):
	"""A sentence among marked texts, in the same table, that is not marked itself was forgotten."""
	for name, made in tables(path).items():
		marked = any(name_of(node) in MARKERS for node in ast.walk(made))
		forgotten = [text for text in unmarked(made) if " " in text] if marked else []
		assert not forgotten, f"{name}: {forgotten}"


# `__(name)` in a script: words of DocTypes, of the server's answers or of tables of the same script.
SCRIPT_CALL = re.compile(r"(?<![\w.])__\(\s*(`|[^\s\"'`)])([^\n]*)")


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: str(path.relative_to(APP)))
def test_scripts_translate_literals_and_words_that_are_extracted(path):
	text = path.read_text(encoding="utf-8")
	for found in SCRIPT_CALL.finditer(text):
		assert found.group(1) != "`", f"a template string is translated: {found.group(0)}"
	assert not re.search(r"(?<![\w.])__\(\s*([\"'])(?:(?!\1).)*\1\s*\+", text), (
		"a text is put together in __()"
	)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(APP)))
def test_templates_translate_literals(path):
	for found in re.finditer(r"(?<!\w)_\(\s*([^\s])", path.read_text(encoding="utf-8")):
		assert found.group(1) in "\"'", f"{path}: {found.group(0)}"


@pytest.mark.parametrize(
	("source", "seen"),
	[
		("x = {'a': _text('One')}\n_(x['a'])", True),
		("x = {'a': _lt('One'), 'b': 'Two'}\n_(x.get(k, k))", True),
		("_(f'{a} licenses')", True),
		("_('a' + b)", True),
		("_('{0} licenses'.format(1))", True),
		("_(unheard_of)", True),
		("x = {'a': _lt('One')}\n_(x['a'])", False),
		("_('One' if a else 'Two')", False),
		("_(doc.status)", False),
	],
)
def test_what_would_not_be_extracted_is_seen(tmp_path, source, seen):
	path = tmp_path / "module.py"
	path.write_text(source, encoding="utf-8")
	problems = [problem_with(path, call.args[0]) for call in calls(path, {"_"})]
	assert any(problems) is seen


NOTICES = sorted((APP / "templates" / "emails" / "notices").glob("*.html"))


@pytest.mark.parametrize("notice", NOTICES, ids=lambda path: path.stem)
def test_the_subject_of_a_notice_fits_into_an_email_template(notice: Path):
	subject = notice.read_text(encoding="utf-8").split("\n", 1)[0]
	# A longer one cannot be stored, and then the app cannot be installed.
	assert subject.startswith("Subject: ") and len(subject.removeprefix("Subject: ")) <= 140
