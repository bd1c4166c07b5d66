"""Every function that can be called, and arguments for it, guessed by the names of its parameters."""

import importlib
import inspect
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from excluded import is_excluded

DOCTYPES = frozenset(
	(
		*(
			"doctype",
			"dt",
			"reference_doctype",
			"reference_dt",
			"doctype_name",
			"ref_doctype",
			"document_type",
		),
		*(
			"share_doctype",
			"parent_doctype",
			"_doctype",
			"goal_doctype",
			"for_doctype",
			"link_doctype",
			"target_doctype",
		),
	)
)
NAMES = frozenset(
	(
		*(
			"name",
			"docname",
			"dn",
			"reference_name",
			"reference_docname",
			"doc_name",
			"document",
			"value",
			"source_name",
		),
		*(
			"reference_doc",
			"party",
			"customer",
			"client",
			"link_name",
			"old",
			"old_name",
			"docnames",
			"names",
			"docs",
		),
	)
)
TYPED = {
	"filters": "{}",
	"current_filters": "[]",
	"fields": '["*"]',
	"stats": '["owner"]',
	"states": "[]",
	"txt": "",
	"text": "BRA",
	"query": None,
	"searchfield": "name",
	"start": 0,
	"limit_start": 0,
	"page_len": 50,
	"page_length": 50,
	"limit": 50,
	"fieldname": "name",
	"field": "product_name",
	"workflow_state_field": "subject",
	"goal_field": "partner_cost",
	"date_field": "creation",
	"aggregation": "sum",
	"add": "Yes",
	"like": "1",
	"tag": "swept",
	"content": "swept",
	"comment": "swept",
	"reply": "swept",
	"title": "swept",
	"subject": "swept",
	"merge": 1,
	"recipients": "swept@example.com",
	"send_email": 0,
	"route": "",
	"assign_to": '["Guest"]',
	"ptype": "read",
	"as_dict": 1,
	"expand_links": 1,
}


def functions(frappe: Any) -> dict[str, Callable[..., Any]]:
	"""All whitelisted functions of all installed apps, by path: methods of documents are left to `run_doc_method`."""
	for app in frappe.get_installed_apps():
		root = Path(importlib.import_module(app).__file__).parent
		for file in sorted(root.rglob("*.py")):
			parts = file.relative_to(root).with_suffix("").parts
			if "tests" in parts or file.name.startswith("test_"):
				continue
			if "whitelist(" in file.read_text(encoding="utf-8", errors="replace"):
				try:
					importlib.import_module(".".join((app, *parts)).removesuffix(".__init__"))
				except Exception:  # an integration whose package is missing: no server could load it either
					continue
	found = {}
	for function in frappe.whitelisted:
		path = f"{function.__module__}.{function.__qualname__}"
		if "." not in function.__qualname__ and not is_excluded(path):
			found[path] = function
	return dict(sorted(found.items()))


def takes_a_doctype(function: Callable[..., Any]) -> bool:
	names = set(inspect.signature(function).parameters)
	return bool(names & DOCTYPES) or any(name.startswith(("doc", "chart", "args")) for name in names)


def arguments(
	function: Callable[..., Any], doctype: str, name: str, user: str, field: str | None = None
) -> dict[str, Any]:
	"""Plausible arguments about one record."""
	chart = {
		"chart_type": "Sum",
		"type": "Heatmap",
		"document_type": doctype,
		"value_based_on": "partner_cost",
		"aggregate_function_based_on": "partner_cost",
		"based_on": "creation",
		"heatmap_year": "2026",
		"timespan": "Last Year",
		"time_interval": "Daily",
		"filters_json": "[]",
		"function": "Sum",
		"name": "swept",
	}
	# Functions without parameters of their own read the request.
	found: dict[str, Any] = {"doctype": doctype, "name": name, "fields": '["*"]', "filters": "[]"}
	parameters = inspect.signature(function).parameters.values()
	if any(True for _ in parameters):
		found = {}
	for parameter in parameters:
		if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
			found.setdefault("doctype", doctype)
			continue
		value = _guess(parameter.name, doctype, name, user, chart)
		if value is None and parameter.default is inspect.Parameter.empty:
			value = name
		if value is not None:
			found[parameter.name] = value
	if field and "workflow_state_field" in found:
		found["workflow_state_field"] = field
	return found


def _guess(parameter: str, doctype: str, name: str, user: str, chart: dict[str, Any]) -> Any:
	if parameter in DOCTYPES:
		return doctype
	if parameter in ("names", "docs", "docnames"):
		return json.dumps([name])
	if parameter in NAMES:
		return name
	if parameter in ("chart", "doc"):
		return json.dumps({**chart, "doctype": doctype, "name": name})
	if parameter == "args":
		return json.dumps({"doctype": doctype, "name": name, "docname": name, "description": "swept"})
	if "user" in parameter or "email" in parameter:
		return user
	return TYPED.get(parameter)


def addresses(doctype: str, name: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
	"""Verb, address and arguments of the routes to documents."""
	yield from (
		("GET", f"/api/resource/{doctype}", {"fields": '["*"]', "limit_page_length": 100}),
		("GET", f"/api/resource/{doctype}/{name}", {"expand_links": 1}),
		("GET", f"/api/v2/document/{doctype}", {"fields": '["*"]'}),
		("GET", f"/api/v2/document/{doctype}/{name}", {}),
		("GET", f"/api/v2/doctype/{doctype}/count", {}),
		("PUT", f"/api/resource/{doctype}/{name}", {"note": "swept", "description": "swept"}),
		("POST", f"/api/resource/{doctype}", {"note": "swept", "description": "swept"}),
		("DELETE", f"/api/resource/{doctype}/{name}", {}),
	)
