"""The running sandbox under calls that schemathesis makes up from Pax8's OpenAPI files, right ones and wrong ones.

Every other call names things that exist, and its body is one that is served with one field made up: else nearly all
would end at a 404.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from openapi_calls import Call
from pax8_openapi import Operation, Spec, Verdict
from test_sandbox_against_openapi import ROUTES, SERVED

from msp_licensing.sandbox import Sandbox, paging
from msp_licensing.sandbox import storybook as story
from msp_licensing.sandbox.web import Route

# Not by `import`: on Python 3.10 it cannot be installed beside Frappe 15, which keeps an older tomli.
schemathesis = pytest.importorskip(
	"schemathesis",
	reason="schemathesis is not installed (see dev/requirements-test.txt): take Python 3.11 or newer.",
)
FailureGroup = pytest.importorskip("schemathesis.core.failures").FailureGroup
not_a_server_error = schemathesis.checks.not_a_server_error
Case, CheckContext = schemathesis.Case, schemathesis.CheckContext
GenerationMode, Response = schemathesis.GenerationMode, schemathesis.Response

BOUNDED = settings(
	max_examples=12,
	deadline=None,
	derandomize=True,
	database=None,
	suppress_health_check=list(HealthCheck),
)


Generators = dict[tuple[str, str], schemathesis.APIOperation]


@pytest.fixture(scope="module")
def small() -> Iterator[Sandbox]:
	"""A sandbox that is put back quickly, before each call."""
	with Sandbox(seed=7, companies=3, products=30, subscriptions=30, rate_limit=0) as sandbox:
		yield sandbox


@pytest.fixture(scope="module")
def generators(spec: Spec) -> Generators:
	"""What makes up calls, for each operation."""
	schemas = [schemathesis.openapi.from_dict(document.content) for document in spec.documents.values()]
	operations = [found.ok() for schema in schemas for found in schema.get_all_operations()]
	return {(operation.method.upper(), operation.path): operation for operation in operations}


def _made_real(case: Case, served: Call, sandbox: Sandbox, name: str | None) -> None:
	"""Let the call name things that exist, and carry a body that is served, with one field as it was made up."""
	ids = iter((*served.ids, *(served.given(sandbox) if served.given else ())))
	case.path_parameters = {key: next(ids, value) for key, value in case.path_parameters.items()}
	if isinstance(case.body, dict) and isinstance(served.body, dict):
		case.body = {**served.body, **({name: case.body[name]} if name in case.body else {})}


def _as_httpx(response: Response) -> httpx.Response:
	"""What schemathesis sent and got, as the judge takes it."""
	sent = response.request
	headers = {name: value for name, value in sent.headers.items() if isinstance(value, str)}
	return httpx.Response(
		response.status_code,
		headers={name: values[0] for name, values in response.headers.items()},
		content=response.content,
		request=httpx.Request(sent.method, sent.url, headers=headers, content=sent.body),
	)


def _answered_all_the_same(operation: Operation, verdict: Verdict, response: httpx.Response) -> bool:
	"""Whether a wrong call may have been answered: only what is passed over is wrong with it, or nothing was found.

	Passed over are parameters that are unknown or empty, all but one of those given twice (of which the spec says
	nothing), and readOnly fields of a body. An unknown value of a filter finds nothing.
	"""
	given = Counter(name for name, _ in response.request.url.params.multi_items())
	read_only = {finding.name for _, finding in verdict.tolerated if finding.rule == "readOnly"}
	wrong = [
		finding
		for finding in verdict.findings
		if finding.rule not in ("undeclared", "EmptyQueryParameterValue")
		and given[finding.name] < 2
		and finding.name not in read_only
	]
	filters = all(f.name in operation.parameters and f.rule in ("enum", "format uuid") for f in wrong)
	return not wrong or (filters and response.json()["content"] == [])


def _try(
	operation: Operation,
	generator: schemathesis.APIOperation,
	mode: GenerationMode,
	sandbox: Sandbox,
	before: Callable[[Sandbox], None] = Sandbox.reset,
) -> list[int]:
	"""Make calls and judge their answers; returns the statuses. `before` prepares the sandbox for each call."""
	served = [call for call in SERVED if (call.method, call.path) == (operation.method, operation.path)]
	base = sandbox.webhooks_url if operation.path.startswith("/webhooks") else sandbox.url
	seen: list[int] = []

	def conforms(context: CheckContext, response: Response, case: Case) -> None:
		answer = _as_httpx(response)
		verdict = operation.judge_response(answer)
		assert not verdict.findings, str(verdict)
		request = operation.judge_request(answer.request)
		if request.findings and answer.is_success:
			assert _answered_all_the_same(operation, request, answer), f"answered, though\n{request}"

	@BOUNDED
	@given(case=generator.as_strategy(mode), data=st.data())
	def call(case: Case, data: st.DataObject) -> None:
		before(sandbox)
		if data.draw(st.sampled_from((True, True, False)), label="real"):
			fields = sorted(case.body) if isinstance(case.body, dict) else ()
			name = data.draw(st.sampled_from((None, *fields)), label="made up")
			_made_real(case, data.draw(st.sampled_from(served), label="served"), sandbox, name)
		response = case.call_and_validate(
			base, headers=sandbox.authorization(), checks=[not_a_server_error, conforms]
		)
		seen.append(response.status_code)

	call()
	return seen


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=lambda m: m.value)
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.operation)
def test_made_up_calls_are_answered_or_refused_as_the_file_says(
	spec: Spec, small: Sandbox, generators: Generators, route: Route, mode: GenerationMode
) -> None:
	key = route.method, route.path
	operation = spec.operations[key]
	if mode is GenerationMode.NEGATIVE and not operation.can_be_called_wrongly:
		with pytest.raises(Unsatisfiable):
			_try(operation, generators[key], mode, small)
	else:
		assert len(_try(operation, generators[key], mode, small)) >= 5


def _with_an_undeclared_field(sandbox: Sandbox) -> None:
	sandbox.reset()
	sandbox.change("subscriptions", story.CEDAR_KEEPER, wire={"seats": 10})


def _words(failure: FailureGroup) -> str:
	return "\n".join(f"{each}" for each in failure.exceptions)


def test_made_up_calls_find_a_record_that_does_not_conform(
	spec: Spec, small: Sandbox, generators: Generators
) -> None:
	key = "GET", "/subscriptions"
	with pytest.raises(FailureGroup) as failure:
		_try(spec.operations[key], generators[key], GenerationMode.POSITIVE, small, _with_an_undeclared_field)
	assert "no schema declares it" in _words(failure.value)


@pytest.mark.parametrize(
	("size_and_page", "words"),
	[
		(lambda query, name, default: 1 // 0, "Server error"),
		(lambda query, name, default: default, "answered, though"),
	],
	ids=["a handler that fails", "a handler that takes every size"],
)
def test_made_up_calls_find_a_defect(
	spec: Spec,
	small: Sandbox,
	generators: Generators,
	monkeypatch: pytest.MonkeyPatch,
	size_and_page: Callable[..., int],
	words: str,
) -> None:
	monkeypatch.setattr(paging, "_whole", size_and_page)
	key = "GET", "/subscriptions"
	with pytest.raises(FailureGroup) as failure:
		_try(spec.operations[key], generators[key], GenerationMode.NEGATIVE, small)
	assert words in _words(failure.value)
