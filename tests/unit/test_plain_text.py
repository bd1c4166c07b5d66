"""Texts of the app's records are plain text: held by reading the DocTypes. Needs no Frappe."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

APP = Path(__file__).resolve().parents[2] / "msp_licensing"
DOCTYPES = sorted(APP.glob("doctype/*/*.json"))
TEXTS = {"Data", "Small Text", "Text", "Long Text"}
# Fieldtypes whose values Frappe shows as they are, wherever it shows them.
MARKUP = {"Text Editor", "HTML Editor", "Markdown Editor", "Read Only", "Autocomplete", "Comment"}


@pytest.mark.parametrize("path", DOCTYPES, ids=lambda path: path.stem)
def test_every_text_is_stored_as_it_was_typed_and_none_is_markup(path):
	fields = json.loads(path.read_text(encoding="utf-8"))["fields"]
	texts = {field["fieldname"] for field in fields if field["fieldtype"] in TEXTS}
	kept = {field["fieldname"] for field in fields if field.get("ignore_xss_filter")}
	assert texts <= kept, "Frappe's sanitizer makes markup of them"
	assert not {field["fieldname"] for field in fields if field["fieldtype"] in MARKUP}
	assert not {field["fieldname"] for field in fields if field.get("translatable")}, "somebody's own words"


@pytest.mark.parametrize("path", DOCTYPES, ids=lambda path: path.stem)
def test_every_controller_prints_plain_text(path):
	tree = ast.parse(path.with_suffix(".py").read_text(encoding="utf-8"))
	bases = [ast.unparse(base) for node in tree.body if isinstance(node, ast.ClassDef) for base in node.bases]
	assert bases == ["PlainTextDocument"]


def test_the_desk_learns_it_for_every_doctype_that_has_screens_of_its_own():
	hooks = ast.parse((APP / "hooks.py").read_text(encoding="utf-8"))
	made = {
		ast.unparse(node.targets[0]): ast.unparse(node.value)
		for node in hooks.body
		if isinstance(node, ast.Assign)
	}
	assert "public/js/plain_text.js" in made["doctype_list_js"] and "_OWN_DOCTYPES" in made["doctype_list_js"]
	own = set(ast.literal_eval(made["_OWN_DOCTYPES"]))
	for path in DOCTYPES:
		doctype = json.loads(path.read_text(encoding="utf-8"))
		if not doctype.get("istable"):
			assert doctype["name"] in own or doctype.get("issingle"), doctype["name"]
