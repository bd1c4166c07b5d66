"""Pax8's published OpenAPI files, as a judge of requests and responses.

OpenAPI 3.0 schemas are JSON Schema (draft 4) but for three things seen to here: `readOnly` and `writeOnly`,
fields that no schema declares, and the places where Pax8's files contradict themselves (TOLERATED). The webhooks
file is OpenAPI 3.1, yet has nothing in it that draft 4 reads otherwise.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

from jsonschema import Draft4Validator, FormatChecker, ValidationError

SPECS_VARIABLE = "MSP_LICENSING_PAX8_SPECS"
FILES = (
	"pax8-openapi-authentication.json",
	"pax8-openapi-partner-endpoints.json",
	"pax8-openapi-webhooks-api.json",
)

_RFC3339 = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})")
DATE_ONLY = re.compile(r"\d{4}-\d{2}-\d{2}")
OFFSET_WITHOUT_COLON = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}[+-]\d{4}")


@dataclass(frozen=True)
class Finding:
	"""One departure from the spec: where, what, and the value concerned. `name` is the field's or parameter's."""

	name: str
	rule: str
	value: Any
	message: str


@dataclass(frozen=True)
class Tolerance:
	"""A departure that is accepted, because the spec contradicts itself there."""

	reason: str
	accepts: Callable[[Finding], bool]


# Everything in which the sandbox is allowed to depart from the letter of the files. Nothing else is.
TOLERATED: tuple[Tolerance, ...] = (
	Tolerance(
		"date-times as a bare date: so the file's own examples of createdDate and endDate",
		lambda f: f.rule == "format date-time" and DATE_ONLY.fullmatch(f.value) is not None,
	),
	Tolerance(
		"date-times with milliseconds and an offset without a colon: so the file's own examples of updatedDate",
		lambda f: f.rule == "format date-time" and OFFSET_WITHOUT_COLON.fullmatch(f.value) is not None,
	),
	Tolerance(
		"endQuantityRange null: the field's own description says that null means no end",
		lambda f: (f.name, f.rule, f.value) == ("endQuantityRange", "type", None),
	),
	Tolerance(
		"commitmentTerm null: live clients report null without a commitment; the file declares nothing nullable",
		lambda f: (f.name, f.rule, f.value) == ("commitmentTerm", "type", None),
	),
	Tolerance(
		"parentSubscriptionId null: as above, where there is no parent",
		lambda f: (f.name, f.rule, f.value) == ("parentSubscriptionId", "type", None),
	),
	Tolerance(
		"a rate null: as above, where a price is not known; it must not be taken for 0",
		lambda f: (
			f.name in ("partnerBuyRate", "suggestedRetailPrice") and (f.rule, f.value) == ("type", None)
		),
	),
	Tolerance(
		"sort=field,direction: the parameter's description asks for it, its enum lists the bare fields only",
		lambda f: (
			f.name == "sort"
			and f.rule == "enum"
			and re.fullmatch(r"[a-zA-Z]+,(asc|desc)", f.value) is not None
			and f.value.partition(",")[0] in f.message
		),
	),
	Tolerance(
		"subscriptionId of a usage summary: in the file's own example, not in its schema",
		lambda f: (f.name, f.rule) == ("subscriptionId", "undeclared"),
	),
	Tolerance(
		"404 for an unknown usage summary: the file lists no refusal for reading one",
		lambda f: (f.rule, f.value) == ("status", 404) and f.message.endswith("findSubscriptionUsageSummary"),
	),
	Tolerance(
		"status of an invoice: in the file's own examples and filters, not in its schema",
		lambda f: (f.name, f.rule) == ("status", "undeclared"),
	),
	Tolerance(
		"subscriptionId null: the field's own description says so for products without a subscription",
		lambda f: (f.name, f.rule, f.value) == ("subscriptionId", "type", None),
	),
	Tolerance(
		"rateType in one word: so the file's own examples, while the enum has whole sentences",
		lambda f: (
			(f.name, f.rule) == ("rateType", "enum")
			and f.value in ("markup", "single", "flat", "volume", "tiered")
		),
	),
	Tolerance(
		"404 for an unknown invoice: the file lists no refusal for reading one",
		lambda f: (f.name, f.rule, f.value) == ("GET /invoices/{invoiceId}", "status", 404),
	),
	Tolerance(
		"possibleValues null: the field's own description says that it is null for an Input",
		lambda f: (f.name, f.rule, f.value) == ("possibleValues", "type", None),
	),
	Tolerance(
		"a line item without companyId: the schema requires what it does not declare; the file's samples have none",
		lambda f: (f.name, f.rule) == ("lineItems", "required") and f.message.startswith("'companyId'"),
	),
	Tolerance(
		"message null where provisioning answers are missing: so a client has recorded Pax8's own answer",
		lambda f: (f.name, f.rule, f.value) == ("message", "type", None),
	),
	Tolerance(
		"404 for an unknown company on PATCH: the file lists it for reading the same company only",
		lambda f: (f.name, f.rule, f.value) == ("PATCH /companies/{companyId}", "status", 404),
	),
	Tolerance(
		"422 for a cancellation that the rules forbid: the file lists it for changing the same subscription only",
		lambda f: (f.name, f.rule, f.value) == ("DELETE /subscriptions/{subscriptionId}", "status", 422),
	),
	Tolerance(
		"400 for what cannot be read (page, size, sort, a flag, a body): the file gives limits but no status for them",
		lambda f: (f.rule, f.value) == ("status", 400),
	),
	Tolerance(
		"401 without a valid token: the file asks for one on every call but lists no status for its absence",
		lambda f: (f.rule, f.value) == ("status", 401),
	),
	Tolerance(
		"429 above the limit of calls: described in Pax8's guides only",
		lambda f: (f.rule, f.value) == ("status", 429),
	),
	Tolerance(
		"404 for an id in the path of a webhook call: the file lists it only for reading or deleting the same thing",
		lambda f: (f.rule, f.value) == ("status", 404) and " /webhooks/{" in f.name,
	),
	Tolerance(
		"the logs' `query` not given: a required object in a query string, where each filter has its own parameter",
		lambda f: (f.name, f.rule) == ("query", "required parameter"),
	),
)


@dataclass
class Verdict:
	"""What is wrong, after the tolerated departures are taken out; those are kept apart."""

	findings: list[Finding] = field(default_factory=list)
	tolerated: list[tuple[Tolerance, Finding]] = field(default_factory=list)

	def add(self, finding: Finding) -> None:
		"""File a finding under wrong or tolerated."""
		for tolerance in TOLERATED:
			if tolerance.accepts(finding):
				self.tolerated.append((tolerance, finding))
				return
		self.findings.append(finding)

	def __str__(self) -> str:
		return "\n".join(f"{f.name}: {f.message} ({f.rule})" for f in self.findings)


def spec_folder() -> Path | None:
	"""Where the files are: the environment variable's folder, else ../shared/pax8 beside the checkout, else None."""
	named = os.environ.get(SPECS_VARIABLE)
	folder = Path(named) if named else Path(__file__).parents[3] / "shared" / "pax8"
	return folder if all((folder / name).is_file() for name in FILES) else None


