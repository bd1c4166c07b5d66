"""Pax8's published OpenAPI files, as a judge of requests and responses.

openapi-core judges paths, parameters, bodies, formats, readOnly and writeOnly. Seen to here: the names of Pax8's own
format and sign-in, what openapi-core does not look for (query parameters and fields that nothing declares, a body
where none is listed, the shape of a refusal that is not listed), and the places where Pax8's files contradict
themselves (TOLERATED).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from jsonschema import ValidationError
from openapi_core.casting.schemas.exceptions import CastError
from openapi_core.templating.media_types.exceptions import MediaTypeNotFound
from openapi_core.templating.responses.exceptions import ResponseNotFound
from openapi_core.testing import MockRequest, MockResponse
from openapi_core.validation.request.exceptions import MissingRequiredParameter
from openapi_core.validation.schemas.exceptions import InvalidSchemaValue
from openapi_document import Document

SPECS_VARIABLE = "MSP_LICENSING_PAX8_SPECS"
FILES = (
	"pax8-openapi-authentication.json",
	"pax8-openapi-partner-endpoints.json",
	"pax8-openapi-webhooks-api.json",
)

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
		"a readOnly field in a request: OpenAPI only says that it should not be sent, and the files' updates take "
		"whole records",
		lambda f: f.rule == "readOnly",
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

	def __init__(self, document: Document, method: str, path: str, node: Mapping[str, Any]) -> None:
		self.document, self.method, self.path = document, method, path
		self.id: str | None = node.get("operationId")
		self._node = node

	@property
	def name(self) -> str:
		"""Method and path."""
		return f"{self.method} {self.path}"

	@property
	def parameters(self) -> dict[str, dict[str, Any]]:
		"""The schemas of the query parameters by name."""
		return {p["name"]: p["schema"] for p in self._node.get("parameters", ()) if p["in"] == "query"}

	@property
	def can_be_called_wrongly(self) -> bool:
		"""Whether the file leaves anything to get wrong: more than ids in the path of which it says no format."""
		given = self._node.get("parameters", ())
		return "requestBody" in self._node or any(
			p["in"] == "query" or "format" in p["schema"] for p in given
		)

	@property
	def statuses(self) -> set[int]:
		"""The statuses that the file lists."""
		return {int(status) for status in self._node["responses"]}

	def judge_request(self, request: httpx.Request) -> Verdict:
		"""Whether the spec allows this call, which was sent to the sandbox."""
		verdict = Verdict()
		for name, text in request.url.params.multi_items():
			if name not in self.parameters:
				verdict.add(Finding(name, "undeclared", text, "no such parameter"))
		try:
			for error in self.document.api.iter_request_errors(self._request(request)):
				for finding in self._findings(error):
					verdict.add(finding)
		except UnicodeDecodeError as e:
			# The one thing that openapi-core lets through as it is.
			verdict.add(Finding("body", "encoding", request.content, str(e)))
		return verdict

	def judge_response(self, response: httpx.Response) -> Verdict:
		"""Whether the spec allows this answer of the sandbox."""
		verdict = Verdict()
		answer = MockResponse(
			response.content,
			response.status_code,
			dict(response.headers),
			response.headers.get("content-type", ""),
		)
		listed = self._node["responses"].get(str(response.status_code), {})
		if response.status_code in self.statuses and not listed.get("content"):
			if response.content:
				verdict.add(Finding("response", "body", response.text, "no body is listed"))
			return verdict
		for error in self.document.api.iter_response_errors(self._request(response.request), answer):
			for finding in self._findings(error):
				verdict.add(finding)
		if not listed:
			self._judge_envelope(response, verdict)
		elif schema := listed["content"].get("application/json", {}).get("schema"):
			self._judge_fields(schema, _json(response), "body", verdict)
		return verdict

	def judge_schema(self, name: str, value: Any) -> Verdict:
		"""Whether a value is what a schema of this operation's file declares: for what is no answer."""
		verdict = Verdict()
		for finding in _of_schema(self.document.errors_by_name(name, value), name):
			verdict.add(finding)
		self._judge_fields({"$ref": f"#/components/schemas/{name}"}, value, name, verdict)
		return verdict

	def _judge_fields(self, schema: Mapping[str, Any], value: Any, name: str, verdict: Verdict) -> None:
		for key, item, place in self.document.undeclared(schema, value, name):
			verdict.add(Finding(key, "undeclared", item, f"no schema declares it in {place}"))

	def _judge_envelope(self, response: httpx.Response, verdict: Verdict) -> None:
		"""An unlisted refusal must still come in the envelope, where the file declares one."""
		if response.headers.get("content-type", "").partition(";")[0] != "application/json":
			verdict.add(Finding("response", "content type", response.headers.get("content-type"), "not JSON"))
		elif "Error" in self.document.schemas:
			envelope = self.judge_schema("Error", _json(response))
			verdict.findings += envelope.findings
			verdict.tolerated += envelope.tolerated

	def _request(self, request: httpx.Request) -> MockRequest:
		"""The request as it would have been sent to Pax8."""
		base = urlsplit(self.document.base)
		return MockRequest(
			f"{base.scheme}://{base.netloc}",
			request.method,
			request.url.raw_path.decode().partition("?")[0],
			args=request.url.params.multi_items(),
			headers=dict(request.headers),
			data=request.content,
			content_type=request.headers.get("content-type", ""),
		)

	def _findings(self, error: Exception) -> Iterator[Finding]:
		"""What openapi-core says in one go, one by one."""
		cause = error.__cause__
		name = getattr(error, "name", "body")
		if isinstance(cause, InvalidSchemaValue):
			yield from _of_schema(cause.schema_errors, name)
		elif isinstance(cause, CastError):
			yield Finding(name, "type", cause.value, str(cause))
		elif isinstance(cause, MediaTypeNotFound):
			yield Finding(name, "content type", cause.mimetype, str(cause))
		elif isinstance(error, ResponseNotFound):
			status = int(error.http_status)
			yield Finding(self.name, "status", status, f"{status} is not listed for {self.id}")
		elif isinstance(error, MissingRequiredParameter):
			yield Finding(name, "required parameter", None, str(error))
		else:
			yield Finding(name, type(cause or error).__name__, None, str(error))


class Spec:
	"""All operations of the files in a folder."""

	def __init__(self, folder: Path) -> None:
		self.documents = {
			name: Document(json.loads((folder / name).read_text(encoding="utf-8"))) for name in FILES
		}
		self.operations = {
			(method.upper(), path): Operation(document, method.upper(), path, node)
			for document in self.documents.values()
			for path, methods in document.content["paths"].items()
			for method, node in methods.items()
		}

	def examples(self) -> dict[str, Any]:
		"""The values of the files' own examples."""
		return {
			name: example["value"]
			for document in self.documents.values()
			for name, example in document.content["components"].get("examples", {}).items()
		}


def _json(response: httpx.Response) -> Any:
	"""The body, or None where it is not JSON, of which openapi-core tells."""
	try:
		return response.json()
	except ValueError:
		return None


def _of_schema(errors: Iterable[ValidationError], default: str) -> Iterator[Finding]:
	for error in errors:
		# The 3.0 validator has this of a null besides telling that it is of another type.
		if error.message == "None for not nullable":
			continue
		names = [part for part in error.absolute_path if isinstance(part, str)]
		rule = f"format {error.validator_value}" if error.validator == "format" else str(error.validator)
		yield Finding(names[-1] if names else default, rule, error.instance, error.message)
