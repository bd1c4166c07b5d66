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

# What these take is the name of one of the site's currencies, or refused (`currencies.normalize`).
CURRENCIES = {"currency", "limit_currency"}


@pytest.mark.parametrize("path", DOCTYPES, ids=lambda path: path.stem)
def test_every_text_is_stored_as_it_was_typed_and_none_is_markup(path):
	fields = json.loads(path.read_text(encoding="utf-8"))["fields"]
	texts = {field["fieldname"] for field in fields if field["fieldtype"] in TEXTS}
	kept = {field["fieldname"] for field in fields if field.get("ignore_xss_filter")}
	assert texts <= kept, "Frappe's sanitizer makes markup of them"
	assert {field["fieldname"] for field in fields if field["fieldtype"] in MARKUP} <= CURRENCIES
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


# What `frappe.throw` and `frappe.msgprint` may be given besides literals, escaped texts and constants, and why.
IN_MESSAGES = {
	"why": "HTML of access.roles, or a literal",
	"message": "the portal shows it as text",
	"sentence": "a literal of the doors",
	"words": "a literal of access.follow",
	"reason": "words of sync.connection, of literals alone",
	"problem": "words of sync.connection, of literals alone",
	"roles.in_the_way(doc.user)": "HTML",
	"values": "of sentences about limits, which name none",
	"typed": "escaped before",
	"waiting": "a number",
	"url": "typed at the command line",
	"kind": "typed at the command line",
	"', '.join(CLIENT_DOCTYPES)": "a constant",
	"get_link_to_form(self.doctype, other)": "a link to a name that was made at random",
	"_time_in_words(wait)": "a number of minutes",
	"_words(what, limits[used_up - 1], together=used_up == 2, wait=wait)": "numbers",
}


def is_harmless(part: ast.expr) -> bool:
	"""Escaped, a literal, a translated word, a constant, or known."""
	if isinstance(part, ast.Constant) or ast.unparse(part) in IN_MESSAGES:
		return True
	if isinstance(part, ast.JoinedStr):
		return all(is_harmless(piece.value) for piece in part.values if isinstance(piece, ast.FormattedValue))
	if isinstance(part, ast.Name):
		return part.id.isupper()
	if not isinstance(part, ast.Call):
		return False
	called = ast.unparse(part.func)
	if called in ("escape_html", "as_html"):
		return True
	if called == "_":
		return is_label(part.args[0]) or not any(
			isinstance(node, ast.Call) for node in ast.walk(part.args[0])
		)
	if called == "frappe.bold":
		return is_harmless(part.args[0])
	if called == "plural":
		return all(map(is_harmless, part.args))
	if isinstance(part.func, ast.Attribute) and part.func.attr == "format":
		values = [*part.args, *(keyword.value for keyword in part.keywords)]
		return is_harmless(part.func.value) and all(map(is_harmless, values))
	return False


def is_label(part: ast.expr) -> bool:
	"""Words of a DocType."""
	return ast.unparse(part) in ("doc.meta.get_label(field)", "site_client_doctype()")


def messages_of(path: Path) -> list[tuple[int, ast.expr]]:
	calls = (
		node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)
	)
	return [
		(call.lineno, call.args[0])
		for call in calls
		if ast.unparse(call.func) in ("frappe.throw", "frappe.msgprint")
	]


def test_what_is_put_into_a_message_of_the_desk_is_escaped():
	modules = [
		path for path in APP.rglob("*.py") if path.relative_to(APP).parts[0] not in ("sandbox", "preview")
	]
	found = {path: messages_of(path) for path in modules}
	assert sum(map(len, found.values())) > 80
	bare = [
		f"{path.relative_to(APP)}:{line}: {ast.unparse(message)}"
		for path, messages in found.items()
		for line, message in messages
		if not is_harmless(message)
	]
	assert not bare, "Frappe shows it as HTML: frappe.utils.escape_html"


def test_a_refusal_is_never_silent():
	for path in APP.rglob("*.py"):
		for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
			if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
				raised = ast.unparse(node.exc.func).rsplit(".", 1)[-1]
				assert raised not in ("ChangeRefused", "AskedAlready"), (
					f"{path}: changes.requests.refuse says it, too"
				)


@pytest.mark.parametrize("path", DOCTYPES, ids=lambda path: path.stem)
def test_no_field_has_a_name_that_erpnexts_form_scripts_fill_or_hide(path):
	fields = json.loads(path.read_text(encoding="utf-8"))["fields"]
	assert "company" not in {field["fieldname"] for field in fields}