class Operation:
	"""One operation of the spec."""

	def __init__(self, document: Mapping[str, Any], method: str, path: str, node: Mapping[str, Any]) -> None:
		self.method, self.path = method, path
		self.id: str | None = node.get("operationId")
		self._document, self._node = document, node

	@property
	def parameters(self) -> dict[str, dict[str, Any]]:
		"""The schemas of the query parameters by name."""
		return {p["name"]: p["schema"] for p in self._node.get("parameters", ()) if p["in"] == "query"}

	@property
	def statuses(self) -> set[int]:
		"""The statuses that the file lists."""
		return {int(status) for status in self._node["responses"]}

	def judge_request(self, query: Mapping[str, str], body: Any = None) -> Verdict:
		"""Whether the spec allows this call."""
		verdict = Verdict()
		for name, text in query.items():
			schema = self.parameters.get(name)
			if schema is None:
				verdict.add(Finding(name, "undeclared", text, "no such parameter"))
				continue
			for error in _validator(json.dumps(schema)).iter_errors(_typed(text, schema)):
				verdict.add(_finding(error, name))
		for parameter in self._node.get("parameters", ()):
			if parameter["in"] == "query" and parameter.get("required") and parameter["name"] not in query:
				verdict.add(Finding(parameter["name"], "required parameter", None, "it must be given"))
		content = self._node.get("requestBody", {}).get("content")
		if content:
			schema = content["application/json"]["schema"]
			for error in self._validator(schema).iter_errors(body):
				verdict.add(_finding(error, "body"))
		return verdict

	def judge_response(self, status: int, content_type: str, body: Any) -> Verdict:
		"""Whether the spec allows this answer."""
		verdict = Verdict()
		listed = self._node["responses"].get(str(status))
		if listed is None:
			name = f"{self.method} {self.path}"
			verdict.add(Finding(name, "status", status, f"{status} is not listed for {self.id}"))
			# An unlisted refusal must still come in the envelope.
			schema: dict[str, Any] | None = {"$ref": "#/components/schemas/Error"}
			if "Error" not in self._document["components"]["schemas"]:
				schema = None
		elif not listed.get("content"):
			if body is not None:
				verdict.add(Finding("response", "body", body, "no body is listed"))
			return verdict
		else:
			schema = listed["content"].get("application/json", {}).get("schema")
		if content_type.partition(";")[0] != "application/json":
			verdict.add(Finding("response", "content type", content_type, "not JSON"))
		if schema is not None:
			for error in self._validator(schema).iter_errors(body):
				if not _is_for_requests(error):
					verdict.add(_finding(error, "body"))
			for finding in self._beyond(schema, body, "body"):
				verdict.add(finding)
		return verdict

	def judge_schema(self, name: str, value: Any) -> Verdict:
		"""Whether a value is what a schema of this operation's file declares: for what is no answer."""
		verdict = Verdict()
		schema = {"$ref": f"#/components/schemas/{name}"}
		for error in self._validator(schema).iter_errors(value):
			verdict.add(_finding(error, name))
		for finding in self._beyond(schema, value, name):
			verdict.add(finding)
		return verdict

	def _validator(self, schema: Mapping[str, Any]) -> Draft4Validator:
		# Beside a $ref other keywords are ignored, hence the allOf.
		return _validator(
			json.dumps(
				{"allOf": [schema], "components": {"schemas": self._document["components"]["schemas"]}}
			)
		)

	def _beyond(self, schema: Mapping[str, Any], value: Any, name: str) -> Iterator[Finding]:
		"""Fields that no schema declares, and those that only requests may carry."""
		if isinstance(value, list):
			for item in value:
				yield from self._beyond(self._resolved(schema).get("items", {}), item, name)
		if not isinstance(value, dict):
			return
		declared = self._properties(schema)
		for key, item in value.items():
			if key not in declared and self._is_open(schema):
				continue
			if key not in declared:
				yield Finding(key, "undeclared", item, f"no schema declares it in {name}")
			elif declared[key].get("writeOnly"):
				yield Finding(key, "writeOnly", item, "requests only")
			else:
				yield from self._beyond(declared[key], item, key)

	def _is_open(self, schema: Mapping[str, Any]) -> bool:
		"""Whether the schema says that an object may hold more than it declares."""
		schema = self._resolved(schema)
		return "additionalProperties" in schema or any(
			self._is_open(part) for part in schema.get("allOf", ())
		)

	def _resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
		reference = schema.get("$ref")
		return self._document["components"]["schemas"][reference.rsplit("/", 1)[1]] if reference else schema

	def _properties(self, schema: Mapping[str, Any]) -> dict[str, Any]:
		schema = self._resolved(schema)
		properties = dict(schema.get("properties", {}))
		for part in schema.get("allOf", ()):
			properties.update(self._properties(part))
		return properties


