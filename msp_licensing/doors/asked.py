"""What a request asks for: which functions of the server, with which arguments, and which of the app's DocTypes it names."""

import functools
import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn

import frappe
from werkzeug.exceptions import HTTPException

MODULE = "MSP Licensing"
# Arguments that name another function for the called one to call.
FUNCTION_ARGUMENTS = ("method", "query", "tree_method", "cmd")
# Arguments that people type, or that are documents to be saved: Frappe asks for the right to save, and the checks of
# `references.py` and `files.py` look at what is saved.
WORDS = frozenset(
	(
		"subject",
		"title",
		"description",
		"content",
		"comment",
		"message",
		"reply",
		"note",
		"text",
		"txt",
		"route",
	)
)
DOCUMENTS = frozenset(("doc", "docs", "document", "data", "args"))
LONGEST = 1_000_000


def functions() -> list[str]:
	"""The functions that the request calls, by the module that defines them and their names; none for a page.

	A function can be reached through every module that imports it, so the path in the request says little.
	"""
	form = frappe.local.form_dict
	request = frappe.local.request
	named = []
	if form.get("cmd"):
		named.append(form.cmd)
	elif request.path.startswith("/api/"):
		named.append(_of_route())
	return [_resolve(one) for one in [*named, *_passed_on(form)] if one] if named else []


def _of_route() -> str:
	"""Frappe's routes: a path to call, or a function of Frappe for a document."""
	from frappe.api import API_URL_MAP

	try:
		endpoint, arguments = API_URL_MAP.bind_to_environ(frappe.local.request.environ).match()
	except HTTPException:  # no such route, or a redirect to one
		return "unknown"
	if endpoint.__name__ == "handle_rpc_call":
		method = str(arguments["method"]).split("/")[0]
		if doctype := arguments.get("doctype"):
			return _of_controller(str(doctype), method)
		return method
	if endpoint.__name__ == "<lambda>":
		return "run_doc_method"
	return f"{endpoint.__module__}.{endpoint.__name__}"


def _of_controller(doctype: str, method: str) -> str:
	from frappe.modules.utils import load_doctype_module

	try:
		return f"{load_doctype_module(doctype).__name__}.{method}"
	except Exception:  # whatever is wrong with it, Frappe says so
		return "unknown"


def _passed_on(form: dict[str, Any]) -> Iterator[str]:
	for key in FUNCTION_ARGUMENTS:
		value = form.get(key)
		if key != "cmd" and isinstance(value, str) and re.fullmatch(r"\w+(\.\w+)+", value):
			yield value


def _resolve(path: str) -> str:
	"""`module.function` of what a path leads to; the path itself if it leads nowhere."""
	if "." not in path:
		path = f"frappe.handler.{path}"
	try:
		found = frappe.get_attr(path)
	except Exception:
		return path
	if getattr(found, "__name__", None) is None or getattr(found, "__module__", None) is None:
		return path
	return _hidden_names().get(id(found)) or f"{found.__module__}.{found.__qualname__}"


@functools.cache
def _hidden_names() -> dict[int, str]:
	"""Functions of the table whose `__module__` and `__qualname__` do not lead to them, by identity.

	A decorator without `functools.wraps`, such as Frappe's `write_only`, gives them its own names.
	"""
	from msp_licensing.doors import table

	names = {}
	for path in (*table.CHECKED, *table.REPLACED):
		found = _attribute(path)
		if found is not None and _attribute(f"{found.__module__}.{found.__qualname__}") is not found:
			names[id(found)] = path
	return names


def _attribute(path: str) -> Any:
	"""What a path leads to; None where this version of Frappe has nothing there."""
	try:
		return frappe.get_attr(path)
	except Exception:
		return None


def called_path() -> str:
	"""The path by which a function is called, as the request has it."""
	form, path = frappe.local.form_dict, frappe.local.request.path
	return str(form.get("cmd") or path.rsplit("/method/", 1)[-1].strip("/"))


def route() -> dict[str, str]:
	"""The record of a document's address: doctype and name."""
	from frappe.api import API_URL_MAP

	if not frappe.local.request.path.startswith("/api/"):
		return {}
	try:
		_endpoint, arguments = API_URL_MAP.bind_to_environ(frappe.local.request.environ).match()
	except HTTPException:
		return {}
	return {key: str(value) for key, value in arguments.items() if key in ("doctype", "name")}


def arguments() -> dict[str, Any]:
	"""All arguments of the request: of its address and of its body."""
	return {**frappe.local.form_dict, **route()}


# --------------------------------------------------------------------------------------------- DocTypes


def own_doctypes() -> tuple[str, ...]:
	"""The app's DocTypes, with their child tables and settings."""
	key = "msp_licensing:doctypes"
	if (found := frappe.cache.get_value(key)) is None:
		found = frappe.get_all("DocType", filters={"module": MODULE}, pluck="name", order_by="name")
		frappe.cache.set_value(key, found)
	return tuple(found)


def named_doctypes(values: dict[str, Any], *, in_documents: bool = False) -> set[str]:
	"""The app's DocTypes that the arguments name: by themselves, in JSON, or as a table of a query.

	Args:
		in_documents: also those that a document to be saved refers to.
	"""
	own = {name.casefold(): name for name in own_doctypes()}
	found = set()
	for text in _texts(values, in_documents):
		plain = text.strip().casefold()
		if plain in own:
			found.add(own[plain])
		elif len(text) > LONGEST:  # too long to be taken apart
			found.update(name for key, name in own.items() if key in plain)
		elif "tab" in plain:
			found.update(name for key, name in own.items() if f"tab{key}" in plain)
	return found


def _texts(values: Any, in_documents: bool) -> Iterator[str]:
	if isinstance(values, dict):
		for key, value in values.items():
			if key in WORDS:
				continue
			if key in DOCUMENTS and not in_documents:
				value = _doctypes_of(value)
			yield str(key)
			yield from _texts(value, in_documents)
	elif isinstance(values, list | tuple):
		for value in values:
			yield from _texts(value, in_documents)
	elif isinstance(values, str):
		yield values
		if values.lstrip()[:1] in ("[", "{") and not isinstance(inner := parsed(values), str):
			yield from _texts(inner, in_documents)


def _doctypes_of(value: Any) -> list[str]:
	"""What a document, or each of several, says its own DocType is; a list of names stays what it is."""
	value = parsed(value)
	documents = value if isinstance(value, list) else [value]
	kinds = [str(one.get("doctype") or "") for one in documents if isinstance(one, dict)]
	return [*kinds, *(one for one in documents if isinstance(one, str) and len(one) < 141)]


def parsed(value: Any) -> Any:
	"""JSON as what it says; anything else as it is."""
	if not isinstance(value, str) or len(value) > LONGEST:
		return value
	try:
		return json.loads(value)
	except ValueError:
		return value


def text_of(values: dict[str, Any], *, in_documents: bool = False) -> str:
	"""All arguments as one text."""
	return " ".join(_texts(values, in_documents))


def refuse(sentence: str) -> NoReturn:
	"""Ends the request with 403 and one sentence. Raises frappe.PermissionError."""
	frappe.local.flags.disable_traceback = True
	frappe.throw(sentence, frappe.PermissionError)
