"""Every text that people read is found by both of Frappe's extractors: that of CSV files, and that of POT files."""

import ast
import io
import re
from pathlib import Path

import frappe
import pytest
from frappe.gettext.extractors import javascript
from frappe.translate import get_messages_for_app

import msp_licensing

APP = Path(msp_licensing.__file__).parent
# What a person reads only where there is no site, and what only another program reads.
NOT_TRANSLATED = {"sandbox", "preview", "pax8", "patches"}
SCRIPT_TEXT = re.compile(r"""(?<![\w.])__\(\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')""")
PAGE_TEXT = re.compile(r"""(?<!\w)_\(\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')""")


def files(suffix):
	for path in sorted(APP.rglob(f"*{suffix}")):
		if path.relative_to(APP).parts[0] not in NOT_TRANSLATED:
			yield path


def python_texts(path):
	for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
		if not isinstance(node, ast.Call) or getattr(node.func, "id", "") not in ("_", "_lt"):
			continue
		if isinstance(node.args[0], ast.Constant):
			yield node.args[0].value


def texts_of(pattern, path):
	for found in pattern.finditer(path.read_text(encoding="utf-8")):
		text = found.group(1) or found.group(2)
		yield text.replace('\\"', '"').replace("\\'", "'")


@pytest.fixture
def extracted(site):
	frappe.flags.pop("scanned_files", None)  # Frappe reads a file once in its life
	found = {message[1] for message in get_messages_for_app("msp_licensing")}
	frappe.flags.pop("scanned_files", None)
	return found


def test_texts_of_modules_scripts_and_templates_are_extracted(extracted):
	wanted = {text for path in files(".py") for text in python_texts(path)}
	wanted |= {text for path in files(".js") for text in texts_of(SCRIPT_TEXT, path)}
	wanted |= {text for path in files(".html") for text in texts_of(PAGE_TEXT, path)}
	assert len(wanted) > 600
	# Frappe leaves out what has no letter in it.
	assert not {text for text in wanted - extracted if re.search(r"[^\W\d_]", re.sub(r"{\w*}", "", text))}


def test_texts_of_scripts_are_found_by_the_extractor_of_pot_files(site):
	missing = []
	for path in files(".js"):
		code = path.read_text(encoding="utf-8")
		rows = javascript.extract(io.BytesIO(code.encode()), ("__",), (), {})
		found = {texts[-1] if isinstance(texts, tuple) else texts for _line, _name, texts, _comments in rows}
		missing += [(path.name, text) for text in texts_of(SCRIPT_TEXT, path) if text not in found]
	assert not missing


def test_the_texts_of_the_decision_and_of_the_steps_at_pax8_are_translated(extracted, monkeypatch):
	# Those that were marked by a name which no extractor knows.
	from msp_licensing.changes.audit import events
	from msp_licensing.desk import applying, requests

	shown = [*requests.VERDICTS.values(), *applying.STEPS.values()]
	shown += [words for kind in events.EVENTS.values() for words in (kind.staff, kind.client) if words]
	shown += [text for pair in requests.CHECKS.values() for text in pair if text]
	shown += [words for words, _color in applying.OUTCOMES.values()]
	assert {str(text) for text in shown if "{" not in str(text)} <= extracted
	monkeypatch.setattr(frappe.translate, "get_all_translations", lambda lang: {"Passes": "Erfüllt"})
	trace = '[{"rule": "vanished", "verdict": "Passes", "numbers": {}}]'
	assert requests.steps_in_words(trace, None)[0]["verdict"] == "Erfüllt"