class Spec:
	"""All operations of the files in a folder."""

	def __init__(self, folder: Path) -> None:
		self.documents = [json.loads((folder / name).read_text(encoding="utf-8")) for name in FILES]
		self.operations = {
			(method.upper(), path): Operation(document, method.upper(), path, node)
			for document in self.documents
			for path, methods in document["paths"].items()
			for method, node in methods.items()
		}

	def examples(self) -> dict[str, Any]:
		"""The values of the files' own examples."""
		return {
			name: example["value"]
			for document in self.documents
			for name, example in document["components"].get("examples", {}).items()
		}


_FORMATS = FormatChecker(formats=())


@_FORMATS.checks("date-time")
def _is_moment(value: object) -> bool:
	return not isinstance(value, str) or _RFC3339.fullmatch(value) is not None


@_FORMATS.checks("yyyy-MM-dd")
@_FORMATS.checks("date")
def _is_date(value: object) -> bool:
	return not isinstance(value, str) or DATE_ONLY.fullmatch(value) is not None


@_FORMATS.checks("email")
def _is_email(value: object) -> bool:
	return not isinstance(value, str) or re.fullmatch(r"[^@\s]+@[^@\s]+", value) is not None


@_FORMATS.checks("uuid", raises=ValueError)
def _is_uuid(value: object) -> bool:
	return not isinstance(value, str) or str(UUID(value)) == value.lower()


@cache
def _validator(schema: str) -> Draft4Validator:
	return Draft4Validator(json.loads(schema), format_checker=_FORMATS)


def _typed(text: str, schema: Mapping[str, Any]) -> Any:
	"""A parameter's text as its schema's type, or the text itself where it is not of that type."""
	if schema.get("type") == "boolean":
		return {"true": True, "false": False}.get(text, text)
	if schema.get("type") in ("number", "integer"):
		try:
			return float(text) if schema["type"] == "number" else int(text)
		except ValueError:
			return text
	return text


def _is_for_requests(error: ValidationError) -> bool:
	"""Whether what an answer lacks is a writeOnly field, which OpenAPI has required of requests alone."""
	if error.validator != "required":
		return False
	name = error.message.split("'")[1]
	return bool(error.schema.get("properties", {}).get(name, {}).get("writeOnly"))


def _finding(error: ValidationError, default: str) -> Finding:
	names = [part for part in error.absolute_path if isinstance(part, str)]
	rule = f"format {error.validator_value}" if error.validator == "format" else str(error.validator)
	return Finding(names[-1] if names else default, rule, error.instance, error.message)
